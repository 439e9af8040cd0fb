//! What is remembered of a member's readings, to tell what happened to it.
//!
//! Pure: rows in, happenings out. Differences of counters and limits are looked at once, here, as each row is read.

use std::sync::LazyLock;
use std::time::Duration;

use crate::metric::{Column, column};
use crate::model::{Row, UnixMicros};
use crate::schedule::Monotonic;

/// So long without a throttled period, and throttling has ended.
const QUIET: Duration = Duration::from_secs(5);

/// The columns that are looked at.
struct Watched {
    kills: Column,
    throttled: Column,
    throttled_usec: Column,
    totals: [(&'static str, Column); 6],
}

static WATCHED: LazyLock<Watched> = LazyLock::new(|| {
    // A test proves that the catalogue has them all.
    let of = |name| column(name).unwrap_or(0);
    Watched {
        kills: of("memory_events_oom_kill"),
        throttled: of("cpu_nr_throttled"),
        throttled_usec: of("cpu_throttled_usec"),
        totals: TOTALS.map(|(field, name)| (field, of(name))),
    }
});

/// The totals of a life: the events table's column, and the metric's.
const TOTALS: [(&str, &str); 6] = [
    ("cpu_usage_usec", "cpu_usage_usec"),
    ("memory_peak_bytes", "memory_peak_bytes"),
    ("oom_kills", "memory_events_oom_kill"),
    ("throttled_usec", "cpu_throttled_usec"),
    ("io_read_bytes", "io_read_bytes"),
    ("io_write_bytes", "io_write_bytes"),
];

/// Something that a reading showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// A limit is another one than before.
    LimitChange {
        /// The limit.
        column: Column,
        /// What it was.
        old: i64,
        /// What it is.
        new: i64,
    },
    /// It ran into its CPU quota after a while without.
    ThrottlingBegin {
        /// Throttled periods since the reading before.
        periods: i64,
    },
    /// It has not run into its CPU quota for a while.
    ThrottlingEnd {
        /// From the reading before the first one with throttled periods to the last one.
        duration_usec: i64,
        /// Throttled periods.
        periods: i64,
        /// Time throttled, summed over CPUs; unknown where the kernel does not tell.
        throttled_usec: Option<i64>,
    },
}

#[derive(Clone, Copy, Debug)]
struct Throttling {
    since: Monotonic,
    last: Monotonic,
    periods: i64,
    usec_before: Option<i64>,
}

/// What is remembered.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// The time of the newest reading.
    pub time: Option<UnixMicros>,
    /// The same on the clock that never steps, and that of the one before it.
    at: Option<Monotonic>,
    at_before: Option<Monotonic>,
    /// OOM kills so far, descendants included on cgroup v2.
    pub kills: i64,
    /// Those that were told, or that are of before; it runs ahead where a kill below was told before it was counted here.
    pub kills_told: i64,
    throttled: Option<i64>,
    throttled_usec: Option<i64>,
    throttling: Option<Throttling>,
    totals: [Option<i64>; TOTALS.len()],
    happened: Vec<Happened>,
}

impl Notes {
    /// Looks at a reading.
    pub fn read(&mut self, row: &Row, values: &[i64], now: Monotonic) {
        let value = |column: Column| row.present.contains(column).then(|| values[column]);
        self.time = Some(row.time);
        (self.at_before, self.at) = (self.at, Some(now));
        for (total, (_, column)) in self.totals.iter_mut().zip(WATCHED.totals) {
            *total = value(column).or(*total);
        }
        if let Some(kills) = value(WATCHED.kills) {
            self.note_kills(kills);
        }
        if let Some(throttled) = value(WATCHED.throttled) {
            self.note_throttling(now, throttled, value(WATCHED.throttled_usec));
        }
    }

    /// The time between the newest reading and the one before it, microseconds.
    #[must_use]
    pub fn since_before(&self) -> Option<i64> {
        let (at, before) = self.at.zip(self.at_before)?;
        Some(micros(at.saturating_sub(before)))
    }

    /// No more readings will come: throttling has ended.
    pub fn close(&mut self) {
        let usec = self.throttled_usec;
        if let Some(throttling) = self.throttling.take() {
            self.happened.push(end_of(&throttling, usec));
        }
    }

    /// Takes the number of OOM kills, wherever it was read.
    pub fn note_kills(&mut self, kills: i64) {
        if kills < self.kills {
            self.kills_told = 0; // made anew under the same files
        }
        self.kills = kills;
    }

    /// Says that everything up to now is known or of before.
    pub fn forget_kills(&mut self) {
        self.kills_told = self.kills;
    }

    /// Takes a limit that is another one than before.
    pub fn limit_changed(&mut self, column: Column, old: i64, new: i64) {
        self.happened.push(Happened::LimitChange { column, old, new });
    }

