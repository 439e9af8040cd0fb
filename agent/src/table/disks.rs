//! The number columns of the `disks` table: a row per block device of the node and tick.
//!
//! Whole devices only: a partition's numbers are in its disk's. Loop devices and RAM disks are left out, and devices that
//! never did any IO.

use super::{Field, field};
use crate::metric::Kind::{Counter, Gauge};
use crate::metric::Unit::{Bytes, Count, Usec};

/// The columns, in order: that of the numbers in `/proc/diskstats`.
#[rustfmt::skip] // one column per line reads as the table it is
pub const FIELDS: &[Field] = &[
    field("reads", Counter, Count, "/proc/diskstats field 1", "Reads that ended"),
    field("reads_merged", Counter, Count, "/proc/diskstats field 2", "Reads that were made part of another one"),
    field("read_bytes", Counter, Bytes, "/proc/diskstats field 3", "Bytes read (sectors of 512)"),
    field("read_time_usec", Counter, Usec, "/proc/diskstats field 4", "Time of all reads, summed: may grow faster than wall time"),
    field("writes", Counter, Count, "/proc/diskstats field 5", "Writes that ended"),
    field("writes_merged", Counter, Count, "/proc/diskstats field 6", "Writes that were made part of another one"),
    field("write_bytes", Counter, Bytes, "/proc/diskstats field 7", "Bytes written (sectors of 512)"),
    field("write_time_usec", Counter, Usec, "/proc/diskstats field 8", "Time of all writes, summed"),
    field("in_flight", Gauge, Count, "/proc/diskstats field 9", "Requests that the device is at"),
    field("io_time_usec", Counter, Usec, "/proc/diskstats field 10", "Time in which the device had a request"),
    field("weighted_io_time_usec", Counter, Usec, "/proc/diskstats field 11", "The same times the number of requests"),
    field("discards", Counter, Count, "/proc/diskstats field 12", "Discards that ended").since("4.18"),
    field("discards_merged", Counter, Count, "/proc/diskstats field 13", "Discards that were made part of another one").since("4.18"),
    field("discard_bytes", Counter, Bytes, "/proc/diskstats field 14", "Bytes discarded (sectors of 512)").since("4.18"),
    field("discard_time_usec", Counter, Usec, "/proc/diskstats field 15", "Time of all discards, summed").since("4.18"),
    field("flushes", Counter, Count, "/proc/diskstats field 16", "Flushes that ended").since("5.5"),
    field("flush_time_usec", Counter, Usec, "/proc/diskstats field 17", "Time of all flushes, summed").since("5.5"),
];
