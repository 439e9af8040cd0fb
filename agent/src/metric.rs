//! The catalogue: every metric the agent knows, once.
//!
//! Parser mapping, Parquet schema, HTTP API, Prometheus names and `docs/metrics.md` derive from the tables here; no other
//! module lists a metric, a kernel file or a kernel key. The position of a metric in [`METRICS`] is its column number.
//! The one surprise: on cgroup v1 and hybrid machines a metric may come from a `unified` mount beside the controllers.

use crate::metric::Convert::{KeepLimit, NanosToUsec, SharesToWeight, UserHzToUsec, Verbatim};
use crate::metric::Kind::{Counter, Gauge, Limit};
use crate::metric::Tree::{Blkio, Cpu, Cpuacct, Memory, Pids, Unified};
use crate::metric::Unit::{Bytes, Count, Usec, Weight};

/// What a column's values mean over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows while the cgroup lives; stored raw, becomes a rate when read.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A setting; carried forward between readings. [`UNLIMITED`] stands for the kernel's `max` (v1: -1 or its page
    /// counter maximum).
    Limit,
    /// A number that names something: a process id, an exit code.
    Label,
}

/// The unit of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds.
    Usec,
    /// Bytes.
    Bytes,
    /// A number of things: periods, events, pages, processes.
    Count,
    /// Relative CPU weight, 1 to 10000, default 100.
    Weight,
    /// Thousandths of something without a unit: a load average.
    Milli,
}

/// How a file is read, by what reading it costs the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Every tick.
    Fast,
    /// At most once a second: the kernel flushes per-CPU counters for it.
    Stat,
    /// On change, or every 10 s; not kept open.
    Limit,
}

/// Which mounted hierarchy holds the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tree {
    /// cgroup v2, or the `unified` mount of a hybrid machine.
    Unified,
    /// v1 `cpu`.
    Cpu,
    /// v1 `cpuacct`.
    Cpuacct,
    /// v1 `memory`.
    Memory,
    /// v1 `blkio`.
    Blkio,
    /// v1 `pids`.
    Pids,
}

/// The shape of a kernel file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One number, or `max`; its key is empty.
    Single,
    /// `KEY VALUE` lines.
    FlatKeyed,
    /// `cpu.max`: quota and period on one line; keys `quota` and `period`.
    CpuMax,
    /// Pressure stall information: keys `some` and `full` are the `total=` fields, microseconds.
    Pressure,
    /// `io.stat`: each key summed over devices.
    IoStat,
    /// v1 `blkio.throttle.*`: each operation (`Read`, `Write`, `Discard`) summed over devices.
    BlkioThrottle,
}

/// What turns the kernel's number into the column's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convert {
    /// Already in the column's unit.
    Verbatim,
    /// Nanoseconds to microseconds.
    NanosToUsec,
    /// `USER_HZ` ticks (usually 10 ms) to microseconds.
    UserHzToUsec,
    /// v1 `cpu.shares` (1024 is the default) to a v2 weight (100 is the default), as the kernel itself relates them.
    SharesToWeight,
    /// A limit: no limit becomes [`UNLIMITED`].
    KeepLimit,
}

/// The value of a limit column where the kernel sets no limit: larger than any use, so `use < limit` holds in SQL.
pub const UNLIMITED: i64 = i64::MAX;

/// Where a value comes from in one kind of hierarchy.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The hierarchy that holds the file.
    pub tree: Tree,
    /// The file's name in the cgroup's directory.
    pub file: &'static str,
    /// The key inside the file; empty for a file of one number.
    pub key: &'static str,
    /// The conversion to the column's unit.
    pub convert: Convert,
}

/// The name under which Prometheus users know a metric (cAdvisor and the kubelet).
#[derive(Clone, Copy, Debug)]
pub struct Prometheus {
    /// The full name, unit and `_total` included.
    pub name: &'static str,
    /// Label pairs beside the container's own labels.
    pub labels: &'static [(&'static str, &'static str)],
}

/// What [`Metric::since`] says of a metric that cgroup v2 does not have.
pub const V1_ONLY: &str = "v1 only";

/// One metric: a column of the `containers` table.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The column's name, snake case, its unit at the end.
    pub name: &'static str,
    /// Counter, gauge or limit.
    pub kind: Kind,
    /// The unit of the stored value.
    pub unit: Unit,
    /// The first kernel that has it under cgroup v2, as a stable release where it came with one; [`V1_ONLY`] where none has,
    /// empty where it comes from the processes in the cgroup and not from a file of it.
    pub since: &'static str,
    /// Where it is under cgroup v2.
    pub v2: Option<Source>,
    /// Where it is under cgroup v1 and on hybrid machines.
    pub v1: Option<Source>,
    /// Its name in `/metrics`, where dashboards expect one.
    pub prometheus: Option<Prometheus>,
    /// One sentence for people.
    pub help: &'static str,
}

