//! What to do about what other programs say: their output in, a sentence with the next step out. It only computes.

use crate::failure::Code;

/// What a program's output means, where it is one of the failures that people meet.
pub(crate) fn on(output: &str) -> Option<(Code, String)> {
    let lower = output.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    let sentence = |code, sentence: &str| Some((code, sentence.to_owned()));
    if says(&["cannot connect to the docker daemon", "is the docker daemon running", "error during connect"]) {
        return sentence(
            Code::Missing,
            "docker does not run: start it (`systemctl start docker`, or Docker Desktop) and try again",
        );
    }
    if says(&["permission denied while trying to connect to the docker"]) {
        return sentence(
            Code::Missing,
            "docker's socket is not open to you: join the group `docker` (`sudo usermod -aG docker $USER`, then log in again), or run this as root",
        );
    }
    if says(&["no space left on device"]) {
        return sentence(
            Code::Failed,
            "the disk is full: free some space (`docker system df` tells who has it, `docker system prune` takes back what nobody \
             uses) and run the same command again",
        );
    }
    if says(&["port is already allocated", "address already in use", "bind for 127.0.0.1"]) {
        return sentence(
            Code::Missing,
            "the port for the cluster's API server was taken by another program meanwhile: run the same command again, or choose \
             one with --api-port",
        );
    }
    if says(&["node(s) already exist for a cluster with the name"]) {
        return sentence(
            Code::Failed,
            "parts of a cluster of this name are there already: `fgmctl cluster destroy` removes them, or make it anew with \
             `fgmctl cluster create --recreate`",
        );
    }
    None
}

/// What to do about a program that is not there.
pub(crate) fn without(program: &str) -> String {
    format!("{program} is not installed: {}", how_to_get(program))
}

/// Where a program comes from.
pub(crate) fn how_to_get(program: &str) -> &'static str {
    match program {
        "docker" => "install Docker Engine (Debian: `apt install docker.io`) or Docker Desktop",
        "kind" => {
            "install kind 0.20 or newer (Debian 13: `apt install kind`; `go install sigs.k8s.io/kind@latest`; `brew install kind`)"
        }
        "kubectl" => "install kubectl 1.25 or newer (`brew install kubectl`, or your distribution's package)",
        "limactl" => "install Lima (`brew install lima`)",
        "cargo" => "install Rust through rustup (https://rustup.rs)",
        "git" => "install git from your distribution",
        "npx" | "npm" | "node" => "install Node.js 20 or newer",
        _ => "install it and put it on the PATH",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_people_meet_gets_a_next_step() {
        let cases = [
            (
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
                "start it",
            ),
            ("ctr: failed to ingest: write /x: no space left on device", "docker system prune"),
            ("Bind for 127.0.0.1:6444 failed: port is already allocated", "--api-port"),
            (
                "ERROR: failed to create cluster: node(s) already exist for a cluster with the name \"fgm-a\"",
                "--recreate",
            ),
        ];
        for (output, expected) in cases {
            assert!(on(output).unwrap().1.contains(expected), "{output}");
        }
        assert_eq!(on("error: it broke"), None);
        assert!(without("kind").contains("go install"));
    }
}
