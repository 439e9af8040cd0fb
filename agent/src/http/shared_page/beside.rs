//! What a view asks beside its charts: the two sides of a comparison with the verdict on them, and the table of processes.
//!
//! Pure. The viewer asks the same when it makes such a page, and again when it opens one; the links and the keys of
//! `docs/shared-file.json` are what both are held to.

use super::view::View;
use super::{Pairs, is_of_node};
use crate::human;
use crate::rfc3339;

/// The processes of so many containers are in a page.
pub(super) const MOST_CONTAINERS: usize = 20;
/// The end of a range, as the moment of the processes; to so many milliseconds, as the viewer asks.
const END: &str = "end";
const STEP_MS: i64 = 5_000;
const COMPARISONS: &str = "before, a time earlier like -1d, FROM/TO, with:CONTAINER or starts:CONTAINER";

/// A range in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Millis {
    pub(super) from: i64,
    pub(super) to: i64,
}

/// One of the two that are compared; without a container it is the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) container: Option<String>,
    pub(super) range: Millis,
}

/// What is compared with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) metric: String,
    pub(super) one: Side,
    pub(super) other: Side,
}

/// A container as far as a view needs it: its whole id, and since when it is known.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) id: String,
    /// Whether the charts show it.
    pub(super) is_chosen: bool,
    pub(super) first_seen_ms: Option<i64>,
}

/// With what a container, or the node, is compared.
#[derive(Clone, Copy)]
enum Other<'a> {
    Before,
    Earlier(i64),
    Range(Millis),
    Container { id: &'a str, from_starts: bool },
}

/// Containers that only a study or the comparison names, by what the view has of their ids.
pub(super) fn named(view: &View) -> Vec<&str> {
    let mut named: Vec<&str> = Vec::new();
    for study in &view.studies {
        let mut settings = study.split(';');
        named.extend(settings.next().and_then(|place| place.splitn(3, ':').nth(2)));
        named.extend(settings.filter_map(|setting| setting.strip_prefix("with:")));
    }
    if let Some(Other::Container { id, .. }) = view.beside("compare").and_then(other) {
        named.push(id);
    }
    named.extend(view.beside("compare_container"));
    named.retain(|id| !id.is_empty());
    named
}

impl Comparison {
    /// The comparison of a view in a range; `known` has all containers that it names.
    ///
    /// # Errors
    /// A sentence: it is none, or nothing is chosen to be compared.
    pub(super) fn of(view: &View, range: Millis, known: &[Known]) -> Result<Option<Self>, String> {
        let Some(text) = view.beside("compare") else { return Ok(None) };
        let other = other(text).ok_or_else(|| format!("{text} is no comparison; one is {COMPARISONS}"))?;
        let metric = view.beside("compare_metric").or(view.panels.first().map(String::as_str)).unwrap_or_default();
        let find = |id: &str| known.iter().find(|one| one.id.starts_with(id));
        let first = known.iter().find(|one| one.is_chosen);
        let one = match view.beside("compare_container").and_then(find).or(first) {
            _ if is_of_node(metric) => None,
            None => return Err("choose a container to compare, with --containers".to_owned()),
            chosen => chosen,
        };
        let (one, other) = sides(one, range, other, find);
        Ok(Some(Self { metric: metric.to_owned(), one, other }))
    }

    /// What the study is asked; it takes another range of the same container, or another container in the same range.
    pub(super) fn verdict_question(&self) -> Option<Pairs<'static>> {
        let Self { metric, one, other } = self;
        let mut pairs = one.question(metric);
        if one.container == other.container {
            pairs.push(("baseline_from", other.range.from.to_string()));
            pairs.push(("baseline_to", other.range.to.to_string()));
        } else {
            pairs.extend(other.container.clone().filter(|_| one.range == other.range).map(|id| ("with", id)));
        }
        (pairs.len() > one.question(metric).len()).then_some(pairs)
    }
}

impl Side {
    pub(super) fn question(&self, metric: &str) -> Pairs<'static> {
        let container = self.container.clone().map(|id| ("container", id));
        container.into_iter().chain([("metric", metric.to_owned())]).collect()
    }
}

/// At which moment the processes of a view are told, in milliseconds; none where it has none.
///
/// # Errors
/// A sentence: it is no moment.
pub(super) fn processes_at(view: &View, range: Millis) -> Result<Option<i64>, String> {
    let Some(text) = view.beside("processes") else { return Ok(None) };
    let end = range.to.div_euclid(STEP_MS) * STEP_MS;
    let named = match text {
        END => end,
        _ => time(text).ok_or_else(|| format!("{text} is no time like 2026-11-23T04:00:00Z, nor {END}"))?,
    };
    let is_seen = (range.from..=range.to).contains(&named);
    Ok(Some(if is_seen { named } else { end }))
}

fn other(text: &str) -> Option<Other<'_>> {
    if text == "before" {
        return Some(Other::Before);
    }
    let container = |id, from_starts| Some(Other::Container { id, from_starts });
    match (text.strip_prefix("with:"), text.strip_prefix("starts:")) {
        (Some(id), _) if !id.is_empty() => return container(id, false),
        (_, Some(id)) if !id.is_empty() => return container(id, true),
        _ => {}
    }
    if let Some(by) = text.strip_prefix('-') {
        return duration_ms(by).map(Other::Earlier);
    }
    let (from, to) = text.split_once('/')?;
    let range = Millis { from: time(from)?, to: time(to)? };
    (range.from < range.to).then_some(Other::Range(range))
}

