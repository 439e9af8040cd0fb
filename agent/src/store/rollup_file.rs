//! Writes the minutes of an hour's readings as a file of rollups.
//!
//! Reads the readings a column at a time, of many whole subjects, and folds them into minutes. The surprise: a column's last
//! values of the hour before are read too, from the ends of that hour's file, for the first increase of this hour.

use std::collections::HashMap;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowSchemaConverter;
use parquet::data_type::{DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::EnabledStatistics;
use parquet::schema::types::TypePtr;

use super::encode::Encoder;
use super::footer::{Directory, DirectoryEntry, Origin};
use super::hour_file::{HourError, numbers_of, write_text};
use super::merge::{Input, Merge, MergeError, Piece, int64_cursor};
use super::resolution::Resolution;
use super::rollup::{self, Folded, RollupColumn, SAMPLES, Statistic, minute_of};
use super::schema::TIME;
use super::sealed;
use crate::analysis::GAP_FACTOR;
use crate::model::UnixMicros;
use crate::table::Table;

/// Readings folded at once, but for a single subject that has more: a column of them takes 5 MB.
const FOLD_ROWS: u64 = 524_288;
/// How many of a subject's last readings before the hour are searched for a value: columns that are read once a second have
/// one in so many at 50 Hz.
const LOOK_BACK: u64 = 64;

/// A minute of a subject.
#[derive(Clone, Debug)]
struct Minute {
    subject: usize,
    start: UnixMicros,
    /// Its readings, in the group that is folded at once.
    rows: Range<usize>,
}

/// The minutes of an hour's readings, before their columns are read.
#[derive(Debug)]
pub(super) struct Minutes<'a> {
    merge: &'a Merge,
    before: Option<&'a Input>,
    groups: Vec<(&'a [Piece], Vec<Minute>)>,
    /// What the file's footer says.
    pub(super) directory: Directory,
}

impl<'a> Minutes<'a> {
    /// Cuts readings into minutes; `before` is the file of the hour before.
    pub(super) fn of(merge: &'a Merge, before: Option<&'a Input>) -> Result<Self, MergeError> {
        let mut groups = Vec::new();
        for pieces in merge.whole_groups(FOLD_ROWS) {
            let (times, _) = numbers_of(merge, pieces, TIME)?;
            groups.push((pieces, minutes_of(pieces, &times)));
        }
        let starts = groups.iter().flat_map(|(_, minutes)| minutes).map(|minute: &Minute| (minute.start, minute.start));
        let span = starts.reduce(|(first, last), (from, to)| (first.min(from), last.max(to))).unwrap_or_default();
        let mut directory = Directory::new(merge.table, span);
        directory.resolution = Resolution::Minute;
        directory.column_sets.clone_from(&merge.directory.column_sets);
        let mut first_row = 0;
        let all: Vec<&Minute> = groups.iter().flat_map(|(_, minutes)| minutes).collect();
        for subject in all.chunk_by(|a, b| a.subject == b.subject) {
            let Some(entry) = merge.directory.containers.get(subject[0].subject) else { break };
            let rows = subject.len() as u64;
            let (first_us, last_us) = (subject[0].start, subject[subject.len() - 1].start);
            directory.containers.push(DirectoryEntry { first_row, rows, first_us, last_us, ..entry.clone() });
            first_row += rows;
        }
        Ok(Self { merge, before, groups, directory })
    }

    /// The number of rows.
    pub(super) fn rows(&self) -> u64 {
        self.groups.iter().map(|(_, minutes)| minutes.len() as u64).sum()
    }
}

fn minutes_of(pieces: &[Piece], times: &[i64]) -> Vec<Minute> {
    let subjects = pieces
        .iter()
        .flat_map(|piece| std::iter::repeat_n(piece.subject, (piece.rows.end - piece.rows.start) as usize));
    let mut minutes: Vec<Minute> = Vec::new();
    for (row, (subject, &time)) in subjects.zip(times).enumerate() {
        let start = minute_of(time);
        match minutes.last_mut() {
            Some(minute) if minute.subject == subject && minute.start == start => minute.rows.end = row + 1,
            _ => minutes.push(Minute { subject, start, rows: row..row + 1 }),
        }
    }
    minutes
}

/// The schema of a table's rollups.
pub(super) fn parquet_schema(table: Table) -> Result<TypePtr, ParquetError> {
    let time = Field::new(TIME, DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))), false);
    let texts = table.texts().iter().map(|column| Field::new(column.name, DataType::Utf8, !column.required));
    let samples = Field::new(SAMPLES, DataType::Int64, false);
    let numbers = rollup::columns(table).into_iter().map(|column| {
        let kind = if column.statistic == Statistic::Mean { DataType::Float64 } else { DataType::Int64 };
        Field::new(column.name, kind, true)
    });
    let fields: Vec<Field> = std::iter::once(time).chain(texts).chain([samples]).chain(numbers).collect();
    Ok(ArrowSchemaConverter::new().convert(&Schema::new(fields))?.root_schema_ptr())
}

