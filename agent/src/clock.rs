//! The machine's clocks, read in one place; what decides takes their time as an argument.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::model::UnixMicros;
use crate::schedule::Monotonic;

/// Time that no step of the wall clock touches.
#[must_use]
pub fn monotonic() -> Monotonic {
    read(ClockId::Monotonic)
}

/// Wall-clock time, UTC.
#[must_use]
pub fn wall() -> UnixMicros {
    i64::try_from(read(ClockId::Realtime).as_micros()).unwrap_or(i64::MAX)
}

/// CPU time of the calling thread, user and system.
#[must_use]
pub fn thread_cpu() -> Duration {
    read(ClockId::ThreadCPUTime)
}

/// CPU time of the whole process, user and system.
#[must_use]
pub fn process_cpu() -> Duration {
    read(ClockId::ProcessCPUTime)
}

fn read(id: ClockId) -> Duration {
    let time = clock_gettime(id);
    // A clock set to before 1970 reads as 1970.
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
