//! The memory of a cgroup, in pages: what is charged, what is reclaimed at the limit, and when nothing is left to reclaim.

use fgm_agent::metric::UNLIMITED;

use super::Demand;
use crate::columns::metric as m;
use crate::rng::Rng;
use crate::shape::Shape;

/// Bytes of a page.
pub(super) const PAGE: i64 = 4096;
/// Pages of a huge page.
const HUGE: i64 = 512;
/// Pages of a kernel stack.
const STACK: i64 = 4;
/// The kernel charges in batches of so many pages per CPU, so what is in use is a little more than its parts.
const BATCH: u64 = 64;
/// Page cache that stays whatever is reclaimed: code that runs.
const LEAST_FILE: i64 = 128;

/// A cgroup's pages, as far as the columns do not say them.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    anon: i64,
    file: i64,
    shmem: i64,
    dirty: i64,
    writeback: i64,
    huge: i64,
    huge_share: f64,
    mapped: i64,
    active_anon: f64,
    active_file: f64,
    cache: i64,
    batch: i64,
    sock: i64,
    slab_unreclaimable: i64,
    percpu: i64,
    least_threads: i64,
    requests: f64,
    evicted: i64,
}

impl Pages {
    pub(super) fn new(shape: &Shape, values: &mut [i64], rng: &mut Rng) -> Self {
        let limit = shape.limit_pages.map_or(UNLIMITED, |pages| pages as i64 * PAGE);
        values[m::memory_max_bytes] = limit;
        let pages = Self {
            anon: (shape.anon_pages * 0.2) as i64,
            file: LEAST_FILE + rng.below(256) as i64,
            shmem: rng.below(8) as i64,
            dirty: 0,
            writeback: 0,
            huge: 0,
            huge_share: shape.huge,
            mapped: (shape.file_pages * 0.4).min(6000.0) as i64,
            active_anon: rng.between(0.05, 0.3),
            active_file: rng.between(0.3, 0.6),
            cache: shape.file_pages as i64,
            batch: 0,
            sock: 0,
            slab_unreclaimable: 40 + rng.below(60) as i64 + shape.threads * 2,
            percpu: 12 + rng.below(20) as i64,
            least_threads: shape.threads,
            requests: shape.requests,
            evicted: 0,
        };
        pages.publish(values);
        pages
    }

    pub(super) fn least_threads(&self) -> i64 {
        self.least_threads
    }

    /// Pages that came from disk.
    pub(super) fn read(&mut self, pages: i64) {
        self.file += pages;
    }

    /// Pages that were written to.
    pub(super) fn dirty(&mut self, pages: i64) {
        // Most writes go to the end of a file, the others to pages that are there.
        self.file += pages - pages / 4;
        self.dirty = (self.dirty + pages).min(self.file - self.shmem - self.writeback).max(0);
    }

    /// Writes most dirty pages to disk; gives their number.
    pub(super) fn write_back(&mut self, rng: &mut Rng) -> i64 {
        let written = (self.dirty as f64 * rng.between(0.6, 1.0)) as i64;
        self.dirty -= written;
        self.writeback = if rng.chance(0.2) { written / 2 } else { 0 };
        written
    }

    /// A second goes by; whether not even reclaim keeps it below the limit.
    pub(super) fn step(&mut self, demand: &Demand, values: &mut [i64], rng: &mut Rng) -> bool {
        self.allocate(demand, values, rng);
        self.age(values, rng);
        let limit = values[m::memory_max_bytes];
        let over = self.total(values) - limit / PAGE;
        let is_out_of_memory = limit != UNLIMITED && over > 0 && !self.reclaim(over, values, rng);
        if is_out_of_memory {
            let over = self.total(values) - limit / PAGE;
            self.anon -= over.max(0);
            self.huge = self.huge.min(self.anon / HUGE);
        }
        self.publish(values);
        is_out_of_memory
    }

    pub(super) fn free_down_to(&mut self, anon: i64, values: &mut [i64]) {
        self.anon = self.anon.min(anon);
        self.huge = self.huge.min(self.anon / HUGE);
        self.publish(values);
    }

    fn allocate(&mut self, demand: &Demand, values: &mut [i64], rng: &mut Rng) {
        let grown = demand.anon_pages - self.anon;
        self.anon = demand.anon_pages.max(64);
        let churn = rng.count(demand.load * self.requests * 1.5);
        values[m::memory_stat_pgfault] += grown.max(0) + churn;
        if grown >= HUGE && self.huge_share > 0.0
            || self.huge * HUGE < (self.anon as f64 * self.huge_share) as i64 - HUGE
        {
            let huge = (grown as f64 * self.huge_share / HUGE as f64).max(1.0) as i64;
            self.huge = (self.huge + huge).min(self.anon / HUGE);
            values[m::memory_stat_thp_fault_alloc] += huge;
            values[m::memory_stat_thp_collapse_alloc] += i64::from(rng.chance(0.1));
        }
        if grown < -2 * HUGE {
            values[m::memory_stat_pglazyfree] += -grown / 3;
            self.huge = self.huge.min((self.anon as f64 * self.huge_share) as i64 / HUGE);
        }
        self.huge = self.huge.min(self.anon / HUGE);
        if demand.cores > 0.004 {
            self.batch = rng.below(BATCH) as i64;
            self.sock = rng.count(demand.load * self.requests / 40.0);
            if rng.chance(0.15) {
                self.slab_unreclaimable = (self.slab_unreclaimable + rng.below(5) as i64 - 2).max(30);
            }
            self.active_anon = (self.active_anon + 0.004 * rng.normal()).clamp(0.01, 0.5);
        } else if rng.chance(0.01) {
            self.batch = rng.below(BATCH) as i64;
        }
    }

