//! The one way from async handlers to blocking work, and its bounds.
//!
//! At most [`QUERIES`] large answers and [`SCRAPES`] scrapes are made at once, so neither threads nor memory grow with
//! the number of clients; a request waits up to [`WAIT`] for its turn, then gets 503 with `Retry-After`. Scrapes have a
//! door of their own: slow queries never hide the agent from its monitoring. A permit is held until the work is done,
//! even where the client has gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::http::error::ApiError;

/// Large answers made at once.
const QUERIES: usize = 4;
/// Scrapes answered at once.
const SCRAPES: usize = 2;
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

    fn new(at_once: usize, wait: Duration) -> Self {
        Self { permits: Arc::new(Semaphore::new(at_once)), wait }
    }

    /// Does the work on a blocking thread, when its turn comes.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = tokio::time::timeout(self.wait, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = turn.map_err(|_| ApiError::Busy)?.map_err(|_| ApiError::Failed)?;
        let done = tokio::task::spawn_blocking(move || {
            let value = work();
            drop(permit);
            value
        });
        done.await.map_err(|error| {
            tracing::error!(%error, "an answer failed");
            ApiError::Failed
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_full_door_answers_busy_and_opens_again() {
        let door = Arc::new(Door::new(1, Duration::ZERO));
        let (entered, inside) = tokio::sync::oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let first = tokio::spawn({
            let door = Arc::clone(&door);
            async move {
                door.run(move || {
                    let _ = entered.send(());
                    released.recv().is_ok()
                })
                .await
            }
        });
        inside.await.unwrap();
        assert!(matches!(door.run(|| ()).await, Err(ApiError::Busy)));
        release.send(()).unwrap();
        assert!(matches!(first.await.unwrap(), Ok(true)));
        assert!(matches!(door.run(|| 7).await, Ok(7)));
    }

    #[tokio::test]
    async fn work_that_panics_fails_alone() {
        let door = Door::new(1, Duration::ZERO);
        let failed = door.run(|| assert!(std::hint::black_box(false), "on purpose")).await;
        assert!(matches!(failed, Err(ApiError::Failed)));
        assert!(matches!(door.run(|| 7).await, Ok(7)));
    }
}
