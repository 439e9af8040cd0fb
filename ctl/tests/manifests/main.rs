//! What `k8s/` renders to: that today's API types know every field, that Kubernetes 1.20 knew them for Kind, which rules of Pod
//! Security are broken and no others, that one place sets a worktree, that the dashboard asks for series that there are.
//!
//! Everything is rendered by `kubectl kustomize`, as `kubectl apply -k` does it. No cluster is needed; where
//! `FGM_TEST_CONTEXT` names a context, its API server is asked too.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stderr, reason = "a test program")]

mod cluster;
mod dashboard;
mod lima;
mod older;
mod pod_security;
mod rendered;
mod types;

use std::collections::BTreeSet;

use rendered::Rendered;
use serde_json::Value;

/// Every overlay of `k8s/overlays`.
const OVERLAYS: [&str; 5] = ["core", "process", "non-root", "kind-core", "kind-process"];
/// Every component that is for whoever asks for it and goes with every overlay.
const OPTIONAL: [&str; 4] = ["token", "service-monitor", "pod-monitor", "grafana-dashboard"];

#[test]
fn every_overlay_and_component_is_listed_here() {
    let below = |directory: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(rendered::k8s().join(directory)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(below("overlays"), OVERLAYS.map(str::to_owned).into());
    let components = OPTIONAL.into_iter().chain(["kind", "older-cluster", "worktree"]).map(str::to_owned).collect();
    assert_eq!(below("components"), components);
}

#[test]
fn every_field_is_known_to_the_newest_api_types() {
    let Some(all) = everything() else { return };
    for (name, rendered) in all {
        for document in &rendered.documents {
            types::assert_known(document).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        }
    }
}

#[test]
fn a_field_that_nobody_knows_is_found() {
    let Some(core) = Rendered::overlay("core") else { return };
    let mut daemon_set = core.one("DaemonSet").clone();
    daemon_set["spec"]["template"]["spec"]["containers"][0]["imagePullPolice"] = "Always".into();
    let problem = types::assert_known(&daemon_set).unwrap_err();
    assert!(problem.contains("/spec/template/spec/containers/0/imagePullPolice"), "{problem}");
    assert!(older::unknown(&daemon_set)[0].contains("imagePullPolice"));
}

#[test]
fn kubernetes_1_20_knows_every_field_of_the_overlays_for_kind() {
    for overlay in ["kind-core", "kind-process"] {
        let Some(rendered) = Rendered::overlay(overlay) else { return };
        let unknown: Vec<String> = rendered.documents.iter().flat_map(older::unknown).collect();
        assert_eq!(unknown, Vec::<String>::new(), "{overlay}");
    }
}

#[test]
fn one_component_makes_the_other_overlays_fit_for_kubernetes_1_20() {
    for overlay in ["core", "process", "non-root"] {
        let Some(rendered) = Rendered::overlay(overlay) else { return };
        let unknown =
            |rendered: &Rendered| -> Vec<String> { rendered.documents.iter().flat_map(older::unknown).collect() };
        let expected = "DaemonSet/spec/template/spec/containers/0/volumeMounts/1/recursiveReadOnly";
        assert_eq!(unknown(&rendered), [expected], "{overlay}");
        let older =
            Rendered::with(overlay, &["older-cluster", "token", "grafana-dashboard"], "").expect("kubectl was there");
        assert_eq!(unknown(&older), Vec::<String>::new(), "{overlay}");
    }
}

#[test]
fn pod_security_restricted_is_broken_where_the_readme_says_and_nowhere_else() {
    let volumes = ["volume cgroup is a hostPath", "volume data is a hostPath"];
    let root = ["runAsNonRoot is not true", "runAsUser is 0"];
    let eyes = ["capability SYS_PTRACE is added", "hostPID is true"];
    for (overlay, expected) in [
        ("core", [&volumes[..], &root].concat()),
        ("kind-core", [&volumes[..], &root].concat()),
        ("process", [&volumes[..], &root, &eyes].concat()),
        ("kind-process", [&volumes[..], &root, &eyes].concat()),
        ("non-root", volumes.to_vec()),
    ] {
        let Some(rendered) = Rendered::overlay(overlay) else { return };
        let broken = pod_security::broken(&rendered.pod_template());
        assert_eq!(broken, expected.into_iter().map(str::to_owned).collect(), "{overlay}");
    }
}

#[test]
fn the_service_and_the_policy_find_the_pods_and_their_port() {
    let Some(core) = Rendered::overlay("core") else { return };
    let pod = core.one("DaemonSet");
    let labels = &pod["spec"]["template"]["metadata"]["labels"];
    assert!(labels.as_object().is_some_and(|labels| !labels.is_empty()));
    let (service, policy) = (core.one("Service"), core.one("NetworkPolicy"));
    for selector in [&service["spec"]["selector"], &policy["spec"]["podSelector"]["matchLabels"]] {
        assert_eq!(selector, labels);
    }
    let port = &pod["spec"]["template"]["spec"]["containers"][0]["ports"][0];
    assert_eq!(service["spec"]["ports"][0]["targetPort"], port["name"]);
    assert_eq!(service["spec"]["ports"][0]["port"], port["containerPort"]);
    assert_eq!(service["metadata"]["annotations"]["prometheus.io/port"], port["containerPort"].to_string());
    assert_eq!(policy["spec"]["ingress"], serde_json::json!([{"ports": [{"port": 8051, "protocol": "TCP"}]}]));
    // With the token the API is on the pod's address as well.
    let token = Rendered::with("core", &["token"], "").expect("kubectl was there");
    let ports = &token.one("NetworkPolicy")["spec"]["ingress"][0]["ports"];
    assert_eq!(
        ports[1]["port"],
        token.one("DaemonSet")["spec"]["template"]["spec"]["containers"][0]["ports"][1]["containerPort"]
    );
}

#[test]
fn one_place_sets_a_worktree_also_where_its_name_looks_like_a_number() {
    for name in ["feature-x", "0123", "1e5", "true", "null"] {
        let literals = format!("[worktree={name}, image=fine-grained-monitor:{name}, revision={name}]");
        let options = "options: {annotations: {config.kubernetes.io/local-config: \"true\"}}";
        let values = format!("configMapGenerator:\n- name: fgm-worktree\n  literals: {literals}\n  {options}\n");
        let Some(rendered) = Rendered::with("kind-process", &["worktree"], &values) else { return };
        let template = &rendered.one("DaemonSet")["spec"]["template"];
        let (pod, container) = (&template["spec"], &template["spec"]["containers"][0]);
        let directory = format!("/var/lib/fine-grained-monitor/{name}");
        assert_eq!(pod["volumes"][0]["hostPath"]["path"], *directory);
        assert_eq!(container["volumeMounts"][0]["mountPath"], *directory);
        assert_eq!(container["env"][0], serde_json::json!({"name": "FGM_WORKTREE", "value": name}));
        assert_eq!(container["image"], format!("fine-grained-monitor:{name}"));
        assert_eq!(template["metadata"]["annotations"]["fine-grained-monitor/revision"], *name);
        assert!(rendered.all("ConfigMap").next().is_none(), "the values themselves are not applied");
    }
}

#[test]
fn without_a_worktree_the_data_lies_where_it_always_has() {
    for overlay in OVERLAYS {
        let Some(rendered) = Rendered::overlay(overlay) else { return };
        let spec = &rendered.one("DaemonSet")["spec"]["template"]["spec"];
        let path = "/var/lib/fine-grained-monitor/default";
        assert_eq!(spec["volumes"][0]["hostPath"]["path"], path);
        assert_eq!(spec["containers"][0]["volumeMounts"][0]["mountPath"], path);
        assert_eq!(spec["tolerations"], serde_json::json!([{"operator": "Exists"}]));
    }
}

#[test]
fn the_dashboard_asks_in_promql_for_series_that_there_are() {
    let Some(rendered) = Rendered::with("core", &["grafana-dashboard"], "") else { return };
    let map = rendered.one("ConfigMap");
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    let text = map["data"]["fine-grained-monitor.json"].as_str().expect("the dashboard");
    let board: Value = serde_json::from_str(text).expect("JSON");
    let queries = dashboard::queries(&board);
    assert!(queries.len() > 30);
    dashboard::assert_series_exist(&queries);
    dashboard::assert_promql(&queries);
}

#[test]
fn a_real_api_server_takes_the_overlays_for_kind() {
    let Some(context) = cluster::context() else { return };
    for overlay in ["kind-core", "kind-process"] {
        cluster::assert_taken(&context, overlay);
    }
}

/// Each overlay alone, and with each optional component.
fn everything() -> Option<Vec<(String, Rendered)>> {
    let mut all = Vec::new();
    for overlay in OVERLAYS {
        all.push((overlay.to_owned(), Rendered::overlay(overlay)?));
        for component in OPTIONAL {
            all.push((format!("{overlay} with {component}"), Rendered::with(overlay, &[component], "")?));
        }
    }
    Some(all)
}
