//! The number of rows and the key-value metadata of a Parquet file, read past everything else in its footer.
//!
//! Nine tenths of a footer say where each column's pages are; a store of months is opened without them, at the speed of
//! stepping over bytes. The surprise: this is the Thrift compact protocol by hand, the 40 lines of it that stepping needs. Whoever
//! reads pages lets the `parquet` crate read the same bytes.

use parquet::file::reader::Length;

use crate::store::query::Pread;
use crate::store::varint::{take_byte, take_varint, unzigzag};

/// What ends a Parquet file, after its metadata: their length as four bytes, and a word.
const TRAILER_BYTES: usize = 8;
const MAGIC: &[u8] = b"PAR1";
/// What is read from a file's end at first: half of the footers are shorter.
const FIRST_READ_BYTES: u64 = 16 << 10;
/// Parquet nests five deep.
const MOST_DEPTH: u32 = 16;

/// Fields of `FileMetaData` and `KeyValue` in Parquet's `parquet.thrift`.
const NUM_ROWS: i64 = 3;
const KEY_VALUES: i64 = 5;
const KEY: i64 = 1;
const VALUE: i64 = 2;

/// Types of the Thrift compact protocol.
const STOP: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// What a file says of itself beside its columns.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FileKeys {
    /// The number of its rows.
    pub(super) rows: i64,
    /// The key-value metadata.
    pub(super) pairs: Vec<(String, String)>,
}

/// Why there are none.
#[derive(Debug)]
pub(super) enum KeysError {
    /// What the system said.
    Io(std::io::Error),
    /// What is wrong with the file.
    Damaged(&'static str),
}

impl From<std::io::Error> for KeysError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl FileKeys {
    /// Reads them from a file's end.
    ///
    /// # Errors
    /// The system's, or what is wrong with the file.
    pub(super) fn read(file: &Pread) -> Result<Self, KeysError> {
        let first = file.len().min(FIRST_READ_BYTES);
        let end = file.read(file.len() - first, first as usize)?;
        let trailer = end.len().checked_sub(TRAILER_BYTES).ok_or(KeysError::Damaged("it is too short"))?;
        let (metadata, trailer) = end.split_at(trailer);
        let Some((length, MAGIC)) = trailer.split_first_chunk::<4>() else {
            return Err(KeysError::Damaged("it does not end as a Parquet file does"));
        };
        let length = u32::from_le_bytes(*length) as usize;
        let found = if let Some(start) = metadata.len().checked_sub(length) {
            Self::parse(&metadata[start..])
        } else {
            let start = file.len().checked_sub((TRAILER_BYTES + length) as u64);
            let start = start.ok_or(KeysError::Damaged("its footer is longer than the file"))?;
            Self::parse(&file.read(start, length)?)
        };
        found.ok_or(KeysError::Damaged("its footer is not readable"))
    }

