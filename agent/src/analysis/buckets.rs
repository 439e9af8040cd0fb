//! Points folded into buckets of equal width: least, largest, mean and last value of each, so that no spike is lost.
//!
//! A bucket's start is a multiple of its width since 1970, so the same question a second later has the same buckets, and a
//! minute of rollups lies in one bucket as a whole. Buckets without a value are left out, but where a gap lies between two
//! with values, there is one `NaN`: what is read more seldom than a bucket is wide stays a line. The surprise: the bucket at
//! hand is kept apart and folded in when another one begins, so the division by the width is done once per bucket.

use super::{Held, Points, Sink, Summary};
use crate::model::UnixMicros;
use crate::rollup::MINUTE_USEC;

const SECOND_USEC: i64 = 1_000_000;
const DAY_USEC: i64 = 86_400 * SECOND_USEC;

/// Widths up to a day, in microseconds: each divides a minute, or is a multiple of one and divides a day.
#[rustfmt::skip]
const WIDTHS: &[i64] = &{
    let (ms, s, m, h) = (1_000, SECOND_USEC, MINUTE_USEC, 60 * MINUTE_USEC);
    [
        ms, 2 * ms, 5 * ms, 10 * ms, 20 * ms, 50 * ms, 100 * ms, 200 * ms, 500 * ms,
        s, 2 * s, 5 * s, 10 * s, 15 * s, 20 * s, 30 * s,
        m, 2 * m, 3 * m, 4 * m, 5 * m, 6 * m, 10 * m, 12 * m, 15 * m, 20 * m, 30 * m,
        h, 2 * h, 3 * h, 4 * h, 6 * h, 8 * h, 12 * h, DAY_USEC,
    ]
};

/// Cells of equal width that cover a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The start of the first, a multiple of the width.
    pub start: UnixMicros,
    /// The width of one, in microseconds; above 0.
    pub width_usec: i64,
    /// How many there are.
    pub count: usize,
}

impl Grid {
    /// The finest grid over a range with at most `most` cells (at least one), none of them narrower than `least_usec`: the
    /// distance of readings, or a minute for rollups.
    #[must_use]
    pub fn choose((from, to): (UnixMicros, UnixMicros), most: usize, least_usec: i64) -> Self {
        let fits = |width: &i64| *width >= least_usec && Self::covering((from, to), *width).count <= most.max(1);
        // Whole days are counted from what the range needs at least, so that few are tried.
        let cells = i64::try_from(most.max(1)).unwrap_or(i64::MAX);
        let needed = (to.saturating_sub(from) / cells).max(least_usec) / DAY_USEC;
        let days = (needed.max(2)..).take(8).map_while(|days| days.checked_mul(DAY_USEC));
        let width = WIDTHS.iter().copied().chain(days).find(fits);
        // A single cell over many days, or across 1970, may have no multiple of a width as its start: then it is the range.
        let whole = || Self { start: from, width_usec: to.saturating_sub(from).max(1), count: 1 };
        width.map_or_else(whole, |width| Self::covering((from, to), width))
    }

    /// The cells of a width that cover a range.
    #[must_use]
    pub fn covering((from, to): (UnixMicros, UnixMicros), width_usec: i64) -> Self {
        let width_usec = width_usec.max(1);
        if to <= from {
            return Self { start: from.div_euclid(width_usec).saturating_mul(width_usec), width_usec, count: 0 };
        }
        let (first, last) = (from.div_euclid(width_usec), (to - 1).div_euclid(width_usec));
        let count = usize::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(usize::MAX);
        Self { start: first.saturating_mul(width_usec), width_usec, count }
    }

    /// The finest grid whose cells fit into those of this one, with at most `most` cells, none narrower than `least_usec`; this
    /// one where there is no finer.
    #[must_use]
    pub fn finer(self, most: usize, least_usec: i64) -> Self {
        let range = (self.start, self.end());
        let divides = |width: &i64| *width >= least_usec && *width < self.width_usec && self.width_usec % width == 0;
        let finer = WIDTHS.iter().filter(|width| divides(width)).map(|width| Self::covering(range, *width));
        finer.into_iter().find(|grid| grid.count <= most).unwrap_or(self)
    }

