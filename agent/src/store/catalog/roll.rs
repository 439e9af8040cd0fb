//! The containers that files of readings have rows of.
//!
//! Pure. A container is known as long as a file has rows of it; files hold it by its number. The surprise: what comes out is
//! a [`Filed`], cheap to copy, of which a summary is made where the store's lock is not held.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;

use super::super::naming::{is_named, overlaid};
use super::ContainerSummary;
use super::compact::{Compact, Id, Parts};
use crate::model::{Identity, UnixMicros};

/// A container that files have rows of.
#[derive(Clone, Debug)]
pub struct Filed {
    who: Compact,
    node: Arc<str>,
    first: UnixMicros,
    last: UnixMicros,
}

impl Filed {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> String {
        self.who.id.text().into_owned()
    }

    /// Its pod's uid.
    #[must_use]
    pub fn pod_uid(&self) -> Option<&str> {
        self.who.pod_uid()
    }

    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.who.identity()
    }

    /// What is known of it; whether it lives is not known here.
    #[must_use]
    pub fn summary(&self) -> ContainerSummary {
        let identity = Arc::new(self.who.identity());
        ContainerSummary {
            identity,
            node: Arc::clone(&self.node),
            first_seen: self.first,
            last_seen: self.last,
            alive: false,
        }
    }
}

#[derive(Debug)]
struct Known {
    filed: Filed,
    /// The files that have rows of it.
    files: u32,
}

/// Containers by number and by id.
#[derive(Debug, Default)]
pub(super) struct Roll {
    known: Vec<Option<Known>>,
    free: Vec<u32>,
    by_id: HashTable<u32>,
    hasher: RandomState,
    parts: Parts,
}

impl Roll {
    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Filed> {
        self.known.iter().flatten().map(|known| &known.filed)
    }

    /// The number of a container.
    pub(super) fn number(&self, id: &Id) -> Option<u32> {
        let found = self.by_id.find(self.hasher.hash_one(id), |&number| self.id(number) == Some(id));
        found.copied()
    }

    /// The id of a number.
    pub(super) fn id(&self, number: u32) -> Option<&Id> {
        self.get(number).map(|filed| &filed.who.id)
    }

    /// The container of a number.
    pub(super) fn get(&self, number: u32) -> Option<&Filed> {
        self.known.get(number as usize)?.as_ref().map(|known| &known.filed)
    }

    /// Notes that one more file has rows of a container from `first` to `last`: its number.
    pub(super) fn note(
        &mut self,
        identity: &Identity,
        node: &Arc<str>,
        (first, last): (UnixMicros, UnixMicros),
    ) -> u32 {
        let who = self.parts.compact(identity);
        let Some(number) = self.number(&who.id) else {
            return self.enter(Known { filed: Filed { who, node: Arc::clone(node), first, last }, files: 1 });
        };
        if let Some(Some(known)) = self.known.get_mut(number as usize) {
            known.files += 1;
            let filed = &mut known.filed;
            if filed.who != who {
                let before = filed.who.identity();
                let is_newest = last >= filed.last;
                let (newer, older) = if is_newest { (identity, &before) } else { (&before, identity) };
                if is_named(older) && !is_named(newer) {
                    filed.who = self.parts.compact(&overlaid(older, newer));
                } else if is_newest {
                    filed.who = who;
                }
            }
            filed.first = filed.first.min(first);
            filed.last = filed.last.max(last);
        }
        number
    }

    /// Takes names that came after the last rows of a container.
    pub(super) fn name(&mut self, identity: &Identity) {
        let Some(number) = self.number(&Id::of(&identity.container_id)) else { return };
        if let Some(Some(known)) = self.known.get_mut(number as usize) {
            let before = known.filed.who.identity();
            known.filed.who = self.parts.compact(&overlaid(identity, &before));
        }
    }

    /// Notes that one file less has rows of a container; without any it is forgotten.
    pub(super) fn forget(&mut self, number: u32) {
        let Some(slot) = self.known.get_mut(number as usize) else { return };
        let Some(known) = slot else { return };
        known.files -= 1;
        if known.files > 0 {
            return;
        }
        let hash = self.hasher.hash_one(&known.filed.who.id);
        *slot = None;
        if let Ok(entry) = self.by_id.find_entry(hash, |&other| other == number) {
            entry.remove();
        }
        self.free.push(number);
    }

    /// Gives back what those who were forgotten took.
    pub(super) fn tidy(&mut self) {
        self.parts.tidy();
        if self.by_id.len() * 4 < self.by_id.capacity() {
            let hash = |number: &u32| hash_of(&self.hasher, &self.known, *number);
            self.by_id.shrink_to(self.by_id.len() * 2, hash);
        }
    }

    fn enter(&mut self, known: Known) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.known.push(None);
            self.known.len() as u32 - 1
        });
        let hash = self.hasher.hash_one(&known.filed.who.id);
        self.known[number as usize] = Some(known);
        let (hasher, all) = (&self.hasher, &self.known);
        self.by_id.insert_unique(hash, number, |&other| hash_of(hasher, all, other));
        number
    }
}

fn hash_of(hasher: &RandomState, known: &[Option<Known>], number: u32) -> u64 {
    let known = known.get(number as usize).and_then(Option::as_ref);
    known.map_or(0, |known| hasher.hash_one(&known.filed.who.id))
}
