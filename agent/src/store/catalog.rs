//! The sealed files that the store has, and the containers in them.
//!
//! No I/O: files are told to it when they are sealed, found at start, merged or deleted. Containers of which no file is left
//! are forgotten, so that memory is bounded by what is kept on disk. The surprise: a file's containers are kept as numbers and
//! offsets from the file's start, 16 bytes each: a day of unmerged segments has hundreds of thousands.

mod hours;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::hours::HourFacts;
use super::footer::Footer;
use super::naming::{is_named, overlaid};
use super::resolution::Resolution;
use crate::model::{HOUR_USEC, Identity, UnixMicros};
use crate::table::Table;

/// A sealed file.
#[derive(Clone, Debug)]
pub struct SealedFile {
    /// Its number in this catalogue, which no other file ever gets.
    pub number: u64,
    /// Its table.
    pub table: Table,
    /// The node that its rows are of: a data directory may have been another node's.
    pub node: String,
    /// Whether its rows are readings or minutes of them.
    pub resolution: Resolution,
    /// Where it is.
    pub path: PathBuf,
    /// The segment it was made of, `RUN/NUMBER`.
    pub segment: String,
    /// The segments whose rows it has, where it was made of other files.
    pub replaces: Vec<String>,
    /// The segments of readings that it was computed from, where its rows are rollups.
    pub covers: Vec<String>,
    /// Its size.
    pub bytes: u64,
    /// The number of its rows.
    pub rows: u64,
    /// The sampling interval of the run that wrote it, in microseconds.
    pub interval_usec: i64,
    /// The time of its earliest row.
    pub first: UnixMicros,
    /// The time of its latest row.
    pub last: UnixMicros,
    containers: Box<[FileContainer]>,
    /// Whether these are in the order of their ids, as this agent writes them; another hand may have made the file.
    in_order: bool,
}

impl SealedFile {
    /// The UTC hour that its rows lie in, in hours since 1970.
    #[must_use]
    pub fn hour(&self) -> i64 {
        self.first.div_euclid(HOUR_USEC)
    }

    fn rows_at(&self, position: usize) -> FileRows {
        let entry = self.containers[position];
        let end = self.containers.get(position + 1).map_or(self.rows, |next| u64::from(next.first_row));
        FileRows {
            rows: u64::from(entry.first_row)..end,
            first: self.first + i64::from(entry.first),
            last: self.first + i64::from(entry.last),
        }
    }

    /// The segments that its rows come from, but for its own.
    fn sources(&self) -> impl Iterator<Item = &String> {
        self.replaces.iter().chain(&self.covers)
    }
}

/// A container's time range in a file, in microseconds after the file's first row: a file lies within one hour. Its rows end
/// where those of the next one begin.
#[derive(Clone, Copy, Debug)]
struct FileContainer {
    container: u32,
    first: u32,
    last: u32,
    first_row: u32,
}

/// Where a container's rows are in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRows {
    /// Their positions.
    pub rows: Range<u64>,
    /// The time of the first of them.
    pub first: UnixMicros,
    /// The time of the last of them.
    pub last: UnixMicros,
}

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

#[derive(Debug)]
struct Known {
    summary: ContainerSummary,
    /// The files that have rows of it.
    files: u32,
}

type SegmentKey = (Table, Resolution, String);

/// The sealed files and their containers.
#[derive(Debug, Default)]
pub struct Catalog {
    files: BTreeMap<(UnixMicros, PathBuf), Arc<SealedFile>>,
    segments: HashMap<SegmentKey, Holder>,
    containers: Vec<Option<Known>>,
    free: Vec<u32>,
    by_id: HashMap<Arc<str>, u32>,
    next_number: u64,
    /// The nodes of which there ever was a file: one, but where directories of several were copied together.
    nodes: Vec<Arc<str>>,
    rows: u64,
    bytes: u64,
}

impl Catalog {
    /// Adds a file, unless its segment is there already, or segments that it was made of are in another file that was made of
    /// them: nothing may appear twice. The files that it replaces leave, and those whose rows it has as well.
    pub fn insert(&mut self, path: PathBuf, footer: &Footer) -> (Inserted, Vec<Arc<SealedFile>>) {
        let directory = &footer.directory;
        let (table, resolution, (first, last)) = (directory.table, directory.resolution, directory.span);
        let key = |segment: &String| (table, resolution, segment.clone());
        match self.segments.get(&key(&footer.origin.segment)) {
            None => {}
            Some(Holder::Merged) => return (Inserted::Replaced, Vec::new()),
            Some(Holder::Itself) => {
                let known = self.files.contains_key(&(first, path));
                return (if known { Inserted::Known } else { Inserted::Duplicate }, Vec::new());
            }
        }
        let doubled = match self.doubled_by(footer) {
            Ok(doubled) => doubled,
            Err(refused) => return (refused, Vec::new()),
        };
        let mut replaced = self.remove_segments((table, resolution), &directory.replaces);
        replaced.extend(doubled.into_iter().filter_map(|(first, path)| self.remove(first, &path)));
        self.segments.extend(directory.replaces.iter().map(|segment| (key(segment), Holder::Merged)));
        self.segments.insert(key(&footer.origin.segment), Holder::Itself);
        self.next_number += 1;
        let file = SealedFile {
            number: self.next_number,
            table,
            node: footer.origin.node.clone(),
            resolution,
            path: path.clone(),
            segment: footer.origin.segment.clone(),
            replaces: directory.replaces.clone(),
            covers: directory.covers.clone(),
            bytes: footer.bytes,
            rows: footer.rows,
            interval_usec: i64::try_from(footer.origin.interval_usec).unwrap_or(i64::MAX),
            first,
            last,
            containers: self.note_all(footer),
            in_order: directory.containers.is_sorted_by_key(|entry| &entry.identity.container_id),
        };
        self.rows += footer.rows;
        self.bytes += footer.bytes;
        self.files.insert((first, path), Arc::new(file));
        (Inserted::New, replaced)
    }

