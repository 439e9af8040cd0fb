//! The numbers of the columns that are made up, found by name when this crate is compiled.
//!
//! A column that the catalogue does not have does not compile, so nothing is written under a wrong name. A column of cgroup v2
//! that is not listed here is 0 in every row, as on a machine that does not use the feature.

use std::sync::LazyLock;

use fgm_agent::metric::METRICS;
use fgm_agent::model::{ColumnSet, Support};
use fgm_agent::table::Table;

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}

const fn number(table: Table, name: &str) -> usize {
    let mut column = 0;
    while column < table.width() {
        let known = match table.fields() {
            None => METRICS[column].name,
            Some(fields) => fields[column].name,
        };
        if same(known, name) {
            return column;
        }
        column += 1;
    }
    panic!("the catalogue has no such column")
}

macro_rules! columns {
    ($(#[$meta:meta])* $module:ident of $table:ident: $($name:ident)*) => {
        $(#[$meta])*
        pub mod $module {
            /// The number of the table's columns.
            pub const WIDTH: usize = fgm_agent::table::Table::$table.width();
            $(
                #[doc = concat!("`", stringify!($name), "`")]
                #[allow(non_upper_case_globals, reason = "a column is written as it is called")]
                pub const $name: usize = super::number(fgm_agent::table::Table::$table, stringify!($name));
            )*
        }
    };
}

columns! {
    /// Columns of `containers` and `pods`.
    metric of Containers:
    cpu_usage_usec cpu_user_usec cpu_system_usec cpu_nice_usec cpu_nr_periods cpu_nr_throttled cpu_throttled_usec
    cpu_quota_usec cpu_period_usec cpu_weight cpu_pressure_some_usec cpu_pressure_full_usec
    memory_current_bytes memory_peak_bytes memory_max_bytes memory_high_bytes memory_swap_max_bytes
    memory_events_max memory_events_oom memory_events_oom_kill memory_events_oom_group_kill
    memory_pressure_some_usec memory_pressure_full_usec
    memory_stat_anon_bytes memory_stat_file_bytes memory_stat_kernel_bytes memory_stat_kernel_stack_bytes
    memory_stat_pagetables_bytes memory_stat_percpu_bytes memory_stat_sock_bytes memory_stat_vmalloc_bytes
    memory_stat_shmem_bytes memory_stat_file_mapped_bytes memory_stat_file_dirty_bytes memory_stat_file_writeback_bytes
    memory_stat_anon_thp_bytes memory_stat_inactive_anon_bytes memory_stat_active_anon_bytes
    memory_stat_inactive_file_bytes memory_stat_active_file_bytes memory_stat_slab_reclaimable_bytes
    memory_stat_slab_unreclaimable_bytes memory_stat_slab_bytes
    memory_stat_workingset_refault memory_stat_workingset_activate memory_stat_workingset_restore
    memory_stat_workingset_refault_file memory_stat_workingset_activate_file memory_stat_workingset_restore_file
    memory_stat_pgscan memory_stat_pgsteal memory_stat_pgscan_direct memory_stat_pgsteal_direct
    memory_stat_pgfault memory_stat_pgmajfault memory_stat_pgrefill memory_stat_pgactivate memory_stat_pgdeactivate
    memory_stat_pglazyfree memory_stat_thp_fault_alloc memory_stat_thp_collapse_alloc
    io_read_bytes io_write_bytes io_read_ios io_write_ios io_pressure_some_usec io_pressure_full_usec
    pids_current pids_peak pids_max processes threads open_descriptors
}

columns! {
    /// Columns of `io_devices`.
    io of IoDevices: read_bytes write_bytes read_ios write_ios
}

columns! {
    /// Columns of `processes`.
    process of Processes:
    pid start_ticks parent_pid utime_usec stime_usec rss_bytes rss_anon_bytes rss_file_bytes rss_shmem_bytes rss_peak_bytes
    virtual_bytes threads minor_faults major_faults voluntary_context_switches involuntary_context_switches
    run_queue_wait_usec io_read_bytes io_write_bytes io_read_call_bytes io_write_call_bytes io_read_calls io_write_calls
    open_descriptors pss_bytes pss_anon_bytes pss_file_bytes pss_shmem_bytes pss_age_usec
}

columns! {
    /// Columns of `node`.
    node of Node:
    cpu_user_usec cpu_nice_usec cpu_system_usec cpu_idle_usec cpu_iowait_usec cpu_irq_usec cpu_softirq_usec
    cpu_steal_usec cpus interrupts softirqs context_switches forks tasks_running tasks_blocked load_1m_milli
    load_5m_milli load_15m_milli tasks cpu_pressure_some_usec io_pressure_some_usec io_pressure_full_usec
    memory_total_bytes memory_free_bytes memory_available_bytes memory_buffers_bytes memory_cached_bytes
    memory_active_anon_bytes memory_inactive_anon_bytes memory_active_file_bytes memory_inactive_file_bytes
    memory_anon_bytes memory_mapped_bytes memory_shmem_bytes memory_dirty_bytes memory_writeback_bytes
    memory_slab_reclaimable_bytes memory_slab_unreclaimable_bytes memory_kernel_reclaimable_bytes
    memory_kernel_stack_bytes memory_page_tables_bytes memory_percpu_bytes memory_vmalloc_used_bytes
    memory_commit_limit_bytes memory_committed_bytes memory_anon_huge_pages_bytes page_faults major_page_faults
    oom_kills thp_fault_alloc numa_hit
}

columns! {
    /// Columns of `network`.
    network of Network:
    receive_bytes receive_packets receive_dropped transmit_bytes transmit_packets tcp_active_opens tcp_passive_opens
    tcp_established tcp_in_segments tcp_out_segments tcp_retransmits udp_in_datagrams udp_out_datagrams
}

columns! {
    /// Columns of `disks`.
    disk of Disks:
    reads read_bytes read_time_usec writes writes_merged write_bytes write_time_usec in_flight io_time_usec
    weighted_io_time_usec flushes flush_time_usec
}

/// What the machine does not have: what is of cgroup v1 alone, and three counters of kernels before 5.9.
pub static SUPPORT: LazyLock<Support> = LazyLock::new(|| {
    let v1_only = METRICS.iter().enumerate().filter(|(_, metric)| metric.v2.is_none() && metric.v1.is_some());
    let before = [
        metric::memory_stat_workingset_refault,
        metric::memory_stat_workingset_activate,
        metric::memory_stat_workingset_restore,
    ];
    let unsupported = v1_only.map(|(column, _)| column).chain(before).collect();
    Support { unsupported, unreadable: ColumnSet::EMPTY }
});

/// The columns that are read from a cgroup's files at every tick.
pub static EVERY_TICK: LazyLock<ColumnSet> = LazyLock::new(|| {
    let v2 = (0..METRICS.len()).filter(|&column| METRICS[column].v2.is_some());
    v2.collect::<ColumnSet>().difference(&SUPPORT.unsupported)
});

/// The columns that are counted when processes are read.
pub const WITH_PROCESSES: [usize; 3] = [metric::processes, metric::threads, metric::open_descriptors];
