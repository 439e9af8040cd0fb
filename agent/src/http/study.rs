//! Studies and summaries: what is found, as JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::analysis::study::{Finding, Measure, Of, Severity};
use crate::clock;
use crate::http::Shared;
use crate::http::api::{Parameters, json, none, over, pairs};
use crate::http::ask;
use crate::http::columnar::shown_as;
use crate::http::error::ApiError;
use crate::rfc3339;
use crate::service::link::Link;
use crate::service::study::{self, Studied, StudyAnswer};
use crate::service::summary::{Highlight, SummaryAnswer, Used};

/// `/api/studies`
pub(super) async fn studies(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    none(parameters)?;
    json(&shared, &headers, |_| Ok(study::list())).await
}

/// `/api/study/{id}`
pub(super) async fn study(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let asked = ask::study(id, pairs(parameters)?, clock::wall())?;
    over(&shared, &headers, move |service| {
        let question = asked.whole(&*service.questions, |question, range| question.range = range);
        Ok((StudyReply::from(&service.study(&question)?), Some(question.range)))
    })
    .await
}

/// `/api/summary`
pub(super) async fn summary(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let (container, when) = ask::summary(pairs(parameters)?, clock::wall())?;
    over(&shared, &headers, move |service| {
        let range = when.range(&*service.questions);
        Ok((SummaryReply::from(&service.summary(&container, range)?), Some(range)))
    })
    .await
}

type Names = BTreeMap<&'static str, String>;

fn names(labels: &BTreeMap<&'static str, String>) -> Names {
    labels.iter().map(|(label, value)| (shown_as(label), value.clone())).collect()
}

/// What a study found.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StudyReply {
    /// The study's id.
    study: &'static str,
    /// What was looked at.
    from: String,
    /// The end of that.
    to: String,
    /// By metric and subject.
    series: Vec<StudiedEntry>,
    /// What is not as one may expect.
    notes: Vec<String>,
}

/// What was found in one series, or of one container.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Studied")]
struct StudiedEntry {
    /// The metric; none of a study of a container as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<String>,
    /// The unit of its values.
    #[serde(skip_serializing_if = "str::is_empty")]
    unit: &'static str,
    /// Who it is.
    #[serde(flatten)]
    names: Names,
    /// Readings that were looked at.
    readings: usize,
    /// The usual distance between them, in milliseconds.
    step_ms: f64,
    /// What was found.
    findings: Vec<FindingEntry>,
    /// What keeps it from finding more.
    notes: Vec<String>,
    /// Where the viewer shows the same.
    link: String,
}

/// Something found.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
pub(super) struct FindingEntry {
    /// Which shape.
    kind: &'static str,
    /// How much it matters: `info`, `notice`, `warning` or `critical`.
    severity: &'static str,
    /// From when.
    from: String,
    /// Until when; the same for a moment.
    to: String,
    /// How sure it is, from 0 to 1.
    confidence: f64,
    /// All of it in a sentence.
    sentence: String,
    /// Its sizes, by name: a value and its unit; a time has the unit `time` and is RFC 3339.
    measures: BTreeMap<&'static str, Value>,
}

impl From<&StudyAnswer> for StudyReply {
    fn from(answer: &StudyAnswer) -> Self {
        let series = answer.studied.iter().map(|studied| StudiedEntry::of(studied, answer)).collect();
        Self {
            study: answer.about.id,
            from: rfc3339::format(answer.range.from),
            to: rfc3339::format(answer.range.to),
            series,
            notes: answer.notes.clone(),
        }
    }
}

impl StudiedEntry {
    fn of(studied: &Studied, answer: &StudyAnswer) -> Self {
        Self {
            metric: studied.metric.clone(),
            unit: studied.unit,
            names: names(&studied.labels),
            readings: studied.readings,
            step_ms: studied.step_usec as f64 / 1e3,
            findings: studied.findings.iter().map(|finding| FindingEntry::of(finding, studied.unit)).collect(),
            notes: studied.notes.clone(),
            link: Link {
                range: answer.range,
                metrics: studied.metric.iter().map(String::as_str).collect(),
                containers: studied.labels.get("container_id").map(String::as_str).into_iter().collect(),
                studies: vec![answer.about.id],
            }
            .to_string(),
        }
    }
}

