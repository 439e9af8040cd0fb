//! The cluster's API server, with the worktree's own credentials: whatever the user's current context is, it is not used.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, ContainerStatus, Event, Pod};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, LogParams, Patch, PatchParams, Preconditions};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::{Client, Config, discovery};
use serde_json::json;

use crate::args::Target;
use crate::session::Session;

/// The agent's namespace, as in `k8s/base`.
pub(crate) const NAMESPACE: &str = "fine-grained-monitor";
/// The agent's DaemonSet.
pub(crate) const DAEMON_SET: &str = "fgm-agent";
/// The agent's pods.
const AGENTS: &str = "app.kubernetes.io/name=fine-grained-monitor";
/// Who applies, as the API server writes it down.
pub(crate) const MANAGER: &str = "fgmctl";
/// Where a cluster says whose it is; it is written last, so a cluster without it was not finished.
const OWNER: (&str, &str) = ("kube-system", "fgmctl-owner");

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a question may take that only asks how things stand.
const SHORT: Duration = Duration::from_secs(8);

/// A client of the cluster whose credentials are in this file.
pub(crate) async fn client(kubeconfig: &Path) -> Result<Client> {
    let read = Kubeconfig::read_from(kubeconfig).with_context(|| kubeconfig.display().to_string())?;
    let mut config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    Ok(Client::try_from(config)?)
}

/// The client of a worktree's cluster, which must be there.
pub(crate) async fn client_of(session: &Session) -> Result<Client> {
    let kubeconfig = session.worktree.kubeconfig();
    if !kubeconfig.exists() {
        return Err(Session::not_there("this worktree has no cluster: `fgmctl cluster deploy` makes one"));
    }
    client(&kubeconfig).await
}

/// Whose cluster it is; none where nobody wrote it down.
pub(crate) async fn owner(client: &Client) -> Result<Option<String>> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), OWNER.0);
    let asked =
        tokio::time::timeout(SHORT, maps.get_opt(OWNER.1)).await.context("the API server does not answer")??;
    Ok(asked.and_then(|map| map.data?.remove("owner")))
}

/// Writes down whose cluster it is.
pub(crate) async fn set_owner(client: &Client, owner: &Path) -> Result<()> {
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": OWNER.1},
        "data": {"owner": owner.to_string_lossy()},
    });
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), OWNER.0);
    maps.patch(OWNER.1, &PatchParams::apply(MANAGER).force(), &Patch::Apply(map)).await?;
    Ok(())
}

/// Applies objects by the server, which merges what others have set; ours wins where both set the same.
pub(crate) async fn apply(client: &Client, objects: &[DynamicObject]) -> Result<()> {
    for object in objects {
        let types = object.types.as_ref().context("a manifest without a kind")?;
        let kind = GroupVersionKind::try_from(types)?;
        let (resource, abilities) = discovery::oneshot::pinned_kind(client, &kind)
            .await
            .with_context(|| format!("the cluster does not know {}", types.kind))?;
        let name = object.metadata.name.as_deref().context("a manifest without a name")?;
        let api: Api<DynamicObject> = match (&object.metadata.namespace, abilities.scope) {
            (Some(namespace), discovery::Scope::Namespaced) => {
                Api::namespaced_with(client.clone(), namespace, &resource)
            }
            (_, discovery::Scope::Cluster) => Api::all_with(client.clone(), &resource),
            (None, discovery::Scope::Namespaced) => bail!("{} {name} has no namespace", types.kind),
        };
        api.patch(name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(object))
            .await
            .with_context(|| format!("{} {name} was refused", types.kind))?;
    }
    Ok(())
}

/// The agent's pods, by name of node, those that are going away left out.
pub(crate) async fn agents(client: &Client) -> Result<Vec<Pod>> {
    let mut found = all_agents(client).await?;
    found.retain(|pod| !is_leaving(pod));
    found.sort_by_key(|pod| (node_of(pod).to_owned(), name_of(pod).to_owned()));
    Ok(found)
}

/// The agent's pods, those that are going away too.
pub(crate) async fn all_agents(client: &Client) -> Result<Vec<Pod>> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let listed = tokio::time::timeout(SHORT, pods.list(&ListParams::default().labels(AGENTS))).await;
    Ok(listed.context("the API server does not answer")??.items)
}

