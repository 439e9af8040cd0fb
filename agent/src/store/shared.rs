//! What the store's threads and its readers share, behind one lock.
//!
//! The lock is held for a tick's append, a copy, or a change of pointers; never during I/O. So a reader sees a row exactly
//! once: a segment leaves the tail and enters the catalogue under the same lock.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::catalog::Catalog;
use super::data_dir::DataDir;
use super::footer::Origin;
use super::frame::Frame;
use super::layout;
use super::naming::is_named;
use super::query::{Held, InMemory, Seen};
use super::tail::Tail;
use crate::allocator;
use crate::health::Counters;
use crate::model::{Tick, UnixMicros};
use crate::table::Table;

/// The last file that was sealed.
#[derive(Clone, Debug, serde::Serialize)]
pub struct LastSeal {
    /// The time of its latest row.
    pub last_row_us: UnixMicros,
    /// Its rows.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// How long it took.
    pub seconds: f64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) tail: Tail,
    pub(super) catalog: Catalog,
    /// The segment being sealed: it must not be shed.
    pub(super) sealing: Option<u64>,
    /// Spill files of segments that were shed from memory.
    pub(super) parked: Vec<PathBuf>,
    /// Rows in them that were not sealed yet.
    pub(super) parked_rows: u64,
    /// The writer has ended; what is frozen now is all there is to seal.
    pub(super) stopping: bool,
    /// The sealer has nothing to do.
    pub(super) idle: bool,
    /// The files found at start are not all known yet, or not all spills recovered.
    pub(super) scanning: bool,
    /// The files found at start are all known; spills may wait.
    pub(super) listed: bool,
    /// Spill files that the sealer has to recover, or is recovering, beside those that are parked; told once all is listed.
    pub(super) pending_spills: usize,
    /// The tables and hours of merged files that could not be read yet.
    pub(super) unproven: Vec<(Table, i64)>,
    pub(super) refused_files: u64,
    /// How often there was a reason to look whether files are to be merged or deleted, and how many of these were seen to.
    pub(super) upkeep_asked: u64,
    pub(super) upkeep_done: u64,
    /// What failed is to be tried again at once.
    pub(super) upkeep_retry: bool,
    pub(super) last_seal: Option<LastSeal>,
    pub(super) last_error: Option<String>,
}

impl State {
    /// Takes who is born, and what is known by now of those who were born before: their rows may be sealed already, and a
    /// container may even have ended before the kubelet told its name.
    pub(super) fn begin(&mut self, tick: &Tick, frame: &mut Frame) {
        self.tail.begin(tick, frame);
        let identities = tick.births.iter().filter_map(|(_, subject)| subject.identity());
        identities.filter(|identity| is_named(identity)).for_each(|identity| self.catalog.name(identity));
    }
}

#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Work for the sealer, or the sealer idle.
    pub(super) changed: Condvar,
    pub(super) counters: Arc<Counters>,
    pub(super) data: DataDir,
    /// The run's part of every file's origin; its segment is empty.
    pub(super) origin: Origin,
    pub(super) sync: SpillSync,
    /// Ticks that were appended to the tail.
    pub(super) appended: AtomicU64,
}

impl Shared {
    pub(super) fn new(tail: Tail, data: DataDir, origin: Origin, counters: Arc<Counters>) -> Self {
        let state = State {
            tail,
            catalog: Catalog::default(),
            sealing: None,
            parked: Vec::new(),
            parked_rows: 0,
            stopping: false,
            idle: false,
            scanning: true,
            listed: false,
            pending_spills: 0,
            unproven: Vec::new(),
            refused_files: 0,
            upkeep_asked: 1,
            upkeep_done: 0,
            upkeep_retry: false,
            last_seal: None,
            last_error: None,
        };
        let (changed, sync) = (Condvar::new(), SpillSync::default());
        let appended = AtomicU64::new(0);
        Self { state: Mutex::new(state), changed, counters, data, origin, sync, appended }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked while appending leaves a tail that lacks a row, not one that lies.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn spill_directory(&self) -> PathBuf {
        self.data.path().join(layout::SPILL)
    }

    pub(super) fn segment_origin(&self, sequence: u64) -> Origin {
        let segment = layout::segment_id(&self.origin.run_id, sequence);
        Origin { segment, ..self.origin.clone() }
    }
}

/// The spill files that were written since they were last synced.
#[derive(Debug, Default)]
pub(super) struct SpillSync {
    dirty: Mutex<Dirty>,
    stop: Condvar,
}

#[derive(Debug, Default)]
struct Dirty {
    files: Vec<Arc<File>>,
    since: Option<Instant>,
    new_name: bool,
    stopped: bool,
}

impl SpillSync {
    /// Notes that a spill file was written.
    pub(super) fn written(&self, file: &Arc<File>, is_new: bool) {
        let mut dirty = self.lock();
        dirty.new_name |= is_new;
        dirty.since.get_or_insert_with(Instant::now);
        if !dirty.files.iter().any(|known| Arc::ptr_eq(known, file)) {
            dirty.files.push(Arc::clone(file));
        }
    }

    /// How long the oldest write waits to be synced.
    pub(super) fn lag(&self) -> Duration {
        self.lock().since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Ends [`Self::run`].
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.stop.notify_all();
    }

    /// Syncs what was written, every `interval`, until stopped.
    pub(super) fn run(&self, directory: &Path, interval: Duration, counters: &Counters) {
        let mut failing = false;
        loop {
            let waited = self.stop.wait_timeout_while(self.lock(), interval, |dirty| !dirty.stopped);
            let mut dirty = waited.unwrap_or_else(PoisonError::into_inner).0;
            let (files, new_name, stopped) = (std::mem::take(&mut dirty.files), dirty.new_name, dirty.stopped);
            (dirty.new_name, dirty.since) = (false, None);
            drop(dirty);
            let synced = files.iter().try_for_each(|file| file.sync_data());
            let named = if new_name { super::durable::sync_directory(directory) } else { Ok(()) };
            match synced.and(named) {
                Ok(()) => failing = false,
                Err(error) => {
                    counters.spill_errors.increment();
                    if !failing {
                        tracing::warn!(%error, "spill files can't be synced: a power cut would lose more than it should");
                    }
                    failing = true;
                }
            }
            if stopped {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Dirty> {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held for Shared {
    fn look(&self, look: &mut dyn FnMut(&Seen<'_>)) {
        let state = self.lock();
        let segments = state.tail.frozen().map(|frozen| &*frozen.segment).chain([state.tail.active()]);
        let (node, interval_usec) = (self.origin.node.as_str(), self.origin.interval_usec);
        let memory = segments.map(|segment| InMemory { segment, node, interval_usec }).collect();
        look(&Seen { catalog: &state.catalog, memory, tail: Some(&state.tail) });
    }

    fn ticks(&self) -> u64 {
        self.appended.load(Relaxed)
    }
}

/// Makes this thread one that yields to the sampler, at a low priority, and whose freed memory others can use. Without the right
/// to the priority it runs like every other.
pub(super) fn work_in_background(nice: i32) {
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), nice);
    allocator::keep_no_freed_blocks();
}
