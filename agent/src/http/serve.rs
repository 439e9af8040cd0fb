//! The accept loop and what bounds a connection.
//!
//! hyper's own HTTP/1.1 connections rather than `axum::serve`, which bounds neither the number of connections nor the
//! time that a client takes to send its headers. A client that stops reading its answer is cut off by the kernel after
//! [`STALL_TIMEOUT`], one that reads a little now and then after [`MAX_CONNECTION_AGE`] plus [`DRAIN_GRACE`].

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Connections at once per listener; further ones wait in the kernel's backlog.
const MAX_CONNECTIONS: u32 = 128;
/// How long a client may take for the headers of a request, or leave a kept-alive connection idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of a request's head.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// The most headers of a request.
const MAX_HEADERS: usize = 64;
/// How long a client may leave what was sent to it unread.
const STALL_TIMEOUT: Duration = Duration::from_secs(20);
/// After this a connection ends with the answer it is giving.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(120);
/// How long answers under way may take once the connection is to end.
const DRAIN_GRACE: Duration = Duration::from_secs(5);
/// The pause after a failed accept, for instance without a free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` resolves; then accepts no more and waits, up to the grace, for answers under way.
pub(super) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
    let (running, stopping) = watch::channel(());
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        if let Some((stream, permit)) = accepted {
            tokio::spawn(connection(stream, router.clone(), stopping.clone(), permit));
        }
    }
    drop(listener);
    drop(running);
    // Every permit is back when every connection has ended.
    if tokio::time::timeout(DRAIN_GRACE, permits.acquire_many(MAX_CONNECTIONS)).await.is_err() {
        tracing::warn!("connections were still open at the end of the grace period");
    }
}

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection(
    stream: TcpStream,
    router: Router,
    mut stopping: watch::Receiver<()>,
    permit: OwnedSemaphorePermit,
) {
    set_options(&stream);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = tokio::select! {
        result = &mut connection => Some(result),
        _ = stopping.changed() => None,
        () = tokio::time::sleep(MAX_CONNECTION_AGE) => None,
    };
    let result = match ended {
        Some(result) => Ok(result),
        None => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(DRAIN_GRACE, connection).await
        }
    };
    if let Ok(Err(error)) = result {
        tracing::debug!(%error, "a connection ended early");
    }
    drop(permit);
}

fn set_options(stream: &TcpStream) {
    // Answers are written at once; waiting for more to send only delays them.
    let nodelay = stream.set_nodelay(true);
    let millis = u32::try_from(STALL_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
    let stall = rustix::net::sockopt::set_tcp_user_timeout(stream, millis);
    if let Err(error) = nodelay.and(stall.map_err(Into::into)) {
        tracing::debug!(%error, "a connection goes without its socket options");
    }
}
