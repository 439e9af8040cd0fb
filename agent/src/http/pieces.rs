//! A body that comes piece by piece through a bounded channel.
//!
//! Knows not what the pieces are. The surprise: a channel that closes without [`Piece::End`] is an error, which aborts the
//! connection. So a client never takes a stream whose maker failed, or panicked, for a whole one.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

use crate::http::serve::LongAnswer;
use crate::service::question::AskError;

/// A piece of a body.
#[derive(Debug)]
pub(super) enum Piece {
    /// Bytes.
    Bytes(Bytes),
    /// Nothing more comes, and nothing is missing.
    End,
    /// What was to come can't.
    Failed(AskError),
}

/// A channel in which so many pieces wait for a client to read them.
pub(super) fn channel(pieces: usize) -> (mpsc::Sender<Piece>, mpsc::Receiver<Piece>) {
    mpsc::channel(pieces)
}

/// The stream broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum BrokenOff {
    #[error("the answer could not be finished: {0}")]
    Failed(AskError),
    #[error("the answer could not be finished")]
    Unknown,
}

/// The body; it keeps what it holds until it has ended.
#[derive(Debug)]
pub(super) struct PiecesBody<H> {
    first: Option<Piece>,
    rest: mpsc::Receiver<Piece>,
    ended: bool,
    _held: (LongAnswer, H),
}

impl<H> PiecesBody<H> {
    /// Begins with a piece that was taken out already; `held` is dropped with the body.
    pub(super) fn new(first: Piece, rest: mpsc::Receiver<Piece>, long: LongAnswer, held: H) -> Self {
        Self { first: Some(first), rest, ended: false, _held: (long, held) }
    }
}

impl<H: Unpin> Body for PiecesBody<H> {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let piece = match self.first.take() {
            Some(piece) => Some(piece),
            None => std::task::ready!(self.rest.poll_recv(context)),
        };
        self.ended = !matches!(piece, Some(Piece::Bytes(_)));
        Poll::Ready(match piece {
            Some(Piece::Bytes(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Piece::End) => None,
            Some(Piece::Failed(error)) => Some(Err(BrokenOff::Failed(error))),
            None => Some(Err(BrokenOff::Unknown)),
        })
    }
}
