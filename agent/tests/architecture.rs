//! The shape that `docs/architecture.md` describes, as rules over source text. Each rule also has a line that breaks it.
//!
//! Tests and comments are left out of what is looked at. Names are found as text, so a `use crate::{..}` list, which would
//! hide them, is refused everywhere.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};

/// `(what it is about, files it holds for, files it does not hold for, names that must not occur, a line that breaks it)`;
/// a file is named by how its path below `agent/src` begins, and "" is every file.
type Rule = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str], &'static str);

/// Modules that only compute: text or values in, values out.
#[rustfmt::skip]
const PURE: &[&str] = &[
    "cgroup.rs", "cgroup/", "metric.rs", "model.rs", "schedule.rs", "health.rs", "config.rs", "human.rs", "rfc3339.rs",
    "store/layout.rs", "store/rotation.rs", "store/rowlog.rs", "store/frame.rs", "store/schema.rs", "store/segment.rs",
    "store/retention.rs", "resolution.rs", "rollup.rs", "scan.rs", "derived.rs", "derived/", "analysis.rs", "analysis/",
    "store/varint.rs", "subject.rs", "table.rs", "table/", "token.rs", "worktree.rs", "export.rs", "sight.rs", "event.rs", "budget.rs",
    "store/catalog.rs", "store/catalog/", "store/tail.rs", "pods.rs", "pods/facts.rs", "pods/object.rs", "pods/quantity.rs",
    "pods/split.rs", "pods/workload.rs",
    "procfs.rs", "procfs/", "collect/processes/pss.rs",
];

/// What a module that only computes has no use for; addresses of `std::net` are values, its sockets are not.
#[rustfmt::skip]
const IO: &[&str] = &[
    "std::fs", "File::", "TcpListener", "TcpStream", "UdpSocket", "std::thread", "std::env", "std::process",
    "rustix::", "SystemTime", "Instant::now", "std::{",
];

#[rustfmt::skip]
const RULES: &[Rule] = &[
    ("lists hide names", &[""], &[], &["crate::{", "super::super::super"], "use crate::{store, http};"),
    ("one door for Parquet", &[""], &["store.rs", "store/"], &["parquet::"], "use parquet::file;"),
    ("two doors for Arrow", &[""], &["store.rs", "store/", "http/arrow.rs"], &["arrow_array::", "arrow_buffer::",
        "arrow_ipc::", "arrow_schema::"], "use arrow_array::Int64Array;"),
    ("one door for compressed answers", &[""], &["http/encoding.rs", "store.rs", "store/"], &["flate2::", "zstd::"],
        "let packed = zstd::encode_all(bytes, 1);"),
    ("one door for HTTP", &[""], &["http.rs", "http/"], &["axum::", "hyper::", "hyper_util::",
        "prometheus_client::"], "use axum::Router;"),
    ("one door for MCP", &[""], &["http/mcp"], &["rmcp::"], "use rmcp::ServerHandler;"),
    ("one door for the command line", &[""], &["args.rs", "args/"], &["clap::"], "use clap::Parser;"),
    ("one door for async", &[""], &["app.rs", "app/names.rs", "app/token.rs", "app/viewing.rs", "app/exporting.rs", "http.rs", "http/", "pods/watch"],
        &["tokio::"], "tokio::spawn(work);"),
    ("one door for the API server", &[""], &["pods/watch"], &["kube::", "http_body_util::"], "use kube::Client;"),
    ("kube's own types of objects stay out", &[""], &[], &["k8s_openapi::"], "use k8s_openapi::api::core::v1::Pod;"),
    ("names know no asker", &["pods.rs", "pods/"], &[], &["crate::sampler", "crate::store", "crate::http",
        "crate::service", "crate::app", "crate::discovery", "crate::source"], "use crate::sampler::Sampler;"),
    ("one log set-up", &[""], &["main.rs"], &["tracing_subscriber::"], "tracing_subscriber::fmt().init();"),
    ("pure modules do no I/O and read no clock", PURE, &[], IO, "let text = std::fs::read(path);"),
    ("pure modules stand on each other", PURE, &["store/"], &["crate::store", "crate::http", "crate::sampler",
        "crate::service", "crate::source", "crate::discovery", "crate::hierarchy", "crate::app", "crate::args"],
        "use crate::source::Reader;"),
    ("http asks the service alone", &["http.rs", "http/"], &[], &["crate::store", "crate::sampler", "crate::source",
        "crate::discovery", "crate::hierarchy", "crate::app"], "use crate::store::Reader;"),
    ("the service knows no door and no file", &["service.rs", "service/"], &[], &["crate::http", "crate::store",
        "crate::sampler", "crate::source", "crate::discovery", "crate::app", "std::fs"],
        "crate::store::Reader::latest();"),
    ("the store takes ticks from anybody", &["store.rs", "store/"], &[], &["crate::http", "crate::sampler",
        "crate::service", "crate::source", "crate::discovery", "crate::args", "crate::app"], "use crate::sampler;"),
    ("the sampler gives ticks to anybody", &["sampler.rs", "sampler/"], &[], &["crate::store", "crate::http",
        "crate::service", "crate::app"], "use crate::store::Store;"),
    ("collectors give ticks to anybody", &["collect.rs", "collect/"], &[], &["crate::store", "crate::http",
        "crate::service", "crate::sampler", "crate::app"], "use crate::sampler::Options;"),
    ("reading and finding stand below the sampler", &["source.rs", "discovery.rs", "hierarchy.rs"], &[],
        &["crate::store", "crate::http", "crate::service", "crate::sampler", "crate::app"], "use crate::sampler::Options;"),
];

