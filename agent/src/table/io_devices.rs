//! The number columns of the `io_devices` table: a row per container and block device, where a number changed.

use super::{Field, field};
use crate::metric::Kind::Counter;
use crate::metric::Unit::{Bytes, Count};

/// The columns, in order.
#[rustfmt::skip] // one column per line reads as the table it is
pub const FIELDS: &[Field] = &[
    field("read_bytes", Counter, Bytes, "io.stat rbytes; v1 blkio.throttle.io_service_bytes_recursive Read", "Bytes read from the device"),
    field("write_bytes", Counter, Bytes, "io.stat wbytes; v1 blkio.throttle.io_service_bytes_recursive Write", "Bytes written to the device"),
    field("discard_bytes", Counter, Bytes, "io.stat dbytes; v1 blkio.throttle.io_service_bytes_recursive Discard", "Bytes discarded on the device").since("4.19"),
    field("read_ios", Counter, Count, "io.stat rios; v1 blkio.throttle.io_serviced_recursive Read", "Reads"),
    field("write_ios", Counter, Count, "io.stat wios; v1 blkio.throttle.io_serviced_recursive Write", "Writes"),
    field("discard_ios", Counter, Count, "io.stat dios; v1 blkio.throttle.io_serviced_recursive Discard", "Discards").since("4.19"),
];