/// Whether a pod is going away.
pub(crate) fn is_leaving(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// Removes a pod that is going away, if its programs have ended. Older kubelets (1.20) leave such a pod for up to 10 s more, and
/// its successor is not made before it is gone.
pub(crate) async fn remove_if_ended(client: &Client, pod: &Pod) -> Result<()> {
    if !is_leaving(pod) || !has_ended(pod) {
        return Ok(());
    }
    let this_one = Preconditions { uid: pod.metadata.uid.clone(), ..Preconditions::default() };
    let at_once = DeleteParams { preconditions: Some(this_one), ..DeleteParams::default().grace_period(0) };
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    match pods.delete(name_of(pod), &at_once).await {
        // It went meanwhile, or another one of its name is there.
        Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => Ok(()),
        outcome => outcome.map(drop).map_err(Into::into),
    }
}

/// Whether every container of a pod is known to have ended.
fn has_ended(pod: &Pod) -> bool {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    let ended = |status: &ContainerStatus| status.state.as_ref().is_some_and(|state| state.terminated.is_some());
    statuses.is_some_and(|statuses| !statuses.is_empty() && statuses.iter().all(ended))
}

/// The agent that is meant: the one named, else a ready one, else any.
pub(crate) async fn agent(client: &Client, target: &Target) -> Result<Pod> {
    let found = agents(client).await?;
    let is_meant = |pod: &Pod| match (&target.pod, &target.node) {
        (Some(name), _) => name_of(pod) == name,
        (None, Some(node)) => node_of(pod) == node,
        (None, None) => true,
    };
    let names: Vec<String> = found.iter().map(|pod| format!("{} on {}", name_of(pod), node_of(pod))).collect();
    let meant: Vec<Pod> = found.into_iter().filter(is_meant).collect();
    let ready = meant.iter().find(|pod| is_ready(pod)).or(meant.first()).cloned();
    ready.ok_or_else(|| match (names.is_empty(), &target.pod, &target.node) {
        (true, ..) => Session::not_there("no agent runs in the cluster: `fgmctl cluster deploy` puts it there"),
        (_, Some(name), _) => Session::not_there(format!("there is no agent {name}: there are {}", names.join(", "))),
        (_, _, Some(node)) => {
            Session::not_there(format!("there is no agent on {node}: there are {}", names.join(", ")))
        }
        _ => Session::not_there("no agent is there"),
    })
}

/// What the cluster's log of events says of a pod, oldest first.
pub(crate) async fn events_of(client: &Client, pod: &str) -> Result<Vec<String>> {
    let events: Api<Event> = Api::namespaced(client.clone(), NAMESPACE);
    let about = ListParams::default().fields(&format!("involvedObject.name={pod}"));
    let listed = events.list(&about).await?.items;
    let line = |event: &Event| {
        let (reason, message) = (event.reason.as_deref().unwrap_or(""), event.message.as_deref().unwrap_or(""));
        format!("{} {reason}: {}", event.type_.as_deref().unwrap_or(""), message.trim())
    };
    Ok(listed.iter().map(line).collect())
}

/// Gives the lines of a pod's log to whoever takes them.
pub(crate) async fn log_lines(
    client: &Client,
    pod: &str,
    wanted: &LogParams,
    mut line: impl FnMut(&str),
) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let mut lines = pods.log_stream(pod, wanted).await?.lines();
    while let Some(text) = lines.try_next().await? {
        line(&text);
    }
    Ok(())
}

pub(crate) fn name_of(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or("")
}

pub(crate) fn node_of(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or("")
}

/// Whether a pod's readiness probe passes.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
}

/// Why a pod cannot start, where its containers say so, and how often it was restarted.
pub(crate) fn trouble_of(pod: &Pod) -> Option<String> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find_map(|status| {
        let waiting = status.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.clone()?;
        let told = waiting.message.as_deref().unwrap_or("").to_owned();
        let is_lasting = match reason.as_str() {
            "ErrImageNeverPull" | "InvalidImageName" | "CreateContainerConfigError" | "CreateContainerError" => true,
            "CrashLoopBackOff" => status.restart_count >= 2,
            _ => false,
        };
        is_lasting.then(|| format!("{reason} after {} restarts: {told}", status.restart_count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_has_ended_when_all_its_containers_are_told_to_have() {
        let pod = |states: serde_json::Value| -> Pod {
            let status = |state: &serde_json::Value| json!({"name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state});
            let statuses: Vec<_> = states.as_array().into_iter().flatten().map(status).collect();
            serde_json::from_value(json!({"metadata": {}, "status": {"containerStatuses": statuses}})).unwrap()
        };
        let (ended, runs) = (json!({"terminated": {"exitCode": 0}}), json!({"running": {}}));
        assert!(has_ended(&pod(json!([ended]))));
        assert!(has_ended(&pod(json!([ended, ended]))));
        assert!(!has_ended(&pod(json!([ended, runs]))));
        assert!(!has_ended(&pod(json!([{}]))), "nothing is told");
        assert!(!has_ended(&pod(json!([]))));
        assert!(!has_ended(&Pod::default()));
    }
}
