//! The list of containers as an answer: which pass the filter, in which order, how they are shown.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{ContainerKind, Identity, QosClass, Resources, Role};
use crate::rfc3339;
use crate::service::ContainerSummary;
use crate::service::answers::{ContainersQuestion, Order};

/// The most containers that one answer lists, and how many it lists unless asked for fewer.
pub const MAX_CONTAINERS: usize = 10_000;

/// Which containers are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Whether sandboxes are wanted as well.
    pub sandboxes: Sandboxes,
    /// Only of this namespace.
    pub namespace: Option<String>,
    /// Only of this class.
    pub qos_class: Option<QosClass>,
    /// Only of this pod.
    pub pod: Option<String>,
    /// Only of this workload, `Kind/name`, or its name alone.
    pub workload: Option<String>,
    /// Only with all of these labels.
    pub labels: Vec<(String, String)>,
    /// Only where an id or a name contains this, whatever the case.
    pub search: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// Whether sandboxes ("pause" containers) are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sandboxes {
    /// Left out.
    #[default]
    Hidden,
    /// Shown as well.
    Included,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            sandboxes: Sandboxes::Hidden,
            namespace: None,
            qos_class: None,
            pod: None,
            workload: None,
            labels: Vec::new(),
            search: None,
            limit: MAX_CONTAINERS,
        }
    }
}

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ContainersReply {
    /// Those that pass the filter, up to the limit.
    pub containers: Vec<Entry>,
    /// How many pass the filter.
    pub total: usize,
}

impl ContainersReply {
    /// The ids of those that are listed.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.containers.iter().map(|entry| entry.id.as_str())
    }
}

/// One container.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Container")]
pub struct Entry {
    id: String,
    parent_id: Option<String>,
    pod_uid: Option<String>,
    pod: Option<String>,
    namespace: Option<String>,
    container: Option<String>,
    workload: Option<String>,
    qos_class: Option<QosClass>,
    image: Option<String>,
    kind: Option<ContainerKind>,
    restart_count: Option<u32>,
    restart_reason: Option<String>,
    resources: Resources,
    labels: BTreeMap<String, String>,
    role: Role,
    runtime: Option<String>,
    path: String,
    first_seen: String,
    last_seen: String,
    alive: bool,
}

/// Those that pass the filter, in the question's order, then by id. Which have rows in the question's range, and its metric, is
/// decided before.
#[must_use]
pub fn reply(all: &[ContainerSummary], question: &ContainersQuestion) -> ContainersReply {
    let ContainersQuestion { filter, order, .. } = question;
    let needle = filter.search.as_ref().map(|text| text.to_lowercase());
    let is_wanted = |summary: &&ContainerSummary| passes(&summary.identity, filter, needle.as_deref());
    let mut wanted: Vec<&ContainerSummary> = all.iter().filter(is_wanted).collect();
    wanted.sort_by(|a, b| compare(*order, a, b).then_with(|| a.identity.container_id.cmp(&b.identity.container_id)));
    let containers = wanted.iter().take(filter.limit).map(|summary| entry(summary)).collect();
    ContainersReply { containers, total: wanted.len() }
}

fn compare(order: Order, a: &ContainerSummary, b: &ContainerSummary) -> Ordering {
    match order {
        Order::Newest => b.first_seen.cmp(&a.first_seen),
        Order::Oldest => a.first_seen.cmp(&b.first_seen),
        Order::Name => name(&a.identity).cmp(&name(&b.identity)),
    }
}

/// What orders by name: those without a pod come last.
fn name(identity: &Identity) -> (bool, [Option<&str>; 3], &str) {
    let names = [&identity.namespace, &identity.pod, &identity.container].map(Option::as_deref);
    (identity.pod.is_none(), names, &identity.path)
}

/// Whether a container passes a filter, whatever its limit.
#[must_use]
pub fn passes_filter(identity: &Identity, filter: &Filter) -> bool {
    passes(identity, filter, filter.search.as_ref().map(|text| text.to_lowercase()).as_deref())
}

fn passes(identity: &Identity, filter: &Filter, needle: Option<&str>) -> bool {
    let shown = identity.role != Role::Sandbox || filter.sandboxes == Sandboxes::Included;
    let in_namespace = filter.namespace.is_none() || filter.namespace == identity.namespace;
    let of_class = filter.qos_class.is_none() || filter.qos_class == identity.qos_class;
    let in_pod = filter.pod.is_none() || filter.pod == identity.pod;
    let of_workload = filter.workload.as_ref().is_none_or(|wanted| is_workload(identity.workload.as_deref(), wanted));
    let labelled = filter.labels.iter().all(|(key, value)| identity.labels.get(key) == Some(value));
    let named = in_namespace && in_pod && of_workload && labelled;
    shown && named && of_class && needle.is_none_or(|needle| mentions(identity, needle))
}

/// Whether a workload is the one wanted, by `Kind/name` or by name.
fn is_workload(workload: Option<&str>, wanted: &str) -> bool {
    workload.is_some_and(|full| full == wanted || full.split_once('/').is_some_and(|(_, name)| name == wanted))
}

