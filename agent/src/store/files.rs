//! Lists directories and deletes files for the threads in the background, which go on where that fails.
//!
//! Knows no formats. The surprise: failures are told to the log here and to nobody else.

use std::io;
use std::path::{Path, PathBuf};

pub(super) fn subdirectories(path: &Path) -> Vec<PathBuf> {
    entries(path).into_iter().filter(|path| path.is_dir()).collect()
}

/// A directory that can't be listed holds nothing that can be served; it is said once, here.
pub(super) fn entries(path: &Path) -> Vec<PathBuf> {
    match std::fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a directory can't be listed");
            Vec::new()
        }
    }
}

pub(super) fn remove(path: Option<&Path>) {
    let Some(path) = path else { return };
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "a file that is no longer needed can't be deleted");
        }
        _ => {}
    }
}
