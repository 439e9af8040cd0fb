//! A running agent in a cgroup of its own, and what it takes: CPU, memory, descriptors, threads.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cgroups_rs::fs::cgroup_builder::CgroupBuilder;
use cgroups_rs::fs::hierarchies;

/// An agent that runs until this is dropped.
pub struct RunningAgent {
    agent: Child,
    port: u16,
    group: cgroups_rs::fs::Cgroup,
    name: String,
}

impl RunningAgent {
    /// Starts the agent with these arguments after `run --listen .. --data ..`.
    ///
    /// # Errors
    /// When this process may not make cgroups, or the agent does not start.
    pub fn start(agent: &Path, data: &Path, arguments: &[&str]) -> Result<Self> {
        ensure!(agent.exists(), "no agent at {}: run `cargo build --release` first", agent.display());
        let name = format!("fgm-agent-cost-{}", std::process::id());
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let group = CgroupBuilder::new(&name).build(hierarchies::auto())?;
        // The shell joins the cgroup before it becomes the agent, so that every page is charged there.
        let mut shell = Command::new("sh")
            .args(["-c", "read go; exec \"$@\"", "sh"])
            .arg(agent)
            .args(["run", "--listen", &format!("127.0.0.1:{port}")])
            .args(arguments)
            .arg("--data")
            .arg(data)
            .stdin(Stdio::piped())
            .spawn()?;
        group.add_task_by_tgid(u64::from(shell.id()).into())?;
        shell.stdin.take().context("piped")?.write_all(b"go\n")?;
        Ok(Self { agent: shell, port, group, name })
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn is_alive(&mut self) -> Result<bool> {
        Ok(self.agent.try_wait()?.is_none())
    }

    /// `/api/status`.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn status(&self) -> Result<serde_json::Value> {
        let reply = get(self.port, "/api/status")?;
        let text = String::from_utf8(reply)?;
        let body = text.split_once("\r\n\r\n").context("a reply")?.1;
        Ok(serde_json::from_str(body)?)
    }

    /// The port that it listens on, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// CPU time used, user and system, seconds.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let mut text = String::new();
        std::fs::File::open(format!("/proc/{}/stat", self.agent.id()))?.read_to_string(&mut text)?;
        let after_name = text.rsplit_once(')').context("a process name")?.1;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// A number of `/proc/PID/status`: `VmHWM` and `VmRSS` in KiB, `Threads`.
    ///
    /// # Errors
    /// When it has ended.
    pub fn in_proc_status(&self, key: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.agent.id()))?;
        let line = status.lines().find(|line| line.split(':').next() == Some(key)).context("a key of status")?;
        Ok(line.split_whitespace().nth(1).context("a number")?.parse()?)
    }

    /// Open descriptors.
    ///
    /// # Errors
    /// When it has ended.
    pub fn open_files(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.agent.id()))?.count())
    }

    /// Bytes charged to the agent's cgroup, and those bytes without its page cache.
    ///
    /// # Errors
    /// When the cgroup cannot be read.
    pub fn cgroup_memory(&self) -> Result<(u64, u64)> {
        let root = Path::new(crate::CGROUP_ROOT);
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

/// What a server on 127.0.0.1 answers, head and body as they came. The connection is new and ends with the answer.
///
/// # Errors
/// It does not answer to the end within 30 s of silence.
pub fn get(port: u16, path: &str) -> Result<Vec<u8>> {
    let mut connection = TcpStream::connect(("127.0.0.1", port))?;
    connection.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(connection, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut reply = Vec::new();
    connection.read_to_end(&mut reply)?;
    Ok(reply)
}

impl Drop for RunningAgent {
    fn drop(&mut self) {
        let _ =
            rustix::process::kill_process(rustix::process::Pid::from_child(&self.agent), rustix::process::Signal::TERM);
        let _ = self.agent.wait();
        let _ = self.group.delete();
    }
}
