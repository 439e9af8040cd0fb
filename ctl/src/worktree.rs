//! The git worktree around the current directory, and the names and ports that are its own on this machine.
//!
//! `STATE/fgmctl/worktrees.json` holds who has which name and which ports. It is read and written under a lock, so that
//! two commands which begin at the same moment get different ones; an entry whose directory is gone gives its own back.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::failure::{Code, Failure};
use crate::invocation::Invocation;
use crate::lock::Lock;
use crate::name;
use crate::runner::Runner;
use crate::whole_file;

/// A worktree with what is its own.
#[derive(Clone, Debug)]
pub(crate) struct Worktree {
    /// Its top-level directory.
    pub(crate) top: PathBuf,
    /// Its name in clusters, images and directories.
    pub(crate) name: String,
    /// Who has the name that it would have had, where another has it.
    pub(crate) namesake: Option<PathBuf>,
    /// The API server's port that it was given, where it has one.
    pub(crate) api_port: Option<u16>,
    /// The first port of its block.
    pub(crate) ports_from: u16,
}

/// The doors of a worktree, in the order of their ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    LocalViewer = 0,
    ClusterViewer = 1,
    Mcp = 2,
}

impl Worktree {
    pub(crate) fn cluster(&self) -> String {
        format!("fgm-{}", self.name)
    }

    pub(crate) fn context(&self) -> String {
        format!("kind-{}", self.cluster())
    }

    pub(crate) fn image(&self) -> String {
        format!("fine-grained-monitor:{}", self.name)
    }

    /// Where a node has what its agent records.
    pub(crate) fn node_data(&self) -> String {
        format!("/var/lib/fine-grained-monitor/{}", self.name)
    }

    /// Where this tool keeps what it knows of the worktree.
    pub(crate) fn state(&self) -> PathBuf {
        self.top.join(".fgm")
    }

    /// Credentials for the worktree's cluster, whatever the user's current context is.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.state().join("kubeconfig")
    }

    pub(crate) fn port(&self, door: Door) -> u16 {
        self.ports_from + door as u16
    }
}

/// What the machine knows of all worktrees, by their directories.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Registry {
    worktrees: BTreeMap<PathBuf, Entry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    name: String,
    ports_from: u16,
    api_port: Option<u16>,
}

/// The worktree around the current directory.
pub(crate) async fn find(runner: &Runner) -> Result<PathBuf> {
    let said = runner.look(&Invocation::here("git").args(["rev-parse", "--show-toplevel"])).await?;
    let top = said.out.trim_end_matches('\n');
    if !said.status.success() || top.is_empty() {
        return Err(Failure::of(
            Code::Missing,
            "this is not a git worktree: go to a checkout of fine-grained-monitor (`cd`) and try again",
        ));
    }
    let top = PathBuf::from(top);
    if !top.join("k8s/base").is_dir() {
        return Err(Failure::of(
            Code::Missing,
            format!(
                "{} is not a checkout of fine-grained-monitor (it has no k8s/base): go to one and try again",
                top.display()
            ),
        ));
    }
    Ok(top)
}

/// The worktree with its name and ports, which are given to it where it has none yet. A dry run gives none away.
pub(crate) fn claim(top: &Path, runner: &Runner) -> Result<Worktree> {
    let file = registry_file()?;
    let _lock = if runner.is_dry() { None } else { Some(Lock::take(&file.with_extension("lock"), "fgmctl")?) };
    let mut registry = Registry::read(&file)?;
    let (entry, namesake) = registry.entry_for(top, &|directory| directory.is_dir());
    if !runner.is_dry() && registry.worktrees.get(top).is_none_or(|known| known.name != entry.name) {
        // Whoever had the name before is gone, else this worktree would have got another.
        registry.worktrees.retain(|_, known| known.name != entry.name);
        registry.worktrees.insert(top.to_owned(), entry.clone());
        registry.write(&file)?;
    }
    let Entry { name, ports_from, api_port } = entry;
    Ok(Worktree { top: top.to_owned(), name, namesake, api_port, ports_from })
}

/// Gives the worktree a port for its API server and remembers it: the one asked for, the one it had, else a free one.
pub(crate) fn claim_api_port(worktree: &Worktree, asked: Option<u16>, runner: &Runner) -> Result<u16> {
    let file = registry_file()?;
    let _lock = if runner.is_dry() { None } else { Some(Lock::take(&file.with_extension("lock"), "fgmctl")?) };
    let mut registry = Registry::read(&file)?;
    let is_of_another = |port| {
        registry
            .worktrees
            .iter()
            .any(|(top, entry)| top != &worktree.top && entry.api_port == Some(port) && top.is_dir())
    };
    let is_open = |port| !is_of_another(port) && is_free(port);
    let had = registry.worktrees.get(&worktree.top).and_then(|entry| entry.api_port);
    let port = match asked {
        Some(port) if is_open(port) => port,
        Some(port) => {
            let sentence = format!("port {port} is taken: choose another with --api-port, or leave it out");
            return Err(Failure::of(Code::Missing, sentence));
        }
        None => had.filter(|port| is_open(*port)).or_else(|| probe(name::api_port(&worktree.name), &is_open)).ok_or_else(|| {
            let sentence = "all ports for API servers (6443 to 6447) are taken: destroy a cluster (`fgmctl cluster list`), or \
                            choose another port with --api-port";
            Failure::of(Code::Missing, sentence)
        })?,
    };
    if !runner.is_dry()
        && let Some(entry) = registry.worktrees.get_mut(&worktree.top)
    {
        entry.api_port = Some(port);
        registry.write(&file)?;
    }
    Ok(port)
}

