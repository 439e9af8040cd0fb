//! A body that comes piece by piece through a bounded channel.
//!
//! Knows not what the pieces are. The surprise: a channel that closes without [`Piece::End`] is an error, which aborts the
//! connection. So a client never takes a stream whose maker failed, or panicked, for a whole one.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

use crate::http::encoding::{Encoder, Encoding};
use crate::service::question::AskError;

/// How large a piece of a body is that [`PieceWriter`] sends.
const PIECE_BYTES: usize = 64 << 10;
/// Such pieces that wait for a client to read them.
pub(super) const WAITING: usize = 4;

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
    _held: H,
}

impl<H> PiecesBody<H> {
    /// Begins with a piece that was taken out already, if any; `held` is dropped with the body.
    pub(super) fn new(first: Option<Piece>, rest: mpsc::Receiver<Piece>, held: H) -> Self {
        Self { first, rest, ended: false, _held: held }
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

/// Writes a body with a function, and then how it ended; on a blocking thread.
pub(super) fn write(
    sender: mpsc::Sender<Piece>,
    encoding: Encoding,
    rows: impl FnOnce(&mut (dyn Write + Send)) -> Result<(), AskError>,
) {
    let ended = match encoded(PieceWriter::new(sender.clone()), encoding, rows) {
        Ok(()) => Piece::End,
        Err(error) => {
            tracing::debug!(%error, "an answer ended early");
            Piece::Failed(error)
        }
    };
    // Nobody is there to tell where the client has gone.
    let _ = sender.blocking_send(ended);
}

fn encoded(
    out: PieceWriter,
    encoding: Encoding,
    rows: impl FnOnce(&mut (dyn Write + Send)) -> Result<(), AskError>,
) -> Result<(), AskError> {
    let failed = |error: io::Error| AskError::Failed(error.to_string());
    let mut encoder = Encoder::new(out, encoding).map_err(failed)?;
    rows(&mut encoder)?;
    encoder.finish().and_then(PieceWriter::finish).map_err(failed)
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

    /// Sends what is left.
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
