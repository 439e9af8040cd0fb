//! A series as studies see it: finite readings in time order, and the usual distance between them.
//!
//! Gaps are not marked: they are where two readings are further apart than [`GAP_FACTOR`] usual distances. The surprise: the usual
//! distance is the median of all distances, so a series that was read once a second and then every minute is one of seconds with
//! gaps, or one of minutes, whichever is more of it.

use std::ops::Range;

use super::super::GAP_FACTOR;
use super::robust;
use crate::model::UnixMicros;

/// A series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signal {
    times: Vec<UnixMicros>,
    values: Vec<f64>,
    step_usec: i64,
}

impl Signal {
    /// From points in time order; what is not finite is left out, and so is a time that is not after the one before.
    #[must_use]
    pub fn new(times: &[UnixMicros], values: &[f64]) -> Self {
        let mut kept =
            Self { times: Vec::with_capacity(times.len()), values: Vec::with_capacity(times.len()), step_usec: 1 };
        for (&time, &value) in times.iter().zip(values) {
            if value.is_finite() && kept.times.last().is_none_or(|&last| time > last) {
                kept.times.push(time);
                kept.values.push(value);
            }
        }
        let mut distances: Vec<i64> = kept.times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        if !distances.is_empty() {
            let middle = distances.len() / 2;
            kept.step_usec = *distances.select_nth_unstable(middle).1;
        }
        kept
    }

    /// Readings at equal distances, for tests and benchmarks.
    #[must_use]
    pub fn regular(start: UnixMicros, step_usec: i64, values: &[f64]) -> Self {
        let times: Vec<UnixMicros> = (0..values.len() as i64).map(|at| start + at * step_usec).collect();
        Self::new(&times, values)
    }

    /// When each was read.
    #[must_use]
    pub fn times(&self) -> &[UnixMicros] {
        &self.times
    }

    /// What was read.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// How many readings there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The usual distance between two readings, in microseconds; at least 1.
    #[must_use]
    pub fn step_usec(&self) -> i64 {
        self.step_usec
    }

    /// The same in seconds.
    #[must_use]
    pub fn step_seconds(&self) -> f64 {
        self.step_usec as f64 / 1e6
    }

    /// The first and the last time; none of an empty series.
    #[must_use]
    pub fn span(&self) -> Option<(UnixMicros, UnixMicros)> {
        Some((*self.times.first()?, *self.times.last()?))
    }

    /// Two readings further apart than this have a gap between them.
    #[must_use]
    pub fn gap_usec(&self) -> i64 {
        (self.step_usec as f64 * GAP_FACTOR) as i64
    }

    /// The stretches of readings without a gap, as ranges of positions.
    pub fn stretches(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut begin = 0;
        let longest = self.gap_usec();
        std::iter::from_fn(move || {
            if begin >= self.len() {
                return None;
            }
            let from = begin;
            let times = &self.times[from..];
            let long = times.windows(2).position(|pair| pair[1] - pair[0] > longest);
            begin = long.map_or(self.len(), |at| from + at + 1);
            Some(from..begin)
        })
    }

    /// The part from one time to before another one; it keeps the usual distance of the whole.
    #[must_use]
    pub fn part(&self, from: UnixMicros, to: UnixMicros) -> Self {
        let within = self.within(from, to);
        let (times, values) = (self.times[within.clone()].to_vec(), self.values[within].to_vec());
        Self { times, values, step_usec: self.step_usec }
    }

    /// What was read from one time to before another one.
    #[must_use]
    pub fn values_between(&self, from: UnixMicros, to: UnixMicros) -> &[f64] {
        &self.values[self.within(from, to)]
    }

    fn within(&self, from: UnixMicros, to: UnixMicros) -> Range<usize> {
        let begin = self.times.partition_point(|&time| time < from);
        begin..self.times.partition_point(|&time| time < to).max(begin)
    }

