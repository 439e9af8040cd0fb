//! The accept loop and what bounds a connection.
//!
//! hyper's own HTTP/1.1 connections rather than `axum::serve`, which bounds neither the number of connections nor the
//! time that a client takes to send its headers. A client that stops reading its answer is cut off by the kernel after
//! [`STALL_TIMEOUT`], one that reads a little now and then after [`MAX_CONNECTION_AGE`] plus [`DRAIN_GRACE`]. The surprise: an
//! answer that takes long by its nature (a stream of what happens, a large file) asks for more time through [`Lifetime`].

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

/// Connections at once per listener; further ones wait in the kernel's backlog.
const MAX_CONNECTIONS: u32 = 128;
/// How long a client may take for the headers of a request, or leave a kept-alive connection idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of a request's head.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// The most headers of a request.
const MAX_HEADERS: usize = 64;
/// How long a client may leave what was sent to it unread.
pub(super) const STALL_TIMEOUT: Duration = Duration::from_secs(20);
/// After this a connection ends with the answer it is giving, unless that may take longer.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(120);
/// How long answers under way may take once the connection is to end.
const DRAIN_GRACE: Duration = Duration::from_secs(5);
/// The pause after a failed accept, for instance without a free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a connection may live yet, and whether the server is stopping; every request has it among its extensions.
#[derive(Clone, Debug)]
pub(super) struct Lifetime {
    ends: Arc<watch::Sender<Instant>>,
    usual_end: Instant,
    stopping: watch::Receiver<()>,
}

impl Lifetime {
    fn begin(stopping: watch::Receiver<()>) -> Self {
        let usual_end = Instant::now() + MAX_CONNECTION_AGE;
        Self { ends: Arc::new(watch::Sender::new(usual_end)), usual_end, stopping }
    }

    /// Gives an answer this long from now on; afterwards the usual time counts again.
    pub(super) fn extend(&self, time: Duration) -> LongAnswer {
        self.ends.send_replace(Instant::now() + time);
        LongAnswer(self.clone())
    }

    /// Ends the connection, in the middle of its answer where that does not end within [`DRAIN_GRACE`].
    pub(super) fn end(&self) {
        self.ends.send_replace(Instant::now());
    }

    /// Resolves when the server stops.
    pub(super) async fn stopping(&mut self) {
        // There is never a value; the sender goes.
        while self.stopping.changed().await.is_ok() {}
    }

    /// Resolves when the connection has lived long enough.
    async fn over(&self) {
        let mut ends = self.ends.subscribe();
        loop {
            let end = *ends.borrow_and_update();
            tokio::select! {
                () = tokio::time::sleep_until(end) => return,
                // The sender lives in `self`.
                _ = ends.changed() => {}
            }
        }
    }
}

/// An answer that may take longer than others, until this is dropped.
#[derive(Debug)]
pub(super) struct LongAnswer(Lifetime);

impl Drop for LongAnswer {
    fn drop(&mut self) {
        self.0.ends.send_replace(self.0.usual_end);
    }
}

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
    let lifetime = Lifetime::begin(stopping.clone());
    let router = TowerToHyperService::new(router);
    let for_requests = lifetime.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(for_requests.clone());
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        result = &mut connection => Some(result),
        _ = stopping.changed() => None,
        () = lifetime.over() => None,
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
