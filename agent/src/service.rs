//! Every answer the product can give, whoever asks: HTTP today, other doors later.
//!
//! Knows nothing of sockets, formats of requests or files: what was recorded comes through [`Recorded`], what was found
//! out at start through [`FactsCell`], what was counted through [`Counters`]. Answers are plain serialisable values.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

pub mod answers;
pub mod asking;
pub mod catalogue;
pub mod containers;
pub mod events;
pub mod facts;
pub mod filters;
pub mod instance;
pub mod link;
pub mod question;
pub mod study;
pub mod studying;
pub mod summary;

use crate::health::{BUCKETS_SECONDS, Counters, HistogramValue};
use crate::metric::Column;
use crate::model::{ColumnSet, Identity, Role, UnixMicros};
use crate::own_metrics::{OwnValue, own_metrics};
use crate::own_use::OwnUse;
use crate::rfc3339;
use crate::scan::{Block, Scan, ScanCost, ScanError, Stretch};
use crate::table::Table;
use answers::Questions;
use events::{EventFilter, EventsReply, RecordedEvent};
use facts::{Facts, FactsCell};
use instance::InstanceReply;
use question::{AskError, ExportQuestion, TimeRange};

/// What has been recorded, as the store's reading side tells it. Called from blocking threads, never from async ones.
pub trait Recorded: Send + Sync {
    /// The last known values of every living container.
    fn latest(&self) -> Vec<LatestContainer>;
    /// Every container of which rows are kept, in any order.
    fn containers(&self) -> Vec<ContainerSummary>;
    /// The newest events that pass, at most `limit`, newest first; or why they can't be read.
    ///
    /// # Errors
    /// A file is damaged.
    fn events(&self, filter: &EventFilter, limit: usize) -> Result<Vec<RecordedEvent>, String>;
    /// The store's own account of itself: directory, files, bytes, last error.
    fn status(&self) -> Value;
    /// Reads rows and hands them to `visit`.
    ///
    /// # Errors
    /// See [`ScanError`]; what `visit` says ends the scan, too.
    fn scan(
        &self,
        scan: &Scan,
        visit: &mut dyn FnMut(&Block<'_>) -> Result<(), ScanError>,
    ) -> Result<ScanCost, ScanError>;
    /// The stretches of a range, in order, each with the resolution in which it is best read.
    fn stretches(&self, table: Table, range: TimeRange) -> Vec<Stretch>;
    /// Every container of the hours of a range of which only rollups are left.
    ///
    /// # Errors
    /// See [`ScanError`].
    fn containers_of_rollups(&self, range: TimeRange) -> Result<Vec<ContainerSummary>, ScanError>;
    /// From the first row that is kept to after the last one; none without rows.
    fn span(&self) -> Option<TimeRange>;
    /// All rows before this time are in sealed files; none without files.
    fn sealed_until(&self) -> Option<UnixMicros>;
    /// The sampling interval, in microseconds.
    fn interval_usec(&self) -> i64;
    /// A number that grows with every tick that is held.
    fn ticks(&self) -> u64;
    /// Writes rows as they are read; only of these containers (or pods), where there are ids.
    ///
    /// # Errors
    /// As [`AskError`] says.
    fn export(
        &self,
        question: &ExportQuestion,
        ids: Option<Vec<String>>,
        out: &mut (dyn Write + Send),
    ) -> Result<(), AskError>;
}

/// A container's last known values.
#[derive(Clone, Debug)]
pub struct LatestContainer {
    /// Whose values.
    pub identity: Arc<Identity>,
    /// When its last row was read.
    pub time: UnixMicros,
    /// The columns that ever had a value.
    pub seen: ColumnSet,
    /// The last known value of each column, all [`crate::metric::COLUMNS`] of them; valid where `seen`.
    pub values: Box<[i64]>,
}

impl LatestContainer {
    /// The last known value of a column.
    #[must_use]
    pub fn value(&self, column: Column) -> Option<i64> {
        self.seen.contains(column).then(|| self.values.get(column).copied()).flatten()
    }
}

/// A container of which rows are kept.
#[derive(Clone, Debug)]
pub struct ContainerSummary {
    /// Who it is.
    pub identity: Arc<Identity>,
    /// The node that it runs on.
    pub node: Arc<str>,
    /// The time of its first row that is kept.
    pub first_seen: UnixMicros,
    /// The time of its last row.
    pub last_seen: UnixMicros,
    /// Whether more rows are to come.
    pub alive: bool,
}

impl ContainerSummary {
    /// Whether there may be rows of it in a range.
    #[must_use]
    pub fn is_seen_in(&self, range: TimeRange) -> bool {
        self.first_seen < range.to && self.last_seen >= range.from
    }
}

/// Whether the agent does its job yet: not before the first tick is stored, and always after.
#[derive(Debug, Default)]
pub struct Readiness(AtomicBool);

impl Readiness {
    /// Latches; there is no way back.
    pub fn set(&self) {
        self.0.store(true, Relaxed);
    }

