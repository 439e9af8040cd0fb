//! The agent on a real Kubernetes cluster: `../shared/kind` (see the contributing notes), once per cgroup driver.
//!
//! One cluster serves all checks of a driver, because making one takes a minute. Checks are functions in `checks`; each is
//! reported by name, and all run even where one fails. Nothing here uses the agent's code but to read what it recorded:
//! the cluster is driven by `kind` and `kubectl`, the agent asked through a port-forward, as people do.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stderr, reason = "a test program")]

mod checks;
mod cluster;
mod forward;
mod ground;
#[path = "../rig/recording.rs"]
#[allow(dead_code, reason = "a part of the rig is used")]
mod recording;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use cluster::Cluster;
use ground::Driver;

/// A check's name, and the check.
type Check = (&'static str, fn(&Cluster));

/// In this order: the later ones look at what the ones before have started.
const CHECKS: &[Check] = &[
    ("the core profile rolls out and says what it lacks", checks::core_profile),
    ("the process profile rolls out and sees processes", checks::process_profile),
    ("pods of all three QoS classes appear", checks::qos_classes),
    ("containers have the names of their pods", checks::names),
    ("throttling is seen under a CPU limit", checks::throttling),
    ("an OOM kill's event names the pod", checks::oom_event),
    ("a pod of one second has its event", checks::short_pod_event),
    ("a deleted agent comes back with nothing sealed lost", checks::restart),
    ("a pod of one second is recorded with its totals", checks::short_pod_totals),
    ("an OOM kill is recorded with its pod", checks::oom_kill_recorded),
];

/// Clusters are made one after the other: two at once starve each other on a small machine.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

#[test]
fn with_the_cgroupfs_driver() {
    run(Driver::Cgroupfs);
}

#[test]
fn with_the_systemd_driver() {
    run(Driver::Systemd);
}

fn run(driver: Driver) {
    if !ground::is_there() {
        return;
    }
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = Cluster::create(driver);
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        let begun = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| check(&cluster)));
        eprintln!("{driver:?}: {} in {:.0?}: {name}", if outcome.is_ok() { "ok" } else { "FAILED" }, begun.elapsed());
        if outcome.is_err() {
            failed.push(*name);
        }
    }
    if !failed.is_empty() {
        cluster.tell();
    }
    assert!(failed.is_empty(), "{driver:?}: {failed:?}");
}

#[test]
fn the_process_profile_adds_process_ids_and_one_capability_alone() {
    let overlay = |name: &str| {
        let directory = ground::root().join("k8s/overlays").join(name);
        ground::run(30, "kubectl", ["kustomize".as_ref(), directory.as_os_str()])
    };
    if !ground::has("kubectl") {
        assert!(!ground::in_ci(), "CI must have kubectl");
        eprintln!("skipped: the profiles' manifests: there is no kubectl on the path");
        return;
    }
    let built = |name: &str| ground::must(overlay(name));
    let (core, process) = (built("core"), built("process"));
    let added: Vec<&str> = process.lines().filter(|line| !core.contains(*line)).map(str::trim).collect();
    assert_eq!(added, ["add:", "- SYS_PTRACE", "hostPID: true"]);
    assert_eq!(process.lines().count(), core.lines().count() + added.len(), "nothing is taken away");
    for needed in ["runAsUser: 0", "- ALL", "allowPrivilegeEscalation: false", "readOnlyRootFilesystem: true"] {
        assert!(core.contains(needed), "{needed}");
    }
    assert!(core.contains("type: RuntimeDefault") && !core.contains("hostNetwork"));
    for name in ["non-root", "kind-core", "kind-process"] {
        assert!(built(name).contains("kind: DaemonSet"), "{name}");
    }
}
