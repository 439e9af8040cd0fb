//! Who runs on this node, by container id and by pod uid, as the API server tells it.
//!
//! Pure: pods come in as values, names go out as fuller identities. Must not know who asks the API server (`watch`) or who
//! asks for names (the sampler). The surprise: a container is found by its pod's uid before the kubelet has told the API
//! server its id, so pod, namespace and workload are there at its first sample and its own name comes a moment later.

pub mod cell;
pub mod facts;
pub mod object;
pub mod quantity;
pub mod runtimes;
pub mod split;
pub mod watch;
pub mod workload;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::model::{ContainerKind, Identity, Role, UnixMicros};
use crate::subject::Owner;
use facts::{ContainerFacts, PodFacts};
use object::Pod;

/// Pods that are kept; a node has 110 unless it is told otherwise.
pub const MAX_PODS: usize = 5_000;
/// About how much memory they may take.
pub const MAX_BYTES: usize = 16 << 20;
/// News that wait to be taken.
pub const MAX_NEWS: usize = 1024;
/// Ended containers that are remembered, so that none is told twice.
const MAX_TOLD: usize = 8192;

/// What a pod's status told for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodNews {
    /// A container has ended.
    Terminated(Termination),
    /// A container was started again.
    Restarted(Restart),
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Termination {
    /// The container; its id is there.
    pub owner: Owner,
    /// The kubelet's word: `Completed`, `Error`, `OOMKilled`.
    pub reason: Option<String>,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// The signal, where the runtime tells it.
    pub signal: Option<i32>,
    /// When, to the second.
    pub finished_at: Option<UnixMicros>,
    /// How often the pod's container had been started again before this one.
    pub restart_count: Option<u32>,
}

/// A container was started again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// The container that runs now, if it has an id yet.
    pub owner: Owner,
    /// How often it was started again by now.
    pub restart_count: u32,
    /// Why the one before it ended.
    pub reason: Option<String>,
}

/// What could not be kept, in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beyond {
    /// Pods told of, but beyond [`MAX_PODS`] or [`MAX_BYTES`].
    pub pods: u64,
    /// Labels left out or cut.
    pub labels: u64,
    /// News that nobody took.
    pub news: u64,
}

/// The pods of this node.
#[derive(Debug, Default)]
pub struct PodIndex {
    /// Containers that ended before this are no news.
    since: UnixMicros,
    generation: u64,
    round: u64,
    pods: HashMap<Arc<str>, Entry>,
    by_container: HashMap<String, Place>,
    by_static_hash: HashMap<String, Arc<str>>,
    bytes: usize,
    beyond: Beyond,
    news: VecDeque<PodNews>,
    told: Told,
}

/// A pod's uid, and which of its containers.
type Place = (Arc<str>, usize);

#[derive(Debug)]
struct Entry {
    facts: PodFacts,
    /// The generation in which it changed last.
    changed: u64,
    /// The list that had it last.
    round: u64,
    bytes: usize,
}

/// Ids of containers whose end was told, the oldest forgotten first.
#[derive(Debug, Default)]
struct Told {
    ids: HashSet<Box<str>>,
    order: VecDeque<Box<str>>,
}

impl Told {
    /// Notes an id; false where it was there.
    fn insert(&mut self, id: &str) -> bool {
        if self.ids.contains(id) {
            return false;
        }
        if self.order.len() >= MAX_TOLD
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        self.ids.insert(id.into());
        self.order.push_back(id.into());
        true
    }
}

impl PodIndex {
    /// No pods; containers that ended before `since` are no news.
    #[must_use]
    pub fn new(since: UnixMicros) -> Self {
        Self { since, ..Self::default() }
    }

