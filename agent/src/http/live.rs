//! `/api/live`: new points as they are taken, as Server-Sent Events.
//!
//! A task per client looks at the number of ticks, which is cheap, and asks for what is new when it has grown. The surprise: it
//! asks for some seconds more than it needs and leaves out what it has sent, series by series, because not all rows of a
//! moment are stored at the same moment. A client that leaves events unread for [`STALL_TIMEOUT`] is cut off.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::clock;
use crate::http::Shared;
use crate::http::api::{Parameters, pairs};
use crate::http::error::ApiError;
use crate::http::pieces::{self, Piece, PiecesBody};
use crate::http::serve::{Lifetime, STALL_TIMEOUT};
use crate::http::{ask, columnar};
use crate::model::UnixMicros;
use crate::service::question::{AskError, Series, SeriesAnswer, SeriesQuestion, TimeRange};

/// The type of the reply.
pub(super) const CONTENT_TYPE: &str = "text/event-stream";
/// How often the number of ticks is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// After this without an event comes a comment, so that a dead connection is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How far back the first event reaches, in microseconds.
const BACKLOG_USEC: i64 = 60_000_000;
/// How far back later ones look for rows that were stored late, in microseconds.
const OVERLAP_USEC: i64 = 10_000_000;
/// How long a stream may take; a browser connects again by itself.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// How soon it does.
const RETRY_MS: u32 = 2_000;

/// The largest event.
const MAX_EVENT_BYTES: usize = 2 << 20;
/// Events that wait for a client to read them.
const WAITING_EVENTS: usize = 2;

/// `/api/live`
pub(super) async fn live(
    State(shared): State<Arc<Shared>>,
    Extension(lifetime): Extension<Lifetime>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let question = ask::live(pairs(parameters)?)?;
    let turn = shared.live_streams.turn().await?;
    let ticks = shared.service.questions.ticks();
    let mut stream = Stream { shared, question, sent: Arc::default(), ticks };
    let first = stream.first().await?;
    let (sender, events) = pieces::channel(WAITING_EVENTS);
    let long = lifetime.extend(LONGEST);
    tokio::spawn(stream.run(sender, lifetime));
    let mut response = Body::new(PiecesBody::new(Some(Piece::Bytes(first)), events, (long, turn))).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    Ok(response)
}

/// One client's stream.
struct Stream {
    shared: Arc<Shared>,
    question: SeriesQuestion,
    sent: Arc<Mutex<Sent>>,
    ticks: u64,
}

/// What a client is told next.
enum Next {
    /// This, and more later.
    Event(Bytes),
    /// This, and then nothing more.
    Last(Bytes),
}

impl Stream {
    /// The event that begins it, also where there is nothing yet.
    async fn first(&mut self) -> Result<Bytes, ApiError> {
        let event = self.ask(Nothing::IsToldToo).await?;
        Ok([format!("retry: {RETRY_MS}\n").as_bytes(), &event].concat().into())
    }

    /// Sends until the client goes, stops reading, or the server stops.
    async fn run(mut self, sender: mpsc::Sender<Piece>, lifetime: Lifetime) {
        let mut server = lifetime.clone();
        tokio::select! {
            biased;
            () = server.stopping() => drop(sender.try_send(Piece::End)),
            () = sender.closed() => {}
            () = self.send_events(&sender, &lifetime) => {}
        }
    }

    async fn send_events(&mut self, sender: &mpsc::Sender<Piece>, lifetime: &Lifetime) {
        loop {
            let (event, is_last) = match self.next().await {
                Next::Event(event) => (event, false),
                Next::Last(event) => (event, true),
            };
            if sender.send_timeout(Piece::Bytes(event), STALL_TIMEOUT).await.is_err() {
                lifetime.end();
                return;
            }
            if is_last {
                // The body takes it once the client has read what is before it.
                let _ = sender.send_timeout(Piece::End, STALL_TIMEOUT).await;
                return;
            }
        }
    }

    /// Waits for the next thing to tell.
    async fn next(&mut self) -> Next {
        let began = Instant::now();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let ticks = self.shared.service.questions.ticks();
            if ticks != self.ticks {
                self.ticks = ticks;
                match self.ask(Nothing::IsNotTold).await {
                    Ok(event) if event.is_empty() => {}
                    Ok(event) => return Next::Event(event),
                    // The next tick's answer has this one's points too.
                    Err(ApiError::Busy | ApiError::Asked(AskError::TooSlow(_))) => {}
                    Err(error) => return Next::Last(refusal(&error)),
                }
            }
            if began.elapsed() >= HEARTBEAT {
                return Next::Event(Bytes::from_static(b": nothing new\n\n"));
            }
        }
    }

    /// The event of what is new since the last one.
    async fn ask(&self, nothing: Nothing) -> Result<Bytes, ApiError> {
        let (service, sent) = (Arc::clone(&self.shared.service), Arc::clone(&self.sent));
        let mut question = self.question.clone();
        let make = move || {
            let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
            question.range = sent.range(clock::wall());
            let mut answer = service.questions.series(&question)?;
            sent.take_out(&mut answer);
            if answer.series.is_empty() && nothing == Nothing::IsNotTold {
                return Ok(((), Vec::new()));
            }
            let body = columnar::write(answer);
            if body.len() > MAX_EVENT_BYTES { Err(too_large()) } else { Ok(((), body)) }
        };
        let ((), body) = self.shared.live_answers.run(make).await?;
        // A copy, so that the turn ends here and does not wait for the client.
        Ok(if body.is_empty() { Bytes::new() } else { event_of("series", &body) })
    }
}

