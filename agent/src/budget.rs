//! The CPU budget: what is left out when sampling costs more than it may, and when it is read again.
//!
//! Pure: shares of one core in, a level out. Costly readings go first, then the stat class is read less often; what is read
//! at every tick is never left out, so where that alone costs more the budget is raised, and said. The surprise: each
//! relapse doubles the calm that is asked for before anything is read again, so that a load at the edge does not flap.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How long one measurement lasts.
pub const WINDOW: Duration = Duration::from_secs(5);
/// The level at which nothing more can be left out.
pub const MAX_LEVEL: u8 = 6;
/// Measurements above the budget in a row before more is left out.
const PATIENCE: u32 = 2;
/// Measurements below [`CALM_SHARE`] of the budget in a row before less is left out: half a minute, doubling up to ten.
const CALM: u32 = 6;
const MOST_CALM: u32 = 120;
const CALM_SHARE: f64 = 0.7;
/// How much above its need the budget is set where what can't be left out needs more than it.
const HEADROOM: f64 = 1.25;

/// What is left out at a level, in words.
#[must_use]
pub fn describe(level: u8) -> String {
    match level {
        0 => "nothing is left out".to_owned(),
        1 => "PSS and open descriptors of processes are not read".to_owned(),
        2 => "PSS and open descriptors are not read, processes every fourth time".to_owned(),
        _ => format!(
            "PSS and open descriptors are not read, processes every fourth time, memory.stat and io.stat one of {} times",
            stat_stretch(level)
        ),
    }
}

/// How many times as long as usual the time between two readings of the stat class is.
#[must_use]
pub fn stat_stretch(level: u8) -> u64 {
    1 << level.saturating_sub(2).min(4)
}

/// What a measurement changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// Nothing.
    Keep,
    /// More is left out.
    Shed(u8),
    /// Less is left out.
    Resume(u8),
    /// What is read at every tick needs more, or no longer needs as much: the budget is this share of one core from now on.
    Rebudget(f64),
}

/// The decision from one measurement to the next.
#[derive(Clone, Debug)]
pub struct Budget {
    asked: f64,
    share: f64,
    level: u8,
    above: u32,
    calm: u32,
    calm_needed: u32,
    since_resumed: u32,
}

impl Budget {
    /// A budget of this share of one core.
    #[must_use]
    pub fn new(share: f64) -> Self {
        Self { asked: share, share, level: 0, above: 0, calm: 0, calm_needed: CALM, since_resumed: u32::MAX }
    }

    /// The share of one core that sampling may take.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.share
    }

    /// How much is left out now.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Takes the share of one core used over one [`WINDOW`].
    pub fn observe(&mut self, used: f64) -> Verdict {
        self.since_resumed = self.since_resumed.saturating_add(1);
        self.above = if used > self.share { self.above + 1 } else { 0 };
        self.calm = if used < self.share * CALM_SHARE { self.calm + 1 } else { 0 };
        if self.above >= PATIENCE {
            self.above = 0;
            if self.level == MAX_LEVEL {
                self.share = used * HEADROOM;
                return Verdict::Rebudget(self.share);
            }
            let relapsed = self.since_resumed <= MOST_CALM;
            self.calm_needed = if relapsed { (self.calm_needed * 2).min(MOST_CALM) } else { CALM };
            self.level += 1;
            return Verdict::Shed(self.level);
        }
        if self.calm < self.calm_needed {
            return Verdict::Keep;
        }
        if self.share > self.asked {
            self.calm = 0;
            self.share = (used * HEADROOM).max(self.asked);
            return Verdict::Rebudget(self.share);
        }
        if self.level > 0 {
            (self.calm, self.since_resumed) = (0, 0);
            self.level -= 1;
            return Verdict::Resume(self.level);
        }
        Verdict::Keep
    }
}

/// What the threads that read tell each other: the level, and what the ones beside the sampler have used.
#[derive(Debug, Default)]
pub struct Shedding {
    level: AtomicU8,
    beside_usec: AtomicU64,
}

