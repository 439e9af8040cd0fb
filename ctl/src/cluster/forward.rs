//! Port-forwards to agents, in the background: a listener here, and a new forward through the API server for each connection.
//!
//! So a forward outlives the pod that it leads to: the next connection leads to the next pod. It ends by itself once its
//! cluster's credentials are removed, and needs no tidying where it was killed.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use serde::Serialize;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::args::{Forward, Target};
use crate::background::Background;
use crate::cluster::{kind, kubernetes};
use crate::failure::{Code, Failure};
use crate::http;
use crate::invocation::Invocation;
use crate::local::url;
use crate::runner::tell;
use crate::session::Session;
use crate::worktree::{self, Door};

/// The doors that lead into the cluster.
pub(crate) const DOORS: [Door; 2] = [Door::ClusterViewer, Door::Mcp];
/// The agent's port on its pod's loopback address.
const AGENT_PORT: u16 = 8050;
/// How long a new connection waits for a pod to lead to, as while the agent is replaced.
const POD_PATIENCE: Duration = Duration::from_secs(60);
/// How long a forward may take to answer for the first time.
const START_PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(300);
/// How often it looks whether its cluster is still the one it was begun for.
const LOOK: Duration = Duration::from_secs(5);
/// Connections at once; a browser makes six.
const MAX_CONNECTIONS: usize = 64;

/// A forward that runs, for who asks.
#[derive(Serialize)]
pub(crate) struct Answer {
    pub(crate) url: String,
    pub(crate) about: String,
    pub(crate) pid: i32,
    pub(crate) healthy: bool,
}

/// The forward of a door of this worktree.
fn background(session: &Session, door: Door) -> Background {
    let name = match door {
        Door::LocalViewer => "local-viewer",
        Door::ClusterViewer => "viewer",
        Door::Mcp => "mcp",
    };
    Background::new(&session.worktree.state(), name)
}

/// What runs at a door, and whether an agent answers through it.
pub(crate) async fn running(session: &Session, door: Door) -> Result<Option<Answer>> {
    let Some(running) = background(session, door).running()? else { return Ok(None) };
    let healthy = http::answers(running.port, "/api/health").await;
    Ok(Some(Answer { url: url(running.port), about: running.about, pid: running.pid, healthy }))
}

/// Begins a forward, unless one to the same agent runs, and prints its address.
pub(crate) async fn start(session: &Session, door: Door, target: &Target) -> Result<()> {
    let port = session.worktree.port(door);
    let call = this_program()?
        .arg("__forward")
        .arg("--kubeconfig")
        .arg(session.worktree.kubeconfig())
        .args(["--port", &port.to_string()])
        .args(words_of(target));
    if session.runner.is_dry() {
        session.runner.plan(&format!("{} &", call.line(&[])));
        return Ok(());
    }
    kind::must_be_ready(session).await?;
    let client = kubernetes::client_of(session).await?;
    kubernetes::agent(&client, target).await?;
    let background = background(session, door);
    let about = about(target);
    if let Some(running) = running(session, door).await? {
        if running.about == about && running.healthy {
            return tell_of(session, door, &running);
        }
        background.stop()?;
    }
    if !worktree::is_free(port) {
        let sentence = format!("port {port} is taken by another program: end that one and try again");
        return Err(Failure::of(Code::Missing, sentence));
    }
    background.start(&call, port, &about)?;
    if let Err(error) = comes_up(session, &background, port).await {
        let said = background.last_lines(5);
        background.stop()?;
        return Err(if said.is_empty() { error } else { error.context(said) });
    }
    let running = running(session, door).await?.context("it ended again")?;
    tell_of(session, door, &running)
}

/// Ends the forward of a door, if one runs.
pub(crate) fn stop(session: &Session, door: Door) -> Result<()> {
    let background = background(session, door);
    if session.runner.is_dry() {
        if let Some(running) = background.running()? {
            session.runner.plan(&format!("kill -TERM -- -{}", running.pid));
        }
        return Ok(());
    }
    background.stop().map(drop)
}

