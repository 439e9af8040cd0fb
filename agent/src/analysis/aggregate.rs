//! Several subjects as one series: on a common grid of cells, each subject has one value per cell, and the values of a cell
//! are added up, or the largest, the least, their mean or a quantile is taken.
//!
//! What a subject's value is: its mean in the cell; for the largest of all its largest, for the least its least, so that no
//! spike is lost. Readings come with jitter, so a cell between two that have a value may have none: the value before is
//! carried over at most [`CARRIED_CELLS`] cells, to the end of the range too, unless a gap lies there. A subject that is gone contributes nothing; a cell
//! to which nobody contributes is a gap and no zero. A quantile is of the values in a cell, linear between the two next to
//! its rank `(n - 1) q` (type 7 of Hyndman and Fan, as in R and numpy). The surprise: blocks of subjects alternate, so each
//! subject has a small state of its own, and only the cells are shared.

use super::buckets::{EMPTY, Fold, Grid};
use super::{Held, Sink, Summary};
use crate::model::UnixMicros;
use crate::rollup::MINUTE_USEC;

/// Cells without a value that a subject's last value is carried over.
pub const CARRIED_CELLS: usize = 2;

/// How several subjects become one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregate {
    /// Added up, those inside of others left out.
    Sum,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// The mean.
    Mean,
    /// A quantile, 0 to 1.
    Quantile(f64),
}

/// The cells that several subjects contribute to.
#[derive(Clone, Debug)]
pub struct Cells {
    grid: Grid,
    range: (UnixMicros, UnixMicros),
    aggregate: Aggregate,
    /// The sum, or the largest or least value so far, and how many there were; not for quantiles.
    folded: Vec<(f64, u32)>,
    /// For quantiles, every value with its cell.
    values: Vec<(u32, f64)>,
    most_values: usize,
    is_over: bool,
    from_rollups: bool,
}

/// What is known of one subject while it contributes.
#[derive(Clone, Debug)]
pub struct Member {
    /// The cell at hand: its values, its number, and the times that belong to it; no times while it is to be looked up.
    hand: Fold,
    cell: usize,
    from: UnixMicros,
    until: UnixMicros,
    /// The cell before and what was contributed to it.
    before: Option<(usize, f64)>,
    /// A gap lies between that and the cell at hand.
    is_behind_gap: bool,
    /// A gap began behind the last point.
    has_gap: bool,
}

impl Default for Member {
    fn default() -> Self {
        Self {
            hand: EMPTY,
            cell: 0,
            from: i64::MAX,
            until: i64::MAX,
            before: None,
            is_behind_gap: false,
            has_gap: false,
        }
    }
}

impl Cells {
    /// Empty cells for the points of a range. A quantile keeps every subject's value of every cell, at most `most_values`.
    #[must_use]
    pub fn of(grid: Grid, range: (UnixMicros, UnixMicros), aggregate: Aggregate, most_values: usize) -> Self {
        let start = match aggregate {
            Aggregate::Sum | Aggregate::Mean => 0.0,
            Aggregate::Max => f64::NEG_INFINITY,
            Aggregate::Min => f64::INFINITY,
            Aggregate::Quantile(_) => f64::NAN,
        };
        let cells = if matches!(aggregate, Aggregate::Quantile(_)) { 0 } else { grid.count };
        Self {
            grid,
            range,
            aggregate,
            folded: vec![(start, 0); cells],
            values: Vec::new(),
            most_values,
            is_over: false,
            from_rollups: false,
        }
    }

    /// The sink for the points of a member.
    pub fn contribution<'a>(&'a mut self, member: &'a mut Member) -> Contribution<'a> {
        Contribution { cells: self, member }
    }

    /// A member has no more points. At the end of the range nobody knows yet what comes next: its last value is carried there,
    /// or the newest cells would lack all who are read a little later or more seldom.
    pub fn finish(&mut self, mut member: Member) {
        self.put_down(&mut member);
        let Some((before, carried)) = member.before.filter(|_| !member.has_gap) else { return };
        if self.grid.count.saturating_sub(before + 1) <= CARRIED_CELLS {
            (before + 1..self.grid.count).for_each(|cell| self.contribute(cell, carried));
        }
    }

    /// Whether a quantile had more values than may be kept.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Tells the aggregate, one point per cell at its start, each weighing the same.
    pub fn tell(mut self, out: &mut impl Sink) {
        match self.aggregate {
            Aggregate::Quantile(quantile) => self.tell_quantiles(quantile, out),
            _ => self.tell_folded(out),
        }
    }

