//! The parameters of `/api/events`: pairs of text in, a filter out.

use std::time::Duration;

use crate::event::Kind;
use crate::http::query::{self, Pairs, QueryError, invalid};
use crate::human;
use crate::model::UnixMicros;
use crate::rfc3339;
use crate::service::events::{EventFilter, MAX_EVENTS};

const PARAMETERS: &[&str] =
    &["from", "to", "kind", "container_id", "pod", "namespace", "container", "workload", "limit"];

/// Reads the parameters; relative times count from `now`.
pub(super) fn events(pairs: Pairs, now: UnixMicros) -> Result<EventFilter, QueryError> {
    let mut filter = EventFilter::default();
    for (known, value) in query::known(pairs, PARAMETERS)? {
        match known {
            "from" => filter.from = time("from", value, now)?,
            "to" => filter.to = time("to", value, now)?,
            "kind" => filter.kinds = kinds(&value)?,
            "limit" => filter.limit = limit(value)?,
            _ => drop(filter.texts.insert(known, value)),
        }
    }
    if filter.from > filter.to {
        return Err(invalid("from", rfc3339::format(filter.from), "a time before to".to_owned()));
    }
    Ok(filter)
}

/// A time: RFC 3339, milliseconds since 1970, `now`, or relative to now like `-15m`.
fn time(name: &'static str, value: String, now: UnixMicros) -> Result<UnixMicros, QueryError> {
    let back = |text: &str| {
        let duration: Duration = human::parse_duration(text).ok()?;
        Some(now.saturating_sub(i64::try_from(duration.as_micros()).ok()?))
    };
    let found = match value.strip_prefix('-') {
        Some(ago) => back(ago),
        None if value == "now" => Some(now),
        None => value.parse::<i64>().ok().map(|ms| ms.saturating_mul(1000)).or_else(|| rfc3339::parse(&value)),
    };
    let valid = "a time like 2026-11-23T04:00:00Z, milliseconds since 1970, or -15m for 15 minutes ago";
    found.ok_or_else(|| invalid(name, value, valid.to_owned()))
}

fn kinds(value: &str) -> Result<Vec<Kind>, QueryError> {
    let kind = |name: &str| {
        let found = Kind::ALL.into_iter().find(|kind| kind.as_str() == name);
        let valid = || format!("one or more of {}, separated by commas", Kind::ALL.map(Kind::as_str).join(", "));
        found.ok_or_else(|| invalid("kind", name.to_owned(), valid()))
    };
    value.split(',').map(kind).collect()
}

fn limit(value: String) -> Result<usize, QueryError> {
    let number = value.parse().ok().filter(|number| (1..=MAX_EVENTS).contains(number));
    number.ok_or_else(|| invalid("limit", value, format!("a number from 1 to {MAX_EVENTS}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMicros = 1_795_406_400_000_000;

    fn read(given: &[(&str, &str)]) -> Result<EventFilter, QueryError> {
        events(given.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(), NOW)
    }

    #[test]
    fn every_parameter() {
        let given =
            [("from", "-15m"), ("to", "now"), ("kind", "oom_kill,clock_step"), ("pod", "web-0"), ("limit", "5")];
        let filter = EventFilter {
            from: NOW - 900_000_000,
            to: NOW,
            kinds: vec![Kind::OomKill, Kind::ClockStep],
            texts: [("pod", "web-0".to_owned())].into(),
            limit: 5,
        };
        assert_eq!(read(&given), Ok(filter));
        for at in ["2026-11-23T04:00:00Z", "2026-11-23T05:00:00+01:00", "1795406400000"] {
            assert_eq!(read(&[("from", at)]).map(|filter| filter.from), Ok(NOW), "{at}");
        }
    }

    #[test]
    fn each_mistake_gets_its_sentence() {
        for (given, part) in [
            (&[("since", "1")][..], "there is no parameter \"since\" here; there is from, to, kind"),
            (&[("from", "yesterday")], "the value \"yesterday\" of from is not valid; it is a time like"),
            (&[("from", "--1h")], "the value \"--1h\" of from is not valid"),
            (&[("kind", "oom")], "the value \"oom\" of kind is not valid; it is one or more of agent_start"),
            (&[("limit", "0")], "it is a number from 1 to 10000"),
            (&[("from", "now"), ("to", "-1h")], "of from is not valid; it is a time before to"),
        ] {
            let sentence = read(given).unwrap_err().to_string();
            assert!(sentence.contains(part), "{sentence}");
        }
    }
}
