//! What is planted, and when: decided before the first row, from the seed alone.
//!
//! Seconds count from the start of the data. The surprise: memory kills are not planned here: they come when a leak reaches its
//! limit; only its pace is chosen so that some come in every duration.

use crate::rng::Rng;
use crate::scenario::{Scenario, Slot};
use crate::shape::Profile;

const HOUR_S: i64 = 3600;
/// Sizes of changes, in standard deviations of the noise, in this order.
const SIZES: [f64; 9] = [10.0, 1.0, 6.0, 2.0, 4.0, 8.0, 3.0, 1.5, 5.0];

/// A lasting change of a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The first second of the new level.
    pub at_s: i64,
    /// Its size in standard deviations of the noise.
    pub sigmas: f64,
}

/// Pods that are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// When.
    pub at_s: i64,
    /// The pods, by their place.
    pub pods: Vec<usize>,
    /// Whether new pods come, or the same ones get new containers.
    pub with_new_pods: bool,
}

/// What is planned for a slot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlotPlan {
    /// Changes of the load.
    pub load: Vec<Step>,
    /// Changes of the memory's level.
    pub memory: Vec<Step>,
    /// Spans in which it wants more than its quota: first second, second after the last, cores wanted.
    pub throttled: Vec<(i64, i64, f64)>,
    /// Seconds at which it ends with an error.
    pub crashes: Vec<i64>,
    /// How long it takes to lose all memory up to the limit.
    pub leak_s: i64,
    /// Seconds at which somebody changes its memory limit, and the factor.
    pub limit_changes: Vec<(i64, f64)>,
}

/// What is planned.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// By slot.
    pub slots: Vec<SlotPlan>,
    /// In the order of time.
    pub replacements: Vec<Replacement>,
    /// Passes that are not taken: the first second, and how many.
    pub missed: Vec<(i64, i64)>,
    /// The agent does not run: first second, and the second after the last.
    pub stops: Vec<(i64, i64)>,
}

impl Plan {
    /// The plan for so many seconds.
    #[must_use]
    pub fn new(scenario: Scenario, slots: &[Slot], duration_s: i64, seed: u64) -> Self {
        let of_slot = |(index, slot): (usize, &Slot)| {
            let mut rng = Rng::new(seed, &format!("plan {index}"));
            slot_plan((index, slot.profile), duration_s, &mut rng)
        };
        let mut rng = Rng::new(seed, "plan");
        let every = |rng: &mut Rng, seconds: i64| spaced(duration_s, seconds, rng);
        let missed = every(&mut rng, 3 * HOUR_S).into_iter().map(|at| (at, 1 + rng.below(3) as i64)).collect();
        let days = duration_s.div_euclid(24 * HOUR_S).max(i64::from(duration_s >= 6 * HOUR_S));
        let stop = |day: i64| {
            let length = duration_s / days;
            let from = day * length + (length as f64 * rng.between(0.3, 0.8)) as i64;
            (from, from + 20 + rng.below(30) as i64)
        };
        let stops = (0..days).map(stop).collect();
        let replacements = replacements(scenario, slots, duration_s, &mut rng);
        Self { slots: slots.iter().enumerate().map(of_slot).collect(), replacements, missed, stops }
    }
}

fn slot_plan((index, profile): (usize, Profile), duration_s: i64, rng: &mut Rng) -> SlotPlan {
    let mut plan = SlotPlan { leak_s: (duration_s * 2 / 5).clamp(1200, 8 * HOUR_S), ..SlotPlan::default() };
    plan.leak_s = (plan.leak_s as f64 * rng.between(0.8, 1.1)) as i64;
    let steps_every = (duration_s / 30).clamp(600, 2 * HOUR_S);
    match profile {
        Profile::Steady => plan.load = steps(index, spaced(duration_s, steps_every, rng)),
        Profile::Cache => {
            plan.memory = steps(index, spaced(duration_s, steps_every, rng));
            let at = spaced(duration_s, (duration_s / 2).clamp(HOUR_S, 12 * HOUR_S), rng);
            plan.limit_changes = at.into_iter().zip([1.5, 1.0 / 1.5].into_iter().cycle()).collect();
        }
        Profile::Throttled => {
            let starts = spaced(duration_s, (duration_s / 40).clamp(480, HOUR_S), rng);
            let span = |from: i64| (from, from + 30 + rng.below(200) as i64, rng.between(0.6, 1.2));
            plan.throttled = starts.into_iter().map(span).collect();
        }
        Profile::CrashLoop => {
            let episodes = spaced(duration_s, duration_s.clamp(HOUR_S, 24 * HOUR_S), rng);
            // The kubelet waits 10 s, 20 s, 40 s ... between starts; each lives a few seconds more than the one before.
            plan.crashes = episodes.into_iter().flat_map(|at| [0, 25, 60, 120, 220].map(|after| at + after)).collect();
        }
        _ => {}
    }
    plan
}

