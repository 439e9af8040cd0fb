//! One pass over every recorded cgroup at each deadline, and births and deaths between passes, as they happen.
//!
//! Runs on a thread of its own and never waits for anybody: what it has goes out by `try_send`. It decides what is worth
//! recording; it must not know how rows are stored or shown. The surprise: births and deaths are handled in the very
//! thread that samples, so no lock stands between finding a dying container and reading it.

pub mod member;
pub mod naming;
pub mod wait;

mod census;
mod happenings;
mod lives;
pub mod notes;
pub mod status;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tracing::{debug, error};

use crate::budget::{Budget, Shedding, stat_stretch};
use crate::clock::{monotonic, thread_cpu, wall};
use crate::collect::devices::DeviceNames;
use crate::collect::node::NodeCollector;
use crate::collect::roster::Roster;
use crate::config::{self, Scope};
use crate::discovery::{CgroupPath, Change, Discovery};
use crate::health::Counters;
use crate::hierarchy::Hierarchy;
use crate::kernel_log::KernelLog;
use crate::model::{Keys, SeriesKey, Tick};
use crate::outbox::Outbox;
use crate::schedule::{Monotonic, Schedule, pod_is_due, stat_is_due};
use crate::source::{Outcome, Plan, Reader, Wanted};
use member::{Life, Member, Reading, Sort};
use naming::{Asked, Naming};
pub use status::{SamplerStatus, StatusCell};
use wait::{StopSwitch, Waiter};

/// How often limits are read again, changed or not.
pub const LIMITS_EVERY: Duration = Duration::from_secs(10);

/// How long after a birth files that are not there yet are looked for at every tick: runtimes make a container's
/// directories one controller after the other.
const SETTLING: Duration = Duration::from_secs(2);

/// How often every directory is looked at, where inotify tells of all of them.
const RESCAN_EVERY: Duration = Duration::from_secs(60);

/// How often, where it does not; or as seldom as keeps rescans to a hundredth of one core.
const RESCAN_BLIND_EVERY: Duration = Duration::from_secs(2);
const RESCAN_BLIND_SHARE: u32 = 100;

/// Directories that a rescan looks at between two looks at the clock.
const RESCAN_SLICE: usize = 16;

/// Changes are worked off for this long before the deadline and the kernel's news are looked at again.
const CHANGES_FIRST: Duration = Duration::from_millis(2);

/// What the sampler is told at start.
#[derive(Clone, Debug)]
pub struct Options {
    /// Time between passes.
    pub interval: Duration,
    /// What to record; where `Containers` finds none at start, `All` is recorded instead.
    pub scope: Scope,
    /// Where /proc is, for the names of first processes.
    pub proc_root: PathBuf,
    /// Kernel files that may be kept open.
    pub may_keep_open: usize,
    /// The share of one core that sampling may take.
    pub cpu_budget: f64,
    /// The kernel's log, `/dev/kmsg`, for the names of those that were killed for memory.
    pub kernel_log: PathBuf,
    /// Where keys come from.
    pub keys: Keys,
    /// Who reads the processes of containers.
    pub roster: Option<Arc<Roster>>,
    /// Sample the node too.
    pub node: bool,
    /// What the sampling threads tell each other about the budget.
    pub shedding: Arc<Shedding>,
    /// Where names come from.
    pub names: Naming,
}

impl Default for Options {
    /// Containers once a second, from the usual places, within the default budget.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            scope: Scope::Containers,
            proc_root: PathBuf::from(config::DEFAULT_PROC_ROOT),
            may_keep_open: 1024,
            cpu_budget: config::DEFAULT_CPU_BUDGET_PERCENT / 100.0,
            kernel_log: PathBuf::from(config::DEFAULT_KERNEL_LOG),
            keys: Keys::default(),
            roster: None,
            node: false,
            shedding: Arc::default(),
            names: Naming::default(),
        }
    }
}

/// The sampler; [`Sampler::run`] is its thread.
pub struct Sampler {
    options: Options,
    hierarchy: Hierarchy,
    plan: Plan,
    reader: Reader,
    discovery: Discovery,
    waiter: Waiter,
    members: BTreeMap<SeriesKey, Member>,
    by_path: HashMap<CgroupPath, SeriesKey>,
    keys: Keys,
    node: Option<NodeCollector>,
    device_names: DeviceNames,
    scope: Scope,
    counters: Arc<Counters>,
    status: StatusCell,
    outbox: Outbox,
    conduct: happenings::Conduct,
    budget: Budget,
    kernel_log: Option<KernelLog>,
    ticks: u64,
    /// What the kernel told, or a rescan found, and is not looked at yet.
    changes: VecDeque<Change>,
    in_first_census: bool,
    next_rescan: Monotonic,
    rescan_took: Duration,
    next_status: Monotonic,
    usec_per_sample: f64,
    foreign_pids_visible: Option<bool>,
    asked: Asked,
}

