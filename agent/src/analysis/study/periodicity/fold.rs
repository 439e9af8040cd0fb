//! Folds samples onto the places of a cycle, and tells how much of what the series does the mean cycle explains.
//!
//! The slow course is taken away first: the mean of a whole number of cycles around each sample, in which the wave itself is
//! nothing. The surprise: course and places are told apart from the sums, for many cycles are compared about the same course, and
//! about several courses at the same places.

use super::levels::Level;
use super::sums;

/// At most so many places of a cycle.
const MOST_PLACES: usize = 64;
/// At least so many; fewer samples than that in a cycle fall on different places in different cycles.
pub(super) const LEAST_PLACES: usize = 8;
/// Each place has so many sums: samples that follow each other may fall on the same one, and would wait for each other.
const SUMS: usize = 4;
/// The slow course is a mean over so many samples at least.
const LEAST_COURSE: f64 = 12.0;
/// A turn as a whole number: what is beyond one is lost in adding.
const TURN: f64 = 18_446_744_073_709_551_616.0;

/// What samples of a range differ from the slow course.
pub(super) struct Rest {
    /// The slow course.
    pub(super) course: Vec<f64>,
    /// What the calm samples differ from it; 0 in gaps.
    values: Vec<f64>,
    /// The sum of their squares.
    all: f64,
}

impl Rest {
    /// From one position to before another one, with the course of cycles of this period; none where that is too long.
    pub(super) fn of(level: &Level, (from, to): (usize, usize), period: f64) -> Option<Self> {
        let to = to.min(level.values.len());
        let course = course(&level.calm, (from, to), period)?;
        let calm = level.calm.get(from..to)?;
        let mut values: Vec<f64> = calm.iter().zip(&course).map(|(calm, course)| calm - course).collect();
        if level.has_gaps {
            let gaps = values.iter_mut().zip(level.values.get(from..to)?).filter(|(_, value)| value.is_nan());
            gaps.for_each(|(rest, _)| *rest = 0.0);
        }
        let all = sums::squares(&values);
        Some(Self { course, values, all })
    }
}

/// Which places of the cycle samples fall on.
pub(super) struct Places {
    /// How many places there are.
    pub(super) count: usize,
    /// That of each sample, also in gaps.
    pub(super) of: Vec<u8>,
    /// How many samples each has, without gaps.
    numbers: [f64; MOST_PLACES],
}

impl Places {
    /// From one position to before another one.
    pub(super) fn of(level: &Level, (from, to): (usize, usize), period: f64) -> Self {
        let values = level.values.get(from..to.min(level.values.len())).unwrap_or_default();
        let count = (period as usize).clamp(LEAST_PLACES, MOST_PLACES);
        let step = (TURN / period) as u64;
        let mut turn = ((from as f64 / period).fract() * TURN) as u64;
        let next = |_: &f64| {
            let place = ((turn >> 32) * count as u64) >> 32;
            turn = turn.wrapping_add(step);
            place as u8
        };
        let of: Vec<u8> = values.iter().map(next).collect();
        let mut numbers = [[0_u32; SUMS]; MOST_PLACES];
        let (places, last_places) = of.as_chunks::<SUMS>();
        for places in places {
            for at in 0..SUMS {
                numbers[usize::from(places[at]) % MOST_PLACES][at] += 1;
            }
        }
        last_places.iter().for_each(|place| numbers[usize::from(*place) % MOST_PLACES][0] += 1);
        let mut numbers = numbers.map(|sums| f64::from(sums.iter().sum::<u32>()));
        if level.has_gaps {
            let gaps = of.iter().zip(values).filter(|(_, value)| value.is_nan());
            gaps.for_each(|(place, _)| numbers[usize::from(*place) % MOST_PLACES] -= 1.0);
        }
        Self { count, of, numbers }
    }

    /// The mean cycle; none where nothing differs, or where there are as many places as samples.
    pub(super) fn fold(&self, rest: &Rest) -> Option<Folded> {
        let mut sums = [[0.0; SUMS]; MOST_PLACES];
        let ((places, last_places), (values, last_values)) =
            (self.of.as_chunks::<SUMS>(), rest.values.as_chunks::<SUMS>());
        for (places, values) in places.iter().zip(values) {
            for at in 0..SUMS {
                sums[usize::from(places[at]) % MOST_PLACES][at] += values[at];
            }
        }
        for (place, value) in last_places.iter().zip(last_values) {
            sums[usize::from(*place) % MOST_PLACES][0] += value;
        }
        let mut folded = Folded { means: Vec::with_capacity(self.count), explained: 0.0, left: 0.0 };
        let (mut told, mut number) = (0.0, 0.0);
        for (sums, samples) in sums.iter().zip(&self.numbers).take(self.count) {
            let sum = sums.iter().sum::<f64>();
            let mean = sum / samples.max(1.0);
            folded.means.push(mean);
            told += sum * mean;
            number += samples;
        }
        let free = number - self.count as f64;
        if rest.all <= 0.0 || free <= 0.0 {
            return None;
        }
        let left = (rest.all - told).max(0.0);
        folded.explained = (1.0 - left / rest.all * number / free).max(0.0);
        folded.left = (left / free).sqrt();
        Some(folded)
    }
}

/// A mean cycle of calm samples.
pub(super) struct Folded {
    /// What it adds to the course at each place; 0 where no sample falls.
    pub(super) means: Vec<f64>,
    /// The share of the variance about the course that it explains, less what as many free numbers explain of noise.
    pub(super) explained: f64,
    /// The standard deviation of what it leaves.
    pub(super) left: f64,
}

/// The mean of a whole number of cycles around each sample; at the ends of the series around the nearest where that fits in.
fn course(calm: &[f64], (from, to): (usize, usize), period: f64) -> Option<Vec<f64>> {
    let width = ((LEAST_COURSE / period).ceil().max(1.0) * period).round() as usize;
    if width > calm.len() || from >= to {
        return None;
    }
    let begin_of = |at: usize| at.saturating_sub(width / 2).min(calm.len() - width);
    let (first, last) = (begin_of(from), begin_of(to - 1));
    let mut sum = sums::sum(calm.get(first..first + width)?);
    let share = 1.0 / width as f64;
    let mut means = Vec::with_capacity(to - from);
    means.resize((first + width / 2 + 1).saturating_sub(from).min(to - from), sum * share);
    let moves = calm.get(first + width..last + width)?.iter().zip(calm.get(first..last)?);
    means.extend(moves.map(|(enters, leaves)| {
        sum += enters - leaves;
        sum * share
    }));
    means.resize(to - from, sum * share);
    Some(means)
}
