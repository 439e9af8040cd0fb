//! Every parameter of the API, once: its name, what its values may be, whether it must be given, what it is for.
//!
//! Requests are read by this table (`http/query.rs`), and the sentences of mistakes, the tables in `docs/api.md` and
//! `/api/openapi.json` derive from it. One name may stand here twice, with other values on other paths.

use crate::event::Kind;
use crate::http::values::Values;
use crate::model::QosClass;
use crate::resolution::Resolution;
use crate::service::containers::MAX_CONTAINERS;
use crate::service::events::MAX_EVENTS;
use crate::service::question::{MAX_METRICS, MAX_TOP};

/// Containers that a request names at most.
const MAX_NAMED_CONTAINERS: usize = 400;
/// Columns that a request names at most.
const MAX_COLUMNS: usize = 200;

/// A parameter.
#[derive(Debug)]
pub(super) struct Parameter {
    /// Its name in requests.
    pub(super) name: &'static str,
    /// What its values may be.
    pub(super) values: Values,
    /// Whether it must be given.
    pub(super) presence: Presence,
    /// What it does, as a part of a sentence.
    pub(super) help: &'static str,
    /// A value that makes sense anywhere, where there is one.
    pub(super) example: Option<&'static str>,
}

/// Whether a parameter must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It must.
    Required,
    /// Without it, nothing is asked of what it says.
    Optional,
    /// Without it, this is its value.
    Default(&'static str),
}

pub(super) const fn optional(name: &'static str, values: Values, help: &'static str) -> Parameter {
    Parameter { name, values, presence: Presence::Optional, help, example: None }
}

pub(super) const fn required(
    name: &'static str,
    values: Values,
    example: &'static str,
    help: &'static str,
) -> Parameter {
    Parameter { name, values, presence: Presence::Required, help, example: Some(example) }
}

const fn with_default(name: &'static str, values: Values, default: &'static str, help: &'static str) -> Parameter {
    Parameter { name, values, presence: Presence::Default(default), help, example: None }
}

fn qos_classes() -> Vec<&'static str> {
    [QosClass::Guaranteed, QosClass::Burstable, QosClass::BestEffort].map(QosClass::as_str).into()
}

macro_rules! parameters {
    ($($constant:ident = $parameter:expr;)*) => { $(pub(super) static $constant: Parameter = $parameter;)* };
}

