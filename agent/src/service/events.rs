//! What happened, as an answer: the newest events that pass the filter.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::event::Kind;
use crate::model::UnixMicros;
use crate::rfc3339;

/// The most events that one answer lists.
pub const MAX_EVENTS: usize = 10_000;
/// How many it lists unless asked for more or fewer.
pub const DEFAULT_EVENTS: usize = 1000;

/// Which events are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFilter {
    /// Not before this time.
    pub from: UnixMicros,
    /// Before this time.
    pub to: UnixMicros,
    /// Only of these kinds; empty for all.
    pub kinds: Vec<Kind>,
    /// Only where a text column has exactly this value: `pod`, `namespace`, `container`, `container_id`, `workload`.
    pub texts: BTreeMap<&'static str, String>,
    /// At most so many.
    pub limit: usize,
}

impl Default for EventFilter {
    fn default() -> Self {
        Self { from: i64::MIN, to: i64::MAX, kinds: Vec::new(), texts: BTreeMap::new(), limit: DEFAULT_EVENTS }
    }
}

impl EventFilter {
    /// Whether an event passes.
    pub fn passes<'a>(&self, text: impl Fn(&str) -> Option<&'a str>) -> bool {
        let of_kind = self.kinds.is_empty() || self.kinds.iter().any(|kind| text("kind") == Some(kind.as_str()));
        of_kind && self.texts.iter().all(|(name, wanted)| text(name) == Some(wanted))
    }
}

/// An event, as the store tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// When it happened.
    pub time: UnixMicros,
    /// Its texts, by column.
    pub texts: BTreeMap<&'static str, String>,
    /// Its numbers, by column.
    pub numbers: BTreeMap<&'static str, i64>,
}

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EventsReply {
    /// The events, newest first. Columns without a value are left out.
    pub events: Vec<Map<String, Value>>,
    /// There are more that pass the filter, older than these.
    pub more: bool,
}

/// The answer from one event more than was asked for, if there is one.
#[must_use]
pub fn reply(mut found: Vec<RecordedEvent>, limit: usize) -> EventsReply {
    let more = found.len() > limit;
    found.truncate(limit);
    EventsReply { events: found.into_iter().map(entry).collect(), more }
}

fn entry(event: RecordedEvent) -> Map<String, Value> {
    let texts = event.texts.into_iter().map(|(name, text)| (name.to_owned(), Value::from(text)));
    let numbers = event.numbers.into_iter().map(|(name, number)| (name.to_owned(), Value::from(number)));
    let time = [("time".to_owned(), Value::from(rfc3339::format(event.time)))];
    time.into_iter().chain(texts).chain(numbers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_filter_narrows() {
        let text = |name: &str| match name {
            "kind" => Some("oom_kill"),
            "pod" => Some("web-0"),
            _ => None,
        };
        let all = EventFilter::default;
        let with = |name, value: &str| EventFilter { texts: [(name, value.to_owned())].into(), ..all() };
        assert!(all().passes(text));
        assert!(EventFilter { kinds: vec![Kind::ClockStep, Kind::OomKill], ..all() }.passes(text));
        assert!(!EventFilter { kinds: vec![Kind::ClockStep], ..all() }.passes(text));
        assert!(with("pod", "web-0").passes(text));
        assert!(!with("pod", "web-1").passes(text) && !with("namespace", "a").passes(text));
    }

    #[test]
    fn an_answer_says_when_there_is_more() {
        let event = |time| RecordedEvent { time, texts: BTreeMap::new(), numbers: [("count", 2)].into() };
        let cut = reply(vec![event(2), event(1)], 1);
        assert!(cut.more && cut.events.len() == 1);
        assert_eq!(cut.events[0]["count"], 2);
        assert_eq!(cut.events[0]["time"], "1970-01-01T00:00:00.000002Z");
    }
}
