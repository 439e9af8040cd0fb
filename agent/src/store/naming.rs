//! Two things known of one container, put together.
//!
//! Pure. The surprise: the newer one does not always know more, because an agent that was started again may not have heard
//! the names yet.

use std::sync::Arc;

use crate::model::Identity;

/// Whether somebody told what the container is called.
pub(super) fn is_named(identity: &Identity) -> bool {
    identity.pod.is_some() || identity.container.is_some()
}

/// What was filed of a container, with what is known of it by now. Where less is known, what was
/// filed stays; where its cgroup is, its own rows know best.
pub(super) fn overlaid(known: &Identity, filed: &Identity) -> Arc<Identity> {
    let text = |of: fn(&Identity) -> &Option<String>| of(known).clone().or_else(|| of(filed).clone());
    Arc::new(Identity {
        container_id: filed.container_id.clone(),
        path: filed.path.clone(),
        role: filed.role,
        parent_id: filed.parent_id.clone(),
        pod_uid: text(|of| &of.pod_uid),
        qos_class: known.qos_class.or(filed.qos_class),
        runtime: text(|of| &of.runtime),
        pod: text(|of| &of.pod),
        namespace: text(|of| &of.namespace),
        container: text(|of| &of.container),
        workload: text(|of| &of.workload),
        image: text(|of| &of.image),
        kind: known.kind.or(filed.kind),
        restart_count: known.restart_count.or(filed.restart_count),
        restart_reason: text(|of| &of.restart_reason),
        resources: if known.resources.is_empty() { filed.resources } else { known.resources },
        labels: if known.labels.is_empty() { &filed.labels } else { &known.labels }.clone(),
    })
}
