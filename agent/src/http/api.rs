//! The JSON answers under `/api`: extract, ask the service, convert.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::clock;
use crate::http::Shared;
use crate::http::answer::{self, Lasts, Made, Wish};
use crate::http::error::ApiError;
use crate::http::query::{Given, Pairs, QueryError};
use crate::http::reply::{ProcessesReply, TopReply};
use crate::http::{ask, series};
use crate::service::question::{AskError, TimeRange};
use crate::service::{Service, catalogue};

pub(super) type Parameters = Result<Query<Pairs>, QueryRejection>;

type Answered = Result<Response, ApiError>;

/// `/api/health`
pub(super) async fn health(State(shared): State<Arc<Shared>>, parameters: Parameters) -> Answered {
    none(parameters)?;
    Ok(axum::Json(shared.service.health()).into_response())
}

/// `/api/status`
pub(super) async fn status(State(shared): State<Arc<Shared>>, headers: HeaderMap, parameters: Parameters) -> Answered {
    none(parameters)?;
    json(&shared, &headers, |service| Ok(service.status())).await
}

/// `/api/instance`
pub(super) async fn instance(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Answered {
    none(parameters)?;
    json(&shared, &headers, |service| Ok(service.instance())).await
}

/// `/api/metrics`
pub(super) async fn metrics(State(shared): State<Arc<Shared>>, headers: HeaderMap, parameters: Parameters) -> Answered {
    none(parameters)?;
    json(&shared, &headers, |_| Ok(catalogue::reply())).await
}

/// `/api/filters`
pub(super) async fn filters(State(shared): State<Arc<Shared>>, headers: HeaderMap, parameters: Parameters) -> Answered {
    let when = ask::filters(pairs(parameters)?, clock::wall())?;
    over(&shared, &headers, move |service| {
        let range = when.map(|when| when.range(&*service.questions));
        Ok((service.questions.filters(range)?, range))
    })
    .await
}

/// `/api/containers`
pub(super) async fn containers(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Answered {
    let (mut question, when) = ask::containers(pairs(parameters)?, clock::wall())?;
    over(&shared, &headers, move |service| {
        question.range = when.map(|when| when.range(&*service.questions));
        Ok((service.questions.containers(&question)?, question.range))
    })
    .await
}

/// `/api/timeseries`
pub(super) async fn timeseries(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Answered {
    let asked = ask::series(pairs(parameters)?, clock::wall())?;
    answer::answer(&shared, Wish::of(&headers), move |service, wish| {
        let question = asked.whole(&*service.questions, |question, range| question.range = range);
        series::made(service.questions.series(&question)?, wish.format)
    })
    .await
}

/// `/api/top`
pub(super) async fn top(State(shared): State<Arc<Shared>>, headers: HeaderMap, parameters: Parameters) -> Answered {
    let asked = ask::top(pairs(parameters)?, clock::wall())?;
    over(&shared, &headers, move |service| {
        let question = asked.whole(&*service.questions, |question, range| question.range = range);
        Ok((TopReply::from(&service.questions.top(&question)?), Some(question.range)))
    })
    .await
}

/// `/api/processes`
pub(super) async fn processes(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Answered {
    let question = ask::processes(pairs(parameters)?, clock::wall())?;
    json(&shared, &headers, move |service| service.questions.processes(&question).map(ProcessesReply::from)).await
}

/// `/api/events`
pub(super) async fn events(State(shared): State<Arc<Shared>>, headers: HeaderMap, parameters: Parameters) -> Answered {
    let (mut filter, when) = ask::events(pairs(parameters)?, clock::wall())?;
    over(&shared, &headers, move |service| {
        let range = when.map(|when| when.range(&*service.questions));
        if let Some(range) = range {
            (filter.from, filter.to) = (range.from, range.to);
        }
        Ok((service.events(&filter).map_err(AskError::Failed)?, range))
    })
    .await
}

/// The pairs of a request.
pub(super) fn pairs(parameters: Parameters) -> Result<Pairs, QueryError> {
    parameters.map(|Query(pairs)| pairs).map_err(|_| QueryError::Unreadable)
}

/// Refuses parameters.
pub(super) fn none(parameters: Parameters) -> Result<(), QueryError> {
    Given::read(pairs(parameters)?, ask::NONE).map(drop)
}

pub(super) async fn json<T: Serialize>(
    shared: &Shared,
    headers: &HeaderMap,
    ask: impl FnOnce(&Service) -> Result<T, AskError> + Send + 'static,
) -> Answered {
    answer::answer(shared, Wish::of(headers), move |service, _| Made::json(&ask(service)?, Lasts::Moment)).await
}

/// The same of an answer about a range, which a client may keep where all of it lies in files.
pub(super) async fn over<T: Serialize>(
    shared: &Shared,
    headers: &HeaderMap,
    ask: impl FnOnce(&Service) -> Result<(T, Option<TimeRange>), AskError> + Send + 'static,
) -> Answered {
    answer::answer(shared, Wish::of(headers), move |service, _| {
        let (reply, range) = ask(service)?;
        let is_sealed = range.is_some_and(|range| service.questions.is_sealed(range));
        Made::json(&reply, if is_sealed { Lasts::Sealed } else { Lasts::Moment })
    })
    .await
}
