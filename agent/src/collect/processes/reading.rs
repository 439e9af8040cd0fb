//! The files of one process as the columns of one row.
//!
//! The surprise: `io` and `smaps_rollup` of another user's process want `CAP_SYS_PTRACE`. Where they are refused the columns
//! are null, and how many processes that is so for is told once per pass, not as an error for each.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rustix::io::Errno;

use super::proc_dir::{Buffer, ProcDir};
use crate::cgroup::Garbled;
use crate::collect::NewRow;
use crate::health::{Counters, ReadError};
use crate::metric::Column;
use crate::model::{SeriesKey, Tick, UnixMicros};
use crate::procfs::cmdline::{self, MAX_COMMAND_BYTES};
use crate::procfs::process::{Io, Rollup, Stat, Status, run_queue_wait_usec};
use crate::table::Table;

/// What one reading of a process gave.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    parent_pid: i64,
    utime_usec: i64,
    stime_usec: i64,
    minor_faults: i64,
    major_faults: i64,
    virtual_bytes: i64,
    /// Resident pages.
    pub rss_pages: i64,
    /// Threads.
    pub threads: i64,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
    status: Status,
    io: Io,
    run_queue_wait_usec: Option<i64>,
    /// Open file descriptors, where the kernel tells.
    pub open_descriptors: Option<i64>,
    /// The newest PSS, and its age.
    pub pss: Option<(Rollup, Duration)>,
}

/// Reads processes.
#[derive(Debug)]
pub struct ProcessReader {
    user_hz: u64,
    page_bytes: i64,
    tells_descriptors: bool,
    unreadable: BTreeMap<&'static str, usize>,
    comm: Vec<u8>,
    counters: Arc<Counters>,
}

impl ProcessReader {
    /// A reader with this machine's facts.
    #[must_use]
    pub fn new(proc_root: &Path, counters: Arc<Counters>) -> Self {
        // This process has descriptors, so a kernel that says 0 of it does not count them.
        let own = rustix::fs::stat(proc_root.join("self/fd")).or_else(|_| rustix::fs::stat("/proc/self/fd"));
        Self {
            user_hz: rustix::param::clock_ticks_per_second(),
            page_bytes: i64::try_from(rustix::param::page_size()).unwrap_or(4096),
            tells_descriptors: own.is_ok_and(|own| own.st_size > 0),
            unreadable: BTreeMap::new(),
            comm: Vec::new(),
            counters,
        }
    }

    /// Whether the kernel tells the number of open descriptors (since Linux 6.2).
    #[must_use]
    pub fn tells_descriptors(&self) -> bool {
        self.tells_descriptors
    }

