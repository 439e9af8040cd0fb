//! The command line and the `FGM_*` variables; the only module that knows clap.
//!
//! Turns arguments into a [`Command`] or a [`Stop`], and decides nothing else: `config.rs` judges the whole. The
//! surprise: `fgm-agent --interval 100ms` is `fgm-agent run --interval 100ms`, so `run`'s flags are flattened into the
//! top level as well.

mod export;
mod values;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use crate::check;
use crate::config::{self, ConfigError, Names, Options, RunConfig, Scope, Surroundings};
use crate::export::Export;

/// The version with the git revision it was built from.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("FGM_GIT_REVISION"), ")");
/// The crate's version alone.
pub const CRATE_VERSION: &str = env!("CARGO_PKG_VERSION");
/// The git revision alone.
pub const GIT_REVISION: &str = env!("FGM_GIT_REVISION");

/// The exit code of a command line that makes no sense.
pub const USAGE_EXIT_CODE: u8 = 2;

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub enum Command {
    /// Sample, record and serve.
    Run(Box<RunConfig>),
    /// Serve what was recorded elsewhere.
    View {
        /// Data directories, or sealed files.
        data: Vec<PathBuf>,
        /// Where to serve, and for whom.
        config: Box<RunConfig>,
    },
    /// Answer a client of the Model Context Protocol on standard input and output.
    Mcp {
        /// Data directories, or sealed files.
        data: Vec<PathBuf>,
        /// Who answers.
        config: Box<RunConfig>,
    },
    /// Write a part of a recording as a page that shows itself.
    Export {
        /// Which part, and where to.
        export: Box<Export>,
        /// Who answers.
        config: Box<RunConfig>,
    },
    /// Print the catalogue.
    Metrics,
    /// Verify a data directory.
    Check {
        /// The directory.
        data: PathBuf,
        /// How to print what was found.
        output: Output,
    },
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// Text for people.
    Human,
    /// One JSON object.
    Json,
}

impl Output {
    /// A report in this form.
    #[must_use]
    pub fn of(self, report: &check::Report) -> String {
        match self {
            Self::Human => check::human(report),
            Self::Json => check::json(report),
        }
    }
}

/// Nothing to do but to print: help and version (code 0, standard output), or a mistake (code 2, standard error).
#[derive(Debug, PartialEq, Eq)]
pub struct Stop {
    /// What to print, its last newline included.
    pub text: String,
    /// The exit code; 0 goes to standard output.
    pub code: u8,
}

