//! The sealed files that the store has, and the containers in them.
//!
//! No I/O: files are told to it when they are sealed or found at start. The surprise: a file's containers are kept as
//! numbers and offsets from the file's start, 12 bytes each: a day of unmerged segments has hundreds of thousands.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::footer::Footer;
use crate::model::{Identity, UnixMicros};
use crate::table::Table;

/// A sealed file.
#[derive(Clone, Debug)]
pub struct SealedFile {
    /// Its table.
    pub table: Table,
    /// Where it is.
    pub path: PathBuf,
    /// The segment it was made of, `RUN/NUMBER`.
    pub segment: String,
    /// Its size.
    pub bytes: u64,
    /// The number of its rows.
    pub rows: u64,
    /// The time of its earliest row.
    pub first: UnixMicros,
    /// The time of its latest row.
    pub last: UnixMicros,
    containers: Box<[FileContainer]>,
}

/// A container's time range in a file, in microseconds after the file's first row: a file lies within one hour.
#[derive(Clone, Copy, Debug)]
struct FileContainer {
    container: u32,
    first: u32,
    last: u32,
}

/// A container that the store has rows of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerSummary {
    /// Who it is, as its newest rows say.
    pub identity: Arc<Identity>,
    /// The time of its first row.
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
    /// Another file has the same segment's rows.
    Duplicate,
}

/// The sealed files and their containers.
#[derive(Debug, Default)]
pub struct Catalog {
    files: BTreeMap<(UnixMicros, PathBuf), SealedFile>,
    segments: HashSet<(Table, String)>,
    containers: Vec<ContainerSummary>,
    by_id: HashMap<Arc<str>, u32>,
    rows: u64,
    bytes: u64,
}

impl Catalog {
    /// Adds a file, unless its segment is there already: nothing may appear twice.
    pub fn insert(&mut self, path: PathBuf, footer: &Footer) -> Inserted {
        let (table, (first, last)) = (footer.directory.table, footer.directory.span);
        // A pod is no container; who other rows are about is not kept here.
        let entries = if table == Table::Containers { footer.directory.containers.as_slice() } else { &[] };
        if !self.segments.insert((table, footer.origin.segment.clone())) {
            let known = self.files.contains_key(&(first, path));
            return if known { Inserted::Known } else { Inserted::Duplicate };
        }
        let offset = |time: UnixMicros| u32::try_from(time.saturating_sub(first)).unwrap_or(u32::MAX);
        let mut containers = Vec::with_capacity(entries.len());
        for entry in entries {
            let container = self.note(&entry.identity, (entry.first_us, entry.last_us));
            containers.push(FileContainer { container, first: offset(entry.first_us), last: offset(entry.last_us) });
        }
        self.rows += footer.rows;
        self.bytes += footer.bytes;
        let file = SealedFile {
            table,
            path: path.clone(),
            segment: footer.origin.segment.clone(),
            bytes: footer.bytes,
            rows: footer.rows,
            first,
            last,
            containers: containers.into_boxed_slice(),
        };
        self.files.insert((first, path), file);
        Inserted::New
    }

    /// Whether a sealed file of the segment's rows of a table is there.
    #[must_use]
    pub fn has_segment(&self, table: Table, segment: &str) -> bool {
        self.segments.contains(&(table, segment.to_owned()))
    }

    /// The files of all tables, by the time of their first rows.
    pub fn files(&self) -> impl Iterator<Item = &SealedFile> {
        self.files.values()
    }

    /// The number of files, of their rows, and of their bytes.
    #[must_use]
    pub fn totals(&self) -> (u64, u64, u64) {
        (self.files.len() as u64, self.rows, self.bytes)
    }

    /// The time ranges of the files' containers, with ids.
    #[must_use]
    pub fn containers(&self) -> &[ContainerSummary] {
        &self.containers
    }

    /// When a container's rows in a file were read; `None` if it has none there.
    #[must_use]
    pub fn span_in(&self, file: &SealedFile, container_id: &str) -> Option<(UnixMicros, UnixMicros)> {
        let wanted = *self.by_id.get(container_id)?;
        let found = file.containers.iter().find(|entry| entry.container == wanted)?;
        Some((file.first + i64::from(found.first), file.first + i64::from(found.last)))
    }

    fn note(&mut self, identity: &Identity, (first, last): (UnixMicros, UnixMicros)) -> u32 {
        if let Some(&index) = self.by_id.get(identity.container_id.as_str()) {
            let known = &mut self.containers[index as usize];
            if last >= known.last_seen && *known.identity != *identity {
                known.identity = Arc::new(identity.clone());
            }
            known.first_seen = known.first_seen.min(first);
            known.last_seen = known.last_seen.max(last);
            return index;
        }
        let index = self.containers.len() as u32;
        let summary =
            ContainerSummary { identity: Arc::new(identity.clone()), first_seen: first, last_seen: last, alive: false };
        self.containers.push(summary);
        self.by_id.insert(Arc::from(identity.container_id.as_str()), index);
        index
    }
}
