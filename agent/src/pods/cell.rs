//! The index of pods, shared between the task that fills it and the sampler that asks it, and how that task is doing.
//!
//! Locks are held for one pod, or for one look at the members whose names may have changed; the sampler compares a number
//! before it takes any. The surprise: nothing here is ever empty again once it was filled; an API server that is gone
//! takes no names away.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;

use super::{PodIndex, PodNews};
use crate::model::UnixMicros;
use crate::rfc3339;

/// How it stands with names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NamesState {
    /// Nobody wants them.
    #[default]
    Off,
    /// There is no API server to ask: not in a pod, and none was named.
    NoServer,
    /// The first list has not come yet.
    Connecting,
    /// Changes come as they happen.
    Connected,
    /// The API server does not answer as it should; the names known stay.
    Retrying,
}

/// How it stands with names, for `/api/status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NamesStatus {
    /// How it stands.
    pub state: NamesState,
    /// Since when.
    #[serde(serialize_with = "maybe_time")]
    #[schemars(with = "Option<String>")]
    pub since: Option<UnixMicros>,
    /// What went wrong last, if anything ever did.
    pub last_error: Option<String>,
    /// Pods known.
    pub pods: usize,
    /// Containers known by their ids.
    pub containers: usize,
}

fn maybe_time<S: serde::Serializer>(time: &Option<UnixMicros>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(rfc3339::format).serialize(serializer)
}

/// The index, shared.
#[derive(Debug, Default)]
pub struct PodsCell {
    generation: AtomicU64,
    index: Mutex<PodIndex>,
    status: Mutex<NamesStatus>,
}

impl PodsCell {
    /// No pods; containers that ended before `since` are no news.
    #[must_use]
    pub fn new(since: UnixMicros) -> Self {
        Self { index: Mutex::new(PodIndex::new(since)), ..Self::default() }
    }

    /// Grows whenever a name may have changed.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Changes the index; short, because the sampler may wait for it.
    pub fn change<T>(&self, change: impl FnOnce(&mut PodIndex) -> T) -> T {
        let mut index = lock(&self.index);
        let changed = change(&mut index);
        self.generation.store(index.generation(), Ordering::Release);
        changed
    }

    /// Asks the index.
    pub fn read<T>(&self, ask: impl FnOnce(&PodIndex) -> T) -> T {
        ask(&lock(&self.index))
    }

    /// Takes how containers ended and that they were started again, as told since the last time; each is told once.
    #[must_use]
    pub fn take_news(&self) -> Vec<PodNews> {
        lock(&self.index).take_news()
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> NamesStatus {
        let (pods, containers) = lock(&self.index).counts();
        NamesStatus { pods, containers, ..lock(&self.status).clone() }
    }

    /// Says how it stands from `now` on; true where that is a change.
    pub fn set_state(&self, state: NamesState, now: UnixMicros) -> bool {
        let mut status = lock(&self.status);
        let is_change = status.state != state;
        if is_change {
            (status.state, status.since) = (state, Some(now));
        }
        is_change
    }

    /// Says what went wrong.
    pub fn set_error(&self, sentence: String) {
        lock(&self.status).last_error = Some(sentence);
    }
}

/// What is behind these locks is whole at every moment, so a panic elsewhere leaves it as it was.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
