//! The node itself: its CPUs, memory, disk and network as sums of its containers and of what the system does beside them.

use std::sync::Arc;

use fgm_agent::model::{ColumnSet, UnixMicros};
use fgm_agent::subject::{Device, Owner, Subject};

use crate::columns::{disk as d, metric as m, node as n};
use crate::life::DISK;
use crate::pod::Network;
use crate::recorder::{Recorder, Series};
use crate::rng::Rng;

const TICK_USEC: i64 = 10_000;
const PAGE: i64 = 4096;
const MEMORY: i64 = 32 << 30;
/// Columns of `containers` whose growth the node follows.
const FOLLOWED: [usize; 9] = [
    m::cpu_user_usec,
    m::cpu_system_usec,
    m::cpu_nice_usec,
    m::memory_stat_pgfault,
    m::memory_stat_pgmajfault,
    m::io_read_bytes,
    m::io_write_bytes,
    m::io_read_ios,
    m::io_write_ios,
];

/// What containers used in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used([i64; FOLLOWED.len()]);

impl Used {
    /// What a container's books say; two of them give a difference.
    #[must_use]
    pub fn of(values: &[i64]) -> Self {
        Self(FOLLOWED.map(|column| values[column]))
    }

    /// What came after `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self(std::array::from_fn(|index| self.0[index] - before.0[index]))
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(std::array::from_fn(|index| self.0[index] + other.0[index]))
    }
}

/// The node.
#[derive(Debug)]
pub struct Machine {
    node: Series,
    disk: Series,
    network: Network,
    rng: Rng,
    cpus: i64,
    /// CPU times in microseconds: user, nice, system, iowait, irq, softirq, steal.
    busy: [i64; 7],
    up_usec: i64,
    values: [i64; n::WIDTH],
    disk_values: [i64; d::WIDTH],
    load: [f64; 3],
}

impl Machine {
    /// A node that has run for days, with enough CPUs for so many containers.
    #[must_use]
    pub fn new(containers: usize, seed: u64) -> Self {
        let mut rng = Rng::new(seed, "machine");
        let cpus = if containers > 30 { 16 } else { 8 };
        let up_usec = 412_371 * 1_000_000 + rng.below(1_000_000) as i64;
        let device = Device { owner: Owner::default(), number: DISK.0.to_owned(), device: Some(DISK.1.to_owned()) };
        let share = |part: f64| (up_usec as f64 * part) as i64;
        Self {
            node: Series::new(Subject::Node, Default::default()),
            disk: Series::new(Subject::Disk(Arc::new(device)), Default::default()),
            network: Network::new(&Owner::default(), &mut rng),
            busy: [share(2.1), share(0.1), share(0.8), share(0.05), 0, share(0.06), share(0.001)],
            load: [3.0; 3],
            values: [0; n::WIDTH],
            disk_values: [0; d::WIDTH],
            cpus,
            up_usec,
            rng,
        }
    }

    /// A second goes by, in which containers used so much and served so many requests.
    pub fn step(&mut self, used: Used, requests: f64) {
        let [user, system, nice, faults, major, read, written, reads, writes] = used.0;
        let rng = &mut self.rng;
        let own_user = 22_000 + rng.count(9000.0);
        let own_system = 11_000 + rng.count(5000.0);
        let waited = (reads * 90 + writes * 20).min(self.cpus * 300_000);
        let soft = system / 14 + rng.count(900.0);
        for (time, more) in self.busy.iter_mut().zip([
            user - nice + own_user,
            nice,
            system + own_system,
            waited,
            0,
            soft,
            i64::from(rng.chance(0.03)) * TICK_USEC,
        ]) {
            *time += more;
        }
        self.up_usec += 1_000_000;
        let cores = (user + system) as f64 / 1e6;
        let running = 1 + rng.count(cores * 0.9);
        for (average, seconds) in self.load.iter_mut().zip([60.0, 300.0, 900.0]) {
            *average += (running as f64 - *average) / seconds;
        }
        let v = &mut self.values;
        v[n::tasks_running] = running;
        v[n::tasks_blocked] = rng.count(waited as f64 / 4e5);
        v[n::interrupts] += 2400 + rng.count(cores * 2100.0 + (reads + writes) as f64);
        v[n::softirqs] += 1500 + rng.count(cores * 1600.0 + requests * 2.0);
        v[n::context_switches] += 3800 + rng.count(cores * 5200.0 + requests * 6.0);
        v[n::forks] += rng.count(3.0);
        v[n::page_faults] += faults + rng.count(900.0);
        v[n::major_page_faults] += major;
        v[n::cpu_pressure_some_usec] += (cores * rng.between(2000.0, 9000.0)).min(9e5) as i64;
        let stalled = waited.min(900_000) / 2;
        v[n::io_pressure_some_usec] += stalled;
        v[n::io_pressure_full_usec] += rng.round(stalled as f64 * 0.8);
        v[n::numa_hit] += faults + rng.count(700.0);
        v[n::thp_fault_alloc] += i64::from(rng.chance(0.02));
        self.step_disk((read, written), (reads, writes));
        self.network.step(requests, &mut self.rng);
    }

