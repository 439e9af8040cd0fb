//! Writes recorded rows as they are, in formats of others.
//!
//! Row groups are written as they fill, so memory holds one of them, whatever the range. Rows come subject by subject within an
//! hour. The surprise: whether a row is final is not exported; the column belongs to the files of the store.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::Engine;
use crate::resolution::Resolution;
use crate::rollup::{self, Statistic};
use crate::scan::{Block, Budget, Numbers, Scan, ScanColumn, ScanError, Values, Wanted};
use crate::store::schema::TIME;
use crate::table::Table;

/// Rows of a row group of an exported Parquet file: all columns of it are in memory, encoded, with their dictionaries.
const GROUP_ROWS: usize = 16_384;
/// As for the store's own files of readings.
const ZSTD_LEVEL: i32 = 3;

/// A format of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Parquet, ZSTD.
    Parquet,
    /// Comma-separated values, with a header.
    Csv,
    /// An Arrow IPC stream.
    ArrowStream,
}

/// Which rows and columns are exported.
#[derive(Clone, Debug)]
pub struct Export {
    /// The table.
    pub table: Table,
    /// Readings or minutes.
    pub resolution: Resolution,
    /// Whose rows.
    pub wanted: Wanted,
    /// Not before this time, in microseconds.
    pub from: i64,
    /// Before this time.
    pub to: i64,
    /// The columns by name; empty for all.
    pub columns: Vec<String>,
    /// What it may cost.
    pub budget: Budget,
}

/// Why rows were not exported, or not all.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The table has no such column.
    #[error("{table} has no column {column:?}")]
    NoColumn {
        /// The table's name on disk.
        table: &'static str,
        /// The column.
        column: String,
    },
    /// The rows can't be read.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// They are not taken, or can't be encoded.
    #[error("the rows can't be written: {0}")]
    Write(String),
}

impl From<ParquetError> for ExportError {
    fn from(error: ParquetError) -> Self {
        Self::Write(error.to_string())
    }
}

impl From<ArrowError> for ExportError {
    fn from(error: ArrowError) -> Self {
        Self::Write(error.to_string())
    }
}

/// How times name UTC. The writer of comma-separated values knows offsets, but no names without a database of them.
fn zone(format: Format) -> &'static str {
    if format == Format::Csv { "+00:00" } else { "UTC" }
}

/// What is written: the text columns by position, then the numbers.
struct Layout {
    zone: &'static str,
    texts: Vec<usize>,
    numbers: Vec<ScanColumn>,
    schema: SchemaRef,
}

impl Engine {
    /// Writes rows as they are read.
    ///
    /// # Errors
    /// See [`ExportError`]; what was written until then is no whole file.
    pub fn export(&self, export: &Export, format: Format, out: &mut (dyn Write + Send)) -> Result<(), ExportError> {
        let layout = Layout::of(export, zone(format))?;
        let scan = Scan {
            table: export.table,
            resolution: export.resolution,
            wanted: export.wanted.clone(),
            columns: layout.numbers.clone(),
            from: export.from,
            to: export.to,
            budget: export.budget,
        };
        let mut writer = Writer::new(format, &layout.schema, out)?;
        let mut failed = None;
        let scanned = self.scan(&scan, &mut |block| {
            let written = layout.batch(block).map_err(ExportError::from).and_then(|batch| writer.write(&batch));
            // Whatever ends the scan; what went wrong is kept.
            written.map_err(|error| {
                failed = Some(error);
                ScanError::TooSlow
            })
        });
        if let Some(error) = failed {
            return Err(error);
        }
        scanned?;
        writer.finish()
    }
}

