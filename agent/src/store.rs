//! The store: takes ticks, keeps the newest rows in memory, and writes all of them as rotating Parquet files.
//!
//! # Layout
//! ```text
//! DATA/containers/dt=2026-11-23/node=NODE/START-END.parquet   sealed: at most one UTC hour, rows by container id and time
//! DATA/containers_60s/...                                     its minutes, summed up
//! DATA/_spill/RUN-000001.spill                                the segment in memory, for the case of a crash
//! DATA/_sessions/RUN.json   DATA/_fgm.json   DATA/_lock       who wrote what, the format's version, the lock
//! ```
//!
//! # Invariants
//! 1. A row is in exactly one place for a reader: the tail or one sealed file; both change under one lock.
//! 2. A file under its final name is whole: it was synced and proven before the rename. It never changes.
//! 3. A segment's id is in one file at most, as its own or as one that the file replaces; a spill whose segment is in a file
//!    is deleted, not recovered, and so is a file whose segment another one replaces.
//! 4. A sealed file never crosses a UTC hour; rows of one container id in it have strictly rising times.
//! 5. Nothing that is damaged is deleted: it is renamed to `_NAME.corrupt` and counted.
//! 6. Memory is bounded: the active segment by [`Options::tail_bytes`], those being sealed by [`Options::frozen_bytes`].
//!
//! # What a crash loses
//! The death of the process: the tick in flight, and what waits in the channel. A power cut: no sealed file, and at most
//! [`Options::spill_interval`] of rows. Stopping by dropping the sender: nothing.
//!
//! # Threads
//! ```text
//! SyncSender<Tick> -> fgm-writer: tail + spill, rotation -> fgm-sealer: Parquet, catalogue, recovery     fgm-sync: fdatasync of spills
//! fgm-upkeep: retention, hour files, rollups
//! ```

pub mod bulk;
pub mod catalog;
pub mod data_dir;
mod durable;
mod encode;
pub mod events;
mod files;
pub mod footer;
pub mod frame;
mod hour_file;
pub mod inspect;
pub mod layout;
mod merge;
mod naming;
mod postponed;
mod prove;
pub mod query;
pub mod reader;
pub mod recovery;
pub mod retention;
mod rollup_file;
pub mod rotation;
pub mod rowlog;
pub mod schema;
pub mod sealed;
mod sealer;
pub mod segment;
mod shared;
pub mod spill;
pub mod tail;
mod upkeep;
pub mod varint;
pub mod view;
mod writer;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use crate::resolution;
pub use crate::rollup;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use self::data_dir::{DataDir, DataDirError, Session};
use self::footer::{FORMAT_VERSION, Origin};
pub use self::query::Engine;
pub use self::reader::{Reader, Status, TailRow};
use self::retention::Budget;
use self::rotation::Limits;
use self::sealer::{Sealer, Unsealed};
pub use self::shared::LastSeal;
use self::shared::Shared;
use self::tail::Tail;
use self::upkeep::Upkeep;
use self::writer::Writer;
use crate::config;
use crate::health::Counters;
use crate::model::{Tick, UnixMicros};

/// How many full tails may wait to be sealed, unless asked otherwise.
pub const FROZEN_TAILS: usize = 2;
/// How long a second agent waits for the first one to end.
pub const DEFAULT_LOCK_WAIT: Duration = Duration::from_secs(15);
/// How much sampling may wait for the writer, within these numbers of ticks: a tick of a thousand containers is 1 MB.
const CHANNEL_TIME: Duration = Duration::from_secs(25);
const CHANNEL_TICKS: std::ops::RangeInclusive<u128> = 32..=256;

/// What the store must know.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data directory.
    pub data: PathBuf,
    /// The node's name.
    pub node: String,
    /// When this run started; makes its id.
    pub started: UnixMicros,
    /// The sampling interval.
    pub interval: Duration,
    /// The agent's version.
    pub agent_version: String,
    /// The agent's git revision.
    pub git_revision: String,
    /// The agent's configuration, for the session manifest.
    pub config: serde_json::Value,
    /// The age at which a segment is sealed.
    pub rotate: Duration,
    /// The size in memory at which a segment is sealed.
    pub tail_bytes: usize,
    /// The size in memory of the segments that wait to be sealed; beyond it, the oldest waits on disk alone.
    pub frozen_bytes: usize,
    /// The time between two syncs of the spill.
    pub spill_interval: Duration,
    /// How long to wait for another agent to leave the data directory.
    pub lock_wait: Duration,
    /// What is kept on disk.
    pub budget: Budget,
    /// What time it is, for ages and for hours that are over.
    pub clock: WallClock,
}

