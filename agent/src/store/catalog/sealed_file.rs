//! A sealed file as the catalogue knows it: what its footer says, in little memory.
//!
//! Pure.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::layout::SealedName;
use super::container_list::{ContainerList, Entry};
use super::pool::Pool;
use super::{SegmentId, SegmentSet};
use crate::model::{HOUR_USEC, UnixMicros};
use crate::resolution::Resolution;
use crate::table::Table;

/// A sealed file.
#[derive(Clone, Debug)]
pub struct SealedFile {
    /// Its number in this catalogue, which no other file ever gets.
    pub number: u64,
    /// Its table.
    pub table: Table,
    /// The node that its rows are of: a data directory may have been another node's.
    pub node: Arc<str>,
    /// Whether its rows are readings or minutes of them.
    pub resolution: Resolution,
    pub(super) place: Place,
    /// The segment it was made of, `RUN/NUMBER`.
    pub segment: SegmentId,
    /// The segments whose rows it has, where it was made of other files.
    pub replaces: SegmentSet,
    /// The segments of readings that it was computed from, where its rows are rollups.
    pub covers: SegmentSet,
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
    pub(super) containers: ContainerList,
    /// Whether these are in the order of their ids, as this agent writes them; another hand may have made the file.
    pub(super) in_order: bool,
}

impl SealedFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.place.directory.join(self.name())
    }

    pub(super) fn is_at(&self, path: &Path) -> bool {
        path.parent() == Some(&*self.place.directory) && path.file_name() == Some(&*self.name())
    }

    fn name(&self) -> Cow<'_, OsStr> {
        let usual = || Cow::Owned(usual_name(self.first, self.last));
        self.place.name.as_deref().map_or_else(usual, Cow::Borrowed)
    }

    /// The UTC hour that its rows lie in, in hours since 1970.
    #[must_use]
    pub fn hour(&self) -> i64 {
        self.first.div_euclid(HOUR_USEC)
    }

    /// From its first row to its last one, in microseconds.
    fn span(&self) -> u32 {
        micros_after(self.first, self.last)
    }

    /// Its containers by their numbers, in row order, and where their rows are.
    pub(super) fn rows_of_all(&self) -> impl Iterator<Item = (u32, FileRows)> {
        self.containers.entries(self.span()).map(|entry| self.rows_at(&entry))
    }

    /// Where a container's rows are; `is_after` tells whether another one's id comes after its own.
    pub(super) fn rows_of(&self, container: u32, is_after: impl Fn(u32) -> bool) -> Option<FileRows> {
        let is_it = |(entry, _): &Entry| entry.container == container;
        let found = if self.in_order {
            self.containers.near(self.span(), is_after).find(is_it)
        } else {
            self.containers.entries(self.span()).find(is_it)
        };
        found.map(|entry| self.rows_at(&entry).1)
    }

    fn rows_at(&self, (entry, next): &Entry) -> (u32, FileRows) {
        let end = next.map_or(self.rows, u64::from);
        let rows = FileRows {
            rows: u64::from(entry.first_row)..end,
            first: self.first + i64::from(entry.first),
            last: self.first + i64::from(entry.last),
        };
        (entry.container, rows)
    }

    /// The segments whose rows it has, its own among them.
    #[must_use]
    pub fn holds(&self) -> SegmentSet {
        self.replaces.with(&self.segment)
    }

    /// The segments that its rows come from, but for its own.
    pub(super) fn sources(&self) -> SegmentSet {
        self.replaces.union(&self.covers)
    }
}

/// How many microseconds after another time one is; a file lies within one hour.
pub(super) fn micros_after(first: UnixMicros, time: UnixMicros) -> u32 {
    u32::try_from(time.saturating_sub(first).max(0)).unwrap_or(u32::MAX)
}

/// Where a file is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Others are in it as well.
    directory: Arc<Path>,
    /// None where it is the usual one, that of the times of its first and last row.
    name: Option<Box<OsStr>>,
}

impl Place {
    pub(super) fn of(path: &Path, (first, last): (UnixMicros, UnixMicros), directories: &mut Pool<Path>) -> Self {
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        let name = path.file_name().unwrap_or_default();
        let name = (name != &*usual_name(first, last)).then(|| name.into());
        Self { directory: directories.share(directory), name }
    }
}

fn usual_name(first: UnixMicros, last: UnixMicros) -> OsString {
    SealedName { start: first, end: last, again: 0 }.file_name().into()
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
