//! The reading of processes as a part of the agent: started, asked, stopped.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::Duration;

use tracing::{error, warn};

use super::Error;
use crate::clock::monotonic;
use crate::collect::processes::thread::{self, Stop};
use crate::collect::processes::{Options, Processes, StatusCell};
use crate::config::RunConfig;
use crate::health::Counters;
use crate::hierarchy::{Hierarchy, Mode};
use crate::model::Tick;
use crate::sampler;
use crate::service::facts::Unreadable;

/// How long the pass at hand may take at the end.
const GRACE: Duration = Duration::from_secs(2);

/// The running thread.
pub(super) struct Reading {
    thread: JoinHandle<()>,
    stop: Stop,
    status: StatusCell,
}

impl Reading {
    /// Starts it, where processes are to be read.
    pub(super) fn start(
        config: &RunConfig,
        (hierarchy, sampler): (&Hierarchy, &sampler::Options),
        counters: &Arc<Counters>,
        ticks: SyncSender<Tick>,
    ) -> Result<Option<Self>, Error> {
        let (Some(interval), Some(roster)) = (config.process_interval, &sampler.roster) else { return Ok(None) };
        let failed = |source| Error::Start { what: "the reading of processes", source };
        // The hierarchy in which births show has every container's directory, and so its processes.
        let Some(cgroup_root) = hierarchy.watched().first().map(|root| root.to_path_buf()) else { return Ok(None) };
        let options =
            Options { interval, proc_root: config.proc_root.clone(), cgroup_root, is_v1: hierarchy.mode != Mode::V2 };
        let shared = (Arc::clone(roster), sampler.keys.clone());
        let processes = match Processes::new(options, shared, Arc::clone(counters), Arc::clone(&sampler.shedding)) {
            Ok(processes) => processes,
            Err(error) => {
                let place = config.proc_root.display();
                warn!(%error, "cannot read {place}: processes and pods' networks are not recorded");
                return Ok(None);
            }
        };
        let status = processes.status();
        let (thread, stop) = thread::start(processes, ticks).map_err(failed)?;
        Ok(Some(Self { thread, stop, status }))
    }

    /// What of processes cannot be read here, and why.
    pub(super) fn unreadable(&self) -> Vec<Unreadable> {
        let Ok(status) = self.status.lock().map(|status| status.clone()) else { return Vec::new() };
        let files = status.unreadable_files.iter().map(|(file, processes)| Unreadable {
            what: format!("/proc/[pid]/{file}"),
            why: format!(
                "refused for {processes} processes: those of other users need CAP_SYS_PTRACE, and io CAP_DAC_READ_SEARCH too"
            ),
        });
        let hidden = (status.hidden > 0).then(|| Unreadable {
            what: format!("{} processes of containers", status.hidden),
            why: "they are in a foreign pid namespace, and so counted but not seen (a pod needs hostPID)".to_owned(),
        });
        let descriptors = (status.processes > 0 && !status.descriptors_supported).then(|| Unreadable {
            what: "the number of open descriptors".to_owned(),
            why: "this kernel does not tell it without listing them (Linux 6.2 does)".to_owned(),
        });
        files.chain(hidden).chain(descriptors).collect()
    }

    /// Ends the thread after the pass that it is in. A read that hangs on another process's memory is not waited for long:
    /// nothing comes of it any more.
    pub(super) fn stop(self) {
        drop(self.stop);
        let begun = monotonic();
        while !self.thread.is_finished() && monotonic() < begun + GRACE {
            std::thread::sleep(Duration::from_millis(5));
        }
        if !self.thread.is_finished() {
            warn!("a read of a process hangs: its thread is left behind");
        } else if self.thread.join().is_err() {
            error!("the reading of processes ended unexpectedly");
        }
    }
}
