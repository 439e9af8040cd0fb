//! Locks between commands: a file that one process has at a time, given back by the kernel however the process ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::failure::{Code, Failure};
use crate::interruption::Interruption;
use crate::runner::tell;

/// How long a command waits for another one of the same worktree; a first deploy with its build takes as long.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// How long it waits for a lock that is held for moments only.
const SHORT_PATIENCE: Duration = Duration::from_secs(30);
/// How often it looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Held until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes a lock that is held for moments only, waiting for whoever has it.
    pub(crate) fn take(path: &Path, who: &str) -> Result<Self> {
        let begun = Instant::now();
        loop {
            if let Some(lock) = Self::try_take(path)? {
                return lock.signed(who);
            }
            if begun.elapsed() > SHORT_PATIENCE {
                return Err(Failure::of(
                    Code::Failed,
                    format!("`{}` does not end: end it and try again", holder(path)),
                ));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Takes a lock that whole commands hold: says whom it waits for, and ends with an interruption.
    pub(crate) async fn wait(path: &Path, who: &str, interruption: &Interruption) -> Result<Self> {
        let begun = Instant::now();
        let mut told = false;
        loop {
            if let Some(lock) = Self::try_take(path)? {
                return lock.signed(who);
            }
            if begun.elapsed() > PATIENCE {
                let sentence = format!("`{}` still runs in this worktree: wait for it, or end it", holder(path));
                return Err(Failure::of(Code::Failed, sentence));
            }
            if !told && begun.elapsed() > Duration::from_secs(1) {
                tell(&format!("... waiting for `{}` to end", holder(path)));
                told = true;
            }
            interruption.pause(PAUSE).await?;
        }
    }

    /// Writes into the file who has it.
    fn signed(mut self, who: &str) -> Result<Self> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        write!(self.file, "{who} (process {})", std::process::id())?;
        Ok(self)
    }

    /// Takes a lock that nobody has; none where somebody has it.
    pub(crate) fn try_take(path: &Path) -> Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    /// The open file, for a child that is to hold the lock as long as it lives.
    pub(crate) fn into_file(self) -> File {
        self.file
    }
}

fn open(path: &Path) -> Result<File> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    }
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    options.with_context(|| path.display().to_string())
}

fn holder(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    if text.is_empty() { "another fgmctl".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn one_has_it_at_a_time_and_the_next_waits() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/lock");
        let first = Lock::take(&path, "fgmctl cluster create").unwrap();
        assert!(Lock::try_take(&path).unwrap().is_none());
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("fgmctl cluster create (process "));
        let waiting = std::thread::spawn({
            let path = path.clone();
            move || Lock::take(&path, "second").unwrap()
        });
        drop(first);
        drop(waiting.join().unwrap());
        assert!(Lock::try_take(&path).unwrap().is_some());
    }
}