impl Metric {
    /// The older long name, `cgroup.v2.FILE.KEY`, under which earlier tools stored this metric.
    #[must_use]
    pub fn alias(&self) -> Option<String> {
        let (version, source) = self.v2.map(|s| ("v2", s)).or(self.v1.map(|s| ("v1", s)))?;
        let dot = if source.key.is_empty() { "" } else { "." };
        Some(format!("cgroup.{version}.{}{dot}{}", source.file, source.key))
    }

    /// How often it is read under cgroup v2 (or, where it is not there, under v1).
    #[must_use]
    pub fn class(&self) -> Class {
        self.v2.or(self.v1).map_or(Class::Fast, |source| file_spec(source.file).class)
    }
}

/// A kernel file: its shape and what reading it costs.
#[derive(Clone, Copy, Debug)]
pub struct FileSpec {
    /// The file's name in the cgroup's directory.
    pub name: &'static str,
    /// Its shape.
    pub format: Format,
    /// How often it is read.
    pub class: Class,
}

const fn file(name: &'static str, format: Format, class: Class) -> FileSpec {
    FileSpec { name, format, class }
}

/// Every kernel file the agent reads for a container.
pub const FILES: &[FileSpec] = &[
    file("cpu.stat", Format::FlatKeyed, Class::Fast),
    file("cpu.pressure", Format::Pressure, Class::Fast),
    file("cpu.max", Format::CpuMax, Class::Limit),
    file("cpu.weight", Format::Single, Class::Limit),
    file("cpuacct.usage", Format::Single, Class::Fast),
    file("cpuacct.stat", Format::FlatKeyed, Class::Fast),
    file("cpu.cfs_quota_us", Format::Single, Class::Limit),
    file("cpu.cfs_period_us", Format::Single, Class::Limit),
    file("cpu.shares", Format::Single, Class::Limit),
    file("memory.current", Format::Single, Class::Fast),
    file("memory.peak", Format::Single, Class::Fast),
    file("memory.max", Format::Single, Class::Limit),
    file("memory.high", Format::Single, Class::Limit),
    file("memory.low", Format::Single, Class::Limit),
    file("memory.min", Format::Single, Class::Limit),
    file("memory.swap.current", Format::Single, Class::Fast),
    file("memory.swap.peak", Format::Single, Class::Fast),
    file("memory.swap.max", Format::Single, Class::Limit),
    file("memory.events", Format::FlatKeyed, Class::Fast),
    file("memory.pressure", Format::Pressure, Class::Fast),
    file("memory.stat", Format::FlatKeyed, Class::Stat),
    file("memory.usage_in_bytes", Format::Single, Class::Fast),
    file("memory.max_usage_in_bytes", Format::Single, Class::Fast),
    file("memory.limit_in_bytes", Format::Single, Class::Limit),
    file("memory.failcnt", Format::Single, Class::Fast),
    file("memory.oom_control", Format::FlatKeyed, Class::Fast),
    file("io.stat", Format::IoStat, Class::Stat),
    file("io.pressure", Format::Pressure, Class::Fast),
    file("blkio.throttle.io_service_bytes_recursive", Format::BlkioThrottle, Class::Stat),
    file("blkio.throttle.io_serviced_recursive", Format::BlkioThrottle, Class::Stat),
    file("pids.current", Format::Single, Class::Fast),
    file("pids.peak", Format::Single, Class::Fast),
    file("pids.max", Format::Single, Class::Limit),
    file("pids.events", Format::FlatKeyed, Class::Fast),
];

/// The shape and cost of a file that the catalogue names.
#[must_use]
pub fn file_spec(name: &str) -> FileSpec {
    // A test proves that every source's file is listed, so the default is never taken.
    FILES.iter().find(|f| f.name == name).copied().unwrap_or(file("", Format::Single, Class::Fast))
}

/// The file to read where a kernel does not have `name`: the recursive blkio counters came with Linux 3.12's hierarchy
/// work and are missing where the controller was built without it.
#[must_use]
pub fn fallback_file(name: &str) -> Option<&'static str> {
    match name {
        "blkio.throttle.io_service_bytes_recursive" => Some("blkio.throttle.io_service_bytes"),
        "blkio.throttle.io_serviced_recursive" => Some("blkio.throttle.io_serviced"),
        _ => None,
    }
}

const fn src(tree: Tree, file: &'static str, key: &'static str, convert: Convert) -> Option<Source> {
    Some(Source { tree, file, key, convert })
}

const fn v2(file: &'static str, key: &'static str) -> Option<Source> {
    src(Unified, file, key, Verbatim)
}

const fn v2_limit(file: &'static str, key: &'static str) -> Option<Source> {
    src(Unified, file, key, KeepLimit)
}

const fn prom(name: &'static str) -> Option<Prometheus> {
    labelled(name, &[])
}

