//! The number columns of the `network` table: a row per interface and reading.

use super::{Field, field};
use crate::metric::Kind::Counter;
use crate::metric::Unit::Bytes;

/// The columns, in order.
#[rustfmt::skip] // one column per line reads as the table it is
pub const FIELDS: &[Field] = &[
    field("receive_bytes", Counter, Bytes, "/proc/[pid]/net/dev", "Bytes received"),
];
