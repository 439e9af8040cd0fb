//! Makes a data set: what was asked for, where it goes, and what came of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fgm_agent::model::{HOUR_USEC, UnixMicros};
use fgm_agent::store::bulk::{Bulk, BulkError, Recorded, Written};
use fgm_agent::store::data_dir::Session;
use fgm_agent::store::footer::FORMAT_VERSION;
use fgm_agent::store::layout;
use fgm_agent::store::segment::Segment;

use crate::clock::SECOND_USEC;
use crate::names::NODE;
use crate::output::{Output, OutputError};
use crate::produce::{self, Progress};
use crate::recorder::Recorder;
use crate::replay::{Inject, Replay};
use crate::scenario::Scenario;
use crate::truth::{self, Truth};
use crate::world::World;

/// What stands in the files for the agent's version and revision: the bytes must not change with them.
const ORIGIN: &str = "generated";

/// A data set that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which node.
    pub scenario: Scenario,
    /// The first second.
    pub start: UnixMicros,
    /// How long.
    pub duration: Duration,
    /// What everything random comes from.
    pub seed: u64,
    /// Hours that are encoded at once.
    pub threads: usize,
}

/// Why there is no data set.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// There is no place for it.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] BulkError),
    /// A file beside the store can't be written.
    #[error("{} can't be written: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Makes a data set at `out`.
///
/// # Errors
/// See [`GenerateError`].
pub fn generate(request: &Request, out: &Path) -> Result<Vec<Written>, GenerateError> {
    let output = Output::prepare(out)?;
    let bulk = open(output.path(), request.start)?;
    let duration_s = i64::try_from(request.duration.as_secs()).unwrap_or(i64::MAX);
    let world = World::new(request.scenario, request.seed, (request.start, duration_s));
    let mut hours = Hours { world, recorder: Recorder::default(), start: request.start, second: 0, duration_s };
    let progress = Progress::new(hours.count_hours());
    let made = std::iter::from_fn(|| hours.next().map(Ok::<Segment, GenerateError>));
    let written = produce::write(&bulk, made, request.threads, &progress)?;
    finish(output, bulk, &hours.world.truth(duration_s), out)?;
    Ok(in_place(written, out))
}

/// A recording that is to be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Like {
    /// The data directory that was recorded; no agent may write to it meanwhile.
    pub data: PathBuf,
    /// Whether facts are put in.
    pub inject: Inject,
    /// The hour to which its first hour moves.
    pub start: UnixMicros,
    /// At most so much of it, in whole hours.
    pub most: Option<Duration>,
    /// What ids and injected facts come from.
    pub seed: u64,
    /// Hours that are encoded at once.
    pub threads: usize,
}

/// Makes a data set at `out` of a recorded one; gives the files, and how many of the recording were left out because the clock
/// had gone back.
///
/// # Errors
/// See [`GenerateError`].
pub fn replay(like: &Like, out: &Path) -> Result<(Vec<Written>, usize), GenerateError> {
    const HOUR_S: u64 = 3600;
    let recorded = Recorded::list(&like.data)?;
    let output = Output::prepare(out)?;
    let most = like.most.map_or(u64::MAX, |most| most.as_secs().div_ceil(HOUR_S));
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut replay = Replay::new(recorded, (like.start, most), like.seed, like.inject);
    let (start_us, end_us) = replay.span();
    let bulk = open(output.path(), start_us)?;
    let progress = Progress::new(replay.hours() as u64);
    let made = std::iter::from_fn(|| replay.next_hour().map(|made| made.map_err(GenerateError::from)));
    let written = produce::write(&bulk, made, like.threads, &progress)?;
    let left_out = replay.left_out;
    let (scenario, node) = ("like".to_owned(), NODE.to_owned());
    let mut facts = replay.facts();
    facts.sort_by_key(|fact| fact.from_us);
    let truth = Truth { format: truth::FORMAT, scenario, seed: like.seed, node, start_us, end_us, facts };
    finish(output, bulk, &truth, out)?;
    Ok((in_place(written, out), left_out))
}

/// A store for what no agent has sampled.
fn open(path: &Path, start: UnixMicros) -> Result<Bulk, BulkError> {
    let session = Session {
        run_id: layout::run_id(start, 1),
        node: NODE.to_owned(),
        started_us: start,
        agent_version: ORIGIN.to_owned(),
        git_revision: ORIGIN.to_owned(),
        format_version: FORMAT_VERSION,
        config: serde_json::Value::Null,
    };
    Bulk::create(path, &session, Duration::from_secs(1))
}

fn finish(output: Output, bulk: Bulk, truth: &Truth, out: &Path) -> Result<(), GenerateError> {
    bulk.close()?;
    let path = output.path().join(truth::FILE);
    let written = serde_json::to_string_pretty(truth).map_err(std::io::Error::other);
    let written = written.and_then(|text| std::fs::write(&path, text + "\n"));
    written.map_err(|source| GenerateError::Io { path: out.join(truth::FILE), source })?;
    Ok(output.finish()?)
}

/// The files' paths once the directory has its name.
fn in_place(written: Vec<Written>, out: &Path) -> Vec<Written> {
    // TABLE/dt=DATE/node=NODE/FILE
    const LEVELS: usize = 4;
    let moved = |file: Written| {
        let parts: Vec<_> = file.path.iter().collect();
        let below: PathBuf = parts[parts.len().saturating_sub(LEVELS)..].iter().collect();
        Written { path: out.join(below), ..file }
    };
    written.into_iter().map(moved).collect()
}

/// A world, hour by hour.
struct Hours {
    world: World,
    recorder: Recorder,
    start: UnixMicros,
    second: i64,
    duration_s: i64,
}

impl Hours {
    fn hour(&self, second: i64) -> i64 {
        (self.start + second * SECOND_USEC).div_euclid(HOUR_USEC)
    }

    fn count_hours(&self) -> u64 {
        u64::try_from(self.hour(self.duration_s - 1) - self.hour(0) + 1).unwrap_or_default()
    }

    fn next(&mut self) -> Option<Segment> {
        let hour = self.hour(self.second);
        let first = self.second;
        while self.second < self.duration_s && self.hour(self.second) == hour {
            self.world.second(self.second, &mut self.recorder);
            self.second += 1;
        }
        (self.second > first).then(|| self.recorder.end_hour())
    }
}
