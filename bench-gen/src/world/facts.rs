//! Writes down what was planted, once it is really there.
//!
//! A fact is about one container, so what lasts is opened when a container starts and closed when it ends. What came too late in
//! a container's life to be seen is left out.

use fgm_agent::metric::METRICS;
use fgm_agent::model::{Identity, UnixMicros};

use super::World;
use super::ends::Why;
use crate::clock::SECOND_USEC;
use crate::columns::metric as m;
use crate::load::FOLLOWS;
use crate::scenario::Scenario;
use crate::shape::Memory;
use crate::truth::{FORMAT, Fact, Truth, What, Who};

/// What lasts shorter can't be found.
const LEAST_S: i64 = 300;
/// A change is planted where the container has lived so long and lives on so long.
const AROUND_S: i64 = 30;
const PAGE_BYTES: f64 = 4096.0;

/// What began and has not ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Open {
    /// Since when the container has its wave and whom it follows.
    lasting_s: i64,
    leak_s: Option<i64>,
    /// Since when, and the periods and throttled periods then.
    throttled: Option<(i64, i64, i64)>,
    /// A change, until the next one or the end of the container.
    changes: Vec<Fact>,
    ended: Option<Fact>,
}

/// The truth before anything was planted.
pub(super) fn nothing(scenario: Scenario, seed: u64, (start_us, end_us): (UnixMicros, UnixMicros)) -> Truth {
    let scenario = scenario.name().to_owned();
    Truth { format: FORMAT, scenario, seed, node: crate::names::NODE.to_owned(), start_us, end_us, facts: Vec::new() }
}

impl World {
    /// What begins or ends in this second by plan.
    pub(super) fn open_facts(&mut self, second: i64) {
        for index in 0..self.slots.len() {
            if self.places[index].life.is_none() {
                continue;
            }
            let plan = &self.plan.slots[index];
            let load = plan.load.iter().find(|step| step.at_s == second).map(|step| step.sigmas);
            let memory = plan.memory.iter().find(|step| step.at_s == second).map(|step| step.sigmas);
            let begins = plan.throttled.iter().any(|(from, ..)| *from == second);
            let ends = plan.throttled.iter().any(|(_, to, _)| *to == second);
            if let Some(sigmas) = load {
                self.change(index, second, (m::cpu_usage_usec, sigmas));
            }
            if let Some(sigmas) = memory {
                self.change(index, second, (m::memory_stat_anon_bytes, sigmas));
            }
            if begins {
                self.places[index].open.throttled =
                    Some((second, self.read(index, m::cpu_nr_periods), self.read(index, m::cpu_nr_throttled)));
            }
            if ends {
                self.close_throttled(index, second);
            }
        }
    }

    /// A container begins, or the data do.
    pub(super) fn open_lasting(&mut self, index: usize, second: i64) {
        self.places[index].open.lasting_s = second;
        if self.slots[index].shape.memory == Memory::Leaks {
            self.open_leak(index, second);
        }
    }

    /// A leak begins.
    pub(super) fn open_leak(&mut self, index: usize, second: i64) {
        self.places[index].open.leak_s = Some(second);
    }

    /// A container ends, or the data do.
    pub(super) fn close_lasting(&mut self, index: usize, second: i64) {
        self.close_throttled(index, second);
        self.close_leak(index, second, None);
        self.close_changes(index, second);
        self.close_pairs(index, second);
        let from_s = self.places[index].open.lasting_s;
        if second - from_s < LEAST_S {
            return;
        }
        let span = (self.clock.second(from_s), self.clock.second(second));
        let slot = &self.slots[index];
        let sigma = slot.shape.noise * slot.shape.cores * SECOND_USEC as f64;
        let metric = METRICS[m::cpu_usage_usec].name.to_owned();
        let wave = slot.shape.wave.filter(|wave| (second - from_s) as f64 >= 3.0 * wave.period_s);
        if let Some(wave) = wave {
            let shape = if wave.is_square { "square" } else { "sine" }.to_owned();
            let period_us = (wave.period_s * SECOND_USEC as f64) as i64;
            let amplitude = wave.sigmas * sigma;
            self.tell(index, span, What::Period { metric: metric.clone(), period_us, shape, amplitude, sigma });
        }
    }

    /// What a container and the one that it follows have in common ends with whichever ends first.
    fn close_pairs(&mut self, index: usize, second: i64) {
        for follower in 0..self.slots.len() {
            let Some((leader, lag_s)) = self.slots[follower].follows else { continue };
            if index != follower && index != leader {
                continue;
            }
            let [of_one, of_other] = [follower, leader].map(|index| self.places[index].open.lasting_s);
            let from_s = of_one.max(of_other);
            let Some(with) = self.places[leader].life.as_ref().map(|life| life.identity.container_id.clone()) else {
                continue;
            };
            if second - from_s >= LEAST_S {
                let metric = METRICS[m::cpu_usage_usec].name.to_owned();
                let lag_us = lag_s as i64 * SECOND_USEC;
                let what = What::Correlated { metric, with, lag_us, correlation: FOLLOWS };
                self.tell(follower, (self.clock.second(from_s), self.clock.second(second)), what);
            }
        }
    }

