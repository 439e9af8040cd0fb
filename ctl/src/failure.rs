//! How a command ends: the sentence that is printed, and the code with which the program exits.

use std::process::ExitCode;

use thiserror::Error;

/// Exit codes, as in `docs/fgmctl.md`. 0 is success, and 2 a command line that makes no sense, which clap says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Something failed.
    Failed = 1,
    /// Something this needs is missing: a program, the docker daemon, a git worktree, a free port.
    Missing = 3,
    /// What the command is about is not there, or does not run.
    NotThere = 4,
    /// Ctrl-C, or SIGTERM.
    Interrupted = 130,
}

/// A failure whose exit code is not 1. Everything else is an [`anyhow::Error`] of its own.
#[derive(Debug, Error)]
#[error("{sentence}")]
pub(crate) struct Failure {
    code: Code,
    sentence: String,
}

impl Failure {
    /// What failed and what to do next, in a sentence.
    pub(crate) fn of(code: Code, sentence: impl Into<String>) -> anyhow::Error {
        Self { code, sentence: sentence.into() }.into()
    }

    /// The user asked to stop.
    pub(crate) fn interrupted() -> anyhow::Error {
        Self::of(Code::Interrupted, "interrupted")
    }
}

/// The code of an error, whatever was added to it on its way.
pub(crate) fn code_of(error: &anyhow::Error) -> Code {
    error.downcast_ref::<Failure>().map_or(Code::Failed, |failure| failure.code)
}

/// Whether the user asked to stop.
pub(crate) fn is_interruption(error: &anyhow::Error) -> bool {
    code_of(error) == Code::Interrupted
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn the_code_survives_what_is_added_on_the_way() {
        let error = Err::<(), _>(Failure::of(Code::Missing, "no docker")).context("making a cluster").unwrap_err();
        assert_eq!(code_of(&error), Code::Missing);
        assert_eq!(format!("{error:#}"), "making a cluster: no docker");
        assert_eq!(code_of(&anyhow::anyhow!("odd")), Code::Failed);
        assert!(is_interruption(&Failure::interrupted()));
    }
}
