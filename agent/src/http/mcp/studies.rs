//! The tools that study: which studies look at which metrics of whom.
//!
//! Studies are found by their ids and by what they need, so one that is added is used without a word here. The surprise: where no
//! study is named, one that has too much to look at becomes a note, and the others still answer.

use serde_json::{Value, json};

use crate::analysis::studies;
use crate::analysis::study::Needs;
use crate::http::ask;
use crate::http::error::ApiError;
use crate::http::mcp::answer::Answer;
use crate::http::mcp::call::{Call, is_about_size};
use crate::http::mcp::findings::{Gathered, SHORT_ID, number, seconds};
use crate::http::mcp::tools::{ANALYZED, ONE_OR_MORE, STUDIES};
use crate::http::study::SummaryReply;
use crate::service::question::AskError;

/// What is looked at where no metric is named.
const KEY_METRICS: &[&str] =
    &["cpu_usage_cores", "cpu_throttled_percent", "memory_working_set_bytes", "io_bytes_per_second"];
/// Metrics of a summary: a pod may have many interfaces.
const MOST_USED: usize = 20;
const LESS: &str =
    "the worst first: name a metric, a study or a shorter range for fewer, or a limit up to 100 for more";

/// The ids of all studies.
pub(super) fn ids() -> Vec<&'static str> {
    studies::ALL.iter().map(|study| study.about().id).collect()
}

/// `summarize_container`
pub(super) fn summarize(call: &Call<'_>) -> Result<Answer, ApiError> {
    let (container, when) = ask::summary(call.pairs_of(ask::SUMMARY), call.now)?;
    let range = when.range(&*call.service.questions);
    let answer = call.service.summary(&container, range)?;
    let reply = serde_json::to_value(SummaryReply::from(&answer)).map_err(|error| ApiError::failed(&error))?;
    let Value::Object(mut head) = reply else { return Err(ApiError::Failed) };
    let base = call.link_base();
    for name in ["from", "to"] {
        head.entry(name).and_modify(|time| *time = json!(seconds(time.as_str().unwrap_or_default())));
    }
    head.entry("container")
        .and_modify(|id| *id = json!(id.as_str().unwrap_or_default().chars().take(SHORT_ID).collect::<String>()));
    head.entry("link").and_modify(|link| *link = json!(format!("{base}{}", link.as_str().unwrap_or_default())));
    let used = answer.used.iter().filter(|used| used.max != 0.0).take(MOST_USED).map(|used| {
        json!({ "metric": used.metric, "unit": used.unit, "interface": used.interface,
            "mean": number(used.mean), "max": number(used.max), "last": number(used.last) })
    });
    head.insert("used".to_owned(), used.collect());
    head.retain(|name, _| !matches!(name.as_str(), "notes" | "pod_uid" | "node"));
    let highlights = match head.remove("highlights") {
        Some(Value::Array(highlights)) => highlights,
        _ => Vec::new(),
    };
    let mut notes = answer.notes.clone();
    notes.extend(call.nothing_in(range));
    Ok(Answer {
        head,
        what: "highlights",
        entries: highlights.into_iter().map(short).collect(),
        less: LESS,
        notes,
        ..Answer::default()
    })
}

/// A finding of a reply of the API with fewer words.
fn short(mut finding: Value) -> Value {
    for name in ["from", "to"] {
        finding[name] = json!(seconds(finding[name].as_str().unwrap_or_default()));
    }
    if let Value::Object(fields) = &mut finding {
        fields.remove("measures");
    }
    finding
}

/// `analyze_container`
pub(super) fn analyze(call: &Call<'_>) -> Result<Answer, ApiError> {
    let mut gathered = Gathered::default();
    let named = call.given().value(&STUDIES, |text| Some(text.split(',').map(str::to_owned).collect::<Vec<_>>()))?;
    let chosen = match &named {
        Some(ids) => ids.iter().map(String::as_str).collect(),
        None if call.has(&ANALYZED) => of_metrics(),
        None => [of_containers(), of_metrics()].concat(),
    };
    let metrics = metrics(call, KEY_METRICS, &mut gathered)?;
    for id in chosen {
        let needs = studies::named(id).map(|study| study.about().needs);
        let metrics = if matches!(needs, Some(Needs::Container(_) | Needs::Window)) { &[][..] } else { &metrics };
        look(call, id, metrics, named.is_some(), &mut gathered)?;
    }
    gathered.answer(call, LESS)
}

/// `find_changes`
pub(super) fn changes(call: &Call<'_>) -> Result<Answer, ApiError> {
    let mut gathered = Gathered::default();
    let is_known = studies::named("changed").is_some();
    if is_known && !call.has(&ANALYZED) {
        look(call, "changed", &[], true, &mut gathered)?;
    }
    let metrics = metrics(call, KEY_METRICS, &mut gathered)?;
    // One by one, so that of many containers some metrics are answered for.
    for metric in &metrics {
        look(call, "changepoint", std::slice::from_ref(metric), false, &mut gathered)?;
    }
    gathered.answer(
        call,
        "the worst first: name a container, a namespace or a metric for fewer, or a limit up to 100 for more",
    )
}

/// `find_related`
pub(super) fn related(call: &Call<'_>) -> Result<Answer, ApiError> {
    of_one(call, "correlate", &[])
}

/// `compare`
pub(super) fn compare(call: &Call<'_>) -> Result<Answer, ApiError> {
    of_one(call, "compare", KEY_METRICS)
}

fn of_one(call: &Call<'_>, id: &str, otherwise: &[&str]) -> Result<Answer, ApiError> {
    let mut gathered = Gathered::default();
    let metrics = metrics(call, otherwise, &mut gathered)?;
    look(call, id, &metrics, true, &mut gathered)?;
    gathered.answer(call, LESS)
}

fn metrics(call: &Call<'_>, otherwise: &[&str], gathered: &mut Gathered) -> Result<Vec<String>, ApiError> {
    let mut notes = Vec::new();
    let parameter = if call.has(&ANALYZED) { &ANALYZED } else { &ONE_OR_MORE };
    let metrics = call.metrics(parameter, otherwise, &mut notes)?;
    notes.into_iter().for_each(|note| gathered.note(note));
    Ok(metrics)
}

/// Has a study look. Where it was not asked for by name, what is too much for it is a note.
fn look(
    call: &Call<'_>,
    id: &str,
    metrics: &[String],
    is_named: bool,
    gathered: &mut Gathered,
) -> Result<(), ApiError> {
    if call.is_late() {
        gathered.note(format!("{id} did not look, because the others took long: name fewer studies or metrics"));
        return Ok(());
    }
    match call.study(id, metrics) {
        Ok(answers) => answers.into_iter().for_each(|answer| gathered.add(answer)),
        Err(ApiError::Asked(AskError::NotFound(_))) if !is_named && studies::named(id).is_none() => {}
        Err(error) if !is_named && is_about_size(&error) => gathered.fail(id, error),
        Err(error) => return Err(error),
    }
    Ok(())
}

fn of_metrics() -> Vec<&'static str> {
    with_needs(|needs| matches!(needs, Needs::Series | Needs::Limit))
}

fn of_containers() -> Vec<&'static str> {
    with_needs(|needs| matches!(needs, Needs::Container(_)))
}

fn with_needs(wanted: impl Fn(Needs) -> bool) -> Vec<&'static str> {
    let studies = studies::ALL.iter().map(|study| study.about());
    studies.filter(|about| wanted(about.needs)).map(|about| about.id).collect()
}
