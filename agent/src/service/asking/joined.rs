//! The instances of one container of one workload as one series, restart after restart.
//!
//! Instances that run side by side (replicas) make a series each. The surprise: which instance goes on which other one is
//! decided by their times alone, because nothing else tells it: a new pod of a Deployment has a new name.

use std::collections::{BTreeMap, HashMap};

use super::chosen::chosen;
use super::labels::Labels;
use super::{Asking, Fault, separate};
use crate::analysis::lanes::{Instance, lanes};
use crate::scan::Budget;
use crate::service::ContainerSummary;
use crate::service::question::{Buckets, Mark, Series, SeriesAnswer, SeriesData, SeriesQuestion};

/// A container of a workload: namespace, workload, container.
type Key = (Option<String>, Option<String>, Option<String>);

/// Answers a question for series by workload without an aggregate.
pub(super) fn answer(asking: &Asking, question: &SeriesQuestion, budget: Budget) -> Result<SeriesAnswer, Fault> {
    let chosen = chosen(asking, &question.selection, question.range)?;
    let mut answer = separate::answer(asking, &SeriesQuestion { group: None, ..question.clone() }, budget)?;
    let lane_of = lane_of(&chosen);
    let mut joined: BTreeMap<(String, (Key, usize)), Vec<Series>> = BTreeMap::new();
    let mut apart = Vec::new();
    for series in answer.series {
        let lane = series.labels.get("container_id").and_then(|id| lane_of.get(id));
        match lane {
            // A process or a device of an instance has no successor.
            Some(lane) if series.labels.keys().all(|name| JOINED.contains(name)) => {
                joined.entry((series.metric.clone(), lane.clone())).or_default().push(series);
            }
            _ => apart.push(series),
        }
    }
    answer.series = joined.into_iter().map(|((_, (_, lane)), series)| join(series, lane)).chain(apart).collect();
    Ok(answer)
}

/// The labels of a container's own series.
const JOINED: &[&str] = &["node", "container_id", "container", "pod_uid", "pod", "namespace", "workload"];

/// The lane of each instance that belongs to a workload.
fn lane_of(chosen: &[ContainerSummary]) -> HashMap<String, (Key, usize)> {
    let mut by_key: HashMap<Key, Vec<Instance<String>>> = HashMap::new();
    for summary in chosen.iter().filter(|summary| summary.identity.workload.is_some()) {
        let identity = &summary.identity;
        let key = (identity.namespace.clone(), identity.workload.clone(), identity.container.clone());
        let (first, last) = (summary.first_seen, summary.last_seen);
        by_key.entry(key).or_default().push(Instance { id: identity.container_id.clone(), first, last });
    }
    let lanes = by_key.into_iter().flat_map(|(key, instances)| {
        let lanes = lanes(instances).into_iter().enumerate();
        lanes.flat_map(move |(number, lane)| {
            let key = key.clone();
            lane.into_iter().map(move |instance| (instance.id, (key.clone(), number)))
        })
    });
    lanes.collect()
}

fn begin(data: &SeriesData) -> i64 {
    let times = match data {
        SeriesData::Exact { times, .. } => times,
        SeriesData::Buckets(buckets) => &buckets.times,
    };
    times.first().copied().unwrap_or(i64::MAX)
}

fn join(mut instances: Vec<Series>, lane: usize) -> Series {
    instances.sort_by_key(|series| begin(&series.data));
    let marks = instances
        .iter()
        .filter_map(|series| {
            let container_id = series.labels.get("container_id")?.clone();
            Some(Mark { time: begin(&series.data), container_id })
        })
        .collect();
    let mut instances = instances.into_iter();
    let Some(mut joined) = instances.next() else { return empty() };
    // What every instance has in common; the rest is in the marks.
    let mut labels: Labels = joined.labels.clone();
    for series in instances {
        labels.retain(|name, value| series.labels.get(name) == Some(value));
        append(&mut joined.data, series.data);
    }
    labels.remove("container_id");
    labels.insert("instance", (lane + 1).to_string());
    Series { labels, marks, ..joined }
}

fn empty() -> Series {
    let data = SeriesData::Exact { times: Vec::new(), values: Vec::new() };
    Series { metric: String::new(), unit: "", labels: Labels::new(), data, marks: Vec::new() }
}

/// Puts the next instance's values behind: nothing goes from one to the other.
fn append(data: &mut SeriesData, next: SeriesData) {
    match (data, next) {
        (SeriesData::Exact { times, values }, SeriesData::Exact { times: more_times, values: more }) => {
            gap(times, more_times.first(), |_| values.push(f64::NAN));
            times.extend(more_times);
            values.extend(more);
        }
        (SeriesData::Buckets(buckets), SeriesData::Buckets(more)) => append_buckets(buckets, more),
        // One of them is short enough to be exact: as buckets of no width it fits behind the other.
        (SeriesData::Buckets(buckets), SeriesData::Exact { times, values }) => {
            append_buckets(buckets, as_buckets(times, values, buckets.width_usec));
        }
        (data @ SeriesData::Exact { .. }, SeriesData::Buckets(more)) => {
            let before = std::mem::replace(data, SeriesData::Buckets(Buckets::default()));
            if let SeriesData::Exact { times, values } = before {
                let mut buckets = as_buckets(times, values, more.width_usec);
                append_buckets(&mut buckets, more);
                *data = SeriesData::Buckets(buckets);
            }
        }
    }
}

/// Puts a time between the last one and the next, if there is room.
fn gap(times: &mut Vec<i64>, next: Option<&i64>, mut push: impl FnMut(i64)) {
    if let (Some(&last), Some(&next)) = (times.last(), next)
        && next - last > 1
    {
        let between = last + (next - last) / 2;
        times.push(between);
        push(between);
    }
}

fn as_buckets(times: Vec<i64>, values: Vec<f64>, width_usec: i64) -> Buckets {
    let mut buckets = Buckets { width_usec, ..Buckets::default() };
    for (time, value) in times.into_iter().zip(values) {
        let start = time - time.rem_euclid(width_usec.max(1));
        fold(&mut buckets, start, [value; 4]);
    }
    buckets
}

fn append_buckets(buckets: &mut Buckets, more: Buckets) {
    buckets.from_rollups |= more.from_rollups;
    for (at, time) in more.times.into_iter().enumerate() {
        fold(buckets, time, [more.min[at], more.max[at], more.mean[at], more.last[at]]);
    }
}

/// Adds a bucket, into the last one where both are of one time: instances change within it.
fn fold(buckets: &mut Buckets, time: i64, [min, max, mean, last]: [f64; 4]) {
    let at = buckets.times.len();
    if buckets.times.last() == Some(&time) && !mean.is_nan() && !buckets.mean[at - 1].is_nan() {
        let at = at - 1;
        buckets.min[at] = buckets.min[at].min(min);
        buckets.max[at] = buckets.max[at].max(max);
        buckets.mean[at] = f64::midpoint(buckets.mean[at], mean);
        buckets.last[at] = last;
        return;
    }
    buckets.times.push(time);
    buckets.min.push(min);
    buckets.max.push(max);
    buckets.mean.push(mean);
    buckets.last.push(last);
}
