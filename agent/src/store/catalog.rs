//! The sealed files that the store has, and the containers in them.
//!
//! No I/O: files are told to it when they are sealed, found at start, merged or deleted. Containers of which no file is left
//! are forgotten, so that memory is bounded by what is kept on disk. The surprise: everything that there are many of is kept
//! small, for a node's agent keeps three months of files and a week of containers: a container of a file is some six bytes
//! (`container_list.rs`); a container itself (`roll.rs`) and the segments of a file (`segment_set.rs`) share what others have as
//! well.

mod compact;
mod container_list;
mod hours;
mod pool;
mod roll;
mod sealed_file;
mod segment_set;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use self::compact::Id;
use self::container_list::{ContainerList, FileContainer};
pub use self::hours::HourFacts;
use self::pool::Pool;
pub use self::roll::Filed;
use self::roll::Roll;
pub use self::sealed_file::{FileRows, SealedFile};
use self::sealed_file::{Place, micros_after};
use self::segment_set::Series;
pub use self::segment_set::{SegmentId, SegmentSet};
use super::footer::Footer;
use super::resolution::Resolution;
use crate::model::{HOUR_USEC, Identity, UnixMicros};
use crate::table::Table;

/// A container that the store has rows of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerSummary {
    /// Who it is, as its newest rows say; where these have no names yet, with those of older ones.
    pub identity: Arc<Identity>,
    /// The node that it runs on.
    pub node: Arc<str>,
    /// The time of its first row, which may be gone from the disk by now.
    pub first_seen: UnixMicros,
    /// The time of its last row.
    pub last_seen: UnixMicros,
    /// Whether more rows of it may come.
    pub alive: bool,
}

/// What became of a file that was told to the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It was added.
    New,
    /// It was there.
    Known,
    /// Another file has the same segment's rows, or some of the rows of the segments it was made of.
    Duplicate,
    /// Its rows are in a file that was made of it and others: it is to be deleted.
    Replaced,
}

/// Who has a segment's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// The file that was sealed of it.
    Itself,
    /// A file that was made of several.
    Merged,
}

/// Segments whose rows a file has.
#[derive(Debug)]
struct Held {
    first: u64,
    last: u64,
    holder: Holder,
    file: u64,
}

/// The sealed files and their containers.
#[derive(Debug, Default)]
pub struct Catalog {
    /// By the time of the first row, and a number that tells apart those of the same time.
    files: BTreeMap<(UnixMicros, u64), Arc<SealedFile>>,
    next: u64,
    held: HashMap<(Table, Resolution, Series), Vec<Held>>,
    /// Names of runs and nodes.
    names: Pool<str>,
    directories: Pool<Path>,
    roll: Roll,
    rows: u64,
    bytes: u64,
}

impl Catalog {
    /// Adds a file, unless its segment is there already, or segments that it was made of are in another file that was made of
    /// them: nothing may appear twice. The files that it replaces leave, and those whose rows it has as well.
    pub fn insert(&mut self, path: &Path, footer: &Footer) -> (Inserted, Vec<Arc<SealedFile>>) {
        let file = self.file(path, footer);
        match self.holder((file.table, file.resolution), &file.segment) {
            None => {}
            Some(Holder::Merged) => return (Inserted::Replaced, Vec::new()),
            Some(Holder::Itself) => {
                let known = self.number(file.first, path).is_some();
                return (if known { Inserted::Known } else { Inserted::Duplicate }, Vec::new());
            }
        }
        let doubled = match self.doubled_by(&file) {
            Ok(doubled) => doubled,
            Err(refused) => return (refused, Vec::new()),
        };
        let mut replaced = self.remove_segments((file.table, file.resolution), &file.replaces);
        replaced.extend(doubled.into_iter().filter_map(|key| self.remove_at(key)));
        let containers = self.note_all(footer);
        self.enter(SealedFile { containers, ..file });
        if !replaced.is_empty() {
            self.tidy();
        }
        (Inserted::New, replaced)
    }

    /// Forgets a file.
    pub fn remove(&mut self, first: UnixMicros, path: &Path) -> Option<Arc<SealedFile>> {
        let number = self.number(first, path)?;
        let removed = self.remove_at((first, number));
        self.tidy();
        removed
    }

