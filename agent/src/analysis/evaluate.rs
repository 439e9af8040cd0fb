//! Blocks of one subject into points of one series; what the points mean stands in [`analysis`](crate::analysis).
//!
//! The hot loop of every question. What differs between formulas is decided once per block; per row there are a comparison
//! of times, the column's value and the sink, all in one function for the compiler. Nothing is allocated. Columns without
//! nulls, most by far, go in chunks: one loop per step, which the compiler turns into vector instructions; a chunk with
//! anything unusual goes row by row. The surprise: rows are taken as they come, so the state between two rows is that between
//! two blocks.

use super::column::{Column, Columns, column};
use super::minutes::Minutes;
use super::rows::{Rows, Step};
use super::{Held, Points, Sink};
use crate::derived::formula::MAX_COLUMNS;
use crate::derived::{Formula, SeriesSpec};
use crate::metric::UNLIMITED;
use crate::model::UnixMicros;
use crate::resolution::Resolution;
use crate::scan::Block;

/// Microseconds as a part of a second.
const SECONDS: f64 = 1e-6;

/// Rows that are worked on at once; their values fit into the fastest cache.
const CHUNK: usize = 256;
const ONES: [f64; CHUNK] = [1.0; CHUNK];

/// Turns the blocks of one subject into points. The blocks' columns are those of [`SeriesSpec::columns`], in their order.
///
/// A rate needs the row before: so that a range has its first one, a scan begins [`GAP_FACTOR`](super::GAP_FACTOR) intervals
/// earlier, one of rollups a minute earlier, and the sink leaves out what is before the range.
#[derive(Clone, Debug)]
pub struct Evaluator<'a> {
    formula: &'a Formula,
    of: Of<'a>,
}

#[derive(Clone, Debug)]
enum Of<'a> {
    Readings(Box<Readings>),
    Minutes(Box<Minutes<'a>>),
}

impl<'a> Evaluator<'a> {
    /// For a series, from rows of a resolution.
    #[must_use]
    pub fn new(spec: &'a SeriesSpec, resolution: Resolution) -> Self {
        let of = match resolution {
            Resolution::Raw => Of::Readings(Box::new(Readings::of(Rows::of(spec.table)))),
            Resolution::Minute => Of::Minutes(Box::new(Minutes::of(spec))),
        };
        Self { formula: &spec.formula, of }
    }

    /// Takes the next block.
    pub fn block(&mut self, block: &Block<'_>, out: &mut impl Sink) {
        match &mut self.of {
            Of::Readings(readings) => readings.block(self.formula, block, out),
            Of::Minutes(minutes) => minutes.block(block, out),
        }
    }

    /// Tells what is left when there are no more blocks.
    pub fn finish(&mut self, out: &mut impl Sink) {
        if let Of::Minutes(minutes) = &mut self.of {
            minutes.finish(out);
        }
    }
}

/// The state between two rows.
#[derive(Clone, Debug)]
struct Readings {
    rows: Rows,
    last_row: UnixMicros,
    /// The last value of a level, for the time that it holds.
    held: f64,
    /// The last row in which all counters had a value since the last gap, or `None`.
    counted: Option<UnixMicros>,
    counters: [i64; MAX_COLUMNS],
}

impl Readings {
    fn of(rows: Rows) -> Self {
        Self { rows, last_row: i64::MIN, held: f64::NAN, counted: None, counters: [0; MAX_COLUMNS] }
    }

