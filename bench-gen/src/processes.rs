//! The processes of a container as rows of the `processes` table: each has a part of what the container's books say.
//!
//! CPU time comes in clock ticks of 10 ms, as the kernel gives it; PSS is dear to read, so it is read once in a while and
//! repeated with its age.

use std::sync::Arc;

use fgm_agent::model::{ColumnSet, Identity, UnixMicros};
use fgm_agent::subject::{Owner, Process, Subject};

use crate::account::Account;
use crate::columns::{metric as m, process as p};
use crate::recorder::{Recorder, Series};
use crate::rng::Rng;
use crate::scenario::Slot;

const TICK_USEC: i64 = 10_000;
const PAGE: i64 = 4096;
/// PSS is read once in so many microseconds.
const PSS_EVERY_USEC: i64 = 30_000_000;
/// The machine had been up for so long at the start of the data, in clock ticks.
const UPTIME_TICKS: i64 = 41_237_112;

#[derive(Debug)]
struct One {
    series: Series,
    share: f64,
    /// The container's counters when it started.
    since: Box<[i64]>,
    values: [i64; p::WIDTH],
    pss_read: UnixMicros,
}

/// The processes of a container.
#[derive(Debug)]
pub struct Processes {
    all: Vec<One>,
    owner: Owner,
    comm: String,
}

impl Processes {
    /// Those of a container that begins.
    #[must_use]
    pub fn new(identity: &Identity, slot: &Slot, born_s: i64, rng: &mut Rng) -> Self {
        let mut new = Self { all: Vec::new(), owner: Owner::container(identity), comm: slot.container.to_owned() };
        let none = vec![0; m::WIDTH].into_boxed_slice();
        let count = slot.shape.processes;
        let mut rest = 1.0;
        for number in 0..count {
            // The workers do most of it.
            let share = if number + 1 == count { rest } else { rest * if number == 0 { 0.15 } else { 0.55 } };
            rest -= share;
            let parent = new.all.first().map(|main| main.values[p::pid]);
            new.start((number, parent), share, (&none, born_s), rng);
        }
        new
    }

    /// How many there are, their threads, and their open descriptors.
    #[must_use]
    pub fn counted(&self, account: &Account) -> [i64; 3] {
        let descriptors = self.all.iter().map(|one| one.values[p::open_descriptors]).sum();
        [self.all.len() as i64, account.values()[m::pids_current], descriptors]
    }

    /// The last one was killed; another one takes its place.
    pub fn replace_worker(&mut self, account: &Account, second: i64, rng: &mut Rng) {
        let Some(killed) = self.all.pop() else { return };
        let parent = self.all.first().map(|main| main.values[p::pid]);
        self.start((self.all.len() as u32, parent), killed.share, (account.values(), second), rng);
    }

    /// The name and id of the one that uses most memory.
    #[must_use]
    pub fn largest(&self) -> Option<(String, i64)> {
        self.all.last().map(|one| (self.comm.clone(), one.values[p::pid]))
    }

    /// A row of each.
    pub fn record(&mut self, account: &Account, time: UnixMicros, recorder: &mut Recorder, rng: &mut Rng) {
        let threads = account.values()[m::pids_current];
        let count = self.all.len() as i64;
        for (position, one) in self.all.iter_mut().enumerate() {
            one.values[p::threads] =
                if position == 0 { threads - (threads / count) * (count - 1) } else { threads / count };
            one.read(account.values(), time, rng);
            // Reading one takes about 150 us.
            let time = time + position as i64 * (120 + rng.below(60) as i64);
            recorder.row(&mut one.series, (time, false), *PRESENT, &one.values);
        }
    }

