//! Who is recorded: births, their identities, the fallback where a machine has no containers.

use std::sync::Arc;
use std::time::Duration;

use rustix::fd::OwnedFd;
use tracing::info;

use super::lives;
use super::member::{Life, Member, Reading, Sort};
use super::{LIMITS_EVERY, Sampler};
use crate::cgroup::path::{FoundPod, classify, classify_pod};
use crate::clock::{monotonic, thread_cpu, wall};
use crate::collect::roster::Rostered;
use crate::config::Scope;
use crate::discovery::CgroupPath;
use crate::metric::COLUMNS;
use crate::model::{ColumnSet, Identity, Role, SeriesKey, Tick};
use crate::source::{Outcome, RowValues, Wanted};

/// Samples that the first estimate of the cost rests on.
const CALIBRATION_SAMPLES: usize = 20;

impl Sampler {
    /// Everything that is there at start; where only containers are asked for and there is none, every cgroup.
    pub(super) fn first_census(&mut self) {
        let mut tick = Tick::default();
        self.begin_rescan();
        while self.has_backlog() {
            self.work_off(Duration::MAX, &mut tick);
        }
        if self.containers() == 0 && self.scope == Scope::Containers {
            info!("this machine runs no container: recording every cgroup that has processes instead (as --scope all)");
            self.scope = Scope::All;
            for path in self.discovery.known().collect::<Vec<_>>() {
                self.consider(&path, &mut tick);
            }
        }
        self.in_first_census = false;
        self.outbox.send(tick);
        self.calibrate();
    }

    /// A directory of a recorded cgroup is gone from a hierarchy. It may be there in another one, or again: then the cgroup
    /// ends only if the files that are open say so, and begins anew.
    pub(super) fn vanished(&mut self, path: &CgroupPath, tick: &mut Tick) {
        let Some(member) = self.by_path.get(path).and_then(|key| self.members.get(key)) else { return };
        let is_there = self.discovery.exists(path);
        if !is_there || self.reader.is_gone(&member.files) {
            self.died(path, tick);
            if is_there {
                self.consider(path, tick);
            }
        }
    }

    /// Reads some members once more, for nothing but to know what a sample costs before the first pass.
    fn calibrate(&mut self) {
        let (mut values, before) = (vec![0; COLUMNS], thread_cpu());
        let wanted = Wanted { stat: true, limits: false, missing: false };
        let mut samples = 0u32;
        for member in self.members.values_mut().take(CALIBRATION_SAMPLES) {
            let mut row = RowValues { values: &mut values, present: ColumnSet::EMPTY };
            self.reader.read((&self.plan, &member.path), &mut member.files, wanted, &mut row);
            samples += 1;
        }
        if samples > 0 {
            self.usec_per_sample = thread_cpu().saturating_sub(before).as_secs_f64() * 1e6 / f64::from(samples);
        }
    }

    /// A directory is new, or has a process now: records it if it is to be recorded, else looks again at who runs in it.
    pub(super) fn consider(&mut self, path: &CgroupPath, tick: &mut Tick) {
        if let Some(&key) = self.by_path.get(path) {
            self.told_of(key, tick);
        } else if let Some(found) = self.identify(path) {
            self.born(path, found, tick);
        }
    }

    /// Who a cgroup is, if it is to be recorded.
    fn identify(&self, path: &str) -> Option<(Sort, Identity)> {
        if let Some(FoundPod { uid, qos_class }) = classify_pod(path) {
            let unnamed = Identity::unnamed(uid.clone(), path, Role::Cgroup);
            return Some((Sort::Pod, Identity { pod_uid: Some(uid), qos_class: Some(qos_class), ..unnamed }));
        }
        let found = classify(path);
        if found.is_none() && (self.scope == Scope::Containers || path == "/" || !self.has_processes(path)) {
            return None;
        }
        let parent_id = self.nearest_above(path);
        let blank = Identity { parent_id, ..Identity::unnamed(path, path, Role::Cgroup) };
        let identity = match found {
            None => blank,
            Some(found) => Identity {
                container_id: found.container_id,
                role: found.role,
                pod_uid: found.pod_uid,
                qos_class: found.qos_class,
                runtime: found.runtime.map(str::to_owned),
                ..blank
            },
        };
        Some((Sort::Container, identity))
    }

    /// The id of the nearest recorded cgroup above a path.
    fn nearest_above(&self, path: &str) -> Option<String> {
        let mut rest = path;
        while let Some((above, _)) = rest.rsplit_once('/').filter(|(above, _)| !above.is_empty()) {
            let member = self.by_path.get(above).and_then(|key| self.members.get(key));
            if let Some(member) = member.filter(|member| member.sort == Sort::Container) {
                return Some(member.identity.container_id.clone());
            }
            rest = above;
        }
        None
    }