    /// Forgets a file.
    pub fn remove(&mut self, first: UnixMicros, path: &Path) -> Option<Arc<SealedFile>> {
        let file = self.files.remove(&(first, path.to_owned()))?;
        self.rows -= file.rows;
        self.bytes -= file.bytes;
        for segment in file.replaces.iter().chain([&file.segment]) {
            self.segments.remove(&(file.table, file.resolution, segment.clone()));
        }
        for entry in &file.containers {
            self.forget(entry.container);
        }
        Some(file)
    }

    /// Whether a sealed file of the segment's rows of a table is there.
    #[must_use]
    pub fn has_segment(&self, table: Table, segment: &str) -> bool {
        self.segments.contains_key(&(table, Resolution::Raw, segment.to_owned()))
    }

    /// The files of all tables and resolutions, by the time of their first rows.
    pub fn files(&self) -> impl Iterator<Item = &Arc<SealedFile>> {
        self.files.values()
    }

    /// The files that may have rows from `from` to before `to`, by the time of their first rows.
    pub fn files_between(&self, from: UnixMicros, to: UnixMicros) -> impl Iterator<Item = &Arc<SealedFile>> {
        // No file crosses an hour.
        let earliest = from.saturating_sub(from.rem_euclid(HOUR_USEC)).min(to);
        let range = self.files.range((earliest, PathBuf::new())..(to, PathBuf::new()));
        range.map(|(_, file)| file).filter(move |file| file.last >= from)
    }

    /// The number of files, of their rows, and of their bytes.
    #[must_use]
    pub fn totals(&self) -> (u64, u64, u64) {
        (self.files.len() as u64, self.rows, self.bytes)
    }

    /// The containers that files of readings have rows of.
    pub fn containers(&self) -> impl Iterator<Item = &ContainerSummary> {
        self.containers.iter().flatten().map(|known| &known.summary)
    }

    /// Who a container is, as its newest rows say.
    #[must_use]
    pub fn identity(&self, container_id: &str) -> Option<&Arc<Identity>> {
        let index = *self.by_id.get(container_id)?;
        self.containers.get(index as usize)?.as_ref().map(|known| &known.summary.identity)
    }

    /// When a container's rows in a file were read; `None` if it has none there.
    #[must_use]
    pub fn span_in(&self, file: &SealedFile, container_id: &str) -> Option<(UnixMicros, UnixMicros)> {
        self.rows_in(file, container_id).map(|found| (found.first, found.last))
    }

