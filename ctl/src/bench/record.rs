//! What is known of a benchmark: `.fgm/bench/GUID/` with metadata.json, bench.log, results.json and Criterion's own files.
//!
//! The process that measures writes how far it is. One that died cannot: that it ended is seen from its lock, so what is
//! read is always looked at together with [`Background::running`].

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::data::DataDuration;
use super::machine::{Machine, Revision};
use super::results::Results;
use crate::background::Background;
use crate::session::Session;
use crate::whole_file;

/// How long one that is being started counts as such before somebody looks whether it lives.
const START_SECONDS: i64 = 10;
const PERMISSIONS: u32 = 0o644;

/// How far a benchmark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Starting,
    /// Another benchmark runs in this worktree.
    Waiting,
    MakingData,
    Measuring,
    Done,
    Failed,
    /// Its process is gone and has said nothing: it was killed, or the machine went down.
    EndedWithoutResult,
}

impl State {
    pub(crate) fn is_the_end(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::EndedWithoutResult)
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Waiting => "waiting",
            Self::MakingData => "making data",
            Self::Measuring => "measuring",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::EndedWithoutResult => "ended without a result",
        }
    }
}

/// What is measured, on what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// What benchmarks' names contain; none is the full suite.
    pub(crate) filter: Option<String>,
    /// The scenario of the data.
    pub(crate) data: String,
    pub(crate) duration: DataDuration,
    pub(crate) revision: Revision,
    pub(crate) machine: Machine,
}

/// The content of metadata.json.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) guid: String,
    pub(crate) state: State,
    /// RFC 3339, always with three digits of the second, so that texts have the order of times.
    pub(crate) begun: String,
    pub(crate) ended: Option<String>,
    #[serde(flatten)]
    pub(crate) facts: Facts,
    /// The share of the machine's CPU time, 0 to 1, that other programs used while this one measured; none where the
    /// system does not tell.
    pub(crate) others_cpu_share: Option<f64>,
    /// How cargo ended, where it failed.
    pub(crate) exit_code: Option<i32>,
    /// Why it failed.
    pub(crate) reason: Option<String>,
}

impl Metadata {
    fn of(guid: String, facts: Facts) -> Self {
        let (begun, state) = (now(), State::Starting);
        Self { guid, state, begun, ended: None, facts, others_cpu_share: None, exit_code: None, reason: None }
    }

    pub(crate) fn succeed(&mut self) {
        (self.state, self.ended) = (State::Done, Some(now()));
    }

    pub(crate) fn fail(&mut self, exit_code: Option<i32>, reason: String) {
        (self.state, self.ended, self.exit_code, self.reason) = (State::Failed, Some(now()), exit_code, Some(reason));
    }

    /// How it ended or how far it is, in words.
    pub(crate) fn outcome(&self) -> String {
        let short = short(&self.guid);
        match (self.state, &self.reason) {
            (State::Failed, Some(reason)) => format!("benchmark {short} failed: {reason}"),
            (State::EndedWithoutResult, _) => format!("benchmark {short} ended without a result: it was killed"),
            (state, _) => format!("benchmark {short}: {}", state.words()),
        }
    }
}

/// The directory of one benchmark.
#[derive(Debug)]
pub(crate) struct Record {
    guid: String,
    directory: PathBuf,
}

impl Record {
    /// A new one.
    pub(crate) fn create(state: &Path, facts: Facts) -> Result<Self> {
        let record = Self::at(state, uuid::Uuid::new_v4().to_string());
        std::fs::create_dir_all(&record.directory).with_context(|| record.directory.display().to_string())?;
        record.write(&Metadata::of(record.guid.clone(), facts))?;
        Ok(record)
    }

    /// The one that a dry run speaks of.
    pub(crate) fn planned(state: &Path) -> Self {
        Self::at(state, "GUID".to_owned())
    }

