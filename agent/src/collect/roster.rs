//! Which containers live, shared between the sampler that sees them come and go and the thread that reads their processes;
//! and on the way back, what that thread counted.
//!
//! Two short locks, never held during I/O. The surprise: totals are taken, not read, so that a number that was counted once
//! is in one row and not carried forward.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::discovery::CgroupPath;
use crate::model::{Identity, SeriesKey};

/// A container that lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rostered {
    /// Its number in this run.
    pub key: SeriesKey,
    /// Who it is.
    pub identity: Arc<Identity>,
    /// Its path below the hierarchies' roots.
    pub path: CgroupPath,
}

/// What was counted of a container's processes, those in cgroups below it included unless they are recorded themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Processes.
    pub processes: i64,
    /// Their threads; `None` where the processes cannot be looked at.
    pub threads: Option<i64>,
    /// Their open descriptors; `None` where the kernel does not say.
    pub open_descriptors: Option<i64>,
}

/// The living containers, and what was counted of their processes.
#[derive(Debug, Default)]
pub struct Roster {
    containers: Mutex<BTreeMap<SeriesKey, Rostered>>,
    totals: Mutex<HashMap<SeriesKey, Totals>>,
}

impl Roster {
    /// A container was born, or more is known of it.
    pub fn put(&self, container: Rostered) {
        lock(&self.containers).insert(container.key, container);
    }

    /// A container died.
    pub fn remove(&self, key: SeriesKey) {
        lock(&self.containers).remove(&key);
        lock(&self.totals).remove(&key);
    }

    /// Who lives now.
    #[must_use]
    pub fn living(&self) -> Vec<Rostered> {
        lock(&self.containers).values().cloned().collect()
    }

    /// Leaves what was counted for the sampler; what it has not taken of an earlier pass is replaced.
    pub fn publish(&self, totals: HashMap<SeriesKey, Totals>) {
        *lock(&self.totals) = totals;
    }

    /// Takes what was counted since the last call.
    #[must_use]
    pub fn take_totals(&self) -> HashMap<SeriesKey, Totals> {
        std::mem::take(&mut *lock(&self.totals))
    }
}

/// The values are whole after every statement, so a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;

    #[test]
    fn the_living_are_those_born_and_not_dead() {
        let roster = Roster::default();
        for (number, path) in [(1, "/a"), (2, "/b")] {
            let identity = Arc::new(Identity::unnamed(path, path, Role::Container));
            roster.put(Rostered { key: SeriesKey(number), identity, path: path.into() });
        }
        roster.remove(SeriesKey(1));
        assert_eq!(roster.living().iter().map(|one| one.key).collect::<Vec<_>>(), [SeriesKey(2)]);
    }

    #[test]
    fn totals_are_taken_once() {
        let roster = Roster::default();
        roster.publish(HashMap::from([(SeriesKey(1), Totals { processes: 3, ..Totals::default() })]));
        assert_eq!(roster.take_totals().len(), 1);
        assert!(roster.take_totals().is_empty());
    }
}