/// Writes the minutes; gives their number. `stopping` is asked between columns.
///
/// # Errors
/// See [`HourError`].
pub(super) fn write<W: Write + Send>(
    minutes: &Minutes<'_>,
    origin: &Origin,
    output: W,
    stopping: &dyn Fn() -> bool,
) -> Result<u64, HourError> {
    let table = minutes.merge.table;
    let columns = rollup::columns(table);
    let chosen: Vec<String> = columns.iter().map(|column| column.name.clone()).chain([SAMPLES.to_owned()]).collect();
    // Of some 400 columns, statistics would take as much as a small file's rows.
    let builder =
        sealed::common_properties(origin, &minutes.directory)?.set_statistics_enabled(EnabledStatistics::None);
    let mut file = Encoder::new(output, parquet_schema(table)?, &builder, &chosen)?;
    let last_runs = minutes.before.map(Input::last_runs).unwrap_or_default();
    for (pieces, rows) in &minutes.groups {
        let mut group = file.group()?;
        let starts: Vec<i64> = rows.iter().map(|minute| minute.start).collect();
        group.write::<Int64Type>(&starts, None)?;
        let (times, _) = numbers_of(minutes.merge, pieces, TIME)?;
        let texts = texts_by_subject(pieces);
        for (position, column) in table.texts().iter().enumerate() {
            let text = |minute: &Minute| (texts.get(&minute.subject).and_then(|texts| texts[position].as_deref()), 1);
            write_text(&mut group, column.required, rows.iter().map(text))?;
        }
        let samples: Vec<i64> = rows.iter().map(|minute| minute.rows.len() as i64).collect();
        group.write_smallest::<Int64Type>(&samples, &vec![1; samples.len()])?;
        for of_column in columns.chunk_by(|a, b| a.column == b.column) {
            if stopping() {
                return Err(HourError::Stopped);
            }
            let name = table.column_name(of_column[0].column);
            let before = values_before(minutes, &last_runs, (pieces, name));
            let folded = fold(numbers_of(minutes.merge, pieces, name)?, &times, rows, &before);
            write_statistics(&mut group, of_column, &folded)?;
        }
        group.finish()?;
    }
    Ok(file.finish()?)
}

fn texts_by_subject(pieces: &[Piece]) -> HashMap<usize, &[Option<Arc<str>>]> {
    pieces.iter().map(|piece| (piece.subject, &*piece.texts)).collect()
}

/// Each subject's last value of a column before the hour. A file that can't be read tells nothing: increases begin later.
fn values_before(
    minutes: &Minutes<'_>,
    last_runs: &HashMap<Arc<str>, Range<u64>>,
    (pieces, name): (&[Piece], &str),
) -> HashMap<usize, i64> {
    let mut found = HashMap::new();
    let Some(before) = minutes.before else { return found };
    let Some(column) = before.column(name) else { return found };
    let mut cursor = int64_cursor(&before.file, column);
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for subject in pieces.chunk_by(|a, b| a.subject == b.subject).map(|pieces| pieces[0].subject) {
        let Some(rows) = last_runs.get(&minutes.merge.keys[subject]) else { continue };
        values.clear();
        levels.clear();
        let last = rows.start.max(rows.end.saturating_sub(LOOK_BACK))..rows.end;
        if cursor.read(&last, &mut values, &mut levels).is_err() {
            return found;
        }
        found.extend(values.last().map(|&value| (subject, value)));
    }
    found
}

/// Folds a column's values, `levels` saying which rows have one, and `times` when each row was.
fn fold(
    (values, levels): (Vec<i64>, Vec<i16>),
    times: &[i64],
    minutes: &[Minute],
    before: &HashMap<usize, i64>,
) -> Vec<Folded> {
    let mut values = values.into_iter();
    let mut folded = Vec::with_capacity(minutes.len());
    for minutes in minutes.chunk_by(|a, b| a.subject == b.subject) {
        let rows = |minute: &Minute| minute.rows.clone().filter(|row| levels[*row] > 0);
        let told: Vec<i64> = minutes.iter().flat_map(rows).map(|row| times[row]).collect();
        let usual = usual_distance(&told);
        // The last one before the hour has no time here; it is taken to be as far away as usual.
        let mut previous = before.get(&minutes[0].subject).map(|&value| (value, None));
        for minute in minutes {
            let mut one = Folded::default();
            for (row, value) in rows(minute).zip(values.by_ref()) {
                let apart = previous.and_then(|(_, time): (i64, Option<i64>)| Some(times[row] - time?));
                one.take(value, previous.map(|(value, _)| value), share(usual, apart));
                previous = Some((value, Some(times[row])));
            }
            folded.push(one);
        }
    }
    folded
}

/// The median distance of times that follow each other.
fn usual_distance(times: &[i64]) -> Option<i64> {
    let mut apart: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let middle = apart.len() / 2;
    (!apart.is_empty()).then(|| *apart.select_nth_unstable(middle).1)
}

/// The usual distance as a share of one that is a gap; 1 for all others.
fn share(usual: Option<i64>, apart: Option<i64>) -> f64 {
    match (usual, apart) {
        (Some(usual), Some(apart)) if apart as f64 > usual as f64 * GAP_FACTOR => usual as f64 / apart as f64,
        _ => 1.0,
    }
}

fn write_statistics<W: Write + Send>(
    group: &mut super::encode::Group<'_, W>,
    columns: &[RollupColumn],
    folded: &[Folded],
) -> Result<(), ParquetError> {
    for RollupColumn { statistic, .. } in columns {
        if *statistic == Statistic::Mean {
            let means: Vec<Option<f64>> = folded.iter().map(Folded::mean).collect();
            let levels: Vec<i16> = means.iter().map(|mean| i16::from(mean.is_some())).collect();
            let values: Vec<f64> = means.into_iter().flatten().collect();
            group.write_smallest::<DoubleType>(&values, &levels)?;
        } else {
            let wholes: Vec<Option<i64>> = folded.iter().map(|one| one.whole(*statistic)).collect();
            let levels: Vec<i16> = wholes.iter().map(|whole| i16::from(whole.is_some())).collect();
            let values: Vec<i64> = wholes.into_iter().flatten().collect();
            group.write_smallest::<Int64Type>(&values, &levels)?;
        }
    }
    Ok(())
}
