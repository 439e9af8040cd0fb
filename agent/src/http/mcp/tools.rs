//! The tools, once: what each is called, what it tells, what it takes, and who answers.
//!
//! The list of tools, their schemas and the reading of arguments derive from this table. The surprise: the parameters are those of
//! the HTTP API wherever it has them; the few that stand here are of tools alone.

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value};

use crate::clock;
use crate::http::error::ApiError;
use crate::http::mcp::answer::Answer;
use crate::http::mcp::arguments;
use crate::http::mcp::call::Call;
use crate::http::mcp::{lists, studies};
use crate::http::parameter::{
    BASELINE_FROM, BASELINE_TO, BY, CONTAINER, CONTAINERS, EVENT_NAMESPACE, EVENT_POD, EVENT_WORKLOAD, FROM,
    HAS_METRIC, KIND, LABELS, METRIC, NAMESPACE, POD, Parameter, QOS_CLASS, RANGE_OR_HOUR, SEARCH, SETTINGS, SORT, TO,
    TOP_GROUP, WITH, WORKLOAD, optional, required,
};
use crate::http::query::Table;
use crate::http::values::Values;
use crate::service::Service;
use crate::service::question::MAX_METRICS;
use crate::table;

/// Entries that are shown unless asked otherwise, as far as they fit.
const USUAL_ENTRIES: usize = 20;

pub(super) static LIMIT: Parameter = optional(
    "limit",
    Values::Number { least: 1, most: 100 },
    "at most so many entries, in an answer of up to 16 kB; else as many as fit into 4 kB",
);
pub(super) static ANALYZED: Parameter = optional(
    "metric",
    Values::Metrics { at_most: MAX_METRICS },
    "the metrics, by name or by how names begin (memory_*); a few key metrics otherwise",
);
pub(super) static ONE_OR_MORE: Parameter = required(
    "metric",
    Values::Metrics { at_most: MAX_METRICS },
    "cpu_usage_cores",
    "the metrics, by name or by how names begin (memory_*)",
);
pub(super) static STUDIES: Parameter = optional(
    "study",
    Values::SomeOf(studies::ids),
    "the studies, by id (fgm://studies tells what each finds); all that fit otherwise",
);
pub(super) static OF_TABLE: Parameter =
    optional("table", Values::OneOf(|| table::Table::ALL.map(table::Table::name).into()), "only of this table");
pub(super) static OF_CONTAINER: Parameter =
    optional("container", Values::Name, "only of this container, by id or by the beginning of one that is no other's");
pub(super) static TEXT: Parameter =
    optional("search", Values::Text, "only where the name or the help has all of these words");

