//! Questions about recorded numbers: every mistake, every encoding of an answer, exports.

use std::io::Read;
use std::sync::mpsc;
use std::time::Duration;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMicrosecondType};
use arrow_ipc::reader::StreamReader;
use serde_json::{Value, json};

use crate::client::{bytes, connect, dechunked, get, request};
use crate::fake::server;
use crate::questions::{LARGE, MANY};

fn asking(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")
}

#[test]
fn each_mistake_has_its_status_and_names_what_is_valid() {
    let server = server();
    for (target, status, part) in [
        ("/api/timeseries", 400, "the parameter metric is missing; it is up to 32 names"),
        ("/api/timeseries?metric=", 400, "the value \"\" of metric is not valid"),
        (
            "/api/timeseries?metrics=a",
            400,
            "there is no parameter \"metrics\" here; perhaps metric; there is metric, container",
        ),
        (
            "/api/timeseries?metric=a&range=1y",
            400,
            "of range is not valid; it is a duration like 15m, 6h, 1d or 1w, or all",
        ),
        ("/api/timeseries?metric=a&from=now&to=-1h", 400, "of from is not valid; it is a time before 20"),
        ("/api/timeseries?metric=a&from=yesterday", 400, "it is a time like 2026-11-23T04:00:00Z"),
        ("/api/timeseries?metric=a&from=-2h&to=-1h&range=1h", 400, "two of them say all"),
        ("/api/timeseries?metric=a&points=0", 400, "it is a number from 1 to 5000000, or all"),
        ("/api/timeseries?metric=a&agg=avg", 400, "it is one of sum, max, min, mean, p50"),
        ("/api/timeseries?metric=a&group=pods", 400, "it is one of all, pod, namespace, workload, node, or a label"),
        ("/api/timeseries?metric=a&labels=b", 400, "it is KEY:VALUE"),
        ("/api/timeseries?metric=a&pod=b&pod=c", 400, "the parameter pod is given twice"),
        ("/api/timeseries?metric=invalid", 400, "about invalid"),
        ("/api/timeseries?metric=nothing", 404, "about nothing"),
        ("/api/timeseries?metric=too_much", 413, "about too_much"),
        ("/api/timeseries?metric=too_slow", 503, "about too_slow"),
        ("/api/timeseries?metric=failed", 500, "the agent failed to make this answer; its log says why"),
        ("/api/timeseries?metric=%ff%fe&pod=%", 200, ""),
        ("/api/top", 400, "the parameter metric is missing; it is a name"),
        ("/api/top?metric=a,b&by=min", 400, "it is one of mean, max, last"),
        ("/api/top?metric=nothing", 404, "about nothing"),
        ("/api/top?metric=a&limit=1001", 400, "it is a number from 1 to 1000"),
        ("/api/processes", 400, "the parameter container is missing; it is a name"),
        ("/api/processes?container=nothing", 404, "about nothing"),
        ("/api/containers?metric=nothing", 404, "about nothing"),
        ("/api/containers?sort=age", 400, "it is one of newest, oldest, name"),
        ("/api/filters?pod=a", 400, "there is from, to, range"),
        ("/api/events?range=soon", 400, "it is a duration like"),
        ("/api/export?table=container", 400, "it is one of containers, pods"),
        ("/api/export?format=xml", 400, "it is one of parquet, csv, arrow"),
        ("/api/export?table=events", 404, "there is nothing of events"),
        (
            "/api/study/trends?metric=a",
            404,
            "there is no study \"trends\"; the nearest is trend; there is changepoint, trend",
        ),
        ("/api/study/trend", 400, "trend looks at a metric: one is needed; /api/metrics lists all"),
        ("/api/study/trend?metric=memory_curent_bytes", 404, "the nearest are memory_current_bytes"),
        ("/api/study/oom?metric=a", 400, "oom looks at a container as a whole: leave out metric"),
        ("/api/study/trend?metric=pids_current&set=a:1", 400, "trend has no parameter \"a\"; there is significance"),
        ("/api/study/trend?metric=pids_current&set=significance:0.5", 400, "is a number from 1 to 100"),
        ("/api/study/trend?metric=pids_current&set=significance", 400, "it is NAME:NUMBER"),
        (
            "/api/study/compare?metric=pids_current&baseline_from=-1h",
            400,
            "a time before baseline_to, and both are given",
        ),
        ("/api/summary", 400, "the parameter container is missing; it is a name"),
        ("/api/live?metric=a&range=1h", 400, "there is no parameter \"range\" here"),
        ("/api/live?metric=nothing", 404, "about nothing"),
    ] {
        let answer = get(server.api, target);
        assert_eq!(answer.status, status, "{target}: {}", answer.body);
        assert!(answer.body.contains(&part.replace('"', "\\\"")), "{target}: {}", answer.body);
        if status == 503 {
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
    }
}

#[test]
fn long_and_many_parameters_are_refused_before_anybody_is_asked() {
    let server = server();
    let many: String = (0..10_000).map(|n| format!("&metric=m{n}")).collect();
    assert_eq!(get(server.api, &format!("/api/timeseries?{many}")).status, 431);
    let some: String = (0..1_000).map(|n| format!("&metric=m{n}")).collect();
    assert_eq!(get(server.api, &format!("/api/timeseries?{some}")).status, 400);
    let names: String = (0..5_000).map(|n| format!("&x{n}")).collect();
    assert_eq!(get(server.api, &format!("/api/timeseries?{}", &names[..20_000])).status, 400);
    let long = get(server.api, &format!("/api/timeseries?metric=a&search={}", "x".repeat(20_000)));
    assert_eq!((long.status, long.error().as_str()), (400, "the value of search is longer than 512 characters"));
    let unknown = get(server.api, &format!("/api/timeseries?{}=1", "x".repeat(20_000)));
    assert_eq!(unknown.status, 400);
    assert!(server.questions.asked.lock().unwrap().is_empty());
}

#[test]
fn every_new_path_checks_the_host() {
    let server = server();
    for target in
        ["/api/timeseries?metric=a", "/api/export", "/api/live?metric=a", "/api/openapi.json", "/api/top?metric=a"]
    {
        assert_eq!(request(server.api, "GET", target, "Host: evil.example\r\n").status, 403, "{target}");
        let answer = request(server.api, "DELETE", target, "Host: localhost\r\n");
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (405, None), "{target}");
    }
}

