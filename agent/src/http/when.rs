//! When: a range of time from `from`, `to` and `range`.
//!
//! Pure. The surprise: `all` is not known before the service is asked, so it stays a word until then.

use crate::http::parameter::{FROM, Parameter, RANGE, RANGE_OR_HOUR, TO};
use crate::http::query::{Given, QueryError};
use crate::http::values::{self, Length};
use crate::model::UnixMicros;
use crate::rfc3339;
use crate::service::answers::Questions;
use crate::service::question::TimeRange;

const HOUR_USEC: i64 = 3_600_000_000;

/// A range as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// This one.
    Between(TimeRange),
    /// Everything that is recorded.
    All {
        /// What is asked for where nothing is recorded.
        otherwise: TimeRange,
    },
}

impl When {
    /// The range; asks the service where everything is wanted.
    pub(super) fn range(self, questions: &dyn Questions) -> TimeRange {
        match self {
            Self::Between(range) => range,
            Self::All { otherwise } => questions.recorded_span().unwrap_or(otherwise),
        }
    }
}

/// The range of a path that has one by default.
pub(super) fn or_last_hour(given: &Given, now: UnixMicros) -> Result<When, QueryError> {
    read(given, now, &RANGE_OR_HOUR)
}

/// The range where one is asked for.
pub(super) fn if_given(given: &Given, now: UnixMicros) -> Result<Option<When>, QueryError> {
    let is_given = [&FROM, &TO, &RANGE].into_iter().any(|parameter| given.has(parameter));
    if is_given { read(given, now, &RANGE).map(Some) } else { Ok(None) }
}

fn read(given: &Given, now: UnixMicros, range: &'static Parameter) -> Result<When, QueryError> {
    let time = |parameter| given.value(parameter, |text| values::time(text, now));
    let (from, to) = (time(&FROM)?, time(&TO)?);
    let length = given.value(range, values::length)?;
    if from.is_some() && to.is_some() && given.has(range) {
        return Err(QueryError::ThreeTimes);
    }
    let now_or = |to: Option<UnixMicros>| to.unwrap_or(now);
    let range = match (from, to, length) {
        (None, None, Some(Length::All)) => {
            return Ok(When::All { otherwise: TimeRange { from: now.saturating_sub(HOUR_USEC), to: now } });
        }
        (Some(from), None, Some(Length::Usec(usec))) if given.has(range) => {
            TimeRange { from, to: from.saturating_add(usec) }
        }
        (Some(from), to, _) => TimeRange { from, to: now_or(to) },
        (None, to, Some(Length::Usec(usec))) => TimeRange { from: now_or(to).saturating_sub(usec), to: now_or(to) },
        (None, to, _) => TimeRange { from: 0, to: now_or(to) },
    };
    let (value, valid) = (rfc3339::format(range.from), format!("a time before {}", rfc3339::format(range.to)));
    let is_before = range.from < range.to;
    is_before.then_some(When::Between(range)).ok_or(QueryError::Invalid { name: "from", value, valid })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::query::Table;

    const NOW: UnixMicros = 1_795_406_400_000_000;
    const MINUTE: i64 = 60_000_000;

    static WITH_HOUR: Table = &[&FROM, &TO, &RANGE_OR_HOUR];
    static WITHOUT: Table = &[&FROM, &TO, &RANGE];

    fn given(pairs: &[(&str, &str)], table: Table) -> Given {
        Given::read(pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(), table).unwrap()
    }

    fn range(pairs: &[(&str, &str)]) -> Result<(i64, i64), String> {
        match or_last_hour(&given(pairs, WITH_HOUR), NOW).map_err(|error| error.to_string())? {
            When::Between(range) => Ok((range.from, range.to)),
            When::All { .. } => Err("all".to_owned()),
        }
    }

    #[test]
    fn every_combination() {
        let at = |minutes: i64| NOW + minutes * MINUTE;
        for (pairs, expected) in [
            (&[][..], (at(-60), at(0))),
            (&[("range", "15m")], (at(-15), at(0))),
            (&[("from", "-3h")], (at(-180), at(0))),
            (&[("to", "-2h")], (at(-180), at(-120))),
            (&[("from", "-2h"), ("to", "-1h")], (at(-120), at(-60))),
            (&[("from", "-2h"), ("range", "5m")], (at(-120), at(-115))),
            (&[("to", "-2h"), ("range", "5m")], (at(-125), at(-120))),
            (&[("from", "-2h"), ("range", "all")], (at(-120), at(0))),
            (&[("to", "-2h"), ("range", "all")], (0, at(-120))),
        ] {
            assert_eq!(range(pairs), Ok(expected), "{pairs:?}");
        }
        assert_eq!(range(&[("range", "all")]), Err("all".to_owned()));
    }

    #[test]
    fn each_mistake_gets_its_sentence() {
        for (pairs, part) in [
            (&[("from", "yesterday")][..], "the value \"yesterday\" of from is not valid; it is a time like"),
            (
                &[("range", "1y")],
                "the value \"1y\" of range is not valid; it is a duration like 15m, 6h, 1d or 1w, or all",
            ),
            (
                &[("from", "now"), ("to", "-1h")],
                "the value \"2026-11-23T04:00:00.000000Z\" of from is not valid; it is a time before \
                 2026-11-23T03:00:00.000000Z",
            ),
            (&[("from", "now")], "of from is not valid"),
            (&[("range", "0s")], "of from is not valid"),
            (&[("from", "-2h"), ("to", "-1h"), ("range", "1h")], "two of them say all"),
        ] {
            let sentence = range(pairs).unwrap_err();
            assert!(sentence.contains(part), "{sentence}");
        }
    }

    #[test]
    fn where_nothing_is_asked_there_is_no_range() {
        assert_eq!(if_given(&given(&[], WITHOUT), NOW), Ok(None));
        let last_day = TimeRange { from: NOW - 24 * 60 * MINUTE, to: NOW };
        assert_eq!(if_given(&given(&[("range", "1d")], WITHOUT), NOW), Ok(Some(When::Between(last_day))));
    }
}
