//! The benchmark itself, in a process of its own: it waits for its turn, makes the data, measures, and collects.
//!
//! cargo and its children stay in this process's group and print into its log. They inherit the lock of whoever measures,
//! so that a measurement that outlives this process still keeps the next one waiting.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::machine::CpuTimes;
use super::record::{Facts, Record, State, directory, short};
use super::{data, results};
use crate::background;
use crate::failure::is_interruption;
use crate::invocation::Invocation;
use crate::lock::Lock;
use crate::runner::tell;
use crate::session::Session;

/// How often one that waits looks whether it is its turn.
const PAUSE: Duration = Duration::from_millis(200);

/// Why a benchmark has no result, or not all of it.
struct Stopped {
    exit_code: Option<i32>,
    reason: String,
    by_signal: bool,
}

impl From<anyhow::Error> for Stopped {
    fn from(error: anyhow::Error) -> Self {
        let by_signal = is_interruption(&error);
        let reason = if by_signal { "it was ended by a signal".to_owned() } else { format!("{error:#}") };
        Self { exit_code: None, reason, by_signal }
    }
}

/// Runs the benchmark of a record, and writes down how it ended.
pub(crate) async fn run(session: &Session, record: &Record) -> Result<()> {
    let facts = record.now()?.facts;
    let outcome = match turn(session, record).await {
        Ok(turn) => {
            let outcome = measure(session, record, &facts).await;
            drop(turn);
            outcome
        }
        Err(error) => Err(error.into()),
    };
    let Err(Stopped { exit_code, reason, by_signal }) = outcome else {
        return record.mark(|metadata| metadata.succeed());
    };
    tell(&format!("error: {reason}"));
    record.mark(|metadata| metadata.fail(exit_code, reason))?;
    if by_signal {
        // The signal may have been for this process alone: cargo and what it runs are to end too. So does this process.
        rustix::process::kill_current_process_group(rustix::process::Signal::TERM)?;
    }
    Ok(())
}

/// What is run, in this order.
pub(crate) fn plan(session: &Session, facts: &Facts, record: &Record) -> Vec<Invocation> {
    let top = &session.worktree.top;
    let place = data::place(top, &facts.data, facts.duration);
    let generation = (!place.is_there).then(|| data::generation(top, &facts.data, facts.duration, &place.path));
    generation.into_iter().chain([measurement(top, facts, &place.path, &record.criterion())]).collect()
}

/// The lock of the one that measures; others wait for it as long as it takes.
async fn turn(session: &Session, record: &Record) -> Result<std::fs::File> {
    let path = directory(&session.worktree.state()).join("lock");
    let mut waits = false;
    loop {
        if let Some(lock) = Lock::try_take(&path)? {
            let mut file = lock.into_file();
            file.set_len(0)?;
            file.write_all(record.guid().as_bytes())?;
            return background::inherited(file);
        }
        if !waits {
            record.mark(|metadata| metadata.state = State::Waiting)?;
            let holder = std::fs::read_to_string(&path).unwrap_or_default();
            tell(&format!("... waiting for benchmark {} to end: two at once would measure each other", short(&holder)));
            waits = true;
        }
        session.runner.interruption().pause(PAUSE).await?;
    }
}

async fn measure(session: &Session, record: &Record, facts: &Facts) -> Result<(), Stopped> {
    let top = &session.worktree.top;
    let place = data::place(top, &facts.data, facts.duration);
    if !place.is_there {
        record.mark(|metadata| metadata.state = State::MakingData)?;
        let call = data::generation(top, &facts.data, facts.duration, &place.path);
        execute(session, &call, "making the data").await?;
    }
    record.mark(|metadata| metadata.state = State::Measuring)?;
    let begun = CpuTimes::now();
    let call = measurement(top, facts, &place.path, &record.criterion());
    let outcome = execute(session, &call, "`cargo bench`").await;
    let others = begun.zip(CpuTimes::now()).and_then(|(begun, ended)| ended.others_since(begun));
    record.mark(|metadata| metadata.others_cpu_share = others)?;
    // Also what a run that failed has measured until then.
    let results = results::collect(&record.criterion())?;
    record.write_results(&results)?;
    outcome?;
    match &facts.filter {
        Some(filter) if results.benchmarks.is_empty() => {
            Err(anyhow::anyhow!("no benchmark's name contains {filter:?}: leave the filter out with --full-suite")
                .into())
        }
        _ => Ok(()),
    }
}

async fn execute(session: &Session, call: &Invocation, what: &str) -> Result<(), Stopped> {
    tell(&format!("$ {}", call.line(&[])));
    let status = session.runner.interruption().or(session.runner.hand_over(call)).await?;
    if status.success() {
        return Ok(());
    }
    Err(Stopped { exit_code: status.code(), reason: format!("{what} failed ({status})"), by_signal: false })
}

/// The call that measures. A target that fails does not keep the others from being measured. No package is named: then all
/// libraries are those that `cargo build` has built, where one package alone would have each compiled anew with fewer features.
fn measurement(top: &Path, facts: &Facts, data: &Path, criterion: &Path) -> Invocation {
    let call = Invocation::here("cargo")
        .args(["bench", "--no-fail-fast"])
        .env("CRITERION_HOME", criterion)
        .env("BENCH_DATA", data)
        .dir(top);
    match &facts.filter {
        Some(filter) => call.args(["--", &pattern(filter)]),
        None => call,
    }
}

/// The regular expression, as Criterion takes one, of names that contain a text.
fn pattern(text: &str) -> String {
    let mut pattern = String::new();
    for letter in text.chars() {
        // A dash in front would make it an option.
        if r"\.+*?()|[]{}^$".contains(letter) || (letter == '-' && pattern.is_empty()) {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_text_and_no_expression() {
        let cases = [("evaluate/rate_with", "evaluate/rate_with"), ("a.b(c)", r"a\.b\(c\)"), ("-x-y", r"\-x-y")];
        for (text, expected) in cases {
            assert_eq!(pattern(text), expected);
        }
    }
}
