//! What a series usually does: its level, and how far it is from it.

use crate::analysis::study::{Signal, robust};

use super::excursion::Side;

/// The least number of readings that a level is the median of.
const NARROWEST: usize = 41;
/// The level is taken so many times within a window.
const HOPS: usize = 8;
/// How often noise alone may pass the threshold in a whole series.
const BY_CHANCE: f64 = 0.05;
/// At least so many readings are taken for rare, of a short series.
const FEW: f64 = 10.0;
/// No larger share of the readings can be spikes.
const MOST_SHARE: f64 = 0.25;
/// Below this share readings are far out.
const FARTHEST_OUT: f64 = 0.04;
/// With each doubling a distance is so many times larger at most.
const MOST_GROWTH: f64 = 1.2;
/// Of normal noise a hundredth is further above its mean.
const OF_A_HUNDREDTH: f64 = 2.326;
/// No deviation is smaller than this share of the largest one: a value that rests has none otherwise.
const SMALLEST: f64 = 1e-3;

/// Running medians.
pub(super) struct Level {
    hop: usize,
    medians: Vec<f64>,
    window: usize,
}

impl Level {
    pub(super) fn of(signal: &Signal, window_seconds: f64) -> Self {
        let values = signal.values();
        let wanted = (window_seconds / signal.step_seconds()) as usize;
        let window = wanted.max(NARROWEST).min(values.len());
        let hop = (window / HOPS).max(1);
        let mut buffer = Vec::with_capacity(window);
        let median_about = |hop_at: usize| {
            let center = hop_at * hop + hop / 2;
            let begin = center.saturating_sub(window / 2).min(values.len() - window);
            buffer.clear();
            buffer.extend_from_slice(&values[begin..begin + window]);
            robust::median(&mut buffer)
        };
        Self { hop, medians: (0..values.len().div_ceil(hop)).map(median_about).collect(), window }
    }

    /// How many readings a spike has at most.
    pub(super) fn widest(&self) -> usize {
        self.window / 4
    }

    /// The level at a position.
    pub(super) fn at(&self, position: usize) -> f64 {
        self.medians.get(position / self.hop).copied().unwrap_or(0.0)
    }

    /// The same, or that a little before or after, if it is nearer to values on this side: at a step both levels are
    /// usual.
    pub(super) fn nearest(&self, position: usize, side: Side) -> f64 {
        let hop = position / self.hop;
        let about = self.medians.get(hop.saturating_sub(1)..(hop + 2).min(self.medians.len())).unwrap_or_default();
        let farther = |one: f64, other: f64| if side.sign() * (other - one) > 0.0 { other } else { one };
        about.iter().copied().fold(self.at(position), farther)
    }
}

/// How far the readings are from the level, in order of size.
pub(super) struct Distances {
    sorted: Vec<f64>,
    deviation: f64,
}

impl Distances {
    pub(super) fn of(signal: &Signal, level: &Level) -> Self {
        let mut sorted: Vec<f64> = signal.values().iter().enumerate().map(|(at, value)| value - level.at(at)).collect();
        let deviation = robust::deviation_about(&mut sorted.clone(), 0.0);
        sorted.sort_unstable_by(f64::total_cmp);
        Self { sorted, deviation }
    }

    /// What this share of the readings is further away than, on a side.
    fn beyond(&self, side: Side, share: f64) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        let from_end = ((last as f64 * share).round() as usize).min(last);
        let at = match side {
            Side::Above => last - from_end,
            Side::Below => from_end,
        };
        side.sign() * self.sorted.get(at).copied().unwrap_or(0.0)
    }
}

/// What is usual on one side of the level.
#[derive(Clone, Copy)]
pub(super) struct Usual {
    /// The deviation from the level, as that of normal noise.
    spread: f64,
    /// A spike is farther from the level than this.
    pub(super) threshold: f64,
}

impl Usual {
    /// What is usual if this share of the readings may be spikes.
    pub(super) fn of(distances: &Distances, side: Side, share: f64, sigmas: f64) -> Self {
        let count = distances.sorted.len() as f64;
        let share = share.max(FEW / count).min(MOST_SHARE);
        let edge = |share: f64| distances.beyond(side, share).max(0.0);
        // From twice as many readings to so many the distance grows by this, and it goes on to grow. Few bursts hold
        // many readings, so that is better seen at larger shares too.
        let doubling = |share: f64| edge(share) - edge(2.0 * share);
        let doublings = |share: f64| (share * count / BY_CHANCE).log2();
        let evenly = |share: f64| edge(share) + doubling(share) * doublings(share);
        let ever_more = edge(share) + doubling(share) * growing(&doubling, share, doublings(share));
        let tail = ever_more.max(evenly(2.0 * share)).max(evenly(4.0 * share));
        let farthest = distances.beyond(side, 0.0);
        let spread = distances.deviation.max(edge(share) / OF_A_HUNDREDTH).max(farthest * SMALLEST);
        Self { spread, threshold: tail.max(spread * sigmas) }
    }

    /// How many times the usual deviation a height is.
    pub(super) fn sigmas(self, height: f64) -> f64 {
        (height / self.spread).min(super::MOST_SIGMAS)
    }
}

/// The sum of so many doublings, of which the first is 1, and each is as many times larger than the one before as was
/// seen.
fn growing(doubling: &dyn Fn(f64) -> f64, share: f64, doublings: f64) -> f64 {
    let at_once = doubling(share) / doubling(2.0 * share);
    let slowly = (doubling(share) / doubling(8.0 * share)).cbrt();
    // Where a value rests nothing grows, and the factors are no numbers.
    let factor = at_once.min(slowly).clamp(1.0, MOST_GROWTH);
    // The bulk of the readings says nothing of how they thin out.
    let is_growing = share <= FARTHEST_OUT && factor > 1.0 + SMALLEST;
    if is_growing { (factor.powf(doublings) - 1.0) / (factor - 1.0) } else { doublings }
}
