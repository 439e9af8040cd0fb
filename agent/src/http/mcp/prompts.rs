//! The prompts: which tools to call in which order, for questions that come again and again.
//!
//! The surprise: a prompt asks nothing itself; it is text with the arguments written in.

use rmcp::ErrorData;
use rmcp::model::{GetPromptResult, Prompt, PromptArgument, PromptMessage, Role};
use serde_json::{Map, Value, json};

use crate::http::values::{self, MAX_CHARS, Values};

/// A prompt.
struct Line {
    name: &'static str,
    title: &'static str,
    about: &'static str,
    /// With `CONTAINER` and `RANGE` where the arguments go, as JSON strings.
    text: &'static str,
}

const LOOK_UP: &str = r#"
0. If CONTAINER is not the beginning of a container's id: list_containers {"search": CONTAINER, "range": RANGE}, and use the field
   `container` of the one that is meant below. If several are meant, take the one with most restarts, or ask."#;

const END: &str = r#"
Answer with: what happened, from when to when, how sure that is (the findings' confidence), the most likely cause, what speaks
against it, what to change, and the links. Say so where the readings do not tell."#;

#[rustfmt::skip]
static ALL: &[Line] = &[
    Line { name: "investigate_throttling", title: "Why is a container throttled?",
        about: "Whether a container is slowed down by its CPU limit, when, how much, and what to set it to",
        text: r#"
1. summarize_container {"container": CONTAINER, "range": RANGE}: compare cpu_usage_cores with cpu_limit_cores; look at
   cpu_throttled_percent.
2. analyze_container {"container": CONTAINER, "metric": ["cpu_usage_cores", "cpu_throttled_percent", "cpu_pressure_some_percent"],
   "range": RANGE}: when it began, whether it comes in bursts or periods.
3. find_related {"container": CONTAINER, "metric": ["cpu_throttled_percent"], "range": RANGE}: what moves with it.
4. top {"metric": "cpu_usage_cores", "by": "max", "range": RANGE}: whether neighbours take the CPU. Pressure without throttling
   is the node's, throttling is the limit's.
5. compare {"container": CONTAINER, "metric": ["cpu_usage_cores"], "range": RANGE}: whether it needs more than before."# },
    Line { name: "investigate_memory_growth", title: "Why does a container's memory grow?",
        about: "Whether memory leaks, fills caches or follows the load, and when it meets the limit",
        text: r#"
1. summarize_container {"container": CONTAINER, "range": RANGE}: compare memory_working_set_bytes with memory_max_bytes.
2. analyze_container {"container": CONTAINER, "metric": ["memory_working_set_bytes", "memory_current_bytes"],
   "study": ["trend", "changepoint"], "range": RANGE}: how fast it grows, since when, when it meets the limit.
3. analyze_container {"container": CONTAINER, "metric": ["memory_stat_*"], "study": ["trend"], "range": RANGE}: which part grows.
   anon is what the program allocated; file is the page cache, which the kernel takes back; slab is the kernel's own.
4. find_related {"container": CONTAINER, "metric": ["memory_working_set_bytes"], "range": RANGE}: load, or nothing.
5. list_events {"container": CONTAINER, "range": RANGE}: kills, restarts and changes of limits meanwhile."# },
    Line { name: "explain_oom", title: "Why was a container killed for memory?",
        about: "What led to an OOM kill: a slow leak, a sudden need, a limit that is too low, or the node",
        text: r#"
1. list_events {"kind": ["oom_kill", "container_terminated", "container_restart"], "range": RANGE}: when, and whose process.
2. analyze_container {"container": CONTAINER, "study": ["oom"], "range": RANGE}: the story of each kill.
3. analyze_container {"container": CONTAINER, "metric": ["memory_working_set_bytes", "memory_limit_percent",
   "memory_pressure_some_percent"], "range": RANGE}: a trend before the kill is a leak, a level shift is a sudden need.
4. find_changes {"container": [CONTAINER], "range": RANGE}: what changed before it.
5. top {"metric": "memory_working_set_bytes", "by": "max", "range": RANGE}: whether the node was full. A kill far below the
   container's limit is the node's or the pod's."# },
];

/// The prompts.
pub(super) fn list() -> Vec<Prompt> {
    let arguments = || {
        vec![
            PromptArgument::new("container")
                .with_description("The container: the beginning of its id, or a part of its pod's name")
                .with_required(true),
            PromptArgument::new("range")
                .with_description("How far back to look: 15m, 1h, 6h, all; 1h otherwise")
                .with_required(false),
        ]
    };
    ALL.iter().map(|line| Prompt::new(line.name, Some(line.about), Some(arguments())).with_title(line.title)).collect()
}

/// A prompt with its arguments written in.
pub(super) fn get(name: &str, arguments: &Map<String, Value>) -> Result<GetPromptResult, ErrorData> {
    let mistake = |sentence: String| ErrorData::invalid_params(sentence, None);
    let line = ALL.iter().find(|line| line.name == name).ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|line| line.name).collect();
        mistake(format!("there is no such prompt; there is {}", names.join(", ")))
    })?;
    if let Some(unknown) = arguments.keys().find(|name| !["container", "range"].contains(&name.as_str())) {
        let unknown: String = unknown.chars().take(40).collect();
        return Err(mistake(format!("there is no argument {unknown:?} here; there is container, range")));
    }
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let container = text("container").filter(|text| text.chars().count() <= MAX_CHARS);
    let container = container.ok_or_else(|| {
        mistake("the argument container is missing; it is the beginning of an id, or a name".to_owned())
    })?;
    let range = text("range").unwrap_or("1h");
    if values::length(range).is_none() {
        return Err(mistake(format!("the argument range is not valid; it is {}", Values::Length.words())));
    }
    let whole =
        format!("{}\n{LOOK_UP}{}\n{END}", line.title.replace("a container", "the container CONTAINER"), line.text);
    let written = whole.replace("CONTAINER", &json!(container).to_string()).replace("RANGE", &json!(range).to_string());
    let message = PromptMessage::new_text(Role::User, written);
    Ok(GetPromptResult::new(vec![message]).with_description(line.about))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::mcp::tools;

    fn arguments(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn prompts_name_tools_that_there_are() {
        for line in ALL {
            let steps: Vec<&str> = line.text.lines().filter(|line| line.starts_with(char::is_numeric)).collect();
            assert!(steps.len() >= 4, "{}", line.name);
            for step in steps {
                let tool = step.split_whitespace().nth(1).unwrap();
                assert!(tools::named(tool).is_ok(), "{step}");
            }
        }
    }

    #[test]
    fn arguments_are_written_in_and_mistakes_are_told() {
        let made = get("explain_oom", &arguments(r#"{"container": "web", "range": "6h"}"#)).unwrap();
        let text = serde_json::to_string(&made).unwrap();
        assert!(
            text.contains("web") && text.contains("6h") && !text.contains("CONTAINER") && !text.contains("RANGE"),
            "{text}"
        );
        for wrong in ["{}", r#"{"container": "a", "range": "1y"}"#, r#"{"container": "a", "pod": "b"}"#] {
            assert!(get("explain_oom", &arguments(wrong)).is_err(), "{wrong}");
        }
        assert!(get("explain", &arguments("{}")).is_err());
    }
}
