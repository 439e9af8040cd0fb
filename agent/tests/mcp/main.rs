//! The MCP server from outside: the official clients over both transports, golden replies, and what is refused.
//!
//! An hour is recorded through the agent's own store with a clock of its own: `web` needs twice the CPU from the middle on, `db`
//! grows towards its limit and is killed. `FGM_UPDATE_GOLDEN=1 cargo test -p fgm-agent --test mcp` rewrites the replies.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test program"
)]

mod inspector;
#[path = "../rig/python.rs"]
mod python;
#[path = "../rig/mod.rs"]
mod rig;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use fgm_agent::event::{Draft, Kind};
use fgm_agent::health::Counters;
use fgm_agent::model::{HOUR_USEC, Identity, QosClass, Role, Row, SeriesKey, Tick, UnixMicros};
use fgm_agent::store::{Options, Store, WallClock};
use fgm_agent::subject::{Owner, Subject};
use fgm_agent::table::Table;
use rig::client::{self, Answer};
use rig::{Agent, Line, open_directory};
use serde_json::{Value, json};

/// 2026-11-23 04:00:00 UTC.
const START: UnixMicros = 1_795_406_400_000_000;
const SECOND: i64 = 1_000_000;
const SECONDS: i64 = 3_600;
const PROGRAM: &str = env!("CARGO_BIN_EXE_fgm-agent");
/// Tools whose first answer is kept; `list_nodes` and `list_metrics` tell of the program rather than of the data.
const GOLDEN: [&str; 8] = [
    "list_containers",
    "list_events",
    "top",
    "summarize_container",
    "analyze_container",
    "find_changes",
    "find_related",
    "compare",
];

fn container(name: &str, id: &str) -> Identity {
    Identity {
        pod: Some(format!("{name}-0")),
        namespace: Some("shop".to_owned()),
        container: Some(name.to_owned()),
        workload: Some(format!("StatefulSet/{name}")),
        qos_class: Some(QosClass::Burstable),
        ..Identity::unnamed(id.repeat(16), format!("/kubepods/{name}"), Role::Container)
    }
}

fn row(tick: &mut Tick, key: u32, time: UnixMicros, values: &[(&str, i64)]) {
    let begin = tick.values.len();
    tick.values.resize(begin + Table::Containers.width(), 0);
    let present = values.iter().map(|(name, value)| {
        let column = Table::Containers.column(name).unwrap();
        tick.values[begin + column] = *value;
        column
    });
    let present = present.collect();
    tick.rows.push(Row { key: SeriesKey(key), table: Table::Containers, time, is_final: false, present });
}

/// A number that looks random and is always the same.
fn noise(second: i64, salt: i64) -> i64 {
    let mixed = (second * 2_654_435_761 + salt * 40_503).rem_euclid(1 << 32);
    (mixed ^ (mixed >> 15)).wrapping_mul(2_246_822_519).rem_euclid(1000)
}

fn record(data: &Path) {
    let now = Arc::new(AtomicI64::new(START));
    let hands = Arc::clone(&now);
    let options = Options { clock: WallClock::new(move || hands.load(SeqCst)), ..Options::new(data, "node-1", START) };
    let (store, ticks) = Store::start(options, Arc::new(Counters::default())).unwrap();
    let reader = store.reader();
    let (web, db) = (container("web", "3e81"), container("db", "b07d"));
    let mut used = [0, 0];
    for second in 0..SECONDS {
        let time = START + second * SECOND;
        let mut tick = Tick::default();
        if second == 0 {
            for (key, identity) in [(0, &web), (1, &db)] {
                tick.births.push((SeriesKey(key), Subject::Container(Arc::new(identity.clone()))));
            }
        }
        used[0] += if second < SECONDS / 2 { 200_000 } else { 400_000 } + 20 * noise(second, 1);
        used[1] += 100_000 + 10 * noise(second, 2);
        let (steady, growing) = (64 << 20, (100 << 20) + second * 24_000);
        let limit = ("memory_max_bytes", 256 << 20);
        let memory = |bytes: i64| ("memory_current_bytes", bytes + 4096 * (noise(second, 3) % 16));
        let cache = ("memory_stat_inactive_file_bytes", 8 << 20);
        row(&mut tick, 0, time, &[("cpu_usage_usec", used[0]), memory(steady), cache, limit]);
        row(&mut tick, 1, time, &[("cpu_usage_usec", used[1]), memory(growing), cache, limit]);
        if second == SECONDS - 60 {
            let killed = Draft::new(Kind::OomKill, time, "a process of db was killed for memory");
            killed.of(Owner::container(&db)).comm(Some("postgres".to_owned())).put(SeriesKey(9), &mut tick);
        }
        let before = reader.engine().ticks();
        ticks.send(tick).unwrap();
        while reader.engine().ticks() == before {
            std::thread::yield_now();
        }
    }
    now.store(START + HOUR_USEC + 300 * SECOND, SeqCst);
    ticks.send(Tick { seal: true, ..Tick::default() }).unwrap();
    drop(ticks);
    assert_eq!(store.join().lost_rows, 0);
}

