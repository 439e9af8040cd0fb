//! The key-value metadata of a sealed file: who wrote it, and the directory of its containers.
//!
//! One home of the `fgm.*` keys. The version is read before anything else, so a file of a newer agent is refused with a sentence
//! instead of being misread. `fgm.directory` is JSON that says, for each container (or pod), who it is, which rows are its own,
//! when they were read, and which columns the kernel did not have or did not let be read: a null in any other column means
//! "not read in this tick". Opening a file needs nothing but this; no sidecar and no index lies beside it. The surprise: only
//! `containers` and `pods` have entries; what other tables' rows are about is in their text columns alone.

mod directory;
mod keys;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use parquet::file::metadata::{
    KeyValue, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};
use parquet::file::reader::Length;

use self::directory::Written;
pub use self::directory::{Directory, DirectoryEntry};
use self::keys::{FileKeys, KeysError};
use super::query::Pread;
use super::resolution::Resolution;
use super::schema::has_final;
use crate::model::UnixMicros;
use crate::table::Table;

/// The version of files, spills and data directories that this agent writes and understands.
pub const FORMAT_VERSION: u32 = 1;

const VERSION: &str = "fgm.format_version";
const NODE: &str = "fgm.node";
const RUN_ID: &str = "fgm.run_id";
const SEGMENT: &str = "fgm.segment";
const AGENT_VERSION: &str = "fgm.agent_version";
const GIT_REVISION: &str = "fgm.git_revision";
const INTERVAL: &str = "fgm.interval_usec";
const DIRECTORY: &str = "fgm.directory";
const TABLE: &str = "fgm.table";
const FIRST: &str = "fgm.first_us";
const LAST: &str = "fgm.last_us";
const REPLACES: &str = "fgm.replaces";
const COVERS: &str = "fgm.covers";

/// Why a file's footer can't be used, sorted by what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum FooterError {
    /// It may be readable later: leave it.
    #[error("{} can't be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A newer agent wrote it: leave it.
    #[error(
        "{} was written by a newer fgm-agent (format {found}; this one understands {FORMAT_VERSION}): upgrade to read it",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's format version.
        found: u32,
    },
    /// Another program wrote it: leave it.
    #[error("{} is a Parquet file of another program: it has no {missing}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The key that every sealed file has.
        missing: &'static str,
    },
    /// It is damaged: set it aside.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// What wrote a sealed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The node's name.
    pub node: String,
    /// The run of the agent.
    pub run_id: String,
    /// The segment, `RUN/NUMBER`; no two sealed files of a table have the same.
    pub segment: String,
    /// The agent's version.
    pub agent_version: String,
    /// The agent's git revision.
    pub git_revision: String,
    /// The sampling interval, in microseconds.
    pub interval_usec: u64,
}

/// What a sealed file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footer {
    /// What wrote it.
    pub origin: Origin,
    /// Its containers.
    pub directory: Directory,
    /// The number of its rows.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
}

impl Footer {
    /// Reads a file's footer, all of it: where its pages are must make sense, too.
    ///
    /// # Errors
    /// See [`FooterError`].
    pub fn read(path: &Path) -> Result<Self, FooterError> {
        let file = open(path)?;
        let metadata = without_statistics().parse_and_finish(&file).map_err(|error| match error {
            ParquetError::External(source) if source.is::<std::io::Error>() => {
                FooterError::Io { path: path.to_owned(), source: std::io::Error::other(source) }
            }
            error => FooterError::Damaged { path: path.to_owned(), reason: error.to_string() },
        })?;
        Ok(Self { bytes: file.len(), ..Self::parse(path, &metadata)? })
    }

    /// Reads what a catalogue keeps of a file's footer: directories that are not [catalogued](Directory::is_catalogued) are
    /// left empty.
    ///
    /// # Errors
    /// See [`FooterError`]; faults of what is left out, and of where pages are, are not found.
    pub fn glance(path: &Path) -> Result<Self, FooterError> {
        let file = open(path)?;
        Self::found_in(path, &file, Directory::is_catalogued)
    }

    /// Reads what the footer of the file at `path`, which is open, says but for where its pages are.
    ///
    /// # Errors
    /// See [`FooterError`].
    pub(super) fn of(path: &Path, file: &Pread) -> Result<Self, FooterError> {
        Self::found_in(path, file, |_| true)
    }

    /// Reads a footer, with the containers of a directory that is wanted.
    fn found_in(path: &Path, file: &Pread, is_wanted: impl Fn(&Directory) -> bool) -> Result<Self, FooterError> {
        let keys = FileKeys::read(file).map_err(|error| match error {
            KeysError::Io(source) => FooterError::Io { path: path.to_owned(), source },
            KeysError::Damaged(reason) => FooterError::Damaged { path: path.to_owned(), reason: reason.to_owned() },
        })?;
        let pairs = keys.pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let footer = Self::with(&Keys { path, values: pairs }, keys.rows, is_wanted)?;
        Ok(Self { bytes: file.len(), ..footer })
    }

    /// What the metadata of the file at `path` says of it; its size is left 0.
    pub(super) fn parse(path: &Path, metadata: &ParquetMetaData) -> Result<Self, FooterError> {
        let file = metadata.file_metadata();
        let pairs = file.key_value_metadata().into_iter().flatten();
        let values = pairs.filter_map(|pair| Some((pair.key.as_str(), pair.value.as_deref()?))).collect();
        Self::with(&Keys { path, values }, file.num_rows(), |_| true)
    }

