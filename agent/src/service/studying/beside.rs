//! What a study looks at beside the series itself: its limit, others on the node, another time or container, what happened.

use std::collections::BTreeMap;

use super::reading::{One, Reader, spec};
use super::{Job, is_of_node, only};
use crate::analysis::study::{Happening, Input, Needs, Signal, Words};
use crate::service::Recorded;
use crate::service::answers::ContainersQuestion;
use crate::service::containers::Filter;
use crate::service::events::EventFilter;
use crate::service::question::{AskError, Points, Selection, TimeRange};
use crate::service::study::{Studied, StudyQuestion};

/// Metrics of a container that tell most of what it does.
pub(super) const KEY_METRICS: &[&str] = &[
    "cpu_usage_cores",
    "cpu_throttled_percent",
    "cpu_pressure_some_percent",
    "memory_working_set_bytes",
    "memory_pressure_some_percent",
    "io_bytes_per_second",
    "io_pressure_some_percent",
    "pids_current",
];
/// Metrics of the node that many things follow.
const NODE_METRICS: &[&str] = &["node.cpu_usage_cores", "node.memory_used_bytes", "node.io_pressure_some_percent"];
/// What tells series of one container, or of the node, from each other.
const PARTS: &[&str] = &["device", "interface", "pid"];
/// Series that one is compared with at most.
const MOST_OTHERS: usize = 500;
/// With more containers than this, series are compared in fewer points.
const MANY_OTHERS: usize = 100;
/// Points of each of many.
const FEW_POINTS: usize = 1_000;
/// Points of each of some: an hour of seconds.
const SOME_POINTS: usize = 4_000;
/// Events that are looked at.
const MOST_EVENTS: usize = 1_000;

/// Finds what a series is to be seen with.
pub(super) struct Beside<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) question: &'a StudyQuestion,
}

impl Beside<'_> {
    /// In how many points a series is read: all but where it is compared with many, in which fewer are enough.
    pub(super) fn points(&self, needs: Needs) -> Result<Points, AskError> {
        if needs != Needs::Others {
            return Ok(Points::All);
        }
        if self.question.against.container.is_some() {
            return Ok(Points::AtMost(SOME_POINTS));
        }
        let filter = Filter { limit: 1, ..Filter::default() };
        let asked = ContainersQuestion { filter, range: Some(self.question.range), ..ContainersQuestion::default() };
        let many = self.reader.questions.containers(&asked)?.total > MANY_OTHERS;
        Ok(Points::AtMost(if many { FEW_POINTS } else { SOME_POINTS }))
    }

    /// What a study finds in a series.
    pub(super) fn studied(&self, job: &Job<'_>, one: One, selection: &Selection) -> Result<Studied, AskError> {
        let needs = job.study.about().needs;
        let words = Words { unit: one.unit };
        let limit = if needs == Needs::Limit { self.limit(&one, selection)? } else { None };
        let others = match needs {
            Needs::Others => self.others(&one, self.points(needs)?)?,
            Needs::Baseline => self.baseline(&one, selection)?,
            _ => Vec::new(),
        };
        let input = Input { limit: limit.as_ref(), others: &others, ..Input::of(&one.signal, &words) };
        let report = job.look(&input);
        Ok(Studied {
            readings: one.signal.len(),
            step_usec: one.signal.step_usec(),
            metric: Some(one.metric),
            unit: one.unit,
            labels: one.labels,
            findings: report.findings,
            notes: report.notes,
        })
    }

    /// What limits a metric.
    fn limit(&self, one: &One, selection: &Selection) -> Result<Option<Signal>, AskError> {
        let Some((first, last)) = one.signal.span() else { return Ok(None) };
        let constant = |value: f64| Signal::new(&[first, last], &[value, value]);
        let metric = match limit_of(&one.metric) {
            None => return Ok(None),
            Some(LimitOf::Percent) => return Ok(Some(constant(100.0))),
            Some(LimitOf::Metric(metric)) => metric,
        };
        let range = TimeRange { from: first.saturating_sub(1), to: last.saturating_add(1) };
        // No limit is no point, so there is no series without one.
        Ok(self.reader.all(&metric, selection, range)?.into_iter().next().map(|found| found.signal))
    }

    /// The same metric of everybody, the key metrics of the same workload or container, and the node's own. Where another
    /// container is named: that metric and the key metrics of it alone.
    fn others(&self, one: &One, points: Points) -> Result<Vec<(String, Signal)>, AskError> {
        if let Some(other) = self.question.against.container.as_deref().map(only) {
            let same = (!is_of_node(spec(&one.metric)?.table)).then_some(one.metric.as_str());
            let key = KEY_METRICS.iter().copied().filter(|metric| *metric != one.metric);
            return self.gathered(one, points, same.into_iter().chain(key).map(|metric| (metric, &other)));
        }
        let everybody = Selection::default();
        let workload = one.labels.get("workload").map(|workload| Selection {
            filter: Filter { workload: Some(workload.clone()), ..Filter::default() },
            ..Selection::default()
        });
        let own = workload.or_else(|| one.labels.get("container_id").map(|id| only(id)));
        let of_own = own.iter().flat_map(|own| KEY_METRICS.iter().map(move |metric| (*metric, own)));
        let of_node = NODE_METRICS.iter().map(|metric| (*metric, &everybody));
        self.gathered(one, points, std::iter::once((one.metric.as_str(), &everybody)).chain(of_own).chain(of_node))
    }

    /// These metrics of these, by name, but for the series itself.
    fn gathered<'s>(
        &self,
        one: &One,
        points: Points,
        wanted: impl Iterator<Item = (&'s str, &'s Selection)>,
    ) -> Result<Vec<(String, Signal)>, AskError> {
        let mut found: Vec<(String, Signal)> = Vec::new();
        for (metric, selection) in wanted {
            let series = self.reader.series(metric, selection, self.question.range, points)?;
            let others = series.into_iter().filter(|other| other.metric != one.metric || other.labels != one.labels);
            found.extend(others.map(|other| (other.named(), other.signal)));
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        found.dedup_by(|(a, _), (b, _)| a == b);
        found.truncate(MOST_OTHERS);
        Ok(found)
    }

    /// The same series at another time, or another container's.
    fn baseline(&self, one: &One, selection: &Selection) -> Result<Vec<(String, Signal)>, AskError> {
        let against = &self.question.against;
        let range = match (against.range, &against.container) {
            (Some(range), _) => range,
            (None, Some(_)) => self.question.range,
            // As long as the window, right before it.
            (None, None) => {
                let TimeRange { from, to } = self.question.range;
                TimeRange { from: from.saturating_sub(to - from), to: from }
            }
        };
        let selection = against.container.as_deref().map_or_else(|| selection.clone(), only);
        let found = counterpart(self.reader.all(&one.metric, &selection, range)?, one);
        Ok(found.into_iter().map(|found| (found.named(), found.signal)).collect())
    }
}

