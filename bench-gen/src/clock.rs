//! The times of rows, as a real sampler takes them: a deadline a second, lateness, and one container after the other.
//!
//! Every row of a second lies in that second: so no pass crosses an hour. A restart of the agent moves its deadlines.

use fgm_agent::model::UnixMicros;

use crate::rng::Rng;

/// Microseconds of a second.
pub const SECOND_USEC: i64 = 1_000_000;

/// Gives out times.
#[derive(Clone, Debug)]
pub struct Clock {
    start: UnixMicros,
    /// Where in each second the deadlines are.
    phase: i64,
    rng: Rng,
}

impl Clock {
    /// A clock for data that starts at `start`.
    #[must_use]
    pub fn new(start: UnixMicros, seed: u64) -> Self {
        let mut rng = Rng::new(seed, "clock");
        let phase = phase(&mut rng);
        Self { start, phase, rng }
    }

    /// The beginning of a second.
    #[must_use]
    pub fn second(&self, second: i64) -> UnixMicros {
        self.start + second * SECOND_USEC
    }

    /// When the pass of a second begins: mostly a fraction of a millisecond late, sometimes some milliseconds.
    pub fn pass(&mut self, second: i64) -> UnixMicros {
        let part = self.rng.unit();
        let late = 55.0 + 700.0 * part * part * part;
        let stalled = if self.rng.chance(0.004) { self.rng.between(1000.0, 14_000.0) } else { 0.0 };
        self.second(second) + self.phase + (late + stalled) as i64
    }

    /// How long reading one container took.
    pub fn reading(&mut self) -> i64 {
        26 + self.rng.below(9) as i64
    }

    /// A moment in a second, after its pass and before the end.
    pub fn late_in(&mut self, second: i64) -> UnixMicros {
        self.second(second) + 700_000 + self.rng.below(250_000) as i64
    }

    /// A moment in a second, before its pass.
    pub fn early_in(&mut self, second: i64) -> UnixMicros {
        self.second(second) + self.rng.below(90_000) as i64
    }

    /// The agent was started again.
    pub fn restart(&mut self) {
        self.phase = phase(&mut self.rng);
    }
}

fn phase(rng: &mut Rng) -> i64 {
    100_000 + rng.below(400_000) as i64
}
