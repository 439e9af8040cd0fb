//! Building, testing and looking at data on this machine.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde::Serialize;

use crate::args::{Local, LocalViewer};
use crate::background::Background;
use crate::failure::{Code, Failure};
use crate::http;
use crate::invocation::Invocation;
use crate::session::Session;
use crate::worktree::{self, Door};

/// How long the viewer may take to open its data; 500 files take 10 ms.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// Whether the viewer runs, and where.
#[derive(Serialize)]
struct ViewerState {
    running: bool,
    url: Option<String>,
    data: Option<String>,
    pid: Option<i32>,
    log: Option<PathBuf>,
}

pub(crate) async fn run(session: &Session, command: Local) -> Result<()> {
    match command {
        Local::Build => cargo(session, &["build", "--release"], &[]).await,
        Local::Test { rest } => cargo(session, &["test", "--release"], &rest).await,
        Local::Clippy => {
            let words = ["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"];
            cargo(session, &words, &[]).await
        }
        Local::Viewer(LocalViewer::Start { data }) => {
            let _alone = session.alone("local viewer start").await?;
            start(session, data).await
        }
        Local::Viewer(LocalViewer::Stop) => {
            let _alone = session.alone("local viewer stop").await?;
            stop(session)
        }
        Local::Viewer(LocalViewer::Status) => show(session),
        Local::Viewer(LocalViewer::Restart) => {
            let _alone = session.alone("local viewer restart").await?;
            let Some(running) = background(session).running()? else {
                return Err(Session::not_there("no local viewer runs: `fgmctl local viewer start` begins one"));
            };
            build(session).await?;
            stop(session)?;
            start(session, Some(PathBuf::from(running.about))).await
        }
    }
}

/// The viewer of this worktree's own data.
pub(crate) fn background(session: &Session) -> Background {
    Background::new(&session.worktree.state(), "local-viewer")
}

/// Cargo on the user's terminal, where its own progress is best.
async fn cargo(session: &Session, words: &[&str], rest: &[std::ffi::OsString]) -> Result<()> {
    let call = Invocation::here("cargo").args(words).args(rest).dir(&session.worktree.top);
    let status = session.runner.hand_over(&call).await?;
    if status.success() { Ok(()) } else { bail!("cargo {} failed: see above", words.join(" ")) }
}

async fn build(session: &Session) -> Result<()> {
    let call = Invocation::here("cargo").args(["build", "--release"]).dir(&session.worktree.top);
    session.runner.act("building the agent", &call).await.map(drop)
}

async fn start(session: &Session, data: Option<PathBuf>) -> Result<()> {
    let background = background(session);
    if let Some(running) = background.running()? {
        let same = data.as_deref().is_none_or(|data| whole(data) == Path::new(&running.about));
        if same {
            return show(session);
        }
        bail!("a local viewer of {} runs: `fgmctl local viewer stop` ends it", running.about);
    }
    let data = data.map_or_else(|| default_data(session), |data| Ok(whole(&data)))?;
    if !data.exists() {
        return Err(Session::not_there(format!("{} is not there: name recorded data with --data", data.display())));
    }
    build(session).await?;
    let port = session.worktree.port(Door::LocalViewer);
    if !worktree::is_free(port) {
        let sentence = format!("port {port} is taken by another program: end that one and try again");
        return Err(Failure::of(Code::Missing, sentence));
    }
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| session.worktree.top.join("target"), PathBuf::from);
    let listen = format!("127.0.0.1:{port}");
    let call =
        Invocation::here(target.join("release/fgm-agent")).args(["view", "--listen", &listen, "--data"]).arg(&data);
    if session.runner.is_dry() {
        session.runner.plan(&format!("{} &", call.line(&[])));
        return Ok(());
    }
    background.start(&call, port, &data.to_string_lossy())?;
    let begun = Instant::now();
    while !http::answers(port, "/api/health").await {
        if background.running()?.is_none() || begun.elapsed() > PATIENCE {
            let said = background.last_lines(10);
            background.stop()?;
            bail!("the viewer did not come up: {said}");
        }
        if let Err(interrupted) = session.runner.interruption().pause(PAUSE).await {
            background.stop()?;
            return Err(interrupted);
        }
    }
    show(session)
}

fn stop(session: &Session) -> Result<()> {
    if session.runner.is_dry() {
        if let Some(running) = background(session).running()? {
            session.runner.plan(&format!("kill -TERM -- -{}", running.pid));
        }
        return Ok(());
    }
    background(session).stop().map(drop)
}

fn show(session: &Session) -> Result<()> {
    let running = background(session).running()?;
    let state = ViewerState {
        running: running.is_some(),
        url: running.as_ref().map(|running| url(running.port)),
        data: running.as_ref().map(|running| running.about.clone()),
        pid: running.as_ref().map(|running| running.pid),
        log: running.map(|running| running.log),
    };
    session.answer(&state, |state| match (&state.url, &state.data) {
        (Some(url), Some(data)) => format!("{url}\n  shows {data}"),
        _ => "no local viewer runs; `fgmctl local viewer start` begins one".to_owned(),
    })?;
    if state.running { Ok(()) } else { Err(Session::not_there("it does not run")) }
}

/// The address that a browser opens.
pub(crate) fn url(port: u16) -> String {
    format!("http://{}:{port}/", Ipv4Addr::LOCALHOST)
}

/// What was copied from a node; else what an agent on this machine records by itself.
fn default_data(session: &Session) -> Result<PathBuf> {
    let copied = session.worktree.state().join("data");
    let newest = std::fs::read_dir(&copied).ok().and_then(|entries| {
        let paths = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
        paths.max_by_key(|path| std::fs::metadata(path).and_then(|data| data.modified()).ok())
    });
    let of_machine = PathBuf::from(session.worktree.node_data());
    let home = std::env::home_dir().unwrap_or_default();
    let of_user = home.join(".local/state/fine-grained-monitor").join(&session.worktree.name);
    newest.into_iter().chain([of_machine, of_user]).find(|path| path.is_dir()).ok_or_else(|| {
        Session::not_there(format!(
            "nothing was recorded yet in {}: `fgmctl cluster cp-data` copies from a node, {}, or name a directory with --data",
            session.worktree.node_data(),
            "`cargo run --release` records here"
        ))
    })
}

/// A path that means the same in every directory.
fn whole(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
