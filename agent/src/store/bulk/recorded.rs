//! Reads a data directory hour by hour, row by row.
//!
//! For who wants all rows, not an answer: an hour of a table at a time, by subject and time, in bounded memory. The surprise:
//! where a table's texts say who a row is about, the subject is put together from them anew; an event gets another number.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::BulkError;
use crate::model::{ColumnSet, HOUR_USEC, Row, SeriesKey, Support};
use crate::store::files::{entries, subdirectories};
use crate::store::hour_file::numbers_of;
use crate::store::layout::{self, SealedName};
use crate::store::merge::{Merge, MergeError, Names, Piece, bool_cursor};
use crate::store::schema::{FINAL, TIME, has_final};
use crate::subject::Subject;
use crate::subject::columns::put_together;
use crate::table::Table;

/// Rows whose columns are in memory at once: 4,096 of 135 columns take 5 MB.
const BATCH_ROWS: u64 = 4096;

/// A data directory that no agent uses.
#[derive(Debug)]
pub struct Recorded {
    hours: BTreeMap<i64, BTreeMap<Table, Vec<PathBuf>>>,
}

/// A row that was read.
#[derive(Debug)]
pub struct RecordedRow<'a> {
    /// Who it is about.
    pub subject: &'a Subject,
    /// Which columns the subject does not have.
    pub support: Support,
    /// When it was read, and which columns it has; its key means nothing.
    pub row: Row,
    /// The values.
    pub values: &'a [i64],
}

impl Recorded {
    /// Lists the sealed files of readings.
    ///
    /// # Errors
    /// It is no data directory.
    pub fn list(data: &Path) -> Result<Self, BulkError> {
        if !data.join(layout::MARKER).is_file() {
            let reason = format!("it is no data directory: it has no {}", layout::MARKER);
            return Err(BulkError::Unread { path: data.to_owned(), reason });
        }
        let mut hours: BTreeMap<i64, BTreeMap<Table, Vec<PathBuf>>> = BTreeMap::new();
        for table in Table::ALL {
            let directory = data.join(table.name());
            let dates = if directory.is_dir() { subdirectories(&directory) } else { Vec::new() };
            for path in dates.iter().flat_map(|date| subdirectories(date)).flat_map(|node| entries(&node)) {
                let name = path.file_name().and_then(|name| SealedName::parse(name.to_str()?));
                let Some(name) = name else { continue };
                hours.entry(name.start.div_euclid(HOUR_USEC)).or_default().entry(table).or_default().push(path);
            }
        }
        Ok(Self { hours })
    }

    /// The hours that have rows, since 1970.
    pub fn hours(&self) -> impl Iterator<Item = i64> {
        self.hours.keys().copied()
    }

    /// Visits the rows of a table in an hour by subject and time; gives the number of files whose rows could not be put among
    /// them, because the clock had gone back.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn read(&self, hour: i64, table: Table, visit: &mut dyn FnMut(&RecordedRow<'_>)) -> Result<usize, BulkError> {
        let Some(paths) = self.hours.get(&hour).and_then(|tables| tables.get(&table)) else { return Ok(0) };
        let unread = |error: MergeError| BulkError::Unread { path: error.path().clone(), reason: error.to_string() };
        let merge = Merge::plan(table, paths.clone(), |_| Names::default()).map_err(unread)?;
        let mut events = 0;
        for pieces in merge.groups(BATCH_ROWS) {
            let batch = Batch::read(&merge, &pieces).map_err(unread)?;
            batch.visit(&merge, &pieces, (&mut events, visit));
        }
        Ok(merge.left_out.len())
    }
}

/// The columns of some rows.
struct Batch {
    times: Vec<i64>,
    finals: Vec<bool>,
    columns: Vec<(Vec<i64>, Vec<i16>)>,
}

impl Batch {
    fn read(merge: &Merge, pieces: &[Piece]) -> Result<Self, MergeError> {
        let (times, _) = numbers_of(merge, pieces, TIME)?;
        let finals = if has_final(merge.table) { finals(merge, pieces)? } else { vec![false; times.len()] };
        let columns =
            merge.table.column_names().map(|name| numbers_of(merge, pieces, name)).collect::<Result<_, _>>()?;
        Ok(Self { times, finals, columns })
    }

    fn visit(&self, merge: &Merge, pieces: &[Piece], (events, visit): (&mut u64, &mut dyn FnMut(&RecordedRow<'_>))) {
        let table = merge.table;
        let mut next = vec![0; self.columns.len()];
        let mut values = vec![0; self.columns.len()];
        let mut at = 0;
        for piece in pieces {
            let listed = listed(merge, piece.subject);
            for _ in piece.rows.clone() {
                let mut present = ColumnSet::EMPTY;
                for (column, (of_column, levels)) in self.columns.iter().enumerate() {
                    if levels[at] > 0 {
                        present.insert(column);
                        values[column] = of_column[next[column]];
                        next[column] += 1;
                    }
                }
                let time = self.times[at];
                let (subject, support) = listed.clone().unwrap_or_else(|| {
                    *events += 1;
                    let number = |name: &str| table.column(name).map(|column| values[column]);
                    (put_together(table, &piece.texts, (number, time, *events)), Support::default())
                });
                let row = Row { key: SeriesKey(0), table, time, is_final: self.finals[at], present };
                visit(&RecordedRow { subject: &subject, support, row, values: &values });
                at += 1;
            }
        }
    }
}

fn finals(merge: &Merge, pieces: &[Piece]) -> Result<Vec<bool>, MergeError> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for Piece { input, rows, .. } in pieces {
        let source = &merge.inputs[*input];
        let mut cursor = bool_cursor(&source.file, source.column(FINAL).unwrap_or_default());
        let read = cursor.read(rows, &mut values, &mut levels);
        read.map_err(|error| MergeError::Read { path: source.path.clone(), source: error })?;
    }
    Ok(values)
}

/// A container or pod, as the directory knows it.
fn listed(merge: &Merge, subject: usize) -> Option<(Subject, Support)> {
    let entry = merge.directory.containers.get(subject)?;
    let identity = Arc::new(entry.identity.clone());
    let subject = match merge.table {
        Table::Pods => Subject::Pod(identity),
        _ => Subject::Container(identity),
    };
    let set = |index: usize| -> ColumnSet {
        let names = merge.directory.column_sets.get(index).into_iter().flatten();
        names.filter_map(|name| merge.table.column(name)).collect()
    };
    Some((subject, Support { unsupported: set(entry.unsupported), unreadable: set(entry.unreadable) }))
}
