//! Durations and sizes as people write them: `100ms`, `90s`, `1.5h`; `32MiB`, `10G`.
//!
//! Text in, number out, in whole nanoseconds and bytes: no floating point, so `0.1s` is exactly 100 ms. A plain number
//! counts seconds or bytes.

use std::time::Duration;

/// Why a text is no duration or size. The text itself is not repeated: whoever shows the error shows it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HumanError {
    /// Not of the form number and unit.
    #[error("a duration is a number and a unit (ms, s, m, h, d or w), such as 100ms or 90s")]
    Duration,
    /// Not of the form number and unit.
    #[error("a size is a number and a unit (KiB, MiB, GiB, k, M or G), such as 32MiB")]
    Size,
    /// Larger than the number that holds it.
    #[error("the number is too large")]
    TooLarge,
}

/// The units of durations, in nanoseconds.
pub const DURATION_UNITS: &[(&str, u64)] = &[
    ("", 1_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("m", 60_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
];

const SIZE_UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("B", 1),
    ("k", 1_000),
    ("kB", 1_000),
    ("M", 1_000_000),
    ("MB", 1_000_000),
    ("G", 1_000_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// A duration from a number and a unit; a plain number counts seconds.
///
/// # Errors
///
/// Where the text has another form, or more than the 584 years that 64 bits of nanoseconds hold.
pub fn parse_duration(text: &str) -> Result<Duration, HumanError> {
    scaled(text, DURATION_UNITS, HumanError::Duration).map(Duration::from_nanos)
}

/// A size in bytes from a number and a unit; a plain number counts bytes.
///
/// # Errors
///
/// Where the text has another form, or does not fit 64 bits.
pub fn parse_size(text: &str) -> Result<u64, HumanError> {
    scaled(text, SIZE_UNITS, HumanError::Size)
}

/// The duration with the largest unit that keeps it whole: `1500ms`, `90s`, `1h`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let whole = [("h", 3_600_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)]
        .into_iter()
        .find(|&(_, scale)| nanos != 0 && nanos.is_multiple_of(scale));
    match whole {
        Some((unit, scale)) => format!("{}{unit}", nanos / scale),
        None if nanos == 0 => "0s".to_owned(),
        None => format!("{nanos}ns"),
    }
}

/// The size with the largest binary unit that keeps it whole: `32MiB`, `1000B`.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    let whole = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        .into_iter()
        .find(|&(_, scale)| bytes != 0 && bytes.is_multiple_of(scale));
    whole.map_or_else(|| format!("{bytes}B"), |(unit, scale)| format!("{}{unit}", bytes / scale))
}

/// Number times unit, in whole multiples of the smallest thing; digits beyond that are cut off.
fn scaled(text: &str, units: &[(&str, u64)], malformed: HumanError) -> Result<u64, HumanError> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let Some(&(_, scale)) = units.iter().find(|(name, _)| *name == unit.trim_start()) else { return Err(malformed) };
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(malformed);
    }
    let whole: u64 = whole.parse().map_err(|_| HumanError::TooLarge)?;
    // Nine digits are nanoseconds of a second; more could not change the result of any unit but hours.
    let fraction = &fraction[..fraction.len().min(9)];
    let digits: u128 = fraction.parse().map_err(|_| HumanError::TooLarge)?;
    let tenths = 10_u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
    let total = u128::from(whole) * u128::from(scale) + digits * u128::from(scale) / tenths;
    u64::try_from(total).map_err(|_| HumanError::TooLarge)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_in_every_unit() {
        for (text, millis) in [
            ("10ms", 10),
            ("1s", 1_000),
            ("0.1s", 100),
            ("0.1", 100),
            ("2", 2_000),
            ("1.5m", 90_000),
            ("1 min", 60_000),
            ("1h", 3_600_000),
            ("1w", 604_800_000),
            ("500us", 0),
        ] {
            assert_eq!(parse_duration(text).map(|d| d.as_millis()), Ok(millis), "{text}");
        }
    }

    #[test]
    fn sizes_in_every_unit() {
        for (text, bytes) in [
            ("32MiB", 32 << 20),
            ("1.5KiB", 1_536),
            ("1k", 1_000),
            ("10G", 10_000_000_000),
            ("2GiB", 2 << 30),
            ("4096", 4_096),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "s", "ms", "-1s", "1.s", ".5s", "1..5s", "1.2.3", "1y", "1m30s", "ten", "1e3", "∞", "1s "] {
            let expected = if text == "1s " { Ok(Duration::from_secs(1)) } else { Err(HumanError::Duration) };
            assert_eq!(parse_duration(text), expected, "{text}");
        }
        for text in ["", "MiB", "1mib", "-1", "1T", "1 2"] {
            assert_eq!(parse_size(text), Err(HumanError::Size), "{text}");
        }
        assert_eq!(parse_size("99999999999999999999"), Err(HumanError::TooLarge));
        assert_eq!(parse_duration("9999999999h"), Err(HumanError::TooLarge));
    }

    #[test]
    fn formats_with_the_largest_whole_unit() {
        for (millis, text) in [(0, "0s"), (1_500, "1500ms"), (90_000, "90s"), (3_600_000, "1h")] {
            assert_eq!(format_duration(Duration::from_millis(millis)), text);
        }
        assert_eq!(format_size(32 << 20), "32MiB");
        assert_eq!(format_size(1_000), "1000B");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = (parse_duration(&text), parse_size(&text));
        }

        #[test]
        fn what_is_formatted_parses_to_itself(usec in 0_u64..10_000_000_000_000, bytes: u64) {
            let duration = Duration::from_micros(usec);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
            prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
        }
    }
}
