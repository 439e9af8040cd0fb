//! What each command would do, in both modes, word for word. `FGM_UPDATE_GOLDEN=1` writes the files anew.

use std::path::Path;

use crate::world::World;

/// The name of a plan's file, and the command.
const PLANS: &[(&str, &[&str])] = &[
    ("create", &["cluster", "create", "--api-port", "16443"]),
    (
        "create-nodes",
        &["cluster", "create", "--nodes", "3", "--node-image", "kindest/node:v1.33.1", "--api-port", "16443"],
    ),
    ("deploy", &["cluster", "deploy", "--api-port", "16443"]),
    ("deploy-in-docker", &["cluster", "deploy", "--profile", "process", "--in-docker", "--api-port", "16443"]),
    ("destroy", &["cluster", "destroy"]),
    ("viewer-start", &["cluster", "viewer", "start", "--node", "fgm-alpha-worker"]),
    ("mcp-setup", &["cluster", "mcp", "setup", "--role", "view", "--hours", "24"]),
    ("mcp-start", &["cluster", "mcp", "start"]),
    ("cp-data", &["cluster", "cp-data", "/tmp/copy"]),
    ("bench", &["bench", "--filter", "sample_pass", "--data", "stress", "--duration", "1h"]),
    ("logs", &["cluster", "logs", "--tail", "50"]),
    ("exec", &["cluster", "exec", "--node", "fgm-alpha-worker", "--", "/fgm-agent", "check"]),
    ("exec-on-node", &["cluster", "exec", "--on-node", "--", "uname", "-r"]),
    // Those that only look answer as ever; those that end something that does not run have nothing to do.
    ("list", &["cluster", "list"]),
    ("viewer-stop", &["cluster", "viewer", "stop"]),
    ("mcp-stop", &["cluster", "mcp", "stop"]),
    ("bench-list", &["bench", "list"]),
    ("local-viewer-stop", &["local", "viewer", "stop"]),
    ("local-build", &["local", "build"]),
    ("local-test", &["local", "test", "--", "--test", "http"]),
    ("local-clippy", &["local", "clippy"]),
    ("local-viewer-start", &["local", "viewer", "start", "--data", "/"]),
];

#[test]
fn every_plan_is_as_written_down() {
    let update = std::env::var_os("FGM_UPDATE_GOLDEN").is_some();
    let mut different = Vec::new();
    for mode in ["direct", "vm"] {
        for (name, words) in PLANS {
            let world = World::new();
            world.write("machines", "gadget-k8s-host Running\n");
            let top = world.worktree("alpha");
            match *name {
                "cp-data" | "exec-on-node" => world.write("nodes", "fgm-alpha-control-plane\trunning\n"),
                "list" => world.write("clusters", "fgm-beta\nother\n"),
                _ => {}
            }
            let words: Vec<&str> = ["--dry-run", "--mode", mode].iter().chain(*words).copied().collect();
            let output = world.run(&top, &words);
            assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
            let plan = world.plain(&output.stdout);
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/plans/{mode}-{name}.txt"));
            if update {
                std::fs::write(&file, &plan).unwrap();
            } else if std::fs::read_to_string(&file).ok().as_ref() != Some(&plan) {
                different.push(format!("{}: now\n{plan}", file.display()));
            }
            assert!(!top.join(".fgm").exists(), "{words:?} wrote something");
            assert!(!world.path("home/.local").exists(), "{words:?} wrote something");
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn the_vm_is_started_where_it_is_stopped_and_made_where_it_is_missing() {
    for (machines, expected) in [
        ("gadget-k8s-host Stopped\n", "limactl start --tty=false gadget-k8s-host"),
        (
            "other Running\n",
            "limactl start --tty=false --name gadget-k8s-host /world/src/alpha/ctl/src/lima/gadget-k8s-host.yaml",
        ),
    ] {
        let world = World::new();
        world.write("machines", machines);
        let top = world.worktree("alpha");
        let output = world.run(&top, &["cluster", "create", "--dry-run", "--mode", "vm"]);
        let plan = world.plain(&output.stdout);
        assert_eq!(plan.lines().next(), Some(expected), "{plan}");
    }
}

#[test]
fn a_stopped_cluster_is_started_and_a_half_made_one_is_told() {
    let world = World::new();
    let top = world.worktree("alpha");
    world.write("nodes", "fgm-alpha-control-plane\texited\nfgm-alpha-worker\texited\n");
    let output = world.run(&top, &["cluster", "create", "--dry-run"]);
    let plan = world.plain(&output.stdout);
    assert!(plan.starts_with("docker start fgm-alpha-control-plane fgm-alpha-worker\n"), "{plan}");

    world.write("nodes", "fgm-alpha-control-plane\trunning\n");
    let output = world.run(&top, &["cluster", "create"]);
    let (code, sentence) = crate::world::said(&output);
    assert_eq!(code, Some(1), "{sentence}");
    assert!(sentence.contains("half made") && sentence.contains("--recreate"), "{sentence}");
    assert!(!world.calls().iter().any(|call| call.contains("delete")), "it is destroyed on request alone");

    let output = world.run(&top, &["cluster", "create", "--recreate", "--dry-run"]);
    let plan = world.plain(&output.stdout);
    let order: Vec<usize> = ["kind delete cluster --name fgm-alpha", "kind create cluster --name fgm-alpha"]
        .iter()
        .map(|line| plan.find(line).unwrap_or_else(|| panic!("{line}: {plan}")))
        .collect();
    assert!(order.is_sorted());
}