    /// The containers of a file of readings in row order, and where their rows are.
    pub fn entries<'a>(&'a self, file: &'a SealedFile) -> impl Iterator<Item = (&'a Arc<Identity>, FileRows)> {
        (0..file.containers.len()).filter_map(|position| {
            let known = self.containers.get(file.containers[position].container as usize)?.as_ref()?;
            Some((&known.summary.identity, file.rows_at(position)))
        })
    }

    /// A container as its newest rows say, and where its rows in a file are.
    #[must_use]
    pub fn entry(&self, file: &SealedFile, container_id: &str) -> Option<(&Arc<Identity>, FileRows)> {
        Some((self.identity(container_id)?, self.rows_in(file, container_id)?))
    }

    /// Where a container's rows in a file are; `None` if it has none there.
    #[must_use]
    pub fn rows_in(&self, file: &SealedFile, container_id: &str) -> Option<FileRows> {
        let wanted = *self.by_id.get(container_id)?;
        let position = if file.in_order {
            file.containers.binary_search_by(|entry| self.id(entry.container).cmp(&Some(container_id))).ok()
        } else {
            file.containers.iter().position(|entry| entry.container == wanted)
        };
        position.map(|position| file.rows_at(position))
    }

    fn id(&self, index: u32) -> Option<&str> {
        let known = self.containers.get(index as usize)?.as_ref()?;
        Some(&known.summary.identity.container_id)
    }

    /// The files with rows of a merged file (or of a file of rollups) that it does not know of, all of which it has: what a
    /// name that could not be made durable leaves. An error where one of them has rows that it lacks.
    fn doubled_by(&self, footer: &Footer) -> Result<Vec<(UnixMicros, PathBuf)>, Inserted> {
        let directory = &footer.directory;
        let own: HashSet<&String> = directory.replaces.iter().chain(&directory.covers).collect();
        if own.is_empty() {
            return Ok(Vec::new());
        }
        let hour = directory.span.0.div_euclid(HOUR_USEC).saturating_mul(HOUR_USEC);
        let of_hour = (hour, PathBuf::new())..(hour.saturating_add(HOUR_USEC), PathBuf::new());
        let mut doubled = Vec::new();
        for file in self.files.range(of_hour).map(|(_, file)| file) {
            let alike = (file.table, file.resolution) == (directory.table, directory.resolution)
                && file.node == footer.origin.node
                && !directory.replaces.contains(&file.segment);
            if !alike || !file.sources().any(|segment| own.contains(segment)) {
                continue;
            }
            if !file.sources().all(|segment| own.contains(segment)) {
                let theirs: HashSet<&String> = file.sources().collect();
                return Err(if own.is_subset(&theirs) { Inserted::Replaced } else { Inserted::Duplicate });
            }
            if file.sources().count() == own.len() {
                return Err(Inserted::Replaced);
            }
            doubled.push((file.first, file.path.clone()));
        }
        Ok(doubled)
    }

    fn remove_segments(
        &mut self,
        (table, resolution): (Table, Resolution),
        segments: &[String],
    ) -> Vec<Arc<SealedFile>> {
        if segments.is_empty() {
            return Vec::new();
        }
        let replaced = |file: &&Arc<SealedFile>| {
            (file.table, file.resolution) == (table, resolution) && segments.contains(&file.segment)
        };
        let found: Vec<_> = self.files.values().filter(replaced).map(|file| (file.first, file.path.clone())).collect();
        found.into_iter().filter_map(|(first, path)| self.remove(first, &path)).collect()
    }

    /// A pod is no container; who other rows are about is not kept here. A file of rollups alone keeps no container known:
    /// three months of them would take more memory than a week of readings.
    fn note_all(&mut self, footer: &Footer) -> Box<[FileContainer]> {
        let directory = &footer.directory;
        if directory.table != Table::Containers || directory.resolution != Resolution::Raw {
            return Box::default();
        }
        let offset = |time: UnixMicros| u32::try_from(time.saturating_sub(directory.span.0)).unwrap_or(u32::MAX);
        let node = self.node(&footer.origin.node);
        let entries = directory.containers.iter();
        entries
            .map(|entry| FileContainer {
                container: self.note(&entry.identity, &node, (entry.first_us, entry.last_us)),
                first: offset(entry.first_us),
                last: offset(entry.last_us),
                // The footer was read: no position is beyond the file's rows, of which there are fewer.
                first_row: u32::try_from(entry.first_row).unwrap_or(u32::MAX),
            })
            .collect()
    }

    /// The node's name, shared.
    fn node(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.nodes.iter().find(|known| ***known == *name) {
            return Arc::clone(known);
        }
        let node: Arc<str> = Arc::from(name);
        self.nodes.push(Arc::clone(&node));
        node
    }

    fn note(&mut self, identity: &Identity, node: &Arc<str>, (first, last): (UnixMicros, UnixMicros)) -> u32 {
        if let Some(&index) = self.by_id.get(identity.container_id.as_str())
            && let Some(Some(known)) = self.containers.get_mut(index as usize)
        {
            let summary = &mut known.summary;
            if *summary.identity != *identity {
                let before = Arc::clone(&summary.identity);
                let (newer, older) =
                    if last >= summary.last_seen { (identity, &*before) } else { (&*before, identity) };
                if is_named(older) && !is_named(newer) {
                    summary.identity = overlaid(older, newer);
                } else if last >= summary.last_seen {
                    summary.identity = Arc::new(identity.clone());
                }
            }
            summary.first_seen = summary.first_seen.min(first);
            summary.last_seen = summary.last_seen.max(last);
            known.files += 1;
            return index;
        }
        let identity = Arc::new(identity.clone());
        let id: Arc<str> = Arc::from(identity.container_id.as_str());
        let known = Known {
            summary: ContainerSummary {
                identity,
                node: Arc::clone(node),
                first_seen: first,
                last_seen: last,
                alive: false,
            },
            files: 1,
        };
        let index = self.free.pop().unwrap_or_else(|| {
            self.containers.push(None);
            self.containers.len() as u32 - 1
        });
        self.containers[index as usize] = Some(known);
        self.by_id.insert(id, index);
        index
    }

    fn forget(&mut self, index: u32) {
        let Some(slot) = self.containers.get_mut(index as usize) else { return };
        let Some(known) = slot else { return };
        known.files -= 1;
        if known.files == 0 {
            self.by_id.remove(known.summary.identity.container_id.as_str());
            *slot = None;
            self.free.push(index);
            // After a storm of short-lived containers the memory comes back.
            if self.by_id.len() * 4 < self.by_id.capacity() {
                self.by_id.shrink_to(self.by_id.len() * 2);
            }
        }
    }
}
