//! From a question to a reply: one turn at the door, made, marked and encoded on the blocking thread.
//!
//! Knows no question. A large reply is written while the client reads, so that it is never in memory as text. Answers that no longer change carry an `ETag`, and a client that has the answer already gets 304. The
//! surprise: the tag is of the bytes before they are encoded, so an encoded reply has it as a weak one (`W/`).

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use twox_hash::XxHash3_128;

use crate::http::Shared;
use crate::http::accept::{self, SeriesFormat};
use crate::http::encoding::{self, Encoding};
use crate::http::error::ApiError;
use crate::http::pieces::{self, Piece, PiecesBody};
use crate::service::Service;
use crate::service::question::AskError;

/// How a client wants its reply.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// Where the path has a choice.
    pub(super) format: SeriesFormat,
    pub(super) encoding: Encoding,
    has_already: Vec<String>,
}

impl Wish {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let tags = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
        let tag = |text: &str| text.trim().trim_start_matches("W/").to_owned();
        Self {
            format: accept::series_format(headers),
            encoding: Encoding::negotiate(headers),
            has_already: tags.flat_map(|value| value.split(',')).map(tag).collect(),
        }
    }

    fn has(&self, tag: &str) -> bool {
        self.has_already.iter().any(|known| known == tag || known == "*")
    }
}

/// A reply, and what is to be said of it.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) content: Content,
    pub(super) content_type: &'static str,
    pub(super) lasts: Lasts,
}

/// The bytes of a reply.
pub(super) enum Content {
    /// All of them.
    Whole(Vec<u8>),
    /// Too many to be held: written when the client reads.
    Parts {
        /// Another reply has another one.
        fingerprint: u128,
        write: WriteParts,
    },
}

/// Writes the parts of a reply.
pub(super) type WriteParts = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => f.debug_tuple("Whole").field(&bytes.len()).finish(),
            Self::Parts { fingerprint, .. } => f.debug_tuple("Parts").field(fingerprint).finish(),
        }
    }
}

/// How long a reply stays true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lasts {
    /// It is of the moment.
    Moment,
    /// The same question has the same answer.
    Sealed,
}

impl Made {
    /// A reply as JSON.
    pub(super) fn json(reply: &impl Serialize, lasts: Lasts) -> Result<Self, AskError> {
        let body = serde_json::to_vec(reply).map_err(|error| AskError::Failed(error.to_string()))?;
        Ok(Self { content: Content::Whole(body), content_type: "application/json", lasts })
    }
}

/// Asks for a reply behind the queries' door.
pub(super) async fn answer(
    shared: &Shared,
    wish: Wish,
    make: impl FnOnce(&Service, &Wish) -> Result<Made, AskError> + Send + 'static,
) -> Result<Response, ApiError> {
    let turn = Arc::new(shared.queries.turn().await?);
    let (head, told) = oneshot::channel();
    let (service, of_thread) = (Arc::clone(&shared.service), Arc::clone(&turn));
    tokio::task::spawn_blocking(move || {
        match make(&service, &wish).and_then(|made| finish(made, &wish)) {
            Ok((said, Content::Parts { write, .. })) => {
                let (sender, pieces) = pieces::channel(pieces::WAITING);
                // Who asked may have gone.
                if head.send(Ok((said, Sent::Pieces(pieces)))).is_ok() {
                    let failed = |error: io::Error| AskError::Failed(error.to_string());
                    pieces::write(sender, said.encoding, |out| write(out).map_err(failed));
                }
            }
            Ok((said, Content::Whole(bytes))) => drop(head.send(Ok((said, Sent::Whole(bytes))))),
            Err(error) => drop(head.send(Err(error))),
        }
        drop(of_thread);
    });
    let (said, sent) = told.await.map_err(|_| ApiError::failed(&"its maker panicked"))??;
    let body = match sent {
        Sent::Whole(bytes) => Body::from(Bytes::from_owner(Kept { bytes, _turn: turn })),
        Sent::Pieces(pieces) => Body::new(PiecesBody::new(None, pieces, turn)),
    };
    Ok(respond(said, body))
}

/// What the thread hands over.
enum Sent {
    Whole(Vec<u8>),
    Pieces(mpsc::Receiver<Piece>),
}

