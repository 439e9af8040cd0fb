//! The resources: the catalogue of metrics as text, the studies, and a guide to reading answers.
//!
//! The surprise: `fgm://catalogue` has names and units alone, so that it is short; a table's own page has what each metric means.

use std::fmt::Write as _;

use rmcp::ErrorData;
use rmcp::model::{ReadResourceResult, Resource, ResourceContents};
use serde_json::Value;

use crate::derived::{self, SeriesSpec};
use crate::metric::Kind;
use crate::service::study;
use crate::table::Table;

const CATALOGUE: &str = "fgm://catalogue";
const STUDIES: &str = "fgm://studies";
const GUIDE: &str = "fgm://guide";

/// The resources.
pub(super) fn list() -> Vec<Resource> {
    let resource = |uri: &str, name: &str, about: &str, kind: &str| {
        Resource::new(uri, name).with_title(name).with_description(about).with_mime_type(kind)
    };
    let fixed = [
        resource(
            GUIDE,
            "How to read answers",
            "What findings, confidence and links mean, and which tool answers what",
            "text/markdown",
        ),
        resource(STUDIES, "Studies", "What each study finds, and what can be set", "text/plain"),
        resource(CATALOGUE, "Metrics", "Names and units of every metric, by table", "text/plain"),
    ];
    let table = |table: Table| {
        let about = format!("What each metric of the table {} means", table.name());
        resource(
            &format!("{CATALOGUE}/{}", table.name()),
            &format!("Metrics of {}", table.name()),
            &about,
            "text/plain",
        )
    };
    fixed.into_iter().chain(tables().map(table)).collect()
}

/// The tables that have series.
fn tables() -> impl Iterator<Item = Table> {
    Table::ALL.into_iter().filter(|table| derived::all().iter().any(|spec| spec.table == *table))
}

/// The text of a resource.
pub(super) fn read(uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let text = match uri {
        GUIDE => include_str!("../../../../docs/reading-studies.md").to_owned(),
        STUDIES => studies(),
        CATALOGUE => tables().map(names).collect::<String>().trim_start().to_owned(),
        _ => {
            let table = uri.strip_prefix(CATALOGUE).and_then(|rest| rest.strip_prefix('/'));
            let table = table.and_then(|name| tables().find(|table| table.name() == name));
            table.map(meanings).ok_or_else(unknown)?
        }
    };
    Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri)]))
}

fn unknown() -> ErrorData {
    let uris: Vec<String> = list().into_iter().map(|resource| resource.uri).collect();
    ErrorData::resource_not_found(format!("there is no such resource; there is {}", uris.join(", ")), None)
}

/// Series of a table, without the rates that every counter has, and those of pods that containers have as well.
fn told(table: Table) -> impl Iterator<Item = &'static SeriesSpec> {
    derived::all().iter().filter(move |spec| spec.table == table).filter(|spec| {
        let is_counter = |name: &str| derived::named(name).is_some_and(|spec| spec.stored == Some(Kind::Counter));
        let is_rate = spec.stored.is_none() && spec.name.strip_suffix("_per_second").is_some_and(is_counter);
        let is_of_containers = spec.name.strip_prefix("pods.").is_some_and(|name| derived::named(name).is_some());
        !is_rate && !is_of_containers
    })
}

fn names(table: Table) -> String {
    let mut text = format!("\n{}\n", about(table));
    for spec in told(table) {
        let counter = if spec.stored == Some(Kind::Counter) { ", counter" } else { "" };
        let _ = writeln!(text, "{} ({}{counter})", spec.name, spec.unit);
    }
    text
}

fn meanings(table: Table) -> String {
    let mut text = format!("{}\n", about(table));
    for spec in told(table) {
        let counter = if spec.stored == Some(Kind::Counter) { ", counter" } else { "" };
        let _ = writeln!(text, "{} ({}{counter}): {}", spec.name, spec.unit, spec.help);
    }
    text
}

fn about(table: Table) -> String {
    let name = table.name();
    match table {
        Table::Pods => "Table pods: every metric of the table containers, with `pods.` before its name, summed up by the kernel over \
                        the pod; each counter NAME has its rate NAME_per_second beside it."
            .to_owned(),
        _ => format!("Table {name}: each counter NAME has its rate NAME_per_second beside it, which is what studies look at."),
    }
}

fn studies() -> String {
    let listed = serde_json::to_value(study::list()).unwrap_or_default();
    let mut text = String::new();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for study in listed["studies"].as_array().into_iter().flatten() {
        let _ = writeln!(
            text,
            "{} (looks at a {}): {}",
            word(&study["id"]),
            word(&study["looks_at"]),
            word(&study["description"])
        );
        for known in study["parameters"].as_array().into_iter().flatten() {
            let (name, help) = (word(&known["name"]), word(&known["help"]));
            let _ =
                writeln!(text, "  set {name}:{}: {help}, from {} to {}", known["default"], known["min"], known["max"]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resource_is_text_of_a_bounded_size() {
        for resource in list() {
            let read = serde_json::to_string(&read(&resource.uri).unwrap()).unwrap();
            assert!(read.len() > 100, "{}: {read}", resource.uri);
            assert!(read.len() < 20 << 10, "{}: {} bytes", resource.uri, read.len());
        }
        assert!(read("fgm://catalogue/nothing").is_err() && read("fgm://").is_err());
    }
}
