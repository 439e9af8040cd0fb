//! Which cgroups to add up, so that none is counted twice: the numbers of a cgroup include those of all cgroups in it.

use std::collections::HashSet;

/// Parents that are looked through at most; a kernel's cgroups are not nested that deep in practice, and parents that lead in
/// a circle must not hang the agent.
const MAX_DEPTH: usize = 64;

/// For each of these ids, whether none of its ancestors is among them. `parent_of` knows the nearest recorded cgroup around
/// one, also of those that are not among these: a grandparent counts too.
pub fn outermost<'a>(ids: &[&'a str], parent_of: impl Fn(&'a str) -> Option<&'a str>) -> Vec<bool> {
    let among: HashSet<&str> = ids.iter().copied().collect();
    let is_outermost = |id: &'a str| {
        let ancestors = std::iter::successors(parent_of(id), |ancestor| parent_of(ancestor)).take(MAX_DEPTH);
        !ancestors.take_while(|ancestor| *ancestor != id).any(|ancestor| among.contains(ancestor))
    };
    ids.iter().map(|id| is_outermost(id)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn outer<'a>(ids: &[&'a str], parents: &[(&'a str, &'a str)]) -> Vec<&'a str> {
        let parents: HashMap<&str, &str> = parents.iter().copied().collect();
        let outermost = outermost(ids, |id| parents.get(id).copied());
        ids.iter().zip(outermost).filter_map(|(id, is_outermost)| is_outermost.then_some(*id)).collect()
    }

    #[test]
    fn what_is_inside_of_another_is_left_out() {
        let parents = [("b", "a"), ("c", "b"), ("e", "d")];
        assert_eq!(outer(&["a", "b", "c", "e", "f"], &parents), ["a", "e", "f"]);
        assert_eq!(outer(&["c", "a"], &parents), ["a"], "its grandparent is there, its parent is not");
        assert_eq!(outer(&["c", "b"], &parents), ["b"]);
    }

    #[test]
    fn parents_in_a_circle_end() {
        assert_eq!(outer(&["a"], &[("a", "a")]), ["a"]);
        assert_eq!(outer(&["a"], &[("a", "b"), ("b", "c"), ("c", "b")]), ["a"]);
    }

    proptest! {
        #[test]
        fn each_is_outermost_or_inside_of_one_that_is(
            parents in prop::collection::vec(any::<prop::sample::Index>(), 1..30),
            selected in prop::collection::vec(any::<bool>(), 30),
        ) {
            // A parent has a lower number, so there are no circles.
            let names: Vec<String> = (0..parents.len()).map(|n| n.to_string()).collect();
            let number = |name: &str| name.parse::<usize>().unwrap();
            let parent = |n: usize| (n > 0).then(|| parents[n].index(n + 1)).filter(|parent| *parent < n);
            let ids: Vec<&str> = (0..names.len()).filter(|n| selected[*n]).map(|n| names[n].as_str()).collect();
            let outermost = outermost(&ids, |id| parent(number(id)).map(|n| names[n].as_str()));
            let outer: Vec<usize> = ids.iter().zip(&outermost).filter(|(_, outer)| **outer).map(|(id, _)| number(id)).collect();
            for id in &ids {
                let around = std::iter::successors(Some(number(id)), |n| parent(*n)).filter(|n| outer.contains(n)).count();
                prop_assert_eq!(around, 1, "{} of {:?}", id, outer);
            }
        }
    }
}
