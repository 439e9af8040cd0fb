//! The data directory: whose it is, which format it has, and the lock that keeps a second agent out.
//!
//! The lock is the kernel's (flock), so it dies with its holder. The surprise: an agent that finds it taken waits a while,
//! because a rolling restart starts the new pod before the old one has sealed its last segment.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::durable::{sync_directory, write_atomically};
use super::footer::FORMAT_VERSION;
use super::layout;
use crate::table::Table;

const LOCK_POLL: Duration = Duration::from_millis(50);

/// Why a directory can't be the data directory.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It can't be made, read or written.
    #[error("{} can't be used as the data directory: {source}; make it writable or choose another --data", path.display())]
    Unwritable {
        /// The directory or the file in it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It belongs to something else.
    #[error(
        "{} is not empty and is not fgm-agent's (it has no {}): choose an empty or new directory with --data",
        path.display(), layout::MARKER
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
    /// A newer agent wrote it.
    #[error(
        "{} was written by a newer fgm-agent (format {found}; this one understands {FORMAT_VERSION}): upgrade, or choose \
         another --data",
        path.display()
    )]
    Newer {
        /// The directory.
        path: PathBuf,
        /// Its format version.
        found: u32,
    },
    /// Its marker is damaged.
    #[error("{} is not readable ({reason}): restore it, or choose another --data", path.display())]
    DamagedMarker {
        /// The marker.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another agent uses it.
    #[error(
        "{} is in use by another fgm-agent ({holder}), which did not end within {} s: stop it, or choose another --data",
        path.display(), waited.as_secs_f64()
    )]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The process that holds the lock, as far as it is known.
        holder: String,
        /// How long it was waited for.
        waited: Duration,
    },
}

/// The store's marker file.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    format_version: u32,
}

/// What a run of the agent says about itself in `_sessions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The run's id.
    pub run_id: String,
    /// The node's name.
    pub node: String,
    /// When it started, in microseconds since 1970.
    pub started_us: i64,
    /// The agent's version.
    pub agent_version: String,
    /// The agent's git revision.
    pub git_revision: String,
    /// The format version that it writes.
    pub format_version: u32,
    /// Its configuration.
    pub config: serde_json::Value,
}

/// A locked data directory; the lock ends when this is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes or opens a data directory, and locks it, waiting for at most `lock_wait`.
    ///
    /// # Errors
    /// See [`DataDirError`].
    pub fn open(path: &Path, lock_wait: Duration) -> Result<Self, DataDirError> {
        let unwritable = |source| DataDirError::Unwritable { path: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(unwritable)?;
        let fresh = !check_marker(path)?;
        // Looked at twice: another agent may have made it its own in between.
        if fresh && !is_empty(path).map_err(unwritable)? && !check_marker(path)? {
            return Err(DataDirError::Foreign { path: path.to_owned() });
        }
        let lock = lock(path, lock_wait)?;
        // Checked again: whoever held the lock may have been a newer agent.
        if !check_marker(path)? {
            let marker = json(&Marker { format_version: FORMAT_VERSION });
            write_atomically(&path.join(layout::MARKER), &marker).map_err(unwritable)?;
        }
        for directory in [layout::SPILL, layout::SESSIONS, Table::Containers.name()] {
            std::fs::create_dir_all(path.join(directory)).map_err(unwritable)?;
        }
        // A synced spill is worth nothing where a power cut takes its directory's name.
        sync_directory(path).map_err(unwritable)?;
        remove_temporaries(&path.join(layout::SESSIONS)).map_err(unwritable)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a run's manifest is.
    #[must_use]
    pub fn session_path(&self, run_id: &str) -> PathBuf {
        self.path.join(layout::SESSIONS).join(format!("{run_id}.json"))
    }

    /// Writes a run's manifest; on a full disk there is none, because only a running agent makes room.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write_session(&self, session: &Session) -> Result<(), DataDirError> {
        let path = self.session_path(&session.run_id);
        let written = write_atomically(&path, &json(session));
        unless_full(written, &path).map_err(|source| DataDirError::Unwritable { path, source })
    }
}

/// What has to be done without on a full disk.
fn unless_full(written: io::Result<()>, path: &Path) -> io::Result<()> {
    match written {
        Err(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            tracing::warn!(path = %path.display(), %error, "the disk is full: the agent starts without this file's content");
            Ok(())
        }
        written => written,
    }
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    // Plain structs always serialize.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Whether the directory has a marker that this agent understands.
fn check_marker(path: &Path) -> Result<bool, DataDirError> {
    let marker = path.join(layout::MARKER);
    let text = match std::fs::read(&marker) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(DataDirError::Unwritable { path: marker, source }),
    };
    match serde_json::from_slice(&text) {
        Ok(Marker { format_version: 1..=FORMAT_VERSION }) => Ok(true),
        Ok(Marker { format_version: 0 }) => {
            Err(DataDirError::DamagedMarker { path: marker, reason: "its format version is 0".to_owned() })
        }
        Ok(Marker { format_version: found }) => Err(DataDirError::Newer { path: path.to_owned(), found }),
        Err(error) => Err(DataDirError::DamagedMarker { path: marker, reason: error.to_string() }),
    }
}

/// Whether there is nothing in it but what an agent that was stopped while making it may have left.
fn is_empty(path: &Path) -> io::Result<bool> {
    let temporary = layout::temporary_name(layout::MARKER);
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name();
        // A file system's own directory makes a fresh volume no one else's.
        if name != layout::LOCK && name != layout::MARKER && *name != *temporary && name != "lost+found" {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Deletes what an agent that was killed while it wrote left behind; under the lock nobody else writes.
fn remove_temporaries(directory: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if layout::is_temporary(&entry.file_name().to_string_lossy()) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn lock(path: &Path, wait: Duration) -> Result<File, DataDirError> {
    let lock_path = path.join(layout::LOCK);
    let unwritable = |source| DataDirError::Unwritable { path: lock_path.clone(), source };
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&lock_path);
    let mut file = options.map_err(unwritable)?;
    let started = Instant::now();
    let mut announced = false;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
            Err(error) => return Err(unwritable(error.into())),
        }
        if started.elapsed() >= wait {
            let holder = holder(&mut file);
            return Err(DataDirError::Locked { path: path.to_owned(), holder, waited: wait });
        }
        if !announced {
            tracing::info!(data = %path.display(), holder = holder(&mut file), "waiting for the agent that uses the data directory to end");
            announced = true;
        }
        std::thread::sleep(LOCK_POLL.min(wait));
    }
    // Only a hint for whoever waits: the lock itself is the kernel's.
    let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
    unless_full(written, &lock_path).map_err(unwritable)?;
    Ok(file)
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.rewind().and_then(|()| file.take(20).read_to_string(&mut text)) {
        Ok(_) if text.trim().parse::<u32>().is_ok() => format!("process {}", text.trim()),
        _ => "process unknown".to_owned(),
    }
}
