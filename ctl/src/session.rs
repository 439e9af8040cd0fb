//! What every command has: the worktree, the mode, how to run programs, and how to answer.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use crate::args::{Format, Global};
use crate::failure::{Code, Failure};
use crate::interruption::Interruption;
use crate::lock::Lock;
use crate::mode::{Mode, Surroundings};
use crate::runner::{Run, Runner, tell};
use crate::worktree::{self, Worktree};

/// One call of `fgmctl` in a worktree.
pub(crate) struct Session {
    pub(crate) worktree: Worktree,
    pub(crate) mode: Mode,
    /// Why it is this mode.
    pub(crate) mode_reason: &'static str,
    pub(crate) runner: Runner,
    format: Format,
}

impl Session {
    pub(crate) async fn begin(global: &Global) -> Result<Self> {
        let (mode, mode_reason) = match global.mode {
            Some(mode) => (mode, "asked for"),
            None => Surroundings::look().decide(),
        };
        let run = if global.dry_run { Run::Dry } else { Run::Really };
        let runner = Runner::new(run, mode.way_in(), Interruption::listen()?);
        let worktree = worktree::claim(&worktree::find(&runner).await?, &runner)?;
        if let Some(namesake) = &worktree.namesake {
            tell(&format!(
                "{} is named alike and came first: this worktree is called {}",
                namesake.display(),
                worktree.name
            ));
        }
        Ok(Self { worktree, mode, mode_reason, runner, format: global.output })
    }

    /// Keeps other commands that change something out of this worktree, until what is given is dropped.
    pub(crate) async fn alone(&self, command: &str) -> Result<Option<Lock>> {
        if self.runner.is_dry() {
            return Ok(None);
        }
        let path = self.worktree.state().join("lock");
        Lock::wait(&path, &format!("fgmctl {command}"), self.runner.interruption()).await.map(Some)
    }

    /// Prints an answer: as JSON where that is asked for, else as a text.
    pub(crate) fn answer<T: Serialize>(&self, answer: &T, text: impl FnOnce(&T) -> String) -> Result<()> {
        let text = match self.format {
            Format::Json => serde_json::to_string_pretty(answer)?,
            Format::Text => text(answer),
        };
        let _ = writeln!(std::io::stdout().lock(), "{}", text.trim_end());
        Ok(())
    }

    /// The failure of a command that is about something which is not there.
    pub(crate) fn not_there(sentence: impl Into<String>) -> anyhow::Error {
        Failure::of(Code::NotThere, sentence)
    }
}
