//! The number columns of the `processes` table: a row per process of a container and reading.

use super::{Field, field};
use crate::metric::Kind::{Counter, Gauge, Label};
use crate::metric::Unit::{Bytes, Count, Usec};

/// The columns, in order.
#[rustfmt::skip] // one column per line reads as the table it is
pub const FIELDS: &[Field] = &[
    field("pid", Label, Count, "/proc/[pid]", "The process id in the namespace of the agent"),
    field("start_ticks", Label, Count, "/proc/[pid]/stat starttime", "When it started, in clock ticks since boot: tells it from another one of the same pid"),
    field("parent_pid", Label, Count, "/proc/[pid]/stat ppid", "The id of the process that started it, or that took it over"),
    field("utime_usec", Counter, Usec, "/proc/[pid]/stat utime", "CPU time used in user mode, all threads; resolution 1/USER_HZ"),
    field("stime_usec", Counter, Usec, "/proc/[pid]/stat stime", "CPU time used in kernel mode, all threads; resolution 1/USER_HZ"),
    field("rss_bytes", Gauge, Bytes, "/proc/[pid]/stat rss", "Memory mapped and resident, shared pages in full"),
    field("rss_anon_bytes", Gauge, Bytes, "/proc/[pid]/status RssAnon", "Its anonymous part").since("4.5"),
    field("rss_file_bytes", Gauge, Bytes, "/proc/[pid]/status RssFile", "Its part in files").since("4.5"),
    field("rss_shmem_bytes", Gauge, Bytes, "/proc/[pid]/status RssShmem", "Its part in shared memory").since("4.5"),
    field("rss_peak_bytes", Gauge, Bytes, "/proc/[pid]/status VmHWM", "Most that was ever resident"),
    field("swap_bytes", Gauge, Bytes, "/proc/[pid]/status VmSwap", "Anonymous memory in swap"),
    field("virtual_bytes", Gauge, Bytes, "/proc/[pid]/stat vsize", "Address space in use"),
    field("threads", Gauge, Count, "/proc/[pid]/stat num_threads", "Threads"),
    field("minor_faults", Counter, Count, "/proc/[pid]/stat minflt", "Page faults that waited for no disk"),
    field("major_faults", Counter, Count, "/proc/[pid]/stat majflt", "Page faults that waited for a disk"),
    field("voluntary_context_switches", Counter, Count, "/proc/[pid]/status voluntary_ctxt_switches", "Times that the first thread gave up its CPU to wait"),
    field("involuntary_context_switches", Counter, Count, "/proc/[pid]/status nonvoluntary_ctxt_switches", "Times that the first thread was made to give up its CPU"),
    field("run_queue_wait_usec", Counter, Usec, "/proc/[pid]/schedstat 2nd number", "Time that the first thread was ready and waited for a CPU"),
    field("io_read_bytes", Counter, Bytes, "/proc/[pid]/io read_bytes", "Bytes read from block devices"),
    field("io_write_bytes", Counter, Bytes, "/proc/[pid]/io write_bytes", "Bytes sent to block devices, by dirtying page cache too"),
    field("io_cancelled_write_bytes", Counter, Bytes, "/proc/[pid]/io cancelled_write_bytes", "Bytes of those that were dropped before they were written"),
    field("io_read_call_bytes", Counter, Bytes, "/proc/[pid]/io rchar", "Bytes that read calls returned: from files, sockets, pipes, cached or not"),
    field("io_write_call_bytes", Counter, Bytes, "/proc/[pid]/io wchar", "Bytes that write calls took"),
    field("io_read_calls", Counter, Count, "/proc/[pid]/io syscr", "Read calls"),
    field("io_write_calls", Counter, Count, "/proc/[pid]/io syscw", "Write calls"),
    field("open_descriptors", Gauge, Count, "st_size of /proc/[pid]/fd", "Open file descriptors").since("6.2"),
    field("pss_bytes", Gauge, Bytes, "/proc/[pid]/smaps_rollup Pss", "Resident memory, shared pages divided among those who share them").since("4.14"),
    field("pss_anon_bytes", Gauge, Bytes, "/proc/[pid]/smaps_rollup Pss_Anon", "Its anonymous part").since("5.4"),
    field("pss_file_bytes", Gauge, Bytes, "/proc/[pid]/smaps_rollup Pss_File", "Its part in files").since("5.4"),
    field("pss_shmem_bytes", Gauge, Bytes, "/proc/[pid]/smaps_rollup Pss_Shmem", "Its part in shared memory").since("5.4"),
    field("swap_pss_bytes", Gauge, Bytes, "/proc/[pid]/smaps_rollup SwapPss", "Memory in swap, divided in the same way").since("4.14"),
    field("pss_age_usec", Gauge, Usec, "the time of the reading", "How old the PSS values are: reading them is dear, so they are repeated until it is affordable"),
];