/// Whether a client is told that there is nothing new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nothing {
    IsToldToo,
    IsNotTold,
}

fn too_large() -> AskError {
    let most = MAX_EVENT_BYTES >> 20;
    AskError::TooMuch(format!("an event has more than {most} MiB: ask for fewer metrics or containers"))
}

fn refusal(error: &ApiError) -> Bytes {
    event_of("error", json!({ "error": error.to_string() }).to_string())
}

/// An event; its data has no line break, as JSON never needs one.
fn event_of(name: &str, data: impl AsRef<[u8]>) -> Bytes {
    [b"event: ", name.as_bytes(), b"\ndata: ", data.as_ref(), b"\n\n"].concat().into()
}

/// Up to when each series was sent.
#[derive(Debug, Default)]
struct Sent {
    newest: Option<UnixMicros>,
    up_to: HashMap<(String, BTreeMap<&'static str, String>), UnixMicros>,
}

impl Sent {
    /// What is asked for next.
    fn range(&self, now: UnixMicros) -> TimeRange {
        // The clock may have gone back since.
        let from = self.newest.map_or(now - BACKLOG_USEC, |newest| newest.min(now) - OVERLAP_USEC);
        TimeRange { from, to: now }
    }

    /// Leaves in the answer what was not sent, and takes that for sent.
    fn take_out(&mut self, answer: &mut SeriesAnswer) {
        if self.newest.is_some() {
            // They have been told.
            answer.notes.clear();
        }
        answer.series.retain_mut(|series| self.is_news(series));
        // Beyond these, nothing is asked for again.
        let from = answer.range.from;
        self.up_to.retain(|_, up_to| *up_to >= from);
    }

    fn is_news(&mut self, series: &mut Series) -> bool {
        let up_to = self.up_to.entry((series.metric.clone(), series.labels.clone())).or_insert(UnixMicros::MIN);
        series.data.keep_after(*up_to);
        let Some(&last) = series.data.times().last() else { return false };
        *up_to = last;
        self.newest = Some(self.newest.map_or(last, |newest| newest.max(last)));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::question::SeriesData;

    fn answer(times: &[(&'static str, &[UnixMicros])]) -> SeriesAnswer {
        let series = |&(pod, times): &(&'static str, &[UnixMicros])| Series {
            metric: "m".to_owned(),
            unit: "bytes",
            labels: [("pod", pod.to_owned())].into(),
            data: SeriesData::Exact { times: times.to_vec(), values: vec![1.0; times.len()] },
            marks: Vec::new(),
        };
        let range = TimeRange { from: 0, to: 100 };
        SeriesAnswer { range, series: times.iter().map(series).collect(), notes: vec!["n".into()], is_sealed: false }
    }

    fn news(sent: &mut Sent, times: &[(&'static str, &[UnixMicros])]) -> Vec<(String, Vec<UnixMicros>)> {
        let mut answer = answer(times);
        sent.take_out(&mut answer);
        answer.series.iter().map(|series| (series.labels["pod"].clone(), series.data.times().to_vec())).collect()
    }

    #[test]
    fn every_point_is_sent_once_also_where_one_series_is_late() {
        let mut sent = Sent::default();
        let pair = |pod: &str, times: &[UnixMicros]| (pod.to_owned(), times.to_vec());
        assert_eq!(news(&mut sent, &[("a", &[1, 2]), ("b", &[])]), [pair("a", &[1, 2])]);
        assert_eq!(news(&mut sent, &[("a", &[1, 2, 3]), ("b", &[1])]), [pair("a", &[3]), pair("b", &[1])]);
        assert_eq!(news(&mut sent, &[("a", &[1, 2, 3]), ("b", &[1])]), []);
    }

    #[test]
    fn the_next_range_overlaps_and_never_begins_after_it_ends() {
        let mut sent = Sent::default();
        let now = 1_000_000_000;
        assert_eq!(sent.range(now), TimeRange { from: now - BACKLOG_USEC, to: now });
        sent.newest = Some(now - 1);
        assert_eq!(sent.range(now), TimeRange { from: now - 1 - OVERLAP_USEC, to: now });
        assert_eq!(sent.range(now - 50_000_000).from, now - 50_000_000 - OVERLAP_USEC);
    }
}
