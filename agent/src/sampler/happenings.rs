//! What happened, told as events with the tick at hand: to members, and to the sampling itself.
//!
//! Between passes a tick goes out as soon as something happened, so an event is written at once. OOM kills are counted by the
//! kernel for a cgroup and for every one around it (cgroup v2): each kill is told once, for the innermost recorded cgroup.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use super::Sampler;
use super::member::{Member, Sort};
use super::notes::Happened;
use crate::budget::{Verdict, WINDOW, describe};
use crate::cgroup;
use crate::clock::{monotonic, thread_cpu, wall};
use crate::event::{Draft, Kind};
use crate::hierarchy;
use crate::kernel_log::Victim;
use crate::metric::{METRICS, Tree};
use crate::model::{Role, SeriesKey, Tick, UnixMicros};
use crate::schedule::Monotonic;
use crate::subject::Owner;

/// A change of the wall clock against the monotonic one that is no slewing: ntpd steps from 128 ms on.
const CLOCK_STEP_USEC: i64 = 100_000;

/// The kernel tells of changes in `memory.events` at most so often, `cgroup_file_notify` in kernel/cgroup/cgroup.c.
const NOTIFY_EVERY: Duration = Duration::from_millis(10);

/// Missed deadlines are told of at most so often.
const MISSED_EVERY: Duration = Duration::from_secs(10);

/// Containers remembered for an OOM kill that was told, at most.
const MAX_KILLED: usize = 1024;

/// What is remembered of the sampling itself.
#[derive(Debug, Default)]
pub(super) struct Conduct {
    /// Wall-clock less monotonic time, microseconds.
    clock_offset: Option<i64>,
    missed: i64,
    /// Containers with an OOM kill that was told, newest last.
    killed: VecDeque<String>,
    next_missed: Monotonic,
    window_began: Option<(Monotonic, Duration)>,
}

impl Conduct {
    fn remember_killed(&mut self, container_id: String) {
        if self.killed.len() >= MAX_KILLED {
            self.killed.pop_front();
        }
        self.killed.push_back(container_id);
    }

    /// Whether an OOM kill in this container was told.
    pub(super) fn told_kill_of(&self, container_id: &str) -> bool {
        self.killed.iter().any(|known| known == container_id)
    }
}

impl Sampler {
    pub(super) fn tell(&self, draft: Draft, tick: &mut Tick) {
        self.counters.events.increment();
        draft.put(self.keys.next(), tick);
    }

    pub(super) fn tell_of_the_start(&mut self) {
        let message = format!(
            "fgm-agent {} began to sample {} cgroups every {:?}",
            env!("CARGO_PKG_VERSION"),
            self.members.len(),
            self.options.interval
        );
        self.members.values_mut().for_each(|member| member.notes.forget_kills());
        let mut tick = Tick::default();
        self.tell(
            Draft::new(Kind::AgentStart, wall(), message).number("count", members(self.members.len())),
            &mut tick,
        );
        self.outbox.send(tick);
    }

    pub(super) fn tell_of_the_end(&self, tick: &mut Tick) {
        self.tell(Draft::new(Kind::AgentStop, wall(), "fgm-agent stops sampling"), tick);
    }

    pub(super) fn tell_of_birth(&self, key: SeriesKey, tick: &mut Tick) {
        let is_told = |member: &&Member| !self.in_first_census && member.sort == Sort::Container;
        let Some(member) = self.members.get(&key).filter(is_told) else { return };
        let message = format!("{} {} appeared", noun(member.identity.role), member.identity.path);
        self.tell(Draft::new(Kind::ContainerStart, wall(), message).of(Owner::container(&member.identity)), tick);
    }

    pub(super) fn tell_of_death(&self, member: &Member, is_final: bool, tick: &mut Tick) {
        if member.sort == Sort::Pod {
            return; // its containers tell
        }
        let ending = if is_final { "its totals are complete" } else { "its totals are those of its last reading" };
        let message = format!("{} {} is gone; {ending}", noun(member.identity.role), member.identity.path);
        let now = wall();
        let draft = Draft::new(Kind::ContainerStop, now, message).of(Owner::container(&member.identity));
        let age = i64::try_from(monotonic().saturating_sub(member.born).as_micros()).ok();
        let draft = draft.number("duration_usec", member.born_at.and(age));
        let draft = member.notes.totals().fold(draft, |draft, (name, total)| draft.number(name, total));
        self.tell(draft, tick);
    }

    /// What the readings of this pass, or of one member between passes, have shown.
    pub(super) fn tell_what_readings_show(&mut self, tick: &mut Tick) {
        let mut told = Vec::new();
        for member in self.members.values_mut().filter(|member| member.notes.has_news()) {
            // A pod's readings are not looked at, but its limits are.
            let time = member.notes.time.unwrap_or_else(wall);
            let since_before = member.notes.since_before();
            let owner = member.owner();
            let shown = member.notes.take_happened().into_iter();
            told.extend(shown.map(|happened| draft_of(&happened, time, since_before).of(owner.clone())));
        }
        told.into_iter().for_each(|draft| self.tell(draft, tick));
        self.tell_of_kills(None, tick);
    }

