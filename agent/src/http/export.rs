//! `/api/export`: recorded rows as they are, streamed while they are read.
//!
//! A blocking thread writes into a bounded channel, so a slow client slows the reading down and memory stays bounded. The
//! surprise: the head of the reply waits for the first bytes, so that a mistake is still a proper status; an error after them
//! breaks the connection off. A client that goes away fails the next write, and the thread ends.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::clock;
use crate::http::Shared;
use crate::http::api::{Parameters, pairs};
use crate::http::ask;
use crate::http::encoding::{Encoder, Encoding};
use crate::http::error::ApiError;
use crate::http::pieces::{self, Piece, PiecesBody};
use crate::http::serve::Lifetime;
use crate::service::Service;
use crate::service::question::{AskError, ExportFormat, ExportQuestion};

/// How large a piece of the body is.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that wait for a client to read them.
const WAITING_PIECES: usize = 4;
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
    let (sender, mut pieces) = pieces::channel(WAITING_PIECES);
    let work = Work { service: Arc::clone(&shared.service), encoding, _turn: Arc::clone(&turn) };
    tokio::task::spawn_blocking(move || {
        let question = asked.whole(&*work.service.questions, |question, range| question.range = range);
        work.write(&question, sender);
    });
    let body = match pieces.recv().await {
        Some(Piece::Failed(error)) => return Err(error.into()),
        Some(first) => PiecesBody::new(first, pieces, long, turn),
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

/// What the blocking thread has.
struct Work {
    service: Arc<Service>,
    encoding: Encoding,
    _turn: Arc<OwnedSemaphorePermit>,
}

impl Work {
    /// Writes the rows, and how it ended.
    fn write(&self, question: &ExportQuestion, sender: mpsc::Sender<Piece>) {
        let ended = match self.rows(question, PieceWriter::new(sender.clone())) {
            Ok(()) => Piece::End,
            Err(error) => Piece::Failed(error),
        };
        if let Piece::Failed(error) = &ended {
            tracing::debug!(%error, "an export ended early");
        }
        // Nobody is there to tell where the client has gone.
        let _ = sender.blocking_send(ended);
    }

    fn rows(&self, question: &ExportQuestion, out: PieceWriter) -> Result<(), AskError> {
        let failed = |error: io::Error| AskError::Failed(error.to_string());
        let mut encoder = Encoder::new(out, self.encoding).map_err(failed)?;
        self.service.questions.export(question, &mut encoder)?;
        encoder.finish().and_then(PieceWriter::finish).map_err(failed)
    }
}

/// Collects bytes into pieces and sends them; an error once nobody takes them any more.
struct PieceWriter {
    piece: Vec<u8>,
    sender: mpsc::Sender<Piece>,
}

impl PieceWriter {
    fn new(sender: mpsc::Sender<Piece>) -> Self {
        Self { piece: Vec::with_capacity(PIECE_BYTES), sender }
    }

    fn send(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        let sent = self.sender.blocking_send(Piece::Bytes(Bytes::from(piece)));
        sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the client has gone"))
    }

    fn finish(mut self) -> io::Result<()> {
        if self.piece.is_empty() { Ok(()) } else { self.send() }
    }
}

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        if self.piece.len() == PIECE_BYTES {
            self.send()?;
        }
        Ok(taken)
    }

    /// Pieces go out when they are full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_in_pieces_and_a_closed_channel_is_an_error() {
        let (sender, mut pieces) = mpsc::channel(4);
        let mut writer = PieceWriter::new(sender.clone());
        writer.write_all(&vec![7; PIECE_BYTES + 10]).unwrap();
        writer.finish().unwrap();
        let mut sizes = Vec::new();
        while let Ok(Piece::Bytes(bytes)) = pieces.try_recv() {
            sizes.push(bytes.len());
        }
        assert_eq!(sizes, [PIECE_BYTES, 10]);
        drop(pieces);
        let mut writer = PieceWriter::new(sender);
        writer.write_all(&[7; 10]).unwrap();
        assert_eq!(writer.write_all(&vec![7; PIECE_BYTES]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
