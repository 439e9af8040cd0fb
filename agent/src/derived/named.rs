//! The series that have a name and a formula of their own: those that people ask for most.
//!
//! Stored columns and the rates of single counters are not listed here: they follow from the tables.

use crate::derived::formula::Formula;
use crate::derived::formula::Formula::{Difference, Quotient, Rate, RateOfQuota, Share, ShareOfIncreases};

/// A series that is named here.
pub(super) struct Named {
    /// Its name, without its table's.
    pub name: &'static str,
    /// The unit of its values.
    pub unit: &'static str,
    /// How it is computed.
    pub formula: Formula<&'static str>,
    /// One sentence for people.
    pub help: &'static str,
}

const PERCENT_OF_TIME: f64 = 100.0 / 1e6;
const CORES: f64 = 1e-6;

fn named(name: &'static str, unit: &'static str, formula: Formula<&'static str>, help: &'static str) -> Named {
    Named { name, unit, formula, help }
}

fn rate(counters: &[&'static str], scale: f64) -> Formula<&'static str> {
    Rate { counters: counters.to_vec(), scale }
}

/// What tables with the columns of a cgroup have.
#[rustfmt::skip] // one series per line reads as the table it is
pub(super) fn of_cgroups() -> Vec<Named> {
    let quota = |counter| RateOfQuota { counter, quota: "cpu_quota_usec", period: "cpu_period_usec" };
    let stall = |counter| rate(&[counter], PERCENT_OF_TIME);
    let (current, inactive, max) = ("memory_current_bytes", "memory_stat_inactive_file_bytes", "memory_max_bytes");
    vec![
        named("cpu_usage_cores", "cores", rate(&["cpu_usage_usec"], CORES), "CPU time used per second, all CPUs"),
        named("cpu_user_cores", "cores", rate(&["cpu_user_usec"], CORES), "CPU time used in user mode per second"),
        named("cpu_system_cores", "cores", rate(&["cpu_system_usec"], CORES), "CPU time used in kernel mode per second"),
        named("cpu_usage_millicores", "millicores", rate(&["cpu_usage_usec"], CORES * 1e3), "CPU time used per second, in thousandths of a core"),
        named("cpu_limit_percent", "percent", quota("cpu_usage_usec"), "CPU time used, of what the quota allows; none without a quota"),
        named("cpu_limit_cores", "cores", Quotient { over: "cpu_quota_usec", under: "cpu_period_usec" }, "Cores that the quota allows; none without a quota"),
        named("cpu_throttled_percent", "percent", ShareOfIncreases { part: vec!["cpu_nr_throttled"], whole: vec!["cpu_nr_periods"] }, "Enforcement periods that were throttled, of those in which it was runnable; none while it is not"),
        named("cpu_throttled_seconds_per_second", "s/s", rate(&["cpu_throttled_usec"], CORES), "Time throttled per second, summed over CPUs: may be above 1"),
        named("memory_working_set_bytes", "bytes", Difference { from: current, less: inactive }, "Memory in use less the page cache that is the first to be reclaimed, as the kubelet computes it"),
        named("memory_limit_percent", "percent", Share { of: current, less: None, whole: max }, "Memory in use, of its limit; none without a limit"),
        named("memory_working_set_limit_percent", "percent", Share { of: current, less: Some(inactive), whole: max }, "The working set, of the memory limit; none without a limit"),
        named("cpu_pressure_some_percent", "percent", stall("cpu_pressure_some_usec"), "Share of time in which at least one task waited for a CPU"),
        named("cpu_pressure_full_percent", "percent", stall("cpu_pressure_full_usec"), "Share of time in which all tasks waited for a CPU"),
        named("memory_pressure_some_percent", "percent", stall("memory_pressure_some_usec"), "Share of time in which at least one task waited for memory"),
        named("memory_pressure_full_percent", "percent", stall("memory_pressure_full_usec"), "Share of time in which all tasks waited for memory"),
        named("io_pressure_some_percent", "percent", stall("io_pressure_some_usec"), "Share of time in which at least one task waited for IO"),
        named("io_pressure_full_percent", "percent", stall("io_pressure_full_usec"), "Share of time in which all tasks waited for IO"),
        named("io_bytes_per_second", "bytes/s", rate(&["io_read_bytes", "io_write_bytes"], 1.0), "Bytes read and written per second, all devices"),
        named("io_ios_per_second", "1/s", rate(&["io_read_ios", "io_write_ios"], 1.0), "Reads and writes per second, all devices"),
        named("pids_limit_percent", "percent", Share { of: "pids_current", less: None, whole: "pids_max" }, "Tasks, of the task limit; none without a limit"),
    ]
}

/// What processes have.
#[rustfmt::skip]
pub(super) fn of_processes() -> Vec<Named> {
    vec![
        named("cpu_usage_cores", "cores", rate(&["utime_usec", "stime_usec"], CORES), "CPU time used per second, all threads"),
        named("run_queue_wait_percent", "percent", rate(&["run_queue_wait_usec"], PERCENT_OF_TIME), "Share of time in which the first thread was ready and waited for a CPU"),
        named("io_bytes_per_second", "bytes/s", rate(&["io_read_bytes", "io_write_bytes"], 1.0), "Bytes read from and sent to block devices per second"),
    ]
}

/// What network interfaces have.
#[rustfmt::skip]
pub(super) fn of_interfaces() -> Vec<Named> {
    vec![
        named("bytes_per_second", "bytes/s", rate(&["receive_bytes", "transmit_bytes"], 1.0), "Bytes received and sent per second"),
        named("dropped_per_second", "1/s", rate(&["receive_dropped", "transmit_dropped"], 1.0), "Packets dropped per second, both ways"),
        named("tcp_retransmit_percent", "percent", ShareOfIncreases { part: vec!["tcp_retransmits"], whole: vec!["tcp_out_segments"] }, "Segments sent again, in percent of those sent for the first time; none while nothing is sent"),
    ]
}

/// What the node has.
#[rustfmt::skip]
pub(super) fn of_the_node() -> Vec<Named> {
    let busy = || vec!["cpu_user_usec", "cpu_nice_usec", "cpu_system_usec", "cpu_irq_usec", "cpu_softirq_usec"];
    let all = [busy(), vec!["cpu_idle_usec", "cpu_iowait_usec", "cpu_steal_usec"]].concat();
    let stall = |counter| rate(&[counter], PERCENT_OF_TIME);
    let total = "memory_total_bytes";
    vec![
        named("cpu_usage_cores", "cores", rate(&busy(), CORES), "CPU time that was used per second, all CPUs; neither idle, nor waiting, nor stolen"),
        named("cpu_usage_percent", "percent", ShareOfIncreases { part: busy(), whole: all }, "CPU time that was used, of all CPU time"),
        named("cpu_steal_cores", "cores", rate(&["cpu_steal_usec"], CORES), "CPU time that the hypervisor gave to other machines, per second"),
        named("cpu_iowait_cores", "cores", rate(&["cpu_iowait_usec"], CORES), "Idle CPU time while a task waited for IO, per second"),
        named("memory_used_bytes", "bytes", Difference { from: total, less: "memory_available_bytes" }, "Memory that programs can not get without swapping"),
        named("memory_used_percent", "percent", Share { of: total, less: Some("memory_available_bytes"), whole: total }, "Memory that programs can not get without swapping, of all memory"),
        named("swap_used_bytes", "bytes", Difference { from: "swap_total_bytes", less: "swap_free_bytes" }, "Swap space in use"),
        named("cpu_pressure_some_percent", "percent", stall("cpu_pressure_some_usec"), "Share of time in which at least one task waited for a CPU"),
        named("memory_pressure_some_percent", "percent", stall("memory_pressure_some_usec"), "Share of time in which at least one task waited for memory"),
        named("memory_pressure_full_percent", "percent", stall("memory_pressure_full_usec"), "Share of time in which all tasks waited for memory"),
        named("io_pressure_some_percent", "percent", stall("io_pressure_some_usec"), "Share of time in which at least one task waited for IO"),
        named("io_pressure_full_percent", "percent", stall("io_pressure_full_usec"), "Share of time in which all tasks waited for IO"),
        named("irq_pressure_full_percent", "percent", stall("irq_pressure_full_usec"), "Share of time in which all tasks waited for interrupt handlers"),
    ]
}

/// What the node's disks have.
#[rustfmt::skip]
pub(super) fn of_disks() -> Vec<Named> {
    vec![
        named("busy_percent", "percent", rate(&["io_time_usec"], PERCENT_OF_TIME), "Share of time in which the device had a request"),
        named("queue_length", "requests", rate(&["weighted_io_time_usec"], 1e-6), "Requests that the device was at, on average over time"),
        named("bytes_per_second", "bytes/s", rate(&["read_bytes", "write_bytes"], 1.0), "Bytes read and written per second"),
        named("ios_per_second", "1/s", rate(&["reads", "writes"], 1.0), "Reads and writes per second"),
    ]
}

/// What a container's use of one block device has.
#[rustfmt::skip]
pub(super) fn of_io_devices() -> Vec<Named> {
    vec![
        named("bytes_per_second", "bytes/s", rate(&["read_bytes", "write_bytes"], 1.0), "Bytes read and written per second"),
        named("ios_per_second", "1/s", rate(&["read_ios", "write_ios"], 1.0), "Reads and writes per second"),
    ]
}
