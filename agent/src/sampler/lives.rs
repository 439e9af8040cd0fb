//! Whether anything runs in a recorded cgroup, as soon as the kernel tells.
//!
//! In a unified hierarchy `cgroup.events` says `populated 0`; on pure v1, and on hybrid machines where a container's
//! processes are not in the unified tree, a pidfd of its first process fires and `cgroup.procs` is looked at.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::fs::OFlags;
use rustix::process::{Pid, PidfdFlags};

use super::member::{Life, Member, News, Reading};
use super::{LIMITS_EVERY, SETTLING, Sampler};
use crate::cgroup;
use crate::clock::{monotonic, wall};
use crate::hierarchy::{Hierarchy, Mode};
use crate::metric::Tree;
use crate::model::{Role, SeriesKey, Tick};
use crate::schedule::Monotonic;
use crate::source::{Outcome, Wanted};

/// Cgroups looked at for processes below one container, at most.
const MAX_NESTED: usize = 256;

/// How long a pod's container without a visible process is looked at again for being a sandbox.
const ROLE_CHECKED_FOR: Duration = Duration::from_secs(60);

/// Why a member is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// The kernel told of a change.
    Told,
    /// It is time.
    Routine,
}

/// Opens a cgroup's `cgroup.events`, where it is in a unified hierarchy.
pub(super) fn open_events(hierarchy: &Hierarchy, path: &str) -> Option<OwnedFd> {
    open(hierarchy.tree(Tree::Unified)?, path, "cgroup.events")
}

fn open(root: &Path, path: &str, file: &str) -> Option<OwnedFd> {
    let full = format!("{}{}/{file}", root.display(), path.trim_end_matches('/'));
    rustix::fs::open(full, OFlags::RDONLY | OFlags::CLOEXEC, rustix::fs::Mode::empty()).ok()
}

/// The beginning of a file: enough for `cgroup.events` and the first process.
fn read_start(fd: &OwnedFd) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 256];
    let length = rustix::io::pread(fd, &mut buffer[..], 0).ok()?;
    buffer.truncate(length);
    Some(buffer)
}

impl Sampler {
    /// Whether a process is in exactly this cgroup, in any watched hierarchy.
    pub(super) fn has_processes(&self, path: &str) -> bool {
        self.hierarchy.watched().iter().any(|root| {
            open(root, path, "cgroup.procs").and_then(|fd| read_start(&fd)).is_some_and(|text| !text.is_empty())
        })
    }

    /// Looks whether anything runs in a member because the kernel told of a change in it.
    pub(super) fn told_of(&mut self, key: SeriesKey, tick: &mut Tick) {
        if let Some(member) = self.members.get(&key).filter(|member| member.events.is_none()) {
            // Runtimes make a container's directories one hierarchy after the other: the unified one may be there now.
            let events = self.keep_events_open(&Arc::clone(&member.path));
            if let Some(member) = self.members.get_mut(&key) {
                member.events = events;
            }
        }
        let news = self.news(key);
        self.note(key, (news, Look::Told), tick);
    }

    /// Whether a process is in a member or below it.
    pub(super) fn news(&mut self, key: SeriesKey) -> News {
        let Some(member) = self.members.get_mut(&key) else { return News::Gone };
        let opened = if member.events.is_none() { open_events(&self.hierarchy, &member.path) } else { None };
        let text = member.events.as_ref().or(opened.as_ref()).map(read_start);
        let told = match text {
            Some(Some(text)) => cgroup::populated(&text),
            Some(None) if self.hierarchy.mode == Mode::V2 => return News::Gone,
            Some(None) | None => None,
        };
        member.seen_populated |= told == Some(true);
        match told {
            Some(true) => News::Populated,
            Some(false) if self.hierarchy.mode == Mode::V2 || member.seen_populated => News::Empty,
            // A hybrid machine's unified tree may not have the processes that the v1 hierarchies have.
            _ if self.hierarchy.mode != Mode::V2 => self.watch_first_process(key),
            _ if self.discovery.exists(&member.path) => News::Unclear,
            _ => News::Gone,
        }
    }

    /// A member's first process has ended: another one may be its first now.
    pub(super) fn first_process_ended(&mut self, key: SeriesKey, tick: &mut Tick) {
        let Some(member) = self.members.get_mut(&key) else { return };
        if member.first_process.take().is_some() {
            self.reader.give_back();
        }
        self.told_of(key, tick);
    }

