//! Where names come from in this run: decides it, says so once, and starts the watch.

use std::path::PathBuf;
use std::sync::Arc;

use tracing::info;

use crate::clock;
use crate::config::{Names, RunConfig};
use crate::health::Counters;
use crate::pods::cell::{NamesState, PodsCell};
use crate::pods::runtimes::RuntimeNames;
use crate::pods::watch::{self, ConnectError};
use crate::sampler::naming::Naming;

impl Naming {
    /// The sources of names that this run has; the watch goes on beside everything else, on the same async thread.
    pub(super) async fn start(config: &RunConfig, counters: &Arc<Counters>) -> Result<Self, ConnectError> {
        if config.names == Names::Off {
            return Ok(Self::default());
        }
        let pods = Arc::new(PodsCell::new(clock::wall()));
        if let Some(server) = watch::find(config.kubeconfig.as_deref()).await? {
            let (node, cell) = (config.node.clone(), Arc::clone(&pods));
            tokio::spawn(watch::run(server, node, cell, Arc::clone(counters)));
        } else {
            pods.set_state(NamesState::NoServer, clock::wall());
            info!(
                "no API server to ask for names (not in a pod with a service account, and no --kubeconfig): containers have \
                 ids, and those of docker and podman the names in their state files"
            );
        }
        let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
        let runtimes = RuntimeNames::new(&config.host_root, home.as_deref());
        Ok(Self { pods, runtimes: Some(runtimes) })
    }
}
