//! The cluster for assistants that speak the Model Context Protocol: a service account with a role, credentials for it that
//! expire, and the worktree's `.mcp.json`, which names the servers `kubernetes` and `fgm`.
//!
//! The token stands in the credentials' file in the user's home directory alone. `.mcp.json` holds the path of that file and
//! no secret, so that one that lands in git gives nothing away.

mod account;
mod credentials;
mod servers;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Serialize;

use super::forward;
use crate::args::{Mcp, Role};
use crate::failure::{Code, Failure};
use crate::invocation::Invocation;
use crate::local;
use crate::runner::tell;
use crate::session::Session;
use crate::whole_file;
use crate::worktree::{Door, Worktree};
use credentials::Credentials;
use servers::Servers;

/// What setup made.
#[derive(Serialize)]
struct Made {
    namespace: &'static str,
    service_account: &'static str,
    role: &'static str,
    kubeconfig: PathBuf,
    /// When the token ends, RFC 3339.
    expires: String,
    mcp_json: PathBuf,
    servers: [&'static str; 2],
}

pub(crate) async fn run(session: &Session, command: Mcp) -> Result<()> {
    match command {
        Mcp::Setup { role, hours } => {
            let _alone = session.alone("cluster mcp setup").await?;
            setup(session, role, hours).await
        }
        Mcp::Start(target) => {
            let _alone = session.alone("cluster mcp start").await?;
            forward::start(session, Door::Mcp, &target).await
        }
        Mcp::Stop => {
            let _alone = session.alone("cluster mcp stop").await?;
            forward::stop(session, Door::Mcp)
        }
    }
}

/// Removes what setup made on this machine. What it made in the cluster goes with the cluster.
pub(crate) fn forget(session: &Session) -> Result<()> {
    let (file, json) = (kubeconfig(&session.worktree)?, mcp_json(&session.worktree));
    if file.exists() {
        delete(session, &file)?;
    }
    let Some(old) = text_of(&json)? else { return Ok(()) };
    match servers_of(&session.worktree, &file).taken_out_of(&old) {
        Ok(Some(new)) if new == old => {}
        Ok(Some(_)) if session.runner.is_dry() => {
            session.runner.plan(&format!(
                "# take the servers {} out of {}",
                servers::BOTH.join(" and "),
                json.display()
            ));
        }
        Ok(Some(new)) => whole_file::write(&json, new.as_bytes(), permissions(&json))?,
        Ok(None) => delete(session, &json)?,
        Err(reason) => tell(&stays(&json, &reason)),
    }
    Ok(())
}

async fn setup(session: &Session, role: Role, hours: u32) -> Result<()> {
    let (file, json) = (kubeconfig(&session.worktree)?, mcp_json(&session.worktree));
    // Before anything is made, whether the last step can be done.
    with_servers(&session.worktree, &file, &json)?;
    let Some(expires) = account_with_token(session, role, hours, &file).await? else {
        session.runner.plan(&format!("# put the servers {} into {}", servers::BOTH.join(" and "), json.display()));
        return Ok(());
    };
    if let Some(new) = with_servers(&session.worktree, &file, &json)? {
        whole_file::write(&json, new.as_bytes(), permissions(&json))?;
    }
    let made = Made {
        namespace: account::NAMESPACE,
        service_account: account::NAME,
        role: role.word(),
        kubeconfig: file,
        expires: expires.to_string(),
        mcp_json: json,
        servers: servers::BOTH,
    };
    session.answer(&made, |made| {
        format!(
            "{} has the role {} until {}\n  credentials  {}\n  servers      {} in {}\n`fgmctl cluster mcp start` begins the \
             port-forward to {}",
            made.service_account,
            made.role,
            made.expires,
            made.kubeconfig.display(),
            made.servers.join(" and "),
            made.mcp_json.display(),
            servers::FGM,
        )
    })
}

/// The text of `.mcp.json` with our servers, where it lacks them.
fn with_servers(worktree: &Worktree, kubeconfig: &Path, json: &Path) -> Result<Option<String>> {
    let old = text_of(json)?.unwrap_or_default();
    let new = servers_of(worktree, kubeconfig).put_into(&old);
    let new = new.map_err(|reason| Failure::of(Code::Failed, stays(json, &reason)))?;
    Ok((new != old).then_some(new))
}

/// Makes the account and writes its credentials: when they end. Nothing in a dry run, which prints what would be done.
async fn account_with_token(session: &Session, role: Role, hours: u32, file: &Path) -> Result<Option<Timestamp>> {
    let worktree = &session.worktree;
    let runner = &session.runner;
    let description = account::description(worktree, role);
    let applied = runner.doing("making a service account for assistants", &description, async {
        let cluster = Credentials::of_worktree(worktree)?;
        let client = account::client(&cluster).await?;
        account::apply(&client, worktree, role).await?;
        Ok(Some((cluster, client)))
    });
    let applied = applied.await?;
    let description = format!(
        "ask for a token of {}/{} for {hours} hours, write it to {}",
        account::NAMESPACE,
        account::NAME,
        file.display()
    );
    let expires = runner.doing("writing its credentials", &description, async {
        let Some((cluster, client)) = applied else { return Ok(None) };
        let token = account::token(&client, worktree, hours).await?;
        whole_file::write(file, cluster.of_account(worktree, &token.text)?.as_bytes(), 0o600)?;
        Ok(Some(token.expires))
    });
    expires.await
}

/// The credentials' file.
fn kubeconfig(worktree: &Worktree) -> Result<PathBuf> {
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    let home = home.ok_or_else(|| Failure::of(Code::Missing, "there is no home directory: set HOME"))?;
    Ok(home.join(".kube").join(format!("mcp-{}.kubeconfig", worktree.cluster())))
}

fn mcp_json(worktree: &Worktree) -> PathBuf {
    worktree.top.join(".mcp.json")
}

fn servers_of(worktree: &Worktree, kubeconfig: &Path) -> Servers {
    let url = format!("{}mcp", local::url(worktree.port(Door::Mcp)));
    Servers { kubeconfig: kubeconfig.to_string_lossy().into_owned(), url }
}

fn stays(json: &Path, reason: &anyhow::Error) -> String {
    format!("{} stays as it is: {reason:#}", json.display())
}

fn delete(session: &Session, file: &Path) -> Result<()> {
    if session.runner.is_dry() {
        session.runner.plan(&Invocation::here("rm").arg(file).line(&[]));
        return Ok(());
    }
    std::fs::remove_file(file).with_context(|| file.display().to_string())
}

fn text_of(file: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| file.display().to_string()),
    }
}

/// Those that a file has; what every file has where it is new, as it holds no secret.
fn permissions(file: &Path) -> u32 {
    std::fs::metadata(file).map_or(0o644, |data| data.permissions().mode() & 0o777)
}