#[derive(Debug, Parser)]
#[command(
    name = "fgm-agent",
    version = VERSION,
    about = "Samples every container's cgroup metrics once a second or faster, records and serves them",
    after_help = "Without a command, `run` is meant. Every flag of `run` is also read from its FGM_* variable.",
    args_conflicts_with_subcommands = true
)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Subcommands>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Sample, record and serve until SIGTERM or SIGINT
    Run(Box<RunArgs>),
    /// Serve what was recorded elsewhere, until SIGTERM or SIGINT; writes nothing
    View {
        /// Data directories, or sealed files; one that an agent records into shows its newest rows too
        #[arg(long, value_name = "PATH", env = "FGM_DATA", required = true, num_args = 1..)]
        data: Vec<PathBuf>,
        /// Serve everything here
        #[arg(long, value_name = "ADDR", env = "FGM_LISTEN", default_value_t = config::DEFAULT_LISTEN)]
        listen: SocketAddr,
        /// Ask for the token in this file; needed where --listen is not loopback
        #[arg(long, value_name = "FILE", env = "FGM_TOKEN_FILE")]
        token_file: Option<PathBuf>,
    },
    /// Answer a client of the Model Context Protocol on standard input and output, until input ends; writes nothing
    Mcp {
        /// Data directories, or sealed files; one that an agent records into shows its newest rows too
        #[arg(long, value_name = "PATH", env = "FGM_DATA", required = true, num_args = 1..)]
        data: Vec<PathBuf>,
    },
    /// Write a part of a recording as one page with the viewer in it; writes nothing else
    Export(export::ExportArgs),
    /// Print every metric that the agent knows, as a Markdown table
    Metrics,
    /// Verify a data directory: exit code 0 where it is whole, 1 where rows are damaged, doubled or may be missing
    Check {
        /// The data directory; an agent may be using it
        #[arg(long, value_name = "DIR", env = "FGM_DATA")]
        data: PathBuf,
        /// How to print what was found
        #[arg(long, value_name = "FORMAT", default_value = "human")]
        output: Output,
    },
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Record into this directory [default: /var/lib/fine-grained-monitor/WORKTREE, else the user's state directory]
    #[arg(long, value_name = "DIR", env = "FGM_DATA")]
    data: Option<PathBuf>,
    /// Name that keeps recordings of several checkouts apart [default: the git worktree's directory name, else "default"]
    #[arg(long, value_name = "NAME", env = "FGM_WORKTREE")]
    worktree: Option<String>,
    /// Name of this node in paths and answers [default: NODE_NAME, else the host name]
    #[arg(long, value_name = "NAME", env = "FGM_NODE_NAME")]
    node_name: Option<String>,
    /// Sampling interval, 10ms to 60s; a plain number counts seconds
    #[arg(long, value_name = "DURATION", env = "FGM_INTERVAL", default_value = "1s", value_parser = values::interval)]
    interval: Duration,
    /// Which cgroups are recorded: containers, or all (every cgroup with processes)
    #[arg(long, value_name = "SCOPE", env = "FGM_SCOPE", default_value = "containers", value_parser = values::scope)]
    scope: Scope,
    /// Where the cgroup hierarchies are mounted
    #[arg(long, value_name = "DIR", env = "FGM_CGROUP_ROOT", default_value = config::DEFAULT_CGROUP_ROOT)]
    cgroup_root: PathBuf,
    /// Where procfs is mounted
    #[arg(long, value_name = "DIR", env = "FGM_PROC_ROOT", default_value = config::DEFAULT_PROC_ROOT)]
    proc_root: PathBuf,
    /// Names of pods and containers: auto (the API server in a pod or with --kubeconfig, docker's and podman's files), or off
    #[arg(long, value_name = "NAMES", env = "FGM_NAMES", default_value = "auto", value_parser = values::names)]
    names: Names,
    /// Outside of a pod, ask the API server of this file's current context for names [default: none is asked]
    #[arg(long, value_name = "FILE", env = "FGM_KUBECONFIG")]
    kubeconfig: Option<PathBuf>,
    /// Where the root of the host's file system is, for docker's and podman's files
    #[arg(long, value_name = "DIR", env = "FGM_HOST_ROOT", default_value = config::DEFAULT_HOST_ROOT)]
    host_root: PathBuf,
    /// Seal a file after this time, 1s to 1h
    #[arg(long, value_name = "DURATION", env = "FGM_ROTATE", default_value = "90s", value_parser = values::rotate)]
    rotate: Duration,
    /// Seal a file early when its rows take this much memory, at least 1MiB
    #[arg(long, value_name = "SIZE", env = "FGM_TAIL_BYTES", default_value = "32MiB", value_parser = values::tail_bytes)]
    tail_bytes: u64,
    /// A power cut loses at most this much, 100ms to 10m
    #[arg(
        long, value_name = "DURATION", env = "FGM_SPILL_INTERVAL", default_value = "5s", value_parser = values::spill_interval
    )]
    spill_interval: Duration,
    /// Keep at most this much on disk, oldest readings go first, at least 1MiB
    #[arg(long, value_name = "SIZE", env = "FGM_RETAIN_BYTES", default_value = "1GiB", value_parser = values::retain_bytes)]
    retain_bytes: u64,
    /// Keep readings this long
    #[arg(long, value_name = "DURATION", env = "FGM_RETAIN_AGE", default_value = "7d", value_parser = values::retain_age)]
    retain_age: Duration,
    /// Keep rollups of a minute this long
    #[arg(
        long, value_name = "DURATION", env = "FGM_RETAIN_ROLLUP_AGE", default_value = "90d", value_parser = values::retain_age
    )]
    retain_rollup_age: Duration,
    /// Read the processes of containers and the networks of pods this often, 1s to 10m, or off
    #[arg(
        long, value_name = "DURATION", env = "FGM_PROCESS_INTERVAL", default_value = "5s",
        value_parser = values::process_interval
    )]
    process_interval: values::ProcessInterval,
    /// Serve the API here
    #[arg(long, value_name = "ADDR", env = "FGM_LISTEN", default_value_t = config::DEFAULT_LISTEN, value_parser = values::address)]
    listen: SocketAddr,
    /// Serve /metrics, /healthz and /readyz alone here as well
    #[arg(long, value_name = "ADDR", env = "FGM_METRICS_LISTEN", value_parser = values::address)]
    metrics_listen: Option<SocketAddr>,
    /// Ask for the token in this file on every path but /metrics, /healthz, /readyz and the viewer's own page; read again
    /// when it changes
    #[arg(long, value_name = "FILE", env = "FGM_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Share of one core that sampling may use, in percent; above it costly readings are left out
    #[arg(
        long, value_name = "PERCENT", env = "FGM_CPU_BUDGET", default_value_t = config::DEFAULT_CPU_BUDGET_PERCENT,
        value_parser = values::percent
    )]
    cpu_budget: f64,
}