    /// Whether a reading showed something.
    #[must_use]
    pub fn has_news(&self) -> bool {
        !self.happened.is_empty()
    }

    /// Takes what readings showed.
    pub fn take_happened(&mut self) -> Vec<Happened> {
        std::mem::take(&mut self.happened)
    }

    /// The totals of its life as read last, by column of the events table.
    pub fn totals(&self) -> impl Iterator<Item = (&'static str, Option<i64>)> {
        TOTALS.iter().zip(self.totals).map(|(&(field, _), total)| (field, total))
    }

    fn note_throttling(&mut self, now: Monotonic, throttled: i64, usec: Option<i64>) {
        let before = self.throttled.replace(throttled);
        let usec_before = std::mem::replace(&mut self.throttled_usec, usec);
        let periods = before.map_or(0, |before| throttled - before);
        if periods > 0 {
            match &mut self.throttling {
                Some(throttling) => (throttling.last, throttling.periods) = (now, throttling.periods + periods),
                None => {
                    let since = self.at_before.unwrap_or(now);
                    self.throttling = Some(Throttling { since, last: now, periods, usec_before });
                    self.happened.push(Happened::ThrottlingBegin { periods });
                }
            }
        } else if let Some(ended) = self.throttling.filter(|throttling| now.saturating_sub(throttling.last) >= QUIET) {
            self.throttling = None;
            self.happened.push(end_of(&ended, usec));
        }
    }
}

fn end_of(ended: &Throttling, usec: Option<i64>) -> Happened {
    let throttled_usec = usec.zip(ended.usec_before).map(|(now, before)| now - before);
    let duration_usec = micros(ended.last.saturating_sub(ended.since));
    Happened::ThrottlingEnd { duration_usec, periods: ended.periods, throttled_usec }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::COLUMNS;
    use crate::model::{ColumnSet, SeriesKey};
    use crate::table::Table;

    fn read(notes: &mut Notes, second: i64, columns: &[(&str, i64)]) {
        let mut values = vec![0; COLUMNS];
        let present: ColumnSet = columns.iter().map(|(name, _)| column(name).expect("a column")).collect();
        columns.iter().for_each(|(name, value)| values[column(name).expect("a column")] = *value);
        let row =
            Row { key: SeriesKey(0), table: Table::Containers, time: second * 1_000_000, is_final: false, present };
        notes.read(&row, &values, Duration::from_secs(u64::try_from(second).expect("not negative")));
    }

    #[test]
    fn the_catalogue_has_what_is_watched() {
        for (field, name) in TOTALS {
            assert!(column(name).is_some() && Table::Events.column(field).is_some(), "{name} {field}");
        }
        assert!(
            ["memory_events_oom_kill", "cpu_nr_throttled", "cpu_throttled_usec"]
                .iter()
                .all(|name| column(name).is_some())
        );
    }

    #[test]
    fn throttling_begins_once_and_ends_after_a_quiet_while() {
        let mut notes = Notes::default();
        for (second, throttled) in [(0, 5), (1, 5), (2, 8), (3, 12), (4, 12), (7, 13), (8, 13), (11, 13)] {
            read(&mut notes, second, &[("cpu_nr_throttled", throttled), ("cpu_throttled_usec", throttled * 1000)]);
        }
        assert_eq!(notes.take_happened(), [Happened::ThrottlingBegin { periods: 3 }]);
        read(&mut notes, 12, &[("cpu_nr_throttled", 13), ("cpu_throttled_usec", 13_000)]);
        let end = Happened::ThrottlingEnd { duration_usec: 6_000_000, periods: 8, throttled_usec: Some(8000) };
        assert_eq!(notes.take_happened(), [end]);
        assert!(!notes.has_news());
    }

    #[test]
    fn totals_are_those_read_last() {
        let mut notes = Notes::default();
        read(&mut notes, 0, &[("cpu_usage_usec", 5), ("memory_peak_bytes", 7)]);
        read(&mut notes, 1, &[("cpu_usage_usec", 6)]);
        let totals: Vec<_> = notes.totals().filter_map(|(name, total)| Some((name, total?))).collect();
        assert_eq!(totals, [("cpu_usage_usec", 6), ("memory_peak_bytes", 7)]);
        assert_eq!((notes.since_before(), notes.time), (Some(1_000_000), Some(1_000_000)));
    }

    #[test]
    fn kills_that_were_told_do_not_come_again() {
        let mut notes = Notes::default();
        read(&mut notes, 0, &[("memory_events_oom_kill", 2)]);
        assert_eq!((notes.kills, notes.kills_told), (2, 0));
        notes.forget_kills();
        read(&mut notes, 1, &[("memory_events_oom_kill", 2)]);
        assert_eq!(notes.kills - notes.kills_told, 0);
        read(&mut notes, 2, &[("memory_events_oom_kill", 0)]);
        assert_eq!((notes.kills, notes.kills_told), (0, 0), "made anew");
    }
}
