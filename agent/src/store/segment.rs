//! A segment in memory: the rows of at most an hour of every table, encoded, by subject.
//!
//! No I/O. One series per table and subject *id*: where a cgroup comes back under the same id within a segment (a service that
//! restarts), its rows continue the series, so rows of one id are always in time order and a sealed file needs no sort
//! but that of the ids.

use std::collections::HashMap;
use std::sync::Arc;

use super::rowlog::{Decoder, RowBuffer, RowState};
use crate::model::{ColumnSet, Identity, Row, Support, UnixMicros};
use crate::subject::{Owner, Subject};
use crate::table::Table;

/// The rows of one subject in a segment.
#[derive(Clone, Debug)]
pub struct Series {
    /// Who it is, as known last.
    pub subject: Subject,
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
    fn new(subject: Subject, support: Support) -> Self {
        let (encoded, state) = (Vec::new(), RowState::new(subject.table()));
        Self { subject, support, seen: ColumnSet::EMPTY, rows: 0, first: 0, encoded, state }
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
        Decoder::new(self.subject.table(), &self.encoded)
    }

    /// The unsupported columns and the unreadable ones, but for those that have a value in the segment after all.
    #[must_use]
    pub fn absent_columns(&self) -> [ColumnSet; 2] {
        [self.support.unsupported.difference(&self.seen), self.support.unreadable.difference(&self.seen)]
    }

    fn memory(&self) -> usize {
        // The subject is shared with the tail's list of the living; its strings are about as large as this struct.
        self.encoded.capacity() + size_of::<Self>() + size_of_val(self.state.values())
    }
}

/// The rows of at most an hour.
#[derive(Clone, Debug, Default)]
pub struct Segment {
    series: Vec<Series>,
    by_id: [HashMap<String, usize>; Table::ALL.len()],
    rows: u64,
    memory: usize,
    opened_with: UnixMicros,
}

impl Segment {
    /// The series of all tables, in the order of their first rows.
    #[must_use]
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// The series of one subject of a table.
    #[must_use]
    pub fn series_of(&self, table: Table, id: &str) -> Option<&Series> {
        self.index_of(table, id).map(|index| &self.series[index])
    }

    /// The position of a subject's series in [`Self::series`].
    #[must_use]
    pub fn index_of(&self, table: Table, id: &str) -> Option<usize> {
        self.by_id[table as usize].get(id).copied()
    }

    /// The series of a table that have rows.
    pub fn of(&self, table: Table) -> impl Iterator<Item = &Series> {
        self.series.iter().filter(move |series| series.rows > 0 && series.subject.table() == table)
    }

    /// The tables that have rows.
    pub fn tables(&self) -> impl Iterator<Item = Table> {
        Table::ALL.into_iter().filter(|&table| self.of(table).next().is_some())
    }

    /// The number of rows of a table.
    #[must_use]
    pub fn rows_of(&self, table: Table) -> u64 {
        self.of(table).map(|series| series.rows).sum()
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
        span(self.series.iter().filter(|series| series.rows > 0))
    }

    /// The times of a table's earliest and latest row; `None` without rows.
    #[must_use]
    pub fn span_of(&self, table: Table) -> Option<(UnixMicros, UnixMicros)> {
        span(self.of(table))
    }

    /// The position of a subject's series, which begins here if it is new.
    pub fn open_series(&mut self, subject: &Subject, support: Support) -> usize {
        let (table, id) = (subject.table(), subject.id());
        if let Some(index) = self.index_of(table, &id) {
            self.set_subject(index, subject.clone());
            self.series[index].support = support;
            return index;
        }
        let series = Series::new(subject.clone(), support);
        self.memory += series.memory();
        self.by_id[table as usize].insert(id.into_owned(), self.series.len());
        self.series.push(series);
        self.series.len() - 1
    }

    /// Replaces what is known of a subject, whose id stays.
    pub fn set_subject(&mut self, index: usize, subject: Subject) {
        self.series[index].subject = subject;
    }

    /// Gives what belongs to a container or a pod the names that came after its own birth: what the segment's containers,
    /// or else the `living`, are called by now.
    pub fn name_owners<'a>(&mut self, living: impl Iterator<Item = &'a Subject>) {
        let by_id = |subject: &Subject| subject.identity().map(|known| (known.container_id.clone(), Arc::clone(known)));
        let mut containers: HashMap<String, Arc<Identity>> = living.filter_map(by_id).collect();
        containers.extend(self.series.iter().filter_map(|series| by_id(&series.subject)));
        let named = containers.values().filter(|known| known.pod.is_some());
        let pods: HashMap<&String, &Arc<Identity>> =
            named.filter_map(|known| Some((known.pod_uid.as_ref()?, known))).collect();
        for series in &mut self.series {
            let Some(owner) = series.subject.owner() else { continue };
            let identity = match (&owner.container_id, &owner.pod_uid) {
                (Some(id), _) => containers.get(id),
                (None, Some(uid)) => pods.get(uid).copied(),
                (None, None) => None,
            };
            let named = identity.map(|identity| Owner::clone(owner).named(identity));
            if let Some(named) = named.filter(|named| named != owner) {
                series.subject = series.subject.owned_by(named);
            }
        }
    }

    /// Forgets the rows of tables that are not to be kept.
    pub fn retain_tables(&mut self, keep: impl Fn(Table) -> bool) {
        let series = std::mem::take(&mut self.series);
        (self.by_id, self.rows, self.memory) = Default::default();
        for series in series.into_iter().filter(|series| keep(series.subject.table())) {
            let table = series.subject.table();
            self.by_id[table as usize].insert(series.subject.id().into_owned(), self.series.len());
            (self.rows, self.memory) = (self.rows + series.rows, self.memory + series.memory());
            self.series.push(series);
        }
    }

    /// Replaces what is known of a subject's columns.
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

    /// The series of a table in the order of its sealed file: by the subject's id.
    #[must_use]
    pub fn sorted(&self, table: Table) -> Vec<&Series> {
        let mut sorted: Vec<&Series> = self.of(table).collect();
        sorted.sort_by_cached_key(|series| series.subject.id().into_owned());
        sorted
    }
}

fn span<'a>(series: impl Iterator<Item = &'a Series>) -> Option<(UnixMicros, UnixMicros)> {
    series
        .map(|series| (series.first, series.last()))
        .reduce(|(first, last), (from, to)| (first.min(from), last.max(to)))
}
