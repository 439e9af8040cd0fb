//! What the worktree's code is, in a word that changes with every change: the commit, and a hash of what is not committed.

use anyhow::Result;

use crate::invocation::Invocation;
use crate::name;
use crate::session::Session;

/// Digits of a commit, as the agent's own build takes them.
const DIGITS: usize = 12;

/// `258c34b0a89c` for a clean worktree, `258c34b0a89c+1a2b3c4d` for one with changes.
pub(crate) async fn of(session: &Session) -> Result<String> {
    let top = &session.worktree.top;
    let git = |words: &[&str]| Invocation::here("git").args(words).dir(top);
    let head = session.runner.read(&git(&["rev-parse", &format!("--short={DIGITS}"), "HEAD"])).await?;
    // A tree of everything that git would add tells apart two states of the files; the index that it is made with is not
    // the user's own.
    let index = tempfile::tempdir()?;
    let own_index = index.path().join("index");
    let add = git(&["add", "--all", "."]).env("GIT_INDEX_FILE", &own_index);
    session.runner.read(&git(&["read-tree", "HEAD"]).env("GIT_INDEX_FILE", &own_index)).await?;
    session.runner.read(&add).await?;
    let tree = session.runner.read(&git(&["write-tree"]).env("GIT_INDEX_FILE", &own_index)).await?;
    let committed = session.runner.read(&git(&["rev-parse", "HEAD^{tree}"])).await?;
    Ok(if tree == committed {
        head.trim().to_owned()
    } else {
        format!("{}+{:08x}", head.trim(), (name::hash(tree.trim()) & u64::from(u32::MAX)) as u32)
    })
}

/// The revision in what `fgm-agent --version` prints.
pub(crate) fn told(version: &str) -> Option<String> {
    let (_, rest) = version.trim().rsplit_once('(')?;
    Some(rest.strip_suffix(')')?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revision_is_in_brackets() {
        assert_eq!(told("fgm-agent 0.1.0 (258c34b0a89c)\n").as_deref(), Some("258c34b0a89c"));
        assert_eq!(told("fgm-agent 0.1.0"), None);
    }
}
