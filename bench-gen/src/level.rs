//! The anonymous memory that a container wants, second by second.

use crate::plan::Step;
use crate::rng::Rng;
use crate::shape::{Memory, Shape};

/// A container needs so long to fill what it starts with.
const START_S: i64 = 20;
/// How much of the noise of a moving level is still there after a second.
const KEPT: f64 = 0.8;
/// A level that rests moves about once in so many seconds.
const REST_S: f64 = 400.0;

/// A slot's level of memory.
#[derive(Clone, Debug, Default)]
pub struct Level {
    noise: f64,
    /// What a sawtooth has gathered, or how far a resting level has drifted, in pages.
    gathered: f64,
    steps: Vec<Step>,
    next_step: usize,
    level: f64,
}

impl Level {
    /// A level with planned changes, in standard deviations of its noise.
    #[must_use]
    pub fn new(steps: Vec<Step>) -> Self {
        Self { steps, ..Self::default() }
    }

    /// The pages wanted; `age_s` is the time since the container started, or lost what it had leaked, and `leak` how many
    /// pages it loses in a second.
    pub fn pages(
        &mut self,
        (second, age_s): (i64, i64),
        load: f64,
        (shape, leak): (&Shape, f64),
        rng: &mut Rng,
    ) -> i64 {
        while self.steps.get(self.next_step).is_some_and(|step| step.at_s <= second) {
            self.level += self.steps[self.next_step].sigmas;
            self.next_step += 1;
        }
        let base = shape.anon_pages;
        let wanted = match shape.memory {
            Memory::Rests => {
                if rng.chance(1.0 / REST_S) {
                    self.gathered = (self.gathered + rng.normal() * 6.0).clamp(-60.0, 60.0);
                }
                base + self.gathered
            }
            Memory::Moves(sigma) => {
                self.noise = KEPT * self.noise + (1.0 - KEPT * KEPT).sqrt() * rng.normal();
                base + sigma * (self.noise + self.level)
            }
            Memory::Sawtooth(per_second, most) => {
                self.gathered += per_second * load * rng.between(0.6, 1.4);
                if self.gathered > base * (most - 1.0) {
                    self.gathered = base * 0.1 * rng.unit();
                }
                base * 0.6 + self.gathered
            }
            Memory::Leaks => base + leak * age_s as f64 + rng.normal() * 8.0,
        };
        let started = (0.25 + 0.75 * age_s as f64 / START_S as f64).min(1.0);
        let filled = if matches!(shape.memory, Memory::Leaks) { 1.0 } else { started };
        (wanted * filled).max(64.0) as i64
    }
}
