//! What `fgm-agent export` is asked for; it only says so.

use std::path::PathBuf;

/// A part of a recording that becomes a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Data directories, or sealed files.
    pub data: Vec<PathBuf>,
    /// What it shows.
    pub view: ExportView,
    /// Where it goes; standard output otherwise.
    pub out: Option<PathBuf>,
}

/// What a page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportView {
    /// As the viewer's address has it.
    Link(String),
    /// In parts; what is left out is chosen by what was recorded.
    Parts {
        /// The first moment, RFC 3339.
        from: Option<String>,
        /// The moment after the last one.
        to: Option<String>,
        /// A panel for each of these metrics.
        panels: Vec<String>,
        /// Whose series, by id or its beginning.
        containers: Vec<String>,
        /// What is marked in them.
        studies: Vec<String>,
        /// The processes at this time, RFC 3339, or at the `end`.
        processes: Option<String>,
        /// With what the first of the containers, or the node, is compared, as the viewer's address has it.
        compare: Option<String>,
    },
}
