//! `fgmctl bench` from outside, in a git repository of the test's own.
//!
//! cargo is a stand-in here (`cargo.sh`), because a real benchmark takes minutes: it writes what Criterion 0.8.2 wrote once
//! (`criterion/`), with the numbers that the test gives it. Processes, locks, signals and files are real. Nothing sleeps:
//! the stand-in is held by a named pipe, whose opening tells the test that it measures.

#![allow(clippy::unwrap_used, reason = "a test")]

mod stage;

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;

use stage::Stage;

#[test]
fn from_its_start_to_a_comparison() {
    let stage = Stage::set();
    stage.will_measure(&[("fold/sort/1000", 1_000.0, 10.0), ("fold/old", 5.0, 0.1)]);
    let before = stage.start(&["--filter", "fold"]);
    assert_eq!(before.len(), 36, "{before}");
    let waited = stage.call(&["bench", "wait", &before[..8]]);
    assert_eq!(waited.code, 0, "{}", waited.err);
    assert!(waited.out.contains("fold/sort/1000") && waited.out.contains("1.000 us"), "{}", waited.out);

    // The data was made once, in the place where benchmarks look for a day of it.
    let generation =
        "run --release --bin generate-bench-data -- --scenario realistic --duration 24h --out testdata/bench/realistic";
    let measurement = "bench --no-fail-fast -- fold [BENCH_DATA=testdata/bench/realistic]";
    assert_eq!(stage.cargo_calls(), [generation, measurement]);

    stage.will_measure(&[("fold/sort/1000", 1_500.0, 10.0), ("fold/new", 5.0, 0.1)]);
    let after = stage.start(&["--full-suite"]);
    assert_eq!(stage.call(&["bench", "wait", &after]).code, 0);
    assert_eq!(stage.cargo_calls()[2..], ["bench --no-fail-fast [BENCH_DATA=testdata/bench/realistic]"]);

    let listed = stage.json(&["bench", "list"]);
    let guids: Vec<&str> = listed.as_array().unwrap().iter().map(|one| one["guid"].as_str().unwrap()).collect();
    assert_eq!(guids, [after.as_str(), before.as_str()], "newest first");
    let text = stage.call(&["bench", "list"]).out;
    assert!(text.contains("full suite") && text.contains("realistic 24h") && text.contains("done"), "{text}");

    let shown = stage.json(&["bench", "show", &before]);
    assert_eq!(
        (&shown["state"], &shown["filter"], &shown["exit_code"]),
        (&"done".into(), &"fold".into(), &Value::Null)
    );
    assert_eq!((&shown["revision"]["dirty"], shown["revision"]["commit"].as_str().unwrap().len()), (&false.into(), 40));
    assert!(shown["machine"]["cpus"].as_u64() > Some(0) && shown["machine"]["kernel"].is_string());
    let sorted = &shown["results"]["benchmarks"]["fold/sort/1000"];
    assert_eq!((&sorted["mean"]["ns"], &sorted["samples"]), (&1_000.0.into(), &20.into()));

    for guid in [&before, &after] {
        stage.was_at_rest(guid);
    }
    let compared = stage.json(&["bench", "compare", &before, &after]);
    let change = &compared["benchmarks"][0];
    assert_eq!((&change["ratio"], &change["verdict"]), (&1.5.into(), &"regressed".into()), "{compared}");
    assert!(change["low"].as_f64().unwrap() > 1.45 && change["high"].as_f64().unwrap() < 1.55, "{compared}");
    assert_eq!((&compared["only_before"][0], &compared["only_after"][0]), (&"fold/old".into(), &"fold/new".into()));
    let text = stage.call(&["bench", "compare", &after, &before]).out;
    assert!(text.contains("improved") && text.contains("0.667"), "{text}");
}

