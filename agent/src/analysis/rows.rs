//! Where rows of a subject have a gap, as it is learnt from their distances.
//!
//! What is usual is known where a table has a row per tick, and learnt where it has not (processes: their interval is not
//! recorded). It is never less than the sampling interval. Two long distances of about one length, one after the other, are a
//! new pace and not two gaps, and two short ones likewise: the agent reads more seldom when it is over its budget.

use crate::derived::Pace;
use crate::model::UnixMicros;
use crate::table::Table;

/// Rows further apart than the usual distance times this have a gap in between.
pub const GAP_FACTOR: f64 = 2.5;
/// The longest first distance of rows that is taken for the usual one, where it is not known otherwise; microseconds.
const LONGEST_FIRST_USEC: i64 = 60_000_000;

/// What lies between two rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// Nothing unusual.
    Regular,
    /// A gap; a time in it.
    Gap(UnixMicros),
    /// No rows, because nothing changed; the usual distance in microseconds.
    Quiet(i64),
}

/// What is known of a subject's distances between rows.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    table: Table,
    interval_usec: i64,
    /// The least that may be usual.
    floor: i64,
    /// What is usual; none before it is known.
    usual: Option<i64>,
    /// What was usual in the run before, until the first row of this one.
    before: Option<i64>,
    /// The distance that was unusual last, and the time of its end.
    unusual: Option<(i64, UnixMicros)>,
    is_first: bool,
    /// Distances from here on, ...
    low: u64,
    /// ... and no further than so much above it, are regular.
    span: u64,
}

impl Rows {
    pub(super) fn of(table: Table) -> Self {
        let interval_usec = 0;
        let (usual, before, unusual) = (None, None, None);
        Self { table, interval_usec, floor: 1, usual, before, unusual, is_first: true, low: u64::MAX, span: 0 }
    }

    /// Takes notice of the sampling interval of the rows to come.
    pub(super) fn sampled_every(&mut self, interval_usec: i64) {
        if interval_usec == self.interval_usec {
            return;
        }
        self.interval_usec = interval_usec;
        let pace = Pace::of_rows(self.table);
        self.floor = pace.interval_usec(interval_usec, None);
        self.before = self.usual;
        self.usual = matches!(pace, Pace::Ticks(_)).then_some(self.floor);
        // Whatever comes next is looked at closely.
        (self.low, self.span) = (u64::MAX, 0);
    }

    /// The usual distance of rows as far as it is known, in microseconds.
    pub(super) fn usual_usec(&self) -> i64 {
        self.usual.unwrap_or(self.floor)
    }

    /// Whether [`Self::look`] has to be asked about a distance; cheap.
    #[inline(always)]
    pub(super) fn is_unusual(&self, distance: i64) -> bool {
        (distance as u64).wrapping_sub(self.low) > self.span
    }

    /// Whether rows follow the previous one, and each other, without anything unusual.
    #[inline]
    pub(super) fn are_regular(&self, previous: UnixMicros, times: &[UnixMicros]) -> bool {
        let mut last = previous;
        let mut is_unusual = false;
        for &time in times {
            is_unusual |= self.is_unusual(time.wrapping_sub(last));
            last = time;
        }
        !is_unusual
    }

    /// What lies between a row and the next one.
    #[cold]
    #[inline(never)]
    pub(super) fn look(&mut self, previous: UnixMicros, time: UnixMicros) -> Step {
        let step = if self.is_first { Step::Regular } else { self.between(previous, time) };
        self.is_first = false;
        self.before = None;
        let (low, high) = match self.usual {
            None => (u64::MAX, u64::MAX),
            Some(usual) if usual > self.floor => (low(usual), high(usual)),
            Some(usual) => (1, high(usual)),
        };
        (self.low, self.span) = (low, high - low);
        step
    }

