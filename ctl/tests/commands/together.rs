//! Several commands at the same moment, and worktrees of odd and equal names.

use std::collections::BTreeSet;
use std::process::Stdio;

use serde_json::Value;

use crate::world::World;

/// What `status` tells of a worktree.
fn status(world: &World, top: &std::path::Path) -> Value {
    let output = world.run(top, &["status", "--output", "json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn worktrees_of_one_name_get_their_own_at_the_same_moment() {
    let world = World::new();
    let tops: Vec<_> = (0..8).map(|index| world.worktree(&format!("{index}/main"))).collect();
    let children: Vec<_> = tops
        .iter()
        .map(|top| world.fgmctl(top, &["status", "--output", "json"]).stdout(Stdio::piped()).spawn().unwrap())
        .collect();
    let first: Vec<Value> = children
        .into_iter()
        .map(|child| serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap())
        .collect();
    let of = |pointer: &str| first.iter().map(|one| one.pointer(pointer).unwrap().to_string()).collect::<BTreeSet<_>>();
    for pointer in ["/name", "/cluster/cluster", "/ports/local_viewer", "/ports/cluster_viewer", "/ports/mcp"] {
        assert_eq!(of(pointer).len(), 8, "{pointer}: {:?}", of(pointer));
    }
    assert!(first.iter().any(|one| one["name"] == "main"));
    // And they keep them.
    for (top, before) in tops.iter().zip(&first) {
        assert_eq!(status(&world, top)["name"], before["name"]);
    }
}

#[test]
fn the_later_of_two_equal_names_is_told_so() {
    let world = World::new();
    let (first, second) = (world.worktree("a/main"), world.worktree("b/main"));
    status(&world, &first);
    let output = world.run(&second, &["status"]);
    let text = world.plain(&output.stderr);
    assert!(text.contains("/world/src/a/main is named alike and came first"), "{text}");
}

#[test]
fn odd_names_become_legal_and_stay_apart() {
    let world = World::new();
    let long = "long".repeat(25);
    let names = [
        "My Repo",
        "my repo",
        "UPPER",
        "upper",
        "Überprüfung",
        "日本語",
        "a_b",
        "a.b",
        "-x-",
        "it's \"q\" $HOME",
        &long,
    ];
    let mut seen = BTreeSet::new();
    for name in names {
        let cluster = status(&world, &world.worktree(name))["cluster"]["cluster"].as_str().unwrap().to_owned();
        let legal = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        assert!(cluster.chars().all(legal) && cluster.len() <= 49, "{name}: {cluster}");
        assert!(seen.insert(cluster.clone()), "{cluster} twice");
    }
}

#[test]
fn commands_of_one_worktree_wait_for_each_other_and_others_do_not() {
    let world = World::new();
    // Each making writes its beginning and its end, and takes a moment; whoever is let in meanwhile shows between them.
    let script = "case \"$1\" in create) echo begin >> \"$WORLD/log-$4\"; sleep 0.4; echo end >> \"$WORLD/log-$4\" ;; \
                  get) case \"$2\" in kubeconfig) exit 1 ;; esac ;; esac";
    world.program("kind", script);
    let (one, other) = (world.worktree("one"), world.worktree("other"));
    let start = |top| world.fgmctl(top, &["cluster", "create"]).stderr(Stdio::null()).spawn().unwrap();
    let children = [start(&one), start(&one), start(&one), start(&other)];
    for mut child in children {
        // There is no real cluster behind it, so each ends with a sentence about credentials.
        child.wait().unwrap();
    }
    let calls = world.calls();
    let created = |cluster: &str| {
        calls.iter().filter(|call| call.starts_with(&format!("kind create cluster --name {cluster} "))).count()
    };
    assert_eq!((created("fgm-one"), created("fgm-other")), (3, 1), "{calls:?}");
    let log = std::fs::read_to_string(world.path("log-fgm-one")).unwrap();
    assert_eq!(log.lines().collect::<Vec<_>>(), ["begin", "end"].repeat(3), "two were at work at once");
}
