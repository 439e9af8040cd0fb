//! Who answers, since when, what is recorded and how much may be asked for, as an answer.
//!
//! What a viewer asks first. Inert values; the bounds are the constants that the questions go by.

use schemars::JsonSchema;
use serde::Serialize;

use crate::rfc3339;
use crate::service::containers::MAX_CONTAINERS;
use crate::service::events::MAX_EVENTS;
use crate::service::facts::Facts;
use crate::service::question::{DEFAULT_POINTS, MAX_METRICS, MAX_POINTS, MAX_SERIES, MAX_TOP, TimeRange};

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InstanceReply {
    /// The node's name.
    pub node: String,
    /// The agent's pod, where it is told.
    pub pod: Option<String>,
    /// Its namespace.
    pub namespace: Option<String>,
    /// The agent's version.
    pub version: String,
    /// The git revision it was built from.
    pub revision: String,
    /// This run's id.
    pub run_id: String,
    /// When this run began.
    pub started: String,
    /// The sampling interval.
    pub interval_seconds: f64,
    /// From the first row that is kept to after the last one; null without rows.
    pub recorded: Option<Span>,
    /// The most that one question may ask for.
    pub bounds: Bounds,
}

/// A range of time.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Span {
    /// Its start.
    pub from: String,
    /// Its end, which is not in it.
    pub to: String,
}

/// The most that one question may ask for.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Bounds {
    /// Metrics.
    pub metrics: usize,
    /// Series of an answer.
    pub series: usize,
    /// Points or buckets of all series of an answer.
    pub points: usize,
    /// Points of a series unless asked otherwise.
    pub default_points: usize,
    /// Entries of a `top` answer.
    pub top: usize,
    /// Containers of a list.
    pub containers: usize,
    /// Events of a list.
    pub events: usize,
}

/// The answer from what is known.
#[must_use]
pub fn reply(facts: &Facts, recorded: Option<TimeRange>) -> InstanceReply {
    InstanceReply {
        node: facts.node.clone(),
        pod: facts.pod.clone(),
        namespace: facts.namespace.clone(),
        version: facts.version.clone(),
        revision: facts.revision.clone(),
        run_id: facts.run_id.clone(),
        started: rfc3339::format(facts.started),
        interval_seconds: facts.interval_seconds,
        recorded: recorded.map(|range| Span { from: rfc3339::format(range.from), to: rfc3339::format(range.to) }),
        bounds: Bounds {
            metrics: MAX_METRICS,
            series: MAX_SERIES,
            points: MAX_POINTS,
            default_points: DEFAULT_POINTS,
            top: MAX_TOP,
            containers: MAX_CONTAINERS,
            events: MAX_EVENTS,
        },
    }
}
