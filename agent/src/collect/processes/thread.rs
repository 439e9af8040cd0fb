//! The thread of the processes' collector: passes at absolute deadlines, and what they gave handed on without waiting.
//!
//! Stopped by dropping its [`Stop`].

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel};
use std::thread::JoinHandle;

use super::{Moment, Processes, STRETCH, STRETCHED_LEVEL};
use crate::clock::{monotonic, thread_cpu, wall};
use crate::model::Tick;
use crate::outbox::{Door, Outbox};
use crate::schedule::Schedule;

/// Ends the thread when it is dropped, and closes its outbox.
#[derive(Debug)]
pub struct Stop {
    _open: Sender<()>,
    door: Door,
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.door.close();
    }
}

/// Starts the thread.
///
/// # Errors
/// When the kernel has no thread for this process.
pub fn start(processes: Processes, out: SyncSender<Tick>) -> std::io::Result<(JoinHandle<()>, Stop)> {
    let (open, stopped) = channel();
    let outbox = Outbox::new(out, processes.counters.clone());
    let door = outbox.door();
    let thread =
        std::thread::Builder::new().name("fgm-processes".to_owned()).spawn(move || run(processes, &stopped, outbox))?;
    Ok((thread, Stop { _open: open, door }))
}

fn run(mut processes: Processes, stopped: &Receiver<()>, mut outbox: Outbox) {
    let mut schedule = Schedule::starting_at(monotonic(), processes.options.interval);
    let mut deadlines = 0u32;
    loop {
        let wait = schedule.deadline().saturating_sub(monotonic());
        match stopped.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
        if schedule.take(monotonic()).is_none() {
            continue;
        }
        deadlines = deadlines.wrapping_add(1);
        if processes.shedding.level() >= STRETCHED_LEVEL && !deadlines.is_multiple_of(STRETCH) {
            processes.counters.shed_reads.add(processes.counters.processes.get());
            continue;
        }
        let (mut tick, before) = (Tick::default(), thread_cpu());
        processes.pass(Moment { now: monotonic(), time: wall() }, &mut tick);
        let is_taken = outbox.send(tick);
        let cpu = thread_cpu();
        processes.shedding.used_beside(cpu.saturating_sub(before));
        processes.counters.process_passes.increment();
        processes.counters.processes_cpu_usec.set(u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX));
        if !is_taken {
            return;
        }
    }
}
