//! The developer's tool: a Kind cluster, an image, port-forwards, viewers and benchmarks for each git worktree.
//!
//! It knows no agent code: it drives other programs, and speaks Kubernetes and HTTP.

mod advice;
mod args;
mod background;
mod bench;
mod cluster;
mod failure;
mod http;
mod interruption;
mod invocation;
mod kubeconfig;
mod local;
mod lock;
mod mode;
mod name;
mod revision;
mod runner;
mod session;
mod status;
mod whole_file;
mod worktree;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use args::{Command, CommandLine};
use session::Session;

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let outcome =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from).and_then(
            |runtime| {
                let outcome = runtime.block_on(run(line));
                // A read of standard input does not end before somebody writes there.
                runtime.shutdown_background();
                outcome
            },
        );
    outcome.unwrap_or_else(|error| {
        runner::tell(&format!("error: {error:#}"));
        failure::code_of(&error).into()
    })
}

async fn run(line: CommandLine) -> Result<ExitCode> {
    let global = &line.global;
    match line.command {
        Command::Completions { shell } => args::write_completions(shell),
        Command::Forward(forward) => cluster::forward::serve(&forward).await?,
        Command::BenchRun { guid } => bench::run(&Session::begin(global).await?, &guid).await?,
        Command::Status => status::show(global).await?,
        Command::Local(local) => local::run(&Session::begin(global).await?, local).await?,
        Command::Cluster(cluster) => return cluster::run(&Session::begin(global).await?, cluster).await,
        Command::Bench(bench) => bench::command(&Session::begin(global).await?, bench).await?,
    }
    Ok(ExitCode::SUCCESS)
}