async fn comes_up(session: &Session, background: &Background, port: u16) -> Result<()> {
    let begun = Instant::now();
    while !http::answers(port, "/api/health").await {
        if background.running()?.is_none() {
            bail!("the forward ended");
        }
        if begun.elapsed() > START_PATIENCE {
            bail!("the agent does not answer through the forward: `fgmctl cluster logs` tells what it says");
        }
        session.runner.interruption().pause(PAUSE).await?;
    }
    Ok(())
}

fn tell_of(session: &Session, door: Door, running: &Answer) -> Result<()> {
    session.answer(running, |running| match door {
        Door::Mcp => format!("{}mcp", running.url),
        _ => format!("{}\n  leads to {}", running.url, running.about),
    })
}

/// Which agent is meant, in words.
pub(crate) fn about(target: &Target) -> String {
    match (&target.pod, &target.node) {
        (Some(pod), _) => format!("pod {pod}"),
        (None, Some(node)) => format!("the agent on {node}"),
        (None, None) => "an agent of the cluster".to_owned(),
    }
}

fn words_of(target: &Target) -> Vec<String> {
    let pair =
        |flag: &str, value: &Option<String>| value.iter().flat_map(|value| [flag.to_owned(), value.clone()]).collect();
    let (pod, node): (Vec<String>, Vec<String>) = (pair("--pod", &target.pod), pair("--node", &target.node));
    pod.into_iter().chain(node).collect()
}

/// This program, for what it runs in the background.
pub(crate) fn this_program() -> Result<Invocation> {
    Ok(Invocation::here(std::env::current_exe().context("this program's own path")?))
}

/// The forward itself: runs until it is told to end, or its cluster is another one.
pub(crate) async fn serve(forward: &Forward) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, forward.port)).await?;
    let credentials = std::fs::read(&forward.kubeconfig).with_context(|| forward.kubeconfig.display().to_string())?;
    let client = kubernetes::client(&forward.kubeconfig).await?;
    let room = std::sync::Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
    tokio::select! {
        () = accept(&listener, &client, &forward.target, &room) => Ok(()),
        () = has_changed(&forward.kubeconfig, &credentials) => {
            tell("the cluster is gone");
            Ok(())
        }
    }
}

async fn has_changed(path: &Path, credentials: &[u8]) {
    while std::fs::read(path).is_ok_and(|now| now == credentials) {
        tokio::time::sleep(LOOK).await;
    }
}

async fn accept(
    listener: &TcpListener,
    client: &Client,
    target: &Target,
    room: &std::sync::Arc<tokio::sync::Semaphore>,
) {
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((connection, _)) => {
                let (client, target) = (client.clone(), target.clone());
                tokio::spawn(async move {
                    if let Err(error) = lead(connection, &client, &target).await {
                        tell(&format!("{error:#}"));
                    }
                    drop(place);
                });
            }
            // Out of descriptors, or a connection that was gone before it was accepted.
            Err(error) => {
                tell(&format!("no connection: {error}"));
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// One connection to an agent that is ready, or will be soon.
async fn lead(mut connection: TcpStream, client: &Client, target: &Target) -> Result<()> {
    let begun = Instant::now();
    let mut stream = loop {
        match open(client, target).await {
            Ok(stream) => break stream,
            Err(error) if begun.elapsed() > POD_PATIENCE => return Err(error),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    };
    // Whoever goes first ends both; which one it was is nobody's failure.
    let _ = copy_bidirectional(&mut connection, &mut stream).await;
    Ok(())
}

async fn open(client: &Client, target: &Target) -> Result<impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> {
    let pod = kubernetes::agent(client, target).await?;
    if !kubernetes::is_ready(&pod) {
        bail!("{} is not ready", kubernetes::name_of(&pod));
    }
    stream_to(client, &pod).await
}

/// A connection to the agent's API in a pod.
pub(crate) async fn stream_to(
    client: &Client,
    pod: &Pod,
) -> Result<impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + use<>> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), kubernetes::NAMESPACE);
    let mut forward = pods.portforward(kubernetes::name_of(pod), &[AGENT_PORT]).await?;
    forward.take_stream(AGENT_PORT).context("no stream")
}
