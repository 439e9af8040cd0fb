//! What is checked on a cluster, one function each; see `CHECKS` for the order.

use std::path::Path;

use serde_json::Value;

use crate::cluster::{Cluster, NAMESPACE, eventually};
use crate::forward::Forward;
use crate::ground::must;
use crate::recording::{self, Row};

/// The pods of `workloads.yaml` that keep running: the label or name to find each by, its class, container and workload.
const LASTING: [(&str, &str, &str, Option<&str>); 3] = [
    ("pods -l app=throttled", "guaranteed", "burner", Some("Deployment/throttled")),
    ("pods -l app=patient", "burstable", "waiter", Some("StatefulSet/patient")),
    ("pods --field-selector metadata.name=modest", "besteffort", "waiter", None),
];

pub(crate) fn core_profile(cluster: &Cluster) {
    cluster.roll_out("kind-core");
    let missing = eventually("what the core profile lacks", || whats(&status(cluster)).first().cloned());
    assert!(missing.starts_with("processes of other containers"), "{missing}");
}

pub(crate) fn process_profile(cluster: &Cluster) {
    cluster.roll_out("kind-process");
    // The ends of containers are seen as they happen from here on; until the first look at a process it cannot be told.
    let status = status(cluster);
    let missing = whats(&status);
    assert!(
        !missing.iter().any(|what| what.starts_with("processes of other") || what.starts_with("PSS")),
        "{missing:?}"
    );
    // Without CAP_DAC_READ_SEARCH the io of other users' processes stays closed.
    let unreadable = status["agent"]["unreadable"].as_array().expect("a list").clone();
    assert!(
        unreadable.iter().all(|one| one["what"] == "/proc/[pid]/io"),
        "root reads every cgroup file: {unreadable:?}"
    );
    assert_eq!(status["counters"]["read_errors_total"]["denied"], 0);
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kind/workloads.yaml");
    must(cluster.kubectl_with(["apply".as_ref(), "-f".as_ref(), manifest.as_os_str()]));
}

pub(crate) fn qos_classes(cluster: &Cluster) {
    let forward = Forward::to_the_agent(cluster);
    for (which, class, name, _) in LASTING {
        let known = eventually(which, || known(&forward, &container_id(cluster, which, name)?));
        assert_eq!((known["qos_class"].as_str(), known["alive"].as_bool()), (Some(class), Some(true)), "{known}");
        assert_eq!(known["role"], "container", "{known}");
        assert_eq!(known["pod_uid"].as_str(), Some(&*pod(cluster, which, "/metadata/uid")), "{known}");
    }
    // Each pod has its sandbox beside its container.
    let all = forward.json("/api/containers?include=sandbox");
    let roles = all["containers"].as_array().expect("a list").iter().map(|known| known["role"].clone());
    assert!(roles.filter(|role| role == "sandbox").count() >= LASTING.len(), "{all}");
}

pub(crate) fn names(cluster: &Cluster) {
    let forward = Forward::to_the_agent(cluster);
    for (which, _, container, workload) in LASTING {
        let pod = pod(cluster, which, "/metadata/name");
        let expected = [Some("fgm-test"), Some(&*pod), Some(container), workload];
        eventually(&format!("the names of {which}"), || {
            let known = known(&forward, &container_id(cluster, which, container)?)?;
            let told = ["namespace", "pod", "container", "workload"].map(|name| known[name].as_str());
            // A pod without an owner is its own workload, or has none.
            (told[..3] == expected[..3] && (workload.is_none() || told[3] == expected[3])).then_some(())
        });
    }
    let filtered = forward.json("/api/containers?namespace=fgm-test&qos_class=guaranteed");
    assert_eq!(filtered["total"], 1, "{filtered}");
}

