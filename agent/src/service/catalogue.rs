//! The catalogue as an answer: the stored number columns of every table, and what is computed from them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::derived::{self, SeriesSpec};
use crate::metric::{Kind, METRICS, Metric, Source};
use crate::table::{Field, Table};

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CatalogueReply {
    /// Every stored number column that can be asked for as a series, table by table, in column order.
    pub metrics: Vec<Entry>,
    /// Every series that is computed from such columns.
    pub derived: Vec<DerivedEntry>,
}

/// One metric.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Metric")]
pub struct Entry {
    name: &'static str,
    table: &'static str,
    kind: &'static str,
    unit: &'static str,
    /// How often it is read; of cgroups only.
    class: Option<&'static str>,
    since: &'static str,
    /// Where it is in a cgroup.
    sources: Sources,
    /// Where it is in other tables: a kernel file and key, or what it is computed from.
    source: Option<&'static str>,
    alias: Option<String>,
    prometheus: Option<PrometheusEntry>,
    help: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Sources {
    v2: Option<SourceEntry>,
    v1: Option<SourceEntry>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SourceEntry {
    tree: &'static str,
    file: &'static str,
    key: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PrometheusEntry {
    name: &'static str,
    labels: BTreeMap<&'static str, &'static str>,
}

/// A series that is computed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DerivedEntry {
    name: &'static str,
    table: &'static str,
    unit: &'static str,
    /// How, in words and names of the table's columns.
    formula: String,
    help: &'static str,
}

/// Every series that the agent knows, whether or not this machine has it.
#[must_use]
pub fn reply() -> CatalogueReply {
    let stored = |spec: &'static SeriesSpec| spec.stored.and_then(|kind| entry(spec, kind));
    let computed = derived::all().iter().filter(|spec| spec.stored.is_none());
    CatalogueReply {
        metrics: derived::all().iter().filter_map(stored).collect(),
        derived: computed.map(derived_entry).collect(),
    }
}

/// None of a series without a column, which a stored one always has.
fn entry(spec: &'static SeriesSpec, kind: Kind) -> Option<Entry> {
    let &column = spec.formula.columns().first()?;
    let entry = Entry {
        name: &spec.name,
        table: spec.table.name(),
        kind: kind.as_str(),
        unit: spec.unit,
        class: None,
        since: "",
        sources: Sources { v2: None, v1: None },
        source: None,
        alias: spec.alias.clone(),
        prometheus: None,
        help: &spec.help,
    };
    Some(match spec.table.fields() {
        None => of_a_cgroup(entry, METRICS.get(column)?, spec.table),
        Some(fields) => {
            let &Field { source, since, .. } = fields.get(column)?;
            Entry { source: Some(source), since, ..entry }
        }
    })
}

/// `/metrics` shows containers only.
fn of_a_cgroup(entry: Entry, metric: &'static Metric, table: Table) -> Entry {
    let known = metric.prometheus.filter(|_| table == Table::Containers);
    Entry {
        class: Some(metric.class().as_str()),
        since: metric.since,
        sources: Sources { v2: metric.v2.map(source), v1: metric.v1.map(source) },
        prometheus: known
            .map(|known| PrometheusEntry { name: known.name, labels: known.labels.iter().copied().collect() }),
        ..entry
    }
}

fn derived_entry(spec: &'static SeriesSpec) -> DerivedEntry {
    DerivedEntry {
        name: &spec.name,
        table: spec.table.name(),
        unit: spec.unit,
        formula: spec.formula_in_words(),
        help: &spec.help,
    }
}

fn source(source: Source) -> SourceEntry {
    SourceEntry { tree: source.tree.as_str(), file: source.file, key: source.key }
}
