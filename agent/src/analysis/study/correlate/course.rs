//! What a series does beside its slow course, made comparable.
//!
//! The slow course is the running median. What is left is scored twice: by rank, which no wild value moves, and by
//! size cut off at some deviations, because ranks see little of bursts that two quiet series share. The surprise: how
//! many readings a score stands for is far fewer than there are where a few of them make up most of it.

use super::{Grid, LEAST_READINGS};
use crate::analysis::study::{Signal, robust};

/// Sizes are cut off at so many deviations.
const MOST_DEVIATIONS: f64 = 5.0;
/// The mean fourth power of normal scores.
const FOURTH_OF_NORMAL: f64 = 3.0;

/// What a series does beside its slow course.
#[derive(Debug)]
pub(super) struct Course {
    /// Scores with mean 0 and deviation 1; 0 where there is no reading.
    scores: Vec<f32>,
    /// 1 where there is a reading and 0 elsewhere; nothing where there is one everywhere.
    present: Option<Vec<f32>>,
    /// How many independent readings at most such scores stand for, if none resembled the one before.
    pub(super) moving: f64,
    /// The correlation with itself at each of [`Grid::memory_lags`].
    pub(super) memory: Vec<f64>,
}

impl Course {
    /// By rank and by size; nothing of a series that has too few readings, or whose readings hardly ever move.
    pub(super) fn both(signal: &Signal, grid: Grid) -> Option<[Self; 2]> {
        let cells = without_course(&signal.on_grid(grid.start, grid.width_usec, grid.cells), grid.half);
        let readings = cells.iter().filter(|value| !value.is_nan()).count();
        // The ends are left out.
        if readings < LEAST_READINGS * 3 / 4 {
            return None;
        }
        let present = (readings < cells.len())
            .then(|| cells.iter().map(|value| if value.is_nan() { 0.0 } else { 1.0 }).collect::<Vec<f32>>());
        let (ranks, moving) = ranks(&cells);
        let of = |values: &[f64], present| Self::of(values, present, readings as f64, moving as f64, grid);
        (moving > 3).then(|| [of(&ranks, present.clone()), of(&sizes(&cells), present)])
    }

    fn of(values: &[f64], present: Option<Vec<f32>>, readings: f64, moving: f64, grid: Grid) -> Self {
        let there = || values.iter().filter(|value| !value.is_nan());
        let mean = there().sum::<f64>() / readings;
        let squares: f64 = there().map(|value| (value - mean) * (value - mean)).sum();
        let deviation = (squares / readings).sqrt().max(f64::MIN_POSITIVE);
        let score = |value: &f64| if value.is_nan() { 0.0 } else { (value - mean) / deviation };
        let fourth = values.iter().map(|value| score(value).powi(4)).sum::<f64>() / readings;
        let moving = moving.min(readings * FOURTH_OF_NORMAL / fourth.max(FOURTH_OF_NORMAL));
        let scores = values.iter().map(|value| score(value) as f32).collect();
        let mut course = Self { scores, present, moving, memory: Vec::new() };
        course.memory = grid.memory_lags().map(|(lag, _)| course.with(&course, lag).unwrap_or(0.0)).collect();
        course
    }

    /// The correlation with what another one is so many cells later, as if both had their usual deviation there.
    pub(super) fn with(&self, other: &Self, lag: usize) -> Option<f64> {
        let pairs = match (&self.present, &other.present) {
            (None, None) => self.scores.len().saturating_sub(lag) as f64,
            (Some(own), None) => own.iter().take(own.len().saturating_sub(lag)).copied().map(f64::from).sum(),
            (None, Some(theirs)) => theirs.iter().skip(lag).copied().map(f64::from).sum(),
            (Some(own), Some(theirs)) => product(own, theirs.get(lag..)?),
        };
        (pairs >= LEAST_READINGS as f64 / 2.0)
            .then(|| product(&self.scores, other.scores.get(lag..).unwrap_or(&[])) / pairs)
    }

    fn has(&self, cell: usize) -> bool {
        self.present.as_ref().is_none_or(|present| present.get(cell).is_some_and(|&share| share > 0.0))
    }
}

/// The sum of products as far as both go.
fn product(a: &[f32], b: &[f32]) -> f64 {
    // Sums side by side, for one after the other would wait for each addition.
    let both = a.len().min(b.len());
    let (a, b) = (a.split_at(both).0.chunks_exact(16), b.split_at(both).0.chunks_exact(16));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    let mut sums = [0.0_f32; 16];
    for (a, b) in a.zip(b) {
        for ((sum, x), y) in sums.iter_mut().zip(a).zip(b) {
            *sum += x * y;
        }
    }
    sums.iter().copied().map(f64::from).sum::<f64>() + f64::from(rest)
}

