//! What studies found, gathered from several of them: the worst first, each as few words as tell it.
//!
//! The surprise: what keeps a study from finding more is said once with the number of series, not once per series.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::analysis::study::{Finding, Severity};
use crate::http::columnar::shown_as;
use crate::http::error::ApiError;
use crate::http::mcp::answer::Answer;
use crate::http::mcp::call::Call;
use crate::http::study::{measured, rounded, severity};
use crate::rfc3339;
use crate::service::link::Link;
use crate::service::question::TimeRange;
use crate::service::study::StudyAnswer;

/// Sizes of a finding that are told.
const MOST_MEASURES: usize = 5;
/// Containers and metrics that a link shows.
const MOST_LINKED: usize = 4;
/// A number beyond this stands for one that cannot be computed.
const MOST: f64 = 1e300;
/// Characters of a container's id: enough to ask for it again.
pub(super) const SHORT_ID: usize = 12;

/// Something found, and where.
struct Found {
    study: &'static str,
    metric: Option<String>,
    unit: &'static str,
    labels: BTreeMap<&'static str, String>,
    finding: Finding,
}

/// What several studies found.
#[derive(Default)]
pub(super) struct Gathered {
    found: Vec<Found>,
    notes: Vec<String>,
    of_series: BTreeMap<String, usize>,
    studies: Vec<&'static str>,
    series: usize,
    range: Option<TimeRange>,
    looked_at: Vec<(Option<String>, Option<String>)>,
    failed: Option<ApiError>,
}

impl Gathered {
    pub(super) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// A study had too much to look at.
    pub(super) fn fail(&mut self, study: &str, error: ApiError) {
        self.note(format!("{study} did not look at all of it: {error}"));
        self.failed = Some(error);
    }

    pub(super) fn add(&mut self, answer: StudyAnswer) {
        self.range = Some(answer.range);
        let study = answer.about.id;
        if !self.studies.contains(&study) {
            self.studies.push(study);
        }
        answer.notes.into_iter().for_each(|note| self.note(note));
        for studied in answer.studied {
            self.series += 1;
            for note in studied.notes {
                *self.of_series.entry(format!("{study}: {note}")).or_default() += 1;
            }
            self.looked_at.push((studied.labels.get("container_id").cloned(), studied.metric.clone()));
            self.found.extend(studied.findings.into_iter().map(|finding| Found {
                study,
                metric: studied.metric.clone(),
                unit: studied.unit,
                labels: studied.labels.clone(),
                finding,
            }));
        }
    }

    /// As an answer to a call.
    ///
    /// # Errors
    /// All that was asked for is too much.
    pub(super) fn answer(mut self, call: &Call<'_>, less: &'static str) -> Result<Answer, ApiError> {
        if let Some(error) = self.failed.take_if(|_| self.series == 0) {
            return Err(error);
        }
        self.found = worst_of_each_kind_first(self.found);
        let mut head = Map::new();
        let mut notes = self.notes.clone();
        if let Some(range) = self.range {
            let [from, to] = [range.from, range.to].map(rfc3339::format_seconds);
            head.extend([("from".to_owned(), json!(from)), ("to".to_owned(), json!(to))]);
            head.insert("link".to_owned(), call.link(&self.link(range)));
            notes.extend(call.nothing_in(range).filter(|_| self.series == 0));
        }
        head.insert("studies".to_owned(), json!(self.studies));
        head.insert("series_looked_at".to_owned(), json!(self.series));
        let of_series = self.of_series.iter().map(|(note, &series)| match series {
            1 => note.clone(),
            _ => format!("{note} (and so of {} more series)", series - 1),
        });
        notes.extend(of_series);
        if self.found.is_empty() && self.series > 0 {
            notes.push("nothing was found: these series show none of the shapes that the studies know".to_owned());
        }
        let mut entries: Vec<Map<String, Value>> = self.found.iter().map(entry).collect();
        head.append(&mut in_common(&mut entries));
        let entries = entries.into_iter().map(Value::Object).collect();
        Ok(Answer { head, what: "findings", entries, less, notes, ..Answer::default() })
    }

    /// A view of what the worst findings are about, or of what was looked at.
    fn link(&self, range: TimeRange) -> Link<'_> {
        let of_found = self.found.iter().map(|found| (found.labels.get("container_id"), found.metric.as_ref()));
        let looked_at = self.looked_at.iter().map(|(container, metric)| (container.as_ref(), metric.as_ref()));
        let (mut metrics, mut containers): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for (container, metric) in of_found.chain(looked_at) {
            for (list, value) in [(&mut metrics, metric), (&mut containers, container)] {
                if let Some(value) = value.map(String::as_str).filter(|value| !list.contains(value))
                    && list.len() < MOST_LINKED
                {
                    list.push(value);
                }
            }
        }
        Link { range, metrics, containers, studies: self.studies.iter().copied().take(MOST_LINKED).collect() }
    }
}

/// The severest first, and of these the surest; but the kinds of a severity take turns, so that many of one kind hide no other.
fn worst_of_each_kind_first(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by(|Found { finding: a, .. }, Found { finding: b, .. }| {
        b.severity.cmp(&a.severity).then(b.confidence.total_cmp(&a.confidence)).then(b.from.cmp(&a.from))
    });
    let mut seen: BTreeMap<(&str, &str, Severity), usize> = BTreeMap::new();
    let turn = |found: Found| {
        let turn = seen.entry((found.study, found.finding.kind, found.finding.severity)).or_default();
        *turn += 1;
        (*turn, found)
    };
    let mut turns: Vec<(usize, Found)> = found.into_iter().map(turn).collect();
    turns.sort_by(|(turn, a), (other, b)| b.finding.severity.cmp(&a.finding.severity).then(turn.cmp(other)));
    turns.into_iter().map(|(_, found)| found).collect()
}

