//! `fgmctl` on real Kind clusters (`../shared/kind`), from nothing to nothing: two worktrees, one cluster each, at the same time.
//!
//! The clusters are shared by all steps, because making one takes a minute; each step is reported by name with its time. The
//! user's own kubeconfig, home and state are stood in for by a temporary home, so nothing of the machine's user is touched.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stderr, reason = "a test program")]

mod ground;
mod steps;
mod user;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use user::User;

/// A step's name, and the step.
type Step = (&'static str, fn(&User));

/// In this order: each stands on the ones before.
const STEPS: &[Step] = &[
    ("deploy makes a cluster and an agent that answers", steps::deploy),
    ("the kubeconfig has our context, and every other byte of before", steps::kubeconfig),
    ("the viewer shows throttling, an OOM kill and a pod of one second by their names", steps::workloads),
    ("a deleted agent: the forward comes back and nothing recorded is lost", steps::agent_deleted),
    ("a second worktree has a cluster of its own at the same time", steps::second_worktree),
    ("an assistant's server works in the cluster with the role edit", steps::mcp),
    ("log, programs and data of a node are within reach", steps::inside),
    ("a full disk while loading is told, and changes nothing", steps::full_disk),
    ("an agent that does not come up is explained, and the cluster stays", steps::failed_rollout),
    ("a cluster that a crash left half made is found and made anew", steps::half_made),
    ("destroy leaves no container, context or file", steps::destroy),
];

#[test]
fn from_nothing_to_nothing() {
    if !ground::is_there() {
        return;
    }
    let user = User::new();
    for (name, step) in STEPS {
        let begun = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| step(&user)));
        let word = if outcome.is_ok() { "ok" } else { "FAILED" };
        eprintln!("{word} in {:.1?}: {name}", begun.elapsed());
        if outcome.is_err() {
            user.tell();
        }
        assert!(outcome.is_ok(), "{name}");
    }
}