    fn tell_folded(&self, out: &mut impl Sink) {
        let mut next = 0;
        for (cell, &(folded, count)) in self.folded.iter().enumerate().filter(|(_, (_, count))| *count > 0) {
            let value = if self.aggregate == Aggregate::Mean { folded / f64::from(count) } else { folded };
            self.tell_cell(&mut next, (cell, value), out);
        }
    }

    fn tell_quantiles(&mut self, quantile: f64, out: &mut impl Sink) {
        self.values.sort_unstable_by(|(cell, value), (other, than)| cell.cmp(other).then(value.total_cmp(than)));
        let mut next = 0;
        for values in self.values.chunk_by(|(cell, _), (other, _)| cell == other) {
            let Some(&(cell, _)) = values.first() else { continue };
            self.tell_cell(&mut next, (cell as usize, quantile_of(values, quantile)), out);
        }
    }

    /// Where cells were left out, there was a gap.
    fn tell_cell(&self, next: &mut usize, (cell, value): (usize, f64), out: &mut impl Sink) {
        if cell > *next {
            out.gap(self.grid.time(*next));
        }
        *next = cell + 1;
        let time = self.grid.time(cell).max(self.range.0);
        if self.from_rollups {
            out.summary(time, Summary { min: value, max: value, mean: value, last: value, weight: 1.0 });
        } else {
            out.point(time, value, 1.0);
        }
    }

    fn contribute(&mut self, cell: usize, value: f64) {
        if let Aggregate::Quantile(_) = self.aggregate {
            let Some(cell) = u32::try_from(cell).ok().filter(|_| self.values.len() < self.most_values) else {
                self.is_over = true;
                return;
            };
            self.values.push((cell, value));
            return;
        }
        let Some((folded, count)) = self.folded.get_mut(cell) else { return };
        *count = count.saturating_add(1);
        *folded = match self.aggregate {
            Aggregate::Sum | Aggregate::Mean | Aggregate::Quantile(_) => *folded + value,
            Aggregate::Max => folded.max(value),
            Aggregate::Min => folded.min(value),
        };
    }

    /// Contributes the cell at hand, and what is carried to it.
    fn put_down(&mut self, member: &mut Member) {
        if member.hand.is_empty() {
            return;
        }
        let cell = member.cell;
        let value = match self.aggregate {
            Aggregate::Max => member.hand.max,
            Aggregate::Min => member.hand.min,
            Aggregate::Sum | Aggregate::Mean | Aggregate::Quantile(_) => member.hand.mean(),
        };
        if let Some((before, carried)) = member.before.filter(|_| !member.is_behind_gap)
            && cell.saturating_sub(before) <= CARRIED_CELLS + 1
        {
            (before + 1..cell).for_each(|between| self.contribute(between, carried));
        }
        self.contribute(cell, value);
        member.before = Some((cell, value));
        member.hand = EMPTY;
    }
}

/// One subject's points on their way into the cells.
#[derive(Debug)]
pub struct Contribution<'a> {
    cells: &'a mut Cells,
    member: &'a mut Member,
}

impl Contribution<'_> {
    /// Takes the cell of a time to hand; whether there is one.
    #[cold]
    #[inline(never)]
    fn take_up(&mut self, time: UnixMicros) -> bool {
        let (from, to) = self.cells.range;
        let Some(cell) = self.cells.grid.cell(time).filter(|_| time >= from && time < to) else { return false };
        if self.member.hand.is_empty() || cell != self.member.cell {
            self.cells.put_down(self.member);
            self.member.cell = cell;
            self.member.is_behind_gap = self.member.has_gap;
        }
        self.member.has_gap = false;
        self.member.from = self.cells.grid.time(cell).max(from);
        self.member.until = self.cells.grid.time(cell + 1).min(to);
        true
    }

    #[inline(always)]
    fn fold(&mut self, time: UnixMicros, summary: Summary) {
        let is_at_hand = time >= self.member.from && time < self.member.until;
        if is_at_hand || self.take_up(time) {
            self.member.hand.take(summary);
        }
    }
}

impl Sink for Contribution<'_> {
    #[inline(always)]
    fn point(&mut self, time: UnixMicros, value: f64, weight: f64) {
        self.fold(time, Summary { min: value, max: value, mean: value, last: value, weight });
    }

    fn gap(&mut self, _: UnixMicros) {
        self.member.has_gap = true;
        // The next point looks up its cell, and clears the gap where that is the one at hand.
        (self.member.from, self.member.until) = (i64::MAX, i64::MAX);
    }

    fn held(&mut self, held: Held) {
        let mut time = held.after.saturating_add(1).max(self.cells.range.0);
        let end = held.until.saturating_add(1).min(self.cells.range.1).min(self.cells.grid.end());
        while time < end && self.take_up(time) {
            let until = self.member.until.min(end);
            self.member.hand.take(held.part(until.saturating_sub(time)));
            time = until;
        }
    }

    /// A minute that the range begins in counts as a whole.
    fn summary(&mut self, time: UnixMicros, summary: Summary) {
        self.cells.from_rollups = true;
        let begins_before = time < self.cells.range.0 && time.saturating_add(MINUTE_USEC) > self.cells.range.0;
        self.fold(if begins_before { self.cells.range.0 } else { time }, summary);
    }
}