fn view(data: &Path, more: &[&str]) -> (Agent, SocketAddr) {
    let line = Line::bare().args(["view", "--listen", "127.0.0.1:0", "--data"]).args([data]).args(more);
    let agent = line.start();
    let address = agent.listener("viewing");
    (agent, address)
}

#[test]
fn the_official_client_lists_and_calls_everything_over_both_transports() {
    let Some(python) = python::with("mcp", &["mcp"]) else { return };
    let data = open_directory();
    record(data.path());
    let (agent, address) = view(data.path(), &[]);
    let ask = |arguments: &[&str]| -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp/client.py");
        let output = Command::new(&python).arg(script).args(arguments).output().expect("run Python");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let over_http = ask(&["http", &address.to_string()]);
    agent.stop();
    let over_streams = ask(&["stdio", PROGRAM, data.path().to_str().unwrap()]);
    assert_eq!(over_http["tools"], over_streams["tools"]);
    for (call, entry) in over_streams["calls"].as_object().unwrap() {
        eprintln!("{} bytes, {} ms: {call}", entry["bytes"], entry["ms"]);
    }
    for tool in GOLDEN {
        let text = over_streams["calls"][tool]["text"].as_str().unwrap();
        golden(&format!("mcp_{tool}.json"), &serde_json::from_str(text).unwrap());
        let linked = over_http["calls"][tool]["text"].as_str().unwrap();
        let base = format!("http://{address}");
        assert!(linked.contains(&base), "{linked}");
        assert_eq!(linked.replace(&base, ""), text, "the transports say the same");
    }
}

/// Compares with the golden file, or rewrites it where asked to.
fn golden(name: &str, actual: &Value) {
    let actual = format!("{}\n", serde_json::to_string_pretty(actual).unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("FGM_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(actual == expected, "{name} differs; rewrite with FGM_UPDATE_GOLDEN=1 and look at the diff:\n{actual}");
}

fn post(address: SocketAddr, headers: &str, body: &str) -> Answer {
    let headers = format!(
        "{headers}Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: {}\r\n",
        body.len()
    );
    client::raw(address, &format!("POST /mcp HTTP/1.1\r\n{headers}Connection: close\r\n\r\n{body}"))
}

fn list() -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string()
}

#[test]
fn foreign_pages_and_names_long_bodies_and_other_methods_are_refused() {
    let data = open_directory();
    record(data.path());
    let (agent, address) = view(data.path(), &[]);
    let status = |headers: &str, body: &str| post(address, headers, body).status;
    assert_eq!(status("Host: localhost\r\n", &list()), 200);
    assert_eq!(status("Host: localhost\r\nOrigin: http://localhost:3000\r\n", &list()), 200);
    assert_eq!(status("Host: localhost\r\nOrigin: http://evil.example\r\n", &list()), 403);
    assert_eq!(status("Host: localhost\r\nOrigin: null\r\n", &list()), 403);
    assert_eq!(status("Host: evil.example\r\n", &list()), 403);
    assert_eq!(status("Host: localhost\r\n", &" ".repeat((64 << 10) + 1)), 413);
    assert_eq!(client::get(address, "/mcp").status, 405);
    agent.stop();
}

#[test]
fn the_token_is_asked_for() {
    let data = open_directory();
    record(data.path());
    let token = data.path().join("token");
    std::fs::write(&token, "a-token-of-some-length").unwrap();
    let (agent, address) = view(data.path(), &["--token-file", token.to_str().unwrap()]);
    assert_eq!(post(address, "Host: localhost\r\n", &list()).status, 401);
    let brought = "Host: node-1.example\r\nAuthorization: Bearer a-token-of-some-length\r\n";
    assert_eq!(post(address, brought, &list()).status, 200);
    agent.stop();
}

#[test]
fn the_streams_end_with_their_input_and_say_nothing_else() {
    let data = open_directory();
    record(data.path());
    let (code, stdout, stderr) = Line::bare().args(["mcp", "--data"]).args([data.path()]).output();
    assert_eq!((code, stdout.as_str()), (Some(0), ""), "{stderr}");
    let (code, stdout, _) = Line::bare().args(["mcp", "--data", "/no/such/place"]).output();
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
}
