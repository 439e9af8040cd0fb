//! The real program, started, asked and stopped from outside.
//!
//! An [`Agent`] is a running `fgm-agent` whose log is read as it comes, so that tests wait for what it says and never for
//! time to pass. `fake_cgroups` has cgroup trees of plain files; `recording` reads what was recorded.

#![allow(dead_code, missing_docs, reason = "each test program uses a part of the rig")]

#[path = "../http/client.rs"]
pub(crate) mod client;
pub(crate) mod fake_api;
pub(crate) mod fake_cgroups;
pub(crate) mod recording;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use client::Answer;
use rustix::process::{Pid, Signal, kill_process};

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const PROGRAM: &str = env!("CARGO_BIN_EXE_fgm-agent");

/// A user without any rights.
pub(crate) const NOBODY: u32 = 65_534;

/// Whether tests that give up root's rights can run here; says why not. In CI they must.
pub(crate) fn is_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        assert!(std::env::var_os("CI").is_none(), "{test}: CI must run as root");
        eprintln!("skipped: {test}: needs root, to run the agent as another user");
    }
    root
}

/// A directory that every user may enter.
pub(crate) fn open_directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).expect("permissions");
    directory
}

/// Asks until an answer satisfies, at most [`PATIENCE`] long.
pub(crate) fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, ask)
}

/// Asks until an answer satisfies, for as long as work takes that waits for a slow disk many times.
pub(crate) fn within<T>(patience: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A command line of the agent.
pub(crate) struct Line {
    command: Command,
    // Kept until the agent has been started from it.
    copy: Option<tempfile::TempDir>,
}

impl Line {
    /// No arguments, and no variable that the agent would read.
    pub(crate) fn bare() -> Self {
        Self { command: clean(Command::new(PROGRAM)), copy: None }
    }

    /// Records a tree into a directory, listening on a port that the kernel chooses.
    pub(crate) fn recording(root: &Path, data: &Path) -> Self {
        let line = Self::bare().args(["--listen", "127.0.0.1:0", "--node-name", "node-1"]);
        line.args([OsStr::new("--cgroup-root"), root.as_os_str(), OsStr::new("--data"), data.as_os_str()])
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// As a user who may do nothing; the program is copied to where that user may run it.
    pub(crate) fn run_by_nobody(mut self) -> Self {
        let copy = open_directory();
        let program = copy.path().join("fgm-agent");
        copy_program(Path::new(PROGRAM), &program);
        let mut command = Command::new(program);
        command.args(self.command.get_args()).uid(NOBODY).gid(NOBODY);
        self.command = with_variables_of(&self.command, command);
        self.copy = Some(copy);
        self
    }

    /// With so many open files at most, hard.
    pub(crate) fn open_files(mut self, most: u32) -> Self {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("ulimit -n {most} && exec \"$0\" \"$@\""));
        command.arg(self.command.get_program()).args(self.command.get_args());
        self.command = with_variables_of(&self.command, command);
        self
    }

    pub(crate) fn start(self) -> Agent {
        Agent::start(self)
    }

    /// Runs to the end; for command lines that end by themselves.
    pub(crate) fn output(mut self) -> (Option<i32>, String, String) {
        let output = self.command.stdin(Stdio::null()).output().expect("run the agent");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// The one sentence with which the agent refuses to start, with exit code 2.
    pub(crate) fn refusal(self) -> String {
        let (code, _, stderr) = self.output();
        assert_eq!(code, Some(2), "{stderr}");
        let errors: Vec<&str> = stderr.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
        assert_eq!(errors.len(), 1, "one sentence: {stderr}");
        errors[0].to_owned()
    }
}

fn clean(mut command: Command) -> Command {
    let read = |name: &str| name.starts_with("FGM_") || name == "NODE_NAME" || name == "XDG_STATE_HOME";
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(read)) {
        command.env_remove(name);
    }
    command
}

fn with_variables_of(from: &Command, to: Command) -> Command {
    let mut to = clean(to);
    to.envs(from.get_envs().filter_map(|(name, value)| Some((name, value?))));
    to
}

/// A running agent, killed when dropped.
pub(crate) struct Agent {
    child: Child,
    log: Mutex<Log>,
    // The copied program, if any.
    _copy: Option<tempfile::TempDir>,
}

struct Log {
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Agent {
    fn start(Line { mut command, copy }: Line) -> Self {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("start the agent");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, log: Mutex::new(Log { lines, seen: Vec::new() }), _copy: copy }
    }

    /// Waits for a line of the log that contains this.
    pub(crate) fn says(&self, what: &str) -> String {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = log.seen.iter().find(|line| line.contains(what)) {
                return line.clone();
            }
            match log.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => log.seen.push(line),
                Err(_) => panic!("the agent does not say {what:?}: {:#?}", log.seen),
            }
        }
    }

    /// Where a listener is: `API and metrics` or `metrics alone`.
    pub(crate) fn listener(&self, which: &str) -> SocketAddr {
        let line = self.says(&format!("{which} on http://"));
        let address = line.rsplit_once("http://").expect("an address").1.trim_end_matches('/');
        address.parse().expect("an address and a port")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener("API and metrics")
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        client::get(self.address(), target)
    }

    /// Waits until it is ready.
    pub(crate) fn ready(self) -> Self {
        eventually("readiness", || (self.get("/readyz").status == 200).then_some(()));
        self
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn status(&self) -> serde_json::Value {
        let answer = self.get("/api/status");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// A counter or gauge of the agent itself, as in `/api/status`.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.status()["counters"][name].as_u64().unwrap_or_else(|| panic!("no counter {name}"))
    }

    /// Waits until a counter is at least this.
    pub(crate) fn until_counter(&self, name: &str, least: u64) {
        eventually(name, || (self.counter(name) >= least).then_some(()));
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("send a signal");
    }

    /// Kills it as the kernel's OOM killer does.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("reap");
    }

    /// Waits for its end: its exit status and its whole log.
    pub(crate) fn wait(mut self) -> (ExitStatus, Vec<String>) {
        let status = eventually("the agent's end", || self.child.try_wait().expect("wait"));
        let log = self.log.get_mut().unwrap_or_else(PoisonError::into_inner);
        // The sender goes when standard error is closed.
        log.seen.extend(log.lines.iter());
        (status, std::mem::take(&mut log.seen))
    }

    /// SIGTERM, a good end, and the log.
    pub(crate) fn stop(self) -> Vec<String> {
        self.signal(Signal::TERM);
        let (status, log) = self.wait();
        assert_eq!(status.code(), Some(0), "{log:#?}");
        log
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The number after `NAME=` in the line of the log that says what was sealed in all.
pub(crate) fn sealed(log: &[String], name: &str) -> u64 {
    let line = log.iter().rfind(|line| line.contains(" sealed ")).unwrap_or_else(|| panic!("no summary: {log:#?}"));
    let number = line.split([' ', '=']).skip_while(|word| *word != name).nth(1);
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {name}: {line}"))
}

/// The test program itself, copied to where every user may run it.
pub(crate) fn own_program_for_everybody() -> (tempfile::TempDir, PathBuf) {
    let directory = open_directory();
    let program = directory.path().join("test");
    copy_program(&std::env::current_exe().expect("own path"), &program);
    (directory, program)
}

/// By another process: a child that another test starts meanwhile would have the copy open for writing, and it could not be started.
fn copy_program(from: &Path, to: &Path) {
    let status = Command::new("cp").args([from, to]).status().expect("cp");
    assert!(status.success(), "copy {}", from.display());
}
