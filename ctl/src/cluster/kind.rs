//! The cluster as kind and docker have it, and whether it can be worked with.

use anyhow::{Context, Result};
use serde::Serialize;

use crate::cluster::kubernetes;
use crate::failure::{Code, Failure};
use crate::invocation::Invocation;
use crate::session::Session;
use crate::whole_file;
use crate::{kubeconfig, mode};

/// How a worktree's cluster stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "detail")]
pub(crate) enum State {
    /// There is none.
    Absent,
    /// Its containers are there and do not run, as after a restart of docker.
    Stopped,
    /// It was never finished, or does not answer; what is wrong with it.
    Broken(String),
    /// It is of another directory, with that path.
    Foreign(String),
    /// It answers, and is this worktree's.
    Ready,
}

/// Calls kind where the cluster's docker is.
pub(crate) fn kind() -> Invocation {
    Invocation::at_cluster("kind")
}

/// Calls docker where the cluster is.
pub(crate) fn docker() -> Invocation {
    Invocation::at_cluster("docker")
}

/// Every cluster that kind knows.
pub(crate) async fn clusters(session: &Session) -> Result<Vec<String>> {
    let text = session.runner.read(&kind().args(["get", "clusters"])).await?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// The containers of a cluster's nodes with whether each runs, the control plane first.
pub(crate) async fn nodes(session: &Session, cluster: &str) -> Result<Vec<(String, bool)>> {
    let label = format!("label=io.x-k8s.kind.cluster={cluster}");
    let call = docker().args(["ps", "--all", "--filter", &label, "--format", "{{.Names}}\t{{.State}}"]);
    let text = session.runner.read(&call).await?;
    let mut nodes: Vec<(String, bool)> = text
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, state)| (name.to_owned(), state == "running"))
        .collect();
    nodes.sort_by_key(|(name, _)| (!name.ends_with("control-plane"), name.clone()));
    Ok(nodes)
}

/// How this worktree's cluster stands. Credentials that were lost are fetched again.
pub(crate) async fn state(session: &Session) -> Result<State> {
    let cluster = session.worktree.cluster();
    let nodes = nodes(session, &cluster).await?;
    if nodes.is_empty() {
        return Ok(State::Absent);
    }
    if nodes.iter().any(|(_, runs)| !runs) {
        return Ok(State::Stopped);
    }
    match kubeconfig_text(session).await {
        Ok(text) => keep_credentials(session, &text)?,
        Err(error) => return Ok(State::Broken(format!("it has no credentials ({error:#})"))),
    }
    let client = kubernetes::client(&session.worktree.kubeconfig()).await?;
    Ok(match kubernetes::owner(&client).await {
        Ok(Some(owner)) if session.worktree.top.as_os_str() == owner.as_str() => State::Ready,
        Ok(Some(owner)) => State::Foreign(owner),
        Ok(None) => State::Broken("its making was not finished".to_owned()),
        Err(error) => State::Broken(format!("its API server does not answer ({error:#})")),
    })
}

/// The cluster, where it can be worked with; else what to do about it.
pub(crate) async fn must_be_ready(session: &Session) -> Result<()> {
    let cluster = session.worktree.cluster();
    match state(session).await? {
        State::Ready => Ok(()),
        State::Absent => {
            Err(Session::not_there(format!("there is no cluster {cluster}: `fgmctl cluster deploy` makes it")))
        }
        other => Err(unusable(&cluster, &other)),
    }
}

/// What to do about a cluster that is there and cannot be worked with.
pub(crate) fn unusable(cluster: &str, state: &State) -> anyhow::Error {
    let sentence = match state {
        State::Stopped => format!("the cluster {cluster} is stopped: `fgmctl cluster create` starts it"),
        State::Broken(why) => format!(
            "the cluster {cluster} is half made: {why}; `fgmctl cluster create --recreate` makes it anew, `fgmctl cluster destroy` \
             removes it"
        ),
        State::Foreign(owner) => format!(
            "the cluster {cluster} belongs to {owner}: work with it there, or remove it with `kind delete cluster --name {cluster}`"
        ),
        State::Absent | State::Ready => format!("the cluster {cluster} is not in use"),
    };
    Failure::of(Code::Failed, sentence)
}

/// What `kind get kubeconfig` prints for the worktree's cluster.
pub(crate) async fn kubeconfig_text(session: &Session) -> Result<String> {
    let call = kind().args(["get", "kubeconfig", "--name", &session.worktree.cluster()]);
    session.runner.read(&call).await
}

/// Writes credentials to where this tool reads them, and into the user's kubeconfig, if they are not there already.
pub(crate) fn keep_credentials(session: &Session, text: &str) -> Result<()> {
    if session.runner.is_dry() {
        return Ok(());
    }
    let own = session.worktree.kubeconfig();
    if std::fs::read_to_string(&own).is_ok_and(|known| known == text) {
        return Ok(());
    }
    kubeconfig::put(&kubeconfig::user_file()?, text, &session.worktree.context())?;
    whole_file::write(&own, text.as_bytes(), 0o600)
}

/// The VM runs, in vm mode: made where it is missing, started where it is stopped.
pub(crate) async fn vm_runs(session: &Session) -> Result<()> {
    if session.mode == mode::Mode::Direct {
        return Ok(());
    }
    let call = Invocation::here("limactl").args(["list", "--format", "{{.Name}} {{.Status}}"]);
    let listed = session.runner.read(&call).await?;
    let known = listed.lines().find_map(|line| line.strip_prefix(mode::VM)?.strip_prefix(' ')).map(str::trim);
    let limactl = Invocation::here("limactl");
    match known {
        Some("Running") => Ok(()),
        Some(_) => {
            let call = limactl.args(["start", "--tty=false", mode::VM]);
            session.runner.act("starting the VM", &call).await.map(drop)
        }
        None => {
            let file = session.worktree.top.join("ctl/src/lima/gadget-k8s-host.yaml");
            let call = limactl.args(["start", "--tty=false", "--name", mode::VM]).arg(&file);
            session.runner.act("making the VM", &call).await.map(drop).context("the VM could not be made")
        }
    }
}
