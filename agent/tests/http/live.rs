//! Live streams: each point once, as many as may be, and a clean end when the agent stops.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::client::{connect, get};
use crate::fake::server;

/// A client of Server-Sent Events.
struct Events(BufReader<TcpStream>);

impl Events {
    /// Asks, and reads the head.
    fn open(address: SocketAddr, target: &str) -> (String, Self) {
        let asking = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut events = Self(BufReader::new(connect(address, &asking)));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(events.0.read_line(&mut head).unwrap() > 0, "{head}");
        }
        (head, events)
    }

    /// The name and the data of the next event; lines of chunks and comments are left out.
    fn next(&mut self) -> (String, Value) {
        let (mut name, mut line) = (String::new(), String::new());
        loop {
            line.clear();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended");
            if let Some(event) = line.strip_prefix("event: ") {
                event.trim().clone_into(&mut name);
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return (name, serde_json::from_str(data).unwrap());
            }
        }
    }

    fn times(&mut self) -> Vec<i64> {
        let (name, data) = self.next();
        assert_eq!(name, "series");
        let series = data["series"].as_array().unwrap();
        series.iter().flat_map(|series| serde_json::from_value::<Vec<i64>>(series["t"].clone()).unwrap()).collect()
    }
}

/// Whole milliseconds ago, in microseconds.
fn ago(ms: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    (i64::try_from(now).unwrap() - ms) * 1000
}

#[test]
fn each_point_comes_once_beginning_with_the_last_minute() {
    let server = server();
    let (old, before, first, second) = (ago(70_000), ago(5_000), ago(3_000), ago(2_000));
    server.questions.tick(old);
    server.questions.tick(before);
    let (head, mut events) = Events::open(server.api, "/api/live?metric=live");
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("content-type: text/event-stream"), "{head}");
    assert!(head.contains("cache-control: no-store"), "{head}");
    assert_eq!(events.times(), [before / 1000]);
    for point in [first, second] {
        server.questions.tick(point);
        assert_eq!(events.times(), [point / 1000]);
    }
}

#[test]
fn a_stream_begins_also_where_there_is_nothing_yet() {
    let server = server();
    let (_, mut events) = Events::open(server.api, "/api/live?metric=live");
    assert_eq!(events.times(), [0; 0]);
    let point = ago(1_000);
    server.questions.tick(point);
    assert_eq!(events.times(), [point / 1000]);
}

#[test]
fn there_are_at_most_16_and_one_more_when_one_has_gone() {
    let server = server();
    let mut open: Vec<Events> = (0..16).map(|_| Events::open(server.api, "/api/live?metric=live").1).collect();
    open.iter_mut().for_each(|events| drop(events.next()));
    let refused = get(server.api, "/api/live?metric=live");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(get(server.api, "/api/timeseries?metric=a").status, 200);
    open.pop();
    // The server learns of it when it next waits for the client; it is not told when.
    let is_open = |_| get_head(server.api).starts_with("HTTP/1.1 200");
    let begun = Instant::now();
    assert!(
        (0..).map(is_open).take_while(|_| begun.elapsed() < Duration::from_secs(60)).any(|open| open),
        "it never gives it back"
    );
}

#[test]
fn a_comment_comes_when_nothing_is_new_for_15_s() {
    let server = server();
    let (_, mut events) = Events::open(server.api, "/api/live?metric=live");
    events.next();
    let mut line = String::new();
    // Less than the time after which the client here would give up.
    while !line.starts_with(':') {
        line.clear();
        assert!(events.0.read_line(&mut line).unwrap() > 0, "the stream ended");
    }
    assert_eq!(line, ": nothing new\n");
    let point = ago(1_000);
    server.questions.tick(point);
    assert_eq!(events.times(), [point / 1000]);
}

/// They end 20 s after their clients stopped reading, so all turns are free again.
#[test]
fn streams_whose_clients_read_nothing_are_cut_off() {
    let server = server();
    let mut stalled: Vec<Events> = (0..16).map(|_| Events::open(server.api, "/api/live?metric=flood").1).collect();
    assert_eq!(get(server.api, "/api/live?metric=live").status, 503);
    let patience = Instant::now() + Duration::from_secs(60);
    while get_head(server.api).starts_with("HTTP/1.1 503") {
        assert!(Instant::now() < patience, "the turns do not come back");
        std::thread::sleep(Duration::from_millis(500));
    }
    // What it was sent before is there; an end is not.
    let mut rest = Vec::new();
    let _ = stalled[0].0.read_to_end(&mut rest);
    assert!(!rest.is_empty() && !rest.ends_with(b"0\r\n\r\n"));
}

fn get_head(address: SocketAddr) -> String {
    Events::open(address, "/api/live?metric=live").0
}

#[test]
fn a_stop_ends_streams_at_once_and_cleanly() {
    let server = server();
    let listener = server.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let http = server.http.clone();
    let serving = server.runtime.spawn(async move { http.serve_api(listener, async { drop(stopped.await) }).await });
    let (_, mut events) = Events::open(address, "/api/live?metric=live");
    events.next();
    stop.send(()).unwrap();
    let mut rest = String::new();
    events.0.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "{rest:?}");
    server.runtime.block_on(serving).unwrap().unwrap();
}
