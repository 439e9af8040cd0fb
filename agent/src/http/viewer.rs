//! The web viewer: one page with its script and its styles, built by `build.rs` and carried by the program, compressed.
//!
//! The page is for browsers; whoever asks for `/` without wanting HTML gets the index, as ever. Nothing but this page's own
//! files may run in it or be asked by it: its Content-Security-Policy says so. Without the feature `ui` there are no files.

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::http::encoding;
use crate::http::endpoint::{self, Doors};
use crate::http::error::ApiError;
use crate::http::{accept, health};

/// The viewer's files by their paths, each compressed by gzip.
#[cfg(feature = "ui")]
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/viewer.rs"));
#[cfg(not(feature = "ui"))]
static FILES: &[(&str, &[u8])] = &[];

/// The page.
const PAGE: &str = "index.html";
/// What the page may do: run, draw and ask what comes from here.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; \
                      font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Files but the page have the hash of what is in them in their names.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// `/`: the page for browsers, the index for everybody else.
pub(super) async fn root(headers: HeaderMap) -> Response {
    let wants_page =
        accept::ranges(&headers, header::ACCEPT).any(|range| range.media.eq_ignore_ascii_case("text/html"));
    let mut response = match find(PAGE).filter(|_| wants_page) {
        Some(page) => file(PAGE, page, &headers),
        None => health::index().await.into_response(),
    };
    let vary = HeaderValue::from_static("accept, accept-encoding");
    response.headers_mut().insert(header::VARY, vary);
    response
}

/// `/assets/NAME`
pub(super) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let path = format!("assets/{name}");
    let found = find(&path).ok_or_else(|| ApiError::NotFound(endpoint::paths(Doors::Api).collect()))?;
    let mut response = file(&path, found, &headers);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(FOREVER));
    Ok(response)
}

/// Whether a path is of the viewer's files, which are the same for everybody and hold nothing that was recorded.
pub(super) fn is_own(path: &str) -> bool {
    path == "/" || path.starts_with("/assets/")
}

/// The text of the page's script and of its styles; none where there is no viewer.
pub(super) fn script_and_styles() -> Option<(String, String)> {
    let text = |ending: &str| {
        let (_, packed) = FILES.iter().find(|(path, _)| path.ends_with(ending))?;
        String::from_utf8(encoding::unpack(packed).ok()?.to_vec()).ok()
    };
    Some((text(".js")?, text(".css")?))
}

fn find(path: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(known, _)| *known == path).map(|(_, bytes)| *bytes)
}

fn file(path: &str, packed: &'static [u8], headers: &HeaderMap) -> Response {
    let accepts = encoding::accepts_gzip(headers);
    let body = if accepts { Ok(Bytes::from_static(packed)) } else { encoding::unpack(packed) };
    // The program carries what it packed itself.
    let Ok(body) = body else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let mut response = body.into_response();
    let mut set = |name: HeaderName, value: &'static str| {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_TYPE, content_type(path));
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::CACHE_CONTROL, "no-cache");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    if accepts {
        set(header::CONTENT_ENCODING, "gzip");
    }
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}
