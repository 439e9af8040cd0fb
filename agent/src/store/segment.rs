//! A segment in memory: the rows of at most an hour, encoded, by container.
//!
//! No I/O. One series per container *id*: where a cgroup comes back under the same id within a segment (a service that
//! restarts), its rows continue the series, so rows of one id are always in time order and a sealed file needs no sort
//! but that of the ids.

use std::collections::HashMap;
use std::sync::Arc;

use super::rowlog::{Decoder, RowBuffer, RowState};
use crate::model::{ColumnSet, Identity, Row, Support, UnixMicros};

/// The rows of one container in a segment.
#[derive(Clone, Debug)]
pub struct Series {
    /// Who it is, as known last.
    pub identity: Arc<Identity>,
    /// Which columns it does not have, as known last.
    pub support: Support,
    /// The columns that have a value in some row.
    pub seen: ColumnSet,
    /// The number of rows.
    pub rows: u64,
    /// The time of the first row.
    pub first: UnixMicros,
    encoded: Vec<u8>,
    state: RowState,
}

impl Series {
    fn new(identity: Arc<Identity>, support: Support) -> Self {
        let (encoded, state) = (Vec::new(), RowState::default());
        Self { identity, support, seen: ColumnSet::EMPTY, rows: 0, first: 0, encoded, state }
    }

    /// The time of the last row.
    #[must_use]
    pub fn last(&self) -> UnixMicros {
        self.state.time()
    }

    /// The last row.
    #[must_use]
    pub fn last_row(&self) -> &RowState {
        &self.state
    }

    /// The rows, as [`Decoder`] reads them.
    #[must_use]
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// Reads the rows.
    #[must_use]
    pub fn decoder(&self) -> Decoder<'_> {
        Decoder::new(&self.encoded)
    }

    /// The unsupported columns and the unreadable ones, but for those that have a value in the segment after all.
    #[must_use]
    pub fn absent_columns(&self) -> [ColumnSet; 2] {
        [self.support.unsupported.difference(&self.seen), self.support.unreadable.difference(&self.seen)]
    }

    fn memory(&self) -> usize {
        // The identity is shared with the tail's list of containers; its strings are about as large as this struct.
        self.encoded.capacity() + size_of::<Self>()
    }
}

/// The rows of at most an hour.
#[derive(Clone, Debug, Default)]
pub struct Segment {
    series: Vec<Series>,
    by_id: HashMap<String, usize>,
    rows: u64,
    memory: usize,
    opened_with: UnixMicros,
}

impl Segment {
    /// The series of containers, in the order of their first rows.
    #[must_use]
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// The series of one container.
    #[must_use]
    pub fn series_of(&self, container_id: &str) -> Option<&Series> {
        self.index_of(container_id).map(|index| &self.series[index])
    }

    /// The position of a container's series in [`Self::series`].
    #[must_use]
    pub fn index_of(&self, container_id: &str) -> Option<usize> {
        self.by_id.get(container_id).copied()
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of memory it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// The time of the row that opened it.
    #[must_use]
    pub fn opened_with(&self) -> UnixMicros {
        self.opened_with
    }

    /// The times of its earliest and its latest row; `None` without rows.
    #[must_use]
    pub fn span(&self) -> Option<(UnixMicros, UnixMicros)> {
        let first = self.series.iter().map(|series| series.first).min()?;
        let last = self.series.iter().map(Series::last).max()?;
        Some((first, last))
    }

    /// The position of a container's series, which begins here if it is new.
    pub fn open_series(&mut self, identity: &Arc<Identity>, support: Support) -> usize {
        if let Some(index) = self.index_of(&identity.container_id) {
            self.set_identity(index, Arc::clone(identity));
            self.series[index].support = support;
            return index;
        }
        let series = Series::new(Arc::clone(identity), support);
        self.memory += series.memory();
        self.by_id.insert(identity.container_id.clone(), self.series.len());
        self.series.push(series);
        self.series.len() - 1
    }

    /// Replaces what is known of a container, whose id stays.
    pub fn set_identity(&mut self, index: usize, identity: Arc<Identity>) {
        self.series[index].identity = identity;
    }

    /// Replaces what is known of a container's columns.
    pub fn set_support(&mut self, index: usize, support: Support) {
        self.series[index].support = support;
    }

    /// Appends a row to the series at `index`; its bytes are then in `buffer`.
    pub fn append(&mut self, index: usize, (row, values): (&Row, &[i64]), buffer: &mut RowBuffer) {
        let series = &mut self.series[index];
        let before = series.encoded.capacity();
        series.state.encode(row, values, buffer);
        series.encoded.extend_from_slice(buffer.as_bytes());
        series.seen = series.seen.union(&row.present);
        if series.rows == 0 {
            series.first = row.time;
        }
        if self.rows == 0 {
            self.opened_with = row.time;
        }
        series.rows += 1;
        self.rows += 1;
        self.memory += series.encoded.capacity() - before;
    }

    /// The series in the order of a sealed file: by container id.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Series> {
        let mut sorted: Vec<&Series> = self.series.iter().filter(|series| series.rows > 0).collect();
        sorted.sort_unstable_by(|a, b| a.identity.container_id.cmp(&b.identity.container_id));
        sorted
    }
}
