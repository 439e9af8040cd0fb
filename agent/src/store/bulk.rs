//! Writes whole hours at once, as they are on disk once the agent has merged and summed them up.
//!
//! For data that was not sampled: made up, or replayed. Knows nothing of where the rows come from. The surprise: each hour is
//! sealed into a file first and then merged from it, because the merge is the one place that knows what an hour's file looks
//! like; so what is written here is what the agent would have left, byte for byte, given the same origin.

mod recorded;

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::recorded::{Recorded, RecordedRow};
use super::data_dir::{DataDir, DataDirError, Session};
use super::durable::{create_directories, rename_new};
use super::files::remove;
use super::footer::{Directory, Footer, Origin};
use super::hour_file;
use super::layout::{self, SealedName};
use super::merge::{Input, Merge, Names};
use super::resolution::Resolution;
use super::rollup_file::{self, Minutes};
use super::sealed;
use super::segment::Segment;
use crate::model::HOUR_USEC;
use crate::table::Table;

/// Why hours were not written.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// The directory can't be the data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The rows of a segment are of more than one UTC hour.
    #[error("the rows are of more than one UTC hour, so they can't be one file")]
    CrossesHour,
    /// A file can't be made or renamed.
    #[error("{} can't be written: {source}; is the disk full?", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A recording that can't be read.
    #[error("{} can't be read: {reason}", path.display())]
    Unread {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Rows or files that the store refuses.
    #[error("{} was not written: {reason}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its table.
    pub table: Table,
    /// Whether its rows are readings or minutes.
    pub resolution: Resolution,
    /// Where it is.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
}

/// A data directory that is filled hour by hour; any number of threads may write different hours.
#[derive(Debug)]
pub struct Bulk {
    data: DataDir,
    origin: Origin,
}

impl Bulk {
    /// Makes a data directory; `session` says who writes, and its `run_id` must be of the form of [`layout::run_id`].
    ///
    /// # Errors
    /// The directory is not empty, or can't be written.
    pub fn create(path: &Path, session: &Session, interval: Duration) -> Result<Self, BulkError> {
        let data = DataDir::open(path, Duration::ZERO)?;
        data.write_session(session)?;
        let origin = Origin {
            node: session.node.clone(),
            run_id: session.run_id.clone(),
            segment: String::new(),
            agent_version: session.agent_version.clone(),
            git_revision: session.git_revision.clone(),
            interval_usec: u64::try_from(interval.as_micros()).unwrap_or(u64::MAX),
        };
        Ok(Self { data, origin })
    }

    /// Writes the rows of an hour, one file per table.
    ///
    /// # Errors
    /// See [`BulkError`].
    pub fn write_hour(&self, segment: &Segment) -> Result<Vec<Written>, BulkError> {
        let Some((first, last)) = segment.span() else { return Ok(Vec::new()) };
        let hour = first.div_euclid(HOUR_USEC);
        if last.div_euclid(HOUR_USEC) != hour {
            return Err(BulkError::CrossesHour);
        }
        segment.tables().map(|table| self.write_table(segment, table, hour)).collect()
    }

    /// Writes the rollups of an hour's files, given those of the hour before.
    ///
    /// # Errors
    /// See [`BulkError`].
    pub fn write_rollups(&self, hour: &[Written], before: &[Written]) -> Result<Vec<Written>, BulkError> {
        let readings = hour.iter().filter(|file| file.resolution == Resolution::Raw);
        let rolled_up = readings.filter(|file| Resolution::rolls_up(file.table));
        rolled_up.map(|file| self.roll_up(file, before.iter().find(|other| other.table == file.table))).collect()
    }

    /// Ends the writing; the directory is then like one that an agent has left.
    ///
    /// # Errors
    /// The lock can't be removed.
    pub fn close(self) -> Result<(), BulkError> {
        // It names this process, which no two directories made of the same rows share.
        let path = self.data.path().join(layout::LOCK);
        std::fs::remove_file(&path).map_err(|source| BulkError::Io { path, source })
    }