/// Bytes that keep their turn until the last of them is let go.
struct Kept {
    bytes: Vec<u8>,
    _turn: Arc<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What the head of a reply says.
#[derive(Clone, Copy, Debug)]
struct Said {
    status: StatusCode,
    content_type: &'static str,
    encoding: Encoding,
    fingerprint: Option<u128>,
}

impl Said {
    /// The tag: weak where the bytes are encoded, because it is of those before.
    fn tag(&self) -> Option<String> {
        let weak = if self.encoding == Encoding::Identity { "" } else { "W/" };
        self.fingerprint.map(|fingerprint| format!("{weak}{}", tag(fingerprint)))
    }
}

fn tag(fingerprint: u128) -> String {
    format!("\"{fingerprint:032x}\"")
}

fn finish(made: Made, wish: &Wish) -> Result<(Said, Content), AskError> {
    let bytes = match &made.content {
        Content::Whole(bytes) => bytes.len(),
        Content::Parts { .. } => usize::MAX,
    };
    let of_content = || match &made.content {
        Content::Whole(bytes) => XxHash3_128::oneshot(bytes),
        Content::Parts { fingerprint, .. } => *fingerprint,
    };
    let fingerprint = (made.lasts == Lasts::Sealed).then(of_content);
    let is_known = fingerprint.is_some_and(|fingerprint| wish.has(&tag(fingerprint)));
    let status = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let said = Said { status, content_type: made.content_type, encoding: wish.encoding.worth(bytes), fingerprint };
    let content = match made.content {
        _ if is_known => Content::Whole(Vec::new()),
        Content::Whole(bytes) => Content::Whole(encode(bytes, said.encoding)?),
        parts @ Content::Parts { .. } => parts,
    };
    Ok((said, content))
}

fn encode(body: Vec<u8>, encoding: Encoding) -> Result<Vec<u8>, AskError> {
    encoding::encode(body, encoding).map_err(|error| AskError::Failed(error.to_string()))
}

fn respond(said: Said, body: Body) -> Response {
    let mut response = (said.status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if let Some(tag) = said.tag().and_then(|tag| HeaderValue::from_str(&tag).ok()) {
        headers.insert(header::ETAG, tag);
        // It may be kept, but is asked for again: retention deletes what it tells of.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    if said.status == StatusCode::NOT_MODIFIED {
        headers.remove(header::CONTENT_TYPE);
        return response;
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(said.content_type));
    if let Some(name) = said.encoding.name() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(headers: &[(header::HeaderName, &'static str)]) -> Wish {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        Wish::of(&headers.collect())
    }

    fn made(bytes: usize, lasts: Lasts) -> Made {
        Made { content: Content::Whole(vec![b'x'; bytes]), content_type: "application/json", lasts }
    }

    #[test]
    fn only_sealed_replies_have_a_tag_and_it_is_weak_where_encoded() {
        let gzip = wish(&[(header::ACCEPT_ENCODING, "gzip")]);
        assert_eq!(finish(made(5000, Lasts::Moment), &gzip).unwrap().0.tag(), None);
        let plain = finish(made(5000, Lasts::Sealed), &wish(&[])).unwrap().0.tag().unwrap();
        assert!(plain.starts_with('"') && plain.len() == 34, "{plain}");
        assert_eq!(finish(made(5000, Lasts::Sealed), &gzip).unwrap().0.tag(), Some(format!("W/{plain}")));
        let other = finish(made(5001, Lasts::Sealed), &wish(&[])).unwrap().0.tag().unwrap();
        assert_ne!(plain, other);
    }

    #[test]
    fn a_client_that_has_the_reply_gets_304_without_a_body() {
        let tag = finish(made(5000, Lasts::Sealed), &wish(&[])).unwrap().0.tag().unwrap();
        for given in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let headers = [(header::IF_NONE_MATCH, HeaderValue::from_str(&given).unwrap())];
            let (said, body) = finish(made(5000, Lasts::Sealed), &Wish::of(&HeaderMap::from_iter(headers))).unwrap();
            let is_empty = matches!(body, Content::Whole(bytes) if bytes.is_empty());
            assert!(is_empty && said.status.as_u16() == 304, "{given}");
        }
        let other = wish(&[(header::IF_NONE_MATCH, "\"other\"")]);
        assert_eq!(finish(made(5000, Lasts::Sealed), &other).unwrap().0.status.as_u16(), 200);
        let any = wish(&[(header::IF_NONE_MATCH, "*")]);
        assert_eq!(finish(made(5000, Lasts::Moment), &any).unwrap().0.status.as_u16(), 200);
    }
}
