//! From recorded rows to what people look at: points, buckets, sums over several subjects.
//!
//! Pure: knows blocks of rows and formulas; neither who reads the rows nor who asks. An [`evaluate::Evaluator`] turns the
//! blocks of one subject into points and tells them to a [`Sink`], which keeps them as they are or folds them. What points
//! mean stands here:
//!
//! - A point of a counter at a row's time stands for the time since the row before that has a value, and weighs as many
//!   seconds. A counter that fell began again at 0. A point of a gauge weighs 1, so means are of readings.
//! - A gap is where two rows that follow each other are further apart than [`GAP_FACTOR`] times what is usual. Nothing is
//!   computed across a gap, and it is told once. A row without a value is no gap: columns that are read more seldom have points
//!   where they were read.
//! - Of several columns, rows count in which all have a value.
//! - What is in percent of a limit has no value while there is no limit; a share of increases none while the whole rests.
//! - A row of `io_devices` is there only where a number changed, so a longer time without one is no gap: nothing happened, and
//!   the change belongs to one interval before the row. Where no agent ran looks the same there.
//! - A minute of rollups gives least, largest, mean and last value, and stands at its start. Of a counter, the mean is the
//!   increase over the time that it covers, the largest what came between two readings over one interval, the least the mean.
//!   A minute after one that is missing has no rate, because its increase also covers what is missing.
//!
//! The surprise: what is usual between rows is learnt from the rows, one by one, so that it does not matter how they are
//! split into blocks.

use crate::model::UnixMicros;

pub mod aggregate;
pub mod buckets;
mod column;
pub mod evaluate;
pub mod exact;
pub mod fitting;
pub mod lanes;
mod minutes;
pub mod outermost;
mod rows;
pub mod studies;
pub mod study;
#[cfg(test)]
mod tests;

pub use rows::GAP_FACTOR;

/// What a minute of readings comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The least value.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
    /// The last.
    pub last: f64,
    /// What the mean counts for: readings, seconds, or what the whole of a share grew by.
    pub weight: f64,
}

/// A time in which nothing changed, though there are no rows that say so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    /// It begins after this time.
    pub after: UnixMicros,
    /// It ends with this time.
    pub until: UnixMicros,
    /// The usual distance of rows, in microseconds.
    pub step_usec: i64,
    /// The value all the while.
    pub value: f64,
    /// What a microsecond of it counts for.
    pub weight_per_usec: f64,
}

impl Held {
    /// What a part of it, in microseconds, comes to.
    fn part(self, usec: i64) -> Summary {
        let Self { value, weight_per_usec, .. } = self;
        Summary { min: value, max: value, mean: value, last: value, weight: usec as f64 * weight_per_usec }
    }
}

/// Points that follow each other without a gap; all of one length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Points<'a> {
    /// When.
    pub times: &'a [UnixMicros],
    /// What.
    pub values: &'a [f64],
    /// What each counts for in means.
    pub weights: &'a [f64],
}

/// What takes the points of a series, in time order.
pub trait Sink {
    /// A value at a time; its weight in means.
    fn point(&mut self, time: UnixMicros, value: f64, weight: f64);
    /// The same for many, in less time.
    #[inline]
    fn points(&mut self, points: Points<'_>) {
        for ((&time, &value), &weight) in points.times.iter().zip(points.values).zip(points.weights) {
            self.point(time, value, weight);
        }
    }
    /// Nothing is known from the point before until the next one; `time` is in between. May come first, or twice.
    fn gap(&mut self, time: UnixMicros);
    /// The value was the same for a longer time without points.
    fn held(&mut self, held: Held);
    /// What the minute that begins at a time came to.
    fn summary(&mut self, time: UnixMicros, summary: Summary);
}

impl<S: Sink + ?Sized> Sink for &mut S {
    #[inline(always)]
    fn point(&mut self, time: UnixMicros, value: f64, weight: f64) {
        (**self).point(time, value, weight);
    }

    #[inline]
    fn points(&mut self, points: Points<'_>) {
        (**self).points(points);
    }

    fn gap(&mut self, time: UnixMicros) {
        (**self).gap(time);
    }

    fn held(&mut self, held: Held) {
        (**self).held(held);
    }

    fn summary(&mut self, time: UnixMicros, summary: Summary) {
        (**self).summary(time, summary);
    }
}
