//! The replies that the service has no words for: answers about recorded numbers, as they look in JSON.
//!
//! Their schemas in `/api/openapi.json` are made from these types. The surprise: nobody serialises [`SeriesReply`] but a test,
//! which compares it with what `columnar.rs` writes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::http::columnar::{milliseconds, resolution_of, shown_as, whole, width_ms};
use crate::rfc3339;
use crate::service::question::{
    Mark, ProcessEntry, ProcessesAnswer, Series, SeriesAnswer, SeriesData, TopAnswer, TopEntry,
};

/// A number; null where there is no value.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(with = "Option<f64>", inline)]
pub(super) struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match whole(self.0) {
            Some(whole) => serializer.serialize_i64(whole),
            None => serializer.serialize_f64(self.0),
        }
    }
}

/// Who it is, as far as it is known: `container` (its id), `container_name`, `pod`, `namespace`, `workload`, `node`,
/// `interface`, `device`, `pid`, `comm`.
type Names = BTreeMap<&'static str, String>;

fn names(labels: &BTreeMap<&'static str, String>) -> Names {
    labels.iter().map(|(label, value)| (shown_as(label), value.clone())).collect()
}

/// Series.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SeriesReply {
    /// The first millisecond that was looked at.
    from: i64,
    /// The first millisecond after it.
    to: i64,
    /// By metric as asked, then by subject.
    series: Vec<SeriesEntry>,
    /// What is not as the asker may expect.
    notes: Vec<String>,
}

/// A series: exact points in `t` and `v`, or buckets in `t`, `min`, `max`, `mean` and `last`, all of the same length.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Series")]
struct SeriesEntry {
    /// The metric's name.
    metric: String,
    /// The unit of the values.
    unit: String,
    #[serde(flatten)]
    names: Names,
    /// `raw` for exact points, `bucket` for buckets of them, `60s` for buckets of minutes.
    resolution: String,
    /// How wide a bucket is.
    #[serde(skip_serializing_if = "Option::is_none")]
    width_ms: Option<Number>,
    /// When, in milliseconds since 1970; the start of a bucket.
    t: Vec<i64>,
    /// The values.
    #[serde(skip_serializing_if = "Option::is_none")]
    v: Option<Vec<Number>>,
    /// The least value in each bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Vec<Number>>,
    /// The largest.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Vec<Number>>,
    /// The mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<Vec<Number>>,
    /// The last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Vec<Number>>,
    /// Where instances begin in a joined series.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    marks: Vec<MarkEntry>,
}

/// Where an instance begins.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Mark")]
struct MarkEntry {
    /// Its first reading, in milliseconds since 1970.
    t: i64,
    /// The container's id.
    container: String,
}

impl From<&SeriesAnswer> for SeriesReply {
    fn from(answer: &SeriesAnswer) -> Self {
        Self {
            from: milliseconds(answer.range.from),
            to: milliseconds(answer.range.to),
            series: answer.series.iter().map(SeriesEntry::from).collect(),
            notes: answer.notes.clone(),
        }
    }
}

impl From<&Series> for SeriesEntry {
    fn from(series: &Series) -> Self {
        let numbers = |values: &[f64]| Some(values.iter().copied().map(Number).collect());
        let mark = |mark: &Mark| MarkEntry { t: milliseconds(mark.time), container: mark.container_id.clone() };
        let empty = Self {
            metric: series.metric.clone(),
            unit: series.unit.to_owned(),
            names: names(&series.labels),
            resolution: "raw".to_owned(),
            width_ms: None,
            t: Vec::new(),
            v: None,
            min: None,
            max: None,
            mean: None,
            last: None,
            marks: series.marks.iter().map(mark).collect(),
        };
        match &series.data {
            SeriesData::Exact { times, values } => {
                Self { t: times.iter().copied().map(milliseconds).collect(), v: numbers(values), ..empty }
            }
            SeriesData::Buckets(buckets) => Self {
                resolution: resolution_of(buckets).to_owned(),
                width_ms: Some(Number(width_ms(buckets))),
                t: buckets.times.iter().copied().map(milliseconds).collect(),
                min: numbers(&buckets.min),
                max: numbers(&buckets.max),
                mean: numbers(&buckets.mean),
                last: numbers(&buckets.last),
                ..empty
            },
        }
    }
}

/// Those with the largest values, the largest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TopReply {
    /// The metric's name.
    metric: String,
    /// The unit of the values.
    unit: String,
    /// The first millisecond that was looked at.
    from: i64,
    /// The first millisecond after it.
    to: i64,
    /// Those with the largest values.
    entries: Vec<TopReplyEntry>,
    /// How many had a value.
    total: usize,
}

/// One of them.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TopEntry")]
struct TopReplyEntry {
    #[serde(flatten)]
    names: Names,
    /// The least value in the range.
    min: Number,
    /// The largest.
    max: Number,
    /// The mean.
    mean: Number,
    /// The newest.
    last: Number,
}

impl From<&TopAnswer> for TopReply {
    fn from(answer: &TopAnswer) -> Self {
        let entry = |entry: &TopEntry| TopReplyEntry {
            names: names(&entry.labels),
            min: Number(entry.min),
            max: Number(entry.max),
            mean: Number(entry.mean),
            last: Number(entry.last),
        };
        Self {
            metric: answer.metric.clone(),
            unit: answer.unit.to_owned(),
            from: milliseconds(answer.range.from),
            to: milliseconds(answer.range.to),
            entries: answer.entries.iter().map(entry).collect(),
            total: answer.total,
        }
    }
}

/// The processes of a container at a moment, those that use most CPU first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ProcessesReply {
    /// The container's id.
    container: String,
    /// When they were read; null where no reading is near.
    time: Option<String>,
    /// The processes.
    processes: Vec<ProcessReplyEntry>,
}

/// A process.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Process")]
struct ProcessReplyEntry {
    /// Its name, as the kernel has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    comm: Option<String>,
    /// Its command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    cmdline: Option<String>,
    /// CPU since the reading before; null without one.
    cpu_usage_cores: Option<Number>,
    /// The columns of the table `processes` that have a value.
    #[serde(flatten)]
    numbers: BTreeMap<&'static str, i64>,
}

impl From<ProcessesAnswer> for ProcessesReply {
    fn from(answer: ProcessesAnswer) -> Self {
        let entry = |mut entry: ProcessEntry| ProcessReplyEntry {
            comm: entry.texts.remove("comm"),
            cmdline: entry.texts.remove("cmdline"),
            cpu_usage_cores: entry.cpu_usage_cores.map(Number),
            numbers: entry.numbers,
        };
        Self {
            container: answer.container_id,
            time: answer.time.map(rfc3339::format),
            processes: answer.processes.into_iter().map(entry).collect(),
        }
    }
}