/// Times in milliseconds and values.
type Points = (Vec<i64>, Vec<f64>);

fn of_json(body: &[u8]) -> Points {
    let reply: Value = serde_json::from_slice(body).unwrap();
    let series = &reply["series"][0];
    (serde_json::from_value(series["t"].clone()).unwrap(), serde_json::from_value(series["v"].clone()).unwrap())
}

fn of_arrow(body: &[u8]) -> Points {
    let mut points = Points::default();
    for batch in StreamReader::try_new(body, None).unwrap().map(Result::unwrap) {
        let times = batch.column_by_name("time").unwrap().as_primitive::<TimestampMicrosecondType>().clone();
        let values = batch.column_by_name("value").unwrap().as_primitive::<Float64Type>().clone();
        assert_eq!(values.null_count(), 0);
        points.0.extend(times.values().iter().map(|time| time.div_euclid(1000)));
        points.1.extend(values.values());
    }
    points
}

#[test]
fn every_encoding_and_format_has_the_same_values_whole_or_in_parts() {
    let server = server();
    let arrow = "Accept: application/vnd.apache.arrow.stream\r\n";
    for (metric, points, is_in_parts) in [("many", MANY, false), ("large", LARGE, true)] {
        let target = format!("/api/timeseries?metric={metric}&points=all");
        let ask = |headers: &str| bytes(server.api, &asking(&target, headers));
        let (plain, body) = ask("");
        assert_eq!((plain.status, plain.header("content-encoding")), (200, None));
        assert_eq!(plain.header("transfer-encoding").is_some(), is_in_parts);
        let expected = of_json(&body);
        assert_eq!(expected.0.len(), points);

        let (answer, gzip) = ask("Accept-Encoding: gzip, deflate\r\n");
        assert_eq!(answer.header("content-encoding"), Some("gzip"));
        assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
        assert!(gzip.len() < body.len() / 2 && of_json(&gunzip(&gzip)) == expected);

        let (answer, zstd) = ask("Accept-Encoding: gzip, zstd\r\n");
        assert_eq!(answer.header("content-encoding"), Some("zstd"));
        assert_eq!(of_json(&zstd::decode_all(&zstd[..]).unwrap()), expected);

        let (answer, stream) = ask(arrow);
        assert_eq!(answer.header("content-type"), Some("application/vnd.apache.arrow.stream"));
        assert_eq!(of_arrow(&stream), expected);
        let (answer, stream) = ask(&format!("{arrow}Accept-Encoding: zstd\r\n"));
        assert_eq!(answer.header("content-encoding"), Some("zstd"));
        assert_eq!(of_arrow(&zstd::decode_all(&stream[..]).unwrap()), expected);
    }
}

