//! Writes the rows of a merge into one file: the hour's.
//!
//! A row group at a time and a column at a time, so memory holds one column of one row group. Proves as it writes that each
//! subject's times rise strictly. The surprise: it stops between columns when it is told to, because a shutdown must not wait
//! for background work.

use std::io::Write;
use std::ops::Range;

use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;

use super::encode::{Encoder, Group};
use super::footer::Origin;
use super::merge::{Int64Cursor, Merge, MergeError, Piece, bool_cursor, int64_cursor};
use super::schema::{FINAL, TIME, has_final, parquet_schema};
use super::sealed;
use crate::model::UnixMicros;
use crate::table::Table;

/// Rows of a row group at most: a column of it takes 0.6 MB decoded.
const ROW_GROUP_ROWS: u64 = 65_536;

/// Why a merged file was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum HourError {
    /// An input can't be read or merged.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The output can't be written.
    #[error("{0}")]
    Write(#[from] ParquetError),
    /// The agent stops.
    #[error("the agent stops")]
    Stopped,
}

/// Writes a merge; gives the number of rows. `stopping` is asked between columns.
///
/// # Errors
/// See [`HourError`].
pub(super) fn write<W: Write + Send>(
    merge: &Merge,
    origin: &Origin,
    output: W,
    stopping: &dyn Fn() -> bool,
) -> Result<u64, HourError> {
    let table = merge.table;
    let numbers: Vec<String> = table.column_names().map(str::to_owned).collect();
    let builder = sealed::common_properties(origin, &merge.directory)?;
    let mut file = Encoder::new(output, parquet_schema(table)?, &builder, &numbers)?;
    let mut rising = Rising::default();
    for pieces in merge.groups(ROW_GROUP_ROWS) {
        let mut group = file.group()?;
        let (times, _) = numbers_of(merge, &pieces, TIME)?;
        rising.check(merge, &pieces, &times)?;
        group.write::<Int64Type>(&times, None)?;
        write_texts(&mut group, table, &pieces)?;
        if has_final(table) {
            let finals = finals_of(merge, &pieces)?;
            group.write::<BoolType>(&finals, None)?;
        }
        for name in &numbers {
            if stopping() {
                return Err(HourError::Stopped);
            }
            let (values, levels) = numbers_of(merge, &pieces, name)?;
            group.write_smallest::<Int64Type>(&values, &levels)?;
        }
        group.finish()?;
    }
    Ok(file.finish()?)
}

/// A column's values of the pieces, nulls left out, and for each row whether it has one.
pub(super) fn numbers_of(merge: &Merge, pieces: &[Piece], name: &str) -> Result<(Vec<i64>, Vec<i16>), MergeError> {
    let mut cursors: Vec<Option<Option<Int64Cursor<'_>>>> = merge.inputs.iter().map(|_| None).collect();
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for Piece { input, rows, .. } in pieces {
        let source = &merge.inputs[*input];
        let open = || source.column(name).map(|column| int64_cursor(&source.file, column));
        match cursors[*input].get_or_insert_with(open) {
            None => levels.resize(levels.len() + length(rows), 0),
            Some(cursor) => cursor
                .read(rows, &mut values, &mut levels)
                .map_err(|error| MergeError::Read { path: source.path.clone(), source: error })?,
        }
    }
    Ok((values, levels))
}

fn finals_of(merge: &Merge, pieces: &[Piece]) -> Result<Vec<bool>, MergeError> {
    let mut cursors: Vec<Option<_>> = merge.inputs.iter().map(|_| None).collect();
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for Piece { input, rows, .. } in pieces {
        let source = &merge.inputs[*input];
        // Every file of such a table has the column: it was looked for when the file was opened.
        let open = || bool_cursor(&source.file, source.column(FINAL).unwrap_or_default());
        let cursor = cursors[*input].get_or_insert_with(open);
        let read = cursor.read(rows, &mut values, &mut levels);
        read.map_err(|error| MergeError::Read { path: source.path.clone(), source: error })?;
    }
    Ok(values)
}

fn write_texts<W: Write + Send>(group: &mut Group<'_, W>, table: Table, pieces: &[Piece]) -> Result<(), ParquetError> {
    let counted = pieces.iter().map(|piece| (piece, length(&piece.rows))).collect::<Vec<_>>();
    for (position, column) in table.texts().iter().enumerate() {
        write_text(
            group,
            column.required,
            counted.iter().map(|(piece, rows)| (piece.texts[position].as_deref(), *rows)),
        )?;
    }
    Ok(())
}

/// Writes a text column: texts, each with the number of rows that have it.
pub(super) fn write_text<'a, W: Write + Send>(
    group: &mut Group<'_, W>,
    required: bool,
    texts: impl Iterator<Item = (Option<&'a str>, usize)>,
) -> Result<(), ParquetError> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for (text, rows) in texts {
        let text = text.map(ByteArray::from).or_else(|| required.then(ByteArray::default));
        levels.resize(levels.len() + rows, i16::from(text.is_some()));
        values.extend(text.into_iter().flat_map(|text| std::iter::repeat_n(text, rows)));
    }
    group.write::<ByteArrayType>(&values, (!required).then_some(&levels))
}

fn length(rows: &Range<u64>) -> usize {
    (rows.end - rows.start) as usize
}

/// Sees that the times of a subject rise, across row groups too; those of events may stand still.
#[derive(Debug, Default)]
struct Rising(Option<(usize, UnixMicros)>);

impl Rising {
    fn check(&mut self, merge: &Merge, pieces: &[Piece], times: &[i64]) -> Result<(), MergeError> {
        let least = i64::from(merge.table != Table::Events);
        let mut rest = times;
        for piece in pieces {
            let Some((own, after)) = rest.split_at_checked(length(&piece.rows)) else { break };
            rest = after;
            for &time in own {
                let previous = self.0.replace((piece.subject, time));
                let same = previous.filter(|(subject, _)| *subject == piece.subject);
                if same.is_some_and(|(_, previous)| time < previous.saturating_add(least)) {
                    return Err(MergeError::Disorder { path: merge.inputs[piece.input].path.clone() });
                }
            }
        }
        Ok(())
    }
}
