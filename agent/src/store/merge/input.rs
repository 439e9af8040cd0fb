//! A sealed file that is to be merged: opened, its columns found by name, and its rows cut into runs of one subject each.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::Type;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};

use super::MergeError;
use super::cursor::Cursor;
use crate::model::{ColumnSet, UnixMicros};
use crate::store::footer::{Footer, FooterError};
use crate::store::inspect::RunFacts;
use crate::store::schema::{FINAL, TIME, has_final, parquet_schema};
use crate::table::Table;

/// Rows whose key columns are looked at together.
const BATCH: u64 = 4096;

/// A subject's rows that follow each other in a file.
#[derive(Clone, Debug)]
pub(in crate::store) struct Run {
    /// What the file is sorted by: the subject's id.
    pub(super) key: Arc<str>,
    /// The text columns' values; empty where the footer has the subject.
    pub(super) texts: Arc<[Option<Arc<str>>]>,
    /// The rows.
    pub(super) rows: Range<u64>,
    /// The time of the first one.
    pub(super) first: UnixMicros,
    /// The time of the last one.
    pub(super) last: UnixMicros,
}

/// A sealed file that is read.
pub(in crate::store) struct Input {
    pub(in crate::store) path: PathBuf,
    pub(in crate::store) footer: Footer,
    pub(in crate::store) file: SerializedFileReader<File>,
    pub(super) runs: Vec<Run>,
    /// The footer's column sets, as numbers.
    pub(super) column_sets: Vec<ColumnSet>,
    columns: HashMap<String, usize>,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Input {
    /// Opens a sealed file of a table's readings.
    ///
    /// # Errors
    /// It can't be read, or must not be merged.
    pub(in crate::store) fn open(table: Table, path: PathBuf) -> Result<Self, MergeError> {
        let io = |source| FooterError::Io { path: path.clone(), source };
        let file = File::open(&path).map_err(io)?;
        let read = |source| MergeError::Read { path: path.clone(), source };
        let options = ReadOptionsBuilder::new().with_page_index().build();
        let file = SerializedFileReader::new_with_options(file, options).map_err(read)?;
        let footer = Footer::parse(&path, file.metadata())?;
        if footer.directory.table != table {
            let reason = format!("it is of the table {:?}, not {:?}", footer.directory.table.name(), table.name());
            return Err(FooterError::Damaged { path, reason }.into());
        }
        let columns = columns(&path, table, &file)?;
        let number = |name: &String| table.column(name);
        let sets = footer.directory.column_sets.iter();
        let column_sets = sets.map(|set| set.iter().filter_map(number).collect()).collect();
        let mut input = Self { path, footer, file, runs: Vec::new(), column_sets, columns };
        input.runs = if has_final(table) { input.listed_runs() } else { input.found_runs(table)? };
        Ok(input)
    }

    /// Where a column is; `None` in a file of an agent that did not have it yet.
    pub(in crate::store) fn column(&self, name: &str) -> Option<usize> {
        self.columns.get(name).copied()
    }

    /// The rows of each subject that come last.
    pub(in crate::store) fn last_runs(&self) -> HashMap<Arc<str>, Range<u64>> {
        self.runs.iter().map(|run| (Arc::clone(&run.key), run.rows.clone())).collect()
    }

    /// The runs, for whoever looks without merging.
    pub(in crate::store) fn facts(&self) -> Vec<RunFacts> {
        let facts = |run: &Run| RunFacts {
            key: Arc::clone(&run.key),
            rows: run.rows.clone(),
            first: run.first,
            last: run.last,
        };
        self.runs.iter().map(facts).collect()
    }

    /// The texts of a column in the runs.
    pub(super) fn texts(&self, position: usize) -> impl Iterator<Item = &str> {
        self.runs.iter().filter_map(move |run| run.texts.get(position)?.as_deref())
    }

    fn listed_runs(&self) -> Vec<Run> {
        let run = |entry: &crate::store::footer::DirectoryEntry| Run {
            key: Arc::from(entry.identity.container_id.as_str()),
            texts: Arc::default(),
            rows: entry.first_row..entry.first_row.saturating_add(entry.rows),
            first: entry.first_us,
            last: entry.last_us,
        };
        self.footer.directory.containers.iter().map(run).collect()
    }

    fn found_runs(&self, table: Table) -> Result<Vec<Run>, MergeError> {
        let mut finder = Finder::new(self, table);
        let mut start = 0;
        while start < self.footer.rows {
            let rows = start..self.footer.rows.min(start + BATCH);
            finder.batch(&rows).map_err(|source| MergeError::Read { path: self.path.clone(), source })?;
            start = rows.end;
        }
        Ok(finder.runs)
    }
}

/// The columns by name, every one of which this agent must know, of the type that it expects.
fn columns(path: &Path, table: Table, file: &SerializedFileReader<File>) -> Result<HashMap<String, usize>, MergeError> {
    let read = |source| MergeError::Read { path: path.to_owned(), source };
    let schema = parquet_schema(table).map_err(read)?;
    let expected: HashMap<&str, Type> =
        schema.get_fields().iter().map(|field| (field.name(), field.get_physical_type())).collect();
    let mut columns = HashMap::new();
    for (index, column) in file.metadata().file_metadata().schema_descr().columns().iter().enumerate() {
        if expected.get(column.name()) != Some(&column.physical_type()) {
            return Err(MergeError::UnknownColumn { path: path.to_owned(), column: column.name().to_owned() });
        }
        columns.insert(column.name().to_owned(), index);
    }
    let leading = [TIME].into_iter().chain(has_final(table).then_some(FINAL));
    let required = table.texts().iter().filter(|text| text.required).map(|text| text.name);
    if let Some(missing) = leading.chain(required).find(|name| !columns.contains_key(*name)) {
        return Err(read(ParquetError::General(format!("it has no column {missing}"))));
    }
    Ok(columns)
}

/// The text columns and numbers that make a subject's id, in its order; see [`crate::subject::Subject::id`]. Of texts that
/// stand for each other the first that is there counts.
fn key_columns(table: Table) -> (&'static [&'static [&'static str]], &'static [&'static str]) {
    match table {
        Table::Containers => (&[&["container_id"]], &[]),
        Table::Pods => (&[&["pod_uid"]], &[]),
        Table::Processes => (&[&["container_id"]], &["pid", "start_ticks"]),
        // A container outside of pods has a network of its own.
        Table::Network => (&[&["pod_uid", "container_id"], &["netns"], &["interface"]], &[]),
        Table::IoDevices => (&[&["container_id"], &["device_number"]], &[]),
        // The owner of a disk is the node, which has no id.
        Table::Disks => (&[&[], &["device_number"]], &[]),
        Table::Node | Table::Events => (&[], &[]),
    }
}

/// Cuts rows into runs.
struct Finder<'a> {
    table: Table,
    time: Option<Cursor<'a, Int64Type>>,
    texts: Vec<Option<Cursor<'a, ByteArrayType>>>,
    numbers: Vec<Option<Cursor<'a, Int64Type>>>,
    interned: HashSet<Arc<str>>,
    current: Vec<Option<i64>>,
    runs: Vec<Run>,
}

impl<'a> Finder<'a> {
    fn new(input: &'a Input, table: Table) -> Self {
        let (_, numbers) = key_columns(table);
        let int64 = |name: &&str| input.column(name).map(|column| Cursor::new(&input.file, column));
        let text = |name: &str| input.column(name).map(|column| Cursor::new(&input.file, column));
        Self {
            table,
            time: int64(&TIME),
            texts: table.texts().iter().map(|column| text(column.name)).collect(),
            numbers: numbers.iter().map(int64).collect(),
            interned: HashSet::new(),
            current: Vec::new(),
            runs: Vec::new(),
        }
    }

    fn batch(&mut self, rows: &Range<u64>) -> Result<(), ParquetError> {
        let count = (rows.end - rows.start) as usize;
        let times = read(self.time.as_mut(), rows)?;
        let texts = self.texts.iter_mut().map(|cursor| read(cursor.as_mut(), rows)).collect::<Result<Vec<_>, _>>()?;
        let numbers =
            self.numbers.iter_mut().map(|cursor| read(cursor.as_mut(), rows)).collect::<Result<Vec<_>, _>>()?;
        for row in 0..count {
            let time = times[row].unwrap_or_default();
            let texts: Vec<Option<&ByteArray>> = texts.iter().map(|column| column[row].as_ref()).collect();
            let numbers: Vec<Option<i64>> = numbers.iter().map(|column| column[row]).collect();
            self.row((rows.start + row as u64, time), &texts, numbers)?;
        }
        Ok(())
    }

    fn row(
        &mut self,
        (row, time): (u64, UnixMicros),
        texts: &[Option<&ByteArray>],
        numbers: Vec<Option<i64>>,
    ) -> Result<(), ParquetError> {
        if let Some(run) = self.runs.last_mut() {
            let same =
                run.texts.iter().zip(texts).all(|(a, b)| a.as_ref().map(|a| a.as_bytes()) == b.map(ByteArray::data));
            if same && self.current == numbers && time > run.last {
                (run.rows.end, run.last) = (row + 1, time);
                return Ok(());
            }
        }
        let texts =
            texts.iter().map(|text| text.map(|text| self.intern(text)).transpose()).collect::<Result<Arc<[_]>, _>>()?;
        let key = key(self.table, &texts, &numbers);
        let known = self.runs.last().filter(|run| *run.key == *key).map(|run| Arc::clone(&run.key));
        self.current = numbers;
        self.runs.push(Run { key: known.unwrap_or(key), texts, rows: row..row + 1, first: time, last: time });
        Ok(())
    }

    fn intern(&mut self, text: &ByteArray) -> Result<Arc<str>, ParquetError> {
        let text = text.as_utf8()?;
        if let Some(known) = self.interned.get(text) {
            return Ok(Arc::clone(known));
        }
        let new: Arc<str> = Arc::from(text);
        self.interned.insert(Arc::clone(&new));
        Ok(new)
    }
}

fn key(table: Table, texts: &[Option<Arc<str>>], numbers: &[Option<i64>]) -> Arc<str> {
    let (names, _) = key_columns(table);
    let text = |name: &&str| {
        let position = table.texts().iter().position(|column| column.name == *name);
        position.and_then(|position| texts[position].as_deref())
    };
    let text = |names: &&[&str]| names.iter().find_map(text).unwrap_or("").to_owned();
    let numbers = numbers.iter().map(|number| number.map(|number| number.to_string()).unwrap_or_default());
    let parts: Vec<String> = names.iter().map(text).chain(numbers).collect();
    Arc::from(parts.join(" "))
}

/// A column's values of rows; all null where there is no such column.
fn read<T: parquet::data_type::DataType>(
    cursor: Option<&mut Cursor<'_, T>>,
    rows: &Range<u64>,
) -> Result<Vec<Option<T::T>>, ParquetError> {
    let count = (rows.end - rows.start) as usize;
    let Some(cursor) = cursor else { return Ok(vec![None; count]) };
    let (mut values, mut levels) = (Vec::with_capacity(count), Vec::with_capacity(count));
    cursor.read(rows, &mut values, &mut levels)?;
    let mut values = values.into_iter();
    Ok(levels.into_iter().map(|level| if level == 0 { None } else { values.next() }).collect())
}
