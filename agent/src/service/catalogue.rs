//! The catalogue as an answer.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::metric::{METRICS, Metric, Source};

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CatalogueReply {
    /// Every metric, in column order.
    pub metrics: Vec<Entry>,
}

/// One metric.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Metric")]
pub struct Entry {
    name: &'static str,
    kind: &'static str,
    unit: &'static str,
    class: &'static str,
    since: &'static str,
    sources: Sources,
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

/// Every metric that the agent knows, whether or not this machine has it.
#[must_use]
pub fn reply() -> CatalogueReply {
    CatalogueReply { metrics: METRICS.iter().map(entry).collect() }
}

fn entry(metric: &Metric) -> Entry {
    Entry {
        name: metric.name,
        kind: metric.kind.as_str(),
        unit: metric.unit.as_str(),
        class: metric.class().as_str(),
        since: metric.since,
        sources: Sources { v2: metric.v2.map(source), v1: metric.v1.map(source) },
        alias: metric.alias(),
        prometheus: metric
            .prometheus
            .map(|known| PrometheusEntry { name: known.name, labels: known.labels.iter().copied().collect() }),
        help: metric.help,
    }
}

fn source(source: Source) -> SourceEntry {
    SourceEntry { tree: source.tree.as_str(), file: source.file, key: source.key }
}
