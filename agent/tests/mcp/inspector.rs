//! The official inspector from npm, without its pages: it lists the tools and calls each, over both transports.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{PROGRAM, open_directory, record, view};

/// Each tool, and what it is asked; `ID` stands for that of a container.
const CALLS: [(&str, &[&str]); 10] = [
    ("list_nodes", &[]),
    ("list_metrics", &["search=throttled"]),
    ("list_containers", &["range=all"]),
    ("summarize_container", &["container=ID", "range=all"]),
    ("analyze_container", &["container=ID", "range=all"]),
    ("find_changes", &["range=all"]),
    ("find_related", &["container=ID", "metric=[\"cpu_usage_cores\"]", "range=all"]),
    ("compare", &["container=ID", "to=2026-11-23T04:59:00Z", "range=10m"]),
    ("top", &["metric=memory_working_set_bytes", "range=all"]),
    ("list_events", &["range=all"]),
];

/// The inspector and the Node.js that it runs on, as `.ci/prepare` puts both in one directory.
struct Inspector {
    node: PathBuf,
    script: PathBuf,
    home: PathBuf,
}

impl Inspector {
    /// In the directory that `FGM_INSPECTOR` names; `None`, with a line that says so, where it is not there. In CI it must be.
    fn find(home: &Path) -> Option<Self> {
        let modules = PathBuf::from(std::env::var_os("FGM_INSPECTOR").unwrap_or_default()).join("node_modules");
        let script = modules.join("@modelcontextprotocol/inspector/clients/launcher/build/index.js");
        if script.is_file() {
            return Some(Self { node: modules.join(".bin/node"), script, home: home.to_owned() });
        }
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!in_ci, "CI must have the inspector in the directory that FGM_INSPECTOR names");
        eprintln!("skipped: inspector: FGM_INSPECTOR names no directory with @modelcontextprotocol/inspector");
        None
    }

    fn ask(&self, target: &[&str], request: &[&str]) -> Value {
        let mut command = Command::new(&self.node);
        // It keeps a catalogue of servers in its home.
        command.env("HOME", &self.home).arg(&self.script).arg("--cli").args(target).args(request);
        let output = command.output().expect("run the inspector");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// The tools that are listed, and what each of those of `CALLS` answers.
    fn look(&self, target: &[&str]) -> (Vec<String>, Vec<Value>) {
        let listed = self.ask(target, &["--method", "tools/list"]);
        let tools = listed["tools"].as_array().expect("tools").iter();
        let names = tools.map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect();
        let call = |(name, arguments): (&str, &[&str])| {
            let mut request = vec!["--method", "tools/call", "--tool-name", name];
            let arguments: Vec<String> =
                arguments.iter().map(|argument| argument.replace("ID", &"3e81".repeat(16))).collect();
            request.extend(arguments.iter().flat_map(|argument| ["--tool-arg", argument]));
            let called = self.ask(target, &request);
            assert_ne!(called["isError"], true, "{name}: {called}");
            serde_json::from_str(called["content"][0]["text"].as_str().expect("text")).expect("JSON")
        };
        (names, CALLS.into_iter().map(call).collect())
    }
}

fn names_of(address: SocketAddr) -> Vec<String> {
    let answer = super::post(address, "Host: localhost\r\n", &super::list());
    let body = answer.body;
    let json = body.lines().find_map(|line| line.strip_prefix("data: ").filter(|data| data.starts_with('{')));
    let listed: Value = serde_json::from_str(json.unwrap_or(&body)).expect("JSON");
    let tools = listed["result"]["tools"].as_array().expect("tools").iter();
    tools.map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn the_inspector_lists_and_calls_over_both_transports() {
    let home = open_directory();
    let Some(inspector) = Inspector::find(home.path()) else { return };
    let data = open_directory();
    record(data.path());
    let (agent, address) = view(data.path(), &[]);
    let over_http = inspector.look(&[&format!("http://{address}/mcp"), "--transport", "http"]);
    assert_eq!(over_http.0, names_of(address));
    agent.stop();
    let over_streams = inspector.look(&[PROGRAM, "mcp", "--data", data.path().to_str().expect("a plain path")]);
    assert_eq!(over_http.0, over_streams.0, "the transports say the same");
    let mut called = CALLS.map(|(name, _)| name);
    called.sort_unstable();
    let mut listed: Vec<&str> = over_http.0.iter().map(String::as_str).collect();
    listed.sort_unstable();
    assert_eq!(listed, called, "each tool is called");
    for ((name, _), (one, other)) in CALLS.iter().zip(over_http.1.into_iter().zip(over_streams.1)) {
        assert!(one.as_object().is_some_and(|answer| !answer.is_empty()), "{name}: {one}");
        assert_eq!(without_links(one), without_links(other), "{name}");
    }
}

/// Without links, for one transport alone has an address, and without the time of asking.
fn without_links(mut answer: Value) -> Value {
    match &mut answer {
        Value::Object(parts) => {
            parts.retain(|name, _| !["link", "now"].contains(&name.as_str()));
            parts.values_mut().for_each(|part| *part = without_links(part.take()));
        }
        Value::Array(parts) => parts.iter_mut().for_each(|part| *part = without_links(part.take())),
        _ => {}
    }
    answer
}