const fn labelled(name: &'static str, labels: &'static [(&'static str, &'static str)]) -> Option<Prometheus> {
    Some(Prometheus { name, labels })
}

const fn failures(labels: &'static [(&'static str, &'static str)]) -> Option<Prometheus> {
    labelled("container_memory_failures_total", labels)
}

const fn metric(name: &'static str, kind: Kind, unit: Unit, since: &'static str, help: &'static str) -> Metric {
    Metric { name, kind, unit, since, v2: None, v1: None, prometheus: None, help }
}

impl Metric {
    const fn v2(mut self, source: Option<Source>) -> Self {
        self.v2 = source;
        self
    }

    const fn v1(mut self, source: Option<Source>) -> Self {
        self.v1 = source;
        self
    }

    const fn prom(mut self, prometheus: Option<Prometheus>) -> Self {
        self.prometheus = prometheus;
        self
    }
}

/// A `memory.stat` gauge in bytes; the third argument is its key on cgroup v1.
macro_rules! stat_bytes {
    ($key:literal, $since:literal, $help:literal) => {
        metric(concat!("memory_stat_", $key, "_bytes"), Gauge, Bytes, $since, $help).v2(v2("memory.stat", $key))
    };
    ($key:literal, $since:literal, $v1:literal, $help:literal) => {
        stat_bytes!($key, $since, $help).v1(src(Memory, "memory.stat", $v1, Verbatim))
    };
}

/// A `memory.stat` counter of events or pages; the third argument is its key on cgroup v1.
macro_rules! stat_count {
    ($key:literal, $since:literal, $help:literal) => {
        metric(concat!("memory_stat_", $key), Counter, Count, $since, $help).v2(v2("memory.stat", $key))
    };
    ($key:literal, $since:literal, $v1:literal, $help:literal) => {
        stat_count!($key, $since, $help).v1(src(Memory, "memory.stat", $v1, Verbatim))
    };
}

/// The two totals of one pressure file.
macro_rules! pressure {
    ($resource:literal, $file:literal, $state:literal, $since:literal, $prom:literal, $help:literal) => {
        metric(concat!($resource, "_pressure_", $state, "_usec"), Counter, Usec, $since, $help)
            .v2(v2($file, $state))
            .v1(v2($file, $state))
            .prom(prom(concat!("container_pressure_", $resource, "_", $prom, "_seconds_total")))
    };
}

/// An event count of `memory.events`.
macro_rules! memory_event {
    ($key:literal, $since:literal, $help:literal) => {
        metric(concat!("memory_events_", $key), Counter, Count, $since, $help).v2(v2("memory.events", $key))
    };
}

