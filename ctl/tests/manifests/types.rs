//! Documents against the newest API types: a document that is read into its type and written again must be the same.
//!
//! Types leave out what they do not know, so an unknown field shows as one that is lost.

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Says what is wrong with a document, if anything is.
pub(crate) fn assert_known(document: &Value) -> Result<(), String> {
    let text = |name: &str| document[name].as_str().unwrap_or_default();
    match (text("apiVersion"), text("kind")) {
        ("v1", "Namespace") => round_trip::<Namespace>(document),
        ("v1", "ServiceAccount") => round_trip::<ServiceAccount>(document),
        ("v1", "Service") => round_trip::<Service>(document),
        ("v1", "ConfigMap") => round_trip::<ConfigMap>(document),
        ("apps/v1", "DaemonSet") => round_trip::<DaemonSet>(document),
        ("networking.k8s.io/v1", "NetworkPolicy") => round_trip::<NetworkPolicy>(document),
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => round_trip::<ClusterRole>(document),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding") => round_trip::<ClusterRoleBinding>(document),
        ("monitoring.coreos.com/v1", "ServiceMonitor") => monitor(document, "endpoints"),
        ("monitoring.coreos.com/v1", "PodMonitor") => monitor(document, "podMetricsEndpoints"),
        (version, kind) => Err(format!("{version} {kind} has no type here")),
    }
}

fn round_trip<T: DeserializeOwned + Serialize>(document: &Value) -> Result<(), String> {
    let typed: T = serde_json::from_value(document.clone()).map_err(|error| error.to_string())?;
    let again = serde_json::to_value(typed).expect("JSON");
    match difference(document, &again, String::new()) {
        Some(path) => Err(format!("{} {path} is lost or changed", document["kind"])),
        None => Ok(()),
    }
}

/// Where two values differ first.
fn difference(one: &Value, other: &Value, path: String) -> Option<String> {
    match (one, other) {
        (Value::Object(left), Value::Object(right)) => {
            let names = left.keys().chain(right.keys().filter(|name| !left.contains_key(*name)));
            names
                .filter_map(|name| match (left.get(name), right.get(name)) {
                    (Some(left), Some(right)) => difference(left, right, format!("{path}/{name}")),
                    _ => Some(format!("{path}/{name}")),
                })
                .next()
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let mut pairs = left.iter().zip(right).enumerate();
            pairs.find_map(|(index, (left, right))| difference(left, right, format!("{path}/{index}")))
        }
        _ => (one != other).then_some(path),
    }
}

/// What is used of the Prometheus Operator's resources, whose types no crate here has; anything else is refused.
fn monitor(document: &Value, endpoints: &str) -> Result<(), String> {
    let known = [
        "/apiVersion",
        "/kind",
        "/metadata/name",
        "/metadata/namespace",
        "/metadata/labels/app.kubernetes.io~1name",
        "/spec/selector/matchLabels/app.kubernetes.io~1name",
        "/spec/ENDPOINTS/port",
        "/spec/ENDPOINTS/path",
        "/spec/ENDPOINTS/honorLabels",
        "/spec/ENDPOINTS/relabelings/sourceLabels",
        "/spec/ENDPOINTS/relabelings/targetLabel",
    ]
    .map(|path| path.replace("ENDPOINTS", endpoints));
    let used = leaves(document, "");
    match used.iter().find(|path| !known.contains(path)) {
        Some(path) => Err(format!("{} {path} is not among the fields that were looked up", document["kind"])),
        None => Ok(()),
    }
}

/// The paths of all values, as JSON pointers without the places in lists.
fn leaves(value: &Value, path: &str) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let name = |name: &str| format!("{path}/{}", name.replace('/', "~1"));
            fields.iter().flat_map(|(field, value)| leaves(value, &name(field))).collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| leaves(item, path)).collect(),
        _ => vec![path.to_owned()],
    }
}
