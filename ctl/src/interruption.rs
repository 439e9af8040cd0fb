//! Ctrl-C and SIGTERM: the first lets the running step end what it began and tidy up, a second one ends at once.

use std::time::Duration;

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::failure::{Code, Failure};

/// Whether the user asked to stop; every waiting of a command is one with this.
#[derive(Clone)]
pub(crate) struct Interruption {
    asked: watch::Receiver<bool>,
}

impl Interruption {
    /// Listens from now on.
    ///
    /// # Errors
    ///
    /// Where the system gives no signal handler.
    pub(crate) fn listen() -> Result<Self> {
        let (tell, asked) = watch::channel(false);
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::spawn(async move {
            loop {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
                if tell.send_replace(true) {
                    // The second one: whoever waits for us to tidy up no longer wants to.
                    std::process::exit(Code::Interrupted as i32);
                }
            }
        });
        Ok(Self { asked })
    }

    /// One that never comes, for tidying up.
    pub(crate) fn never() -> Self {
        let (_, asked) = watch::channel(false);
        Self { asked }
    }

    /// Whether it has come.
    pub(crate) fn has_come(&self) -> bool {
        *self.asked.borrow()
    }

    /// Waits, unless it comes first.
    pub(crate) async fn pause(&self, duration: Duration) -> Result<()> {
        let work = async {
            tokio::time::sleep(duration).await;
            Ok(())
        };
        self.or(work).await
    }

    /// The outcome of work, or the interruption that came before it.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut asked = self.asked.clone();
        let come = async move {
            if asked.wait_for(|asked| *asked).await.is_err() {
                // Nobody can ask any more.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = come => Err(Failure::interrupted()),
            outcome = work => outcome,
        }
    }
}
