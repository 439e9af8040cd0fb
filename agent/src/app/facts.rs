//! What is known about a run, put together for `/api/status` from what the parts tell.

use std::time::Duration;

use tracing::{info, warn};

use crate::args::{CRATE_VERSION, GIT_REVISION};
use crate::clock;
use crate::config::RunConfig;
use crate::model::UnixMicros;
use crate::pods::cell::{NamesState, NamesStatus};
use crate::sampler::SamplerStatus;
use crate::service::facts::{CostEstimate, Facts, Limits, ScopeFacts, Unreadable};
use crate::sight::{Missing, Names, Reach, Sight};
use crate::store::Store;

/// What is known at the start: of it, when it was and which hierarchies were found.
pub(super) fn at_start(
    config: &RunConfig,
    store: &Store,
    at_start: (UnixMicros, String),
    open_files: Option<u64>,
) -> Facts {
    let run_id = store.reader().status().run_id;
    Facts { run_id, hierarchy: at_start.1, limits: Limits { open_files }, ..of_view(config, at_start.0) }
}

/// What is known where nothing is sampled.
pub(super) fn of_view(config: &RunConfig, started: UnixMicros) -> Facts {
    Facts {
        version: CRATE_VERSION.to_owned(),
        revision: GIT_REVISION.to_owned(),
        run_id: String::new(),
        node: config.node.clone(),
        pod: config.pod.clone(),
        namespace: config.namespace.clone(),
        started,
        hierarchy: String::new(),
        scope: ScopeFacts { asked: config.scope, effective: config.scope, reason: None },
        interval_seconds: config.interval.as_secs_f64(),
        cost: None,
        names: NamesStatus::default(),
        unreadable: Vec::new(),
        missing: Vec::new(),
        limits: Limits { open_files: None },
        config: config.clone(),
    }
}

/// Over how long the whole agent's CPU time is measured.
const MEASURED_OVER: Duration = Duration::from_secs(60);

/// Watches what the agent costs, and says so: at the start, and when it goes above its budget or back below it.
#[derive(Debug)]
pub(super) struct CostWatch {
    interval: Duration,
    budget_percent: f64,
    since: (Duration, Duration),
    agent_percent: Option<f64>,
    said_at_start: bool,
    is_above: bool,
}

impl CostWatch {
    pub(super) fn new(config: &RunConfig) -> Self {
        Self {
            interval: config.interval,
            budget_percent: config.cpu_budget_percent,
            since: (clock::monotonic(), clock::process_cpu()),
            agent_percent: None,
            said_at_start: false,
            is_above: false,
        }
    }

    /// What the sampler's measured cost per sample means at this interval and number of cgroups, and what the agent took.
    pub(super) fn estimate(&mut self, status: &SamplerStatus) -> Option<CostEstimate> {
        self.measure();
        if status.usec_per_sample == 0.0 {
            return None;
        }
        let count = u32::try_from(status.containers).unwrap_or(u32::MAX);
        let percent = status.usec_per_sample * f64::from(count) / self.interval.as_secs_f64() / 1e6 * 100.0;
        let warning = self.warning(count, percent);
        self.say(count, percent, warning.as_deref());
        Some(CostEstimate {
            per_container_sample_usec: status.usec_per_sample,
            containers: u64::from(count),
            percent_of_core: percent,
            agent_percent_of_core: self.agent_percent,
            budget_percent: status.budget_share.max(0.0) * 100.0,
            shed_level: status.shed_level,
            shed: crate::budget::describe(status.shed_level),
            warning,
        })
    }

    /// Sampling goes on above the budget of the whole agent; whoever asks much is told that it is not sampling that takes it.
    fn warning(&self, count: u32, percent: f64) -> Option<String> {
        let budget = self.budget_percent;
        if percent > budget {
            return Some(format!(
                "{count} cgroups every {:?} take about {percent:.1} % of one core, more than the budget of {budget} %: choose \
                 a longer --interval or a larger --cpu-budget",
                self.interval
            ));
        }
        let agent = self.agent_percent.filter(|agent| *agent > budget)?;
        Some(format!(
            "the agent took {agent:.1} % of one core in the last minute, more than the budget of {budget} %, of which sampling \
             {count} cgroups takes about {percent:.1} %: the rest is answering, sealing and merging"
        ))
    }