#[test]
fn small_answers_are_left_as_they_are() {
    let answer = request(server().api, "GET", "/api/top?metric=a", "Host: localhost\r\nAccept-Encoding: zstd\r\n");
    assert_eq!((answer.status, answer.header("content-encoding")), (200, None));
}

#[test]
fn sealed_answers_have_a_tag_and_are_not_sent_twice() {
    let server = server();
    let ask = |target: &str, headers: &str| bytes(server.api, &asking(target, headers));
    for target in ["/api/timeseries?metric=many", "/api/timeseries?metric=large"] {
        let (first, body) = ask(target, "");
        let tag = first.header("etag").unwrap().to_owned();
        assert_eq!(first.header("cache-control"), Some("no-cache"));
        assert!(tag.starts_with('"') && !body.is_empty());
        let (again, body) = ask(target, &format!("If-None-Match: {tag}\r\n"));
        assert_eq!((again.status, body.len(), again.header("etag")), (304, 0, Some(tag.as_str())));
        let weak = format!("W/{tag}");
        let (packed, _) = ask(target, "Accept-Encoding: gzip\r\n");
        assert_eq!(packed.header("etag"), Some(weak.as_str()));
        let (again, body) = ask(target, &format!("Accept-Encoding: gzip\r\nIf-None-Match: {weak}\r\n"));
        assert_eq!((again.status, body.len()), (304, 0));
        let (other, _) = ask("/api/timeseries?metric=other", &format!("If-None-Match: {tag}\r\n"));
        assert_eq!(other.status, 200);
    }
    let sealed = "from=2000-01-01T00:00:00Z&to=2000-01-02T00:00:00Z";
    for path in ["/api/top?metric=a&", "/api/containers?", "/api/filters?", "/api/events?"] {
        let (first, body) = ask(&format!("{path}{sealed}"), "");
        let tag = first.header("etag").unwrap_or_else(|| panic!("{path}")).to_owned();
        assert!(first.status == 200 && !body.is_empty());
        let (again, body) = ask(&format!("{path}{sealed}"), &format!("If-None-Match: {tag}\r\n"));
        assert_eq!((again.status, body.len()), (304, 0), "{path}");
        let (open, _) = ask(&format!("{path}range=all"), "");
        assert_eq!((open.header("etag"), open.header("cache-control")), (None, Some("no-store")), "{path}");
    }
    let (open, _) = ask("/api/timeseries?metric=open", "If-None-Match: *\r\n");
    assert_eq!((open.status, open.header("etag"), open.header("cache-control")), (200, None, Some("no-store")));
}

#[test]
fn clients_that_leave_a_large_answer_give_their_turn_back() {
    let server = server();
    for _ in 0..20 {
        let mut stream = connect(server.api, &asking("/api/timeseries?metric=large", ""));
        stream.read_exact(&mut [0; 100]).unwrap();
    }
    // It learns of each only when it next writes.
    let answers = |_| get(server.api, "/api/timeseries?metric=a").status;
    assert!((0..20).map(answers).any(|status| status == 200), "the turns are never given back");
}

