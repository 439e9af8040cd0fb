//! When a segment is sealed.
//!
//! Pure: facts in, decision out. The surprise: it is asked before each row, not once per tick, because a tick's rows may
//! straddle an hour, and a sealed file never does.

use std::time::Duration;

use crate::model::{HOUR_USEC, UnixMicros};

/// What bounds a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The age at which it is sealed.
    pub age: Duration,
    /// The bytes of memory at which it is sealed.
    pub bytes: usize,
}

/// What is known of a segment that has rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How long ago it got its first row, on the monotonic clock.
    pub age: Duration,
    /// The time of its first row.
    pub first_time: UnixMicros,
    /// Bytes of memory it takes.
    pub bytes: usize,
}

/// The row that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Its time.
    pub time: UnixMicros,
    /// The time of its container's last row in the segment.
    pub previous: Option<UnixMicros>,
}

/// Why a segment is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The next row is in another UTC hour.
    Hour,
    /// The next row is not after its container's last one: the clock stepped back.
    ClockStep,
    /// It is old enough.
    Age,
    /// It is large enough.
    Bytes,
}

/// Why the segment must be sealed before the next row; `None` to keep it open.
#[must_use]
pub fn before_row(segment: &Progress, next: &Next, limits: &Limits) -> Option<Reason> {
    if segment.first_time.div_euclid(HOUR_USEC) != next.time.div_euclid(HOUR_USEC) {
        return Some(Reason::Hour);
    }
    if next.previous.is_some_and(|previous| next.time <= previous) {
        return Some(Reason::ClockStep);
    }
    (segment.bytes >= limits.bytes).then_some(Reason::Bytes)
}

/// Why the segment must be sealed between ticks; `None` to keep it open.
///
/// Age waits for the end of a tick, so that a file holds whole ticks unless an hour ends in one.
#[must_use]
pub fn between_ticks(segment: &Progress, limits: &Limits) -> Option<Reason> {
    if segment.age >= limits.age {
        return Some(Reason::Age);
    }
    (segment.bytes >= limits.bytes).then_some(Reason::Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { age: Duration::from_secs(90), bytes: 1000 };
    const START: UnixMicros = 495_000 * HOUR_USEC;

    fn progress() -> Progress {
        Progress { age: Duration::from_secs(10), first_time: START + 5, bytes: 10 }
    }

    #[test]
    fn a_young_small_segment_is_kept() {
        let next = Next { time: START + HOUR_USEC - 1, previous: Some(START + HOUR_USEC - 2) };
        assert_eq!(before_row(&progress(), &next, &LIMITS), None);
        assert_eq!(between_ticks(&progress(), &LIMITS), None);
    }

    #[test]
    fn the_hour_ends_a_segment_in_both_directions() {
        for time in [START + HOUR_USEC, START - 1] {
            assert_eq!(before_row(&progress(), &Next { time, previous: None }, &LIMITS), Some(Reason::Hour));
        }
    }

    #[test]
    fn hours_before_1970_are_hours_too() {
        let segment = Progress { first_time: -1, ..progress() };
        assert_eq!(before_row(&segment, &Next { time: 0, previous: None }, &LIMITS), Some(Reason::Hour));
        assert_eq!(before_row(&segment, &Next { time: -2, previous: None }, &LIMITS), None);
    }

    #[test]
    fn a_row_that_is_not_later_ends_the_segment() {
        for back in [0, 1, 5_000_000] {
            let time = START + 50_000_000;
            let next = Next { time, previous: Some(time + back) };
            assert_eq!(before_row(&progress(), &next, &LIMITS), Some(Reason::ClockStep));
        }
    }

    #[test]
    fn age_and_bytes_end_a_segment() {
        let old = Progress { age: LIMITS.age, ..progress() };
        assert_eq!(between_ticks(&old, &LIMITS), Some(Reason::Age));
        let large = Progress { bytes: 1000, ..progress() };
        assert_eq!(between_ticks(&large, &LIMITS), Some(Reason::Bytes));
        assert_eq!(before_row(&large, &Next { time: START + 9, previous: None }, &LIMITS), Some(Reason::Bytes));
    }
}
