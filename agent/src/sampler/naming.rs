//! Names of members: asked for at birth, and again when the API server has told more.
//!
//! A generation number says whether anything has changed since the last pass, so a pass without changes takes no lock. A
//! member is never renamed to less. The surprise: a container may have ended before the kubelet tells its name; then it is
//! born and dies once more, with its name and without a row.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::Sampler;
use super::member::Member;
use crate::clock::monotonic;
use crate::model::{ContainerKey, Identity, Role, Tick};
use crate::pods::cell::PodsCell;
use crate::pods::runtimes::{Looked, RuntimeNames};
use crate::schedule::Monotonic;

/// Members that wait to be looked up with a runtime, at most.
const MAX_WAITING: usize = 1024;

/// How long an ended member is still named, and how many are remembered for it.
const NAMED_AFTER_END: Duration = Duration::from_secs(60);
const MAX_ENDED: usize = 1024;

/// Where names come from; by default from nowhere.
#[derive(Clone, Debug, Default)]
pub struct Naming {
    /// What the API server tells.
    pub pods: Arc<PodsCell>,
    /// What docker and podman keep in files.
    pub runtimes: Option<RuntimeNames>,
}

/// What was asked so far.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The generation of the pods that every member has been compared with.
    generation: u64,
    /// Members for which it was too soon to ask a runtime.
    waiting: Vec<ContainerKey>,
    /// Members that ended without a name of their own, and when; the oldest first.
    ended: VecDeque<(Monotonic, ContainerKey, Arc<Identity>)>,
}

impl Sampler {
    /// A new member with the names that are known already.
    pub(super) fn named(&mut self, key: ContainerKey, mut identity: Identity) -> Identity {
        if self.options.names.pods.generation() > 0
            && let Some(fuller) = self.options.names.pods.read(|index| index.fuller(&identity, 0))
        {
            return fuller;
        }
        if let Some(runtimes) = &mut self.options.names.runtimes
            && runtimes.name(&mut identity, monotonic()) == Looked::TooSoon
            && self.asked.waiting.len() < MAX_WAITING
        {
            self.asked.waiting.push(key);
        }
        identity
    }

    /// At each pass: members of which more is known by now.
    pub(super) fn learn_names(&mut self, tick: &mut Tick) {
        let generation = self.options.names.pods.generation();
        if generation != self.asked.generation {
            self.name_ended(tick);
            let (members, after) = (&self.members, self.asked.generation);
            let fuller: Vec<(ContainerKey, Identity)> = self.options.names.pods.read(|index| {
                let known = |(&key, identity): (&ContainerKey, &Identity)| Some((key, index.fuller(identity, after)?));
                members.iter().map(|(key, member)| (key, &*member.identity)).filter_map(known).collect()
            });
            self.asked.generation = generation;
            for (key, identity) in fuller {
                self.rename(key, tick, |known| *known = identity);
            }
        }
        for key in std::mem::take(&mut self.asked.waiting) {
            let Some(member) = self.members.get(&key) else { continue };
            let named = self.named(key, Identity::clone(&member.identity));
            self.rename(key, tick, |known| *known = named);
        }
    }

    /// A member has ended: its name may still come.
    pub(super) fn remember_ended(&mut self, member: &Member) {
        let identity = &member.identity;
        let may_be_named =
            identity.pod_uid.is_some() && identity.container.is_none() && identity.role == Role::Container;
        if may_be_named && self.options.names.pods.generation() > 0 {
            if self.asked.ended.len() >= MAX_ENDED {
                self.asked.ended.pop_front();
            }
            self.asked.ended.push_back((monotonic(), member.key, Arc::clone(identity)));
        }
    }

    /// Says who the members were that ended before their names came.
    fn name_ended(&mut self, tick: &mut Tick) {
        let (after, now) = (self.asked.generation, monotonic());
        let pods = Arc::clone(&self.options.names.pods);
        self.asked.ended.retain(|(ended, ..)| now < *ended + NAMED_AFTER_END);
        self.asked.ended.retain_mut(|(_, key, identity)| {
            let Some(fuller) = pods.read(|index| index.fuller(identity, after)) else { return true };
            *identity = Arc::new(fuller);
            tick.births.push((*key, Arc::clone(identity)));
            tick.deaths.push(*key);
            identity.container.is_none()
        });
    }
}
