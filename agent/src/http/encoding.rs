//! Compressed answers, by `Accept-Encoding`: which encoding, and the work itself.
//!
//! Runs on the blocking thread that makes the answer, never on the async one, which a large answer would hold up. The
//! surprise: the fastest levels are used. An agent's CPU costs its node more than bytes cost a client beside it.

use std::io::{self, Read, Write};

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::http::accept;

/// Answers below this are not worth it.
const LEAST_BYTES: usize = 1024;
/// The fastest level of zstd with its usual tables.
const ZSTD_LEVEL: i32 = 1;

/// How the bytes of an answer are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As they are.
    Identity,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Encoding {
    /// The encoding that suits the header best: zstd before gzip where both are as welcome.
    pub(super) fn negotiate(headers: &HeaderMap) -> Self {
        let weight = |names: &[&str]| {
            let is_named = |range: &accept::Range<'_>| names.iter().any(|name| range.media.eq_ignore_ascii_case(name));
            accept::ranges(headers, header::ACCEPT_ENCODING).filter(is_named).map(|range| range.weight).max()
        };
        match (weight(&["zstd"]).unwrap_or(0), weight(&["gzip", "x-gzip"]).unwrap_or(0)) {
            (0, 0) => Self::Identity,
            (zstd, gzip) if zstd >= gzip => Self::Zstd,
            _ => Self::Gzip,
        }
    }

    /// The name in `Content-Encoding`.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// This encoding, where a body of so many bytes is worth it.
    pub(super) fn worth(self, bytes: usize) -> Self {
        if bytes < LEAST_BYTES { Self::Identity } else { self }
    }
}

/// Whether the client takes gzip, however gladly.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let is_gzip = |range: &accept::Range<'_>| range.media.eq_ignore_ascii_case("gzip") && range.weight > 0;
    accept::ranges(headers, header::ACCEPT_ENCODING).any(|range| is_gzip(&range))
}

/// What was compressed by gzip.
pub(super) fn unpack(packed: &[u8]) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// The bytes encoded.
pub(super) fn encode(body: Vec<u8>, encoding: Encoding) -> io::Result<Vec<u8>> {
    if encoding == Encoding::Identity {
        return Ok(body);
    }
    let mut encoder = Encoder::new(Vec::with_capacity(body.len() / 4), encoding)?;
    encoder.write_all(&body)?;
    encoder.finish()
}

/// Encodes what is written on the way to somewhere else.
pub(super) enum Encoder<W: Write> {
    Identity(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    pub(super) fn new(out: W, encoding: Encoding) -> io::Result<Self> {
        Ok(match encoding {
            Encoding::Identity => Self::Identity(out),
            Encoding::Gzip => Self::Gzip(GzEncoder::new(out, Compression::fast())),
            Encoding::Zstd => Self::Zstd(zstd::Encoder::new(out, ZSTD_LEVEL)?),
        })
    }

    /// Writes what is held back, and gives back where it all went.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Identity(out) => Ok(out),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Identity(out) => out.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Identity(out) => out.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn negotiated(accept: &str) -> Encoding {
        let headers = [(header::ACCEPT_ENCODING, HeaderValue::from_str(accept).unwrap())];
        Encoding::negotiate(&HeaderMap::from_iter(headers))
    }

    #[test]
    fn the_most_welcome_encoding_is_taken_and_none_where_none_is_named() {
        assert_eq!(negotiated("gzip, deflate, br, zstd"), Encoding::Zstd);
        assert_eq!(negotiated("gzip, deflate"), Encoding::Gzip);
        assert_eq!(negotiated("zstd;q=0.5, gzip"), Encoding::Gzip);
        for none in ["", "*", "br", "identity", "gzip;q=0", "zstd;q=0, gzip;q=0.0"] {
            assert_eq!(negotiated(none), Encoding::Identity, "{none}");
        }
        assert_eq!(Encoding::negotiate(&HeaderMap::new()), Encoding::Identity);
    }

    #[test]
    fn what_was_encoded_is_read_back() {
        let body: Vec<u8> = (0..100_000_u32).flat_map(|n| (n / 100).to_string().into_bytes()).collect();
        let gzip = encode(body.clone(), Encoding::Gzip).unwrap();
        let mut back = Vec::new();
        GzDecoder::new(&gzip[..]).read_to_end(&mut back).unwrap();
        assert!(unpack(&gzip).unwrap() == body);
        assert!(back == body && gzip.len() < body.len() / 4);
        let zstd = encode(body.clone(), Encoding::Zstd).unwrap();
        assert!(zstd::decode_all(&zstd[..]).unwrap() == body && zstd.len() < body.len() / 4);
        assert_eq!(encode(body.clone(), Encoding::Identity).unwrap(), body);
    }
}
