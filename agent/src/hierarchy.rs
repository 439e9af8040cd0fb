//! Which cgroup hierarchies this machine has, and where they are mounted: v2, v1, or hybrid.
//!
//! Looks at directories only (a pod sees the node's tree at a path of its own, where mount tables tell nothing). The
//! surprise: on a hybrid machine `unified` holds no controllers, yet carries PSI, `cgroup.events` and a basic `cpu.stat`.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

use crate::metric::{Source, Tree};

/// The kind of cgroup set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One unified hierarchy.
    V2,
    /// Controllers in v1 hierarchies, no unified mount.
    V1,
    /// Controllers in v1 hierarchies, beside a unified mount.
    Hybrid,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V2 => "cgroup v2",
            Self::V1 => "cgroup v1",
            Self::Hybrid => "hybrid (cgroup v1 controllers and a unified mount)",
        })
    }
}

/// Why no hierarchy was found.
#[derive(Debug, Error)]
pub enum Error {
    /// The root cannot be listed.
    #[error(
        "cannot list the cgroup root {path}: {source}; name the directory where cgroups are mounted with --cgroup-root"
    )]
    Unlistable {
        /// The root that was given.
        path: PathBuf,
        /// The kernel's answer.
        source: std::io::Error,
    },
    /// The root has neither v2's files nor a v1 controller.
    #[error("{path} holds no cgroup hierarchy; name the directory where cgroups are mounted with --cgroup-root")]
    Absent {
        /// The root that was given.
        path: PathBuf,
    },
}

/// The mounted hierarchies that the agent reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// v2, v1 or hybrid.
    pub mode: Mode,
    trees: Vec<(Tree, PathBuf)>,
}

/// The controllers of v1, in the order in which births are looked for: the first one mounted is walked.
const V1_TREES: [(&str, Tree); 5] = [
    ("memory", Tree::Memory),
    ("cpuacct", Tree::Cpuacct),
    ("cpu", Tree::Cpu),
    ("pids", Tree::Pids),
    ("blkio", Tree::Blkio),
];

impl Hierarchy {
    /// Finds the hierarchies below a root such as `/sys/fs/cgroup`.
    ///
    /// # Errors
    /// When the root cannot be listed or holds no hierarchy.
    pub fn detect(root: &Path) -> Result<Self, Error> {
        if is_unified(root) {
            return Ok(Self { mode: Mode::V2, trees: vec![(Tree::Unified, root.to_owned())] });
        }
        let mounted = v1_mounts(root)?;
        let mut trees: Vec<(Tree, PathBuf)> = Vec::new();
        for (name, tree) in V1_TREES {
            if let Some((_, path)) = mounted.iter().find(|(controller, _)| controller == name) {
                trees.push((tree, path.clone()));
            }
        }
        let unified = root.join("unified");
        let mode = match (trees.is_empty(), is_unified(&unified)) {
            (true, false) => return Err(Error::Absent { path: root.to_owned() }),
            (true, true) => Mode::V2,
            (false, false) => Mode::V1,
            (false, true) => Mode::Hybrid,
        };
        if mode != Mode::V1 {
            trees.push((Tree::Unified, unified));
        }
        Ok(Self { mode, trees })
    }

    /// The root directory of one hierarchy, where it is mounted.
    #[must_use]
    pub fn tree(&self, tree: Tree) -> Option<&Path> {
        self.trees.iter().find(|(mounted, _)| *mounted == tree).map(|(_, path)| path.as_path())
    }

    /// The hierarchies in which births and deaths show: runtimes make a container's directory in every controller, so
    /// the first v1 controller stands for all; on hybrid machines the unified mount tells deaths as they happen.
    #[must_use]
    pub fn watched(&self) -> Vec<&Path> {
        let first = self.trees.first().filter(|(tree, _)| *tree != Tree::Unified).map(|(_, path)| path.as_path());
        first.into_iter().chain(self.tree(Tree::Unified)).collect()
    }

