//! When a process's PSS may be read: a budget, and never one process for much of it.
//!
//! Pure: times and costs are arguments. The kernel walks every page of a process for `smaps_rollup` and holds its memory
//! lock meanwhile, so the cost is the process's size. The budget is a share of one core that fills up with time; a reading
//! may overdraw it, and then nobody is read until it is made good. Of one process the next reading waits until its last
//! cost is a quarter of what the budget gave since: a reading that cost more than the budget allows is not repeated before.

use std::time::Duration;

use crate::schedule::Monotonic;

/// The share of one core that PSS readings may take: one in so many.
pub const BUDGET_SHARE: u32 = 400;

/// The share of the budget that one process may take: one in so many.
const PROCESS_SHARE: u32 = 4;

/// The budget never holds more than this: after a quiet hour there is no hour to catch up.
const MOST: Duration = Duration::from_millis(100);

/// What a first reading is taken to cost per resident page, before it was measured.
const PER_PAGE: Duration = Duration::from_nanos(40);

/// The budget of all processes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget {
    have: Duration,
    owed: Duration,
    since: Option<Monotonic>,
}

impl Budget {
    /// Adds what the time since the last call gave.
    pub fn refill(&mut self, now: Monotonic) {
        let passed = now.saturating_sub(self.since.replace(now).unwrap_or(now));
        let given = passed / BUDGET_SHARE;
        let made_good = given.min(self.owed);
        self.owed -= made_good;
        self.have = (self.have + (given - made_good)).min(MOST);
    }

    /// What can be spent now.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.have
    }

    /// Takes what a reading cost, which may be more than there is.
    pub fn spend(&mut self, cost: Duration) {
        self.owed += cost.saturating_sub(self.have);
        self.have = self.have.saturating_sub(cost);
    }
}

/// A process's last reading, or where there was none, what one would cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastReading {
    /// When it was.
    pub at: Monotonic,
    /// CPU time that it took.
    pub cost: Duration,
}

impl LastReading {
    /// That of a process just found, of so many resident pages: small ones can be read at once, large ones wait.
    #[must_use]
    pub fn guess(found: Monotonic, rss_pages: i64, interval: Duration) -> Self {
        let pages = u32::try_from(rss_pages.max(0)).unwrap_or(u32::MAX);
        Self { at: found.saturating_sub(interval), cost: PER_PAGE.saturating_mul(pages) }
    }

    /// Whether the process may be read again.
    #[must_use]
    pub fn is_due(&self, now: Monotonic) -> bool {
        now.saturating_sub(self.at) >= self.cost.saturating_mul(BUDGET_SHARE * PROCESS_SHARE)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const S: Duration = Duration::from_secs(1);

    #[test]
    fn the_budget_is_a_share_of_the_time_that_passed() {
        let mut budget = Budget::default();
        budget.refill(100 * S);
        assert_eq!(budget.left(), Duration::ZERO, "the first call only begins");
        budget.refill(108 * S);
        assert_eq!(budget.left(), 20 * MS);
        budget.refill(100_000 * S);
        assert_eq!(budget.left(), MOST);
    }

    #[test]
    fn what_was_overdrawn_is_made_good_first() {
        let mut budget = Budget::default();
        budget.refill(Duration::ZERO);
        budget.refill(8 * S);
        budget.spend(60 * MS);
        assert_eq!(budget.left(), Duration::ZERO);
        budget.refill(24 * S);
        assert_eq!(budget.left(), Duration::ZERO);
        budget.refill(32 * S);
        assert_eq!(budget.left(), 20 * MS);
    }

    #[test]
    fn a_costly_process_is_not_read_again_before_the_budget_allows() {
        let last = LastReading { at: 10 * S, cost: 100 * MS };
        assert!(!last.is_due(169 * S) && last.is_due(170 * S));
        let cheap = LastReading { at: 10 * S, cost: Duration::from_micros(300) };
        assert!(cheap.is_due(11 * S));
    }

    #[test]
    fn of_new_processes_small_ones_are_read_at_once_and_large_ones_later() {
        assert!(LastReading::guess(100 * S, 2000, 5 * S).is_due(100 * S));
        let of_100_gib = LastReading::guess(100 * S, 26_214_400, 5 * S);
        assert!(!of_100_gib.is_due(1700 * S) && of_100_gib.is_due(1800 * S));
        assert!(LastReading::guess(Duration::ZERO, -5, 5 * S).is_due(Duration::ZERO));
    }

    proptest! {
        #[test]
        fn no_more_is_spent_than_the_share_and_one_reading(
            steps in proptest::collection::vec((1u32..20_000, 1u32..500), 1..100)
        ) {
            let (mut budget, mut now, mut spent, mut last) = (Budget::default(), Duration::ZERO, Duration::ZERO, Duration::ZERO);
            budget.refill(now);
            for (wait, cost) in steps {
                now += wait * MS;
                budget.refill(now);
                if !budget.left().is_zero() {
                    last = cost * MS;
                    budget.spend(last);
                    spent += last;
                }
            }
            prop_assert!(spent <= now / BUDGET_SHARE + last);
        }
    }
}
