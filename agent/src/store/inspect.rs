//! Looks at one sealed file as closely as can be: every page, every time, every count.
//!
//! For `check`, which knows no Parquet. Memory: one column of one batch, and the file's runs. The surprise: a file of a newer
//! agent is no damage; what it holds is left to that agent.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};

use super::footer::{Footer, FooterError};
use super::layout::SealedName;
use super::merge::{Input, MergeError, int64_cursor, text_cursor};
use super::prove;
use super::recovery::replay;
use super::resolution::Resolution;
use super::schema::{TIME, has_final};
use super::spill::{Ending, SpillError};
use crate::model::{HOUR_USEC, UnixMicros};
use crate::table::Table;

/// Rows looked at together.
const BATCH: u64 = 65_536;

/// Rows of one subject that follow each other.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// The subject's id.
    pub key: Arc<str>,
    /// The rows in the file.
    pub rows: Range<u64>,
    /// The time of the first one.
    pub first: UnixMicros,
    /// The time of the last one.
    pub last: UnixMicros,
}

/// What a sealed file turned out to be.
#[derive(Debug)]
pub struct Inspected {
    /// Its footer.
    pub footer: Footer,
    /// Its runs; none where its rows can't be told apart.
    pub runs: Vec<RunFacts>,
    /// What is wrong with it.
    pub faults: Vec<String>,
    /// What of it was not looked at, and why.
    pub unchecked: Option<String>,
}

/// Looks at a sealed file.
///
/// # Errors
/// Its footer can't be used.
pub fn inspect(path: &Path) -> Result<Inspected, FooterError> {
    let footer = Footer::read(path)?;
    let mut inspected = Inspected { footer, runs: Vec::new(), faults: Vec::new(), unchecked: None };
    if let Err(error) = prove::whole(path) {
        inspected.faults.push(format!("not all of it can be read: {error}"));
        return Ok(inspected);
    }
    inspected.name(path);
    if has_final(inspected.footer.directory.table) {
        inspected.directory(path);
    } else if inspected.footer.directory.resolution == Resolution::Raw {
        inspected.found_runs(path);
    }
    Ok(inspected)
}

/// The times of some rows of a file.
///
/// # Errors
/// They can't be read.
pub fn times(path: &Path, rows: &Range<u64>) -> Result<Vec<UnixMicros>, ParquetError> {
    let file = open(path)?;
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    int64_cursor(&file, column(&file, TIME)?).read(rows, &mut values, &mut levels)?;
    Ok(values)
}

/// How many rows a spill file would bring back, and how it ends where that is not as it should; no rows where a crash came
/// before its header was whole.
///
/// # Errors
/// What is wrong with it, so that nothing would come back.
pub fn spill(path: &Path) -> Result<(u64, Option<String>), String> {
    let replayed = match replay(path) {
        Err(SpillError::Torn) => return Ok((0, None)),
        replayed => replayed.map_err(|error| error.to_string())?,
    };
    let damaged = if let Ending::Damaged(reason) = replayed.ending { Some(reason) } else { None };
    Ok((replayed.segment.rows(), damaged))
}

fn open(path: &Path) -> Result<SerializedFileReader<File>, ParquetError> {
    SerializedFileReader::new_with_options(File::open(path)?, ReadOptionsBuilder::new().with_page_index().build())
}

fn column(file: &SerializedFileReader<File>, name: &str) -> Result<usize, ParquetError> {
    let columns = file.metadata().file_metadata().schema_descr();
    let found = columns.columns().iter().position(|column| column.name() == name);
    found.ok_or_else(|| ParquetError::General(format!("it has no column {name}")))
}

impl Inspected {
    /// Its name and its hour must be those of its rows.
    fn name(&mut self, path: &Path) {
        let (first, last) = self.footer.directory.span;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match SealedName::parse(&name) {
            None => self.faults.push("its name is not that of a sealed file".to_owned()),
            Some(name) if (name.start, name.end) != (first, last) => {
                self.faults.push("its name tells other times than its footer".to_owned());
            }
            Some(_) => {}
        }
        if first.div_euclid(HOUR_USEC) != last.div_euclid(HOUR_USEC) {
            self.faults.push("it crosses a UTC hour".to_owned());
        }
    }

    /// The directory must say of each subject what its rows say.
    fn directory(&mut self, path: &Path) {
        let entries = self.footer.directory.containers.iter();
        self.runs = entries
            .map(|entry| RunFacts {
                key: Arc::from(entry.identity.container_id.as_str()),
                rows: entry.first_row..entry.first_row + entry.rows,
                first: entry.first_us,
                last: entry.last_us,
            })
            .collect();
        if let Err(error) = self.compare(path) {
            self.faults.push(format!("its rows can't be compared with its directory: {error}"));
        }
    }

    fn compare(&mut self, path: &Path) -> Result<(), ParquetError> {
        let file = open(path)?;
        let id = self.footer.directory.table.texts().first().map_or("", |column| column.name);
        let mut times = int64_cursor(&file, column(&file, TIME)?);
        let mut ids = text_cursor(&file, column(&file, id)?);
        let (mut values, mut texts, mut levels) = (Vec::new(), Vec::<ByteArray>::new(), Vec::new());
        let span = self.footer.directory.span;
        for run in &self.runs {
            let mut previous: Option<UnixMicros> = None;
            for start in (run.rows.start..run.rows.end).step_by(BATCH as usize) {
                values.clear();
                texts.clear();
                let rows = start..run.rows.end.min(start + BATCH);
                times.read(&rows, &mut values, &mut levels)?;
                ids.read(&rows, &mut texts, &mut levels)?;
                levels.clear();
                let rising =
                    values.is_sorted_by(|a, b| a < b) && values.first().is_some_and(|first| Some(*first) > previous);
                if !rising {
                    self.faults.push(format!("the times of {} do not rise", run.key));
                }
                if texts.iter().any(|text| text.data() != run.key.as_bytes()) {
                    self.faults.push(format!("rows of {} name another subject", run.key));
                }
                if rows.start == run.rows.start && values.first() != Some(&run.first) {
                    self.faults.push(format!("the first row of {} has another time than its directory says", run.key));
                }
                previous = values.last().copied();
            }
            if previous != Some(run.last) {
                self.faults.push(format!("the last row of {} has another time than its directory says", run.key));
            }
            if run.first < span.0 || run.last > span.1 {
                self.faults.push(format!("rows of {} lie outside of the file's times", run.key));
            }
        }
        Ok(())
    }

    /// Where there is no directory, the rows themselves tell whose they are.
    fn found_runs(&mut self, path: &Path) {
        let table = self.footer.directory.table;
        match Input::open(table, PathBuf::from(path)) {
            Ok(input) => self.runs = input.facts(),
            Err(error @ MergeError::UnknownColumn { .. }) => self.unchecked = Some(error.to_string()),
            Err(error) => return self.faults.push(error.to_string()),
        }
        let least = i64::from(table != Table::Events);
        for pair in self.runs.windows(2).filter(|pair| pair[0].key == pair[1].key) {
            if pair[1].first < pair[0].last.saturating_add(least) {
                self.faults.push(format!("the times of {:?} do not rise", pair[0].key));
            }
        }
        let (first, last) = self.footer.directory.span;
        if self.runs.iter().any(|run| run.first < first || run.last > last) {
            self.faults.push("rows lie outside of the file's times".to_owned());
        }
    }
}
