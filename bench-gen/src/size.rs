//! What files take: bytes per value that says something.
//!
//! A value counts where it is not null and its column changes at least once within a container in the file; all bytes of the
//! file count, footer included. Definition and aim stand in `docs/performance.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use fgm_agent::store::footer::{Footer, FooterError};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;

/// Rows that are decoded at once.
const BATCH: usize = 1 << 16;

/// Why a file can't be measured.
#[derive(Debug, thiserror::Error)]
pub enum SizeError {
    /// Its footer can't be used.
    #[error(transparent)]
    Footer(#[from] FooterError),
    /// Its pages can't be read.
    #[error("{} can't be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ParquetError,
    },
}

/// A column of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Values that are not null.
    pub values: u64,
    /// Compressed bytes.
    pub bytes: u64,
    /// Whether it changes within a container.
    pub changes: bool,
}

/// A file.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What it says about itself.
    pub footer: Footer,
    /// Its number columns, by name.
    pub columns: BTreeMap<String, Column>,
}

/// Sums over files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Files.
    pub files: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// Values that are not null.
    pub values: u64,
    /// Those in columns that change in their file.
    pub changing: u64,
}

impl Size {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            files: self.files + other.files,
            rows: self.rows + other.rows,
            bytes: self.bytes + other.bytes,
            values: self.values + other.values,
            changing: self.changing + other.changing,
        }
    }

    /// Bytes per value of a column that changes; 0 where nothing changes.
    #[must_use]
    pub fn bytes_per_changing_value(&self) -> f64 {
        if self.changing == 0 { 0.0 } else { self.bytes as f64 / self.changing as f64 }
    }
}

impl Measured {
    /// The file's sums.
    #[must_use]
    pub fn size(&self) -> Size {
        let columns = self.columns.values();
        Size {
            files: 1,
            rows: self.footer.rows,
            bytes: self.footer.bytes,
            values: columns.clone().map(|column| column.values).sum(),
            changing: columns.filter(|column| column.changes).map(|column| column.values).sum(),
        }
    }
}

/// Measures files, so many at once; in their order.
///
/// # Errors
/// One can't be read.
pub fn measure_all(paths: &[PathBuf], threads: usize) -> Result<Vec<Measured>, SizeError> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Measured)>, SizeError> {
        let mut measured = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(index) else { return Ok(measured) };
            measured.push((index, measure(path)?));
        }
    };
    let mut all = std::thread::scope(|scope| -> Result<Vec<(usize, Measured)>, SizeError> {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(all)
    })?;
    all.sort_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, measured)| measured).collect())
}

/// Measures a file.
///
/// # Errors
/// It can't be read.
pub fn measure(path: &Path) -> Result<Measured, SizeError> {
    let footer = Footer::read(path)?;
    let columns = columns(path, &footer).map_err(|source| SizeError::Read { path: path.to_owned(), source })?;
    Ok(Measured { footer, columns })
}

fn columns(path: &Path, footer: &Footer) -> Result<BTreeMap<String, Column>, ParquetError> {
    let file = SerializedFileReader::new(std::fs::File::open(path)?)?;
    let starts: Vec<u64> = footer.directory.containers.iter().map(|entry| entry.first_row).collect();
    let mut columns: BTreeMap<String, Column> = BTreeMap::new();
    let mut first_row = 0;
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group)?;
        for (index, chunk) in group.metadata().columns().iter().enumerate() {
            let column = columns.entry(chunk.column_path().string()).or_default();
            column.bytes += u64::try_from(chunk.compressed_size()).unwrap_or_default();
            let seen = Seen { column, starts: &starts, row: first_row, previous: None };
            match group.get_column_reader(index)? {
                ColumnReader::Int64ColumnReader(reader) => seen.read(reader, |value| value.cast_unsigned())?,
                ColumnReader::DoubleColumnReader(reader) => seen.read(reader, f64::to_bits)?,
                _ => {}
            }
        }
        first_row += u64::try_from(group.metadata().num_rows()).unwrap_or_default();
    }
    Ok(columns)
}

struct Seen<'a> {
    column: &'a mut Column,
    starts: &'a [u64],
    row: u64,
    previous: Option<u64>,
}

impl Seen<'_> {
    fn read<T: DataType>(
        mut self,
        mut reader: ColumnReaderImpl<T>,
        bits: impl Fn(T::T) -> u64,
    ) -> Result<(), ParquetError>
    where
        T::T: Copy,
    {
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        loop {
            values.clear();
            levels.clear();
            let (records, ..) = reader.read_records(BATCH, Some(&mut levels), None, &mut values)?;
            if records == 0 {
                return Ok(());
            }
            // A column that is never null has no levels.
            levels.resize(records, 1);
            let mut values = values.iter();
            for level in &levels {
                let value = if *level == 0 { None } else { values.next().map(|value| bits(*value)) };
                self.take(value);
            }
        }
    }

    fn take(&mut self, value: Option<u64>) {
        if self.starts.binary_search(&self.row).is_ok() {
            self.previous = None;
        }
        self.row += 1;
        let Some(value) = value else { return };
        self.column.values += 1;
        self.column.changes |= self.previous.is_some_and(|previous| previous != value);
        self.previous = Some(value);
    }
}