    fn start(
        &mut self,
        (number, parent): (u32, Option<i64>),
        share: f64,
        (since, second): (&[i64], i64),
        rng: &mut Rng,
    ) {
        let pid = 2000 + rng.below(4_000_000) as i64;
        let start_ticks = (UPTIME_TICKS + second * 100).max(1) + rng.below(100) as i64;
        let comm = if number == 0 { self.comm.clone() } else { format!("{}-{number}", self.comm) };
        let role = if number == 0 { "serve" } else { "worker" };
        let process = Process {
            owner: self.owner.clone(),
            pid: u32::try_from(pid).unwrap_or_default(),
            start_ticks: u64::try_from(start_ticks).unwrap_or_default(),
            cmdline: Some(format!("/usr/bin/{} {role} --config /etc/{0}/{0}.yaml", self.comm)),
            comm,
        };
        let mut values = [0; p::WIDTH];
        values[p::pid] = pid;
        values[p::start_ticks] = start_ticks;
        values[p::parent_pid] = parent.unwrap_or(1500 + i64::from(number));
        values[p::open_descriptors] = 12 + rng.below(40) as i64;
        values[p::virtual_bytes] = (600 + rng.below(1400) as i64) << 20;
        let series = Series::new(Subject::Process(Arc::new(process)), Default::default());
        self.all.push(One { series, share, since: since.into(), values, pss_read: i64::MIN / 2 });
    }
}

/// All but swap and cancelled writes, which are 0 and read all the same.
static PRESENT: std::sync::LazyLock<ColumnSet> = std::sync::LazyLock::new(|| (0..p::WIDTH).collect());

impl One {
    /// Takes its part of the container's numbers; what is a counter never falls.
    fn read(&mut self, account: &[i64], time: UnixMicros, rng: &mut Rng) {
        let part = |column: usize| (self.share * (account[column] - self.since[column]) as f64) as i64;
        let ticks = |usec: i64| usec - usec % TICK_USEC;
        let (user, system) = (part(m::cpu_user_usec), part(m::cpu_system_usec));
        let (faults, waited) = (part(m::memory_stat_pgfault), part(m::cpu_pressure_some_usec) / 3);
        let (read, written) = (part(m::io_read_bytes), part(m::io_write_bytes));
        let (major, busy) = (part(m::memory_stat_pgmajfault), (user + system) / 700);
        let pages = |column: usize| (self.share * (account[column] / PAGE) as f64) as i64 * PAGE;
        let (anon, shmem) = (pages(m::memory_stat_anon_bytes), pages(m::memory_stat_shmem_bytes));
        let file = account[m::memory_stat_file_mapped_bytes];
        let v = &mut self.values;
        for (column, value) in [
            (p::utime_usec, ticks(user)),
            (p::stime_usec, ticks(system)),
            (p::minor_faults, faults - major.min(faults)),
            (p::major_faults, major),
            (p::voluntary_context_switches, busy * 3 / 4),
            (p::involuntary_context_switches, busy / 9),
            (p::run_queue_wait_usec, waited),
            (p::io_read_bytes, read),
            (p::io_write_bytes, written),
            (p::io_read_call_bytes, read * 3 + busy * 180),
            (p::io_write_call_bytes, written + busy * 90),
            (p::io_read_calls, busy / 2 + read / 16_384),
            (p::io_write_calls, busy / 3 + written / 16_384),
        ] {
            v[column] = v[column].max(value);
        }
        v[p::rss_anon_bytes] = anon;
        v[p::rss_file_bytes] = file;
        v[p::rss_shmem_bytes] = shmem;
        v[p::rss_bytes] = anon + file + shmem;
        v[p::rss_peak_bytes] = v[p::rss_peak_bytes].max(v[p::rss_bytes]);
        if busy > 100 && rng.chance(0.1) {
            v[p::open_descriptors] = (v[p::open_descriptors] + rng.below(5) as i64 - 2).max(8);
        }
        if time - self.pss_read >= PSS_EVERY_USEC {
            self.pss_read = time;
            // Mapped files are shared with other containers of the image.
            v[p::pss_anon_bytes] = anon;
            v[p::pss_file_bytes] = file / 3 / 1024 * 1024;
            v[p::pss_shmem_bytes] = shmem;
            v[p::pss_bytes] = anon + v[p::pss_file_bytes] + shmem;
        }
        v[p::pss_age_usec] = time - self.pss_read;
    }
}
