//! The node and all that runs on it, second by second.
//!
//! In each second: containers start, everybody's books move, the agent takes its pass, containers end. One thread, one order,
//! so the rows depend on the seed alone. The surprise: the books move while the agent does not run, too: counters have grown
//! when it is back.

mod ends;
mod facts;
mod pass;

use fgm_agent::model::UnixMicros;

use crate::account::{Demand, Outcome};
use crate::clock::Clock;
use crate::level::Level;
use crate::life::Life;
use crate::load::Load;
use crate::machine::{Machine, Used};
use crate::names::PodNames;
use crate::plan::Plan;
use crate::pod::Pod;
use crate::recorder::Recorder;
use crate::rng::Rng;
use crate::scenario::{Scenario, Slot};
use crate::shape::Profile;
use crate::truth::{Fact, Truth};

/// Seconds of which a container's numbers before the data are drawn out.
const WARM_UP_S: i64 = 240;
/// Containers that were there before the data began had lived up to so long, in warm-ups.
const MOST_WARM_UPS: u64 = 1500;

/// A container that is to start.
#[derive(Debug)]
struct Birth {
    at_s: i64,
    restarts: u32,
    reason: Option<&'static str>,
}

/// A slot and who is in it.
#[derive(Debug)]
struct Place {
    load: Load,
    level: Level,
    rng: Rng,
    life: Option<Life>,
    birth: Option<Birth>,
    demand: Demand,
    outcome: Outcome,
    used: Used,
    /// What is open of the facts.
    open: facts::Open,
}

/// A node.
#[derive(Debug)]
pub struct World {
    slots: Vec<Slot>,
    plan: Plan,
    places: Vec<Place>,
    pods: Vec<Pod>,
    machine: Machine,
    clock: Clock,
    rng: Rng,
    truth: Truth,
    next_replacement: usize,
    is_sampled: bool,
}

impl World {
    /// A node in its first second, with containers that have run for a while.
    #[must_use]
    pub fn new(scenario: Scenario, seed: u64, (start, duration_s): (UnixMicros, i64)) -> Self {
        let slots = scenario.slots(seed);
        let plan = Plan::new(scenario, &slots, duration_s, seed);
        let mut rng = Rng::new(seed, "world");
        let first_of = |pod: usize| slots.iter().find(|slot| slot.pod == pod);
        let pods = (0..).map_while(first_of).map(|slot| Pod::new(PodNames::new(slot, &mut rng), slot, &mut rng));
        let pods: Vec<Pod> = pods.collect();
        let place = |index: usize| {
            let mut rng = Rng::new(seed, &format!("slot {index}"));
            Place {
                load: Load::new(plan.slots[index].load.clone(), &mut rng),
                level: Level::new(plan.slots[index].memory.clone()),
                rng,
                life: None,
                birth: None,
                demand: Demand::default(),
                outcome: Outcome::default(),
                used: Used::default(),
                open: facts::Open::default(),
            }
        };
        let places = (0..slots.len()).map(place).collect();
        let mut world = Self {
            machine: Machine::new(slots.len(), seed),
            clock: Clock::new(start, seed),
            truth: facts::nothing(scenario, seed, (start, start + duration_s * crate::clock::SECOND_USEC)),
            next_replacement: 0,
            is_sampled: true,
            slots,
            plan,
            places,
            pods,
            rng,
        };
        world.begin();
        world
    }

    /// The next second; `second` counts up from 0.
    pub fn second(&mut self, second: i64, recorder: &mut Recorder) {
        self.agent_comes_and_goes(second, recorder);
        self.births(second, recorder);
        self.open_facts(second);
        for index in 0..self.slots.len() {
            self.step(index, second);
        }
        let used = self.places.iter().fold(Used::default(), |all, place| all.and(place.used));
        let of_slots = self.slots.iter().zip(&self.places);
        let requests = of_slots.map(|(slot, place)| slot.shape.requests * place.demand.load).sum();
        self.machine.step(used, requests);
        for pod in &mut self.pods {
            pod.step(&self.slots, |slot| self.places[slot].demand.load, &mut self.rng);
        }
        self.pass(second, recorder);
        self.ends(second, recorder);
    }

    /// What was planted so far; facts that are still open end at `end_s`.
    #[must_use]
    pub fn truth(mut self, end_s: i64) -> Truth {
        self.close_facts(end_s);
        self.truth.facts.sort_by_key(|fact: &Fact| fact.from_us);
        self.truth
    }

    /// Fills the slots with containers that have run for a while.
    fn begin(&mut self) {
        for index in 0..self.slots.len() {
            let factor = match self.slots[index].profile {
                // A leak begins with the data: its end is planned.
                Profile::Leak | Profile::WorkerOom => 2,
                _ => 2 + self.rng.below(MOST_WARM_UPS) as i64,
            };
            let restarts = self.slots[index].profile == Profile::CrashLoop;
            self.start(index, (-factor * WARM_UP_S, u32::from(restarts) * 7, None));
            (-WARM_UP_S..0).for_each(|second| self.step(index, second));
            let Some(life) = &mut self.places[index].life else { continue };
            life.account.age(factor);
            if self.slots[index].shape.memory == crate::shape::Memory::Leaks {
                life.leaks_since_s = 0;
            }
            self.open_lasting(index, 0);
        }
    }

    fn start(&mut self, index: usize, (at_s, restarts, reason): (i64, u32, Option<&'static str>)) {
        let (slot, place) = (&self.slots[index], &mut self.places[index]);
        let identity = self.pods[slot.pod].names.container(slot, (restarts, reason), &mut place.rng);
        place.life = Some(Life::new(identity, slot, at_s, &mut place.rng));
        self.pods[slot.pod].joined(index);
    }

    /// A second goes by for a slot.
    fn step(&mut self, index: usize, second: i64) {
        let slot = &self.slots[index];
        let led = slot.follows.map(|(leader, lag_s)| self.places[leader].load.noise_before(lag_s));
        let leak = self.leak(index);
        let (place, plan) = (&mut self.places[index], &self.plan.slots[index]);
        let load = place.load.step(second, &slot.shape, led, &mut place.rng);
        (place.demand, place.outcome, place.used) = Default::default();
        let Some(life) = &mut place.life else { return };
        let wanted = plan.throttled.iter().find(|(from, to, _)| (*from..*to).contains(&second));
        let cores = wanted.map_or(slot.shape.cores * load, |(.., cores)| cores * (0.9 + 0.1 * load));
        let age_s = second - life.leaks_since_s;
        place.demand = Demand {
            cores,
            load: if wanted.is_some() { cores / slot.shape.cores } else { load },
            anon_pages: place.level.pages((second, age_s), load, (&slot.shape, leak), &mut place.rng),
            read_bytes: slot.shape.read_bytes * load,
            write_bytes: slot.shape.write_bytes * load,
        };
        let before = Used::of(life.account.values());
        place.outcome = life.account.step(&place.demand, &mut place.rng);
        place.used = Used::of(life.account.values()).since(before);
    }

    /// Pages that a slot's leak loses in a second.
    fn leak(&self, index: usize) -> f64 {
        let (shape, plan) = (&self.slots[index].shape, &self.plan.slots[index]);
        let room = shape.limit_pages.map_or(0.0, |limit| limit - shape.anon_pages);
        room / plan.leak_s.max(1) as f64
    }
}