    /// Records a cgroup from now on: its files are opened and its first sample is taken at once.
    fn born(&mut self, path: &CgroupPath, found: (Sort, Identity), tick: &mut Tick) {
        let key = self.keys.next();
        let (sort, identity) = found;
        let found = (sort, self.named(key, identity));
        let mut member = Member::new(key, (Arc::clone(path), found), &self.plan, monotonic());
        // Opened first: the kernel tells of the end of a cgroup's last process only while somebody holds this file.
        member.events = self.keep_events_open(path);
        self.members.insert(key, member);
        let life = Life::New.after(self.news(key));
        let Some(mut member) = self.members.remove(&key) else { return };
        member.life = life;
        let births_before = tick.births.len();
        tick.births.push((key, member.subject()));
        let wanted = Wanted { stat: true, limits: true, missing: true };
        let reading = Reading { plan: &self.plan, time: wall(), wanted, totals: None };
        if member.sample(&mut self.reader, reading, tick) == Outcome::Gone {
            tick.births.truncate(births_before);
            self.reader.release(&member.files, member.kept_beside_files());
            return;
        }
        // Spread over time, so that a thousand containers found at once do not all read their limits in the same tick.
        let spread = LIMITS_EVERY.mul_f64(f64::from(key.0.wrapping_mul(2_654_435_761) >> 16) / 65_536.0);
        member.limits_due = monotonic() + Duration::from_secs(1) + spread;
        member.born_at = (!self.in_first_census).then(wall);
        self.counters.births.increment();
        self.by_path.insert(Arc::clone(path), key);
        self.enroll(&member);
        self.members.insert(key, member);
        self.adopt_children(path, tick);
        self.tell_of_birth(key, tick);
        // It may have run and ended before it was found.
        self.told_of(key, tick);
    }

    /// A cgroup's `cgroup.events`, where there is one and room to keep it open.
    pub(super) fn keep_events_open(&mut self, path: &str) -> Option<OwnedFd> {
        let events = lives::open_events(&self.hierarchy, path)?;
        self.reader.reserve().then_some(events)
    }

    /// Cgroups below a new one that were recorded before it get it as their parent.
    fn adopt_children(&mut self, parent: &str, tick: &mut Tick) {
        if self.in_first_census {
            return; // it finds parents before their children
        }
        let prefix = format!("{parent}/");
        let below: Vec<(SeriesKey, CgroupPath)> = self
            .members
            .values()
            .filter(|member| member.path.starts_with(&prefix))
            .map(|member| (member.key, Arc::clone(&member.path)))
            .collect();
        for (key, path) in below {
            let nearest = self.nearest_above(&path);
            self.rename(key, tick, |identity| identity.parent_id = nearest);
        }
    }

    /// Changes what is known of a member, and says so to whom its rows go.
    pub(super) fn rename(&mut self, key: SeriesKey, tick: &mut Tick, change: impl FnOnce(&mut Identity)) {
        let Some(member) = self.members.get_mut(&key) else { return };
        let mut identity = Identity::clone(&member.identity);
        change(&mut identity);
        if identity != *member.identity {
            member.identity = Arc::new(identity);
            tick.births.push((key, member.subject()));
            member.devices.rename(&member.identity, tick);
            let member = &self.members[&key];
            self.enroll(member);
        }
    }

    /// Tells those who read processes of a container.
    fn enroll(&self, member: &Member) {
        if member.sort == Sort::Container
            && let Some(roster) = &self.options.roster
        {
            let (identity, path) = (Arc::clone(&member.identity), Arc::clone(&member.path));
            roster.put(Rostered { key: member.key, identity, path });
        }
    }

    /// Cgroups recorded now as containers.
    pub(super) fn containers(&self) -> usize {
        self.members.values().filter(|member| member.sort == Sort::Container).count()
    }

    /// A cgroup is gone: its held reading becomes final; without one the last row stands.
    pub(super) fn died(&mut self, path: &str, tick: &mut Tick) {
        // What its last reading showed is told before it is forgotten.
        if let Some(member) = self.by_path.get(path).and_then(|key| self.members.get_mut(key)) {
            member.notes.close();
            self.tell_what_readings_show(tick);
        }
        let Some(mut member) = self.by_path.remove(path).and_then(|key| self.members.remove(&key)) else { return };
        let is_final = member.finish(tick);
        let counter = if is_final { &self.counters.final_deaths } else { &self.counters.unfinal_deaths };
        counter.increment();
        if let Some(roster) = &self.options.roster {
            roster.remove(member.key);
        }
        self.tell_of_death(&member, is_final, tick);
        self.remember_ended(&member);
        self.reader.release(&member.files, member.kept_beside_files());
    }
}
