//! Follows a benchmark until it ends, printing its log as it grows. It only looks: the benchmark goes on without it.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use super::record::{Metadata, Record, short};
use crate::runner::tell;
use crate::session::Session;

const PAUSE: Duration = Duration::from_millis(200);
/// What is read of a log at a time.
const CHUNK_BYTES: u64 = 64 * 1024;

/// A log, as far as it was printed.
struct Log {
    path: PathBuf,
    file: Option<File>,
}

/// What is known of a benchmark once it has ended.
pub(crate) async fn until_the_end(session: &Session, record: &Record) -> Result<Metadata> {
    let mut metadata = record.now()?;
    let mut log = Log { path: record.log(), file: None };
    while !metadata.state.is_the_end() {
        log.print_what_is_new()?;
        if let Err(interrupted) = session.runner.interruption().pause(PAUSE).await {
            tell(&format!("the benchmark goes on: `fgmctl bench wait {}` follows it again", short(record.guid())));
            return Err(interrupted);
        }
        metadata = record.now()?;
        if metadata.state.is_the_end() {
            log.print_what_is_new()?;
        }
    }
    Ok(metadata)
}

impl Log {
    fn print_what_is_new(&mut self) -> Result<()> {
        if self.file.is_none() {
            // It is made a moment after the benchmark is.
            self.file = File::open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut chunk = Vec::new();
        while file.take(CHUNK_BYTES).read_to_end(&mut chunk).with_context(|| self.path.display().to_string())? > 0 {
            // Nobody is left to tell where standard error is closed.
            let _ = std::io::stderr().lock().write_all(&chunk);
            chunk.clear();
        }
        Ok(())
    }
}
