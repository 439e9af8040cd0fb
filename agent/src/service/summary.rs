//! A container in short: how it used CPU, memory, disk and network over a range, how often it ended, and what stands out.
//!
//! The surprise: what stands out is what the studies find in the few metrics that tell most; the rest is to be asked for.

use std::collections::BTreeMap;

use crate::analysis::study::{Finding, Severity};
use crate::service::question::{AskError, Selection, TimeRange, TopBy, TopEntry, TopQuestion};
use crate::service::study::{Against, StudyQuestion};
use crate::service::studying::{Studying, happenings, only};
use crate::service::{Recorded, Service, answers::Questions};

/// What stands out at most.
const MOST_HIGHLIGHTS: usize = 10;
/// Findings of one study that may stand out.
const MOST_OF_ONE: usize = 4;

/// The metrics of a summary.
const METRICS: &[&str] = &[
    "cpu_usage_cores",
    "cpu_limit_cores",
    "cpu_throttled_percent",
    "cpu_throttled_seconds_per_second",
    "cpu_pressure_some_percent",
    "memory_working_set_bytes",
    "memory_current_bytes",
    "memory_max_bytes",
    "memory_limit_percent",
    "memory_pressure_some_percent",
    "io_read_bytes_per_second",
    "io_write_bytes_per_second",
    "io_pressure_some_percent",
    "network.receive_bytes_per_second",
    "network.transmit_bytes_per_second",
    "network.tcp_retransmit_percent",
    "pids_current",
];
/// What is studied for what stands out.
const STUDIED: &[(&str, &[&str])] = &[
    ("oom", &[]),
    ("throttling", &[]),
    ("trend", &["memory_working_set_bytes"]),
    ("saturation", &["memory_working_set_bytes", "cpu_usage_cores"]),
    ("changepoint", &["cpu_usage_cores", "memory_working_set_bytes"]),
    ("periodicity", &["cpu_usage_cores"]),
];

/// A container in short.
#[derive(Clone, Debug, PartialEq)]
pub struct SummaryAnswer {
    /// What was looked at.
    pub range: TimeRange,
    /// Who it is, as of a series.
    pub labels: BTreeMap<&'static str, String>,
    /// What it used.
    pub used: Vec<Used>,
    /// How often it, or who was in its place, was started again in the range.
    pub restarts: usize,
    /// How often the kernel killed one of its processes for memory.
    pub oom_kills: usize,
    /// What stands out, the worst first.
    pub highlights: Vec<Highlight>,
    /// What is not as one may expect.
    pub notes: Vec<String>,
}

/// A metric in short.
#[derive(Clone, Debug, PartialEq)]
pub struct Used {
    /// Its name.
    pub metric: &'static str,
    /// The unit of its values.
    pub unit: &'static str,
    /// The interface, of which a pod may have several.
    pub interface: Option<String>,
    /// The mean over the range.
    pub mean: f64,
    /// The largest value.
    pub max: f64,
    /// The newest.
    pub last: f64,
}

/// Something that stands out.
#[derive(Clone, Debug, PartialEq)]
pub struct Highlight {
    /// The study that found it.
    pub study: &'static str,
    /// The metric that it was found in, if it was one.
    pub metric: Option<String>,
    /// The unit of its values.
    pub unit: &'static str,
    /// What was found.
    pub finding: Finding,
}

impl Service {
    /// A container in short.
    ///
    /// # Errors
    /// As [`AskError`] says.
    pub fn summary(&self, container: &str, range: TimeRange) -> Result<SummaryAnswer, AskError> {
        summary(&*self.questions, &*self.recorded, container, range)
    }
}

/// A container in short, of what is recorded.
///
/// # Errors
/// As [`AskError`] says.
pub fn summary(
    questions: &dyn Questions,
    recorded: &dyn Recorded,
    container: &str,
    range: TimeRange,
) -> Result<SummaryAnswer, AskError> {
    let selection = only(container);
    let mut answer = SummaryAnswer {
        range,
        labels: BTreeMap::new(),
        used: Vec::new(),
        restarts: 0,
        oom_kills: 0,
        highlights: Vec::new(),
        notes: Vec::new(),
    };
    for metric in METRICS {
        used(questions, metric, &selection, &mut answer)?;
    }
    if answer.labels.is_empty() {
        answer.notes.push("nothing of this container is recorded in this range".to_owned());
        return Ok(answer);
    }
    let happened = happenings(recorded, &answer.labels, range)?;
    // A container that is started again is another one in the same place.
    answer.restarts = happened.iter().filter(|one| one.kind == "container_restart").count();
    answer.oom_kills = happened.iter().filter(|one| one.kind == "oom_kill" && one.is_own).count();
    highlights(&Studying::new(questions, recorded), &selection, &mut answer)?;
    Ok(answer)
}

fn used(
    questions: &dyn Questions,
    metric: &'static str,
    selection: &Selection,
    answer: &mut SummaryAnswer,
) -> Result<(), AskError> {
    let question = TopQuestion {
        metric: metric.to_owned(),
        selection: selection.clone(),
        range: answer.range,
        by: TopBy::Mean,
        limit: 4,
        group: None,
    };
    let found = questions.top(&question)?;
    for TopEntry { labels, mean, max, last, .. } in found.entries {
        let interface = labels.get("interface").cloned();
        answer.used.push(Used { metric, unit: found.unit, interface, mean, max, last });
        if answer.labels.is_empty() && labels.contains_key("container_id") {
            answer.labels = labels;
        }
    }
    Ok(())
}

fn highlights(studying: &Studying<'_>, selection: &Selection, answer: &mut SummaryAnswer) -> Result<(), AskError> {
    for (study, metrics) in STUDIED {
        let question = StudyQuestion {
            study: (*study).to_owned(),
            metrics: metrics.iter().map(|metric| (*metric).to_owned()).collect(),
            selection: selection.clone(),
            range: answer.range,
            settings: Vec::new(),
            against: Against::default(),
        };
        let found = studying.answer(&question)?;
        for studied in found.studied {
            let mut findings: Vec<Finding> =
                studied.findings.into_iter().filter(|finding| finding.severity > Severity::Info).collect();
            findings.sort_by(worst_first);
            findings.truncate(MOST_OF_ONE);
            let highlight = |finding| Highlight {
                study: found.about.id,
                metric: studied.metric.clone(),
                unit: studied.unit,
                finding,
            };
            answer.highlights.extend(findings.into_iter().map(highlight));
        }
    }
    answer.highlights.sort_by(|a, b| worst_first(&a.finding, &b.finding));
    if answer.highlights.len() > MOST_HIGHLIGHTS {
        answer
            .notes
            .push(format!("{} things stand out; these are the {MOST_HIGHLIGHTS} worst", answer.highlights.len()));
        answer.highlights.truncate(MOST_HIGHLIGHTS);
    }
    Ok(())
}

fn worst_first(a: &Finding, b: &Finding) -> std::cmp::Ordering {
    b.severity.cmp(&a.severity).then(b.confidence.total_cmp(&a.confidence)).then(b.from.cmp(&a.from))
}
