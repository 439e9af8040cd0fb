//! The agent's library: samples cgroups, stores rows, answers questions. See `docs/architecture.md` for the shape.

pub mod cgroup;
pub mod discovery;
pub mod health;
pub mod hierarchy;
pub mod metric;
pub mod model;
pub mod sampler;
pub mod schedule;
pub mod source;
pub mod store;
