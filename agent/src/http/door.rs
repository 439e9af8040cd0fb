//! The one way from async handlers to blocking work, and its bounds.
//!
//! At most [`QUERIES`] large answers, [`SCRAPES`] scrapes, [`EXPORTS`] exports and [`LIVE_ANSWERS`] parts of live streams are
//! made at once, so neither threads nor memory grow with the number of clients; a request waits up to [`WAIT`] for its turn,
//! then gets 503 with `Retry-After`. Scrapes have a door of their own: slow queries never hide the agent from its
//! monitoring. A permit is held until the answer has been written to its socket, even where the client has gone: answers
//! waiting for slow readers are memory too. `serve.rs` bounds how long that takes.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::error::ApiError;

/// Large answers made at once.
const QUERIES: usize = 4;
/// Scrapes answered at once.
const SCRAPES: usize = 2;
/// Exports under way at once.
const EXPORTS: usize = 2;
/// Live streams at once.
const LIVE_STREAMS: usize = 16;
/// Parts of live streams made at once.
const LIVE_ANSWERS: usize = 2;
/// How long a request waits for its turn.
const WAIT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Door {
    permits: Arc<Semaphore>,
    wait: Duration,
}

impl Door {
    pub(super) fn for_queries() -> Self {
        Self::new(QUERIES, WAIT)
    }

    pub(super) fn for_scrapes() -> Self {
        Self::new(SCRAPES, WAIT)
    }

    pub(super) fn for_exports() -> Self {
        Self::new(EXPORTS, WAIT)
    }

    /// Who waits for a stream to end would wait too long, so there is no waiting.
    pub(super) fn for_live_streams() -> Self {
        Self::new(LIVE_STREAMS, Duration::ZERO)
    }

    pub(super) fn for_live_answers() -> Self {
        Self::new(LIVE_ANSWERS, WAIT)
    }

    fn new(at_once: usize, wait: Duration) -> Self {
        Self { permits: Arc::new(Semaphore::new(at_once)), wait }
    }

    /// A turn, when it comes; it lasts until it is dropped.
    pub(super) async fn turn(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let turn = tokio::time::timeout(self.wait, Arc::clone(&self.permits).acquire_owned()).await;
        turn.map_err(|_| ApiError::Busy)?.map_err(|error| ApiError::failed(&error))
    }

    /// Makes an answer on a blocking thread, when its turn comes; what else is to be said of it comes beside its bytes.
    pub(super) async fn run<T: Send + 'static, E: Into<ApiError> + Send + 'static>(
        &self,
        answer: impl FnOnce() -> Result<(T, Vec<u8>), E> + Send + 'static,
    ) -> Result<(T, Bytes), ApiError> {
        let permit = self.turn().await?;
        let made = tokio::task::spawn_blocking(move || {
            answer().map(|(said, bytes)| (said, Bytes::from_owner(Answer { bytes, _permit: permit })))
        });
        made.await.map_err(|error| ApiError::failed(&error))?.map_err(Into::into)
    }
}

/// An answer that keeps its permit until its last byte is let go.
struct Answer {
    bytes: Vec<u8>,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::question::AskError;

    fn answer(text: &str) -> impl FnOnce() -> Result<((), Vec<u8>), ApiError> + Send + 'static {
        let bytes = text.as_bytes().to_vec();
        move || Ok(((), bytes))
    }

    #[tokio::test]
    async fn a_full_door_answers_busy_until_an_answer_is_let_go() {
        let door = Door::new(1, Duration::ZERO);
        let ((), held) = door.run(answer("first")).await.unwrap();
        assert_eq!(held, "first");
        let rest = held.slice(2..);
        drop(held);
        assert!(matches!(door.run(answer("second")).await, Err(ApiError::Busy)));
        drop(rest);
        assert_eq!(door.run(answer("third")).await.unwrap().1, "third");
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_made_fails_alone() {
        let door = Door::new(1, Duration::ZERO);
        let panics = || -> Result<((), Vec<u8>), ApiError> { panic!("on purpose") };
        assert!(matches!(door.run(panics).await, Err(ApiError::Failed)));
        let fails = || Err::<((), Vec<u8>), _>(AskError::Failed("on purpose".to_owned()));
        assert!(matches!(door.run(fails).await, Err(ApiError::Failed)));
        assert_eq!(door.run(answer("next")).await.unwrap().1, "next");
    }
}
