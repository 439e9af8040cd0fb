//! The load of a slot, second by second: a level with noise, waves, bursts and planted changes; 1 is the usual.

use std::collections::VecDeque;

use crate::plan::Step;
use crate::rng::{Rng, sine};
use crate::shape::Shape;

/// How far back a follower can look, in seconds.
const KEPT_S: usize = 64;
/// How much of a follower's noise is its leader's.
pub const FOLLOWS: f64 = 0.9;

/// The load of a slot.
#[derive(Clone, Debug)]
pub struct Load {
    noise: f64,
    /// Its noise of the last seconds, newest first, in standard deviations.
    past: VecDeque<f64>,
    burst_ends_s: i64,
    /// Whether it is in a burst; what is planned by hand counts too.
    is_bursting: bool,
    steps: Vec<Step>,
    next_step: usize,
    level: f64,
    phase: f64,
}

impl Load {
    /// A load with planned changes, in standard deviations of its noise.
    #[must_use]
    pub fn new(steps: Vec<Step>, rng: &mut Rng) -> Self {
        let past = VecDeque::from(vec![0.0; KEPT_S]);
        Self {
            noise: 0.0,
            past,
            burst_ends_s: 0,
            is_bursting: false,
            steps,
            next_step: 0,
            level: 0.0,
            phase: rng.unit(),
        }
    }

    /// The noise some seconds ago, in standard deviations.
    #[must_use]
    pub fn noise_before(&self, seconds: usize) -> f64 {
        self.past.get(seconds).copied().unwrap_or_default()
    }

    /// The load of the next second; `led` is the noise of whom it follows.
    pub fn step(&mut self, second: i64, shape: &Shape, led: Option<f64>, rng: &mut Rng) -> f64 {
        let kept = shape.memory_of_noise;
        let fresh = rng.normal() * (1.0 - kept * kept).sqrt();
        self.noise = kept * self.noise + fresh;
        let noise = led.map_or(self.noise, |led| FOLLOWS * led + (1.0 - FOLLOWS * FOLLOWS).sqrt() * self.noise);
        self.past.pop_back();
        self.past.push_front(noise);
        while self.steps.get(self.next_step).is_some_and(|step| step.at_s <= second) {
            self.level += self.steps[self.next_step].sigmas;
            self.next_step += 1;
        }
        let mut load = 1.0 + shape.noise * (noise + self.level);
        load += shape.diurnal * sine(second as f64 / 86_400.0 - 0.3);
        if let Some(wave) = shape.wave {
            let turns = second as f64 / wave.period_s + self.phase;
            let part = turns - turns.floor();
            let of_one = match wave.is_square {
                true => f64::from(u8::from(part < 0.2)) * 2.0 - 1.0,
                false => sine(turns),
            };
            load += shape.noise * wave.sigmas * of_one;
        }
        load.max(0.02) * self.burst(second, shape, rng)
    }

    fn burst(&mut self, second: i64, shape: &Shape, rng: &mut Rng) -> f64 {
        let Some((per_hour, mean_s, load)) = shape.bursts else { return 1.0 };
        self.is_bursting = second < self.burst_ends_s;
        if !self.is_bursting && rng.chance(per_hour / 3600.0) {
            self.burst_ends_s = second + 1 + (rng.unit() * 2.0 * mean_s) as i64;
        }
        if self.is_bursting { load * rng.between(0.7, 1.3) } else { 1.0 }
    }
}