pub(crate) fn throttling(cluster: &Cluster) {
    let forward = Forward::to_the_agent(cluster);
    let id = container_id(cluster, LASTING[0].0, LASTING[0].2).expect("a container");
    let throttled = || sample(&forward, "container_cpu_cfs_throttled_periods_total", &id);
    let before = eventually("the first throttled period", || throttled().filter(|&periods| periods > 0.0));
    eventually("more throttled periods", || throttled().filter(|&periods| periods > before + 5.0));
    assert!(sample(&forward, "container_cpu_cfs_throttled_seconds_total", &id).expect("a sample") > 0.0);
    assert_eq!(sample(&forward, "container_spec_cpu_quota", &id), Some(5000.0));
}

pub(crate) fn oom_event(cluster: &Cluster) {
    let forward = Forward::to_the_agent(cluster);
    let event = eventually("the OOM kill's event", || event(&forward, "oom_kill", "leaker"));
    assert_eq!((event["namespace"].as_str(), event["container"].as_str()), (Some("fgm-test"), Some("leak")), "{event}");
    assert_eq!(
        event["container_id"].as_str().map(str::to_owned),
        container_id(cluster, "pod leaker", "leak"),
        "{event}"
    );
}

pub(crate) fn short_pod_event(cluster: &Cluster) {
    let forward = Forward::to_the_agent(cluster);
    must(cluster.kubectl("-n fgm-test wait --for=condition=complete job/brief --timeout=100s"));
    for (pod, id) in short_pods(cluster) {
        // The pod's sandbox stops too.
        let event = eventually(&format!("the end of {pod}"), || {
            let reply = forward.json(&format!("/api/events?kind=container_stop&container_id={id}"));
            reply["events"].as_array().expect("a list").iter().find(|event| event["pod"] == *pod).cloned()
        });
        assert_eq!(event["container"], "second", "{event}");
        assert!(event["cpu_usage_usec"].as_i64().is_some_and(|used| used > 0), "its totals: {event}");
    }
}

pub(crate) fn restart(cluster: &Cluster) {
    // What has ended is to be in what is sealed when the pod goes.
    must(cluster.kubectl("-n fgm-test wait --for=condition=complete job/brief --timeout=100s"));
    let terminated = eventually("the leaker to end", || {
        let pod = cluster.get("-n fgm-test pod leaker");
        pod.pointer("/status/containerStatuses/0/state/terminated").cloned()
    });
    assert_eq!(terminated["exitCode"], 137, "{terminated}");
    let forward = Forward::to_the_agent(cluster);
    let leaker = container_id(cluster, "pod leaker", "leak").expect("an id");
    for id in short_pods(cluster).into_iter().map(|(_, id)| id).chain([leaker]) {
        eventually("its end", || known(&forward, &id).filter(|known| known["alive"] == false));
    }
    delete_agent(cluster);
    let before = cluster.recorded();
    delete_agent(cluster);
    let after = cluster.recorded();
    let (before, after) = (rows(before.path()), rows(after.path()));
    assert!(!before.is_empty() && after.len() > before.len(), "{} rows, then {}", before.len(), after.len());
    let lost = before.iter().filter(|row| after.binary_search_by_key(&key(row), key).is_err()).count();
    assert_eq!(lost, 0, "of {} sealed rows", before.len());
}

pub(crate) fn short_pod_totals(cluster: &Cluster) {
    let recorded = cluster.recorded();
    let rows = rows(recorded.path());
    let last = |id: &str| rows.iter().rfind(|row| row.id == id);
    let last: Vec<&Row> = short_pods(cluster).iter().map(|(pod, id)| last(id).expect(pod)).collect();
    // A second of a busy loop, or less where the machine is busy itself; a last row that is not final misses the rest of
    // a tick.
    assert!(last.iter().all(|row| row.values[0].is_none_or(|used| used < 1_500_000)), "{last:?}");
    let whole = last.iter().filter(|row| row.is_final && row.values[0].is_some_and(|used| used > 50_000));
    assert!(whole.count() >= 1, "{last:?}");
}

pub(crate) fn oom_kill_recorded(cluster: &Cluster) {
    let id = container_id(cluster, "pod leaker", "leak").expect("an id");
    let recorded = cluster.recorded();
    let rows = rows(recorded.path());
    let last = rows.iter().rfind(|row| row.id == id).expect("rows of the leaker");
    assert!(last.values[1].is_some_and(|kills| kills >= 1), "{last:?}");
    assert!(last.values[2].is_some_and(|peak| peak >= 20 << 20), "{last:?}");
}

