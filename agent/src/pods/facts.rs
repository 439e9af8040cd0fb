//! What the index keeps of a pod: names, labels, resources, how its containers ended; each text and each list bounded.
//!
//! Pure. The surprise: the uid by which a pod is found is the one its cgroup is named by, which for a static pod is the
//! hash of its manifest and not the API server's uid.

use std::collections::BTreeMap;

use super::object::{Container, ContainerStatus, Pod, Terminated};
use super::{quantity, workload};
use crate::model::{ContainerKind, Resources, UnixMicros};
use crate::rfc3339;

/// Containers of one pod that are kept, of each kind.
pub const MAX_CONTAINERS: usize = 64;
/// Labels that are kept, of a pod or a container.
pub const MAX_LABELS: usize = 32;
/// The longest key or value of a label; Kubernetes has none above 317 and 63.
pub const MAX_LABEL_BYTES: usize = 320;
/// The longest name of anything.
pub const MAX_NAME_BYTES: usize = 512;

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodFacts {
    /// The API server's uid.
    pub uid: String,
    /// The manifest's hash, of a static pod.
    pub static_hash: Option<String>,
    /// The pod's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Whom it belongs to, as `Kind/name`.
    pub workload: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its containers: regular ones, then init containers and sidecars, then ephemeral ones.
    pub containers: Vec<ContainerFacts>,
}

/// A container of a pod, of which there may have been several instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerFacts {
    /// Its name in the pod.
    pub name: String,
    /// Its image.
    pub image: Option<String>,
    /// How it came to be.
    pub kind: ContainerKind,
    /// What was asked for it.
    pub resources: Resources,
    /// How often it was started again.
    pub restart_count: Option<u32>,
    /// The newest instance's id, once it has one.
    pub id: Option<String>,
    /// How the newest instance ended, if it did.
    pub ended: Option<Ended>,
    /// How the instance before it ended.
    pub before: Option<Ended>,
}

/// How an instance of a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its id.
    pub id: Option<String>,
    /// The kubelet's word: `Completed`, `Error`, `OOMKilled`.
    pub reason: Option<String>,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// The signal, where the runtime tells it.
    pub signal: Option<i32>,
    /// When, to the second.
    pub finished_at: Option<UnixMicros>,
}

/// Labels within their bounds, and how many were left out or cut.
#[must_use]
pub fn bounded_labels<'a>(
    labels: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> (BTreeMap<String, String>, u64) {
    let (mut kept, mut beyond) = (BTreeMap::new(), 0);
    for (key, value) in labels {
        if kept.len() >= MAX_LABELS {
            beyond += 1;
            continue;
        }
        beyond += u64::from(key.len().max(value.len()) > MAX_LABEL_BYTES);
        kept.insert(cut(key, MAX_LABEL_BYTES), cut(value, MAX_LABEL_BYTES));
    }
    (kept, beyond)
}

/// The beginning of a text, whole characters.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    let end = (0..=most.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text[..end].to_owned()
}

impl PodFacts {
    /// What is kept of a pod, and how many labels were left out or cut; `None` where it has no uid or no name.
    #[must_use]
    pub fn of(pod: &Pod) -> Option<(Self, u64)> {
        let metadata = &pod.metadata;
        let present = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(name);
        let (labels, beyond) = bounded_labels(&metadata.labels);
        let facts = Self {
            uid: present(&metadata.uid)?,
            static_hash: present(&metadata.annotations.config_hash),
            name: present(&metadata.name)?,
            namespace: present(&metadata.namespace).unwrap_or_default(),
            workload: name(&workload::workload(metadata)),
            labels,
            containers: containers(pod),
        };
        Some((facts, beyond))
    }

    /// The uid that its cgroup is named by.
    #[must_use]
    pub fn cgroup_uid(&self) -> &str {
        self.static_hash.as_ref().unwrap_or(&self.uid)
    }

