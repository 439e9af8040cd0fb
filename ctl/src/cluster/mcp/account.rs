//! The service account for assistants: what it may do, and its token.
//!
//! It may do what one of Kubernetes' own roles allows in all namespaces, and read nodes, namespaces and events, which `view`
//! and `edit` do not allow of all of them. The one surprise: the role of a binding cannot change, so each role has a binding
//! of its own, and those of the others are deleted first.

use anyhow::Result;
use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::config::KubeConfigOptions;
use kube::{Api, Client, Config, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::credentials::Credentials;
use crate::args::Role;
use crate::failure::{Code, Failure};
use crate::worktree::Worktree;

/// The service account's namespace, which `cluster deploy` makes.
pub(super) const NAMESPACE: &str = "fine-grained-monitor";
/// Its name.
pub(super) const NAME: &str = "fgm-mcp";
/// The role that is its own.
const READS: &str = "fgm-mcp-reads";
/// Who the API server says has set the fields.
const FIELD_MANAGER: &str = "fgmctl";
const ROLES: [Role; 3] = [Role::View, Role::Edit, Role::ClusterAdmin];

/// What shows that one is the account.
pub(super) struct Token {
    pub(super) text: String,
    pub(super) expires: Timestamp,
}

/// What [`apply`] does, for a plan.
pub(super) fn description(worktree: &Worktree, role: Role) -> String {
    let others: Vec<String> = others(role).map(binding).collect();
    format!(
        "in {}: delete the cluster role bindings {}; apply the service account {NAMESPACE}/{NAME}, the cluster role {READS}, the \
         cluster role bindings {READS} and {}",
        worktree.context(),
        others.join(" and "),
        binding(role)
    )
}

/// Who speaks to the worktree's cluster, with the rights of its administrator.
pub(super) async fn client(credentials: &Credentials) -> Result<Client> {
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(credentials.kubeconfig.clone(), &options).await?;
    Ok(Client::try_from(config)?)
}

/// Makes the account with the role asked for and no other.
pub(super) async fn apply(client: &Client, worktree: &Worktree, role: Role) -> Result<()> {
    let failed = |error| failure(worktree, &error);
    let namespaces: Api<Namespace> = Api::all(client.clone());
    if namespaces.get_opt(NAMESPACE).await.map_err(failed)?.is_none() {
        let sentence =
            format!("{} has no namespace {NAMESPACE}: run `fgmctl cluster deploy` first", worktree.context());
        return Err(Failure::of(Code::NotThere, sentence));
    }
    let bindings: Api<ClusterRoleBinding> = Api::all(client.clone());
    for other in others(role) {
        match bindings.delete(&binding(other), &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            outcome => drop(outcome.map_err(failed)?),
        }
    }
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), NAMESPACE);
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME}});
    set(&accounts, NAME, &account).await.map_err(failed)?;
    set(&Api::<ClusterRole>::all(client.clone()), READS, &reads()).await.map_err(failed)?;
    set(&bindings, READS, &binding_to(READS, READS)).await.map_err(failed)?;
    set(&bindings, &binding(role), &binding_to(&binding(role), role.word())).await.map_err(failed)
}

/// A token of the account, good for so many hours or as long as the API server allows.
pub(super) async fn token(client: &Client, worktree: &Worktree, hours: u32) -> Result<Token> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), NAMESPACE);
    let spec = TokenRequestSpec { expiration_seconds: Some(i64::from(hours) * 3600), ..TokenRequestSpec::default() };
    let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
    let answer = accounts.create_token_request(NAME, &PostParams::default(), &request).await;
    let status = answer.map_err(|error| failure(worktree, &error))?.status;
    let token = status.and_then(|status| Some(Token { text: status.token?, expires: status.expiration_timestamp?.0 }));
    token.ok_or_else(|| anyhow::anyhow!("{} gave no token", worktree.context()))
}

fn others(role: Role) -> impl Iterator<Item = Role> {
    ROLES.into_iter().filter(move |other| *other != role)
}

fn binding(role: Role) -> String {
    format!("{NAME}-{}", role.word())
}

/// Server-side apply.
async fn set<K>(api: &Api<K>, name: &str, object: &Value) -> Result<(), kube::Error>
where
    K: Resource + Clone + Serialize + DeserializeOwned + std::fmt::Debug,
{
    api.patch(name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(object)).await.map(drop)
}

fn reads() -> Value {
    let verbs = ["get", "list", "watch"];
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": READS},
        "rules": [
            {"apiGroups": [""], "resources": ["nodes", "namespaces", "events"], "verbs": verbs},
            {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": verbs},
        ],
    })
}

fn binding_to(name: &str, role: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
    })
}

/// What an error of the API means.
fn failure(worktree: &Worktree, error: &kube::Error) -> anyhow::Error {
    let context = worktree.context();
    match error {
        kube::Error::Api(status) => anyhow::anyhow!("{context} refused: {}", status.message),
        other => {
            let mut reason: &dyn std::error::Error = other;
            while let Some(source) = reason.source() {
                reason = source;
            }
            let sentence =
                format!("{context} does not answer ({reason}): `fgmctl cluster deploy` brings the cluster up");
            Failure::of(Code::NotThere, sentence)
        }
    }
}
