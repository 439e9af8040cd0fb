//! A series for each subject: exact points where they fit, else buckets.

use super::chosen::{chosen, wanted};
use super::labels::{self, Labels};
use super::outs::{Outs, Whose};
use super::plan::{self, Plan};
use super::{Asking, Fault, reading};
use crate::analysis::Sink;
use crate::analysis::exact::Exact;
use crate::analysis::fitting::{Fitted, Fitting};
use crate::derived::SeriesSpec;
use crate::scan::{Budget, ScanError};
use crate::service::answers::Questions;
use crate::service::question::{
    AskError, MAX_POINTS, MAX_SERIES, Points, Series, SeriesAnswer, SeriesData, SeriesQuestion,
};

/// What is said where readings are gone.
const ONLY_MINUTES: &str =
    "of a part of this range only minutes are kept, so what is shown of it is a minute and more wide";

/// Answers a question without groups.
pub(super) fn answer(asking: &Asking, question: &SeriesQuestion, budget: Budget) -> Result<SeriesAnswer, Fault> {
    let specs = plan::specs(&question.metrics)?;
    let chosen = chosen(asking, &question.selection, question.range)?;
    let mut found: Vec<Vec<Series>> = specs.iter().map(|_| Vec::new()).collect();
    let mut lacks_readings = false;
    for group in alike(asking, &specs, question, &chosen) {
        lacks_readings |= group.plan.lacks_readings;
        let of_group: Vec<&'static SeriesSpec> = group.metrics.iter().map(|&metric| specs[metric]).collect();
        let wanted = wanted(of_group[0].table, &chosen, &question.selection)?;
        let read = (of_group.as_slice(), wanted);
        let series = if question.points == Points::All && !group.plan.lacks_readings {
            let range = group.plan.range;
            let mut outs = Separate::new(|| Exact::of(range, MAX_POINTS));
            reading::read(asking, read, &group.plan.passes, budget, &mut outs)?;
            outs.series(&of_group)
        } else {
            let Plan { grid, range, most_points, .. } = group.plan;
            let mut outs = Separate::new(|| Fitting::of(grid, range, most_points));
            reading::read(asking, read, &group.plan.passes, budget, &mut outs)?;
            outs.series(&of_group)
        };
        for (metric, one) in series {
            found[group.metrics[metric]].push(one);
        }
    }
    let nothing_of = specs.iter().zip(&found).filter(|(_, series)| series.is_empty());
    let notes = notes(lacks_readings, nothing_of.map(|(spec, _)| spec.name.as_str()));
    for series in &mut found {
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
    }
    Ok(SeriesAnswer {
        range: question.range,
        series: found.into_iter().flatten().collect(),
        notes,
        is_sealed: asking.is_sealed(question.range),
    })
}

/// What is to be said of an answer: that some of it is coarse, and of which metrics there is nothing.
pub(super) fn notes<'a>(lacks_readings: bool, nothing_of: impl Iterator<Item = &'a str>) -> Vec<String> {
    let coarse = lacks_readings.then(|| ONLY_MINUTES.to_owned());
    let nothing = nothing_of.map(|name| format!("nothing that was asked for has a value of {name} in this range"));
    coarse.into_iter().chain(nothing).collect()
}

/// Metrics that are read in the same passes.
pub(super) struct Alike {
    pub(super) plan: Plan,
    /// Their positions in the question.
    pub(super) metrics: Vec<usize>,
}

/// Puts metrics together that one scan serves.
pub(super) fn alike(
    asking: &Asking,
    specs: &[&'static SeriesSpec],
    question: &SeriesQuestion,
    chosen: &[crate::service::ContainerSummary],
) -> Vec<Alike> {
    let mut groups: Vec<Alike> = Vec::new();
    for (metric, spec) in specs.iter().enumerate() {
        let range = plan::seen_part(spec.table, chosen, question.range);
        let plan = Plan::of(asking, spec, range, question.points);
        let same = groups.iter_mut().find(|group| {
            specs[group.metrics[0]].table == spec.table
                && group.plan.passes == plan.passes
                && group.plan.grid == plan.grid
        });
        match same {
            Some(group) => group.metrics.push(metric),
            None => groups.push(Alike { plan, metrics: vec![metric] }),
        }
    }
    groups
}

/// A sink that becomes a series.
pub(super) trait Becomes: Sink {
    /// The points it has so far.
    fn held_points(&self) -> usize;
    /// The series; `None` without a point.
    fn data(self) -> Option<SeriesData>;
}

impl Becomes for Exact {
    fn held_points(&self) -> usize {
        self.len()
    }

    fn data(self) -> Option<SeriesData> {
        let (times, values) = self.finish();
        (!times.is_empty()).then_some(SeriesData::Exact { times, values })
    }
}

impl Becomes for Fitting {
    fn held_points(&self) -> usize {
        self.len()
    }

    fn data(self) -> Option<SeriesData> {
        match self.finish() {
            Fitted::Exact { times, values } => (!times.is_empty()).then_some(SeriesData::Exact { times, values }),
            Fitted::Buckets(buckets) => (!buckets.times.is_empty()).then_some(SeriesData::Buckets(buckets)),
        }
    }
}

/// A sink for each subject and metric.
struct Separate<S, F: Fn() -> S> {
    make: F,
    sinks: Vec<(usize, Labels, S)>,
    /// The points of each sink as told last, and of all.
    points: Vec<usize>,
    total: usize,
}

impl<S: Becomes, F: Fn() -> S> Separate<S, F> {
    fn new(make: F) -> Self {
        Self { make, sinks: Vec::new(), points: Vec::new(), total: 0 }
    }

    /// The series, each with the position of its metric.
    fn series(self, specs: &[&'static SeriesSpec]) -> Vec<(usize, Series)> {
        let series = |(metric, labels, sink): (usize, Labels, S)| {
            let spec = specs[metric];
            let data = sink.data()?;
            Some((metric, Series { metric: spec.name.clone(), unit: spec.unit, labels, data, marks: Vec::new() }))
        };
        self.sinks.into_iter().filter_map(series).collect()
    }
}

impl<S: Becomes, F: Fn() -> S> Outs for Separate<S, F> {
    type Sink<'a>
        = &'a mut S
    where
        Self: 'a;

    fn open(&mut self, whose: Whose<'_>, metric: usize) -> Result<Option<usize>, ScanError> {
        // One more than may be is enough to be told.
        if self.sinks.len() <= MAX_SERIES {
            self.sinks.push((metric, labels::of_subject(whose.subject, whose.node), (self.make)()));
            self.points.push(0);
        }
        Ok(Some(self.sinks.len() - 1))
    }

    fn sink(&mut self, number: usize) -> &mut S {
        &mut self.sinks[number].2
    }

    fn is_over(&mut self, number: usize) -> bool {
        let points = self.sinks[number].2.held_points();
        self.total += points.saturating_sub(self.points[number]);
        self.points[number] = self.points[number].max(points);
        self.total > MAX_POINTS || self.sinks.len() > MAX_SERIES
    }
}

/// Refuses more points than an answer may have, before anything is read.
pub(super) fn affordable(series: usize, points: usize) -> Result<(), AskError> {
    if series.saturating_mul(points) > MAX_POINTS { Err(reading::too_many()) } else { Ok(()) }
}
