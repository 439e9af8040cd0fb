//! Decodes ranges of rows of one column into a dense vector.
//!
//! Only pages that hold a wanted row are read and decompressed. The surprise: a column without a null in the wanted rows, the
//! usual case, costs no look at single rows: its levels are counted, not expanded.

use std::ops::Range;
use std::sync::Arc;

use parquet::basic::Type;
use parquet::column::page::PageReader;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{DataType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::serialized_reader::SerializedPageReader;

use super::chunks::{Chunk, Column, too_short};
use super::pread::Pread;
use super::unpack::Unpacked;
use crate::scan::{Numbers, Values};

/// A column's values of some rows, those without a value included.
#[derive(Debug, Default)]
pub(super) struct Dense<T> {
    /// One per row.
    pub(super) values: Vec<T>,
    /// Whether a row has a value; `None` where all have.
    pub(super) present: Option<Vec<bool>>,
}

impl<T: Copy + Default> Dense<T> {
    /// Appends values, nulls left out, of rows of which `levels` tells those that have one.
    fn append(&mut self, compact: &[T], levels: &[i16]) {
        let before = self.values.len();
        if compact.len() == levels.len() {
            self.values.extend_from_slice(compact);
            if let Some(present) = &mut self.present {
                present.resize(before + compact.len(), true);
            }
            return;
        }
        let present = self.present.get_or_insert_with(|| vec![true; before]);
        let mut rest = compact.iter();
        for &level in levels {
            let value = if level > 0 { rest.next().copied() } else { None };
            present.push(value.is_some());
            self.values.push(value.unwrap_or_default());
        }
    }
}

/// A column's values of some rows.
#[derive(Debug)]
pub(super) enum Decoded {
    Ints(Dense<i64>),
    Doubles(Dense<f64>),
    Absent,
}

impl Decoded {
    /// The values of a part of the rows.
    pub(super) fn slice(&self, rows: &Range<usize>) -> Values<'_> {
        fn present<'a, T>(dense: &'a Dense<T>, rows: &Range<usize>) -> Option<&'a [bool]> {
            dense.present.as_ref().and_then(|present| present.get(rows.clone()))
        }
        match self {
            Self::Ints(dense) => Values {
                values: Numbers::Ints(dense.values.get(rows.clone()).unwrap_or_default()),
                present: present(dense, rows),
            },
            Self::Doubles(dense) => Values {
                values: Numbers::Doubles(dense.values.get(rows.clone()).unwrap_or_default()),
                present: present(dense, rows),
            },
            Self::Absent => Values { values: Numbers::Absent, present: None },
        }
    }
}

/// Reads a column, of integers or doubles.
///
/// # Errors
/// The file is damaged, or the column is of another type.
pub(super) fn read(file: &Pread, column: Option<&Column>, rows: &[Range<u64>]) -> Result<Decoded> {
    let Some(column) = column else { return Ok(Decoded::Absent) };
    match column.chunks.first().map(|chunk| chunk.metadata.column_type()) {
        None => Ok(Decoded::Absent),
        Some(Type::INT64) => ints(file, column, rows).map(Decoded::Ints),
        Some(Type::DOUBLE) => dense::<DoubleType>(file, column, rows).map(Decoded::Doubles),
        Some(other) => Err(ParquetError::General(format!("a number column is of type {other}"))),
    }
}

/// Reads a column of integers.
///
/// # Errors
/// The file is damaged.
pub(super) fn ints(file: &Pread, column: &Column, rows: &[Range<u64>]) -> Result<Dense<i64>> {
    dense::<Int64Type>(file, column, rows)
}

/// Reads rows, ascending and apart, of a column of any type.
///
/// # Errors
/// The file is damaged.
pub(super) fn dense<T: DataType>(file: &Pread, column: &Column, rows: &[Range<u64>]) -> Result<Dense<T::T>>
where
    T::T: Default + Copy,
{
    let total: u64 = rows.iter().map(|rows| rows.end - rows.start).sum();
    let mut dense = Dense { values: Vec::with_capacity(usize::try_from(total).unwrap_or(0)), present: None };
    let (mut compact, mut levels) = (Vec::new(), Vec::new());
    visit::<T>(file, column, rows, |reader, count| {
        if column.required {
            let (records, ..) = reader.read_records(count, None, None, &mut dense.values)?;
            return Ok(records);
        }
        compact.clear();
        levels.clear();
        let (records, ..) = reader.read_records(count, Some(&mut levels), None, &mut compact)?;
        dense.append(&compact, &levels);
        Ok(records)
    })?;
    Ok(dense)
}

/// Positions a reader before each run of wanted rows of a chunk and has `take` read so many records from there.
///
/// # Errors
/// The file is damaged, or `take` says so.
pub(super) fn visit<T: DataType>(
    file: &Pread,
    column: &Column,
    rows: &[Range<u64>],
    mut take: impl FnMut(&mut ColumnReaderImpl<T>, usize) -> Result<usize>,
) -> Result<()> {
    let mut reached = 0;
    for chunk in &column.chunks {
        let mut reader: Option<ColumnReaderImpl<T>> = None;
        let mut position = chunk.rows.start;
        let first = rows.partition_point(|rows| rows.end <= chunk.rows.start);
        for rows in rows[first..].iter().take_while(|rows| rows.start < chunk.rows.end) {
            let (start, end) = (rows.start.max(chunk.rows.start), rows.end.min(chunk.rows.end));
            let reader = match &mut reader {
                Some(reader) => reader,
                none => none.insert(open(file, chunk)?),
            };
            let skip = (start - position) as usize;
            if skip > 0 && reader.skip_records(skip)? != skip {
                return Err(too_short());
            }
            let count = (end - start) as usize;
            if take(reader, count)? != count {
                return Err(too_short());
            }
            (position, reached) = (end, end);
        }
    }
    match rows.last() {
        Some(last) if reached < last.end => Err(too_short()),
        _ => Ok(()),
    }
}

fn open<T: DataType>(file: &Pread, chunk: &Chunk) -> Result<ColumnReaderImpl<T>> {
    let rows = (chunk.rows.end - chunk.rows.start) as usize;
    let pages = chunk.pages(file).cloned();
    let pages = SerializedPageReader::new(Arc::new(file.clone()), &chunk.metadata, rows, pages)?;
    let descriptor = chunk.metadata.column_descr_ptr();
    let pages: Box<dyn PageReader> = if chunk.is_packed { Box::new(Unpacked(pages)) } else { Box::new(pages) };
    Ok(ColumnReaderImpl::new(descriptor, pages))
}
