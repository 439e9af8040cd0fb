//! The agent; see the library.

fn main() {}
