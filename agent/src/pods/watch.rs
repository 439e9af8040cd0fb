//! One list and one watch of this node's pods: the only door to the API server, and the only user of `kube`.
//!
//! `kube` reads the configuration, speaks TLS and authenticates; requests and answers are this module's own, so that every
//! answer is taken in pieces of bounded size and parsed into what names need. Nothing here ends the agent or takes a name
//! away: what goes wrong is counted, said once, and tried again. The surprise: the first list asks for any version the
//! server has in its cache; a consistent one makes it read every pod of the cluster, once per node that starts.

mod backoff;
mod session;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use thiserror::Error;
use tracing::{info, warn};

use super::cell::{NamesState, PodsCell};
use super::facts::cut;
use crate::clock;
use crate::health::{Counters, NamesError};
use backoff::Backoff;
use session::Session;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that lasted so long was a good one: the next failure is the first again.
const GOOD_AFTER: Duration = Duration::from_secs(10);

/// Watches in a row that end at once, before everything is listed again.
const MAX_SHORT_WATCHES: u32 = 3;

/// The longest sentence about an error that is kept.
const MAX_SENTENCE_BYTES: usize = 300;

/// Why the API server that was named cannot be asked.
#[derive(Debug, Error)]
#[error("cannot use the kubeconfig {path}: {reason}; name another one with --kubeconfig, or none")]
pub struct ConnectError {
    path: PathBuf,
    reason: String,
}

/// Where the API server is and how to speak to it.
#[derive(Clone)]
pub struct ApiServer(Client);

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").finish_non_exhaustive()
    }
}

/// What went wrong with one request, by what it means.
#[derive(Debug, Error)]
enum Failure {
    #[error("the API server does not answer: {0}")]
    Unreachable(String),
    #[error("the API server denies the list of pods ({code}): {message}")]
    Denied { code: u16, message: String },
    #[error("the API server no longer has the version that was watched from")]
    Expired,
    #[error("the API server refuses ({code}): {message}")]
    Refused { code: u16, message: String },
    #[error("the API server's answer makes no sense: {0}")]
    Garbled(String),
}

impl Failure {
    fn class(&self) -> NamesError {
        match self {
            Self::Unreachable(_) => NamesError::Unreachable,
            Self::Denied { .. } => NamesError::Denied,
            Self::Expired => NamesError::Expired,
            Self::Refused { .. } => NamesError::Refused,
            Self::Garbled(_) => NamesError::Garbled,
        }
    }
}

/// The API server of the kubeconfig that was named, else the one whose pod this is; `Ok(None)` where there is neither.
///
/// A kubeconfig that merely lies about (`KUBECONFIG`, `~/.kube`) is not used: nobody asked to contact that cluster.
///
/// # Errors
/// When the kubeconfig that was named makes no sense.
pub async fn find(kubeconfig: Option<&Path>) -> Result<Option<ApiServer>, ConnectError> {
    let Some(path) = kubeconfig else { return Ok(in_cluster()) };
    let wrong = |error: &dyn std::error::Error| ConnectError { path: path.to_owned(), reason: innermost(error) };
    let read = Kubeconfig::read_from(path).map_err(|error| wrong(&error))?;
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(read, &options).await.map_err(|error| wrong(&error))?;
    client(config).map(Some).map_err(|error| wrong(&error))
}

fn in_cluster() -> Option<ApiServer> {
    // Outside of pods the variable is missing; in a pod without a service account, the token.
    let config = Config::incluster_env().ok()?;
    client(config).inspect_err(|error| warn!("cannot use the pod's service account: {error}")).ok()
}

fn client(mut config: Config) -> kube::Result<ApiServer> {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.default_retry = false; // this module's own pace
    Client::try_from(config).map(ApiServer)
}

/// Keeps the cell as the API server has it, for as long as it is polled.
pub async fn run(server: ApiServer, node: String, cell: Arc<PodsCell>, counters: Arc<Counters>) {
    let mut session = Session::new(server.0, node, Arc::clone(&cell), Arc::clone(&counters));
    let (mut backoff, mut short_watches) = (Backoff::default(), 0);
    cell.set_state(NamesState::Connecting, clock::wall());
    loop {
        let begun = Instant::now();
        let outcome = session.run_once().await;
        if begun.elapsed() >= GOOD_AFTER {
            backoff.reset();
            short_watches = 0;
        }
        match outcome {
            Err(failure) => {
                counters.names_error(failure.class());
                note(&cell, &failure);
            }
            // A watch that the server ended in good order.
            Ok(()) if begun.elapsed() >= GOOD_AFTER => continue,
            Ok(()) => short_watches += 1,
        }
        if short_watches >= MAX_SHORT_WATCHES {
            session.forget_version(); // what answers may be no API server: a list tells
            short_watches = 0;
        }
        tokio::time::sleep(backoff.next()).await;
    }
}

/// Says that names are late from now on, once.
fn note(cell: &PodsCell, failure: &Failure) {
    let sentence = cut(&failure.to_string(), MAX_SENTENCE_BYTES);
    // A version that has expired is asked for anew at once: nothing is late for that alone.
    if !matches!(failure, Failure::Expired) && cell.set_state(NamesState::Retrying, clock::wall()) {
        warn!("{sentence}; the names known stay, and it is asked again until it answers");
    }
    cell.set_error(sentence);
}

/// The list is whole, or a watch goes on: says so, once.
fn connected(cell: &PodsCell, node: &str) {
    if cell.set_state(NamesState::Connected, clock::wall()) {
        info!("names come from the API server: {} pods on {node}", cell.status().pods);
    }
}

/// What is at the bottom of an error, with what is at its top; the first line of each.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let line = |error: &dyn std::error::Error| error.to_string().lines().next().unwrap_or_default().to_owned();
    let (top, bottom) = (line(error), line(innermost));
    if top.contains(&bottom) { top } else { format!("{top}: {bottom}") }
}