/// Every metric of the `containers` table, in column order; see `docs/metrics.md` for the rendered table.
#[rustfmt::skip] // one metric per line reads as the table it is
pub const METRICS: &[Metric] = &[
    metric("cpu_usage_usec", Counter, Usec, "4.15", "CPU time used, all CPUs")
        .v2(v2("cpu.stat", "usage_usec")).v1(src(Cpuacct, "cpuacct.usage", "", NanosToUsec)).prom(labelled("container_cpu_usage_seconds_total", &[("cpu", "total")])),
    metric("cpu_user_usec", Counter, Usec, "4.15", "CPU time used in user mode (v1: resolution 1/USER_HZ)")
        .v2(v2("cpu.stat", "user_usec")).v1(src(Cpuacct, "cpuacct.stat", "user", UserHzToUsec)).prom(prom("container_cpu_user_seconds_total")),
    metric("cpu_system_usec", Counter, Usec, "4.15", "CPU time used in kernel mode (v1: resolution 1/USER_HZ)")
        .v2(v2("cpu.stat", "system_usec")).v1(src(Cpuacct, "cpuacct.stat", "system", UserHzToUsec)).prom(prom("container_cpu_system_seconds_total")),
    metric("cpu_nice_usec", Counter, Usec, "6.12.23", "User-mode CPU time of niced tasks").v2(v2("cpu.stat", "nice_usec")),
    metric("cpu_nr_periods", Counter, Count, "4.15", "Enforcement periods in which the group was runnable under a quota")
        .v2(v2("cpu.stat", "nr_periods")).v1(src(Cpu, "cpu.stat", "nr_periods", Verbatim)).prom(prom("container_cpu_cfs_periods_total")),
    metric("cpu_nr_throttled", Counter, Count, "4.15", "Enforcement periods in which the group was throttled")
        .v2(v2("cpu.stat", "nr_throttled")).v1(src(Cpu, "cpu.stat", "nr_throttled", Verbatim)).prom(prom("container_cpu_cfs_throttled_periods_total")),
    metric("cpu_throttled_usec", Counter, Usec, "4.15", "Time throttled, summed over CPUs: may grow faster than wall time")
        .v2(v2("cpu.stat", "throttled_usec")).v1(src(Cpu, "cpu.stat", "throttled_time", NanosToUsec)).prom(prom("container_cpu_cfs_throttled_seconds_total")),
    metric("cpu_nr_bursts", Counter, Count, "5.16", "Periods in which the group used more than its quota by bursting")
        .v2(v2("cpu.stat", "nr_bursts")).v1(src(Cpu, "cpu.stat", "nr_bursts", Verbatim)),
    metric("cpu_burst_usec", Counter, Usec, "5.16", "CPU time used above the quota by bursting")
        .v2(v2("cpu.stat", "burst_usec")).v1(src(Cpu, "cpu.stat", "burst_time", NanosToUsec)),
    metric("cpu_quota_usec", Limit, Usec, "4.15", "CPU time allowed per period, all CPUs")
        .v2(v2_limit("cpu.max", "quota")).v1(src(Cpu, "cpu.cfs_quota_us", "", KeepLimit)).prom(prom("container_spec_cpu_quota")),
    metric("cpu_period_usec", Limit, Usec, "4.15", "Length of an enforcement period")
        .v2(v2_limit("cpu.max", "period")).v1(src(Cpu, "cpu.cfs_period_us", "", KeepLimit)).prom(prom("container_spec_cpu_period")),
    metric("cpu_weight", Limit, Weight, "4.15", "Share of CPU under contention (v1: cpu.shares x 100 / 1024)")
        .v2(v2("cpu.weight", "")).v1(src(Cpu, "cpu.shares", "", SharesToWeight)),
    pressure!("cpu", "cpu.pressure", "some", "4.20", "waiting", "Time in which at least one task waited for a CPU"),
    pressure!("cpu", "cpu.pressure", "full", "5.13", "stalled", "Time in which all tasks waited for a CPU"),

    metric("memory_current_bytes", Gauge, Bytes, "4.5", "Memory in use, page cache and kernel memory included")
        .v2(v2("memory.current", "")).v1(src(Memory, "memory.usage_in_bytes", "", Verbatim)).prom(prom("container_memory_usage_bytes")),
    metric("memory_peak_bytes", Gauge, Bytes, "5.19", "Largest memory in use since the cgroup was made")
        .v2(v2("memory.peak", "")).v1(src(Memory, "memory.max_usage_in_bytes", "", Verbatim)).prom(prom("container_memory_max_usage_bytes")),
    metric("memory_max_bytes", Limit, Bytes, "4.5", "Hard limit: above it the kernel reclaims, then kills")
        .v2(v2_limit("memory.max", "")).v1(src(Memory, "memory.limit_in_bytes", "", KeepLimit)).prom(prom("container_spec_memory_limit_bytes")),
    metric("memory_high_bytes", Limit, Bytes, "4.5", "Throttling limit: above it tasks reclaim and are slowed down").v2(v2_limit("memory.high", "")),
    metric("memory_low_bytes", Limit, Bytes, "4.5", "Best-effort protection from reclaim").v2(v2_limit("memory.low", "")),
    metric("memory_min_bytes", Limit, Bytes, "4.18", "Hard protection from reclaim").v2(v2_limit("memory.min", "")),
    metric("memory_swap_current_bytes", Gauge, Bytes, "4.5", "Swap in use")
        .v2(v2("memory.swap.current", "")).v1(src(Memory, "memory.stat", "total_swap", Verbatim)).prom(prom("container_memory_swap")),
    metric("memory_swap_peak_bytes", Gauge, Bytes, "6.5", "Largest swap in use since the cgroup was made").v2(v2("memory.swap.peak", "")),
    metric("memory_swap_max_bytes", Limit, Bytes, "4.5", "Swap limit").v2(v2_limit("memory.swap.max", "")),
    memory_event!("low", "4.5", "Times reclaimed although below memory.low"),
    memory_event!("high", "4.5", "Times throttled above memory.high"),
    memory_event!("max", "4.5", "Times use was about to pass memory.max"),
    memory_event!("oom", "4.5", "Times an allocation failed at the limit"),
    memory_event!("oom_kill", "4.13", "Processes killed by any kind of OOM killer")
        .v1(src(Memory, "memory.oom_control", "oom_kill", Verbatim)).prom(prom("container_oom_events_total")),
    memory_event!("oom_group_kill", "5.17", "Times the whole group was killed"),
    memory_event!("sock_throttled", "6.19", "Times network sockets were throttled for memory"),
    metric("memory_failcnt", Counter, Count, V1_ONLY, "Times use hit the limit (cgroup v1)")
        .v1(src(Memory, "memory.failcnt", "", Verbatim)).prom(prom("container_memory_failcnt")),
    pressure!("memory", "memory.pressure", "some", "4.20", "waiting", "Time in which at least one task waited for memory"),
    pressure!("memory", "memory.pressure", "full", "4.20", "stalled", "Time in which all tasks waited for memory"),

    stat_bytes!("anon", "4.5", "total_rss", "Anonymous memory").prom(prom("container_memory_rss")),
    stat_bytes!("file", "4.5", "total_cache", "Page cache, tmpfs and shared memory included").prom(prom("container_memory_cache")),
    stat_bytes!("kernel", "5.18", "Kernel memory, all kinds").prom(prom("container_memory_kernel_usage")),
    stat_bytes!("kernel_stack", "4.6", "Kernel stacks"),
    stat_bytes!("pagetables", "5.11", "Page tables"),
    stat_bytes!("sec_pagetables", "6.1", "Secondary page tables (KVM, IOMMU)"),
    stat_bytes!("percpu", "5.9", "Per-CPU kernel structures"),
    stat_bytes!("sock", "4.5", "Network transmission buffers"),
    stat_bytes!("vmalloc", "5.17", "vmalloc areas"),
    stat_bytes!("shmem", "4.12", "total_shmem", "Swap-backed page cache: tmpfs, shared memory"),
    stat_bytes!("zswap", "5.19", "Memory used by the zswap backend"),
    stat_bytes!("zswapped", "5.19", "Application memory swapped out to zswap"),
    stat_bytes!("zswap_incomp", "7.1", "Incompressible pages kept in zswap"),
    stat_bytes!("file_mapped", "4.5", "total_mapped_file", "Page cache mapped into processes").prom(prom("container_memory_mapped_file")),
    stat_bytes!("file_dirty", "4.5", "total_dirty", "Page cache changed but not yet written back").prom(prom("container_memory_file_dirty_bytes")),
    stat_bytes!("file_writeback", "4.5", "total_writeback", "Page cache being written back"),
    stat_bytes!("swapcached", "5.12", "total_swapcached", "Swap cached in memory"),
    stat_bytes!("anon_thp", "5.1", "total_rss_huge", "Anonymous memory in transparent huge pages"),
    stat_bytes!("file_thp", "5.11", "Page cache in transparent huge pages"),
    stat_bytes!("shmem_thp", "5.11", "Shared memory in transparent huge pages"),
    stat_bytes!("inactive_anon", "4.5", "total_inactive_anon", "Anonymous memory on the inactive list"),
    stat_bytes!("active_anon", "4.5", "total_active_anon", "Anonymous memory on the active list"),
    stat_bytes!("inactive_file", "4.5", "total_inactive_file", "Page cache on the inactive list: the first to be reclaimed"),
    stat_bytes!("active_file", "4.5", "total_active_file", "Page cache on the active list"),
    stat_bytes!("unevictable", "4.5", "total_unevictable", "Memory that cannot be reclaimed"),
    stat_bytes!("slab_reclaimable", "4.6", "Slab that can be reclaimed: dentries, inodes"),
    stat_bytes!("slab_unreclaimable", "4.6", "Slab that cannot be reclaimed"),
    stat_bytes!("slab", "4.6", "Kernel data structures"),
    stat_bytes!("hugetlb", "6.13", "hugetlb pages"),
    stat_count!("workingset_refault", "4.13", "Refaults of recently evicted pages (before 5.9 only)"),
    stat_count!("workingset_refault_anon", "5.9", "total_workingset_refault_anon", "Refaults of recently evicted anonymous pages"),
    stat_count!("workingset_refault_file", "5.9", "total_workingset_refault_file", "Refaults of recently evicted file pages"),
    stat_count!("workingset_activate", "4.13", "Refaulted pages activated at once (before 5.9 only)"),
    stat_count!("workingset_activate_anon", "5.9", "Refaulted anonymous pages activated at once"),
    stat_count!("workingset_activate_file", "5.9", "Refaulted file pages activated at once"),
    stat_count!("workingset_restore", "5.2", "Restored pages seen as active before eviction (before 5.9 only)"),
    stat_count!("workingset_restore_anon", "5.9", "Restored anonymous pages seen as active before eviction"),
    stat_count!("workingset_restore_file", "5.9", "Restored file pages seen as active before eviction"),
    stat_count!("workingset_nodereclaim", "4.13", "Shadow nodes reclaimed"),
    stat_count!("pswpin", "6.13", "Pages swapped in"),
    stat_count!("pswpout", "6.13", "Pages swapped out"),
    metric("memory_stat_pgpgin", Counter, Count, V1_ONLY, "Pages charged (cgroup v1)").v1(src(Memory, "memory.stat", "total_pgpgin", Verbatim)),
    metric("memory_stat_pgpgout", Counter, Count, V1_ONLY, "Pages uncharged (cgroup v1)").v1(src(Memory, "memory.stat", "total_pgpgout", Verbatim)),
    stat_count!("pgscan", "4.13", "Pages scanned for reclaim"),
    stat_count!("pgsteal", "4.13", "Pages reclaimed"),
    stat_count!("pgscan_kswapd", "6.0", "Pages scanned by kswapd"),
    stat_count!("pgscan_direct", "6.0", "Pages scanned by allocating tasks"),
    stat_count!("pgscan_khugepaged", "6.2", "Pages scanned by khugepaged"),
    stat_count!("pgscan_proactive", "6.15", "Pages scanned by proactive reclaim"),
    stat_count!("pgsteal_kswapd", "6.0", "Pages reclaimed by kswapd"),
    stat_count!("pgsteal_direct", "6.0", "Pages reclaimed by allocating tasks"),
    stat_count!("pgsteal_khugepaged", "6.2", "Pages reclaimed by khugepaged"),
    stat_count!("pgsteal_proactive", "6.15", "Pages reclaimed proactively"),
    stat_count!("pgdemote_kswapd", "6.12", "Pages demoted to slower memory by kswapd"),
    stat_count!("pgdemote_direct", "6.12", "Pages demoted to slower memory by allocating tasks"),
    stat_count!("pgdemote_khugepaged", "6.12", "Pages demoted to slower memory by khugepaged"),
    stat_count!("pgdemote_proactive", "6.15", "Pages demoted to slower memory proactively"),
    stat_count!("pgpromote_success", "6.12", "Pages promoted to faster memory"),
    stat_count!("pgfault", "4.5", "total_pgfault", "Page faults").prom(failures(&[("failure_type", "pgfault"), ("scope", "hierarchy")])),
    stat_count!("pgmajfault", "4.5", "total_pgmajfault", "Page faults that needed IO").prom(failures(&[("failure_type", "pgmajfault"), ("scope", "hierarchy")])),
    stat_count!("pgrefill", "4.13", "Active pages scanned"),
    stat_count!("pgactivate", "4.13", "Pages moved to the active list"),
    stat_count!("pgdeactivate", "4.13", "Pages moved to the inactive list"),
    stat_count!("pglazyfree", "4.13", "Pages postponed to be freed under pressure"),
    stat_count!("pglazyfreed", "4.13", "Lazily freed pages reclaimed"),
    stat_count!("swpin_zero", "6.12", "Pages swapped in that were all zero"),
    stat_count!("swpout_zero", "6.12", "Pages not swapped out because they were all zero"),
    stat_count!("zswpin", "5.19", "Pages moved in from zswap"),
    stat_count!("zswpout", "5.19", "Pages moved out to zswap"),
    stat_count!("zswpwb", "6.8", "Pages written from zswap to swap"),
    stat_count!("thp_fault_alloc", "5.1", "Huge pages allocated at a fault"),
    stat_count!("thp_collapse_alloc", "5.1", "Huge pages allocated by collapsing"),
    stat_count!("thp_swpout", "6.7", "Huge pages swapped out in one piece"),
    stat_count!("thp_swpout_fallback", "6.7", "Huge pages split before swapping out"),
    stat_count!("numa_pages_migrated", "6.12", "Pages migrated by NUMA balancing"),
    stat_count!("numa_pte_updates", "6.12", "Page table entries changed by NUMA balancing"),
    stat_count!("numa_hint_faults", "6.12", "NUMA hinting faults"),
    stat_count!("numa_task_migrated", "6.16", "Tasks migrated by NUMA balancing"),
    stat_count!("numa_task_swapped", "6.16", "Tasks swapped by NUMA balancing"),

    metric("io_read_bytes", Counter, Bytes, "4.5", "Bytes read, all devices")
        .v2(v2("io.stat", "rbytes")).v1(src(Blkio, "blkio.throttle.io_service_bytes_recursive", "Read", Verbatim)).prom(prom("container_fs_reads_bytes_total")),
    metric("io_write_bytes", Counter, Bytes, "4.5", "Bytes written, all devices")
        .v2(v2("io.stat", "wbytes")).v1(src(Blkio, "blkio.throttle.io_service_bytes_recursive", "Write", Verbatim)).prom(prom("container_fs_writes_bytes_total")),
    metric("io_discard_bytes", Counter, Bytes, "4.19", "Bytes discarded, all devices")
        .v2(v2("io.stat", "dbytes")).v1(src(Blkio, "blkio.throttle.io_service_bytes_recursive", "Discard", Verbatim)),
    metric("io_read_ios", Counter, Count, "4.5", "Read operations, all devices")
        .v2(v2("io.stat", "rios")).v1(src(Blkio, "blkio.throttle.io_serviced_recursive", "Read", Verbatim)).prom(prom("container_fs_reads_total")),
    metric("io_write_ios", Counter, Count, "4.5", "Write operations, all devices")
        .v2(v2("io.stat", "wios")).v1(src(Blkio, "blkio.throttle.io_serviced_recursive", "Write", Verbatim)).prom(prom("container_fs_writes_total")),
    metric("io_discard_ios", Counter, Count, "4.19", "Discard operations, all devices")
        .v2(v2("io.stat", "dios")).v1(src(Blkio, "blkio.throttle.io_serviced_recursive", "Discard", Verbatim)),
    pressure!("io", "io.pressure", "some", "4.20", "waiting", "Time in which at least one task waited for IO"),
    pressure!("io", "io.pressure", "full", "4.20", "stalled", "Time in which all tasks waited for IO"),

    metric("pids_current", Gauge, Count, "4.5", "Tasks (processes and threads)")
        .v2(v2("pids.current", "")).v1(src(Pids, "pids.current", "", Verbatim)).prom(prom("container_threads")),
    metric("pids_peak", Gauge, Count, "6.1", "Most tasks since the cgroup was made")
        .v2(v2("pids.peak", "")).v1(src(Pids, "pids.peak", "", Verbatim)),
    metric("pids_max", Limit, Count, "4.5", "Task limit")
        .v2(v2_limit("pids.max", "")).v1(src(Pids, "pids.max", "", KeepLimit)).prom(prom("container_threads_max")),
    metric("pids_events_max", Counter, Count, "4.8", "Times a fork failed at the task limit")
        .v2(v2("pids.events", "max")).v1(src(Pids, "pids.events", "max", Verbatim)),
    metric("processes", Gauge, Count, "", "Processes, those of cgroups below included; counted when processes are read, null in between").prom(prom("container_processes")),
    metric("threads", Gauge, Count, "", "Their threads"),
    metric("open_descriptors", Gauge, Count, "", "Their open file descriptors; since Linux 6.2").prom(prom("container_file_descriptors")),
];