/// Of series of one container, or of the node, the one of the same device, interface or process; of a single one, that.
fn counterpart(found: Vec<One>, one: &One) -> Option<One> {
    let is_single = found.len() == 1;
    let is_same = |other: &One| PARTS.iter().all(|part| other.labels.get(part) == one.labels.get(part));
    found.into_iter().find(|other| is_single || is_same(other))
}

enum LimitOf {
    /// Another metric.
    Metric(String),
    /// Percent have 100.
    Percent,
}

/// What limits a metric, by its name.
fn limit_of(metric: &str) -> Option<LimitOf> {
    let (table, name) = metric.split_once('.').map_or(("", metric), |(table, name)| (table, name));
    let in_table = |name: &str| if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") };
    match (table, name) {
        ("" | "pods", "cpu_usage_cores") => Some(LimitOf::Metric(in_table("cpu_limit_cores"))),
        ("" | "pods", "pids_current") => Some(LimitOf::Metric(in_table("pids_max"))),
        ("" | "pods", name) if name.starts_with("memory_") && name.ends_with("_bytes") => {
            let is_limit =
                ["memory_max_bytes", "memory_high_bytes", "memory_low_bytes", "memory_min_bytes"].contains(&name);
            (!is_limit).then(|| LimitOf::Metric(in_table("memory_max_bytes")))
        }
        ("node", "memory_used_bytes") => Some(LimitOf::Metric("node.memory_total_bytes".to_owned())),
        (_, name) if name.ends_with("_percent") => Some(LimitOf::Percent),
        _ => None,
    }
}

/// What happened to a container in a range and shortly after it, in time order.
pub(in crate::service) fn happenings(
    recorded: &dyn Recorded,
    labels: &BTreeMap<&'static str, String>,
    range: TimeRange,
) -> Result<Vec<Happening>, AskError> {
    // A container that takes another one's place has the same names and another id.
    let named = ["namespace", "pod", "container"];
    let texts: BTreeMap<&'static str, String> = match named.iter().all(|name| labels.contains_key(name)) {
        true => named.iter().filter_map(|name| Some((*name, labels.get(name)?.clone()))).collect(),
        false => labels.get_key_value("container_id").map(|(name, id)| (*name, id.clone())).into_iter().collect(),
    };
    let filter = EventFilter { from: range.from, to: range.to, texts, limit: MOST_EVENTS, ..EventFilter::default() };
    let mut found: Vec<Happening> = recorded
        .events(&filter, filter.limit)
        .map_err(AskError::Failed)?
        .into_iter()
        .map(|mut event| Happening {
            time: event.time,
            kind: event.texts.remove("kind").unwrap_or_default(),
            is_own: event.texts.get("container_id") == labels.get("container_id"),
            message: event.texts.remove("message").unwrap_or_default(),
        })
        .collect();
    found.sort_by_key(|happening| happening.time);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(device: &str) -> One {
        One {
            metric: "disks.read_bytes_per_second".to_owned(),
            unit: "bytes/s",
            labels: [("device", device.to_owned())].into(),
            signal: Signal::default(),
            is_of_minutes: false,
        }
    }

    #[test]
    fn a_device_is_compared_with_itself() {
        let of = |found: &[&str]| {
            let found = counterpart(found.iter().map(|device| series(device)).collect(), &series("sdb"));
            found.map(|found| found.labels["device"].clone())
        };
        assert_eq!(of(&["sda", "sdb", "sdc"]).as_deref(), Some("sdb"));
        assert_eq!(of(&["sda", "sdc"]), None);
        assert_eq!(of(&["vda"]).as_deref(), Some("vda"), "another container's only one");
        assert_eq!(of(&[]), None);
    }
}
