//! Serves what was recorded elsewhere: a copied data directory, single files, or the directory of an agent that runs.
//!
//! Samples nothing and writes nothing. The surprise: the same service and the same listener as a recording agent's; what only
//! an agent that records can tell (living containers, its cost, its hierarchies) is empty.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::info;

use super::recorded::Recordings;
use super::{Error, HTTP_GRACE, Signals, facts, listen, say_where, serve, token};
use crate::clock;
use crate::config::RunConfig;
use crate::health::Counters;
use crate::http::Http;
use crate::own_use::OwnUseReader;
use crate::service::asking::Asking;
use crate::service::facts::FactsCell;
use crate::service::{Readiness, Recorded, Service};
use crate::token_file::TokenFile;

/// Serves files until SIGTERM or SIGINT; of the configuration, only what is about the listener and the node counts.
///
/// # Errors
/// There is nothing to view, or the address can't be had.
pub fn view(config: &RunConfig, roots: Vec<PathBuf>) -> Result<(), Error> {
    let start = |what| move |source| Error::Start { what, source };
    let recordings = Recordings::view(roots)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(start("the runtime"))?;
    runtime.block_on(async {
        let interrupt = signal(SignalKind::interrupt()).map_err(start("signal handling"))?;
        let terminate = signal(SignalKind::terminate()).map_err(start("signal handling"))?;
        let mut signals = Signals { interrupt, terminate };
        let token = config.token_file.as_deref().map(TokenFile::open).transpose()?;
        let listener = listen("--listen", config.listen).await?;
        say_where("viewing", &listener);
        let (stop_http, stopped) = watch::channel(());
        let http = token::guarded(Http::new(Arc::new(service(config, recordings))), token);
        let http = tokio::spawn(serve(http, listener, None, stopped));
        signals.next().await;
        drop(stop_http);
        if tokio::time::timeout(HTTP_GRACE, http).await.is_err() {
            info!("clients that did not finish reading were cut off");
        }
        Ok(())
    })
}

/// Answers one client of the Model Context Protocol on standard input and output, until that closes or a signal comes.
///
/// # Errors
/// There is nothing to view, or the client does not speak the protocol.
pub fn mcp(config: &RunConfig, roots: Vec<PathBuf>) -> Result<(), Error> {
    let start = |what| move |source| Error::Start { what, source };
    let recordings = Recordings::view(roots)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(start("the runtime"))?;
    let ended = runtime.block_on(async {
        let interrupt = signal(SignalKind::interrupt()).map_err(start("signal handling"))?;
        let terminate = signal(SignalKind::terminate()).map_err(start("signal handling"))?;
        let mut signals = Signals { interrupt, terminate };
        let http = Http::new(Arc::new(service(config, recordings)));
        tokio::select! {
            served = http.serve_mcp() => served.map_err(start("the protocol on standard input")),
            () = signals.next() => Ok(()),
        }
    });
    // A read of standard input that is a terminal does not end before a line comes.
    runtime.shutdown_background();
    ended
}

pub(super) fn service(config: &RunConfig, recordings: Recordings) -> Service {
    let recorded: Arc<dyn Recorded> = Arc::new(recordings);
    let own = OwnUseReader::new(&config.proc_root, &[&config.cgroup_root, Path::new("/sys/fs/cgroup")]);
    let readiness = Readiness::default();
    readiness.set();
    Service {
        questions: Arc::new(Asking { recorded: Arc::clone(&recorded), processes_usec: None }),
        recorded,
        facts: Arc::new(FactsCell::new(facts::of_view(config, clock::wall()))),
        counters: Arc::new(Counters::default()),
        own_use: Box::new(move || own.read()),
        readiness: Arc::new(readiness),
    }
}