impl Shedding {
    /// How much is left out now.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.level.load(Relaxed)
    }

    /// Says how much is left out from now on.
    pub fn set_level(&self, level: u8) {
        self.level.store(level, Relaxed);
    }

    /// CPU time used so far by the readers beside the sampler.
    #[must_use]
    pub fn beside(&self) -> Duration {
        Duration::from_micros(self.beside_usec.load(Relaxed))
    }

    /// Says how much CPU time a reader beside the sampler has used since it said so last.
    pub fn used_beside(&self, cpu: Duration) {
        self.beside_usec.fetch_add(u64::try_from(cpu.as_micros()).unwrap_or(0), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(budget: &mut Budget, used: f64, windows: u32) -> Vec<Verdict> {
        (0..windows).map(|_| budget.observe(used)).filter(|verdict| *verdict != Verdict::Keep).collect()
    }

    #[test]
    fn one_busy_moment_sheds_nothing_and_two_in_a_row_do() {
        let mut budget = Budget::new(0.02);
        assert_eq!(after(&mut budget, 0.05, 1), []);
        assert_eq!(after(&mut budget, 0.01, 1), []);
        assert_eq!(after(&mut budget, 0.05, 2), [Verdict::Shed(1)]);
        assert_eq!(after(&mut budget, 0.05, 10).len(), 5);
        assert_eq!(budget.level(), MAX_LEVEL);
    }

    #[test]
    fn calm_brings_everything_back_step_by_step() {
        let mut budget = Budget::new(0.02);
        after(&mut budget, 0.05, 4);
        assert_eq!(budget.level(), 2);
        let verdicts = after(&mut budget, 0.005, 100);
        assert_eq!(verdicts, [Verdict::Resume(1), Verdict::Resume(0)]);
    }

    #[test]
    fn a_relapse_asks_for_more_calm() {
        let mut budget = Budget::new(0.02);
        after(&mut budget, 0.05, 2);
        assert_eq!(after(&mut budget, 0.005, CALM), [Verdict::Resume(0)]);
        assert_eq!(after(&mut budget, 0.05, 2), [Verdict::Shed(1)]);
        assert_eq!(after(&mut budget, 0.005, CALM), []);
        assert_eq!(after(&mut budget, 0.005, CALM), [Verdict::Resume(0)]);
    }

    #[test]
    fn what_cannot_be_left_out_raises_the_budget() {
        let mut budget = Budget::new(0.02);
        let verdicts = after(&mut budget, 0.10, 14);
        assert_eq!(verdicts.last(), Some(&Verdict::Rebudget(0.125)));
        assert_eq!(after(&mut budget, 0.10, 100), []);
        let calm = after(&mut budget, 0.004, 200);
        assert_eq!(calm[..2], [Verdict::Rebudget(0.02), Verdict::Resume(5)], "as asked for again");
    }

    #[test]
    fn the_stat_class_is_stretched_last_and_by_doubling() {
        assert_eq!((0..=MAX_LEVEL).map(stat_stretch).collect::<Vec<_>>(), [1, 1, 1, 2, 4, 8, 16]);
    }

    proptest! {
        #[test]
        fn the_level_moves_by_one_within_its_bounds(uses in proptest::collection::vec(0.0..0.2_f64, 1..500)) {
            let mut budget = Budget::new(0.02);
            for used in uses {
                let before = budget.level();
                match budget.observe(used) {
                    Verdict::Shed(level) => prop_assert_eq!(level, before + 1),
                    Verdict::Resume(level) => prop_assert_eq!(level + 1, before),
                    Verdict::Rebudget(share) => prop_assert!(share >= 0.02 && budget.level() == before),
                    Verdict::Keep => prop_assert_eq!(budget.level(), before),
                }
                prop_assert!(budget.level() <= MAX_LEVEL);
            }
        }
    }
}
