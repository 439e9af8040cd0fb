//! The network of each pod: read once, by any of its processes, whatever the number of its containers.
//!
//! A container outside of pods counts as a pod of its own. A namespace is known by the inode of `net/dev` in it: that of the
//! host is marked and not counted again, and one that two share (`docker run --network container:OTHER`) is the first's.

use std::collections::{HashMap, HashSet};

use super::proc_dir::{Buffer, ProcDir};
use crate::collect::network::{FILES, HostNetwork, Namespace};
use crate::model::{Identity, Keys, Role, Tick, UnixMicros};
use crate::subject::Owner;

#[derive(Debug)]
struct Pod {
    namespace: Namespace,
    inode: u64,
    round: u64,
}

/// The networks of all pods.
#[derive(Debug)]
pub struct Pods {
    host: Option<HostNetwork>,
    pods: HashMap<String, Pod>,
    /// Namespaces read in this pass.
    read: HashSet<u64>,
    round: u64,
}

impl Pods {
    /// No pod yet.
    #[must_use]
    pub fn new(host: Option<HostNetwork>) -> Self {
        Self { host, pods: HashMap::new(), read: HashSet::new(), round: 0 }
    }

    /// A pass begins.
    pub fn begin(&mut self) {
        self.round += 1;
        self.read.clear();
    }

    /// Whether the network of this container's pod is still to be read in this pass.
    #[must_use]
    pub fn wants(&self, identity: &Identity) -> bool {
        identity.role != Role::Cgroup && self.pods.get(id(identity)).is_none_or(|pod| pod.round != self.round)
    }

    /// Reads the network of a process's pod.
    pub fn read(
        &mut self,
        (identity, process): (&Identity, &ProcDir),
        (keys, time): (&Keys, UnixMicros),
        buffer: &mut Buffer,
        tick: &mut Tick,
    ) {
        // A process that has just ended tells nothing; the pod's next one will.
        let Ok(inode) = process.inode(FILES[0]) else { return };
        let is_hosts = self.host.as_ref().is_some_and(|host| host.inode == inode);
        // Each pod on the host's network is marked.
        let is_first = is_hosts || self.read.insert(inode);
        let round = self.round;
        let pod = self.pod((identity, process), inode, tick);
        pod.round = round;
        if !is_first {
            return;
        }
        if is_hosts {
            pod.namespace.mark_as_hosts();
        } else {
            let [interfaces, protocols @ ..] = FILES;
            if let Ok(text) = process.read(interfaces, buffer) {
                pod.namespace.take_interfaces(text, (keys, time), |_| false, tick);
            }
            for file in protocols {
                if let Ok(text) = process.read(file, buffer) {
                    pod.namespace.take_protocols(text);
                }
            }
        }
        pod.namespace.push(keys, time, tick);
    }

    /// The pod's series; new ones where its namespace is another than before.
    fn pod(&mut self, (identity, process): (&Identity, &ProcDir), inode: u64, tick: &mut Tick) -> &mut Pod {
        let id = id(identity).to_owned();
        if self.pods.get(&id).is_some_and(|pod| pod.inode != inode)
            && let Some(before) = self.pods.remove(&id)
        {
            before.namespace.end(tick);
        }
        let owner = if identity.pod_uid.is_some() { Owner::pod(identity) } else { Owner::container(identity) };
        let new = || {
            let netns = process.inode("ns/net").ok().map(|inode| inode.to_string());
            Pod { namespace: Namespace::new(owner.clone(), netns), inode, round: 0 }
        };
        let pod = self.pods.entry(id).or_insert_with(new);
        pod.namespace.rename(owner, tick);
        pod
    }

    /// A pass ends: pods of which no process was found are gone.
    pub fn end(&mut self, tick: &mut Tick) {
        let round = self.round;
        for (_, pod) in self.pods.extract_if(|_, pod| pod.round != round) {
            pod.namespace.end(tick);
        }
    }
}

fn id(identity: &Identity) -> &str {
    identity.pod_uid.as_deref().unwrap_or(&identity.container_id)
}
