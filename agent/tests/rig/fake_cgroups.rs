//! A cgroup v2 tree of plain files with real text: what is watched and read behaves as in the kernel, except that nothing
//! changes by itself.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Files captured from a container; see `tests/data/README.md`.
const CAPTURED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/v2/debian-6.12/docker-busy/cgroup");

/// A tree as a kubelet with the cgroupfs driver makes it, gone when dropped.
pub(crate) struct FakeCgroups {
    root: tempfile::TempDir,
}

impl FakeCgroups {
    /// A tree with so many containers in one pod.
    pub(crate) fn with(containers: usize) -> Self {
        let root = super::open_directory();
        std::fs::write(root.path().join("cgroup.controllers"), "cpu io memory pids\n").expect("write");
        let fake = Self { root };
        (0..containers).for_each(|number| drop(fake.add(number)));
        fake
    }

    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    /// The id of the container with this number.
    pub(crate) fn id(number: usize) -> String {
        format!("{:064x}", number + 0xa000)
    }

    pub(crate) fn container(&self, number: usize) -> PathBuf {
        self.pod().join(Self::id(number))
    }

    pub(crate) fn pod(&self) -> PathBuf {
        self.path().join("kubepods/burstable/pod00000000-0000-4000-8000-00000000000a")
    }

    /// A new container, whole from its first moment: made beside the tree and moved in.
    pub(crate) fn add(&self, number: usize) -> PathBuf {
        self.add_named(&self.container(number))
    }

    /// A new container in a directory of any name.
    pub(crate) fn add_named(&self, directory: &Path) -> PathBuf {
        let making = super::open_directory();
        let made = making.path().join("container");
        std::fs::create_dir(&made).expect("make a cgroup");
        for entry in std::fs::read_dir(CAPTURED).expect("captured files").flatten() {
            std::fs::copy(entry.path(), made.join(entry.file_name())).expect("copy");
        }
        // Its processes were another machine's; no process here has this number.
        std::fs::write(made.join("cgroup.procs"), "4194305\n").expect("write");
        std::fs::create_dir_all(directory.parent().expect("a parent")).expect("make cgroups above");
        std::fs::rename(&made, directory).expect("move in");
        directory.to_owned()
    }

    /// The end of a container: its last process ends, then its directory goes.
    pub(crate) fn end(&self, number: usize, after_its_last_process: impl FnOnce()) {
        let directory = self.container(number);
        overwrite(&directory.join("cgroup.events"), "populated 0\nfrozen 0\n");
        after_its_last_process();
        // The kernel takes a cgroup's files and its directory away at once.
        let away = super::open_directory();
        std::fs::rename(&directory, away.path().join("gone")).expect("move away");
    }
}

/// Replaces the beginning of a file in one write, without ever making it shorter.
pub(crate) fn overwrite(path: &Path, text: &str) {
    let file = std::fs::OpenOptions::new().write(true).open(path).expect("open");
    file.write_all_at(text.as_bytes(), 0).expect("write");
}
