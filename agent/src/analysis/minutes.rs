//! Minutes of rollups into summaries.
//!
//! A minute of counters is told when the next one is known: whether it covers a whole minute, or ended with its subject, only
//! the next row tells. The columns are those of [`Formula::rollup_columns`]: the number of readings, then what is kept.

use super::column::{Column, column};
use super::evaluate::{limited, percent, quotient};
use super::{Sink, Summary};
use crate::derived::{Formula, Pace, SeriesSpec};
use crate::model::UnixMicros;
use crate::rollup::MINUTE_USEC;
use crate::scan::Block;

/// Which columns there are behind the number of readings, for a gauge: min, max, mean, last, count.
const GAUGE: usize = 5;

/// The state between two minutes.
#[derive(Clone, Debug)]
pub(super) struct Minutes<'a> {
    spec: &'a SeriesSpec,
    last: Option<UnixMicros>,
    pending: Option<Pending>,
}

/// A minute of counters whose next one is not known yet.
#[derive(Clone, Copy, Debug)]
struct Pending {
    time: UnixMicros,
    /// What the counters grew by, and at most between two readings.
    increase: f64,
    max_increase: f64,
    /// What an increase per second is multiplied by.
    scale: f64,
    /// How long the readings of the minute are, if they are all that it covers.
    sampled_usec: i64,
    /// The distance of readings.
    interval_usec: i64,
    /// The distance of readings of the counter.
    counted_usec: i64,
    is_first: bool,
}

impl<'a> Minutes<'a> {
    pub(super) fn of(spec: &'a SeriesSpec) -> Self {
        Self { spec, last: None, pending: None }
    }

    pub(super) fn block(&mut self, block: &Block<'_>, out: &mut impl Sink) {
        let columns: [Column<'_>; COLUMNS] = std::array::from_fn(|position| column(block, position));
        let spec = self.spec;
        for (row, &time) in block.times.iter().enumerate() {
            let minute = Minute { columns: &columns, row };
            let before = self.last.replace(time);
            let follows = before.is_some_and(|before| before.saturating_add(MINUTE_USEC) == time);
            self.tell(follows, out);
            if let Some(before) = before.filter(|_| !follows) {
                out.gap(before.saturating_add(MINUTE_USEC));
            }
            if !spec.formula.is_of_increases() {
                if let Some(summary) = minute.level(&spec.formula) {
                    out.summary(time, summary);
                }
            } else if before.is_none() || follows {
                self.increase(&minute, (time, before.is_none()), block.interval_usec, out);
            }
        }
    }

    pub(super) fn finish(&mut self, out: &mut impl Sink) {
        self.tell(false, out);
    }

    fn increase(
        &mut self,
        minute: &Minute<'_>,
        (time, is_first): (UnixMicros, bool),
        sampling_usec: i64,
        out: &mut impl Sink,
    ) {
        let (counters, scale) = match &self.spec.formula {
            Formula::Rate { counters, scale } => (counters.len(), Some(*scale)),
            Formula::RateOfQuota { .. } => (1, minute.quotient(3).map(|cores| 100.0 / 1e6 / cores)),
            Formula::ShareOfIncreases { part, whole } => {
                let all = (1..=part.len() + whole.len()).map(|position| minute.number(position));
                let Some(all) = all.collect::<Option<Vec<f64>>>() else { return };
                let [part, whole] =
                    [&all[..part.len()], &all[part.len()..]].map(|counters| counters.iter().sum::<f64>());
                if whole > 0.0 {
                    out.summary(time, Summary::flat(part / whole * 100.0, whole));
                }
                return;
            }
            _ => return,
        };
        let sum = |first: usize| (0..counters).map(|counter| minute.number(first + 2 * counter)).sum::<Option<f64>>();
        let (Some(samples), Some(increase), Some(max_increase), Some(scale)) = (minute.int(0), sum(1), sum(2), scale)
        else {
            return;
        };
        let interval_usec = Pace::of_rows(self.spec.table).interval_usec(sampling_usec, None);
        let counted_usec = self.spec.pace.interval_usec(sampling_usec, None).max(interval_usec);
        let sampled_usec = samples.saturating_mul(interval_usec);
        self.pending =
            Some(Pending { time, increase, max_increase, scale, sampled_usec, interval_usec, counted_usec, is_first });
    }

    /// Tells the minute before, now that it is known whether another one follows it.
    fn tell(&mut self, is_followed: bool, out: &mut impl Sink) {
        let Some(pending) = self.pending.take() else { return };
        let covered_usec = pending.covered_usec(is_followed);
        let mean = pending.increase * pending.scale * 1e6 / covered_usec as f64;
        let max = pending.max_increase * pending.scale * 1e6 / pending.counted_usec as f64;
        let weight = covered_usec as f64 / 1e6;
        out.summary(pending.time, Summary { min: mean, max: max.max(mean), mean, last: mean, weight });
    }
}

impl Pending {
    fn covered_usec(&self, is_followed: bool) -> i64 {
        let is_full = self.sampled_usec.saturating_add(self.interval_usec) >= MINUTE_USEC;
        if is_full || (is_followed && !self.is_first) {
            return MINUTE_USEC;
        }
        // The first minute's increase counts from its first reading.
        let first = if self.is_first { self.interval_usec } else { 0 };
        self.sampled_usec.saturating_sub(first).clamp(self.interval_usec.min(MINUTE_USEC), MINUTE_USEC)
    }
}

/// Columns of a formula at most: the number of readings, and two of each counter.
const COLUMNS: usize = 1 + 2 * crate::derived::formula::MAX_COLUMNS;

struct Minute<'a> {
    columns: &'a [Column<'a>; COLUMNS],
    row: usize,
}

