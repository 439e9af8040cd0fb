//! One cgroup as the kernel keeps its books: what a container wants becomes counters and gauges that agree with each other.
//!
//! User and system time add up to the usage, the parts of memory to what is in use, throttled periods are among the periods,
//! and nothing goes beyond a limit. Knows nothing of time but that a second goes by. The surprise: what rests does not move at
//! all: an idle container's numbers stand still for seconds, as real ones do.

mod memory;

use fgm_agent::metric::{Kind, METRICS, UNLIMITED};

use self::memory::Pages;
use crate::columns::metric as m;
use crate::rng::Rng;
use crate::shape::Shape;

/// Microseconds of a CPU quota's period.
const PERIOD_USEC: i64 = 100_000;
/// Below this many microseconds of CPU in a second a container only wakes up now and then.
const IDLE_USEC: f64 = 4000.0;
/// Dirty pages are written back about every so many seconds.
const WRITEBACK_S: u64 = 5;

/// What a container wants in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Demand {
    /// CPU, in cores.
    pub cores: f64,
    /// The load; 1 is the usual.
    pub load: f64,
    /// Anonymous memory, in pages.
    pub anon_pages: i64,
    /// Bytes that are read from disk.
    pub read_bytes: f64,
    /// Bytes that are written to files.
    pub write_bytes: f64,
}

/// What came of it, beyond numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Throttled periods.
    pub throttled: i64,
    /// The kernel had to kill a process.
    pub is_out_of_memory: bool,
}

/// A cgroup's numbers.
#[derive(Clone, Debug)]
pub struct Account {
    values: Box<[i64]>,
    pages: Pages,
    is_nice: bool,
    system_share: f64,
    quota_usec: Option<f64>,
}

impl Account {
    /// A cgroup that was just made.
    #[must_use]
    pub fn new(shape: &Shape, rng: &mut Rng) -> Self {
        let mut values = vec![0; fgm_agent::table::Table::Containers.width()].into_boxed_slice();
        let quota = shape.quota_cores.map(|cores| cores * 1e5);
        values[m::cpu_quota_usec] = quota.map_or(UNLIMITED, |quota| quota as i64);
        values[m::cpu_period_usec] = PERIOD_USEC;
        values[m::cpu_weight] = 4 + (shape.cores * 39.0) as i64;
        values[m::memory_high_bytes] = UNLIMITED;
        values[m::memory_swap_max_bytes] = 0;
        values[m::pids_max] = 19_042;
        values[m::pids_current] = shape.threads;
        values[m::pids_peak] = shape.threads;
        let pages = Pages::new(shape, &mut values, rng);
        let quota_usec = shape.quota_cores.map(|cores| cores * 1e6);
        Self { values, pages, is_nice: shape.is_nice, system_share: shape.system_share, quota_usec }
    }

    /// The numbers of every column.
    #[must_use]
    pub fn values(&self) -> &[i64] {
        &self.values
    }

    /// It has lived so many times longer than it did: counters grow as they did so far.
    pub fn age(&mut self, factor: i64) {
        let counters = METRICS.iter().zip(&mut self.values).filter(|(metric, _)| metric.kind == Kind::Counter);
        counters.for_each(|(_, value)| *value *= factor);
    }

    /// Sets another memory limit, not below what is in use.
    pub fn limit_memory(&mut self, pages: i64) {
        self.values[m::memory_max_bytes] = (pages * memory::PAGE).max(self.values[m::memory_current_bytes]);
    }

    /// A second goes by.
    pub fn step(&mut self, demand: &Demand, rng: &mut Rng) -> Outcome {
        let wanted = demand.cores * 1e6;
        let mut used = if wanted < IDLE_USEC {
            (0..rng.count(wanted / 250.0)).map(|_| 120 + rng.below(260) as i64).sum()
        } else {
            let noisy = wanted * (1.0 + 0.004 * rng.normal());
            rng.round(noisy)
        };
        let throttled = self.enforce(wanted, &mut used, rng);
        self.charge(used, demand, rng);
        self.disk(demand, rng);
        self.tasks(used, rng);
        let is_out_of_memory = self.pages.step(demand, &mut self.values, rng);
        Outcome { throttled, is_out_of_memory }
    }

