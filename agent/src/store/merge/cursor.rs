//! Reads one column of a sealed file forward, run by run, decoding only the pages that it must.

use std::fs::File;
use std::ops::Range;

use parquet::column::reader::{ColumnReaderImpl, get_column_reader, get_typed_column_reader};
use parquet::data_type::{BoolType, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;

/// A column of numbers.
pub(in crate::store) type Int64Cursor<'a> = Cursor<'a, Int64Type>;

/// A column that is read forward.
pub(in crate::store) struct Cursor<'a, T: DataType> {
    file: &'a SerializedFileReader<File>,
    column: usize,
    required: bool,
    reader: Option<ColumnReaderImpl<T>>,
    group: usize,
    /// The rows of the file that lie in `group`.
    rows: Range<u64>,
    position: u64,
}

/// A column of numbers of a file.
pub(in crate::store) fn int64_cursor(file: &SerializedFileReader<File>, column: usize) -> Int64Cursor<'_> {
    Cursor::new(file, column)
}

/// A column of booleans of a file.
pub(in crate::store) fn bool_cursor(file: &SerializedFileReader<File>, column: usize) -> Cursor<'_, BoolType> {
    Cursor::new(file, column)
}

/// A column of texts of a file.
pub(in crate::store) fn text_cursor(file: &SerializedFileReader<File>, column: usize) -> Cursor<'_, ByteArrayType> {
    Cursor::new(file, column)
}

impl<'a, T: DataType> Cursor<'a, T> {
    /// A cursor before the first row.
    pub(super) fn new(file: &'a SerializedFileReader<File>, column: usize) -> Self {
        let descriptor = file.metadata().file_metadata().schema_descr().column(column);
        let rows = 0..group_rows(file, 0);
        Self { file, column, required: descriptor.max_def_level() == 0, reader: None, group: 0, rows, position: 0 }
    }

    /// Appends the rows' values, nulls left out, and for each row whether it has one; rows never go back.
    ///
    /// # Errors
    /// The file is damaged, or has fewer rows.
    pub(in crate::store) fn read(
        &mut self,
        wanted: &Range<u64>,
        values: &mut Vec<T::T>,
        levels: &mut Vec<i16>,
    ) -> Result<(), ParquetError> {
        while self.position < wanted.end {
            while self.position >= self.rows.end {
                self.next_group()?;
            }
            if wanted.start >= self.rows.end {
                // No page of this group is wanted.
                self.position = self.rows.end;
                continue;
            }
            let skip = wanted.start.saturating_sub(self.position);
            if skip > 0 {
                let skipped = self.reader()?.skip_records(skip as usize)?;
                check(skipped, skip)?;
                self.position += skip;
            }
            let take = wanted.end.min(self.rows.end) - self.position;
            let required = self.required;
            let own_levels = if required { None } else { Some(&mut *levels) };
            let (records, ..) = self.reader()?.read_records(take as usize, own_levels, None, values)?;
            check(records, take)?;
            if required {
                levels.resize(levels.len() + records, 1);
            }
            self.position += take;
        }
        Ok(())
    }

    fn next_group(&mut self) -> Result<(), ParquetError> {
        if self.group + 1 >= self.file.num_row_groups() {
            return Err(ParquetError::General("it has fewer rows than its footer says".to_owned()));
        }
        self.group += 1;
        self.reader = None;
        self.rows = self.rows.end..self.rows.end + group_rows(self.file, self.group);
        Ok(())
    }

    fn reader(&mut self) -> Result<&mut ColumnReaderImpl<T>, ParquetError> {
        if self.reader.is_none() {
            let descriptor = self.file.metadata().file_metadata().schema_descr().column(self.column);
            let pages = self.file.get_row_group(self.group)?.get_column_page_reader(self.column)?;
            self.reader = Some(get_typed_column_reader(get_column_reader(descriptor, pages)));
        }
        self.reader.as_mut().ok_or_else(|| ParquetError::General("no reader".to_owned()))
    }
}

fn group_rows(file: &SerializedFileReader<File>, group: usize) -> u64 {
    let groups = file.metadata().row_groups();
    groups.get(group).map_or(0, |group| u64::try_from(group.num_rows()).unwrap_or(0))
}

fn check(found: usize, wanted: u64) -> Result<(), ParquetError> {
    if found as u64 == wanted {
        return Ok(());
    }
    Err(ParquetError::General("a column has fewer rows than the footer says".to_owned()))
}