impl Sampler {
    /// Finds what is there and takes every cgroup's first sample.
    ///
    /// # Errors
    /// When the kernel has no more descriptors for this process.
    pub fn start(
        options: Options,
        hierarchy: Hierarchy,
        counters: Arc<Counters>,
        out: SyncSender<Tick>,
    ) -> Result<(Self, StopSwitch, StatusCell), rustix::io::Errno> {
        let plan = Plan::new(&hierarchy);
        let reader = Reader::new(&plan, options.may_keep_open, Arc::clone(&counters));
        let discovery = Discovery::new(&hierarchy);
        let (waiter, stop) = Waiter::new()?;
        if let Some(inotify) = discovery.as_fd() {
            waiter.watch_changes(inotify)?;
        }
        let status = StatusCell::default();
        let outbox = Outbox::new(out, Arc::clone(&counters));
        let (budget, keys) = (Budget::new(options.cpu_budget), options.keys.clone());
        let kernel_log = KernelLog::open(&options.kernel_log).ok();
        let node = options.node.then(|| NodeCollector::new(&options.proc_root, keys.clone(), Arc::clone(&counters)));
        let mut sampler = Self {
            scope: options.scope,
            device_names: DeviceNames::new(&options.proc_root),
            node,
            options,
            hierarchy,
            plan,
            reader,
            discovery,
            waiter,
            members: BTreeMap::new(),
            by_path: HashMap::new(),
            keys,
            counters,
            status: Arc::clone(&status),
            outbox,
            conduct: happenings::Conduct::default(),
            budget,
            kernel_log,
            ticks: 0,
            changes: VecDeque::new(),
            in_first_census: true,
            next_rescan: monotonic(),
            rescan_took: Duration::ZERO,
            next_status: monotonic(),
            usec_per_sample: 0.0,
            foreign_pids_visible: None,
            asked: Asked::default(),
        };
        sampler.first_census();
        sampler.tell_of_the_start();
        sampler.publish_status(monotonic());
        Ok((sampler, stop, status))
    }

    /// Samples until asked to stop, or until nobody takes the samples any more.
    pub fn run(mut self) {
        // Everything was read a moment ago, when it was found: the first pass is one interval later.
        let mut schedule = Schedule::starting_at(monotonic() + self.options.interval, self.options.interval);
        loop {
            let deadline = if self.has_backlog() { Monotonic::ZERO } else { schedule.deadline() };
            let woken = match self.waiter.wait_until(deadline) {
                Ok(woken) => woken,
                Err(error) => {
                    error!(%error, "cannot wait for the next deadline: sampling ends");
                    break;
                }
            };
            let mut tick = Tick::default();
            if woken.changes {
                self.take_changes();
            }
            for key in woken.exited {
                self.first_process_ended(key, &mut tick);
            }
            self.work_off(monotonic() + CHANGES_FIRST, &mut tick);
            if let Some(due) = schedule.take(monotonic()) {
                self.counters.missed_ticks.add(due.missed);
                self.missed(due.missed, &mut tick);
                self.counters.tick_lateness.observe(due.lateness);
                self.pass(&mut tick);
            }
            self.tell_what_readings_show(&mut tick);
            if !self.outbox.send(tick) || woken.stop {
                break;
            }
        }
        self.send_the_rest();
    }

    /// At the end the writer is waited for: it takes everything until the last sender is dropped.
    fn send_the_rest(mut self) {
        let mut last = Tick::default();
        self.members.values_mut().for_each(|member| member.release_held(&mut last));
        self.tell_of_the_end(&mut last);
        self.outbox.finish(last);
    }

    /// One pass over every member.
    fn pass(&mut self, tick: &mut Tick) {
        let (begun, cpu_before) = (monotonic(), thread_cpu());
        self.look_at_the_clock(tick);
        self.keep_within_budget(begun, tick);
        self.learn_names(tick);
        let (stretch, mut shed) = (stat_stretch(self.budget.level()), 0);
        tick.values.reserve(self.members.len() * crate::metric::COLUMNS);
        let mut gone = Vec::new();
        let mut totals = self.options.roster.as_ref().map(|roster| roster.take_totals()).unwrap_or_default();
        // What was held back is older than anything of this pass, so it comes first: rows stay in the order of time.
        for ended in [true, false] {
            for member in self.members.values_mut().filter(|member| (member.life == Life::Ended) == ended) {
                if member.sort == Sort::Pod && !pod_is_due(self.ticks, member.key.0, self.options.interval) {
                    continue;
                }
                let wanted = wanted(member, (self.ticks, begun), (self.options.interval, stretch), &mut shed);
                let reading = Reading { plan: &self.plan, time: wall(), wanted, totals: totals.remove(&member.key) };
                if member.sample(&mut self.reader, reading, tick) == Outcome::Gone {
                    gone.push(Arc::clone(&member.path));
                } else {
                    member.sample_devices(&self.reader, (&mut self.device_names, &self.keys), reading.time, tick);
                }
            }
        }
        self.counters.shed_reads.add(shed);
        self.account(begun, cpu_before, self.members.len());
        if let Some(node) = &mut self.node {
            node.sample(begun, wall(), tick);
        }
        for path in gone {
            self.vanished(&path, tick);
        }
        self.look_at_lives(begun, tick);
        self.ticks += 1;
        if begun >= self.next_rescan {
            self.begin_rescan();
        }
    }

