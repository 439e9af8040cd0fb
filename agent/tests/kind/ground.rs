//! What a cluster stands on: docker, kind, the node image, the two images of the tests; and commands with a time limit.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where the ground's script lies, beside the checkout.
const GROUND: &str = "../shared/kind/ground";
/// The image of the agent, as `k8s/components/kind` names it.
pub(crate) const AGENT_IMAGE: &str = "localhost/fgm-agent:kind";
/// The image of the pods that are watched: Debian's static busybox, and nothing else.
pub(crate) const WORKLOAD_IMAGE: &str = "localhost/fgm-workload:kind";

/// How the cluster's kubelet makes cgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driver {
    /// Directories by the kubelet: `kubepods/burstable/podUID/ID`.
    Cgroupfs,
    /// Slices and scopes by systemd, as on today's clusters.
    Systemd,
}

/// Whether clusters can be made here; says why not. In CI they must.
///
/// Elsewhere they are made where `FGM_KIND` asks for it: they take minutes, a docker daemon, and root.
pub(crate) fn is_there() -> bool {
    let lack = if !in_ci() && std::env::var_os("FGM_KIND").is_none() {
        Some("it takes minutes, a docker daemon and two clusters: set FGM_KIND=1 to run it".to_owned())
    } else if !rustix::process::geteuid().is_root() {
        Some("needs root".to_owned())
    } else if !root().join(GROUND).exists() {
        Some(format!("there is no {GROUND} beside the checkout"))
    } else {
        ["kubectl", "busybox"].iter().find(|tool| !has(tool)).map(|tool| format!("there is no {tool} on the path"))
    };
    let Some(lack) = lack else { return true };
    assert!(!in_ci(), "CI must run the tests on a cluster: {lack}");
    eprintln!("skipped: the tests on a cluster: {lack}");
    false
}

/// Whether this is CI, where nothing may be skipped.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// The top directory of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Docker, kind, the node image and our two images are there; the name of the node image.
pub(crate) fn ready() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let ground = root().join(GROUND);
        must(run(300, &ground, ["up"]));
        must(run(1800, root().join("k8s/build-image"), [AGENT_IMAGE]));
        build_workload();
        must(run(10, &ground, ["image"])).trim().to_owned()
    })
}

/// Runs a program for at most so many seconds: its output, or what it said otherwise.
pub(crate) fn run<S: AsRef<OsStr>>(
    seconds: u32,
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = S>,
) -> Result<String, String> {
    let mut command = Command::new("timeout");
    command.args(["--kill-after", "5", &seconds.to_string()]).arg(program.as_ref()).args(arguments);
    // What cargo tells this test would make a build begin anew that was made from a shell before.
    let of_cargo = std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        name == "CARGO"
            || ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"].iter().any(|part| name.starts_with(part))
    });
    for (name, _) in of_cargo {
        command.env_remove(name);
    }
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(format!("{command:?}: {}: {}{}", output.status, text(&output.stdout), text(&output.stderr)))
}

/// The output of a command that may not fail.
pub(crate) fn must(outcome: Result<String, String>) -> String {
    outcome.unwrap_or_else(|error| panic!("{error}"))
}

/// Whether a program is on the path.
pub(crate) fn has(tool: &str) -> bool {
    run(5, "sh", ["-c", &format!("command -v {tool}")]).is_ok()
}

fn build_workload() {
    let context = tempfile::tempdir().expect("a directory");
    let busybox = must(run(5, "sh", ["-c", "command -v busybox"]));
    std::fs::copy(busybox.trim(), context.path().join("busybox")).expect("copy busybox");
    std::fs::write(
        context.path().join("Dockerfile"),
        "FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/busybox\n",
    )
    .expect("write");
    let arguments = ["DOCKER_BUILDKIT=0", "docker", "build", "--quiet", "--network", "none", "--tag", WORKLOAD_IMAGE];
    must(run(60, "env", arguments.iter().map(OsStr::new).chain([context.path().as_os_str()])));
}
