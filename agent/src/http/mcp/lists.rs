//! The tools that list: who is there, what can be asked for, what happened, who used most.
//!
//! The surprise: lists of containers and events are about the last hour unless asked otherwise, as all tools are, though the paths
//! of the API that they go through list everything.

use serde_json::{Map, Value, json};

use crate::derived::{self, SeriesSpec};
use crate::http::ask;
use crate::http::error::ApiError;
use crate::http::mcp::answer::Answer;
use crate::http::mcp::call::Call;
use crate::http::mcp::findings::{SHORT_ID, number, seconds, who};
use crate::http::mcp::tools::{OF_TABLE, TEXT};
use crate::http::parameter::{CONTAINER, HAS_METRIC, METRIC};
use crate::metric::Kind;
use crate::rfc3339;
use crate::service::answers::ContainersQuestion;
use crate::service::link::Link;
use crate::service::question::{AskError, TimeRange};

/// Containers that a link shows.
const MOST_LINKED: usize = 4;

/// `list_nodes`
pub(super) fn nodes(call: &Call<'_>) -> Result<Answer, ApiError> {
    let instance = call.service.instance();
    let nodes = call.service.questions.filters(None)?.nodes;
    let node =
        |node: &crate::service::filters::FilterValue| json!({ "node": node.value, "containers": node.containers });
    let mut head = Map::new();
    let recorded = call.service.questions.recorded_span();
    head.insert("answers_for".to_owned(), json!(instance.node));
    head.insert("interval_seconds".to_owned(), json!(instance.interval_seconds));
    if let Some(range) = recorded {
        let [from, to] = [range.from, range.to].map(rfc3339::format_seconds);
        head.insert("recorded".to_owned(), json!({ "from": from, "to": to }));
        let link = Link { range, metrics: Vec::new(), containers: Vec::new(), studies: Vec::new() };
        head.insert("link".to_owned(), call.link(&link));
    }
    head.insert("now".to_owned(), json!(rfc3339::format_seconds(call.now)));
    let notes = recorded.is_none().then(|| "nothing is recorded yet".to_owned()).into_iter().collect();
    Ok(Answer {
        head,
        what: "nodes",
        entries: nodes.iter().map(node).collect(),
        less: "those with most containers first",
        notes,
        ..Answer::default()
    })
}

/// `list_metrics`
pub(super) fn metrics(call: &Call<'_>) -> Result<Answer, ApiError> {
    let table = call.given().word(&OF_TABLE)?;
    let text = call.text(&TEXT).unwrap_or_default().to_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    let mentions = |spec: &SeriesSpec, word: &str| spec.name.contains(word) || spec.help.to_lowercase().contains(word);
    let is_wanted = |spec: &&SeriesSpec| {
        table.is_none_or(|table| spec.table.name() == table) && words.iter().all(|word| mentions(spec, word))
    };
    let mut found: Vec<&SeriesSpec> = derived::all().iter().filter(is_wanted).collect();
    // Who has a word in the name is meant rather than who has it in the help; what is computed tells more than raw counters.
    found.sort_by_key(|spec| {
        let is_named = words.iter().all(|word| spec.name.contains(word));
        (!is_named, spec.stored == Some(Kind::Counter), spec.name.contains('.'), spec.help.ends_with("; per second"))
    });
    let entry = |spec: &&SeriesSpec| {
        let kind = spec.stored.map(|kind| kind.as_str());
        json!({ "metric": spec.name, "unit": spec.unit, "kind": kind, "help": spec.help })
    };
    let entries: Vec<Value> = found.iter().map(entry).collect();
    let mut notes = Vec::new();
    if entries.is_empty() {
        let nearest = words.first().map(|word| derived::nearest(word).join(", ")).unwrap_or_default();
        notes.push(format!("no metric has these words; the nearest names are {nearest}"));
    }
    Ok(Answer {
        what: "metrics",
        entries,
        less: "those that say more first: give a search or a table, or read fgm://catalogue for all names",
        notes,
        ..Answer::default()
    })
}

