//! The JSON answers under `/api`: extract, ask the service, serialise.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::clock;
use crate::http::Shared;
use crate::http::error::ApiError;
use crate::http::event_query;
use crate::http::query::{self, Pairs, QueryError};
use crate::service::answers::ContainersQuestion;
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
    let question = ContainersQuestion { filter, ..ContainersQuestion::default() };
    fallible(&shared, move |service| service.questions.containers(&question).map_err(|error| error.to_string())).await
}

/// `/api/events`
pub(super) async fn events(State(shared): State<Arc<Shared>>, parameters: Parameters) -> Result<Response, ApiError> {
    let filter = event_query::events(pairs(parameters)?, clock::wall())?;
    fallible(&shared, move |service| service.events(&filter)).await
}

fn pairs(parameters: Parameters) -> Result<Pairs, QueryError> {
    parameters.map(|Query(pairs)| pairs).map_err(|_| QueryError::Unreadable)
}

/// Makes and serialises an answer behind the queries' door.
async fn json<T: Serialize>(
    shared: &Shared,
    answer: impl FnOnce(&Service) -> T + Send + 'static,
) -> Result<Response, ApiError> {
    fallible(shared, move |service| Ok(answer(service))).await
}

/// The same for an answer that may fail: the reason goes to the log.
async fn fallible<T: Serialize>(
    shared: &Shared,
    answer: impl FnOnce(&Service) -> Result<T, String> + Send + 'static,
) -> Result<Response, ApiError> {
    let service = Arc::clone(&shared.service);
    let make = move || serde_json::to_vec(&answer(&service)?).map_err(|error| error.to_string());
    let body = shared.queries.run(make).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}
