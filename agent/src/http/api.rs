//! The JSON answers under `/api`: extract, ask the service, serialise.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::http::Shared;
use crate::http::error::ApiError;
use crate::http::query::{self, Pairs, QueryError};
use crate::service::{Service, catalogue};

type Parameters = Result<Query<Pairs>, QueryRejection>;

/// `/api/health`
pub(super) async fn health(
    State(shared): State<Arc<Shared>>,
    parameters: Parameters,
) -> Result<impl IntoResponse, ApiError> {
    query::none(pairs(parameters)?)?;
    Ok(axum::Json(shared.service.health()))
}

/// `/api/status`
pub(super) async fn status(State(shared): State<Arc<Shared>>, parameters: Parameters) -> Result<Response, ApiError> {
    query::none(pairs(parameters)?)?;
    json(&shared, |service| service.status()).await
}

/// `/api/metrics`
pub(super) async fn metrics(State(shared): State<Arc<Shared>>, parameters: Parameters) -> Result<Response, ApiError> {
    query::none(pairs(parameters)?)?;
    json(&shared, |_| catalogue::reply()).await
}

/// `/api/containers`
pub(super) async fn containers(
    State(shared): State<Arc<Shared>>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let filter = query::containers(pairs(parameters)?)?;
    json(&shared, move |service| service.containers(&filter)).await
}

fn pairs(parameters: Parameters) -> Result<Pairs, QueryError> {
    parameters.map(|Query(pairs)| pairs).map_err(|_| QueryError::Unreadable)
}

/// Makes and serialises an answer behind the queries' door.
async fn json<T: Serialize>(
    shared: &Shared,
    answer: impl FnOnce(&Service) -> T + Send + 'static,
) -> Result<Response, ApiError> {
    let service = Arc::clone(&shared.service);
    let body = shared.queries.run(move || serde_json::to_vec(&answer(&service))).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}
