//! The processes of every container, every few seconds, on a thread of their own; and with them the network of each pod.
//!
//! One pass goes through the roster of living containers, reads each process's files into a row, tells births and deaths,
//! and leaves each container's totals for the sampler. The surprise: a process is its id and its start time together, and one
//! that runs another program (a runtime's `init` becomes the container's command) is the same series, named again.

pub mod members;
pub mod pods;
pub mod proc_dir;
pub mod pss;
pub mod reading;
pub mod thread;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::fd::OwnedFd;
use serde::Serialize;

use super::network::HostNetwork;
use super::roster::{Roster, Rostered, Totals};
use crate::budget::Shedding;
use crate::clock::thread_cpu;
use crate::health::Counters;
use crate::model::{Identity, Keys, SeriesKey, Tick, UnixMicros};
use crate::procfs::cmdline::printable;
use crate::procfs::process::Rollup;
use crate::schedule::Monotonic;
use crate::subject::{Owner, Process, Subject};
use pods::Pods;
use proc_dir::{Buffer, ProcDir};
use pss::{Budget, LastReading};
use reading::{Numbers, ProcessReader};

/// Processes of one container that are recorded; those beyond are counted as left out.
pub const MAX_PER_CONTAINER: usize = 1000;

/// Processes that are recorded in all.
pub const MAX_PROCESSES: usize = 10_000;

/// From this level of the budget on, PSS and open descriptors are not read.
pub const NO_COSTLY_LEVEL: u8 = 1;

/// From this level on, processes are read once in [`STRETCH`] deadlines.
pub const STRETCHED_LEVEL: u8 = 2;

/// How seldom processes are then read.
pub const STRETCH: u32 = 4;

/// What the collector is told at start.
#[derive(Clone, Debug)]
pub struct Options {
    /// Time between passes.
    pub interval: Duration,
    /// Where /proc is.
    pub proc_root: PathBuf,
    /// The root of the hierarchy whose `cgroup.procs` tells a container's processes.
    pub cgroup_root: PathBuf,
    /// Whether that is a v1 hierarchy.
    pub is_v1: bool,
}

/// What the collector tells about itself, renewed at each pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProcessesStatus {
    /// Processes recorded.
    pub processes: usize,
    /// Processes that belong to a foreign pid namespace: counted, not seen.
    pub hidden: i64,
    /// Processes beyond the bounds.
    pub left_out: usize,
    /// Files of processes that may not be read, with the number of processes.
    pub unreadable_files: BTreeMap<&'static str, usize>,
    /// Whether this kernel tells the number of open descriptors without listing them.
    pub descriptors_supported: bool,
}

/// The status cell that the collector renews and others read.
pub type StatusCell = Arc<Mutex<ProcessesStatus>>;

/// A process that is recorded.
#[derive(Debug)]
struct Known {
    key: SeriesKey,
    container: SeriesKey,
    identity: Arc<Identity>,
    start_ticks: u64,
    comm: Box<[u8]>,
    cmdline: Option<String>,
    last_pss: LastReading,
    pss: Option<(Rollup, Monotonic)>,
    /// PSS is to be read in this pass.
    wants_pss: bool,
    round: u64,
}

/// The collector.
#[derive(Debug)]
pub struct Processes {
    options: Options,
    proc_root: OwnedFd,
    roster: Arc<Roster>,
    keys: Keys,
    counters: Arc<Counters>,
    shedding: Arc<Shedding>,
    status: StatusCell,
    known: HashMap<u32, Known>,
    pods: Pods,
    budget: Budget,
    reader: ProcessReader,
    buffer: Buffer,
    procs_text: Vec<u8>,
    /// A process of somebody else was ever listed.
    sees_others: bool,
    this_pass: ProcessesStatus,
    round: u64,
}

/// When a pass is.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// On the clock that no step touches.
    pub now: Monotonic,
    /// On the wall.
    pub time: UnixMicros,
}

