//! With a token: what needs it, what does not, and what everybody else is told.

use fgm_agent::token::Token;

use crate::client::{get, request};
use crate::fake::guarded_server;

const SENTENCE: &str = "this path needs the agent's token: send Authorization: Bearer TOKEN";

fn with(authorization: &str) -> String {
    format!("Host: localhost\r\nAuthorization: {authorization}\r\n")
}

#[test]
fn every_path_but_metrics_health_and_the_page_needs_the_token() {
    let (server, _) = guarded_server("s3cret");
    server.readiness.set();
    for target in ["/api/health", "/api/status", "/api/metrics", "/api/containers", "/no/such/path", "/metrics/"] {
        let answer = get(server.api, target);
        assert_eq!((answer.status, answer.error().as_str()), (401, SENTENCE), "{target}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        let status = request(server.api, "GET", target, &with("Bearer s3cret")).status;
        assert_eq!(status, if target.contains("no/such") || target == "/metrics/" { 404 } else { 200 }, "{target}");
    }
    for target in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!((get(server.api, target).status, get(server.metrics, target).status), (200, 200), "{target}");
    }
    // Neither the page, which asks for the token, nor its files; under any host name, as with the token.
    for (target, status) in
        [("/", 200), ("/assets/no-such.js", 404), ("/assets/../api/status", 404), ("/assets/..%2Fapi/status", 404)]
    {
        for host in ["Host: localhost\r\n", "Host: fgm.monitoring.svc:8050\r\n"] {
            assert_eq!(request(server.api, "GET", target, host).status, status, "{target} {host}");
        }
    }
    // A path that is spelled otherwise is another path, on both listeners.
    for target in [
        "//metrics",
        "//",
        "/assets",
        "/Assets/x",
        "/index.html",
        "/metrics/../api/status",
        "/%6detrics",
        "/healthz/..",
    ] {
        assert_eq!(get(server.api, target).status, 401, "{target}");
        assert_eq!(get(server.metrics, target).status, 404, "{target}");
    }
    assert_eq!(request(server.metrics, "GET", "/api/status", &with("Bearer s3cret")).status, 404);
}

#[test]
fn only_the_token_itself_opens() {
    let (server, token) = guarded_server("s3cret");
    let status = |authorization: &str| request(server.api, "GET", "/api/health", &with(authorization)).status;
    for wrong in
        ["Bearer s3cre", "Bearer s3crett", "Bearer s3crets3cret", "Bearer", "Bearer ", "Basic s3cret", "s3cret"]
    {
        assert_eq!(status(wrong), 401, "{wrong}");
    }
    let twice = format!("{}Authorization: Bearer s3cret\r\n", with("Bearer s3cret"));
    assert_eq!(request(server.api, "GET", "/api/health", &twice).status, 401);
    assert_eq!((status("Bearer s3cret"), status("bearer s3cret")), (200, 200));
    token.replace(Token::parse(b"another").unwrap());
    assert_eq!((status("Bearer s3cret"), status("Bearer another")), (401, 200));
    let post = request(server.api, "POST", "/api/health", "Host: localhost\r\nContent-Length: 0\r\n");
    assert_eq!((post.status, post.error().as_str()), (401, SENTENCE), "the token comes before the method");
}

#[test]
fn the_token_opens_under_any_host_name_and_the_open_paths_do_not() {
    let (server, _) = guarded_server("s3cret");
    let named = |target: &str| {
        request(server.api, "GET", target, "Host: fgm.monitoring.svc:8050\r\nAuthorization: Bearer s3cret\r\n").status
    };
    assert_eq!((named("/api/health"), named("/metrics")), (200, 403));
}
