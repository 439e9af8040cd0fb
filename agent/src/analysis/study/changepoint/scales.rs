//! What a series does at each time scale: how much two windows that follow each other usually differ, and where they differ more.
//!
//! At a scale of `w` readings, three numbers are looked at around each position: the difference of the means of the `w` readings
//! after and before it, the jump between the lines through both (which a drift does not have), and the difference of their slopes.
//! How large each usually is, whatever makes it so large (noise, bursts, sawteeth, drift), is measured from all positions. The
//! surprise: that measure is the ninth decile where it says more than the median does, so up to a tenth of all positions may be near
//! changes, and what happens more often than that is what this series is like.

use std::ops::RangeInclusive;

use crate::analysis::study::robust;

/// Readings in the shortest window.
pub(super) const SHORTEST: usize = 8;
/// Positions per window that are looked at.
const PER_WINDOW: usize = 8;
/// Differences from which the usual one is learnt, about.
const LEARNT_FROM: usize = 8_192;
/// From the ninth decile of the absolute values of normal noise to its standard deviation.
const NINTH_DECILE: f64 = 1.645;

/// What differs between two windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contrast {
    /// The means.
    Mean,
    /// Where the lines through the two meet the position: the jump that a common drift does not explain.
    Jump,
    /// The slopes, per reading.
    Slope,
}

/// Sums of a series, so that the mean and slope of any window take the same short time.
#[derive(Debug)]
pub(in crate::analysis::study) struct Sums {
    /// Of the values before each position, of the same times their positions, and of their squares.
    plain: Vec<f64>,
    weighted: Vec<f64>,
    squares: Vec<f64>,
}

impl Sums {
    /// The sums of these values, about their median for the sake of precision.
    #[must_use]
    pub(in crate::analysis::study) fn of(values: &[f64]) -> Self {
        let center = robust::median(&mut values.to_vec());
        let mut sums = Self { plain: vec![0.0], weighted: vec![0.0], squares: vec![0.0] };
        for sum in [&mut sums.plain, &mut sums.weighted, &mut sums.squares] {
            sum.reserve(values.len());
        }
        let (mut plain, mut weighted, mut square) = (0.0, 0.0, 0.0);
        for (at, value) in values.iter().map(|value| value - center).enumerate() {
            plain += value;
            weighted += at as f64 * value;
            square += value * value;
            sums.plain.push(plain);
            sums.weighted.push(weighted);
            sums.squares.push(square);
        }
        sums
    }

    /// How many values there are.
    #[must_use]
    pub(in crate::analysis::study) fn len(&self) -> usize {
        self.plain.len() - 1
    }

    fn sum(&self, from: usize, to: usize) -> f64 {
        self.plain[to] - self.plain[from]
    }

    /// The mean of a window, about the median of all.
    #[must_use]
    pub(in crate::analysis::study) fn mean(&self, from: usize, to: usize) -> f64 {
        self.sum(from, to) / (to - from).max(1) as f64
    }

    /// The slope of the line through a window, per reading.
    #[must_use]
    pub(in crate::analysis::study) fn slope(&self, from: usize, to: usize) -> f64 {
        let count = (to - from) as f64;
        let middle = (from + to - 1) as f64 / 2.0;
        let product = self.weighted[to] - self.weighted[from] - middle * self.sum(from, to);
        product / (count * (count * count - 1.0) / 12.0).max(f64::MIN_POSITIVE)
    }

    /// The sum of squared distances from the mean of a window.
    #[must_use]
    pub(in crate::analysis::study) fn scatter(&self, from: usize, to: usize) -> f64 {
        let sum = self.sum(from, to);
        (self.squares[to] - self.squares[from] - sum * sum / (to - from).max(1) as f64).max(0.0)
    }

    /// What two windows of `width` readings around a position differ by.
    #[must_use]
    pub(super) fn contrast(&self, contrast: Contrast, at: usize, width: usize) -> f64 {
        let (from, to) = (at - width, at + width);
        let means = || self.mean(at, to) - self.mean(from, at);
        match contrast {
            Contrast::Mean => means(),
            // Each line is half a window away from its mean's place.
            Contrast::Jump => means() - (self.slope(from, at) + self.slope(at, to)) * width as f64 / 2.0,
            Contrast::Slope => self.slope(at, to) - self.slope(from, at),
        }
    }
}

