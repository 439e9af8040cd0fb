//! A segment's spill file: what a killed process had in memory.
//!
//! ```text
//! "FGMSPILL"  [u32 format version]  [u32 header length]  [u32 header crc32]  header (JSON)  frames...
//! ```
//! Little endian; frames as in `frame.rs`. Each file stands alone: it begins with the identity of every container it has rows
//! of, and its first row of each is encoded against nothing. A frame is one write(2), so the death of the process loses at most
//! the tick in flight. The surprise: syncing is another thread's business, because an fsync may take seconds.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::footer::{FORMAT_VERSION, Origin};
use super::frame::{FRAME_HEADER, Frame, frame_header};
use super::layout;
use super::rowlog::ColumnMap;
use crate::table::Table;

const MAGIC: [u8; 8] = *b"FGMSPILL";
const PREFIX: usize = MAGIC.len() + 12;
/// A header holds a few hundred column names; a longer one is garbage.
const MAX_HEADER: u32 = 1 << 20;

/// What a spill file says about its segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpillHeader {
    /// The run of the agent.
    pub run_id: String,
    /// The segment's number in the run.
    pub sequence: u64,
    /// The node's name.
    pub node: String,
    /// The agent's version.
    pub agent_version: String,
    /// The agent's git revision.
    pub git_revision: String,
    /// The sampling interval, in microseconds.
    pub interval_usec: u64,
    /// The names of the number columns of `containers`, by their position in rows.
    pub columns: Vec<String>,
    /// Those of every other table.
    #[serde(default)]
    pub tables: BTreeMap<String, Vec<String>>,
}

impl SpillHeader {
    /// The header of this run's segment `sequence`.
    #[must_use]
    pub fn new(origin: &Origin, sequence: u64) -> Self {
        Self {
            run_id: origin.run_id.clone(),
            sequence,
            node: origin.node.clone(),
            agent_version: origin.agent_version.clone(),
            git_revision: origin.git_revision.clone(),
            interval_usec: origin.interval_usec,
            columns: column_names(Table::Containers),
            tables: others().map(|table| (table.name().to_owned(), column_names(table))).collect(),
        }
    }

    /// Where a table's columns are in this agent's catalogue, by the number of the table; `None` where they are the same.
    #[must_use]
    pub fn column_maps(&self) -> [Option<ColumnMap>; Table::ALL.len()] {
        Table::ALL.map(|table| match table {
            Table::Containers => ColumnMap::from_names(table, &self.columns),
            _ => self.tables.get(table.name()).and_then(|names| ColumnMap::from_names(table, names)),
        })
    }

    /// What the segment's sealed file says of its origin.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin {
            node: self.node.clone(),
            run_id: self.run_id.clone(),
            segment: layout::segment_id(&self.run_id, self.sequence),
            agent_version: self.agent_version.clone(),
            git_revision: self.git_revision.clone(),
            interval_usec: self.interval_usec,
        }
    }
}

fn others() -> impl Iterator<Item = Table> {
    Table::ALL.into_iter().filter(|&table| table != Table::Containers)
}

fn column_names(table: Table) -> Vec<String> {
    table.column_names().map(str::to_owned).collect()
}

/// A spill file being written.
#[derive(Debug)]
pub struct SpillFile {
    file: Arc<File>,
    path: PathBuf,
    rows: u64,
}

impl SpillFile {
    /// Makes a segment's spill file in `directory`; gives its size too.
    ///
    /// # Errors
    /// It can't be made.
    pub fn create(directory: &Path, header: &SpillHeader) -> io::Result<(Self, u64)> {
        let path = directory.join(layout::spill_name(&header.run_id, header.sequence));
        let mut file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        let json = serde_json::to_vec(header)?;
        let mut bytes = MAGIC.to_vec();
        for number in [FORMAT_VERSION, json.len() as u32, crc32fast::hash(&json)] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&json);
        // On a full disk a file without a whole header would stay for nothing, one for each segment.
        file.write_all(&bytes).inspect_err(|_| drop(std::fs::remove_file(&path)))?;
        Ok((Self { file: Arc::new(file), path, rows: 0 }, bytes.len() as u64))
    }

    /// Appends a frame; gives the bytes written.
    ///
    /// # Errors
    /// It can't be written. The file then ends in a torn frame, and nothing more may be appended.
    pub fn append(&mut self, frame: &mut Frame) -> io::Result<u64> {
        let rows = frame.rows();
        let bytes = frame.finish();
        (&*self.file).write_all(bytes)?;
        self.rows += rows;
        Ok(bytes.len() as u64)
    }

    /// The file, to be synced.
    #[must_use]
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of rows it holds.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

