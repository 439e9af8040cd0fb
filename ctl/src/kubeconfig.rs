//! The user's kubeconfig: this tool's entries go in and out, every other byte stays.
//!
//! What it must not know: clusters, worktrees, and how a kubeconfig is used. The one surprise: files are edited as text,
//! never parsed and written anew, since that would lose comments, order and style. What the text's editor makes is believed
//! only once it is parsed and compared with the old file; a file that the editor does not understand stays as it is.

mod entries;
mod lines;
mod lock_file;
mod proof;
mod sections;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::failure::{Code, Failure};
use crate::whole_file;
use entries::Entries;
use lines::Lines;
use lock_file::LockFile;
use sections::LISTS;

/// The file's permissions where it is new.
const PRIVATE: u32 = 0o600;
/// What leads to the cluster without the user's file.
const OWN_FILE: &str = "`export KUBECONFIG=\"$(git rev-parse --show-toplevel)/.fgm/kubeconfig\"` leads kubectl to this \
                        worktree's cluster";

/// Puts the cluster, user and context of what `kind get kubeconfig` prints into a kubeconfig, in place of older ones of the
/// same name. The context becomes the current one only where there is none.
pub(crate) fn put(file: &Path, of_kind: &str, context: &str) -> Result<()> {
    let entries = Entries::of_kind(of_kind, context)?;
    change(file, |old| merged(old, &entries)).map_err(|reason| refused(file, &reason, OWN_FILE))
}

/// Takes a context with its cluster and user out of a kubeconfig; one that is not there is none.
pub(crate) fn remove(file: &Path, context: &str) -> Result<()> {
    if !file.exists() {
        return Ok(());
    }
    let advice = format!(
        "`kubectl config delete-context {context}`, and `delete-cluster` and `delete-user` of the same name, take out what is left \
         of the cluster"
    );
    change(file, |old| without(old, context)).map_err(|reason| refused(file, &reason, &advice))
}

/// The file that kubectl changes: the first one of KUBECONFIG that exists, else its first, else `~/.kube/config`.
pub(crate) fn user_file() -> Result<PathBuf> {
    let named: Vec<PathBuf> = std::env::var_os("KUBECONFIG")
        .map(|paths| std::env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()).collect())
        .unwrap_or_default();
    if let Some(path) = named.iter().find(|path| path.exists()).or(named.first()) {
        return Ok(path.clone());
    }
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    let home = home.ok_or_else(|| Failure::of(Code::Missing, "there is no home directory: set HOME or KUBECONFIG"))?;
    Ok(home.join(".kube/config"))
}

/// The text with these entries in it.
fn merged(old: &str, entries: &Entries) -> Result<String> {
    let before = proof::parsed(old)?;
    let mut lines = Lines::of(old);
    if sections::of(&lines)?.is_empty() {
        sections::begin(&mut lines);
    }
    for list in LISTS {
        let names = sections::put(&mut lines, list, &entries.name, &entries.item(list))?;
        proof::same_names(&before, list, &names)?;
    }
    sections::set_current(&mut lines, &entries.name)?;
    let new = lines.text();
    proof::agrees(&proof::with(before, entries), &new)?;
    Ok(new)
}

/// The text without the context, cluster and user of a name.
fn without(old: &str, context: &str) -> Result<String> {
    if !old.contains(context) {
        return Ok(old.to_owned());
    }
    let before = proof::parsed(old)?;
    if !proof::mentions(&before, context) {
        return Ok(old.to_owned());
    }
    let mut lines = Lines::of(old);
    for list in LISTS {
        let names = sections::take(&mut lines, list, context)?;
        proof::same_names(&before, list, &names)?;
    }
    sections::unset_current(&mut lines, context)?;
    sections::end(&mut lines)?;
    let new = lines.text();
    proof::agrees(&proof::without(before, context), &new)?;
    Ok(new)
}

/// Writes what an edit makes of a file, alone and whole. A file of which nothing is left is removed.
fn change(file: &Path, edit: impl FnOnce(&str) -> Result<String>) -> Result<()> {
    let _alone = LockFile::take(file)?;
    let (old, permissions) = match std::fs::read(file) {
        Ok(bytes) => (
            String::from_utf8(bytes).context("it is not UTF-8")?,
            std::fs::metadata(file)?.permissions().mode() & 0o777,
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => (String::new(), PRIVATE),
        Err(error) => return Err(error.into()),
    };
    let new = edit(&old)?;
    if new == old {
        return Ok(());
    }
    if new.is_empty() && !file.is_symlink() {
        return std::fs::remove_file(file).map_err(Into::into);
    }
    whole_file::write(file, new.as_bytes(), permissions)
}

fn refused(file: &Path, reason: &anyhow::Error, advice: &str) -> anyhow::Error {
    Failure::of(Code::Failed, format!("{} stays as it is ({reason:#}): {advice}", file.display()))
}

#[cfg(test)]
mod tests;