/// A tool.
pub(super) struct Line {
    name: &'static str,
    title: &'static str,
    tells: &'static str,
    /// Arguments that make sense anywhere, as JSON.
    example: &'static str,
    takes: Table,
    answer: fn(&Call<'_>) -> Result<Answer, ApiError>,
}

#[rustfmt::skip]
pub(super) static ALL: &[Line] = &[
    Line { name: "list_nodes", title: "Nodes", answer: lists::nodes, takes: &[],
        tells: "Which node this agent answers for, from when to when there are readings, how often they are taken.",
        example: "{}" },
    Line { name: "list_metrics", title: "Metrics", answer: lists::metrics, takes: &[&TEXT, &OF_TABLE, &LIMIT],
        tells: "Names, units and meaning of metrics, by words of their name or help. Rates of counters end in _per_second.",
        example: r#"{"search": "throttled"}"# },
    Line { name: "list_containers", title: "Containers", answer: lists::containers,
        takes: &[&SEARCH, &NAMESPACE, &POD, &WORKLOAD, &QOS_CLASS, &LABELS, &HAS_METRIC, &FROM, &TO, &RANGE_OR_HOUR, &SORT, &LIMIT],
        tells: "Containers with readings in a range, with the id that other tools take, pod, namespace, workload, restarts.",
        example: r#"{"search": "checkout", "range": "1h"}"# },
    Line { name: "summarize_container", title: "A container in short", answer: studies::summarize,
        takes: &[&CONTAINER, &FROM, &TO, &RANGE_OR_HOUR, &LIMIT],
        tells: "A container in short: mean, largest and newest value of what it used, restarts, OOM kills, and what stands out, the worst first.",
        example: r#"{"container": "0123456789ab", "range": "1h"}"# },
    Line { name: "analyze_container", title: "Studies of a container", answer: studies::analyze,
        takes: &[&CONTAINER, &ANALYZED, &STUDIES, &FROM, &TO, &RANGE_OR_HOUR, &SETTINGS, &LIMIT],
        tells: "Has studies look for shapes of trouble in metrics of a container: level shifts, trends, spikes, throttling, OOM, as far as there are studies for them. Each finding is a sentence with times, sizes, severity and confidence.",
        example: r#"{"container": "0123456789ab", "metric": ["memory_*"], "study": ["trend", "changepoint"], "range": "6h"}"# },
    Line { name: "find_changes", title: "What changed", answer: studies::changes,
        takes: &[&CONTAINERS, &NAMESPACE, &POD, &WORKLOAD, &QOS_CLASS, &LABELS, &SEARCH, &ANALYZED, &FROM, &TO, &RANGE_OR_HOUR, &LIMIT],
        tells: "What changed in a range, in key metrics of the containers that are chosen: when, by how much, in whom first. Choose up to 50 containers.",
        example: r#"{"namespace": "shop", "range": "30m"}"# },
    Line { name: "find_related", title: "What moved together", answer: studies::related,
        takes: &[&CONTAINER, &ONE_OR_MORE, &FROM, &TO, &RANGE_OR_HOUR, &SETTINGS, &LIMIT],
        tells: "Which other series of the node, the workload and its neighbours move with a metric of a container, before or after it.",
        example: r#"{"container": "0123456789ab", "metric": ["cpu_usage_cores"], "range": "1h"}"# },
    Line { name: "compare", title: "Before and after, or one and another", answer: studies::compare,
        takes: &[&CONTAINER, &ANALYZED, &FROM, &TO, &RANGE_OR_HOUR, &BASELINE_FROM, &BASELINE_TO, &WITH, &SETTINGS, &LIMIT],
        tells: "Compares a container's metrics in a range with another range (by default the one right before it), or with another container.",
        example: r#"{"container": "0123456789ab", "metric": ["cpu_usage_cores"], "from": "-30m", "baseline_from": "-24h", "baseline_to": "-23h"}"# },
    Line { name: "top", title: "Those with the largest values", answer: lists::top,
        takes: &[&METRIC, &BY, &TOP_GROUP, &CONTAINERS, &NAMESPACE, &POD, &WORKLOAD, &QOS_CLASS, &LABELS, &SEARCH, &FROM, &TO, &RANGE_OR_HOUR, &LIMIT],
        tells: "Containers (or pods, namespaces, workloads) with the largest mean, maximum or newest value of a metric in a range.",
        example: r#"{"metric": "memory_working_set_bytes", "by": "max", "range": "1h"}"# },
    Line { name: "list_events", title: "Events", answer: lists::events,
        takes: &[&KIND, &OF_CONTAINER, &EVENT_POD, &EVENT_NAMESPACE, &EVENT_WORKLOAD, &FROM, &TO, &RANGE_OR_HOUR, &LIMIT],
        tells: "What happened in a range, newest first: OOM kills, restarts, starts and ends of containers, changes of limits.",
        example: r#"{"kind": ["oom_kill", "container_restart"], "range": "6h"}"# },
];

/// The tool of a name.
pub(super) fn named(name: &str) -> Result<&'static Line, String> {
    ALL.iter().find(|line| line.name == name).ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|line| line.name).collect();
        format!("there is no such tool; there is {}", names.join(", "))
    })
}

impl Line {
    /// As the list of tools has it.
    pub(super) fn described(&self) -> Tool {
        let example = serde_json::from_str(self.example).unwrap_or(Value::Null);
        let tells = format!("{} Example: {}", self.tells, self.example);
        Tool::new(self.name, tells, arguments::schema(self.takes, &example)).with_title(self.title).with_annotations(
            ToolAnnotations::new().read_only(true).destructive(false).idempotent(true).open_world(false),
        )
    }

    /// The text of an answer; takes its time.
    pub(super) fn answer(
        &self,
        service: &Service,
        arguments: Map<String, Value>,
        base: String,
    ) -> Result<String, ApiError> {
        let call = Call::read(service, self.takes, &arguments, base, clock::wall())?;
        let answer = (self.answer)(&call)?;
        Ok(answer.text(call.limit(), USUAL_ENTRIES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::query::Given;

    fn mistake(tool: &str, given: &str) -> String {
        let line = named(tool).unwrap();
        let given: Map<String, Value> = serde_json::from_str(given).unwrap();
        let read = arguments::pairs(&given, line.takes).and_then(|pairs| {
            let given = Given::read(pairs, line.takes)?;
            given.number(&LIMIT)
        });
        arguments::sentence(&read.unwrap_err().into())
    }

    #[test]
    fn each_mistake_gets_its_sentence() {
        for (tool, given, sentence) in [
            ("top", "{}", "the parameter metric is missing; it is a name"),
            ("list_nodes", r#"{"x": 1}"#, "there is no parameter \"x\" here; this tool takes none"),
            (
                "summarize_container",
                r#"{"container": "a", "rnage": "1h"}"#,
                "there is no parameter \"rnage\" here; perhaps range; there is container, from, to, range, limit",
            ),
            ("top", r#"{"metric": 5}"#, "the value \"5\" of metric is not valid; it is a name"),
            (
                "top",
                r#"{"metric": "a", "limit": true}"#,
                "the value \"true\" of limit is not valid; it is a number from 1 to 100",
            ),
            (
                "top",
                r#"{"metric": "a", "limit": 5000}"#,
                "the value \"5000\" of limit is not valid; it is a number from 1 to 100",
            ),
            (
                "top",
                r#"{"metric": "a", "limit": 1.5}"#,
                "the value \"1.5\" of limit is not valid; it is a number from 1 to 100",
            ),
            (
                "analyze_container",
                r#"{"container": ["a"]}"#,
                "the value \"[\\\"a\\\"]\" of container is not valid; it is a name",
            ),
            (
                "find_related",
                r#"{"container": "a", "metric": [1]}"#,
                "the value \"[1]\" of metric is not valid; it is up to 32 names",
            ),
        ] {
            assert_eq!(mistake(tool, given), sentence);
        }
        let long = format!(r#"{{"{}": 1}}"#, "x".repeat(60_000));
        assert!(mistake("top", &long).len() < 3_000);
    }

    #[test]
    fn every_example_is_read() {
        for line in ALL {
            let example: Map<String, Value> = serde_json::from_str(line.example).unwrap();
            let pairs = arguments::pairs(&example, line.takes).unwrap();
            assert!(Given::read(pairs, line.takes).is_ok(), "{}", line.name);
            let schema = Value::Object(arguments::schema(line.takes, &Value::Null)).to_string();
            assert!(schema.len() < 6_000 && !schema.contains("/api/"), "{}: {schema}", line.name);
        }
    }
}
