//! Which instances of one container follow each other: a restart goes on where the instance before ended, replicas stand side
//! by side.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::model::UnixMicros;

/// An instance of a container: it has an id of its own, and a life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance<T> {
    /// Who it is.
    pub id: T,
    /// Its first reading.
    pub first: UnixMicros,
    /// Its last one.
    pub last: UnixMicros,
}

/// The instances in lanes: in order of their first readings, each goes to the first lane whose instance has ended before, or
/// begins a new one. No two of a lane overlap, and there are no more lanes than instances at one time.
#[must_use]
pub fn lanes<T>(mut instances: Vec<Instance<T>>) -> Vec<Vec<Instance<T>>> {
    instances.sort_by_key(|instance| (instance.first, instance.last));
    let mut lanes: Vec<Vec<Instance<T>>> = Vec::new();
    // Lanes that are free by their number, others by when they get free.
    let mut free: BinaryHeap<Reverse<usize>> = BinaryHeap::new();
    let mut taken: BinaryHeap<Reverse<(UnixMicros, usize)>> = BinaryHeap::new();
    for instance in instances {
        while let Some(&Reverse((last, lane))) = taken.peek()
            && last < instance.first
        {
            taken.pop();
            free.push(Reverse(lane));
        }
        let lane = free.pop().map_or(lanes.len(), |Reverse(lane)| lane);
        taken.push(Reverse((instance.last, lane)));
        match lanes.get_mut(lane) {
            Some(known) => known.push(instance),
            None => lanes.push(vec![instance]),
        }
    }
    lanes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(instances: &[(&'static str, i64, i64)]) -> Vec<Vec<&'static str>> {
        let instances = instances.iter().map(|&(id, first, last)| Instance { id, first, last }).collect();
        lanes(instances).into_iter().map(|lane| lane.into_iter().map(|instance| instance.id).collect()).collect()
    }

    #[test]
    fn restarts_go_on_and_replicas_stand_side_by_side() {
        let two_replicas = [("a2", 21, 30), ("a1", 0, 20), ("b1", 5, 12), ("b2", 13, 30), ("a3", 31, 40)];
        assert_eq!(ids(&two_replicas), [vec!["a1", "a2", "a3"], vec!["b1", "b2"]]);
        assert_eq!(ids(&[("a", 0, 10), ("b", 10, 20)]), [["a"], ["b"]], "both had a reading at 10");
        assert!(ids(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn no_lane_overlaps_and_none_is_needless(lives in prop::collection::vec((0i64..200, 0i64..50), 0..60)) {
            let instances: Vec<Instance<usize>> = lives.iter().enumerate()
                .map(|(id, &(first, length))| Instance { id, first, last: first + length }).collect();
            let at_once = |time: i64| instances.iter().filter(|one| one.first <= time && time <= one.last).count();
            let most = instances.iter().map(|one| at_once(one.first)).max().unwrap_or(0);
            let lanes = lanes(instances.clone());
            prop_assert_eq!(lanes.len(), most);
            prop_assert!(lanes.iter().all(|lane| lane.is_sorted_by(|a, b| a.last < b.first)));
            let mut all: Vec<usize> = lanes.iter().flatten().map(|one| one.id).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..instances.len()).collect::<Vec<_>>());
            // Each is where the first free lane was when it began.
            for (number, lane) in lanes.iter().enumerate() {
                for one in lane {
                    for before in &lanes[..number] {
                        let is_taken = before.iter().any(|other| (other.first, other.last, other.id) != (one.first, one.last, one.id)
                            && other.first <= one.first && one.first <= other.last);
                        prop_assert!(is_taken);
                    }
                }
            }
        }
    }
}
