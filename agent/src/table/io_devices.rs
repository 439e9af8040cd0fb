//! The number columns of the `io_devices` table: a row per container and block device, where a number changed.

use super::{Field, field};
use crate::metric::Kind::Counter;
use crate::metric::Unit::Bytes;

/// The columns, in order.
#[rustfmt::skip] // one column per line reads as the table it is
pub const FIELDS: &[Field] = &[
    field("read_bytes", Counter, Bytes, "io.stat rbytes", "Bytes read from the device"),
];