    /// About how many bytes it takes in the index.
    #[must_use]
    pub fn memory(&self) -> usize {
        const PER_TEXT: usize = 48;
        let text = |text: &str| text.len() + PER_TEXT;
        let maybe = |maybe: &Option<String>| maybe.as_deref().map_or(0, text);
        let labels: usize = self.labels.iter().map(|(key, value)| text(key) + text(value)).sum();
        let containers = self.containers.iter().map(|container| {
            let ended = [&container.ended, &container.before].into_iter().flatten();
            let ended: usize = ended.map(|ended| 2 * maybe(&ended.id) + maybe(&ended.reason)).sum();
            size_of::<ContainerFacts>()
                + text(&container.name)
                + maybe(&container.image)
                + 2 * maybe(&container.id)
                + ended
        });
        let names = [&self.uid, &self.uid, &self.name, &self.namespace, &self.workload];
        let names: usize = names.into_iter().map(|name| text(name)).sum();
        size_of::<Self>() + names + 2 * maybe(&self.static_hash) + labels + containers.sum::<usize>()
    }
}

impl ContainerFacts {
    /// Every instance that is known to have ended, with how often the container had been started again before it.
    pub fn ends(&self) -> impl Iterator<Item = (&Ended, Option<u32>)> {
        let earlier = self.restart_count.and_then(|count| count.checked_sub(1));
        [(&self.before, earlier), (&self.ended, self.restart_count)]
            .into_iter()
            .filter_map(|(ended, count)| Some((ended.as_ref()?, count)))
    }

    /// The ids of the instances that are known.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let before = self.before.as_ref().and_then(|ended| ended.id.as_deref());
        self.id.as_deref().into_iter().chain(before.filter(|before| Some(*before) != self.id.as_deref()))
    }
}

fn containers(pod: &Pod) -> Vec<ContainerFacts> {
    let (spec, status) = (&pod.spec, &pod.status);
    let of_kind = |kind: ContainerKind| match kind {
        ContainerKind::Regular => (&spec.containers, &status.container_statuses),
        ContainerKind::Init | ContainerKind::Sidecar => (&spec.init_containers, &status.init_container_statuses),
        ContainerKind::Ephemeral => (&spec.ephemeral_containers, &status.ephemeral_container_statuses),
    };
    let kinds = [ContainerKind::Regular, ContainerKind::Init, ContainerKind::Ephemeral];
    let all = kinds.into_iter().flat_map(|kind| {
        let (asked, become_of) = of_kind(kind);
        asked.iter().take(MAX_CONTAINERS).map(move |container| {
            let status = become_of.iter().find(|status| status.name == container.name);
            facts_of(kind, container, status)
        })
    });
    all.collect()
}

fn facts_of(kind: ContainerKind, asked: &Container, status: Option<&ContainerStatus>) -> ContainerFacts {
    let goes_on = kind == ContainerKind::Init && asked.restart_policy.as_deref() == Some("Always");
    let image = status.and_then(|status| status.image.as_deref());
    // An image whose tag was taken away has nothing but its digest in the status.
    let image = image.filter(|image| !image.is_empty() && !image.starts_with("sha256:"));
    let (requests, limits) = (&asked.resources.requests, &asked.resources.limits);
    ContainerFacts {
        name: name(&asked.name),
        image: image.or(asked.image.as_deref()).map(name),
        kind: if goes_on { ContainerKind::Sidecar } else { kind },
        resources: Resources {
            cpu_request_millicores: requests.cpu.as_deref().and_then(quantity::millicores),
            cpu_limit_millicores: limits.cpu.as_deref().and_then(quantity::millicores),
            memory_request_bytes: requests.memory.as_deref().and_then(quantity::bytes),
            memory_limit_bytes: limits.memory.as_deref().and_then(quantity::bytes),
        },
        restart_count: status.and_then(|status| status.restart_count),
        id: status.and_then(|status| plain_id(status.container_id.as_ref())),
        ended: status.and_then(|status| status.state.terminated.as_ref()).map(ended),
        before: status.and_then(|status| status.last_state.terminated.as_ref()).map(ended),
    }
}

fn ended(terminated: &Terminated) -> Ended {
    Ended {
        id: plain_id(terminated.container_id.as_ref()),
        reason: terminated.reason.as_deref().map(name),
        exit_code: terminated.exit_code,
        signal: terminated.signal.filter(|&signal| signal != 0),
        finished_at: terminated.finished_at.as_deref().and_then(rfc3339::parse),
    }
}

/// The id without the runtime that it begins with.
fn plain_id(id: Option<&String>) -> Option<String> {
    let id = id?;
    let plain = id.split_once("://").map_or(id.as_str(), |(_, plain)| plain);
    (!plain.is_empty()).then(|| name(plain))
}

fn name(text: &str) -> String {
    cut(text, MAX_NAME_BYTES)
}
