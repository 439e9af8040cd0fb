//! From the start to the end: what is served meanwhile, and that every row sampled is in the files afterwards.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::rig::client::request;
use crate::rig::fake_cgroups::FakeCgroups;
use crate::rig::{Line, eventually, open_directory, recording, sealed};

#[test]
fn without_a_command_it_samples_serves_and_seals_every_row_at_sigterm() {
    let (cgroups, data) = (FakeCgroups::with(3), open_directory());
    let agent = Line::recording(cgroups.path(), data.path()).args(["--interval", "20ms"]).start().ready();
    agent.until_counter("rows_sampled_total", 30);

    let status = agent.status();
    assert_eq!(status["agent"]["node"], "node-1");
    assert_eq!(status["agent"]["scope"]["effective"], "containers");
    assert_eq!(status["counters"]["containers"], 3);
    assert!(status["agent"]["hierarchy"].as_str().unwrap().starts_with("cgroup v2: unified="));
    assert!(status["agent"]["cost"]["percent_of_core"].as_f64().unwrap() > 0.0);
    let sampled = agent.counter("rows_sampled_total");
    agent.signal(Signal::TERM);
    let begun = Instant::now();
    let (ended, log) = agent.wait();
    assert_eq!(ended.code(), Some(0), "{log:#?}");
    assert!(begun.elapsed() < Duration::from_secs(15));

    let files = recording::files(data.path(), &["cpu_usage_usec", "memory_current_bytes"]);
    recording::assert_whole(&files);
    let rows: Vec<_> = files.iter().flat_map(|file| &file.rows).collect();
    let all_rows = recording::everything(data.path()).rows;
    assert_eq!(all_rows, sealed(&log, "rows"));
    assert!(all_rows >= sampled, "{sampled} rows sampled, {all_rows} in the files");
    assert_eq!(rows.iter().map(|row| &row.id).collect::<BTreeSet<_>>().len(), 3);
    assert!(rows.iter().all(|row| row.values[0] == Some(45_021_573) && row.values[1].is_some()));
    assert!(files.iter().all(|file| file.path.to_string_lossy().contains("/node=node-1/")));
    assert_eq!(recording::paths(data.path(), "spill"), Vec::<std::path::PathBuf>::new());
}

#[test]
fn run_is_the_same_as_no_command_and_exactly_the_rows_sampled_are_in_the_file() {
    let (cgroups, data) = (FakeCgroups::with(5), open_directory());
    let agent = Line::bare().args(["run", "--listen", "127.0.0.1:0", "--interval", "60s", "--data"]);
    let agent = agent.args([data.path(), "--cgroup-root".as_ref(), cgroups.path()]).start().ready();
    let sampled = agent.counter("rows_sampled_total");
    assert_eq!(sampled, 6, "one row of each container at the start and one event, the next ones a minute later");
    agent.signal(Signal::INT);
    let (ended, log) = agent.wait();
    assert_eq!(ended.code(), Some(0), "{log:#?}");
    assert_eq!(recording::rows(data.path(), &[]).len(), 5);
}

#[test]
fn a_second_signal_ends_it_at_once_and_the_next_start_has_the_rows() {
    let (cgroups, data) = (FakeCgroups::with(3), open_directory());
    let agent = Line::recording(cgroups.path(), data.path()).args(["--interval", "60s"]).start().ready();
    // Both are waiting when it goes on, so that the second one finds it at the very beginning of its end.
    for signal in [Signal::STOP, Signal::INT, Signal::TERM, Signal::CONT] {
        agent.signal(signal);
    }
    let (ended, log) = agent.wait();
    assert_eq!(ended.code(), Some(130), "{log:#?}");
    let next = Line::recording(cgroups.path(), data.path()).args(["--interval", "60s"]).start().ready();
    eventually("recovery", || (next.status()["store"]["scanning"] == json!(false)).then_some(()));
    next.stop();
    let rows = recording::rows(data.path(), &[]);
    assert_eq!(rows.len(), 6, "three rows of each run");
}

#[test]
fn containers_come_and_go_and_the_last_row_is_final() {
    let (cgroups, data) = (FakeCgroups::with(1), open_directory());
    let agent = Line::recording(cgroups.path(), data.path()).args(["--interval", "60s"]).start().ready();
    cgroups.add(1);
    let ids = |alive: bool| {
        let containers = agent.get("/api/containers").json();
        let entries = containers["containers"].as_array().unwrap().clone();
        entries.into_iter().filter(|e| e["alive"] == json!(alive)).map(|e| e["id"].clone()).collect::<Vec<_>>()
    };
    eventually("the new container, newest first", || {
        (ids(true) == [json!(FakeCgroups::id(1)), json!(FakeCgroups::id(0))]).then_some(())
    });
    cgroups.end(1, || ());
    eventually("its end", || (ids(false) == [json!(FakeCgroups::id(1))]).then_some(()));
    agent.stop();
    let rows = recording::by_container(recording::rows(data.path(), &["cpu_usage_usec"]));
    let (stays, ended) = (&rows[&FakeCgroups::id(0)], &rows[&FakeCgroups::id(1)]);
    assert!(stays.iter().all(|row| !row.is_final));
    assert!(ended.last().unwrap().is_final, "{ended:?}");
    assert_eq!(ended.iter().filter(|row| row.is_final).count(), 1);
}

