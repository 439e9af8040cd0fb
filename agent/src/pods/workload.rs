//! Which workload a pod belongs to, from its owner references: `Deployment/checkout`.
//!
//! Pure. The API server is not asked for owners of owners: a ReplicaSet's Deployment and a Job's CronJob show in their
//! names. The surprise: a name is taken apart only where something else proves how it was put together.

use super::object::Metadata;
use crate::model::UnixMicros;
use crate::rfc3339;

/// The label by which a Deployment tells its ReplicaSets apart.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// How far a CronJob's scheduled time may be from when its pod was made: a start may be late, and a pod made again.
const SCHEDULE_SLACK_USEC: i64 = 24 * 3600 * 1_000_000;

/// The workload as `Kind/name`; a pod without an owner is its own.
#[must_use]
pub fn workload(metadata: &Metadata) -> String {
    let owners = &metadata.owner_references;
    let owner = owners.iter().find(|owner| owner.controller == Some(true)).or_else(|| owners.first());
    // A static pod's mirror belongs to the node, which is no workload.
    let Some(owner) = owner.filter(|owner| owner.kind != "Node") else {
        return format!("Pod/{}", metadata.name.as_deref().unwrap_or_default());
    };
    let above = match owner.kind.as_str() {
        "ReplicaSet" => deployment(metadata, &owner.name).map(|name| format!("Deployment/{name}")),
        "Job" => cron_job(metadata, &owner.name).map(|name| format!("CronJob/{name}")),
        _ => None,
    };
    above.unwrap_or_else(|| format!("{}/{}", owner.kind, owner.name))
}

fn deployment<'a>(metadata: &Metadata, replica_set: &'a str) -> Option<&'a str> {
    let hash = metadata.labels.get(TEMPLATE_HASH)?;
    replica_set.strip_suffix(hash.as_str())?.strip_suffix('-').filter(|name| !name.is_empty())
}

/// A CronJob names its Jobs by the scheduled time, in minutes (seconds before Kubernetes 1.21): sure where that time is
/// about when the pod was made.
fn cron_job<'a>(metadata: &Metadata, job: &'a str) -> Option<&'a str> {
    let (name, suffix) = job.rsplit_once('-').filter(|(name, _)| !name.is_empty())?;
    let is_number = suffix.bytes().all(|byte| byte.is_ascii_digit());
    let number: i64 = suffix.parse().ok().filter(|_| is_number)?;
    let scheduled: UnixMicros = match suffix.len() {
        8 => number * 60_000_000,
        10 => number * 1_000_000,
        _ => return None,
    };
    let made = rfc3339::parse(metadata.creation_timestamp.as_deref()?)?;
    (made.abs_diff(scheduled) <= SCHEDULE_SLACK_USEC.unsigned_abs()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        workload(&serde_json::from_str(text).unwrap())
    }

    fn owned(kind: &str, name: &str, more: &str) -> String {
        of(&format!(
            r#"{{"name":"p","ownerReferences":[{{"kind":"{kind}","name":"{name}","controller":true}}]{more}}}"#
        ))
    }

    #[test]
    fn a_replica_set_with_the_pods_template_hash_belongs_to_a_deployment() {
        let labels = r#","labels":{"pod-template-hash":"7d4b9c"}"#;
        assert_eq!(owned("ReplicaSet", "my-shop-7d4b9c", labels), "Deployment/my-shop");
        assert_eq!(owned("ReplicaSet", "my-shop-ffffff", labels), "ReplicaSet/my-shop-ffffff");
        assert_eq!(owned("ReplicaSet", "my-shop-7d4b9c", ""), "ReplicaSet/my-shop-7d4b9c");
        assert_eq!(owned("ReplicaSet", "-7d4b9c", labels), "ReplicaSet/-7d4b9c");
    }

    #[test]
    fn a_job_belongs_to_a_cron_job_only_where_its_number_is_the_time() {
        // 29822450 minutes after 1970 is 2026-09-14T10:50:00Z.
        let made = r#","creationTimestamp":"2026-09-14T10:50:01Z""#;
        assert_eq!(owned("Job", "backup-29822450", made), "CronJob/backup");
        assert_eq!(owned("Job", "backup-1789383000", made), "CronJob/backup");
        assert_eq!(owned("Job", "backup-29722450", made), "Job/backup-29722450");
        assert_eq!(owned("Job", "backup-12345678", made), "Job/backup-12345678");
        assert_eq!(owned("Job", "backup-29822450", ""), "Job/backup-29822450");
        assert_eq!(owned("Job", "backup", made), "Job/backup");
    }

    #[test]
    fn other_owners_are_named_as_they_are_and_a_bare_or_static_pod_is_its_own() {
        assert_eq!(owned("DaemonSet", "log-agent", ""), "DaemonSet/log-agent");
        assert_eq!(owned("StatefulSet", "db", ""), "StatefulSet/db");
        assert_eq!(owned("Workflow", "w", ""), "Workflow/w");
        assert_eq!(of(r#"{"name":"alone"}"#), "Pod/alone");
        assert_eq!(owned("Node", "node-1", ""), "Pod/p");
    }

    #[test]
    fn the_controller_is_the_owner_whatever_the_order() {
        let text = r#"{"name":"p","ownerReferences":[{"kind":"Lease","name":"x"},{"kind":"DaemonSet","name":"d","controller":true}]}"#;
        assert_eq!(of(text), "DaemonSet/d");
    }
}
