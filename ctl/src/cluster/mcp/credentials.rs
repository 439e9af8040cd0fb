//! Kubeconfigs of one cluster: the worktree's own, and the one for the service account.

use std::io::ErrorKind;

use anyhow::{Context, Result};
use kube::config::Kubeconfig;
use serde_json::{Value, json};

use super::account;
use crate::failure::{Code, Failure};
use crate::worktree::Worktree;

/// The worktree's credentials, as they stand in `.fgm/kubeconfig`.
pub(super) struct Credentials {
    pub(super) kubeconfig: Kubeconfig,
    /// Where the cluster is and who vouches for it.
    cluster: Value,
}

impl Credentials {
    pub(super) fn of_worktree(worktree: &Worktree) -> Result<Self> {
        let file = worktree.kubeconfig();
        let text = std::fs::read_to_string(&file).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Failure::of(
                Code::NotThere,
                format!(
                    "this worktree has no cluster ({} is not there): `fgmctl cluster deploy` makes one",
                    file.display()
                ),
            ),
            _ => anyhow::anyhow!("{}: {error}", file.display()),
        })?;
        let unreadable = || format!("{} cannot be read: remove it and run `fgmctl cluster deploy`", file.display());
        let kubeconfig = Kubeconfig::from_yaml(&text).with_context(unreadable)?;
        let parsed: Value = serde_saphyr::from_str(&text).with_context(unreadable)?;
        let cluster = parsed.pointer("/clusters/0/cluster").cloned().with_context(unreadable)?;
        Ok(Self { kubeconfig, cluster })
    }

    /// A kubeconfig with which the service account reaches the same cluster.
    pub(super) fn of_account(&self, worktree: &Worktree, token: &str) -> Result<String> {
        let context = worktree.context();
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": context, "cluster": self.cluster}],
            "users": [{"name": account::NAME, "user": {"token": token}}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": account::NAME}}],
            "current-context": context,
        });
        // A token in one line, as every reader of kubeconfigs has seen it.
        let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
        let mut text = String::new();
        serde_saphyr::to_fmt_writer_with_options(&mut text, &kubeconfig, options)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::code_of;

    fn worktree(top: &std::path::Path) -> Worktree {
        Worktree { top: top.to_owned(), name: "a".into(), namesake: None, api_port: None, ports_from: 20_000 }
    }

    #[test]
    fn the_account_reaches_the_same_cluster_with_its_token() {
        let directory = tempfile::tempdir().unwrap();
        let worktree = worktree(directory.path());
        std::fs::create_dir(worktree.state()).unwrap();
        let own = "apiVersion: v1\nclusters:\n- name: kind-fgm-a\n  cluster: {server: 'https://127.0.0.1:6443', certificate-authority-data: Q0E=}\n\
                   users:\n- name: kind-fgm-a\n  user: {client-key-data: S0VZ}\n";
        std::fs::write(worktree.kubeconfig(), own).unwrap();
        let token = "x".repeat(900);
        let text = Credentials::of_worktree(&worktree).unwrap().of_account(&worktree, &token).unwrap();
        assert!(text.contains(&format!("token: {token}\n")) && !text.contains("S0VZ"), "{text}");
        let read = Kubeconfig::from_yaml(&text).unwrap();
        assert_eq!(read.current_context.as_deref(), Some("kind-fgm-a"));
        assert_eq!(read.clusters[0].cluster.as_ref().unwrap().server.as_deref(), Some("https://127.0.0.1:6443"));
    }

    #[test]
    fn without_a_cluster_the_next_step_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let error = Credentials::of_worktree(&worktree(directory.path())).err().unwrap();
        assert_eq!(code_of(&error), Code::NotThere);
        assert!(error.to_string().ends_with("`fgmctl cluster deploy` makes one"), "{error}");
    }
}