    fn between(&mut self, previous: UnixMicros, time: UnixMicros) -> Step {
        let distance = time.saturating_sub(previous);
        let Some(usual) = self.usual.max(self.before) else {
            if distance <= LONGEST_FIRST_USEC.max(self.floor.saturating_mul(10)) {
                self.usual = Some(distance.max(self.floor));
                return Step::Regular;
            }
            return self.long(previous, time);
        };
        let apart = u64::try_from(distance).unwrap_or(0);
        if apart > high(usual) {
            return self.long(previous, time);
        }
        if self.usual.is_some_and(|usual| usual > self.floor) && apart < low(usual) {
            if self.is_like_the_last(distance, previous) {
                self.usual = Some(distance.max(self.floor));
            }
            self.unusual = Some((distance, time));
        }
        Step::Regular
    }

    fn long(&mut self, previous: UnixMicros, time: UnixMicros) -> Step {
        let distance = time.saturating_sub(previous);
        if self.table == Table::IoDevices {
            return Step::Quiet(self.floor);
        }
        let is_a_pace = self.is_like_the_last(distance, previous);
        self.unusual = Some((distance, time));
        if is_a_pace {
            self.usual = Some(distance);
            return Step::Regular;
        }
        Step::Gap(previous.saturating_add(self.usual_usec()))
    }

    /// Whether the distance just before was unusual too and about as long.
    fn is_like_the_last(&self, distance: i64, begins: UnixMicros) -> bool {
        self.unusual.is_some_and(|(last, ended)| {
            let (shorter, longer) = (distance.min(last), distance.max(last));
            ended == begins && longer.saturating_sub(shorter) <= shorter / 2
        })
    }
}

fn low(usual: i64) -> u64 {
    (usual as f64 / GAP_FACTOR) as u64
}

fn high(usual: i64) -> u64 {
    (usual as f64 * GAP_FACTOR) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gaps of rows at these seconds, sampled once a second.
    fn gaps(table: Table, seconds: &[i64]) -> Vec<f64> {
        let mut rows = Rows::of(table);
        rows.sampled_every(1_000_000);
        let mut previous = i64::MIN;
        let mut found = Vec::new();
        for time in seconds.iter().map(|second| second * 1_000_000) {
            if rows.is_unusual(time.wrapping_sub(previous))
                && let Step::Gap(at) = rows.look(previous, time)
            {
                found.push(at as f64 / 1e6);
            }
            previous = time;
        }
        found
    }

    #[test]
    fn a_missing_row_or_two_are_a_gap_from_two_and_a_half_intervals_on() {
        assert_eq!(gaps(Table::Containers, &[1, 2, 4, 5, 8, 9]), [6.0]);
        assert_eq!(gaps(Table::Containers, &[1, 100]), [2.0], "two rows, known interval");
        assert_eq!(gaps(Table::Pods, &[0, 5, 10, 20, 40, 43]), [25.0]);
        assert_eq!(gaps(Table::Containers, &[5]), [0.0; 0]);
    }

    #[test]
    fn an_unknown_pace_is_learnt_from_the_first_rows() {
        assert_eq!(gaps(Table::Processes, &[0, 10, 20, 40, 70]), [50.0]);
        assert_eq!(gaps(Table::Processes, &[0, 3600]), [1.0], "too long for a pace");
        assert_eq!(gaps(Table::Processes, &[0, 300, 600, 900]), [1.0]);
    }

    #[test]
    fn a_new_pace_costs_one_gap() {
        assert_eq!(gaps(Table::Containers, &[0, 1, 2, 7, 12, 17, 22, 23, 24, 25, 32]), [3.0, 26.0]);
    }

    #[test]
    fn a_run_with_another_interval_begins_anew() {
        let mut rows = Rows::of(Table::Containers);
        rows.sampled_every(10_000_000);
        assert_eq!(rows.look(i64::MIN, 0), Step::Regular);
        rows.sampled_every(1_000_000);
        assert!(rows.is_unusual(20_000_000));
        assert_eq!(rows.look(0, 20_000_000), Step::Regular, "usual in the run before");
        assert_eq!(rows.look(20_000_000, 23_000_000), Step::Gap(21_000_000));
    }
}
