//! Real cgroups and real processes for tests, on whatever hierarchy this machine has.
//!
//! A [`Bed`] is one container's cgroup, made by cgroups-rs in every v1 controller or in v2 (on hybrid machines in the
//! unified tree too, as container runtimes do) and removed again when dropped. Its processes are this test binary itself,
//! run again as a [`work`]er.

#![allow(dead_code, missing_docs, reason = "each test program uses a part of the bed")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use cgroups_rs::fs::cgroup_builder::CgroupBuilder;
use cgroups_rs::fs::cpu::CpuController;
use cgroups_rs::fs::memory::MemController;
use cgroups_rs::fs::{Cgroup, hierarchies};

pub const CGROUP_ROOT: &str = "/sys/fs/cgroup";
/// How long a container's directories stay after its last process: see [`Bed::remove_as_a_runtime`].
pub const CLEANING_UP: Duration = Duration::from_secs(1);

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Whether this is CI, where nothing may be skipped.
pub fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// Whether tests that make cgroups can run here; says why not. In CI they must.
pub fn can_make_cgroups(test: &str) -> bool {
    let writable = rustix::process::geteuid().is_root();
    if !writable {
        assert!(!in_ci(), "{test}: CI must run as root, to make cgroups");
        eprintln!("skipped: {test}: making cgroups needs root");
    }
    writable
}

/// Runs this test program on a machine with pure cgroup v2 (User-Mode Linux, see the contributing notes).
pub fn run_on_cgroup_v2(arguments: &[&str]) {
    if Path::new(CGROUP_ROOT).join("cgroup.controllers").exists() {
        return; // this is that machine, or one like it
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let runner = root.join("../shared/v2/v2run");
    if !runner.exists() {
        assert!(!in_ci(), "CI must have the machine with cgroup v2");
        eprintln!("skipped: on_cgroup_v2: no machine with cgroup v2 at ../shared/v2/v2run");
        return;
    }
    // It has a /tmp of its own, and sees the current directory: a checkout in /tmp with its target directory is there so.
    let status = Command::new(runner.canonicalize().expect("a path"))
        .current_dir(root)
        .args(["--timeout", "600", "--"])
        .arg(std::env::current_exe().expect("own path"))
        .args(arguments)
        .status()
        .expect("start the machine");
    assert!(status.success(), "on cgroup v2: {status}");
}

pub struct Bed {
    cgroup: Option<Cgroup>,
    unified: Option<PathBuf>,
    /// Directories above it that were made with it.
    parents: usize,
    pub path: String,
    pub container_id: String,
    pub pod_uid: String,
}

impl Bed {
    /// A container of a burstable pod under the cgroupfs driver.
    pub fn new() -> Self {
        let number = u64::from(std::process::id()) << 20 | u64::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let top = format!("fgm{number}-kubepods");
        let pod_uid = format!("00000000-0000-4000-8000-{number:012x}");
        Self::at(3, &format!("{top}/burstable/pod{pod_uid}"), number, pod_uid)
    }

    /// A cgroup that is no container, such as a service's.
    pub fn service() -> Self {
        let number = u64::from(std::process::id()) << 20 | u64::from(NEXT.fetch_add(1, Ordering::Relaxed));
        // Not 64 hexadecimal digits, which alone would make it a container.
        let mut bed = Self::named(1, "fgmtest.slice", format!("s{number}.service"), String::new());
        bed.container_id.clone_from(&bed.path);
        bed
    }

    /// A cgroup below this one that is no container.
    pub fn service_below(&self) -> Self {
        let number = u64::from(std::process::id()) << 20 | u64::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let mut bed = Self::named(0, self.path.trim_start_matches('/'), format!("s{number}.service"), String::new());
        bed.container_id.clone_from(&bed.path);
        bed
    }

    /// A container nested in this one's cgroup, as docker in docker makes it.
    pub fn nested(&self) -> Self {
        let number = u64::from(std::process::id()) << 20 | u64::from(NEXT.fetch_add(1, Ordering::Relaxed));
        Self::at(1, &format!("{}/docker", self.path.trim_start_matches('/')), number, String::new())
    }

    fn at(parents: usize, above: &str, number: u64, pod_uid: String) -> Self {
        Self::named(parents, above, format!("{number:064x}"), pod_uid)
    }

    fn named(parents: usize, above: &str, container_id: String, pod_uid: String) -> Self {
        let path = format!("{above}/{container_id}");
        let unified_root = Path::new(CGROUP_ROOT).join("unified");
        let unified = unified_root.join("cgroup.controllers").exists().then(|| unified_root.join(&path));
        let path = format!("/{path}");
        let mut bed = Self { cgroup: None, unified, parents, path, container_id, pod_uid };
        bed.make();
        bed
    }

    /// Makes the container's directories, in the unified tree last.
    pub fn make(&mut self) {
        self.make_controllers();
        self.make_unified();
    }

    pub fn make_controllers(&mut self) {
        let path = self.path.trim_start_matches('/');
        self.cgroup = Some(CgroupBuilder::new(path).build(hierarchies::auto()).expect("make a cgroup"));
    }

    pub fn make_unified(&self) {
        if let Some(unified) = &self.unified {
            std::fs::create_dir_all(unified).expect("make a unified cgroup");
        }
    }

    pub fn is_hybrid(&self) -> bool {
        self.unified.is_some()
    }

    /// The unified directory of a hybrid machine.
    pub fn unified(&self) -> Option<&Path> {
        self.unified.as_deref()
    }

    fn cgroup(&self) -> &Cgroup {
        self.cgroup.as_ref().expect("not removed")
    }

    pub fn limit_cpu(&self, quota_usec: i64, period_usec: u64) {
        let cpu: &CpuController = self.cgroup().controller_of().expect("a cpu controller");
        cpu.set_cfs_quota_and_period(Some(quota_usec), Some(period_usec)).expect("set a quota");
    }

    pub fn limit_memory(&self, bytes: i64) {
        let memory: &MemController = self.cgroup().controller_of().expect("a memory controller");
        memory.set_limit(bytes).expect("set a memory limit");
    }

    /// Moves a process in, everywhere.
    pub fn join(&self, pid: u32) {
        self.cgroup().add_task_by_tgid(u64::from(pid).into()).expect("join");
        if let Some(unified) = &self.unified {
            std::fs::write(unified.join("cgroup.procs"), pid.to_string()).expect("join the unified cgroup");
        }
    }

    /// Starts a worker, moves it in, and lets it begin.
    pub fn start(&self, work: &str) -> Worker {
        let mut worker = Worker::spawn(work);
        self.join(worker.child.id());
        worker.begin();
        worker
    }

    /// Removes the container's own directories as a runtime does: it reaps the first process, then starts a program of
    /// its own that cleans up. That takes it tens of milliseconds; here it takes longer, for a busy machine may keep the
    /// sampler from running meanwhile.
    pub fn remove_as_a_runtime(&mut self) {
        std::thread::sleep(CLEANING_UP);
        self.remove();
    }

    /// Removes the container's own directories at once.
    pub fn remove(&mut self) {
        if self.cgroup.is_some() {
            self.remove_controllers();
            self.remove_unified();
        }
    }

    pub fn remove_unified(&self) {
        if let Some(unified) = &self.unified {
            std::fs::remove_dir(unified).expect("remove the unified cgroup");
        }
    }

    pub fn remove_controllers(&mut self) {
        if let Some(cgroup) = self.cgroup.take() {
            let deadline = Instant::now() + Duration::from_secs(5);
            while let Err(error) = cgroup.delete() {
                assert!(Instant::now() < deadline, "cannot remove {}: {error}", self.path);
                std::thread::yield_now();
            }
        }
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A second panic would hide the first: what can be removed is.
            self.cgroup.take().map(|cgroup| cgroup.delete());
            self.unified.as_ref().map(std::fs::remove_dir);
        } else {
            self.remove();
        }
        for root in mounted_roots() {
            for above in Path::new(&self.path).ancestors().skip(1).take(self.parents) {
                // Others may have cgroups below the same directories still.
                let _ = std::fs::remove_dir(root.join(above.strip_prefix("/").expect("absolute")));
            }
        }
    }
}

