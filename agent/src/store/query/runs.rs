//! Whose rows lie where in a sealed file.
//!
//! Files of containers and pods say it in their footer. In files of other tables it is found in the columns that make a
//! subject's id, and remembered. The surprise: where a subject's names changed within a file, those of its last row count.

use std::ops::Range;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::errors::{ParquetError, Result};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::chunks::{Column, Columns};
use super::column::{self, Dense};
use super::pread::Pread;
use crate::model::UnixMicros;
use crate::store::catalog::SealedFile;
use crate::store::footer::Footer;
use crate::store::schema::{TIME, has_final};
use crate::subject::Subject;
use crate::subject::columns::put_together;
use crate::table::Table;

/// Bytes that remembered runs take at most, roughly.
const CACHE_BYTES: u64 = 16 << 20;
/// Files expected in the cache.
const EXPECTED_FILES: usize = 512;
/// What a run takes with the strings of its subject, roughly.
const RUN_BYTES: usize = 512;

/// A subject's rows that follow each other in a file.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// The subject's id.
    pub(super) key: Arc<str>,
    /// Who it is.
    pub(super) subject: Subject,
    /// Its rows.
    pub(super) rows: Range<u64>,
    /// No row is earlier.
    pub(super) first: UnixMicros,
    /// No row is later.
    pub(super) last: UnixMicros,
}

impl Run {
    /// The id by which it is asked for: the container's, or the pod's.
    pub(super) fn owner_id(&self) -> Option<&str> {
        owner_id(&self.subject)
    }
}

/// The id of the container or pod that a subject is or belongs to.
pub(super) fn owner_id(subject: &Subject) -> Option<&str> {
    match (subject, subject.owner()) {
        (Subject::Interface(_), Some(owner)) => owner.pod_uid.as_deref().or(owner.container_id.as_deref()),
        (_, Some(owner)) => owner.container_id.as_deref(),
        (_, None) => subject.identity().map(|identity| identity.container_id.as_str()),
    }
}

/// The runs of the files that were asked for lately.
pub(super) struct Runs {
    cache: Cache<u64, Arc<[Run]>, ByRuns>,
}

impl std::fmt::Debug for Runs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runs").field("files", &self.cache.len()).finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct ByRuns;

impl Weighter<u64, Arc<[Run]>> for ByRuns {
    fn weight(&self, _: &u64, runs: &Arc<[Run]>) -> u64 {
        (64 + runs.len() * RUN_BYTES) as u64
    }
}

impl Default for Runs {
    fn default() -> Self {
        Self { cache: Cache::with_weighter(EXPECTED_FILES, CACHE_BYTES, ByRuns) }
    }
}

impl Runs {
    /// All runs of a file, in row order.
    ///
    /// # Errors
    /// The file can't be read.
    pub(super) fn of(&self, sealed: &SealedFile, file: &Pread, columns: &Columns) -> Result<Arc<[Run]>> {
        if let Some(known) = self.cache.get(&sealed.number) {
            return Ok(known);
        }
        let runs: Arc<[Run]> = if has_final(sealed.table) {
            listed(sealed, file)?.into()
        } else {
            Finder { sealed, file, columns }.runs()?.into()
        };
        self.cache.insert(sealed.number, Arc::clone(&runs));
        Ok(runs)
    }
}

/// The runs that a footer lists.
fn listed(sealed: &SealedFile, file: &Pread) -> Result<Vec<Run>> {
    let footer = Footer::of(&sealed.path(), file).map_err(|error| ParquetError::General(error.to_string()))?;
    let entries = footer.directory.containers.into_iter();
    Ok(entries
        .map(|entry| Run {
            key: Arc::from(entry.identity.container_id.as_str()),
            rows: entry.first_row..entry.first_row.saturating_add(entry.rows),
            first: entry.first_us,
            last: entry.last_us,
            subject: match sealed.table {
                Table::Pods => Subject::Pod(Arc::new(entry.identity)),
                _ => Subject::Container(Arc::new(entry.identity)),
            },
        })
        .collect())
}

/// Finds runs in the columns that make a subject's id.
struct Finder<'a> {
    sealed: &'a SealedFile,
    file: &'a Pread,
    columns: &'a Columns,
}