#[test]
fn metrics_are_served_in_both_formats_and_alone_on_a_second_listener() {
    let (cgroups, data) = (FakeCgroups::with(1), open_directory());
    let line = Line::recording(cgroups.path(), data.path()).args(["--metrics-listen", "127.0.0.1:0"]);
    let agent = line.start().ready();
    let metrics = |address, accept: &str| {
        request(address, "GET", "/metrics", &format!("Host: localhost\r\nAccept: {accept}\r\n"))
    };
    for address in [agent.address(), agent.listener("metrics alone")] {
        let open = metrics(address, "application/openmetrics-text;version=1.0.0");
        assert!(open.header("content-type").unwrap().starts_with("application/openmetrics-text"));
        assert!(open.body.ends_with("# EOF\n"));
        let plain = metrics(address, "text/plain;version=0.0.4");
        assert!(plain.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
        for body in [&open.body, &plain.body] {
            let sample = body.lines().find(|line| line.starts_with("container_cpu_usage_seconds_total{")).unwrap();
            assert!(sample.contains(&format!("name=\"{}\"", FakeCgroups::id(0))), "{sample}");
            assert!(sample.ends_with(" 45.021573"), "{sample}");
            assert!(body.lines().any(|line| line == "fgm_containers 1"));
        }
    }
    let alone = agent.listener("metrics alone");
    let status = |target| request(alone, "GET", target, "Host: localhost\r\n").status;
    assert_eq!([status("/healthz"), status("/readyz"), status("/api/status")], [200, 200, 404]);
    agent.stop();
}

#[test]
fn a_second_agent_takes_over_when_the_first_one_stops_and_nothing_is_lost_or_doubled() {
    let (cgroups, data) = (FakeCgroups::with(4), open_directory());
    let line = || Line::recording(cgroups.path(), data.path()).args(["--interval", "20ms"]);
    let first = line().start().ready();
    first.until_counter("rows_sampled_total", 40);
    let second = line().start();
    second.says("waiting for the agent that uses the data directory to end");
    let sampled = first.counter("rows_sampled_total");
    let first_log = first.stop();
    let second = second.ready();
    second.until_counter("rows_sampled_total", 40);
    let sampled = sampled + second.counter("rows_sampled_total");
    let second_log = second.stop();
    assert_eq!(second_log.iter().filter(|line| line.contains("waiting for the agent")).count(), 1);

    let files = recording::files(data.path(), &[]);
    recording::assert_whole(&files);
    let rows = recording::everything(data.path()).rows;
    assert_eq!(rows, sealed(&first_log, "rows") + sealed(&second_log, "rows"));
    assert!(rows >= sampled);
    let runs: BTreeSet<_> = files.iter().map(|file| file.footer.origin.run_id.clone()).collect();
    assert_eq!(runs.len(), 2);
    assert_eq!(recording::paths(&data.path().join("_sessions"), "json").len(), 2);
}

#[test]
fn a_second_agent_gives_up_after_a_while_with_one_sentence() {
    let (cgroups, data) = (FakeCgroups::with(1), open_directory());
    let first = Line::recording(cgroups.path(), data.path()).start().ready();
    let begun = Instant::now();
    let sentence = Line::recording(cgroups.path(), data.path()).refusal();
    assert!(begun.elapsed() >= Duration::from_secs(15), "rolling restarts overlap");
    assert!(sentence.contains("is in use by another fgm-agent (process "), "{sentence}");
    assert!(sentence.ends_with("which did not end within 15 s: stop it, or choose another --data"), "{sentence}");
    first.stop();
}

#[test]
fn an_agent_that_waits_for_the_data_directory_stops_at_once_when_told_to() {
    let (cgroups, data) = (FakeCgroups::with(1), open_directory());
    let first = Line::recording(cgroups.path(), data.path()).start().ready();
    let second = Line::recording(cgroups.path(), data.path()).start();
    second.says("waiting for the agent that uses the data directory to end");
    second.signal(Signal::TERM);
    let begun = Instant::now();
    let (ended, log) = second.wait();
    assert_eq!(ended.code(), Some(0), "{log:#?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "long before the wait is over");
    let log = first.stop();
    assert_eq!(recording::everything(data.path()).rows, sealed(&log, "rows"), "the second one wrote nothing");
}

#[test]
fn the_version_names_the_revision_it_was_built_from() {
    let (code, stdout, _) = Line::bare().args(["--version"]).output();
    assert_eq!(code, Some(0));
    let revision = stdout.trim().strip_prefix(concat!("fgm-agent ", env!("CARGO_PKG_VERSION"), " (")).unwrap();
    let revision = revision.strip_suffix(')').unwrap();
    let hash = revision.split(['-', '+']).next().unwrap();
    let is_hash = hash.len() >= 7 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_hash || revision == "unknown", "{revision:?}");
}