impl Minute<'_> {
    fn number(&self, position: usize) -> Option<f64> {
        self.columns.get(position)?.number(self.row)
    }

    fn int(&self, position: usize) -> Option<i64> {
        self.columns.get(position)?.int(self.row)
    }

    /// The last value of a setting over that of the next column.
    fn quotient(&self, position: usize) -> Option<f64> {
        quotient(self.int(position)?, self.int(position + 1)?)
    }

    fn level(&self, formula: &Formula) -> Option<Summary> {
        match formula {
            Formula::Reading(_) => self.gauge(),
            Formula::Limit(_) => self.limit(),
            Formula::Quotient { .. } => Some(Summary::flat(self.quotient(1)?, self.number(0)?)),
            Formula::Difference { .. } => {
                let less = self.number(1 + GAUGE)?;
                self.gauge()?.map(|from| Some((from - less).max(0.0)))
            }
            Formula::Share { less, .. } => {
                let whole = self.int(1 + GAUGE)?;
                let less = if less.is_some() { self.number(2 + GAUGE)? } else { 0.0 };
                self.gauge()?.map(|of| percent(if less == 0.0 { of } else { (of - less).max(0.0) }, whole))
            }
            Formula::Rate { .. } | Formula::ShareOfIncreases { .. } | Formula::RateOfQuota { .. } => None,
        }
    }

    fn gauge(&self) -> Option<Summary> {
        Some(Summary {
            min: self.number(1)?,
            max: self.number(2)?,
            mean: self.number(3)?,
            last: self.number(4)?,
            weight: self.number(5)?,
        })
    }

    /// Of the times of the minute that had a limit; it is told for all of it.
    fn limit(&self) -> Option<Summary> {
        let min = limited(self.int(1)?)?;
        let last = limited(self.int(3)?);
        let max = limited(self.int(2)?).or(last).unwrap_or(min);
        let last = last.unwrap_or(min);
        Some(Summary { min, max, mean: last, last, weight: self.number(0)? })
    }
}

impl Summary {
    /// A minute of which only one value is known.
    fn flat(value: f64, weight: f64) -> Self {
        Self { min: value, max: value, mean: value, last: value, weight }
    }

    fn map(self, of: impl Fn(f64) -> Option<f64>) -> Option<Self> {
        let (min, max) = (of(self.min)?, of(self.max)?);
        Some(Self { min, max, mean: of(self.mean)?, last: of(self.last)?, weight: self.weight })
    }
}
