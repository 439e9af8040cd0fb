//! What is checked on a cluster, one function each; see `CHECKS` for the order.
//!
//! Nothing is taken to be there yet: a machine may be so slow that the controllers have not made a pod when it is asked for,
//! or that the kubelet has not told what its container is called. So each fact is waited for, and asserted once it is known.

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
    let forward = Forward::to_the_agent(cluster);
    let missing = eventually("what the core profile lacks", || {
        Some(whats(&forward.json("/api/status"))).filter(|missing| !missing.is_empty())
    });
    assert!(missing[0].starts_with("processes of other containers"), "{missing:?}");
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
    // Pods are refused until the new namespace has its service account.
    eventually("the workloads to be taken", || {
        let applied = cluster.kubectl_with(["apply".as_ref(), "-f".as_ref(), manifest.as_os_str()]);
        applied.inspect_err(|error| eprintln!("{error}")).ok()
    });
}

pub(crate) fn qos_classes(cluster: &Cluster) {
    let forward = Forward::to_the_agent(cluster);
    for (which, class, name, _) in LASTING {
        // Its process tells it from a sandbox, which may be looked at a little later than its directory is seen.
        let known = eventually(which, || {
            known(&forward, &container_id(cluster, which, name)?).filter(|known| known["role"] == "container")
        });
        assert_eq!((known["qos_class"].as_str(), known["alive"].as_bool()), (Some(class), Some(true)), "{known}");
        let uid = eventually("its uid", || pod(cluster, which, "/metadata/uid"));
        assert_eq!(known["pod_uid"], uid, "{known}");
    }
    // Each pod has its sandbox beside its container, which is told from it by its process.
    eventually("the sandboxes", || {
        let all = forward.json("/api/containers?include=sandbox");
        let roles = list(&all, "containers").map(|known| known["role"].clone());
        (roles.filter(|role| role == "sandbox").count() >= LASTING.len()).then_some(())
    });
}

pub(crate) fn names(cluster: &Cluster) {
    let forward = Forward::to_the_agent(cluster);
    for (which, _, container, workload) in LASTING {
        eventually(&format!("the names of {which}"), || {
            let known = known(&forward, &container_id(cluster, which, container)?)?;
            let expected =
                [Some("fgm-test"), Some(&*pod(cluster, which, "/metadata/name")?), Some(container), workload];
            let told = ["namespace", "pod", "container", "workload"].map(|name| known[name].as_str());
            // A pod without an owner is its own workload, or has none.
            (told[..3] == expected[..3] && (workload.is_none() || told[3] == expected[3])).then_some(())
        });
    }
    let filtered = forward.json("/api/containers?namespace=fgm-test&qos_class=guaranteed");
    let name = eventually("its name", || pod(cluster, LASTING[0].0, "/metadata/name"));
    assert!(filtered["total"].as_u64().is_some_and(|total| total >= 1), "{filtered}");
    // More than one only where the kubelet had to try again to start it.
    assert!(list(&filtered, "containers").all(|known| known["pod"] == *name), "{filtered}");
}

pub(crate) fn throttling(cluster: &Cluster) {
    let forward = Forward::to_the_agent(cluster);
    let id = eventually("the throttled container", || container_id(cluster, LASTING[0].0, LASTING[0].2));
    let throttled = || sample(&forward, "container_cpu_cfs_throttled_periods_total", &id);
    let before = eventually("the first throttled period", || throttled().filter(|&periods| periods > 0.0));
    eventually("more throttled periods", || throttled().filter(|&periods| periods > before + 5.0));
    assert!(sample(&forward, "container_cpu_cfs_throttled_seconds_total", &id).expect("a sample") > 0.0);
    // On v1 one that is written after the first reading is seen with the next regular one.
    eventually("its quota", || sample(&forward, "container_spec_cpu_quota", &id).filter(|&quota| quota == 5000.0));
}

pub(crate) fn oom_event(cluster: &Cluster) {
    let forward = Forward::to_the_agent(cluster);
    // The pod is known by its uid at once, its container when the kubelet has told.
    let event = eventually("the OOM kill's event", || {
        let events = forward.json("/api/events?kind=oom_kill");
        list(&events, "events").find(|event| event["pod"] == "leaker" && event["container"].is_string()).cloned()
    });
    assert_eq!((event["namespace"].as_str(), event["container"].as_str()), (Some("fgm-test"), Some("leak")), "{event}");
    let id = eventually("the leaker's id", || container_id(cluster, "pod leaker", "leak"));
    assert_eq!(event["container_id"].as_str(), Some(&*id), "{event}");
}

pub(crate) fn short_pod_event(cluster: &Cluster) {
    let forward = Forward::to_the_agent(cluster);
    let pods = short_pods(cluster);
    // The pod's sandbox stops too, and the kubelet may tell a name long after its container has ended.
    let has_ended = |(pod, id): &&(String, String)| {
        let reply = forward.json(&format!("/api/events?kind=container_stop&container_id={id}"));
        let totals = |event: &Value| event["cpu_usage_usec"].as_i64().is_some_and(|used| used > 0);
        list(&reply, "events").any(|event| event["pod"] == **pod && event["container"] == "second" && totals(event))
    };
    // A machine that is busy keeps the agent from running for some second now and then.
    eventually("the ends of most of the short pods, with their totals", || {
        (is_most(pods.iter().filter(has_ended).count(), pods.len())).then_some(())
    });
}

