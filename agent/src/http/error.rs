//! Why a request gets no answer: one enum, each variant a status and a sentence, sent as `{"error": "..."}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::http::host::HostError;
use crate::http::query::QueryError;
use crate::service::question::AskError;

/// Why a request gets no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("this agent does not answer to pages of other origins")]
    Origin,
    #[error("this path needs the agent's token: send Authorization: Bearer TOKEN")]
    Unauthorized,
    #[error("there is nothing at this path; there is {}", .0.join(", "))]
    NotFound(Vec<&'static str>),
    #[error("this path answers GET and HEAD only")]
    MethodNotAllowed,
    #[error(transparent)]
    Asked(AskError),
    #[error("the agent is answering as many large requests as it may at once; try again in a second")]
    Busy,
    #[error("the agent failed to make this answer; its log says why")]
    Failed,
}

impl From<AskError> for ApiError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Failed(reason) => Self::failed(&reason),
            other => Self::Asked(other),
        }
    }
}

impl ApiError {
    /// A failure of the agent's own: the reason goes to the log.
    pub(super) fn failed(reason: &dyn std::fmt::Display) -> Self {
        tracing::error!(%reason, "an answer could not be made");
        Self::Failed
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Query(_) => StatusCode::BAD_REQUEST,
            Self::Host(error) => error.status(),
            Self::Origin => StatusCode::FORBIDDEN,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Asked(AskError::Invalid(_)) => StatusCode::BAD_REQUEST,
            Self::Asked(AskError::NotFound(_)) => StatusCode::NOT_FOUND,
            Self::Asked(AskError::TooMuch(_)) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Asked(AskError::TooSlow(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Asked(AskError::Failed(_)) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(serde_json::json!({ "error": self.to_string() }));
        let mut response = (self.status(), body).into_response();
        match self {
            Self::Busy | Self::Asked(AskError::TooSlow(_)) => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::Unauthorized => {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::MethodNotAllowed => {
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET,HEAD"));
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_without_an_answer_has_its_status() {
        let text = || "why".to_owned();
        for (error, status) in [
            (AskError::Invalid(text()), 400),
            (AskError::NotFound(text()), 404),
            (AskError::TooMuch(text()), 413),
            (AskError::TooSlow(text()), 503),
            (AskError::Failed(text()), 500),
        ] {
            assert_eq!(ApiError::from(error).into_response().status().as_u16(), status);
        }
    }

    #[test]
    fn busy_says_when_to_try_again() {
        for error in [ApiError::Busy, AskError::TooSlow(String::new()).into()] {
            let response = error.into_response();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers().get(header::RETRY_AFTER), Some(&HeaderValue::from_static("1")));
        }
    }
}
