//! A /proc file that is kept open and read from its beginning each time.
//!
//! The surprise: /proc hands out files of many lines a page at a time, so a read that fills less than the buffer is not
//! the end of the file; only a read of nothing is.

use std::path::PathBuf;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::health::ReadError;

/// No file that is read here is this long; of one that is, the beginning is read.
pub const MAX_BYTES: usize = 4 << 20;

/// The size of a buffer before anything was read.
const FIRST_BYTES: usize = 16 << 10;

#[derive(Debug)]
enum Handle {
    Untried,
    Kept(OwnedFd),
    Missing,
}

/// One file.
#[derive(Debug)]
pub struct KeptFile {
    path: PathBuf,
    handle: Handle,
}

impl KeptFile {
    /// Opened at the first reading.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, handle: Handle::Untried }
    }

    /// The whole text; `Err(None)` where the kernel does not have the file, which is not asked for again.
    ///
    /// # Errors
    /// Why it cannot be read this time.
    pub fn read<'b>(&mut self, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], Option<ReadError>> {
        if let Handle::Untried = self.handle {
            self.handle = match open(&self.path) {
                Ok(fd) => Handle::Kept(fd),
                Err(Errno::NOENT | Errno::NOTDIR | Errno::OPNOTSUPP) => Handle::Missing,
                Err(errno) => return Err(Some(class(errno))),
            };
        }
        let Handle::Kept(fd) = &self.handle else { return Err(None) };
        match read_whole(fd, buffer) {
            Ok(length) => Ok(&buffer[..length]),
            // Pressure files exist where the feature is switched off, and cannot be read.
            Err(Errno::OPNOTSUPP) => {
                self.handle = Handle::Missing;
                Err(None)
            }
            Err(errno) => Err(Some(class(errno))),
        }
    }
}

fn open(path: &std::path::Path) -> Result<OwnedFd, Errno> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

/// Why a read failed.
pub(crate) fn class(errno: Errno) -> ReadError {
    match errno {
        Errno::NOENT | Errno::SRCH | Errno::NODEV => ReadError::Gone,
        Errno::ACCESS | Errno::PERM => ReadError::Denied,
        _ => ReadError::Io,
    }
}

/// Reads a file from its beginning to its end, and says how much that was.
///
/// # Errors
/// The kernel's answer.
pub(crate) fn read_whole(fd: impl AsFd, buffer: &mut Vec<u8>) -> Result<usize, Errno> {
    if buffer.len() < FIRST_BYTES {
        buffer.resize(FIRST_BYTES, 0);
    }
    let mut length = 0;
    loop {
        if length == buffer.len() {
            if length >= MAX_BYTES {
                return Ok(length);
            }
            buffer.resize(length * 2, 0);
        }
        match rustix::io::pread(&fd, &mut buffer[length..], length as u64) {
            Ok(0) => return Ok(length),
            Ok(more) => length += more,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_longer_than_the_kernels_page_is_read_to_its_end_each_time() {
        let mut file = KeptFile::new("/proc/self/smaps".into());
        let mut buffer = Vec::new();
        for _ in 0..2 {
            let text = file.read(&mut buffer).expect("readable").to_vec();
            assert!(text.len() > FIRST_BYTES && text.ends_with(b"\n"), "{}", text.len());
            assert!(String::from_utf8_lossy(&text).contains("[stack]"), "the last mapping but two");
        }
    }

    #[test]
    fn a_file_that_the_kernel_does_not_have_is_no_error() {
        let mut file = KeptFile::new("/proc/no-such-file".into());
        assert_eq!(file.read(&mut Vec::new()), Err(None));
    }
}
