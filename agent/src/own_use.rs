//! What the agent itself costs: its CPU time, memory and open files, as the kernel accounts for them.
//!
//! Read when asked for, below given roots; the parsers are procfs-core's. The surprise: inside a cgroup namespace
//! `/proc/self/cgroup` says `/`, which is the agent's own cgroup only where the mount belongs to that namespace too. On
//! v2 the machine's root has no `memory.current`, so finding one proves it; on v1 the root's file counts the whole
//! machine, so it is not taken.

use std::io;
use std::path::{Path, PathBuf};

use procfs_core::process::{Stat, StatM};
use procfs_core::{FromRead, ProcessCGroups};
use schemars::JsonSchema;
use serde::Serialize;

/// The agent's own use of the machine; what cannot be known is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct OwnUse {
    /// CPU time used since the start, user and system.
    pub cpu_seconds: Option<f64>,
    /// Resident memory.
    pub resident_bytes: Option<u64>,
    /// Memory charged to the agent's cgroup.
    pub cgroup_memory_bytes: Option<u64>,
    /// The same without page cache, which the kernel drops when it needs the memory.
    pub cgroup_memory_without_cache_bytes: Option<u64>,
    /// Open file descriptors.
    pub open_fds: Option<u64>,
}

/// Reads [`OwnUse`]; the machine's facts are given.
#[derive(Clone, Debug)]
pub struct OwnUseReader {
    proc_self: PathBuf,
    cgroup_roots: Vec<PathBuf>,
    ticks_per_second: u64,
    page_size: u64,
}

impl OwnUseReader {
    /// A reader below these mount points, with this machine's page size and tick rate. A second cgroup root serves pods:
    /// there the given one is the host's, and the agent's own mount lies at its usual place.
    #[must_use]
    pub fn new(proc_root: &Path, cgroup_roots: &[&Path]) -> Self {
        Self {
            proc_self: proc_root.join("self"),
            cgroup_roots: cgroup_roots.iter().map(|&root| root.to_owned()).collect(),
            ticks_per_second: rustix::param::clock_ticks_per_second().max(1),
            page_size: u64::try_from(rustix::param::page_size()).unwrap_or(4096),
        }
    }

