//! The number columns of the `processes` table: a row per process of a container and reading.

use super::{Field, field};
use crate::metric::Kind::{Counter, Label};
use crate::metric::Unit::{Count, Usec};

/// The columns, in order.
#[rustfmt::skip] // one column per line reads as the table it is
pub const FIELDS: &[Field] = &[
    field("pid", Label, Count, "/proc/[pid]", "The process id in the namespace of the agent"),
    field("utime_usec", Counter, Usec, "/proc/[pid]/stat utime", "CPU time used in user mode"),
];
