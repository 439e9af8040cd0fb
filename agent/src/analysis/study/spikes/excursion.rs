//! Runs of readings that are far from the level.

use crate::analysis::study::Signal;
use crate::model::UnixMicros;

use super::usual::Level;

/// On which side of the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Above,
    Below,
}

impl Side {
    pub(super) fn sign(self) -> f64 {
        match self {
            Self::Above => 1.0,
            Self::Below => -1.0,
        }
    }
}

/// A run of readings far from the level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Excursion {
    pub(super) side: Side,
    pub(super) from: UnixMicros,
    pub(super) to: UnixMicros,
    /// How far it is from the level where it is farthest.
    pub(super) height: f64,
    pub(super) level: f64,
    pub(super) peak: f64,
    pub(super) width_seconds: f64,
    /// Whether the series begins or ends in it.
    pub(super) is_cut_off: bool,
}

/// All short ones on a side that are farther from the level than a threshold; each goes on while it is beyond half of
/// it.
pub(super) fn all(signal: &Signal, level: &Level, side: Side, threshold: f64) -> Vec<Excursion> {
    let mut found = Vec::new();
    if threshold <= 0.0 {
        return found;
    }
    let (times, values) = (signal.times(), signal.values());
    let distance = |at: usize| side.sign() * (values[at] - level.nearest(at, side));
    for stretch in signal.stretches() {
        let mut at = stretch.start;
        while at < stretch.end {
            // The plain level is cheaper, and never nearer.
            if side.sign() * (values[at] - level.at(at)) <= threshold || distance(at) <= threshold {
                at += 1;
                continue;
            }
            let is_beyond = |&position: &usize| distance(position) > threshold / 2.0;
            let begin = (stretch.start..at).rev().take_while(is_beyond).last().unwrap_or(at);
            let end = (at..stretch.end).take_while(is_beyond).last().unwrap_or(at);
            let farthest = (begin..=end).max_by(|&one, &other| distance(one).total_cmp(&distance(other))).unwrap_or(at);
            at = end + 1;
            if end + 1 - begin > level.widest() {
                continue;
            }
            found.push(Excursion {
                side,
                from: times[begin],
                to: times[end],
                height: distance(farthest),
                level: level.nearest(farthest, side),
                peak: values[farthest],
                width_seconds: (times[end] - times[begin]) as f64 / 1e6 + signal.step_seconds(),
                is_cut_off: begin == 0 || end + 1 == values.len(),
            });
        }
    }
    found
}
