//! Births, deaths and changes of cgroups, as the kernel tells them: one inotify watch per directory.
//!
//! Knows directories, not containers: what is worth recording is the sampler's to say. Where no inotify instance is to be
//! had, and after a queue overflow, a rescan ([`Discovery::begin_rescan`]) finds the same by walking. The surprise: a watch
//! on a cgroup's directory also tells of changes inside its files, both of writes by a runtime (`cgroup.procs`,
//! `memory.max`) and of the kernel's own notifications (`cgroup.events`), so no file is watched by itself.

use std::collections::{HashMap, HashSet};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tracing::warn;

use crate::hierarchy::Hierarchy;

/// A cgroup's path below its hierarchy's root, with a leading slash; the root itself is `/`.
pub type CgroupPath = Arc<str>;

/// What happened to a cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its directory is there; said once per watched hierarchy.
    Appeared(CgroupPath),
    /// Its directory is gone from one of the watched hierarchies.
    Vanished(CgroupPath),
    /// `cgroup.events` changed: it may have lost its last process, or got its first.
    EventsChanged(CgroupPath),
    /// Somebody moved a process into it.
    ProcsChanged(CgroupPath),
    /// `memory.events` changed: a process may have been killed. As often as a hundred times a second under pressure.
    MemoryEvents(CgroupPath),
    /// Somebody wrote to one of its other files: a limit may have changed.
    SettingChanged(CgroupPath),
}

/// Directories deeper than this are not followed: the kernel's own limit on nesting is far below it.
const MAX_DEPTH: usize = 64;

/// Events taken in one go, or a few more.
const MAX_EVENTS: usize = 8192;

const INTEREST: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE) // v1 lets a cgroup be renamed
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::EXCL_UNLINK);

/// The watched directories of this machine's hierarchies.
#[derive(Debug)]
pub struct Discovery {
    inotify: Option<OwnedFd>,
    roots: Vec<PathBuf>,
    watches: HashMap<i32, (usize, CgroupPath)>,
    /// The watch of each directory, by tree.
    watch_of: Vec<HashMap<CgroupPath, i32>>,
    known: Vec<HashSet<CgroupPath>>,
    unwatched: u64,
    rescan: Option<Rescan>,
    overflowed: bool,
    said_limit: bool,
    buffer: Box<[MaybeUninit<u8>]>,
}

/// A look at every directory, some at a time.
#[derive(Debug)]
struct Rescan {
    pending: Vec<(usize, CgroupPath)>,
    visited: Vec<HashSet<CgroupPath>>,
    unwatched_before: u64,
}

impl Discovery {
    /// Watches nothing yet: the first rescan finds what is there.
    #[must_use]
    pub fn new(hierarchy: &Hierarchy) -> Self {
        let roots: Vec<PathBuf> = hierarchy.watched().into_iter().map(Path::to_owned).collect();
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .inspect_err(|error| {
                warn!(%error, "no inotify instance to be had: looking for new containers by slow rescans instead; raise fs.inotify.max_user_instances");
            })
            .ok();
        Self {
            inotify,
            known: roots.iter().map(|_| HashSet::new()).collect(),
            watch_of: roots.iter().map(|_| HashMap::new()).collect(),
            roots,
            watches: HashMap::new(),
            unwatched: 0,
            rescan: None,
            overflowed: false,
            said_limit: false,
            buffer: vec![MaybeUninit::uninit(); 64 * 1024].into_boxed_slice(),
        }
    }

    /// Without inotify: only rescans find changes.
    #[must_use]
    pub fn without_inotify(hierarchy: &Hierarchy) -> Self {
        Self { inotify: None, ..Self::new(hierarchy) }
    }

