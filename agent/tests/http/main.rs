//! The HTTP surface from outside: real sockets, golden replies, every refusal.
//!
//! The replies are files under `tests/golden`; `FGM_UPDATE_GOLDEN=1 cargo test -p fgm-agent --test http` rewrites them.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test's helpers fail as its tests do: by a panic")]

mod client;
mod exposition;
mod fake;
mod live;
mod questions;
mod recorded;
mod token;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use client::{get, raw, request};
use fake::server;
use fgm_agent::table::Table;
use serde_json::Value;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const OLDER: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Compares with the golden file, or rewrites it where asked to.
fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("FGM_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(actual == expected, "{name} differs; rewrite with FGM_UPDATE_GOLDEN=1 and look at the diff:\n{actual}");
}

fn pretty(value: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).unwrap())
}

#[test]
fn json_replies_are_golden() {
    let server = server();
    for (target, name) in [
        ("/api/health", "health.json"),
        ("/api/status", "status.json"),
        ("/api/containers", "containers.json"),
        ("/api/events", "events.json"),
        ("/api/events?kind=limit_change,oom_kill&limit=1", "events_limited.json"),
        (
            "/api/containers?namespace=shop&pod=checkout-6d4f&workload=checkout&labels=app:checkout",
            "containers_filtered.json",
        ),
        ("/api/instance", "instance.json"),
        ("/api/filters", "filters.json"),
        ("/api/timeseries?metric=cpu_usage_cores,minutes", "timeseries.json"),
        ("/api/top?metric=memory_current_bytes", "top.json"),
        ("/api/processes?container=0123", "processes.json"),
        ("/api/containers?include=sandbox&search=PAUSE&limit=1", "containers_sandbox.json"),
        ("/api/studies", "studies.json"),
        (
            "/api/study/changepoint?metric=memory_stat_anon_bytes&container=0123456789abcdef\
             &from=2026-01-31T12:00:00Z&to=2026-01-31T13:00:00Z",
            "study.json",
        ),
        ("/api/study/oom?container=0123456789abcdef&range=all", "study_oom.json"),
        ("/api/summary?container=0123456789abcdef&range=all", "summary.json"),
    ] {
        let answer = get(server.api, target);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{target}");
        golden(name, &pretty(&answer.json()));
    }
}

#[test]
fn the_description_is_golden_but_for_the_names_of_metrics() {
    let mut description = get(server().api, "/api/openapi.json").json();
    let names = description["components"]["schemas"]["MetricName"]["anyOf"][0]["enum"].take();
    assert!(names.as_array().unwrap().contains(&Value::from("memory_current_bytes")));
    golden("openapi.json", &pretty(&description));
}

#[test]
fn events_that_cannot_be_read_are_an_error_and_not_an_empty_answer() {
    let server = server();
    assert_eq!(get(server.api, "/api/events?pod=damaged").status, 500);
    let none = get(server.api, "/api/events?pod=nobody");
    assert_eq!((none.status, &none.json()["events"]), (200, &serde_json::json!([])));
    let wrong = get(server.api, "/api/events?kind=oom");
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains("oom_kill"), "{}", wrong.body);
}

#[test]
fn the_catalogue_reply_is_golden_in_its_shape_and_complete() {
    let answer = get(server().api, "/api/metrics").json();
    let list = |key: &str| answer[key].as_array().unwrap().clone();
    let (metrics, derived) = (list("metrics"), list("derived"));
    let tables = Table::ALL.into_iter().filter(|table| *table != Table::Events);
    assert_eq!(metrics.len(), tables.map(Table::width).sum::<usize>());
    assert_eq!(metrics.len() + derived.len(), fgm_agent::derived::all().len());
    let shown = [
        "cpu_usage_usec",
        "memory_failcnt",
        "memory_stat_pgfault",
        "pods.cpu_usage_usec",
        "node.memory_available_bytes",
        "cpu_usage_cores",
        "io_read_bytes_per_second",
        "disks.busy_percent",
    ];
    let some = |list: &[Value]| -> Vec<Value> {
        list.iter().filter(|metric| shown.contains(&metric["name"].as_str().unwrap())).cloned().collect()
    };
    golden("metrics.json", &pretty(&serde_json::json!({"metrics": some(&metrics), "derived": some(&derived)})));
}