    /// The files that could not be read since the last call, with the number of processes.
    pub fn take_unreadable(&mut self) -> BTreeMap<&'static str, usize> {
        std::mem::take(&mut self.unreadable)
    }

    /// The name of the process that was read last.
    #[must_use]
    pub fn comm(&self) -> &[u8] {
        &self.comm
    }

    /// Reads a process; `None` where it has ended.
    pub fn read(&mut self, dir: &ProcDir, with_costly: bool, buffer: &mut Buffer) -> Option<Numbers> {
        let user_hz = self.user_hz;
        let text = dir.read("stat", buffer).ok()?;
        let Ok(stat) = Stat::parse(text, user_hz) else {
            self.counters.read_error(ReadError::Garbled);
            return None;
        };
        self.comm.clear();
        self.comm.extend_from_slice(stat.comm);
        let mut numbers = Numbers {
            parent_pid: stat.parent_pid,
            utime_usec: stat.utime_usec,
            stime_usec: stat.stime_usec,
            minor_faults: stat.minor_faults,
            major_faults: stat.major_faults,
            virtual_bytes: stat.virtual_bytes,
            rss_pages: stat.rss_pages,
            threads: stat.threads,
            start_ticks: stat.start_ticks,
            ..Numbers::default()
        };
        if matches!(stat.state, b'Z' | b'X' | b'x') {
            return Some(numbers); // nothing is left of it but its exit code
        }
        numbers.status = self.parsed((dir, "status"), buffer, Status::parse).unwrap_or_default();
        numbers.run_queue_wait_usec = self.parsed((dir, "schedstat"), buffer, run_queue_wait_usec);
        numbers.io = self.parsed((dir, "io"), buffer, Io::parse).unwrap_or_default();
        if with_costly && self.tells_descriptors {
            numbers.open_descriptors = dir.open_descriptors().ok();
        }
        Some(numbers)
    }

    /// Reads a process's PSS.
    pub fn rollup(&mut self, dir: &ProcDir, buffer: &mut Buffer) -> Option<Rollup> {
        self.parsed((dir, "smaps_rollup"), buffer, Rollup::parse)
    }

    fn parsed<T>(
        &mut self,
        (dir, file): (&ProcDir, &'static str),
        buffer: &mut Buffer,
        parse: impl FnOnce(&[u8]) -> Result<T, Garbled>,
    ) -> Option<T> {
        match dir.read(file, buffer) {
            // A process that ends while it is read leaves an empty text.
            Ok([]) => None,
            Ok(text) => parse(text).inspect_err(|Garbled| self.counters.read_error(ReadError::Garbled)).ok(),
            Err(Errno::ACCESS | Errno::PERM) => {
                *self.unreadable.entry(file).or_default() += 1;
                None
            }
            // Gone, or a kernel built without it.
            Err(_) => None,
        }
    }

    /// Appends the row of a reading.
    pub fn push(&self, (key, pid): (SeriesKey, u32), time: UnixMicros, numbers: &Numbers, tick: &mut Tick) {
        let columns = &*COLUMNS;
        let mut row = NewRow::begin(tick, key, Table::Processes, time);
        for (column, value) in columns.iter().zip(self.values(pid, numbers)) {
            if let Some(value) = value {
                row.set(*column, value);
            }
        }
        row.push();
    }

    /// The values in the order of [`NAMES`].
    fn values(&self, pid: u32, numbers: &Numbers) -> [Option<i64>; NAMES.len()] {
        let Numbers { status, io, .. } = numbers;
        let (pss, age) = numbers.pss.unzip();
        let pss = pss.unwrap_or_default();
        [
            Some(i64::from(pid)),
            i64::try_from(numbers.start_ticks).ok(),
            Some(numbers.parent_pid),
            Some(numbers.utime_usec),
            Some(numbers.stime_usec),
            Some(numbers.rss_pages.saturating_mul(self.page_bytes)),
            status.rss_anon_bytes,
            status.rss_file_bytes,
            status.rss_shmem_bytes,
            status.rss_peak_bytes,
            status.swap_bytes,
            Some(numbers.virtual_bytes),
            Some(numbers.threads),
            Some(numbers.minor_faults),
            Some(numbers.major_faults),
            status.voluntary_switches,
            status.involuntary_switches,
            numbers.run_queue_wait_usec,
            io.read_bytes,
            io.write_bytes,
            io.cancelled_write_bytes,
            io.read_call_bytes,
            io.write_call_bytes,
            io.read_calls,
            io.write_calls,
            numbers.open_descriptors,
            pss.pss_bytes,
            pss.pss_anon_bytes,
            pss.pss_file_bytes,
            pss.pss_shmem_bytes,
            pss.swap_pss_bytes,
            age.map(|age| i64::try_from(age.as_micros()).unwrap_or(i64::MAX)),
        ]
    }
}

/// The command line; `None` where there is none, or it cannot be read.
pub fn command_line(dir: &ProcDir, buffer: &mut Buffer) -> Option<String> {
    let (text, has_more) = dir.read_start("cmdline", MAX_COMMAND_BYTES, buffer).ok()?;
    cmdline::command_line(text, has_more)
}

/// The columns that [`ProcessReader::values`] fills, by name, so that the table may order its columns as it likes.
const NAMES: [&str; 32] = [
    "pid",
    "start_ticks",
    "parent_pid",
    "utime_usec",
    "stime_usec",
    "rss_bytes",
    "rss_anon_bytes",
    "rss_file_bytes",
    "rss_shmem_bytes",
    "rss_peak_bytes",
    "swap_bytes",
    "virtual_bytes",
    "threads",
    "minor_faults",
    "major_faults",
    "voluntary_context_switches",
    "involuntary_context_switches",
    "run_queue_wait_usec",
    "io_read_bytes",
    "io_write_bytes",
    "io_cancelled_write_bytes",
    "io_read_call_bytes",
    "io_write_call_bytes",
    "io_read_calls",
    "io_write_calls",
    "open_descriptors",
    "pss_bytes",
    "pss_anon_bytes",
    "pss_file_bytes",
    "pss_shmem_bytes",
    "swap_pss_bytes",
    "pss_age_usec",
];

static COLUMNS: LazyLock<Vec<Column>> =
    LazyLock::new(|| NAMES.iter().filter_map(|name| Table::Processes.column(name)).collect());

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_column_of_the_table_is_filled() {
        assert_eq!(COLUMNS.len(), NAMES.len());
        let filled: BTreeSet<Column> = COLUMNS.iter().copied().collect();
        assert_eq!(filled.len(), Table::Processes.width());
    }
}
