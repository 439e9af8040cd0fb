//! Programs that go on after the command that started them: viewers, forwards, benchmarks.
//!
//! Such a program and its children hold a lock file open as long as they live: whether it runs is whether somebody has the
//! lock. A process id alone would lie after a restart of the machine, when another process has it.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::invocation::Invocation;
use crate::lock::Lock;
use crate::whole_file;

/// How long a program that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

/// What is known of a program in the background, in `.fgm/NAME.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    /// Its process, which leads a group of its own.
    pub(crate) pid: i32,
    /// The port of the loopback address on which it answers; 0 where it answers nobody.
    pub(crate) port: u16,
    /// What it is about: a data directory, a pod, a node.
    pub(crate) about: String,
    /// Where what it prints goes.
    pub(crate) log: PathBuf,
}

/// The place of one program in the background.
pub(crate) struct Background {
    directory: PathBuf,
    name: String,
}

impl Background {
    pub(crate) fn new(directory: &Path, name: &str) -> Self {
        Self { directory: directory.to_owned(), name: name.to_owned() }
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.directory.join(format!("{}.{ending}", self.name))
    }

    /// What runs; what is left of one that has ended is tidied away.
    pub(crate) fn running(&self) -> Result<Option<Running>> {
        let (state, lock) = (self.file("json"), self.file("lock"));
        if !lock.exists() {
            let _ = std::fs::remove_file(state);
            return Ok(None);
        }
        if let Some(lock_of_the_dead) = Lock::try_take(&lock)? {
            for path in [&state, &lock] {
                let _ = std::fs::remove_file(path);
            }
            drop(lock_of_the_dead);
            return Ok(None);
        }
        let text = match std::fs::read(&state) {
            // It is only just beginning.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| state.display().to_string())?,
        };
        Ok(Some(serde_json::from_slice(&text).with_context(|| state.display().to_string())?))
    }

    /// Starts a program that is cut loose from the terminal. Its output goes to a log, begun anew.
    pub(crate) fn start(&self, call: &Invocation, port: u16, about: &str) -> Result<Running> {
        let log = self.file("log");
        std::fs::create_dir_all(&self.directory).with_context(|| self.directory.display().to_string())?;
        let Some(lock) = Lock::try_take(&self.file("lock"))? else { bail!("{} runs already", self.name) };
        let output = File::create(&log).with_context(|| log.display().to_string())?;
        let held = inherited(lock.into_file())?;
        let mut command = Command::new(&call.program);
        command.args(&call.arguments).envs(call.variables.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &call.directory {
            command.current_dir(directory);
        }
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
        let child = command.spawn().with_context(|| format!("{} could not be started", call.program.display()))?;
        drop(held);
        let running = Running { pid: child.id().cast_signed(), port, about: about.to_owned(), log };
        whole_file::write(&self.file("json"), &serde_json::to_vec_pretty(&running)?, 0o600)?;
        Ok(running)
    }

    /// Ends what runs, its children too; what it was, if it ran.
    pub(crate) fn stop(&self) -> Result<Option<Running>> {
        let Some(running) = self.running()? else { return Ok(None) };
        let signal = |signal| {
            if let Some(group) = rustix::process::Pid::from_raw(running.pid) {
                let _ = rustix::process::kill_process_group(group, signal);
            }
        };
        signal(rustix::process::Signal::TERM);
        let begun = Instant::now();
        while self.running()?.is_some() {
            if begun.elapsed() > 2 * GRACE {
                bail!("{} (process {}) does not end: end it yourself and try again", self.name, running.pid);
            }
            if begun.elapsed() > GRACE {
                signal(rustix::process::Signal::KILL);
            }
            std::thread::sleep(PAUSE);
        }
        Ok(Some(running))
    }

    /// The end of its log, for whoever reads of its failure.
    pub(crate) fn last_lines(&self, count: usize) -> String {
        let text = std::fs::read_to_string(self.file("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(count)..).unwrap_or(&[]).join("\n")
    }
}

/// The file as children inherit it.
pub(crate) fn inherited(file: File) -> Result<File> {
    let flags = rustix::io::fcntl_getfd(&file)?;
    rustix::io::fcntl_setfd(&file, flags.difference(rustix::io::FdFlags::CLOEXEC))?;
    debug_assert!(file.as_raw_fd() > 2, "the standard channels are given otherwise");
    Ok(file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn it_runs_until_it_is_stopped() {
        let directory = tempfile::tempdir().unwrap();
        let background = Background::new(directory.path(), "sleeper");
        assert!(background.running().unwrap().is_none());
        let started = background.start(&Invocation::here("sleep").arg("60"), 7, "a nap").unwrap();
        let running = background.running().unwrap().unwrap();
        assert_eq!((running.pid, running.port), (started.pid, 7));
        assert!(background.start(&Invocation::here("sleep").arg("60"), 7, "a nap").is_err());
        assert!(background.stop().unwrap().is_some());
        assert!(background.stop().unwrap().is_none());
    }

    #[test]
    fn one_that_died_is_tidied_away() {
        let directory = tempfile::tempdir().unwrap();
        let background = Background::new(directory.path(), "brief");
        let started = background.start(&Invocation::here("sleep").arg("60"), 0, "").unwrap();
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(started.pid).unwrap(),
            rustix::process::Signal::KILL,
        )
        .unwrap();
        let begun = Instant::now();
        while background.running().unwrap().is_some() && begun.elapsed() < GRACE {
            std::thread::yield_now();
        }
        assert!(!directory.path().join("brief.json").exists());
    }
}
