//! The mean cycle of a wave, and how well it tells what the series does.
//!
//! The surprise: the share that the cycle explains is told of the calm series, but its sizes of the values themselves, by
//! the middle half of the cycles at each place, so that bursts weigh nothing and a narrow pulse keeps its height.

use super::fold::{self, Folded, Places, Rest};
use super::levels::Level;
use super::sums;
use super::turning::Turning;

/// Periods of waves of fewer cycles are refined by what they explain.
pub(super) const FEW: f64 = 12.0;
/// At most so many samples are compared with those of longer cycles.
const MOST_COMPARED: usize = 4_096;

/// What longer cycles explain has to be by so much more of everything.
const MUCH_MORE: f64 = 0.15;

/// At most so many samples are used for the sizes.
const MOST_SAMPLES: usize = 16_384;
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
        (known.len() > fold::LEAST_PLACES && flat >= PULSE).then_some(above)
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

/// All cycles of a range of samples, folded.
pub(super) struct Cycles<'a> {
    values: &'a [f64],
    rest: Rest,
    places: Places,
    folded: Folded,
}

impl<'a> Cycles<'a> {
    /// Those from one position to before another one.
    pub(super) fn of(level: &'a Level, range: (usize, usize), period: f64) -> Option<Self> {
        let values = level.values.get(range.0..)?;
        let (rest, places) = (Rest::of(level, range, period)?, Places::of(level, range, period));
        let folded = places.fold(&rest)?;
        Some(Self { values, rest, places, folded })
    }

    /// The share of the variance about the course that they explain.
    pub(super) fn explained(&self) -> f64 {
        self.folded.explained
    }

    /// The mean of them.
    pub(super) fn mean(self) -> Cycle {
        let compared = self.values.iter().zip(&self.rest.course).zip(&self.places.of).take(MOST_SAMPLES);
        let compared = compared.filter(|((value, _), _)| !value.is_nan());
        // The samples of the first place, then those of the next, and so on.
        let mut ends = [0_usize; 1 << u8::BITS];
        compared.clone().for_each(|(_, place)| ends[usize::from(*place)] += 1);
        let mut end = 0;
        for count in &mut ends {
            end += *count;
            *count = end - *count;
        }
        let mut sorted = vec![0.0; end];
        for ((value, course), place) in compared {
            let at = &mut ends[usize::from(*place)];
            sorted[*at] = value - course;
            *at += 1;
        }
        let mut begin = 0;
        let means = ends.iter().take(self.places.count).map(|end| {
            let of_place = sorted.get_mut(begin..*end).unwrap_or_default();
            begin = *end;
            middle_mean(of_place)
        });
        Cycle { places: means.collect(), left: self.folded.left }
    }
}

/// Takes a wave out of a range of samples: its mean cycle, except for what has a period some whole number of times shorter.
pub(super) fn take_out(level: &mut Level, range: (usize, usize), period: f64, except: &[usize]) {
    let Some(rest) = Rest::of(level, range, period) else { return };
    let places = Places::of(level, range, period);
    let Some(Folded { mut means, .. }) = places.fold(&rest) else { return };
    for &times in except {
        without(&mut means, times);
    }
    let samples = level.values.iter_mut().zip(&mut level.calm).skip(range.0);
    for (place, (value, calm)) in places.of.iter().zip(samples) {
        let told = means.get(usize::from(*place)).copied().unwrap_or(0.0);
        *value -= told;
        *calm -= told;
    }
}

/// Whether cycles that are some times longer explain much more: how many times.
pub(super) fn longer(level: &Level, range: (f64, f64), period: f64) -> Option<f64> {
    let from = range.0 as usize;
    let to = (range.1 as usize).min(from + MOST_COMPARED);
    let short_places = Places::of(level, (from, to), period);
    [2.0, 3.0, 4.0, 5.0].into_iter().take_while(|times| (to - from) as f64 >= 3.0 * period * times).find(|times| {
        let Some(rest) = Rest::of(level, (from, to), period * times) else { return false };
        let explained_by = |places: &Places| Some(places.fold(&rest)?.explained);
        // No cycle explains more than everything.
        let Some(short) = explained_by(&short_places).filter(|short| short + MUCH_MORE < 1.0) else { return false };
        let is_better = |long: f64| long > short + MUCH_MORE && 1.0 - long < 0.75 * (1.0 - short);
        explained_by(&Places::of(level, (from, to), period * times)).is_some_and(is_better)
    })
}

/// Of few cycles, the period near the given one that explains most.
pub(super) fn refined(level: &Level, range: (usize, usize), period: f64) -> f64 {
    let Some(rest) = Rest::of(level, range, period) else { return period };
    let explained = |factor: f64| {
        let places = Places::of(level, range, period * factor);
        places.fold(&rest).map_or(0.0, |folded| folded.explained)
    };
    let factors = (-16..=16).map(|step| 1.0 + f64::from(step) * 0.0025);
    let best = factors.map(|factor| (factor, explained(factor))).max_by(|one, other| one.1.total_cmp(&other.1));
    let known = explained(1.0);
    period * best.filter(|best| best.1 > known + 0.002).map_or(1.0, |best| best.0)
}

/// The mean of the middle half; `NaN` of nothing.
fn middle_mean(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let last = (values.len() - 1) as f64;
    let [low, high] = [0.25, 0.75].map(|share| (last * share).round() as usize);
    let (_, &mut least, above) = values.select_nth_unstable_by(low, f64::total_cmp);
    // What is above it is apart already.
    let most = match high - low {
        0 => least,
        more => *above.select_nth_unstable_by(more - 1, f64::total_cmp).1,
    };
    let (sum, count) = sums::within(values, least, most);
    sum / count
}

/// The cosines and sines of the middles of the places of a cycle, of all harmonics: each harmonic has the same ones in another order.
struct Turns(Vec<(f64, f64)>);

impl Turns {
    fn of(places: usize) -> Self {
        Self(Turning::from(0.0, std::f64::consts::PI / places as f64).take(2 * places).collect())
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
