//! Questions to an agent on the loopback address: one at a time, with a bound on time and size.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take where only the answer's existence counts.
const SOON: Duration = Duration::from_secs(3);
/// The largest answer that is read.
const MAX_BYTES: usize = 8 << 20;

/// Whether a path answers 200, soon.
pub(crate) async fn answers(port: u16, path: &str) -> bool {
    tokio::time::timeout(SOON, get(port, path)).await.is_ok_and(|answer| answer.is_ok())
}

/// What a path answers with 200.
async fn get(port: u16, path: &str) -> Result<String> {
    let work = async {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        over(stream, &format!("127.0.0.1:{port}"), path).await
    };
    tokio::time::timeout(PATIENCE, work).await.context("no answer in time")?
}

/// What a path answers with 200, as JSON, over a connection that is there.
pub(crate) async fn json_over(stream: impl AsyncRead + AsyncWrite + Unpin, path: &str) -> Result<Value> {
    let answer =
        tokio::time::timeout(PATIENCE, over(stream, "localhost", path)).await.context("no answer in time")??;
    serde_json::from_str(&answer).with_context(|| format!("{path} did not answer JSON"))
}

async fn over(stream: impl AsyncRead + AsyncWrite + Unpin, host: &str, path: &str) -> Result<String> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path).header("host", host).body(Empty::<Bytes>::new())?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_BYTES).collect().await;
        let bytes = body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?.to_bytes();
        anyhow::Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    };
    let (status, body) = tokio::select! {
        biased;
        outcome = exchange => outcome?,
        outcome = connection => bail!("the connection ended: {outcome:?}"),
    };
    if status == StatusCode::OK { Ok(body) } else { bail!("status {status}: {}", body.trim()) }
}
