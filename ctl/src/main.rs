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

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(CommandLine::parse()).await {
        Ok(code) => code,
        Err(error) => {
            runner::tell(&format!("error: {error:#}"));
            failure::code_of(&error).into()
        }
    }
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
