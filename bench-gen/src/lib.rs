//! Makes data sets for benchmarks: rows of a made-up node, or of a recorded one, written through the agent's own store.
//!
//! The rows depend on the scenario, the seed and the start alone, and so do the files, byte for byte: nothing here reads a clock
//! or the environment. One thread makes the hours in order, others encode them.

pub mod account;
pub mod args;
pub mod clock;
pub mod columns;
pub mod generate;
pub mod level;
pub mod life;
pub mod load;
pub mod machine;
pub mod names;
pub mod output;
pub mod plan;
pub mod pod;
pub mod processes;
pub mod produce;
pub mod recorder;
pub mod replay;
pub mod report;
pub mod rng;
pub mod scenario;
pub mod shape;
pub mod size;
pub mod truth;
pub mod world;
