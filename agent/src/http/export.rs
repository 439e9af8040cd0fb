//! `/api/export`: recorded rows as they are, streamed while they are read.
//!
//! A blocking thread writes into a bounded channel, so a slow client slows the reading down and memory stays bounded. The
//! surprise: the head of the reply waits for the first bytes, so that a mistake is still a proper status; an error after them
//! breaks the connection off. A client that goes away fails the next write, and the thread ends.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::clock;
use crate::http::Shared;
use crate::http::api::{Parameters, pairs};
use crate::http::ask;
use crate::http::encoding::Encoding;
use crate::http::error::ApiError;
use crate::http::pieces::{self, Piece, PiecesBody};
use crate::http::serve::Lifetime;
use crate::service::question::ExportFormat;

/// How long an export may take.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// `/api/export`
pub(super) async fn export(
    State(shared): State<Arc<Shared>>,
    Extension(lifetime): Extension<Lifetime>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let asked = ask::export(pairs(parameters)?, clock::wall())?;
    let format = asked.question.format;
    let encoding = encoding(format, &headers);
    let name = format!("{}.{}", asked.question.table, extension(format));
    // The thread keeps the turn as well: it may still read when the client has gone.
    let turn = Arc::new(shared.exports.turn().await?);
    let long = lifetime.extend(LONGEST);
    let (sender, mut pieces) = pieces::channel(pieces::WAITING);
    let (service, of_thread) = (Arc::clone(&shared.service), Arc::clone(&turn));
    tokio::task::spawn_blocking(move || {
        let question = asked.whole(&*service.questions, |question, range| question.range = range);
        pieces::write(sender, encoding, |out| service.questions.export(&question, out));
        drop(of_thread);
    });
    let body = match pieces.recv().await {
        Some(Piece::Failed(error)) => return Err(error.into()),
        Some(first) => PiecesBody::new(Some(first), pieces, (long, turn)),
        None => return Err(ApiError::failed(&"an export ended without a word")),
    };
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let mut response = Body::new(body).into_response();
    let head = response.headers_mut();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(format)));
    head.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    head.extend(disposition.map(|value| (header::CONTENT_DISPOSITION, value)));
    head.extend(encoding.name().map(|name| (header::CONTENT_ENCODING, HeaderValue::from_static(name))));
    Ok(response)
}

/// Parquet is compressed already.
fn encoding(format: ExportFormat, headers: &HeaderMap) -> Encoding {
    match format {
        ExportFormat::Parquet => Encoding::Identity,
        ExportFormat::Csv | ExportFormat::ArrowStream => Encoding::negotiate(headers),
    }
}

pub(super) const fn content_type(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Parquet => "application/vnd.apache.parquet",
        ExportFormat::Csv => "text/csv; charset=utf-8",
        ExportFormat::ArrowStream => "application/vnd.apache.arrow.stream",
    }
}

fn extension(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Parquet => "parquet",
        ExportFormat::Csv => "csv",
        ExportFormat::ArrowStream => "arrows",
    }
}