/// `list_containers`
pub(super) fn containers(call: &Call<'_>) -> Result<Answer, ApiError> {
    let mut pairs = call.pairs_with_hour(ask::CONTAINER_LIST);
    pairs.retain(|(name, _)| name != "limit");
    let has_metric = call.given().name(&HAS_METRIC)?;
    pairs.extend(has_metric.map(|metric| ("metric".to_owned(), metric)));
    let (mut question, when) = ask::containers(pairs, call.now)?;
    question.range = when.map(|when| when.range(&*call.service.questions));
    question.filter.limit = 100;
    let reply = call.service.questions.containers(&question)?;
    let ids: Vec<String> = reply.ids().take(MOST_LINKED).map(str::to_owned).collect();
    let entries = serde_json::to_value(&reply.containers).map_err(|error| ApiError::failed(&error))?;
    let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(container).collect();
    let mut head = Map::new();
    head.insert("total".to_owned(), json!(reply.total));
    let mut notes = Vec::new();
    if let Some(range) = question.range {
        about(call, range, &["cpu_usage_cores", "memory_working_set_bytes"], &ids, &mut head);
        notes.extend(call.nothing_in(range).filter(|_| reply.total == 0));
        if reply.total == 0 && notes.is_empty() {
            notes.push(
                "no container passes; list_containers with a search or without filters shows who is there".to_owned(),
            );
        }
    }
    Ok(Answer {
        head,
        what: "containers",
        entries,
        total: reply.total,
        less: "in the order of sort: give a search, a namespace, a pod or a workload for fewer, or a limit up to 100 for more",
        notes,
    })
}

/// What of a container tells who it is.
fn container(entry: &Value) -> Value {
    let mut short = Map::new();
    let id: String = entry["id"].as_str().unwrap_or_default().chars().take(SHORT_ID).collect();
    short.insert("container".to_owned(), json!(id));
    short.insert("container_name".to_owned(), entry["container"].clone());
    for name in ["pod", "namespace", "workload", "qos_class", "restart_reason", "alive"] {
        short.insert(name.to_owned(), entry[name].clone());
    }
    if entry["pod"].is_null() {
        short.insert("path".to_owned(), entry["path"].clone());
    }
    let restarts = entry["restart_count"].clone();
    short.insert("restart_count".to_owned(), if restarts == json!(0) { Value::Null } else { restarts });
    for name in ["first_seen", "last_seen"] {
        short.insert(name.to_owned(), json!(seconds(entry[name].as_str().unwrap_or_default())));
    }
    Value::Object(short)
}

/// `top`
pub(super) fn top(call: &Call<'_>) -> Result<Answer, ApiError> {
    let mut pairs = call.pairs_of(ask::TOP);
    pairs.retain(|(name, _)| name != "limit");
    pairs.extend(call.given().name(&METRIC)?.map(|metric| ("metric".to_owned(), metric)));
    let asked = ask::top(pairs, call.now)?;
    let mut question = asked.whole(&*call.service.questions, |question, range| question.range = range);
    question.limit = 100;
    let answer = call.service.questions.top(&question)?;
    let ids: Vec<String> =
        answer.entries.iter().filter_map(|entry| entry.labels.get("container_id").cloned()).take(MOST_LINKED).collect();
    let entries = answer.entries.iter().map(|entry| {
        let mut shown = who(&entry.labels);
        for (name, value) in [("mean", entry.mean), ("max", entry.max), ("min", entry.min), ("last", entry.last)] {
            shown.insert(name.to_owned(), number(value));
        }
        Value::Object(shown)
    });
    let entries = entries.collect();
    let mut head = Map::new();
    head.extend([
        ("metric".to_owned(), json!(answer.metric)),
        ("unit".to_owned(), json!(answer.unit)),
        ("total".to_owned(), json!(answer.total)),
    ]);
    about(call, answer.range, &[&answer.metric], &ids, &mut head);
    let mut notes = Vec::new();
    if answer.total == 0 {
        notes.push(call.nothing_in(answer.range).unwrap_or_else(|| "nobody of these has this metric".to_owned()));
    }
    Ok(Answer {
        head,
        what: "entries",
        entries,
        total: answer.total,
        less: "the largest first: give a namespace or a group for fewer, or a limit up to 100 for more",
        notes,
    })
}

