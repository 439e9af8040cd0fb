//! Writes Parquet column chunks, each in the encoding that made it smallest.
//!
//! Background work may spend CPU on choosing: a chunk of numbers is encoded in every way that suits its type and compressed
//! fast, in memory; the way that came out smallest is compressed well and appended to the file. The surprise: what is small
//! under ZSTD is not what is small before it: gauges that jump between few values want a dictionary, smooth counters deltas,
//! noisy ones bytes side by side.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type, ZstdLevel};
use parquet::column::writer::{ColumnCloseResult, ColumnWriter, get_column_writer, get_typed_column_writer};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterPropertiesBuilder, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, ColumnPath, TypePtr};

/// Rows of a page at most: what a reader of one container's one column decompresses; an hour at 1 Hz is one or two.
const PAGE_ROWS: usize = 8192;

/// Compression of what is written: once, and kept for days. Level 19 takes 1 % less, and half as much time again.
const ZSTD_LEVEL: i32 = 15;
/// Compression by which encodings are compared.
const TRIAL_ZSTD_LEVEL: i32 = 3;

/// The ways to write a chunk.
#[derive(Debug)]
struct Ways {
    /// As the columns' own properties say: texts, times and booleans.
    given: WriterPropertiesPtr,
    integers: Vec<Way>,
    doubles: Vec<Way>,
}

/// An encoding of a chunk: compressed fast to compare it with the others, and well where it is chosen.
#[derive(Debug)]
struct Way {
    trial: WriterPropertiesPtr,
    chosen: WriterPropertiesPtr,
}

/// A file whose chunks are written in the smallest way.
pub(super) struct Encoder<W: Write + Send> {
    file: SerializedFileWriter<W>,
    ways: Ways,
}

impl<W: Write + Send> Encoder<W> {
    /// A file of this schema; `builder` has what holds for every column, `chosen` are the columns whose encoding is chosen.
    pub(super) fn new(
        output: W,
        schema: TypePtr,
        builder: &WriterPropertiesBuilder,
        chosen: &[String],
    ) -> Result<Self, ParquetError> {
        let trial = Compression::ZSTD(ZstdLevel::try_new(TRIAL_ZSTD_LEVEL)?);
        let builder = builder
            .clone()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
            .set_data_page_row_count_limit(PAGE_ROWS)
            .set_write_batch_size(PAGE_ROWS);
        let given = Arc::new(builder.clone().build());
        let file = SerializedFileWriter::new(output, schema, Arc::clone(&given))?;
        let way = |encoding: Option<Encoding>| {
            let set = |builder: WriterPropertiesBuilder, name: &String| {
                let path = ColumnPath::from(name.as_str());
                match encoding {
                    Some(encoding) => builder.set_column_encoding(path, encoding),
                    None => builder.set_column_dictionary_enabled(path, true),
                }
            };
            let builder = chosen.iter().fold(builder.clone(), set);
            Way { trial: Arc::new(builder.clone().set_compression(trial).build()), chosen: Arc::new(builder.build()) }
        };
        let integers = vec![
            way(Some(Encoding::DELTA_BINARY_PACKED)),
            way(Some(Encoding::PLAIN)),
            way(Some(Encoding::BYTE_STREAM_SPLIT)),
            way(None),
        ];
        let doubles = vec![way(Some(Encoding::PLAIN)), way(Some(Encoding::BYTE_STREAM_SPLIT)), way(None)];
        Ok(Self { file, ways: Ways { given, integers, doubles } })
    }

    /// Begins a row group.
    pub(super) fn group(&mut self) -> Result<Group<'_, W>, ParquetError> {
        Ok(Group {
            columns: self.file.schema_descr().columns().to_vec(),
            group: self.file.next_row_group()?,
            ways: &self.ways,
            next: 0,
        })
    }

    /// Ends the file; gives the number of its rows.
    pub(super) fn finish(self) -> Result<u64, ParquetError> {
        let metadata = self.file.close()?;
        Ok(u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0))
    }
}

/// A row group, filled column by column.
pub(super) struct Group<'a, W: Write + Send> {
    columns: Vec<ColumnDescPtr>,
    group: SerializedRowGroupWriter<'a, W>,
    ways: &'a Ways,
    next: usize,
}

impl<W: Write + Send> Group<'_, W> {
    /// Writes the next column as its properties say.
    pub(super) fn write<T: DataType>(&mut self, values: &[T::T], levels: Option<&[i16]>) -> Result<(), ParquetError> {
        let column = self.column()?;
        let (bytes, closed) = encode::<T>(&column, &self.ways.given, values, levels)?;
        self.group.append_column(&Bytes::from(bytes), closed)
    }

    /// Writes the next column in the smallest way.
    pub(super) fn write_smallest<T: DataType>(&mut self, values: &[T::T], levels: &[i16]) -> Result<(), ParquetError>
    where
        T::T: PartialEq,
    {
        let column = self.column()?;
        let mut ways =
            if column.physical_type() == Type::DOUBLE { &self.ways.doubles[..] } else { &self.ways.integers[..] };
        if values.windows(2).all(|pair| pair[0] == pair[1]) {
            // Of what never changes, a dictionary of one value and its run is least.
            ways = &ways[ways.len() - 1..];
        }
        let levels = (column.max_def_level() > 0).then_some(levels);
        let mut smallest: Option<(usize, &Way)> = None;
        for way in ways {
            let size = if ways.len() == 1 { 0 } else { encode::<T>(&column, &way.trial, values, levels)?.0.len() };
            if smallest.is_none_or(|(least, _)| size < least) {
                smallest = Some((size, way));
            }
        }
        let (_, way) = smallest.ok_or_else(|| ParquetError::General("no way to encode".to_owned()))?;
        let (bytes, closed) = encode::<T>(&column, &way.chosen, values, levels)?;
        self.group.append_column(&Bytes::from(bytes), closed)
    }

    /// Ends the row group.
    pub(super) fn finish(self) -> Result<(), ParquetError> {
        self.group.close().map(|_| ())
    }

    fn column(&mut self) -> Result<ColumnDescPtr, ParquetError> {
        let missing = || ParquetError::General("the schema has fewer columns than the table".to_owned());
        let column = self.columns.get(self.next).cloned().ok_or_else(missing)?;
        self.next += 1;
        Ok(column)
    }
}

fn encode<T: DataType>(
    column: &ColumnDescPtr,
    properties: &WriterPropertiesPtr,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(Vec<u8>, ColumnCloseResult), ParquetError> {
    let mut sink = TrackedWrite::new(Vec::new());
    let pages = Box::new(SerializedPageWriter::new(&mut sink));
    let writer: ColumnWriter<'_> = get_column_writer(Arc::clone(column), Arc::clone(properties), pages);
    let mut writer = get_typed_column_writer::<T>(writer);
    writer.write_batch(values, levels, None)?;
    let closed = writer.close()?;
    Ok((sink.into_inner()?, closed))
}
