//! What people do with a running agent: read its log, run something beside it, copy what it recorded.

use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use kube::Api;
use kube::api::{AttachParams, LogParams};
use serde::Serialize;
use std::io::IsTerminal;
use tokio::io::{AsyncReadExt, copy, stdin, stdout};

use crate::args::Target;
use crate::cluster::{deploy, forward, kind, kubernetes};
use crate::invocation::Invocation;
use crate::runner::{end_group, tell};
use crate::session::Session;

/// How often a copy is begun anew because files came or went meanwhile.
const COPIES: usize = 5;

/// What `cluster logs` was asked for.
pub(crate) struct Logs {
    pub(crate) target: Target,
    pub(crate) follow: bool,
    pub(crate) tail: i64,
    pub(crate) previous: bool,
}

/// Prints the log of one agent where one is named or followed, else of all.
pub(crate) async fn logs(session: &Session, wanted: &Logs) -> Result<()> {
    let is_one = wanted.follow || wanted.target.pod.is_some() || wanted.target.node.is_some();
    if session.runner.is_dry() {
        let whose = if is_one { forward::about(&wanted.target) } else { "every agent".to_owned() };
        session.runner.plan(&format!("# asks the API server for the last {} lines of the log of {whose}", wanted.tail));
        return Ok(());
    }
    kind::must_be_ready(session).await?;
    let client = kubernetes::client_of(session).await?;
    let one = kubernetes::agent(&client, &wanted.target).await?;
    let pods = if is_one { vec![one] } else { kubernetes::agents(&client).await? };
    let params = LogParams {
        follow: wanted.follow,
        tail_lines: Some(wanted.tail),
        previous: wanted.previous,
        ..LogParams::default()
    };
    for pod in &pods {
        let name = kubernetes::name_of(pod);
        if pods.len() > 1 {
            tell(&format!("-- {name} on {}", kubernetes::node_of(pod)));
        }
        let lines = kubernetes::log_lines(&client, name, &params, |line| session.runner.plan(line));
        session.runner.interruption().or(lines).await?;
    }
    Ok(())
}

/// Runs a program in the agent's container, with our input and output; its exit code is ours.
pub(crate) async fn exec(session: &Session, target: &Target, on_node: bool, command: &[String]) -> Result<ExitCode> {
    if !session.runner.is_dry() {
        kind::must_be_ready(session).await?;
    }
    if on_node {
        return exec_on_node(session, target, command).await;
    }
    if command.is_empty() {
        bail!(
            "name a program after `--`: the agent's image has one alone, `-- /fgm-agent check`; --on-node gives a shell"
        );
    }
    if session.runner.is_dry() {
        session.runner.plan(&format!("# runs {command:?} in the container of {}", forward::about(target)));
        return Ok(ExitCode::SUCCESS);
    }
    let client = kubernetes::client_of(session).await?;
    let pod = kubernetes::agent(&client, target).await?;
    let name = kubernetes::name_of(&pod);
    let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(client, kubernetes::NAMESPACE);
    let reads = !std::io::stdin().is_terminal();
    let attach = AttachParams::default().stdin(reads).stdout(true).stderr(true).container("agent");
    let mut process = pods.exec(name, command, &attach).await.context("it could not be run")?;
    let status = process.take_status().context("no status")?;
    let (out, err, input) = (process.stdout(), process.stderr(), process.stdin());
    let work = async {
        let give = async {
            if let Some(mut input) = input {
                let _ = copy(&mut stdin(), &mut input).await;
            }
        };
        let take = async {
            tokio::join!(pour(out, stdout()), pour(err, tokio::io::stderr()));
        };
        tokio::select! { () = take => {}, () = async { give.await; std::future::pending::<()>().await } => {} }
        Ok(status.await)
    };
    let status = session.runner.interruption().or(work).await?;
    Ok(exit_code(status.as_ref()))
}

async fn pour(from: Option<impl tokio::io::AsyncRead + Unpin>, mut to: impl tokio::io::AsyncWrite + Unpin) {
    if let Some(mut from) = from {
        // Whoever closes our output has seen enough.
        let _ = copy(&mut from, &mut to).await;
    }
}

/// The exit code that Kubernetes tells among the causes of a failure.
fn exit_code(status: Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::Status>) -> ExitCode {
    let Some(status) = status else { return ExitCode::FAILURE };
    if status.status.as_deref() == Some("Success") {
        return ExitCode::SUCCESS;
    }
    let causes = status.details.as_ref().and_then(|details| details.causes.as_ref());
    let told = causes.and_then(|causes| causes.iter().find(|cause| cause.reason.as_deref() == Some("ExitCode")));
    let code = told.and_then(|cause| cause.message.as_deref()?.parse::<u8>().ok());
    if code.is_none() {
        tell(&format!("error: {}", status.message.as_deref().unwrap_or("it failed")));
    }
    ExitCode::from(code.unwrap_or(1))
}

