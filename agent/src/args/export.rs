//! The flags of `fgm-agent export`.

use std::path::PathBuf;

use clap::Args;

use crate::export::{Export, ExportView};

/// Which part of a recording becomes a file.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Data directories, or sealed files; one that an agent records into shows its newest rows too
    #[arg(long, value_name = "PATH", env = "FGM_DATA", required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// One self-contained page with the viewer and this data, which works without an agent
    #[arg(long, required = true)]
    html: bool,
    /// A view as the viewer's address has it: `#from=..&to=..&panels=..&containers=..&studies=..`, and `processes=..`, `compare=..`
    #[arg(
        long,
        value_name = "LINK",
        conflicts_with_all = ["from", "to", "panels", "containers", "studies", "processes", "compare"]
    )]
    link: Option<String>,
    /// From this time on [default: the beginning of what was recorded]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// To before this time [default: the end of what was recorded]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// The metrics, a panel each
    #[arg(
        long,
        value_name = "METRIC",
        value_delimiter = ',',
        default_value = "cpu_usage_cores,memory_working_set_bytes"
    )]
    panels: Vec<String>,
    /// The containers, by id or its beginning [default: the ten that used the most of the first panel's]
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    containers: Vec<String>,
    /// The studies whose findings are marked
    #[arg(long, value_name = "STUDY", value_delimiter = ',')]
    studies: Vec<String>,
    /// The table of processes at this time too, or at the end
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "end")]
    processes: Option<String>,
    /// A comparison of the first container and panel too: with the time right `before`, with a time earlier like `-1d`, with
    /// `FROM/TO`, or with another container as `with:ID`, or `starts:ID` where each begins at its start
    #[arg(long, value_name = "WITH", allow_hyphen_values = true)]
    compare: Option<String>,
    /// Where the page goes [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl ExportArgs {
    pub(super) fn into_export(self) -> Export {
        let Self { data, html: _, link, from, to, panels, containers, studies, processes, compare, out } = self;
        let view = match link {
            Some(link) => ExportView::Link(link),
            None => ExportView::Parts { from, to, panels, containers, studies, processes, compare },
        };
        Export { data, view, out }
    }
}
