//! The thread of the processes' collector: passes at absolute deadlines, and what they gave handed on without waiting.
//!
//! Stopped by dropping its [`Stop`]. Where the store is behind by the whole channel the rows are dropped and counted; who
//! was born and who died is said with the next pass.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel};
use std::thread::JoinHandle;

use super::{Moment, Processes, Shedding};
use crate::clock::{monotonic, thread_cpu, wall};
use crate::model::Tick;
use crate::schedule::Schedule;

/// Ends the thread when it is dropped.
#[derive(Debug)]
pub struct Stop {
    _open: Sender<()>,
}

/// Starts the thread.
///
/// # Errors
/// When the kernel has no thread for this process.
pub fn start(processes: Processes, out: SyncSender<Tick>) -> std::io::Result<(JoinHandle<()>, Stop)> {
    let (open, stopped) = channel();
    let thread =
        std::thread::Builder::new().name("fgm-processes".to_owned()).spawn(move || run(processes, &stopped, &out))?;
    Ok((thread, Stop { _open: open }))
}

fn run(mut processes: Processes, stopped: &Receiver<()>, out: &SyncSender<Tick>) {
    let mut unsent = Tick::default();
    let mut schedule = Schedule::starting_at(monotonic(), processes.options.interval);
    let (mut passes, mut deadlines) = (0u64, 0u32);
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
        let is_stretched = processes.shedding.level() >= Shedding::STRETCHED;
        if is_stretched && !deadlines.is_multiple_of(Shedding::STRETCH) {
            continue;
        }
        processes.pass(Moment { now: monotonic(), time: wall() }, &mut unsent);
        passes += 1;
        processes.counters.process_passes.set(passes);
        processes.counters.processes_cpu_usec.set(u64::try_from(thread_cpu().as_micros()).unwrap_or(u64::MAX));
        if !hand_on(&processes, &mut unsent, out) {
            return;
        }
    }
}

/// False when nobody takes ticks any more.
fn hand_on(processes: &Processes, unsent: &mut Tick, out: &SyncSender<Tick>) -> bool {
    if unsent.is_empty() {
        return true;
    }
    let rows = u64::try_from(unsent.rows.len()).unwrap_or(u64::MAX);
    match out.try_send(std::mem::take(unsent)) {
        Ok(()) => {
            processes.counters.rows_sampled.add(rows);
            true
        }
        Err(TrySendError::Full(tick)) => {
            processes.counters.dropped_ticks.increment();
            processes.counters.rows_dropped.add(rows);
            *unsent = Tick { rows: Vec::new(), values: Vec::new(), ..tick };
            true
        }
        Err(TrySendError::Disconnected(_)) => false,
    }
}
