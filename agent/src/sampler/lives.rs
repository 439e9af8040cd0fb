//! Whether anything runs in a recorded cgroup, as soon as the kernel tells.
//!
//! In a unified hierarchy `cgroup.events` says `populated 0`; on pure v1, and on hybrid machines where a container's
//! processes are not in the unified tree, a pidfd of its first process fires and `cgroup.procs` is looked at.

use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::OFlags;
use rustix::process::{Pid, PidfdFlags};

use super::member::{Life, Member, Reading};
use super::{LIMITS_EVERY, SETTLING, Sampler, now, wall_clock};
use crate::cgroup;
use crate::hierarchy::{Hierarchy, Mode};
use crate::metric::Tree;
use crate::model::{ContainerKey, Role, Tick};
use crate::schedule::Monotonic;
use crate::source::Wanted;

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

    /// Looks whether anything runs in a member, and takes note of what that means for its rows.
    pub(super) fn look_at_life(&mut self, key: ContainerKey, tick: &mut Tick) {
        let populated = self.populated(key);
        self.note(key, populated, tick);
    }

    /// Whether a process is in a member or below it; `None` where it cannot be told.
    pub(super) fn populated(&mut self, key: ContainerKey) -> Option<bool> {
        let member = self.members.get(&key)?;
        match member.events.as_ref().and_then(read_start).and_then(|text| cgroup::populated(&text)) {
            Some(true) => Some(true),
            // A hybrid machine's unified tree may not have the processes that the v1 hierarchies have.
            _ if self.hierarchy.mode != Mode::V2 => self.watch_first_process(key),
            told => told,
        }
    }

    /// `cgroup.events` of a member changed.
    pub(super) fn events_changed(&mut self, path: &str, tick: &mut Tick) {
        if let Some(&key) = self.by_path.get(path) {
            self.look_at_life(key, tick);
        }
    }

    /// A member's first process has ended: another one may be its first now.
    pub(super) fn first_process_ended(&mut self, key: ContainerKey, tick: &mut Tick) {
        let Some(member) = self.members.get_mut(&key) else { return };
        if member.first_process.take().is_some() {
            self.reader.give_back();
        }
        self.look_at_life(key, tick);
    }

    /// Waits for the end of a v1 cgroup's first process; says whether there is one, `None` where it cannot be told.
    fn watch_first_process(&mut self, key: ContainerKey) -> Option<bool> {
        let root = self.hierarchy.watched().first().map(|root| root.to_path_buf())?;
        let member = self.members.get_mut(&key)?;
        let Some(text) = open(&root, &member.path, "cgroup.procs").and_then(|fd| read_start(&fd)) else {
            return member.events.as_ref().map(|_| false);
        };
        if text.is_empty() {
            if member.first_process.take().is_some() {
                self.reader.give_back();
            }
            let nested = std::fs::read_dir(root.join(member.path.trim_start_matches('/')))
                .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())));
            return if nested && member.events.is_none() { None } else { Some(false) };
        }
        let pid = cgroup::first_pid(&text).and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        self.foreign_pids_visible = Some(pid.is_some());
        if member.first_process.is_none()
            && let Some(pidfd) = pid.and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok())
            && self.reader.reserve()
        {
            match self.waiter.watch_exit(&pidfd, key) {
                Ok(()) => member.first_process = Some(pidfd),
                Err(_) => self.reader.give_back(),
            }
        }
        Some(true)
    }

    /// Moves a member on to its next state of life.
    fn note(&mut self, key: ContainerKey, populated: Option<bool>, tick: &mut Tick) {
        let Some(member) = self.members.get_mut(&key) else { return };
        let before = member.life;
        let ran_unseen = before == Life::New && populated == Some(false) && used_cpu(member, tick);
        member.life = if ran_unseen { Life::Ended } else { before.after(populated) };
        if member.life == before {
            return;
        }
        if before == Life::Ended {
            member.release_held(tick);
        }
        // At the first process all files are there, whatever the order in which a runtime made the controllers'
        // directories; at the end of the last one a moment later they are gone. Both are read at once.
        let limits = std::mem::replace(&mut member.limits_due, now() + LIMITS_EVERY).is_zero();
        let wanted = Wanted { stat: true, limits: limits || before == Life::New, missing: true };
        let reading = Reading { plan: &self.plan, time: wall_clock(), wanted };
        member.sample(&mut self.reader, reading, tick);
    }

    /// At each pass: members whose end nothing tells of, and sandboxes that show themselves by their process.
    pub(super) fn look_at_lives(&mut self, now: Monotonic, tick: &mut Tick) {
        let young = |member: &Member| now < member.born + SETTLING;
        let unsure: Vec<ContainerKey> = self
            .members
            .values()
            .filter(|member| (member.life == Life::New && young(member)) || member.is_ended_unwatched())
            .map(|member| member.key)
            .collect();
        for key in unsure {
            self.look_at_life(key, tick);
        }
        let unchecked: Vec<ContainerKey> = self
            .members
            .values()
            .filter(|member| !member.role_checked && !young(member))
            .map(|member| member.key)
            .collect();
        for key in unchecked {
            self.check_role(key, tick);
        }
    }

    /// A pod's sandbox runs one process called `pause`; the path does not tell.
    fn check_role(&mut self, key: ContainerKey, tick: &mut Tick) {
        let Some(member) = self.members.get_mut(&key) else { return };
        member.role_checked = true;
        if member.identity.role != Role::Container || member.identity.pod_uid.is_none() {
            return;
        }
        let path = std::sync::Arc::clone(&member.path);
        let first = self.hierarchy.watched().iter().find_map(|root| {
            open(root, &path, "cgroup.procs").and_then(|fd| read_start(&fd)).and_then(|text| cgroup::first_pid(&text))
        });
        let comm = first.and_then(|pid| std::fs::read(self.options.proc_root.join(pid.to_string()).join("comm")).ok());
        if comm.as_deref() == Some(b"pause\n") {
            self.rename(key, tick, |identity| identity.role = Role::Sandbox);
        }
    }
}

/// Whether the newest row of a member in this tick shows CPU use: it ran before it was looked at.
fn used_cpu(member: &Member, tick: &Tick) -> bool {
    let column = crate::metric::column("cpu_usage_usec");
    tick.iter()
        .filter(|(row, _)| row.key == member.key)
        .last()
        .is_some_and(|(row, values)| column.is_some_and(|column| row.present.contains(column) && values[column] > 0))
}