    /// `memory.events` of a member changed: counts the kills there and below it at once.
    pub(super) fn memory_events_changed(&mut self, path: &str, tick: &mut Tick) {
        let Some(root) = self.hierarchy.tree(Tree::Unified).map(Path::to_path_buf) else { return };
        let Some(&key) = self.by_path.get(path) else { return };
        if self.count_kills(key, &root) {
            self.tell_of_kills(Some(NOTIFY_EVERY), tick);
        }
    }

    /// Reads a member's kills; whether there is one that was not told.
    fn count_kills(&mut self, key: SeriesKey, root: &Path) -> bool {
        let Some(member) = self.members.get_mut(&key) else { return false };
        if member.memory_events.is_none() && self.reader.reserve() {
            let path = format!("{}{}/memory.events", root.display(), member.path.trim_end_matches('/'));
            let opened = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
            if opened.is_err() {
                self.reader.give_back();
            }
            member.memory_events = opened.ok();
        }
        let Some(file) = &member.memory_events else { return false };
        let mut text = [0; 512];
        let length = rustix::io::pread(file, &mut text[..], 0).unwrap_or(0);
        if let Some(kills) = cgroup::flat_value(&text[..length], b"oom_kill") {
            member.notes.note_kills(kills);
        }
        member.notes.kills > member.notes.kills_told
    }

    /// Tells each kill once: innermost cgroups first, and what they had is taken off those around them.
    fn tell_of_kills(&mut self, exact_to: Option<Duration>, tick: &mut Tick) {
        self.count_kills_inside();
        let mut killed = self.with_untold_kills();
        killed.sort_unstable_by(|a, b| b.cmp(a));
        for (_, key) in killed {
            let Some(member) = self.members.get_mut(&key) else { continue };
            let kills = member.notes.kills - member.notes.kills_told;
            if kills <= 0 {
                continue;
            }
            member.notes.forget_kills();
            let (path, owner) = (Arc::clone(&member.path), Owner::container(&member.identity));
            self.conduct.remember_killed(member.identity.container_id.clone());
            let since_before = member.notes.since_before();
            let uncertainty = exact_to.map_or(since_before, |exact| i64::try_from(exact.as_micros()).ok());
            if self.hierarchy.mode == hierarchy::Mode::V2 {
                self.tell_those_around(&path, kills);
            }
            let victims = self.kernel_log.as_mut().map(|log| log.take_victims(&path, kills, monotonic()));
            let victim = victims.and_then(|victims| victims.into_iter().next());
            let message = kill_message(kills, &path, victim.as_ref());
            let draft = Draft::new(Kind::OomKill, wall(), message).of(owner);
            let draft = draft.number("count", kills).number("uncertainty_usec", uncertainty);
            let draft = draft.number("pid", victim.as_ref().map(|victim| i64::from(victim.pid)));
            self.tell(draft.comm(victim.map(|victim| victim.comm)), tick);
        }
    }

    /// A kill that a cgroup shows may be one of a cgroup in it, which was read earlier or not yet.
    fn count_kills_inside(&mut self) {
        let Some(root) = self.hierarchy.tree(Tree::Unified).map(Path::to_path_buf) else { return };
        for (_, key) in self.with_untold_kills() {
            let Some(member) = self.members.get(&key) else { continue };
            let inside = format!("{}/", member.path.trim_end_matches('/'));
            let nested = self.members.values().filter(|member| member.path.starts_with(&inside));
            for key in nested.map(|member| member.key).collect::<Vec<_>>() {
                self.count_kills(key, &root);
            }
        }
    }

    /// The members with kills that were not told, and the lengths of their paths.
    fn with_untold_kills(&self) -> Vec<(usize, SeriesKey)> {
        let untold = self
            .members
            .values()
            .filter(|member| member.sort == Sort::Container && member.notes.kills > member.notes.kills_told);
        untold.map(|member| (member.path.len(), member.key)).collect()
    }

    fn tell_those_around(&mut self, path: &str, kills: i64) {
        let mut rest = path;
        while let Some((above, _)) = rest.rsplit_once('/').filter(|(above, _)| !above.is_empty()) {
            if let Some(member) = self.by_path.get(above).and_then(|key| self.members.get_mut(key)) {
                // Theirs may be read later than this one's: then what is told of runs ahead of what is known.
                member.notes.kills_told += kills;
            }
            rest = above;
        }
    }

