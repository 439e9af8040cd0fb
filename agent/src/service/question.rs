//! Questions about recorded numbers, and their answers, as plain values; no formats of requests or replies.
//!
//! Times are microseconds since 1970, ranges include their start and exclude their end. The surprise: a series is either exact
//! points or buckets, never a mixture, and says which; a `NaN` is a gap, never a zero.

use std::collections::BTreeMap;

pub use crate::analysis::aggregate::Aggregate;
pub use crate::analysis::buckets::Buckets;
use crate::model::UnixMicros;
use crate::service::containers::Filter;

/// Series that one answer has at most.
pub const MAX_SERIES: usize = 2_000;
/// Points (or buckets) of all series of one answer at most.
pub const MAX_POINTS: usize = 5_000_000;
/// Metrics that one question names at most.
pub const MAX_METRICS: usize = 32;
/// Points of a series unless asked otherwise: more than a screen has pixels in width would show nothing new.
pub const DEFAULT_POINTS: usize = 1_000;
/// Entries of a `top` answer at most, and unless asked otherwise.
pub const MAX_TOP: usize = 1_000;
/// See [`MAX_TOP`].
pub const DEFAULT_TOP: usize = 10;

/// A time range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// Not before.
    pub from: UnixMicros,
    /// Before.
    pub to: UnixMicros,
}

/// Which containers belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// All of them.
    All,
    /// Those of a pod.
    Pod,
    /// Those of a namespace.
    Namespace,
    /// Without an aggregate: the instances of one container of a workload, one after the other, as one series.
    /// With one: all containers of a workload.
    Workload,
    /// Those of a node.
    Node,
    /// Those with one value of this label.
    Label(String),
}

/// Whose series are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// These containers, by id or by the beginning of one that is no other's; empty for all that pass the filter.
    pub containers: Vec<String>,
    /// Only those that pass.
    pub filter: Filter,
}

/// How exact the answer is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Points {
    /// Exact points where they are no more than this; else at most so many buckets.
    AtMost(usize),
    /// Every recorded point.
    All,
}

/// A question for series.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesQuestion {
    /// Names from the catalogue, stored or derived.
    pub metrics: Vec<String>,
    /// Whose.
    pub selection: Selection,
    /// When.
    pub range: TimeRange,
    /// How many points of each series.
    pub points: Points,
    /// How containers become one series; none for one series each.
    pub aggregate: Option<Aggregate>,
    /// Which belong together; none for each on its own, or for all where there is an aggregate.
    pub group: Option<GroupBy>,
}

/// An answer of series.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesAnswer {
    /// What was looked at.
    pub range: TimeRange,
    /// By metric as asked, then by subject.
    pub series: Vec<Series>,
    /// What is not as the asker may expect: a range beyond what is kept, readings that only rollups have.
    pub notes: Vec<String>,
    /// All of it lies in sealed files that no longer change: the same question has the same answer, until retention.
    pub is_sealed: bool,
}

/// A series.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The metric's name.
    pub metric: String,
    /// The unit of the values: `bytes`, `cores`, `percent`, `bytes/s`.
    pub unit: &'static str,
    /// Who it is: `container_id`, `pod`, `namespace`, `container`, `workload`, `node`, `interface`, `device`, `pid`, `comm`, or the
    /// group's own key; those that are known.
    pub labels: BTreeMap<&'static str, String>,
    /// The values.
    pub data: SeriesData,
    /// Where one instance of a joined series ends and the next begins.
    pub marks: Vec<Mark>,
}

/// The values of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum SeriesData {
    /// Every reading; a `NaN` marks a gap.
    Exact {
        /// When.
        times: Vec<UnixMicros>,
        /// What.
        values: Vec<f64>,
    },
    /// Buckets.
    Buckets(Buckets),
}

impl SeriesData {
    /// When, or the start of each bucket.
    #[must_use]
    pub fn times(&self) -> &[UnixMicros] {
        match self {
            Self::Exact { times, .. } => times,
            Self::Buckets(buckets) => &buckets.times,
        }
    }

