//! The number columns of the `events` table: a row per event; a column that an event of its kind does not have is null.

use super::{Field, field};
use crate::metric::Kind::{Gauge, Label};
use crate::metric::Unit::{Bytes, Count, Usec};

/// The columns, in order.
#[rustfmt::skip] // one column per line reads as the table it is
pub const FIELDS: &[Field] = &[
    field("pid", Label, Count, "the kernel's message, or the process's directory", "The process that the event is about"),
    field("exit_code", Label, Count, "the pod's status", "The exit code of the container"),
    field("count", Gauge, Count, "the difference of a counter", "How many: kills, ticks, reads, restarts"),
    field("old_value", Gauge, Count, "the reading before", "What it was before: a limit in its column's unit, a time in microseconds"),
    field("new_value", Gauge, Count, "the reading", "What it is now"),
    field("duration_usec", Gauge, Usec, "the times of two readings", "How long: a container's life, a throttling, a gap"),
    field("uncertainty_usec", Gauge, Usec, "the way in which it was learnt", "The event happened at most this long before its time"),
    field("cpu_usage_usec", Gauge, Usec, "the last reading", "CPU time used in the container's life"),
    field("memory_peak_bytes", Gauge, Bytes, "the last reading", "Most memory in use in the container's life"),
    field("oom_kills", Gauge, Count, "the last reading", "Processes killed for memory in the container's life"),
    field("throttled_usec", Gauge, Usec, "the last reading", "Time throttled, summed over CPUs: in the container's life, or while it was throttled"),
    field("io_read_bytes", Gauge, Bytes, "the last reading", "Bytes read in the container's life"),
    field("io_write_bytes", Gauge, Bytes, "the last reading", "Bytes written in the container's life"),
];