    /// Whether the first tick is stored.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// Reads what the agent itself costs.
pub type OwnUseSource = Box<dyn Fn() -> OwnUse + Send + Sync>;

/// The answers, and where they come from.
pub struct Service {
    /// What has been recorded.
    pub recorded: Arc<dyn Recorded>,
    /// Who answers questions about it.
    pub questions: Arc<dyn Questions>,
    /// What was found out at start, and since.
    pub facts: Arc<FactsCell>,
    /// What was counted.
    pub counters: Arc<Counters>,
    /// What the agent itself costs.
    pub own_use: OwnUseSource,
    /// Whether the first tick is stored.
    pub readiness: Arc<Readiness>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("readiness", &self.readiness).finish_non_exhaustive()
    }
}

/// The short answer about the agent.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HealthReply {
    /// `ok`, or `starting` until the first tick is stored.
    pub status: &'static str,
    /// Whether the first tick is stored.
    pub ready: bool,
    /// The agent's version.
    pub version: String,
    /// The git revision it was built from.
    pub revision: String,
    /// This run's id.
    pub run_id: String,
    /// The node's name.
    pub node: String,
    /// When this run began.
    pub started: String,
}

/// The long answer about the agent.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatusReply {
    /// Whether the first tick is stored.
    pub ready: bool,
    /// What was found out at start, and since.
    pub agent: Facts,
    /// The agent's own counters, named as in `/metrics` without the prefix.
    pub counters: Map<String, Value>,
    /// What the agent itself costs.
    pub own_use: OwnUse,
    /// The store's own account of itself.
    pub store: Value,
}

impl Service {
    /// Whether the agent does its job, and who it is.
    #[must_use]
    pub fn health(&self) -> HealthReply {
        let (facts, ready) = (self.facts.get(), self.readiness.is_set());
        HealthReply {
            status: if ready { "ok" } else { "starting" },
            ready,
            version: facts.version.clone(),
            revision: facts.revision.clone(),
            run_id: facts.run_id.clone(),
            node: facts.node.clone(),
            started: rfc3339::format(facts.started),
        }
    }

    /// Everything about the agent.
    #[must_use]
    pub fn status(&self) -> StatusReply {
        StatusReply {
            ready: self.readiness.is_set(),
            agent: Arc::unwrap_or_clone(self.facts.get()),
            counters: counters(&self.counters),
            own_use: (self.own_use)(),
            store: self.recorded.status(),
        }
    }

    /// Who answers, since when, what is recorded.
    #[must_use]
    pub fn instance(&self) -> InstanceReply {
        instance::reply(&self.facts.get(), self.questions.recorded_span())
    }

    /// What happened, newest first.
    ///
    /// # Errors
    /// A file is damaged.
    pub fn events(&self, filter: &EventFilter) -> Result<EventsReply, String> {
        Ok(events::reply(self.recorded.events(filter, filter.limit + 1)?, filter.limit))
    }

    /// The last known values of every living container that answers show, at most one per cgroup path.
    ///
    /// Two runs of one systemd service share a path; shown twice, Prometheus would refuse the whole scrape.
    #[must_use]
    pub fn latest(&self) -> Vec<LatestContainer> {
        let mut latest = self.recorded.latest();
        latest.retain(|container| container.identity.role != Role::Sandbox);
        latest.sort_by(|a, b| a.identity.path.cmp(&b.identity.path).then(b.time.cmp(&a.time)));
        latest.dedup_by(|later, kept| later.identity.path == kept.identity.path);
        latest
    }
}

fn counters(counters: &Counters) -> Map<String, Value> {
    let short = |name: &'static str| name.strip_prefix("fgm_").unwrap_or(name).to_owned();
    own_metrics(counters).into_iter().map(|metric| (short(metric.name), own_value(&metric.value))).collect()
}

fn own_value(value: &OwnValue) -> Value {
    match value {
        OwnValue::Counter(n) | OwnValue::Gauge(n) => json!(n),
        OwnValue::Seconds(seconds) => json!(seconds),
        OwnValue::Histogram(histogram) => json!({
            "count": histogram.counts.iter().sum::<u64>(),
            "sum": histogram.sum_seconds,
            "p50_at_most": quantile_bound(histogram, 50),
            "p99_at_most": quantile_bound(histogram, 99),
        }),
        OwnValue::ByLabel(_, values) => values.iter().map(|&(label, n)| (label.to_owned(), json!(n))).collect(),
    }
}

/// The upper bound of the bucket in which the quantile lies; none without observations, or above the last bound.
fn quantile_bound(histogram: &HistogramValue, percent: u64) -> Option<f64> {
    let total: u64 = histogram.counts.iter().sum();
    let rank = (total.saturating_mul(percent)).div_ceil(100).max(1);
    let mut below = 0;
    let bucket = histogram.counts.iter().position(|count| {
        below += count;
        below >= rank
    })?;
    BUCKETS_SECONDS.get(bucket).copied()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::health::Histogram;

    #[test]
    fn readiness_latches() {
        let readiness = Readiness::default();
        assert!(!readiness.is_set());
        readiness.set();
        readiness.set();
        assert!(readiness.is_set());
    }

    #[test]
    fn a_quantile_is_bounded_by_its_bucket() {
        let histogram = Histogram::default();
        assert_eq!(quantile_bound(&histogram.value(), 50), None);
        (0..99).for_each(|_| histogram.observe(Duration::from_micros(700)));
        histogram.observe(Duration::from_secs(5));
        assert_eq!(quantile_bound(&histogram.value(), 50), Some(0.001));
        assert_eq!(quantile_bound(&histogram.value(), 99), Some(0.001));
        assert_eq!(quantile_bound(&histogram.value(), 100), None);
    }

    #[test]
    fn a_value_that_was_never_seen_is_absent() {
        let identity = Identity::unnamed("a", "/a", Role::Container);
        let latest = LatestContainer {
            identity: Arc::new(identity),
            time: 0,
            seen: std::iter::once(1).collect(),
            values: [7, 8].into(),
        };
        assert_eq!((latest.value(0), latest.value(1)), (None, Some(8)));
    }
}
