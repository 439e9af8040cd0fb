//! Exact points where they fit, else buckets: which of both, the points decide.
//!
//! Points are kept until there are too many, then all of them and the rest are folded. The surprise: minutes of rollups are
//! never exact points, so the first of them folds what is there, however little that is.

use super::buckets::{Buckets, Folding, Grid};
use super::exact::Exact;
use super::{Held, Points, Sink, Summary};
use crate::model::UnixMicros;

/// A series as it fits.
#[derive(Clone, Debug, PartialEq)]
pub enum Fitted {
    /// Every point, in time order; a `NaN` marks a gap.
    Exact {
        /// When.
        times: Vec<UnixMicros>,
        /// What.
        values: Vec<f64>,
    },
    /// Buckets.
    Buckets(Buckets),
}

/// Keeps up to a number of points, folds more.
#[derive(Clone, Debug)]
pub struct Fitting {
    grid: Grid,
    range: (UnixMicros, UnixMicros),
    most: usize,
    kept: Kept,
    folding: Option<Folding>,
}

/// What was told so far.
#[derive(Clone, Debug, Default)]
struct Kept {
    points: Vec<(UnixMicros, f64, f64)>,
    /// Gaps and held values, each before the point of a number.
    between: Vec<(usize, Between)>,
}

#[derive(Clone, Copy, Debug)]
enum Between {
    Gap(UnixMicros),
    Held(Held),
}

impl Kept {
    fn tell(&self, out: &mut impl Sink) {
        let mut between = self.between.iter().peekable();
        for (number, &(time, value, weight)) in self.points.iter().enumerate() {
            while let Some((_, what)) = between.next_if(|(before, _)| *before <= number) {
                what.tell(out);
            }
            out.point(time, value, weight);
        }
        between.for_each(|(_, what)| what.tell(out));
    }
}

impl Between {
    fn tell(self, out: &mut impl Sink) {
        match self {
            Self::Gap(time) => out.gap(time),
            Self::Held(held) => out.held(held),
        }
    }
}

impl Fitting {
    /// At most `most` points of a range, or its buckets of a grid.
    #[must_use]
    pub fn of(grid: Grid, range: (UnixMicros, UnixMicros), most: usize) -> Self {
        Self { grid, range, most, kept: Kept::default(), folding: None }
    }

    /// The series.
    #[must_use]
    pub fn finish(mut self) -> Fitted {
        if self.folding.is_none() {
            let mut exact = Exact::of(self.range, self.most);
            self.kept.tell(&mut exact);
            if !exact.is_over() {
                let (times, values) = exact.finish();
                return Fitted::Exact { times, values };
            }
        }
        self.fold();
        Fitted::Buckets(self.folding.map(Folding::finish).unwrap_or_default())
    }

    #[cold]
    #[inline(never)]
    fn fold(&mut self) {
        if self.folding.is_none() {
            let mut folding = Folding::of(self.grid, self.range);
            std::mem::take(&mut self.kept).tell(&mut folding);
            self.folding = Some(folding);
        }
    }

    /// Gaps and held values are points too.
    #[cold]
    #[inline(never)]
    fn keep(&mut self, between: Between) {
        self.kept.between.push((self.kept.points.len(), between));
        if self.kept.between.len() > self.most {
            self.fold();
        }
    }

    fn is_in_range(&self, time: UnixMicros) -> bool {
        time >= self.range.0 && time < self.range.1
    }
}

impl Sink for Fitting {
    #[inline(always)]
    fn point(&mut self, time: UnixMicros, value: f64, weight: f64) {
        if let Some(folding) = &mut self.folding {
            return folding.point(time, value, weight);
        }
        if !self.is_in_range(time) {
            return;
        }
        self.kept.points.push((time, value, weight));
        if self.kept.points.len() > self.most {
            self.fold();
        }
    }

    fn points(&mut self, points: Points<'_>) {
        if let Some(folding) = &mut self.folding {
            return folding.points(points);
        }
        for ((&time, &value), &weight) in points.times.iter().zip(points.values).zip(points.weights) {
            self.point(time, value, weight);
        }
    }

    fn gap(&mut self, time: UnixMicros) {
        match &mut self.folding {
            Some(folding) => folding.gap(time),
            None => self.keep(Between::Gap(time)),
        }
    }

    fn held(&mut self, held: Held) {
        match &mut self.folding {
            Some(folding) => folding.held(held),
            None => self.keep(Between::Held(held)),
        }
    }

    fn summary(&mut self, time: UnixMicros, summary: Summary) {
        self.fold();
        if let Some(folding) = &mut self.folding {
            folding.summary(time, summary);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RANGE: (i64, i64) = (5, 95);
    const GRID: Grid = Grid { start: 0, width_usec: 10, count: 10 };

    fn tell(steps: &[(i64, i32, u8)], out: &mut impl Sink) {
        let mut time = 0;
        for &(step, value, what) in steps {
            let held = Held { after: time, until: time + step, step_usec: 1, value: 0.0, weight_per_usec: 1.0 };
            time += step;
            match what {
                0 => out.gap(time),
                1 => out.held(held),
                _ => out.point(time, f64::from(value), 1.0),
            }
        }
    }

    #[test]
    fn a_minute_of_rollups_is_never_exact() {
        let mut fitting = Fitting::of(GRID, RANGE, 10);
        fitting.point(7, 1.0, 1.0);
        fitting.summary(20, Summary { min: 1.0, max: 3.0, mean: 2.0, last: 2.0, weight: 60.0 });
        let Fitted::Buckets(buckets) = fitting.finish() else { panic!("exact") };
        assert!(buckets.from_rollups);
        assert_eq!((buckets.times, buckets.max), (vec![0, 20], vec![1.0, 3.0]));
    }

    proptest! {
        #[test]
        fn it_is_the_exact_points_or_the_buckets(
            steps in prop::collection::vec((1i64..6, -50i32..50, 0u8..9), 0..40),
            most in 0usize..30,
        ) {
            let (mut fitting, mut exact, mut folding) =
                (Fitting::of(GRID, RANGE, most), Exact::of(RANGE, most), Folding::of(GRID, RANGE));
            tell(&steps, &mut fitting);
            tell(&steps, &mut exact);
            tell(&steps, &mut folding);
            match fitting.finish() {
                Fitted::Exact { times, values } => {
                    prop_assert!(!exact.is_over() && times.len() <= most);
                    prop_assert_eq!(format!("{:?}", (times, values)), format!("{:?}", exact.finish()));
                }
                Fitted::Buckets(buckets) => {
                    prop_assert!(exact.is_over() || steps.iter().filter(|step| step.2 < 2).count() > most);
                    prop_assert_eq!(format!("{buckets:?}"), format!("{:?}", folding.finish()));
                }
            }
        }
    }
}
