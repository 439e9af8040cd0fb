//! The service over HTTP/1.1; axum, hyper and prometheus-client are known only below here.
//!
//! A handler extracts, calls the service, converts; it decides nothing. Two doors: the API's listener, meant for
//! loopback, which refuses foreign `Host` names because a web page may have its own name point at 127.0.0.1 (DNS
//! rebinding); and the metrics listener, which serves `/metrics`, `/healthz` and `/readyz` alone to whoever can reach it.
//! There are no CORS headers, so no other origin reads an answer. Every bound is a constant in `http/serve.rs`,
//! `http/door.rs` and beside what it bounds; every path stands in `http/endpoint.rs`, every parameter in `http/parameter.rs`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware;
use axum::response::Response;
use axum::routing::get;
use tokio::net::TcpListener;

mod accept;
mod answer;
mod api;
mod arrow;
mod ask;
pub mod columnar;
mod door;
mod encoding;
mod endpoint;
mod error;
mod export;
mod gate;
mod health;
mod host;
mod live;
mod mcp;
mod openapi;
mod parameter;
mod pieces;
mod prometheus;
mod query;
mod reply;
mod series;
mod serve;
mod shared_page;
mod study;
mod text_format;
mod values;
mod viewer;
mod when;

use crate::service::Service;
use crate::token::TokenCell;
use door::Door;
use endpoint::Doors;
use error::ApiError;
use gate::Gate;
use host::HostRule;
use openapi::Guarded;
use prometheus::Exposition;

/// The largest request body, and the longest line on standard input; only `/mcp` reads any.
const MAX_REQUEST_BODY_BYTES: usize = 64 << 10;

/// What handlers share.
#[derive(Debug)]
struct Shared {
    service: Arc<Service>,
    exposition: Exposition,
    queries: Door,
    scrapes: Door,
    exports: Door,
    live_streams: Door,
    live_answers: Door,
}

/// The service, ready to be served on listeners that the caller opens.
#[derive(Clone, Debug)]
pub struct Http {
    shared: Arc<Shared>,
    token: Option<TokenCell>,
}

impl Http {
    /// Wires the service to its paths.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        let exposition = Exposition::new(Arc::clone(&service));
        let shared = Shared {
            service,
            exposition,
            queries: Door::for_queries(),
            scrapes: Door::for_scrapes(),
            exports: Door::for_exports(),
            live_streams: Door::for_live_streams(),
            live_answers: Door::for_live_answers(),
        };
        Self { shared: Arc::new(shared), token: None }
    }

    /// With a token that every path but those of the metrics listener needs.
    #[must_use]
    pub fn guarded_by(self, token: TokenCell) -> Self {
        Self { token: Some(token), ..self }
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

    /// Serves one client of the Model Context Protocol on standard input and output, until that closes.
    ///
    /// # Errors
    ///
    /// The client does not speak the protocol.
    pub async fn serve_mcp(&self) -> std::io::Result<()> {
        mcp::serve_standard_streams(Arc::clone(&self.shared)).await
    }

    fn api_router(&self, listen: IpAddr) -> Router {
        let router = endpoint::router(Doors::Api)
            .route("/", get(viewer::root))
            .route("/assets/{name}", get(viewer::asset))
            .merge(mcp::router(&self.shared, HostRule::new(listen)))
            .fallback(async || ApiError::NotFound(endpoint::paths(Doors::Api).collect()))
            .layer(Extension(Guarded(self.token.is_some())));
        let gate = Gate { host: HostRule::new(listen), token: self.token.clone() };
        careful(self.finish(router).layer(middleware::from_fn_with_state(gate, gate::check)))
    }

    fn metrics_router(&self) -> Router {
        let router = endpoint::router(Doors::Both);
        careful(self.finish(router.fallback(async || ApiError::NotFound(endpoint::paths(Doors::Both).collect()))))
    }

    fn finish(&self, router: Router<Arc<Shared>>) -> Router {
        router
            .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
            .layer(DefaultBodyLimit::max(MAX_REQUEST_BODY_BYTES))
            .with_state(Arc::clone(&self.shared))
    }
}

/// The outermost layer, so that refusals have these headers too.
fn careful(router: Router) -> Router {
    router.layer(middleware::map_response(careful_headers))
}

/// Answers are of the moment, unless they say otherwise, and are what their type says; no cache and no browser may guess.
async fn careful_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
