//! Probes and the index: plain text, answered at once.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use crate::http::Shared;
use crate::http::endpoint::ENDPOINTS;

/// `/healthz`: the process lives and answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// `/readyz`: 503 until the first tick is stored.
pub(super) async fn readyz(State(shared): State<Arc<Shared>>) -> (StatusCode, &'static str) {
    if shared.service.readiness.is_set() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready: the first tick is not stored yet\n")
    }
}

/// `/`: what there is.
pub(super) async fn index() -> String {
    let mut text = "fine-grained-monitor\n\n".to_owned();
    for endpoint in ENDPOINTS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:17} {}", endpoint.path, endpoint.answers);
    }
    text
}
