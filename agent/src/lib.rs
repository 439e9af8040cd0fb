//! The agent's library: samples cgroups, stores rows, answers questions. See `docs/architecture.md` for the shape.

pub mod cgroup;
pub mod health;
pub mod metric;
pub mod model;
pub mod store;