fn mentions(identity: &Identity, needle: &str) -> bool {
    let names = [&identity.pod_uid, &identity.pod, &identity.namespace, &identity.container, &identity.workload];
    let always = [&identity.container_id, &identity.path];
    let optional = names.into_iter().chain([&identity.image]).flatten();
    always.into_iter().chain(optional).any(|text| text.to_lowercase().contains(needle))
}

fn entry(summary: &ContainerSummary) -> Entry {
    let identity = (*summary.identity).clone();
    Entry {
        id: identity.container_id,
        parent_id: identity.parent_id,
        pod_uid: identity.pod_uid,
        pod: identity.pod,
        namespace: identity.namespace,
        container: identity.container,
        workload: identity.workload,
        qos_class: identity.qos_class,
        image: identity.image,
        kind: identity.kind,
        restart_count: identity.restart_count,
        restart_reason: identity.restart_reason,
        resources: identity.resources,
        labels: identity.labels,
        role: identity.role,
        runtime: identity.runtime,
        path: identity.path,
        first_seen: rfc3339::format(summary.first_seen),
        last_seen: rfc3339::format(summary.last_seen),
        alive: summary.alive,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn summary(id: &str, first_seen: i64, change: impl FnOnce(&mut Identity)) -> ContainerSummary {
        let mut identity = Identity::unnamed(id, format!("/kubepods/{id}"), Role::Container);
        change(&mut identity);
        ContainerSummary {
            identity: Arc::new(identity),
            node: Arc::from("node-1"),
            first_seen,
            last_seen: first_seen,
            alive: true,
        }
    }

    fn ids(filter: &Filter) -> Vec<String> {
        let all = [
            summary("b", 1, |identity| identity.namespace = Some("shop".into())),
            summary("a", 1, |identity| identity.pod = Some("Checkout-1".into())),
            summary("p", 3, |identity| identity.role = Role::Sandbox),
            summary("new", 2, |identity| {
                identity.qos_class = Some(QosClass::Burstable);
                identity.workload = Some("Deployment/web".into());
                identity.labels = [("app".to_owned(), "web".to_owned()), ("tier".to_owned(), "1".to_owned())].into();
            }),
        ];
        let question = ContainersQuestion { filter: filter.clone(), ..ContainersQuestion::default() };
        reply(&all, &question).containers.into_iter().map(|entry| entry.id).collect()
    }

    #[test]
    fn newest_first_then_by_id_without_sandboxes() {
        assert_eq!(ids(&Filter::default()), ["new", "a", "b"]);
    }

    #[test]
    fn each_filter_narrows() {
        let none = Filter::default;
        assert_eq!(ids(&Filter { sandboxes: Sandboxes::Included, ..none() }), ["p", "new", "a", "b"]);
        assert_eq!(ids(&Filter { namespace: Some("shop".into()), ..none() }), ["b"]);
        assert_eq!(ids(&Filter { qos_class: Some(QosClass::Burstable), ..none() }), ["new"]);
        assert_eq!(ids(&Filter { pod: Some("Checkout-1".into()), ..none() }), ["a"]);
        assert_eq!(ids(&Filter { pod: Some("Checkout".into()), ..none() }), [""; 0]);
        for workload in ["web", "Deployment/web"] {
            assert_eq!(ids(&Filter { workload: Some(workload.into()), ..none() }), ["new"]);
        }
        assert_eq!(ids(&Filter { workload: Some("DaemonSet/web".into()), ..none() }), [""; 0]);
        let labels = |pairs: &[(&str, &str)]| pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        assert_eq!(ids(&Filter { labels: labels(&[("app", "web"), ("tier", "1")]), ..none() }), ["new"]);
        assert_eq!(ids(&Filter { labels: labels(&[("app", "web"), ("tier", "2")]), ..none() }), [""; 0]);
        assert_eq!(ids(&Filter { search: Some("CHECKOUT".into()), ..none() }), ["a"]);
        assert_eq!(ids(&Filter { search: Some("kubepods".into()), ..none() }), ["new", "a", "b"]);
        assert_eq!(ids(&Filter { limit: 1, ..none() }), ["new"]);
    }

    #[test]
    fn a_cut_answer_tells_how_many_there_are() {
        let all = [summary("a", 1, |_| {}), summary("b", 2, |_| {})];
        let filter = Filter { limit: 1, ..Filter::default() };
        let cut = reply(&all, &ContainersQuestion { filter, ..ContainersQuestion::default() });
        assert_eq!((cut.containers.len(), cut.total), (1, 2));
    }

    #[test]
    fn the_order_is_as_asked() {
        let all = [
            summary("old", 1, |identity| identity.pod = Some("z".into())),
            summary("cgroup", 2, |_| {}),
            summary("new", 3, |identity| identity.pod = Some("a".into())),
        ];
        let asked = |order| {
            let question = ContainersQuestion { order, ..ContainersQuestion::default() };
            reply(&all, &question).containers.into_iter().map(|entry| entry.id).collect::<Vec<_>>()
        };
        assert_eq!(asked(Order::Newest), ["new", "cgroup", "old"]);
        assert_eq!(asked(Order::Oldest), ["old", "cgroup", "new"]);
        assert_eq!(asked(Order::Name), ["new", "old", "cgroup"]);
    }
}