    fn account(&mut self, begun: Monotonic, cpu_before: Duration, samples: usize) {
        let (ended, cpu) = (monotonic(), thread_cpu());
        self.counters.ticks.increment();
        self.counters.tick_duration.observe(ended.saturating_sub(begun));
        self.counters.sampler_cpu_usec.set(u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX));
        if samples > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a mean needs no more than 53 bits")]
            let usec = cpu.saturating_sub(cpu_before).as_secs_f64() * 1e6 / samples as f64;
            self.usec_per_sample =
                if self.usec_per_sample == 0.0 { usec } else { self.usec_per_sample * 0.9 + usec * 0.1 };
        }
        if ended >= self.next_status {
            self.publish_status(ended);
        }
    }

    /// What inotify has told since the last time.
    fn take_changes(&mut self) {
        let mut changes = Vec::new();
        self.discovery.drain(&mut changes);
        // A cgroup that lost its last process is about to be removed: it comes before what was told earlier.
        let (urgent, others): (Vec<Change>, Vec<Change>) =
            changes.into_iter().partition(|change| matches!(change, Change::EventsChanged(_)));
        urgent.into_iter().rev().for_each(|change| self.changes.push_front(change));
        self.changes.extend(others);
        if self.discovery.take_overflow() {
            self.counters.inotify_overflows.increment();
            debug!("inotify queue overflowed: looking at every directory");
            self.begin_rescan();
        }
    }

    fn begin_rescan(&mut self) {
        self.counters.rescans.increment();
        self.next_rescan = Monotonic::MAX; // until it is known how long this one takes
        self.rescan_took = Duration::ZERO;
        self.discovery.begin_rescan();
    }

    fn has_backlog(&self) -> bool {
        !self.changes.is_empty() || self.discovery.is_rescanning()
    }

    /// Applies changes until the time has come, at least one; where there are none, goes on with a rescan by one slice. What
    /// is left waits until the kernel was asked for news.
    fn work_off(&mut self, until: Monotonic, tick: &mut Tick) {
        let begun = monotonic();
        if self.changes.is_empty() && self.discovery.is_rescanning() {
            let mut found = Vec::new();
            let is_done = self.discovery.rescan_some(RESCAN_SLICE, &mut found);
            self.changes.extend(found);
            self.rescan_took += monotonic().saturating_sub(begun);
            if is_done {
                self.end_rescan();
            }
        }
        while let Some(change) = self.changes.pop_front() {
            self.apply(change, tick);
            if monotonic() >= until {
                return;
            }
        }
    }

    fn end_rescan(&mut self) {
        let is_complete = self.discovery.is_complete();
        let blind_every = RESCAN_BLIND_EVERY.max(self.rescan_took * RESCAN_BLIND_SHARE);
        self.next_rescan = monotonic() + if is_complete { RESCAN_EVERY } else { blind_every };
        if !is_complete || self.scope == Scope::All {
            // Nothing told of processes that came or went in directories known before.
            self.changes.extend(self.discovery.known().map(Change::ProcsChanged));
        }
    }

    fn apply(&mut self, change: Change, tick: &mut Tick) {
        match change {
            Change::Appeared(path) | Change::ProcsChanged(path) | Change::EventsChanged(path) => {
                self.consider(&path, tick);
            }
            Change::MemoryEvents(path) => self.memory_events_changed(&path, tick),
            Change::SettingChanged(path) => self.limits_changed(&path),
            Change::Vanished(path) => self.vanished(&path, tick),
        }
    }

    fn limits_changed(&mut self, path: &str) {
        if let Some(member) = self.by_path.get(path).and_then(|key| self.members.get_mut(key)) {
            member.limits_due = Duration::ZERO;
        }
    }
}

/// Which files of a member this pass reads.
fn wanted(
    member: &mut Member,
    (ticks, now): (u64, Monotonic),
    (interval, stretch): (Duration, u64),
    shed: &mut u64,
) -> Wanted {
    let limits = now >= member.limits_due;
    if limits {
        member.limits_due = now + LIMITS_EVERY;
    }
    let stat = stat_is_due(ticks, member.key.0, (interval, stretch));
    *shed += u64::from(!stat && stat_is_due(ticks, member.key.0, (interval, 1)));
    Wanted { stat, limits, missing: limits || now < member.born + SETTLING }
}
