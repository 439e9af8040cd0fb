//! How a question's rows are read: which metrics, at which resolution, in which passes.
//!
//! Pure but for looking up what there is. Exact points are read from readings. Buckets of a minute and more are read from
//! rollups where these have all of an hour, and from readings elsewhere. The surprise: the range that counts is the part of the
//! asked one of which there are rows; a week of which an hour was recorded has exact points.

use std::collections::HashSet;

use super::{Asking, Fault};
use crate::analysis::buckets::Grid;
use crate::analysis::{GAP_FACTOR, Sink};
use crate::derived::{self, SeriesSpec};
use crate::model::UnixMicros;
use crate::resolution::Resolution;
use crate::rollup::MINUTE_USEC;
use crate::scan::{Budget, ScanError, Wanted};
use crate::service::ContainerSummary;
use crate::service::question::{AskError, MAX_METRICS, MAX_POINTS, Points, TimeRange};
use crate::table::Table;

/// The least time before a pass that is read for the reading before its first; subjects of slow tables are read every 5 s.
const LOOKBACK_USEC: i64 = 20_000_000;

/// One pass over recorded rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    /// Points before this are left out.
    pub(super) from: UnixMicros,
    /// Rows from here on are read.
    pub(super) read_from: UnixMicros,
    /// Rows before this are read.
    pub(super) to: UnixMicros,
    /// Readings or minutes.
    pub(super) resolution: Resolution,
}

/// How the series of one metric are read.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The range that is answered for.
    pub(super) range: (UnixMicros, UnixMicros),
    /// The buckets, where points do not fit.
    pub(super) grid: Grid,
    /// Points that a series may have before it is folded into buckets.
    pub(super) most_points: usize,
    /// What is read, in this order.
    pub(super) passes: Vec<Pass>,
    /// Some of the range has no readings any more.
    pub(super) lacks_readings: bool,
}

/// The metrics of a question.
///
/// # Errors
/// One is unknown, or there are too many.
pub(super) fn specs(names: &[String]) -> Result<Vec<&'static SeriesSpec>, AskError> {
    if names.is_empty() {
        return Err(AskError::Invalid("a metric is needed; /api/metrics lists all".to_owned()));
    }
    if names.len() > MAX_METRICS {
        return Err(AskError::Invalid(format!("at most {MAX_METRICS} metrics may be asked for at once")));
    }
    names.iter().map(|name| spec(name)).collect()
}

/// The metric of a name.
///
/// # Errors
/// It is unknown.
pub(super) fn spec(name: &str) -> Result<&'static SeriesSpec, AskError> {
    derived::named(name).ok_or_else(|| {
        let nearest = derived::nearest(name).join(", ");
        AskError::NotFound(format!("there is no metric {name:?}; the nearest are {nearest}; /api/metrics lists all"))
    })
}

/// The part of a range in which these were seen; the whole where that does not depend on containers.
pub(super) fn seen_part(table: Table, chosen: &[ContainerSummary], range: TimeRange) -> (UnixMicros, UnixMicros) {
    if matches!(table, Table::Node | Table::Disks) {
        return (range.from, range.to);
    }
    let first = chosen.iter().map(|summary| summary.first_seen).min().unwrap_or(range.to);
    let last = chosen.iter().map(|summary| summary.last_seen).max().unwrap_or(range.from);
    let from = range.from.max(first).min(range.to);
    (from, range.to.min(last.saturating_add(1)).max(from))
}

