//! Making, starting and removing the worktree's cluster. What is interrupted half-way is removed again.

use std::fmt::Write;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::args::Create;
use crate::cluster::forward::{self, DOORS};
use crate::cluster::kind::{self, State};
use crate::cluster::{kubernetes, mcp};
use crate::session::Session;
use crate::{kubeconfig, worktree};

/// How long kind waits for the nodes, which take a minute on a small machine.
const NODE_WAIT: &str = "240s";
/// How long a cluster that was started again may take to answer.
const START_PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(500);

/// The cluster is there when this returns.
pub(crate) async fn create(session: &Session, options: &Create) -> Result<()> {
    kind::vm_runs(session).await?;
    let cluster = session.worktree.cluster();
    let state = kind::state(session).await?;
    match &state {
        State::Absent => {}
        State::Foreign(_) => return Err(kind::unusable(&cluster, &state)),
        _ if options.recreate => remove(session).await?,
        State::Ready => return same_as_asked(session, options).await,
        State::Stopped => return start(session).await,
        State::Broken(_) => return Err(kind::unusable(&cluster, &state)),
    }
    make(session, options).await
}

async fn make(session: &Session, options: &Create) -> Result<()> {
    let (worktree, runner) = (&session.worktree, &session.runner);
    let cluster = worktree.cluster();
    let port = worktree::claim_api_port(worktree, options.api_port, runner)?;
    // Kind writes credentials to a file as well as telling them; the user's own is left to us, who keep its other entries
    // as they are.
    let mut call = kind::kind().args(["create", "cluster", "--name", &cluster, "--wait", NODE_WAIT, "--config", "-"]);
    call = call.arg("--kubeconfig").arg(throw_away(session));
    if let Some(image) = &options.node_image {
        call = call.args(["--image", image]);
    }
    let made = runner
        .act(&format!("making the cluster {cluster}"), &call.input(config(port, options.nodes.unwrap_or(1))))
        .await;
    let finished = match made {
        Ok(_) => finish(session).await,
        Err(error) => Err(error),
    };
    if let Err(error) = finished {
        if session.runner.interruption().has_come() {
            let delete = kind::kind().args(["delete", "cluster", "--name", &cluster]);
            runner.tidy("removing what was made of the cluster", &delete).await;
            forget(session)?;
        }
        return Err(error);
    }
    Ok(())
}

/// Credentials, and whose the cluster is: what makes it whole.
async fn finish(session: &Session) -> Result<()> {
    let worktree = &session.worktree;
    let remove = crate::invocation::Invocation::at_cluster("rm").arg("-f").arg(throw_away(session));
    session.runner.act("putting credentials in place", &remove).await?;
    if session.runner.is_dry() {
        session.runner.plan(&format!(
            "# writes {} and the context {}",
            worktree.kubeconfig().display(),
            worktree.context()
        ));
        session.runner.plan(&format!("# notes {} as the cluster's owner, in the cluster", worktree.top.display()));
        return Ok(());
    }
    kind::keep_credentials(session, &kind::kubeconfig_text(session).await?)?;
    let client = kubernetes::client(&worktree.kubeconfig()).await?;
    session.runner.interruption().or(kubernetes::set_owner(&client, &worktree.top)).await
}

/// A cluster that is there has what was asked for, or it is said how to get it.
async fn same_as_asked(session: &Session, options: &Create) -> Result<()> {
    let cluster = session.worktree.cluster();
    let nodes = kind::nodes(session, &cluster).await?.len();
    if let Some(asked) = options.nodes.filter(|asked| usize::from(*asked) != nodes) {
        bail!(
            "the cluster {cluster} has {nodes} nodes, not {asked}: add --recreate to make it anew, which loses what it recorded"
        );
    }
    if let Some(asked) = options.api_port.filter(|asked| session.worktree.api_port.is_some_and(|port| port != *asked)) {
        bail!("the cluster {cluster} has another API port than {asked}: add --recreate to make it anew");
    }
    Ok(())
}

