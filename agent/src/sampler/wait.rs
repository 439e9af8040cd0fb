//! What the sampler sleeps on: the next deadline, the kernel's word of changes, the end of processes, the stop signal.
//!
//! One epoll set. The deadline is an absolute time on the monotonic clock in a timerfd, so a late wake-up never moves the
//! next one.

use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};

use crate::model::SeriesKey;
use crate::schedule::Monotonic;

const STOP: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;
const CHANGES: u64 = u64::MAX - 2;

/// Asks the sampler to stop; it ends after the pass that it is in.
#[derive(Debug)]
pub struct StopSwitch(OwnedFd);

impl StopSwitch {
    /// Asks now.
    pub fn stop(&self) {
        // An eventfd refuses a write only when its counter is full, and then it is readable already.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }
}

/// Why the sampler woke up.
#[derive(Debug, Default)]
pub struct Woken {
    /// Asked to stop.
    pub stop: bool,
    /// inotify has something to tell.
    pub changes: bool,
    /// First processes of these containers ended.
    pub exited: Vec<SeriesKey>,
}

/// The epoll set.
pub struct Waiter {
    epoll: OwnedFd,
    timer: OwnedFd,
    _stop: OwnedFd,
}

impl Waiter {
    /// A set with a timer and a stop switch.
    ///
    /// # Errors
    /// When the kernel has no more descriptors for this process.
    pub fn new() -> Result<(Self, StopSwitch), Errno> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let timer =
            rustix::time::timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let switch = StopSwitch(rustix::io::fcntl_dupfd_cloexec(&stop, 0)?);
        add(&epoll, timer.as_fd(), TIMER)?;
        add(&epoll, stop.as_fd(), STOP)?;
        Ok((Self { epoll, timer, _stop: stop }, switch))
    }

    /// Also wakes when inotify has something to tell.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn watch_changes(&self, inotify: BorrowedFd<'_>) -> Result<(), Errno> {
        add(&self.epoll, inotify, CHANGES)
    }

    /// Also wakes when the process behind the pidfd ends; closing the pidfd takes it out again.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn watch_exit(&self, pidfd: &OwnedFd, key: SeriesKey) -> Result<(), Errno> {
        add(&self.epoll, pidfd.as_fd(), u64::from(key.0))
    }

    /// Sleeps to the deadline, or until something happens before it.
    ///
    /// # Errors
    /// When the kernel refuses to wait, which it has no reason to.
    pub fn wait_until(&self, deadline: Monotonic) -> Result<Woken, Errno> {
        let spec = Itimerspec {
            it_interval: timespec(Duration::ZERO),
            it_value: timespec(deadline.max(Duration::from_nanos(1))),
        };
        rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &spec)?;
        let mut events: Vec<Event> = Vec::with_capacity(64);
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        let mut woken = Woken::default();
        for event in &events {
            match event.data.u64() {
                STOP => woken.stop = true,
                CHANGES => woken.changes = true,
                TIMER => {}
                key => woken.exited.extend(u32::try_from(key).map(SeriesKey)),
            }
        }
        Ok(woken)
    }
}

fn add(epoll: &OwnedFd, fd: BorrowedFd<'_>, data: u64) -> Result<(), Errno> {
    epoll::add(epoll, fd, EventData::new_u64(data), EventFlags::IN)
}

fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), tv_nsec: duration.subsec_nanos().into() }
}
