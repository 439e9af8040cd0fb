//! The requests: a list where there is no version to go on from, then a watch from that version.
//!
//! The version that a watch has reached outlives its connection, so a connection that breaks costs no list. The surprise:
//! after an answer that makes no sense, or a version that the server no longer has, everything is listed again, and then a
//! consistent list is asked for, because a server's cache may be older than what was seen already.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use kube::core::Request;
use kube::core::params::ListParams;
use serde::de::DeserializeOwned;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::super::PodIndex;
use super::super::cell::PodsCell;
use super::super::object::{ApiStatus, ListHead, Pod, WatchEvent, WatchEventType};
use super::super::split::{LineSplitter, ListSplitter, TooLarge};
use super::{Failure, connected, innermost};
use crate::health::{Counters, NamesError};

/// Pods of all namespaces.
const PODS: &str = "/api/v1/pods";
/// Pods in one page of a list.
const PAGE: u32 = 500;
/// Pages of one list; more than a hundred times what is kept.
const MAX_PAGES: usize = 1000;
/// How long a page may take, and how long a list may pause.
const PAGE_TIMEOUT: Duration = Duration::from_secs(60);
/// After this the server ends the watch in good order.
const WATCH_SECONDS: u32 = 240;
/// A watch that says nothing for so long beyond that is a dead connection.
const WATCH_GRACE: Duration = Duration::from_secs(15);
/// A watch that was accepted and has nothing to tell is a good one after this.
const GOOD_WHEN_SILENT: Duration = Duration::from_secs(2);
/// How much of an error's text is read.
const MAX_ERROR_BYTES: usize = 8192;

impl From<TooLarge> for Failure {
    fn from(error: TooLarge) -> Self {
        Self::Garbled(error.to_string())
    }
}

/// What is known between two connections.
pub(super) struct Session {
    client: Client,
    node: String,
    cell: Arc<PodsCell>,
    counters: Arc<Counters>,
    /// What the watch has reached.
    version: Option<String>,
    /// The next list must be of the newest version.
    consistent: bool,
    /// Pods of the list at hand that could not be read.
    garbled_in_list: u64,
}

impl Session {
    pub(super) fn new(client: Client, node: String, cell: Arc<PodsCell>, counters: Arc<Counters>) -> Self {
        Self { client, node, cell, counters, version: None, consistent: false, garbled_in_list: 0 }
    }

    /// Everything is listed again next time.
    pub(super) fn forget_version(&mut self) {
        self.version = None;
    }

    /// Lists, unless there is a version to go on from, and watches until the server ends it.
    pub(super) async fn run_once(&mut self) -> Result<(), Failure> {
        let outcome = self.list_and_watch().await;
        // A server that is overloaded or refuses for a while is not asked for everything on top.
        let is_lost = match &outcome {
            Err(Failure::Expired | Failure::Garbled(_)) => true,
            Err(Failure::Refused { code, .. }) => matches!(code, 400 | 404),
            _ => false,
        };
        if is_lost {
            (self.version, self.consistent) = (None, true);
        }
        outcome
    }

    async fn list_and_watch(&mut self) -> Result<(), Failure> {
        if self.version.is_none() {
            let version = self.list().await?;
            self.version = Some(version);
            connected(&self.cell, &self.node);
        }
        self.watch().await
    }

