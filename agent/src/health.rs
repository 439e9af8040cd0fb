//! The agent's own counters: what it did, what it missed, what went wrong, by class.
//!
//! Pure values behind atomics; any thread adds, `/metrics` and `/api/status` read. Nothing here knows how they are shown.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A number that any thread may change and read.
#[derive(Debug, Default)]
pub struct Cell(AtomicU64);

impl Cell {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Replaces the number (for gauges).
    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Why a kernel file gave no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The cgroup vanished between finding and reading it.
    Gone,
    /// This process may not read it.
    Denied,
    /// The text is not what the kernel documents.
    Garbled,
    /// Any other I/O error.
    Io,
}

impl ReadError {
    /// Every class, in the order of [`Counters::read_errors`].
    pub const ALL: [Self; 4] = [Self::Gone, Self::Denied, Self::Garbled, Self::Io];

    /// The class as a label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Denied => "denied",
            Self::Garbled => "garbled",
            Self::Io => "io",
        }
    }
}

/// Why the API server gave no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamesError {
    /// It does not answer, or its connection broke.
    Unreachable,
    /// It answers 401 or 403.
    Denied,
    /// It no longer has the version that was watched from (410): everything is listed again.
    Expired,
    /// It answers with another error.
    Refused,
    /// Its answer, or one pod in it, makes no sense.
    Garbled,
}

impl NamesError {
    /// Every class, in the order of [`Counters::names_errors`].
    pub const ALL: [Self; 5] = [Self::Unreachable, Self::Denied, Self::Expired, Self::Refused, Self::Garbled];

    /// The class as a label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Garbled => "garbled",
        }
    }
}

/// Upper bounds of [`Histogram`] buckets, in seconds.
pub const BUCKETS_SECONDS: [f64; 12] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0];

/// A histogram of durations.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [Cell; BUCKETS_SECONDS.len() + 1],
    sum_nanos: Cell,
}

/// A histogram's numbers at one moment; counts are per bucket, not cumulative, the last one above every bound.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramValue {
    /// Observations per bucket of [`BUCKETS_SECONDS`], then those above the last bound.
    pub counts: Vec<u64>,
    /// Sum of all observations, in seconds.
    pub sum_seconds: f64,
}

impl Histogram {
    /// Records one duration.
    pub fn observe(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let index = BUCKETS_SECONDS.iter().position(|&bound| seconds <= bound).unwrap_or(BUCKETS_SECONDS.len());
        self.buckets[index].increment();
        self.sum_nanos.add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// The numbers now.
    #[must_use]
    pub fn value(&self) -> HistogramValue {
        HistogramValue {
            counts: self.buckets.iter().map(Cell::get).collect(),
            sum_seconds: Duration::from_nanos(self.sum_nanos.get()).as_secs_f64(),
        }
    }
}

/// Everything the agent counts about itself.
#[derive(Debug, Default)]
pub struct Counters {
    /// Passes made.
    pub ticks: Cell,
    /// Deadlines skipped because a pass was still running or the thread was not scheduled.
    pub missed_ticks: Cell,
    /// Ticks dropped because the writer was behind by the whole channel.
    pub dropped_ticks: Cell,
    /// How late passes began after their deadlines.
    pub tick_lateness: Histogram,
    /// How long passes took.
    pub tick_duration: Histogram,
    /// CPU time of the sampler thread, in microseconds.
    pub sampler_cpu_usec: Cell,
    /// Rows sampled.
    pub rows_sampled: Cell,
    /// Failed reads, by [`ReadError::ALL`].
    pub read_errors: [Cell; ReadError::ALL.len()],
    /// Reads that had to open the file first, because no more files may be kept open.
    pub unkept_opens: Cell,
    /// Kernel files kept open now (gauge).
    pub open_files: Cell,
    /// Cgroups recorded now (gauge).
    pub containers: Cell,
    /// Cgroups seen being born.
    pub births: Cell,
    /// Cgroups seen dying with a final row.
    pub final_deaths: Cell,
    /// Cgroups that were gone before a final read.
    pub unfinal_deaths: Cell,
    /// Readings left out to keep within the CPU budget.
    pub shed_reads: Cell,
    /// Events told.
    pub events: Cell,
    /// Jumps of the wall clock.
    pub clock_steps: Cell,
    /// inotify queue overflows, each answered by a rescan.
    pub inotify_overflows: Cell,
    /// Whole-tree rescans.
    pub rescans: Cell,
    /// Rows written to sealed files.
    pub rows_written: Cell,
    /// Bytes of sealed files written.
    pub sealed_bytes: Cell,
    /// Files sealed.
    pub seals: Cell,
    /// Seals that failed and are tried again.
    pub seal_errors: Cell,
    /// Bytes written to spill files.
    pub spill_bytes: Cell,
    /// Spill writes that failed.
    pub spill_errors: Cell,
    /// Rows brought back from spill files, of earlier runs or of segments that had left memory unsealed.
    pub rows_recovered: Cell,
    /// Rows dropped because they could be neither sealed nor kept within the tail's bound.
    pub rows_dropped: Cell,
    /// Damaged files set aside.
    pub files_set_aside: Cell,
    /// Files made of the files of an hour.
    pub merged_files: Cell,
    /// Files of rollups made.
    pub rollup_files: Cell,
    /// Merges and rollups that failed.
    pub merge_errors: Cell,
    /// Files that went by their age or for the disk's budget.
    pub retention_files: Cell,
    /// Bytes of them.
    pub retention_bytes: Cell,
    /// Files that were to go and could not be deleted.
    pub retention_errors: Cell,
    /// CPU time of the upkeep thread, in microseconds.
    pub upkeep_cpu_usec: Cell,
    /// Bytes of the tail in memory (gauge).
    pub tail_bytes: Cell,
    /// What went wrong with the API server, by [`NamesError::ALL`].
    pub names_errors: [Cell; NamesError::ALL.len()],
    /// Pods known by name (gauge).
    pub pods: Cell,
    /// Pods told of that were beyond the index's bounds.
    pub pods_beyond_bounds: Cell,
    /// Labels of pods that were left out or cut.
    pub labels_beyond_bounds: Cell,
    /// Ends and restarts told by pods' statuses that nobody took in time.
    pub pod_news_dropped: Cell,
    /// Passes over the processes of all containers.
    pub process_passes: Cell,
    /// CPU time of the thread that reads processes, in microseconds.
    pub processes_cpu_usec: Cell,
    /// Processes recorded now (gauge).
    pub processes: Cell,
    /// Times that a process was left out because there are more than are recorded.
    pub processes_left_out: Cell,
}

impl Counters {
    /// Counts a failed read.
    pub fn read_error(&self, class: ReadError) {
        self.read_errors[class as usize].increment();
    }

    /// Counts something that went wrong with the API server.
    pub fn names_error(&self, class: NamesError) {
        self.names_errors[class as usize].increment();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_each_observation_in_its_bucket() {
        let histogram = Histogram::default();
        histogram.observe(Duration::from_micros(100));
        histogram.observe(Duration::from_millis(3));
        histogram.observe(Duration::from_secs(7));
        let value = histogram.value();
        assert_eq!(value.counts, [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
        assert!((value.sum_seconds - 7.003_1).abs() < 1e-9);
    }

    #[test]
    fn read_errors_are_counted_by_class() {
        let counters = Counters::default();
        counters.read_error(ReadError::Garbled);
        assert_eq!(ReadError::ALL.map(|class| counters.read_errors[class as usize].get()), [0, 0, 1, 0]);
    }
}
