//! What is known about a run, put together for `/api/status` from what the parts tell.

use crate::args::{CRATE_VERSION, GIT_REVISION};
use crate::config::RunConfig;
use crate::model::UnixMicros;
use crate::sampler::SamplerStatus;
use crate::service::facts::{CostEstimate, Facts, Limits, ScopeFacts, Unreadable};
use crate::store::Store;

/// What is known at the start: of it, when it was and which hierarchies were found.
pub(super) fn at_start(
    config: &RunConfig,
    store: &Store,
    at_start: (UnixMicros, String),
    open_files: Option<u64>,
) -> Facts {
    Facts {
        version: CRATE_VERSION.to_owned(),
        revision: GIT_REVISION.to_owned(),
        run_id: store.reader().status().run_id,
        node: config.node.clone(),
        started: at_start.0,
        hierarchy: at_start.1,
        scope: ScopeFacts { asked: config.scope, effective: config.scope, reason: None },
        interval_seconds: config.interval.as_secs_f64(),
        cost: None,
        unreadable: Vec::new(),
        limits: Limits { open_files },
        config: config.clone(),
    }
}

/// What the sampler's measured cost per sample means at this interval and number of cgroups.
pub(super) fn cost(config: &RunConfig, status: &SamplerStatus) -> Option<CostEstimate> {
    if status.usec_per_sample == 0.0 {
        return None;
    }
    let (count, seconds) = (u32::try_from(status.containers).unwrap_or(u32::MAX), config.interval.as_secs_f64());
    let percent = status.usec_per_sample * f64::from(count) / seconds / 1e6 * 100.0;
    let budget = config.cpu_budget_percent;
    let warning = (percent > budget).then(|| {
        format!(
            "sampling {count} cgroups every {:?} takes about {percent:.1} % of one core, more than the budget of \
             {budget} %: choose a longer --interval or a larger --cpu-budget",
            config.interval
        )
    });
    Some(CostEstimate {
        per_container_sample_usec: status.usec_per_sample,
        containers: u64::from(count),
        percent_of_core: percent,
        budget_percent: budget,
        warning,
    })
}

/// What this process may not read or see, and why.
pub(super) fn unreadable(status: &SamplerStatus) -> Vec<Unreadable> {
    let files = status.unreadable_files.iter().map(|(file, cgroups)| Unreadable {
        what: (*file).to_owned(),
        why: format!("permission denied or unreadable in {cgroups} cgroups: run as root to read it"),
    });
    let pids = (status.foreign_pids_visible == Some(false)).then(|| Unreadable {
        what: "process ids of other containers".to_owned(),
        why: "this process is in a pid namespace of its own (a pod needs hostPID): on cgroup v1 a container's end is seen \
              only when its directory goes"
            .to_owned(),
    });
    let births = (!status.inotify_complete).then(|| Unreadable {
        what: "births of cgroups as they happen".to_owned(),
        why: "inotify has no instance or watch left for this user: found by rescans instead; raise \
              fs.inotify.max_user_instances and fs.inotify.max_user_watches"
            .to_owned(),
    });
    files.chain(pids).chain(births).collect()
}