    /// The agent's use now.
    #[must_use]
    pub fn read(&self) -> OwnUse {
        let memory = self.cgroup_memory();
        OwnUse {
            cpu_seconds: self.cpu_seconds(),
            resident_bytes: StatM::from_file(self.proc_self.join("statm")).ok().map(|m| m.resident * self.page_size),
            cgroup_memory_bytes: memory.map(|memory| memory.charged),
            cgroup_memory_without_cache_bytes: memory
                .and_then(|memory| memory.cache.map(|cache| memory.charged.saturating_sub(cache))),
            open_fds: count_entries(&self.proc_self.join("fd")).ok(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "2^53 ticks are millions of years")]
    fn cpu_seconds(&self) -> Option<f64> {
        let stat = Stat::from_file(self.proc_self.join("stat")).ok()?;
        Some(stat.utime.saturating_add(stat.stime) as f64 / self.ticks_per_second as f64)
    }

    fn cgroup_memory(&self) -> Option<CgroupMemory> {
        let groups = ProcessCGroups::from_file(self.proc_self.join("cgroup")).ok()?;
        let v1 = groups.0.iter().find(|group| group.controllers.iter().any(|name| name == "memory"));
        let group = v1.or_else(|| groups.0.iter().find(|group| group.hierarchy == 0))?;
        // A path above the namespace's root begins with `/..`: the mount cannot show it.
        let below = group.pathname.strip_prefix('/').filter(|path| !path.split('/').any(|part| part == ".."))?;
        if v1.is_some() && below.is_empty() {
            return None;
        }
        self.cgroup_roots.iter().find_map(|root| {
            if v1.is_some() {
                let dir = root.join("memory").join(below);
                CgroupMemory::read(&dir, "memory.usage_in_bytes", "total_cache")
            } else {
                CgroupMemory::read(&root.join(below), "memory.current", "file")
            }
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct CgroupMemory {
    charged: u64,
    cache: Option<u64>,
}

impl CgroupMemory {
    fn read(dir: &Path, charged: &str, cache_key: &str) -> Option<Self> {
        let charged = std::fs::read_to_string(dir.join(charged)).ok()?.trim().parse().ok()?;
        let stat = std::fs::read_to_string(dir.join("memory.stat")).ok();
        Some(Self { charged, cache: stat.and_then(|text| keyed(&text, cache_key)) })
    }
}

/// The value of a key in `KEY VALUE` lines.
fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.split_once(' ').filter(|(name, _)| *name == key)?.1.trim().parse().ok())
}

/// Entries of /proc/PID/fd: its size since Linux 6.2, else counted.
fn count_entries(dir: &Path) -> io::Result<u64> {
    let size = std::fs::metadata(dir)?.len();
    if size > 0 && rustix::fs::statfs(dir)?.f_type == rustix::fs::PROC_SUPER_MAGIC {
        return Ok(size);
    }
    // The directory that is being read is open itself.
    Ok(std::fs::read_dir(dir)?.count().saturating_sub(1) as u64)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A root with `/proc/self` and cgroup files written as given.
    fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    fn reader(root: &Path) -> OwnUseReader {
        let mut reader = OwnUseReader::new(&root.join("proc"), &[&root.join("cgroup"), &root.join("own")]);
        (reader.ticks_per_second, reader.page_size) = (100, 4096);
        reader
    }

    const STAT: &str = "4242 (fgm) agent) S 1 4242 4242 0 -1 4194560 1200 0 3 0 150 50 0 0 20 0 6 0 123456 104857600 5120 \
                        18446744073709551615 1 1 0 0 0 0 0 4096 17663 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

    #[test]
    fn cpu_and_resident_memory_come_from_stat_and_statm() {
        let root = root(&[("proc/self/stat", STAT), ("proc/self/statm", "25600 5120 2000 900 0 8000 0\n")]);
        let own = reader(root.path()).read();
        assert_eq!((own.cpu_seconds, own.resident_bytes), (Some(2.0), Some(5120 * 4096)));
        assert_eq!((own.cgroup_memory_bytes, own.open_fds), (None, None));
    }

    #[test]
    fn v2_memory_is_read_at_the_cgroups_path() {
        let root = root(&[
            ("proc/self/cgroup", "0::/system.slice/fgm.service\n"),
            ("cgroup/system.slice/fgm.service/memory.current", "30000000\n"),
            ("cgroup/system.slice/fgm.service/memory.stat", "anon 1000\nfile 12000000\nfile_mapped 7\n"),
        ]);
        let own = reader(root.path()).read();
        assert_eq!(own.cgroup_memory_bytes, Some(30_000_000));
        assert_eq!(own.cgroup_memory_without_cache_bytes, Some(18_000_000));
    }

    #[test]
    fn v1_memory_is_read_below_the_memory_controller_even_on_hybrid() {
        let root = root(&[
            ("proc/self/cgroup", "9:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/docker/abc\n"),
            ("cgroup/memory/docker/abc/memory.usage_in_bytes", "500\n"),
            ("cgroup/memory/docker/abc/memory.stat", "cache 1\ntotal_cache 200\n"),
        ]);
        let own = reader(root.path()).read();
        assert_eq!((own.cgroup_memory_bytes, own.cgroup_memory_without_cache_bytes), (Some(500), Some(300)));
    }

    #[test]
    fn in_a_cgroup_namespace_the_own_mount_answers_and_the_hosts_root_never_does() {
        let v2 = root(&[("proc/self/cgroup", "0::/\n"), ("own/memory.current", "77\n")]);
        let own = reader(v2.path()).read();
        assert_eq!((own.cgroup_memory_bytes, own.cgroup_memory_without_cache_bytes), (Some(77), None));
        let v1 = root(&[("proc/self/cgroup", "3:memory:/\n"), ("cgroup/memory/memory.usage_in_bytes", "9\n")]);
        assert_eq!(reader(v1.path()).read().cgroup_memory_bytes, None);
        let above = root(&[("proc/self/cgroup", "0::/../x\n"), ("cgroup/memory.current", "9\n")]);
        assert_eq!(reader(above.path()).read().cgroup_memory_bytes, None);
    }

    #[test]
    fn garbage_is_unknown_and_never_fatal() {
        let root = root(&[
            ("proc/self/stat", "garbage"),
            ("proc/self/statm", ""),
            ("proc/self/cgroup", "x:y\n"),
            ("cgroup/memory.current", "-1"),
        ]);
        assert_eq!(reader(root.path()).read(), OwnUse::default());
    }

    #[test]
    fn this_process_uses_cpu_memory_and_files() {
        let own = OwnUseReader::new(Path::new("/proc"), &[Path::new("/sys/fs/cgroup")]).read();
        assert!(own.cpu_seconds.is_some());
        assert!(own.resident_bytes.is_some_and(|bytes| bytes > 100_000), "{own:?}");
        assert!(own.open_fds.is_some_and(|fds| fds >= 3), "{own:?}");
    }
}
