//! Everything at a glance: the mode, the tools, the worktree, its cluster, its viewers. It works where half of that is
//! missing, for that is when people ask.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;

use crate::advice;
use crate::args::Global;
use crate::background::Running;
use crate::cluster::standing::{self, Standing};
use crate::invocation::Invocation;
use crate::local::{self, url};
use crate::mode::{Mode, on_path};
use crate::session::Session;
use crate::worktree::Door;

/// The tools, with what prints their version and whether only vm mode needs them.
const TOOLS: &[(&str, &[&str], bool)] = &[
    ("docker", &["--version"], false),
    ("kind", &["version"], false),
    ("kubectl", &["version", "--client"], false),
    ("cargo", &["--version"], false),
    ("npm", &["--version"], false),
    ("limactl", &["--version"], true),
];

#[derive(Serialize)]
struct Status {
    mode: &'static str,
    mode_reason: &'static str,
    worktree: PathBuf,
    name: String,
    current_context: Option<String>,
    tools: Vec<Tool>,
    /// Absent where docker or kind do not answer; why is in `cluster_error`.
    cluster: Option<Standing>,
    cluster_error: Option<String>,
    local_viewer: Option<Running>,
    ports: Ports,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: Option<String>,
    how_to_get: Option<&'static str>,
}

#[derive(Serialize)]
struct Ports {
    api: Option<u16>,
    local_viewer: u16,
    cluster_viewer: u16,
    mcp: u16,
}

pub(crate) async fn show(global: &Global) -> Result<()> {
    let session = Session::begin(global).await?;
    let worktree = &session.worktree;
    let mut tools = Vec::new();
    for (name, words, only_in_vm_mode) in TOOLS {
        if session.mode == Mode::Vm || !only_in_vm_mode {
            tools.push(tool(&session, name, words).await);
        }
    }
    let cluster = standing::look(&session).await;
    let (cluster, cluster_error) = match cluster {
        Ok(cluster) => (Some(cluster), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    let ports = Ports {
        api: worktree.api_port,
        local_viewer: worktree.port(Door::LocalViewer),
        cluster_viewer: worktree.port(Door::ClusterViewer),
        mcp: worktree.port(Door::Mcp),
    };
    let status = Status {
        mode: session.mode.word(),
        mode_reason: session.mode_reason,
        worktree: worktree.top.clone(),
        name: worktree.name.clone(),
        current_context: current_context(&session).await,
        tools,
        cluster,
        cluster_error,
        local_viewer: local::background(&session).running()?,
        ports,
    };
    session.answer(&status, text)
}

async fn tool(session: &Session, name: &'static str, words: &[&str]) -> Tool {
    if on_path(name).is_none() {
        return Tool { name, version: None, how_to_get: Some(advice::how_to_get(name)) };
    }
    let said = session.runner.look(&Invocation::here(name).args(words)).await;
    let said = said.map(|said| if said.out.trim().is_empty() { said.err } else { said.out });
    let version = said.ok().and_then(|text| text.lines().next().map(|line| line.trim().to_owned()));
    Tool { name, version: version.or(Some("does not answer".to_owned())), how_to_get: None }
}

async fn current_context(session: &Session) -> Option<String> {
    on_path("kubectl")?;
    let said = session.runner.look(&Invocation::here("kubectl").args(["config", "current-context"])).await.ok()?;
    said.status.success().then(|| said.out.trim().to_owned()).filter(|context| !context.is_empty())
}

fn text(status: &Status) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "mode       {} ({})", status.mode, status.mode_reason);
    let _ = writeln!(text, "worktree   {} at {}", status.name, status.worktree.display());
    let context = status.current_context.as_deref().unwrap_or("none");
    let _ = writeln!(text, "kubectl's  current context: {context} (fgmctl always names its own)");
    match (&status.cluster, &status.cluster_error) {
        (Some(cluster), _) => text.push_str(&standing::text(cluster)),
        (None, error) => {
            let _ = writeln!(text, "cluster    unknown: {}", error.as_deref().unwrap_or(""));
        }
    }
    let local = status.local_viewer.as_ref();
    let local = local.map_or("none".to_owned(), |running| format!("{} of {}", url(running.port), running.about));
    let _ = writeln!(text, "local      viewer: {local}");
    let ports = &status.ports;
    let api = ports.api.map_or("none yet".to_owned(), |port| port.to_string());
    let _ = writeln!(
        text,
        "ports      API {api}, local viewer {}, cluster viewer {}, MCP {}",
        ports.local_viewer, ports.cluster_viewer, ports.mcp
    );
    for tool in &status.tools {
        let line = match (&tool.version, tool.how_to_get) {
            (Some(version), _) => version.clone(),
            (None, how) => format!("missing: {}", how.unwrap_or("")),
        };
        let _ = writeln!(text, "{:<10} {line}", tool.name);
    }
    text
}
