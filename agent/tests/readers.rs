//! DuckDB, pandas and Polars read what the agent recorded, and agree with what Rust decodes and the agent itself counted.

#![allow(clippy::expect_used, clippy::print_stderr, unreachable_pub, reason = "a test program")]

#[path = "rig/python.rs"]
mod python;
mod rig;

use std::path::Path;
use std::process::Command;

use fgm_agent::metric::{Kind, METRICS};
use fgm_agent::store::footer::Footer;
use rig::fake_cgroups::{FakeCgroups, overwrite};
use rig::recording::{self, Row};
use rig::{Line, open_directory, sealed};
use serde_json::{Value, json};

#[test]
fn duckdb_pandas_and_polars_agree_with_the_agents_own_numbers() {
    let Some(python) = python::with("readers", &["duckdb", "pandas", "polars", "pyarrow"]) else { return };
    let (cgroups, data) = (FakeCgroups::with(4), open_directory());
    for file in ["memory.swap.current", "io.stat"] {
        std::fs::remove_file(cgroups.container(2).join(file)).expect("remove");
    }
    let line = Line::recording(cgroups.path(), data.path()).args(["--interval", "100ms", "--rotate", "1s"]);
    let agent = line.start().ready();
    for change in 1..=3 {
        for container in 0..4 {
            let bytes = 200_000_000 + change * 1_000_000 + container as u64;
            overwrite(&cgroups.container(container).join("memory.current"), &format!("{bytes}\n"));
        }
        agent.until_counter("seals_total", agent.counter("seals_total") + 1);
    }
    cgroups.end(3, || agent.until_counter("rows_sampled_total", agent.counter("rows_sampled_total") + 24));
    agent.until_counter("final_deaths_total", 1);
    let listed = agent.get("/api/containers").json();
    let log = agent.stop();

    let expected = expected(data.path());
    let everything = recording::everything(data.path());
    assert_eq!(everything.rows, sealed(&log, "rows"), "the files hold what the agent says it sealed");
    assert_eq!(everything.files, sealed(&log, "files"));
    assert!(expected["files"].as_u64().expect("a number") >= 4);
    assert_eq!(
        expected["containers"].as_object().map(serde_json::Map::len),
        listed["containers"].as_array().map(Vec::len)
    );
    assert_eq!(expected["final"], 1);
    assert!(expected["containers"][FakeCgroups::id(2)]["columns"]["io_read_bytes"]["max"].is_null());
    let numbers = data.path().join("_expected.json");
    std::fs::write(&numbers, expected.to_string()).expect("write");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers.py");
    let output = Command::new(python).arg(script).args([data.path(), &numbers]).output().expect("run Python");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    eprint!("{}", text(&output.stdout));
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// Every number that a reader must find, decoded here.
fn expected(data: &Path) -> Value {
    let names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
    let files = recording::files(data, &names);
    recording::assert_whole(&files);
    let (count, rows) = (files.len(), recording::by_container(files.into_iter().flat_map(|file| file.rows)));
    let all = || rows.values().flatten();
    let containers = rows.iter().map(|(id, rows)| (id.clone(), container(rows)));
    json!({
        "tables": tables(data),
        "files": count,
        "rows": all().count(),
        "final": all().filter(|row| row.is_final).count(),
        "first_us": all().map(|row| row.time).min(),
        "last_us": all().map(|row| row.time).max(),
        "containers": containers.collect::<serde_json::Map<String, Value>>(),
    })
}

/// The number of rows of each table that has files.
fn tables(data: &Path) -> serde_json::Map<String, Value> {
    let mut tables = serde_json::Map::new();
    for entry in std::fs::read_dir(data).expect("list").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let files = if name.starts_with('_') { Vec::new() } else { recording::paths(&entry.path(), "parquet") };
        if !files.is_empty() {
            let rows: u64 = files.iter().map(|file| Footer::read(file).expect("a footer").rows).sum();
            tables.insert(name, rows.into());
        }
    }
    tables
}

fn container(rows: &[Row]) -> Value {
    let columns = METRICS.iter().enumerate().map(|(column, metric)| {
        let values = || rows.iter().filter_map(|row| row.values[column]);
        // "No limit" is the largest number there is; two of them have no sum.
        let sum = (metric.kind != Kind::Limit).then(|| values().sum::<i64>());
        let nulls = rows.len() - values().count();
        (metric.name.to_owned(), json!({ "nulls": nulls, "max": values().max(), "sum": sum }))
    });
    let times = || rows.iter().map(|row| row.time);
    json!({
        "rows": rows.len(),
        "first_us": times().min(),
        "last_us": times().max(),
        "final": rows.iter().filter(|row| row.is_final).count(),
        "columns": columns.collect::<serde_json::Map<String, Value>>(),
    })
}
