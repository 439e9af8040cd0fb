//! The levels before and after a change: the means of both parts, and where a part slopes, what its line comes to next to the change.
//!
//! The surprise: the mean of a leak's hours before a gap says nothing of the gap. A part slopes where a line leaves less than half of
//! what the mean leaves, and its end is away from the mean by more than the noise.

use super::scales::{SHORTEST, Sums};

/// The line next to a change goes through so many readings at most: a bend further away is none of its business.
const MOST: usize = 512;
/// Of what the mean leaves, a line that counts leaves less than this share.
const LEFT: f64 = 0.5;

/// The levels before and after a position, of the parts on both sides of it, about the median of all.
pub(super) fn levels(sums: &Sums, (from, at, to): (usize, usize, usize), noise: f64) -> (f64, f64) {
    let before = if slopes(sums, from, at, noise) {
        let near = from.max(at.saturating_sub(MOST));
        end_of_line(sums, near, at, 0.5)
    } else {
        sums.mean(from, at)
    };
    let after =
        if slopes(sums, at, to, noise) { end_of_line(sums, at, to.min(at + MOST), -0.5) } else { sums.mean(at, to) };
    (before, after)
}

fn slopes(sums: &Sums, from: usize, to: usize, noise: f64) -> bool {
    let count = (to - from) as f64;
    if to - from < SHORTEST {
        return false;
    }
    let (slope, scatter) = (sums.slope(from, to), sums.scatter(from, to));
    let explained = slope * slope * count * (count * count - 1.0) / 12.0;
    scatter - explained < LEFT * scatter && (slope * count / 2.0).abs() > noise
}

/// Half of a window after its middle, or before it.
fn end_of_line(sums: &Sums, from: usize, to: usize, half: f64) -> f64 {
    sums.mean(from, to) + sums.slope(from, to) * (to - from) as f64 * half
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::testing::Chance;

    fn levels_of(values: &[f64], at: usize) -> (f64, f64) {
        levels(&Sums::of(values), (0, at, values.len()), 1.0)
    }

    #[test]
    fn a_ramp_has_its_levels_next_to_the_change_and_a_step_its_means() {
        // `Sums` are about the median, so only the difference is known.
        let noise = Chance::new(1).noise(4000);
        let rise = |(before, after): (f64, f64)| after - before;
        let ramp = |jump: f64| {
            let values = noise.iter().enumerate();
            values.map(|(at, value)| value + at as f64 * 0.5 + if at < 2500 { 0.0 } else { jump }).collect::<Vec<f64>>()
        };
        assert!((rise(levels_of(&ramp(30.0), 2500)) - 30.0).abs() < 0.6);
        assert!(rise(levels_of(&ramp(0.0), 2500)).abs() < 0.6);
        let steps: Vec<f64> =
            noise.iter().enumerate().map(|(at, value)| value + if at < 2500 { 0.0 } else { 5.0 }).collect();
        let sums = Sums::of(&steps);
        assert_eq!(levels(&sums, (0, 2500, 4000), 1.0), (sums.mean(0, 2500), sums.mean(2500, 4000)));
    }

    #[test]
    fn a_ramp_on_one_side_leaves_the_mean_on_the_other() {
        let values: Vec<f64> = Chance::new(2)
            .noise(3000)
            .into_iter()
            .enumerate()
            .map(|(at, value)| value + if at < 1000 { 40.0 } else { (at - 1000) as f64 * 0.2 })
            .collect();
        let sums = Sums::of(&values);
        let (before, after) = levels(&sums, (0, 1000, 3000), 1.0);
        assert_eq!(before.to_bits(), sums.mean(0, 1000).to_bits());
        assert!((after - before + 40.0).abs() < 0.6, "{before} {after}");
    }
}
