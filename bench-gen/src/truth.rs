//! What was planted, as `truth.json` says it, so that analyses can be scored.
//!
//! Only what was really written is in it: a change while nobody was sampled is none. Times are microseconds since 1970.

use fgm_agent::model::{Identity, UnixMicros};
use serde::{Deserialize, Serialize};

/// The file's name, in the data directory.
pub const FILE: &str = "truth.json";

/// The version of the file's form.
pub const FORMAT: u32 = 1;

/// All that was planted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// [`FORMAT`].
    pub format: u32,
    /// The scenario, or `like`.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The node's name.
    pub node: String,
    /// The first second of the data.
    pub start_us: UnixMicros,
    /// The second after the last.
    pub end_us: UnixMicros,
    /// By time.
    pub facts: Vec<Fact>,
}

/// Something that is in the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// The container; none where it is about all of them.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub of: Option<Who>,
    /// When it begins, or when it happened.
    pub from_us: UnixMicros,
    /// When it ends: for a change, how long nothing else changes.
    pub to_us: UnixMicros,
    /// What it is.
    #[serde(flatten)]
    pub what: What,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Who {
    /// Its id.
    pub container_id: String,
    /// Its pod's namespace.
    pub namespace: String,
    /// Its pod.
    pub pod: String,
    /// Its name.
    pub container: String,
    /// Its workload, `Kind/name`.
    pub workload: String,
}

impl Who {
    /// The container of an identity.
    #[must_use]
    pub fn of(identity: &Identity) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            container_id: identity.container_id.clone(),
            namespace: text(&identity.namespace),
            pod: text(&identity.pod),
            container: text(&identity.container),
            workload: text(&identity.workload),
        }
    }
}

/// What a fact is. Numbers of counters are rates per second in the column's unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// A level moved for good at `from_us`.
    Change {
        /// The column.
        metric: String,
        /// The mean before.
        before: f64,
        /// The mean after.
        after: f64,
        /// Standard deviation of one reading (of a counter: of one second's rate).
        sigma: f64,
        /// The change in standard deviations.
        size_sigmas: f64,
    },
    /// A wave.
    Period {
        /// The column.
        metric: String,
        /// Its period.
        period_us: i64,
        /// `sine`, or `square` with a fifth of each period high.
        shape: String,
        /// Half of the difference of its extremes.
        amplitude: f64,
        /// Standard deviation of the noise around it.
        sigma: f64,
    },
    /// Memory that grows steadily.
    Leak {
        /// The column.
        metric: String,
        /// Growth per second.
        rate: f64,
        /// The limit that it grows to.
        limit: f64,
        /// When it was reached; absent where the data, or the container, ended before.
        limit_reached_us: Option<UnixMicros>,
    },
    /// A span in which the CPU quota was reached.
    Throttled {
        /// Enforcement periods in it.
        periods: i64,
        /// Those that were throttled.
        throttled: i64,
    },
    /// The container's noise is another one's, later.
    Correlated {
        /// The column, of both.
        metric: String,
        /// The container that it follows.
        with: String,
        /// By how much later.
        lag_us: i64,
        /// The part of the noise's standard deviation that is the other's: the coefficient of correlation.
        correlation: f64,
    },
    /// The kernel killed a process for memory.
    OomKill {
        /// Whether that was the end of the container.
        ends_container: bool,
    },
    /// The container ended; `next` took its place.
    Restart {
        /// Why, in the kubelet's word.
        reason: String,
        /// The next container's id; absent where there is none in the data.
        next: Option<String>,
        /// Whether the pod is another one too.
        new_pod: bool,
    },
    /// A limit was changed.
    LimitChange {
        /// The column.
        metric: String,
        /// What it was.
        before: i64,
        /// What it is.
        after: i64,
    },
    /// No rows of anybody.
    Gap {
        /// `agent_restart` or `missed_ticks`.
        reason: String,
    },
}
