//! The command line of `generate-bench-data`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use fgm_agent::human;
use fgm_agent::model::UnixMicros;
use fgm_agent::rfc3339;

use crate::generate::{Like, Request};
use crate::replay::Inject;
use crate::scenario::Scenario;

/// When data start unless asked otherwise: 2 November 2026, a Monday, 00:00 UTC. The same each time, so that the bytes are.
pub const DEFAULT_START: &str = "2026-11-02T00:00:00Z";
/// The seed unless asked otherwise.
pub const DEFAULT_SEED: u64 = 1;
const SHORTEST: Duration = Duration::from_secs(600);
const LONGEST: Duration = Duration::from_secs(31 * 86_400);

/// The scenarios, as they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ScenarioName {
    /// About 20 containers that stay; 2 to 3 pods are replaced a day.
    Realistic,
    /// About 50 at a time, each replaced 5 to 7 times a day.
    Stress,
}

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "generate-bench-data",
    version,
    about = "Makes data sets for benchmarks of fine-grained-monitor",
    after_help = "The same scenario, duration, seed and start give the same bytes. What was planted is in truth.json."
)]
pub struct CommandLine {
    /// Which node to make up.
    #[arg(long, value_enum, required_unless_present = "like", conflicts_with = "like")]
    pub scenario: Option<ScenarioName>,
    /// How much: 1h, 6h, 24h, 2d, 7d, or any other duration from 10m to 31d. With --like: at most, in whole hours.
    #[arg(long, value_parser = duration, required_unless_present = "like")]
    pub duration: Option<Duration>,
    /// Replay a recorded data directory, with other ids and times, instead of making up a node.
    #[arg(long, value_name = "DIR")]
    pub like: Option<PathBuf>,
    /// Add changes, periods and leaks to what is replayed, and list them in truth.json.
    #[arg(long, requires = "like", conflicts_with = "scenario")]
    pub inject: bool,
    /// What everything random comes from.
    #[arg(long, default_value_t = DEFAULT_SEED)]
    pub seed: u64,
    /// The time of the first row, RFC 3339; its fraction of a second is dropped (with --like, what it has beyond the hour).
    #[arg(long, default_value = DEFAULT_START, value_parser = start)]
    pub start: UnixMicros,
    /// Where to put it; a data set that is there is replaced. Default: testdata/bench/SCENARIO in the workspace.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// To make up a node.
    Generate(Request),
    /// To replay a recording.
    Replay(Like),
}

impl CommandLine {
    /// What is asked for, to be done with this many threads.
    #[must_use]
    pub fn task(&self, threads: usize) -> Task {
        let scenario = match self.scenario {
            Some(ScenarioName::Stress) => Scenario::Stress,
            // The command line was refused where neither a scenario nor a recording is given.
            Some(ScenarioName::Realistic) | None => Scenario::Realistic,
        };
        let (start, seed) = (self.start, self.seed);
        match &self.like {
            Some(data) => {
                let inject = if self.inject { Inject::Facts } else { Inject::Nothing };
                Task::Replay(Like { data: data.clone(), inject, start, most: self.duration, seed, threads })
            }
            None => {
                let duration = self.duration.unwrap_or(SHORTEST);
                Task::Generate(Request { scenario, start, duration, seed, threads })
            }
        }
    }

    /// Where it goes.
    #[must_use]
    pub fn out(&self) -> PathBuf {
        let name = match self.task(1) {
            Task::Generate(request) => request.scenario.name(),
            Task::Replay(_) => "like",
        };
        self.out.clone().unwrap_or_else(|| workspace().join("testdata").join("bench").join(name))
    }
}

/// The directory that this crate's own is in.
#[must_use]
pub fn workspace() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = human::parse_duration(text).map_err(|error| error.to_string())?;
    if !(SHORTEST..=LONGEST).contains(&duration) || duration.subsec_nanos() != 0 {
        return Err("it must be whole seconds, from 10m to 31d: 1h, 6h, 24h, 2d or 7d".to_owned());
    }
    Ok(duration)
}

fn start(text: &str) -> Result<UnixMicros, String> {
    const SECOND_USEC: i64 = 1_000_000;
    let wrong = || format!("it must be a time in RFC 3339 since 1970, such as {DEFAULT_START}");
    let time = rfc3339::parse(text).filter(|time| *time >= 0).ok_or_else(wrong)?;
    Ok(time - time % SECOND_USEC)
}