/// Why a spill file can't be read at all, sorted by what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    /// It may be readable later: leave it.
    #[error("it can't be read: {0}")]
    Io(#[from] io::Error),
    /// A newer agent wrote it: leave it.
    #[error(
        "it was written by a newer fgm-agent (format {0}; this one understands {FORMAT_VERSION}): upgrade to recover it"
    )]
    Newer(u32),
    /// Its writer was stopped before it had a row: delete it.
    #[error("it ends in its header")]
    Torn,
    /// It is no spill file, or damaged: set it aside.
    #[error("{0}")]
    Damaged(&'static str),
}

/// How a spill file ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Behind a whole frame.
    Clean,
    /// Inside a frame: its writer was stopped.
    Torn,
    /// In bytes that were not written by an agent.
    Damaged(String),
}

/// A spill file being read.
#[derive(Debug)]
pub struct SpillReader {
    input: BufReader<File>,
    left: u64,
    payload: Vec<u8>,
}

impl SpillReader {
    /// Opens a spill file and reads its header.
    ///
    /// # Errors
    /// See [`SpillError`].
    pub fn open(path: &Path) -> Result<(SpillHeader, Self), SpillError> {
        let file = File::open(path)?;
        let left = file.metadata()?.len();
        let mut reader = Self { input: BufReader::new(file), left, payload: Vec::new() };
        let Some(prefix) = reader.take::<PREFIX>()? else { return Err(reader.too_short()?) };
        let (magic, numbers) = prefix.split_at(MAGIC.len());
        let [version, length, crc] = [0, 1, 2].map(|index| le_u32(&numbers[index * 4..]));
        if magic != MAGIC {
            return Err(SpillError::Damaged("it is no spill file"));
        }
        if version > FORMAT_VERSION {
            return Err(SpillError::Newer(version));
        }
        if version == 0 || length > MAX_HEADER {
            return Err(SpillError::Damaged("its header is damaged"));
        }
        if !reader.take_payload(length)? {
            return Err(SpillError::Torn);
        }
        let header = serde_json::from_slice(&reader.payload).ok().filter(|_| crc32fast::hash(&reader.payload) == crc);
        Ok((header.ok_or(SpillError::Damaged("its header is damaged"))?, reader))
    }

    /// What a file is that has no whole prefix: one whose writer was stopped begins as every spill file does.
    fn too_short(&mut self) -> io::Result<SpillError> {
        let mut start = Vec::new();
        self.input.read_to_end(&mut start)?;
        let is_begun = start.iter().zip(MAGIC).all(|(&found, expected)| found == expected);
        Ok(if is_begun { SpillError::Torn } else { SpillError::Damaged("it is no spill file") })
    }

    /// The next frame's payload, or how the file ends.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn next_frame(&mut self) -> io::Result<Result<&[u8], Ending>> {
        if self.left == 0 {
            return Ok(Err(Ending::Clean));
        }
        let Some(header) = self.take::<FRAME_HEADER>()? else { return Ok(Err(Ending::Torn)) };
        // A damaged length must not pass for a frame that was cut off: what lies behind it would be deleted.
        let Some((length, crc)) = frame_header(header).filter(|&(length, _)| length > 0) else {
            return Ok(Err(Ending::Damaged("a frame's length is damaged".to_owned())));
        };
        if !self.take_payload(length)? {
            return Ok(Err(Ending::Torn));
        }
        if crc32fast::hash(&self.payload) != crc {
            return Ok(Err(Ending::Damaged("a frame's checksum is wrong".to_owned())));
        }
        Ok(Ok(&self.payload))
    }

    fn take<const N: usize>(&mut self) -> io::Result<Option<[u8; N]>> {
        let mut bytes = [0; N];
        if self.left < N as u64 {
            return Ok(None);
        }
        self.left -= N as u64;
        self.input.read_exact(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Reads into the payload; whether the file has that many bytes. A wrong length allocates no more than the file has.
    fn take_payload(&mut self, length: u32) -> io::Result<bool> {
        if self.left < u64::from(length) {
            return Ok(false);
        }
        self.left -= u64::from(length);
        self.payload.resize(length as usize, 0);
        self.input.read_exact(&mut self.payload)?;
        Ok(true)
    }
}

fn le_u32(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}
