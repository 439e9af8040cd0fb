//! Files of one value: a number, or a limit that may be `max`.
//!
//! The surprise: v1 has no word for "no limit". It writes -1 (`cpu.cfs_quota_us`) or the largest number of bytes that
//! its page counter can hold, which depends on the machine's page size.

use crate::cgroup::Garbled;
use crate::metric::UNLIMITED;

/// The smallest number of bytes that means "no limit" on v1: `PAGE_COUNTER_MAX` pages (`include/linux/page_counter.h`).
/// It is 0x7FFF_FFFF_FFFF_F000 with pages of 4 KiB and this one with the largest pages, 64 KiB.
const PAGE_COUNTER_MAX_BYTES: u64 = 0x7FFF_FFFF_FFFF_0000;

/// A limit as the kernel states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// No limit.
    Max,
    /// A limit, in the file's unit.
    Value(i64),
}

impl Limit {
    /// The limit as a column holds it: [`UNLIMITED`] for none.
    #[must_use]
    pub fn stored(self) -> i64 {
        match self {
            Self::Max => UNLIMITED,
            Self::Value(value) => value,
        }
    }
}

/// Reads a limit: a number, `max`, a negative number (no limit) or v1's largest number (no limit).
///
/// The end of the line may be missing: one number is too short to be cut.
///
/// # Errors
///
/// [`Garbled`] for anything else, the empty text included.
pub fn parse(text: &[u8]) -> Result<Limit, Garbled> {
    let word = text.strip_suffix(b"\n").unwrap_or(text);
    limit(word).ok_or(Garbled)
}

/// Reads a counter or gauge; what does not fit is `i64::MAX`.
///
/// # Errors
///
/// [`Garbled`] for anything but one number.
pub fn parse_number(text: &[u8]) -> Result<i64, Garbled> {
    let word = text.strip_suffix(b"\n").unwrap_or(text);
    digits(word).map(|value| i64::try_from(value).unwrap_or(i64::MAX)).ok_or(Garbled)
}

/// The limit that one word states.
pub(super) fn limit(word: &[u8]) -> Option<Limit> {
    if word == b"max" {
        return Some(Limit::Max);
    }
    if let Some(positive) = word.strip_prefix(b"-") {
        return digits(positive).map(|_| Limit::Max);
    }
    let value = digits(word)?;
    let below_max = (value < PAGE_COUNTER_MAX_BYTES).then(|| i64::try_from(value).ok()).flatten();
    Some(below_max.map_or(Limit::Max, Limit::Value))
}

/// A word of one or more decimal digits whose value fits in 64 bits.
pub(super) fn digits(word: &[u8]) -> Option<u64> {
    let value = |sum: u64, &byte: &u8| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| sum.checked_mul(10)?.checked_add(u64::from(digit))).flatten()
    };
    (!word.is_empty()).then(|| word.iter().try_fold(0, value)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_v2_are_read() {
        assert_eq!(parse(b"201326592\n"), Ok(Limit::Value(201_326_592)));
        assert_eq!(parse(b"max\n"), Ok(Limit::Max));
        assert_eq!(parse(b"0\n"), Ok(Limit::Value(0)));
    }

    #[test]
    fn limits_of_v1_are_read() {
        assert_eq!(parse(b"-1\n"), Ok(Limit::Max), "cpu.cfs_quota_us without a quota");
        assert_eq!(parse(b"20000\n"), Ok(Limit::Value(20_000)));
        assert_eq!(parse(b"9223372036854771712\n"), Ok(Limit::Max), "memory.limit_in_bytes, pages of 4 KiB");
        assert_eq!(parse(b"9223372036854710272\n"), Ok(Limit::Max), "memory.limit_in_bytes, pages of 64 KiB");
        assert_eq!(parse(b"9223372036854710271\n"), Ok(Limit::Value(9_223_372_036_854_710_271)));
        assert_eq!(parse(b"18446744073709551615\n"), Ok(Limit::Max), "memory.limit_in_bytes before Linux 3.19");
    }

    #[test]
    fn no_limit_is_stored_as_the_largest_number() {
        assert_eq!(Limit::Max.stored(), UNLIMITED);
        assert_eq!(Limit::Value(5).stored(), 5);
    }

    #[test]
    fn the_end_of_the_line_may_be_missing() {
        assert_eq!(parse(b"20"), Ok(Limit::Value(20)));
        assert_eq!(parse_number(b"20"), Ok(20));
    }

    #[test]
    fn what_is_no_number_is_garbled() {
        for text in
            ["", "\n", "-", "-\n", "--1", "+1", " 1", "1 ", "1 2", "1\n2\n", "maximum", "MAX", "0x10", "1.5", "\u{660}"]
        {
            assert_eq!(parse(text.as_bytes()), Err(Garbled), "{text:?}");
            assert_eq!(parse_number(text.as_bytes()), Err(Garbled), "{text:?}");
        }
        assert_eq!(parse(b"18446744073709551616\n"), Err(Garbled), "65 bits");
        assert_eq!(parse_number(b"max\n"), Err(Garbled));
        assert_eq!(parse_number(b"-1\n"), Err(Garbled));
    }

    #[test]
    fn a_number_above_the_columns_range_is_its_largest() {
        assert_eq!(parse_number(b"990540662\n"), Ok(990_540_662));
        assert_eq!(parse_number(b"9223372036854775807\n"), Ok(i64::MAX));
        assert_eq!(parse_number(b"18446744073709551615\n"), Ok(i64::MAX));
    }
}
