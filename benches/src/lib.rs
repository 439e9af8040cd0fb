//! What the benchmarks stand on: real cgroups with real processes in them, on whatever hierarchy this machine has.

pub mod cpu_time;
pub mod life;
pub mod running;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cgroups_rs::fs::cgroup_builder::CgroupBuilder;
use cgroups_rs::fs::{Cgroup, hierarchies};

/// Where cgroups are mounted.
pub const CGROUP_ROOT: &str = "/sys/fs/cgroup";

/// Containers' cgroups, shaped as kubepods, with one process in each; removed when dropped.
pub struct Containers {
    groups: Vec<(Cgroup, Option<PathBuf>)>,
    processes: Vec<Child>,
    top: String,
    /// The cgroups' paths below the hierarchies' roots.
    pub paths: Vec<String>,
}

impl Containers {
    /// Makes `count` containers; each runs `command` in `processes` processes.
    ///
    /// # Errors
    /// When this process may not make cgroups, or the command does not start.
    pub fn make(count: usize, processes: usize, command: &[String]) -> Result<Self> {
        ensure!(rustix::process::geteuid().is_root(), "making cgroups needs root: run this as root");
        let top = format!("fgm{}-kubepods", std::process::id());
        let mut made = Self { groups: Vec::new(), processes: Vec::new(), top, paths: Vec::new() };
        for number in 0..count {
            made.add(number, processes, command).with_context(|| format!("container {number}"))?;
        }
        Ok(made)
    }

    /// Makes one more container with this number.
    ///
    /// # Errors
    /// As [`Containers::make`].
    pub fn add(&mut self, number: usize, processes: usize, command: &[String]) -> Result<()> {
        let path = format!("{}/burstable/pod00000000-0000-4000-8000-{number:012x}/{number:064x}", self.top);
        let group = CgroupBuilder::new(&path).build(hierarchies::auto())?;
        let unified_root = PathBuf::from(CGROUP_ROOT).join("unified");
        let unified = unified_root.join("cgroup.controllers").exists().then(|| unified_root.join(&path));
        if let Some(unified) = &unified {
            std::fs::create_dir_all(unified)?;
        }
        let (program, arguments) = command.split_first().context("no command")?;
        for _ in 0..processes {
            let child = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
            group.add_task_by_tgid(u64::from(child.id()).into())?;
            if let Some(unified) = &unified {
                std::fs::write(unified.join("cgroup.procs"), child.id().to_string())?;
            }
            self.processes.push(child);
        }
        self.groups.push((group, unified));
        self.paths.push(format!("/{path}"));
        Ok(())
    }
}

/// A container's process: a little CPU, a little memory, ten times a second, so that its counters move.
pub fn work() -> ! {
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

impl Drop for Containers {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
        for (group, unified) in &self.groups {
            let _ = group.delete();
            if let Some(unified) = unified {
                let _ = std::fs::remove_dir(unified);
            }
        }
        let Ok(mounts) = std::fs::read_dir(CGROUP_ROOT) else { return };
        for root in mounts.flatten().map(|entry| entry.path()).chain([PathBuf::from(CGROUP_ROOT)]) {
            for pod in self.paths.iter().filter_map(|path| PathBuf::from(path).parent().map(PathBuf::from)) {
                let _ = std::fs::remove_dir(root.join(pod.strip_prefix("/").unwrap_or(&pod)));
            }
            let _ = std::fs::remove_dir(root.join(&self.top).join("burstable"));
            let _ = std::fs::remove_dir(root.join(&self.top));
        }
    }
}

/// Copies a directory with all that is in it.
///
/// # Errors
/// What the system says.
pub fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The data set that a variable names; a relative path means the workspace's root.
///
/// # Panics
///
/// There is none: a benchmark without its data measures nothing.
#[must_use]
pub fn data_set(variable: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let named = std::env::var_os(variable).unwrap_or_else(|| "testdata/bench/realistic".into());
    let (path, name) = (root.join(&named), named.to_string_lossy());
    let scenario = if name.contains("stress") { "stress" } else { "realistic" };
    let duration = if name.contains("7d") { "7d" } else { "24h" };
    assert!(
        path.is_dir(),
        "there is no data set at {}: make it with `cargo run --release --bin generate-bench-data -- --scenario {scenario} \
         --duration {duration} --out {name}` in the workspace's root, or name another one in {variable}",
        path.display()
    );
    path
}
