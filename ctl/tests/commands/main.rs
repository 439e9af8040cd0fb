//! `fgmctl` from outside, on made-up machines: plans, names, locks, interruptions, and sentences about what is wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "a test program")]

mod plans;
mod sentences;
mod together;
mod world;
