//! What was followed in vain, so that it is not followed again from every window that shows it.
//!
//! A collector with a constant rate is a peak in each of a day's windows, and from each of them leads to the same cycles through the
//! whole day. The surprise: a run that failed says how sure it was at most, for what is not sure enough at first may be so later, when
//! less is asked for.

use super::track::{Run, Start};

/// A seed whose period is nearer than this share to one that led to a run, or to that of the run, leads to the same one.
const NEAR: f64 = 0.03;

/// Runs that were no waves; good as long as nothing is taken out of the levels.
#[derive(Default)]
pub(super) struct Vain(Vec<Failed>);

struct Failed {
    level: usize,
    cycles: f64,
    /// What it was looked for at, and what it turned out to have.
    periods: [f64; 2],
    from: f64,
    to: f64,
    /// It is no more sure than this.
    sure: f64,
}

impl Vain {
    /// Whether a start at a level leads into a run that is known to be less sure than what is wanted.
    pub(super) fn knows(&self, level: usize, start: &Start, wanted: f64) -> bool {
        let (from, to) = (start.window.0, start.window.0 + start.window.1);
        self.0.iter().any(|known| {
            known.level == level
                && known.cycles.to_bits() == start.cycles.to_bits()
                && known.sure < wanted
                && known.from <= from
                && known.to >= to
                && known.periods.iter().any(|period| (period / start.period - 1.0).abs() < NEAR)
        })
    }

    /// Keeps a run of a level in mind that is at most so sure.
    pub(super) fn keep(&mut self, level: usize, start: &Start, run: &Run, sure: f64) {
        let periods = [start.period, run.period];
        self.0.push(Failed { level, cycles: start.cycles, periods, from: run.from, to: run.to, sure });
    }

    /// Once something is taken out of the levels, runs may go otherwise.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(from: f64, period: f64, cycles: f64) -> Start {
        Start { window: (from, 128.0), period, size: 1.0, cycles }
    }

    #[test]
    fn what_leads_into_the_same_run_is_known_while_no_less_is_asked_for() {
        let mut vain = Vain::default();
        let run = Run { period: 44.0, from: 1000.0, to: 9000.0, size: 1.0, jitter: 0.1, missed: 0.0, outside: 0.0 };
        vain.keep(2, &start(4000.0, 40.0, 2.0), &run, 0.85);
        for (level, begin, period, cycles, wanted) in
            [(2, 1000.0, 40.5, 2.0, 0.9), (2, 8872.0, 45.0, 2.0, 0.9), (2, 4000.0, 40.0, 2.0, 0.86)]
        {
            assert!(vain.knows(level, &start(begin, period, cycles), wanted), "{begin} {period} {wanted}");
        }
        for (level, begin, period, cycles, wanted) in [
            (1, 4000.0, 40.0, 2.0, 0.9),
            (2, 900.0, 40.0, 2.0, 0.9),
            (2, 8900.0, 40.0, 2.0, 0.9),
            (2, 4000.0, 42.0, 2.0, 0.9),
            (2, 4000.0, 40.0, 6.0, 0.9),
            (2, 4000.0, 40.0, 2.0, 0.8),
        ] {
            assert!(!vain.knows(level, &start(begin, period, cycles), wanted), "{level} {begin} {period} {wanted}");
        }
        vain.forget();
        assert!(!vain.knows(2, &start(4000.0, 40.0, 2.0), 0.9));
    }
}
