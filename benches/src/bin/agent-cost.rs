//! Measures what the whole agent costs: CPU, RSS and its own cgroup's memory while it samples real containers.
//!
//! `cargo run --release -p fgm-benches --bin agent-cost -- --containers 100 --processes 3` makes the containers, starts the
//! release binary beside this one, waits, and prints one line of figures. The containers' processes work a little ten times
//! a second, so that their counters move.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Parser;
use fgm_benches::Containers;
use fgm_benches::running::RunningAgent;

#[derive(Parser)]
#[command(about = "Measures the agent's CPU and memory while it samples real containers")]
struct Args {
    /// Containers to make.
    #[arg(long, default_value_t = 100)]
    containers: usize,
    /// Processes in each.
    #[arg(long, default_value_t = 1)]
    processes: usize,
    /// The agent's --interval.
    #[arg(long, default_value = "1s")]
    interval: String,
    /// How long to measure, seconds; the first seal comes after 90.
    #[arg(long, default_value_t = 200)]
    seconds: u64,
    /// The agent to measure.
    #[arg(long)]
    agent: Option<PathBuf>,
    /// More arguments for the agent.
    #[arg(long = "with", allow_hyphen_values = true)]
    arguments: Vec<String>,
    /// Containers' processes sleep instead of working a little.
    #[arg(long)]
    idle: bool,
    /// Be one of those processes.
    #[arg(long, hide = true)]
    work: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if args.work {
        fgm_benches::work();
    }
    let this = std::env::current_exe()?;
    let agent = args.agent.clone().unwrap_or_else(|| this.with_file_name("fgm-agent"));
    let idle = ["sleep".to_owned(), "100000".to_owned()];
    let busy = [this.display().to_string(), "--work".to_owned()];
    let containers = Containers::make(args.containers, args.processes, if args.idle { &idle } else { &busy })?;
    let data = tempfile::tempdir()?;
    let arguments: Vec<&str> = args.arguments.iter().map(String::as_str).collect();
    let mut agent =
        RunningAgent::start(&agent, data.path(), &[&["--interval", &args.interval], &arguments[..]].concat())?;
    let result = measure(&mut agent, &args);
    drop(containers);
    result
}

fn measure(agent: &mut RunningAgent, args: &Args) -> Result<()> {
    std::thread::sleep(Duration::from_secs(5)); // the start itself: opening every file
    let (begun, cpu_begun) = (Instant::now(), agent.cpu_seconds()?);
    let (mut peak_cgroup, mut peak_uncached) = (0, 0);
    while begun.elapsed() < Duration::from_secs(args.seconds) {
        std::thread::sleep(Duration::from_secs(1));
        ensure!(agent.is_alive()?, "the agent ended");
        let (cgroup, uncached) = agent.cgroup_memory()?;
        peak_cgroup = peak_cgroup.max(cgroup);
        peak_uncached = peak_uncached.max(uncached);
    }
    let wall = begun.elapsed().as_secs_f64();
    let cpu = agent.cpu_seconds()? - cpu_begun;
    let status = agent.status()?;
    let counters = &status["counters"];
    let lateness = &counters["tick_lateness_seconds"];
    println!(
        "containers {} processes {} interval {}: CPU {:.2} % of one core over {wall:.0} s; peak RSS {:.1} MB; peak cgroup memory {:.1} MB, without page cache {:.1} MB; ticks {}, missed {}, shed reads {}, p99 lateness <= {} s",
        args.containers,
        args.containers * args.processes,
        args.interval,
        cpu / wall * 100.0,
        agent.in_proc_status("VmHWM")? as f64 * 1024.0 / 1e6,
        peak_cgroup as f64 / 1e6,
        peak_uncached as f64 / 1e6,
        lateness["count"],
        counters["missed_ticks_total"],
        counters["shed_reads_total"],
        lateness["p99_at_most"],
    );
    Ok(())
}
