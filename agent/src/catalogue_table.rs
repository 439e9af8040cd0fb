//! The catalogue as a Markdown document: what `fgm-agent metrics` prints and `docs/metrics.md` holds.
//!
//! Text only; the columns are padded, so it reads as well in a terminal as rendered.

use std::fmt::Write as _;

use crate::event::Kind;
use crate::health::Counters;
use crate::metric::{DERIVED_PROMETHEUS, METRICS, Metric, Prometheus, Source};
use crate::own_metrics::{own_metrics, use_metrics};
use crate::own_use::OwnUse;
use crate::table::{Field, Table};

const PREFACE: &str = "# Metrics

Every number column of every table, in column order. This page is the output of `fgm-agent metrics`.

## The tables `containers` and `pods`

- *Kind*: a counter only grows while the cgroup lives, and is stored raw; a gauge goes up and down; a limit is a setting,
  carried forward between readings, with 9223372036854775807 for \"no limit\".
- *Read*: `fast` every tick, `stat` at most once a second, `limit` on change or every 10 s.
- *Since*: the first Linux version that has it under cgroup v2.
- *cgroup v2*, *cgroup v1*: kernel file and key. v1 files lie under the controller before the colon; `unified:` is the v2
  tree that hybrid machines mount beside the v1 controllers.
- Where a kernel does not have a value, the column is null.
- Earlier tools stored metrics under long names: `cgroup.v2.FILE.KEY`. `/api/metrics` lists them as `alias`.

";

/// The whole document.
#[must_use]
pub fn render() -> String {
    let mut text = PREFACE.to_owned();
    text.push_str(&table(
        &["Column", "Kind", "Unit", "Read", "Since", "cgroup v2", "cgroup v1", "Prometheus", "Meaning"],
        METRICS.iter().map(row),
    ));
    text.push_str("\n## Events\n\nThe `events` table has a row per event. Kinds:\n\n");
    text.push_str(&table(
        &["Kind", "Meaning"],
        Kind::ALL.into_iter().map(|kind| vec![code(kind.as_str()), kind.help().to_owned()]),
    ));
    Table::ALL.into_iter().for_each(|table| other_table(&mut text, table));
    text.push_str("\n## Computed for `/metrics`\n\nFrom a container's last values; all are gauges.\n\n");
    text.push_str(&table(
        &["Prometheus", "Meaning"],
        DERIVED_PROMETHEUS.iter().map(|derived| vec![code(derived.name), derived.help.to_owned()]),
    ));
    text.push_str("\n## The agent about itself\n\n");
    text.push_str("In `/metrics`; the counters also in `/api/status`, without the prefix `fgm_`.\n\n");
    text.push_str(&own_table());
    text
}

/// The columns of a table that is not of container metrics.
fn other_table(text: &mut String, of: Table) {
    let Some(fields) = of.fields() else { return };
    text.push_str("\n## The table `");
    text.push_str(of.name());
    text.push_str("`\n\n");
    text.push_str(&table(&["Column", "Kind", "Unit", "Since", "Source", "Meaning"], fields.iter().map(field_row)));
}

fn field_row(field: &Field) -> Vec<String> {
    // `/proc/[pid]/..` and the like are code, words are words.
    let source = if field.source.starts_with('/') { code(field.source) } else { field.source.to_owned() };
    let [kind, unit] = [field.kind.as_str(), field.unit.as_str()].map(str::to_owned);
    vec![code(field.name), kind, unit, field.since.to_owned(), source, field.help.to_owned()]
}

fn own_table() -> String {
    let known = OwnUse {
        cpu_seconds: Some(0.0),
        resident_bytes: Some(0),
        cgroup_memory_bytes: Some(0),
        cgroup_memory_without_cache_bytes: Some(0),
        open_fds: Some(0),
    };
    let metrics = own_metrics(&Counters::default()).into_iter().chain(use_metrics(&known));
    let rows = metrics.map(|metric| vec![code(metric.name), metric.kind().to_owned(), metric.help.to_owned()]);
    table(&["Prometheus", "Kind", "Meaning"], rows)
}

fn row(metric: &Metric) -> Vec<String> {
    vec![
        code(metric.name),
        metric.kind.as_str().to_owned(),
        metric.unit.as_str().to_owned(),
        metric.class().as_str().to_owned(),
        metric.since.to_owned(),
        metric.v2.map_or_else(String::new, |source| code(&place(&source))),
        metric.v1.map_or_else(String::new, |source| code(&format!("{}: {}", source.tree.as_str(), place(&source)))),
        metric.prometheus.map_or_else(String::new, |prometheus| code(&selector(&prometheus))),
        metric.help.to_owned(),
    ]
}

fn place(source: &Source) -> String {
    [source.file, source.key].join(" ").trim_end().to_owned()
}

/// The name with its label pairs, as a PromQL selector has them.
fn selector(prometheus: &Prometheus) -> String {
    if prometheus.labels.is_empty() {
        return prometheus.name.to_owned();
    }
    let pairs: Vec<String> = prometheus.labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
    format!("{}{{{}}}", prometheus.name, pairs.join(","))
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let header = header.iter().map(|&name| name.to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(rows).collect();
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        line(&mut text, row, &widths);
        if index == 0 {
            let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
            line(&mut text, &rule, &widths);
        }
    }
    text
}

fn line(text: &mut String, cells: &[String], widths: &[usize]) {
    for (cell, width) in cells.iter().zip(widths) {
        // Writing to a String cannot fail.
        let _ = write!(text, "| {cell:width$} ");
    }
    text.push_str("|\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_its_line_and_every_line_its_columns() {
        let text = render();
        let (containers, others) = text.split_once("## The table `").expect("other tables");
        for metric in METRICS {
            assert_eq!(containers.matches(&format!("| `{}` ", metric.name)).count(), 1, "{}", metric.name);
        }
        for field in Table::ALL.into_iter().filter_map(Table::fields).flatten() {
            assert!(others.contains(&format!("| `{}` ", field.name)), "{}", field.name);
        }
        let rows = text.lines().filter(|line| line.starts_with('|'));
        assert!(rows.clone().count() > METRICS.len());
        for line in rows {
            assert!([1, 2, 5, 8].contains(&line.matches(" | ").count()), "{line}");
        }
    }

    #[test]
    fn a_cell_pads_to_the_widest_of_its_column() {
        let rows = [vec!["1".to_owned(), "22".to_owned()]];
        assert_eq!(table(&["A", "B"], rows.into_iter()), "| A | B  |\n| - | -- |\n| 1 | 22 |\n");
    }
}