#[test]
fn expositions_are_golden_and_negotiated() {
    let server = server();
    for (accept, content_type, name) in [
        (
            "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n",
            OPEN_METRICS,
            "exposition.openmetrics",
        ),
        ("Accept: text/plain\r\n", OLDER, "exposition.prometheus"),
        ("", OLDER, "exposition.prometheus"),
    ] {
        let answer = request(server.api, "GET", "/metrics?for=fun", &format!("Host: localhost\r\n{accept}"));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(content_type)));
        exposition::check(&answer.body);
        golden(name, &answer.body);
    }
}

#[test]
fn readiness_is_503_until_it_is_latched() {
    let server = server();
    assert_eq!(get(server.api, "/readyz").status, 503);
    assert_eq!(get(server.api, "/api/health").json()["status"], "starting");
    server.readiness.set();
    for address in [server.api, server.metrics] {
        assert_eq!((get(address, "/readyz").status, get(address, "/healthz").status), (200, 200));
    }
    assert_eq!(get(server.api, "/api/health").json()["status"], "ok");
}

#[test]
fn wrong_requests_get_a_sentence() {
    let server = server();
    for (target, status, sentence) in [
        ("/api/containers?limit=0", 400, "the value \"0\" of limit is not valid; it is a number from 1 to 10000"),
        (
            "/api/containers?qos=x",
            400,
            "there is no parameter \"qos\" here; perhaps qos_class; there is namespace, pod, workload, qos_class, labels, \
             search, include, metric, from, to, range, sort, limit",
        ),
        ("/api/status?x", 400, "there is no parameter \"x\" here; this path takes none"),
        (
            "/api/nothing",
            404,
            "there is nothing at this path; there is /healthz, /readyz, /metrics, /api/health, /api/status, \
             /api/instance, /api/metrics, /api/filters, /api/containers, /api/timeseries, /api/top, /api/processes, \
             /api/events, /api/studies, /api/study/{id}, /api/summary, /api/export, /api/live, /api/openapi.json",
        ),
    ] {
        let answer = get(server.api, target);
        assert_eq!((answer.status, answer.error().as_str()), (status, sentence), "{target}");
    }
    let answer = request(server.api, "POST", "/api/status", "Host: localhost\r\nContent-Length: 0\r\n");
    assert_eq!((answer.status, answer.error().as_str()), (405, "this path answers GET and HEAD only"));
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
}

#[test]
fn the_api_refuses_foreign_hosts_and_the_metrics_listener_takes_any() {
    let server = server();
    let foreign = request(server.api, "GET", "/api/containers", "Host: evil.example\r\n");
    assert_eq!(foreign.status, 403);
    assert_eq!(
        foreign.error(),
        "this agent does not answer to the host name of this request; reach it as localhost or by its own address"
    );
    let none = request(server.api, "GET", "/healthz", "");
    assert_eq!((none.status, none.error().as_str()), (400, "a request needs exactly one Host header"));
    assert_eq!(request(server.metrics, "GET", "/metrics", "Host: node-1.example:9090\r\n").status, 200);
}

#[test]
fn the_metrics_listener_serves_nothing_else() {
    let server = server();
    for target in ["/", "/api/status", "/api/containers"] {
        let answer = get(server.metrics, target);
        assert_eq!(answer.status, 404);
        assert_eq!(answer.error(), "there is nothing at this path; there is /healthz, /readyz, /metrics");
    }
}

