//! Changes shortly before the end of a range or after its start, where only short windows fit on one side.
//!
//! PELT asks of every change what noise of long windows could do, which a few readings cannot outweigh, and the second look has
//! windows of one width on both sides. Here all the readings up to the end are compared with windows of several widths on their other
//! side, by what two such windows usually differ by in this series. The surprise: nothing tells a change that has just happened from
//! the first half of a burst or the fall of a collector, so what the series has done before and did not keep to is no change here.

use std::ops::RangeInclusive;

use super::boundaries::Boundary;
use super::scales::{SHORTEST, Sums, Usual, widths};

/// Readings in the longest window on the other side.
const LONGEST: usize = 64 * SHORTEST;
/// Something that differs by this share of it is like it.
const ALIKE: f64 = 0.75;

/// Two windows that meet at a position.
#[derive(Clone, Copy, Debug)]
struct Windows {
    before: usize,
    after: usize,
}

impl Windows {
    /// What the means differ by.
    fn means(self, sums: &Sums, at: usize) -> f64 {
        sums.mean(at, at + self.after) - sums.mean(at - self.before, at)
    }

    /// What is left of that where the drift of the longer one goes on in the other.
    fn jump(self, sums: &Sums, at: usize) -> f64 {
        let is_before = self.before > self.after;
        let drift = if is_before { sums.slope(at - self.before, at) } else { sums.slope(at, at + self.after) };
        self.means(sums, at) - drift * (self.before + self.after) as f64 / 2.0
    }

    /// Where both are within the series.
    fn positions(self, sums: &Sums) -> RangeInclusive<usize> {
        self.before..=sums.len() - self.after
    }

    /// Readings in the shorter one.
    fn shorter(self) -> usize {
        self.before.min(self.after)
    }
}

/// What decides which changes stand at the ends.
#[derive(Debug)]
pub(super) struct Ends<'a> {
    /// The series.
    pub(super) sums: &'a Sums,
    /// The changes that are known.
    pub(super) known: &'a [Boundary],
    /// How far from an end is looked.
    pub(super) reach: usize,
    /// How many times the usual difference a change is, and how many times that of the jump.
    pub(super) least: (f64, f64),
    /// Differences of less are never larger than usual.
    pub(super) floor: f64,
}

