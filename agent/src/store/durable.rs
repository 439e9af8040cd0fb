//! The few file operations whose order decides what a crash leaves behind.
//!
//! Knows no formats. The surprise: a new name is durable only once its *directory* was synced.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::layout;

/// Makes the names in a directory durable.
///
/// # Errors
/// The directory can't be opened or synced.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a directory and those above it, up to `root`, and makes their names durable.
///
/// # Errors
/// A directory can't be made or synced.
pub(super) fn create_directories(root: &Path, path: &Path) -> io::Result<()> {
    // Synced even where it is there: a crash may have come between its making and its syncing.
    std::fs::create_dir_all(path)?;
    let mut above = path.ancestors().skip(1).take_while(|parent| parent.starts_with(root));
    above.try_for_each(sync_directory)
}

/// Renames a file to a name that nothing has.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] where something has it, or the system's error.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system can't do it atomically; the data directory's lock makes this agent its only writer.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if to.exists() => {
            Err(io::ErrorKind::AlreadyExists.into())
        }
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => std::fs::rename(from, to),
        result => Ok(result?),
    }
}

/// Writes a small file so that a crash leaves the old one or the new one.
///
/// # Errors
/// It can't be written.
pub(super) fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(layout::temporary_name(&name));
    let mut file = File::create(&temporary)?;
    io::Write::write_all(&mut file, content)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Renames a damaged file so that no reader takes it for a good one; gives its new path.
///
/// # Errors
/// It can't be renamed.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut attempt = 0;
    loop {
        let aside = path.with_file_name(layout::set_aside_name(&name, attempt));
        match rename_new(path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => attempt += 1,
            result => return result.map(|()| aside),
        }
    }
}
