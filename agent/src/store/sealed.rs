//! Turns a segment into a Parquet file.
//!
//! Rows are sorted by container id and time; row groups end between containers where they can. A row group is decoded
//! once per block of columns, so that it never lies in memory as a whole: thousands of containers seal within a few
//! megabytes; Parquet's own column writers take them, Arrow arrays would be one more copy. The surprise: integers are delta
//! encoded only in files with long runs of each container; short runs are smaller plain, under ZSTD.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{
    DeltaBinaryPackedEncoderOptions, EnabledStatistics, WriterProperties, WriterPropertiesBuilder,
};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnPath;

use super::footer::{Directory, Origin, key_values};
use super::resolution::Resolution;
use super::rowlog::RowError;
use super::schema::{FINAL, TIME, has_final, parquet_schema};
use super::segment::{Segment, Series};
use crate::subject::TextColumn;
use crate::table::Table;

/// Rows of a row group at most: 90 s of 364 containers at 1 Hz.
const ROW_GROUP_ROWS: u64 = 32_768;
/// Rows of a page at most: what a reader of one container's one column decompresses beside it.
const PAGE_ROWS: usize = 2048;
/// Columns decoded at once: with the rows of a row group, 16 x 32768 x (8 + 2) bytes = 5 MB.
const BLOCK_COLUMNS: usize = 16;
/// Level 1 saves 1 % of the time and level 6 of the bytes.
const ZSTD_LEVEL: i32 = 3;
/// Mean rows per container from which metrics are delta encoded. Where containers change every few rows, the jump from one
/// container's numbers to the next one's widens a whole block of deltas: 90 rows each take 88 bytes plain and 130
/// by delta; 900 take 74 and 64 (30 of 125 columns changing at random).
const DELTA_ROWS: u64 = 384;
/// Values per delta block, in four parts: the smallest that the format allows, so that a jump widens few.
const DELTA_BLOCK: usize = 128;

/// Why a segment did not become a file.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Writing or encoding failed.
    #[error("{0}")]
    Parquet(#[from] ParquetError),
    /// The rows in memory are damaged: a bug.
    #[error("the rows in memory are damaged: {0}")]
    Rows(#[from] RowError),
}

/// Writes a table of a segment that has rows of it; gives the number of rows written.
///
/// # Errors
/// The output can't be written.
pub fn write<W: Write + Send>(segment: &Segment, table: Table, origin: &Origin, output: W) -> Result<u64, WriteError> {
    let series = segment.sorted(table);
    let encoding = metric_encoding(segment.rows_of(table), series.len() as u64);
    let properties = properties(origin, &Directory::of(segment, table), encoding)?;
    let mut file = SerializedFileWriter::new(output, parquet_schema(table)?, Arc::new(properties))?;
    let mut buffers = Buffers::default();
    for pieces in row_groups(&series) {
        let mut group = file.next_row_group()?;
        buffers.write_leading(&mut group, table, &pieces)?;
        for start in (0..table.width()).step_by(BLOCK_COLUMNS) {
            buffers.write_numbers(&mut group, &pieces, start..table.width().min(start + BLOCK_COLUMNS))?;
        }
        group.close()?;
    }
    let metadata = file.close()?;
    Ok(u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0))
}

fn metric_encoding(rows: u64, containers: u64) -> Encoding {
    if rows / containers.max(1) >= DELTA_ROWS { Encoding::DELTA_BINARY_PACKED } else { Encoding::PLAIN }
}

fn properties(origin: &Origin, directory: &Directory, metrics: Encoding) -> Result<WriterProperties, ParquetError> {
    let builder = common_properties(origin, directory)?
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS);
    let encoded = |builder: WriterPropertiesBuilder, name| builder.set_column_encoding(ColumnPath::from(name), metrics);
    Ok(directory.table.column_names().fold(builder, encoded).build())
}

/// What holds for every file of a table, however its numbers are encoded and its pages are cut.
///
/// # Errors
/// None that input can cause.
pub(super) fn common_properties(
    origin: &Origin,
    directory: &Directory,
) -> Result<WriterPropertiesBuilder, ParquetError> {
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("fgm-agent {}", origin.agent_version))
        .set_key_value_metadata(Some(key_values(origin, directory)))
        .set_sorting_columns(Some(sorting(directory.table)))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(None);
    let table = directory.table;
    for column in table.texts() {
        builder = builder.set_column_dictionary_enabled(ColumnPath::from(column.name), true);
    }
    // Readers prune pages by these two.
    for name in std::iter::once(TIME).chain(table.texts().first().map(|column| column.name)) {
        builder = builder.set_column_statistics_enabled(ColumnPath::from(name), EnabledStatistics::Page);
    }
    if has_final(table) && directory.resolution == Resolution::Raw {
        builder = builder.set_column_encoding(ColumnPath::from(FINAL), Encoding::RLE);
    }
    Ok(builder
        .set_delta_binary_packed_encoder_options(DeltaBinaryPackedEncoderOptions::try_new(DELTA_BLOCK, 4)?)
        .set_column_encoding(ColumnPath::from(TIME), Encoding::DELTA_BINARY_PACKED))
}

