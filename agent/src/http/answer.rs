//! From a question to a reply: one turn at the door, made, marked and encoded on the blocking thread.
//!
//! Knows no question. Answers that no longer change carry an `ETag`, and a client that has the answer already gets 304. The
//! surprise: the tag is of the bytes before they are encoded, so an encoded reply has it as a weak one (`W/`).

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use twox_hash::XxHash3_128;

use crate::http::Shared;
use crate::http::accept::{self, SeriesFormat};
use crate::http::encoding::{self, Encoding};
use crate::http::error::ApiError;
use crate::service::Service;
use crate::service::question::AskError;

/// The largest body, before it is encoded: some 4 million points as JSON.
const MAX_BODY_BYTES: usize = 128 << 20;

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

/// A reply's bytes, and what is to be said of them.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) body: Vec<u8>,
    pub(super) content_type: &'static str,
    pub(super) lasts: Lasts,
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
    /// A reply of the moment.
    pub(super) fn json(reply: &impl Serialize) -> Result<Self, AskError> {
        let body = serde_json::to_vec(reply).map_err(|error| AskError::Failed(error.to_string()))?;
        Ok(Self { body, content_type: "application/json", lasts: Lasts::Moment })
    }
}

/// Asks for a reply behind the queries' door.
pub(super) async fn answer(
    shared: &Shared,
    wish: Wish,
    make: impl FnOnce(&Service, &Wish) -> Result<Made, AskError> + Send + 'static,
) -> Result<Response, ApiError> {
    let service = Arc::clone(&shared.service);
    let (said, body) = shared.queries.run(move || finish(make(&service, &wish)?, &wish)).await?;
    Ok(respond(&said, body))
}

/// What the head of a reply says.
#[derive(Debug)]
struct Said {
    status: StatusCode,
    content_type: &'static str,
    encoding: Encoding,
    tag: Option<String>,
}

fn finish(made: Made, wish: &Wish) -> Result<(Said, Vec<u8>), AskError> {
    if made.body.len() > MAX_BODY_BYTES {
        return Err(too_large());
    }
    let tag = (made.lasts == Lasts::Sealed).then(|| format!("\"{:032x}\"", XxHash3_128::oneshot(&made.body)));
    let is_known = tag.as_ref().is_some_and(|tag| wish.has(tag));
    let encoding = wish.encoding.worth(made.body.len());
    let weak = |tag: String| if encoding == Encoding::Identity { tag } else { format!("W/{tag}") };
    let status = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let said = Said { status, content_type: made.content_type, encoding, tag: tag.map(weak) };
    let body = if is_known { Vec::new() } else { encode(made.body, encoding)? };
    Ok((said, body))
}

fn too_large() -> AskError {
    let most = MAX_BODY_BYTES >> 20;
    AskError::TooMuch(format!(
        "the reply has more than {most} MiB: ask for a shorter range, fewer containers or fewer points, or use /api/export"
    ))
}

fn encode(body: Vec<u8>, encoding: Encoding) -> Result<Vec<u8>, AskError> {
    encoding::encode(body, encoding).map_err(|error| AskError::Failed(error.to_string()))
}

fn respond(said: &Said, body: Bytes) -> Response {
    let mut response = (said.status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if let Some(tag) = said.tag.as_deref().and_then(|tag| HeaderValue::from_str(tag).ok()) {
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
        Made { body: vec![b'x'; bytes], content_type: "application/json", lasts }
    }

    #[test]
    fn only_sealed_replies_have_a_tag_and_it_is_weak_where_encoded() {
        let gzip = wish(&[(header::ACCEPT_ENCODING, "gzip")]);
        assert_eq!(finish(made(5000, Lasts::Moment), &gzip).unwrap().0.tag, None);
        let plain = finish(made(5000, Lasts::Sealed), &wish(&[])).unwrap().0.tag.unwrap();
        assert!(plain.starts_with('"') && plain.len() == 34, "{plain}");
        assert_eq!(finish(made(5000, Lasts::Sealed), &gzip).unwrap().0.tag, Some(format!("W/{plain}")));
        let other = finish(made(5001, Lasts::Sealed), &wish(&[])).unwrap().0.tag.unwrap();
        assert_ne!(plain, other);
    }

    #[test]
    fn a_client_that_has_the_reply_gets_304_without_a_body() {
        let tag = finish(made(5000, Lasts::Sealed), &wish(&[])).unwrap().0.tag.unwrap();
        for given in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let headers = [(header::IF_NONE_MATCH, HeaderValue::from_str(&given).unwrap())];
            let (said, body) = finish(made(5000, Lasts::Sealed), &Wish::of(&HeaderMap::from_iter(headers))).unwrap();
            assert_eq!((said.status.as_u16(), body.len()), (304, 0), "{given}");
        }
        let other = wish(&[(header::IF_NONE_MATCH, "\"other\"")]);
        assert_eq!(finish(made(5000, Lasts::Sealed), &other).unwrap().0.status.as_u16(), 200);
        let any = wish(&[(header::IF_NONE_MATCH, "*")]);
        assert_eq!(finish(made(5000, Lasts::Moment), &any).unwrap().0.status.as_u16(), 200);
    }

    #[test]
    fn a_reply_beyond_the_bound_is_refused() {
        let refused = finish(made(MAX_BODY_BYTES + 1, Lasts::Moment), &wish(&[])).unwrap_err();
        assert!(matches!(refused, AskError::TooMuch(_)), "{refused}");
    }
}
