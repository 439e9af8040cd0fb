//! Names of members: asked for at birth, and again when the API server has told more.
//!
//! A generation number says whether anything has changed since the last pass, so a pass without changes takes no lock. A
//! member is never renamed to less. The surprise: a container may have ended before the kubelet tells its name; then it is
//! born and dies once more, with its name and without a row.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::Sampler;
use super::member::{Member, Sort};
use crate::clock::{monotonic, wall};
use crate::event::{Draft, Kind};
use crate::model::{Identity, Role, SeriesKey, Tick};
use crate::pods::PodNews;
use crate::pods::cell::PodsCell;
use crate::pods::runtimes::{Looked, RuntimeNames};
use crate::schedule::Monotonic;
use crate::subject::Subject;

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
    waiting: Vec<SeriesKey>,
    /// Members that ended without a name of their own, and when; the oldest first.
    ended: VecDeque<(Monotonic, SeriesKey, Arc<Identity>)>,
}

impl Sampler {
    /// A new member with the names that are known already.
    pub(super) fn named(&mut self, key: SeriesKey, mut identity: Identity) -> Identity {
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
            self.tell_what_pods_tell(tick);
            let (members, after) = (&self.members, self.asked.generation);
            let fuller: Vec<(SeriesKey, Identity)> = self.options.names.pods.read(|index| {
                let known = |(&key, identity): (&SeriesKey, &Identity)| Some((key, index.fuller(identity, after)?));
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

    /// Ends with their reasons, and restarts: the kubelet tells of them after they happened.
    fn tell_what_pods_tell(&mut self, tick: &mut Tick) {
        let news = self.options.names.pods.take_news();
        news.into_iter().for_each(|news| self.tell(draft_of(news), tick));
    }

    /// A member has ended: its name may still come.
    pub(super) fn remember_ended(&mut self, member: &Member) {
        let identity = &member.identity;
        let may_be_named = member.sort == Sort::Container
            && identity.pod_uid.is_some()
            && identity.container.is_none()
            && identity.role == Role::Container;
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
            tick.births.push((*key, Subject::Container(Arc::clone(identity))));
            tick.deaths.push(*key);
            identity.container.is_none()
        });
    }
}

fn draft_of(news: PodNews) -> Draft {
    let now = wall();
    match news {
        PodNews::Terminated(end) => {
            let reason = end.reason.as_deref().unwrap_or("no reason given");
            let code = end.exit_code.map_or_else(|| "unknown".to_owned(), |code| code.to_string());
            let who = end.owner.container.as_deref().unwrap_or("a container");
            let message = format!("{who} ended: {reason}, exit code {code}");
            // The kubelet's times are whole seconds, so it happened up to a second after the one it names.
            let late = end.finished_at.map(|finished| (now - finished).max(0));
            let draft = Draft::new(Kind::ContainerTerminated, now, message).of(end.owner).reason(end.reason);
            let draft = draft.number("exit_code", end.exit_code.map(i64::from)).number("uncertainty_usec", late);
            draft.number("count", end.restart_count.map(i64::from))
        }
        PodNews::Restarted(restart) => {
            let who = restart.owner.container.as_deref().unwrap_or("a container");
            let why =
                restart.reason.as_deref().map_or_else(String::new, |reason| format!("; the one before: {reason}"));
            let message = format!("{who} was started again, {} times by now{why}", restart.restart_count);
            let draft = Draft::new(Kind::ContainerRestart, now, message).of(restart.owner).reason(restart.reason);
            draft.number("count", i64::from(restart.restart_count))
        }
    }
}