/// The quantile of values in rising order.
fn quantile_of(values: &[(u32, f64)], quantile: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    let rank = last as f64 * quantile.clamp(0.0, 1.0);
    let below = (rank.floor() as usize).min(last);
    let (low, high) = (values[below].1, values[(below + 1).min(last)].1);
    low + (rank - rank.floor()) * (high - low)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::exact::Exact;
    use super::*;

    const RANGE: (i64, i64) = (5, 95);
    const GRID: Grid = Grid { start: 0, width_usec: 10, count: 10 };

    /// A member's points; none is a gap.
    type Points = Vec<Option<(i64, f64)>>;

    fn aggregate(aggregate: Aggregate, members: &[Points]) -> Vec<(i64, f64)> {
        let mut cells = Cells::of(GRID, RANGE, aggregate, 1_000);
        let mut states: Vec<Member> = members.iter().map(|_| Member::default()).collect();
        // In turns, as blocks of subjects come.
        for turn in 0..members.iter().map(Vec::len).max().unwrap_or(0) {
            for (points, state) in members.iter().zip(&mut states) {
                let mut sink = cells.contribution(state);
                match points.get(turn) {
                    Some(Some((time, value))) => sink.point(*time, *value, 1.0),
                    Some(None) => sink.gap(0),
                    None => {}
                }
            }
        }
        states.into_iter().for_each(|state| cells.finish(state));
        assert!(!cells.is_over());
        let mut exact = Exact::of(RANGE, 1_000);
        cells.tell(&mut exact);
        let (times, values) = exact.finish();
        times.into_iter().zip(values).filter(|(_, value)| !value.is_nan()).collect()
    }

    #[test]
    fn those_that_are_gone_contribute_nothing() {
        let members = [vec![Some((10, 1.0)), Some((20, 2.0))], vec![Some((20, 5.0)), Some((25, 7.0)), Some((50, 1.0))]];
        assert_eq!(aggregate(Aggregate::Sum, &members), [(10, 1.0), (20, 8.0), (30, 6.0), (40, 6.0), (50, 1.0)]);
        assert_eq!(aggregate(Aggregate::Max, &members)[1], (20, 7.0));
        assert_eq!(aggregate(Aggregate::Min, &members)[1], (20, 2.0));
        assert_eq!(aggregate(Aggregate::Mean, &members)[1], (20, 4.0));
    }

    #[test]
    fn jitter_is_bridged_and_a_gap_is_not() {
        let sum = |points: Points| aggregate(Aggregate::Sum, &[points]);
        assert_eq!(sum(vec![Some((9, 1.0)), Some((30, 2.0))]), [(5, 1.0), (10, 1.0), (20, 1.0), (30, 2.0)]);
        assert_eq!(sum(vec![Some((9, 1.0)), Some((40, 2.0))]), [(5, 1.0), (40, 2.0)]);
        assert_eq!(sum(vec![Some((9, 1.0)), None, Some((30, 2.0))]), [(5, 1.0), (30, 2.0)]);
        let gap_within_a_cell = vec![Some((10, 1.0)), None, Some((15, 3.0)), Some((30, 2.0))];
        assert_eq!(sum(gap_within_a_cell), [(10, 2.0), (20, 2.0), (30, 2.0)]);
    }

    #[test]
    fn quantiles_are_linear_between_ranks() {
        let members: Vec<Points> = [4.0, 1.0, 3.0, 2.0].into_iter().map(|value| vec![Some((10, value))]).collect();
        let of = |quantile| aggregate(Aggregate::Quantile(quantile), &members);
        assert_eq!([of(0.0), of(0.5), of(1.0)], [[(10, 1.0)], [(10, 2.5)], [(10, 4.0)]]);
        assert_eq!(of(0.25), [(10, 1.75)]);
    }

    #[test]
    fn a_quantile_of_too_many_values_says_so() {
        let mut cells = Cells::of(GRID, RANGE, Aggregate::Quantile(0.5), 1);
        for _ in 0..2 {
            let mut member = Member::default();
            cells.contribution(&mut member).point(10, 1.0, 1.0);
            cells.finish(member);
        }
        assert!(cells.is_over());
    }

    #[test]
    fn a_held_value_is_in_every_cell_that_it_lasts() {
        let mut cells = Cells::of(GRID, RANGE, Aggregate::Sum, 0);
        let mut member = Member::default();
        let mut sink = cells.contribution(&mut member);
        sink.held(Held { after: 15, until: 55, step_usec: 1, value: 3.0, weight_per_usec: 1.0 });
        cells.finish(member);
        let mut exact = Exact::of(RANGE, 10);
        cells.tell(&mut exact);
        assert_eq!(exact.finish(), (vec![10, 20, 30, 40, 50], vec![3.0; 5]));
    }

    fn points() -> impl Strategy<Value = Points> {
        prop::collection::vec((1i64..25, -50i32..50, 0u8..8), 0..12).prop_map(|steps| {
            let mut time = 0;
            let mut points = Points::new();
            for (step, value, dice) in steps {
                time += step;
                points.push((dice > 0).then_some((time, f64::from(value))));
            }
            points
        })
    }

    /// A member's value in each cell, the plain way: cell by cell over all of its points.
    fn cells_of(points: &Points, aggregate: Aggregate) -> Vec<Option<f64>> {
        let in_range = |time: i64| (RANGE.0..RANGE.1).contains(&time);
        let value = |cell: i64| {
            let of: Vec<f64> = points
                .iter()
                .flatten()
                .filter(|(time, _)| in_range(*time) && time / 10 == cell)
                .map(|point| point.1)
                .collect();
            let fold = |with: fn(f64, f64) -> f64| of.iter().copied().reduce(with);
            match aggregate {
                Aggregate::Max => fold(f64::max),
                Aggregate::Min => fold(f64::min),
                _ => fold(|a, b| a + b).map(|sum| sum / of.len() as f64),
            }
        };
        let own: Vec<Option<f64>> = (0..10).map(value).collect();
        let has_gap = |from: usize, to: usize| {
            let kept: Vec<Option<i64>> = points
                .iter()
                .map(|point| point.map(|(time, _)| time))
                .filter(|time| time.is_none_or(in_range))
                .collect();
            let behind = kept.iter().rposition(|time| time.is_some_and(|time| time / 10 <= from as i64)).unwrap();
            let ahead = kept.iter().position(|time| time.is_some_and(|time| time / 10 >= to as i64));
            kept[behind..ahead.unwrap_or(kept.len())].contains(&None)
        };
        let carried = |cell: usize| {
            let from = (0..cell).rev().find(|cell| own[*cell].is_some())?;
            let to = (cell..10).find(|cell| own[*cell].is_some()).unwrap_or(10);
            (to - from - 1 <= CARRIED_CELLS && !has_gap(from, to)).then(|| own[from])?
        };
        (0..10).map(|cell| own[cell].or_else(|| carried(cell))).collect()
    }

    proptest! {
        #[test]
        fn aggregates_are_those_of_the_plain_model(
            members in prop::collection::vec(points(), 0..6),
            asked in prop_oneof![Just(Aggregate::Sum), Just(Aggregate::Max), Just(Aggregate::Min), Just(Aggregate::Mean),
                (0.0..=1.0).prop_map(Aggregate::Quantile)],
        ) {
            let all: Vec<Vec<Option<f64>>> = members.iter().map(|points| cells_of(points, asked)).collect();
            let mut expected = Vec::new();
            for cell in 0..10 {
                let mut of: Vec<f64> = all.iter().filter_map(|cells| cells[cell]).collect();
                of.sort_by(f64::total_cmp);
                if of.is_empty() {
                    continue;
                }
                let value = match asked {
                    Aggregate::Sum => of.iter().sum(),
                    Aggregate::Max => of[of.len() - 1],
                    Aggregate::Min => of[0],
                    Aggregate::Mean => of.iter().sum::<f64>() / of.len() as f64,
                    Aggregate::Quantile(q) => {
                        let rank = q * (of.len() - 1) as f64;
                        let [low, high] = [rank.floor(), rank.ceil()].map(|rank| of[rank as usize]);
                        low * (1.0 - rank.fract()) + high * rank.fract()
                    }
                };
                expected.push((GRID.time(cell).max(RANGE.0), value));
            }
            let found = aggregate(asked, &members);
            prop_assert_eq!(found.len(), expected.len(), "{:?} {:?}", found, expected);
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert!(found.0 == expected.0 && (found.1 - expected.1).abs() < 1e-9, "{found:?} {expected:?}");
            }
        }
    }
}
