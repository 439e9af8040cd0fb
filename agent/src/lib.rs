//! The agent's library: samples cgroups, stores rows, answers questions. See `docs/architecture.md` for the shape.

pub mod app;
pub mod args;
pub mod catalogue_table;
pub mod cgroup;
pub mod check;
pub mod clock;
pub mod config;
pub mod discovery;
pub mod health;
pub mod hierarchy;
pub mod http;
pub mod human;
pub mod metric;
pub mod model;
pub mod own_metrics;
pub mod own_use;
pub mod rfc3339;
pub mod sampler;
pub mod schedule;
pub mod service;
pub mod source;
pub mod store;
pub mod subject;
pub mod table;
