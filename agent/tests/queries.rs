//! The queries of the documents run as they stand, on a recording that has every table.
//!
//! The recording is made of real cgroups, so it needs root; its rollups are of an hour that is long over, whose rows come
//! through the same store with a clock of their own.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test program"
)]

#[path = "bed/mod.rs"]
mod bed;
#[path = "rig/python.rs"]
mod python;
mod rig;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bed::{Bed, CGROUP_ROOT, can_make_cgroups};
use fgm_agent::clock::wall;
use fgm_agent::health::Counters;
use fgm_agent::model::{HOUR_USEC, Identity, Role, Row, SeriesKey, Tick};
use fgm_agent::store::{Options, Store};
use fgm_agent::subject::Subject;
use fgm_agent::table::Table;
use rig::{Line, eventually, open_directory};

/// The worker processes of these tests: see `bed`.
#[test]
#[ignore = "a process in a container, started by the other test"]
fn worker() {
    bed::work();
}

#[test]
fn the_queries_of_the_documents_run() {
    let Some(python) = python::with("queries", &["duckdb", "pandas", "polars"]) else { return };
    if !can_make_cgroups("the documents' queries") {
        return;
    }
    let data = open_directory();
    record_an_earlier_hour(data.path());
    let bed = Bed::new();
    bed.limit_memory(32 << 20);
    bed.limit_cpu(10_000, 100_000);
    // There is a process at each pass, whenever that is.
    let (lasting, line) = (Bed::new(), Line::recording(Path::new(CGROUP_ROOT), data.path()));
    let lasts = lasting.start("wait");
    let agent = line.args(["--interval", "100ms", "--scope", "all", "--process-interval", "1s"]).start().ready();
    bed.start("burn 50,hold 128000000").child.wait().expect("reap");
    let rolled_up = || data.path().join("containers_60s").exists().then_some(());
    eventually("the earlier hour's rollups", rolled_up);
    agent.until_counter("process_passes_total", 2);
    agent.until_counter("ticks_total", 20);
    agent.stop();
    drop(lasts);
    for document in ["README.md", "docs/format.md"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let script = root.join("tests/queries.py");
        let document = root.join("..").join(document);
        let output = Command::new(&python).arg(&script).args([data.path(), &document]).output().expect("run Python");
        eprint!("{}", String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Two minutes of a container, three hours ago.
fn record_an_earlier_hour(data: &Path) {
    let began = (wall() / HOUR_USEC - 3) * HOUR_USEC;
    let (store, ticks) =
        Store::start(Options::new(data, "node-1", began), Arc::new(Counters::default())).expect("a store");
    let identity = Identity::unnamed("e".repeat(64), "/kubepods/earlier", Role::Container);
    for second in 0..120 {
        let row = Row {
            key: SeriesKey(0),
            table: Table::Containers,
            time: began + second * 1_000_000,
            is_final: false,
            present: [0, 14].into_iter().collect(),
        };
        let mut values = vec![0; Table::Containers.width()];
        (values[0], values[14]) = (second * 1000, 1_000_000 + second);
        let births =
            if second == 0 { vec![(SeriesKey(0), Subject::Container(Arc::new(identity.clone())))] } else { Vec::new() };
        ticks.send(Tick { births, rows: vec![row], values, ..Tick::default() }).expect("taken");
    }
    drop(ticks);
    assert_eq!(store.join().lost_rows, 0);
}
