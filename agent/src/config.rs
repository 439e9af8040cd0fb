//! What a run is asked to do: inert values, complete, validated once.
//!
//! Nothing here reads the environment, a flag or a file: `args.rs` gathers [`Options`] and [`Surroundings`], and
//! [`RunConfig::new`] makes the one decision about them. The surprise: the data directory stays undecided where it is
//! the default, because which candidate can be written is known only by trying.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::worktree;

/// How often every container is sampled, unless asked otherwise.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
/// The sampling intervals that make sense: below, reading costs more than it tells; above, a scrape does the same.
pub const INTERVAL_RANGE: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(60);
/// The mount point of the cgroup hierarchies.
pub const DEFAULT_CGROUP_ROOT: &str = "/sys/fs/cgroup";
/// The kernel's log, which names the victims of OOM kills.
pub const DEFAULT_KERNEL_LOG: &str = "/dev/kmsg";
/// Where the root of the host's file system is.
pub const DEFAULT_HOST_ROOT: &str = "/";
/// The mount point of procfs.
pub const DEFAULT_PROC_ROOT: &str = "/proc";
/// How long a segment collects rows before it is sealed.
pub const DEFAULT_ROTATE: Duration = Duration::from_secs(90);
/// The segment lengths that make sense: a file never crosses an hour anyway.
pub const ROTATE_RANGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);
/// How large the tail in memory grows before it is sealed early.
pub const DEFAULT_TAIL_BYTES: u64 = 32 << 20;
/// The smallest tail: below it a node of 1,000 containers would seal every few ticks.
pub const MIN_TAIL_BYTES: u64 = 1 << 20;
/// How often the spill is made safe from a power cut.
pub const DEFAULT_SPILL_INTERVAL: Duration = Duration::from_secs(5);
/// The spill intervals that make sense.
pub const SPILL_INTERVAL_RANGE: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(600);
/// How many bytes of files are kept.
pub const DEFAULT_RETAIN_BYTES: u64 = 1 << 30;
/// The smallest budget: below it, a busy hour would not fit.
pub const MIN_RETAIN_BYTES: u64 = 1 << 20;
/// How long readings are kept.
pub const DEFAULT_RETAIN_AGE: Duration = Duration::from_secs(7 * 86_400);
/// How long rollups are kept.
pub const DEFAULT_RETAIN_ROLLUP_AGE: Duration = Duration::from_secs(90 * 86_400);
/// The ages that make sense: below, hours would go before they are merged.
pub const RETAIN_AGE_RANGE: RangeInclusive<Duration> =
    Duration::from_secs(3600)..=Duration::from_secs(10 * 366 * 86_400);
/// How often the processes of containers are read.
pub const DEFAULT_PROCESS_INTERVAL: Duration = Duration::from_secs(5);
/// The process intervals that make sense, beside none at all.
pub const PROCESS_INTERVAL_RANGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);
/// Where the API listens: loopback only, on the port that the older tool used.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8050);
/// The share of one core that the agent may use, in percent.
pub const DEFAULT_CPU_BUDGET_PERCENT: f64 = 2.0;
/// The worktree name outside of any git worktree.
pub const DEFAULT_WORKTREE: &str = "default";
/// The node's name on a machine whose host name makes none.
pub const DEFAULT_NODE: &str = "localhost";
/// The directory under which every worktree's data lies, where root runs the agent.
pub const SYSTEM_DATA_ROOT: &str = "/var/lib/fine-grained-monitor";
/// The same below a user's state directory.
pub const STATE_DATA_DIR: &str = "fine-grained-monitor";

/// Which cgroups are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Containers, and their sandboxes.
    #[default]
    Containers,
    /// Every cgroup that has processes.
    All,
}

impl Scope {
    /// Every scope, in the order in which help and errors name them.
    pub const ALL: [Self; 2] = [Self::Containers, Self::All];

    /// The scope's name on the command line and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Containers => "containers",
            Self::All => "all",
        }
    }
}

/// Whether containers get names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Names {
    /// From the API server where there is one to ask, else from docker's and podman's files.
    #[default]
    Auto,
    /// Ids only; nobody is asked.
    Off,
}

impl Names {
    /// Every choice, in the order in which help and errors name them.
    pub const ALL: [Self; 2] = [Self::Auto, Self::Off];

    /// The choice's name on the command line and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Off => "off",
        }
    }
}

/// Where recordings go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DataDir {
    /// Exactly there, or not at all.
    Explicit(PathBuf),
    /// The first of [`default_data_dirs`] that can be written.
    Default {
        /// The name that keeps recordings of several checkouts apart.
        worktree: String,
    },
}