async fn exec_on_node(session: &Session, target: &Target, command: &[String]) -> Result<ExitCode> {
    let node = match target {
        Target { pod: Some(_), .. } => {
            let client = kubernetes::client_of(session).await?;
            kubernetes::node_of(&kubernetes::agent(&client, target).await?).to_owned()
        }
        Target { node, .. } => node_named(session, node.as_deref()).await?,
    };
    let terminal = if std::io::stdin().is_terminal() { "--tty" } else { "--tty=false" };
    let shell = ["/bin/sh".to_owned()];
    let command = if command.is_empty() { &shell } else { command };
    let call = kind::docker().args(["exec", "--interactive", terminal, &node]).args(command);
    let status = session.runner.hand_over(&call).await?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// A node by its name, or the only or first one.
async fn node_named(session: &Session, name: Option<&str>) -> Result<String> {
    let nodes = kind::nodes(session, &session.worktree.cluster()).await?;
    let names: Vec<&str> = nodes.iter().map(|(name, _)| name.as_str()).collect();
    let found = match name {
        Some(name) => names.iter().find(|known| **known == name),
        None => names.first(),
    };
    found.map(|name| (*name).to_owned()).ok_or_else(|| {
        if names.is_empty() {
            return Session::not_there(format!(
                "there is no cluster {}: `fgmctl cluster deploy` makes it",
                session.worktree.cluster()
            ));
        }
        Session::not_there(format!("there is no node {}: there are {}", name.unwrap_or(""), names.join(", ")))
    })
}

/// What was copied.
#[derive(Serialize)]
struct Copied {
    node: String,
    to: PathBuf,
    files: usize,
    bytes: u64,
}

/// Copies a node's recorded data; what is there already is replaced only once the copy is whole.
pub(crate) async fn copy_data(session: &Session, node: Option<&str>, to: Option<PathBuf>) -> Result<()> {
    let node = node_named(session, node).await?;
    let to = match to {
        Some(to) => std::path::absolute(to)?,
        None => deploy::copied_data(session, &node),
    };
    let from = session.worktree.node_data();
    let send = kind::docker().args(["exec", &node, "tar", "--create", "--directory", &from, "."]);
    if session.runner.is_dry() {
        let line = send.line(&session.mode.way_in());
        session.runner.plan(&format!("{line} | tar --extract --directory {}", to.display()));
        return Ok(());
    }
    if to.exists() && !to.join("_fgm.json").exists() && std::fs::read_dir(&to)?.next().is_some() {
        bail!("{} has something else in it: name a directory that is empty or not there", to.display());
    }
    let parent = to.parent().context("a directory to copy into")?;
    std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    let beside = tempfile::Builder::new().prefix(".fgm-copy-").tempdir_in(parent)?;
    session.runner.doing("copying", "", copied(session, &send, beside.path())).await?;
    let (files, bytes) = size_of(beside.path())?;
    if files == 0 {
        return Err(Session::not_there(format!("{node} has no data in {from} yet: is an agent deployed?")));
    }
    if to.exists() {
        std::fs::remove_dir_all(&to).with_context(|| to.display().to_string())?;
    }
    std::fs::rename(beside.keep(), &to).with_context(|| to.display().to_string())?;
    let copied = Copied { node, to, files, bytes };
    session.answer(&copied, |copied| {
        format!(
            "{} files, {} bytes from {}\n  look at them: fgmctl local viewer start --data {}",
            copied.files,
            copied.bytes,
            copied.node,
            copied.to.display()
        )
    })
}

/// One archive after the other, until one during which nothing went away.
async fn copied(session: &Session, send: &Invocation, to: &std::path::Path) -> Result<()> {
    let mut said = String::new();
    for _ in 0..COPIES {
        std::fs::remove_dir_all(to)?;
        std::fs::create_dir(to)?;
        let mut sender = session.runner.piped(send)?;
        let archive: Stdio = sender.stdout.take().context("a pipe")?.try_into()?;
        let take = Invocation::here("tar").args(["--extract", "--directory"]).arg(to);
        let mut receiver = session.runner.command(&take).stdin(archive).kill_on_drop(true).spawn()?;
        let mut errors = sender.stderr.take().context("a pipe")?;
        said.clear();
        let work = async {
            let (sent, received, _) = tokio::join!(sender.wait(), receiver.wait(), errors.read_to_string(&mut said));
            Ok((sent?, received?))
        };
        match session.runner.interruption().or(work).await {
            Ok((sent, received)) if sent.success() && received.success() => return Ok(()),
            Ok(_) => {}
            Err(interrupted) => {
                end_group(&mut sender).await;
                return Err(interrupted);
            }
        }
    }
    bail!("the data could not be copied: {}", said.trim())
}

fn size_of(directory: &std::path::Path) -> Result<(usize, u64)> {
    let (mut files, mut bytes, mut pending) = (0, 0, vec![directory.to_owned()]);
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(&directory)? {
            let entry = entry?;
            let data = entry.metadata()?;
            if data.is_dir() {
                pending.push(entry.path());
            } else {
                files += 1;
                bytes += data.len();
            }
        }
    }
    Ok((files, bytes))
}