impl FindingEntry {
    fn of(finding: &Finding, unit: &str) -> Self {
        Self {
            kind: finding.kind,
            severity: severity(finding.severity),
            from: rfc3339::format(finding.from),
            to: rfc3339::format(finding.to),
            confidence: rounded(finding.confidence),
            sentence: finding.sentence.clone(),
            measures: finding.measures.iter().map(|measure| (measure.name, measured(measure, unit))).collect(),
        }
    }
}

/// As replies have it.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Notice => "notice",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// To six digits: no study knows more.
pub(super) fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

pub(super) fn measured(measure: &Measure, unit: &str) -> Value {
    let value = if measure.value.is_finite() { json!(rounded(measure.value)) } else { Value::Null };
    let of = match measure.of {
        Of::Value => unit.to_owned(),
        Of::ValuePerSecond => format!("{unit}/s"),
        Of::Seconds => "s".to_owned(),
        Of::Time => return json!({ "value": rfc3339::format(measure.value as i64), "unit": "time" }),
        Of::Sigmas => "sigmas".to_owned(),
        Of::Ratio => "ratio".to_owned(),
        Of::Count => "count".to_owned(),
        Of::Unit(unit) => unit.to_owned(),
    };
    json!({ "value": value, "unit": of })
}

/// A container in short.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SummaryReply {
    /// Who it is.
    #[serde(flatten)]
    names: Names,
    /// What was looked at.
    from: String,
    /// The end of that.
    to: String,
    /// What it used, by metric.
    used: Vec<UsedEntry>,
    /// How often it, or who was in its place, was started again.
    restarts: usize,
    /// How often the kernel killed one of its processes for memory.
    oom_kills: usize,
    /// What stands out, the worst first.
    highlights: Vec<HighlightEntry>,
    /// What is not as one may expect.
    notes: Vec<String>,
    /// Where the viewer shows the same.
    link: String,
}

/// A metric in short.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Used")]
struct UsedEntry {
    /// Its name.
    metric: &'static str,
    /// The unit of its values.
    unit: &'static str,
    /// The interface, of a network.
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<String>,
    /// The mean.
    mean: Option<f64>,
    /// The largest value.
    max: Option<f64>,
    /// The newest.
    last: Option<f64>,
}

/// Something that stands out.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Highlight")]
struct HighlightEntry {
    /// The study that found it.
    study: &'static str,
    /// The metric that it was found in.
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<String>,
    #[serde(flatten)]
    finding: FindingEntry,
}

impl From<&SummaryAnswer> for SummaryReply {
    fn from(answer: &SummaryAnswer) -> Self {
        let known = |value: f64| value.is_finite().then(|| rounded(value));
        let used = |used: &Used| UsedEntry {
            metric: used.metric,
            unit: used.unit,
            interface: used.interface.clone(),
            mean: known(used.mean),
            max: known(used.max),
            last: known(used.last),
        };
        let highlight = |highlight: &Highlight| HighlightEntry {
            study: highlight.study,
            metric: highlight.metric.clone(),
            finding: FindingEntry::of(&highlight.finding, highlight.unit),
        };
        let link = Link {
            range: answer.range,
            metrics: vec!["cpu_usage_cores", "memory_working_set_bytes"],
            containers: answer.labels.get("container_id").map(String::as_str).into_iter().collect(),
            studies: Vec::new(),
        };
        Self {
            names: names(&answer.labels),
            from: rfc3339::format(answer.range.from),
            to: rfc3339::format(answer.range.to),
            used: answer.used.iter().map(used).collect(),
            restarts: answer.restarts,
            oom_kills: answer.oom_kills,
            highlights: answer.highlights.iter().map(highlight).collect(),
            notes: answer.notes.clone(),
            link: link.to_string(),
        }
    }
}
