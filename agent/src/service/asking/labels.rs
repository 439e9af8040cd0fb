//! What a series is called: the names of its subject, and the key of its group.

use std::collections::BTreeMap;

use crate::service::ContainerSummary;
use crate::service::question::GroupBy;
use crate::subject::{Owner, Subject};

/// The labels of a series.
pub(super) type Labels = BTreeMap<&'static str, String>;

/// What is known of a subject on a node.
pub(super) fn of_subject(subject: &Subject, node: &str) -> Labels {
    let mut labels = Labels::new();
    let mut put = |name, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            labels.insert(name, value.to_owned());
        }
    };
    put("node", Some(node));
    match (subject.identity(), subject.owner()) {
        (Some(identity), _) => {
            if matches!(subject, Subject::Container(_)) {
                put("container_id", Some(&identity.container_id));
                put("container", identity.container.as_deref());
            }
            put("pod_uid", identity.pod_uid.as_deref());
            put("pod", identity.pod.as_deref());
            put("namespace", identity.namespace.as_deref());
            put("workload", identity.workload.as_deref());
            if identity.container.is_none() && identity.pod.is_none() {
                put("path", Some(&identity.path));
            }
        }
        (None, Some(owner)) => of_owner(owner, &mut put),
        (None, None) => {}
    }
    match subject {
        Subject::Process(process) => {
            put("pid", Some(&process.pid.to_string()));
            put("comm", Some(&process.comm));
        }
        Subject::Interface(interface) => put("interface", interface.interface.as_deref()),
        Subject::IoDevice(device) | Subject::Disk(device) => {
            put("device", Some(device.device.as_deref().unwrap_or(&device.number)));
        }
        _ => {}
    }
    labels
}

fn of_owner<'a>(owner: &'a Owner, put: &mut impl FnMut(&'static str, Option<&'a str>)) {
    put("container_id", owner.container_id.as_deref());
    put("container", owner.container.as_deref());
    put("pod_uid", owner.pod_uid.as_deref());
    put("pod", owner.pod.as_deref());
    put("namespace", owner.namespace.as_deref());
    put("workload", owner.workload.as_deref());
}

/// The group that a container belongs to; `None` where it has no such name, and so is in no group.
pub(super) fn group_of(summary: &ContainerSummary, group: &GroupBy) -> Option<Labels> {
    let identity = &summary.identity;
    let with = |pairs: &[(&'static str, Option<&String>)]| {
        let named: Option<Labels> = pairs.iter().map(|(name, value)| Some((*name, (*value)?.clone()))).collect();
        named
    };
    match group {
        GroupBy::All => Some(Labels::new()),
        GroupBy::Pod => with(&[("namespace", identity.namespace.as_ref()), ("pod", identity.pod.as_ref())]),
        GroupBy::Namespace => with(&[("namespace", identity.namespace.as_ref())]),
        GroupBy::Workload => {
            with(&[("namespace", identity.namespace.as_ref()), ("workload", identity.workload.as_ref())])
        }
        GroupBy::Node => Some(Labels::from([("node", summary.node.to_string())])),
        GroupBy::Label(key) => with(&[("label", identity.labels.get(key))]),
    }
}