#[test]
fn everything_is_from_the_first_row_on() {
    let server = server();
    assert_eq!(get(server.api, "/api/timeseries?metric=a&range=all").status, 200);
    let instance = get(server.api, "/api/instance").json();
    let asked = server.questions.asked.lock().unwrap()[0].range;
    assert_eq!(fgm_agent::rfc3339::format(asked.from), instance["recorded"]["from"]);
    assert_eq!(fgm_agent::rfc3339::format(asked.to), instance["recorded"]["to"]);
    let early = get(server.api, "/api/containers?from=0&to=1").json();
    assert_eq!(early, json!({ "containers": [], "total": 0 }));
}

#[test]
fn an_export_is_streamed_whole_in_its_format() {
    let server = server();
    let (answer, body) = bytes(server.api, &asking("/api/export", "Accept-Encoding: gzip\r\n"));
    assert_eq!((answer.status, &body[..], answer.header("content-encoding")), (200, &b"PAR1"[..], None));
    assert_eq!(answer.header("content-type"), Some("application/vnd.apache.parquet"));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"containers.parquet\""));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let (_, plain) = bytes(server.api, &asking("/api/export?format=csv", ""));
    assert!(plain.starts_with(b"0,server\n") && plain.ends_with(b"\n9999,server\n"));
    for (name, unpack) in [("gzip", gunzip as fn(&[u8]) -> Vec<u8>), ("zstd", |bytes| zstd::decode_all(bytes).unwrap())]
    {
        let (answer, packed) =
            bytes(server.api, &asking("/api/export?format=csv", &format!("Accept-Encoding: {name}\r\n")));
        assert_eq!(answer.header("content-encoding"), Some(name));
        assert!(packed.len() < plain.len() && unpack(&packed) == plain, "{name}");
    }
}

fn gunzip(packed: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut unpacked).unwrap();
    unpacked
}

#[test]
fn an_export_that_fails_midway_never_looks_whole() {
    let server = server();
    let mut stream = connect(server.api, &asking("/api/export?table=node", ""));
    let mut all = Vec::new();
    // The connection may be reset or only closed; both are no end of a chunked body.
    let _ = stream.read_to_end(&mut all);
    assert!(all.starts_with(b"HTTP/1.1 200 OK"));
    let body = all.windows(4).position(|window| window == b"\r\n\r\n").map(|at| all.split_off(at + 4)).unwrap();
    assert!(body.len() > 500_000 && dechunked(&body).is_none());
    assert_eq!(get(server.api, "/healthz").status, 200);
}

#[test]
fn an_export_ends_when_its_client_goes_away() {
    let server = server();
    let (ended, told) = mpsc::channel();
    *server.questions.ended.lock().unwrap() = Some(ended);
    let mut stream = connect(server.api, &asking("/api/export?table=pods", ""));
    let mut some = [0; 100_000];
    stream.read_exact(&mut some).unwrap();
    drop(stream);
    assert_eq!(told.recv_timeout(Duration::from_secs(30)), Ok(std::io::ErrorKind::BrokenPipe));
}

/// 20 s after its client stopped reading.
#[test]
fn an_export_whose_client_reads_nothing_ends() {
    let server = server();
    let (ended, told) = mpsc::channel();
    *server.questions.ended.lock().unwrap() = Some(ended);
    let mut stream = connect(server.api, &asking("/api/export?table=pods", ""));
    stream.read_exact(&mut [0; 1000]).unwrap();
    assert_eq!(told.recv_timeout(Duration::from_secs(60)), Ok(std::io::ErrorKind::BrokenPipe));
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(!rest.ends_with(b"0\r\n\r\n"), "it does not look whole");
}

#[test]
fn exports_wait_at_a_door_of_their_own() {
    let server = server();
    let mut under_way: Vec<_> = (0..2).map(|_| connect(server.api, &asking("/api/export?table=pods", ""))).collect();
    for stream in &mut under_way {
        stream.read_exact(&mut [0; 1000]).unwrap();
    }
    let third = get(server.api, "/api/export");
    assert_eq!((third.status, third.header("retry-after")), (503, Some("1")));
    assert_eq!(get(server.api, "/api/timeseries?metric=a").status, 200);
}
