//! The series at ever coarser steps: each level has half as many samples as the one before, smoothed before they are thinned.
//!
//! Each level has its values, and a calm copy for looking for waves: outliers are clipped to what is usual around them, and gaps are
//! filled with the local course. The surprise: clipping is by each level's own spread, so a burst of half a minute is clipped where
//! it is one sample among minutes, and is left where it is a level of its own among seconds.

use super::middle::middle;
use super::sums;

/// Samples that are looked at together.
pub(super) const WINDOW: usize = 128;
/// The least number of samples of a level.
const LEAST: usize = 16;
/// Samples further from the local course than this many deviations are clipped.
const CLIP: f64 = 5.0;

/// Positions in a window as floats: to make floats of whole numbers takes longer than all the rest.
const PLACES: [f64; WINDOW] = {
    let mut places = [0.0; WINDOW];
    let mut at = 0;
    while at < WINDOW {
        places[at] = at as f64;
        at += 1;
    }
    places
};

/// The series at one step.
pub(super) struct Level {
    /// How many cells of the grid one sample is apart from the next.
    pub(super) width: f64,
    /// The samples; `NaN` in gaps.
    pub(super) values: Vec<f64>,
    /// Whether there are gaps at all.
    pub(super) has_gaps: bool,
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
    has_gaps: bool,
    course: (f64, f64),
    most: f64,
}

impl Window {
    /// Writes down what samples of the window differ from its course, clipped and weighed; 0 in gaps.
    pub(super) fn deviations(&self, values: &[f64], weights: &[f64], into: &mut [f64]) {
        let part = values.get(self.begin..self.begin + self.count).unwrap_or_default();
        for ((cell, difference), weight) in into.iter_mut().zip(self.differences(part)).zip(weights) {
            *cell = clipped(difference, -self.most, self.most) * weight;
        }
        if self.has_gaps {
            into.iter_mut().filter(|cell| cell.is_nan()).for_each(|cell| *cell = 0.0);
        }
    }

    /// What samples of the window differ from its course.
    fn differences<'a>(&'a self, part: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        part.iter().zip(self.expected(0)).map(|(value, expected)| value - expected)
    }

    /// The course at each sample from one on.
    fn expected(&self, from: usize) -> impl Iterator<Item = f64> + Clone + use<> {
        let ((level, slope), middle) = (self.course, self.count as f64 / 2.0);
        PLACES.get(from..).unwrap_or_default().iter().map(move |at| level + slope * (at - middle))
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
    let (pairs, _) = values.as_chunks::<2>();
    let count = values.len().div_ceil(2);
    let mut halved = vec![f64::NAN; count];
    let inner = pairs.iter().zip(pairs.iter().skip(1)).zip(pairs.iter().skip(2));
    for (sample, (([a, b], [c, d]), [e, _])) in halved.iter_mut().skip(1).zip(inner) {
        *sample = (a + 4.0 * b + 6.0 * c + 4.0 * d + e) / 16.0;
    }
    // The ends have less around them, and a gap makes a gap of the sum.
    for (at, sample) in halved.iter_mut().enumerate().filter(|(_, sample)| sample.is_nan()) {
        *sample = smoothed(values, 2 * at);
    }
    halved
}

/// The mean of what is there around a sample.
fn smoothed(values: &[f64], at: usize) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (offset, weight) in [1.0, 4.0, 6.0, 4.0, 1.0].iter().enumerate() {
        let value = (at + offset).checked_sub(2).and_then(|at| values.get(at)).copied().unwrap_or(f64::NAN);
        if !value.is_nan() {
            sum += weight * value;
            weights += weight;
        }
    }
    if weights >= 6.0 { sum / weights } else { f64::NAN }
}

fn level(values: Vec<f64>, width: f64) -> Level {
    let count = WINDOW.min(values.len());
    let hop = count.div_ceil(2);
    let (mut calm, mut has_gaps) = (Vec::with_capacity(values.len()), false);
    let (mut windows, mut course) = (Vec::with_capacity(values.len() / hop + 2), (0.0, 0.0));
    let mut halves = Halves { begin: 0, last: None, room: [0.0; WINDOW], distances: [0.0; WINDOW] };
    let mut begin = 0;
    loop {
        let is_last = begin + count >= values.len();
        let start = if is_last { values.len() - count } else { begin };
        let part = values.get(start..start + count).unwrap_or_default();
        let window = window(part, start, (course.0, 0.0), &mut halves);
        course = window.course;
        // A window tells of its middle half; the first and the last one also of the ends.
        let from = if start == 0 { 0 } else { hop / 2 };
        let to = if is_last { count } else { hop / 2 + hop };
        calm.truncate(start + from);
        let samples = part.get(from..to).unwrap_or_default().iter().zip(window.expected(from));
        calm.extend(
            samples.clone().map(|(value, expected)| clipped(*value, expected - window.most, expected + window.most)),
        );
        if window.has_gaps {
            let filled = calm.get_mut(start + from..).unwrap_or_default();
            let gaps = filled.iter_mut().zip(samples).filter(|(calm, _)| calm.is_nan());
            gaps.for_each(|(calm, (_, expected))| *calm = expected);
        }
        has_gaps |= window.has_gaps;
        windows.push(window);
        if is_last {
            break;
        }
        begin += hop;
    }
    Level { width, values, has_gaps, calm, windows, taken_out: 0 }
}

