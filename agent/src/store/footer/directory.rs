//! The directory in a sealed file's footer: who is in the file, and which rows are whose.
//!
//! The text form is JSON, told here alone. The surprise: a set of columns that many containers lack is written once.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::model::{ColumnSet, Identity, UnixMicros};
use crate::store::resolution::Resolution;
use crate::store::schema::has_final;
use crate::store::segment::Segment;
use crate::table::Table;

/// A container in a sealed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DirectoryEntry {
    /// Who it is.
    #[serde(flatten)]
    pub identity: Identity,
    /// The position of its first row in the file.
    pub first_row: u64,
    /// The number of its rows, which follow each other.
    pub rows: u64,
    /// The time of its first row.
    pub first_us: UnixMicros,
    /// The time of its last row.
    pub last_us: UnixMicros,
    /// The columns that it does not have: an index into [`Directory::column_sets`].
    pub unsupported: usize,
    /// The columns that could not be read: an index into [`Directory::column_sets`].
    pub unreadable: usize,
}

/// An entry as it is written, but for who it is.
#[derive(Deserialize)]
struct Place {
    first_row: u64,
    rows: u64,
    first_us: UnixMicros,
    last_us: UnixMicros,
    unsupported: usize,
    unreadable: usize,
}

impl DirectoryEntry {
    /// Reads the text twice, which takes a third of the time that serde takes to tell flattened fields apart.
    pub(super) fn parse(text: &RawValue) -> serde_json::Result<Self> {
        let identity = serde_json::from_str(text.get())?;
        let Place { first_row, rows, first_us, last_us, unsupported, unreadable } = serde_json::from_str(text.get())?;
        Ok(Self { identity, first_row, rows, first_us, last_us, unsupported, unreadable })
    }
}

/// A directory as it is written.
#[derive(Deserialize)]
pub(super) struct Written<'a> {
    pub(super) column_sets: Vec<Vec<String>>,
    #[serde(borrow)]
    pub(super) containers: Vec<&'a RawValue>,
}

/// What a sealed file is about: its table, its time range, and its containers in row order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Directory {
    /// The table.
    #[serde(skip)]
    pub table: Table,
    /// Whether its rows are readings, or what a minute of them came to.
    #[serde(skip)]
    pub resolution: Resolution,
    /// The segments whose rows it has, where it was made of sealed files.
    #[serde(skip)]
    pub replaces: Vec<String>,
    /// The times of the earliest and the latest row.
    #[serde(skip)]
    pub span: (UnixMicros, UnixMicros),
    /// The segments of readings that its rows were computed from, where they are rollups.
    #[serde(skip)]
    pub covers: Vec<String>,
    /// Sets of column names; containers of one machine share a few.
    pub column_sets: Vec<Vec<String>>,
    /// The containers or pods; empty for every other table.
    pub containers: Vec<DirectoryEntry>,
}

impl Directory {
    /// An empty directory.
    #[must_use]
    pub fn new(table: Table, span: (UnixMicros, UnixMicros)) -> Self {
        let (column_sets, containers, replaces, covers) = Default::default();
        Self { table, resolution: Resolution::Raw, replaces, covers, span, column_sets, containers }
    }

    /// The directory of the sealed file of a segment's table.
    #[must_use]
    pub fn of(segment: &Segment, table: Table) -> Self {
        let mut directory = Self::new(table, segment.span_of(table).unwrap_or_default());
        let mut known = HashMap::new();
        let mut first_row = 0;
        for series in segment.sorted(table) {
            let Some(identity) = series.subject.identity() else { continue };
            let [unsupported, unreadable] =
                series.absent_columns().map(|columns| directory.set_index(&mut known, columns));
            directory.containers.push(DirectoryEntry {
                identity: Identity::clone(identity),
                first_row,
                rows: series.rows,
                first_us: series.first,
                last_us: series.last(),
                unsupported,
                unreadable,
            });
            first_row += series.rows;
        }
        directory
    }

    /// Whether a catalogue keeps its containers. A pod is none, and a file of rollups alone keeps no container known: three
    /// months of them would take more memory than a week of readings.
    #[must_use]
    pub fn is_catalogued(&self) -> bool {
        self.table == Table::Containers && self.resolution == Resolution::Raw
    }

    /// The position of a set of columns in [`Self::column_sets`], where it is put if it is new.
    pub(in crate::store) fn set_index(&mut self, known: &mut HashMap<ColumnSet, usize>, columns: ColumnSet) -> usize {
        *known.entry(columns).or_insert_with(|| {
            let names = columns.iter().map(|column| self.table.column_name(column).to_owned()).collect();
            self.column_sets.push(names);
            self.column_sets.len() - 1
        })
    }

    /// What contradicts itself or the file's number of rows.
    pub(super) fn fault(&self, file_rows: u64) -> Option<&'static str> {
        let mut next = 0_u64;
        for entry in &self.containers {
            if entry.first_row != next || entry.rows == 0 || entry.first_us > entry.last_us {
                return Some("its directory contradicts itself");
            }
            if entry.unsupported.max(entry.unreadable) >= self.column_sets.len() {
                return Some("its directory names a column set that it does not have");
            }
            next = next.saturating_add(entry.rows);
        }
        (has_final(self.table) && next != file_rows).then_some("its directory has another number of rows than the file")
    }
}
