//! The agent's counters under the names that `/metrics`, `/api/status` and `docs/metrics.md` share.
//!
//! One table, made from [`Counters`] by taking it apart field by field: a counter that is added there does not compile
//! until it has a name here.

use std::time::Duration;

use crate::health::{Cell, Counters, Histogram, HistogramValue, NamesError, ReadError};
use crate::own_use::OwnUse;

/// A value at one moment.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnValue {
    /// Only grows.
    Counter(u64),
    /// Only grows; seconds.
    Seconds(f64),
    /// Goes up and down.
    Gauge(u64),
    /// Durations in seconds.
    Histogram(HistogramValue),
    /// A counter per value of one label.
    ByLabel(&'static str, Vec<(&'static str, u64)>),
}

/// One of the agent's own metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnMetric {
    /// The full name, unit and `_total` included.
    pub name: &'static str,
    /// One sentence for people.
    pub help: &'static str,
    /// Its value now.
    pub value: OwnValue,
}

impl OwnMetric {
    /// The kind as Prometheus names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.value {
            OwnValue::Counter(_) | OwnValue::Seconds(_) | OwnValue::ByLabel(..) => "counter",
            OwnValue::Gauge(_) => "gauge",
            OwnValue::Histogram(_) => "histogram",
        }
    }
}

/// Every counter, named.
#[must_use]
#[rustfmt::skip] // one metric per line reads as the table it is
pub fn own_metrics(counters: &Counters) -> Vec<OwnMetric> {
    // No `..`: a new counter must be named before this compiles.
    let Counters {
        ticks, missed_ticks, dropped_ticks, tick_lateness, tick_duration, sampler_cpu_usec, rows_sampled, read_errors,
        unkept_opens, open_files, containers, births, final_deaths, unfinal_deaths, shed_reads, events, clock_steps,
        inotify_overflows, rescans,
        rows_written, sealed_bytes, seals, seal_errors, spill_bytes, spill_errors, rows_recovered, rows_dropped,
        files_set_aside, merged_files, rollup_files, merge_errors, retention_files, retention_bytes, retention_errors,
        upkeep_cpu_usec, tail_bytes, names_errors, pods, pods_beyond_bounds, labels_beyond_bounds, pod_news_dropped,
        process_passes, processes_cpu_usec, processes, processes_left_out,
    } = counters;
    vec![
        counter("fgm_ticks_total", "Passes over all containers", ticks),
        counter("fgm_missed_ticks_total", "Deadlines skipped because a pass still ran or the thread was not scheduled", missed_ticks),
        counter("fgm_dropped_ticks_total", "Ticks dropped because the writer was behind by the whole channel", dropped_ticks),
        histogram("fgm_tick_lateness_seconds", "How late passes began after their deadlines", tick_lateness),
        histogram("fgm_tick_duration_seconds", "How long passes took", tick_duration),
        seconds("fgm_sampler_cpu_seconds_total", "CPU time of the sampler thread", sampler_cpu_usec),
        counter("fgm_rows_sampled_total", "Rows sampled", rows_sampled),
        by_class("fgm_read_errors_total", "Kernel files that gave no value, by class", names(read_errors, ReadError::ALL.map(ReadError::as_str))),
        counter("fgm_unkept_opens_total", "Reads that had to open the file first because no more may be kept open", unkept_opens),
        gauge("fgm_open_files", "Kernel files kept open", open_files),
        gauge("fgm_containers", "Cgroups recorded now", containers),
        counter("fgm_births_total", "Cgroups seen being born", births),
        counter("fgm_final_deaths_total", "Cgroups seen dying with a final row", final_deaths),
        counter("fgm_unfinal_deaths_total", "Cgroups that were gone before a final read", unfinal_deaths),
        counter("fgm_shed_reads_total", "Readings left out to keep within the CPU budget", shed_reads),
        counter("fgm_events_total", "Events told: OOM kills, starts and stops, changes of limits, and so on", events),
        counter("fgm_clock_steps_total", "Jumps of the wall clock", clock_steps),
        counter("fgm_inotify_overflows_total", "inotify queue overflows, each answered by a rescan", inotify_overflows),
        counter("fgm_rescans_total", "Rescans of the whole tree", rescans),
        counter("fgm_rows_written_total", "Rows written to sealed files", rows_written),
        counter("fgm_sealed_bytes_total", "Bytes of sealed files written", sealed_bytes),
        counter("fgm_seals_total", "Files sealed", seals),
        counter("fgm_seal_errors_total", "Seals that failed and are tried again", seal_errors),
        counter("fgm_spill_bytes_total", "Bytes written to spill files", spill_bytes),
        counter("fgm_spill_errors_total", "Spill writes that failed", spill_errors),
        counter("fgm_rows_recovered_total", "Rows brought back from spill files: of earlier runs, or of segments that had left memory unsealed", rows_recovered),
        counter("fgm_rows_dropped_total", "Rows dropped because they could be neither sealed nor kept in the tail", rows_dropped),
        counter("fgm_files_set_aside_total", "Damaged files set aside", files_set_aside),
        counter("fgm_merged_files_total", "Files made of the sealed files of an hour", merged_files),
        counter("fgm_rollup_files_total", "Files of rollups made", rollup_files),
        counter("fgm_merge_errors_total", "Merges and rollups that failed", merge_errors),
        counter("fgm_retention_files_total", "Files deleted by their age or for the disk's budget", retention_files),
        counter("fgm_retention_bytes_total", "Bytes of files deleted by their age or for the disk's budget", retention_bytes),
        counter("fgm_retention_errors_total", "Files that were to go and could not be deleted", retention_errors),
        seconds("fgm_upkeep_cpu_seconds_total", "CPU time of merging, rollups and retention", upkeep_cpu_usec),
        gauge("fgm_tail_bytes", "Bytes of rows in memory, not yet sealed", tail_bytes),
        by_class("fgm_names_errors_total", "Failures to learn names from the API server, by class", names(names_errors, NamesError::ALL.map(NamesError::as_str))),
        gauge("fgm_pods", "Pods known by name", pods),
        counter("fgm_pods_beyond_bounds_total", "Pods told of by the API server that were not kept", pods_beyond_bounds),
        counter("fgm_labels_beyond_bounds_total", "Labels of pods left out or cut", labels_beyond_bounds),
        counter("fgm_pod_news_dropped_total", "Ends and restarts told by pods that nobody took in time", pod_news_dropped),
        counter("fgm_process_passes_total", "Passes over the processes of all containers", process_passes),
        seconds("fgm_processes_cpu_seconds_total", "CPU time of the thread that reads processes", processes_cpu_usec),
        gauge("fgm_processes", "Processes recorded now", processes),
        counter("fgm_processes_left_out_total", "Times that a process was left out because there are more than are recorded", processes_left_out),
    ]
}

