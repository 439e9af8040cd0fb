//! What is known about this run: found out at start, and changed rarely since.
//!
//! Inert values for `/api/status`; whoever finds something out writes it through [`FactsCell::update`].

use std::sync::{Arc, PoisonError, RwLock};

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::{RunConfig, Scope};
use crate::model::UnixMicros;
use crate::pods::cell::NamesStatus;
use crate::rfc3339;
use crate::sight::Missing;

/// What is known about this run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Facts {
    /// The agent's version.
    pub version: String,
    /// The git revision it was built from.
    pub revision: String,
    /// This run's id.
    pub run_id: String,
    /// The node's name.
    pub node: String,
    /// The agent's pod, where it is told.
    pub pod: Option<String>,
    /// Its namespace.
    pub namespace: Option<String>,
    /// When this run began.
    #[serde(serialize_with = "rfc3339::serialize")]
    #[schemars(with = "String")]
    pub started: UnixMicros,
    /// The cgroup hierarchies found, in words.
    pub hierarchy: String,
    /// Which cgroups are recorded.
    pub scope: ScopeFacts,
    /// The sampling interval now.
    pub interval_seconds: f64,
    /// What sampling costs; none before the first estimate.
    pub cost: Option<CostEstimate>,
    /// How it stands with names.
    pub names: NamesStatus,
    /// Files that this process may not read.
    pub unreadable: Vec<Unreadable>,
    /// What is not recorded here for want of rights or of help from outside.
    pub missing: Vec<Missing>,
    /// The limits that the process runs under.
    pub limits: Limits,
    /// What the run was asked to do.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub config: RunConfig,
}

/// Which cgroups were asked for, and which are recorded.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ScopeFacts {
    /// As asked.
    pub asked: Scope,
    /// As it is.
    pub effective: Scope,
    /// Why the two differ.
    pub reason: Option<String>,
}

/// What the sampling interval times the containers costs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CostEstimate {
    /// CPU time to sample one container once.
    pub per_container_sample_usec: f64,
    /// Containers recorded.
    pub containers: u64,
    /// The share of one core that sampling takes.
    pub percent_of_core: f64,
    /// The share of one core that the whole agent took over the last minute; none in the first one.
    pub agent_percent_of_core: Option<f64>,
    /// The share that sampling may take: as asked, or what it needs at least.
    pub budget_percent: f64,
    /// How much is left out to keep within it, 0 to 6.
    pub shed_level: u8,
    /// What is left out, in words.
    pub shed: String,
    /// A sentence where it takes more than it may.
    pub warning: Option<String>,
}

/// A file that this process may not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unreadable {
    /// The file's name.
    pub what: String,
    /// Why, in words.
    pub why: String,
}

/// The limits that the process runs under.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Limits {
    /// Open files: the soft limit as the agent has raised it; none is no limit.
    pub open_files: Option<u64>,
}

/// The facts, shared: readers get a snapshot, no lock is held while it is used.
#[derive(Debug)]
pub struct FactsCell(RwLock<Arc<Facts>>);

impl FactsCell {
    /// A cell with what is known at start.
    #[must_use]
    pub fn new(facts: Facts) -> Self {
        Self(RwLock::new(Arc::new(facts)))
    }

    /// What is known now.
    #[must_use]
    pub fn get(&self) -> Arc<Facts> {
        // The facts are replaced as a whole, so a panicking writer leaves them as they were.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes what is known; one writer at a time.
    pub fn update(&self, change: impl FnOnce(&mut Facts)) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut current));
    }
}