#[test]
fn one_that_fails_says_so_and_keeps_what_it_measured() {
    let stage = Stage::set();
    stage.will_measure(&[("fold/sort/1000", 1_000.0, 10.0)]);
    stage.will_exit_with(101);
    let guid = stage.start(&["--filter", "fold"]);
    let waited = stage.call(&["bench", "wait", &guid]);
    assert_eq!(waited.code, 1);
    assert!(waited.err.contains("failed: `cargo bench` failed (exit status: 101); its log is"), "{}", waited.err);
    assert!(waited.out.contains("fold/sort/1000"), "{}", waited.out);
    let shown = stage.json(&["bench", "show", &guid]);
    assert_eq!((&shown["state"], &shown["exit_code"]), (&"failed".into(), &101.into()));

    // A filter that nothing matches measures nothing, and that is no success.
    stage.will_exit_with(0);
    stage.will_measure(&[]);
    let empty = stage.start(&["--filter", "nonsense"]);
    let waited = stage.call(&["bench", "wait", &empty]);
    assert_eq!(waited.code, 1);
    assert!(waited.err.contains(r#"no benchmark's name contains "nonsense""#), "{}", waited.err);
    let compared = stage.call(&["bench", "compare", &guid, &empty]);
    assert_eq!(compared.code, 4);
    assert!(compared.err.contains("there is nothing to compare with"), "{}", compared.err);
}

#[test]
fn one_that_is_killed_has_ended_without_a_result() {
    let stage = Stage::set();
    let gate = stage.hold();
    let guid = stage.start(&["--full-suite"]);
    let open = gate.measures();
    assert_eq!(stage.json(&["bench", "show", &guid])["state"], "measuring");
    kill_process_group(stage.pid(&guid), Signal::KILL).unwrap();
    let waited = stage.call(&["bench", "wait", &guid]);
    assert_eq!(waited.code, 1);
    assert!(waited.err.contains("ended without a result"), "{}", waited.err);
    assert!(stage.call(&["bench", "list"]).out.contains("ended without a result"));
    drop(open);

    // It keeps nobody waiting.
    gate.remove();
    stage.will_measure(&[("a", 1.0, 0.1)]);
    let next = stage.start(&["--full-suite"]);
    assert_eq!(stage.call(&["bench", "wait", &next]).code, 0);
}

#[test]
fn what_outlives_its_leader_still_keeps_others_waiting() {
    let stage = Stage::set();
    stage.will_measure(&[("a", 1.0, 0.1)]);
    let gate = stage.hold();
    let first = stage.start(&["--full-suite"]);
    let open = gate.measures();
    kill_process(stage.pid(&first), Signal::KILL).unwrap();
    let second = stage.start(&["--full-suite"]);
    let state = |guid: &str| stage.json(&["bench", "show", guid])["state"].clone();
    stage.until(|| state(&second) == "waiting");
    gate.remove();
    drop(open);
    assert_eq!(stage.call(&["bench", "wait", &second]).code, 0);
    assert_eq!(state(&first), "ended_without_result");
}

#[test]
fn one_that_is_asked_to_end_takes_cargo_with_it() {
    let stage = Stage::set();
    let gate = stage.hold();
    let guid = stage.start(&["--full-suite"]);
    let open = gate.measures();
    kill_process(stage.pid(&guid), Signal::TERM).unwrap();
    let waited = stage.call(&["bench", "wait", &guid]);
    assert_eq!(waited.code, 1);
    assert!(waited.err.contains("it was ended by a signal"), "{}", waited.err);
    // Whoever holds the pipe's other end is gone: the lock that all of them inherit is free.
    stage.until(|| stage.is_free(&guid));
    drop(open);
}

#[test]
fn a_second_one_waits_for_the_first() {
    let stage = Stage::set();
    stage.will_measure(&[("a", 1.0, 0.1)]);
    let gate = stage.hold();
    let first = stage.start(&["--filter", "first"]);
    let open = gate.measures();
    let second = stage.start(&["--filter", "second"]);
    let state = |guid: &str| stage.json(&["bench", "show", guid])["state"].clone();
    stage.until(|| state(&second) == "waiting");
    assert_eq!(state(&first), "measuring");
    assert!(stage.call(&["bench", "list"]).out.contains("waiting"));
    gate.remove();
    drop(open);
    for guid in [&first, &second] {
        assert_eq!(stage.call(&["bench", "wait", guid]).code, 0);
    }
    let log = std::fs::read_to_string(stage.directory(&second).join("bench.log")).unwrap();
    assert!(log.contains(&format!("... waiting for benchmark {} to end", &first[..8])), "{log}");
    let calls = stage.cargo_calls();
    assert!(calls[1].contains("first") && calls[2].contains("second") && calls.len() == 3, "{calls:?}");
}

#[test]
fn ctrl_c_ends_the_waiting_and_not_the_benchmark() {
    let stage = Stage::set();
    stage.will_measure(&[("a", 1.0, 0.1)]);
    let gate = stage.hold();
    let guid = stage.start(&["--full-suite"]);
    let open = gate.measures();
    let mut waiting = stage.command(&["bench", "wait", &guid]).stderr(Stdio::piped()).spawn().unwrap();
    let mut progress = BufReader::new(waiting.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Benchmarking") {
        line.clear();
        assert!(progress.read_line(&mut line).unwrap() > 0, "the log is streamed");
    }
    kill_process(Pid::from_child(&waiting), Signal::INT).unwrap();
    let mut rest = String::new();
    progress.read_to_string(&mut rest).unwrap();
    assert_eq!(waiting.wait().unwrap().code(), Some(130));
    assert!(rest.contains(&format!("the benchmark goes on: `fgmctl bench wait {}`", &guid[..8])), "{rest}");
    assert_eq!(stage.json(&["bench", "show", &guid])["state"], "measuring");
    drop(open);
    assert_eq!(stage.call(&["bench", "wait", &guid]).code, 0);
}

#[test]
fn what_is_not_there_or_makes_no_sense_gets_a_sentence() {
    let stage = Stage::set();
    assert!(stage.call(&["bench", "list"]).out.contains("no benchmark was begun"));
    assert_eq!(stage.json(&["bench", "list"]), Value::Array(Vec::new()));
    for words in [&["bench", "wait", "abc"][..], &["bench", "show", "abc"], &["bench", "compare", "abc", "def"]] {
        let said = stage.call(words);
        assert_eq!(said.code, 4, "{words:?}");
        assert!(said.err.contains(r#"no benchmark "abc""#) && said.err.contains("`fgmctl bench list`"), "{}", said.err);
    }
    let said = stage.call(&["bench", "--full-suite", "--duration", "5m"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("from 10m to 31d"), "{}", said.err);
    assert_eq!(stage.call(&["bench"]).code, 2);
    // Two guids always begin alike where nothing of them is given.
    for _ in 0..2 {
        stage.will_measure(&[("a", 1.0, 0.1)]);
        let guid = stage.start(&["--full-suite"]);
        assert_eq!(stage.call(&["bench", "wait", &guid]).code, 0);
    }
    let said = stage.call(&["bench", "show", ""]);
    assert_eq!(said.code, 4);
    assert!(said.err.contains("the guids of 2 benchmarks begin with"), "{}", said.err);
}

#[test]
fn a_dry_run_prints_the_commands_and_leaves_nothing() {
    let stage = Stage::set();
    let said = stage.call(&["bench", "--filter", "a.b", "--data", "stress", "--duration", "60m", "--dry-run"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let top = stage.top().display().to_string();
    let expected = format!(
        "(cd {top} && cargo run --release --bin generate-bench-data -- --scenario stress --duration 1h --out testdata/bench/stress-1h)\n\
         (cd {top} && CRITERION_HOME={top}/.fgm/bench/GUID/criterion BENCH_DATA=testdata/bench/stress-1h \
         cargo bench --no-fail-fast -- 'a\\.b')\n"
    );
    assert_eq!(said.out, expected);
    assert!(!stage.top().join(".fgm").exists());
    assert_eq!(stage.cargo_calls(), Vec::<String>::new());
}