    /// A process was killed at the end of a leak.
    pub(super) fn killed(&mut self, index: usize, (time, ends_container): (UnixMicros, bool)) {
        let second = (time - self.clock.second(0)).div_euclid(SECOND_USEC);
        self.close_leak(index, second, Some(time));
        self.tell(index, (time, time), What::OomKill { ends_container });
    }

    /// A container ended; who comes next is not known yet.
    pub(super) fn ended(&mut self, (index, time): (usize, UnixMicros), identity: &Identity, why: Why) {
        let new_pod = why == Why::Replaced { with_new_pod: true };
        let what = What::Restart { reason: why.reason().0.to_owned(), next: None, new_pod };
        let ended = Fact { of: Some(Who::of(identity)), from_us: time, to_us: time, what };
        self.places[index].open.ended = Some(ended);
    }

    /// The next one is there.
    pub(super) fn restarted(&mut self, index: usize, identity: &Identity) {
        let Some(mut ended) = self.places[index].open.ended.take() else { return };
        if let What::Restart { next, .. } = &mut ended.what {
            *next = Some(identity.container_id.clone());
        }
        self.truth.facts.push(ended);
    }

    /// The data end.
    pub(super) fn close_facts(&mut self, second: i64) {
        for index in 0..self.slots.len() {
            if self.places[index].life.is_some() {
                self.close_lasting(index, second);
                self.places[index].open.lasting_s = second;
            }
            self.truth.facts.extend(self.places[index].open.ended.take());
        }
    }

    /// Notes a fact of the container that is in a slot now.
    pub(super) fn tell(&mut self, index: usize, (from_us, to_us): (UnixMicros, UnixMicros), what: What) {
        let Some(life) = &self.places[index].life else { return };
        self.truth.facts.push(Fact { of: Some(Who::of(&life.identity)), from_us, to_us, what });
    }

    fn read(&self, index: usize, column: usize) -> i64 {
        self.places[index].life.as_ref().map_or(0, |life| life.account.values()[column])
    }

    fn change(&mut self, index: usize, second: i64, (column, sigmas): (usize, f64)) {
        self.close_changes(index, second);
        let Some(life) = &self.places[index].life else { return };
        if second - life.born_s < AROUND_S {
            return;
        }
        let (slot, plan) = (&self.slots[index], &self.plan.slots[index]);
        let steps = if column == m::cpu_usage_usec { &plan.load } else { &plan.memory };
        let level: f64 = steps.iter().filter(|step| step.at_s < second).map(|step| step.sigmas).sum();
        let (base, sigma) = match (column, slot.shape.memory) {
            (m::cpu_usage_usec, _) => {
                let base = slot.shape.cores * SECOND_USEC as f64;
                (base, base * slot.shape.noise)
            }
            (_, Memory::Moves(sigma)) => (slot.shape.anon_pages * PAGE_BYTES, sigma * PAGE_BYTES),
            _ => return,
        };
        let (before, after) = (base + sigma * level, base + sigma * (level + sigmas));
        let metric = METRICS[column].name.to_owned();
        let what = What::Change { metric, before, after, sigma, size_sigmas: sigmas };
        let at = self.clock.second(second);
        let of = Some(Who::of(&life.identity));
        self.places[index].open.changes.push(Fact { of, from_us: at, to_us: at, what });
    }

    fn close_changes(&mut self, index: usize, second: i64) {
        let end = self.clock.second(second);
        let changes = std::mem::take(&mut self.places[index].open.changes).into_iter();
        let lasted = changes.map(|fact| Fact { to_us: end, ..fact });
        self.truth.facts.extend(lasted.filter(|fact| fact.to_us - fact.from_us >= AROUND_S * SECOND_USEC));
    }

    fn close_throttled(&mut self, index: usize, second: i64) {
        let Some((from_s, periods, throttled)) = self.places[index].open.throttled.take() else { return };
        let periods = self.read(index, m::cpu_nr_periods) - periods;
        let throttled = self.read(index, m::cpu_nr_throttled) - throttled;
        if throttled > 0 {
            let span = (self.clock.second(from_s), self.clock.second(second));
            self.tell(index, span, What::Throttled { periods, throttled });
        }
    }

    fn close_leak(&mut self, index: usize, second: i64, limit_reached_us: Option<UnixMicros>) {
        let Some(from_s) = self.places[index].open.leak_s.take() else { return };
        if second - from_s < LEAST_S {
            return;
        }
        let metric = METRICS[m::memory_stat_anon_bytes].name.to_owned();
        let limit = self.read(index, m::memory_max_bytes) as f64;
        let what = What::Leak { metric, rate: self.leak(index) * PAGE_BYTES, limit, limit_reached_us };
        self.tell(index, (self.clock.second(from_s), self.clock.second(second)), what);
    }
}
