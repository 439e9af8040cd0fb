//! Why the agent cannot start or go on, in one sentence each, with the next step where there is one.

use std::net::SocketAddr;

use thiserror::Error;

use crate::hierarchy;
use crate::pods::watch::ConnectError;
use crate::store::StartError;
use crate::store::view::ViewError;
use crate::token_file;

/// Why the agent cannot start or go on.
#[derive(Debug, Error)]
pub enum Error {
    /// No cgroup hierarchy.
    #[error(transparent)]
    Hierarchy(#[from] hierarchy::Error),
    /// No usable data directory, or no threads for the store.
    #[error(transparent)]
    Store(#[from] StartError),
    /// None of the default data directories can be written.
    #[error("cannot write {0}: name a directory that can be written with --data")]
    NoDataDir(String),
    /// A listener's address cannot be had.
    #[error("cannot listen on {address}: {source}; choose another address with {flag}")]
    Listen {
        /// The flag that named it.
        flag: &'static str,
        /// The address.
        address: SocketAddr,
        /// The kernel's answer.
        source: std::io::Error,
    },
    /// No token where one was asked for.
    #[error(transparent)]
    Token(#[from] token_file::Error),
    /// The kubeconfig that was named makes no sense.
    #[error(transparent)]
    Names(#[from] ConnectError),
    /// There is nothing to view.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The kernel refuses a descriptor, a thread or a signal handler.
    #[error("cannot start {what}: {source}")]
    Start {
        /// What was to be started.
        what: &'static str,
        /// The kernel's answer.
        source: std::io::Error,
    },
    /// A page asks for what is not there, or cannot be written.
    #[error("{0}")]
    Export(String),
    /// The sampler ended although nobody had asked it to.
    #[error("the sampler ended unexpectedly; everything sampled before is sealed")]
    SamplerEnded,
    /// A thread of the store ended although nobody had asked it to.
    #[error("a thread of the store ended unexpectedly; what the spill holds is recovered at the next start")]
    StoreEnded,
    /// Rows could be neither sealed nor spilled.
    #[error("{0} rows could not be written and are lost; see the log for the reason")]
    RowsLost(u64),
}

impl Error {
    /// Whether what was asked for is at fault, rather than something that happened later.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Hierarchy(_)
                | Self::Store(StartError::DataDir(_))
                | Self::NoDataDir(_)
                | Self::Listen { .. }
                | Self::Token(_)
                | Self::Names(_)
                | Self::View(_)
                | Self::Export(_)
        )
    }
}
