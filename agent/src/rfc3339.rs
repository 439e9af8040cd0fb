//! Times as people and JSON read them: RFC 3339, UTC, always six digits after the second.

use jiff::Timestamp;

use crate::model::UnixMicros;

/// The time as `2026-01-31T12:00:00.000000Z`; beyond the years that the format can say, the nearest it can.
#[must_use]
pub fn format(time: UnixMicros) -> String {
    format!("{:.6}", timestamp(time))
}

/// The time to the nearest second, as `2026-01-31T12:00:00Z`.
#[must_use]
pub fn format_seconds(time: UnixMicros) -> String {
    format!("{:.0}", timestamp(time.saturating_add(500_000)))
}

/// The time to the millisecond before it, as `2026-01-31T12:00:00.250Z`, without a fraction where that is zero.
#[must_use]
pub fn format_millis(time: UnixMicros) -> String {
    let millis = time.div_euclid(1_000);
    let time = timestamp(millis.saturating_mul(1_000));
    if millis.rem_euclid(1_000) == 0 { format!("{time:.0}") } else { format!("{time:.3}") }
}

fn timestamp(time: UnixMicros) -> Timestamp {
    let nearest = if time < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(time).unwrap_or(nearest)
}

/// The time that RFC 3339 text says, in any offset; `None` where it is none, or without an offset.
#[must_use]
pub fn parse(text: &str) -> Option<UnixMicros> {
    Some(text.parse::<Timestamp>().ok()?.as_microsecond())
}

/// For `#[serde(serialize_with = "rfc3339::serialize")]`.
///
/// # Errors
///
/// Where the serializer fails.
pub fn serialize<S: serde::Serializer>(time: &UnixMicros, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_six_digits_and_a_z() {
        assert_eq!(format(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(format(1_769_860_800_123_456), "2026-01-31T12:00:00.123456Z");
        assert_eq!(format(-1), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn whole_seconds_have_no_milliseconds() {
        assert_eq!(format_millis(1_769_860_800_000_999), "2026-01-31T12:00:00Z");
        assert_eq!(format_millis(1_769_860_800_250_999), "2026-01-31T12:00:00.250Z");
        assert_eq!(format_millis(-1), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn what_was_written_is_read_back_and_anything_else_is_no_time() {
        assert_eq!(parse("2026-01-31T12:00:00.123456Z"), Some(1_769_860_800_123_456));
        assert_eq!(parse("2026-01-31T13:00:00+01:00"), Some(1_769_860_800_000_000));
        assert_eq!(["", "yesterday", "2026-01-31"].map(parse), [None; 3]);
    }

    #[test]
    fn a_time_beyond_the_format_becomes_the_nearest_one() {
        assert!(format(i64::MAX).starts_with("9999-"));
        assert!(format(i64::MIN).starts_with('-'));
    }
}
