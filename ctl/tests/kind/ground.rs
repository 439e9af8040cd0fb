//! What the clusters stand on: docker, kind, a node image, the agent's program and an image for workloads; and commands with a
//! time limit.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Where the ground's script lies, beside the checkout.
const GROUND: &str = "../shared/kind/ground";
/// The image of the pods that are watched: Debian's static busybox, and nothing else.
pub(crate) const WORKLOAD_IMAGE: &str = "localhost/fgm-workload:kind";

/// Whether clusters can be made here; says why not. In CI they must.
pub(crate) fn is_there() -> bool {
    let lack = if !in_ci() && std::env::var_os("FGM_KIND").is_none() {
        Some("they take minutes, a docker daemon and two clusters: set FGM_KIND=1 to run them".to_owned())
    } else if !rustix::process::geteuid().is_root() {
        Some("they need root".to_owned())
    } else if !root().join(GROUND).exists() {
        Some(format!("there is no {GROUND} beside the checkout"))
    } else {
        let tools = ["kubectl", "busybox", "npx", "cc"];
        tools.iter().find(|tool| !has(tool)).map(|tool| format!("there is no {tool} on the path"))
    };
    let Some(lack) = lack else { return true };
    assert!(!in_ci(), "CI must run the tests on clusters: {lack}");
    eprintln!("skipped: the tests on clusters: {lack}");
    false
}

pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// The top directory of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Docker and kind run, and the workloads' image is there; the name of the node image.
pub(crate) fn node_image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let ground = root().join(GROUND);
        must(300, Command::new(&ground).arg("up"));
        build_workload();
        must(10, Command::new(&ground).arg("image")).trim().to_owned()
    })
}

/// The agent's static program, as `k8s/build-image` builds it; `FGM_AGENT_PROGRAM` names one that is built already.
pub(crate) fn agent_program() -> PathBuf {
    if let Some(program) = std::env::var_os("FGM_AGENT_PROGRAM") {
        return program.into();
    }
    let printed = must(1800, &Command::new(root().join("k8s/build-image")));
    root().join(printed.trim())
}

fn build_workload() {
    let context = tempfile::tempdir().unwrap();
    let busybox = must(5, Command::new("sh").args(["-c", "command -v busybox"]));
    std::fs::copy(busybox.trim(), context.path().join("busybox")).unwrap();
    let lines = "FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/busybox\n";
    std::fs::write(context.path().join("Dockerfile"), lines).unwrap();
    let mut build = Command::new("docker");
    build.args(["build", "--quiet", "--network", "none", "--tag", WORKLOAD_IMAGE]).arg(context.path());
    must(60, build.env("DOCKER_BUILDKIT", "0"));
}

/// The output of a program that runs for at most so many seconds.
pub(crate) fn run(seconds: u32, command: &Command) -> Output {
    let mut limited = Command::new("timeout");
    limited.args(["--kill-after", "20", &seconds.to_string()]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        limited.current_dir(directory);
    }
    // What cargo tells this test would make a build begin anew that was made from a shell before.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_cargo(name)) {
        limited.env_remove(name);
    }
    limited.output().unwrap()
}

fn is_of_cargo(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"];
    name == "CARGO" || prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// The output of a program that may not fail.
pub(crate) fn must(seconds: u32, command: &Command) -> String {
    let output = run(seconds, command);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}: {}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

fn has(tool: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().unwrap().status.success()
}
