//! Bad input and missing things: one sentence with the next step, and the exit code of its kind.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::world::{World, said};

/// The command's exit code is this, and what it says has these words.
fn says(world: &World, words: &[&str], code: i32, expected: &[&str]) {
    let top = world.path("src/alpha");
    let top = if top.exists() { top } else { world.worktree("alpha") };
    let output = world.run(&top, words);
    let (exit, sentence) = said(&output);
    assert_eq!(exit, Some(code), "{words:?}: {sentence}");
    for part in expected {
        assert!(sentence.contains(part), "{words:?}: {sentence}");
    }
}

#[test]
fn docker_that_does_not_run() {
    let world = World::new();
    let script = "echo 'Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?' >&2; exit 1";
    world.program("docker", script);
    says(&world, &["cluster", "create"], 3, &["docker does not run: start it"]);
    let output = world.run(&world.path("src/alpha"), &["status"]);
    assert!(output.status.success(), "the status is for such moments");
    assert!(world.plain(&output.stdout).contains("docker does not run"));
}

#[test]
fn a_program_that_is_missing() {
    let world = World::new();
    let top = world.worktree("alpha");
    std::fs::remove_file(world.path("bin/kind")).unwrap();
    let git = Command::new("sh").args(["-c", "command -v git"]).output().unwrap();
    let git = String::from_utf8(git.stdout).unwrap();
    std::os::unix::fs::symlink(git.trim(), world.path("bin/git")).unwrap();
    for program in ["sh", "cat", "rm"] {
        std::os::unix::fs::symlink(format!("/bin/{program}"), world.path("bin").join(program)).unwrap();
    }
    let output = world.fgmctl(&top, &["cluster", "create"]).env("PATH", world.path("bin")).output().unwrap();
    let (code, sentence) = said(&output);
    assert_eq!(code, Some(3), "{sentence}");
    assert!(sentence.contains("kind is not installed: install kind"), "{sentence}");
    let output = world.fgmctl(&top, &["status"]).env("PATH", world.path("bin")).output().unwrap();
    assert!(world.plain(&output.stdout).contains("kind       missing: install kind"));
}

#[test]
fn outside_of_a_checkout() {
    let world = World::new();
    let output = world.run(&world.path("home"), &["status"]);
    let (code, sentence) = said(&output);
    assert_eq!(code, Some(3), "{sentence}");
    assert!(sentence.contains("not a git worktree"), "{sentence}");
    let other = world.worktree("other");
    std::fs::remove_dir_all(other.join("k8s")).unwrap();
    let (code, sentence) = said(&world.run(&other, &["status"]));
    assert_eq!(code, Some(3), "{sentence}");
    assert!(sentence.contains("not a checkout of fine-grained-monitor"), "{sentence}");
}

#[test]
fn what_is_not_there() {
    let world = World::new();
    says(&world, &["cluster", "logs"], 4, &["there is no cluster fgm-alpha", "fgmctl cluster deploy"]);
    says(&world, &["cluster", "viewer", "start"], 4, &["there is no cluster fgm-alpha"]);
    says(&world, &["cluster", "exec", "--", "/fgm-agent"], 4, &["there is no cluster"]);
    says(&world, &["cluster", "cp-data", "--node", "nope"], 4, &["there is no cluster fgm-alpha"]);
    says(&world, &["local", "viewer", "start", "--data", "/nowhere"], 4, &["/nowhere is not there"]);
    says(&world, &["local", "viewer", "status"], 4, &[]);
    says(&world, &["local", "viewer", "restart"], 4, &["fgmctl local viewer start"]);
}

#[test]
fn command_lines_that_make_no_sense() {
    let world = World::new();
    says(&world, &["cluster", "frob"], 2, &["unrecognized subcommand"]);
    says(&world, &["cluster", "deploy", "--profile", "root"], 2, &["core", "process"]);
    says(&world, &["cluster", "create", "--nodes", "0"], 2, &["--nodes"]);
    says(&world, &["bench"], 2, &["--filter", "--full-suite"]);
    says(&world, &["cluster", "viewer", "start", "--pod", "a", "--node", "b"], 2, &["cannot be used with"]);
}

#[test]
fn all_five_ports_taken() {
    let world = World::new();
    let mut entries = Vec::new();
    for port in 6443..=6447 {
        let top = world.worktree(&format!("{port}"));
        entries.push(format!(r#""{}":{{"name":"n{port}","ports_from":20000,"api_port":{port}}}"#, top.display()));
    }
    std::fs::create_dir_all(world.path("home/.local/state/fgmctl")).unwrap();
    world.write("home/.local/state/fgmctl/worktrees.json", &format!("{{\"worktrees\":{{{}}}}}", entries.join(",")));
    says(&world, &["cluster", "create"], 3, &["6443 to 6447", "--api-port"]);
    // Another one is taken as it is asked for; that nothing answers there is a later matter.
    let output = world.run(&world.path("src/alpha"), &["cluster", "create", "--api-port", "16443", "--dry-run"]);
    assert!(world.plain(&output.stdout).contains("apiServerPort: 16443"));
}

#[test]
fn an_interruption_ends_what_was_begun_and_leaves_nothing_half_made() {
    let world = World::new();
    let top = world.worktree("alpha");
    world.program(
        "kind",
        "case \"$1\" in create) sleep 300 & echo $! > \"$WORLD/sleeper\"; mv \"$WORLD/sleeper\" \"$WORLD/asleep\"; wait ;; esac",
    );
    let mut command = world.fgmctl(&top, &["cluster", "create"]);
    let mut child = command.process_group(0).spawn().unwrap();
    let begun = std::time::Instant::now();
    while !world.path("asleep").exists() {
        assert!(begun.elapsed().as_secs() < 30, "kind was not called");
        std::thread::yield_now();
    }
    let sleeper: i32 = std::fs::read_to_string(world.path("asleep")).unwrap().trim().parse().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // It was told to end, and nobody here is told when it has.
    while is_alive(sleeper) {
        assert!(begun.elapsed().as_secs() < 60, "a child of kind was left behind");
        std::thread::yield_now();
    }
    let calls = world.calls();
    assert!(calls.iter().any(|call| call.starts_with("kind delete cluster --name fgm-alpha")), "{calls:?}");
    assert!(!top.join(".fgm/kubeconfig").exists());
    assert!(!world.path("home/.kube/config").exists());
}

#[test]
fn whoever_waits_for_another_command_can_be_interrupted() {
    let world = World::new();
    let top = world.worktree("alpha");
    std::fs::create_dir_all(top.join(".fgm")).unwrap();
    let lock = std::fs::File::create(top.join(".fgm/lock")).unwrap();
    lock.lock().unwrap();
    let mut command = world.fgmctl(&top, &["cluster", "create"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains("waiting for `another fgmctl` to end")));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!world.calls().iter().any(|call| call.starts_with("kind create")));
}

/// Whether a process runs; one that only waits for its parent to look does not.
fn is_alive(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}