    /// A process was killed for memory: what it had is free.
    pub fn kill(&mut self, anon_pages: i64) {
        self.values[m::memory_events_oom] += 1;
        self.values[m::memory_events_oom_kill] += 1;
        self.pages.free_down_to(anon_pages, &mut self.values);
    }

    /// Keeps to the quota; gives the number of throttled periods.
    fn enforce(&mut self, wanted: f64, used: &mut i64, rng: &mut Rng) -> i64 {
        let Some(quota) = self.quota_usec else { return 0 };
        let periods = if *used == 0 { 0 } else { 10 + i64::from(rng.chance(0.01)) - i64::from(rng.chance(0.01)) };
        self.values[m::cpu_nr_periods] += periods;
        let ratio = wanted / quota;
        if ratio <= 0.95 {
            return 0;
        }
        *used = (*used).min((quota * rng.between(0.985, 1.005)) as i64);
        let chance = ((ratio - 0.9) / 0.4).min(1.0);
        let throttled = (0..periods).map(|_| i64::from(rng.chance(chance))).sum::<i64>();
        let lost = 1e5 * (1.0 - 1.0 / ratio).max(0.02) * rng.between(0.8, 1.2);
        let lost_usec = rng.round(throttled as f64 * lost);
        self.values[m::cpu_nr_throttled] += throttled;
        self.values[m::cpu_throttled_usec] += lost_usec;
        let waited = lost_usec.min(990_000);
        self.values[m::cpu_pressure_some_usec] += waited;
        self.values[m::cpu_pressure_full_usec] += rng.round(waited as f64 * 0.9);
        throttled
    }

    fn charge(&mut self, used: i64, demand: &Demand, rng: &mut Rng) {
        let share = (self.system_share * (1.0 + 0.08 * rng.normal())).clamp(0.02, 0.95);
        let system = rng.round(used as f64 * share).min(used);
        self.values[m::cpu_usage_usec] += used;
        self.values[m::cpu_system_usec] += system;
        self.values[m::cpu_user_usec] += used - system;
        if self.is_nice {
            self.values[m::cpu_nice_usec] += used - system;
        }
        if used > 2000 {
            let contention = (0.004 + 0.012 * demand.load).min(0.1);
            let waited = (used as f64 * contention * rng.between(0.3, 1.7)).min(9e5) as i64;
            self.values[m::cpu_pressure_some_usec] += waited;
            self.values[m::cpu_pressure_full_usec] += rng.part(waited, 0.4, 0.95);
        }
    }

    fn disk(&mut self, demand: &Demand, rng: &mut Rng) {
        let (mut waited, mut pages_read) = (0.0, 0);
        if demand.read_bytes > 0.0 {
            let ios = rng.count(demand.read_bytes / 32_768.0);
            pages_read = (0..ios.min(8)).map(|_| 1 + rng.below(15) as i64).sum::<i64>() * ios.max(1) / ios.clamp(1, 8);
            self.values[m::io_read_ios] += ios;
            waited += ios as f64 * rng.between(60.0, 400.0);
        }
        self.values[m::io_read_bytes] += pages_read * memory::PAGE;
        self.pages.read(pages_read);
        self.pages.dirty(rng.round(demand.write_bytes / memory::PAGE as f64));
        if rng.below(WRITEBACK_S) == 0 {
            let written = self.pages.write_back(rng);
            self.values[m::io_write_bytes] += written * memory::PAGE;
            let ios = if written > 0 { 1 + rng.count(written as f64 / 24.0) } else { 0 };
            self.values[m::io_write_ios] += ios;
            waited += ios as f64 * rng.between(5.0, 60.0);
        }
        let waited = waited.min(9e5) as i64;
        self.values[m::io_pressure_some_usec] += waited;
        self.values[m::io_pressure_full_usec] += rng.part(waited, 0.6, 0.98);
    }