    /// All of a worktree.
    pub(crate) fn all(state: &Path) -> Result<Vec<Self>> {
        let directory = directory(state);
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| directory.display().to_string()),
        };
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let records = names.map(|guid| Self::at(state, guid));
        Ok(records.filter(|record| record.file("metadata.json").is_file()).collect())
    }

    /// The one whose guid begins so.
    pub(crate) fn find(state: &Path, prefix: &str) -> Result<Self> {
        let next = "`fgmctl bench list` shows all";
        let mut found = Self::all(state)?;
        found.retain(|record| record.guid.starts_with(prefix));
        match (found.pop(), found.len()) {
            (Some(record), 0) => Ok(record),
            (None, _) => Err(Session::not_there(format!("there is no benchmark {prefix:?} in this worktree: {next}"))),
            (Some(_), others) => {
                let count = others + 1;
                Err(Session::not_there(format!(
                    "the guids of {count} benchmarks begin with {prefix:?}: give more of it; {next}"
                )))
            }
        }
    }

    fn at(state: &Path, guid: String) -> Self {
        Self { directory: directory(state).join(&guid), guid }
    }

    pub(crate) fn guid(&self) -> &str {
        &self.guid
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.file("bench.log")
    }

    /// Where Criterion puts its files.
    pub(crate) fn criterion(&self) -> PathBuf {
        self.file("criterion")
    }

    pub(crate) fn background(&self) -> Background {
        Background::new(&self.directory, "bench")
    }

    /// What was written down last.
    fn written(&self) -> Result<Metadata> {
        let file = self.file("metadata.json");
        let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
        serde_json::from_slice(&bytes)
            .with_context(|| format!("{} cannot be read: move its directory away and try again", file.display()))
    }

    /// What is so now: one whose process is gone has ended, whatever it wrote last.
    pub(crate) fn now(&self) -> Result<Metadata> {
        let metadata = self.written()?;
        if metadata.state.is_the_end() || is_young(&metadata) {
            return Ok(metadata);
        }
        // An error means that its files change at this moment, so somebody lives.
        if !matches!(self.background().running(), Ok(None)) {
            return Ok(metadata);
        }
        // It may have written its end between the two looks.
        let mut metadata = self.written()?;
        if !metadata.state.is_the_end() {
            metadata.state = State::EndedWithoutResult;
        }
        Ok(metadata)
    }

    /// Changes what is written down.
    pub(crate) fn mark(&self, change: impl FnOnce(&mut Metadata)) -> Result<()> {
        let mut metadata = self.written()?;
        change(&mut metadata);
        self.write(&metadata)
    }

    fn write(&self, metadata: &Metadata) -> Result<()> {
        whole_file::write(&self.file("metadata.json"), &serde_json::to_vec_pretty(metadata)?, PERMISSIONS)
    }

    /// What it measured; none where it has not come to that.
    pub(crate) fn results(&self) -> Result<Option<Results>> {
        let file = self.file("results.json");
        match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).with_context(|| file.display().to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| file.display().to_string()),
        }
    }

    pub(crate) fn write_results(&self, results: &Results) -> Result<()> {
        whole_file::write(&self.file("results.json"), &serde_json::to_vec_pretty(results)?, PERMISSIONS)
    }
}

/// Where a worktree's benchmarks are, and the lock of the one that measures.
pub(crate) fn directory(state: &Path) -> PathBuf {
    state.join("bench")
}

/// As much of a guid as people need.
pub(crate) fn short(guid: &str) -> &str {
    guid.get(..8).unwrap_or(guid)
}

/// Its process may not have been started yet. Looking for it now could take the lock that it is about to take.
fn is_young(metadata: &Metadata) -> bool {
    let begun: Option<Timestamp> = metadata.begun.parse().ok();
    let age = begun.map_or(i64::MAX, |begun| Timestamp::now().as_second() - begun.as_second());
    metadata.state == State::Starting && (0..START_SECONDS).contains(&age)
}

fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
