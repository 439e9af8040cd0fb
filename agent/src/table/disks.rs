//! The number columns of the `disks` table: a row per block device of the node and tick.

use super::{Field, field};
use crate::metric::Kind::Counter;
use crate::metric::Unit::Bytes;

/// The columns, in order.
#[rustfmt::skip] // one column per line reads as the table it is
pub const FIELDS: &[Field] = &[
    field("read_bytes", Counter, Bytes, "/proc/diskstats sectors read", "Bytes read"),
];
