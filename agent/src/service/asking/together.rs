//! Several containers as one series: sums, largest, means and quantiles, by group.
//!
//! All contribute to cells of one grid, finer than the answer's buckets where that is affordable, so that a sum's spikes are
//! seen. The surprise: containers inside of others are left out of sums and means, for the numbers of a cgroup include theirs.

use std::collections::HashMap;

use super::chosen::{among, not_nested, wanted};
use super::labels::{Labels, group_of};
use super::outs::{Outs, Whose};
use super::plan::{self, Plan};
use super::separate::{Becomes, affordable, alike, notes};
use super::{Asking, Fault, reading};
use crate::analysis::aggregate::{Aggregate as Cell, Cells, Contribution, Member};
use crate::analysis::buckets::Grid;
use crate::analysis::fitting::Fitting;
use crate::derived::SeriesSpec;
use crate::resolution::Resolution;
use crate::rollup::MINUTE_USEC;
use crate::scan::{Budget, ScanError};
use crate::service::ContainerSummary;
use crate::service::answers::Questions;
use crate::service::question::{Aggregate, AskError, GroupBy, MAX_POINTS, Series, SeriesAnswer, SeriesQuestion};
use crate::subject::Subject;
use crate::table::Table;

/// Cells of one group's grid at most: a day of seconds.
const MOST_CELLS: usize = 86_400;

/// Answers a question with an aggregate.
pub(super) fn answer(asking: &Asking, question: &SeriesQuestion, budget: Budget) -> Result<SeriesAnswer, Fault> {
    let specs = plan::specs(&question.metrics)?;
    let group = question.group.clone().unwrap_or(GroupBy::All);
    let everybody = asking.everybody(Some(question.range))?;
    let chosen = among(asking, &everybody, &question.selection)?;
    let outer = not_nested(&chosen, &everybody);
    let (groups, groups_of_outer) = (Groups::of(&chosen, &group), Groups::of(&outer, &group));
    let mut series = Vec::new();
    let mut lacks_readings = false;
    for alike in alike(asking, &specs, question, &chosen) {
        lacks_readings |= alike.plan.lacks_readings;
        let of_scan: Vec<&'static SeriesSpec> = alike.metrics.iter().map(|&metric| specs[metric]).collect();
        let table = of_scan[0].table;
        if matches!(table, Table::Node | Table::Disks) && group != GroupBy::All {
            let sentence = format!("{} is of the node: it can be grouped by nothing but all", of_scan[0].name);
            return Err(AskError::Invalid(sentence).into());
        }
        // A process is of one cgroup alone, so it is counted where it is.
        let (whose, groups) = if table == Table::Processes { (&chosen, &groups) } else { (&outer, &groups_of_outer) };
        let interval = of_scan.iter().map(|spec| asking.interval_usec(spec)).max().unwrap_or(1);
        let grid = cells(&alike.plan, interval);
        affordable(groups.labels.len().max(1) * of_scan.len(), grid.count)?;
        let mut outs = Together {
            groups,
            cells: HashMap::new(),
            members: Vec::new(),
            new: Cells::of(grid, alike.plan.range, cell(question), MAX_POINTS),
        };
        let wanted = wanted(table, whose, &question.selection)?;
        reading::read(asking, (&of_scan, wanted), &alike.plan.passes, budget, &mut outs)?;
        for ((metric, group), cells) in outs.finish() {
            if cells.is_over() {
                return Err(reading::too_many().into());
            }
            let Plan { grid, range, most_points, .. } = alike.plan;
            let mut fitting = Fitting::of(grid, range, most_points);
            cells.tell(&mut fitting);
            let (spec, labels) = (of_scan[metric], groups.labels[group].clone());
            let Some(data) = fitting.data() else { continue };
            let one = Series { metric: spec.name.clone(), unit: spec.unit, labels, data, marks: Vec::new() };
            series.push((alike.metrics[metric], one));
        }
    }
    series.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| one.labels.cmp(&other.labels)));
    let has_series = |metric: &usize| series.iter().any(|(of, _)| of == metric);
    let nothing_of = (0..specs.len()).filter(|metric| !has_series(metric)).map(|metric| specs[metric].name.as_str());
    let notes = notes(lacks_readings, nothing_of);
    Ok(SeriesAnswer {
        range: question.range,
        series: series.into_iter().map(|(_, series)| series).collect(),
        notes,
        is_sealed: asking.is_sealed(question.range),
    })
}

