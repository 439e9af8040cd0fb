//! The scenarios: which workloads a node runs, and how often they are replaced.
//!
//! A slot is the place of one container: it is always occupied but for the seconds between an end and a start. Names here are
//! those of an invented shop.

use crate::rng::Rng;
use crate::shape::Profile::{
    self, Bursty, Cache, Collected, CrashLoop, Cron, Database, Diurnal, Follower, Idle, Leak, Steady, Throttled,
    WorkerOom,
};
use crate::shape::Shape;

const DAY_S: i64 = 86_400;

/// A kind of node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// About 20 containers that stay; 2 to 3 pods are replaced a day.
    Realistic,
    /// About 50 at a time, a generation of them replaced every half an hour: 5 to 7 times a day each.
    Stress,
}

/// A workload and the containers of each of its pods.
struct Workload {
    namespace: &'static str,
    kind: &'static str,
    name: &'static str,
    pods: usize,
    containers: &'static [(&'static str, Profile)],
}

const fn workload(
    (namespace, kind): (&'static str, &'static str),
    name: &'static str,
    pods: usize,
    containers: &'static [(&'static str, Profile)],
) -> Workload {
    Workload { namespace, kind, name, pods, containers }
}

const SHOP: (&str, &str) = ("shop", "Deployment");
const SHOP_SET: (&str, &str) = ("shop", "StatefulSet");
const BATCH: (&str, &str) = ("batch", "Deployment");
const DEV: (&str, &str) = ("dev", "Deployment");
const SYSTEM: (&str, &str) = ("kube-system", "Deployment");
const SYSTEM_SET: (&str, &str) = ("kube-system", "DaemonSet");

/// What others follow comes first.
const REALISTIC: &[Workload] = &[
    workload(SHOP, "frontend", 2, &[("web", Diurnal), ("proxy", Follower)]),
    workload(SHOP, "api", 2, &[("api", Follower)]),
    workload(SHOP, "checkout", 2, &[("checkout", Steady)]),
    workload(SHOP, "cart", 1, &[("cart", Collected)]),
    workload(SHOP, "recommender", 1, &[("recommender", Leak)]),
    workload(SHOP_SET, "orders-db", 1, &[("postgres", Database)]),
    workload(SHOP_SET, "sessions", 1, &[("redis", Cache)]),
    workload(BATCH, "encoder", 1, &[("encoder", Throttled)]),
    workload(BATCH, "crawler", 1, &[("crawler", Bursty)]),
    workload(BATCH, "reports", 2, &[("cron", Cron)]),
    workload(BATCH, "importer", 1, &[("importer", WorkerOom)]),
    workload(DEV, "prototype", 1, &[("prototype", CrashLoop)]),
    workload(SYSTEM, "coredns", 1, &[("coredns", Steady)]),
    workload(SYSTEM_SET, "kube-proxy", 1, &[("kube-proxy", Idle)]),
    workload(SYSTEM_SET, "node-exporter", 1, &[("node-exporter", Idle)]),
];

const STRESS: &[Workload] = &[
    workload(SHOP, "frontend", 4, &[("web", Diurnal), ("proxy", Follower)]),
    workload(SHOP, "api", 6, &[("api", Follower)]),
    workload(SHOP, "checkout", 6, &[("checkout", Steady)]),
    workload(SHOP, "cart", 4, &[("cart", Collected)]),
    workload(SHOP, "recommender", 2, &[("recommender", Leak)]),
    workload(SHOP_SET, "orders-db", 2, &[("postgres", Database)]),
    workload(SHOP_SET, "sessions", 3, &[("redis", Cache)]),
    workload(BATCH, "encoder", 4, &[("encoder", Throttled)]),
    workload(BATCH, "crawler", 4, &[("crawler", Bursty)]),
    workload(BATCH, "reports", 4, &[("cron", Cron)]),
    workload(BATCH, "importer", 2, &[("importer", WorkerOom)]),
    workload(DEV, "prototype", 2, &[("prototype", CrashLoop)]),
    workload(SYSTEM_SET, "kube-proxy", 1, &[("kube-proxy", Idle)]),
    workload(SYSTEM_SET, "node-exporter", 2, &[("node-exporter", Idle)]),
];

/// The place of one container.
#[derive(Clone, Debug)]
pub struct Slot {
    /// The namespace.
    pub namespace: &'static str,
    /// The kind of the workload.
    pub kind: &'static str,
    /// The workload's name.
    pub workload: &'static str,
    /// The container's name in its pod.
    pub container: &'static str,
    /// Its place among the scenario's pods.
    pub pod: usize,
    /// The pod's number in its workload.
    pub ordinal: usize,
    /// What kind of container it is.
    pub profile: Profile,
    /// What it does.
    pub shape: Shape,
    /// The slot whose load it follows, and by how many seconds later.
    pub follows: Option<(usize, usize)>,
}

impl Scenario {
    /// The scenario's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Realistic => "realistic",
            Self::Stress => "stress",
        }
    }

    /// The places of its containers.
    #[must_use]
    pub fn slots(self, seed: u64) -> Vec<Slot> {
        let workloads = match self {
            Self::Realistic => REALISTIC,
            Self::Stress => STRESS,
        };
        let mut slots: Vec<Slot> = Vec::new();
        let mut pods = 0;
        for workload in workloads {
            for ordinal in 0..workload.pods {
                for &(container, profile) in workload.containers {
                    let number = slots.iter().filter(|slot| slot.profile == profile).count();
                    let mut rng = Rng::new(seed, &format!("shape {} {ordinal} {container}", workload.name));
                    let follows = (profile == Follower).then(|| leader(&slots, number));
                    slots.push(Slot {
                        namespace: workload.namespace,
                        kind: workload.kind,
                        workload: workload.name,
                        container,
                        pod: pods,
                        ordinal,
                        profile,
                        shape: profile.shape(number, &mut rng),
                        follows,
                    });
                }
                pods += 1;
            }
        }
        slots
    }

    /// Seconds between two replacements, on average.
    #[must_use]
    pub fn replace_every_s(self) -> i64 {
        match self {
            Self::Realistic => DAY_S * 2 / 5,
            Self::Stress => 1800,
        }
    }

    /// Pods replaced at once.
    #[must_use]
    pub fn replaced_at_once(self) -> usize {
        match self {
            Self::Realistic => 1,
            Self::Stress => 6,
        }
    }
}

/// The leaders take turns, and so do the lags.
fn leader(slots: &[Slot], number: usize) -> (usize, usize) {
    const LAGS_S: [usize; 5] = [1, 3, 7, 15, 30];
    let leaders: Vec<usize> = (0..slots.len()).filter(|&slot| slots[slot].profile == Diurnal).collect();
    // A proxy follows the container beside it: the newest leader.
    let beside = slots.last().is_some_and(|slot| slot.profile == Diurnal);
    let at = if beside { leaders.len().saturating_sub(1) } else { number % leaders.len().max(1) };
    (leaders.get(at).copied().unwrap_or_default(), LAGS_S[number % LAGS_S.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scenarios_have_their_sizes_and_followers_come_after_those_they_follow() {
        for (scenario, sizes) in [(Scenario::Realistic, 18..=22), (Scenario::Stress, 48..=52)] {
            let slots = scenario.slots(1);
            assert!(sizes.contains(&slots.len()), "{}", slots.len());
            for (index, slot) in slots.iter().enumerate() {
                assert_eq!(slot.follows.is_some(), slot.profile == Follower);
                assert!(slot.follows.is_none_or(|(leader, _)| leader < index && slots[leader].profile == Diurnal));
            }
        }
    }
}
