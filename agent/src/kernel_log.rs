//! Who the kernel's OOM killer killed, from the kernel's own log.
//!
//! `memory.events` counts kills; only the log names the victim: since Linux 5.0 a line
//! `oom-kill:constraint=..,task_memcg=/PATH,task=NAME,pid=N,uid=N`, printed before the count goes up. Read from `/dev/kmsg` only when
//! a kill was counted. Where the log can't be opened (no such device in a pod, `kernel.dmesg_restrict`), victims stay unnamed.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, SeekFrom};
use rustix::io::Errno;

use crate::schedule::Monotonic;

/// Victims kept that nobody has asked for, at most.
const MAX_VICTIMS: usize = 64;
/// Messages read in one go at most: more than the log holds.
const MAX_MESSAGES: usize = 1 << 18;
/// Victims of longer ago are of no kill that is counted now.
const MAX_AGE: Duration = Duration::from_secs(120);
/// A message is shorter than this (the kernel's own bound is 1 KiB of text).
const MESSAGE_BYTES: usize = 8192;

/// A process that was killed for memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    /// The memory cgroup that it was in, from the root of the hierarchy.
    pub cgroup: String,
    /// Its name.
    pub comm: String,
    /// Its id in the first pid namespace.
    pub pid: u32,
    /// When the kernel said so, since boot.
    pub at: Monotonic,
}

/// The kernel's log from the moment of opening on.
#[derive(Debug)]
pub struct KernelLog {
    log: OwnedFd,
    victims: VecDeque<Victim>,
}

impl KernelLog {
    /// Opens the log, `/dev/kmsg`.
    ///
    /// # Errors
    /// There is none, or it may not be read.
    pub fn open(path: &Path) -> Result<Self, Errno> {
        let log = rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
        rustix::fs::seek(&log, SeekFrom::End(0))?;
        Ok(Self { log, victims: VecDeque::new() })
    }

    /// The victims in a cgroup or below it that were not taken yet, oldest first, at most `kills`.
    pub fn take_victims(&mut self, cgroup: &str, kills: i64, now: Monotonic) -> Vec<Victim> {
        self.drain();
        self.victims.retain(|victim| victim.at + MAX_AGE >= now);
        let below = |victim: &Victim| {
            victim.cgroup.strip_prefix(cgroup).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut taken = Vec::new();
        while taken.len() < usize::try_from(kills).unwrap_or(0)
            && let Some(index) = self.victims.iter().position(below)
        {
            taken.extend(self.victims.remove(index));
        }
        taken
    }

    fn drain(&mut self) {
        let mut message = vec![0; MESSAGE_BYTES];
        for _ in 0..MAX_MESSAGES {
            match rustix::io::read(&self.log, &mut message[..]) {
                Ok(0) => return,
                Ok(length) => self.victims.extend(parse(&message[..length])),
                // Messages were overwritten before they were read: the next read goes on with the oldest there is.
                Err(Errno::PIPE | Errno::INTR) => {}
                Err(_) => return,
            }
            while self.victims.len() > MAX_VICTIMS {
                self.victims.pop_front();
            }
        }
    }
}

/// The victim that a message names; `None` for any other message. A name with a comma in it is cut there.
fn parse(message: &[u8]) -> Option<Victim> {
    let text = String::from_utf8_lossy(message);
    let (prefix, text) = text.split_once(';')?;
    let at = Duration::from_micros(prefix.split(',').nth(2)?.parse().ok()?);
    let fields = text.lines().next()?.strip_prefix("oom-kill:")?;
    let field = |name: &str| fields.split(',').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    let comm = field("task")?.escape_debug().to_string();
    Some(Victim { cgroup: field("task_memcg")?.to_owned(), comm, pid: field("pid")?.parse().ok()?, at })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: &str = "6,1234,5678901,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=abc,mems_allowed=0,oom_memcg=/kubepods/pod1,task_memcg=/kubepods/pod1/abc,task=tail,pid=4321,uid=0\n SUBSYSTEM=x\n";

    #[test]
    fn the_victim_of_a_kill_is_named_by_its_cgroup() {
        let at = Duration::from_micros(5_678_901);
        let victim = Victim { cgroup: "/kubepods/pod1/abc".to_owned(), comm: "tail".to_owned(), pid: 4321, at };
        assert_eq!(parse(LINE.as_bytes()), Some(victim));
        assert_eq!(parse(b"6,1,1,-;Memory cgroup out of memory: Killed process 4321 (tail)\n"), None);
        assert_eq!(parse(b"6,1,1,-;oom-kill:constraint=CONSTRAINT_NONE,task=tail,pid=1\n"), None);
    }

    #[test]
    fn victims_are_taken_once_and_by_whole_names() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut log = KernelLog::open(file.path()).unwrap();
        // A stand-in: reading a plain file gives every message at once, so one is enough for it.
        std::fs::write(file.path(), LINE).unwrap();
        let now = Duration::from_secs(10);
        assert_eq!(log.take_victims("/kubepods/pod1/ab", 1, now), []);
        let pids = |victims: Vec<Victim>| victims.into_iter().map(|victim| victim.pid).collect::<Vec<_>>();
        assert_eq!(pids(log.take_victims("/kubepods/pod1", 2, now)), [4321]);
        assert_eq!(log.take_victims("/kubepods/pod1", 1, now), []);
    }

    proptest! {
        #[test]
        fn no_message_makes_the_parser_panic(message in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&message);
            let _ = parse(&[b"6,1,1,-;oom-kill:".as_slice(), &message].concat());
        }
    }
}
