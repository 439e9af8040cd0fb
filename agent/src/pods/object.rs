//! A pod as the API server serves it, as far as names need it: everything else is skipped while it is parsed.
//!
//! Pure: text in, values out. Own types instead of the whole API's, because a node's pods are read again and again and a
//! pod is mostly what nobody here asks for. The surprise: what a server leaves out and what it serves as `null` is the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// A pod. Also read from bookmarks, which have nothing but a version.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Who it is.
    #[serde(deserialize_with = "or_empty")]
    pub metadata: Metadata,
    /// What was asked for.
    #[serde(deserialize_with = "or_empty")]
    pub spec: Spec,
    /// What has become of it.
    #[serde(deserialize_with = "or_empty")]
    pub status: Status,
}

/// `metadata`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Metadata {
    /// The pod's name.
    pub name: Option<String>,
    /// The pod's namespace.
    pub namespace: Option<String>,
    /// The API server's id of it.
    pub uid: Option<String>,
    /// The version of the object, opaque.
    pub resource_version: Option<String>,
    /// When it was made, RFC 3339.
    pub creation_timestamp: Option<String>,
    /// Its labels.
    #[serde(deserialize_with = "or_empty")]
    pub labels: BTreeMap<String, String>,
    /// The annotations that matter here.
    #[serde(deserialize_with = "or_empty")]
    pub annotations: Annotations,
    /// Who owns it.
    #[serde(deserialize_with = "or_empty")]
    pub owner_references: Vec<OwnerReference>,
}

/// The annotations that matter here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Annotations {
    /// The hash of a static pod's manifest: what the kubelet names its cgroup by.
    #[serde(rename = "kubernetes.io/config.hash")]
    pub config_hash: Option<String>,
}

/// One of `metadata.ownerReferences`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OwnerReference {
    /// `ReplicaSet`, `Job`, ...
    pub kind: String,
    /// The owner's name.
    pub name: String,
    /// Whether it is the one owner that manages the pod.
    pub controller: Option<bool>,
}

/// `spec`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Spec {
    /// The containers.
    #[serde(deserialize_with = "or_empty")]
    pub containers: Vec<Container>,
    /// Those that run before them, or beside them (sidecars).
    #[serde(deserialize_with = "or_empty")]
    pub init_containers: Vec<Container>,
    /// Those added while it runs.
    #[serde(deserialize_with = "or_empty")]
    pub ephemeral_containers: Vec<Container>,
}

/// A container of the spec.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Container {
    /// Its name in the pod.
    pub name: String,
    /// Its image as asked for.
    pub image: Option<String>,
    /// `Always` makes an init container a sidecar (since Kubernetes 1.28).
    pub restart_policy: Option<String>,
    /// Requests and limits.
    #[serde(deserialize_with = "or_empty")]
    pub resources: Resources,
}

/// `resources`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// What is reserved.
    #[serde(deserialize_with = "or_empty")]
    pub requests: Amounts,
    /// What is allowed.
    #[serde(deserialize_with = "or_empty")]
    pub limits: Amounts,
}

/// Quantities as text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Amounts {
    /// Cores.
    pub cpu: Option<String>,
    /// Bytes.
    pub memory: Option<String>,
}

/// `status`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    /// Of [`Spec::containers`].
    #[serde(deserialize_with = "or_empty")]
    pub container_statuses: Vec<ContainerStatus>,
    /// Of [`Spec::init_containers`].
    #[serde(deserialize_with = "or_empty")]
    pub init_container_statuses: Vec<ContainerStatus>,
    /// Of [`Spec::ephemeral_containers`].
    #[serde(deserialize_with = "or_empty")]
    pub ephemeral_container_statuses: Vec<ContainerStatus>,
}

/// What has become of a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerStatus {
    /// Its name in the pod.
    pub name: String,
    /// The runtime's id, `containerd://ID`; of the newest instance.
    #[serde(rename = "containerID")]
    pub container_id: Option<String>,
    /// The image that runs.
    pub image: Option<String>,
    /// How often it was started again.
    pub restart_count: Option<u32>,
    /// How the newest instance is.
    #[serde(deserialize_with = "or_empty")]
    pub state: ContainerState,
    /// How the one before it ended.
    #[serde(deserialize_with = "or_empty")]
    pub last_state: ContainerState,
}

/// A container's state, as far as it has ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContainerState {
    /// How it ended.
    pub terminated: Option<Terminated>,
}

/// How a container ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Terminated {
    /// The exit code.
    pub exit_code: Option<i32>,
    /// The signal, where the runtime tells it.
    pub signal: Option<i32>,
    /// The kubelet's word: `Completed`, `Error`, `OOMKilled`.
    pub reason: Option<String>,
    /// RFC 3339.
    pub finished_at: Option<String>,
    /// Which instance, `containerd://ID`.
    #[serde(rename = "containerID")]
    pub container_id: Option<String>,
}

/// A list without its items.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListHead {
    /// `PodList`.
    pub kind: Option<String>,
    /// Version and next page.
    #[serde(deserialize_with = "or_empty")]
    pub metadata: ListMetadata,
}

/// `metadata` of a list
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ListMetadata {
    /// The version to watch from.
    pub resource_version: Option<String>,
    /// Where the next page begins; empty on the last one.
    #[serde(rename = "continue")]
    pub next: Option<String>,
}

/// One line of a watch.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", content = "object", rename_all = "UPPERCASE")]
pub enum WatchEvent {
    /// A pod is new.
    Added(Box<Pod>),
    /// A pod has changed.
    Modified(Box<Pod>),
    /// A pod is gone; this was its last state.
    Deleted(Box<Pod>),
    /// Nothing but a newer version.
    Bookmark(Box<Pod>),
    /// The watch is over.
    Error(ApiStatus),
}

/// What every line of a watch has, whatever it is about.
#[derive(Clone, Debug, Deserialize)]
pub struct WatchEventType {
    /// `ADDED` and so on.
    #[serde(rename = "type")]
    pub name: String,
}

/// How the API server says what went wrong (kind `Status`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ApiStatus {
    /// The HTTP status.
    pub code: Option<u16>,
    /// In words.
    pub message: Option<String>,
}

fn or_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