    fn measure(&mut self) {
        let now = (clock::monotonic(), clock::process_cpu());
        let wall = now.0.saturating_sub(self.since.0);
        if wall >= MEASURED_OVER {
            let used = now.1.saturating_sub(self.since.1);
            self.agent_percent = Some(used.as_secs_f64() / wall.as_secs_f64() * 100.0);
            self.since = now;
        }
    }

    fn say(&mut self, count: u32, percent: f64, warning: Option<&str>) {
        if !std::mem::replace(&mut self.said_at_start, true) {
            info!("sampling {count} cgroups every {:?} takes about {percent:.2} % of one core", self.interval);
        }
        match (warning, std::mem::replace(&mut self.is_above, warning.is_some())) {
            (Some(warning), false) => warn!("{warning}"),
            (None, true) => info!("the agent is within its CPU budget of {} % again", self.budget_percent),
            _ => {}
        }
    }
}

/// Which files this process may not read, and why.
pub(super) fn unreadable(status: &SamplerStatus) -> Vec<Unreadable> {
    let files = status.unreadable_files.iter().map(|(file, cgroups)| Unreadable {
        what: (*file).to_owned(),
        why: format!(
            "no permission, or text that makes no sense, in {cgroups} cgroups (fgm_read_errors_total tells which): where \
             permission is missing, run as root"
        ),
    });
    files.collect()
}

/// What is not recorded here, and why.
pub(super) fn missing(status: &SamplerStatus, reach: Reach, names: &NamesStatus) -> Vec<Missing> {
    let sight = Sight {
        sees_foreign_pids: status.foreign_pids_visible,
        reach,
        hears_births: status.inotify_complete,
        sees_host_network: status.host_network_visible,
        reads_kernel_log: status.kernel_log,
        names: names_of(names),
    };
    sight.missing()
}

fn names_of(status: &NamesStatus) -> Names {
    let off = |why: &str, remedy: &str| Names::Off { why: why.to_owned(), remedy: remedy.to_owned() };
    match status.state {
        NamesState::Off => off("they are not asked for", "--names auto"),
        NamesState::NoServer => off(
            "there is no API server to ask: this is no pod with a service account's token, and none was named",
            "run it as a pod whose service account may get, list and watch pods, or name one with --kubeconfig",
        ),
        NamesState::Connecting => Names::Unknown,
        NamesState::Connected => Names::Known,
        NamesState::Retrying => off(
            status.last_error.as_deref().unwrap_or("the API server does not answer as it should"),
            "let the service account get, list and watch pods, and the agent reach the API server; it tries again by itself",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn above_the_budget_it_is_told_whether_sampling_takes_it() {
        let mut watch = CostWatch {
            interval: Duration::from_secs(1),
            budget_percent: 2.0,
            since: (Duration::ZERO, Duration::ZERO),
            agent_percent: Some(1.9),
            said_at_start: true,
            is_above: false,
        };
        assert_eq!(watch.warning(100, 0.4), None);
        let of_sampling = watch.warning(1000, 2.5).unwrap_or_default();
        assert!(of_sampling.starts_with("1000 cgroups every 1s take about 2.5 %"), "{of_sampling}");
        assert!(of_sampling.ends_with("choose a longer --interval or a larger --cpu-budget"), "{of_sampling}");
        watch.agent_percent = Some(176.3);
        let of_the_rest = watch.warning(100, 0.4).unwrap_or_default();
        assert!(of_the_rest.starts_with("the agent took 176.3 % of one core in the last minute"), "{of_the_rest}");
        assert!(of_the_rest.ends_with("the rest is answering, sealing and merging"), "{of_the_rest}");
    }
}
