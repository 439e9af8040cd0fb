//! The mean cycle of a wave, and how well it tells what the series does.
//!
//! The slow course is taken away first: the mean of a whole number of cycles around each sample, in which the wave itself is
//! nothing. The surprise: the share that the cycle explains is told of the calm series, but its sizes of the values themselves, by
//! the middle half of the cycles at each place, so that bursts weigh nothing and a narrow pulse keeps its height.

use super::levels::Level;
use crate::analysis::study::robust;

/// Periods of waves of fewer cycles are refined by what they explain.
pub(super) const FEW: f64 = 12.0;
/// At most so many samples are compared with those of longer cycles.
const MOST_COMPARED: usize = 4_096;

/// What longer cycles explain has to be by so much more of everything.
const MUCH_MORE: f64 = 0.15;

/// At most so many places of a cycle.
const MOST_PLACES: usize = 64;
/// At least so many; fewer samples than that in a cycle fall on different places in different cycles.
const LEAST_PLACES: usize = 8;
/// At most so many samples are used for the sizes.
const MOST_SAMPLES: usize = 16_384;
/// The slow course is a mean over so many samples at least.
const LEAST_COURSE: f64 = 12.0;
/// Of a pulse at least this share of the places is near the top or the bottom.
const PULSE: f64 = 0.8;

/// Harmonics up to this one are looked at.
const MOST_HARMONIC: usize = 16;
/// A harmonic that is by this share of the fundamental bigger than that of a sawtooth or of the pulse is a wave of its own.
const OWN: f64 = 0.3;

/// The mean cycle.
pub(super) struct Cycle {
    /// What it adds to the course at equal distances from phase 0 on; `NaN` where no sample falls.
    pub(super) places: Vec<f64>,
    /// The share of the variance about the course that it explains, less what as many free numbers explain of noise.
    pub(super) explained: f64,
    /// The standard deviation of what it leaves.
    pub(super) left: f64,
}

impl Cycle {
    /// Half of its swing.
    pub(super) fn amplitude(&self) -> f64 {
        let (low, high) = self.bounds();
        (high - low) / 2.0
    }

    /// The phase of its crest, from 0 to 1: of a pulse the middle of the high part.
    pub(super) fn crest(&self) -> f64 {
        let (low, high) = self.bounds();
        let near = high - 0.25 * (high - low);
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (at, _) in self.places.iter().enumerate().filter(|(_, value)| **value >= near) {
            let angle = std::f64::consts::TAU * (at as f64 + 0.5) / self.places.len() as f64;
            real += angle.cos();
            imaginary += angle.sin();
        }
        (imaginary.atan2(real) / std::f64::consts::TAU).rem_euclid(1.0)
    }

    /// The share of the cycle that is high, where it is a pulse.
    pub(super) fn high(&self) -> Option<f64> {
        let (low, high) = self.bounds();
        let swing = high - low;
        let known: Vec<f64> = self.places.iter().copied().filter(|value| !value.is_nan()).collect();
        let share = |test: &dyn Fn(f64) -> bool| {
            known.iter().filter(|value| test(**value)).count() as f64 / known.len().max(1) as f64
        };
        let flat = share(&|value| value < low + 0.25 * swing || value > high - 0.25 * swing);
        let above = share(&|value| value > low + 0.5 * swing);
        (known.len() > LEAST_PLACES && flat >= PULSE).then_some(above)
    }

    /// The biggest size of a harmonic.
    pub(super) fn strongest(&self) -> f64 {
        let most = MOST_HARMONIC.min(self.places.len() / 2 - 1);
        let turns = Turns::of(self.places.len());
        (1..=most).map(|times| size(turns.harmonic(&self.places, times))).fold(0.0, f64::max)
    }

    /// Takes out what has a period of its own, a whole number of times shorter; tells how many times, if there is such.
    pub(super) fn split(&mut self) -> Option<usize> {
        // Where samples fall on some places only, one harmonic can't be told from another one.
        if self.places.iter().any(|value| value.is_nan()) {
            return None;
        }
        let turns = Turns::of(self.places.len());
        let fundamental = size(turns.harmonic(&self.places, 1));
        let high = self.high();
        let most = MOST_HARMONIC.min(self.places.len() / 2 - 1);
        let own = (2..=most).find(|&times| {
            let usual = high.map_or(1.0, |high| {
                let pulse = |times: f64| (std::f64::consts::PI * times * high).sin().abs() / times;
                pulse(times as f64) / pulse(1.0).max(1e-9) * times as f64
            });
            size(turns.harmonic(&self.places, times)) > fundamental * (usual / times as f64 + OWN)
        })?;
        without(&mut self.places, own);
        Some(own)
    }

