//! Where a data set comes to be, and how it takes the place of the one before.
//!
//! It is written beside its place and gets its name when it is whole. The surprise: what is in the place already is deleted only
//! where it is a data set of this program; anything else is refused.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use fgm_agent::store::layout;
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};

use crate::truth;

/// Why there is no place for a data set.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Something else is there.
    #[error("{} holds something that is no data set of generate-bench-data: choose another --out, or move it away", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
    /// Another run writes the same data set.
    #[error("{} is being written by another generate-bench-data: wait for it, or choose another --out", path.display())]
    Busy {
        /// The directory.
        path: PathBuf,
    },
    /// The name has no directory to be in.
    #[error("{} can't be a data set: give --out the path of a directory", path.display())]
    Nameless {
        /// What was given.
        path: PathBuf,
    },
    /// Something can't be made, renamed or deleted.
    #[error("{} can't be used: {source}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A data set that is being written.
#[derive(Debug)]
pub struct Output {
    place: PathBuf,
    temporary: PathBuf,
}

impl Output {
    /// Looks whether a data set may come to a place, and makes room beside it.
    ///
    /// # Errors
    /// See [`OutputError`].
    pub fn prepare(place: &Path) -> Result<Self, OutputError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| OutputError::Io { path, source }
        };
        let nameless = || OutputError::Nameless { path: place.to_owned() };
        let name = place.file_name().ok_or_else(nameless)?.to_string_lossy();
        if !is_free(place).map_err(at(place))? {
            return Err(OutputError::Foreign { path: place.to_owned() });
        }
        let temporary = place.with_file_name(format!(".{name}.tmp"));
        if is_locked(&temporary) {
            return Err(OutputError::Busy { path: place.to_owned() });
        }
        remove(&temporary).map_err(at(&temporary))?;
        std::fs::create_dir_all(&temporary).map_err(at(&temporary))?;
        Ok(Self { place: place.to_owned(), temporary })
    }

    /// Where to write it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// It can't be renamed; what was there before is there still.
    pub fn finish(self) -> Result<(), OutputError> {
        let failed = |source: io::Error| OutputError::Io { path: self.place.clone(), source };
        if !self.place.exists() {
            return std::fs::rename(&self.temporary, &self.place).map_err(failed);
        }
        match renameat_with(CWD, &self.temporary, CWD, &self.place, RenameFlags::EXCHANGE) {
            Ok(()) => {}
            // The file system can't exchange names: then there is a moment without either.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                remove(&self.place).and_then(|()| std::fs::rename(&self.temporary, &self.place)).map_err(failed)?;
            }
            Err(error) => return Err(failed(error.into())),
        }
        remove(&self.temporary).map_err(failed)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // What could not be finished is of no use; what can't be deleted, the next run deletes.
        let _ = remove(&self.temporary);
    }
}

/// Whether nothing is there, nothing is in it, or a data set of this program.
fn is_free(place: &Path) -> io::Result<bool> {
    match std::fs::read_dir(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error),
        Ok(mut entries) => {
            let is_ours = place.join(layout::MARKER).is_file() && place.join(truth::FILE).is_file();
            Ok(is_ours || entries.next().is_none())
        }
    }
}

fn is_locked(data: &Path) -> bool {
    let Ok(file) = File::open(data.join(layout::LOCK)) else { return false };
    flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
