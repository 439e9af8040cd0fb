//! The writer thread: ticks into the tail and the spill, and segments to the sealer.
//!
//! It waits for nothing but its channel and a write(2) into the page cache. The surprise: a spill that can't be written
//! stops neither sampling nor sealing; the next segment tries again.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::frame::Frame;
use super::rotation::Reason;
use super::shared::Shared;
use super::spill::{SpillFile, SpillHeader};
use super::tail::{Appended, Frozen};
use crate::model::Tick;

/// How long an empty segment may wait for its first row before the writer looks again.
const IDLE_WAIT: Duration = Duration::from_secs(3600);

/// The spill file of the active segment.
#[derive(Debug)]
enum Spill {
    /// There is none yet.
    Unopened,
    /// It takes frames.
    Open(SpillFile),
    /// It could not be made or written; what it has stays readable.
    Broken(Option<SpillFile>),
}

/// The state of the writer thread.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    spill: Spill,
    spill_failing: bool,
    frame: Frame,
    sequence: u64,
    frozen_bytes: usize,
}

impl Writer {
    /// A writer that keeps at most `frozen_bytes` of segments that can't be sealed.
    pub(super) fn new(shared: Arc<Shared>, frozen_bytes: usize) -> Self {
        let (spill, frame) = (Spill::Unopened, Frame::default());
        Self { shared, spill, spill_failing: false, frame, sequence: 1, frozen_bytes }
    }

    /// Takes ticks until their sender is dropped, then freezes the rest.
    pub(super) fn run(mut self, ticks: &Receiver<Tick>) {
        loop {
            let left = self.shared.lock().tail.time_left(Instant::now());
            match ticks.recv_timeout(left.unwrap_or(IDLE_WAIT)) {
                Ok(tick) => self.take(&tick),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let due = self.shared.lock().tail.due(Instant::now());
            if let Some(reason) = due {
                self.rotate(Some(reason));
            }
        }
        self.rotate(None);
    }

    fn take(&mut self, tick: &Tick) {
        if tick.seal {
            self.rotate(Some(Reason::ClockStep));
        }
        let mut from = 0;
        self.shared.lock().begin(tick, &mut self.frame);
        loop {
            let now = Instant::now();
            let appended = self.shared.lock().tail.append((tick, from), now, &mut self.frame);
            self.write_frame();
            match appended {
                Appended::Whole => break,
                Appended::SealBefore(index, reason) => {
                    self.rotate(Some(reason));
                    from = index;
                }
            }
        }
        self.shared.appended.fetch_add(1, Relaxed);
        let mut state = self.shared.lock();
        state.tail.end(tick);
        self.shared.counters.rows_dropped.add(state.tail.take_unknown_rows());
        self.shared.counters.tail_bytes.set(state.tail.memory() as u64);
    }

    fn write_frame(&mut self) {
        if !self.frame.is_empty() {
            let is_new = matches!(self.spill, Spill::Unopened);
            match self.try_write_frame() {
                Ok(()) => {
                    if let Spill::Open(file) = &self.spill {
                        self.shared.sync.written(file.file(), is_new);
                    }
                }
                Err(error) => self.spill_failed(&error),
            }
        }
        self.frame.clear();
    }

    fn try_write_frame(&mut self) -> std::io::Result<()> {
        if let Spill::Unopened = self.spill {
            let header = SpillHeader::new(&self.shared.origin, self.sequence);
            let (file, bytes) = SpillFile::create(&self.shared.spill_directory(), &header)?;
            self.shared.counters.spill_bytes.add(bytes);
            self.spill = Spill::Open(file);
        }
        let Spill::Open(file) = &mut self.spill else { return Ok(()) };
        self.shared.counters.spill_bytes.add(file.append(&mut self.frame)?);
        if std::mem::take(&mut self.spill_failing) {
            tracing::info!("spill files are written again");
        }
        Ok(())
    }

    fn spill_failed(&mut self, error: &std::io::Error) {
        self.shared.counters.spill_errors.increment();
        self.shared.lock().last_error = Some(format!("the spill file can't be written: {error}"));
        if !self.spill_failing {
            tracing::warn!(%error, "the spill file can't be written: a crash would lose the segment in memory");
        }
        self.spill_failing = true;
        self.spill = match std::mem::replace(&mut self.spill, Spill::Unopened) {
            Spill::Open(file) => Spill::Broken(Some(file)),
            Spill::Unopened | Spill::Broken(None) => Spill::Broken(None),
            broken @ Spill::Broken(Some(_)) => broken,
        };
    }

    /// Hands the active segment to the sealer; `None` as a reason at the end.
    fn rotate(&mut self, reason: Option<Reason>) {
        let spill = match std::mem::replace(&mut self.spill, Spill::Unopened) {
            Spill::Open(file) | Spill::Broken(Some(file)) => Some(file),
            Spill::Unopened | Spill::Broken(None) => None,
        };
        let mut state = self.shared.lock();
        if let Some(segment) = state.tail.freeze() {
            tracing::debug!(?reason, sequence = self.sequence, rows = segment.rows(), "segment frozen");
            state.tail.push_frozen(Frozen {
                segment: Arc::new(segment),
                sequence: self.sequence,
                spill: spill.as_ref().map(|file| file.path().to_owned()),
                spilled_rows: spill.as_ref().map_or(0, SpillFile::rows),
            });
            self.sequence += 1;
        }
        let sealing = state.sealing;
        while let Some(shed) = state.tail.shed_frozen(self.frozen_bytes, sealing) {
            let lost = shed.segment.rows() - shed.spilled_rows;
            self.shared.counters.rows_dropped.add(lost);
            tracing::warn!(rows = shed.segment.rows(), lost, "a segment that can't be sealed left memory");
            state.parked_rows += shed.spilled_rows;
            state.parked.extend(shed.spill);
        }
        state.stopping |= reason.is_none();
        state.idle = false;
        drop(state);
        self.shared.changed.notify_all();
    }
}
