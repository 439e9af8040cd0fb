//! Measures what the whole agent costs: CPU, RSS and its own cgroup's memory while it samples real containers.
//!
//! `cargo run --release -p fgm-benches --bin agent-cost -- --containers 100` makes the containers, starts the release
//! binary beside this one, waits, and prints one line of figures. The containers' processes work a little ten times a
//! second, so that their counters move.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cgroups_rs::fs::cgroup_builder::CgroupBuilder;
use cgroups_rs::fs::hierarchies;
use clap::Parser;
use fgm_benches::Containers;

#[derive(Parser)]
#[command(about = "Measures the agent's CPU and memory while it samples real containers")]
struct Args {
    /// Containers to make.
    #[arg(long, default_value_t = 100)]
    containers: usize,
    /// The agent's --interval.
    #[arg(long, default_value = "1s")]
    interval: String,
    /// How long to measure, seconds; the first seal comes after 90.
    #[arg(long, default_value_t = 200)]
    seconds: u64,
    /// The agent to measure.
    #[arg(long)]
    agent: Option<PathBuf>,
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
        work();
    }
    let this = std::env::current_exe()?;
    let agent = args.agent.clone().unwrap_or_else(|| this.with_file_name("fgm-agent"));
    ensure!(agent.exists(), "no agent at {}: run `cargo build --release` first", agent.display());
    let idle = ["sleep".to_owned(), "100000".to_owned()];
    let busy = [this.display().to_string(), "--work".to_owned()];
    let containers = Containers::make(args.containers, if args.idle { &idle } else { &busy })?;
    let data = tempfile::tempdir()?;
    let mut measured = Measured::start(&agent, &args, data.path())?;
    let result = measured.measure(&args);
    drop(containers);
    result
}

/// A container's process: a little CPU, a little memory, ten times a second.
fn work() -> ! {
    let mut memory: Vec<Vec<u8>> = Vec::new();
    loop {
        std::hint::black_box((0..20_000u64).fold(0, |a, b| a ^ b.wrapping_mul(31)));
        memory.push(vec![1; 8192]);
        if memory.len() > 200 {
            memory.clear();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

struct Measured {
    agent: Child,
    port: u16,
    group: cgroups_rs::fs::Cgroup,
    name: String,
}

impl Measured {
    fn start(agent: &Path, args: &Args, data: &Path) -> Result<Self> {
        let name = format!("fgm-agent-cost-{}", std::process::id());
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let group = CgroupBuilder::new(&name).build(hierarchies::auto())?;
        // The shell joins the cgroup before it becomes the agent, so that every page is charged there.
        let mut shell = Command::new("sh")
            .args(["-c", "read go; exec \"$@\"", "sh"])
            .arg(agent)
            .args(["run", "--listen", &format!("127.0.0.1:{port}"), "--interval", &args.interval, "--data"])
            .arg(data)
            .stdin(Stdio::piped())
            .spawn()?;
        group.add_task_by_tgid(u64::from(shell.id()).into())?;
        shell.stdin.take().context("piped")?.write_all(b"go\n")?;
        Ok(Self { agent: shell, port, group, name })
    }

    fn measure(&mut self, args: &Args) -> Result<()> {
        std::thread::sleep(Duration::from_secs(5)); // the start itself: opening every file
        let (begun, cpu_begun) = (Instant::now(), self.cpu_seconds()?);
        let (mut peak_cgroup, mut peak_uncached) = (0, 0);
        while begun.elapsed() < Duration::from_secs(args.seconds) {
            std::thread::sleep(Duration::from_secs(1));
            ensure!(self.agent.try_wait()?.is_none(), "the agent ended");
            let (cgroup, uncached) = self.cgroup_memory()?;
            peak_cgroup = peak_cgroup.max(cgroup);
            peak_uncached = peak_uncached.max(uncached);
        }
        let wall = begun.elapsed().as_secs_f64();
        let cpu = self.cpu_seconds()? - cpu_begun;
        let status = self.status()?;
        let (lateness, missed) =
            (&status["counters"]["tick_lateness_seconds"], &status["counters"]["missed_ticks_total"]);
        println!(
            "containers {} interval {}: CPU {:.2} % of one core over {wall:.0} s; peak RSS {:.1} MB; peak cgroup memory {:.1} MB, without page cache {:.1} MB; ticks {}, missed {missed}, p99 lateness <= {} s",
            args.containers,
            args.interval,
            cpu / wall * 100.0,
            self.peak_rss_kib()? as f64 * 1024.0 / 1e6,
            peak_cgroup as f64 / 1e6,
            peak_uncached as f64 / 1e6,
            lateness["count"],
            lateness["p99_at_most"],
        );
        Ok(())
    }

    fn status(&self) -> Result<serde_json::Value> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port))?;
        write!(connection, "GET /api/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut reply = String::new();
        connection.read_to_string(&mut reply)?;
        let body = reply.split_once("\r\n\r\n").context("a reply")?.1;
        Ok(serde_json::from_str(body)?)
    }

    fn cpu_seconds(&self) -> Result<f64> {
        let mut text = String::new();
        std::fs::File::open(format!("/proc/{}/stat", self.agent.id()))?.read_to_string(&mut text)?;
        let after_name = text.rsplit_once(')').context("a process name")?.1;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    fn peak_rss_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.agent.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("VmHWM")?;
        Ok(line.split_whitespace().nth(1).context("a number")?.parse()?)
    }

    /// Bytes charged to the agent's cgroup, and those bytes without its page cache.
    fn cgroup_memory(&self) -> Result<(u64, u64)> {
        let root = Path::new(fgm_benches::CGROUP_ROOT);
        let v1 = root.join("memory").join(&self.name);
        let (usage, stat, cache) = if v1.exists() {
            (v1.join("memory.usage_in_bytes"), v1.join("memory.stat"), "total_cache ")
        } else {
            let v2 = root.join(&self.name);
            (v2.join("memory.current"), v2.join("memory.stat"), "file ")
        };
        let usage: u64 = std::fs::read_to_string(usage)?.trim().parse()?;
        let stat = std::fs::read_to_string(stat)?;
        let cached: u64 = stat.lines().find_map(|line| line.strip_prefix(cache)).context("page cache")?.parse()?;
        Ok((usage, usage.saturating_sub(cached)))
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let _ =
            rustix::process::kill_process(rustix::process::Pid::from_child(&self.agent), rustix::process::Signal::TERM);
        let _ = self.agent.wait();
        let _ = self.group.delete();
    }
}
