//! A sealed file as the catalogue knows it: what its footer says, in little memory.
//!
//! Pure.

use std::ffi::OsStr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    pub(super) containers: Box<[FileContainer]>,
    /// Whether these are in the order of their ids, as this agent writes them; another hand may have made the file.
    pub(super) in_order: bool,
}

impl SealedFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.place.directory.join(&*self.place.name)
    }

    pub(super) fn is_at(&self, path: &Path) -> bool {
        let Place { directory, name } = &self.place;
        (path.parent(), path.file_name()) == (Some(&**directory), Some(&**name))
    }

    /// The UTC hour that its rows lie in, in hours since 1970.
    #[must_use]
    pub fn hour(&self) -> i64 {
        self.first.div_euclid(HOUR_USEC)
    }

    pub(super) fn rows_at(&self, position: usize) -> FileRows {
        let entry = self.containers[position];
        let end = self.containers.get(position + 1).map_or(self.rows, |next| u64::from(next.first_row));
        FileRows {
            rows: u64::from(entry.first_row)..end,
            first: self.first + i64::from(entry.first),
            last: self.first + i64::from(entry.last),
        }
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

/// Where a file is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Others are in it as well.
    directory: Arc<Path>,
    name: Box<OsStr>,
}

impl Place {
    pub(super) fn of(path: &Path, directories: &mut Pool<Path>) -> Self {
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        Self { directory: directories.share(directory), name: path.file_name().unwrap_or_default().into() }
    }
}

/// A container's time range in a file, in microseconds after the file's first row: a file lies within one hour. Its rows end
/// where those of the next one begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileContainer {
    pub(super) container: u32,
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) first_row: u32,
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
