//! The token's file, looked at again while the agent runs.
//!
//! On a blocking thread: a file may lie on a file system that does not answer.

use std::time::Duration;

use crate::http::Http;
use crate::token_file::TokenFile;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The service behind its token, where there is one.
pub(super) fn guarded(http: Http, token: Option<TokenFile>) -> Http {
    let Some(file) = token else { return http };
    let http = http.guarded_by(file.cell());
    tokio::spawn(keep_fresh(file));
    http
}

async fn keep_fresh(mut file: TokenFile) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let looked = tokio::task::spawn_blocking(move || {
            file.refresh();
            file
        });
        match looked.await {
            Ok(looked) => file = looked,
            Err(error) => return tracing::error!(%error, "the token file is not looked at any more"),
        }
    }
}