impl Processes {
    /// A collector that has read nothing yet.
    ///
    /// # Errors
    /// When there is no procfs at its place.
    pub fn new(
        options: Options,
        (roster, keys): (Arc<Roster>, Keys),
        counters: Arc<Counters>,
        shedding: Arc<Shedding>,
    ) -> Result<Self, rustix::io::Errno> {
        let proc_root = proc_dir::open_root(&options.proc_root)?;
        Ok(Self {
            pods: Pods::new(HostNetwork::find(&options.proc_root)),
            reader: ProcessReader::new(&options.proc_root, Arc::clone(&counters)),
            options,
            proc_root,
            roster,
            keys,
            counters,
            shedding,
            status: StatusCell::default(),
            known: HashMap::new(),
            budget: Budget::default(),
            buffer: Buffer::default(),
            procs_text: Vec::new(),
            this_pass: ProcessesStatus::default(),
            sees_others: false,
            round: 0,
        })
    }

    /// Where the collector tells about itself.
    #[must_use]
    pub fn status(&self) -> StatusCell {
        Arc::clone(&self.status)
    }

    /// One pass over every process of every living container.
    pub fn pass(&mut self, moment: Moment, tick: &mut Tick) {
        self.round += 1;
        self.this_pass = ProcessesStatus::default();
        self.choose_for_pss(moment.now);
        self.pods.begin();
        let living = self.roster.living();
        let recorded: HashSet<&str> = living.iter().map(|one| &*one.path).collect();
        let mut totals = HashMap::with_capacity(living.len());
        for container in &living {
            let members = members::read(&self.options.cgroup_root, &container.path, &recorded, &mut self.procs_text);
            totals.insert(container.key, self.container((container, &members), moment, tick));
        }
        self.bury(tick);
        self.pods.end(tick);
        self.roster.publish(totals);
        self.publish_status();
    }

    fn container(
        &mut self,
        (container, members): (&Rostered, &members::Members),
        moment: Moment,
        tick: &mut Tick,
    ) -> Totals {
        let (mut processes, mut threads, mut descriptors) = (members.hidden, None, None);
        let mut cut = false;
        self.sees_others |= members.pids.iter().any(|&pid| pid != std::process::id());
        self.this_pass.hidden += members.hidden;
        for (index, &pid) in members.pids.iter().enumerate() {
            if index >= MAX_PER_CONTAINER || self.this_pass.processes >= MAX_PROCESSES {
                self.this_pass.left_out += 1;
                cut = true;
                processes += 1;
                continue;
            }
            // In a v1 hierarchy a process may be listed twice while it moves.
            let is_read = self.known.get(&pid).is_some_and(|known| known.round == self.round);
            let Some(numbers) = (if is_read { None } else { self.process((container, pid), moment, tick) }) else {
                continue; // it has ended since it was listed
            };
            self.this_pass.processes += 1;
            processes += 1;
            threads = Some(threads.unwrap_or(0) + numbers.threads);
            descriptors = numbers.open_descriptors.map(|open| descriptors.unwrap_or(0) + open).or(descriptors);
        }
        // On cgroup v1 processes of a foreign pid namespace are not listed at all, not even as 0.
        let is_blind = processes == 0 && self.options.is_v1 && !self.sees_others;
        let is_complete = members.hidden == 0 && !cut && !is_blind;
        let of_none = (processes == 0).then_some(0);
        Totals {
            processes,
            threads: threads.or(of_none).filter(|_| is_complete),
            open_descriptors: descriptors.or(of_none).filter(|_| is_complete),
        }
    }