    /// Whether a sealed file of the segment's rows of a table is there.
    #[must_use]
    pub fn has_segment(&self, table: Table, segment: &str) -> bool {
        let segment = SegmentId::of(segment, &mut Pool::default());
        self.holder((table, Resolution::Raw), &segment).is_some()
    }

    /// The files of all tables and resolutions, by the time of their first rows.
    pub fn files(&self) -> impl Iterator<Item = &Arc<SealedFile>> {
        self.files.values()
    }

    /// The files that may have rows from `from` to before `to`, by the time of their first rows.
    pub fn files_between(&self, from: UnixMicros, to: UnixMicros) -> impl Iterator<Item = &Arc<SealedFile>> {
        // No file crosses an hour.
        let earliest = from.saturating_sub(from.rem_euclid(HOUR_USEC)).min(to);
        let range = self.files.range((earliest, 0)..(to, 0));
        range.map(|(_, file)| file).filter(move |file| file.last >= from)
    }

    /// The number of files, of their rows, and of their bytes.
    #[must_use]
    pub fn totals(&self) -> (u64, u64, u64) {
        (self.files.len() as u64, self.rows, self.bytes)
    }

    /// The containers that files of readings have rows of.
    pub fn containers(&self) -> impl Iterator<Item = &Filed> {
        self.roll.all()
    }

    /// A container that files of readings have rows of.
    #[must_use]
    pub fn container(&self, container_id: &str) -> Option<&Filed> {
        self.roll.get(self.roll.number(&Id::of(container_id))?)
    }

    /// Who a container is, as its newest rows say, or as was told later.
    #[must_use]
    pub fn identity(&self, container_id: &str) -> Option<Identity> {
        self.container(container_id).map(Filed::identity)
    }

    /// Takes names that came after the last rows of a container; nothing where no file has rows of it.
    pub fn name(&mut self, identity: &Identity) {
        self.roll.name(identity);
    }