    fn block(&mut self, formula: &Formula, block: &Block<'_>, out: &mut impl Sink) {
        self.rows.sampled_every(block.interval_usec);
        let times = block.times;
        match formula {
            Formula::Reading(_) => match column(block, 0) {
                Column::Ints(ints) => self.readings(times, ints, out),
                Column::SomeInts(ints, present) => {
                    self.levels(times, |row| if present[row] { Some(ints[row] as f64) } else { None }, out);
                }
                other => self.levels(times, |row| other.number(row), out),
            },
            Formula::Limit(_) => {
                let limit = column(block, 0);
                self.levels(times, |row| limit.int(row).and_then(limited), out);
            }
            Formula::Difference { .. } => {
                let columns = Columns::<2>::of(block);
                self.levels(times, |row| columns.row(row).map(|[from, less]| above(from, less)), out);
            }
            Formula::Share { less: None, .. } => {
                let columns = Columns::<2>::of(block);
                self.levels(times, |row| columns.row(row).and_then(|[of, whole]| percent(of as f64, whole)), out);
            }
            Formula::Share { less: Some(_), .. } => {
                let columns = Columns::<3>::of(block);
                let value = |[of, whole, less]: [i64; 3]| percent(above(of, less), whole);
                self.levels(times, |row| columns.row(row).and_then(value), out);
            }
            Formula::Quotient { .. } => {
                let columns = Columns::<2>::of(block);
                self.levels(times, |row| columns.row(row).and_then(|[over, under]| quotient(over, under)), out);
            }
            Formula::Rate { counters, scale } => self.rates_of(counters.len(), *scale, block, out),
            Formula::RateOfQuota { .. } => {
                let columns = Columns::<3>::of(block);
                let value = |[before, ..]: [i64; 3], [now, quota, period]: [i64; 3], usec: f64| {
                    Some((grown(before, now) as f64 / usec * 100.0 / quotient(quota, period)?, usec * SECONDS))
                };
                self.increases(times, |row| columns.row(row), value, out);
            }
            Formula::ShareOfIncreases { part, whole } => {
                let (part, whole) = (part.len(), part.len() + whole.len());
                let columns = Columns::<MAX_COLUMNS>::of(block);
                let value = |before: [i64; MAX_COLUMNS], now: [i64; MAX_COLUMNS], _: f64| {
                    let of_whole = grown_in_all(&before[part..whole], &now[part..whole]);
                    let of_part = grown_in_all(&before[..part], &now[..part]);
                    (of_whole > 0.0).then(|| (of_part / of_whole * 100.0, of_whole))
                };
                self.increases(times, |row| columns.first(whole, row), value, out);
            }
        }
    }

    fn rates_of(&mut self, counters: usize, scale: f64, block: &Block<'_>, out: &mut impl Sink) {
        let times = block.times;
        // Increase per microsecond times 1e6 is per second.
        let scale = scale * 1e6;
        let one = rate(scale);
        match (counters, column(block, 0)) {
            (1, Column::Ints(ints)) => self.rates(times, ints, scale, out),
            (1, Column::SomeInts(ints, present)) => {
                self.increases(times, |row| if present[row] { Some([ints[row]]) } else { None }, one, out);
            }
            (1, other) => self.increases(times, |row| other.int(row).map(|value| [value]), one, out),
            (counters, _) => {
                let columns = Columns::<MAX_COLUMNS>::of(block);
                let sum = |before: [i64; MAX_COLUMNS], now: [i64; MAX_COLUMNS], usec: f64| {
                    let grown = grown_in_all(&before[..counters], &now[..counters]);
                    Some((grown * scale / usec, usec * SECONDS))
                };
                self.increases(times, |row| columns.first(counters, row), sum, out);
            }
        }
    }

    /// A column of levels without nulls.
    fn readings(&mut self, times: &[UnixMicros], ints: &[i64], out: &mut impl Sink) {
        for (times, ints) in times.chunks(CHUNK).zip(ints.chunks(CHUNK)) {
            let (Some(&last), true) = (times.last(), self.rows.are_regular(self.last_row, times)) else {
                self.levels(times, |row| Some(ints[row] as f64), out);
                continue;
            };
            let mut values = [0.0; CHUNK];
            values.iter_mut().zip(ints).for_each(|(value, &int)| *value = int as f64);
            out.points(Points { times, values: &values[..times.len()], weights: &ONES[..times.len()] });
            (self.last_row, self.held) = (last, values[times.len() - 1]);
        }
    }

    /// The rates of a counter without nulls.
    fn rates(&mut self, times: &[UnixMicros], ints: &[i64], scale: f64, out: &mut impl Sink) {
        for (times, ints) in times.chunks(CHUNK).zip(ints.chunks(CHUNK)) {
            let is_regular = self.rows.are_regular(self.last_row, times);
            let (Some(since), Some(&last), true) = (self.counted, times.last(), is_regular) else {
                self.increases(times, |row| Some([ints[row]]), rate(scale), out);
                continue;
            };
            let (mut values, mut weights) = ([0.0; CHUNK], [0.0; CHUNK]);
            let (mut before, mut since) = (self.counters[0], since);
            for (((&now, &time), value), weight) in ints.iter().zip(times).zip(&mut values).zip(&mut weights) {
                (*value, *weight) = (grown(before, now) as f64, (time - since) as f64);
                (before, since) = (now, time);
            }
            for (value, weight) in values.iter_mut().zip(&mut weights).take(times.len()) {
                (*value, *weight) = (*value * scale / *weight, *weight * SECONDS);
            }
            out.points(Points { times, values: &values[..times.len()], weights: &weights[..times.len()] });
            (self.last_row, self.counted, self.counters[0]) = (last, Some(last), before);
        }
    }

