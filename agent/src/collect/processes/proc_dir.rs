//! One process's directory in /proc: its files, read into one buffer.
//!
//! The directory is opened first and everything is read relative to it, so what is read is of one process even where its
//! id is given to another meanwhile: the files of one that has ended say so.

use std::path::Path;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::collect::kept_file::read_whole;

/// The buffer of everything that is read of processes.
#[derive(Debug, Default)]
pub struct Buffer(Vec<u8>);

/// An open `/proc/[pid]`.
#[derive(Debug)]
pub struct ProcDir(OwnedFd);

impl ProcDir {
    /// Opens it.
    ///
    /// # Errors
    /// The kernel's answer: `NOENT` where there is no such process.
    pub fn open(proc_root: impl AsFd, pid: u32) -> Result<Self, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(proc_root, pid.to_string(), flags, Mode::empty()).map(Self)
    }

    fn open_file(&self, name: &str) -> Result<OwnedFd, Errno> {
        rustix::fs::openat(&self.0, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
    }

    /// The whole text of a file.
    ///
    /// # Errors
    /// The kernel's answer: `SRCH` where the process has ended.
    pub fn read<'b>(&self, name: &str, buffer: &'b mut Buffer) -> Result<&'b [u8], Errno> {
        let fd = self.open_file(name)?;
        let length = read_whole(fd, &mut buffer.0)?;
        Ok(&buffer.0[..length])
    }

    /// The first bytes of a file, and whether there may be more.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn read_start<'b>(&self, name: &str, most: usize, buffer: &'b mut Buffer) -> Result<(&'b [u8], bool), Errno> {
        let fd = self.open_file(name)?;
        if buffer.0.len() <= most {
            buffer.0.resize(most + 1, 0);
        }
        let length = rustix::io::pread(&fd, &mut buffer.0[..=most], 0)?;
        Ok((&buffer.0[..length.min(most)], length > most))
    }

    /// The open descriptors: the size of `fd` since Linux 6.2, 0 before.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn open_descriptors(&self) -> Result<i64, Errno> {
        rustix::fs::statat(&self.0, "fd", AtFlags::empty()).map(|stat| stat.st_size)
    }

    /// The inode of a file: that of `net/dev` tells network namespaces apart.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn inode(&self, name: &str) -> Result<u64, Errno> {
        rustix::fs::statat(&self.0, name, AtFlags::empty()).map(|stat| stat.st_ino)
    }
}

/// Opens a procfs.
///
/// # Errors
/// The kernel's answer.
pub fn open_root(proc_root: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::open(proc_root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}
