//! Benchmarks in the background: begun, followed, listed, shown and compared.
//!
//! A benchmark is another `fgmctl` (`__bench GUID`) that goes on alone: what the user's command does is write down what is
//! meant and look at the files that it leaves. Two at once would measure each other, so the second one waits (`work`).

mod compare;
pub(crate) mod data;
mod following;
mod machine;
mod record;
mod results;
mod table;
mod work;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::args::{Bench, BenchAbout, BenchStart};
use crate::invocation::Invocation;
use crate::session::Session;

use compare::Comparison;
use record::{Facts, Metadata, Record, State};
use results::Results;

/// A benchmark as it is listed.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    metadata: Metadata,
    /// How many benchmarks it measured, once it has results.
    benchmarks: Option<usize>,
}

/// A benchmark with what it measured.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    metadata: Metadata,
    results: Option<Results>,
}

/// What `bench` answers at once.
#[derive(Serialize)]
struct Begun {
    guid: String,
    state: State,
    directory: std::path::PathBuf,
    log: std::path::PathBuf,
}

pub(crate) async fn command(session: &Session, bench: Bench) -> Result<()> {
    match bench.about {
        None => start(session, &bench.start).await,
        Some(BenchAbout::Wait { guid }) => wait(session, &guid).await,
        Some(BenchAbout::List) => list(session),
        Some(BenchAbout::Show { guid }) => {
            let record = Record::find(&session.worktree.state(), &guid)?;
            show(session, &record)
        }
        Some(BenchAbout::Compare { before, after }) => compare(session, &before, &after),
    }
}

/// The benchmark itself, in the process that `start` cut loose.
pub(crate) async fn run(session: &Session, guid: &str) -> Result<()> {
    work::run(session, &Record::find(&session.worktree.state(), guid)?).await
}

async fn start(session: &Session, asked: &BenchStart) -> Result<()> {
    let facts = Facts {
        filter: asked.filter.clone(),
        data: asked.data.word().to_owned(),
        duration: asked.duration,
        revision: machine::revision(session).await?,
        machine: machine::look(),
    };
    if session.runner.is_dry() {
        for call in work::plan(session, &facts, &Record::planned(&session.worktree.state())) {
            session.runner.plan(&call.line(&[]));
        }
        return Ok(());
    }
    let record = Record::create(&session.worktree.state(), facts)?;
    let program = std::env::current_exe().context("where this program is")?;
    let call = Invocation::here(program).arg("__bench").arg(record.guid()).dir(&session.worktree.top);
    let running = match record.background().start(&call, 0, record.guid()) {
        Ok(running) => running,
        Err(error) => {
            record.mark(|metadata| metadata.fail(None, format!("it could not be started: {error:#}")))?;
            return Err(error);
        }
    };
    let directory = record.directory().to_owned();
    let begun = Begun { guid: record.guid().to_owned(), state: State::Starting, directory, log: running.log };
    session.answer(&begun, |begun| begun.guid.clone())
}

async fn wait(session: &Session, guid: &str) -> Result<()> {
    let record = Record::find(&session.worktree.state(), guid)?;
    let metadata = following::until_the_end(session, &record).await?;
    show(session, &record)?;
    match metadata.state {
        State::Done => Ok(()),
        _ => bail!("{}; its log is {}", metadata.outcome(), record.log().display()),
    }
}

fn list(session: &Session) -> Result<()> {
    let mut listed = Vec::new();
    for record in Record::all(&session.worktree.state())? {
        let benchmarks = record.results()?.map(|results| results.benchmarks.len());
        listed.push(Listed { metadata: record.now()?, benchmarks });
    }
    // Newest first.
    listed.sort_by(|a, b| b.metadata.begun.cmp(&a.metadata.begun));
    session.answer(&listed, |listed| table::of_list(listed))
}

fn show(session: &Session, record: &Record) -> Result<()> {
    let shown = Shown { metadata: record.now()?, results: record.results()? };
    session.answer(&shown, table::of_one)
}

fn compare(session: &Session, before: &str, after: &str) -> Result<()> {
    let state = session.worktree.state();
    let (before, after) = (Record::find(&state, before)?, Record::find(&state, after)?);
    let comparison = Comparison::of((&before.now()?, &with_results(&before)?), (&after.now()?, &with_results(&after)?));
    session.answer(&comparison, table::of_comparison)
}

fn with_results(record: &Record) -> Result<Results> {
    let results = record.results()?.filter(|results| !results.benchmarks.is_empty());
    results.map_or_else(
        || {
            let outcome = record.now()?.outcome();
            let guid = record.guid();
            Err(Session::not_there(format!(
                "there is nothing to compare with: {outcome}; `fgmctl bench show {guid}` tells more"
            )))
        },
        Ok,
    )
}