    /// The cell of a time.
    #[must_use]
    pub fn cell(&self, time: UnixMicros) -> Option<usize> {
        let cell = usize::try_from(time.checked_sub(self.start)?.div_euclid(self.width_usec)).ok()?;
        (cell < self.count).then_some(cell)
    }

    /// The start of a cell.
    #[must_use]
    pub fn time(&self, cell: usize) -> UnixMicros {
        let cells = i64::try_from(cell).unwrap_or(i64::MAX);
        self.start.saturating_add(cells.saturating_mul(self.width_usec))
    }

    /// The end of the last cell, which is not part of it.
    #[must_use]
    pub fn end(&self) -> UnixMicros {
        self.time(self.count)
    }
}

/// A series in buckets; those without a value are left out, and a `NaN` is where there was a gap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets {
    /// The width of one, in microseconds.
    pub width_usec: i64,
    /// Whether the buckets come from rollups of a minute, at least in part; then minima and maxima of rates are of whole minutes.
    pub from_rollups: bool,
    /// The start of each.
    pub times: Vec<UnixMicros>,
    /// The least value in each.
    pub min: Vec<f64>,
    /// The largest.
    pub max: Vec<f64>,
    /// The mean: of readings for a gauge, over time for a rate.
    pub mean: Vec<f64>,
    /// The last.
    pub last: Vec<f64>,
}

/// Values folded together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fold {
    pub(super) min: f64,
    pub(super) max: f64,
    sum: f64,
    weight: f64,
    last: f64,
}

pub(super) const EMPTY: Fold =
    Fold { min: f64::INFINITY, max: f64::NEG_INFINITY, sum: 0.0, weight: 0.0, last: f64::NAN };

impl Fold {
    #[inline(always)]
    pub(super) fn take(&mut self, summary: Summary) {
        // Values are never NaN, so plain comparisons do.
        self.min = if summary.min < self.min { summary.min } else { self.min };
        self.max = if summary.max > self.max { summary.max } else { self.max };
        self.sum += summary.mean * summary.weight;
        self.weight += summary.weight;
        self.last = summary.last;
    }

    /// The same for many, with as many sums at a time as a vector has.
    #[inline]
    fn take_all(&mut self, values: &[f64], weights: &[f64]) {
        const LANES: usize = 4;
        let (mut min, mut max) = ([self.min; LANES], [self.max; LANES]);
        let (mut sum, mut weight) = ([0.0; LANES], [0.0; LANES]);
        let (chunks, of_weights) = (values.chunks_exact(LANES), weights.chunks_exact(LANES));
        let (rest, rest_weights) = (chunks.remainder(), of_weights.remainder());
        for (chunk, weights) in chunks.zip(of_weights) {
            for lane in 0..LANES {
                min[lane] = if chunk[lane] < min[lane] { chunk[lane] } else { min[lane] };
                max[lane] = if chunk[lane] > max[lane] { chunk[lane] } else { max[lane] };
                sum[lane] += chunk[lane] * weights[lane];
                weight[lane] += weights[lane];
            }
        }
        self.min = min.into_iter().fold(self.min, f64::min);
        self.max = max.into_iter().fold(self.max, f64::max);
        self.sum += sum.iter().sum::<f64>();
        self.weight += weight.iter().sum::<f64>();
        if let Some(&last) = values.last() {
            self.last = last;
        }
        for (&value, &weight) in rest.iter().zip(rest_weights) {
            self.take(Summary { min: value, max: value, mean: value, last: value, weight });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last.is_nan()
    }

    /// Means weigh by time or readings; what weighs nothing has only its last value.
    pub(super) fn mean(&self) -> f64 {
        if self.weight > 0.0 { self.sum / self.weight } else { self.last }
    }
}

/// Folds points into the cells of a grid.
#[derive(Clone, Debug)]
pub struct Folding {
    grid: Grid,
    /// Points outside of it are left out.
    range: (UnixMicros, UnixMicros),
    /// The cell at hand: its values, its number, and the times that belong to it; none while no cell is at hand.
    hand: Fold,
    cell: usize,
    from: UnixMicros,
    until: UnixMicros,
    /// The values of the other cells.
    folds: Vec<Fold>,
    /// Cells with a gap just before their first value.
    behind_gap: Vec<bool>,
    is_behind_gap: bool,
    from_rollups: bool,
}

impl Folding {
    /// For the points of a range; those outside of it are left out, also where their cell is in the grid.
    #[must_use]
    pub fn of(grid: Grid, range: (UnixMicros, UnixMicros)) -> Self {
        Self {
            grid,
            range,
            hand: EMPTY,
            cell: 0,
            from: i64::MAX,
            until: i64::MAX,
            folds: vec![EMPTY; grid.count],
            behind_gap: vec![false; grid.count],
            is_behind_gap: false,
            from_rollups: false,
        }
    }