fn mounted_roots() -> Vec<PathBuf> {
    let root = PathBuf::from(CGROUP_ROOT);
    let below = std::fs::read_dir(&root).expect("list cgroup mounts").flatten().map(|entry| entry.path());
    below.filter(|path| path.is_dir()).chain([root.clone()]).collect()
}

/// A process in a container: this test program, run again as its test `worker`.
pub struct Worker {
    pub child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Worker {
    fn spawn(work: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("own path"))
            .args(["--exact", "worker", "--ignored", "--nocapture", "--test-threads=1"])
            .env("FGM_TEST_WORK", work)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start a worker");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut worker = Self { child, output };
        worker.expect_line("ready");
        worker
    }

    fn begin(&mut self) {
        let stdin = self.child.stdin.as_mut().expect("piped");
        stdin.write_all(b"go\n").expect("tell the worker to begin");
    }

    /// Tells a worker that waits to go on.
    pub fn go_on(&mut self) {
        self.begin();
    }

    /// The rest of a line that begins with a word.
    pub fn expect_line(&mut self, word: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let length = self.output.read_line(&mut line).expect("read from the worker");
            assert!(length > 0, "the worker ended before it said {word:?}");
            // The test harness writes "test worker ... " before the first word.
            if let Some(at) = line.find(&format!("@{word}")) {
                return line[at + word.len() + 1..].trim().to_owned();
            }
        }
    }

    /// Waits for the worker's end and returns the CPU time that it used since it had joined, microseconds.
    pub fn finish(mut self) -> i64 {
        let usec = self.expect_line("used").parse().expect("a number");
        self.child.wait().expect("reap");
        usec
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("reap");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The body of a worker: `burn MILLIS` of CPU time, `hold BYTES` (until told to go on), `fork`; several with `,` between.
pub fn work() {
    let Ok(work) = std::env::var("FGM_TEST_WORK") else { return };
    let mut lines = std::io::stdin().lines();
    say("ready");
    lines.next();
    let joined = used_usec();
    for step in work.split(',') {
        let (verb, amount) = step.split_once(' ').unwrap_or((step, "0"));
        let amount: u64 = amount.parse().expect("a number");
        match verb {
            "burn" => burn(Duration::from_millis(amount)),
            "hold" => hold(usize::try_from(amount).expect("fits"), &mut lines),
            "wait" => drop(lines.next()),
            other => panic!("unknown work {other}"),
        }
    }
    say(&format!("used {}", used_usec() - joined));
    // Nothing more than leaving: what a harness does after this would be used after it was said.
    std::process::exit(0);
}

fn say(words: &str) {
    println!("@{words}");
    std::io::stdout().flush().expect("flush");
}

/// Uses so much CPU time, however busy the machine is.
fn burn(time: Duration) {
    let end = used_usec() + i64::try_from(time.as_micros()).expect("fits");
    while used_usec() < end {
        std::hint::black_box((0..1000u64).sum::<u64>());
    }
}

fn hold(bytes: usize, lines: &mut impl Iterator) {
    let mut memory = vec![0u8; bytes];
    memory.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
    std::hint::black_box(&memory);
    say("holding");
    lines.next();
}

/// CPU time of this whole process, microseconds: the sum that getrusage splits into user and system time.
fn used_usec() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec * 1_000_000 + time.tv_nsec / 1000
}
