//! Every point of a series as it is, up to a number.

use super::{Held, Points, Sink, Summary};
use crate::model::UnixMicros;

/// Keeps points; a `NaN` between two of them is a gap.
#[derive(Clone, Debug, Default)]
pub struct Exact {
    from: UnixMicros,
    to: UnixMicros,
    most: usize,
    times: Vec<UnixMicros>,
    values: Vec<f64>,
    has_gap: bool,
    is_over: bool,
}

impl Exact {
    /// Keeps the points of a range, at most `most` of them, gaps counted too.
    #[must_use]
    pub fn of((from, to): (UnixMicros, UnixMicros), most: usize) -> Self {
        Self { from, to, most, ..Self::default() }
    }

    /// Whether there were more points than may be kept. What is kept is not all then.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// How many points are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Times and values; a `NaN` at a time between two points is a gap.
    #[must_use]
    pub fn finish(self) -> (Vec<UnixMicros>, Vec<f64>) {
        (self.times, self.values)
    }

    /// The gap is told with the point behind it, so that none is at the end.
    #[cold]
    #[inline(never)]
    fn tell_gap(&mut self, time: UnixMicros) {
        self.has_gap = false;
        // In between, to the microsecond before the point at the latest: times keep rising.
        if let Some(&before) = self.times.last().filter(|before| time.saturating_sub(**before) > 1) {
            self.push(before.saturating_add(time.saturating_sub(before) / 2), f64::NAN);
        }
    }

    #[inline(always)]
    fn push(&mut self, time: UnixMicros, value: f64) {
        if self.times.len() >= self.most {
            self.is_over = true;
            return;
        }
        self.times.push(time);
        self.values.push(value);
    }
}

impl Sink for Exact {
    #[inline(always)]
    fn point(&mut self, time: UnixMicros, value: f64, _: f64) {
        if time < self.from || time >= self.to {
            return;
        }
        if self.has_gap {
            self.tell_gap(time);
        }
        self.push(time, value);
    }

    fn points(&mut self, points: Points<'_>) {
        let Points { times, values, weights } = points;
        let (Some(&first), Some(&last)) = (times.first(), times.last()) else { return };
        let has_room = self.most.saturating_sub(self.times.len()) > times.len();
        if first >= self.from && last < self.to && has_room {
            if self.has_gap {
                self.tell_gap(first);
            }
            self.times.extend_from_slice(times);
            self.values.extend_from_slice(&values[..times.len()]);
            return;
        }
        for ((&time, &value), &weight) in times.iter().zip(values).zip(weights) {
            self.point(time, value, weight);
        }
    }

    fn gap(&mut self, _: UnixMicros) {
        self.has_gap = true;
    }

    /// The first and the last point that would have been there.
    fn held(&mut self, held: Held) {
        let first = held.after.saturating_add(held.step_usec).min(held.until);
        self.point(first.max(self.from.min(held.until)), held.value, 0.0);
        if held.until > first {
            self.point(held.until.min(self.to.saturating_sub(1)), held.value, 0.0);
        }
    }

    /// The mean of the minute, at its start.
    fn summary(&mut self, time: UnixMicros, summary: Summary) {
        self.point(time, summary.mean, summary.weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(most: usize, tell: impl Fn(&mut Exact)) -> Exact {
        let mut exact = Exact::of((10, 20), most);
        tell(&mut exact);
        exact
    }

    #[test]
    fn gaps_are_told_once_and_between_points_only() {
        let exact = exact(9, |exact| {
            exact.gap(9);
            exact.point(9, 1.0, 1.0);
            exact.point(10, 1.0, 1.0);
            exact.gap(11);
            exact.gap(12);
            exact.point(14, 2.0, 1.0);
            exact.gap(15);
            exact.point(20, 3.0, 1.0);
        });
        assert!(!exact.is_over());
        let (times, values) = exact.finish();
        assert_eq!(times, [10, 12, 14]);
        assert!(values[0] == 1.0 && values[1].is_nan() && values[2] == 2.0);
    }

    #[test]
    fn more_than_may_be_kept_is_said() {
        let exact = exact(2, |exact| (10..13).for_each(|time| exact.point(time, 0.0, 1.0)));
        assert!(exact.is_over() && exact.len() == 2);
    }

    #[test]
    fn a_held_value_has_two_points() {
        let held = Held { after: 8, until: 18, step_usec: 3, value: 5.0, weight_per_usec: 1.0 };
        assert_eq!(exact(9, |exact| exact.held(held)).finish().0, [11, 18]);
        assert_eq!(exact(9, |exact| exact.held(Held { after: 2, until: 30, ..held })).finish().0, [10, 19]);
        assert_eq!(exact(9, |exact| exact.held(Held { until: 10, ..held })).finish().0, [10]);
    }
}
