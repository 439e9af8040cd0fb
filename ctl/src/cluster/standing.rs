//! How clusters stand: this worktree's in full, all others in a line.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;

use crate::cluster::{forward, kind, kubernetes};
use crate::session::Session;
use crate::worktree::{self, Door};

/// This worktree's cluster.
#[derive(Serialize)]
pub(crate) struct Standing {
    cluster: String,
    context: String,
    #[serde(flatten)]
    state: kind::State,
    api_port: Option<u16>,
    kubeconfig: PathBuf,
    nodes: Vec<Node>,
    agents: Vec<Agent>,
    viewer: Option<forward::Answer>,
    mcp: Option<forward::Answer>,
}

#[derive(Serialize)]
struct Node {
    name: String,
    running: bool,
}

#[derive(Serialize)]
struct Agent {
    pod: String,
    node: String,
    ready: bool,
    revision: Option<String>,
    trouble: Option<String>,
}

/// A cluster of any worktree.
#[derive(Serialize)]
struct Listed {
    cluster: String,
    worktree: Option<PathBuf>,
    /// Whether that directory is still there.
    worktree_exists: bool,
    mine: bool,
}

/// Prints how this worktree's cluster stands.
pub(crate) async fn show(session: &Session) -> Result<()> {
    let standing = look(session).await?;
    session.answer(&standing, text)
}

/// How this worktree's cluster stands.
pub(crate) async fn look(session: &Session) -> Result<Standing> {
    let worktree = &session.worktree;
    let state = kind::state(session).await?;
    let nodes = kind::nodes(session, &worktree.cluster()).await?;
    let agents = if state == kind::State::Ready { agents(session).await.unwrap_or_default() } else { Vec::new() };
    Ok(Standing {
        cluster: worktree.cluster(),
        context: worktree.context(),
        state,
        api_port: worktree::api_port_of(worktree)?,
        kubeconfig: worktree.kubeconfig(),
        nodes: nodes.into_iter().map(|(name, running)| Node { name, running }).collect(),
        agents,
        viewer: forward::running(session, Door::ClusterViewer).await?,
        mcp: forward::running(session, Door::Mcp).await?,
    })
}

async fn agents(session: &Session) -> Result<Vec<Agent>> {
    let client = kubernetes::client_of(session).await?;
    let agent = |pod: &k8s_openapi::api::core::v1::Pod| Agent {
        pod: kubernetes::name_of(pod).to_owned(),
        node: kubernetes::node_of(pod).to_owned(),
        ready: kubernetes::is_ready(pod),
        revision: pod.metadata.annotations.as_ref().and_then(|all| all.get("fine-grained-monitor/revision")).cloned(),
        trouble: kubernetes::trouble_of(pod),
    };
    Ok(kubernetes::agents(&client).await?.iter().map(agent).collect())
}

/// The lines about a cluster, for people.
pub(crate) fn text(standing: &Standing) -> String {
    let mut text = String::new();
    let state = match &standing.state {
        kind::State::Absent => "there is none; `fgmctl cluster deploy` makes it".to_owned(),
        kind::State::Stopped => "stopped; `fgmctl cluster create` starts it".to_owned(),
        kind::State::Broken(why) => format!("half made: {why}; `fgmctl cluster create --recreate` makes it anew"),
        kind::State::Foreign(owner) => format!("belongs to {owner}"),
        kind::State::Ready => "runs".to_owned(),
    };
    let _ = writeln!(text, "cluster    {}: {state}", standing.cluster);
    if !standing.nodes.is_empty() {
        let port = standing.api_port.map_or_else(String::new, |port| format!(", API on 127.0.0.1:{port}"));
        let _ = writeln!(text, "context    {}{port}", standing.context);
        let names: Vec<&str> = standing.nodes.iter().map(|node| node.name.as_str()).collect();
        let _ = writeln!(text, "nodes      {}", names.join(", "));
    }
    for agent in &standing.agents {
        let ready = if agent.ready { "ready" } else { "not ready" };
        let revision = agent.revision.as_deref().unwrap_or("");
        let trouble = agent.trouble.as_ref().map_or_else(String::new, |trouble| format!(": {trouble}"));
        let _ = writeln!(text, "agent      {} on {}, {ready}, {revision}{trouble}", agent.pod, agent.node);
    }
    for (name, answer) in [("viewer", &standing.viewer), ("mcp", &standing.mcp)] {
        if let Some(answer) = answer {
            let health = if answer.healthy { "" } else { " (does not answer now)" };
            let _ = writeln!(text, "{name:<10} {} to {}{health}", answer.url, answer.about);
        }
    }
    text
}

/// Prints all clusters that this tool made, of all worktrees.
pub(crate) async fn list(session: &Session) -> Result<()> {
    let mine = session.worktree.cluster();
    let mut listed = Vec::new();
    for cluster in kind::clusters(session).await?.into_iter().filter(|name| name.starts_with("fgm-")) {
        let worktree = worktree::owner_of(&cluster)?;
        let worktree_exists = worktree.as_ref().is_some_and(|top| top.is_dir());
        listed.push(Listed { mine: cluster == mine, cluster, worktree, worktree_exists });
    }
    session.answer(&listed, |listed| {
        let line = |one: &Listed| {
            let top = one.worktree.as_ref().map_or_else(|| "unknown".to_owned(), |top| top.display().to_string());
            let gone = if one.worktree.is_some() && !one.worktree_exists { " (gone)" } else { "" };
            format!("{} {:<40} {top}{gone}", if one.mine { "*" } else { " " }, one.cluster)
        };
        let lines: Vec<String> = listed.iter().map(line).collect();
        if lines.is_empty() { "there are no clusters".to_owned() } else { lines.join("\n") }
    })
}