#[test]
fn the_index_names_every_path_and_each_answers() {
    let server = server();
    server.readiness.set();
    let index = get(server.api, "/");
    assert_eq!((index.status, index.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    let paths: Vec<&str> = index.body.lines().filter(|line| line.starts_with('/')).collect();
    assert_eq!(paths.len(), 19);
    for line in paths {
        let path = line.split(' ').next().unwrap();
        let target = match path {
            "/api/timeseries" | "/api/top" => format!("{path}?metric=a"),
            "/api/processes" | "/api/summary" => format!("{path}?container=a"),
            "/api/study/{id}" => "/api/study/trend?metric=pids_current".to_owned(),
            // It does not end by itself.
            "/api/live" => continue,
            path => path.to_owned(),
        };
        assert_eq!(get(server.api, &target).status, 200, "{line}");
    }
}

#[test]
#[cfg(feature = "ui")]
fn browsers_get_the_viewer_and_may_run_nothing_else() {
    let server = server();
    let ask =
        |target: &str, headers: &str| request(server.api, "GET", target, &format!("Host: localhost\r\n{headers}"));
    let page = ask("/", "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(
        (page.header("cache-control"), page.header("vary")),
        (Some("no-cache"), Some("accept, accept-encoding"))
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; ") && !policy.contains("unsafe"), "{policy}");
    let assets: Vec<&str> = page.body.split('"').filter(|part| part.starts_with("./assets/")).collect();
    assert_eq!(assets.len(), 2, "one script and one style sheet: {}", page.body);
    for asset in assets {
        let path = asset.trim_start_matches('.');
        let plain = ask(path, "");
        assert_eq!(plain.status, 200);
        assert!(plain.header("cache-control").unwrap().contains("immutable"));
        assert_eq!((plain.header("content-encoding"), plain.body.len() > 1_000), (None, true));
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip, br\r\nConnection: close\r\n\r\n");
        let (packed, body) = client::bytes(server.api, &request);
        assert_eq!((packed.header("content-encoding"), body.get(..2)), (Some("gzip"), Some(&[31, 139][..])));
        assert!(body.len() < plain.body.len() / 2);
        assert_eq!(ask(path, "Accept-Encoding: gzip;q=0\r\n").header("content-encoding"), None);
    }
    assert_eq!(ask("/assets/../index.html", "").status, 404);
    assert_eq!(ask("/assets/none.js", "").status, 404);
    assert!(ask("/", "Accept: */*\r\n").body.starts_with("fine-grained-monitor\n"), "curl gets the index");
}

#[test]
fn answers_are_neither_cached_nor_sniffed_nor_shared_with_other_origins() {
    let server = server();
    for (host, status) in [("localhost", 200), ("evil.example", 403)] {
        let headers = format!("Host: {host}\r\nOrigin: http://evil.example\r\n");
        let answer = request(server.api, "GET", "/api/health", &headers);
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[test]
fn a_head_beyond_the_bounds_is_refused() {
    let server = server();
    let many: String = (0..100).map(|n| format!("X-{n}: 1\r\n")).collect();
    assert_eq!(request(server.api, "GET", "/healthz", &format!("Host: localhost\r\n{many}")).status, 431);
    let long = format!("X: {}\r\n", "x".repeat(40_000));
    assert_eq!(request(server.api, "GET", "/healthz", &format!("Host: localhost\r\n{long}")).status, 431);
    assert_eq!(get(server.api, "/healthz").status, 200);
}

#[test]
fn garbage_ends_its_own_connection_only() {
    let server = server();
    assert_eq!(raw(server.api, "\u{1}\u{2} not http\r\n\r\n").status, 400);
    assert_eq!(get(server.api, "/healthz").status, 200);
}

#[test]
fn a_stop_ends_idle_connections_and_returns() {
    let server = server();
    let listener = server.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let http = server.http.clone();
    let serving = server.runtime.spawn(async move {
        http.serve_metrics(listener, async { drop(stopped.await) }).await;
    });
    let mut kept = TcpStream::connect(address).unwrap();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut head = [0; 15];
    kept.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    stop.send(()).unwrap();
    server.runtime.block_on(serving).unwrap();
    let mut rest = Vec::new();
    kept.read_to_end(&mut rest).unwrap();
    assert!(TcpStream::connect(address).is_err());
}
