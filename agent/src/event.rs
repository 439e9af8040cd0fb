//! What can happen, and how it becomes a row of the `events` table.
//!
//! Pure. The list of kinds is here and nowhere else; which numbers an event carries is in `table/events.rs`.

use std::sync::Arc;
use std::time::Duration;

use crate::human;
use crate::metric::{Metric, UNLIMITED, Unit};
use crate::model::{Row, SeriesKey, Tick, UnixMicros};
use crate::subject::{Event, Owner, Subject};
use crate::table::Table;

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The agent began to sample.
    AgentStart,
    /// The agent was asked to stop.
    AgentStop,
    /// A container appeared while the agent ran.
    ContainerStart,
    /// A container's cgroup is gone; with what it used in its life.
    ContainerStop,
    /// The kubelet says why a container ended.
    ContainerTerminated,
    /// A container took the place of an earlier one of the same name in the same pod.
    ContainerRestart,
    /// The kernel killed a process for memory.
    OomKill,
    /// A limit was changed.
    LimitChange,
    /// A container ran into its CPU quota after a while without.
    ThrottlingBegin,
    /// A container has not run into its CPU quota for a while.
    ThrottlingEnd,
    /// Samples were not taken at their time.
    MissedTicks,
    /// Some readings are left out to keep within the CPU budget.
    ReadsShed,
    /// Readings that were left out are made again.
    ReadsResumed,
    /// The CPU budget in force is another one: what is read at every tick needs more than was asked for, or no longer does.
    BudgetChange,
    /// The wall clock jumped, or the machine slept.
    ClockStep,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::AgentStart,
        Self::AgentStop,
        Self::ContainerStart,
        Self::ContainerStop,
        Self::ContainerTerminated,
        Self::ContainerRestart,
        Self::OomKill,
        Self::LimitChange,
        Self::ThrottlingBegin,
        Self::ThrottlingEnd,
        Self::MissedTicks,
        Self::ReadsShed,
        Self::ReadsResumed,
        Self::BudgetChange,
        Self::ClockStep,
    ];

    /// The kind's name in the table and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgentStart => "agent_start",
            Self::AgentStop => "agent_stop",
            Self::ContainerStart => "container_start",
            Self::ContainerStop => "container_stop",
            Self::ContainerTerminated => "container_terminated",
            Self::ContainerRestart => "container_restart",
            Self::OomKill => "oom_kill",
            Self::LimitChange => "limit_change",
            Self::ThrottlingBegin => "throttling_begin",
            Self::ThrottlingEnd => "throttling_end",
            Self::MissedTicks => "missed_ticks",
            Self::ReadsShed => "reads_shed",
            Self::ReadsResumed => "reads_resumed",
            Self::BudgetChange => "budget_change",
            Self::ClockStep => "clock_step",
        }
    }

    /// What it says, for people.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Self::AgentStart => "The agent began to sample; the time before is not covered",
            Self::AgentStop => "The agent was asked to stop",
            Self::ContainerStart => "A container appeared while the agent ran",
            Self::ContainerStop => "A container's cgroup is gone; the numbers are what it used in its life",
            Self::ContainerTerminated => "The kubelet says why a container ended: reason and exit_code",
            Self::ContainerRestart => {
                "A container took the place of an earlier one of its name in its pod; count is the number of restarts"
            }
            Self::OomKill => {
                "The kernel killed count processes for memory; pid and comm of the first, where the kernel log can be read"
            }
            Self::LimitChange => "metric changed from old_value to new_value; null is no limit",
            Self::ThrottlingBegin => "A container ran into its CPU quota after at least 5 s without",
            Self::ThrottlingEnd => {
                "No throttled period for 5 s, or the end of the container: count periods and throttled_usec in duration_usec"
            }
            Self::MissedTicks => "count samples of every container were not taken",
            Self::ReadsShed => "Readings are left out to keep within the CPU budget; new_value is the level",
            Self::ReadsResumed => "Readings that were left out are made again; new_value is the level",
            Self::BudgetChange => {
                "The CPU budget in force, microseconds of CPU time per second: raised because what is read at every tick alone needs more, or lowered again"
            }
            Self::ClockStep => "The wall clock jumped by new_value - old_value microseconds, or the machine slept",
        }
    }
}

/// An event being put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    kind: Kind,
    time: UnixMicros,
    owner: Owner,
    comm: Option<String>,
    reason: Option<String>,
    metric: Option<String>,
    message: String,
    numbers: Vec<(&'static str, i64)>,
}

impl Draft {
    /// An event with nothing but its time and a sentence.
    #[must_use]
    pub fn new(kind: Kind, time: UnixMicros, message: impl Into<String>) -> Self {
        let (comm, reason, metric) = (None, None, None);
        Self { kind, time, owner: Owner::default(), comm, reason, metric, message: message.into(), numbers: Vec::new() }
    }

    /// A limit changed, from one value of its column to another.
    #[must_use]
    pub fn limit_change(time: UnixMicros, metric: &Metric, old: i64, new: i64) -> Self {
        let known = |limit: i64| Some(limit).filter(|&limit| limit != UNLIMITED);
        let told = |limit: i64| match (known(limit), u64::try_from(limit)) {
            (None, _) => "no limit".to_owned(),
            (_, Ok(bytes)) if metric.unit == Unit::Bytes => human::format_size(bytes),
            (_, Ok(usec)) if metric.unit == Unit::Usec => human::format_duration(Duration::from_micros(usec)),
            _ => limit.to_string(),
        };
        let message = format!("{} changed from {} to {}", metric.name, told(old), told(new));
        let draft = Self::new(Kind::LimitChange, time, message).metric(metric.name);
        draft.number("old_value", known(old)).number("new_value", known(new))
    }