    /// Finds them in a file's metadata; `None` where these are not as Thrift writes them.
    fn parse(metadata: &[u8]) -> Option<Self> {
        let mut input = metadata;
        let mut keys = Self::default();
        each_field(&mut input, |input, field, kind| match (field, kind) {
            (NUM_ROWS, I64) => {
                keys.rows = unzigzag(take_varint(input).ok()?);
                Some(())
            }
            (KEY_VALUES, LIST) => {
                let (length, kind) = list_header(input)?;
                for _ in 0..length {
                    keys.pairs.extend(pair(input, kind)?);
                }
                Some(())
            }
            _ => skip(input, kind, MOST_DEPTH),
        })?;
        Some(keys)
    }
}

/// A key and its value; no pair where it has no value.
fn pair(input: &mut &[u8], kind: u8) -> Option<Option<(String, String)>> {
    if kind != STRUCT {
        return None;
    }
    let (mut key, mut value) = (None, None);
    each_field(input, |input, field, kind| match (field, kind) {
        (KEY, BINARY) => {
            key = Some(text(input)?);
            Some(())
        }
        (VALUE, BINARY) => {
            value = Some(text(input)?);
            Some(())
        }
        _ => skip(input, kind, MOST_DEPTH),
    })?;
    Some(key.zip(value))
}

fn text(input: &mut &[u8]) -> Option<String> {
    let length = length(input)?;
    let (text, rest) = input.split_at_checked(length)?;
    *input = rest;
    String::from_utf8(text.to_vec()).ok()
}

#[inline]
fn length(input: &mut &[u8]) -> Option<usize> {
    usize::try_from(take_varint(input).ok()?).ok()
}

/// Steps through a struct; `take` takes the value of the field with this number and type off the input.
#[inline]
fn each_field<'a>(input: &mut &'a [u8], mut take: impl FnMut(&mut &'a [u8], i64, u8) -> Option<()>) -> Option<()> {
    let mut field = 0_i64;
    loop {
        let header = take_byte(input).ok()?;
        let kind = header & 0xf;
        if kind == STOP {
            return Some(());
        }
        field = match header >> 4 {
            0 => unzigzag(take_varint(input).ok()?),
            more => field.wrapping_add(i64::from(more)),
        };
        take(input, field, kind)?;
    }
}

/// The number of elements and their type.
fn list_header(input: &mut &[u8]) -> Option<(usize, u8)> {
    let header = take_byte(input).ok()?;
    let length = match header >> 4 {
        15 => length(input)?,
        length => usize::from(length),
    };
    Some((length, header & 0xf))
}

/// Steps over a value of a field.
#[inline(always)]
fn skip(input: &mut &[u8], kind: u8, depth: u32) -> Option<()> {
    match kind {
        // The type is the value.
        TRUE | FALSE => Some(()),
        I16..=I64 => skip_varint(input),
        BINARY => length(input).and_then(|bytes| skip_bytes(input, bytes)),
        BYTE => skip_bytes(input, 1),
        DOUBLE => skip_bytes(input, 8),
        _ => skip_nested(input, kind, depth.checked_sub(1)?),
    }
}

fn skip_nested(input: &mut &[u8], kind: u8, depth: u32) -> Option<()> {
    match kind {
        STRUCT => each_field(input, |input, _, kind| skip(input, kind, depth)),
        LIST | SET => {
            let (length, kind) = list_header(input)?;
            (0..length).try_for_each(|_| skip_element(input, kind, depth))
        }
        MAP => {
            let length = length(input)?;
            let kinds = if length == 0 { 0 } else { take_byte(input).ok()? };
            (0..length).try_for_each(|_| {
                skip_element(input, kinds >> 4, depth)?;
                skip_element(input, kinds & 0xf, depth)
            })
        }
        _ => None,
    }
}

/// Steps over an element of a list or a map, where even a yes or no takes a byte.
fn skip_element(input: &mut &[u8], kind: u8, depth: u32) -> Option<()> {
    match kind {
        TRUE | FALSE => skip_bytes(input, 1),
        _ => skip(input, kind, depth),
    }
}

#[inline(always)]
fn skip_bytes(input: &mut &[u8], bytes: usize) -> Option<()> {
    *input = input.get(bytes..)?;
    Some(())
}

#[inline(always)]
fn skip_varint(input: &mut &[u8]) -> Option<()> {
    loop {
        let (&byte, rest) = input.split_first()?;
        *input = rest;
        if byte < 0x80 {
            return Some(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::metadata::{KeyValue, ParquetMetaDataReader};
    use parquet::file::properties::{EnabledStatistics, WriterProperties};
    use proptest::prelude::*;

    use super::*;

    /// A file with `width` columns of each type, in row groups of `group` rows.
    fn file(width: usize, rows: usize, group: usize, pairs: &[(String, Option<String>)]) -> Vec<u8> {
        let columns = (0..width).flat_map(|at| {
            let ints = Int64Array::from_iter((0..rows).map(|row| (row % 3 > 0).then_some(row as i64 * at as i64)));
            let texts = StringArray::from_iter((0..rows).map(|row| Some("x".repeat(row % 40))));
            let doubles = Float64Array::from_iter((0..rows).map(|row| Some(row as f64)));
            let flags = BooleanArray::from_iter((0..rows).map(|row| Some(row % 2 == 0)));
            let of: [(&str, ArrayRef); 4] =
                [("i", Arc::new(ints)), ("t", Arc::new(texts)), ("d", Arc::new(doubles)), ("f", Arc::new(flags))];
            of.map(|(name, column)| (format!("{name}{at}"), column))
        });
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let pairs = pairs.iter().map(|(key, value)| KeyValue { key: key.clone(), value: value.clone() });
        let properties = WriterProperties::builder()
            .set_key_value_metadata(Some(pairs.collect()))
            .set_max_row_group_row_count(Some(group))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_bloom_filter_enabled(width == 1)
            .build();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<FileKeys, KeysError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        FileKeys::read(&Pread::open(file.path()).unwrap())
    }

    fn pairs() -> impl Strategy<Value = Vec<(String, Option<String>)>> {
        let value = prop_oneof![Just(String::new()), ".{0,9}", "[a-z]{20000}"];
        proptest::collection::vec(("[a-z]{0,3}", proptest::option::of(value)), 0..20)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn it_finds_what_the_parquet_crate_finds(width in 1..20_usize, rows in 1..60_usize, group in 1..70_usize, pairs in pairs()) {
            let bytes = file(width, rows, group, &pairs);
            let found = read(&bytes).unwrap();
            let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes::Bytes::from(bytes)).unwrap();
            let file = metadata.file_metadata();
            let theirs = file.key_value_metadata().into_iter().flatten();
            let theirs = theirs.filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?)));
            prop_assert_eq!(found.pairs, theirs.collect::<Vec<_>>());
            prop_assert_eq!(found.rows, file.num_rows());
        }

        #[test]
        fn no_damage_makes_it_panic_or_take_much_memory(at in 0..4000_usize, byte: u8, end in 0..4000_usize) {
            let mut bytes = file(2, 5, 3, &[("key".to_owned(), Some("value".to_owned()))]);
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(bytes.len() - (at & 1) * (end % bytes.len()));
            if let Ok(found) = read(&bytes) {
                let size: usize = found.pairs.iter().map(|(key, value)| key.len() + value.len()).sum();
                prop_assert!(size <= bytes.len());
            }
        }
    }

    #[test]
    fn what_is_no_footer_is_said() {
        let said = |bytes: &[u8]| match read(bytes) {
            Err(KeysError::Damaged(reason)) => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(said(b""), "it is too short");
        assert_eq!(said(b"0000PARE"), "it does not end as a Parquet file does");
        assert_eq!(said(b"\xff\xff\xff\x00PAR1"), "its footer is longer than the file");
        // A field's number that nothing can be added to.
        assert_eq!(
            said(b"\x06\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x16\x0d\x00\x00\x00PAR1"),
            "its footer is not readable"
        );
        assert_eq!(said(b"\xff\x01\x00\x00\x00PAR1"), "its footer is not readable");
    }
}
