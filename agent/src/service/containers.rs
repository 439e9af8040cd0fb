//! The list of containers as an answer: which pass the filter, newest first, how they are shown.

use serde::Serialize;

use crate::model::{Identity, QosClass, Role};
use crate::rfc3339;
use crate::service::ContainerSummary;

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
        Self { sandboxes: Sandboxes::Hidden, namespace: None, qos_class: None, search: None, limit: MAX_CONTAINERS }
    }
}

/// The answer.
#[derive(Debug, Serialize)]
pub struct ContainersReply {
    /// Those that pass the filter, newest first, up to the limit.
    pub containers: Vec<Entry>,
    /// How many pass the filter.
    pub total: usize,
}

/// One container.
#[derive(Debug, Serialize)]
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
    role: Role,
    runtime: Option<String>,
    path: String,
    first_seen: String,
    last_seen: String,
    alive: bool,
}

/// Those that pass the filter: the one that came last is first, then by id.
#[must_use]
pub fn reply(all: &[ContainerSummary], filter: &Filter) -> ContainersReply {
    let needle = filter.search.as_ref().map(|text| text.to_lowercase());
    let mut wanted: Vec<&ContainerSummary> =
        all.iter().filter(|summary| passes(&summary.identity, filter, needle.as_deref())).collect();
    wanted.sort_by(|a, b| {
        b.first_seen.cmp(&a.first_seen).then_with(|| a.identity.container_id.cmp(&b.identity.container_id))
    });
    let containers = wanted.iter().take(filter.limit).map(|summary| entry(summary)).collect();
    ContainersReply { containers, total: wanted.len() }
}

fn passes(identity: &Identity, filter: &Filter, needle: Option<&str>) -> bool {
    let shown = identity.role != Role::Sandbox || filter.sandboxes == Sandboxes::Included;
    let in_namespace = filter.namespace.is_none() || filter.namespace == identity.namespace;
    let of_class = filter.qos_class.is_none() || filter.qos_class == identity.qos_class;
    shown && in_namespace && of_class && needle.is_none_or(|needle| mentions(identity, needle))
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
        ContainerSummary { identity: Arc::new(identity), first_seen, last_seen: first_seen, alive: true }
    }

    fn ids(filter: &Filter) -> Vec<String> {
        let all = [
            summary("b", 1, |identity| identity.namespace = Some("shop".into())),
            summary("a", 1, |identity| identity.pod = Some("Checkout-1".into())),
            summary("p", 3, |identity| identity.role = Role::Sandbox),
            summary("new", 2, |identity| identity.qos_class = Some(QosClass::Burstable)),
        ];
        reply(&all, filter).containers.into_iter().map(|entry| entry.id).collect()
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
        assert_eq!(ids(&Filter { search: Some("CHECKOUT".into()), ..none() }), ["a"]);
        assert_eq!(ids(&Filter { search: Some("kubepods".into()), ..none() }), ["new", "a", "b"]);
        assert_eq!(ids(&Filter { limit: 1, ..none() }), ["new"]);
    }

    #[test]
    fn a_cut_answer_tells_how_many_there_are() {
        let all = [summary("a", 1, |_| {}), summary("b", 2, |_| {})];
        let cut = reply(&all, &Filter { limit: 1, ..Filter::default() });
        assert_eq!((cut.containers.len(), cut.total), (1, 2));
    }
}