pub(crate) fn restart(cluster: &Cluster) {
    // What has ended is to be in what is sealed when the pod goes.
    let short = short_pods(cluster);
    let (leaker, code) = leaker(cluster);
    assert_eq!(code, 137);
    let forward = Forward::to_the_agent(cluster);
    let seen = short.into_iter().map(|(_, id)| id).filter(|id| known(&forward, id).is_some());
    for id in seen.chain([leaker]) {
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
    let pods = short_pods(cluster);
    let ids: Vec<&str> = pods.iter().map(|(_, id)| &**id).collect();
    let rows = eventually("sealed rows of most of the short pods", || {
        let rows = rows(cluster.recorded().path());
        let has_rows = |id: &&&str| rows.iter().any(|row| row.id == ***id);
        is_most(ids.iter().filter(has_rows).count(), ids.len()).then_some(rows)
    });
    let last: Vec<&Row> = ids.iter().filter_map(|id| rows.iter().rfind(|row| row.id == *id)).collect();
    // A second of a busy loop with the start of the container around it, or less where the machine is busy itself; a last row
    // that is not final misses the rest of a tick.
    assert!(last.iter().all(|row| row.values[0].is_none_or(|used| used < 10_000_000)), "{last:?}");
    let whole = last.iter().filter(|row| row.is_final && row.values[0].is_some_and(|used| used > 50_000)).count();
    eprintln!("{whole} of {} short pods have their complete totals", last.len());
    assert!(whole >= 1, "{last:?}");
}

pub(crate) fn oom_kill_recorded(cluster: &Cluster) {
    let (id, _) = leaker(cluster);
    let rows = eventually("sealed rows", || {
        Some(rows(cluster.recorded().path())).filter(|rows| rows.iter().any(|row| row.id == id))
    });
    // A counter and a peak: the last reading of each tells, and the last of all may have found the files gone.
    let last = |column: usize| rows.iter().filter(|row| row.id == id).filter_map(|row| row.values[column]).next_back();
    assert!(last(1).is_some_and(|kills| kills >= 1), "{:?}", last(1));
    assert!(last(2).is_some_and(|peak| peak >= 20 << 20), "{:?}", last(2));
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

/// A list in an answer.
fn list<'a>(answer: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    answer[name].as_array().expect("a list").iter()
}

/// A field of the one pod that is meant; none before the pod has it, or before there is one.
fn pod(cluster: &Cluster, which: &str, pointer: &str) -> Option<String> {
    let found = cluster.try_get(&format!("-n fgm-test {which}"))?;
    let pod = found.pointer("/items/0").unwrap_or(&found);
    pod.pointer(pointer)?.as_str().map(str::to_owned)
}

/// The id of a pod's container, without the runtime's name; none before it has started.
fn container_id(cluster: &Cluster, which: &str, name: &str) -> Option<String> {
    assert_eq!(pod(cluster, which, "/spec/containers/0/name")?, name);
    let id = pod(cluster, which, "/status/containerStatuses/0/containerID")?;
    id.strip_prefix("containerd://").map(str::to_owned)
}

/// The id and the exit code of the container that leaked, once it has ended.
fn leaker(cluster: &Cluster) -> (String, i64) {
    eventually("the leaker to end", || {
        let pod = cluster.try_get("-n fgm-test pod leaker")?;
        let code = pod.pointer("/status/containerStatuses/0/state/terminated/exitCode")?.as_i64()?;
        Some((container_id(cluster, "pod leaker", "leak")?, code))
    })
}

/// What the agent knows of a container.
fn known(forward: &Forward, id: &str) -> Option<Value> {
    let reply = forward.json(&format!("/api/containers?search={id}"));
    list(&reply, "containers").find(|known| known["id"] == id).cloned()
}

/// A container's value in `/metrics`.
fn sample(forward: &Forward, metric: &str, id: &str) -> Option<f64> {
    let (begin, name) = (format!("{metric}{{"), format!("name=\"{id}\""));
    let text = forward.text("/metrics");
    let line = text.lines().find(|line| line.starts_with(&begin) && line.contains(&name))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

/// Deletes the agent's pod and waits for the one that takes its place to record: all that was in memory is sealed then.
fn delete_agent(cluster: &Cluster) {
    let before = eventually("a pod of the agent", || agent_uid(cluster, is_ready));
    must(cluster.kubectl(&format!("-n {NAMESPACE} delete pod -l app.kubernetes.io/name=fine-grained-monitor")));
    eventually("another pod of the agent", || agent_uid(cluster, is_ready).filter(|now| *now != before));
    cluster.rolled_out();
}

/// The uid of a pod of the agent that passes.
fn agent_uid(cluster: &Cluster, passes: fn(&Value) -> bool) -> Option<String> {
    let pods = cluster.try_get(&format!("-n {NAMESPACE} pods"))?;
    list(&pods, "items").find(|pod| passes(pod))?.pointer("/metadata/uid")?.as_str().map(str::to_owned)
}

/// The kubelet says so of this very pod; what the DaemonSet says may be of the pod before.
fn is_ready(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
}

fn is_most(some: usize, all: usize) -> bool {
    some * 2 > all
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

/// The names of the pods that ran a second, and the ids of their containers, once the job is done.
fn short_pods(cluster: &Cluster) -> Vec<(String, String)> {
    eventually("the short pods to be done", || {
        let job = cluster.try_get("-n fgm-test job brief")?;
        let wanted = job.pointer("/spec/completions")?.as_u64()?;
        let pods = cluster.try_get("-n fgm-test pods -l job-name=brief")?;
        // One that the kubelet could not start is replaced by another.
        let done = list(&pods, "items").filter(|pod| pod["status"]["phase"] == "Succeeded").filter_map(|pod| {
            let text = |pointer| pod.pointer(pointer).and_then(Value::as_str);
            let id = text("/status/containerStatuses/0/containerID")?.strip_prefix("containerd://")?;
            Some((text("/metadata/name")?.to_owned(), id.to_owned()))
        });
        Some(done.collect::<Vec<_>>()).filter(|done| done.len() as u64 >= wanted)
    })
}
