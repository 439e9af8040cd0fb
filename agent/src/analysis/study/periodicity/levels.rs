//! The series at ever coarser steps: each level has half as many samples as the one before, smoothed before they are thinned.
//!
//! Each level has its values, and a calm copy for looking for waves: outliers are clipped to what is usual around them, and gaps are
//! filled with the local course. The surprise: clipping is by each level's own spread, so a burst of half a minute is clipped where
//! it is one sample among minutes, and is left where it is a level of its own among seconds.

use crate::analysis::study::robust;

/// Samples that are looked at together.
pub(super) const WINDOW: usize = 128;
/// The least number of samples of a level.
const LEAST: usize = 16;
/// Samples further from the local course than this many deviations are clipped.
const CLIP: f64 = 5.0;

/// The series at one step.
pub(super) struct Level {
    /// How many cells of the grid one sample is apart from the next.
    pub(super) width: f64,
    /// The samples; `NaN` in gaps.
    pub(super) values: Vec<f64>,
    /// The same without outliers and gaps.
    pub(super) calm: Vec<f64>,
    /// What was looked at together, and what it differs from its course, clipped; in time order.
    pub(super) windows: Vec<Window>,
    /// How many of the waves that were found are taken out already.
    pub(super) taken_out: usize,
}

/// Some samples of a level.
pub(super) struct Window {
    /// Position of the first.
    pub(super) begin: usize,
    /// How many.
    pub(super) count: usize,
    /// Whether enough of them are there, and they differ at all.
    pub(super) is_useful: bool,
    course: (f64, f64),
    most: f64,
}

impl Window {
    /// What samples of the window differ from its course, clipped; 0 in gaps.
    pub(super) fn deviations<'a>(&'a self, values: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        values.iter().skip(self.begin).take(self.count).enumerate().map(|(at, value)| {
            if value.is_nan() { 0.0 } else { (value - self.course_at(at)).clamp(-self.most, self.most) }
        })
    }

    fn course_at(&self, at: usize) -> f64 {
        self.course.0 + self.course.1 * (at as f64 - self.count as f64 / 2.0)
    }
}

/// All levels, the finest first.
pub(super) fn levels(grid: Vec<f64>) -> Vec<Level> {
    let mut all = Vec::new();
    let (mut values, mut width) = (grid, 1.0);
    while values.len() >= LEAST {
        let coarser = halved(&values);
        all.push(level(values, width));
        (values, width) = (coarser, width * 2.0);
    }
    all
}

/// Every second sample of the smoothed ones; gaps stay gaps where most of the weight is missing.
fn halved(values: &[f64]) -> Vec<f64> {
    const WEIGHTS: [f64; 5] = [1.0, 4.0, 6.0, 4.0, 1.0];
    (0..values.len().div_ceil(2))
        .map(|at| {
            // Nearly always all are there; a gap among them makes the sum one.
            if let Some(&[a, b, c, d, e]) = (2 * at).checked_sub(2).and_then(|from| values.get(from..from + 5)) {
                let sum = a + 4.0 * b + 6.0 * c + 4.0 * d + e;
                if !sum.is_nan() {
                    return sum / 16.0;
                }
            }
            let (mut sum, mut weights) = (0.0, 0.0);
            for (offset, weight) in WEIGHTS.iter().enumerate() {
                let value = (2 * at + offset).checked_sub(2).and_then(|at| values.get(at)).copied().unwrap_or(f64::NAN);
                if !value.is_nan() {
                    sum += weight * value;
                    weights += weight;
                }
            }
            if weights >= 6.0 { sum / weights } else { f64::NAN }
        })
        .collect()
}

