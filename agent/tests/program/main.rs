//! The program as its users meet it: started on a tree of cgroups, asked over HTTP, stopped by a signal, its files read.
//!
//! Most tests use a tree of plain files, so that they need no rights and no particular machine; `real` uses real cgroups.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test program"
)]

#[path = "../bed/mod.rs"]
mod bed;
#[path = "../rig/mod.rs"]
mod rig;

mod bad_files;
mod budget;
mod churn;
mod intervals;
mod life;
mod names;
mod real;
mod refusals;
mod surroundings;
mod token;
mod viewing;

/// The worker processes of the tests on real cgroups: see `bed`.
#[test]
#[ignore = "a process in a container, started by the other tests"]
fn worker() {
    bed::work();
}

/// The process that leaves no inotify instance to its user: see `surroundings`.
#[test]
#[ignore = "a process that is started by another test"]
fn inotify_hog() {
    surroundings::take_every_inotify_instance();
}
