//! Questions for studies, and their answers, as plain values.
//!
//! The surprise: what is found is told in the unit of the series, which is said once per series.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::studies;
use crate::analysis::study::{About, Finding, Needs, Study};
use crate::service::question::{Selection, TimeRange};

/// Series that one question has studied at most.
pub const MAX_STUDIED: usize = 200;

/// A question for a study.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyQuestion {
    /// Its id.
    pub study: String,
    /// The metrics that it looks at; none for a study of a container as a whole.
    pub metrics: Vec<String>,
    /// Whose.
    pub selection: Selection,
    /// When.
    pub range: TimeRange,
    /// What is set otherwise than by default.
    pub settings: Vec<(String, f64)>,
    /// The other side of a comparison, or of what moved together.
    pub against: Against,
}

/// What a series is compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Against {
    /// The same in another time.
    pub range: Option<TimeRange>,
    /// The same of another container; what moved together is looked for in it alone.
    pub container: Option<String>,
}

/// What a study found.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyAnswer {
    /// Which one.
    pub about: &'static About,
    /// What was looked at.
    pub range: TimeRange,
    /// By metric and subject.
    pub studied: Vec<Studied>,
    /// What is not as one may expect.
    pub notes: Vec<String>,
}

/// What was found in one series, or of one container.
#[derive(Clone, Debug, PartialEq)]
pub struct Studied {
    /// The metric; none of a study of a container as a whole.
    pub metric: Option<String>,
    /// The unit of its values.
    pub unit: &'static str,
    /// Who it is, as of a series.
    pub labels: BTreeMap<&'static str, String>,
    /// Readings that were looked at.
    pub readings: usize,
    /// The usual distance between them, in microseconds.
    pub step_usec: i64,
    /// The findings.
    pub findings: Vec<Finding>,
    /// What keeps it from finding more.
    pub notes: Vec<String>,
}

/// The studies that there are.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StudiesReply {
    /// In the order in which they are best tried.
    pub studies: Vec<StudyEntry>,
}

/// A study.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Study")]
pub struct StudyEntry {
    id: &'static str,
    name: &'static str,
    description: &'static str,
    /// `metric`: it looks at a metric; `container`: at a container as a whole; `window`: at all metrics of a container.
    looks_at: &'static str,
    parameters: Vec<ParameterEntry>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "StudyParameter")]
struct ParameterEntry {
    name: &'static str,
    help: &'static str,
    default: f64,
    min: f64,
    max: f64,
}

/// All of them.
#[must_use]
pub fn list() -> StudiesReply {
    StudiesReply { studies: studies::ALL.iter().map(|study| entry(*study)).collect() }
}

fn entry(study: &dyn Study) -> StudyEntry {
    let about = study.about();
    let parameter = |known: &crate::analysis::study::Parameter| ParameterEntry {
        name: known.name,
        help: known.help,
        default: known.default,
        min: known.min,
        max: known.max,
    };
    StudyEntry {
        id: about.id,
        name: about.name,
        description: about.description,
        looks_at: match about.needs {
            Needs::Container(_) => "container",
            Needs::Window => "window",
            Needs::Series | Needs::Limit | Needs::Others | Needs::Baseline => "metric",
        },
        parameters: about.parameters.iter().map(parameter).collect(),
    }
}