    /// Waits for the end of the first process in a v1 cgroup or below it; says whether there is one.
    fn watch_first_process(&mut self, key: SeriesKey) -> News {
        let Some(root) = self.hierarchy.watched().first().map(|root| root.to_path_buf()) else { return News::Unclear };
        let Some(member) = self.members.get_mut(&key) else { return News::Gone };
        let Some(processes) = processes_below(&root, &member.path) else { return News::Gone };
        if processes.is_empty() {
            if member.first_process.take().is_some() {
                self.reader.give_back();
            }
            // Processes of a foreign pid namespace are not listed in v1 at all: an empty list says nothing before a
            // process of another container was ever seen.
            let sees_others = *self.foreign_pids_visible.get_or_insert(false);
            return if sees_others { News::Empty } else { News::Unclear };
        }
        let pid = cgroup::first_pid(&processes).and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        let is_foreign = pid.is_some_and(|pid| pid != rustix::process::getpid());
        self.foreign_pids_visible = Some(is_foreign || self.foreign_pids_visible == Some(true));
        if member.first_process.is_none()
            && let Some(pidfd) = pid.and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok())
            && self.reader.reserve()
        {
            match self.waiter.watch_exit(&pidfd, key) {
                Ok(()) => member.first_process = Some(pidfd),
                Err(_) => self.reader.give_back(),
            }
        }
        News::Populated
    }

    /// Moves a member on to its next state of life.
    fn note(&mut self, key: SeriesKey, (news, look): (News, Look), tick: &mut Tick) {
        let Some(member) = self.members.get_mut(&key) else { return };
        let before = member.life;
        let ran_unseen = before == Life::New && news == News::Empty && used_cpu(member, tick);
        member.life = if ran_unseen { Life::Ended } else { before.after(news) };
        // Told of a change, but as empty as before: a process may have come and gone in between.
        let ran_again = before == Life::Ended && news == News::Empty && look == Look::Told;
        if member.life == before && !ran_again {
            return;
        }
        if before == Life::Ended && !ran_again {
            member.release_held(tick);
        }
        // At the first process all files are there, whatever the order in which a runtime made the controllers'
        // directories; at the end of the last one a moment later they are gone. Both are read at once.
        let limits = before == Life::New || member.limits_due.is_zero();
        if limits {
            member.limits_due = monotonic() + LIMITS_EVERY;
        }
        let reading = Reading {
            plan: &self.plan,
            time: wall(),
            wanted: Wanted { stat: true, limits, missing: true },
            totals: None,
        };
        if member.sample(&mut self.reader, reading, tick) != Outcome::Gone {
            member.sample_devices(&self.reader, (&mut self.device_names, &self.keys), reading.time, tick);
        }
    }

    /// At each pass: members whose end nothing tells of, and sandboxes that show themselves by their process.
    pub(super) fn look_at_lives(&mut self, now: Monotonic, tick: &mut Tick) {
        let young = |member: &Member| now < member.born + SETTLING;
        let unsure = |member: &Member| member.is_unwatched() || (member.life == Life::New && young(member));
        for key in self.keys_where(unsure) {
            let news = self.news(key);
            self.note(key, (news, Look::Routine), tick);
        }
        for key in self.keys_where(|member| !member.role_checked && !young(member)) {
            self.check_role(key, now, tick);
        }
    }

    fn keys_where(&self, holds: impl Fn(&Member) -> bool) -> Vec<SeriesKey> {
        self.members.values().filter(|member| holds(member)).map(|member| member.key).collect()
    }

    /// Whether a named container is in the same directory. Static pods of two clusters on one machine (Kind) have the same
    /// hash, and the other cluster's are no sandboxes of this one's.
    fn is_beside_named(&self, path: &str) -> bool {
        let named = self.members.values().filter(|other| other.identity.container.is_some());
        named.into_iter().any(|other| above(&other.path) == above(path))
    }

    /// A pod's sandbox is none of the containers that the API server knows, and runs one process called `pause`, which only
    /// an agent in the host's pid namespace sees; the path does not tell.
    fn check_role(&mut self, key: SeriesKey, now: Monotonic, tick: &mut Tick) {
        let Some(member) = self.members.get_mut(&key) else { return };
        let may_be_sandbox = member.identity.role == Role::Container && member.identity.pod_uid.is_some();
        member.role_checked = !may_be_sandbox || now > member.born + ROLE_CHECKED_FOR;
        if !may_be_sandbox {
            return;
        }
        let path = Arc::clone(&member.path);
        let identity = Arc::clone(&member.identity);
        let told = self.options.names.pods.generation() > 0
            && self.options.names.pods.read(|index| index.is_sandbox(&identity))
            && self.is_beside_named(&path);
        if told {
            self.rename(key, tick, |identity| identity.role = Role::Sandbox);
        }
        if let Some(member) = self.members.get_mut(&key).filter(|_| told) {
            member.role_checked = true;
            return;
        }
        let first = self.hierarchy.watched().iter().find_map(|root| {
            open(root, &path, "cgroup.procs").and_then(|fd| read_start(&fd)).and_then(|text| cgroup::first_pid(&text))
        });
        let Some(pid) = first else { return };
        if let Some(member) = self.members.get_mut(&key) {
            member.role_checked = true;
        }
        let comm = std::fs::read(self.options.proc_root.join(pid.to_string()).join("comm")).ok();
        if comm.as_deref() == Some(b"pause\n") {
            self.rename(key, tick, |identity| identity.role = Role::Sandbox);
        }
    }
}

/// The directory above a cgroup.
fn above(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(above, _)| above)
}

/// The beginning of the first `cgroup.procs` that is not empty, of a cgroup or of those below it; empty where all are,
/// `None` where the cgroup is gone.
fn processes_below(root: &Path, path: &str) -> Option<Vec<u8>> {
    let own = root.join(path.trim_start_matches('/'));
    if !own.is_dir() {
        return None;
    }
    let mut pending = vec![own];
    for _ in 0..MAX_NESTED {
        let Some(directory) = pending.pop() else { break };
        let procs = rustix::fs::open(
            directory.join("cgroup.procs"),
            OFlags::RDONLY | OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        );
        if let Some(text) = procs.ok().and_then(|fd| read_start(&fd)).filter(|text| !text.is_empty()) {
            return Some(text);
        }
        let entries = std::fs::read_dir(&directory).into_iter().flatten().flatten();
        let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        pending.extend(below.map(|entry| entry.path()));
    }
    Some(Vec::new())
}

/// Whether the newest row of a member in this tick shows CPU use: it ran before it was looked at.
fn used_cpu(member: &Member, tick: &Tick) -> bool {
    let column = crate::metric::column("cpu_usage_usec");
    tick.iter()
        .filter(|(row, _)| row.key == member.key)
        .last()
        .is_some_and(|(row, values)| column.is_some_and(|column| row.present.contains(column) && values[column] > 0))
}
