//! What Prometheus demands of an exposition, checked line by line, and the property that odd names never break it.

use std::collections::HashSet;
use std::sync::Arc;

use fgm_agent::model::Identity;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::client::request;
use crate::fake::{identity, latest, server};

/// Fails on anything that Prometheus would refuse: bad names, values or escapes, a series twice, a family in two places,
/// a sample outside of its family. Takes either format.
pub(crate) fn check(text: &str) {
    let open_metrics = text.ends_with("# EOF\n");
    let (mut families, mut series) = (HashSet::new(), HashSet::new());
    let (mut family, mut kind) = ("", "");
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').expect(line);
            assert!(!words.is_empty() && !words.contains('\\'), "{line}");
            assert!(families.insert(name), "the family twice: {line}");
            (family, kind) = (name, "");
        } else if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, known) = typed.split_once(' ').expect(line);
            assert_eq!((name, kind), (family, ""), "the type follows the help: {line}");
            let kinds: &[&str] = if open_metrics {
                &["counter", "gauge", "histogram", "info", "unknown"]
            } else {
                &["counter", "gauge", "histogram", "untyped"]
            };
            assert!(kinds.contains(&known), "{line}");
            kind = known;
        } else {
            let (name, labels, value) = split(line);
            assert!(belongs(name, family, kind, open_metrics), "{name} is not of the {kind} {family}");
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
            assert!(series.insert((name, labels)), "the series twice: {line}");
        }
    }
}

fn belongs(name: &str, family: &str, kind: &str, open_metrics: bool) -> bool {
    let suffix = name.strip_prefix(family).expect("a sample begins with its family's name");
    match kind {
        "counter" if open_metrics => suffix == "_total",
        "counter" => suffix.is_empty() && family.ends_with("_total"),
        "info" => suffix == "_info",
        "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
        _ => suffix.is_empty(),
    }
}

/// Name, labels with braces, value; fails where the grammar does.
fn split(line: &str) -> (&str, &str, &str) {
    let name_end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').expect(line);
    let mut at = name_end;
    if line[at..].starts_with('{') {
        at += 1;
        while !line[at..].starts_with('}') {
            at = label(line, at);
        }
        at += 1;
    }
    let value = line[at..].strip_prefix(' ').expect(line);
    (&line[..name_end], &line[name_end..at], value)
}

/// Passes over `key="value"` and a comma, if any.
fn label(line: &str, start: usize) -> usize {
    let (key, rest) = line[start..].split_once("=\"").expect(line);
    assert!(!key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
    let mut bytes = rest.bytes().enumerate();
    let end = loop {
        match bytes.next().expect(line) {
            (_, b'\\') => assert!(matches!(bytes.next(), Some((_, b'\\' | b'"' | b'n'))), "{line}"),
            (index, b'"') => break index,
            _ => {}
        }
    };
    let after = line.len() - rest.len() + end + 1;
    after + usize::from(line[after..].starts_with(','))
}

#[test]
fn no_name_breaks_an_exposition() {
    let server = server();
    let text = || "[a-z\"\\\\\n\r{}#,= \u{e9}\u{2028}]{0,12}";
    let strategy = proptest::collection::vec((text(), text(), text(), any::<i64>()), 0..5);
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let property = |containers: Vec<(String, String, String, i64)>| {
        *server.recording.latest.lock().unwrap() = containers
            .into_iter()
            .map(|(path, pod, image, value)| {
                let odd = Identity { path, pod: Some(pod), image: Some(image), ..identity("x") };
                let values =
                    [("cpu_usage_usec", value), ("memory_current_bytes", value), ("memory_stat_pgfault", value)];
                latest(&Arc::new(odd), value, &values)
            })
            .collect();
        for accept in ["application/openmetrics-text", "text/plain"] {
            let answer = request(server.metrics, "GET", "/metrics", &format!("Host: x\r\nAccept: {accept}\r\n"));
            prop_assert_eq!(answer.status, 200);
            check(&answer.body);
        }
        Ok(())
    };
    runner.run(&strategy, property).unwrap();
}