    /// Grows whenever a name may have changed.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Pods and containers that are known.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.pods.len(), self.by_container.len())
    }

    /// What could not be kept.
    #[must_use]
    pub fn beyond(&self) -> Beyond {
        self.beyond
    }

    /// A list begins: what it does not have is gone at its end.
    pub fn begin_list(&mut self) {
        self.round += 1;
    }

    /// A list is complete.
    pub fn end_list(&mut self) {
        let round = self.round;
        let gone: Vec<Arc<str>> =
            self.pods.iter().filter(|(_, entry)| entry.round != round).map(|(uid, _)| Arc::clone(uid)).collect();
        gone.iter().for_each(|uid| self.forget(uid));
    }

    /// A pod is there, or has changed. False where it has no uid or name.
    pub fn upsert(&mut self, pod: &Pod) -> bool {
        let Some((facts, labels_beyond)) = PodFacts::of(pod) else { return false };
        let before = self.pods.get(facts.uid.as_str());
        if before.is_some_and(|before| before.facts == facts) {
            if let Some(entry) = self.pods.get_mut(facts.uid.as_str()) {
                entry.round = self.round;
            }
            return true;
        }
        self.beyond.labels += labels_beyond;
        self.tell(&facts);
        self.forget(&Arc::from(facts.uid.as_str()));
        let bytes = facts.memory();
        if self.pods.len() >= MAX_PODS || self.bytes + bytes > MAX_BYTES {
            self.beyond.pods += 1;
            return true;
        }
        self.enter(facts, bytes);
        true
    }

    /// A pod is gone; its last state may tell how its containers ended.
    pub fn remove(&mut self, pod: &Pod) {
        if let Some((facts, _)) = PodFacts::of(pod) {
            self.tell(&facts);
            self.forget(&Arc::from(facts.uid.as_str()));
        }
    }

    /// The identity with the names that are known of it, if that changes it and its pod has changed after a generation.
    #[must_use]
    pub fn fuller(&self, identity: &Identity, after: u64) -> Option<Identity> {
        let (entry, container) = self.find(identity)?;
        if entry.changed <= after {
            return None;
        }
        let mut fuller = identity.clone();
        let PodFacts { name, namespace, workload, labels, .. } = &entry.facts;
        fuller.pod = Some(name.clone());
        fuller.namespace = Some(namespace.clone());
        fuller.workload = Some(workload.clone());
        fuller.labels.clone_from(labels);
        if let Some(container) = container {
            name_container(&mut fuller, container);
        }
        (fuller != *identity).then_some(fuller)
    }

    /// Whether a cgroup in a pod is none of its containers, all of which are known by their ids: then it is the sandbox.
    #[must_use]
    pub fn is_sandbox(&self, identity: &Identity) -> bool {
        let Some((entry, None)) = self.find(identity) else { return false };
        let is_known = |container: &ContainerFacts| {
            // One that has ended may have a successor of which the kubelet has not told yet.
            container.id.is_some() && (container.ended.is_none() || container.kind == ContainerKind::Init)
        };
        !entry.facts.containers.is_empty() && entry.facts.containers.iter().all(is_known)
    }

    /// Takes what was told since the last time, oldest first; each is told once.
    pub fn take_news(&mut self) -> Vec<PodNews> {
        std::mem::take(&mut self.news).into()
    }

    fn find(&self, identity: &Identity) -> Option<(&Entry, Option<&ContainerFacts>)> {
        if let Some((uid, index)) = self.by_container.get(&identity.container_id) {
            let entry = self.pods.get(uid)?;
            return Some((entry, entry.facts.containers.get(*index)));
        }
        let uid = identity.pod_uid.as_deref()?;
        let entry = self.pods.get(uid).or_else(|| self.pods.get(self.by_static_hash.get(uid)?))?;
        Some((entry, None))
    }

    fn enter(&mut self, facts: PodFacts, bytes: usize) {
        let uid: Arc<str> = facts.uid.as_str().into();
        for (index, container) in facts.containers.iter().enumerate() {
            for id in container.ids() {
                self.by_container.insert(id.to_owned(), (Arc::clone(&uid), index));
            }
        }
        if let Some(hash) = &facts.static_hash {
            self.by_static_hash.insert(hash.clone(), Arc::clone(&uid));
        }
        self.generation += 1;
        self.bytes += bytes;
        self.pods.insert(uid, Entry { facts, changed: self.generation, round: self.round, bytes });
    }

    fn forget(&mut self, uid: &Arc<str>) {
        let Some(Entry { facts, bytes, .. }) = self.pods.remove(uid) else { return };
        self.bytes -= bytes;
        for id in facts.containers.iter().flat_map(ContainerFacts::ids) {
            if self.by_container.get(id).is_some_and(|(place, _)| place == uid) {
                self.by_container.remove(id);
            }
        }
        if let Some(hash) = facts.static_hash.filter(|hash| self.by_static_hash.get(hash) == Some(uid)) {
            self.by_static_hash.remove(&hash);
        }
    }

    /// What the new state of a pod tells that the known one did not.
    fn tell(&mut self, facts: &PodFacts) {
        let mut told = Vec::new();
        let before = self.pods.get(facts.uid.as_str()).map(|entry| &entry.facts.containers);
        for container in &facts.containers {
            for (ended, restart_count) in container.ends() {
                let Some(id) = &ended.id else { continue };
                let is_recent = ended.finished_at.is_some_and(|time| time >= self.since);
                if is_recent && self.told.insert(id) {
                    told.push(PodNews::Terminated(Termination {
                        owner: owner(facts, container, Some(id)),
                        reason: ended.reason.clone(),
                        exit_code: ended.exit_code,
                        signal: ended.signal,
                        finished_at: ended.finished_at,
                        restart_count,
                    }));
                }
            }
            let earlier = before.and_then(|all| all.iter().find(|earlier| earlier.name == container.name));
            let Some((earlier, now)) = earlier.and_then(|c| c.restart_count).zip(container.restart_count) else {
                continue;
            };
            if now > earlier {
                told.push(PodNews::Restarted(Restart {
                    owner: owner(facts, container, container.id.as_ref()),
                    restart_count: now,
                    reason: container.before.as_ref().and_then(|ended| ended.reason.clone()),
                }));
            }
        }
        // Whoever compares generations has something to take.
        self.generation += u64::from(!told.is_empty());
        for news in told {
            if self.news.len() >= MAX_NEWS {
                self.news.pop_front();
                self.beyond.news += 1;
            }
            self.news.push_back(news);
        }
    }
}

fn owner(facts: &PodFacts, container: &ContainerFacts, id: Option<&String>) -> Owner {
    Owner {
        container_id: id.cloned(),
        pod_uid: Some(facts.cgroup_uid().to_owned()),
        pod: Some(facts.name.clone()),
        namespace: Some(facts.namespace.clone()),
        container: Some(container.name.clone()),
        workload: Some(facts.workload.clone()),
    }
}

fn name_container(identity: &mut Identity, container: &ContainerFacts) {
    let is_newest = container.id.as_ref() == Some(&identity.container_id);
    let earlier = container.restart_count.and_then(|count| count.checked_sub(1));
    identity.role = Role::Container;
    identity.container = Some(container.name.clone());
    identity.image.clone_from(&container.image);
    identity.kind = Some(container.kind);
    identity.resources = container.resources;
    identity.restart_count = if is_newest { container.restart_count } else { earlier };
    if is_newest {
        identity.restart_reason = container.before.as_ref().and_then(|ended| ended.reason.clone());
    }
}

#[cfg(test)]
mod tests;