/// The cells that containers contribute to: as fine as the rows that are read.
fn cells(plan: &Plan, interval: i64) -> Grid {
    let reads_minutes = plan.passes.iter().any(|pass| pass.resolution == Resolution::Minute);
    plan.grid.finer(MOST_CELLS, if reads_minutes { MINUTE_USEC.max(interval) } else { interval })
}

fn cell(question: &SeriesQuestion) -> Cell {
    match question.aggregate {
        Some(Aggregate::Sum) | None => Cell::Sum,
        Some(Aggregate::Max) => Cell::Max,
        Some(Aggregate::Min) => Cell::Min,
        Some(Aggregate::Mean) => Cell::Mean,
        Some(Aggregate::Quantile(quantile)) => Cell::Quantile(quantile),
    }
}

/// Which container belongs to which group.
pub(super) struct Groups {
    pub(super) labels: Vec<Labels>,
    by_id: HashMap<String, usize>,
    /// Where there is one group for all, whoever it is.
    of_all: Option<usize>,
}

impl Groups {
    /// The groups of containers.
    pub(super) fn of(chosen: &[ContainerSummary], group: &GroupBy) -> Self {
        let mut groups = Self { labels: Vec::new(), by_id: HashMap::new(), of_all: None };
        if *group == GroupBy::All {
            groups.labels.push(Labels::new());
            groups.of_all = Some(0);
            return groups;
        }
        let mut known: HashMap<Labels, usize> = HashMap::new();
        for summary in chosen {
            let Some(labels) = group_of(summary, group) else { continue };
            let position = *known.entry(labels.clone()).or_insert_with(|| {
                groups.labels.push(labels);
                groups.labels.len() - 1
            });
            let identity = &summary.identity;
            groups.by_id.insert(identity.container_id.clone(), position);
            // Rows about a pod as a whole belong to the group of any of its containers.
            if let Some(uid) = &identity.pod_uid {
                groups.by_id.entry(uid.clone()).or_insert(position);
            }
        }
        groups
    }

    /// The group that a subject belongs to.
    pub(super) fn group(&self, subject: &Subject) -> Option<usize> {
        if self.of_all.is_some() {
            return self.of_all;
        }
        let owner = subject.owner();
        let ids = [
            subject.identity().map(|identity| identity.container_id.as_str()),
            owner.and_then(|owner| owner.container_id.as_deref()),
            owner.and_then(|owner| owner.pod_uid.as_deref()),
        ];
        ids.into_iter().flatten().find_map(|id| self.by_id.get(id).copied())
    }
}

/// The cells of each metric and group, and who contributes to which.
struct Together<'g> {
    groups: &'g Groups,
    cells: HashMap<(usize, usize), Cells>,
    members: Vec<((usize, usize), Member)>,
    new: Cells,
}

impl Together<'_> {
    fn finish(mut self) -> Vec<((usize, usize), Cells)> {
        for (key, member) in self.members {
            if let Some(cells) = self.cells.get_mut(&key) {
                cells.finish(member);
            }
        }
        let mut cells: Vec<_> = self.cells.into_iter().collect();
        cells.sort_by_key(|(key, _)| *key);
        cells
    }
}

impl Outs for Together<'_> {
    type Sink<'a>
        = Contribution<'a>
    where
        Self: 'a;

    fn open(&mut self, whose: Whose<'_>, metric: usize) -> Result<Option<usize>, ScanError> {
        let Some(group) = self.groups.group(whose.subject) else { return Ok(None) };
        self.members.push(((metric, group), Member::default()));
        Ok(Some(self.members.len() - 1))
    }

    fn sink(&mut self, number: usize) -> Contribution<'_> {
        let (key, member) = &mut self.members[number];
        let new = &self.new;
        self.cells.entry(*key).or_insert_with(|| new.clone()).contribution(member)
    }

    fn is_over(&mut self, number: usize) -> bool {
        self.cells.get(&self.members[number].0).is_some_and(Cells::is_over)
    }
}
