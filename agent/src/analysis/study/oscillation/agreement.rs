//! Whether cycles agree: in their length, and in how high and how low they go.

use std::ops::Range;

use crate::analysis::study::{Signal, robust};
use crate::model::UnixMicros;

use super::cycles::{self, Cycle};

/// From the mean distance from the mean of normal noise to its standard deviation.
const OF_NORMAL: f64 = 1.2533;
/// How much the deviation of the bounds, as a share of their distance, counts beside that of the lengths.
const OF_BOUNDS: f64 = 2.0;
/// A few cycles agree by chance: their variation has to be smaller by this over their number.
const BY_CHANCE: f64 = 2.2;
/// The same, for each doubling of the windows in which they might have.
const BY_WINDOWS: f64 = 0.3;
/// A cycle that is so many times longer than usual is a pause.
const PAUSE: f64 = 4.0;
/// Oscillations with bounds that differ by no more than this share of their distance, and such lengths, may be one.
const ALIKE: f64 = 0.3;

/// So many cycles of each are compared for that.
const WHERE_THEY_MEET: usize = 10;

/// What cycles need to be an oscillation.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) cycles: usize,
    pub(super) seconds: f64,
    pub(super) varying: f64,
    /// In how many windows it is looked for.
    pub(super) windows: usize,
}

impl Wanted {
    fn most_variation(&self, cycles: usize) -> f64 {
        self.varying - (BY_CHANCE + BY_WINDOWS * (self.windows as f64).log2()) / cycles as f64
    }
}

/// Cycles that agree; there is at least one.
pub(super) struct Swinging {
    cycles: Vec<Cycle>,
    margin: f64,
}

impl Swinging {
    pub(super) fn from(&self) -> UnixMicros {
        self.cycles.first().map_or(0, |cycle| cycle.from)
    }

    pub(super) fn to(&self) -> UnixMicros {
        self.cycles.last().map_or(0, |cycle| cycle.to)
    }

    pub(super) fn count(&self) -> usize {
        self.cycles.len()
    }

    /// What of it is not within these, if anything.
    pub(super) fn without(mut self, known: &[Self]) -> Option<Self> {
        let near: Vec<&Self> = known.iter().filter(|known| known.overlaps(self.from(), self.to())).collect();
        self.cycles.retain(|cycle| !near.iter().any(|known| known.overlaps(cycle.from, cycle.to)));
        (!self.cycles.is_empty()).then_some(self)
    }

    fn overlaps(&self, from: UnixMicros, to: UnixMicros) -> bool {
        self.from() < to && from < self.to()
    }

    /// How much better they agree than they need to: from 0 to 1.
    pub(super) fn margin(&self) -> f64 {
        self.margin
    }

    pub(super) fn bounds(&self) -> (f64, f64) {
        bounds_and_deviation(&self.cycles).0
    }

    pub(super) fn mean_seconds(&self) -> f64 {
        lengths(&self.cycles).0
    }

    /// The coefficient of variation of the lengths.
    pub(super) fn variation(&self) -> f64 {
        lengths(&self.cycles).1
    }

    fn is_like(&self, other: &Self) -> bool {
        // Those where they meet are compared, for bounds may drift.
        let last = self.cycles.get(self.count().saturating_sub(WHERE_THEY_MEET)..).unwrap_or_default();
        let first = other.cycles.get(..WHERE_THEY_MEET.min(other.count())).unwrap_or_default();
        let ((low, high), (other_low, other_high)) = (bounds_and_deviation(last).0, bounds_and_deviation(first).0);
        let (mean, other_mean) = (lengths(last).0, lengths(first).0);
        let apart = (low - other_low).abs().max((high - other_high).abs());
        apart <= ALIKE * (high - low).max(other_high - other_low)
            && (mean - other_mean).abs() <= ALIKE * mean.max(other_mean)
            && (other.from() - self.to()) as f64 / 1e6 <= PAUSE * mean
    }
}

/// Oscillations within a part of a signal.
pub(super) fn within(signal: &Signal, positions: Range<usize>, wanted: Wanted) -> Vec<Swinging> {
    let cycles = cycles::of(signal, positions);
    if cycles.len() < wanted.cycles {
        return Vec::new();
    }
    let usual = robust::median(&mut cycles.iter().map(Cycle::seconds).collect::<Vec<_>>());
    let between_pauses = cycles.split(|cycle| cycle.seconds() > PAUSE * usual);
    between_pauses.filter_map(|cycles| swinging(cycles, wanted)).collect()
}

fn swinging(cycles: &[Cycle], wanted: Wanted) -> Option<Swinging> {
    let (mean, variation) = lengths(cycles);
    if cycles.len() < wanted.cycles || mean < wanted.seconds {
        return None;
    }
    let deviation = bounds_and_deviation(cycles).1;
    let most = wanted.most_variation(cycles.len());
    let all = variation + OF_BOUNDS * deviation;
    (all <= most).then(|| Swinging { cycles: cycles.to_vec(), margin: 1.0 - all / most })
}

/// Adds one to those before it, or to the last of them if it is the same that goes on.
pub(super) fn join(before: &mut Vec<Swinging>, mut next: Swinging) {
    let Some(last) = before.last_mut().filter(|last| last.is_like(&next)) else {
        // Of two that overlap and differ, the first is kept.
        if before.last().is_none_or(|last| !last.overlaps(next.from(), next.to())) {
            before.push(next);
        }
        return;
    };
    let known_until = last.to();
    next.cycles.retain(|cycle| cycle.from >= known_until);
    last.cycles.extend(next.cycles);
    last.margin = last.margin.max(next.margin);
}

/// The mean length in seconds, and the coefficient of variation.
fn lengths(cycles: &[Cycle]) -> (f64, f64) {
    let mean_of = |value: &dyn Fn(&Cycle) -> f64| cycles.iter().map(value).sum::<f64>() / cycles.len() as f64;
    let mean = mean_of(&Cycle::seconds);
    let deviation = mean_of(&|cycle: &Cycle| (cycle.seconds() - mean).abs()) * OF_NORMAL;
    (mean, deviation / mean)
}

/// The usual low and high, and how far they deviate as a share of their distance.
fn bounds_and_deviation(cycles: &[Cycle]) -> ((f64, f64), f64) {
    let usual =
        |value: fn(&Cycle) -> f64| robust::median_and_deviation(&mut cycles.iter().map(value).collect::<Vec<_>>());
    let ((low, of_low), (high, of_high)) = (usual(|cycle| cycle.low), usual(|cycle| cycle.high));
    ((low, high), f64::midpoint(of_low, of_high) / (high - low))
}