    /// The containers of a file of readings by their numbers, in row order, and where their rows are.
    pub fn entries<'a>(&'a self, file: &'a SealedFile) -> impl Iterator<Item = (u32, &'a Filed, FileRows)> {
        file.rows_of_all().filter_map(|(number, rows)| Some((number, self.roll.get(number)?, rows)))
    }

    /// A container, its number, and where its rows in a file are; `None` if it has none there.
    #[must_use]
    pub fn entry(&self, file: &SealedFile, container_id: &str) -> Option<(u32, &Filed, FileRows)> {
        let id = Id::of(container_id);
        let number = self.roll.number(&id)?;
        let is_after = |other: u32| self.roll.id(other).is_some_and(|other| *other > id);
        Some((number, self.roll.get(number)?, file.rows_of(number, is_after)?))
    }

    /// What a footer says, but for the containers.
    fn file(&mut self, path: &Path, footer: &Footer) -> SealedFile {
        let directory = &footer.directory;
        self.next += 1;
        SealedFile {
            number: self.next,
            table: directory.table,
            node: self.names.share(&*footer.origin.node),
            resolution: directory.resolution,
            place: Place::of(path, directory.span, &mut self.directories),
            segment: SegmentId::of(&footer.origin.segment, &mut self.names),
            replaces: SegmentSet::of(&directory.replaces, &mut self.names),
            covers: SegmentSet::of(&directory.covers, &mut self.names),
            bytes: footer.bytes,
            rows: footer.rows,
            interval_usec: i64::try_from(footer.origin.interval_usec).unwrap_or(i64::MAX),
            first: directory.span.0,
            last: directory.span.1,
            containers: ContainerList::default(),
            in_order: directory.containers.is_sorted_by_key(|entry| &entry.identity.container_id),
        }
    }

    fn enter(&mut self, file: SealedFile) {
        let number = file.number;
        self.rows += file.rows;
        self.bytes += file.bytes;
        let own = std::iter::once(file.segment.clone()).collect::<SegmentSet>();
        for (segments, holder) in [(&file.replaces, Holder::Merged), (&own, Holder::Itself)] {
            for span in segments.spans() {
                let held = Held { first: span.first, last: span.last, holder, file: number };
                self.held.entry((file.table, file.resolution, span.series.clone())).or_default().push(held);
            }
        }
        self.files.insert((file.first, number), Arc::new(file));
    }

    fn number(&self, first: UnixMicros, path: &Path) -> Option<u64> {
        let mut found = self.files.range((first, 0)..=(first, u64::MAX));
        found.find(|(_, file)| file.is_at(path)).map(|(&(_, number), _)| number)
    }

    fn holder(&self, (table, resolution): (Table, Resolution), segment: &SegmentId) -> Option<Holder> {
        let held = self.held.get(&(table, resolution, segment.series.clone()))?;
        held.iter().find(|held| (held.first..=held.last).contains(&segment.number)).map(|held| held.holder)
    }

    fn remove_at(&mut self, key: (UnixMicros, u64)) -> Option<Arc<SealedFile>> {
        let file = self.files.remove(&key)?;
        self.rows -= file.rows;
        self.bytes -= file.bytes;
        for span in file.holds().spans() {
            let series = (file.table, file.resolution, span.series.clone());
            let Some(held) = self.held.get_mut(&series) else { continue };
            held.retain(|held| held.file != key.1);
            if held.is_empty() {
                self.held.remove(&series);
            }
        }
        for (number, _) in file.rows_of_all() {
            self.roll.forget(number);
        }
        Some(file)
    }

    /// Gives back what the files that were removed took.
    fn tidy(&mut self) {
        self.roll.tidy();
        self.names.tidy();
        self.directories.tidy();
    }

    /// The files with rows of a merged file (or of a file of rollups) that it does not know of, all of which it has: what a
    /// name that could not be made durable leaves. An error where one of them has rows that it lacks.
    fn doubled_by(&self, new: &SealedFile) -> Result<Vec<(UnixMicros, u64)>, Inserted> {
        let own = new.sources();
        if own.is_empty() {
            return Ok(Vec::new());
        }
        let hour = new.hour().saturating_mul(HOUR_USEC);
        let mut doubled = Vec::new();
        for (key, file) in self.files.range((hour, 0)..(hour.saturating_add(HOUR_USEC), 0)) {
            let alike = (file.table, file.resolution, &file.node) == (new.table, new.resolution, &new.node)
                && !new.replaces.contains(&file.segment);
            let sources = file.sources();
            if !alike || !sources.intersects(&own) {
                continue;
            }
            if !sources.is_subset(&own) {
                return Err(if own.is_subset(&sources) { Inserted::Replaced } else { Inserted::Duplicate });
            }
            if sources == own {
                return Err(Inserted::Replaced);
            }
            doubled.push(*key);
        }
        Ok(doubled)
    }

    fn remove_segments(
        &mut self,
        (table, resolution): (Table, Resolution),
        segments: &SegmentSet,
    ) -> Vec<Arc<SealedFile>> {
        if segments.is_empty() {
            return Vec::new();
        }
        let replaced = |file: &SealedFile| {
            (file.table, file.resolution) == (table, resolution) && segments.contains(&file.segment)
        };
        let found: Vec<_> = self.files.iter().filter(|(_, file)| replaced(file)).map(|(key, _)| *key).collect();
        found.into_iter().filter_map(|key| self.remove_at(key)).collect()
    }

    fn note_all(&mut self, footer: &Footer) -> ContainerList {
        let directory = &footer.directory;
        if !directory.is_catalogued() {
            return ContainerList::default();
        }
        let offset = |time: UnixMicros| micros_after(directory.span.0, time);
        let node = self.names.share(&*footer.origin.node);
        let entries = directory.containers.iter().map(|entry| FileContainer {
            container: self.roll.note(&entry.identity, &node, (entry.first_us, entry.last_us)),
            first: offset(entry.first_us),
            last: offset(entry.last_us),
            // The footer was read: no position is beyond the file's rows, of which there are fewer.
            first_row: u32::try_from(entry.first_row).unwrap_or(u32::MAX),
        });
        ContainerList::of(entries, offset(directory.span.1))
    }
}