/// Forgets the port of a cluster that is no more; the name stays the worktree's.
pub(crate) fn give_back_api_port(worktree: &Worktree, runner: &Runner) -> Result<()> {
    if runner.is_dry() {
        return Ok(());
    }
    let file = registry_file()?;
    let _lock = Lock::take(&file.with_extension("lock"), "fgmctl")?;
    let mut registry = Registry::read(&file)?;
    if let Some(entry) = registry.worktrees.get_mut(&worktree.top) {
        entry.api_port = None;
        registry.write(&file)?;
    }
    Ok(())
}

/// The API port that a worktree has now: a cluster that was just made has got one since the command began.
pub(crate) fn api_port_of(worktree: &Worktree) -> Result<Option<u16>> {
    let registry = Registry::read(&registry_file()?)?;
    Ok(registry.worktrees.get(&worktree.top).and_then(|entry| entry.api_port))
}

/// Who has a cluster's name, as far as this machine knows.
pub(crate) fn owner_of(cluster: &str) -> Result<Option<PathBuf>> {
    let registry = Registry::read(&registry_file()?)?;
    let found = registry.worktrees.into_iter().find(|(_, entry)| format!("fgm-{}", entry.name) == cluster);
    Ok(found.map(|(top, _)| top))
}

impl Registry {
    fn read(file: &Path) -> Result<Self> {
        match std::fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} cannot be read: move it away and try again", file.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| file.display().to_string()),
        }
    }

    fn write(&self, file: &Path) -> Result<()> {
        whole_file::write(file, &serde_json::to_vec_pretty(self)?, 0o600)
    }

    /// The entry that a worktree has or would get, and who has the name that it would have had.
    fn entry_for(&self, top: &Path, exists: &impl Fn(&Path) -> bool) -> (Entry, Option<PathBuf>) {
        let base = top.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let others = || self.worktrees.iter().filter(|(owner, _)| *owner != top && exists(owner));
        let plain = name::of_base(&base);
        let namesake = others().find(|(_, entry)| entry.name == plain).map(|(owner, _)| owner.clone());
        if let Some(entry) = self.worktrees.get(top) {
            let namesake = namesake.filter(|_| entry.name != plain);
            return (entry.clone(), namesake);
        }
        let name = if namesake.is_some() { name::beside_another(&base, &top.to_string_lossy()) } else { plain };
        let taken: Vec<u16> = others().map(|(_, entry)| entry.ports_from).collect();
        let ports_from = next_block(name::ports_from(&name), &taken);
        (Entry { name, ports_from, api_port: None }, namesake)
    }
}

/// The first block from the preferred one on that nobody has.
fn next_block(preferred: u16, taken: &[u16]) -> u16 {
    let first = name::ports_from("") - name::ports_from("") % 10_000;
    let blocks = (0..1_000u16).map(|step| {
        let block = (preferred - first) / name::PORTS_IN_BLOCK + step;
        first + block % 1_000 * name::PORTS_IN_BLOCK
    });
    blocks.into_iter().find(|block| !taken.contains(block)).unwrap_or(preferred)
}

/// The first open port from the preferred one on, around the end.
fn probe(preferred: u16, is_open: &impl Fn(u16) -> bool) -> Option<u16> {
    let count = name::API_PORTS.end() - name::API_PORTS.start() + 1;
    let first = *name::API_PORTS.start();
    (0..count).map(|step| first + (preferred - first + step) % count).find(|port| is_open(*port))
}

/// Whether a port of the loopback address can be had now.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn registry_file() -> Result<PathBuf> {
    let of_xdg = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = of_xdg.or_else(|| std::env::home_dir().map(|home| home.join(".local/state")));
    let state =
        state.ok_or_else(|| Failure::of(Code::Missing, "there is no home directory: set HOME or XDG_STATE_HOME"))?;
    Ok(state.join("fgmctl/worktrees.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(entries: &[(&str, &str)]) -> Registry {
        let entry = |name: &str| Entry { name: name.into(), ports_from: name::ports_from(name), api_port: None };
        Registry { worktrees: entries.iter().map(|(top, name)| (PathBuf::from(top), entry(name))).collect() }
    }

    #[test]
    fn the_second_of_a_name_gets_another_and_keeps_it() {
        let mut known = registry(&[("/a/main", "main")]);
        let (second, namesake) = known.entry_for(Path::new("/b/main"), &|_| true);
        assert_eq!(second.name, name::beside_another("main", "/b/main"));
        assert_eq!(namesake.as_deref(), Some(Path::new("/a/main")));
        known.worktrees.insert("/b/main".into(), second.clone());
        assert_eq!(known.entry_for(Path::new("/b/main"), &|_| true).0.name, second.name);
        let (first, namesake) = known.entry_for(Path::new("/a/main"), &|_| true);
        assert_eq!((first.name.as_str(), namesake), ("main", None));
    }

    #[test]
    fn a_directory_that_is_gone_gives_its_name_back() {
        let known = registry(&[("/a/main", "main")]);
        let (entry, namesake) = known.entry_for(Path::new("/b/main"), &|_| false);
        assert_eq!((entry.name.as_str(), namesake), ("main", None));
    }

    #[test]
    fn blocks_and_api_ports_step_on_where_they_are_taken() {
        assert_eq!(next_block(20_050, &[]), 20_050);
        assert_eq!(next_block(29_990, &[29_990, 20_000]), 20_010);
        assert_eq!(probe(6446, &|port| port == 6444), Some(6444));
        assert_eq!(probe(6446, &|_| false), None);
    }
}
