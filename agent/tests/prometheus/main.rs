//! A real Prometheus scrapes a real agent, in both text formats, and its promtool checks the text.
//!
//! The Prometheus of Debian 12 (2.42) always prefers OpenMetrics and cannot be told otherwise, so it gets the older format
//! through a relay that takes its `Accept` away. Its `promtool check metrics` knows the older format only; OpenMetrics goes
//! through the parser of `promtool tsdb create-blocks-from`, which wants a time on each sample.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stderr, reason = "a test program")]

mod relay;
#[path = "../rig/mod.rs"]
mod rig;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use relay::{Accept, Relay};
use rig::fake_cgroups::FakeCgroups;
use rig::{Agent, Line, client, eventually, open_directory};

const OPEN_METRICS: &str = "Accept: application/openmetrics-text;version=1.0.0\r\n";

/// What promtool finds wrong and the names of cAdvisor, which dashboards know, force upon us: `(metric, words)`.
///
/// None today. A line that comes here is named in docs/api.md as well.
const FORCED_BY_CADVISOR: &[(&str, &str)] = &[];

/// Whether the Debian package is installed; in CI it must be.
fn has_prometheus(test: &str) -> bool {
    let found = |tool: &&str| Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success());
    let missing = ["prometheus", "promtool"].into_iter().find(|tool| !found(tool));
    if let Some(tool) = missing {
        let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!in_ci, "{test}: CI must have {tool}");
        eprintln!("skipped: {test}: there is no {tool}; the Debian package prometheus has it");
    }
    missing.is_none()
}

/// How many containers with CPU time an agent over a tree of files from cgroup v2 has.
const MADE: usize = 2;

/// Agents over every kind of text there is, after their first pass: a tree of files, for which `each` gets `Some(MADE)`, and
/// whatever this machine has, of which nothing is known: it may have no cgroup but the root, or some without the cpu
/// controller.
fn agents(each: impl Fn(&Agent, Option<usize>)) {
    let started = |line: Line| {
        let agent = line.start().ready();
        // Ready is who has stored an event of its start; containers come with the first pass.
        eventually("the first pass", || (agent.counter("ticks_total") > 0).then_some(()));
        agent
    };
    let (cgroups, data) = (FakeCgroups::with(MADE), open_directory());
    each(&started(Line::recording(cgroups.path(), data.path())), Some(MADE));
    let own = open_directory();
    each(&started(Line::recording(Path::new("/sys/fs/cgroup"), own.path()).args(["--scope", "all"])), None);
}

#[test]
fn promtool_finds_nothing_wrong_but_what_cadvisors_names_force() {
    if !has_prometheus("promtool") {
        return;
    }
    agents(|agent, made| {
        let text = agent.get("/metrics").body;
        if let Some(made) = made {
            assert_eq!(text.matches("\ncontainer_cpu_usage_seconds_total{").count(), made, "{text}");
        }
        let checked = promtool(&["check", "metrics"], &text);
        let unexpected =
            |line: &&str| !FORCED_BY_CADVISOR.iter().any(|(metric, words)| *line == format!("{metric} {words}"));
        let complaints: Vec<&str> = checked.lines().filter(unexpected).collect();
        assert_eq!(complaints, Vec::<&str>::new());
        for (metric, words) in FORCED_BY_CADVISOR {
            assert!(checked.contains(&format!("{metric} {words}")), "take out the exception of {metric}");
        }
    });
}

