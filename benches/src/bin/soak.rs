//! Runs the agent for long beside containers that come and go, and watches whether it grows.
//!
//! `cargo run --release -p fgm-benches --bin soak -- --minutes 30` keeps `--containers` alive and makes and removes `--churn` more
//! every second, each with a process that lives for a fraction of a second. Once a minute it prints what the agent takes;
//! at the end, memory after the first fifth of the time against memory at the end, and what was lost.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Parser;
use fgm_benches::Containers;
use fgm_benches::running::RunningAgent;

#[derive(Parser)]
#[command(about = "Runs the agent for long beside containers that come and go, and watches whether it grows")]
struct Args {
    /// How long, minutes.
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// Containers that stay.
    #[arg(long, default_value_t = 50)]
    containers: usize,
    /// Containers made and removed every second.
    #[arg(long, default_value_t = 5)]
    churn: usize,
    /// The agent to run.
    #[arg(long)]
    agent: Option<PathBuf>,
    /// More arguments for the agent.
    #[arg(long = "with", allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// What the agent takes at one moment.
#[derive(Clone, Copy, Debug)]
struct Reading {
    rss_mb: f64,
    uncached_mb: f64,
    files: usize,
    threads: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let this = std::env::current_exe()?;
    let agent = args.agent.clone().unwrap_or_else(|| this.with_file_name("fgm-agent"));
    let stay = ["sleep".to_owned(), "1000000".to_owned()];
    let _containers = Containers::make(args.containers, 1, &stay)?;
    let data = tempfile::tempdir()?;
    let arguments: Vec<&str> = args.arguments.iter().map(String::as_str).collect();
    let mut agent = RunningAgent::start(&agent, data.path(), &arguments)?;
    let (begun, length) = (Instant::now(), Duration::from_secs_f64(args.minutes * 60.0));
    let (mut made, mut next_print, mut early) = (0_usize, Duration::ZERO, None);
    println!("minute  containers made  RSS MB  cgroup MB without cache  descriptors  threads");
    while begun.elapsed() < length {
        let second = Instant::now();
        churn(args.containers + made, args.churn)?;
        made += args.churn;
        ensure!(agent.is_alive()?, "the agent ended");
        if begun.elapsed() >= next_print {
            next_print += Duration::from_secs(60);
            let now = reading(&agent)?;
            println!(
                "{:6.1}  {made:15}  {:6.1}  {:23.1}  {:11}  {:7}",
                begun.elapsed().as_secs_f64() / 60.0,
                now.rss_mb,
                now.uncached_mb,
                now.files,
                now.threads
            );
            if early.is_none() && begun.elapsed() >= length / 5 {
                early = Some(now);
            }
        }
        std::thread::sleep(Duration::from_secs(1).saturating_sub(second.elapsed()));
    }
    report(&agent, early, made)
}

/// Makes some containers whose process ends by itself, and removes them.
fn churn(first: usize, count: usize) -> Result<()> {
    let short = ["sleep".to_owned(), "0.3".to_owned()];
    let mut containers = Containers::make(0, 1, &short)?;
    for number in 0..count {
        containers.add(first + number, 1, &short)?;
    }
    std::thread::sleep(Duration::from_millis(400));
    Ok(())
}

fn reading(agent: &RunningAgent) -> Result<Reading> {
    Ok(Reading {
        rss_mb: agent.in_proc_status("VmRSS")? as f64 * 1024.0 / 1e6,
        uncached_mb: agent.cgroup_memory()?.1 as f64 / 1e6,
        files: agent.open_files()?,
        threads: agent.in_proc_status("Threads")?,
    })
}

fn report(agent: &RunningAgent, early: Option<Reading>, made: usize) -> Result<()> {
    let (end, status) = (reading(agent)?, agent.status()?);
    let counters = &status["counters"];
    if let Some(early) = early {
        println!("RSS at the end / after a fifth of the time: {:.2}", end.rss_mb / early.rss_mb);
    }
    println!(
        "{made} containers made and removed; births {}, final deaths {}, deaths without a final row {}, dropped ticks {}, missed ticks {}, rows dropped {}, inotify overflows {}, CPU {:.1} s",
        counters["births_total"],
        counters["final_deaths_total"],
        counters["unfinal_deaths_total"],
        counters["dropped_ticks_total"],
        counters["missed_ticks_total"],
        counters["rows_dropped_total"],
        counters["inotify_overflows_total"],
        agent.cpu_seconds()?,
    );
    println!("read errors {}, store {}", counters["read_errors_total"], status["store"]);
    Ok(())
}