    fn bounds(&self) -> (f64, f64) {
        let known = self.places.iter().filter(|value| !value.is_nan());
        known.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| (low.min(value), high.max(value)))
    }
}

/// The mean cycle of samples from one position to before another one.
pub(super) fn cycle(level: &Level, range: (usize, usize), period: f64) -> Option<Cycle> {
    let folded = folded(level, range, period, period)?;
    let mut samples = vec![Vec::new(); folded.sums.len()];
    let values = level.values.iter().skip(range.0).zip(&folded.course).take(MOST_SAMPLES);
    for (place, (value, course)) in places(range.0, period, folded.sums.len()).zip(values) {
        if let Some(samples) = samples.get_mut(place).filter(|_| !value.is_nan()) {
            samples.push(value - course);
        }
    }
    let places = samples.iter_mut().map(|samples| middle_mean(samples)).collect();
    Some(Cycle { places, explained: folded.explained, left: folded.left })
}

/// Takes a wave out of a range of samples: its mean cycle, except for what has a period some whole number of times shorter.
pub(super) fn take_out(level: &mut Level, range: (usize, usize), period: f64, except: &[usize]) {
    let Some(folded) = folded(level, range, period, period) else { return };
    let count = folded.sums.len();
    let mut places: Vec<f64> = folded.sums.iter().map(|sum| sum.0 / sum.1.max(1.0)).collect();
    for &times in except {
        without(&mut places, times);
    }
    let samples = level.values.iter_mut().zip(&mut level.calm).take(range.1).skip(range.0);
    for (place, (value, calm)) in self::places(range.0, period, count).zip(samples) {
        let told = places.get(place).copied().unwrap_or(0.0);
        *value -= told;
        *calm -= told;
    }
}

/// Whether cycles that are some times longer explain much more: how many times.
pub(super) fn longer(level: &Level, range: (f64, f64), period: f64) -> Option<f64> {
    let from = range.0 as usize;
    let to = (range.1 as usize).min(from + MOST_COMPARED);
    let explained_by = |folded: f64, course: f64| Some(self::folded(level, (from, to), folded, course)?.explained);
    [2.0, 3.0, 4.0, 5.0].into_iter().take_while(|times| (to - from) as f64 >= 3.0 * period * times).find(|times| {
        let course = period * times;
        // No cycle explains more than everything.
        let Some(short) = explained_by(period, course).filter(|short| short + MUCH_MORE < 1.0) else { return false };
        let is_better = |long: f64| long > short + MUCH_MORE && 1.0 - long < 0.75 * (1.0 - short);
        explained_by(course, course).is_some_and(is_better)
    })
}

/// Of few cycles, the period near the given one that explains most.
pub(super) fn refined(level: &Level, range: (usize, usize), period: f64) -> f64 {
    let explained = |factor: f64| folded(level, range, period * factor, period).map_or(0.0, |folded| folded.explained);
    let factors = (-16..=16).map(|step| 1.0 + f64::from(step) * 0.0025);
    let best = factors.map(|factor| (factor, explained(factor))).max_by(|one, other| one.1.total_cmp(&other.1));
    let known = explained(1.0);
    period * best.filter(|best| best.1 > known + 0.002).map_or(1.0, |best| best.0)
}

/// Sums and numbers of the calm samples at each place of the cycle.
struct Folded {
    sums: Vec<(f64, f64)>,
    course: Vec<f64>,
    explained: f64,
    left: f64,
}

