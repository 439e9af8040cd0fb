//! The `Host` check of the API's listener: a defence against DNS rebinding.
//!
//! A web page can have its own name resolve to 127.0.0.1 and then read the API as its own origin; the request's `Host`
//! gives it away. Allowed are `localhost`, loopback addresses, the listener's own address, and, where it listens on every
//! address, any literal address: an address is no name, so nobody can rebind it.

use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri, header};

/// Why a request's `Host` is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum HostError {
    #[error("a request needs exactly one Host header")]
    NotOne,
    #[error("this agent does not answer to the host name of this request; reach it as localhost or by its own address")]
    Foreign,
}

impl HostError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NotOne => StatusCode::BAD_REQUEST,
            Self::Foreign => StatusCode::FORBIDDEN,
        }
    }
}

/// Which hosts the listener answers to.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostRule {
    listen: IpAddr,
}

impl HostRule {
    pub(super) fn new(listen: IpAddr) -> Self {
        Self { listen }
    }

    /// Judges a request's `Host`, and the name in its target where that has one.
    pub(super) fn check(self, uri: &Uri, headers: &HeaderMap) -> Result<(), HostError> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(HostError::NotOne) };
        let host: Authority = host.to_str().ok().and_then(|text| text.parse().ok()).ok_or(HostError::Foreign)?;
        let allowed = std::iter::once(&host).chain(uri.authority()).all(|authority| self.allows(authority));
        if allowed { Ok(()) } else { Err(HostError::Foreign) }
    }

    /// Judges a name with or without a port, as `Origin` has it.
    pub(super) fn allows_text(self, authority: &str) -> bool {
        authority.parse().is_ok_and(|authority| self.allows(&authority))
    }

    fn allows(self, authority: &Authority) -> bool {
        let host = authority.host();
        if authority.as_str().contains('@') {
            return false;
        }
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let address = bare.parse::<IpAddr>().ok();
        host.eq_ignore_ascii_case("localhost")
            || address.is_some_and(|ip| ip.is_loopback() || ip == self.listen || self.listen.is_unspecified())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn verdict(listen: &str, hosts: &[&str], uri: &str) -> Result<(), HostError> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_str(host).unwrap());
        }
        HostRule::new(listen.parse().unwrap()).check(&uri.parse().unwrap(), &headers)
    }

    #[test]
    fn loopback_names_and_the_own_address_are_allowed_with_any_port() {
        for host in ["localhost", "LocalHost:8050", "127.0.0.1", "127.0.0.1:1", "127.1.2.3", "[::1]", "[::1]:8050"] {
            assert_eq!(verdict("127.0.0.1", &[host], "/"), Ok(()), "{host}");
        }
        assert_eq!(verdict("10.0.0.7", &["10.0.0.7:8050"], "/"), Ok(()));
        assert_eq!(verdict("0.0.0.0", &["10.0.0.7:8050"], "/"), Ok(()));
        assert_eq!(verdict("127.0.0.1", &["localhost"], "http://localhost:8050/"), Ok(()));
    }

    #[test]
    fn every_other_host_is_foreign() {
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.8", "a@localhost", "", "["]
        {
            assert_eq!(verdict("127.0.0.1", &[host], "/"), Err(HostError::Foreign), "{host}");
        }
        assert_eq!(verdict("0.0.0.0", &["evil.example"], "/"), Err(HostError::Foreign));
        assert_eq!(verdict("127.0.0.1", &["localhost"], "http://evil.example/"), Err(HostError::Foreign));
    }

    #[test]
    fn no_host_and_two_hosts_are_refused() {
        assert_eq!(verdict("127.0.0.1", &[], "/"), Err(HostError::NotOne));
        assert_eq!(verdict("127.0.0.1", &["localhost", "localhost"], "/"), Err(HostError::NotOne));
    }
}
