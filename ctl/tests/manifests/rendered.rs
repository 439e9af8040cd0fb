//! What `kubectl kustomize` makes of an overlay, as JSON documents.

use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::Value;

pub(crate) struct Rendered {
    pub(crate) documents: Vec<Value>,
}

impl Rendered {
    /// An overlay as it is; none where there is no kubectl.
    pub(crate) fn overlay(name: &str) -> Option<Self> {
        kubectl_is_there().then(|| Self::of(&k8s().join("overlays").join(name)))
    }

    /// An overlay with components, and more lines of a kustomization; none where there is no kubectl.
    pub(crate) fn with(overlay: &str, components: &[&str], more: &str) -> Option<Self> {
        if !kubectl_is_there() {
            return None;
        }
        // A kustomization reaches others by relative paths, so a copy of all of them lies beside it.
        let directory = tempfile::tempdir().unwrap();
        copy(&k8s(), &directory.path().join("k8s"));
        let paths: Vec<String> = components.iter().map(|name| format!("../components/{name}")).collect();
        let own = directory.path().join("k8s/own");
        std::fs::create_dir(&own).unwrap();
        let head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";
        let text = format!("{head}resources: [../overlays/{overlay}]\ncomponents: [{}]\n{more}", paths.join(", "));
        std::fs::write(own.join("kustomization.yaml"), text).unwrap();
        Some(Self::of(&own))
    }

    fn of(directory: &Path) -> Self {
        let output = Command::new("kubectl").arg("kustomize").arg(directory).output().unwrap();
        let (text, told) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        // Warnings too: what is deprecated today goes tomorrow.
        assert!(output.status.success() && told.is_empty(), "kubectl kustomize {}: {told}", directory.display());
        Self { documents: serde_saphyr::from_multiple(&text).expect("YAML") }
    }

    /// The documents of a kind.
    pub(crate) fn all(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.documents.iter().filter(move |document| document["kind"] == kind)
    }

    /// The only document of a kind.
    pub(crate) fn one(&self, kind: &str) -> &Value {
        let found: Vec<&Value> = self.all(kind).collect();
        assert_eq!(found.len(), 1, "documents of kind {kind}");
        found[0]
    }

    /// The agent's pod.
    pub(crate) fn pod_template(&self) -> PodTemplateSpec {
        serde_json::from_value(self.one("DaemonSet")["spec"]["template"].clone()).expect("a pod template")
    }
}

/// The directory of the manifests.
pub(crate) fn k8s() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../k8s")
}

/// Whether a program is on the path. In CI it must be, elsewhere what needs it is skipped with a line.
pub(crate) fn is_there(tool: &str, argument: &str) -> bool {
    if Command::new(tool).arg(argument).output().is_ok_and(|output| output.status.success()) {
        return true;
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI must have {tool}");
    eprintln!("skipped: there is no {tool} on the path");
    false
}

fn kubectl_is_there() -> bool {
    is_there("kubectl", "options")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