    /// Where a metric is read from in this kind of hierarchy.
    #[must_use]
    pub fn source(&self, metric: &crate::metric::Metric) -> Option<Source> {
        if self.mode == Mode::V2 { metric.v2 } else { metric.v1 }
    }

    /// Mode and mounts in one line.
    #[must_use]
    pub fn describe(&self) -> String {
        let mounts: Vec<String> = self
            .trees
            .iter()
            .map(|(tree, path)| format!("{}={}", format!("{tree:?}").to_lowercase(), path.display()))
            .collect();
        format!("{}: {}", self.mode, mounts.join(" "))
    }
}

fn is_unified(path: &Path) -> bool {
    path.join("cgroup.controllers").exists()
}

/// The v1 controllers mounted below the root; `cpu,cpuacct` in one directory gives two.
fn v1_mounts(root: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let entries = std::fs::read_dir(root).map_err(|source| Error::Unlistable { path: root.to_owned(), source })?;
    let mut mounts = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if !path.join("cgroup.procs").exists() {
            continue;
        }
        for controller in entry.file_name().to_string_lossy().split(',') {
            mounts.push((controller.to_owned(), path.clone()));
        }
    }
    mounts.sort();
    Ok(mounts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(dirs: &[&str], unified: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for dir in dirs {
            std::fs::create_dir_all(root.path().join(dir)).unwrap();
            std::fs::write(root.path().join(dir).join("cgroup.procs"), "").unwrap();
        }
        for dir in unified {
            std::fs::create_dir_all(root.path().join(dir)).unwrap();
            std::fs::write(root.path().join(dir).join("cgroup.controllers"), "").unwrap();
        }
        root
    }

    #[test]
    fn a_root_with_controllers_is_v2() {
        let root = tree(&[], &["."]);
        let hierarchy = Hierarchy::detect(root.path()).unwrap();
        assert_eq!(hierarchy.mode, Mode::V2);
        assert_eq!(hierarchy.watched().len(), 1);
    }

    #[test]
    fn joint_v1_mounts_are_found_under_each_controller() {
        let root = tree(&["cpu,cpuacct", "memory", "devices"], &[]);
        let hierarchy = Hierarchy::detect(root.path()).unwrap();
        assert_eq!(hierarchy.mode, Mode::V1);
        assert_eq!(hierarchy.tree(Tree::Cpu), Some(root.path().join("cpu,cpuacct").as_path()));
        assert_eq!(hierarchy.tree(Tree::Cpuacct), hierarchy.tree(Tree::Cpu));
        assert_eq!(hierarchy.tree(Tree::Unified), None);
        assert_eq!(hierarchy.watched(), [root.path().join("memory")]);
    }

    #[test]
    fn v1_controllers_beside_a_unified_mount_are_hybrid_and_both_are_watched() {
        let root = tree(&["cpu", "memory", "unified"], &["unified"]);
        let hierarchy = Hierarchy::detect(root.path()).unwrap();
        assert_eq!(hierarchy.mode, Mode::Hybrid);
        assert_eq!(hierarchy.watched(), [root.path().join("memory"), root.path().join("unified")]);
    }

    #[test]
    fn a_directory_without_cgroups_says_what_to_do() {
        let root = tree(&[], &[]);
        let sentence = Hierarchy::detect(root.path()).unwrap_err().to_string();
        assert!(
            sentence.ends_with(
                "holds no cgroup hierarchy; name the directory where cgroups are mounted with --cgroup-root"
            )
        );
    }

    #[test]
    fn this_machine_is_seen_as_the_cgroups_rs_crate_sees_it() {
        if Path::new("/sys/fs/cgroup").exists() {
            let mode = Hierarchy::detect(Path::new("/sys/fs/cgroup")).unwrap().mode;
            assert_eq!(mode == Mode::V2, cgroups_rs::fs::hierarchies::is_cgroup2_unified_mode());
        }
    }
}