/// The correlation where both have readings, and how many that are.
pub(super) fn exact(own: &Course, other: &Course, lag: i64) -> (f64, usize) {
    let (skip_own, skip_other) = if lag < 0 { (lag.unsigned_abs() as usize, 0) } else { (0, lag as usize) };
    let (mut count, mut sums, mut squares, mut both) = (0, (0.0, 0.0), (0.0, 0.0), 0.0);
    let pairs = own.scores.iter().enumerate().skip(skip_own).zip(other.scores.iter().enumerate().skip(skip_other));
    for ((at, &x), (there, &y)) in pairs {
        if own.has(at) && other.has(there) {
            let (x, y) = (f64::from(x), f64::from(y));
            count += 1;
            sums = (sums.0 + x, sums.1 + y);
            squares = (squares.0 + x * x, squares.1 + y * y);
            both += x * y;
        }
    }
    let n = (count as f64).max(1.0);
    let spread = (squares.0 - sums.0 * sums.0 / n) * (squares.1 - sums.1 * sums.1 / n);
    let together = both - sums.0 * sums.1 / n;
    (if spread > 0.0 { (together / spread.sqrt()).clamp(-1.0, 1.0) } else { 0.0 }, count)
}

/// What is left without the running median: that of every few cells, and straight lines between them. The ends are left
/// out, for there a median of as many cells to one side as to the other would be one of too few.
fn without_course(cells: &[f64], half: usize) -> Vec<f64> {
    let apart = (half / 4).max(1);
    let ends = (apart, cells.len().saturating_sub(apart + 1));
    let mut window = Vec::with_capacity(2 * half + 1);
    let mut knots: Vec<(usize, f64)> = Vec::with_capacity(cells.len() / apart + 2);
    for at in (ends.0..ends.1).step_by(apart).chain([ends.1]) {
        // As far to one side as to the other, so that a slope leaves nothing.
        let reach = half.min(at).min(cells.len() - 1 - at);
        let around = cells.iter().take(at + reach + 1).skip(at - reach);
        window.clear();
        window.extend(around.filter(|value| !value.is_nan()));
        if !window.is_empty() {
            knots.push((at, robust::median(&mut window)));
        }
    }
    let size = cells.iter().filter(|value| !value.is_nan()).fold(0.0, |most: f64, value| most.max(value.abs()));
    // Differences that are only how numbers are kept would break ties.
    let grain = (size * 1e-12).max(f64::MIN_POSITIVE);
    let mut knots = knots.into_iter().peekable();
    let mut before = knots.peek().copied().unwrap_or((0, 0.0));
    let mut rest = |(at, cell): (usize, &f64)| {
        while let Some(knot) = knots.next_if(|knot| knot.0 <= at) {
            before = knot;
        }
        let after = knots.peek().copied().unwrap_or(before);
        let share = at.saturating_sub(before.0) as f64 / after.0.saturating_sub(before.0).max(1) as f64;
        ((cell - before.1 - (after.1 - before.1) * share) / grain).round()
    };
    cells.iter().enumerate().take(ends.1 + 1).skip(ends.0).map(&mut rest).collect()
}

/// Ranks, equal ones for equal values; and how many readings differ from the commonest.
fn ranks(cells: &[f64]) -> (Vec<f64>, usize) {
    let there = cells.iter().enumerate().filter(|(_, value)| !value.is_nan());
    let mut sorted: Vec<(f64, usize)> = there.map(|(at, &value)| (value, at)).collect();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut commonest, mut begin) = (0, 0);
    let mut ranks = vec![f64::NAN; cells.len()];
    for equal in sorted.chunk_by(|a, b| a.0 == b.0) {
        let rank = begin as f64 + (equal.len() as f64 - 1.0) / 2.0;
        commonest = commonest.max(equal.len());
        begin += equal.len();
        for &(_, at) in equal {
            ranks.get_mut(at).into_iter().for_each(|kept| *kept = rank);
        }
    }
    (ranks, sorted.len() - commonest)
}

/// Values cut off at some deviations from 0; where most are 0, those of the others.
fn sizes(cells: &[f64]) -> Vec<f64> {
    let mut all: Vec<f64> = cells.iter().copied().filter(|value| !value.is_nan()).collect();
    let mut most = robust::deviation_about(&mut all, 0.0);
    if most == 0.0 {
        all.retain(|&size| size > 0.0);
        most = robust::median(&mut all);
    }
    let most = most * MOST_DEVIATIONS;
    cells.iter().map(|value| value.clamp(-most, most)).collect()
}