/// What `/metrics` shows beside the columns: computed from a container's last values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derivation {
    /// `memory_current_bytes` less `memory_stat_inactive_file_bytes`, never below zero: cAdvisor's working set.
    WorkingSet,
    /// The time of the container's last row, as seconds since 1970.
    LastSeen,
}

/// A metric of `/metrics` that is no column.
#[derive(Clone, Copy, Debug)]
pub struct DerivedPrometheus {
    /// The full name.
    pub name: &'static str,
    /// What it is computed from.
    pub derivation: Derivation,
    /// One sentence for people.
    pub help: &'static str,
}

/// Every derived metric; all are gauges.
pub const DERIVED_PROMETHEUS: &[DerivedPrometheus] = &[
    DerivedPrometheus {
        name: "container_memory_working_set_bytes",
        derivation: Derivation::WorkingSet,
        help: "Memory in use less the page cache that is the first to be reclaimed",
    },
    DerivedPrometheus {
        name: "container_last_seen",
        derivation: Derivation::LastSeen,
        help: "When the container was last sampled, in seconds since 1970",
    },
];

impl Kind {
    /// The kind's name in answers and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Limit => "limit",
            Self::Label => "label",
        }
    }
}

impl Unit {
    /// The unit's name in answers and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usec => "usec",
            Self::Bytes => "bytes",
            Self::Count => "count",
            Self::Weight => "weight",
            Self::Milli => "milli",
        }
    }
}