    fn tasks(&mut self, used: i64, rng: &mut Rng) {
        if used > 20_000 && rng.chance(0.04) {
            let most = self.values[m::pids_peak] + i64::from(rng.chance(0.02));
            let moved = self.values[m::pids_current] + if rng.chance(0.5) { 1 } else { -1 };
            self.values[m::pids_current] =
                moved.clamp(self.pages.least_threads(), most.max(self.pages.least_threads()));
            self.values[m::pids_peak] = self.values[m::pids_peak].max(self.values[m::pids_current]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::EVERY_TICK;
    use crate::shape::Profile;

    const PROFILES: [Profile; 6] =
        [Profile::Idle, Profile::Throttled, Profile::Database, Profile::Leak, Profile::Collected, Profile::Bursty];

    #[test]
    fn the_books_agree_second_by_second() {
        for profile in PROFILES {
            let mut rng = Rng::new(3, "account");
            let shape = profile.shape(0, &mut rng);
            let mut account = Account::new(&shape, &mut rng);
            let mut before = account.values().to_vec();
            for second in 0..3000 {
                let load = 0.2 + rng.unit() * 3.0;
                let demand = Demand {
                    cores: shape.cores * load,
                    load,
                    anon_pages: (shape.anon_pages * (0.5 + second as f64 / 1000.0)) as i64,
                    read_bytes: shape.read_bytes * load,
                    write_bytes: shape.write_bytes * load,
                };
                if account.step(&demand, &mut rng).is_out_of_memory {
                    account.kill(1000);
                }
                agrees(account.values(), &before, profile);
                before = account.values().to_vec();
            }
        }
    }

    fn agrees(v: &[i64], before: &[i64], profile: Profile) {
        for (column, metric) in METRICS.iter().enumerate() {
            assert!(metric.kind != Kind::Counter || v[column] >= before[column], "{} fell", metric.name);
            assert!(v[column] >= 0 && (EVERY_TICK.contains(column) || v[column] == 0), "{}", metric.name);
        }
        assert_eq!(v[m::cpu_usage_usec], v[m::cpu_user_usec] + v[m::cpu_system_usec]);
        assert!(v[m::cpu_nr_throttled] <= v[m::cpu_nr_periods]);
        assert!(v[m::cpu_pressure_full_usec] <= v[m::cpu_pressure_some_usec]);
        let (anon, file) = (v[m::memory_stat_anon_bytes], v[m::memory_stat_file_bytes]);
        let kernel = v[m::memory_stat_kernel_bytes];
        assert!(anon + file + kernel + v[m::memory_stat_sock_bytes] <= v[m::memory_current_bytes], "{profile:?}");
        assert!(v[m::memory_current_bytes] <= v[m::memory_max_bytes].min(v[m::memory_peak_bytes]), "{profile:?}");
        let lists = v[m::memory_stat_inactive_anon_bytes] + v[m::memory_stat_active_anon_bytes];
        assert_eq!(lists, anon + v[m::memory_stat_shmem_bytes]);
        let lists = v[m::memory_stat_inactive_file_bytes] + v[m::memory_stat_active_file_bytes];
        assert_eq!(lists, file - v[m::memory_stat_shmem_bytes]);
        assert!(v[m::memory_stat_file_mapped_bytes] <= file);
        assert!(v[m::memory_stat_file_dirty_bytes] + v[m::memory_stat_file_writeback_bytes] <= file, "{profile:?}");
        assert!(v[m::memory_stat_anon_thp_bytes] <= anon);
        assert!(v[m::pids_current] <= v[m::pids_peak]);
    }
}