    /// The buckets.
    #[must_use]
    pub fn finish(mut self) -> Buckets {
        self.put_down();
        let filled = self.folds.iter().filter(|fold| !fold.is_empty()).count();
        let mut buckets = Buckets::of(self.grid.width_usec, filled);
        buckets.from_rollups = self.from_rollups;
        let mut next = None;
        for (cell, fold) in self.folds.iter().enumerate().filter(|(_, fold)| !fold.is_empty()) {
            if let Some(skipped) = next.filter(|next| *next < cell && self.behind_gap[cell]) {
                buckets.push(self.grid.time(skipped), [f64::NAN; 4]);
            }
            buckets.push(self.grid.time(cell), [fold.min, fold.max, fold.mean(), fold.last]);
            next = Some(cell + 1);
        }
        buckets
    }

    fn put_down(&mut self) {
        if self.from < self.until
            && let Some(fold) = self.folds.get_mut(self.cell)
        {
            *fold = self.hand;
        }
        (self.from, self.until) = (i64::MAX, i64::MAX);
    }

    /// Takes the cell of a time to hand; whether there is one.
    #[cold]
    #[inline(never)]
    fn take_up(&mut self, time: UnixMicros) -> bool {
        self.put_down();
        let (from, to) = self.range;
        let Some(cell) = self.grid.cell(time).filter(|_| time >= from && time < to) else { return false };
        let Some(&fold) = self.folds.get(cell) else { return false };
        if std::mem::take(&mut self.is_behind_gap) && fold.is_empty() {
            self.behind_gap[cell] = true;
        }
        (self.hand, self.cell) = (fold, cell);
        self.from = self.grid.time(cell).max(from);
        self.until = self.grid.time(cell + 1).min(to);
        true
    }

    #[inline(always)]
    fn fold(&mut self, time: UnixMicros, summary: Summary) {
        let is_at_hand = time >= self.from && time < self.until;
        if is_at_hand || self.take_up(time) {
            self.hand.take(summary);
        }
    }
}

impl Sink for Folding {
    #[inline(always)]
    fn point(&mut self, time: UnixMicros, value: f64, weight: f64) {
        self.fold(time, Summary { min: value, max: value, mean: value, last: value, weight });
    }

    fn points(&mut self, points: Points<'_>) {
        let Points { mut times, mut values, mut weights } = points;
        while let Some(&first) = times.first() {
            let is_at_hand = (first >= self.from && first < self.until) || self.take_up(first);
            let in_cell = match times.last() {
                Some(&last) if is_at_hand && last < self.until => times.len(),
                _ if is_at_hand => times.iter().take_while(|time| **time < self.until).count(),
                // Out of range: by itself.
                _ => 1,
            };
            if is_at_hand {
                self.hand.take_all(&values[..in_cell], &weights[..in_cell]);
            }
            (times, values, weights) = (&times[in_cell..], &values[in_cell..], &weights[in_cell..]);
        }
    }

    fn gap(&mut self, _: UnixMicros) {
        self.put_down();
        self.is_behind_gap = true;
    }

    fn held(&mut self, held: Held) {
        // Times after one and until another, as a range that excludes its end, cut to what is asked for.
        let mut time = held.after.saturating_add(1).max(self.range.0);
        let end = held.until.saturating_add(1).min(self.range.1).min(self.grid.end());
        while time < end && self.take_up(time) {
            let until = self.until.min(end);
            self.hand.take(held.part(until.saturating_sub(time)));
            time = until;
        }
    }