/// Tells the time of day, and how much time goes by.
#[derive(Clone)]
pub struct WallClock {
    now: Arc<dyn Fn() -> UnixMicros + Send + Sync>,
    monotonic: Arc<dyn Fn() -> Duration + Send + Sync>,
}

impl WallClock {
    /// A clock that is asked this way.
    pub fn new(now: impl Fn() -> UnixMicros + Send + Sync + 'static) -> Self {
        let started = Instant::now();
        Self { now: Arc::new(now), monotonic: Arc::new(move || started.elapsed()) }
    }

    /// The same, with another measure of the time that goes by, since whenever.
    #[must_use]
    pub fn measured_by(self, monotonic: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { monotonic: Arc::new(monotonic), ..self }
    }

    fn now(&self) -> UnixMicros {
        (self.now)()
    }

    fn monotonic(&self) -> Duration {
        (self.monotonic)()
    }
}

impl std::fmt::Debug for WallClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WallClock")
    }
}

impl Options {
    /// The defaults for a data directory and a node; the clock stands still at the start.
    #[must_use]
    pub fn new(data: &Path, node: &str, started: UnixMicros) -> Self {
        let tail_bytes = usize::try_from(config::DEFAULT_TAIL_BYTES).unwrap_or(usize::MAX);
        Self {
            data: data.to_owned(),
            node: node.to_owned(),
            started,
            interval: Duration::from_secs(1),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            git_revision: env!("FGM_GIT_REVISION").to_owned(),
            config: serde_json::Value::Null,
            rotate: config::DEFAULT_ROTATE,
            tail_bytes,
            frozen_bytes: FROZEN_TAILS * tail_bytes,
            spill_interval: config::DEFAULT_SPILL_INTERVAL,
            lock_wait: DEFAULT_LOCK_WAIT,
            budget: Budget {
                bytes: config::DEFAULT_RETAIN_BYTES,
                age: config::DEFAULT_RETAIN_AGE,
                rollup_age: config::DEFAULT_RETAIN_ROLLUP_AGE,
            },
            clock: WallClock::new(move || started),
        }
    }
}

/// Why the store can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory can't be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A thread can't be started.
    #[error("a thread of the store can't be started: {0}; is the limit of processes too low?")]
    Thread(std::io::Error),
}

/// What a store did in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Files sealed, recovered ones included.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
    /// Rows that could not be sealed, but are in spill files for the next start.
    pub spilled_rows: u64,
    /// Rows that are lost.
    pub lost_rows: u64,
}

/// A running store.
#[derive(Debug)]
pub struct Store {
    shared: Arc<Shared>,
    engine: Arc<Engine>,
    writer: JoinHandle<()>,
    sealer: JoinHandle<Unsealed>,
    sync: JoinHandle<()>,
    upkeep: JoinHandle<()>,
}

impl Store {
    /// Opens the data directory and starts the threads; ticks go into the sender, whose drop ends the store.
    ///
    /// # Errors
    /// The data directory can't be used, or no threads are to be had.
    pub fn start(options: Options, counters: Arc<Counters>) -> Result<(Self, SyncSender<Tick>), StartError> {
        let data = DataDir::open(&options.data, options.lock_wait)?;
        let run_id = unused_run_id(&data, options.started);
        data.write_session(&session(&options, &run_id))?;
        let spills = spill_files(&data)?;
        let limits = Limits { age: options.rotate, bytes: options.tail_bytes };
        let shared = Arc::new(Shared::new(Tail::new(limits), data, origin(&options, run_id), counters));
        let (sender, ticks) = sync_channel(channel_ticks(options.interval));
        let writer = Writer::new(Arc::clone(&shared), options.frozen_bytes);
        let sealer = Sealer::new(Arc::clone(&shared), spills);
        let upkeep = Upkeep::new(Arc::clone(&shared), options.clock, options.budget);
        let syncing = Arc::clone(&shared);
        let interval = options.spill_interval;
        Ok((
            Self {
                engine: Arc::new(Engine::new(Arc::<Shared>::clone(&shared))),
                shared,
                upkeep: spawn("fgm-upkeep", move || upkeep.run())?,
                writer: spawn("fgm-writer", move || writer.run(&ticks))?,
                sealer: spawn("fgm-sealer", move || sealer.run())?,
                sync: spawn("fgm-sync", move || {
                    syncing.sync.run(&syncing.spill_directory(), interval, &syncing.counters);
                })?,
            },
            sender,
        ))
    }