/// What a file's rows are sorted by, as far as columns say it: a process's id begins with its container's.
fn sorting(table: Table) -> Vec<SortingColumn> {
    let columns: &[i32] = match table {
        Table::Containers | Table::Pods | Table::Disks => &[1, 0],
        Table::Processes | Table::Network | Table::IoDevices => &[1],
        Table::Node | Table::Events => &[0],
    };
    let ascending = |&column_idx: &i32| SortingColumn { column_idx, descending: false, nulls_first: true };
    columns.iter().map(ascending).collect()
}

/// Rows of one subject that lie in one row group.
#[derive(Clone, Debug)]
struct Piece<'a> {
    series: &'a Series,
    rows: Range<u64>,
}

/// Cuts between containers, and inside one only where it alone is larger than a row group.
fn row_groups<'a>(sorted: &[&'a Series]) -> Vec<Vec<Piece<'a>>> {
    let mut groups: Vec<Vec<Piece<'a>>> = Vec::new();
    let mut room = 0;
    for &series in sorted {
        let mut start = 0;
        while start < series.rows {
            if room == 0 || (start == 0 && series.rows > room) {
                groups.push(Vec::new());
                room = ROW_GROUP_ROWS;
            }
            let rows = start..series.rows.min(start + room);
            room -= rows.end - rows.start;
            start = rows.end;
            groups.last_mut().into_iter().for_each(|group| group.push(Piece { series, rows: rows.clone() }));
        }
    }
    groups
}

/// The values of one column, nulls left out, and for each row whether it has one.
#[derive(Debug, Default)]
struct ColumnBuffer {
    values: Vec<i64>,
    levels: Vec<i16>,
}

#[derive(Debug, Default)]
struct Buffers {
    columns: [ColumnBuffer; BLOCK_COLUMNS],
    texts: Vec<ByteArray>,
    levels: Vec<i16>,
}

impl Buffers {
    fn write_leading<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        table: Table,
        pieces: &[Piece<'_>],
    ) -> Result<(), WriteError> {
        let (mut times, mut finals) = (Vec::new(), Vec::new());
        for piece in pieces {
            for_each_row(piece, |row| {
                times.push(row.time());
                finals.push(row.is_final());
            })?;
        }
        write_column::<Int64Type, W>(group, &times, None)?;
        for column in table.texts() {
            self.fill_texts(column, pieces);
            // One that is never null has no levels.
            write_column::<ByteArrayType, W>(group, &self.texts, (!column.required).then_some(&self.levels))?;
        }
        if has_final(table) {
            write_column::<BoolType, W>(group, &finals, None)?;
        }
        Ok(())
    }

    fn fill_texts(&mut self, column: &TextColumn, pieces: &[Piece<'_>]) {
        self.texts.clear();
        self.levels.clear();
        for Piece { series, rows } in pieces {
            let text = (column.get)(&series.subject).map(ByteArray::from);
            // A required text is always there; a subject without one would make the file unreadable.
            let text = text.or_else(|| column.required.then(ByteArray::default));
            let count = (rows.end - rows.start) as usize;
            self.levels.resize(self.levels.len() + count, i16::from(text.is_some()));
            self.texts.extend(text.into_iter().flat_map(|text| std::iter::repeat_n(text, count)));
        }
    }

    fn write_numbers<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        pieces: &[Piece<'_>],
        columns: Range<usize>,
    ) -> Result<(), WriteError> {
        for buffer in &mut self.columns {
            buffer.values.clear();
            buffer.levels.clear();
        }
        for piece in pieces {
            for_each_row(piece, |row| {
                for (buffer, column) in self.columns.iter_mut().zip(columns.clone()) {
                    let present = row.present().contains(column);
                    buffer.levels.push(i16::from(present));
                    if present {
                        buffer.values.push(row.values()[column]);
                    }
                }
            })?;
        }
        for (buffer, _) in self.columns.iter().zip(columns) {
            write_column::<Int64Type, W>(group, &buffer.values, Some(&buffer.levels))?;
        }
        Ok(())
    }
}

fn for_each_row(piece: &Piece<'_>, mut visit: impl FnMut(&super::rowlog::RowState)) -> Result<(), RowError> {
    let mut decoder = piece.series.decoder();
    for index in 0..piece.rows.end {
        let row = decoder.next_row()?.ok_or(RowError::Truncated)?;
        if index >= piece.rows.start {
            visit(row);
        }
    }
    Ok(())
}

fn write_column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<&Vec<i16>>,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("the schema has fewer columns than the table".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, levels.map(Vec::as_slice), None)?;
    column.close()
}
