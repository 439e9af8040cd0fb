//! Where a column's values are in a sealed file: its chunks, one per row group, and their pages.
//!
//! A file's footer is decoded when a column of it is asked for the first time, and only what was asked for is kept, in a cache
//! of bounded size: a week has hundreds of files with hundreds of columns each, of which people look at a few. Statistics are
//! not decoded. The surprise: a cached entry never goes stale, because a sealed file never changes and its number is never
//! used again.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use parquet::basic::Compression;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::page_index::index_reader::decode_offset_index;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::reader::ChunkReader;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::pread::Pread;
use super::unpack::is_unpacked_here;
use crate::store::footer::without_statistics;

/// Bytes that remembered columns take at most: a column of an hour file takes about 1 KiB.
const CACHE_BYTES: u64 = 8 << 20;
/// Columns expected in the cache.
const EXPECTED_COLUMNS: usize = 4096;

/// A column in one row group.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The rows of the file that lie in it.
    pub(super) rows: Range<u64>,
    /// Where it is. It is said to be not compressed where its pages are [unpacked](super::unpack).
    pub(super) metadata: ColumnChunkMetaData,
    /// Whether its pages come packed.
    pub(super) is_packed: bool,
    pages: OnceLock<Option<Vec<PageLocation>>>,
}

impl Chunk {
    /// Where its pages are; none where the file does not say.
    pub(super) fn pages(&self, file: &Pread) -> Option<&Vec<PageLocation>> {
        self.pages.get_or_init(|| self.read_pages(file)).as_ref()
    }

    fn read_pages(&self, file: &Pread) -> Option<Vec<PageLocation>> {
        let offset = u64::try_from(self.metadata.offset_index_offset()?).ok()?;
        let length = usize::try_from(self.metadata.offset_index_length()?).ok()?;
        let index = decode_offset_index(&file.get_bytes(offset, length).ok()?).ok()?;
        // One that makes no sense is as good as none: the pages are then found by their headers.
        let rows = i64::try_from(self.rows.end - self.rows.start).ok()?;
        let locations = index.page_locations();
        let starts = locations.iter().map(|page| page.first_row_index);
        let sound = locations.first().is_some_and(|first| first.first_row_index == 0)
            && starts.is_sorted_by(|a, b| a < b)
            && locations.last().is_some_and(|last| last.first_row_index < rows);
        sound.then(|| locations.clone())
    }
}

/// A column of a file.
#[derive(Debug)]
pub(super) struct Column {
    /// It is never null.
    pub(super) required: bool,
    /// Its chunks, in row order.
    pub(super) chunks: Vec<Chunk>,
}

type Key = (u64, Arc<str>);

/// The columns that were asked for lately.
pub(super) struct Columns {
    cache: Cache<Key, Option<Arc<Column>>, ByBytes>,
}

impl std::fmt::Debug for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Columns").field("entries", &self.cache.len()).finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Option<Arc<Column>>> for ByBytes {
    fn weight(&self, (_, name): &Key, column: &Option<Arc<Column>>) -> u64 {
        // A chunk of the largest size has 16 pages.
        let chunks = column.as_ref().map_or(0, |column| column.chunks.len());
        (size_of::<Key>() + name.len() + 64 + chunks * (size_of::<Chunk>() + 16 * size_of::<PageLocation>())) as u64
    }
}

impl Default for Columns {
    fn default() -> Self {
        Self { cache: Cache::with_weighter(EXPECTED_COLUMNS, CACHE_BYTES, ByBytes) }
    }
}

impl Columns {
    /// Where these columns are in the file of this number; `None` for one that it does not have.
    ///
    /// # Errors
    /// The file's footer can't be read.
    pub(super) fn find(&self, number: u64, file: &Pread, names: &[Arc<str>]) -> Result<Vec<Option<Arc<Column>>>> {
        let known = names.iter().map(|name| self.cache.get(&(number, Arc::clone(name))));
        if let Some(all) = known.collect::<Option<Vec<_>>>() {
            return Ok(all);
        }
        let metadata = without_statistics().parse_and_finish(file)?;
        let positions = positions(&metadata);
        let found = |name: &Arc<str>| {
            positions.get(&**name).map(|&position| column(&metadata, position).map(Arc::new)).transpose()
        };
        let columns: Vec<Option<Arc<Column>>> = names.iter().map(found).collect::<Result<_>>()?;
        for (name, column) in names.iter().zip(&columns) {
            self.cache.insert((number, Arc::clone(name)), column.clone());
        }
        Ok(columns)
    }
}

fn positions(metadata: &ParquetMetaData) -> HashMap<&str, usize> {
    let columns = metadata.file_metadata().schema_descr().columns().iter();
    columns.enumerate().map(|(position, column)| (column.name(), position)).collect()
}

fn column(metadata: &ParquetMetaData, position: usize) -> Result<Column> {
    let mut start = 0;
    let chunks = metadata.row_groups().iter().map(|group| {
        let rows = start..start + u64::try_from(group.num_rows()).unwrap_or(0);
        start = rows.end;
        let metadata = group.column(position).clone();
        let is_packed = is_unpacked_here(metadata.compression());
        let metadata = if is_packed {
            metadata.into_builder().set_compression(Compression::UNCOMPRESSED).build()?
        } else {
            metadata
        };
        Ok(Chunk { rows, metadata, is_packed, pages: OnceLock::new() })
    });
    let required = metadata.file_metadata().schema_descr().column(position).max_def_level() == 0;
    Ok(Column { required, chunks: chunks.collect::<Result<_>>()? })
}

/// What is wrong with a file whose column ends too early.
pub(super) fn too_short() -> ParquetError {
    ParquetError::General("a column has fewer rows than the footer says".to_owned())
}
