//! The lock of a kubeconfig as kubectl and kind take it: `FILE.lock`, made where it is not there, removed afterwards.
//!
//! The one surprise: the kernel does not give it back for a program that is killed. A lock that is old is told, never broken:
//! another program may be about to write.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long another program may have it. kubectl has it for milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
/// A lock of this age was left behind.
const STALE: Duration = Duration::from_secs(60);

/// Held until dropped.
#[derive(Debug)]
pub(super) struct LockFile {
    path: PathBuf,
}

impl LockFile {
    /// Takes the lock of a file, whose directory is made where it is missing.
    pub(super) fn take(file: &Path) -> Result<Self> {
        Self::take_within(file, PATIENCE)
    }

    fn take_within(file: &Path, patience: Duration) -> Result<Self> {
        let mut name = file.file_name().context("it has no name")?.to_owned();
        name.push(".lock");
        let path = file.with_file_name(name);
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        }
        let begun = Instant::now();
        loop {
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(_) => return Ok(Self { path }),
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(error).with_context(|| path.display().to_string());
                }
                Err(_) if is_stale(&path) => {
                    bail!("{} was left behind by a program that is gone, `rm` it and try again", path.display())
                }
                Err(_) if begun.elapsed() > patience => {
                    bail!("another program has it ({}), try again when that is done", path.display())
                }
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // Whoever finds it next is told what to do.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn is_stale(path: &Path) -> bool {
    let modified = std::fs::metadata(path).and_then(|data| data.modified()).ok();
    modified.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > STALE)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn one_program_has_it_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("deep/config");
        let first = LockFile::take(&file).unwrap();
        let error = LockFile::take_within(&file, Duration::ZERO).unwrap_err().to_string();
        assert!(error.starts_with("another program has it ("), "{error}");
        drop(first);
        drop(LockFile::take_within(&file, Duration::ZERO).unwrap());
        assert!(!directory.path().join("deep/config.lock").exists());
    }

    #[test]
    fn one_that_was_left_behind_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let left = std::fs::File::create(directory.path().join("config.lock")).unwrap();
        left.set_modified(SystemTime::now() - 2 * STALE).unwrap();
        let error = LockFile::take(&directory.path().join("config")).unwrap_err().to_string();
        assert!(error.contains("was left behind"), "{error}");
    }
}