    /// Every pod of the node, page by page; the version of the list.
    async fn list(&mut self) -> Result<String, Failure> {
        self.cell.change(PodIndex::begin_list);
        self.garbled_in_list = 0;
        let mut next: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let head = self.page(next.take()).await?;
            next = head.metadata.next.filter(|next| !next.is_empty());
            if next.is_none() {
                // A pod that could not be read is not gone.
                if self.garbled_in_list == 0 {
                    self.cell.change(PodIndex::end_list);
                }
                self.consistent = false;
                self.publish();
                let version = head.metadata.resource_version.filter(|version| !version.is_empty());
                return version.ok_or_else(|| Failure::Garbled("a list without a resourceVersion".to_owned()));
            }
        }
        Err(Failure::Garbled("a list without an end".to_owned()))
    }

    async fn page(&mut self, next: Option<String>) -> Result<ListHead, Failure> {
        let mut query = vec![("limit", PAGE.to_string())];
        match next {
            Some(next) => query.push(("continue", next)),
            None if !self.consistent => query.push(("resourceVersion", "0".to_owned())),
            None => {}
        }
        let mut body = self.get(query).await?;
        let (mut splitter, mut garbled) = (ListSplitter::default(), 0);
        while let Some(bytes) = frame(&mut body, PAGE_TIMEOUT).await? {
            let cell = &self.cell;
            splitter.push(&bytes, |item| {
                let known =
                    serde_json::from_slice::<Pod>(item).is_ok_and(|pod| cell.change(|index| index.upsert(&pod)));
                garbled += u64::from(!known);
            })?;
            yield_now().await;
        }
        self.counters.names_errors[NamesError::Garbled as usize].add(garbled);
        self.garbled_in_list += garbled;
        let head: ListHead = parse(&splitter.into_head())?;
        if head.kind.as_deref() != Some("PodList") {
            return Err(Failure::Garbled("a list of something else than pods".to_owned()));
        }
        Ok(head)
    }

    /// Changes as they come, until the server ends the watch in good order.
    async fn watch(&mut self) -> Result<(), Failure> {
        let version = self.version.clone().unwrap_or_default();
        let query = vec![
            ("watch", "true".to_owned()),
            ("allowWatchBookmarks", "true".to_owned()),
            ("timeoutSeconds", WATCH_SECONDS.to_string()),
            ("resourceVersion", version),
        ];
        let mut body = self.get(query).await?;
        let patience = Duration::from_secs(WATCH_SECONDS.into()) + WATCH_GRACE;
        let mut lines = LineSplitter::default();
        let mut first = timeout(GOOD_WHEN_SILENT, frame(&mut body, patience)).await.ok();
        if first.is_none() {
            connected(&self.cell, &self.node);
        }
        loop {
            let next = match first.take() {
                Some(next) => next?,
                None => frame(&mut body, patience).await?,
            };
            let Some(bytes) = next else { break };
            lines.push(&bytes, |line| self.take(line))?;
            self.publish();
            yield_now().await;
        }
        // An answer that was no watch at all may have no line's end.
        match lines.into_rest() {
            rest if rest.is_empty() => Ok(()),
            rest => self.take(&rest),
        }
    }

    /// One line of a watch. An event that makes no sense is skipped; text that is no event ends the watch.
    fn take(&mut self, line: &[u8]) -> Result<(), Failure> {
        let event = match serde_json::from_slice::<WatchEvent>(line) {
            Ok(event) => event,
            Err(_) if serde_json::from_slice::<WatchEventType>(line).is_ok() => {
                self.counters.names_error(NamesError::Garbled);
                return Ok(());
            }
            Err(error) => return Err(Failure::Garbled(error.to_string())),
        };
        let pod = match event {
            WatchEvent::Error(status) => return Err(failure(status.code.unwrap_or(500), status)),
            WatchEvent::Added(pod) | WatchEvent::Modified(pod) => {
                if !self.cell.change(|index| index.upsert(&pod)) {
                    self.counters.names_error(NamesError::Garbled);
                }
                pod
            }
            WatchEvent::Deleted(pod) => {
                self.cell.change(|index| index.remove(&pod));
                pod
            }
            WatchEvent::Bookmark(pod) => pod,
        };
        connected(&self.cell, &self.node);
        if let Some(version) = pod.metadata.resource_version.filter(|version| !version.is_empty()) {
            self.version = Some(version);
        }
        Ok(())
    }

    /// Asks for this node's pods; the body of a good answer.
    async fn get(&self, query: Vec<(&'static str, String)>) -> Result<Body, Failure> {
        let nonsense = |error: &dyn std::error::Error| Failure::Garbled(error.to_string());
        let mut request = Request::new(PODS).list(&ListParams::default()).map_err(|error| nonsense(&error))?;
        *request.uri_mut() = self.address(&query).parse().map_err(|error| nonsense(&error))?;
        let request = request.map(Body::from);
        let sent = timeout(PAGE_TIMEOUT, self.client.send(request)).await;
        let response = sent.map_err(|_| too_late())?.map_err(|error| Failure::Unreachable(innermost(&error)))?;
        let code = response.status();
        let mut body = response.into_body();
        if code.is_success() {
            return Ok(body);
        }
        let mut text = Vec::new();
        while text.len() < MAX_ERROR_BYTES
            && let Ok(Some(bytes)) = frame(&mut body, PAGE_TIMEOUT).await
        {
            text.extend_from_slice(&bytes);
        }
        let status = serde_json::from_slice(&text)
            .unwrap_or_else(|_| ApiStatus { code: None, message: code.canonical_reason().map(str::to_owned) });
        Err(failure(code.as_u16(), status))
    }

    /// The address of this node's pods; kube's own parameters would drop the version of a paged list.
    fn address(&self, query: &[(&'static str, String)]) -> String {
        let mut address = format!("{PODS}?fieldSelector={}", percent(&format!("spec.nodeName={}", self.node)));
        for (name, value) in query {
            address.extend(["&", name, "=", &percent(value)]);
        }
        address
    }

    fn publish(&self) {
        let (counts, beyond) = self.cell.read(|index| (index.counts(), index.beyond()));
        self.counters.pods.set(u64::try_from(counts.0).unwrap_or(u64::MAX));
        self.counters.pods_beyond_bounds.set(beyond.pods);
        self.counters.labels_beyond_bounds.set(beyond.labels);
        self.counters.pod_news_dropped.set(beyond.news);
    }
}

/// The next bytes of a body; none at its end.
async fn frame(body: &mut Body, patience: Duration) -> Result<Option<impl Deref<Target = [u8]> + use<>>, Failure> {
    loop {
        let next = timeout(patience, body.frame()).await.map_err(|_| too_late())?;
        match next.transpose().map_err(|error| Failure::Unreachable(innermost(&error)))? {
            None => return Ok(None),
            Some(frame) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(text).map_err(|error| Failure::Garbled(error.to_string()))
}

fn failure(code: u16, status: ApiStatus) -> Failure {
    let message = status.message.unwrap_or_else(|| "it does not say why".to_owned());
    match code {
        401 | 403 => Failure::Denied { code, message },
        410 => Failure::Expired,
        _ => Failure::Refused { code, message },
    }
}

fn too_late() -> Failure {
    Failure::Unreachable("it took too long".to_owned())
}

/// A value in the query part of an address.
fn percent(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
