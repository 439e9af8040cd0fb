//! The command line. The only place that names clap's types.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgGroup, Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::bench::data::DataDuration;
use crate::mode::Mode;

/// Developer's tool of fine-grained-monitor: a Kind cluster, an image, viewers and benchmarks for each git worktree
#[derive(Debug, Parser)]
#[command(name = "fgmctl", version, about, propagate_version = true, after_help = AFTER_HELP)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "Exit codes: 0 done; 1 it failed; 2 the command line makes no sense; 3 something it needs is missing (a program, \
docker, a git worktree, a free port); 4 what it is about is not there or does not run; 130 interrupted.\n\nBegin with `fgmctl status`, \
then `fgmctl cluster deploy`.";

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// How the cluster's docker is reached: inside a Lima VM, or on this machine [default: by what this machine has]
    #[arg(long, global = true, env = "FGM_MODE", value_name = "MODE")]
    pub(crate) mode: Option<Mode>,
    /// How answers are printed
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Format,
    /// Print the exact commands that would change something, and change nothing
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
}

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the mode, the tools, this worktree, its cluster, viewers and ports
    Status,
    /// Build, test and look at data on this machine
    #[command(subcommand)]
    Local(Local),
    /// This worktree's Kind cluster
    #[command(subcommand)]
    Cluster(Cluster),
    /// Run benchmarks in the background
    Bench(Bench),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// A forward in the background, as `cluster viewer start` begins it
    #[command(name = "__forward", hide = true)]
    Forward(Forward),
    /// A benchmark in the background, as `bench` begins it
    #[command(name = "__bench", hide = true)]
    BenchRun {
        /// Which one
        guid: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Local {
    /// Build everything, as `cargo build --release`
    Build,
    /// Run the tests, as `cargo test --release`
    Test {
        /// What cargo is given too, after `--`
        #[arg(last = true)]
        rest: Vec<OsString>,
    },
    /// Check every target with clippy, no warning allowed
    Clippy,
    /// A viewer of recorded data on this machine
    #[command(subcommand)]
    Viewer(LocalViewer),
}

#[derive(Debug, Subcommand)]
pub(crate) enum LocalViewer {
    /// Build the agent and serve a data directory
    Start {
        /// What to serve [default: what was copied with `cluster cp-data`, else what this machine recorded]
        #[arg(long, value_name = "PATH")]
        data: Option<PathBuf>,
    },
    /// End it
    Stop,
    /// Say whether it runs, and where
    Status,
    /// End it and start it again with the same data, built anew
    Restart,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cluster {
    /// Make the cluster, unless it is there
    Create(Create),
    /// Remove the cluster with everything in it
    Destroy,
    /// All clusters of all worktrees
    List,
    /// This worktree's cluster: its nodes, the agent's pods, the build that runs
    Status,
    /// Make the cluster if needed, build the agent, load it, apply it, wait until the new build answers
    Deploy(Deploy),
    /// A port-forward to an agent, in the background
    #[command(subcommand)]
    Viewer(ClusterViewer),
    /// The cluster and this project for assistants that speak the Model Context Protocol
    #[command(subcommand)]
    Mcp(Mcp),
    /// Print the agent's log
    Logs {
        #[command(flatten)]
        target: Target,
        /// Go on as lines come
        #[arg(short, long)]
        follow: bool,
        /// How many lines of each pod, newest last
        #[arg(long, default_value_t = 200, value_name = "LINES")]
        tail: i64,
        /// The log of the container before the last restart
        #[arg(long)]
        previous: bool,
    },
    /// Run a program in the agent's container, or with --on-node in the node
    Exec {
        #[command(flatten)]
        target: Target,
        /// In the node's own container, which has a shell
        #[arg(long)]
        on_node: bool,
        /// The program and its arguments [default with --on-node: a shell]
        #[arg(last = true)]
        command: Vec<String>,
    },
    /// Copy what a node has recorded to a local directory
    CpData {
        /// Which node [default: the only one, or the first]
        #[arg(long)]
        node: Option<String>,
        /// Where to [default: .fgm/data/NODE]
        to: Option<PathBuf>,
    },
}

/// Which agent is meant.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Target {
    /// The agent in this pod
    #[arg(long, value_name = "NAME", conflicts_with = "node")]
    pub(crate) pod: Option<String>,
    /// The agent on this node
    #[arg(long, value_name = "NAME")]
    pub(crate) node: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Create {
    /// The image of the nodes [default: what kind chooses]
    #[arg(long, env = "FGM_NODE_IMAGE", value_name = "IMAGE")]
    pub(crate) node_image: Option<String>,
    /// How many nodes; the first one is the control plane
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=20))]
    pub(crate) nodes: Option<u16>,
    /// The port of the API server on this machine [default: one of 6443 to 6447 that is free]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1024..))]
    pub(crate) api_port: Option<u16>,
    /// Remove a cluster that is there first, also one that a crash left half made
    #[arg(long)]
    pub(crate) recreate: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Deploy {
    #[command(flatten)]
    pub(crate) create: Create,
    /// What the agent may see: see docs/profiles.md
    #[arg(long, default_value = "core")]
    pub(crate) profile: Profile,
    /// Build inside docker instead of with cargo on this machine (the only way on macOS)
    #[arg(long, conflicts_with = "program")]
    pub(crate) in_docker: bool,
    /// Deploy this static program of the agent instead of building one
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<PathBuf>,
}