    /// Page cache comes up to what the container uses, then the oldest goes; some of it is needed again.
    fn age(&mut self, values: &mut [i64], rng: &mut Rng) {
        if self.file < self.cache / 2 && rng.chance(0.3) {
            self.file += 1 + self.cache / 200;
            values[m::memory_stat_pgmajfault] += rng.below(3) as i64;
        }
        if self.file > self.cache {
            self.drop_file(self.file - self.cache + rng.below(128) as i64);
        }
        if rng.chance(0.05) {
            self.active_file = (self.active_file + 0.01 * rng.normal()).clamp(0.1, 0.8);
            values[m::memory_stat_pgactivate] += rng.below(20) as i64;
        }
        let needed = (self.evicted / 64).min(200);
        if needed > 0 {
            let refaults = rng.count(needed as f64);
            self.evicted = (self.evicted - refaults).max(0);
            values[m::memory_stat_workingset_refault_file] += refaults;
            values[m::memory_stat_workingset_activate_file] += refaults / 2;
            values[m::memory_stat_workingset_restore_file] += refaults / 4;
        }
    }

    /// Frees page cache; whether that was enough.
    fn reclaim(&mut self, over: i64, values: &mut [i64], rng: &mut Rng) -> bool {
        let wanted = over + 32 + rng.below(96) as i64;
        let freed = self.drop_file(wanted);
        values[m::memory_events_max] += 1 + wanted / 64;
        let scanned = freed + freed / 3 + rng.below(32) as i64 + wanted - freed;
        for (column, pages) in [
            (m::memory_stat_pgscan, scanned),
            (m::memory_stat_pgscan_direct, scanned),
            (m::memory_stat_pgsteal, freed),
            (m::memory_stat_pgsteal_direct, freed),
            (m::memory_stat_pgrefill, scanned / 2),
            (m::memory_stat_pgdeactivate, scanned / 4),
        ] {
            values[column] += pages;
        }
        self.evicted += freed / 2;
        let stalled = (scanned as f64 * rng.between(1.0, 6.0)).min(5e5) as i64;
        values[m::memory_pressure_some_usec] += stalled;
        values[m::memory_pressure_full_usec] += rng.part(stalled, 0.5, 0.95);
        freed >= over
    }

    fn drop_file(&mut self, wanted: i64) -> i64 {
        let clean = self.file - self.shmem - self.dirty - self.writeback - LEAST_FILE;
        let freed = wanted.min(clean).max(0);
        self.file -= freed;
        freed
    }

    fn kernel(&self, threads: i64) -> i64 {
        let page_tables = 8 + (self.anon + self.mapped.min(self.file)) / 512 + threads / 2;
        threads * STACK + page_tables + self.percpu + self.slab_unreclaimable + self.slab_reclaimable()
    }

    fn slab_reclaimable(&self) -> i64 {
        20 + self.file / 96
    }

    fn total(&self, values: &[i64]) -> i64 {
        self.anon + self.file + self.kernel(values[m::pids_current]) + self.sock + self.batch
    }

    fn publish(&self, values: &mut [i64]) {
        let threads = values[m::pids_current];
        let active = |share: f64, pages: i64| (share * pages as f64) as i64;
        let (anon, file) = (self.anon + self.shmem, self.file - self.shmem);
        let (active_anon, active_file) = (active(self.active_anon, anon), active(self.active_file, file));
        let slab_reclaimable = self.slab_reclaimable();
        let of_kernel = self.kernel(threads);
        let tables = of_kernel - threads * STACK - self.percpu - self.slab_unreclaimable - slab_reclaimable;
        for (column, pages) in [
            (m::memory_current_bytes, self.total(values)),
            (m::memory_stat_anon_bytes, self.anon),
            (m::memory_stat_file_bytes, self.file),
            (m::memory_stat_kernel_bytes, of_kernel),
            (m::memory_stat_kernel_stack_bytes, threads * STACK),
            (m::memory_stat_pagetables_bytes, tables),
            (m::memory_stat_percpu_bytes, self.percpu),
            (m::memory_stat_sock_bytes, self.sock),
            (m::memory_stat_shmem_bytes, self.shmem),
            (m::memory_stat_file_mapped_bytes, self.mapped.min(self.file)),
            (m::memory_stat_file_dirty_bytes, self.dirty),
            (m::memory_stat_file_writeback_bytes, self.writeback),
            (m::memory_stat_anon_thp_bytes, self.huge * HUGE),
            (m::memory_stat_active_anon_bytes, active_anon),
            (m::memory_stat_inactive_anon_bytes, anon - active_anon),
            (m::memory_stat_active_file_bytes, active_file),
            (m::memory_stat_inactive_file_bytes, file - active_file),
            (m::memory_stat_slab_reclaimable_bytes, slab_reclaimable),
            (m::memory_stat_slab_unreclaimable_bytes, self.slab_unreclaimable),
            (m::memory_stat_slab_bytes, slab_reclaimable + self.slab_unreclaimable),
        ] {
            values[column] = pages * PAGE;
        }
        values[m::memory_peak_bytes] = values[m::memory_peak_bytes].max(values[m::memory_current_bytes]);
    }
}
