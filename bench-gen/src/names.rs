//! Who pods and containers are: ids, paths and names as containerd and the kubelet give them, from random numbers.

use std::collections::BTreeMap;

use fgm_agent::model::{ContainerKind, Identity, QosClass, Resources, Role};

use crate::rng::Rng;
use crate::scenario::Slot;

/// The node's name.
pub const NODE: &str = "bench-node";

/// A pod.
#[derive(Clone, Debug)]
pub struct PodNames {
    /// Its uid.
    pub uid: String,
    /// Its name.
    pub name: String,
    /// What the kubelet makes of its limits.
    pub qos_class: QosClass,
    /// The cgroup of the pod.
    pub path: String,
    labels: BTreeMap<String, String>,
}

impl PodNames {
    /// A new pod for a slot; the template's hash changes with the generation of its workload.
    #[must_use]
    pub fn new(slot: &Slot, rng: &mut Rng) -> Self {
        let qos_class = match (slot.shape.quota_cores, slot.shape.limit_pages) {
            (Some(_), Some(_)) if slot.kind == "StatefulSet" => QosClass::Guaranteed,
            (None, None) => QosClass::BestEffort,
            _ => QosClass::Burstable,
        };
        let hash = rng.hex(10);
        let name = match slot.kind {
            "StatefulSet" => format!("{}-{}", slot.workload, slot.ordinal),
            "DaemonSet" => format!("{}-{}", slot.workload, rng.hex(5)),
            _ => format!("{}-{hash}-{}", slot.workload, rng.hex(5)),
        };
        let labels = [
            ("app.kubernetes.io/name", slot.workload),
            ("app.kubernetes.io/part-of", slot.namespace),
            ("team", if slot.namespace == "shop" { "orders" } else { "platform" }),
            ("pod-template-hash", &hash),
        ];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let uid = uid(rng);
        let path = pod_path(&uid, qos_class);
        Self { uid, name, qos_class, path, labels }
    }

    /// The pod's own cgroup as a subject.
    #[must_use]
    pub fn identity(&self, slot: &Slot) -> Identity {
        Identity {
            pod_uid: Some(self.uid.clone()),
            qos_class: Some(self.qos_class),
            pod: Some(self.name.clone()),
            namespace: Some(slot.namespace.to_owned()),
            workload: Some(format!("{}/{}", slot.kind, slot.workload)),
            ..Identity::unnamed(self.uid.clone(), self.path.clone(), Role::Cgroup)
        }
    }

    /// A new container in it, which took the place of so many before.
    #[must_use]
    pub fn container(&self, slot: &Slot, (restarts, reason): (u32, Option<&str>), rng: &mut Rng) -> Identity {
        let id = rng.hex(64);
        let path = format!("{}/cri-containerd-{id}.scope", self.path);
        let millicores = |cores: f64| (cores * 1000.0) as u64;
        let bytes = |pages: f64| pages as u64 * 4096;
        let (quota, limit) = (slot.shape.quota_cores, slot.shape.limit_pages);
        let is_best_effort = self.qos_class == QosClass::BestEffort;
        Identity {
            runtime: Some("containerd".to_owned()),
            container: Some(slot.container.to_owned()),
            image: Some(format!("registry.example/{}/{}:1.{}", slot.namespace, slot.container, slot.ordinal)),
            kind: Some(ContainerKind::Regular),
            restart_count: Some(restarts),
            restart_reason: reason.map(str::to_owned),
            resources: Resources {
                cpu_request_millicores: (!is_best_effort).then(|| millicores(quota.unwrap_or(slot.shape.cores))),
                cpu_limit_millicores: quota.map(millicores),
                memory_request_bytes: (!is_best_effort).then(|| bytes(limit.unwrap_or(slot.shape.anon_pages))),
                memory_limit_bytes: limit.map(bytes),
            },
            labels: self.labels.clone(),
            container_id: id,
            path,
            role: Role::Container,
            parent_id: None,
            ..self.identity(slot)
        }
    }
}

/// The path of a pod's cgroup as the kubelet's systemd driver names it.
fn pod_path(uid: &str, qos_class: QosClass) -> String {
    let uid = uid.replace('-', "_");
    match qos_class {
        QosClass::Guaranteed => format!("/kubepods.slice/kubepods-pod{uid}.slice"),
        other => {
            let class = format!("kubepods-{}", other.as_str());
            format!("/kubepods.slice/{class}.slice/{class}-pod{uid}.slice")
        }
    }
}

/// A random uid of version 4.
#[must_use]
pub fn uid(rng: &mut Rng) -> String {
    let (a, b, c, d, e) = (rng.hex(8), rng.hex(4), rng.hex(3), rng.hex(3), rng.hex(12));
    format!("{a}-{b}-4{c}-a{d}-{e}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn paths_are_those_that_the_agent_finds_containers_in() {
        let mut rng = Rng::new(1, "names");
        for slot in Scenario::Realistic.slots(1) {
            let pod = PodNames::new(&slot, &mut rng);
            let identity = pod.container(&slot, (0, None), &mut rng);
            let found = fgm_agent::cgroup::path::classify(&identity.path).expect("a container");
            assert_eq!(found.container_id, identity.container_id);
            assert_eq!((found.pod_uid, found.qos_class), (identity.pod_uid, identity.qos_class));
            assert_eq!(found.runtime, identity.runtime.as_deref());
        }
    }
}
