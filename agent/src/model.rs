//! What one sample is: ids, times, a row, a tick.
//!
//! Plain values; nothing here opens a file or knows how rows are stored. The surprise: the values of a tick's rows lie in
//! one flat vector ([`Tick::values`], [`Table::width`] per row) so that a pass over a thousand containers allocates twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metric::Column;
use crate::subject::Subject;
use crate::table::{MAX_WIDTH, Table};

/// Microseconds since 1970-01-01 UTC.
pub type UnixMicros = i64;

/// Microseconds in one hour; a sealed file never crosses a multiple of it.
pub const HOUR_USEC: i64 = 3_600_000_000;

/// A subject of this run of the agent, a container or a process or an event; numbers are never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesKey(pub u32);

/// Gives out keys; its clones give from the same numbers.
#[derive(Clone, Debug, Default)]
pub struct Keys(Arc<AtomicU32>);

impl Keys {
    /// A key that nobody has.
    #[must_use]
    pub fn next(&self) -> SeriesKey {
        SeriesKey(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// The Kubernetes quality-of-service class, as the cgroup path tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum QosClass {
    /// Requests equal limits for every container of the pod.
    Guaranteed,
    /// Some requests or limits.
    Burstable,
    /// None.
    BestEffort,
}

impl QosClass {
    /// The class in lower case, as in cgroup paths and in the `qos_class` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guaranteed => "guaranteed",
            Self::Burstable => "burstable",
            Self::BestEffort => "besteffort",
        }
    }
}

/// What kind of cgroup a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A container.
    Container,
    /// A pod's sandbox ("pause"): recorded, hidden by default in answers.
    Sandbox,
    /// Any other cgroup, under `--scope all`.
    Cgroup,
}

/// How a container of a pod came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ContainerKind {
    /// One of the pod's containers proper.
    Regular,
    /// Runs to its end before them.
    Init,
    /// An init container that goes on beside them (`restartPolicy: Always`, since Kubernetes 1.28).
    Sidecar,
    /// Added to the running pod for debugging.
    Ephemeral,
}

/// What a container asked for in its pod's spec; absent where it asked for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Resources {
    /// Reserved CPU, in thousandths of a core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_request_millicores: Option<u64>,
    /// Most CPU, in thousandths of a core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_limit_millicores: Option<u64>,
    /// Reserved memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_request_bytes: Option<u64>,
    /// Most memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit_bytes: Option<u64>,
}

impl Resources {
    /// Whether nothing was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Who a row is about: what a cgroup's path tells, and names once they are known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The runtime's container id; for a cgroup that is no container, its path.
    pub container_id: String,
    /// The cgroup's path below the hierarchy's root, with a leading slash.
    pub path: String,
    /// Container, sandbox, or another cgroup.
    pub role: Role,
    /// The container id of the nearest recorded cgroup above this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// The pod's uid, with dashes; a static pod's is the hash of its manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
    /// The QoS class that the path tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos_class: Option<QosClass>,
    /// The container runtime that the path tells: `containerd`, `crio`, `docker`, `podman`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// The pod's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The pod's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The container's name in its pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The workload that owns the pod, as `Kind/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// The container's image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// How it came to be in its pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ContainerKind>,
    /// How often the pod's container was started again before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_count: Option<u32>,
    /// Why the one before it ended, in the kubelet's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_reason: Option<String>,
    /// What its pod's spec asks for it.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
    /// The pod's labels, or those that the runtime keeps of a container without a pod.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl Identity {
    /// A cgroup of which nothing else is known.
    #[must_use]
    pub fn unnamed(container_id: impl Into<String>, path: impl Into<String>, role: Role) -> Self {
        Self {
            container_id: container_id.into(),
            path: path.into(),
            role,
            parent_id: None,
            pod_uid: None,
            qos_class: None,
            runtime: None,
            pod: None,
            namespace: None,
            container: None,
            workload: None,
            image: None,
            kind: None,
            restart_count: None,
            restart_reason: None,
            resources: Resources::default(),
            labels: BTreeMap::new(),
        }
    }
}

const WORDS: usize = MAX_WIDTH.div_ceil(64);

/// A set of a table's number columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ColumnSet(pub [u64; WORDS]);

impl ColumnSet {
    /// No column.
    pub const EMPTY: Self = Self([0; WORDS]);

    /// Adds a column below [`MAX_WIDTH`].
    pub fn insert(&mut self, column: Column) {
        self.0[column / 64] |= 1 << (column % 64);
    }

    /// Takes a column out.
    pub fn remove(&mut self, column: Column) {
        self.0[column / 64] &= !(1 << (column % 64));
    }

    /// Whether the column is in the set.
    #[must_use]
    pub fn contains(&self, column: Column) -> bool {
        self.0[column / 64] >> (column % 64) & 1 == 1
    }

    /// Whether the set has no column.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == [0; WORDS]
    }

    /// The columns of either set.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(word, more)| *word |= more);
        self
    }

    /// The columns of both sets.
    #[must_use]
    pub fn intersection(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(word, mask)| *word &= mask);
        self
    }

    /// The columns of this set that are not in the other.
    #[must_use]
    pub fn difference(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(word, less)| *word &= !less);
        self
    }

    /// The columns in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Column> + '_ {
        self.0.iter().enumerate().flat_map(|(index, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                (rest != 0).then(|| {
                    rest &= rest - 1;
                    index * 64 + bit
                })
            })
        })
    }
}

impl FromIterator<Column> for ColumnSet {
    fn from_iter<I: IntoIterator<Item = Column>>(columns: I) -> Self {
        let mut set = Self::EMPTY;
        columns.into_iter().for_each(|column| set.insert(column));
        set
    }
}

/// Why a container's column has no value, beside "not read in this tick".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Support {
    /// The kernel, the hierarchy or the container's controllers do not have it.
    pub unsupported: ColumnSet,
    /// It is there, but this process may not read it, or what it reads makes no sense.
    pub unreadable: ColumnSet,
}

/// One row without its values: who, when, and which columns were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Whose row it is.
    pub key: SeriesKey,
    /// The table of that subject.
    pub table: Table,
    /// When it was read.
    pub time: UnixMicros,
    /// Read after the container's last process had ended, and nothing ran in it afterwards: its totals are complete.
    pub is_final: bool,
    /// The columns that have a value; the others are null.
    pub present: ColumnSet,
}

/// What one pass of the sampler, or one birth or death between passes, hands on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tick {
    /// Subjects seen for the first time, each before its first row; or again, once more is known of them.
    pub births: Vec<(SeriesKey, Subject)>,
    /// Columns that a subject turned out not to have, or to have again.
    pub support: Vec<(SeriesKey, Support)>,
    /// The rows, in the order in which they were read.
    pub rows: Vec<Row>,
    /// The rows' values, [`Table::width`] per row; a value whose column is not in [`Row::present`] is 0 and means nothing.
    pub values: Vec<i64>,
    /// Subjects of which no more rows will come.
    pub deaths: Vec<SeriesKey>,
    /// The segment at hand ends before this tick: the wall clock jumped.
    pub seal: bool,
}

impl Tick {
    /// The rows with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&Row, &[i64])> {
        let mut rest = self.values.as_slice();
        self.rows.iter().map_while(move |row| {
            let (values, after) = rest.split_at_checked(row.table.width())?;
            rest = after;
            Some((row, values))
        })
    }

    /// Whether there is nothing to hand on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.births.is_empty() && self.support.is_empty() && self.rows.is_empty() && self.deaths.is_empty()
    }
}