/// The profiles of `k8s/overlays`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    Core,
    Process,
}

impl Profile {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Process => "process",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterViewer {
    /// Begin one and print its address
    Start(Target),
    /// End it
    Stop,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Mcp {
    /// Make a service account, a kubeconfig for it, and this worktree's .mcp.json
    Setup {
        /// What assistants may do in the cluster
        #[arg(long, default_value = "edit")]
        role: Role,
        /// How many hours the token is good for
        #[arg(long, default_value_t = 720, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=8760))]
        hours: u32,
    },
    /// Begin a port-forward to the agent's MCP endpoint
    Start(Target),
    /// End it
    Stop,
}

/// Kubernetes' own cluster roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    View,
    Edit,
    ClusterAdmin,
}

impl Role {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Edit => "edit",
            Self::ClusterAdmin => "cluster-admin",
        }
    }
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(group(ArgGroup::new("what").args(["filter", "full_suite"]).required(true)))]
pub(crate) struct Bench {
    #[command(subcommand)]
    pub(crate) about: Option<BenchAbout>,
    #[command(flatten)]
    pub(crate) start: BenchStart,
}

/// What to measure.
#[derive(Clone, Debug, Args)]
pub(crate) struct BenchStart {
    /// Only benchmarks whose name contains this
    #[arg(long, value_name = "NAME")]
    pub(crate) filter: Option<String>,
    /// All of them
    #[arg(long)]
    pub(crate) full_suite: bool,
    /// The data that is read; made first where it is missing
    #[arg(long, default_value = "realistic")]
    pub(crate) data: Scenario,
    /// How much data
    #[arg(long, default_value = "24h", value_name = "DURATION", value_parser = DataDuration::parse)]
    pub(crate) duration: DataDuration,
}

/// The scenarios of `generate-bench-data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    Realistic,
    Stress,
}

impl Scenario {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Realistic => "realistic",
            Self::Stress => "stress",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchAbout {
    /// Follow one until it ends, then print its table
    Wait { guid: String },
    /// All that were begun in this worktree
    List,
    /// The table of one
    Show { guid: String },
    /// The ratio of two, benchmark by benchmark
    Compare { before: String, after: String },
}

/// A forward in the background.
#[derive(Debug, Args)]
pub(crate) struct Forward {
    /// Credentials of the cluster
    #[arg(long)]
    pub(crate) kubeconfig: PathBuf,
    /// The port here
    #[arg(long)]
    pub(crate) port: u16,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// Writes the completion script of a shell.
pub(crate) fn write_completions(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut CommandLine::command(), "fgmctl", &mut std::io::stdout().lock());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        CommandLine::command().debug_assert();
    }
}
