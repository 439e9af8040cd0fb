//! Those with the largest values of a metric over a range.

use super::chosen::{chosen, wanted};
use super::labels::{self, Labels};
use super::outs::{Outs, Whose};
use super::plan::{self, Plan};
use super::{Asking, Fault, reading, together};
use crate::analysis::buckets::{Buckets, Folding, Grid};
use crate::scan::{Budget, ScanError};
use crate::service::question::{
    Aggregate, MAX_SERIES, Points, SeriesData, SeriesQuestion, TopAnswer, TopBy, TopEntry, TopQuestion,
};

/// Subjects that are compared at most; more processes than that do not run on a node.
const MOST_SUBJECTS: usize = 50 * MAX_SERIES;

/// Answers a question for the largest.
pub(super) fn answer(asking: &Asking, question: &TopQuestion, budget: Budget) -> Result<TopAnswer, Fault> {
    let spec = plan::spec(&question.metric)?;
    let entries = match &question.group {
        Some(_) => grouped(asking, question, budget)?,
        None => separate(asking, question, budget)?,
    };
    let total = entries.len();
    let (range, metric) = (question.range, spec.name.clone());
    Ok(TopAnswer { metric, unit: spec.unit, range, entries: largest(entries, question), total })
}

fn largest(mut entries: Vec<TopEntry>, question: &TopQuestion) -> Vec<TopEntry> {
    let by = |entry: &TopEntry| match question.by {
        TopBy::Mean => entry.mean,
        TopBy::Max => entry.max,
        TopBy::Last => entry.last,
    };
    entries.sort_by(|a, b| by(b).total_cmp(&by(a)).then_with(|| a.labels.cmp(&b.labels)));
    entries.truncate(question.limit);
    entries
}

fn separate(asking: &Asking, question: &TopQuestion, budget: Budget) -> Result<Vec<TopEntry>, Fault> {
    let spec = plan::spec(&question.metric)?;
    let chosen = chosen(asking, &question.selection, question.range)?;
    let range = plan::seen_part(spec.table, &chosen, question.range);
    if range.0 >= range.1 {
        return Ok(Vec::new());
    }
    let plan = Plan::of(asking, spec, range, Points::AtMost(1));
    let mut outs = Totals { range, sinks: Vec::new() };
    let wanted = wanted(spec.table, &chosen, &question.selection)?;
    reading::read(asking, (&[spec], wanted), &plan.passes, budget, &mut outs)?;
    Ok(outs.sinks.into_iter().filter_map(|(labels, folding)| entry(labels, &folding.finish())).collect())
}

/// The whole range as one bucket.
fn entry(labels: Labels, buckets: &Buckets) -> Option<TopEntry> {
    let at = buckets.mean.iter().rposition(|mean| !mean.is_nan())?;
    Some(TopEntry {
        labels,
        min: buckets.min[at],
        max: buckets.max[at],
        mean: buckets.mean[at],
        last: buckets.last[at],
    })
}

/// Sums of groups, each over all of its time.
fn grouped(asking: &Asking, question: &TopQuestion, budget: Budget) -> Result<Vec<TopEntry>, Fault> {
    let series = SeriesQuestion {
        metrics: vec![question.metric.clone()],
        selection: question.selection.clone(),
        range: question.range,
        points: Points::AtMost(1_000),
        aggregate: Some(Aggregate::Sum),
        group: question.group.clone(),
    };
    let answer = together::answer(asking, &series, budget)?;
    Ok(answer.series.into_iter().filter_map(|series| Some(total((series.labels, folded(&series.data)?)))).collect())
}

fn total((labels, [min, max, mean, last]): (Labels, [f64; 4])) -> TopEntry {
    TopEntry { labels, min, max, mean, last }
}

/// Points or buckets of equal weight as one.
fn folded(data: &SeriesData) -> Option<[f64; 4]> {
    let (min, max, mean, last) = match data {
        SeriesData::Exact { values, .. } => (values, values, values, values),
        SeriesData::Buckets(buckets) => (&buckets.min, &buckets.max, &buckets.mean, &buckets.last),
    };
    let known = |values: &Vec<f64>| values.iter().copied().filter(|value| !value.is_nan()).collect::<Vec<f64>>();
    let means = known(mean);
    let last = *known(last).last()?;
    let min = known(min).into_iter().fold(f64::INFINITY, f64::min);
    let max = known(max).into_iter().fold(f64::NEG_INFINITY, f64::max);
    Some([min, max, means.iter().sum::<f64>() / means.len() as f64, last])
}

/// One bucket per subject.
struct Totals {
    range: (i64, i64),
    sinks: Vec<(Labels, Folding)>,
}

impl Outs for Totals {
    type Sink<'a>
        = &'a mut Folding
    where
        Self: 'a;

    fn open(&mut self, whose: Whose<'_>, _: usize) -> Result<Option<usize>, ScanError> {
        let (from, to) = self.range;
        let grid = Grid { start: from, width_usec: (to - from).max(1), count: 1 };
        self.sinks.push((labels::of_subject(whose.subject, whose.node), Folding::of(grid, self.range)));
        Ok(Some(self.sinks.len() - 1))
    }

    fn sink(&mut self, number: usize) -> &mut Folding {
        &mut self.sinks[number].1
    }

    fn is_over(&mut self, _: usize) -> bool {
        self.sinks.len() > MOST_SUBJECTS
    }
}