    fn write_table(&self, segment: &Segment, table: Table, hour: i64) -> Result<Written, BulkError> {
        let span = segment.span_of(table).unwrap_or_default();
        let (place, name) = self.place(&Directory::new(table, span))?;
        let sealed = place.join(layout::temporary_name(&format!("{name}.sealed")));
        let refused =
            |error: &dyn std::fmt::Display| BulkError::Refused { path: sealed.clone(), reason: error.to_string() };
        let number = u64::try_from(hour).unwrap_or_default();
        let origin = Origin { segment: layout::segment_id(&self.origin.run_id, number), ..self.origin.clone() };
        let output = create(&sealed)?;
        sealed::write(segment, table, &origin, output).map_err(|error| refused(&error))?;
        let merge = Merge::plan(table, vec![sealed.clone()], |_| Names::default()).map_err(|error| refused(&error))?;
        let written = self.publish(&merge.directory, hour, |origin, output| {
            hour_file::write(&merge, origin, output, &|| false).map_err(|error| error.to_string())
        });
        remove(Some(&sealed));
        written
    }

    fn roll_up(&self, file: &Written, before: Option<&Written>) -> Result<Written, BulkError> {
        let refused =
            |error: &dyn std::fmt::Display| BulkError::Refused { path: file.path.clone(), reason: error.to_string() };
        let plan = Merge::plan(file.table, vec![file.path.clone()], |_| Names::default());
        let plan = plan.map_err(|error| refused(&error))?;
        let before = before.map(|before| Input::open(before.table, before.path.clone())).transpose();
        let before = before.map_err(|error| refused(&error))?;
        let mut minutes = Minutes::of(&plan, before.as_ref()).map_err(|error| refused(&error))?;
        minutes.directory.covers = plan.inputs.iter().map(|input| input.footer.origin.segment.clone()).collect();
        let hour = minutes.directory.span.0.div_euclid(HOUR_USEC);
        self.publish(&minutes.directory, hour, |origin, output| {
            rollup_file::write(&minutes, origin, output, &|| false).map_err(|error| error.to_string())
        })
    }

    fn place(&self, directory: &Directory) -> Result<(PathBuf, String), BulkError> {
        let name = SealedName { start: directory.span.0, end: directory.span.1, again: 0 };
        let table = directory.resolution.name_of(directory.table);
        let place = name.directory(self.data.path(), table, &self.origin.node);
        create_directories(self.data.path(), &place).map_err(|source| BulkError::Io { path: place.clone(), source })?;
        Ok((place, name.file_name()))
    }

    /// Writes a file and gives it its name. It is not synced: who can write it once can write it again.
    fn publish(
        &self,
        directory: &Directory,
        hour: i64,
        write: impl FnOnce(&Origin, BufWriter<File>) -> Result<u64, String>,
    ) -> Result<Written, BulkError> {
        let (place, name) = self.place(directory)?;
        let (table, resolution) = (directory.table, directory.resolution);
        // No two files of a run have the same, and no thread has to ask another one.
        let position = (table as u64) * 2 + u64::from(resolution == Resolution::Minute);
        let number = u64::try_from(hour).unwrap_or_default() * 2 * Table::ALL.len() as u64 + position;
        let origin = Origin { segment: layout::merged_id(&self.origin.run_id, number), ..self.origin.clone() };
        let (temporary, path) = (place.join(layout::temporary_name(&name)), place.join(name));
        let refused = |reason: String| BulkError::Refused { path: path.clone(), reason };
        let rows = write(&origin, create(&temporary)?).map_err(&refused)?;
        let footer = Footer::read(&temporary).map_err(|error| refused(error.to_string()))?;
        if footer.rows != rows {
            return Err(refused(format!("it has {} rows instead of {rows}", footer.rows)));
        }
        rename_new(&temporary, &path).map_err(|source| BulkError::Io { path: path.clone(), source })?;
        Ok(Written { table, resolution, path, rows, bytes: footer.bytes })
    }
}

fn create(path: &Path) -> Result<BufWriter<File>, BulkError> {
    let file = File::create(path).map_err(|source| BulkError::Io { path: path.to_owned(), source })?;
    Ok(BufWriter::with_capacity(1 << 16, file))
}
