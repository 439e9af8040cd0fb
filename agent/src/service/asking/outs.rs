//! Where the points of a question go, subject by subject and series by series.
//!
//! [`reading`](super::reading) evaluates; an [`Outs`] has a sink for each subject and metric. The surprise: a pass of readings
//! begins a little before its time, because a rate needs the reading before; [`Since`] keeps these points from the sink.

use crate::analysis::{Held, Points, Sink, Summary};
use crate::model::UnixMicros;
use crate::scan::ScanError;
use crate::subject::Subject;

/// A subject on a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whose<'a> {
    pub(super) subject: &'a Subject,
    pub(super) node: &'a str,
}

/// Sinks for the points of subjects.
pub(super) trait Outs {
    /// A sink for one series.
    type Sink<'a>: Sink
    where
        Self: 'a;

    /// The sink's number for a subject's series of the metric at this position in the question; `None` where it is not wanted.
    ///
    /// # Errors
    /// There are more series than one answer may have.
    fn open(&mut self, whose: Whose<'_>, metric: usize) -> Result<Option<usize>, ScanError>;

    /// The sink of a number.
    fn sink(&mut self, number: usize) -> Self::Sink<'_>;

    /// Told after a block's points went into a sink: whether more was taken by now than one answer may have.
    fn is_over(&mut self, number: usize) -> bool;
}

/// Passes on what is not before a time.
pub(super) struct Since<S> {
    pub(super) from: UnixMicros,
    pub(super) sink: S,
}

impl<S: Sink> Sink for Since<S> {
    #[inline(always)]
    fn point(&mut self, time: UnixMicros, value: f64, weight: f64) {
        if time >= self.from {
            self.sink.point(time, value, weight);
        }
    }

    #[inline]
    fn points(&mut self, points: Points<'_>) {
        let first = points.times.partition_point(|&time| time < self.from);
        let Points { times, values, weights } = points;
        self.sink.points(Points { times: &times[first..], values: &values[first..], weights: &weights[first..] });
    }

    fn gap(&mut self, time: UnixMicros) {
        self.sink.gap(time.max(self.from));
    }

    fn held(&mut self, held: Held) {
        if held.until >= self.from {
            self.sink.held(Held { after: held.after.max(self.from.saturating_sub(1)), ..held });
        }
    }

    fn summary(&mut self, time: UnixMicros, summary: Summary) {
        if time >= self.from {
            self.sink.summary(time, summary);
        }
    }
}