/// What was asked for, as far as it can be judged flag by flag.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--worktree`.
    pub worktree: Option<String>,
    /// `--node-name`.
    pub node_name: Option<String>,
    /// `--interval`, within [`INTERVAL_RANGE`].
    pub interval: Duration,
    /// `--scope`.
    pub scope: Scope,
    /// `--cgroup-root`.
    pub cgroup_root: PathBuf,
    /// `--proc-root`.
    pub proc_root: PathBuf,
    /// `--names`.
    pub names: Names,
    /// `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// `--host-root`.
    pub host_root: PathBuf,
    /// `--rotate`, within [`ROTATE_RANGE`].
    pub rotate: Duration,
    /// `--tail-bytes`, at least [`MIN_TAIL_BYTES`].
    pub tail_bytes: u64,
    /// `--spill-interval`, within [`SPILL_INTERVAL_RANGE`].
    pub spill_interval: Duration,
    /// `--retain-bytes`, at least [`MIN_RETAIN_BYTES`].
    pub retain_bytes: u64,
    /// `--retain-age`, within [`RETAIN_AGE_RANGE`].
    pub retain_age: Duration,
    /// `--retain-rollup-age`, within [`RETAIN_AGE_RANGE`].
    pub retain_rollup_age: Duration,
    /// `--process-interval`, within [`PROCESS_INTERVAL_RANGE`]; `None` reads no processes.
    pub process_interval: Option<Duration>,
    /// `--listen`.
    pub listen: SocketAddr,
    /// `--metrics-listen`.
    pub metrics_listen: Option<SocketAddr>,
    /// `--token-file`.
    pub token_file: Option<PathBuf>,
    /// `--cpu-budget`, in percent of one core.
    pub cpu_budget_percent: f64,
}

/// What the process finds around itself, where nothing was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The variable `NODE_NAME`, which pods set from the downward API.
    pub node_name: Option<String>,
    /// The variable `POD_NAME`, likewise.
    pub pod: Option<String>,
    /// The variable `POD_NAMESPACE`, likewise.
    pub namespace: Option<String>,
    /// The host name that the kernel tells.
    pub host_name: String,
    /// The top-level directory of the git worktree around the current directory.
    pub worktree_top: Option<PathBuf>,
}

/// A whole, valid run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunConfig {
    /// Where recordings go.
    pub data: DataDir,
    /// The node's name, in paths and answers.
    pub node: String,
    /// The agent's own pod, where it is told.
    #[serde(skip)]
    pub pod: Option<String>,
    /// Its namespace.
    #[serde(skip)]
    pub namespace: Option<String>,
    /// The sampling interval.
    #[serde(rename = "interval_seconds", serialize_with = "seconds")]
    pub interval: Duration,
    /// Which cgroups are recorded.
    pub scope: Scope,
    /// The mount point of the cgroup hierarchies.
    pub cgroup_root: PathBuf,
    /// The mount point of procfs.
    pub proc_root: PathBuf,
    /// Whether containers get names.
    pub names: Names,
    /// The API server to ask, where this is no pod.
    pub kubeconfig: Option<PathBuf>,
    /// Where the root of the host's file system is, for docker's and podman's files.
    pub host_root: PathBuf,
    /// How long a segment collects rows before it is sealed.
    #[serde(rename = "rotate_seconds", serialize_with = "seconds")]
    pub rotate: Duration,
    /// How large the tail in memory grows before it is sealed early.
    pub tail_bytes: u64,
    /// How often the spill is made safe from a power cut.
    #[serde(rename = "spill_interval_seconds", serialize_with = "seconds")]
    pub spill_interval: Duration,
    /// How many bytes of files are kept.
    pub retain_bytes: u64,
    /// How long readings are kept.
    #[serde(rename = "retain_age_seconds", serialize_with = "seconds")]
    pub retain_age: Duration,
    /// How long rollups are kept.
    #[serde(rename = "retain_rollup_age_seconds", serialize_with = "seconds")]
    pub retain_rollup_age: Duration,
    /// How often the processes of containers are read, and the networks of pods; `None` for never.
    #[serde(rename = "process_interval_seconds", serialize_with = "maybe_seconds")]
    pub process_interval: Option<Duration>,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where metrics and health alone are served as well.
    pub metrics_listen: Option<SocketAddr>,
    /// The file with the token that every path but metrics and health needs; none, and the API is on loopback alone.
    pub token_file: Option<PathBuf>,
    /// The share of one core that the agent may use, in percent.
    pub cpu_budget_percent: f64,
}

