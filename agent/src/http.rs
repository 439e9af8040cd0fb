//! The service over HTTP/1.1; axum, hyper and prometheus-client are known only below here.
//!
//! A handler extracts, calls the service, converts; it decides nothing. Two doors: the API's listener, meant for
//! loopback, which refuses foreign `Host` names because a web page may have its own name point at 127.0.0.1 (DNS
//! rebinding); and the metrics listener, which serves `/metrics`, `/healthz` and `/readyz` alone to whoever can reach it.
//! There are no CORS headers, so no other origin reads an answer. Every bound is a constant in `http/serve.rs` and
//! `http/door.rs`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware;
use axum::response::Response;
use axum::routing::get;
use tokio::net::TcpListener;

mod accept;
mod api;
mod door;
mod error;
mod event_query;
mod health;
mod host;
mod prometheus;
mod query;
mod serve;
mod text_format;

use crate::service::Service;
use door::Door;
use error::ApiError;
use host::HostRule;
use prometheus::Exposition;

/// The largest request body; nothing served today reads one.
const MAX_REQUEST_BODY_BYTES: usize = 64 << 10;

/// The paths of the API's listener, with what they answer.
const API_PATHS: &[(&str, &str)] = &[
    ("/healthz", "whether the process lives"),
    ("/readyz", "whether the first tick is stored (503 before)"),
    ("/metrics", "Prometheus and OpenMetrics"),
    ("/api/health", "the agent in short"),
    ("/api/status", "the agent in full"),
    ("/api/metrics", "every metric the agent knows"),
    ("/api/containers", "the containers, newest first"),
    ("/api/events", "what happened, newest first"),
];

/// The paths of the metrics listener.
const METRICS_PATHS: &[&str] = &["/metrics", "/healthz", "/readyz"];

/// What handlers share.
#[derive(Debug)]
struct Shared {
    service: Arc<Service>,
    exposition: Exposition,
    queries: Door,
    scrapes: Door,
}

/// The service, ready to be served on listeners that the caller opens.
#[derive(Clone, Debug)]
pub struct Http {
    shared: Arc<Shared>,
}

impl Http {
    /// Wires the service to its paths.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        let exposition = Exposition::new(Arc::clone(&service));
        let shared = Shared { service, exposition, queries: Door::for_queries(), scrapes: Door::for_scrapes() };
        Self { shared: Arc::new(shared) }
    }

    /// Serves everything until `stop` resolves, then drains.
    ///
    /// # Errors
    ///
    /// Where the listener cannot tell its address.
    pub async fn serve_api(&self, listener: TcpListener, stop: impl Future<Output = ()>) -> std::io::Result<()> {
        let router = self.api_router(listener.local_addr()?.ip());
        serve::serve(listener, router, stop).await;
        Ok(())
    }

    /// Serves metrics and health alone until `stop` resolves, then drains.
    pub async fn serve_metrics(&self, listener: TcpListener, stop: impl Future<Output = ()>) {
        serve::serve(listener, self.metrics_router(), stop).await;
    }

    fn api_router(&self, listen: IpAddr) -> Router {
        let router = self
            .common_routes()
            .route("/", get(health::index))
            .route("/api/health", get(api::health))
            .route("/api/status", get(api::status))
            .route("/api/metrics", get(api::metrics))
            .route("/api/containers", get(api::containers))
            .route("/api/events", get(api::events))
            .fallback(async || ApiError::NotFound(API_PATHS.iter().map(|&(path, _)| path).collect()));
        self.finish(router).layer(middleware::from_fn_with_state(HostRule::new(listen), host::check))
    }

    fn metrics_router(&self) -> Router {
        self.finish(self.common_routes().fallback(async || ApiError::NotFound(METRICS_PATHS.to_vec())))
    }

    fn common_routes(&self) -> Router<Arc<Shared>> {
        Router::new()
            .route("/healthz", get(health::healthz))
            .route("/readyz", get(health::readyz))
            .route("/metrics", get(prometheus::metrics))
    }

    fn finish(&self, router: Router<Arc<Shared>>) -> Router {
        router
            .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
            .layer(DefaultBodyLimit::max(MAX_REQUEST_BODY_BYTES))
            .layer(middleware::map_response(careful_headers))
            .with_state(Arc::clone(&self.shared))
    }
}

/// Answers are of the moment and are what their type says; no cache and no browser may think otherwise.
async fn careful_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