    /// What a file's keys say of it; its size is left 0.
    fn with(keys: &Keys<'_>, rows: i64, is_wanted: impl Fn(&Directory) -> bool) -> Result<Self, FooterError> {
        let version = keys.get(VERSION)?;
        match version.parse::<u32>() {
            Ok(FORMAT_VERSION) => {}
            Ok(found @ 1..) => return Err(FooterError::Newer { path: keys.path.to_owned(), found }),
            _ => return Err(keys.damaged(format!("its format version is {version:?}"))),
        }
        let interval = keys.get(INTERVAL)?;
        let origin = Origin {
            node: keys.get(NODE)?.to_owned(),
            run_id: keys.get(RUN_ID)?.to_owned(),
            segment: keys.get(SEGMENT)?.to_owned(),
            agent_version: keys.get(AGENT_VERSION)?.to_owned(),
            git_revision: keys.get(GIT_REVISION)?.to_owned(),
            interval_usec: interval.parse().map_err(|_| keys.damaged(format!("its interval is {interval:?}")))?,
        };
        let rows = u64::try_from(rows).unwrap_or(0);
        let directory = keys.directory(rows, is_wanted)?;
        Ok(Self { origin, directory, rows, bytes: 0 })
    }
}

fn open(path: &Path) -> Result<Pread, FooterError> {
    Pread::open(path).map_err(|source| FooterError::Io { path: path.to_owned(), source })
}

/// A reader of footers that leaves out what only a choice of row groups would need: it is most of a footer.
pub(super) fn without_statistics() -> ParquetMetaDataReader {
    let options = ParquetMetaDataOptions::new()
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
    ParquetMetaDataReader::new().with_metadata_options(Some(options))
}

/// The key-value metadata of a file that is about to be written.
#[must_use]
pub fn key_values(origin: &Origin, directory: &Directory) -> Vec<KeyValue> {
    // Strings and numbers always serialize; an empty directory would be refused when the seal proves its file.
    let json = serde_json::to_string(directory).unwrap_or_default();
    [
        (VERSION, FORMAT_VERSION.to_string()),
        (NODE, origin.node.clone()),
        (RUN_ID, origin.run_id.clone()),
        (SEGMENT, origin.segment.clone()),
        (AGENT_VERSION, origin.agent_version.clone()),
        (GIT_REVISION, origin.git_revision.clone()),
        (INTERVAL, origin.interval_usec.to_string()),
        (TABLE, directory.resolution.name_of(directory.table).to_owned()),
        (FIRST, directory.span.0.to_string()),
        (LAST, directory.span.1.to_string()),
    ]
    .into_iter()
    .chain(has_final(directory.table).then_some((DIRECTORY, json)))
    .chain(list(REPLACES, &directory.replaces))
    .chain(list(COVERS, &directory.covers))
    .map(|(key, value)| KeyValue::new(key.to_owned(), value))
    .collect()
}

fn list(key: &'static str, segments: &[String]) -> Option<(&'static str, String)> {
    (!segments.is_empty()).then(|| (key, serde_json::json!(segments).to_string()))
}

struct Keys<'a> {
    path: &'a Path,
    values: HashMap<&'a str, &'a str>,
}

impl<'a> Keys<'a> {
    fn get(&self, key: &'static str) -> Result<&'a str, FooterError> {
        let missing = || FooterError::Foreign { path: self.path.to_owned(), missing: key };
        self.values.get(key).copied().ok_or_else(missing)
    }

    fn damaged(&self, reason: String) -> FooterError {
        FooterError::Damaged { path: self.path.to_owned(), reason }
    }

    /// The first files of this format had one table, whose directory alone told the time range.
    fn directory(&self, rows: u64, is_wanted: impl Fn(&Directory) -> bool) -> Result<Directory, FooterError> {
        let (resolution, table) = match self.values.get(TABLE) {
            None => (Resolution::Raw, Table::Containers),
            Some(name) => {
                Resolution::named(name).ok_or_else(|| self.damaged(format!("it is of an unknown table, {name:?}")))?
            }
        };
        let span = self.time(FIRST)?.zip(self.time(LAST)?);
        let mut directory = Directory { resolution, ..Directory::new(table, span.unwrap_or_default()) };
        (directory.replaces, directory.covers) = (self.list(REPLACES)?, self.list(COVERS)?);
        if has_final(table) && is_wanted(&directory) {
            self.entries(&mut directory)?;
            directory.fault(rows).map_or(Ok(()), |fault| Err(self.damaged(fault.to_owned())))?;
        }
        if span.is_none() {
            let spans = directory.containers.iter().map(|entry| (entry.first_us, entry.last_us));
            let whole = spans.reduce(|(first, last), (from, to)| (first.min(from), last.max(to)));
            directory.span = whole.unwrap_or_default();
        }
        Ok(directory)
    }

    fn entries(&self, directory: &mut Directory) -> Result<(), FooterError> {
        let damaged = |error| self.damaged(format!("its directory is not readable: {error}"));
        let written: Written<'_> = serde_json::from_str(self.get(DIRECTORY)?).map_err(damaged)?;
        let entries: serde_json::Result<Vec<_>> = written.containers.into_iter().map(DirectoryEntry::parse).collect();
        directory.column_sets = written.column_sets;
        directory.containers = entries.map_err(damaged)?;
        Ok(())
    }

    fn list(&self, key: &'static str) -> Result<Vec<String>, FooterError> {
        let Some(text) = self.values.get(key) else { return Ok(Vec::new()) };
        serde_json::from_str(text).map_err(|error| self.damaged(format!("its {key} is not readable: {error}")))
    }

    fn time(&self, key: &'static str) -> Result<Option<UnixMicros>, FooterError> {
        let Some(text) = self.values.get(key) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.damaged(format!("its {key} is {text:?}")))
    }
}