/// Why a run that was asked for makes no sense; each is one sentence for the person who asked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// A worktree name that is no plain directory name.
    #[error(
        "the worktree name {0:?} cannot be used: it names one directory, so it must not be empty, begin with '.' or '_', \
         or contain a separator or a control character"
    )]
    Worktree(String),
    /// A node name that is no plain directory name.
    #[error(
        "the node name {0:?} cannot be used: only letters, digits, '.', '-' and '_' make a node name, at most 253 of them, \
         and the first is a letter or a digit"
    )]
    Node(String),
    /// One port for two listeners.
    #[error("--listen and --metrics-listen both name {0}: give each its own address or port")]
    SameListener(SocketAddr),
    /// An API that other machines could reach, and that asks nobody who they are.
    #[error(
        "--listen {0} can be reached from elsewhere: give --token-file as well, or listen on a loopback address such as \
         127.0.0.1:8050 (--metrics-listen serves metrics and health to everybody)"
    )]
    OpenListener(SocketAddr),
    /// An empty path.
    #[error("{0} needs a directory, and the one given is empty")]
    EmptyPath(&'static str),
}

impl RunConfig {
    /// Judges what was asked for, and completes it with what is found around the process.
    ///
    /// # Errors
    ///
    /// One sentence about the first thing that makes no sense.
    pub fn new(options: Options, around: &Surroundings) -> Result<Self, ConfigError> {
        let data = data_dir(options.data, options.worktree, around.worktree_top.as_deref())?;
        // A host name that makes no node name ("(none)" on a machine without one) was not chosen for us.
        let found = Some(&around.host_name).filter(|name| is_node_name(name));
        let node = options.node_name.or_else(|| around.node_name.clone());
        let node = node.unwrap_or_else(|| found.map_or(DEFAULT_NODE, String::as_str).to_owned());
        if !is_node_name(&node) {
            return Err(ConfigError::Node(node));
        }
        let roots = [("--cgroup-root", &options.cgroup_root), ("--proc-root", &options.proc_root)];
        for (flag, path) in roots.into_iter().chain([("--host-root", &options.host_root)]) {
            if path.as_os_str().is_empty() {
                return Err(ConfigError::EmptyPath(flag));
            }
        }
        if options.listen.port() != 0 && options.metrics_listen == Some(options.listen) {
            return Err(ConfigError::SameListener(options.listen));
        }
        if options.token_file.is_none() && !options.listen.ip().to_canonical().is_loopback() {
            return Err(ConfigError::OpenListener(options.listen));
        }
        Ok(Self {
            data,
            node,
            pod: around.pod.clone(),
            namespace: around.namespace.clone(),
            interval: options.interval,
            scope: options.scope,
            cgroup_root: options.cgroup_root,
            proc_root: options.proc_root,
            names: options.names,
            kubeconfig: options.kubeconfig,
            host_root: options.host_root,
            rotate: options.rotate,
            tail_bytes: options.tail_bytes,
            spill_interval: options.spill_interval,
            retain_bytes: options.retain_bytes,
            retain_age: options.retain_age,
            retain_rollup_age: options.retain_rollup_age,
            process_interval: options.process_interval,
            listen: options.listen,
            metrics_listen: options.metrics_listen,
            token_file: options.token_file,
            cpu_budget_percent: options.cpu_budget_percent,
        })
    }
}

/// The directories to try for a worktree's data, best first: the system's, then the user's state directory.
#[must_use]
pub fn default_data_dirs(worktree: &str, xdg_state_home: Option<&Path>, home: Option<&Path>) -> Vec<PathBuf> {
    let system = Path::new(SYSTEM_DATA_ROOT).join(worktree);
    // The XDG specification wants a relative XDG_STATE_HOME ignored.
    let state = xdg_state_home
        .filter(|dir| dir.is_absolute())
        .map(Path::to_owned)
        .or_else(|| home.filter(|dir| dir.is_absolute()).map(|home| home.join(".local/state")));
    let user = state.map(|dir| dir.join(STATE_DATA_DIR).join(worktree));
    std::iter::once(system).chain(user).collect()
}

/// The nearest directory, `start` or above it, in which `has_git` finds a `.git` entry (a file in linked worktrees).
#[must_use]
pub fn worktree_top(start: &Path, has_git: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    start.ancestors().find(|dir| has_git(&dir.join(".git"))).map(Path::to_owned)
}

