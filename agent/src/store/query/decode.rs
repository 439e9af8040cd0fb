//! Turns one source of rows, a sealed file or rows in memory, into columns in memory, for the subjects and the time that are
//! wanted.
//!
//! Times are decoded first; where only a part of a subject's rows is wanted, the other columns are decoded for that part
//! alone. The surprise: rows in memory decode as a whole, all columns together, because they are encoded row by row.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use parquet::errors::ParquetError;

use super::Engine;
use super::column::{self, Decoded, Dense};
use super::pread::Pread;
use super::runs::Run;
use super::source::{FileSource, MemorySource};
use crate::metric::Column;
use crate::resolution::Resolution;
use crate::rollup::{self, Statistic};
use crate::scan::{Scan, ScanColumn, ScanError};
use crate::store::rowlog::Decoder;
use crate::store::schema::TIME;
use crate::subject::Subject;

/// Rows of one subject among decoded ones.
#[derive(Debug)]
pub(super) struct DecodedRun {
    pub(super) key: Arc<str>,
    pub(super) subject: Subject,
    pub(super) rows: Range<usize>,
}

/// The wanted rows of a source.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) runs: Vec<DecodedRun>,
    pub(super) times: Vec<i64>,
    pub(super) columns: Vec<Decoded>,
}

impl Rows {
    /// Bytes that the values take.
    pub(super) fn bytes(rows: usize, columns: usize) -> u64 {
        rows as u64 * 8 * (columns as u64 + 1)
    }
}

/// Why a source was not decoded.
#[derive(Debug)]
pub(super) enum DecodeError {
    /// The file is gone: merged, or deleted.
    Gone,
    /// The question can't be answered.
    Scan(ScanError),
}

impl From<ScanError> for DecodeError {
    fn from(error: ScanError) -> Self {
        Self::Scan(error)
    }
}

/// Decodes what is wanted of a file.
pub(super) fn file(engine: &Engine, source: &FileSource, scan: &Scan) -> Result<Rows, DecodeError> {
    let path = &source.sealed.path();
    let unreadable = |reason: String| ScanError::Unreadable(format!("{} can't be read: {reason}", path.display()));
    let file = match Pread::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(DecodeError::Gone),
        opened => opened.map_err(|error| unreadable(error.to_string()))?,
    };
    let read = |file: &Pread| -> Result<Rows, ParquetError> {
        let listed = source.runs.as_deref();
        let found = if listed.is_none() { Some(engine.runs.of(&source.sealed, file, &engine.columns)?) } else { None };
        let runs = listed.or(found.as_deref()).unwrap_or_default();
        let wanted = |run: &&Run| {
            let owner = matches!(scan.wanted, crate::scan::Wanted::All)
                || run.owner_id().is_some_and(|id| scan.wanted.contains(id));
            owner && run.first < scan.to && run.last >= scan.from
        };
        let runs: Vec<&Run> = runs.iter().filter(wanted).collect();
        columns_of(engine, file, &runs, (source.sealed.number, scan))
    };
    read(&file).map_err(|error| unreadable(error.to_string()).into())
}

fn columns_of(
    engine: &Engine,
    file: &Pread,
    runs: &[&Run],
    (number, scan): (u64, &Scan),
) -> Result<Rows, ParquetError> {
    if runs.is_empty() {
        return Ok(Rows::default());
    }
    let names: Vec<Arc<str>> = std::iter::once(Arc::clone(&engine.time))
        .chain(scan.columns.iter().map(|&column| engine.column_name(scan, column)))
        .collect();
    let found = engine.columns.find(number, file, &names)?;
    let no_time = || ParquetError::General(format!("it has no column {TIME}"));
    let time = found[0].as_ref().ok_or_else(no_time)?;
    let whole = coalesced(runs.iter().map(|run| run.rows.clone()));
    let mut times = column::ints(file, time, &whole)?.values;
    let mut kept = Vec::with_capacity(runs.len());
    let (mut decoded, mut start, mut rows) = (Vec::with_capacity(runs.len()), 0, 0);
    for run in runs {
        let length = (run.rows.end - run.rows.start) as usize;
        let own = times.get(start..start + length).unwrap_or_default();
        let (from, to) = (own.partition_point(|&t| t < scan.from), own.partition_point(|&t| t < scan.to));
        if from < to {
            let first = run.rows.start + from as u64;
            kept.push((first..first + (to - from) as u64, start + from));
            let (key, subject) = (Arc::clone(&run.key), run.subject.clone());
            decoded.push(DecodedRun { key, subject, rows: rows..rows + (to - from) });
            rows += to - from;
        }
        start += length;
    }
    if rows < times.len() {
        let mut at = 0;
        for (range, from) in &kept {
            let length = (range.end - range.start) as usize;
            times.copy_within(*from..*from + length, at);
            at += length;
        }
        times.truncate(rows);
    }
    let ranges = coalesced(kept.into_iter().map(|(range, _)| range));
    let columns = found[1..].iter().map(|column| column::read(file, column.as_deref(), &ranges));
    Ok(Rows { runs: decoded, times, columns: columns.collect::<Result<_, _>>()? })
}

/// Ranges that touch become one.
fn coalesced(ranges: impl Iterator<Item = Range<u64>>) -> Vec<Range<u64>> {
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range),
        }
    }
    joined
}

/// Decodes what is wanted of rows in memory.
pub(super) fn memory(source: &MemorySource, scan: &Scan) -> Result<Rows, ScanError> {
    let damaged = |error| ScanError::Unreadable(format!("rows in memory can't be read: {error}"));
    let mut rows = Rows::default();
    let mut columns: Vec<(Option<Column>, Dense<i64>)> =
        scan.columns.iter().map(|column| (reading(*column), Dense::default())).collect();
    for (_, dense) in &mut columns {
        dense.present = Some(Vec::new());
    }
    for series in &source.series {
        let start = rows.times.len();
        let mut decoder = Decoder::new(scan.table, &series.encoded);
        while let Some(row) = decoder.next_row().map_err(damaged)? {
            if row.time() < scan.from || row.time() >= scan.to {
                continue;
            }
            rows.times.push(row.time());
            for (column, dense) in &mut columns {
                let value = column.filter(|&column| row.present().contains(column));
                dense.values.push(value.map_or(0, |column| row.values()[column]));
                dense.present.iter_mut().for_each(|present| present.push(value.is_some()));
            }
        }
        if rows.times.len() > start {
            let (key, subject) = (Arc::clone(&series.key), series.subject.clone());
            rows.runs.push(DecodedRun { key, subject, rows: start..rows.times.len() });
        }
    }
    rows.columns = columns.into_iter().map(|(_, dense)| Decoded::Ints(dense)).collect();
    Ok(rows)
}

fn reading(column: ScanColumn) -> Option<Column> {
    if let ScanColumn::Reading(column) = column { Some(column) } else { None }
}

/// The name of a column on disk.
pub(super) fn column_name(scan: &Scan, column: ScanColumn) -> String {
    let name = |column: usize| if column < scan.table.width() { scan.table.column_name(column) } else { "" };
    match column {
        ScanColumn::Reading(column) => name(column).to_owned(),
        ScanColumn::Rollup(column, statistic) => rollup_name(name(column), statistic),
        ScanColumn::Samples => rollup::SAMPLES.to_owned(),
    }
}

fn rollup_name(column: &str, statistic: Statistic) -> String {
    format!("{column}_{}", statistic.suffix())
}

/// Whether a scan asks for what rows in memory can have.
pub(super) fn asks_memory(scan: &Scan) -> bool {
    scan.resolution == Resolution::Raw
}