    /// Means of the cells of a grid: `count` cells of `width_usec` from `start` on; `NaN` where a cell has no reading.
    #[must_use]
    pub fn on_grid(&self, start: UnixMicros, width_usec: i64, count: usize) -> Vec<f64> {
        let width = width_usec.max(1);
        let mut cells = vec![f64::NAN; count];
        let mut at = self.times.partition_point(|&time| time < start);
        // Mostly each cell has its reading, up to the first gap; the last of them may have one more.
        let mut begin = start;
        let is_alone = |time: &&UnixMicros| {
            let is_in_cell = (**time).wrapping_sub(begin).cast_unsigned() < width.cast_unsigned();
            begin = begin.wrapping_add(width);
            is_in_cell
        };
        let mut cell = self.times[at..].iter().take(count).take_while(is_alone).count().saturating_sub(1);
        cells[..cell].copy_from_slice(&self.values[at..at + cell]);
        at += cell;
        let mut end = start.saturating_add(width.saturating_mul(cell as i64 + 1));
        while at < self.len() {
            // Mostly it is the next cell, and to divide takes longer than all the rest.
            if self.times[at] >= end {
                (cell, end) = (cell + 1, end.saturating_add(width));
            }
            if self.times[at] >= end {
                let beyond = (self.times[at] - end) / width + 1;
                cell = cell.saturating_add(usize::try_from(beyond).unwrap_or(usize::MAX));
                end = end.saturating_add(beyond.saturating_mul(width));
            }
            let Some(kept) = cells.get_mut(cell) else { break };
            let (mut sum, begin) = (self.values[at], at);
            at += 1;
            while at < self.len() && self.times[at] < end {
                sum += self.values[at];
                at += 1;
            }
            *kept = if at - begin > 1 { sum / (at - begin) as f64 } else { sum };
        }
        cells
    }

    /// On a grid of its own steps over its whole span; gaps are `NaN`.
    #[must_use]
    pub fn on_own_grid(&self) -> Vec<f64> {
        let Some((first, last)) = self.span() else {
            return Vec::new();
        };
        let count = (last - first) / self.step_usec + 1;
        // Readings are some tenths of a step early or late: cells begin half a step before.
        self.on_grid(first - self.step_usec / 2, self.step_usec, usize::try_from(count + 1).unwrap_or(0))
    }

    /// The standard deviation of what differs from one reading to the next, whatever the slower course does.
    #[must_use]
    pub fn noise(&self) -> f64 {
        let mut steps: Vec<f64> = self
            .stretches()
            .flat_map(|stretch| self.values[stretch].windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<f64>>())
            .collect();
        robust::deviation_about(&mut steps, 0.0) / std::f64::consts::SQRT_2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_reading_is_left_out_and_gaps_split() {
        let signal = Signal::new(&[0, 10, 15, 20, 20, 90, 100], &[1.0, 2.0, f64::NAN, 3.0, 9.0, 4.0, 5.0]);
        assert_eq!((signal.times(), signal.step_usec()), (&[0, 10, 20, 90, 100][..], 10));
        assert_eq!(signal.stretches().collect::<Vec<_>>(), [0..3, 3..5]);
        assert_eq!(Signal::default().stretches().count(), 0);
        assert_eq!(signal.part(10, 100).values(), [2.0, 3.0, 4.0]);
    }

    #[test]
    fn cells_have_means_and_those_without_a_reading_nothing() {
        let signal = Signal::new(&[0, 10, 21, 29, 60], &[1.0, 2.0, 3.0, 5.0, 9.0]);
        let cells = signal.on_grid(0, 20, 3);
        assert_eq!((cells[0], cells[1]), (1.5, 4.0));
        assert!(cells[2].is_nan());
        assert_eq!(signal.on_grid(-20, 20, 2)[1], 1.5);
    }

    #[test]
    fn noise_is_that_of_readings_and_not_of_the_course() {
        let ramp: Vec<f64> = (0..1000).map(|at| f64::from(at) * 0.001 + if at % 2 == 0 { 0.5 } else { -0.5 }).collect();
        let noise = Signal::regular(0, 1_000_000, &ramp).noise();
        assert!((0.9..1.2).contains(&noise), "{noise}");
    }
}