/// `list_events`
pub(super) fn events(call: &Call<'_>) -> Result<Answer, ApiError> {
    let mut pairs = call.pairs_with_hour(ask::EVENTS);
    pairs.retain(|(name, _)| !matches!(name.as_str(), "limit" | "container"));
    if let Some(beginning) = call.given().name(&CONTAINER)? {
        pairs.push(("container_id".to_owned(), whole_id(call, &beginning)?));
    }
    let (mut filter, when) = ask::events(pairs, call.now)?;
    filter.limit = 200;
    let range = when.map(|when| when.range(&*call.service.questions));
    if let Some(range) = range {
        (filter.from, filter.to) = (range.from, range.to);
    }
    let reply = call.service.events(&filter).map_err(AskError::Failed)?;
    let entries: Vec<Value> = reply.events.into_iter().map(event).collect();
    let (mut head, mut notes) = (Map::new(), Vec::new());
    if let Some(range) = range {
        about(call, range, &[], &[], &mut head);
        notes.extend(call.nothing_in(range).filter(|_| entries.is_empty()));
    }
    if reply.more {
        notes.push("there are more than 200 events in this range; the older ones are not counted".to_owned());
    } else if entries.is_empty() && notes.is_empty() {
        notes.push("nothing of this kind happened in this range".to_owned());
    }
    Ok(Answer {
        head,
        what: "events",
        entries,
        less: "the newest first: give a kind, a pod or a shorter range for fewer, or a limit up to 100 for more",
        notes,
        ..Answer::default()
    })
}

/// The id of which this is the beginning: events know only whole ones.
fn whole_id(call: &Call<'_>, beginning: &str) -> Result<String, ApiError> {
    let all = call.service.questions.containers(&ContainersQuestion::default())?;
    let mut ids = all.ids().filter(|id| id.starts_with(beginning));
    match (ids.next(), ids.next()) {
        (Some(id), None) => Ok(id.to_owned()),
        (None, _) => {
            let sentence =
                format!("no container's id is {beginning:?} or begins so; list_containers lists all, with their names");
            Err(AskError::NotFound(sentence).into())
        }
        _ => {
            Err(AskError::Invalid(format!("several containers' ids begin with {beginning:?}: give more of it")).into())
        }
    }
}

/// An event in the words of other tools, with its time to the second and its container's id shortened.
fn event(mut event: Map<String, Value>) -> Value {
    event.entry("time").and_modify(|time| *time = json!(seconds(time.as_str().unwrap_or_default())));
    for name in ["pod_uid", "node", "labels", "image"] {
        event.remove(name);
    }
    if let Some(name) = event.remove("container") {
        event.insert("container_name".to_owned(), name);
    }
    if let Some(id) = event.remove("container_id") {
        let short: String = id.as_str().unwrap_or_default().chars().take(SHORT_ID).collect();
        event.insert("container".to_owned(), json!(short));
    }
    Value::Object(event)
}

/// When, and where to look at it.
fn about(call: &Call<'_>, range: TimeRange, metrics: &[&str], ids: &[String], head: &mut Map<String, Value>) {
    let [from, to] = [range.from, range.to].map(rfc3339::format_seconds);
    head.extend([("from".to_owned(), json!(from)), ("to".to_owned(), json!(to))]);
    let containers = ids.iter().map(String::as_str).collect();
    let link = Link { range, metrics: metrics.to_vec(), containers, studies: Vec::new() };
    head.insert("link".to_owned(), call.link(&link));
}