    /// At each pass: whether the wall clock jumped. The segment at hand then ends here.
    pub(super) fn look_at_the_clock(&mut self, tick: &mut Tick) {
        let (now, offset) = (wall(), clock_offset(wall(), monotonic()));
        let before = self.conduct.clock_offset.replace(offset).unwrap_or(offset);
        let step = offset - before;
        if step.abs() < CLOCK_STEP_USEC {
            return;
        }
        let direction = if step > 0 { "forward" } else { "back" };
        #[expect(clippy::cast_precision_loss, reason = "a step for people to read")]
        let seconds = step.abs() as f64 / 1e6;
        let message = format!("the wall clock went {direction} by {seconds:.3} s, or the machine slept");
        let draft = Draft::new(Kind::ClockStep, now, message);
        self.tell(draft.number("old_value", now - step).number("new_value", now).metric("time"), tick);
        self.counters.clock_steps.increment();
        tick.seal = true;
    }

    /// Deadlines that went by; told at once, then gathered for a while.
    pub(super) fn missed(&mut self, missed: u64, tick: &mut Tick) {
        self.conduct.missed += i64::try_from(missed).unwrap_or(i64::MAX);
        let now = monotonic();
        if self.conduct.missed > 0 && now >= self.conduct.next_missed {
            self.conduct.next_missed = now + MISSED_EVERY;
            let count = std::mem::take(&mut self.conduct.missed);
            let message =
                format!("{count} samples were not taken at their time: a pass still ran, or this thread did not");
            self.tell(Draft::new(Kind::MissedTicks, wall(), message).number("count", count), tick);
        }
    }

    fn tell_of_budget(&self, used: f64, (before, now): (f64, f64), tick: &mut Tick) {
        let used = used * 100.0;
        let message = if now > before {
            format!(
                "what is read at every tick alone takes {used:.1} % of one core: the CPU budget is {:.1} % from now on",
                now * 100.0
            )
        } else {
            format!("sampling takes {used:.1} % of one core: the CPU budget is lowered to {:.1} %", now * 100.0)
        };
        if now > before {
            tracing::warn!("{message}; a longer --interval or a larger --cpu-budget changes that");
        } else {
            tracing::info!("{message}");
        }
        #[expect(clippy::cast_possible_truncation, reason = "a share of a few cores")]
        let usec = |share: f64| (share * 1e6) as i64;
        let draft = Draft::new(Kind::BudgetChange, wall(), message);
        self.tell(draft.number("old_value", usec(before)).number("new_value", usec(now)), tick);
    }

    /// Every few seconds: what sampling cost, and whether something is to be left out.
    pub(super) fn keep_within_budget(&mut self, now: Monotonic, tick: &mut Tick) {
        let used = thread_cpu() + self.options.shedding.beside();
        let (began, used_then) = *self.conduct.window_began.get_or_insert((now, used));
        let passed = now.saturating_sub(began);
        if passed < WINDOW {
            return;
        }
        self.conduct.window_began = Some((now, used));
        let (before, share_before) = (self.budget.level(), self.budget.share());
        let share = used.saturating_sub(used_then).as_secs_f64() / passed.as_secs_f64();
        let (kind, level) = match self.budget.observe(share) {
            Verdict::Keep => return,
            Verdict::Rebudget(now_share) => {
                self.tell_of_budget(share, (share_before, now_share), tick);
                return;
            }
            Verdict::Shed(level) => (Kind::ReadsShed, level),
            Verdict::Resume(level) => (Kind::ReadsResumed, level),
        };
        self.options.shedding.set_level(level);
        let message = format!("sampling took {:.1} % of one core: {}", share * 100.0, describe(level));
        tracing::info!("{message}");
        let draft = Draft::new(kind, wall(), message);
        self.tell(draft.number("old_value", i64::from(before)).number("new_value", i64::from(level)), tick);
    }
}

fn draft_of(happened: &Happened, time: UnixMicros, since_before: Option<i64>) -> Draft {
    match *happened {
        Happened::LimitChange { column, old, new } => Draft::limit_change(time, &METRICS[column], old, new),
        Happened::ThrottlingBegin { periods } => {
            Draft::throttling_begin(time, periods).number("uncertainty_usec", since_before)
        }
        Happened::ThrottlingEnd { duration_usec, periods, throttled_usec } => {
            Draft::throttling_end(time, periods, duration_usec).number("throttled_usec", throttled_usec)
        }
    }
}

fn kill_message(kills: i64, path: &str, victim: Option<&Victim>) -> String {
    let what = match (kills, victim) {
        (1, Some(Victim { comm, pid, .. })) => format!("{comm} (pid {pid})"),
        (1, None) => "a process".to_owned(),
        (_, Some(Victim { comm, pid, .. })) => format!("{comm} (pid {pid}) and {} more", kills - 1),
        (_, None) => format!("{kills} processes"),
    };
    format!("the kernel killed {what} for memory in {path}")
}

fn noun(role: Role) -> &'static str {
    match role {
        Role::Container => "container",
        Role::Sandbox => "sandbox",
        Role::Cgroup => "cgroup",
    }
}

fn members(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn clock_offset(wall: UnixMicros, monotonic: Monotonic) -> i64 {
    wall - i64::try_from(monotonic.as_micros()).unwrap_or(i64::MAX)
}