    /// Leaves out everything up to a time.
    pub fn keep_after(&mut self, time: UnixMicros) {
        let gone = self.times().partition_point(|&known| known <= time);
        let cut = |values: &mut Vec<f64>| drop(values.drain(..gone.min(values.len())));
        match self {
            Self::Exact { times, values } => {
                times.drain(..gone);
                cut(values);
            }
            Self::Buckets(Buckets { times, min, max, mean, last, .. }) => {
                times.drain(..gone);
                [min, max, mean, last].into_iter().for_each(cut);
            }
        }
    }
}

/// The beginning of an instance in a joined series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its first reading.
    pub time: UnixMicros,
    /// The container that begins here.
    pub container_id: String,
}

/// What a `top` list is ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TopBy {
    /// The mean over the range.
    #[default]
    Mean,
    /// The largest value in the range.
    Max,
    /// The newest value in the range.
    Last,
}

/// A question for those with the largest values.
#[derive(Clone, Debug, PartialEq)]
pub struct TopQuestion {
    /// A name from the catalogue.
    pub metric: String,
    /// Among whom.
    pub selection: Selection,
    /// When.
    pub range: TimeRange,
    /// By what.
    pub by: TopBy,
    /// How many.
    pub limit: usize,
    /// Add up those that belong together first; none for each on its own.
    pub group: Option<GroupBy>,
}

/// Those with the largest values, the largest first.
#[derive(Clone, Debug, PartialEq)]
pub struct TopAnswer {
    /// The metric's name.
    pub metric: String,
    /// The unit of the values.
    pub unit: &'static str,
    /// What was looked at.
    pub range: TimeRange,
    /// The entries.
    pub entries: Vec<TopEntry>,
    /// How many had a value.
    pub total: usize,
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct TopEntry {
    /// As in [`Series::labels`].
    pub labels: BTreeMap<&'static str, String>,
    /// The least value in the range.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
    /// The newest.
    pub last: f64,
}

/// A question for the processes of a container at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessesQuestion {
    /// The container, by id or by the beginning of one that is no other's.
    pub container: String,
    /// The moment; processes are told as they were read last at or before it.
    pub at: UnixMicros,
}

/// The processes of a container, those that use most CPU first.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessesAnswer {
    /// The container.
    pub container_id: String,
    /// When they were read; none where no reading is near.
    pub time: Option<UnixMicros>,
    /// The processes.
    pub processes: Vec<ProcessEntry>,
}

/// A process as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessEntry {
    /// `comm`, `cmdline`.
    pub texts: BTreeMap<&'static str, String>,
    /// The columns of `processes` that have a value.
    pub numbers: BTreeMap<&'static str, i64>,
    /// CPU since the reading before, in cores; none without one.
    pub cpu_usage_cores: Option<f64>,
}

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Parquet, ZSTD.
    Parquet,
    /// Comma-separated values, times in RFC 3339, null as nothing.
    Csv,
    /// An Arrow IPC stream.
    ArrowStream,
}

/// A question for recorded rows as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportQuestion {
    /// The table's name, as on disk: `containers`, `processes`, ..., `containers_60s`.
    pub table: String,
    /// Only rows of these containers; for tables without containers, empty.
    pub selection: Selection,
    /// When.
    pub range: TimeRange,
    /// The columns by name; empty for all.
    pub columns: Vec<String>,
    /// In which format.
    pub format: ExportFormat,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum AskError {
    /// The asker's mistake (400).
    #[error("{0}")]
    Invalid(String),
    /// What is asked for is not there (404).
    #[error("{0}")]
    NotFound(String),
    /// The answer would be larger than it may (413).
    #[error("{0}")]
    TooMuch(String),
    /// It took longer than it may (503).
    #[error("{0}")]
    TooSlow(String),
    /// The agent could not (500); the sentence is for its log.
    #[error("{0}")]
    Failed(String),
}