parameters! {
    METRICS = required("metric", Values::Metrics { at_most: MAX_METRICS }, "memory_current_bytes",
        "the metrics, by their names in `/api/metrics`");
    METRIC = required("metric", Values::Metric, "memory_current_bytes", "the metric, by its name in `/api/metrics`");
    HAS_METRIC = optional("metric", Values::Metric, "only those that have this metric");
    CONTAINERS = optional("container", Values::Names { at_most: MAX_NAMED_CONTAINERS },
        "these containers, by id or by the beginning of one that is no other's");
    CONTAINER = required("container", Values::Name, "0123456789ab",
        "the container, by id or by the beginning of one that is no other's");
    NAMESPACE = optional("namespace", Values::Name, "only of this namespace");
    POD = optional("pod", Values::Name, "only of this pod");
    WORKLOAD = optional("workload", Values::Name,
        "only of this workload: `Deployment/checkout`, or `checkout` of any kind");
    QOS_CLASS = optional("qos_class", Values::OneOf(qos_classes), "only of this class");
    LABELS = optional("labels", Values::Labels, "only with all of these labels");
    SEARCH = optional("search", Values::Text,
        "only where an id, a name, the image or the path contains this, in any case");
    INCLUDE = optional("include", Values::OneOf(|| vec!["sandbox"]), "sandboxes too; they are hidden otherwise");
    FROM = optional("from", Values::Time, "not before this time");
    TO = optional("to", Values::Time, "before this time");
    RANGE = optional("range", Values::Length,
        "so long: up to `to`, else from `from` on, else up to now; `all` is everything that is recorded");
    RANGE_OR_HOUR = with_default("range", Values::Length, "1h",
        "so long: up to `to`, else from `from` on, else up to now; `all` is everything that is recorded");
    AT = with_default("at", Values::Time, "now", "the moment; processes are told as they were read last before it");
    POINTS = with_default("points", Values::Points, "1000",
        "exact points where a series has no more than this, else at most so many buckets; `all` for every point");
    AGG = optional("agg", Values::Aggregate, "how several containers become one series");
    GROUP = optional("group", Values::Group,
        "which containers become one series; `workload` without `agg` joins the instances of each container of a workload");
    TOP_GROUP = optional("group", Values::Group, "add up those that belong together first");
    BY = with_default("by", Values::OneOf(|| vec!["mean", "max", "last"]), "mean", "what of the range decides the order");
    SORT = with_default("sort", Values::OneOf(|| vec!["newest", "oldest", "name"]), "newest",
        "by the time of the first row, or by namespace, pod and container");
    LIMIT_CONTAINERS = with_default("limit", Values::Number { least: 1, most: MAX_CONTAINERS }, "10000", "at most so many");
    LIMIT_EVENTS = with_default("limit", Values::Number { least: 1, most: MAX_EVENTS }, "1000", "at most so many");
    LIMIT_TOP = with_default("limit", Values::Number { least: 1, most: MAX_TOP }, "10", "at most so many");
    KIND = optional("kind", Values::SomeOf(|| Kind::ALL.map(Kind::as_str).into()), "only of these kinds");
    EVENT_CONTAINER_ID = optional("container_id", Values::Name, "only of exactly this container");
    EVENT_POD = optional("pod", Values::Name, "only of exactly this pod");
    EVENT_NAMESPACE = optional("namespace", Values::Name, "only of exactly this namespace");
    EVENT_CONTAINER = optional("container", Values::Name, "only of exactly this name of a container");
    EVENT_WORKLOAD = optional("workload", Values::Name, "only of exactly this workload, `Kind/name`");
    STUDY_METRICS = optional("metric", Values::Metrics { at_most: MAX_METRICS },
        "the metrics that it looks at, by their names in `/api/metrics`; none for a study of a container as a whole");
    SETTINGS = optional("set", Values::Settings, "the study's parameters, as `/api/studies` lists them");
    BASELINE_FROM = optional("baseline_from", Values::Time,
        "of `compare`: the other window is not before this time; as long as the window and right before it otherwise");
    BASELINE_TO = optional("baseline_to", Values::Time, "of `compare`: the other window is before this time");
    WITH = optional("with", Values::Name,
        "of `compare` and `correlate`: with this container, by id or by the beginning of one");
    TABLE = with_default("table", Values::OneOf(|| Resolution::directories().collect()), "containers",
        "the table, by its name on disk");
    COLUMNS = optional("columns", Values::Names { at_most: MAX_COLUMNS },
        "only these columns, by their names on disk; all otherwise");
    FORMAT = with_default("format", Values::OneOf(|| vec!["parquet", "csv", "arrow"]), "parquet",
        "the format: Parquet, comma-separated values, or an Arrow IPC stream");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::values;
    use crate::service::events::DEFAULT_EVENTS;
    use crate::service::question::{DEFAULT_POINTS, DEFAULT_TOP, Points};

    fn default_of(parameter: &Parameter) -> &'static str {
        match parameter.presence {
            Presence::Default(text) => text,
            _ => panic!("{} has no default", parameter.name),
        }
    }

    #[test]
    fn defaults_are_what_the_service_has() {
        assert_eq!(values::points(default_of(&POINTS)), Some(Points::AtMost(DEFAULT_POINTS)));
        let limits = [&LIMIT_CONTAINERS, &LIMIT_EVENTS, &LIMIT_TOP].map(|limit| values::number(default_of(limit)));
        assert_eq!(limits, [MAX_CONTAINERS, DEFAULT_EVENTS, DEFAULT_TOP].map(Some));
    }
}