fn data_dir(
    data: Option<PathBuf>,
    worktree_name: Option<String>,
    worktree_top: Option<&Path>,
) -> Result<DataDir, ConfigError> {
    // A bad name is refused even where --data wins over it: it is a mistake either way.
    if let Some(name) = worktree_name.as_ref().filter(|name| !is_directory_name(name)) {
        return Err(ConfigError::Worktree(name.clone()));
    }
    match data {
        Some(path) if path.as_os_str().is_empty() => Err(ConfigError::EmptyPath("--data")),
        Some(path) => Ok(DataDir::Explicit(path)),
        None => {
            let base = worktree_top.and_then(Path::file_name).map(|name| worktree::name_of(&name.to_string_lossy()));
            let found = base.unwrap_or_else(|| DEFAULT_WORKTREE.to_owned());
            Ok(DataDir::Default { worktree: worktree_name.unwrap_or(found) })
        }
    }
}

/// One plain directory name, of a kind that no reader of Hive partitions takes for hidden.
fn is_directory_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let single = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
    let plain = !name.contains(['/', '\\']) && !name.chars().any(char::is_control) && name.len() <= 255;
    single && plain && !name.starts_with(['.', '_'])
}

fn is_node_name(name: &str) -> bool {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    plain && name.len() <= 253 && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[expect(clippy::ref_option, reason = "the shape that serde asks for")]
fn maybe_seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => seconds(duration, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options {
            data: None,
            worktree: None,
            node_name: None,
            interval: DEFAULT_INTERVAL,
            scope: Scope::Containers,
            cgroup_root: DEFAULT_CGROUP_ROOT.into(),
            proc_root: DEFAULT_PROC_ROOT.into(),
            names: Names::Auto,
            kubeconfig: None,
            host_root: DEFAULT_HOST_ROOT.into(),
            rotate: DEFAULT_ROTATE,
            tail_bytes: DEFAULT_TAIL_BYTES,
            spill_interval: DEFAULT_SPILL_INTERVAL,
            retain_bytes: DEFAULT_RETAIN_BYTES,
            retain_age: DEFAULT_RETAIN_AGE,
            retain_rollup_age: DEFAULT_RETAIN_ROLLUP_AGE,
            process_interval: Some(DEFAULT_PROCESS_INTERVAL),
            listen: DEFAULT_LISTEN,
            metrics_listen: None,
            token_file: None,
            cpu_budget_percent: DEFAULT_CPU_BUDGET_PERCENT,
        }
    }

    fn around() -> Surroundings {
        Surroundings {
            host_name: "laptop".into(),
            worktree_top: Some("/src/feature-x".into()),
            ..Surroundings::default()
        }
    }

    fn worktree_of(config: &RunConfig) -> Option<&str> {
        match &config.data {
            DataDir::Default { worktree } => Some(worktree),
            DataDir::Explicit(_) => None,
        }
    }

    #[test]
    fn the_worktree_is_the_checkouts_base_name() {
        let config = RunConfig::new(options(), &around()).unwrap();
        assert_eq!(worktree_of(&config), Some("feature-x"));
    }

    #[test]
    fn outside_of_a_checkout_the_worktree_is_default() {
        for top in [None, Some("/".into())] {
            let config = RunConfig::new(options(), &Surroundings { worktree_top: top, ..around() }).unwrap();
            assert_eq!(worktree_of(&config), Some("default"));
        }
    }

    #[test]
    fn a_checkout_of_an_odd_name_gets_the_one_that_clusters_have_too() {
        for top in ["/home/me/.dotfiles", "/src/_x", "/src/My Checkout"] {
            let config =
                RunConfig::new(options(), &Surroundings { worktree_top: Some(top.into()), ..around() }).unwrap();
            let expected = worktree::name_of(top.rsplit('/').next().unwrap());
            assert_eq!(worktree_of(&config), Some(expected.as_str()));
        }
    }

    #[test]
    fn worktree_names_that_are_no_plain_directory_are_refused() {
        for name in ["", ".", "..", "a/b", "/a", "a/", "../a", ".hidden", "_temporary", "a\\b", "a\nb"] {
            let asked = Options { worktree: Some(name.into()), ..options() };
            assert_eq!(RunConfig::new(asked, &around()), Err(ConfigError::Worktree(name.into())));
        }
    }

    #[test]
    fn an_explicit_directory_wins_over_the_worktree() {
        let asked = Options { data: Some("/data".into()), worktree: Some("w".into()), ..options() };
        assert_eq!(RunConfig::new(asked, &around()).unwrap().data, DataDir::Explicit("/data".into()));
    }

    #[test]
    fn the_node_is_the_flag_then_the_variable_then_the_host() {
        let variable = Surroundings { node_name: Some("node-7".into()), ..around() };
        let flag = Options { node_name: Some("given".into()), ..options() };
        assert_eq!(RunConfig::new(flag, &variable).unwrap().node, "given");
        assert_eq!(RunConfig::new(options(), &variable).unwrap().node, "node-7");
        assert_eq!(RunConfig::new(options(), &around()).unwrap().node, "laptop");
    }

    #[test]
    fn a_machine_without_a_host_name_is_localhost() {
        let nameless = Surroundings { host_name: "(none)".into(), ..around() };
        assert_eq!(RunConfig::new(options(), &nameless).unwrap().node, "localhost");
    }

    #[test]
    fn node_names_that_are_no_plain_directory_are_refused() {
        for name in ["", "a/b", "..", "-x", "a b", "ü", &"x".repeat(254)] {
            let asked = Options { node_name: Some(name.to_owned()), ..options() };
            assert_eq!(RunConfig::new(asked, &around()), Err(ConfigError::Node(name.to_owned())));
        }
    }

    #[test]
    fn two_listeners_on_one_address_are_refused_unless_the_kernel_chooses_the_port() {
        let asked = Options { metrics_listen: Some(DEFAULT_LISTEN), ..options() };
        let error = RunConfig::new(asked, &around()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "--listen and --metrics-listen both name 127.0.0.1:8050: give each its own address or port"
        );
        let any = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let asked = Options { listen: any, metrics_listen: Some(any), ..options() };
        assert!(RunConfig::new(asked, &around()).is_ok());
    }

    #[test]
    fn an_api_that_others_could_reach_needs_a_token() {
        for listen in ["0.0.0.0:8050", "[::]:8050", "10.0.0.7:0", "[::ffff:10.0.0.7]:1"] {
            let open = Options { listen: listen.parse().unwrap(), ..options() };
            let guarded = Options { token_file: Some("/token".into()), ..open.clone() };
            assert_eq!(RunConfig::new(open, &around()), Err(ConfigError::OpenListener(listen.parse().unwrap())));
            assert!(RunConfig::new(guarded, &around()).is_ok());
        }
        for listen in ["127.0.0.1:0", "127.9.9.9:8050", "[::1]:8050", "[::ffff:127.0.0.1]:1"] {
            let local = Options { listen: listen.parse().unwrap(), ..options() };
            assert!(RunConfig::new(local, &around()).is_ok(), "{listen}");
        }
    }

    #[test]
    fn empty_paths_are_refused() {
        let asked = Options { data: Some("".into()), ..options() };
        assert_eq!(RunConfig::new(asked, &around()), Err(ConfigError::EmptyPath("--data")));
        let asked = Options { proc_root: "".into(), ..options() };
        assert_eq!(RunConfig::new(asked, &around()), Err(ConfigError::EmptyPath("--proc-root")));
    }

    #[test]
    fn the_default_directories_are_the_systems_then_the_users() {
        let system = PathBuf::from("/var/lib/fine-grained-monitor/w");
        let dirs =
            |xdg: Option<&str>, home: Option<&str>| default_data_dirs("w", xdg.map(Path::new), home.map(Path::new));
        assert_eq!(dirs(None, None), std::slice::from_ref(&system));
        assert_eq!(
            dirs(None, Some("/home/me")),
            [system.clone(), "/home/me/.local/state/fine-grained-monitor/w".into()]
        );
        assert_eq!(dirs(Some("/state"), Some("/home/me")), [system.clone(), "/state/fine-grained-monitor/w".into()]);
        assert_eq!(
            dirs(Some("relative"), Some("/home/me")),
            [system, "/home/me/.local/state/fine-grained-monitor/w".into()]
        );
    }

    #[test]
    fn the_worktree_top_is_the_nearest_directory_with_a_git_entry() {
        let git = |path: &Path| path == Path::new("/src/x/.git") || path == Path::new("/src/.git");
        assert_eq!(worktree_top(Path::new("/src/x/agent/src"), git), Some("/src/x".into()));
        assert_eq!(worktree_top(Path::new("/tmp"), git), None);
    }

    #[test]
    fn serialises_with_units_in_its_names() {
        let json = serde_json::to_value(RunConfig::new(options(), &around()).unwrap()).unwrap();
        assert_eq!(json["interval_seconds"], 1.0);
        assert_eq!(json["data"]["default"]["worktree"], "feature-x");
        assert_eq!(json["listen"], "127.0.0.1:8050");
    }
}