/// Starts the nodes of a cluster that was stopped, and waits until it answers.
async fn start(session: &Session) -> Result<()> {
    let nodes = kind::nodes(session, &session.worktree.cluster()).await?;
    let call = kind::docker().arg("start").args(nodes.iter().map(|(name, _)| name));
    session.runner.act("starting the cluster", &call).await?;
    let answers = async {
        let begun = std::time::Instant::now();
        loop {
            let state = kind::state(session).await?;
            if state == State::Ready {
                return Ok(());
            }
            if begun.elapsed() > START_PATIENCE {
                return Err(kind::unusable(&session.worktree.cluster(), &state));
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    session.runner.doing("waiting for its API server", "waits until the API server answers", answers).await
}

/// Removes the cluster and all that this tool made for it, on this machine too; recorded data that was copied stays.
pub(crate) async fn destroy(session: &Session) -> Result<()> {
    if session.mode == crate::mode::Mode::Vm {
        kind::vm_runs(session).await?;
    }
    let state = kind::state(session).await?;
    if let State::Foreign(_) = state {
        return Err(kind::unusable(&session.worktree.cluster(), &state));
    }
    remove(session).await
}

async fn remove(session: &Session) -> Result<()> {
    for door in DOORS {
        forward::stop(session, door)?;
    }
    let (cluster, image) = (session.worktree.cluster(), session.worktree.image());
    let mut call = kind::kind().args(["delete", "cluster", "--name", &cluster, "--kubeconfig"]);
    call = call.arg(throw_away(session));
    session.runner.act(&format!("removing the cluster {cluster}"), &call).await?;
    let images = kind::docker().args(["image", "ls", "--quiet", &image]);
    if !session.runner.read(&images).await?.trim().is_empty() {
        session.runner.act("removing its image", &kind::docker().args(["image", "rm", "--force", &image])).await?;
    }
    if session.runner.is_dry() {
        mcp::forget(session)?;
        session.runner.plan(&format!("# removes the context {} and .fgm/kubeconfig", session.worktree.context()));
        return Ok(());
    }
    forget(session)
}

/// What is kept of a cluster on this machine goes.
fn forget(session: &Session) -> Result<()> {
    let worktree = &session.worktree;
    mcp::forget(session)?;
    kubeconfig::remove(&kubeconfig::user_file()?, &worktree.context())?;
    for path in ["kubeconfig", "kubeconfig.kind", "viewer.log", "mcp.log"].map(|name| worktree.state().join(name)) {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context(path.display().to_string());
            }
            _ => {}
        }
    }
    let overlay = worktree.state().join("overlay");
    if overlay.is_dir() {
        std::fs::remove_dir_all(&overlay).with_context(|| overlay.display().to_string())?;
    }
    worktree::give_back_api_port(worktree, &session.runner)
}

/// A kubeconfig that only kind writes to, where kind runs.
fn throw_away(session: &Session) -> std::path::PathBuf {
    match session.mode {
        crate::mode::Mode::Vm => format!("/tmp/{}.kubeconfig", session.worktree.cluster()).into(),
        crate::mode::Mode::Direct => session.worktree.state().join("kubeconfig.kind"),
    }
}

/// Kind's own description of a cluster: its API server on the loopback address, and so many nodes.
fn config(port: u16, nodes: u16) -> String {
    let mut text = format!(
        "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnetworking:\n  apiServerAddress: 127.0.0.1\n  apiServerPort: {port}\nnodes:\n\
         - role: control-plane\n"
    );
    for _ in 1..nodes {
        let _ = writeln!(text, "- role: worker");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_node_is_the_control_plane() {
        let text = config(6444, 3);
        assert!(
            text.contains("apiServerPort: 6444\nnodes:\n- role: control-plane\n- role: worker\n- role: worker\n"),
            "{text}"
        );
    }
}
