//! From positions that may be changes to those that are: each once, where it fits best, and only where it stands up to a second look.
//!
//! Candidates of all scales are thinned to one per change, moved to where two levels fit best, and put to PELT (Killick's exact
//! search for the cheapest division, with a penalty per change that grows with the noise). What is left must be larger than usual at
//! some scale that fits between its neighbours, also once a drift is taken off. The surprise: PELT alone would do for white noise;
//! real series need the last step, which knows how they usually behave.

use super::scales::{Candidate, Contrast, SHORTEST, Sums, Usual};

/// Candidates that are looked at closely, at most: those that differ most.
const MOST: usize = 1_000;

/// A change of the level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Boundary {
    /// The first reading after it.
    pub(super) at: usize,
    /// How many times the usual difference it is, at the scale where that is most.
    pub(super) times: f64,
}

/// What decides whether a boundary stands.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    /// The series.
    pub(super) sums: &'a Sums,
    /// What is looked for, and how large it usually is at each width.
    pub(super) main: (Contrast, &'a [Usual]),
    /// What has to be there as well, if not as much.
    pub(super) also: Option<(Contrast, &'a [Usual])>,
    /// How many times the usual difference a change is.
    pub(super) least: f64,
    /// How many times that of the other contrast.
    pub(super) least_also: f64,
}

impl Judge<'_> {
    /// How many times the usual the difference at a position is, with windows that reach neither neighbour.
    fn times(&self, (contrast, usual): (Contrast, &[Usual]), before: usize, at: usize, after: usize) -> f64 {
        let room = (at - before).min(after - at);
        let fitting = usual.iter().filter(|usual| usual.width <= room);
        fitting.map(|usual| usual.times(self.sums.contrast(contrast, at, usual.width))).fold(0.0, f64::max)
    }

    /// The larger of what is asked of both contrasts, as a share of what is needed; 1 and more stands.
    fn weight(&self, before: usize, at: usize, after: usize) -> (f64, f64) {
        let times = self.times(self.main, before, at, after);
        let also = self.also.map_or(f64::INFINITY, |also| self.times(also, before, at, after) / self.least_also);
        ((times / self.least).min(also), times)
    }

    /// The boundaries that stand, in order.
    #[must_use]
    pub(super) fn decide(&self, positions: &[usize]) -> Vec<Boundary> {
        let mut kept: Vec<usize> = positions.to_vec();
        let weight = |kept: &[usize], index: usize| {
            let before = index.checked_sub(1).map_or(0, |before| kept[before]);
            self.weight(before, kept[index], kept.get(index + 1).copied().unwrap_or(self.sums.len()))
        };
        let mut weights: Vec<(f64, f64)> = (0..kept.len()).map(|index| weight(&kept, index)).collect();
        // The weakest goes first, and then its neighbours have more room.
        while let Some((index, _)) = weights
            .iter()
            .enumerate()
            .filter(|(_, (weight, _))| *weight < 1.0)
            .min_by(|(_, a), (_, b)| a.0.total_cmp(&b.0))
        {
            kept.remove(index);
            weights.remove(index);
            for (near, of_near) in weights.iter_mut().enumerate().take(index + 1).skip(index.saturating_sub(1)) {
                *of_near = weight(&kept, near);
            }
        }
        kept.into_iter().zip(weights).map(|(at, (_, times))| Boundary { at, times }).collect()
    }
}

/// One candidate per change: of those within a window of each other, the one that differs most.
#[must_use]
pub(super) fn thinned(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by(|a, b| b.times.total_cmp(&a.times).then(a.width.cmp(&b.width)).then(a.at.cmp(&b.at)));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        let is_near =
            |other: &Candidate| candidate.at.abs_diff(other.at) * 4 < candidate.width.max(other.width / 4) * 3;
        if kept.len() < MOST && !kept.iter().any(is_near) {
            kept.push(candidate);
        }
    }
    kept.sort_by_key(|candidate| candidate.at);
    kept
}

