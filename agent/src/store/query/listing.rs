//! The containers that are held, and since and until when.
//!
//! Those of readings are known to the catalogue and to memory. The surprise: of older times, of which only rollups are left, a
//! container is found in the rollups' footers, which are read when somebody asks for such a time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::pread::Pread;
use super::source::Seen;
use super::{Engine, pool};
use crate::model::UnixMicros;
use crate::resolution::Resolution;
use crate::scan::ScanError;
use crate::store::catalog::{ContainerSummary, Filed, SealedFile};
use crate::table::Table;

fn in_memory(seen: &Seen<'_>) -> Vec<ContainerSummary> {
    let mut found = Vec::new();
    for memory in &seen.memory {
        let node: Arc<str> = Arc::from(memory.node);
        for series in memory.segment.of(Table::Containers) {
            let Some(identity) = series.subject.identity() else { continue };
            found.push(ContainerSummary {
                identity: Arc::clone(identity),
                node: Arc::clone(&node),
                first_seen: series.first,
                last_seen: series.last(),
                alive: false,
            });
        }
    }
    found
}

fn join(known: &mut ContainerSummary, other: ContainerSummary) {
    if other.last_seen >= known.last_seen {
        known.identity = other.identity;
    }
    known.first_seen = known.first_seen.min(other.first_seen);
    known.last_seen = known.last_seen.max(other.last_seen);
}

fn sorted(mut summaries: Vec<ContainerSummary>) -> Vec<ContainerSummary> {
    summaries.sort_unstable_by(|a, b| {
        let by_id = || a.identity.container_id.cmp(&b.identity.container_id);
        b.first_seen.cmp(&a.first_seen).then_with(by_id)
    });
    summaries
}

impl Engine {
    /// Everybody of whom readings are held, the one seen first last.
    #[must_use]
    pub fn containers(&self) -> Vec<ContainerSummary> {
        // What the catalogue keeps small is unfolded where the store's lock is not held.
        let (mut filed, mut memory, mut live): (Vec<Filed>, Vec<ContainerSummary>, Vec<String>) = Default::default();
        self.held.look(&mut |seen| {
            filed = seen.catalog.containers().cloned().collect();
            memory = in_memory(seen);
            live = seen.tail.iter().flat_map(|tail| tail.live_ids()).map(str::to_owned).collect();
        });
        let mut found: HashMap<String, ContainerSummary> = HashMap::with_capacity(filed.len());
        for summary in filed.iter().map(Filed::summary).chain(memory) {
            match found.entry(summary.identity.container_id.clone()) {
                Entry::Vacant(entry) => drop(entry.insert(summary)),
                Entry::Occupied(mut entry) => join(entry.get_mut(), summary),
            }
        }
        for id in live {
            found.get_mut(&id).into_iter().for_each(|summary| summary.alive = true);
        }
        sorted(found.into_values().collect())
    }

    /// From the first row that is kept to after the last one; `None` without rows.
    #[must_use]
    pub fn span(&self) -> Option<(UnixMicros, UnixMicros)> {
        let mut span: Option<(UnixMicros, UnixMicros)> = None;
        self.held.look(&mut |seen| {
            let files = seen.catalog.files().map(|file| (file.first, file.last));
            let memory = seen.memory.iter().filter_map(|memory| memory.segment.span());
            span = files.chain(memory).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        });
        span.map(|(first, last)| (first, last.saturating_add(1)))
    }

    /// All rows before this time are in sealed files; `None` without files.
    #[must_use]
    pub fn sealed_until(&self) -> Option<UnixMicros> {
        let mut until = None;
        self.held.look(&mut |seen| {
            let in_memory = seen.memory.iter().filter_map(|memory| memory.segment.span()).map(|(first, _)| first).min();
            let in_files = seen.catalog.files().map(|file| file.last).max();
            until = in_files.map(|last| in_memory.unwrap_or(i64::MAX).min(last.saturating_add(1)));
        });
        until
    }

    /// The sampling interval of who records, or of the newest file; a second where there is neither.
    #[must_use]
    pub fn interval_usec(&self) -> i64 {
        let mut interval = None;
        self.held.look(&mut |seen| {
            let memory = seen.memory.last().map(|memory| i64::try_from(memory.interval_usec).unwrap_or(i64::MAX));
            interval = memory.or_else(|| seen.catalog.files().last().map(|file| file.interval_usec));
        });
        interval.unwrap_or(1_000_000).max(1)
    }

    /// Those of the hours of a range of which only rollups are left.
    ///
    /// # Errors
    /// A file can't be read, or was deleted meanwhile.
    pub fn containers_of_rollups(&self, range: (UnixMicros, UnixMicros)) -> Result<Vec<ContainerSummary>, ScanError> {
        let mut files: Vec<Arc<SealedFile>> = Vec::new();
        self.held.look(&mut |seen| {
            let hours = seen.catalog.hours(Table::Containers, range);
            let alone: Vec<_> = hours.iter().filter(|hour| !hour.has_readings).map(|hour| hour.from).collect();
            let of_hour = |file: &&Arc<SealedFile>| {
                (file.table, file.resolution) == (Table::Containers, Resolution::Minute)
                    && alone.iter().any(|from| file.hour() == from.div_euclid(crate::model::HOUR_USEC))
            };
            files = seen.catalog.files_between(range.0, range.1).filter(of_hour).cloned().collect();
        });
        let mut found: HashMap<String, ContainerSummary> = HashMap::new();
        pool::in_order(
            files.len(),
            |at| self.listed(&files[at]),
            |_, listed| {
                for summary in listed? {
                    match found.entry(summary.identity.container_id.clone()) {
                        Entry::Vacant(entry) => drop(entry.insert(summary)),
                        Entry::Occupied(mut entry) => join(entry.get_mut(), summary),
                    }
                }
                Ok(())
            },
        )?;
        Ok(sorted(found.into_values().collect()))
    }

    fn listed(&self, sealed: &SealedFile) -> Result<Vec<ContainerSummary>, ScanError> {
        let path = sealed.path();
        let unreadable =
            |error: &dyn std::fmt::Display| ScanError::Unreadable(format!("{} can't be read: {error}", path.display()));
        let file = match Pread::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(ScanError::Changed),
            opened => opened.map_err(|error| unreadable(&error))?,
        };
        let runs = self.runs.of(sealed, &file, &self.columns).map_err(|error| unreadable(&error))?;
        let summary = |run: &super::runs::Run| {
            Some(ContainerSummary {
                identity: Arc::clone(run.subject.identity()?),
                node: Arc::clone(&sealed.node),
                first_seen: run.first,
                last_seen: run.last,
                alive: false,
            })
        };
        Ok(runs.iter().filter_map(summary).collect())
    }
}
