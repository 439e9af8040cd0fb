//! Who may ask the API's listener: whoever has the token where there is one, and else who asks for it by its own name.
//!
//! `/metrics`, `/healthz` and `/readyz` need no token, so probes and scrapes stay as they are; nor do the viewer's own files,
//! which hold nothing that was recorded: the page is what asks for the token. The surprise: a request that brought the token
//! may come under any host name, because a web page that rebinds a name (see `http/host.rs`) has no token to bring.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::endpoint::{self, Doors};
use crate::http::error::ApiError;
use crate::http::host::HostRule;
use crate::http::viewer;
use crate::token::TokenCell;

/// What a request must have.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) host: HostRule,
    pub(super) token: Option<TokenCell>,
}

/// Refuses requests that lack the token, or a `Host` that the rule allows.
pub(super) async fn check(State(gate): State<Gate>, request: Request, next: Next) -> Result<Response, ApiError> {
    let path = request.uri().path();
    match &gate.token {
        Some(_) if viewer::is_own(path) => {}
        Some(token) if !endpoint::paths(Doors::Both).any(|open| open == path) => {
            let brought = bearer(request.headers()).is_some_and(|brought| token.is(brought));
            brought.then_some(()).ok_or(ApiError::Unauthorized)?;
        }
        _ => gate.host.check(request.uri(), request.headers())?,
    }
    Ok(next.run(request).await)
}

/// The word after `Bearer` of the only `Authorization`; the scheme's name is read in any case.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, rest) = value.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn brought(values: &[&str]) -> Option<Vec<u8>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        bearer(&headers).map(<[u8]>::to_vec)
    }

    #[test]
    fn the_token_is_the_word_after_the_scheme() {
        for value in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(brought(&[value]).as_deref(), Some(&b"abc"[..]), "{value}");
        }
        for values in [&[][..], &["abc"], &["Basic abc"], &["Bearer"], &["Bearerabc"], &["Bearer abc", "Bearer abc"]] {
            assert_eq!(brought(values), None, "{values:?}");
        }
    }
}
