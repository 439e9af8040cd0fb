//! One Kind cluster with one node, deleted when dropped.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::ground::{self, AGENT_IMAGE, Driver, WORKLOAD_IMAGE, must, root, run};

/// The agent's namespace, as in `k8s/base`.
pub(crate) const NAMESPACE: &str = "fine-grained-monitor";
/// How long a check waits for what must come; a busy machine takes a third of it for the slowest, the four short pods.
const PATIENCE: Duration = Duration::from_secs(180);
/// Where the node has the data of every worktree, `default` among them, as in `k8s/base`.
const DATA: &str = "/var/lib/fine-grained-monitor";
/// How clusters of this test are named: with the process that made them, so that one which was killed can be tidied after.
const PREFIX: &str = "fgm-ci-";

pub(crate) struct Cluster {
    name: String,
    directory: TempDir,
}

impl Cluster {
    /// A fresh cluster with the images of the tests, and the workloads' namespace still empty.
    pub(crate) fn create(driver: Driver) -> Self {
        let image = ground::ready();
        delete_orphans();
        let name = format!("{PREFIX}{}-{}", std::process::id(), format!("{driver:?}").to_lowercase());
        let cluster = Self { name, directory: tempfile::tempdir().expect("a directory") };
        let config = root().join("../shared/kind/systemd-cgroups.yaml");
        let mut arguments = vec!["create", "cluster", "--name", &cluster.name, "--image", image, "--wait", "240s"];
        let kubeconfig = cluster.kubeconfig();
        arguments.extend(["--kubeconfig", kubeconfig.to_str().expect("a path in UTF-8")]);
        if driver == Driver::Systemd {
            arguments.extend(["--config", config.to_str().expect("a path in UTF-8")]);
        }
        must(run(480, "kind", arguments));
        must(run(300, "kind", ["load", "docker-image", AGENT_IMAGE, WORKLOAD_IMAGE, "--name", &cluster.name]));
        cluster
    }

    /// The path of the credentials.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("kubeconfig")
    }

    /// `kubectl` with these words.
    pub(crate) fn kubectl(&self, words: &str) -> Result<String, String> {
        self.kubectl_with(words.split(' '))
    }

    pub(crate) fn kubectl_with<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String, String> {
        let arguments: Vec<_> = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
        let kubeconfig = [OsStr::new("--kubeconfig").to_owned(), self.kubeconfig().into_os_string()];
        run(240, "kubectl", kubeconfig.into_iter().chain(arguments))
    }

    /// An object or a list of them, as JSON; none where the API server does not have it or did not answer.
    pub(crate) fn try_get(&self, words: &str) -> Option<Value> {
        let text = self.kubectl(&format!("get {words} -o json --request-timeout=20s")).ok()?;
        Some(serde_json::from_str(&text).expect("kubectl prints JSON"))
    }

    /// Applies an overlay of the agent and waits until its pod is ready.
    pub(crate) fn roll_out(&self, overlay: &str) {
        let overlay = root().join("k8s/overlays").join(overlay);
        must(self.kubectl_with([OsStr::new("apply"), OsStr::new("-k"), overlay.as_os_str()]));
        self.rolled_out();
    }

    /// Waits until the agent's pod is ready.
    pub(crate) fn rolled_out(&self) {
        must(self.kubectl(&format!("-n {NAMESPACE} rollout status daemonset/fgm-agent --timeout=200s")));
    }

    /// The agent's data directory as the node has it now, copied: at a moment when no file of its tables comes or goes.
    pub(crate) fn recorded(&self) -> TempDir {
        let node = format!("{}-control-plane", self.name);
        let list = || run(60, "docker", ["exec", &node, "ls", "-R", DATA]).ok().map(|text| sealed_names(&text));
        eventually("a copy of the data directory", || {
            let before = list()?;
            let copy = tempfile::tempdir().expect("a directory");
            let from = format!("{node}:{DATA}/.");
            // A file that goes meanwhile may fail the copy.
            run(120, "docker", [OsStr::new("cp"), OsStr::new(&from), copy.path().as_os_str()]).ok()?;
            (list()? == before).then_some(copy)
        })
    }

    /// Says how things stand, for whoever reads of a failure.
    pub(crate) fn tell(&self) {
        for words in [
            "get pods -A -o wide".to_owned(),
            "describe pods -n fgm-test".to_owned(),
            format!("logs -n {NAMESPACE} daemonset/fgm-agent --tail=50"),
        ] {
            eprintln!("{}", self.kubectl(&words).unwrap_or_else(|error| error));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        delete(&self.name);
    }
}

/// The lines of a recursive listing that name sealed files; spills come and go with every segment.
fn sealed_names(listing: &str) -> Vec<String> {
    listing.lines().filter(|line| line.ends_with(".parquet")).map(str::to_owned).collect()
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

/// Deletes clusters whose test was killed before it could.
fn delete_orphans() {
    for name in must(run(30, "kind", ["get", "clusters"])).lines() {
        let maker = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if maker.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            delete(name);
        }
    }
}

fn delete(name: &str) {
    if let Err(error) = run(120, "kind", ["delete", "cluster", "--name", name]) {
        eprintln!("the cluster {name} could not be deleted: {error}");
    }
}
