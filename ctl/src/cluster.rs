//! This worktree's Kind cluster, and what is done with it.

mod create;
mod deploy;
pub(crate) mod forward;
mod inside;
pub(crate) mod kind;
mod kubernetes;
mod mcp;
pub(crate) mod standing;

use std::process::ExitCode;

use anyhow::Result;

use crate::args::{Cluster, ClusterViewer};
use crate::session::Session;
use crate::worktree::Door;

/// Does what was asked for; commands that change something have the worktree to themselves meanwhile.
pub(crate) async fn run(session: &Session, command: Cluster) -> Result<ExitCode> {
    match command {
        Cluster::Create(options) => {
            let _alone = session.alone("cluster create").await?;
            create::create(session, &options).await?;
            if !session.runner.is_dry() {
                standing::show(session).await?;
            }
        }
        Cluster::Destroy => {
            let _alone = session.alone("cluster destroy").await?;
            create::destroy(session).await?;
        }
        Cluster::List => standing::list(session).await?,
        Cluster::Status => standing::show(session).await?,
        Cluster::Deploy(options) => {
            let _alone = session.alone("cluster deploy").await?;
            deploy::deploy(session, &options).await?;
        }
        Cluster::Viewer(ClusterViewer::Start(target)) => {
            let _alone = session.alone("cluster viewer start").await?;
            forward::start(session, Door::ClusterViewer, &target).await?;
        }
        Cluster::Viewer(ClusterViewer::Stop) => {
            let _alone = session.alone("cluster viewer stop").await?;
            forward::stop(session, Door::ClusterViewer)?;
        }
        Cluster::Mcp(command) => mcp::run(session, command).await?,
        Cluster::Logs { target, follow, tail, previous } => {
            inside::logs(session, &inside::Logs { target, follow, tail, previous }).await?;
        }
        Cluster::Exec { target, on_node, command } => return inside::exec(session, &target, on_node, &command).await,
        Cluster::CpData { node, to } => inside::copy_data(session, node.as_deref(), to).await?,
    }
    Ok(ExitCode::SUCCESS)
}
