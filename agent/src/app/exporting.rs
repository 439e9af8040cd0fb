//! Writes a part of a recording as one page that shows itself.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::{Error, viewing};
use crate::app::recorded::Recordings;
use crate::config::RunConfig;
use crate::export::Export;
use crate::http::Http;

/// Writes the page to a file, whole or not at all, or to standard output.
///
/// # Errors
/// There is nothing to view, the view asks for what is not there, or the file can't be written.
pub fn export(config: &RunConfig, export: Export) -> Result<(), Error> {
    let start = |what| move |source| Error::Start { what, source };
    let recordings = Recordings::view(export.data)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(start("the runtime"))?;
    let http = Http::new(Arc::new(viewing::service(config, recordings)));
    let page = runtime.block_on(http.shared_page(&export.view)).map_err(Error::Export)?;
    match export.out {
        Some(path) => {
            write(&path, page.as_bytes()).map_err(|error| Error::Export(format!("{}: {error}", path.display())))
        }
        None => std::io::stdout().lock().write_all(page.as_bytes()).map_err(start("writing to standard output")),
    }
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("html.tmp");
    std::fs::write(&beside, bytes)?;
    std::fs::rename(&beside, path)
}
