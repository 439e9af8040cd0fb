//! Somebody who works on the agent: a home with a kubeconfig of their own, and two worktrees.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::ground::{self, must, run};

/// How long a step waits for what must come.
const PATIENCE: Duration = Duration::from_secs(180);
/// Another cluster of the user's, with what people have in such files.
const KUBECONFIG: &str = "# mine\napiVersion: v1\nkind: Config\nclusters:\n- cluster: {server: \"https://127.0.0.1:1\"}   # far away\n  \
                          name: work\ncontexts:\n  # the important one\n- context:\n    cluster: work\n    user: me\n  name: work\n\
                          current-context: work\npreferences: {}\nusers:\n- name: me\n  user:\n    token: abc\n";

pub(crate) struct User {
    home: TempDir,
    /// Where `fgmctl` is called, and where a second one is.
    pub(crate) alpha: PathBuf,
    pub(crate) beta: PathBuf,
    /// What a step leaves to later ones.
    pub(crate) notes: RefCell<Vec<(String, String)>>,
    /// Clusters to delete whatever happens.
    clusters: RefCell<Vec<String>>,
}

impl User {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".kube")).unwrap();
        std::fs::write(home.path().join(".kube/config"), KUBECONFIG).unwrap();
        // In CI the checkout itself is the first worktree, so that its own build is deployed; a developer's checkout may have
        // a cluster of its own, which is left alone.
        let alpha = if ground::in_ci() { ground::root() } else { copy(&home.path().join("src/fgm test")) };
        let beta = copy(&home.path().join("src/Beta"));
        let user = Self { home, alpha, beta, notes: RefCell::default(), clusters: RefCell::default() };
        ground::node_image();
        user
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn kubeconfig_before(&self) -> &'static str {
        KUBECONFIG
    }

    pub(crate) fn kubeconfig(&self) -> String {
        std::fs::read_to_string(self.home().join(".kube/config")).unwrap()
    }

    /// `fgmctl` in a worktree, not started yet.
    pub(crate) fn fgmctl(&self, top: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fgmctl"));
        command.args(words).current_dir(top);
        let real_home = std::env::home_dir().unwrap();
        // Cargo and rustup keep what they have.
        for (name, default) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            command.env(name, std::env::var_os(name).unwrap_or_else(|| real_home.join(default).into()));
        }
        command.env("HOME", self.home()).env("FGM_NODE_IMAGE", ground::node_image()).env("FGM_MODE", "direct");
        for name in ["XDG_STATE_HOME", "KUBECONFIG"] {
            command.env_remove(name);
        }
        command
    }

    /// What a command prints that may not fail.
    pub(crate) fn must(&self, top: &Path, words: &[&str]) -> String {
        must(900, &self.fgmctl(top, words))
    }

    pub(crate) fn json(&self, top: &Path, words: &[&str]) -> Value {
        let words: Vec<&str> = ["--output", "json"].iter().chain(words).copied().collect();
        serde_json::from_str(&self.must(top, &words)).unwrap()
    }

    /// What a command says that must fail, and its exit code.
    pub(crate) fn fails(&self, command: &Command) -> (Option<i32>, String) {
        let output: Output = run(900, command);
        assert!(!output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stdout));
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// The words of a deploy: in CI the first worktree builds for itself.
    pub(crate) fn deploy_words(&self, top: &Path) -> Vec<String> {
        let words = ["cluster", "deploy", "--profile", "process"].map(str::to_owned);
        let program = (top != ground::root()).then(|| ground::agent_program().to_string_lossy().into_owned());
        words.into_iter().chain(program.into_iter().flat_map(|program| ["--program".to_owned(), program])).collect()
    }

    /// The cluster of a worktree, which is deleted at the end whatever happens.
    pub(crate) fn watch(&self, top: &Path) -> String {
        let cluster = self.json(top, &["status"]).pointer("/cluster/cluster").unwrap().as_str().unwrap().to_owned();
        self.clusters.borrow_mut().push(cluster.clone());
        cluster
    }

    /// `kubectl` with a worktree's own credentials.
    pub(crate) fn kubectl(&self, top: &Path, words: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(top.join(".fgm/kubeconfig")).args(words).env("HOME", self.home());
        command
    }

    pub(crate) fn note(&self, name: &str, value: impl Into<String>) {
        self.notes.borrow_mut().push((name.to_owned(), value.into()));
    }

    pub(crate) fn noted(&self, name: &str) -> String {
        let notes = self.notes.borrow();
        notes.iter().rfind(|(known, _)| known == name).unwrap_or_else(|| panic!("no note {name}")).1.clone()
    }

    /// What an address answers, as JSON; none where it does not answer 200.
    pub(crate) fn ask(&self, url: &str) -> Option<Value> {
        let output = Command::new("curl").args(["--silent", "--fail", "--max-time", "30", url]).output().unwrap();
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    /// Says how things stand, for whoever reads of a failure.
    pub(crate) fn tell(&self) {
        for words in [&["status"][..], &["cluster", "logs", "--tail", "30"]] {
            let output = run(60, &self.fgmctl(&self.alpha, words));
            eprintln!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        for (top, door) in [(&self.alpha, "viewer"), (&self.alpha, "mcp"), (&self.beta, "viewer")] {
            let _ = run(60, &self.fgmctl(top, &["cluster", door, "stop"]));
        }
        for cluster in self.clusters.borrow().iter() {
            let mut delete = Command::new("kind");
            delete.args(["delete", "cluster", "--name", cluster]).arg("--kubeconfig").arg(self.home().join("none"));
            let _ = run(120, &delete);
        }
    }
}

/// A checkout with the same files as this one, in a repository of its own.
fn copy(to: &Path) -> PathBuf {
    std::fs::create_dir_all(to).unwrap();
    let mut list = Command::new("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(ground::root());
    for name in must(30, &list).lines() {
        let (from, to) = (ground::root().join(name), to.join(name));
        if from.is_file() {
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(from, to).unwrap();
        }
    }
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command.args([
            "-c",
            "user.name=nobody",
            "-c",
            "user.email=nobody@example.invalid",
            "-c",
            "commit.gpgsign=false",
        ]);
        must(30, command.args(words).current_dir(to));
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "Copy"]);
    to.canonicalize().unwrap()
}

/// Asks until an answer satisfies.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(250));
    }
}