    /// What to wait on for changes.
    #[must_use]
    pub fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// Whether every known directory is watched, so that rescans are only a safety net.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        // A rescan under way counts anew.
        let unwatched = self.rescan.as_ref().map_or(self.unwatched, |rescan| rescan.unwatched_before);
        self.inotify.is_some() && unwatched == 0
    }

    /// Whether events were lost since the last call; a rescan finds what they said.
    pub fn take_overflow(&mut self) -> bool {
        std::mem::take(&mut self.overflowed)
    }

    /// Every directory seen, parents before their children within a hierarchy.
    pub fn known(&self) -> impl Iterator<Item = CgroupPath> + use<> {
        let mut paths: Vec<CgroupPath> = self.known.iter().flatten().cloned().collect();
        paths.sort();
        paths.dedup();
        paths.into_iter()
    }

    /// Whether the directory is there in any of the watched hierarchies.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        self.roots.iter().any(|root| root.join(path.trim_start_matches('/')).is_dir())
    }

    /// Appends what the kernel has told since the last call.
    pub fn drain(&mut self, changes: &mut Vec<Change>) {
        let Some(inotify) = self.inotify.take() else { return };
        let mut told = Vec::new();
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut reader = inotify::Reader::new(&inotify, &mut buffer);
        // What is in the buffer was taken from the kernel already: it must not be left behind.
        while told.len() < MAX_EVENTS || !reader.is_buffer_empty() {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| name.to_string_lossy().into_owned());
                    told.push((event.wd(), event.events(), name.unwrap_or_default()));
                }
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        self.buffer = buffer;
        self.inotify = Some(inotify);
        for (watch, flags, name) in told {
            self.take_event((watch, flags), &name, changes);
        }
    }

    fn take_event(&mut self, (watch, flags): (i32, ReadFlags), name: &str, changes: &mut Vec<Change>) {
        if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
            self.overflowed = true;
        } else if flags.contains(ReadFlags::IGNORED) {
            if let Some((tree, path)) = self.watches.remove(&watch)
                && self.watch_of[tree].get(&path) == Some(&watch)
            {
                self.watch_of[tree].remove(&path);
            }
        } else if let Some((tree, directory)) = self.watches.get(&watch).cloned() {
            if flags.contains(ReadFlags::ISDIR) {
                let child = join(&directory, name);
                if flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
                    self.walk(tree, child, changes);
                } else if flags.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM) {
                    self.forget(tree, &child, changes);
                }
            } else if flags.contains(ReadFlags::MODIFY) {
                changes.extend(file_change(directory, name));
            }
        }
    }

    /// Begins a look at every directory, which [`Discovery::rescan_some`] goes on with; one at a time.
    pub fn begin_rescan(&mut self) {
        if self.rescan.is_none() {
            let roots = (0..self.roots.len()).map(|tree| (tree, Arc::from("/")));
            self.rescan = Some(Rescan {
                pending: roots.collect(),
                visited: self.roots.iter().map(|_| HashSet::new()).collect(),
                unwatched_before: std::mem::take(&mut self.unwatched),
            });
        }
    }

    /// Whether a rescan is under way.
    #[must_use]
    pub fn is_rescanning(&self) -> bool {
        self.rescan.is_some()
    }

    /// Looks at up to `directories` more of them; appends what has appeared, and at the end what has vanished. True when
    /// this was the end.
    pub fn rescan_some(&mut self, directories: usize, changes: &mut Vec<Change>) -> bool {
        let Some(mut rescan) = self.rescan.take() else { return false };
        for _ in 0..directories {
            let Some((tree, path)) = rescan.pending.pop() else {
                self.forget_unvisited(&rescan.visited, changes);
                return true;
            };
            let below = self.visit(tree, &path, changes);
            rescan.pending.extend(below.into_iter().map(|child| (tree, child)));
            rescan.visited[tree].insert(path);
        }
        self.rescan = Some(rescan);
        false
    }

    fn forget_unvisited(&mut self, visited: &[HashSet<CgroupPath>], changes: &mut Vec<Change>) {
        for (tree, visited) in visited.iter().enumerate() {
            // What appeared meanwhile was told by inotify: it is known, not visited, and there.
            let unvisited = self.known[tree].difference(visited).filter(|path| !self.directory(tree, path).is_dir());
            let mut gone: Vec<CgroupPath> = unvisited.cloned().collect();
            gone.sort();
            gone.iter().for_each(|path| self.forget(tree, path, changes));
        }
        // Of these nobody has told that they ended.
        for tree in 0..self.known.len() {
            let unknown = self.watch_of[tree].keys().filter(|path| !self.known[tree].contains(*path));
            for path in unknown.cloned().collect::<Vec<_>>() {
                self.unwatch(tree, &path);
            }
        }
    }

    /// Follows a directory and all below it, parents first.
    fn walk(&mut self, tree: usize, from: CgroupPath, changes: &mut Vec<Change>) {
        let mut pending = vec![from];
        while let Some(path) = pending.pop() {
            pending.extend(self.visit(tree, &path, changes));
        }
    }

    /// Looks at one directory; the directories in it.
    fn visit(&mut self, tree: usize, path: &CgroupPath, changes: &mut Vec<Change>) -> Vec<CgroupPath> {
        let directory = self.directory(tree, path);
        // Watched before listed: a child made in between is found by one or the other.
        if !self.watch(tree, &directory, path) {
            return Vec::new();
        }
        if self.known[tree].insert(Arc::clone(path)) {
            changes.push(Change::Appeared(Arc::clone(path)));
        }
        if path.matches('/').count() >= MAX_DEPTH {
            return Vec::new();
        }
        child_directories(&directory).map(|name| join(path, &name)).collect()
    }

    /// Watches one directory; false where it is gone already.
    fn watch(&mut self, tree: usize, directory: &Path, path: &CgroupPath) -> bool {
        let Some(inotify) = &self.inotify else { return directory.is_dir() };
        match inotify::add_watch(inotify, directory, INTEREST) {
            Ok(watch) => {
                self.watches.insert(watch, (tree, path.clone()));
                let before = self.watch_of[tree].insert(path.clone(), watch).filter(|before| *before != watch);
                if let Some(before) = before {
                    self.end_watch(before);
                }
                true
            }
            Err(Errno::NOENT | Errno::NOTDIR) => false,
            Err(error) => {
                self.unwatched += 1;
                if !std::mem::replace(&mut self.said_limit, true) {
                    warn!(%error, path = %directory.display(), "cannot watch every cgroup: looking for the others by slow rescans; raise fs.inotify.max_user_watches");
                }
                true
            }
        }
    }

    /// Ends a watch. The kernel does not end that of a removed cgroup by itself: kernfs keeps the link count of a directory
    /// that is gone, so its inode and the watch would stay for as long as this process lives.
    fn end_watch(&mut self, watch: i32) {
        self.watches.remove(&watch);
        if let Some(inotify) = &self.inotify {
            // It may have ended after all.
            let _ = inotify::remove_watch(inotify, watch);
        }
    }

    fn unwatch(&mut self, tree: usize, path: &str) {
        if let Some(watch) = self.watch_of[tree].remove(path) {
            self.end_watch(watch);
        }
    }

    fn forget(&mut self, tree: usize, path: &str, changes: &mut Vec<Change>) {
        self.unwatch(tree, path);
        if let Some(path) = self.known[tree].take(path) {
            changes.push(Change::Vanished(path));
        }
    }

    fn directory(&self, tree: usize, path: &str) -> PathBuf {
        self.roots[tree].join(path.trim_start_matches('/'))
    }
}

fn join(directory: &str, name: &str) -> CgroupPath {
    Arc::from(format!("{}/{name}", directory.trim_end_matches('/')))
}

fn file_change(path: CgroupPath, file: &str) -> Option<Change> {
    match file {
        "cgroup.events" => Some(Change::EventsChanged(path)),
        "cgroup.procs" | "tasks" | "cgroup.threads" => Some(Change::ProcsChanged(path)),
        "memory.events" => Some(Change::MemoryEvents(path)),
        // The kernel's other notifications: the next tick reads them.
        "memory.events.local" | "memory.swap.events" | "pids.events" | "pids.events.local" => None,
        _ => Some(Change::SettingChanged(path)),
    }
}

/// Names of the directories in a directory; none where it is gone or unreadable.
fn child_directories(directory: &Path) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(directory).ok().into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
}
