//! Which processes are in a container: those of its cgroup, and of the cgroups below it that are not recorded themselves.
//!
//! A systemd in a container, or docker in docker, makes cgroups below the container's own. The surprise: a directory of
//! cgroupfs has two links and one more per child, so most containers need no listing at all. A process of a foreign pid
//! namespace is listed as 0: it is counted, and nothing else can be said of it.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::collect::kept_file::read_whole;
use crate::procfs::{lines, number};

/// Cgroups below one container that are looked into.
const MAX_BELOW: usize = 1024;

/// The processes of one container.
#[derive(Debug, Default)]
pub struct Members {
    /// Their ids, without those that this process cannot see.
    pub pids: Vec<u32>,
    /// How many are listed as 0.
    pub hidden: i64,
}

/// Reads the processes of the cgroup at `path` below `root`; `recorded` are the paths that are containers themselves.
pub fn read(root: &Path, path: &str, recorded: &HashSet<&str>, buffer: &mut Vec<u8>) -> Members {
    let mut members = Members::default();
    let mut pending = vec![path.to_owned()];
    for _ in 0..MAX_BELOW {
        let Some(path) = pending.pop() else { break };
        let directory = root.join(path.trim_start_matches('/'));
        let procs = directory.join("cgroup.procs");
        let opened = rustix::fs::open(procs, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        // A cgroup that is gone has no processes; one of threads only has none of its own.
        if let Ok(length) = opened.and_then(|fd| read_whole(fd, buffer)) {
            take(&buffer[..length], &mut members);
        }
        let has_children = std::fs::metadata(&directory).is_ok_and(|directory| directory.nlink() != 2);
        if has_children {
            let entries = std::fs::read_dir(&directory).into_iter().flatten().flatten();
            let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            let below = below.filter_map(|entry| Some(format!("{path}/{}", entry.file_name().to_str()?)));
            pending.extend(below.filter(|path| !recorded.contains(path.as_str())));
        }
    }
    members
}

fn take(text: &[u8], members: &mut Members) {
    for pid in lines(text).filter_map(number).filter_map(|pid| u32::try_from(pid).ok()) {
        if pid == 0 {
            members.hidden += 1;
        } else {
            members.pids.push(pid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cgroups_below_count_unless_they_are_recorded_themselves() {
        let root = tempfile::tempdir().expect("a directory");
        for (path, text) in [
            ("c", "10\n11\n0\n"),
            ("c/init.scope", "12\n"),
            ("c/docker", ""),
            ("c/docker/x", "13\n"),
            ("c/own", "14\n"),
        ] {
            std::fs::create_dir_all(root.path().join(path)).expect("made");
            std::fs::write(root.path().join(path).join("cgroup.procs"), text).expect("written");
        }
        let recorded = HashSet::from(["/c", "/c/own"]);
        let mut members = read(root.path(), "/c", &recorded, &mut Vec::new());
        members.pids.sort_unstable();
        assert_eq!((members.pids, members.hidden), (vec![10, 11, 12, 13], 1));
        let gone = read(root.path(), "/gone", &recorded, &mut Vec::new());
        assert_eq!((gone.pids.len(), gone.hidden), (0, 0));
    }

    #[test]
    fn garbage_among_the_ids_is_passed_over() {
        let mut members = Members::default();
        take(b"5\nx\n99999999999\n\n0\n7", &mut members);
        assert_eq!((members.pids, members.hidden), (vec![5], 1));
    }
}
