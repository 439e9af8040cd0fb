//! Whether a Parquet file can be read to its last value.
//!
//! A footer tells nothing of the pages. A column chunk at a time, in small batches, so memory is bounded. The surprise: files
//! are trusted otherwise, because they were synced and proven before they got their names; a full look is for whoever is about
//! to delete what the file replaces, and for `check`.

use std::fs::File;
use std::panic::catch_unwind;
use std::path::Path;

use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;

use super::files::entries;
use super::footer::Footer;
use super::layout::{self, SealedName};
use crate::model::HOUR_USEC;

const BATCH: usize = 8192;

/// Why a file may not replace others.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    /// The disk did not give all of it this time.
    Unread(String),
    /// What is wrong with it.
    Damaged(String),
}

/// Sees whether a file that replaces others may do so: if some may be there still, every value must be readable.
///
/// # Errors
/// See [`Unproven`].
pub(super) fn replacement(path: &Path, footer: &Footer) -> Result<(), Unproven> {
    let made_of_none = footer.directory.replaces.is_empty() && footer.directory.covers.is_empty();
    if made_of_none || !has_neighbours(path) {
        return Ok(());
    }
    whole(path).map_err(|error| {
        let reason = format!("it was made of other files, but not all of it can be read: {error}");
        if is_systems(&error) { Unproven::Unread(reason) } else { Unproven::Damaged(reason) }
    })
}

/// Whether the system refused to read, which passes; a decoder that meets wrong bytes may speak of I/O as well, but has no
/// error number.
fn is_systems(error: &ParquetError) -> bool {
    let ParquetError::External(source) = error else { return false };
    source.downcast_ref::<std::io::Error>().is_some_and(|error| error.raw_os_error().is_some())
}

/// Decodes every value of a file.
///
/// # Errors
/// Something can't be read, or a column has another number of rows than its row group.
pub(super) fn whole(path: &Path) -> Result<(), ParquetError> {
    // A decoder may panic over bytes that it did not expect; that is damage, not the end of the agent.
    let decoded = catch_unwind(|| decode(path));
    decoded.unwrap_or_else(|_| Err(ParquetError::General("decoding it panicked".to_owned())))
}

fn decode(path: &Path) -> Result<(), ParquetError> {
    let file = SerializedFileReader::new(File::open(path)?)?;
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group)?;
        let rows = group.metadata().num_rows();
        for (column, chunk) in group.metadata().columns().iter().enumerate() {
            let reader = get_column_reader(chunk.column_descr_ptr(), group.get_column_page_reader(column)?);
            let found = match reader {
                ColumnReader::BoolColumnReader(reader) => count(reader)?,
                ColumnReader::Int32ColumnReader(reader) => count(reader)?,
                ColumnReader::Int64ColumnReader(reader) => count(reader)?,
                ColumnReader::DoubleColumnReader(reader) => count(reader)?,
                ColumnReader::ByteArrayColumnReader(reader) => count(reader)?,
                _ => return Err(ParquetError::General(format!("{} has a type of no table", chunk.column_path()))),
            };
            if i64::try_from(found) != Ok(rows) {
                let name = chunk.column_path();
                return Err(ParquetError::General(format!("{name} has {found} rows where there are {rows}")));
            }
        }
    }
    Ok(())
}

fn count<T: DataType>(mut reader: ColumnReaderImpl<T>) -> Result<usize, ParquetError> {
    let (mut rows, mut values, mut levels) = (0, Vec::new(), Vec::new());
    loop {
        values.clear();
        levels.clear();
        let (records, ..) = reader.read_records(BATCH, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Ok(rows);
        }
        rows += records;
    }
}

/// Whether another sealed file of the same hour lies beside this one.
fn has_neighbours(path: &Path) -> bool {
    let hour = |path: &Path| {
        let name = path.file_name()?.to_str()?;
        SealedName::parse(name).map(|name| name.start.div_euclid(HOUR_USEC))
    };
    let (own, Some(directory)) = (hour(path), path.parent()) else { return false };
    let sealed = |other: &Path| other.extension().is_some_and(|extension| extension == layout::PARQUET);
    entries(directory).iter().any(|other| other != path && sealed(other) && hour(other) == own)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn what_the_system_says_is_no_damage_and_what_a_decoder_says_is() {
        let system = ParquetError::from(io::Error::from(rustix::io::Errno::IO));
        let decoder = ParquetError::from(io::Error::other("Unknown frame descriptor"));
        let short = ParquetError::from(io::Error::from(io::ErrorKind::UnexpectedEof));
        let general = ParquetError::General("bad".to_owned());
        assert_eq!([system, decoder, short, general].map(|error| is_systems(&error)), [true, false, false, false]);
        assert!(is_systems(&whole(Path::new("/nowhere")).unwrap_err()));
    }
}