impl RunArgs {
    fn into_options(self) -> Options {
        Options {
            data: self.data,
            worktree: self.worktree,
            node_name: self.node_name,
            interval: self.interval,
            scope: self.scope,
            cgroup_root: self.cgroup_root,
            proc_root: self.proc_root,
            names: self.names,
            kubeconfig: self.kubeconfig,
            host_root: self.host_root,
            rotate: self.rotate,
            tail_bytes: self.tail_bytes,
            spill_interval: self.spill_interval,
            retain_bytes: self.retain_bytes,
            retain_age: self.retain_age,
            retain_rollup_age: self.retain_rollup_age,
            process_interval: self.process_interval.0,
            listen: self.listen,
            metrics_listen: self.metrics_listen,
            token_file: self.token_file,
            cpu_budget_percent: self.cpu_budget,
        }
    }
}

/// Reads the command line (its first item is the program's name) and the `FGM_*` variables.
///
/// # Errors
///
/// A [`Stop`] where help, the version or a mistake is all there is to print.
pub fn parse<I>(arguments: I, around: &Surroundings) -> Result<Command, Stop>
where
    I: IntoIterator,
    I::Item: Into<OsString> + Clone,
{
    let line = CommandLine::try_parse_from(arguments).map_err(|error| stop(&error))?;
    match line.command {
        Some(Subcommands::Metrics) => Ok(Command::Metrics),
        Some(Subcommands::Check { data, output }) => Ok(Command::Check { data, output }),
        Some(Subcommands::View { data, listen, token_file }) => {
            Ok(Command::View { data, config: viewer(listen, token_file, around)? })
        }
        Some(Subcommands::Mcp { data }) => {
            Ok(Command::Mcp { data, config: viewer(config::DEFAULT_LISTEN, None, around)? })
        }
        Some(Subcommands::Export(export)) => Ok(Command::Export {
            export: Box::new(export.into_export()),
            config: viewer(config::DEFAULT_LISTEN, None, around)?,
        }),
        Some(Subcommands::Run(run)) => run_command(*run, around),
        None => run_command(line.run, around),
    }
}

/// What the process finds around itself: what pods are told of themselves, the host name, the git worktree.
#[must_use]
pub fn surroundings() -> Surroundings {
    let has_git = |path: &std::path::Path| path.symlink_metadata().is_ok();
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    Surroundings {
        node_name: variable("NODE_NAME"),
        pod: variable("POD_NAME"),
        namespace: variable("POD_NAMESPACE"),
        host_name: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        worktree_top: std::env::current_dir().ok().and_then(|dir| config::worktree_top(&dir, has_git)),
    }
}

fn run_command(run: RunArgs, around: &Surroundings) -> Result<Command, Stop> {
    let config =
        RunConfig::new(run.into_options(), around).map_err(|error: ConfigError| mistake(&error.to_string()))?;
    Ok(Command::Run(Box::new(config)))
}

/// Whoever views has no settings of a run but those of the listener; the others are the defaults.
fn viewer(listen: SocketAddr, token_file: Option<PathBuf>, around: &Surroundings) -> Result<Box<RunConfig>, Stop> {
    let line = CommandLine::try_parse_from(["fgm-agent"]).map_err(|error| stop(&error))?;
    let options = Options { listen, token_file, metrics_listen: None, ..line.run.into_options() };
    let config = RunConfig::new(options, around).map_err(|error: ConfigError| mistake(&error.to_string()))?;
    Ok(Box::new(config))
}

fn stop(error: &clap::Error) -> Stop {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Stop { text: error.to_string(), code: 0 },
        _ => mistake(&sentence(&error.to_string())),
    }
}

fn mistake(sentence: &str) -> Stop {
    Stop { text: format!("error: {sentence}\ntry 'fgm-agent --help'\n"), code: USAGE_EXIT_CODE }
}