fn sides<'a>(
    one: Option<&Known>,
    range: Millis,
    other: Other<'_>,
    find: impl Fn(&str) -> Option<&'a Known>,
) -> (Side, Side) {
    let span = range.to - range.from;
    let side = |known: Option<&Known>, range| Side { container: known.map(|known| known.id.clone()), range };
    let earlier = |by| Millis { from: range.from - by, to: range.to - by };
    let (id, from_starts) = match other {
        Other::Earlier(by) => return (side(one, range), side(one, earlier(by))),
        Other::Range(other) => return (side(one, range), side(one, other)),
        // There is one node only.
        Other::Container { id, from_starts } if one.is_some() => (id, from_starts),
        Other::Before | Other::Container { .. } => return (side(one, range), side(one, earlier(span))),
    };
    let from_start = |known: Option<&Known>| match known.and_then(|known| known.first_seen_ms) {
        Some(from) if from_starts => Millis { from, to: from + span },
        _ => range,
    };
    let second = find(id);
    (side(one, from_start(one)), side(second, from_start(second)))
}

/// A duration as the viewer's links have it: always with a unit, and more than nothing.
pub(super) fn duration_ms(text: &str) -> Option<i64> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let has_unit = ["ms", "s", "m", "h", "d", "w"].contains(&&text[number.len()..]);
    let duration = human::parse_duration(text).ok().filter(|_| has_unit)?;
    i64::try_from(duration.as_millis()).ok().filter(|&ms| ms > 0)
}

/// RFC 3339, or milliseconds since 1970.
fn time(text: &str) -> Option<i64> {
    let millis = || text.parse().ok().filter(|_| (11..=14).contains(&text.len()));
    rfc3339::parse(text).map(super::millis).or_else(millis)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn range_of(value: &Value) -> Millis {
        Millis { from: value["from"].as_i64().unwrap(), to: value["to"].as_i64().unwrap() }
    }

    #[test]
    fn what_is_asked_beside_the_charts_is_what_the_viewer_asks() {
        let vectors: Value = serde_json::from_str(include_str!("../../../../docs/shared-file.json")).unwrap();
        let range = range_of(&vectors["range"]);
        let known: Vec<Known> = vectors["containers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| Known {
                id: one["id"].as_str().unwrap().to_owned(),
                is_chosen: one["chosen"].as_bool().unwrap(),
                first_seen_ms: one["first_seen"].as_str().and_then(time),
            })
            .collect();
        let cases = vectors["cases"].as_array().unwrap();
        assert!(cases.len() > 10);
        for case in cases {
            let link = case["link"].as_str().unwrap();
            let view = View::of_link(link);
            let of = |part: &'static str, metric: &str, side: &Side| {
                let mut pairs = side.question(metric);
                pairs.push(("part", part.to_owned()));
                json!({"key": super::super::key("/api/timeseries", &pairs), "from": side.range.from, "to": side.range.to})
            };
            let comparison = Comparison::of(&view, range, &known).unwrap().map_or(Value::Null, |pair| {
                let verdict = pair.verdict_question().map(|pairs| super::super::key("/api/study/compare", &pairs));
                let of = |part, side| of(part, &pair.metric, side);
                json!({"one": of("one", &pair.one), "other": of("other", &pair.other), "verdict": verdict})
            });
            assert_eq!(comparison, case["comparison"], "{link}");
            let at = processes_at(&view, range).unwrap();
            assert_eq!(at.map_or(Value::Null, Value::from), case["processes_at"], "{link}");
        }
    }

    #[test]
    fn what_is_no_comparison_and_no_moment_is_refused() {
        let range = Millis { from: 0, to: 10_000 };
        let known = [Known { id: "aaaaaa".to_owned(), is_chosen: true, first_seen_ms: None }];
        for text in
            ["", "x", "-", "-90", "-5us", "with:", "2026-11-23T04:00:00Z", "2026-11-23T04:00:00Z/2026-11-23T03:00:00Z"]
        {
            let view = View::of_link(&format!("#panels=m&compare={text}&processes={text}"));
            assert!(Comparison::of(&view, range, &known).unwrap_err().contains("is no comparison"), "{text}");
        }
        let refused = processes_at(&View::of_link("#processes=-5m"), range).unwrap_err();
        assert!(refused.contains("nor end"), "{refused}");
        let refused = Comparison::of(&View::of_link("#panels=m&compare=before"), range, &[]).unwrap_err();
        assert!(refused.contains("choose a container"), "{refused}");
    }

    #[test]
    fn containers_of_studies_and_of_the_comparison_are_named() {
        let view =
            View::of_link("#studies=trend:m:aa;x:1;with:bb,oom::cc,compare&compare=starts:dd&compare_container=ee");
        assert_eq!(named(&view), ["aa", "bb", "cc", "dd", "ee"]);
    }
}