/// The agent's status, once it has looked around.
fn status(cluster: &Cluster) -> Value {
    let forward = Forward::to_the_agent(cluster);
    eventually("a status", || Some(forward.json("/api/status")).filter(|status| status["ready"] == true))
}

fn whats(status: &Value) -> Vec<String> {
    let missing = status["agent"]["missing"].as_array().expect("a list");
    missing.iter().map(|missing| missing["what"].as_str().expect("words").to_owned()).collect()
}

/// A field of the one pod that is meant.
fn pod(cluster: &Cluster, which: &str, pointer: &str) -> String {
    try_pod(cluster, which, pointer).unwrap_or_else(|| panic!("{which} has no {pointer}"))
}

fn try_pod(cluster: &Cluster, which: &str, pointer: &str) -> Option<String> {
    let found = cluster.get(&format!("-n fgm-test {which}"));
    let pod = found.pointer("/items/0").unwrap_or(&found);
    pod.pointer(pointer)?.as_str().map(str::to_owned)
}

/// The id of a pod's container, without the runtime's name; none before it has started.
fn container_id(cluster: &Cluster, which: &str, name: &str) -> Option<String> {
    assert_eq!(pod(cluster, which, "/spec/containers/0/name"), name);
    let id = try_pod(cluster, which, "/status/containerStatuses/0/containerID")?;
    id.strip_prefix("containerd://").map(str::to_owned)
}

/// What the agent knows of a container.
fn known(forward: &Forward, id: &str) -> Option<Value> {
    let reply = forward.json(&format!("/api/containers?search={id}"));
    let known = reply["containers"].as_array().expect("a list");
    known.iter().find(|known| known["id"] == id).cloned()
}

/// The newest event of a kind in a pod.
fn event(forward: &Forward, kind: &str, pod: &str) -> Option<Value> {
    let reply = forward.json(&format!("/api/events?kind={kind}"));
    reply["events"].as_array().expect("a list").iter().find(|event| event["pod"] == pod).cloned()
}

/// A container's value in `/metrics`.
fn sample(forward: &Forward, metric: &str, id: &str) -> Option<f64> {
    let (begin, name) = (format!("{metric}{{"), format!("name=\"{id}\""));
    let text = forward.text("/metrics");
    let line = text.lines().find(|line| line.starts_with(&begin) && line.contains(&name))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

/// Deletes the agent's pod and waits for the one that takes its place: all that was in memory is sealed then.
fn delete_agent(cluster: &Cluster) {
    let name = |cluster: &Cluster| cluster.get(&format!("-n {NAMESPACE} pods"))["items"][0]["metadata"]["name"].clone();
    let before = name(cluster);
    must(cluster.kubectl(&format!("-n {NAMESPACE} delete pod -l app.kubernetes.io/name=fine-grained-monitor")));
    eventually("another pod of the agent", || Some(name(cluster)).filter(|now| !now.is_null() && *now != before));
    cluster.rolled_out();
}

/// Every sealed row, in order.
fn rows(data: &Path) -> Vec<Row> {
    let columns = ["cpu_usage_usec", "memory_events_oom_kill", "memory_peak_bytes"];
    let mut rows = recording::rows(&data.join("default"), &columns);
    rows.sort_by_key(key);
    rows
}

fn key(row: &Row) -> (String, i64) {
    (row.id.clone(), row.time)
}

/// The names of the pods that ran a second, and the ids of their containers.
fn short_pods(cluster: &Cluster) -> Vec<(String, String)> {
    let pods = cluster.get("-n fgm-test pods -l job-name=brief");
    let pods = pods["items"].as_array().expect("a list").iter();
    let text = |pod: &Value, pointer| pod.pointer(pointer).and_then(Value::as_str).expect("a text").to_owned();
    let id = |pod| text(pod, "/status/containerStatuses/0/containerID").replace("containerd://", "");
    pods.map(|pod| (text(pod, "/metadata/name"), id(pod))).collect()
}