/// The first paragraph of clap's message, on one line: what is wrong, without usage and tips.
fn sentence(message: &str) -> String {
    let paragraph = message.split("\n\n").next().unwrap_or(message);
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    let line = words.join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::config::DataDir;

    fn around() -> Surroundings {
        Surroundings { host_name: "host".into(), ..Surroundings::default() }
    }

    fn parsed(arguments: &[&str]) -> Result<Command, Stop> {
        parse(std::iter::once("fgm-agent").chain(arguments.iter().copied()), &around())
    }

    fn config(arguments: &[&str]) -> RunConfig {
        match parsed(arguments) {
            Ok(Command::Run(config)) => *config,
            other => panic!("no run: {other:?}"),
        }
    }

    fn refused(arguments: &[&str]) -> String {
        let stop = parsed(arguments).expect_err("a mistake");
        assert_eq!(stop.code, USAGE_EXIT_CODE);
        let (first, rest) = stop.text.split_once('\n').expect("two lines");
        assert_eq!(rest, "try 'fgm-agent --help'\n");
        first.to_owned()
    }

    #[test]
    fn clap_finds_no_mistake_in_the_definition() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_runs_with_the_documented_defaults() {
        let defaults = config(&[]);
        assert_eq!(defaults, config(&["run"]));
        assert_eq!(defaults.interval, config::DEFAULT_INTERVAL);
        assert_eq!(defaults.rotate, config::DEFAULT_ROTATE);
        assert_eq!(defaults.tail_bytes, config::DEFAULT_TAIL_BYTES);
        assert_eq!(defaults.spill_interval, config::DEFAULT_SPILL_INTERVAL);
        assert_eq!(defaults.process_interval, Some(config::DEFAULT_PROCESS_INTERVAL));
        assert_eq!(defaults.listen, config::DEFAULT_LISTEN);
        assert_eq!(defaults.metrics_listen, None);
        assert_eq!(defaults.token_file, None);
        assert_eq!(defaults.scope, Scope::Containers);
        assert_eq!(defaults.node, "host");
        assert_eq!(defaults.data, DataDir::Default { worktree: "default".into() });
    }

    #[test]
    fn run_flags_work_with_and_without_the_command() {
        for prefix in [&[][..], &["run"]] {
            let flags = ["--interval", "100ms", "--data", "/d", "--scope", "all", "--metrics-listen", "0.0.0.0:9090"];
            let config = config(&[prefix, &flags].concat());
            assert_eq!(config.interval, Duration::from_millis(100));
            assert_eq!(config.data, DataDir::Explicit("/d".into()));
            assert_eq!(config.scope, Scope::All);
            assert_eq!(config.metrics_listen, "0.0.0.0:9090".parse().ok());
        }
        for off in ["off", "0"] {
            assert_eq!(config(&["--process-interval", off]).process_interval, None);
        }
        assert_eq!(config(&["--listen", "localhost:0"]).listen, "127.0.0.1:0".parse().unwrap());
        assert_eq!(config(&["--metrics-listen", "fd00::7:8051"]).metrics_listen, "[fd00::7]:8051".parse().ok());
        assert!((config(&["--cpu-budget", "5%"]).cpu_budget_percent - 5.0).abs() < f64::EPSILON);
    }

    #[test]
    fn every_run_flag_has_its_variable() {
        let command = CommandLine::command();
        let flags = command.get_arguments().filter(|flag| !matches!(flag.get_id().as_str(), "help" | "version"));
        for flag in flags {
            let expected = format!("FGM_{}", flag.get_id().as_str().to_uppercase());
            assert_eq!(flag.get_env().and_then(|name| name.to_str()), Some(expected.as_str()));
        }
    }

    #[test]
    fn view_needs_data_and_listens_on_loopback_unless_there_is_a_token() {
        assert!(refused(&["view"]).contains("--data"));
        assert!(refused(&["mcp"]).contains("--data"));
        let Ok(Command::Mcp { data, .. }) = parsed(&["mcp", "--data", "/d"]) else { panic!("not MCP") };
        assert_eq!(data, [PathBuf::from("/d")]);
        let Ok(Command::View { data, config }) = parsed(&["view", "--data", "/d", "/e"]) else { panic!("not a view") };
        assert_eq!(data, [PathBuf::from("/d"), PathBuf::from("/e")]);
        assert!(config.listen.ip().is_loopback());
        assert!(refused(&["view", "--data", "/d", "--listen", "0.0.0.0:8050"]).contains("--token-file"));
    }

    #[test]
    fn metrics_is_a_command_without_flags() {
        assert_eq!(parsed(&["metrics"]), Ok(Command::Metrics));
        assert_eq!(refused(&["metrics", "--interval", "1s"]), "error: unexpected argument '--interval' found");
    }

    #[test]
    fn check_needs_a_directory_and_knows_two_forms_of_output() {
        let command = |output| Ok(Command::Check { data: "/d".into(), output });
        assert_eq!(parsed(&["check", "--data", "/d"]), command(Output::Human));
        assert_eq!(parsed(&["check", "--data", "/d", "--output", "json"]), command(Output::Json));
        assert!(refused(&["check", "--data", "/d", "--output", "xml"]).contains("invalid value 'xml'"));
    }

    #[test]
    fn what_is_kept_has_documented_defaults_and_bounds() {
        let defaults = config(&[]);
        assert_eq!(defaults.retain_bytes, config::DEFAULT_RETAIN_BYTES);
        assert_eq!(defaults.retain_age, config::DEFAULT_RETAIN_AGE);
        assert_eq!(defaults.retain_rollup_age, config::DEFAULT_RETAIN_ROLLUP_AGE);
        assert_eq!(config(&["--retain-age", "36h"]).retain_age, Duration::from_secs(36 * 3600));
        assert!(refused(&["--retain-age", "59m"]).contains("the age up to which files are kept must be between"));
        assert!(refused(&["--retain-bytes", "1KiB"]).contains("what is kept needs at least 1MiB"));
    }

    #[test]
    fn version_and_help_go_to_standard_output() {
        let version = parsed(&["--version"]).expect_err("stops");
        assert_eq!((version.code, version.text), (0, format!("fgm-agent {VERSION}\n")));
        let help = parsed(&["--help"]).expect_err("stops");
        assert_eq!(help.code, 0);
        assert!(help.text.contains("--interval <DURATION>") && help.text.contains("metrics"), "{}", help.text);
    }

    #[test]
    fn each_bad_flag_gets_one_sentence() {
        for (arguments, sentence) in [
            (
                &["--interval", "5ms"][..],
                "invalid value '5ms' for '--interval <DURATION>': the sampling interval must be between 10ms and 60s",
            ),
            (
                &["--interval", "soon"],
                "invalid value 'soon' for '--interval <DURATION>': a duration is a number and a unit (ms, s, m, h, d or w), \
                 such as 100ms or 90s",
            ),
            (
                &["--rotate", "2h"],
                "invalid value '2h' for '--rotate <DURATION>': the time after which a file is sealed must be between 1s \
                 and 1h",
            ),
            (
                &["--spill-interval", "0"],
                "invalid value '0' for '--spill-interval <DURATION>': the spill interval must be between 100ms and 600s",
            ),
            (
                &["--process-interval", "100ms"],
                "invalid value '100ms' for '--process-interval <DURATION>': the process interval must be between 1s and \
                 600s, or off",
            ),
            (&["--tail-bytes", "4KiB"], "invalid value '4KiB' for '--tail-bytes <SIZE>': the tail needs at least 1MiB"),
            (
                &["--tail-bytes", "much"],
                "invalid value 'much' for '--tail-bytes <SIZE>': a size is a number and a unit (KiB, MiB, GiB, k, M or \
                 G), such as 32MiB",
            ),
            (&["--scope", "pods"], "invalid value 'pods' for '--scope <SCOPE>': the scope is one of containers, all"),
            (&["--names", "on"], "invalid value 'on' for '--names <NAMES>': names are one of auto, off"),
            (
                &["--listen", "8050"],
                "invalid value '8050' for '--listen <ADDR>': an address is an IP address and a port, such as \
                 127.0.0.1:8050 or [::]:8050",
            ),
            (
                &["--cpu-budget", "0"],
                "invalid value '0' for '--cpu-budget <PERCENT>': the CPU budget is a percentage of one core, above 0 and \
                 at most 100",
            ),
            (&["--no-such-flag"], "unexpected argument '--no-such-flag' found"),
            (&["record"], "unrecognized subcommand 'record'"),
            (&["--interval"], "a value is required for '--interval <DURATION>' but none was supplied"),
            (
                &["--worktree", "a/b"],
                "the worktree name \"a/b\" cannot be used: it names one directory, so it must not be empty, begin with \
                 '.' or '_', or contain a separator or a control character",
            ),
            (
                &["--node-name", "a/b"],
                "the node name \"a/b\" cannot be used: only letters, digits, '.', '-' and '_' make a node name, at most \
                 253 of them, and the first is a letter or a digit",
            ),
            (
                &["--metrics-listen", "127.0.0.1:8050"],
                "--listen and --metrics-listen both name 127.0.0.1:8050: give each its own address or port",
            ),
            (
                &["--listen", "0.0.0.0:8050"],
                "--listen 0.0.0.0:8050 can be reached from elsewhere: give --token-file as well, or listen on a loopback \
                 address such as 127.0.0.1:8050 (--metrics-listen serves metrics and health to everybody)",
            ),
        ] {
            assert_eq!(refused(arguments), format!("error: {sentence}"), "{arguments:?}");
        }
    }
}