    /// What answers questions about the stored rows.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.shared), Arc::clone(&self.engine))
    }

    /// Whether a thread of the store has ended although the sender is still there: a bug.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.writer.is_finished() || self.sealer.is_finished() || self.sync.is_finished() || self.upkeep.is_finished()
    }

    /// Waits until the sender was dropped and everything is sealed or given up.
    pub fn join(self) -> Summary {
        let writer_panicked = self.writer.join().is_err();
        if writer_panicked {
            // The sealer must still end.
            self.shared.lock().stopping = true;
            self.shared.changed.notify_all();
        }
        let unsealed = self.sealer.join().unwrap_or_else(|_| left_over(&self.shared));
        // What it was doing is done again after the next start.
        let _ = self.upkeep.join();
        self.shared.sync.stop();
        // It only syncs; its panic loses nothing.
        let _ = self.sync.join();
        let counters = &self.shared.counters;
        Summary {
            files: counters.seals.get(),
            rows: counters.rows_written.get(),
            spilled_rows: unsealed.spilled_rows,
            lost_rows: unsealed.lost_rows,
        }
    }
}

/// What a sealer that panicked left.
fn left_over(shared: &Shared) -> Unsealed {
    let state = shared.lock();
    let spilled_rows = state.tail.frozen().map(|frozen| frozen.spilled_rows).sum::<u64>() + state.parked_rows;
    let lost_rows = state.tail.frozen().map(|frozen| frozen.segment.rows() - frozen.spilled_rows).sum();
    Unsealed { spilled_rows, lost_rows }
}

fn channel_ticks(interval: Duration) -> usize {
    let ticks = CHANNEL_TIME.as_micros() / interval.as_micros().max(1);
    ticks.clamp(*CHANNEL_TICKS.start(), *CHANNEL_TICKS.end()) as usize
}

fn spawn<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>, StartError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(StartError::Thread)
}

/// Two runs of one id would make segments of one id, of which only one counts; a start time may repeat where it is given, or
/// where a machine without a clock of its own boots.
fn unused_run_id(data: &DataDir, started: UnixMicros) -> String {
    let mut run_id = layout::run_id(started, std::process::id());
    for later in 1.. {
        if !data.session_path(&run_id).exists() {
            break;
        }
        run_id = layout::run_id(started.saturating_add(later), std::process::id());
    }
    run_id
}

fn session(options: &Options, run_id: &str) -> Session {
    Session {
        run_id: run_id.to_owned(),
        node: options.node.clone(),
        started_us: options.started,
        agent_version: options.agent_version.clone(),
        git_revision: options.git_revision.clone(),
        format_version: FORMAT_VERSION,
        config: options.config.clone(),
    }
}

fn origin(options: &Options, run_id: String) -> Origin {
    Origin {
        node: options.node.clone(),
        run_id,
        segment: String::new(),
        agent_version: options.agent_version.clone(),
        git_revision: options.git_revision.clone(),
        interval_usec: u64::try_from(options.interval.as_micros()).unwrap_or(u64::MAX),
    }
}

/// The spill files of earlier runs, oldest first: listed before this run makes its own.
fn spill_files(data: &DataDir) -> Result<Vec<PathBuf>, DataDirError> {
    let directory = data.path().join(layout::SPILL);
    let unreadable = |source| DataDirError::Unwritable { path: directory.clone(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == layout::SPILL_EXTENSION) {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}