impl Plan {
    /// How the series of a metric are read in a range.
    pub(super) fn of(asking: &Asking, spec: &SeriesSpec, range: (UnixMicros, UnixMicros), points: Points) -> Self {
        let interval = asking.interval_usec(spec);
        let stretches = asking.recorded.stretches(spec.table, TimeRange { from: range.0, to: range.1 });
        let lacks_readings = stretches.iter().any(|stretch| !stretch.has_readings);
        let has_minutes = spec.columns(Resolution::Minute).is_some();
        let most_points = match points {
            Points::AtMost(most) => most.max(1),
            Points::All => MAX_POINTS,
        };
        let fits = (range.1 - range.0) / interval <= i64::try_from(most_points).unwrap_or(i64::MAX);
        let needs_minutes = lacks_readings && has_minutes;
        let least = if needs_minutes { MINUTE_USEC } else { interval };
        let grid = Grid::choose(range, most_points, least);
        let may_use_minutes = has_minutes && grid.width_usec >= MINUTE_USEC && (needs_minutes || !fits);
        let mut passes: Vec<Pass> = Vec::new();
        let mut add = |from: UnixMicros, to: UnixMicros, resolution: Resolution| match passes.last_mut() {
            Some(last) if last.resolution == resolution && last.to == from => last.to = to,
            _ => passes.push(pass((from, to), resolution, interval)),
        };
        for stretch in stretches {
            if stretch.resolution == Resolution::Minute && may_use_minutes && (!fits || !stretch.has_readings) {
                add(stretch.from, stretch.to, Resolution::Minute);
            } else if stretch.has_readings {
                add(stretch.from, stretch.to, Resolution::Raw);
            }
        }
        Self { range, grid, most_points, passes, lacks_readings: lacks_readings && !has_minutes || needs_minutes }
    }
}

fn pass((from, to): (UnixMicros, UnixMicros), resolution: Resolution, interval: i64) -> Pass {
    match resolution {
        Resolution::Raw => {
            let back = LOOKBACK_USEC.max(interval.saturating_mul(GAP_FACTOR as i64 + 1));
            Pass { from, read_from: from.saturating_sub(back), to, resolution }
        }
        Resolution::Minute => {
            let from = from.saturating_sub(from.rem_euclid(MINUTE_USEC));
            Pass { from, read_from: from.saturating_sub(MINUTE_USEC), to, resolution }
        }
    }
}

impl Asking {
    /// The usual distance between two readings of a metric.
    pub(super) fn interval_usec(&self, spec: &SeriesSpec) -> i64 {
        spec.pace.interval_usec(self.recorded.interval_usec(), self.processes_usec)
    }
}

/// The ids of the containers that have a value of a metric in a range.
pub(super) fn having(
    asking: &Asking,
    metric: &str,
    range: Option<TimeRange>,
    budget: Budget,
) -> Result<HashSet<String>, Fault> {
    let spec = spec(metric)?;
    let Some(range) = range else { return Ok(HashSet::new()) };
    let plan = Plan::of(asking, spec, (range.from, range.to), Points::AtMost(1));
    let mut outs = Having::default();
    super::reading::read(asking, (&[spec], Wanted::All), &plan.passes, budget, &mut outs)?;
    Ok(outs.0.into_iter().filter(|(_, has)| has.0).map(|(id, _)| id).collect())
}

/// Whether each subject had a point.
#[derive(Default)]
struct Having(Vec<(String, Has)>);

#[derive(Default)]
struct Has(bool);

impl super::outs::Outs for Having {
    type Sink<'a> = &'a mut Has;

    fn open(&mut self, whose: super::outs::Whose<'_>, _: usize) -> Result<Option<usize>, ScanError> {
        let identity = whose.subject.identity().map(|identity| identity.container_id.clone());
        let id = identity.or_else(|| whose.subject.owner().and_then(|owner| owner.container_id.clone()));
        let Some(id) = id else { return Ok(None) };
        self.0.push((id, Has::default()));
        Ok(Some(self.0.len() - 1))
    }

    fn sink(&mut self, number: usize) -> &mut Has {
        &mut self.0[number].1
    }

    fn is_over(&mut self, _: usize) -> bool {
        false
    }
}

impl Sink for &mut Has {
    fn point(&mut self, _: UnixMicros, _: f64, _: f64) {
        self.0 = true;
    }

    fn gap(&mut self, _: UnixMicros) {}

    fn held(&mut self, _: crate::analysis::Held) {
        self.0 = true;
    }

    fn summary(&mut self, _: UnixMicros, _: crate::analysis::Summary) {
        self.0 = true;
    }
}