/// Where, near each candidate, two levels fit best: first within its own window, then within the shortest in which it shows, where
/// other things disturb least.
#[must_use]
pub(super) fn refined(sums: &Sums, candidates: &[Candidate], usual: &[Usual], least: f64) -> Vec<usize> {
    let mut positions: Vec<usize> = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let Candidate { at, width, .. } = *candidate;
        let before = index.checked_sub(1).map_or(0, |before| candidates[before].at);
        let after = candidates.get(index + 1).map_or(sums.len(), |after| after.at);
        let Some(found) = best_division(sums, (before, at, after), width) else {
            continue;
        };
        let size = sums.contrast(Contrast::Mean, found.clamp(width, sums.len() - width), width).abs();
        let shows = usual.iter().find(|usual| size >= least * usual.deviation()).map_or(width, |usual| usual.width);
        positions.extend(best_division(sums, (before, found, after), shows.min(width)));
    }
    // Two may have moved past each other.
    positions.sort_unstable();
    positions.dedup();
    positions
}

/// The position within `width` of another one at which two levels fit best, between its neighbours.
fn best_division(sums: &Sums, (before, at, after): (usize, usize, usize), width: usize) -> Option<usize> {
    let (from, to) = (before.max(at.saturating_sub(2 * width)), after.min(at + 2 * width));
    let (least, most) = (at.saturating_sub(width).max(from + 1), (at + width).min(to.saturating_sub(1)));
    let cost = |at: usize| sums.scatter(from, at) + sums.scatter(at, to);
    let costs = (least..=most).map(|at| (cost(at), at));
    costs.min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, at)| at)
}

/// The cheapest division at some of these positions, each change of which costs `penalty` of the sum of squares.
#[must_use]
pub(super) fn pelt(sums: &Sums, positions: &[usize], penalty: f64) -> Vec<usize> {
    let ends: Vec<usize> = positions.iter().copied().filter(|&at| at >= SHORTEST / 2).chain([sums.len()]).collect();
    // The cheapest division up to each end, and where its last part begins.
    let mut best: Vec<(f64, Option<usize>)> = Vec::with_capacity(ends.len());
    let mut open: Vec<Option<usize>> = vec![None];
    let start = |of: Option<usize>| of.map_or(0, |index| ends[index]);
    for (number, &end) in ends.iter().enumerate() {
        let cost = |of: Option<usize>| {
            let before = of.map_or(-penalty, |index: usize| best[index].0);
            before + sums.scatter(start(of), end)
        };
        let costs: Vec<f64> = open.iter().map(|&of| cost(of)).collect();
        let cheapest = costs.iter().enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(at, _)| at);
        let (found, from) = (costs[cheapest] + penalty, open[cheapest]);
        let mut costs = costs.into_iter();
        open.retain(|_| costs.next().is_some_and(|cost| cost <= found));
        best.push((found, from));
        open.push(Some(number));
    }
    let mut changes = Vec::new();
    let mut at = best.last().and_then(|(_, from)| *from);
    while let Some(index) = at {
        changes.push(ends[index]);
        at = best[index].1;
    }
    changes.reverse();
    changes
}

#[cfg(test)]
mod tests {
    use super::super::scales::usual;
    use super::*;
    use crate::analysis::study::testing::Chance;

    /// Each is looked for within its own window, and windows overlap.
    #[test]
    fn refined_positions_are_in_order_each_once() {
        for seed in 0..200 {
            let mut chance = Chance::new(seed);
            let mut level = 0.0;
            let step = |chance: &mut Chance| if chance.unit() < 0.03 { chance.normal() * 20.0 } else { 0.0 };
            let values: Vec<f64> = (0..600)
                .map(|_| {
                    level += step(&mut chance);
                    level + chance.normal()
                })
                .collect();
            let sums = Sums::of(&values);
            let mut candidates: Vec<Candidate> = (0..12)
                .map(|_| {
                    let width = SHORTEST << (chance.unit() * 4.0) as usize;
                    let at = width + (chance.unit() * (600 - 2 * width) as f64) as usize;
                    Candidate { at, width, times: 9.0 }
                })
                .collect();
            candidates.sort_by_key(|candidate| candidate.at);
            let refined = refined(&sums, &candidates, &usual(&sums, Contrast::Mean, 0.0), 5.0);
            assert!(refined.windows(2).all(|pair| pair[0] < pair[1]), "{seed}: {refined:?}");
        }
    }
}
