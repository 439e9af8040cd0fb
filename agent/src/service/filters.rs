//! What can be chosen from, as an answer: the namespaces, pods, labels and so on of the containers, with how many have each.
//!
//! Pure: containers in, lists out. Values of sandboxes are left out, as sandboxes are in other answers. The surprise: lists
//! are cut at a number of values, those that most containers have first; `left_out` says how many values are not shown.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{QosClass, Role};
use crate::service::ContainerSummary;

/// Values that one list has at most.
pub const MAX_VALUES: usize = 1_000;
/// Label keys that an answer has at most.
pub const MAX_LABEL_KEYS: usize = 200;

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FiltersAnswer {
    /// The namespaces of pods.
    pub namespaces: Vec<FilterValue>,
    /// The pods.
    pub pods: Vec<FilterValue>,
    /// The workloads, `Kind/name`.
    pub workloads: Vec<FilterValue>,
    /// The names of containers in their pods.
    pub containers: Vec<FilterValue>,
    /// The classes of service.
    pub qos_classes: Vec<FilterValue>,
    /// The images.
    pub images: Vec<FilterValue>,
    /// The nodes.
    pub nodes: Vec<FilterValue>,
    /// The labels, by key.
    pub labels: Vec<FilterLabel>,
    /// How many values and keys are not in these lists, because there are too many.
    pub left_out: usize,
}

/// A value that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FilterValue {
    /// The value.
    pub value: String,
    /// How many containers have it.
    pub containers: usize,
}

/// A label that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FilterLabel {
    /// Its key.
    pub key: String,
    /// Its values.
    pub values: Vec<FilterValue>,
}

/// What there is among these containers.
#[must_use]
pub fn answer(containers: &[ContainerSummary]) -> FiltersAnswer {
    let is_shown = |summary: &&ContainerSummary| summary.identity.role != Role::Sandbox;
    let known: Vec<&ContainerSummary> = containers.iter().filter(is_shown).collect();
    let mut left_out = 0;
    let mut list = |pick: fn(&ContainerSummary) -> Option<&str>| {
        values(known.iter().filter_map(|summary| pick(summary)), &mut left_out)
    };
    let mut answer = FiltersAnswer {
        namespaces: list(|summary| summary.identity.namespace.as_deref()),
        pods: list(|summary| summary.identity.pod.as_deref()),
        workloads: list(|summary| summary.identity.workload.as_deref()),
        containers: list(|summary| summary.identity.container.as_deref()),
        qos_classes: list(|summary| summary.identity.qos_class.map(QosClass::as_str)),
        images: list(|summary| summary.identity.image.as_deref()),
        nodes: list(|summary| Some(&*summary.node)),
        ..FiltersAnswer::default()
    };
    answer.labels = labels(&known, &mut left_out);
    answer.left_out = left_out;
    answer
}

/// Each label's values; the keys in order.
fn labels(known: &[&ContainerSummary], left_out: &mut usize) -> Vec<FilterLabel> {
    let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, value) in known.iter().flat_map(|summary| &summary.identity.labels) {
        by_key.entry(key).or_default().push(value);
    }
    *left_out += by_key.len().saturating_sub(MAX_LABEL_KEYS);
    let kept = by_key.into_iter().take(MAX_LABEL_KEYS);
    kept.map(|(key, found)| FilterLabel { key: key.to_owned(), values: values(found.into_iter(), left_out) }).collect()
}

/// The different values: those that most have first, then in order.
fn values<'a>(found: impl Iterator<Item = &'a str>, left_out: &mut usize) -> Vec<FilterValue> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    found.for_each(|value| *counts.entry(value).or_default() += 1);
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    *left_out += counts.len().saturating_sub(MAX_VALUES);
    let kept = counts.into_iter().take(MAX_VALUES);
    kept.map(|(value, containers)| FilterValue { value: value.to_owned(), containers }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::Identity;

    fn seen(name: &str, namespace: &str, role: Role) -> ContainerSummary {
        let mut identity = Identity::unnamed(name, name, role);
        identity.namespace = Some(namespace.to_owned());
        identity.labels.insert("app".to_owned(), name.to_owned());
        let node = Arc::from("node-1");
        ContainerSummary { identity: Arc::new(identity), node, first_seen: 0, last_seen: 9, alive: false }
    }

    fn value(value: &str, containers: usize) -> FilterValue {
        FilterValue { value: value.to_owned(), containers }
    }

    #[test]
    fn values_are_counted_and_the_most_frequent_come_first() {
        let answer = answer(&[
            seen("a", "shop", Role::Container),
            seen("b", "web", Role::Container),
            seen("c", "web", Role::Container),
            seen("d", "web", Role::Sandbox),
        ]);
        assert_eq!(answer.namespaces, [value("web", 2), value("shop", 1)]);
        assert_eq!(answer.nodes, [value("node-1", 3)]);
        assert_eq!(answer.labels[0].values, [value("a", 1), value("b", 1), value("c", 1)]);
        assert_eq!(answer.left_out, 0);
    }

    #[test]
    fn what_a_list_does_not_show_is_counted() {
        let many = |n: usize| seen(&format!("c{n}"), "a", Role::Container);
        let containers: Vec<ContainerSummary> = (0..MAX_VALUES + 7).map(many).collect();
        let answer = answer(&containers);
        assert_eq!((answer.labels[0].values.len(), answer.left_out), (MAX_VALUES, 7));
    }
}