/// A value within bounds; a gap stays one. Unlike `clamp`, it takes no branch.
fn clipped(value: f64, least: f64, most: f64) -> f64 {
    let value = if value < least { least } else { value };
    if value > most { most } else { value }
}

/// The middles of halves of windows: the late half of one is the early half of the next.
struct Halves {
    /// Where the last one began.
    begin: usize,
    /// Its median if enough is there, and how many samples are.
    last: Option<(Option<f64>, usize)>,
    /// Room for what is compared.
    room: [f64; WINDOW],
    /// Room for how far samples are from the course.
    distances: [f64; WINDOW],
}

impl Halves {
    fn of(&mut self, half: &[f64], begin: usize, step: usize) -> (Option<f64>, usize) {
        if let Some(known) = self.last.filter(|_| self.begin == begin) {
            return known;
        }
        let compared = without_gaps(thinned(half, step, &mut self.room));
        let finite = compared.len() * step;
        let found = ((finite * 4 >= half.len()).then(|| middle(compared)), finite);
        (self.begin, self.last) = (begin, Some(found));
        found
    }
}

/// All of at most as many values as a window has, or every second of an even number.
fn thinned<'r>(values: &[f64], step: usize, room: &'r mut [f64; WINDOW]) -> &'r mut [f64] {
    match step {
        2 => room.iter_mut().zip(values.as_chunks().0).for_each(|(kept, [value, _])| *kept = *value),
        _ => room.iter_mut().zip(values).for_each(|(kept, value)| *kept = *value),
    }
    room.get_mut(..values.len().div_ceil(step)).unwrap_or_default()
}

/// Those that are there.
fn without_gaps(values: &mut [f64]) -> &mut [f64] {
    // A gap among them makes the sum one.
    if !sums::sum(values).is_nan() {
        return values;
    }
    let mut count = 0;
    for at in 0..values.len() {
        values[count] = values[at];
        count += usize::from(!values[at].is_nan());
    }
    values.get_mut(..count).unwrap_or_default()
}

/// The course is the line through the medians of both halves.
fn window(part: &[f64], begin: usize, before: (f64, f64), halves: &mut Halves) -> Window {
    let count = part.len();
    // Half of the samples tell the medians well enough, in half of the time.
    let step = if count < WINDOW { 1 } else { 2 };
    let (early, late) = part.split_at(count / 2);
    let (early, early_finite) = halves.of(early, begin, step);
    let (late, late_finite) = halves.of(late, begin + count / 2, step);
    let finite = early_finite + late_finite;
    let course = match (early, late) {
        (Some(early), Some(late)) => (f64::midpoint(early, late), (late - early) / (count as f64 / 2.0)),
        (Some(level), None) | (None, Some(level)) => (level, 0.0),
        (None, None) => before,
    };
    // With few cycles in it, the halves of a window differ because of the wave: the straight line of least squares does less.
    let course = if count < WINDOW { line(part).unwrap_or(course) } else { course };
    let mut window = Window { begin, count, is_useful: false, has_gaps: false, course, most: 0.0 };
    let Halves { distances, room, .. } = halves;
    let distances = distances.get_mut(..count).unwrap_or_default();
    for (distance, difference) in distances.iter_mut().zip(window.differences(part)) {
        *distance = difference.abs();
    }
    let (mut sum, mut known) = (sums::sum(distances), count);
    window.has_gaps = sum.is_nan();
    if window.has_gaps {
        let there = distances.iter().filter(|distance| !distance.is_nan());
        (sum, known) = (there.clone().sum(), there.count());
    }
    let mean = sum / known.max(1) as f64;
    let compared = thinned(distances, step, room);
    let compared = if window.has_gaps { without_gaps(compared) } else { compared };
    // Half of the values may rest at one value: then the mean distance tells more than the median of them.
    let usual = (middle(compared) * 1.4826).max(mean * 0.5);
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