/// What is known of the agent's own use, named.
#[must_use]
#[rustfmt::skip] // one metric per line reads as the table it is
pub fn use_metrics(own: &OwnUse) -> Vec<OwnMetric> {
    let OwnUse { cpu_seconds, resident_bytes, cgroup_memory_bytes, cgroup_memory_without_cache_bytes, open_fds } = *own;
    let gauge = |name, help, value: Option<u64>| value.map(|n| OwnMetric { name, help, value: OwnValue::Gauge(n) });
    let cpu = cpu_seconds.map(|seconds| OwnMetric {
        name: "fgm_agent_cpu_seconds_total", help: "CPU time of the agent, user and system", value: OwnValue::Seconds(seconds),
    });
    [
        cpu,
        gauge("fgm_agent_resident_memory_bytes", "Resident memory of the agent", resident_bytes),
        gauge("fgm_agent_cgroup_memory_bytes", "Memory charged to the agent's cgroup", cgroup_memory_bytes),
        gauge("fgm_agent_cgroup_memory_without_cache_bytes", "Memory charged to the agent's cgroup, less page cache", cgroup_memory_without_cache_bytes),
        gauge("fgm_agent_open_fds", "Open file descriptors of the agent", open_fds),
    ].into_iter().flatten().collect()
}

fn counter(name: &'static str, help: &'static str, cell: &Cell) -> OwnMetric {
    OwnMetric { name, help, value: OwnValue::Counter(cell.get()) }
}

fn gauge(name: &'static str, help: &'static str, cell: &Cell) -> OwnMetric {
    OwnMetric { name, help, value: OwnValue::Gauge(cell.get()) }
}

fn seconds(name: &'static str, help: &'static str, usec: &Cell) -> OwnMetric {
    OwnMetric { name, help, value: OwnValue::Seconds(Duration::from_micros(usec.get()).as_secs_f64()) }
}

fn histogram(name: &'static str, help: &'static str, histogram: &Histogram) -> OwnMetric {
    OwnMetric { name, help, value: OwnValue::Histogram(histogram.value()) }
}

fn by_class(name: &'static str, help: &'static str, classes: Vec<(&'static str, u64)>) -> OwnMetric {
    OwnMetric { name, help, value: OwnValue::ByLabel("class", classes) }
}

fn names<const N: usize>(cells: &[Cell; N], names: [&'static str; N]) -> Vec<(&'static str, u64)> {
    names.into_iter().zip(cells.iter().map(Cell::get)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_prefixed_and_say_what_they_are() {
        let known = OwnUse {
            cpu_seconds: Some(1.0),
            resident_bytes: Some(1),
            cgroup_memory_bytes: Some(1),
            cgroup_memory_without_cache_bytes: Some(1),
            open_fds: Some(1),
        };
        let metrics = [own_metrics(&Counters::default()), use_metrics(&known)].concat();
        let mut names: Vec<&str> = metrics.iter().map(|metric| metric.name).collect();
        for metric in &metrics {
            assert!(metric.name.starts_with("fgm_"), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind() == "counter", "{}", metric.name);
            assert!(!metric.help.contains(['"', '\\', '\n', '|']), "{}", metric.help);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), metrics.len());
    }
}
