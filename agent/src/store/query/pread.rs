//! A file that Parquet's readers read by position.
//!
//! One system call per piece and no shared position, so any number of threads may read one open file. The surprise: the
//! standard `File` would be duplicated, sought and buffered for every page.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// An open sealed file; cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::store) struct Pread {
    file: Arc<File>,
    len: u64,
}

impl Pread {
    /// Opens a file.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::store) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), len })
    }

    /// Reads `length` bytes from `start` on.
    ///
    /// # Errors
    /// What the system says; the file may be shorter.
    pub(in crate::store) fn read(&self, start: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; length];
        self.file.read_exact_at(&mut buffer, start)?;
        Ok(buffer)
    }
}

impl Length for Pread {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Pread {
    type T = Position;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(Position { file: Arc::clone(&self.file), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        // What a damaged footer asks for is not allocated before it is known to be there.
        if start.checked_add(length as u64).is_none_or(|end| end > self.len) {
            return Err(ParquetError::EOF("the file is shorter than its footer says".to_owned()));
        }
        Ok(Bytes::from(self.read(start, length)?))
    }
}

/// A position in the file.
#[derive(Debug)]
pub(in crate::store) struct Position {
    file: Arc<File>,
    at: u64,
}

impl Read for Position {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