fn folded(level: &Level, range: (usize, usize), period: f64, course_period: f64) -> Option<Folded> {
    let (from, to) = (range.0, range.1.min(level.values.len()));
    let course = course(&level.calm, (from, to), course_period)?;
    let count = (period as usize).clamp(LEAST_PLACES, MOST_PLACES);
    let mut sums = vec![(0.0, 0.0); count];
    let (mut all, mut number) = (0.0, 0.0);
    let samples = level.values.get(from..to)?.iter().zip(level.calm.get(from..to)?).zip(&course);
    for (place, ((_, calm), course)) in
        places(from, period, count).zip(samples).filter(|(_, ((value, _), _))| !value.is_nan())
    {
        let value = calm - course;
        if let Some(sum) = sums.get_mut(place) {
            *sum = (sum.0 + value, sum.1 + 1.0);
        }
        all += value * value;
        number += 1.0;
    }
    let told: f64 = sums.iter().filter(|sum| sum.1 > 0.0).map(|sum| sum.0 * sum.0 / sum.1).sum();
    let left = (all - told).max(0.0);
    if all <= 0.0 || number <= count as f64 {
        return None;
    }
    let free = number - count as f64;
    let explained = (1.0 - left / all * number / free).max(0.0);
    Some(Folded { sums, course, explained, left: (left / free).sqrt() })
}

/// At which of so many places of the cycle samples from one on are.
fn places(from: usize, period: f64, count: usize) -> impl Iterator<Item = usize> {
    let step = 1.0 / period;
    let mut turn = (from as f64 / period).fract();
    std::iter::repeat_with(move || {
        let place = ((turn * count as f64) as usize).min(count - 1);
        turn += step;
        if turn >= 1.0 {
            turn -= 1.0;
        }
        place
    })
}

/// The mean of the middle half; `NaN` of nothing.
fn middle_mean(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let (low, high) = (robust::quantile(values, 0.25), robust::quantile(values, 0.75));
    let (sum, count) = values
        .iter()
        .filter(|value| (low..=high).contains(*value))
        .fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

/// The mean of a whole number of cycles around each sample; at the ends of the series around the nearest where that fits in.
fn course(calm: &[f64], (from, to): (usize, usize), period: f64) -> Option<Vec<f64>> {
    let width = ((LEAST_COURSE / period).ceil().max(1.0) * period).round() as usize;
    if width > calm.len() || from >= to {
        return None;
    }
    let begin_of = |at: usize| at.saturating_sub(width / 2).min(calm.len() - width);
    let first = begin_of(from);
    let mut sum: f64 = calm.get(first..first + width)?.iter().sum();
    let mut begin = first;
    let mut means = Vec::with_capacity(to - from);
    for at in from..to {
        while begin < begin_of(at) {
            sum += calm.get(begin + width)? - calm.get(begin)?;
            begin += 1;
        }
        means.push(sum / width as f64);
    }
    Some(means)
}

/// The cosines and sines of the middles of the places of a cycle, of all harmonics: each harmonic has the same ones in another order.
struct Turns(Vec<(f64, f64)>);

impl Turns {
    fn of(places: usize) -> Self {
        let turn = |at: usize| (std::f64::consts::PI * at as f64 / places as f64).sin_cos();
        Self((0..2 * places).map(turn).collect())
    }

    /// Cosine and sine of a harmonic at each place.
    fn each(&self, times: usize) -> impl Iterator<Item = (f64, f64)> + '_ {
        let all = self.0.len().max(1);
        let turns = (0..all / 2).map(move |at| self.0.get(times * (2 * at + 1) % all));
        turns.map(|turn| turn.map_or((1.0, 0.0), |(sin, cos)| (*cos, *sin)))
    }

    /// The cosine and sine of a harmonic in a cycle.
    fn harmonic(&self, places: &[f64], times: usize) -> (f64, f64) {
        let known = places.iter().zip(self.each(times)).filter(|(value, _)| !value.is_nan());
        let (real, imaginary, count) = known.fold((0.0, 0.0, 0.0), |(real, imaginary, count), (value, (cos, sin))| {
            (real + value * cos, imaginary + value * sin, count + 0.5)
        });
        (real / f64::max(count, 1.0), imaginary / f64::max(count, 1.0))
    }
}

/// Takes out what has a period so many times shorter.
fn without(places: &mut [f64], own: usize) {
    let turns = Turns::of(places.len());
    for times in (own..places.len() / 2).step_by(own) {
        let (real, imaginary) = turns.harmonic(places, times);
        for (value, (cos, sin)) in places.iter_mut().zip(turns.each(times)) {
            *value -= real * cos + imaginary * sin;
        }
    }
}

fn size(harmonic: (f64, f64)) -> f64 {
    harmonic.0.hypot(harmonic.1)
}
