//! The official inspector from npm, without its pages: it lists the tools and calls one, over both transports.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{PROGRAM, open_directory, record, view};

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

    /// The tools that are listed, and what one of them answers.
    fn look(&self, target: &[&str]) -> (Vec<String>, String) {
        let listed = self.ask(target, &["--method", "tools/list"]);
        let tools = listed["tools"].as_array().expect("tools").iter();
        let names = tools.map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect();
        let called = self.ask(target, &["--method", "tools/call", "--tool-name", "list_nodes"]);
        assert_ne!(called["isError"], true, "{called}");
        (names, called["content"][0]["text"].as_str().expect("text").to_owned())
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
    // Times of asking and links differ.
    for (_, text) in [over_http, over_streams] {
        assert!(text.contains("node-1"), "{text}");
    }
}