impl Finder<'_> {
    fn runs(&self) -> Result<Vec<Run>> {
        let table = self.sealed.table;
        let (texts, numbers) = key_columns(table);
        let all = vec![Range { start: 0, end: self.sealed.rows }];
        // No two rows are of one event.
        let mut begins = vec![table == Table::Events; usize::try_from(self.sealed.rows).unwrap_or(0)];
        for column in self.find(texts)?.iter().flatten() {
            mark_texts(&self.texts(column, &all)?, &mut begins);
        }
        for column in self.find(numbers)?.iter().flatten() {
            mark_numbers(&column::ints(self.file, column, &all)?, &mut begins);
        }
        let rows = ranges(&begins);
        let last: Vec<Range<u64>> = rows.iter().map(|rows| rows.end - 1..rows.end).collect();
        let named: Vec<&str> = table.texts().iter().map(|text| text.name).collect();
        let found = self.find(&named)?;
        let texts = found.iter().map(|column| column.as_ref().map(|column| self.texts(column, &last)).transpose());
        let texts = texts.collect::<Result<Vec<_>>>()?;
        let found = self.find(numbers)?;
        let numbers =
            found.iter().map(|column| column.as_ref().map(|column| column::ints(self.file, column, &last)).transpose());
        let numbers = numbers.collect::<Result<Vec<_>>>()?;
        rows.into_iter()
            .enumerate()
            .map(|(at, rows)| self.run(rows, &At { texts: &texts, numbers: &numbers, at }))
            .collect()
    }

    fn run(&self, rows: Range<u64>, at: &At<'_>) -> Result<Run> {
        let table = self.sealed.table;
        let texts: Vec<_> = (0..table.texts().len()).map(|text| at.text(text)).collect::<Result<_>>()?;
        let number = |name: &str| at.number(key_columns(table).1.iter().position(|key| *key == name)?);
        let time = number(TIME).unwrap_or(self.sealed.first);
        // Files have numbers of their own, and less rows than that.
        let sequence = (self.sealed.number << 32).saturating_add(rows.start);
        let subject = put_together(table, &texts, (number, time, sequence));
        let key = Arc::from(&*subject.id());
        Ok(Run { key, subject, rows, first: self.sealed.first, last: self.sealed.last })
    }

    fn find(&self, names: &[&str]) -> Result<Vec<Option<Arc<Column>>>> {
        let names: Vec<Arc<str>> = names.iter().map(|name| Arc::from(*name)).collect();
        self.columns.find(self.sealed.number, self.file, &names)
    }

    /// One text per row, none where it is null.
    fn texts(&self, column: &Column, rows: &[Range<u64>]) -> Result<Vec<Option<ByteArray>>> {
        let mut found = Vec::new();
        let (mut compact, mut levels) = (Vec::new(), Vec::new());
        column::visit::<ByteArrayType>(self.file, column, rows, |reader, count| {
            compact.clear();
            levels.clear();
            let wanted = if column.required { None } else { Some(&mut levels) };
            let (records, ..) = reader.read_records(count, wanted, None, &mut compact)?;
            let mut rest = compact.drain(..);
            let present = |row: usize| levels.get(row).is_none_or(|level| *level > 0);
            found.extend((0..records).map(|row| if present(row) { rest.next() } else { None }));
            Ok(records)
        })?;
        Ok(found)
    }
}

fn mark_texts(texts: &[Option<ByteArray>], begins: &mut [bool]) {
    for (row, pair) in texts.windows(2).enumerate() {
        let same = pair[0].as_ref().map(ByteArray::data) == pair[1].as_ref().map(ByteArray::data);
        begins[row + 1] |= !same;
    }
}

fn mark_numbers(numbers: &Dense<i64>, begins: &mut [bool]) {
    let values = &numbers.values;
    for row in 1..values.len() {
        let same = numbers.present.as_ref().is_none_or(|present| present[row] == present[row - 1]);
        begins[row] |= !same || values[row] != values[row - 1];
    }
}

fn ranges(begins: &[bool]) -> Vec<Range<u64>> {
    let mut starts: Vec<u64> =
        begins.iter().enumerate().filter(|&(row, begins)| *begins || row == 0).map(|(row, _)| row as u64).collect();
    starts.push(begins.len() as u64);
    starts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// The text columns and the number columns that tell a table's subjects apart.
fn key_columns(table: Table) -> (&'static [&'static str], &'static [&'static str]) {
    match table {
        Table::Containers => (&["container_id"], &[]),
        Table::Pods => (&["pod_uid"], &[]),
        Table::Processes => (&["container_id"], &["pid", "start_ticks"]),
        Table::Network => (&["container_id", "pod_uid", "netns", "interface"], &[]),
        Table::IoDevices => (&["container_id", "device_number"], &[]),
        Table::Disks => (&["device_number"], &[]),
        Table::Events => (&[], &[TIME]),
        Table::Node => (&[], &[]),
    }
}

/// The texts and key numbers of one row.
struct At<'a> {
    texts: &'a [Option<Vec<Option<ByteArray>>>],
    numbers: &'a [Option<Dense<i64>>],
    at: usize,
}

impl At<'_> {
    fn text(&self, position: usize) -> Result<Option<Arc<str>>> {
        let column = self.texts.get(position).and_then(Option::as_ref);
        let text = column.and_then(|column| column.get(self.at)?.as_ref());
        text.map(|text| text.as_utf8().map(Arc::from)).transpose()
    }

    fn number(&self, position: usize) -> Option<i64> {
        self.numbers.get(position)?.as_ref()?.values.get(self.at).copied()
    }
}
