//! What the sampler tells about itself: a cell that it renews and others read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;

use super::Sampler;
use crate::collect::node::NodeCollector;
use crate::config::Scope;
use crate::schedule::Monotonic;

/// What the sampler tells about itself, renewed once a second at most.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SamplerStatus {
    /// The scope in force, and whether it is a fallback.
    pub scope: Option<Scope>,
    /// Recorded although only containers were asked for, because this machine had none at start.
    pub scope_is_fallback: bool,
    /// Cgroups recorded now.
    pub containers: usize,
    /// Every directory is watched; otherwise births are found by slow rescans.
    pub inotify_complete: bool,
    /// Mean CPU time of one container's sample, microseconds, over the latest passes.
    pub usec_per_sample: f64,
    /// Kernel files kept open.
    pub open_files: usize,
    /// Files that are there but cannot be read, with the number of cgroups where that is so.
    pub unreadable_files: BTreeMap<&'static str, usize>,
    /// How much is left out to keep within the CPU budget, up to [`crate::budget::MAX_LEVEL`].
    pub shed_level: u8,
    /// The share of one core that sampling may take now.
    pub budget_share: f64,
    /// The kernel's log can be read: victims of OOM kills have names.
    pub kernel_log: bool,
    /// Whether the process ids of other containers are visible here.
    pub foreign_pids_visible: Option<bool>,
    /// Whether the host's network interfaces are visible here; `None` where the node is not sampled.
    pub host_network_visible: Option<bool>,
}

/// The status cell that the sampler renews and others read.
pub type StatusCell = Arc<Mutex<SamplerStatus>>;

impl Sampler {
    pub(super) fn publish_status(&mut self, now: Monotonic) {
        self.next_status = now + Duration::from_secs(1);
        let containers = self.containers();
        self.counters.containers.set(u64::try_from(containers).unwrap_or(u64::MAX));
        self.counters.open_files.set(u64::try_from(self.reader.kept_open()).unwrap_or(u64::MAX));
        let mut unreadable_files = BTreeMap::new();
        for file in self.members.values().flat_map(|member| member.files.unreadable_files(&self.plan)) {
            *unreadable_files.entry(file).or_default() += 1;
        }
        let status = SamplerStatus {
            scope: Some(self.scope),
            scope_is_fallback: self.scope != self.options.scope,
            containers,
            inotify_complete: self.discovery.is_complete(),
            usec_per_sample: self.usec_per_sample,
            open_files: self.reader.kept_open(),
            unreadable_files,
            shed_level: self.budget.level(),
            budget_share: self.budget.share(),
            kernel_log: self.kernel_log.is_some(),
            foreign_pids_visible: self.foreign_pids_visible,
            host_network_visible: self.node.as_ref().map(NodeCollector::sees_network),
        };
        if let Ok(mut cell) = self.status.lock() {
            *cell = status;
        }
    }
}