fn entry(found: &Found) -> Map<String, Value> {
    let finding = &found.finding;
    let mut entry = who(&found.labels);
    entry.extend([
        ("study".to_owned(), json!(found.study)),
        ("metric".to_owned(), json!(found.metric)),
        ("kind".to_owned(), json!(finding.kind)),
        ("severity".to_owned(), json!(severity(finding.severity))),
        ("confidence".to_owned(), json!((finding.confidence * 100.0).round() / 100.0)),
        ("sentence".to_owned(), json!(finding.sentence)),
        ("from".to_owned(), json!(rfc3339::format_seconds(finding.from))),
    ]);
    if finding.to != finding.from {
        entry.insert("to".to_owned(), json!(rfc3339::format_seconds(finding.to)));
    }
    let measures = finding.measures.iter().take(MOST_MEASURES);
    let measures: Map<String, Value> =
        measures.map(|measure| (measure.name.to_owned(), in_words(&measured(measure, found.unit)))).collect();
    entry.insert("measures".to_owned(), Value::Object(measures));
    entry
}

/// Takes out of entries who all of them are about.
fn in_common(entries: &mut [Map<String, Value>]) -> Map<String, Value> {
    let Some(first) = entries.first() else { return Map::new() };
    let names = ["container", "container_name", "pod", "namespace", "workload"];
    let of_all =
        |name: &&str| first.contains_key(*name) && entries.iter().all(|entry| entry.get(*name) == first.get(*name));
    let names: Vec<&str> = names.into_iter().filter(of_all).collect();
    let mut common = Map::new();
    for entry in entries {
        common.extend(names.iter().filter_map(|name| entry.remove_entry(*name)));
    }
    common
}

/// `{"value": 3, "unit": "s"}` as `3 s`; a time needs no unit, and what is not known is left out.
fn in_words(measure: &Value) -> Value {
    match (&measure["value"], measure["unit"].as_str()) {
        (Value::String(time), _) => json!(seconds(time)),
        (value, unit) => match value.as_f64().map(number) {
            Some(Value::Number(number)) => json!(format!("{number} {}", unit.unwrap_or_default()).trim_end()),
            _ => Value::Null,
        },
    }
}

/// Who it is, with the id as short as it may be.
pub(super) fn who(labels: &BTreeMap<&'static str, String>) -> Map<String, Value> {
    let shown = |(&label, value): (&&'static str, &String)| {
        let value = if label == "container_id" { value.chars().take(SHORT_ID).collect() } else { value.clone() };
        (shown_as(label).to_owned(), json!(value))
    };
    // The node is said once, by list_nodes; nothing takes a pod's uid.
    labels.iter().filter(|(label, _)| !matches!(**label, "node" | "pod_uid")).map(shown).collect()
}

/// A number as it is told: to four digits, and to six where it is large; no number where it is none.
pub(super) fn number(value: f64) -> Value {
    if !value.is_finite() || value.abs() > MOST {
        return Value::Null;
    }
    let short = format!("{value:.3e}").parse().unwrap_or(value);
    let short = if value.abs() >= 1e4 { rounded(value) } else { short };
    // What is whole has no point.
    if short.fract() == 0.0 && short.abs() < 1e15 { json!(short as i64) } else { json!(short) }
}

/// A time in RFC 3339 without parts of a second.
pub(super) fn seconds(time: &str) -> String {
    rfc3339::parse(time).map_or_else(|| time.to_owned(), rfc3339::format_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: &'static str, severity: Severity, confidence: f64) -> Found {
        let (measures, sentence) = (Vec::new(), String::new());
        let finding = Finding { kind, severity, from: 0, to: 0, confidence, measures, sentence };
        Found { study: "a", metric: None, unit: "", labels: [("container_id", "0".repeat(64))].into(), finding }
    }

    #[test]
    fn many_of_one_kind_hide_no_other() {
        let info = found("info", Severity::Info, 1.0);
        let gone = |confidence| found("gone", Severity::Notice, confidence);
        let all = vec![
            info,
            gone(1.0),
            gone(0.9),
            found("rose", Severity::Notice, 0.8),
            found("oom", Severity::Critical, 0.5),
        ];
        let kinds: Vec<&str> = worst_of_each_kind_first(all).iter().map(|found| found.finding.kind).collect();
        assert_eq!(kinds, ["oom", "gone", "rose", "gone", "info"]);
    }

    #[test]
    fn who_all_are_about_is_said_once() {
        let mut entries = vec![entry(&found("a", Severity::Info, 1.0)), entry(&found("b", Severity::Info, 1.0))];
        let common = in_common(&mut entries);
        assert_eq!(common["container"], "0".repeat(SHORT_ID));
        assert!(entries.iter().all(|entry| !entry.contains_key("container") && entry.contains_key("kind")));
    }

    #[test]
    fn numbers_are_short_and_none_is_not_told() {
        let told = [0.123_456, 15.0, 94_783.612, f64::NAN, f64::MAX, -2.0].map(number);
        assert_eq!(json!(told), json!([0.1235, 15, 94783.6, null, null, -2]));
        assert_eq!(in_words(&json!({ "value": 3.0, "unit": "s" })), json!("3 s"));
        assert_eq!(
            in_words(&json!({ "value": "2026-11-23T04:00:00.000000Z", "unit": "time" })),
            json!("2026-11-23T04:00:00Z")
        );
    }
}
