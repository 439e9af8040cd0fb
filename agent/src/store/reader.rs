//! The store's reading side: what is known now, and the rows in memory.
//!
//! Copies out under the store's lock, decodes outside of it; any number of threads may ask.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use serde::Serialize;

use super::catalog::ContainerSummary;
use super::footer::FORMAT_VERSION;
use super::query::Engine;
use super::resolution::Resolution;
use super::rowlog::{Decoder, RowError};
use super::segment::Segment;
use super::shared::{LastSeal, Shared, State};
use super::tail::LatestRow;
use crate::model::{ColumnSet, UnixMicros};
use crate::table::Table;

/// A row from memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailRow {
    /// When it was read.
    pub time: UnixMicros,
    /// Whether its totals are complete.
    pub is_final: bool,
    /// The columns that have a value.
    pub present: ColumnSet,
    /// The values, by column; what is not in `present` means nothing.
    pub values: Box<[i64]>,
}

/// The state of the store, for `/api/status`.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The data directory.
    pub data: PathBuf,
    /// The format of its files.
    pub format_version: u32,
    /// The run's id.
    pub run_id: String,
    /// Sealed files known.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Files left alone: of a newer format, of another program, unreadable, or duplicates.
    pub refused_files: u64,
    /// The files found at start are not all known yet.
    pub scanning: bool,
    /// Rows in memory.
    pub tail_rows: u64,
    /// Bytes of memory they take.
    pub tail_bytes: u64,
    /// The time of the oldest of them, in microseconds since 1970.
    pub tail_oldest_us: Option<UnixMicros>,
    /// Segments that wait to be sealed.
    pub unsealed_segments: u64,
    /// How long the oldest spilled row waits to be synced.
    pub spill_lag_seconds: f64,
    /// The last file sealed.
    pub last_seal: Option<LastSeal>,
    /// What went wrong last and has not been well since.
    pub last_error: Option<String>,
}

/// Answers questions about the stored rows; cheap to clone. The data directory stays locked as long as there is one.
#[derive(Clone, Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    engine: Arc<Engine>,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, engine: Arc<Engine>) -> Self {
        Self { shared, engine }
    }

    /// What answers scans.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    #[cfg(test)]
    pub(super) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.shared.lock()
    }

    /// The last known values of every living subject of a table.
    #[must_use]
    pub fn latest(&self, table: Table) -> Vec<LatestRow> {
        self.shared.lock().tail.latest(table)
    }

    /// A container's rows in memory, oldest first.
    ///
    /// # Errors
    /// The rows in memory are damaged: a bug.
    pub fn rows(&self, container_id: &str) -> Result<Vec<TailRow>, RowError> {
        let mut rows = Vec::new();
        for encoded in self.encoded_rows(container_id) {
            let mut decoder = Decoder::new(Table::Containers, &encoded);
            while let Some(row) = decoder.next_row()? {
                rows.push(TailRow {
                    time: row.time(),
                    is_final: row.is_final(),
                    present: *row.present(),
                    values: Box::from(row.values()),
                });
            }
        }
        Ok(rows)
    }

    /// A container's rows in memory as [`Decoder`] reads them, one piece per segment, oldest first.
    #[must_use]
    pub fn encoded_rows(&self, container_id: &str) -> Vec<Vec<u8>> {
        let state = self.shared.lock();
        let found = segments(&state).filter_map(|segment| segment.series_of(Table::Containers, container_id));
        found.map(|series| series.encoded().to_vec()).collect()
    }

    /// Every container that the store has rows of, the one seen first last.
    #[must_use]
    pub fn containers(&self) -> Vec<ContainerSummary> {
        self.engine.containers()
    }

    /// The paths of the sealed files of readings, by the time of their first rows. A file may be merged or go after this was
    /// asked: whoever finds it gone asks again.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let state = self.shared.lock();
        let readings = state.catalog.files().filter(|file| file.resolution == Resolution::Raw);
        readings.map(|file| file.path()).collect()
    }

    /// The store's state.
    #[must_use]
    pub fn status(&self) -> Status {
        let spill_lag_seconds = self.shared.sync.lag().as_secs_f64();
        let state = self.shared.lock();
        let (files, rows, bytes) = state.catalog.totals();
        let spans = segments(&state).filter_map(Segment::span);
        Status {
            data: self.shared.data.path().to_owned(),
            format_version: FORMAT_VERSION,
            run_id: self.shared.origin.run_id.clone(),
            files,
            rows,
            bytes,
            refused_files: state.refused_files,
            scanning: state.scanning,
            tail_rows: segments(&state).map(Segment::rows).sum(),
            tail_bytes: state.tail.memory() as u64,
            tail_oldest_us: spans.map(|(first, _)| first).min(),
            unsealed_segments: state.tail.frozen().count() as u64,
            spill_lag_seconds,
            last_seal: state.last_seal.clone(),
            last_error: state.last_error.clone(),
        }
    }

    /// Sees to it that what is due is merged, summed up and deleted now, what failed before included, and waits for that.
    pub fn keep_up(&self) {
        let mut state = self.shared.lock();
        state.upkeep_asked += 1;
        state.upkeep_retry = true;
        let asked = state.upkeep_asked;
        self.shared.changed.notify_all();
        let waited = self.shared.changed.wait_while(state, |state| state.upkeep_done < asked && !state.stopping);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until what was found at start is known, recovered or set aside, and no segment waits to be sealed; forever where
    /// sealing keeps failing.
    pub fn wait_settled(&self) {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_while(state, |state| !state.idle);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

fn segments(state: &State) -> impl Iterator<Item = &Segment> {
    state.tail.frozen().map(|frozen| &*frozen.segment).chain([state.tail.active()])
}
