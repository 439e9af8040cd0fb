//! When the next pass is due: absolute deadlines on the monotonic clock; late ones are skipped and counted.
//!
//! Pure: `now` is an argument. Deadlines are multiples of the interval from the start, so lateness never accumulates.

use std::time::Duration;

/// Time on the monotonic clock, from an arbitrary origin.
pub type Monotonic = Duration;

/// How often a pod's own cgroup is read.
pub const POD_EVERY: Duration = Duration::from_secs(5);
/// How often the files of the stat class are read for a container at most.
pub const STAT_EVERY: Duration = Duration::from_secs(1);
/// How often the node's own files are read at most: some of them sum over all CPUs.
pub const NODE_EVERY: Duration = Duration::from_millis(100);

/// The deadlines of one run.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    interval: Duration,
    next: Monotonic,
}

/// A deadline that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// How long after its deadline the pass begins.
    pub lateness: Duration,
    /// Deadlines that went by before this one and are skipped.
    pub missed: u64,
}

impl Schedule {
    /// A schedule whose first deadline is `first`.
    #[must_use]
    pub fn starting_at(first: Monotonic, interval: Duration) -> Self {
        Self { interval, next: first }
    }

    /// The deadline to sleep to.
    #[must_use]
    pub fn deadline(&self) -> Monotonic {
        self.next
    }

    /// Takes the newest deadline that has come, and moves on past it; `None` before it.
    pub fn take(&mut self, now: Monotonic) -> Option<Due> {
        let behind = now.checked_sub(self.next)?;
        let missed = u64::try_from(behind.as_nanos() / self.interval.as_nanos().max(1)).unwrap_or(u64::MAX);
        let skipped = Duration::from_nanos(saturating_nanos(self.interval).saturating_mul(missed));
        self.next = self.next + skipped + self.interval;
        Some(Due { lateness: behind - skipped, missed })
    }
}

/// Which ticks read a pod's own cgroup: one in five seconds, pods spread evenly. Its totals change with its containers',
/// which are read at every tick.
#[must_use]
pub fn pod_is_due(tick: u64, spread: u32, interval: Duration) -> bool {
    (tick + u64::from(spread)).is_multiple_of(ticks_in(POD_EVERY, interval))
}

/// The ticks in a time, at least one.
fn ticks_in(time: Duration, interval: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(interval.as_nanos().max(1))).unwrap_or(1).max(1)
}

fn saturating_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Which ticks read the stat class for a container: all of them from one second up, below that every n-th, containers
/// spread evenly, so that no file of that class is read more than once a second; `stretch` times as seldom.
#[must_use]
pub fn stat_is_due(tick: u64, spread: u32, (interval, stretch): (Duration, u64)) -> bool {
    (tick + u64::from(spread)).is_multiple_of(ticks_in(STAT_EVERY, interval) * stretch.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_deadline_is_taken_once_and_the_next_is_one_interval_on() {
        let mut schedule = Schedule::starting_at(500 * MS, 100 * MS);
        assert_eq!(schedule.take(499 * MS), None);
        assert_eq!(schedule.take(502 * MS), Some(Due { lateness: 2 * MS, missed: 0 }));
        assert_eq!(schedule.take(502 * MS), None);
        assert_eq!(schedule.deadline(), 600 * MS);
    }

    #[test]
    fn deadlines_that_went_by_are_skipped_and_counted() {
        let mut schedule = Schedule::starting_at(Duration::ZERO, 100 * MS);
        assert_eq!(schedule.take(350 * MS), Some(Due { lateness: 50 * MS, missed: 3 }));
        assert_eq!(schedule.deadline(), 400 * MS);
    }

    #[test]
    fn the_stat_class_is_read_on_every_tick_from_one_second_up() {
        assert!((0..10).all(|tick| stat_is_due(tick, 7, (Duration::from_secs(1), 1))));
        assert!((0..10).all(|tick| stat_is_due(tick, 7, (Duration::from_secs(60), 1))));
    }

    #[test]
    fn a_pod_is_read_once_in_five_seconds_and_at_least_every_tick() {
        let count = |interval, ticks| (0..ticks).filter(|&tick| pod_is_due(tick, 3, interval)).count();
        assert_eq!(count(Duration::from_secs(1), 100), 20);
        assert_eq!(count(100 * MS, 100), 2);
        assert_eq!(count(Duration::from_secs(60), 10), 10);
    }

    proptest! {
        #[test]
        fn taken_and_missed_deadlines_add_up_to_the_time_that_passed(
            interval_ms in 10u32..60_000, steps in proptest::collection::vec(0u32..200_000, 1..50)
        ) {
            let interval = interval_ms * MS;
            let mut schedule = Schedule::starting_at(Duration::ZERO, interval);
            let (mut now, mut count) = (Duration::ZERO, 0u64);
            for step in steps {
                now += step * MS;
                if let Some(due) = schedule.take(now) {
                    count += 1 + due.missed;
                    prop_assert!(due.lateness < interval);
                }
            }
            prop_assert_eq!(u128::from(count), now.as_nanos() / interval.as_nanos() + 1);
        }

        #[test]
        fn two_stat_reads_of_a_container_are_at_least_a_second_apart(interval_ms in 10u32..2_000, spread: u32) {
            let interval = interval_ms * MS;
            let due: Vec<u64> = (0..400).filter(|&tick| stat_is_due(tick, spread, (interval, 1))).collect();
            prop_assert!(!due.is_empty());
            for pair in due.windows(2) {
                prop_assert!(interval * u32::try_from(pair[1] - pair[0]).unwrap() >= Duration::from_secs(1));
            }
        }
    }
}
