//! The number columns of the `node` table: a row per tick.

use super::{Field, field};
use crate::metric::Kind::Counter;
use crate::metric::Unit::Usec;

/// The columns, in order.
#[rustfmt::skip] // one column per line reads as the table it is
pub const FIELDS: &[Field] = &[
    field("cpu_user_usec", Counter, Usec, "/proc/stat cpu user", "CPU time in user mode, guests excluded"),
];