    /// Reads one process and appends its row.
    fn process(&mut self, (container, pid): (&Rostered, u32), moment: Moment, tick: &mut Tick) -> Option<Numbers> {
        let dir = ProcDir::open(&self.proc_root, pid).ok()?;
        let with_costly = self.shedding.level() < NO_COSTLY_LEVEL;
        self.counters.shed_reads.add(u64::from(!with_costly));
        let mut numbers = self.reader.read(&dir, with_costly, &mut self.buffer)?;
        self.know((container, pid), (&dir, &numbers), moment, tick);
        let known = self.known.get_mut(&pid)?;
        // Nobody's memory is walked that has none: a kernel thread, a zombie.
        if with_costly && known.wants_pss && numbers.rss_pages > 0 && !self.budget.left().is_zero() {
            let before = thread_cpu();
            let rollup = self.reader.rollup(&dir, &mut self.buffer);
            let cost = thread_cpu().saturating_sub(before);
            self.budget.spend(cost);
            known.last_pss = LastReading { at: moment.now, cost };
            known.pss = rollup.map(|rollup| (rollup, moment.now)).or(known.pss);
        }
        numbers.pss = known.pss.map(|(rollup, at)| (rollup, moment.now.saturating_sub(at)));
        self.reader.push((known.key, pid), moment.time, &numbers, tick);
        if self.pods.wants(&container.identity) {
            self.pods.read((&container.identity, &dir), (&self.keys, moment.time), &mut self.buffer, tick);
        }
        Some(numbers)
    }

    /// Says who a process is, where it is new or more is known of it.
    fn know(
        &mut self,
        (container, pid): (&Rostered, u32),
        (dir, numbers): (&ProcDir, &Numbers),
        moment: Moment,
        tick: &mut Tick,
    ) {
        let before = self.known.remove(&pid);
        let same = before.filter(|known| {
            let is_same = known.start_ticks == numbers.start_ticks && known.container == container.key;
            if !is_same {
                tick.deaths.push(known.key);
            }
            is_same
        });
        let comm = self.reader.comm();
        let is_told = same
            .as_ref()
            .is_some_and(|known| *known.comm == *comm && Arc::ptr_eq(&known.identity, &container.identity));
        let comm_changed = same.as_ref().is_none_or(|known| *known.comm != *comm);
        let mut known = same.unwrap_or_else(|| Known {
            key: self.keys.next(),
            container: container.key,
            identity: Arc::clone(&container.identity),
            start_ticks: numbers.start_ticks,
            comm: Box::default(),
            cmdline: None,
            last_pss: LastReading::guess(moment.now, numbers.rss_pages, self.options.interval),
            pss: None,
            wants_pss: true,
            round: 0,
        });
        known.round = self.round;
        if !is_told {
            known.comm = comm.into();
            known.identity = Arc::clone(&container.identity);
            if comm_changed {
                known.cmdline = reading::command_line(dir, &mut self.buffer);
            }
            known.wants_pss &= known.last_pss.is_due(moment.now);
            tick.births.push((known.key, subject(pid, &known)));
        }
        self.known.insert(pid, known);
    }

    /// Whose PSS is read in this pass: those whose last reading is oldest, as far as the budget goes.
    fn choose_for_pss(&mut self, now: Monotonic) {
        self.budget.refill(now);
        let mut left = self.budget.left();
        let mut due: Vec<&mut Known> = Vec::new();
        for known in self.known.values_mut() {
            known.wants_pss = false;
            if known.last_pss.is_due(now) {
                due.push(known);
            }
        }
        due.sort_unstable_by_key(|known| known.last_pss.at);
        for known in due {
            if left.is_zero() {
                break;
            }
            known.wants_pss = true;
            left = left.saturating_sub(known.last_pss.cost);
        }
    }

    /// Processes that were not found in this pass have ended.
    fn bury(&mut self, tick: &mut Tick) {
        let round = self.round;
        for (_, gone) in self.known.extract_if(|_, known| known.round != round) {
            tick.deaths.push(gone.key);
        }
    }

    fn publish_status(&mut self) {
        let mut status = std::mem::take(&mut self.this_pass);
        status.unreadable_files = self.reader.take_unreadable();
        status.descriptors_supported = self.reader.tells_descriptors();
        self.counters.processes.set(u64::try_from(status.processes).unwrap_or(u64::MAX));
        self.counters.processes_left_out.add(u64::try_from(status.left_out).unwrap_or(u64::MAX));
        if let Ok(mut cell) = self.status.lock() {
            *cell = status;
        }
    }
}

fn subject(pid: u32, known: &Known) -> Subject {
    Subject::Process(Arc::new(Process {
        owner: Owner::container(&known.identity),
        pid,
        start_ticks: known.start_ticks,
        comm: printable(&known.comm),
        cmdline: known.cmdline.clone(),
    }))
}