    /// A container is throttled in so many periods after a while without.
    #[must_use]
    pub fn throttling_begin(time: UnixMicros, periods: i64) -> Self {
        let message = format!("throttled in {periods} {}, after at least 5 s without", word_for(periods));
        Self::new(Kind::ThrottlingBegin, time, message).metric("cpu_nr_throttled").number("count", periods)
    }

    /// The throttling that lasted for so long is over.
    #[must_use]
    pub fn throttling_end(time: UnixMicros, periods: i64, duration_usec: i64) -> Self {
        let seconds = duration_usec as f64 / 1e6;
        let word = word_for(periods);
        let message = format!("no longer throttled, after {periods} throttled {word} in {seconds:.1} s");
        let draft = Self::new(Kind::ThrottlingEnd, time, message).metric("cpu_nr_throttled");
        draft.number("count", periods).number("duration_usec", duration_usec)
    }

    /// The container or pod that it happened to.
    #[must_use]
    pub fn of(mut self, owner: Owner) -> Self {
        self.owner = owner;
        self
    }

    /// The name of the process that it happened to.
    #[must_use]
    pub fn comm(mut self, comm: Option<String>) -> Self {
        self.comm = comm;
        self
    }

    /// Why, in the kubelet's or the kernel's word.
    #[must_use]
    pub fn reason(mut self, reason: Option<String>) -> Self {
        self.reason = reason;
        self
    }

    /// The column that it is about.
    #[must_use]
    pub fn metric(mut self, name: &str) -> Self {
        self.metric = Some(name.to_owned());
        self
    }

    /// One of the numbers of `table/events.rs`, where it is known.
    #[must_use]
    pub fn number(mut self, name: &'static str, value: impl Into<Option<i64>>) -> Self {
        self.numbers.extend(value.into().map(|value| (name, value)));
        self
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Puts it into a tick under a key of its own.
    pub fn put(self, key: SeriesKey, tick: &mut Tick) {
        let event = Event {
            time: self.time,
            sequence: u64::from(key.0),
            kind: self.kind.as_str().to_owned(),
            owner: self.owner,
            comm: self.comm,
            reason: self.reason,
            metric: self.metric,
            message: self.message,
        };
        let table = Table::Events;
        let known = self.numbers.iter().filter_map(|&(name, value)| Some((table.column(name)?, value)));
        let start = tick.values.len();
        tick.values.resize(start + table.width(), 0);
        let present = known
            .map(|(column, value)| {
                tick.values[start + column] = value;
                column
            })
            .collect();
        tick.births.push((key, Subject::Event(Arc::new(event))));
        tick.rows.push(Row { key, table, time: self.time, is_final: false, present });
        tick.deaths.push(key);
    }
}

fn word_for(periods: i64) -> &'static str {
    if periods == 1 { "period" } else { "periods" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::METRICS;

    #[test]
    fn a_draft_becomes_one_row_with_its_numbers() {
        let mut tick = Tick::default();
        let draft = Draft::new(Kind::OomKill, 7, "tail was killed").number("count", 1).number("pid", None);
        draft.put(SeriesKey(3), &mut tick);
        let (row, values) = tick.iter().next().expect("a row");
        let column = |name| Table::Events.column(name).expect("a column");
        assert_eq!((row.key, row.table, row.time), (SeriesKey(3), Table::Events, 7));
        assert_eq!(row.present.iter().collect::<Vec<_>>(), [column("count")]);
        assert_eq!(values[column("count")], 1);
        assert_eq!((tick.births.len(), &*tick.deaths), (1, &[SeriesKey(3)][..]));
        assert!(matches!(&tick.births[0].1, Subject::Event(event) if event.kind == "oom_kill" && event.sequence == 3));
    }

    #[test]
    fn limits_and_times_are_told_in_units_that_people_read() {
        let metric = |name: &str| METRICS.iter().find(|metric| metric.name == name).expect("a metric");
        let told = |name: &str, old, new| Draft::limit_change(7, metric(name), old, new).message;
        assert_eq!(told("memory_max_bytes", 32 << 20, UNLIMITED), "memory_max_bytes changed from 32MiB to no limit");
        assert_eq!(told("cpu_quota_usec", 50_000, 1_500_000), "cpu_quota_usec changed from 50ms to 1500ms");
        assert_eq!(told("pids_max", 100, 200), "pids_max changed from 100 to 200");
        assert_eq!(Draft::throttling_begin(7, 1).message, "throttled in 1 period, after at least 5 s without");
        let end = Draft::throttling_end(7, 1751, 174_000_499).message;
        assert_eq!(end, "no longer throttled, after 1751 throttled periods in 174.0 s");
    }

    #[test]
    fn every_kind_has_a_name_of_its_own_and_a_sentence() {
        let mut names = Kind::ALL.map(Kind::as_str);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(Kind::ALL.iter().all(|kind| !kind.help().is_empty() && !kind.help().ends_with('.')));
    }
}