#[test]
fn prometheus_reads_the_open_metrics_text_to_its_end() {
    if !has_prometheus("OpenMetrics") {
        return;
    }
    agents(|agent, _| {
        let answer = client::request(agent.address(), "GET", "/metrics", &format!("Host: localhost\r\n{OPEN_METRICS}"));
        assert_eq!(answer.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
        let directory = open_directory();
        let text = directory.path().join("text");
        std::fs::write(&text, with_times(&answer.body)).unwrap();
        let blocks = directory.path().join("blocks");
        let arguments = ["tsdb", "create-blocks-from", "openmetrics", text.to_str().unwrap(), blocks.to_str().unwrap()];
        let said = promtool(&arguments, "");
        assert!(said.contains("BLOCK ULID"), "{said}");
        assert_eq!(std::fs::read_dir(&blocks).unwrap().count(), 1, "one block, in which every sample lies");
    });
}

#[test]
fn prometheus_scrapes_both_formats_and_finds_the_same_series() {
    if !has_prometheus("a scrape") {
        return;
    }
    let (cgroups, data) = (FakeCgroups::with(3), open_directory());
    let line = Line::recording(cgroups.path(), data.path()).args(["--metrics-listen", "127.0.0.1:0"]);
    let agent = line.start().ready();
    let target = agent.listener("metrics alone");
    let newer = Relay::start(target, Accept::Passed);
    let older = Relay::start(target, Accept::TakenAway);
    let prometheus = Prometheus::scraping(&[("newer", newer.address), ("older", older.address)]);
    for job in ["newer", "older"] {
        for (metric, expected) in [("up", 1), ("container_cpu_usage_seconds_total", 3), ("fgm_ticks_total", 1)] {
            let query = format!("count({metric}{{job=\"{job}\"}} >= 0)");
            eventually(&format!("{metric} of {job}"), || (prometheus.value(&query)? as u32 == expected).then_some(()));
        }
        eventually(&format!("up of {job}"), || prometheus.value(&format!("up{{job=\"{job}\"}} == 1")));
    }
    let series = |job: &str| prometheus.value(&format!("scrape_samples_scraped{{job=\"{job}\"}}"));
    // A scrape that takes too long has none, and what processes add may come between one job's scrape and the other's.
    eventually("the same number of series in both", || {
        let (newer, older) = (series("newer")?, series("older")?);
        (newer > 0.0 && newer == older).then_some(())
    });
    assert!(newer.content_type().starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(older.content_type().starts_with("text/plain; version=0.0.4"));
    agent.stop();
}

/// What promtool says of a text, whether it likes it or not.
fn promtool(arguments: &[&str], text: &str) -> String {
    let mut child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start promtool");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(text.as_bytes()).expect("promtool reads");
    drop(stdin);
    let output = child.wait_with_output().expect("promtool ends");
    String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8")
}

/// The same text with a time on each sample.
fn with_times(text: &str) -> String {
    let line = |line: &str| if line.starts_with('#') { format!("{line}\n") } else { format!("{line} 1700000000\n") };
    text.lines().map(line).collect()
}

/// A Prometheus on loopback, killed when dropped.
struct Prometheus {
    child: Child,
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

impl Prometheus {
    fn scraping(jobs: &[(&str, SocketAddr)]) -> Self {
        let directory = open_directory();
        let job = |(name, address): &(&str, SocketAddr)| {
            format!("- job_name: {name}\n  static_configs:\n  - targets: ['{address}']\n")
        };
        let config = format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n{}",
            jobs.iter().map(job).collect::<String>()
        );
        let path = directory.path().join("prometheus.yml");
        std::fs::write(&path, config).unwrap();
        let mut child = Command::new("prometheus")
            .args(["--web.listen-address=127.0.0.1:0", "--config.file"])
            .arg(path)
            .arg("--storage.tsdb.path")
            .arg(directory.path().join("data"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("start prometheus");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let listening = lines.find(|line| line.contains("msg=\"Listening on\""));
        let address = listening.and_then(|line| line.rsplit_once("address=")?.1.trim().parse().ok());
        // Read on, or its log would fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let address = address.expect("prometheus says where it listens");
        Self { child, address, _directory: directory }
    }

    /// The one value of a query, once it has one.
    fn value(&self, query: &str) -> Option<f64> {
        let escaped: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = client::get(self.address, &format!("/api/v1/query?query={escaped}"));
        // Until it has read its own log it answers 503.
        let results = (answer.status == 200).then(|| answer.json())?["data"]["result"].clone();
        assert!(results.as_array().is_none_or(|results| results.len() < 2), "{query}: {results}");
        results[0]["value"][1].as_str()?.parse().ok()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