impl Ends<'_> {
    /// The clearest change of these positions before the first known one, and after the last.
    #[must_use]
    pub(super) fn found(&self, positions: &[usize]) -> Vec<Boundary> {
        let count = self.sums.len();
        let first = self.known.first().map_or(count, |one| one.at);
        let last = self.known.last().map_or(0, |one| one.at);
        let after_start = positions
            .iter()
            .filter(|&&at| at < first)
            .flat_map(|&at| self.longer(at, first - at).map(move |longer| (at, Windows { before: at, after: longer })));
        let before_end = positions.iter().filter(|&&at| at > last).flat_map(|&at| {
            let short = count - at;
            self.longer(short, at - last).map(move |longer| (at, Windows { before: longer, after: short }))
        });
        self.clearest(after_start).into_iter().chain(self.clearest(before_end)).collect()
    }

    /// The widths of the other window, beside one that is short enough to be looked at here.
    fn longer(&self, short: usize, room: usize) -> impl Iterator<Item = usize> + use<> {
        let room = if (SHORTEST..=self.reach).contains(&short) { room.min(LONGEST) } else { 0 };
        widths(3 * room).filter(move |width| 2 * width >= short)
    }

    fn clearest(&self, places: impl Iterator<Item = (usize, Windows)>) -> Option<Boundary> {
        let standing = places.filter_map(|(at, windows)| self.judged(at, windows));
        standing.max_by(|a, b| a.times.total_cmp(&b.times))
    }

    /// The change, where it is larger than usual and nothing else is like it.
    fn judged(&self, at: usize, windows: Windows) -> Option<Boundary> {
        let (sums, every) = (self.sums, windows.shorter() / 4);
        let usual = |difference: fn(Windows, &Sums, usize) -> f64| {
            Usual::of(windows.shorter(), (windows.positions(sums), every), self.floor, |at| {
                difference(windows, sums, at)
            })
        };
        let means = usual(Windows::means);
        let times = means.times(windows.means(sums, at));
        if times < self.least.0 {
            return None;
        }
        let jumps = usual(Windows::jump);
        let jump = jumps.times(windows.jump(sums, at));
        let is_alike = |other: usize| {
            means.times(windows.means(sums, other)) >= ALIKE * times
                && jumps.times(windows.jump(sums, other)) >= ALIKE * jump
        };
        let mut others = windows.positions(sums).step_by((windows.shorter() / 8).max(1));
        let stands = jump >= self.least.1 && !others.any(|other| is_alike(other) && self.is_apart(other, at, windows));
        stands.then_some(Boundary { at, times })
    }

    /// Whether no reading around another position is one around this one, and no known change is among them.
    fn is_apart(&self, other: usize, at: usize, windows: Windows) -> bool {
        let has_within = |known: &Boundary| other < known.at + windows.before && known.at < other + windows.after;
        other.abs_diff(at) >= windows.before + windows.after && !self.known.iter().any(has_within)
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::study::changepoint::Changepoint;
    use crate::analysis::study::testing::Chance;
    use crate::analysis::study::{Input, Settings, Signal, Study, Words};

    const READINGS: usize = 7_200;
    /// Readings next to an end.
    const NEAR: usize = 150;

    fn found(values: &[f64]) -> Vec<usize> {
        let signal = Signal::regular(0, 1, values);
        let report = Changepoint.analyze(&Input::of(&signal, &Words { unit: "cores" }), &Settings::default());
        report.findings.iter().map(|finding| finding.from as usize).collect()
    }

    fn near_ends(values: &[f64]) -> usize {
        found(values).into_iter().filter(|&at| at.min(values.len() - at) <= NEAR).count()
    }

    /// A series, and the same one from its end to its start.
    fn both_ways(mut values: Vec<f64>) -> [Vec<f64>; 2] {
        let there = values.clone();
        values.reverse();
        [there, values]
    }

    #[test]
    fn a_step_of_three_sigmas_is_found_next_to_both_ends() {
        let mut missed = 0;
        for (seed, width) in (0..30).flat_map(|seed| [9, 12, 20, 42].map(|width| (seed, width))) {
            let mut values = Chance::new(seed).noise(READINGS);
            values[READINGS - width..].iter_mut().for_each(|value| *value += 3.0);
            for (values, at) in both_ways(values).iter().zip([READINGS - width, width]) {
                missed += usize::from(found(values).iter().all(|found| found.abs_diff(at) > 5));
            }
        }
        println!("{missed} of 240 missed");
        assert!(missed <= 6, "{missed}");
    }

    /// The wave makes the variance of long windows large, and with it what PELT asks for.
    #[test]
    fn a_step_beside_a_wave_is_found_next_to_both_ends() {
        for (seed, width) in (0..10).flat_map(|seed| [13, 30].map(|width| (seed, width))) {
            let noise = Chance::new(seed).noise(READINGS);
            let wave = |at: usize| 4.0 * (at as f64 / 600.0 * std::f64::consts::TAU).sin();
            let step = |at: usize| if at < READINGS - width { 0.0 } else { 8.0 };
            let values = noise.iter().enumerate().map(|(at, value)| value + wave(at) + step(at)).collect();
            for (values, at) in both_ways(values).iter().zip([READINGS - width, width]) {
                assert!(found(values).iter().any(|found| found.abs_diff(at) <= 5), "{seed} {at}");
            }
        }
    }

    /// Of 3 x 1,000 series of 2,000 readings.
    #[test]
    fn noise_has_no_changes_next_to_ends() {
        let mut alarms = [0; 3];
        for seed in 0..1000 {
            let mut chance = Chance::new(seed + 50_000);
            let series = [chance.noise(2000), chance.kept_noise(2000, 0.9), chance.bursts(2000, 0.01, 15.0, 12.0)];
            for (count, values) in alarms.iter_mut().zip(&series) {
                *count += near_ends(values);
            }
        }
        // White noise, noise that is kept, bursts.
        println!("{alarms:?} in 1000 each");
        assert!(alarms[0] <= 1 && alarms[1] <= 2 && alarms[2] <= 8, "{alarms:?}");
    }

    #[test]
    fn a_burst_among_bursts_and_a_fall_among_falls_are_no_change_next_to_an_end() {
        let mut alarms = [0; 2];
        for (seed, width) in (0..40).flat_map(|seed| [8, 12, 25].map(|width| (seed, width))) {
            let mut chance = Chance::new(seed);
            let mut bursts = chance.bursts(2000, 0.01, 15.0, 12.0);
            bursts[2000 - width..].iter_mut().for_each(|value| *value = 12.0 + chance.normal());
            let falls = |at: usize| ((at + 300 - 2000 % 300 + 300 - width) % 300) as f64 * 0.1;
            let falling = (0..2000).map(|at| falls(at) + chance.normal()).collect();
            for (count, values) in alarms.iter_mut().zip([bursts, falling]) {
                *count += both_ways(values).iter().map(|values| near_ends(values)).sum::<usize>();
            }
        }
        println!("{alarms:?} in 240 each");
        assert!(alarms[0] <= 5 && alarms[1] == 0, "{alarms:?}");
    }
}
