//! The agent's library: samples cgroups, stores rows, answers questions. See `docs/architecture.md` for the shape.

pub mod args;
pub mod cgroup;
pub mod config;
pub mod health;
pub mod human;
pub mod metric;
pub mod model;
pub mod rfc3339;
pub mod store;