/// Lines outside of tests that a file may have, and the files that may have more, with the reason.
const MAX_LINES: usize = 400;
const LONGER: &[(&str, usize, &str)] = &[("metric.rs", 620, "the catalogue: a table of one line per metric")];

/// A file's path below its crate's `src`, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The text without comments and the test module at its end.
    fn code(&self) -> String {
        let lines = self.own_lines().map(|line| line.split("//").next().unwrap_or(""));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn own_lines(&self) -> impl Iterator<Item = &str> {
        let end = self.text.find("#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        self.text[..end].lines()
    }

    fn is_below(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }
}

fn sources(crate_dir: &str) -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join(crate_dir).join("src");
    let (mut found, mut pending) = (Vec::new(), vec![src.clone()]);
    while let Some(directory) = pending.pop() {
        for path in std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(&src).unwrap_or(&PathBuf::new()).to_string_lossy().into_owned();
            if path.is_dir() {
                pending.push(path);
            } else if !name.contains("tests") && !name.ends_with("testing.rs") {
                found.push(Source { path: name, text: std::fs::read_to_string(&path).unwrap() });
            }
        }
    }
    assert!(!found.is_empty(), "no sources in {}", src.display());
    found
}

/// Whether code names something: as a path's beginning, not as the end of a longer word.
fn names(code: &str, name: &str) -> bool {
    let ends_a_word = |at: usize| code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
    code.match_indices(name).any(|(at, _)| !ends_a_word(at))
}

fn breaches(source: &Source) -> Vec<String> {
    let code = source.code();
    let holds = |(_, places, except, _, _): &&Rule| source.is_below(places) && !source.is_below(except);
    let mut found: Vec<String> = RULES
        .iter()
        .filter(holds)
        .flat_map(|(rule, _, _, never, _)| never.iter().map(move |name| (rule, name)))
        .filter(|(_, name)| names(&code, name))
        .map(|(rule, name)| format!("{}: {rule}, but it names {name}", source.path))
        .collect();
    if !source.text.starts_with("//! ") {
        found.push(format!("{}: begins without a header that says what it does", source.path));
    }
    let most = match LONGER.iter().find(|(path, ..)| *path == source.path) {
        Some((_, lines, _)) => *lines,
        None if source.path == "main.rs" => 60,
        None => MAX_LINES,
    };
    let lines = source.own_lines().count();
    if lines > most {
        found.push(format!("{}: {lines} lines outside of tests, more than {most}", source.path));
    }
    found
}

#[test]
fn the_agents_modules_keep_to_their_places() {
    let found: Vec<String> = sources(".").iter().flat_map(breaches).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_tool_for_developers_knows_no_agent_code() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ctl/Cargo.toml");
    let manifest = Source { path: "Cargo.toml".to_owned(), text: std::fs::read_to_string(manifest).unwrap() };
    for source in sources("../ctl").iter().chain([&manifest]) {
        assert!(!names(&source.code(), "fgm_agent") && !names(&source.code(), "fgm_bench_gen"), "{}", source.path);
    }
}

#[test]
fn each_rule_finds_the_line_that_breaks_it() {
    for (rule, places, _, _, line) in RULES {
        let place = places[0];
        let path = if place.is_empty() || place.ends_with('/') { format!("{place}new.rs") } else { place.to_owned() };
        let text =
            |line: &str| format!("//! A header.\n\n{line}\n\n#[cfg(test)]\nmod tests {{\n    {}\n}}\n", RULES[0].4);
        let found = breaches(&Source { path: path.clone(), text: text(line) });
        assert!(found.iter().any(|breach| breach.contains(rule)), "{rule}: nothing found in {line}");
        let commented = Source { path, text: text(&format!("// {line}")) };
        assert_eq!(breaches(&commented), Vec::<String>::new(), "{rule}");
    }
    let long = Source { path: "main.rs".to_owned(), text: "\n".repeat(61) };
    assert_eq!(breaches(&long).len(), 2, "no header, and too long");
}

#[test]
fn exceptions_are_needed() {
    let sources = sources(".");
    for (path, most, reason) in LONGER {
        let lines = sources.iter().find(|source| source.path == *path).map_or(0, |source| source.own_lines().count());
        assert!(lines > MAX_LINES, "{path} has {lines} lines: take out its exception ({most}: {reason})");
    }
}