    /// A minute that the range begins in counts as a whole.
    fn summary(&mut self, time: UnixMicros, summary: Summary) {
        self.from_rollups = true;
        let begins_before = time < self.range.0 && time.saturating_add(MINUTE_USEC) > self.range.0;
        self.fold(if begins_before { self.range.0 } else { time }, summary);
    }
}

impl Buckets {
    fn of(width_usec: i64, filled: usize) -> Self {
        let [min, max, mean, last] = std::array::from_fn(|_| Vec::with_capacity(filled));
        Self { width_usec, from_rollups: false, times: Vec::with_capacity(filled), min, max, mean, last }
    }

    fn push(&mut self, time: UnixMicros, [min, max, mean, last]: [f64; 4]) {
        self.times.push(time);
        self.min.push(min);
        self.max.push(max);
        self.mean.push(mean);
        self.last.push(last);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn widths_divide_a_minute_or_are_multiples_of_one() {
        for &width in WIDTHS {
            let fits = if width < MINUTE_USEC { MINUTE_USEC % width } else { width % MINUTE_USEC };
            assert!(fits == 0 && DAY_USEC % width == 0, "{width}");
        }
        assert!(WIDTHS.is_sorted());
    }

    #[test]
    fn a_day_in_a_thousand_points_has_buckets_of_two_minutes() {
        let grid = Grid::choose((DAY_USEC, 2 * DAY_USEC), 1_000, SECOND_USEC);
        assert_eq!((grid.width_usec, grid.count), (2 * MINUTE_USEC, 720));
        assert_eq!(Grid::choose((DAY_USEC + 1, 2 * DAY_USEC + 1), 1, SECOND_USEC).width_usec, 3 * DAY_USEC);
        assert_eq!(Grid::choose((7, 7), 10, 1).count, 0);
    }

    #[test]
    fn a_finer_grid_fits_into_the_cells() {
        let grid = Grid { start: 0, width_usec: 15 * MINUTE_USEC, count: 100 };
        assert_eq!(grid.finer(100_000, SECOND_USEC), Grid { start: 0, width_usec: SECOND_USEC, count: 90_000 });
        assert_eq!(grid.finer(1_500, SECOND_USEC).width_usec, MINUTE_USEC);
        assert_eq!(grid.finer(1_499, SECOND_USEC).width_usec, 3 * MINUTE_USEC, "two minutes do not fit");
        assert_eq!(grid.finer(100, SECOND_USEC), grid);
    }

    fn folding() -> Folding {
        Folding::of(Grid { start: 0, width_usec: 10, count: 10 }, (5, 95))
    }

    #[test]
    fn spikes_stay_and_what_is_out_of_range_does_not() {
        let mut folding = folding();
        for (time, value) in [(4, 99.0), (5, 1.0), (9, 7.0), (11, 2.0), (94, 3.0), (95, 99.0)] {
            folding.point(time, value, 1.0);
        }
        let buckets = folding.finish();
        assert_eq!(buckets.times, [0, 10, 90], "those without a value are left out");
        assert_eq!((buckets.min, buckets.max), (vec![1.0, 2.0, 3.0], vec![7.0, 2.0, 3.0]));
        assert_eq!((buckets.mean, buckets.last), (vec![4.0, 2.0, 3.0], vec![7.0, 2.0, 3.0]));
    }

    #[test]
    fn a_gap_between_buckets_is_one_nan() {
        let mut folding = folding();
        folding.gap(6);
        folding.point(7, 1.0, 1.0);
        folding.gap(8);
        folding.point(9, 1.0, 1.0);
        folding.point(31, 1.0, 1.0);
        folding.gap(32);
        folding.point(71, 1.0, 1.0);
        folding.gap(72);
        folding.point(81, 1.0, 1.0);
        folding.gap(82);
        let buckets = folding.finish();
        assert_eq!(buckets.times, [0, 30, 40, 70, 80]);
        assert!(buckets.mean[2].is_nan() && buckets.min[2].is_nan());
    }

    #[test]
    fn a_held_value_fills_the_buckets_in_between() {
        let mut folding = folding();
        folding.point(8, 4.0, 4.0);
        folding.held(Held { after: 8, until: 25, step_usec: 1, value: 0.0, weight_per_usec: 1.0 });
        folding.point(27, 6.0, 2.0);
        let buckets = folding.finish();
        assert_eq!(buckets.times, [0, 10, 20]);
        assert_eq!(buckets.mean, [4.0 * 4.0 / 5.0, 0.0, 6.0 * 2.0 / 8.0]);
    }

    proptest! {
        #[test]
        fn grids_cover_their_range_with_no_more_cells_than_asked(
            from in 0i64..4_000_000_000_000_000,
            length in 0i64..40_000_000_000_000,
            most in 1usize..5_000,
            least in 1i64..120_000_000,
        ) {
            let grid = Grid::choose((from, from + length), most, least);
            prop_assert!(grid.count <= most && grid.width_usec >= least);
            prop_assert!(length == 0 || (grid.start <= from && grid.end() >= from + length));
            let is_whole = grid.count == 1 && (grid.start, grid.end()) == (from, from + length);
            prop_assert!(is_whole || grid.start % grid.width_usec == 0);
            prop_assert!(is_whole || grid.width_usec < MINUTE_USEC || grid.width_usec % MINUTE_USEC == 0);
            for time in [from, from + length - 1].into_iter().filter(|_| length > 0) {
                let cell = grid.cell(time).unwrap();
                prop_assert!(grid.time(cell) <= time && time < grid.time(cell + 1));
            }
        }

        #[test]
        fn a_single_cell_over_days_is_a_multiple_or_the_range(
            from in 0i64..4_000_000_000_000_000,
            length in 1i64..40_000_000_000_000,
        ) {
            let grid = Grid::choose((from, from + length), 1, 1);
            let is_whole = (grid.start, grid.end()) == (from, from + length);
            prop_assert!(grid.count == 1 && (is_whole || grid.start % grid.width_usec == 0));
            prop_assert!(grid.start <= from && grid.end() >= from + length);
        }

        #[test]
        fn no_range_makes_a_grid_panic(from: i64, to: i64, most: usize, least: i64, time: i64) {
            let grid = Grid::choose((from, to), most, least);
            prop_assert!(grid.count <= most.max(1));
            let _ = (grid.cell(time), grid.end());
        }

        #[test]
        fn buckets_are_what_all_points_of_each_come_to(
            points in prop::collection::vec((0i64..1_000, -100i32..100, 0u8..4), 0..80),
            width in 1i64..400,
            at_once in 1usize..40,
        ) {
            let mut points = points;
            points.sort_by_key(|point| point.0);
            let (grid, range) = (Grid::covering((100, 900), width), (100, 900));
            let mut folding = Folding::of(grid, range);
            for points in points.chunks(at_once) {
                if let [(time, value, weight)] = points {
                    folding.point(*time, f64::from(*value), f64::from(*weight));
                    continue;
                }
                let times: Vec<i64> = points.iter().map(|point| point.0).collect();
                let values: Vec<f64> = points.iter().map(|point| f64::from(point.1)).collect();
                let weights: Vec<f64> = points.iter().map(|point| f64::from(point.2)).collect();
                folding.points(Points { times: &times, values: &values, weights: &weights });
            }
            let buckets = folding.finish();
            let mut expected = Vec::new();
            for cell in 0..grid.count {
                let (from, to) = (grid.time(cell).max(100), grid.time(cell + 1).min(900));
                let of: Vec<(f64, f64)> = points.iter().filter(|point| (from..to).contains(&point.0))
                    .map(|&(_, value, weight)| (f64::from(value), f64::from(weight))).collect();
                let Some(&(last, _)) = of.last() else { continue };
                let weight: f64 = of.iter().map(|(_, weight)| weight).sum();
                let sum: f64 = of.iter().map(|(value, weight)| value * weight).sum();
                let min = of.iter().map(|(value, _)| *value).fold(f64::INFINITY, f64::min);
                let max = of.iter().map(|(value, _)| *value).fold(f64::NEG_INFINITY, f64::max);
                expected.push((grid.time(cell), [min, max, if weight > 0.0 { sum / weight } else { last }, last]));
            }
            let found: Vec<(i64, [f64; 4])> = (0..buckets.times.len())
                .map(|i| (buckets.times[i], [buckets.min[i], buckets.max[i], buckets.mean[i], buckets.last[i]]))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}