fn level(values: Vec<f64>, width: f64) -> Level {
    let count = WINDOW.min(values.len());
    let hop = count.div_ceil(2);
    let mut calm = values.clone();
    let (mut windows, mut course) = (Vec::with_capacity(values.len() / hop + 2), (0.0, 0.0));
    let mut halves = Halves::default();
    let mut begin = 0;
    let mut scratch = Vec::with_capacity(count);
    loop {
        let is_last = begin + count >= values.len();
        let start = if is_last { values.len() - count } else { begin };
        let part = values.get(start..start + count).unwrap_or_default();
        let window = window(part, start, ((course.0, 0.0), &mut halves), &mut scratch);
        course = window.course;
        // A window tells of its middle half; the first and the last one also of the ends.
        let from = if start == 0 { 0 } else { hop / 2 };
        let to = if is_last { count } else { hop / 2 + hop };
        for at in from..to {
            let (Some(&value), Some(calm)) = (part.get(at), calm.get_mut(start + at)) else { continue };
            let expected = window.course_at(at);
            *calm = if value.is_nan() { expected } else { value.clamp(expected - window.most, expected + window.most) };
        }
        windows.push(window);
        if is_last {
            break;
        }
        begin += hop;
    }
    Level { width, values, calm, windows, taken_out: 0 }
}

/// The middles of halves of windows: the late half of one is the early half of the next.
#[derive(Default)]
struct Halves {
    /// Where the last one began.
    begin: usize,
    /// Its median if enough is there, and how many samples are.
    last: Option<(Option<f64>, usize)>,
}

impl Halves {
    fn of(&mut self, half: &[f64], begin: usize, step: usize, scratch: &mut Vec<f64>) -> (Option<f64>, usize) {
        if let Some(known) = self.last.filter(|_| self.begin == begin) {
            return known;
        }
        scratch.clear();
        scratch.extend(half.iter().step_by(step).filter(|value| !value.is_nan()));
        let finite = scratch.len() * step;
        let found = ((finite * 4 >= half.len()).then(|| robust::quantile(scratch, 0.5)), finite);
        (self.begin, self.last) = (begin, Some(found));
        found
    }
}

/// The course is the line through the medians of both halves.
fn window(part: &[f64], begin: usize, (before, halves): ((f64, f64), &mut Halves), scratch: &mut Vec<f64>) -> Window {
    let count = part.len();
    // Half of the samples tell the medians well enough, in half of the time.
    let step = if count < WINDOW { 1 } else { 2 };
    let (early, late) = part.split_at(count / 2);
    let (early, early_finite) = halves.of(early, begin, step, scratch);
    let (late, late_finite) = halves.of(late, begin + count / 2, step, scratch);
    let finite = early_finite + late_finite;
    let course = match (early, late) {
        (Some(early), Some(late)) => (f64::midpoint(early, late), (late - early) / (count as f64 / 2.0)),
        (Some(level), None) | (None, Some(level)) => (level, 0.0),
        (None, None) => before,
    };
    // With few cycles in it, the halves of a window differ because of the wave: the straight line of least squares does less.
    let course = if count < WINDOW { line(part).unwrap_or(course) } else { course };
    let mut window = Window { begin, count, is_useful: false, course, most: 0.0 };
    scratch.clear();
    let (mut sum, mut number) = (0.0, 0);
    for (at, value) in part.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
        let difference = (value - window.course_at(at)).abs();
        sum += difference;
        number += 1;
        if at % step == 0 {
            scratch.push(difference);
        }
    }
    let mean = sum / f64::from(number.max(1));
    // Half of the values may rest at one value: then the mean distance tells more than the median of them.
    let usual = (robust::quantile(scratch, 0.5) * 1.4826).max(mean * 0.5);
    window.most = CLIP * usual;
    window.is_useful = usual > 0.0 && finite * 2 >= count;
    window
}

/// The line of least squares: its middle and its slope.
fn line(part: &[f64]) -> Option<(f64, f64)> {
    let middle = part.len() as f64 / 2.0;
    let (mut number, mut sum, mut place, mut places, mut both) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (at, value) in part.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
        let at = at as f64 - middle;
        number += 1.0;
        sum += value;
        place += at;
        places += at * at;
        both += at * value;
    }
    let spread = number * places - place * place;
    let slope = (number * both - place * sum) / spread;
    (spread > 0.0).then(|| ((sum - slope * place) / number, slope))
}
