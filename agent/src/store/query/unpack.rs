//! Decompresses the pages of a chunk with what each thread keeps for it.
//!
//! The `parquet` crate makes a compressor and a decompressor for each chunk that is read, which takes longer than most pages; so
//! it is told that chunks are not compressed, and pages are unpacked here. The surprise: a page says nothing of its size before
//! it was compressed, but its ZSTD frame does.

use std::cell::RefCell;
use std::io::Read;

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use zstd::bulk::Decompressor;

/// A page may take so much memory at most; those of this agent are a thousandth of it.
const MOST_PAGE_BYTES: u64 = 64 << 20;

thread_local! {
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Whether pages that are compressed so are unpacked here.
pub(super) fn is_unpacked_here(compression: Compression) -> bool {
    matches!(compression, Compression::ZSTD(_))
}

/// Pages that come compressed, unpacked.
pub(super) struct Unpacked<R>(pub(super) R);

impl<R: PageReader> Iterator for Unpacked<R> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl<R: PageReader> PageReader for Unpacked<R> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.0.get_next_page()?.map(page).transpose()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.0.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.0.skip_next_page()
    }

    fn supports_deferred_dictionary(&self) -> bool {
        self.0.supports_deferred_dictionary()
    }

    fn take_deferred_dictionary(&mut self) -> Result<Option<Page>> {
        self.0.take_deferred_dictionary()?.map(page).transpose()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.0.at_record_boundary()
    }
}

fn page(mut page: Page) -> Result<Page> {
    match &mut page {
        Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => *buf = Bytes::from(unpacked(buf, 0)?),
        // Its levels stand before the values and are never compressed.
        Page::DataPageV2 {
            buf, is_compressed: is_compressed @ true, def_levels_byte_len, rep_levels_byte_len, ..
        } => {
            *buf = Bytes::from(unpacked(buf, *def_levels_byte_len as usize + *rep_levels_byte_len as usize)?);
            *is_compressed = false;
        }
        Page::DataPageV2 { .. } => {}
    }
    Ok(page)
}

/// The bytes with everything after the first `plain` of them decompressed.
fn unpacked(bytes: &[u8], plain: usize) -> Result<Vec<u8>> {
    let damaged = |reason: &str| ParquetError::General(format!("a page is damaged: {reason}"));
    let (plain, packed) = bytes.split_at_checked(plain).ok_or_else(|| damaged("it is shorter than its levels"))?;
    if packed.is_empty() {
        return Ok(plain.to_vec());
    }
    let size = zstd::zstd_safe::get_frame_content_size(packed).map_err(|_| damaged("it is no ZSTD frame"))?;
    let mut whole = plain.to_vec();
    match size {
        Some(size) if size > MOST_PAGE_BYTES => return Err(damaged("it is too large")),
        Some(size) => {
            whole.reserve_exact(size as usize);
            let mut cursor = std::io::Cursor::new(whole);
            cursor.set_position(plain.len() as u64);
            DECOMPRESSOR.with_borrow_mut(|kept| {
                let decompressor = match kept {
                    Some(decompressor) => decompressor,
                    none => none.insert(Decompressor::new()?),
                };
                decompressor.decompress_to_buffer(packed, &mut cursor)
            })?;
            whole = cursor.into_inner();
        }
        // Another hand wrote the file.
        None => {
            let frames = zstd::stream::Decoder::with_buffer(packed)?;
            let read = frames.take(MOST_PAGE_BYTES + 1).read_to_end(&mut whole)?;
            if read as u64 > MOST_PAGE_BYTES {
                return Err(damaged("it is too large"));
            }
        }
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(buf: Vec<u8>) -> Page {
        Page::DataPage {
            buf: Bytes::from(buf),
            num_values: 1,
            encoding: parquet::basic::Encoding::PLAIN,
            def_level_encoding: parquet::basic::Encoding::RLE,
            rep_level_encoding: parquet::basic::Encoding::RLE,
            statistics: None,
        }
    }

    fn second_version(buf: Vec<u8>, levels: u32, is_compressed: bool) -> Page {
        Page::DataPageV2 {
            buf: Bytes::from(buf),
            num_values: 1,
            encoding: parquet::basic::Encoding::PLAIN,
            num_nulls: 0,
            num_rows: 1,
            def_levels_byte_len: levels,
            rep_levels_byte_len: 0,
            is_compressed,
            statistics: None,
        }
    }

    #[test]
    fn pages_of_both_versions_are_unpacked_also_where_the_frame_does_not_say_its_size() {
        let text = b"what a page holds, what a page holds".repeat(9);
        let sized = zstd::bulk::compress(&text, 3).unwrap();
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_contentsize(false).unwrap();
        std::io::Write::write_all(&mut encoder, &text).unwrap();
        let unsized_frame = encoder.finish().unwrap();
        assert_eq!(zstd::zstd_safe::get_frame_content_size(&unsized_frame).unwrap(), None);
        for packed in [sized, unsized_frame] {
            assert_eq!(page(data(packed.clone())).unwrap().buffer(), &text);
            let with_levels = [b"levels".to_vec(), packed.clone()].concat();
            let unpacked = page(second_version(with_levels, 6, true)).unwrap();
            assert_eq!(unpacked.buffer(), &[b"levels".to_vec(), text.clone()].concat());
            assert!(matches!(unpacked, Page::DataPageV2 { is_compressed: false, .. }));
        }
        assert_eq!(page(second_version(text.clone(), 6, false)).unwrap().buffer(), &text);
        assert!(page(data(Vec::new())).unwrap().buffer().is_empty());
    }

    #[test]
    fn what_is_damaged_is_said_and_takes_no_memory() {
        let said = |page_: Page| page(page_).unwrap_err().to_string();
        assert!(said(data(b"not a frame".to_vec())).contains("no ZSTD frame"));
        assert!(said(second_version(vec![1], 6, true)).contains("shorter than its levels"));
        let zeros = zstd::bulk::compress(&vec![0; MOST_PAGE_BYTES as usize + 1], 1).unwrap();
        assert!(said(data(zeros)).contains("too large"));
        let endless = zstd::stream::encode_all(&vec![0; MOST_PAGE_BYTES as usize + 1][..], 1).unwrap();
        assert!(said(data(endless)).contains("too large"));
        let mut cut = zstd::bulk::compress(&[7; 1000], 1).unwrap();
        cut.truncate(cut.len() - 1);
        assert!(page(data(cut)).is_err());
    }
}
