//! The upkeep thread: files that are old go, the files of an hour that is over become one, and its minutes are summed up.
//!
//! ```text
//! write .NAME.tmp -> fsync -> prove -> rename to NAME -> fsync directory -> (one lock: output in, inputs out) -> unlink inputs
//! ```
//! A crash before the rename leaves the inputs and a `.tmp`; after it, the output names its inputs (`fgm.replaces`), and what is
//! left of them is deleted at the next start, once every value of the output was read. Runs after each seal and every minute, at
//! the lowest priority that still gets done. The surprise: an hour may be merged again, when a file of it comes late.

mod merging;
mod retaining;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use self::merging::Task;
use super::WallClock;
use super::retention::{AgeClock, Budget};
use super::shared::{Shared, work_in_background};
use crate::allocator;
use crate::model::UnixMicros;

/// How often age is looked at where nothing is sealed.
const EVERY: Duration = Duration::from_secs(60);
/// Yields the processor to everything else of the agent.
const NICE: i32 = 15;

/// The state of the upkeep thread.
#[derive(Debug)]
pub(super) struct Upkeep {
    shared: Arc<Shared>,
    clock: WallClock,
    age_clock: AgeClock,
    /// What failed, and when on the monotonic clock it may be tried again.
    retry_at: BTreeMap<Task, Duration>,
    budget: Budget,
    /// Files that can't be merged; they stay as they are.
    apart: HashSet<PathBuf>,
    /// The first hour whose rollups may be made: those before had to go for the budget, and would again.
    rollups_from: i64,
    /// Files made so far, for names of their segments.
    made: u64,
    failing: bool,
}

impl Upkeep {
    pub(super) fn new(shared: Arc<Shared>, clock: WallClock, budget: Budget) -> Self {
        Self {
            shared,
            clock,
            age_clock: AgeClock::default(),
            retry_at: BTreeMap::new(),
            budget,
            apart: HashSet::new(),
            rollups_from: i64::MIN,
            made: 0,
            failing: false,
        }
    }

    /// Works until the store ends.
    pub(super) fn run(mut self) {
        work_in_background(NICE);
        allocator::allocate_apart();
        while let Some(asked) = self.wait() {
            let now = self.clock.now();
            if std::mem::take(&mut self.shared.lock().upkeep_retry) {
                self.retry_at.clear();
            }
            self.retain(now);
            self.merge_hours(now);
            // What was made counts as well.
            self.retain(now);
            allocator::give_pages_back();
            let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            let micros = u64::try_from(cpu.tv_sec).unwrap_or(0) * 1_000_000 + cpu.tv_nsec.unsigned_abs() / 1000;
            self.shared.counters.upkeep_cpu_usec.set(micros);
            let mut state = self.shared.lock();
            state.upkeep_done = state.upkeep_done.max(asked);
            drop(state);
            self.shared.changed.notify_all();
        }
    }

    /// Waits for a reason or the time; `None` at the end. Files found at start must all be known first; spills may be left,
    /// because on a full disk only retention makes the room to recover them.
    fn wait(&self) -> Option<u64> {
        let state = self.shared.lock();
        let idle = |state: &mut super::shared::State| {
            !state.stopping && (!state.listed || state.upkeep_asked <= state.upkeep_done)
        };
        let waited = self.shared.changed.wait_timeout_while(state, EVERY, idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        while !state.listed && !state.stopping {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        (!state.stopping).then_some(state.upkeep_asked)
    }

    fn is_stopping(&self) -> bool {
        self.shared.lock().stopping
    }
}

/// The age of something, in whole microseconds, as the plan wants it.
fn micros(time: std::time::SystemTime) -> UnixMicros {
    let since = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