    fn step_disk(&mut self, (read, written): (i64, i64), (reads, writes): (i64, i64)) {
        let (rng, v) = (&mut self.rng, &mut self.disk_values);
        let own_writes = rng.count(2.5);
        let writes = writes + own_writes;
        let read_time = reads * 90 + rng.below(1 + reads.unsigned_abs() * 60) as i64;
        let write_time = writes * 400 + rng.below(1 + writes.unsigned_abs() * 300) as i64;
        let flushes = writes / 9;
        for (column, more) in [
            (d::reads, reads),
            (d::read_bytes, read),
            (d::read_time_usec, read_time),
            (d::writes, writes),
            (d::writes_merged, writes / 3),
            (d::write_bytes, written + own_writes * 2 * PAGE),
            (d::write_time_usec, write_time),
            (d::flushes, flushes),
            (d::flush_time_usec, flushes * 900),
            (d::io_time_usec, ((read_time + write_time) / 3).min(990_000)),
            (d::weighted_io_time_usec, read_time + write_time),
        ] {
            v[column] += more;
        }
        v[d::in_flight] = rng.count((read_time + write_time) as f64 / 1e6);
    }

    /// Rows of the node, its disk and its network, given the books of the containers; gives the time when that was done.
    pub fn record(&mut self, time: UnixMicros, containers: &[&[i64]], recorder: &mut Recorder) -> UnixMicros {
        self.look(containers);
        let all = |width: usize| (0..width).collect::<ColumnSet>();
        // The kernel counts its milliseconds and clock ticks in whole ones.
        let mut disk = self.disk_values;
        for column in
            [d::read_time_usec, d::write_time_usec, d::flush_time_usec, d::io_time_usec, d::weighted_io_time_usec]
        {
            disk[column] -= disk[column] % 1000;
        }
        recorder.row(&mut self.node, (time, false), all(n::WIDTH), &self.values);
        recorder.row(&mut self.disk, (time + 90, false), all(d::WIDTH), &disk);
        self.network.record(time + 130, recorder);
        time + 150
    }

    fn look(&mut self, containers: &[&[i64]]) {
        let sum = |column: usize| containers.iter().map(|values| values[column]).sum::<i64>();
        let ticks = |usec: i64| usec - usec % TICK_USEC;
        let [user, nice, system, iowait, irq, softirq, steal] = self.busy;
        let idle = (self.up_usec * self.cpus - self.busy.iter().sum::<i64>()).max(0);
        let anon = sum(m::memory_stat_anon_bytes) + (700 << 20);
        let file = sum(m::memory_stat_file_bytes) + (2100 << 20);
        let kernel = sum(m::memory_stat_kernel_bytes) + (420 << 20);
        let dirty = sum(m::memory_stat_file_dirty_bytes) + 40 * PAGE;
        let free = (MEMORY - anon - file - kernel).max(64 << 20);
        let slab = sum(m::memory_stat_slab_reclaimable_bytes) + (190 << 20);
        let milli = |load: f64| (load * 100.0) as i64 * 10;
        let v = &mut self.values;
        for (column, value) in [
            (n::cpu_user_usec, ticks(user)),
            (n::cpu_nice_usec, ticks(nice)),
            (n::cpu_system_usec, ticks(system)),
            (n::cpu_idle_usec, ticks(idle).max(v[n::cpu_idle_usec])),
            (n::cpu_iowait_usec, ticks(iowait)),
            (n::cpu_irq_usec, ticks(irq)),
            (n::cpu_softirq_usec, ticks(softirq)),
            (n::cpu_steal_usec, ticks(steal)),
            (n::cpus, self.cpus),
            (n::load_1m_milli, milli(self.load[0])),
            (n::load_5m_milli, milli(self.load[1])),
            (n::load_15m_milli, milli(self.load[2])),
            (n::tasks, sum(m::pids_current) + 260),
            (n::memory_total_bytes, MEMORY),
            (n::memory_free_bytes, free),
            (n::memory_available_bytes, (free + file * 8 / 10 + slab) & !(PAGE - 1)),
            (n::memory_buffers_bytes, 61 << 20),
            (n::memory_cached_bytes, file - (61 << 20)),
            (n::memory_active_anon_bytes, sum(m::memory_stat_active_anon_bytes) + (200 << 20)),
            (n::memory_inactive_anon_bytes, sum(m::memory_stat_inactive_anon_bytes) + (500 << 20)),
            (n::memory_active_file_bytes, sum(m::memory_stat_active_file_bytes) + (900 << 20)),
            (n::memory_inactive_file_bytes, sum(m::memory_stat_inactive_file_bytes) + (1200 << 20)),
            (n::memory_anon_bytes, anon),
            (n::memory_mapped_bytes, sum(m::memory_stat_file_mapped_bytes) + (180 << 20)),
            (n::memory_shmem_bytes, sum(m::memory_stat_shmem_bytes) + (9 << 20)),
            (n::memory_dirty_bytes, dirty),
            (n::memory_writeback_bytes, sum(m::memory_stat_file_writeback_bytes)),
            (n::memory_slab_reclaimable_bytes, slab),
            (n::memory_slab_unreclaimable_bytes, sum(m::memory_stat_slab_unreclaimable_bytes) + (140 << 20)),
            (n::memory_kernel_reclaimable_bytes, slab),
            (n::memory_kernel_stack_bytes, sum(m::memory_stat_kernel_stack_bytes) + 260 * 4 * PAGE),
            (n::memory_page_tables_bytes, sum(m::memory_stat_pagetables_bytes) + (14 << 20)),
            (n::memory_percpu_bytes, 38 << 20),
            (n::memory_vmalloc_used_bytes, 57 << 20),
            (n::memory_commit_limit_bytes, MEMORY / 2),
            (n::memory_committed_bytes, (anon * 7 / 4) & !(PAGE - 1)),
            (n::memory_anon_huge_pages_bytes, sum(m::memory_stat_anon_thp_bytes)),
        ] {
            v[column] = value;
        }
    }

    /// A process was killed for memory.
    pub fn killed(&mut self) {
        self.values[n::oom_kills] += 1;
    }
}