impl Layout {
    fn of(export: &Export, zone: &'static str) -> Result<Self, ExportError> {
        let (table, resolution) = (export.table, export.resolution);
        let all = numbers(table, resolution);
        let is_text = |name: &str| table.texts().iter().position(|text| text.name == name);
        let (mut texts, mut chosen) = (Vec::new(), Vec::new());
        if export.columns.is_empty() {
            texts = (0..table.texts().len()).collect();
            chosen = all;
        } else {
            for name in export.columns.iter().filter(|name| *name != TIME) {
                let number = all.iter().find(|(known, _)| known == name);
                match (is_text(name), number) {
                    (Some(text), _) => texts.push(text),
                    (None, Some(number)) => chosen.push(number.clone()),
                    (None, None) => {
                        let (table, column) = (resolution.name_of(table), name.clone());
                        return Err(ExportError::NoColumn { table, column });
                    }
                }
            }
        }
        let time = Field::new(TIME, DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from(zone))), false);
        let named = texts.iter().map(|&text| Field::new(table.texts()[text].name, DataType::Utf8, true));
        let counted = chosen.iter().map(|(name, column)| {
            let is_mean = matches!(column, ScanColumn::Rollup(_, Statistic::Mean));
            Field::new(name, if is_mean { DataType::Float64 } else { DataType::Int64 }, true)
        });
        let fields: Vec<Field> = std::iter::once(time).chain(named).chain(counted).collect();
        let numbers = chosen.into_iter().map(|(_, column)| column).collect();
        Ok(Self { zone, texts, numbers, schema: Arc::new(Schema::new(fields)) })
    }

    fn batch(&self, block: &Block<'_>) -> Result<RecordBatch, ArrowError> {
        let rows = block.times.len();
        let time = TimestampMicrosecondArray::from_iter_values(block.times.iter().copied()).with_timezone(self.zone);
        let mut columns: Vec<ArrayRef> = vec![Arc::new(time)];
        for &text in &self.texts {
            let value = (block.subject.table().texts()[text].get)(block.subject);
            columns.push(Arc::new(StringArray::from_iter(std::iter::repeat_n(value, rows))));
        }
        for (column, values) in self.numbers.iter().zip(block.columns) {
            let is_mean = matches!(column, ScanColumn::Rollup(_, Statistic::Mean));
            columns.push(array(values, rows, is_mean));
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

fn numbers(table: Table, resolution: Resolution) -> Vec<(String, ScanColumn)> {
    let reading = |column: usize| (table.column_name(column).to_owned(), ScanColumn::Reading(column));
    match resolution {
        Resolution::Raw => (0..table.width()).map(reading).collect(),
        Resolution::Minute => {
            let samples = (rollup::SAMPLES.to_owned(), ScanColumn::Samples);
            let columns = rollup::columns(table).into_iter();
            let rollups = columns.map(|one| (one.name, ScanColumn::Rollup(one.column, one.statistic)));
            std::iter::once(samples).chain(rollups).collect()
        }
    }
}

fn array(values: &Values<'_>, rows: usize, is_mean: bool) -> ArrayRef {
    let present = |row: usize| values.present.is_none_or(|present| present[row]);
    match values.values {
        Numbers::Ints(ints) => Arc::new(Int64Array::from_iter((0..rows).map(|row| present(row).then(|| ints[row])))),
        Numbers::Doubles(doubles) => {
            Arc::new(Float64Array::from_iter((0..rows).map(|row| present(row).then(|| doubles[row]))))
        }
        Numbers::Absent if is_mean => Arc::new(Float64Array::new_null(rows)),
        Numbers::Absent => Arc::new(Int64Array::new_null(rows)),
    }
}

enum Writer<'a> {
    Parquet(Box<ArrowWriter<&'a mut (dyn Write + Send)>>),
    Csv(Box<arrow_csv::Writer<&'a mut (dyn Write + Send)>>),
    Arrow(Box<arrow_ipc::writer::StreamWriter<&'a mut (dyn Write + Send)>>),
}

impl<'a> Writer<'a> {
    fn new(format: Format, schema: &SchemaRef, out: &'a mut (dyn Write + Send)) -> Result<Self, ExportError> {
        Ok(match format {
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
                    .set_max_row_group_row_count(Some(GROUP_ROWS))
                    .build();
                Self::Parquet(Box::new(ArrowWriter::try_new(out, Arc::clone(schema), Some(properties))?))
            }
            Format::Csv => {
                let builder = arrow_csv::WriterBuilder::new().with_header(true);
                let mut writer = builder.build(out);
                // The header comes even where no row does.
                writer.write(&RecordBatch::new_empty(Arc::clone(schema)))?;
                Self::Csv(Box::new(writer))
            }
            Format::ArrowStream => Self::Arrow(Box::new(arrow_ipc::writer::StreamWriter::try_new(out, schema)?)),
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), ExportError> {
        match self {
            Self::Parquet(writer) => writer.write(batch)?,
            Self::Csv(writer) => writer.write(batch)?,
            Self::Arrow(writer) => writer.write(batch)?,
        }
        Ok(())
    }

    fn finish(self) -> Result<(), ExportError> {
        match self {
            Self::Parquet(writer) => drop(writer.close()?),
            Self::Csv(_) => {}
            Self::Arrow(mut writer) => writer.finish()?,
        }
        Ok(())
    }
}

/// The columns that an export may name, `time` first.
#[must_use]
pub fn column_names(table: Table, resolution: Resolution) -> Vec<String> {
    let texts = table.texts().iter().map(|text| text.name.to_owned());
    let numbers = numbers(table, resolution).into_iter().map(|(name, _)| name);
    std::iter::once(TIME.to_owned()).chain(texts).chain(numbers).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::decode::column_name;
    use super::*;

    #[test]
    fn comma_separated_times_are_rfc_3339() {
        let export = Export {
            table: Table::Node,
            resolution: Resolution::Raw,
            wanted: Wanted::All,
            from: 0,
            to: 1,
            columns: vec!["time".to_owned()],
            budget: Budget { deadline: Instant::now(), decoded_bytes: 0 },
        };
        let layout = Layout::of(&export, zone(Format::Csv)).unwrap();
        let times = TimestampMicrosecondArray::from(vec![1_769_860_800_123_456]).with_timezone(layout.zone);
        let batch = RecordBatch::try_new(Arc::clone(&layout.schema), vec![Arc::new(times)]).unwrap();
        let mut out = Vec::new();
        let mut writer = Writer::new(Format::Csv, &layout.schema, &mut out).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "time\n2026-01-31T12:00:00.123456Z\n");
    }

    #[test]
    fn the_columns_of_an_export_are_named_as_on_disk() {
        for resolution in [Resolution::Raw, Resolution::Minute] {
            for (name, column) in numbers(Table::Containers, resolution) {
                let scan = Scan {
                    table: Table::Containers,
                    resolution,
                    wanted: Wanted::All,
                    columns: Vec::new(),
                    from: 0,
                    to: 0,
                    budget: Budget { deadline: Instant::now(), decoded_bytes: 0 },
                };
                assert_eq!(column_name(&scan, column), name);
            }
        }
    }
}