impl Class {
    /// The class's name in answers and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Stat => "stat",
            Self::Limit => "limit",
        }
    }
}

impl Tree {
    /// The hierarchy's name in answers and tables: a v1 controller, or `unified`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unified => "unified",
            Self::Cpu => "cpu",
            Self::Cpuacct => "cpuacct",
            Self::Memory => "memory",
            Self::Blkio => "blkio",
            Self::Pids => "pids",
        }
    }
}

/// The number of metric columns.
pub const COLUMNS: usize = METRICS.len();

/// A metric's position in [`METRICS`]: its column.
pub type Column = usize;

/// The column of a metric by its name.
#[must_use]
pub fn column(name: &str) -> Option<Column> {
    METRICS.iter().position(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fmt::Debug;
    use std::hash::Hash;

    use super::*;

    fn sources() -> impl Iterator<Item = (&'static Metric, Source)> {
        METRICS
            .iter()
            .flat_map(|metric| [metric.v2, metric.v1].into_iter().flatten().map(move |source| (metric, source)))
    }

    fn assert_unique<T: Eq + Hash + Debug + Clone>(all: impl Iterator<Item = T>) {
        let mut seen = HashSet::new();
        all.for_each(|one| assert!(seen.insert(one.clone()), "{one:?} twice"));
    }

    #[test]
    fn names_are_unique_and_lead_back_to_their_column() {
        assert_unique(METRICS.iter().map(|metric| metric.name));
        for (position, metric) in METRICS.iter().enumerate() {
            assert_eq!(column(metric.name), Some(position), "{}", metric.name);
        }
        assert_eq!(column("cpu_usage"), None);
    }

    #[test]
    fn names_are_snake_case() {
        for Metric { name, .. } in METRICS {
            let words = name
                .split('_')
                .all(|word| !word.is_empty() && word.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9')));
            assert!(words && name.starts_with(|first: char| first.is_ascii_lowercase()), "{name}");
        }
    }

    #[test]
    fn names_end_in_their_unit() {
        for Metric { name, unit, .. } in METRICS {
            let of_the_name = [("_usec", Unit::Usec), ("_bytes", Unit::Bytes), ("_weight", Unit::Weight)]
                .into_iter()
                .find_map(|(suffix, unit)| name.ends_with(suffix).then_some(unit));
            assert_eq!(of_the_name.unwrap_or(Unit::Count), *unit, "{name}");
        }
    }

    #[test]
    fn every_source_is_a_listed_file_and_every_listed_file_a_source() {
        assert_unique(FILES.iter().map(|file| file.name));
        let listed: HashSet<_> = FILES.iter().map(|file| file.name).collect();
        let used: HashSet<_> = sources().map(|(_, source)| source.file).collect();
        assert_eq!(listed, used);
        assert!(used.iter().filter_map(|file| fallback_file(file)).all(|fallback| !listed.contains(fallback)));
    }

    #[test]
    fn no_value_is_stored_twice() {
        assert_unique(
            METRICS.iter().filter_map(|metric| metric.v2).map(|source| (source.tree, source.file, source.key)),
        );
        assert_unique(
            METRICS.iter().filter_map(|metric| metric.v1).map(|source| (source.tree, source.file, source.key)),
        );
        assert_unique(METRICS.iter().filter_map(Metric::alias));
    }

    #[test]
    fn keys_fit_the_shape_of_their_file() {
        for (metric, source) in sources() {
            let known: &[&str] = match file_spec(source.file).format {
                Format::Single => &[""],
                Format::CpuMax => &["quota", "period"],
                Format::Pressure => &["some", "full"],
                Format::IoStat => &["rbytes", "wbytes", "rios", "wios", "dbytes", "dios"],
                Format::BlkioThrottle => &["Read", "Write", "Discard"],
                Format::FlatKeyed => {
                    assert!(!source.key.is_empty(), "{}", metric.name);
                    continue;
                }
            };
            assert!(known.contains(&source.key), "{}: {}", metric.name, source.key);
        }
    }

    #[test]
    fn limits_and_only_limits_come_from_files_read_as_limits() {
        for (metric, source) in sources() {
            let is_limit = metric.kind == Kind::Limit;
            assert_eq!(is_limit, file_spec(source.file).class == Class::Limit, "{}: {}", metric.name, source.file);
            assert!(is_limit || source.convert != Convert::KeepLimit, "{}: {}", metric.name, source.file);
        }
    }

    #[test]
    fn conversions_lead_to_the_columns_unit() {
        for (metric, source) in sources() {
            let fits = match source.convert {
                Convert::Verbatim | Convert::KeepLimit => true,
                Convert::NanosToUsec | Convert::UserHzToUsec => metric.unit == Unit::Usec,
                Convert::SharesToWeight => metric.unit == Unit::Weight,
            };
            assert!(fits, "{}: {}", metric.name, source.file);
        }
    }

    #[test]
    fn sources_lie_in_the_hierarchies_of_their_version() {
        for metric in METRICS {
            let is_counted = ["processes", "threads", "open_descriptors"].contains(&metric.name);
            assert_eq!(metric.v2.or(metric.v1).is_none(), is_counted, "{} comes from nowhere", metric.name);
            assert!(metric.v2.is_none_or(|source| source.tree == Tree::Unified), "{}", metric.name);
            // Only pressure is worth looking for in a hybrid machine's unified mount: it has no controllers.
            let unified = metric.v1.is_some_and(|source| source.tree == Tree::Unified);
            assert_eq!(unified, metric.name.contains("_pressure_"), "{}", metric.name);
        }
    }

    #[test]
    fn since_is_a_kernel_version_exactly_where_cgroup_v2_has_the_metric() {
        for metric in METRICS {
            let parts: Option<Vec<u16>> = metric.since.split('.').map(|part| part.parse().ok()).collect();
            let is_version = parts.is_some_and(|parts| (2..=3).contains(&parts.len()) && parts[0] >= 4);
            assert_eq!(is_version, metric.v2.is_some(), "{}", metric.name);
            let otherwise = if metric.v1.is_some() { V1_ONLY } else { "" };
            assert!(is_version || metric.since == otherwise, "{}", metric.name);
        }
    }

    #[test]
    fn prometheus_series_are_unique_and_help_is_a_sentence_without_its_stop() {
        // Its `Debug` text is a series' name with all of its labels.
        assert_unique(METRICS.iter().filter_map(|metric| metric.prometheus).map(|series| format!("{series:?}")));
        for Metric { name, help, .. } in METRICS {
            assert!(!help.is_empty() && !help.ends_with('.') && !help.contains('\n'), "{name}");
        }
    }
}