/// How much two windows of a width usually differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usual {
    /// Readings in a window.
    pub(super) width: usize,
    center: f64,
    deviation: f64,
}

impl Usual {
    /// What is usual of the differences at these positions, at every so many of them at least.
    #[must_use]
    pub(super) fn of(
        width: usize,
        (positions, every): (RangeInclusive<usize>, usize),
        floor: f64,
        difference: impl Fn(usize) -> f64,
    ) -> Self {
        let every = ((positions.end() - positions.start()) / LEARNT_FROM).max(every).max(1);
        let mut some: Vec<f64> = positions.step_by(every).map(difference).collect();
        let center = robust::median(&mut some);
        some.iter_mut().for_each(|value| *value = (*value - center).abs());
        let decile = robust::quantile(&mut some, 0.9) / NINTH_DECILE;
        let deviation = robust::deviation_about(&mut some, 0.0).max(decile).max(floor);
        Self { width, center, deviation }
    }

    /// How many times the usual a difference is.
    #[must_use]
    pub(super) fn times(&self, difference: f64) -> f64 {
        let beyond = (difference - self.center).abs();
        if self.deviation > 0.0 {
            beyond / self.deviation
        } else if beyond > 0.0 {
            f64::INFINITY
        } else {
            0.0
        }
    }

    /// The standard deviation of the difference.
    #[must_use]
    pub(super) fn deviation(&self) -> f64 {
        self.deviation
    }
}

/// A position around which two windows differ by more than usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    /// The first reading after it.
    pub(super) at: usize,
    /// Readings in each window.
    pub(super) width: usize,
    /// How many times the usual they differ by.
    pub(super) times: f64,
}

/// The widths of windows for so many readings: each twice the one before.
pub(super) fn widths(readings: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(SHORTEST), |width| Some(width * 2)).take_while(move |width| width * 3 <= readings)
}

/// Each width's usual difference. Differences of less than `floor` are never larger than usual.
#[must_use]
pub(super) fn usual(sums: &Sums, contrast: Contrast, floor: f64) -> Vec<Usual> {
    widths(sums.len()).map(|width| learn(sums, contrast, width, floor)).collect()
}

/// The positions where windows of at least `shortest` readings differ by more than `least` times what is usual.
#[must_use]
pub(super) fn candidates(
    sums: &Sums,
    contrast: Contrast,
    usual: &[Usual],
    (shortest, least): (usize, f64),
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for of_width in usual.iter().filter(|usual| usual.width >= shortest) {
        let width = of_width.width;
        let stride = (width / PER_WINDOW).max(1);
        let positions = (width..=sums.len() - width).step_by(stride);
        let times: Vec<f64> = positions.map(|at| of_width.times(sums.contrast(contrast, at, width))).collect();
        let found = peaks(&times, (width / stride / 2).max(1), least);
        candidates.extend(found.map(|peak| Candidate { at: width + peak * stride, width, times: times[peak] }));
    }
    candidates
}

fn learn(sums: &Sums, contrast: Contrast, width: usize, floor: f64) -> Usual {
    let floor = if contrast == Contrast::Slope { floor / width as f64 } else { floor };
    let positions = width..=sums.len() - width;
    Usual::of(width, (positions, 1), floor, |at| sums.contrast(contrast, at, width))
}

/// The positions that no other one within `near` exceeds.
fn peaks(times: &[f64], near: usize, least: f64) -> impl Iterator<Item = usize> + '_ {
    let mut next = 0;
    std::iter::from_fn(move || {
        while next < times.len() {
            let at = next;
            next += 1;
            if times[at] < least {
                continue;
            }
            let (from, to) = (at.saturating_sub(near), (at + near + 1).min(times.len()));
            let is_first = times[from..at].iter().all(|&other| other < times[at]);
            if is_first && times[at..to].iter().all(|&other| other <= times[at]) {
                next = to;
                return Some(at);
            }
        }
        None
    })
}