    /// What has a value in each row by itself.
    #[inline]
    fn levels(&mut self, times: &[UnixMicros], value: impl Fn(usize) -> Option<f64>, out: &mut impl Sink) {
        let mut last_row = self.last_row;
        for (row, &time) in times.iter().enumerate() {
            if self.rows.is_unusual(time.wrapping_sub(last_row)) {
                match self.rows.look(last_row, time) {
                    Step::Regular => {}
                    Step::Gap(at) => out.gap(at),
                    Step::Quiet(step_usec) if !self.held.is_nan() => out.held(Held {
                        after: last_row,
                        until: time.saturating_sub(step_usec),
                        step_usec,
                        value: self.held,
                        weight_per_usec: 1.0 / step_usec as f64,
                    }),
                    Step::Quiet(_) => {}
                }
            }
            last_row = time;
            if let Some(value) = value(row) {
                self.held = value;
                out.point(time, value, 1.0);
            }
        }
        self.last_row = last_row;
    }

    /// What needs the row before: `value` gets the counters of both, and the microseconds in between.
    #[inline]
    fn increases<const N: usize>(
        &mut self,
        times: &[UnixMicros],
        counters: impl Fn(usize) -> Option<[i64; N]>,
        value: impl Fn([i64; N], [i64; N], f64) -> Option<(f64, f64)>,
        out: &mut impl Sink,
    ) {
        let mut last_row = self.last_row;
        let mut before: [i64; N] = std::array::from_fn(|counter| self.counters[counter]);
        let (mut counted, mut since) = (self.counted.is_some(), self.counted.unwrap_or(0));
        for (row, &time) in times.iter().enumerate() {
            if self.rows.is_unusual(time.wrapping_sub(last_row)) {
                match self.rows.look(last_row, time) {
                    Step::Regular => {}
                    Step::Gap(at) => {
                        counted = false;
                        out.gap(at);
                    }
                    Step::Quiet(step_usec) if counted => {
                        let (after, until) = (since, time.saturating_sub(step_usec));
                        out.held(Held { after, until, step_usec, value: 0.0, weight_per_usec: SECONDS });
                        since = until;
                    }
                    Step::Quiet(_) => {}
                }
            }
            last_row = time;
            let Some(now) = counters(row) else { continue };
            if counted
                && time > since
                && let Some((value, weight)) = value(before, now, time.saturating_sub(since) as f64)
            {
                out.point(time, value, weight);
            }
            (before, since, counted) = (now, time, true);
        }
        self.last_row = last_row;
        self.counters[..N].copy_from_slice(&before);
        self.counted = counted.then_some(since);
    }
}

/// A counter's rate, and its seconds.
fn rate(scale: f64) -> impl Fn([i64; 1], [i64; 1], f64) -> Option<(f64, f64)> {
    move |[before], [now], usec| Some((grown(before, now) as f64 * scale / usec, usec * SECONDS))
}

/// What a counter grew by; one that fell began again at 0.
#[inline]
fn grown(before: i64, now: i64) -> i64 {
    if now >= before { now.saturating_sub(before) } else { now }
}

fn grown_in_all(before: &[i64], now: &[i64]) -> f64 {
    before.iter().zip(now).map(|(&before, &now)| grown(before, now) as f64).sum()
}

/// A limit; none where there is none.
pub(super) fn limited(limit: i64) -> Option<f64> {
    (limit != UNLIMITED).then_some(limit as f64)
}

fn above(from: i64, less: i64) -> f64 {
    from.saturating_sub(less).max(0) as f64
}

/// In percent of a whole; none of no limit, or of nothing.
pub(super) fn percent(of: f64, whole: i64) -> Option<f64> {
    limited(whole).filter(|whole| *whole > 0.0).map(|whole| of / whole * 100.0)
}

/// A setting over another; none where the first is no limit, or one of both is not above 0.
pub(super) fn quotient(over: i64, under: i64) -> Option<f64> {
    limited(over).filter(|over| *over > 0.0 && under > 0).map(|over| over / under as f64)
}