/// Up where the level is low and down where it is high.
fn steps(number: usize, at: Vec<i64>) -> Vec<Step> {
    let mut level = 0.0;
    let sizes = SIZES.iter().cycle().skip(number % SIZES.len());
    let step = |(at_s, size): (i64, &f64)| {
        let sigmas = if level > 0.0 { -size } else { *size };
        level += sigmas;
        Step { at_s, sigmas }
    };
    at.into_iter().zip(sizes).map(step).collect()
}

/// Moments about so many seconds apart, none of them near either end.
fn spaced(duration_s: i64, every_s: i64, rng: &mut Rng) -> Vec<i64> {
    let count = (duration_s / every_s).max(1);
    let length = duration_s / count;
    (0..count).map(|part| part * length + (length as f64 * rng.between(0.35, 0.65)) as i64).collect()
}

fn replacements(scenario: Scenario, slots: &[Slot], duration_s: i64, rng: &mut Rng) -> Vec<Replacement> {
    // What ends by itself, and what runs once on each node, is not replaced.
    let may_go = |slot: &&Slot| {
        slot.kind != "DaemonSet" && !matches!(slot.profile, Profile::CrashLoop | Profile::Leak | Profile::WorkerOom)
    };
    let mut pods: Vec<usize> = slots.iter().filter(may_go).map(|slot| slot.pod).collect();
    pods.dedup();
    let every_s = scenario.replace_every_s();
    let mut found = Vec::new();
    let mut next = rng.below(pods.len() as u64) as usize;
    let mut at_s = (every_s as f64 * rng.between(0.5, 0.9)) as i64;
    while at_s < duration_s && !pods.is_empty() {
        let chosen = (0..scenario.replaced_at_once()).map(|_| {
            next += 1;
            pods[next % pods.len()]
        });
        found.push(Replacement { at_s, pods: chosen.collect(), with_new_pods: !rng.chance(0.3) });
        at_s += (every_s as f64 * rng.between(0.85, 1.15)) as i64;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_has_changes_of_many_sizes_spans_and_crashes() {
        for hours in [1, 6, 24, 168] {
            for scenario in [Scenario::Realistic, Scenario::Stress] {
                let slots = scenario.slots(1);
                let plan = Plan::new(scenario, &slots, hours * HOUR_S, 1);
                let steps: Vec<&Step> =
                    plan.slots.iter().flat_map(|slot| slot.load.iter().chain(&slot.memory)).collect();
                assert!(steps.len() >= 18 && steps.iter().any(|step| step.sigmas.abs() >= 8.0), "{}", steps.len());
                assert!(steps.iter().any(|step| step.sigmas.abs() <= 2.0));
                assert!(plan.slots.iter().any(|slot| slot.throttled.len() >= 5));
                assert!(plan.slots.iter().any(|slot| slot.crashes.len() >= 5));
                assert_eq!(plan.stops.is_empty(), hours == 1);
            }
        }
    }

    #[test]
    fn pods_are_replaced_as_often_as_the_scenario_says() {
        let per_day = |scenario: Scenario| {
            let slots = scenario.slots(1);
            let plan = Plan::new(scenario, &slots, 7 * 24 * HOUR_S, 1);
            plan.replacements.iter().map(|replacement| replacement.pods.len()).sum::<usize>() as f64 / 7.0
        };
        assert!((2.0..=3.0).contains(&per_day(Scenario::Realistic)), "{}", per_day(Scenario::Realistic));
        let stress = per_day(Scenario::Stress) / 40.0;
        assert!((5.0..=8.0).contains(&stress), "{stress}");
    }
}
