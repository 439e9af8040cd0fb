//! Deletes what the plan of `retention.rs` says, and what lies around without its data: empty directories, old manifests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Upkeep, micros};
use crate::model::{HOUR_USEC, UnixMicros};
use crate::store::catalog::SealedFile;
use crate::store::files::{entries, remove, subdirectories};
use crate::store::footer::Footer;
use crate::store::layout;
use crate::store::resolution::Resolution;
use crate::store::retention::{Candidate, Held, plan};

/// Manifests of runs kept at most: a crash loop makes one every few seconds.
const MOST_SESSIONS: usize = 1000;

/// A file that is to go.
struct File {
    path: PathBuf,
    /// The time of its first row, where the catalogue has it.
    first: Option<UnixMicros>,
}

impl Upkeep {
    /// Deletes what is over the budget or too old. Rows in memory and spill files are not looked at.
    pub(super) fn retain(&mut self, now: UnixMicros) {
        // Paths of those alone that go: copies of all take memory in each pass.
        let files: Vec<Arc<SealedFile>> = self.shared.lock().catalog.files().cloned().collect();
        let sealed = files.iter().map(|file| {
            let held = if file.resolution == Resolution::Raw { Held::Raw } else { Held::Rollup };
            Candidate { held, last: file.last, bytes: file.bytes }
        });
        let mut candidates: Vec<Candidate> = sealed.collect();
        let set_aside = set_aside_files(self.shared.data.path());
        candidates.extend(set_aside.iter().map(|&(_, last, bytes)| Candidate { held: Held::SetAside, last, bytes }));
        let file = |index: usize| match files.get(index) {
            Some(file) => File { path: file.path(), first: Some(file.first) },
            None => File { path: set_aside[index - files.len()].0.clone(), first: None },
        };
        let newest = candidates.iter().filter(|file| file.held != Held::SetAside).map(|file| file.last).max();
        let go = plan(&candidates, &self.budget, self.age_clock.now(now, self.clock.monotonic(), newest));
        for index in &go {
            self.delete(&file(*index), candidates[*index].bytes);
            if candidates[*index].held == Held::Rollup {
                let hour = candidates[*index].last.div_euclid(HOUR_USEC);
                self.rollups_from = self.rollups_from.max(hour + 1);
            }
        }
        let oldest = self.shared.lock().catalog.files().map(|file| file.first).min();
        if !go.is_empty() {
            tracing::info!(files = go.len(), "files went, by their age or for the disk's budget");
            self.apart.retain(|path| path.exists());
        }
        self.remove_sessions(oldest.unwrap_or(now));
    }

    fn delete(&mut self, file: &File, bytes: u64) {
        // Out of the catalogue first: no reader shall be told of a file that is gone.
        if let Some(first) = file.first {
            self.shared.lock().catalog.remove(first, &file.path);
        }
        match std::fs::remove_file(&file.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return self.keep(file, &error),
            _ => self.failing = false,
        }
        self.shared.counters.retention_files.increment();
        self.shared.counters.retention_bytes.add(bytes);
        // The directories of the node and of the date, where they are empty now; the newest date's is kept, because the next
        // file goes there.
        let today = layout::format_date(self.clock.now());
        let mut above = file.path.ancestors().skip(1).take(2);
        if !file.path.to_string_lossy().contains(&today) {
            let _ = above.try_for_each(std::fs::remove_dir);
        }
    }

    /// A file that could not be deleted (the disk is read-only, say) is readable as before; the next pass tries again.
    fn keep(&mut self, file: &File, error: &std::io::Error) {
        if let (Some(_), Ok(footer)) = (file.first, Footer::read(&file.path)) {
            let _ = self.shared.lock().catalog.insert(&file.path, &footer);
        }
        self.shared.counters.retention_errors.increment();
        if !self.failing {
            tracing::warn!(path = %file.path.display(), %error, "a file that is to go can't be deleted: it is tried again");
        }
        self.failing = true;
    }

    /// A run's manifest goes once the next run had begun before the oldest row.
    fn remove_sessions(&self, oldest: UnixMicros) {
        let mut sessions: Vec<(UnixMicros, PathBuf)> = entries(&self.shared.data.path().join(layout::SESSIONS))
            .into_iter()
            .filter_map(|path| Some((layout::run_start(&path.file_stem()?.to_string_lossy())?, path)))
            .collect();
        sessions.sort();
        let newer = sessions.len().saturating_sub(MOST_SESSIONS);
        for (index, pair) in sessions.windows(2).enumerate() {
            if index < newer || pair[1].0 < oldest {
                remove(Some(&pair[0].1));
            }
        }
    }
}

/// Damaged files under other names: their last change, and their size.
fn set_aside_files(data: &Path) -> Vec<(PathBuf, UnixMicros, u64)> {
    let tables = Resolution::directories().map(|name| data.join(name)).filter(|table| table.is_dir());
    let directories = tables.flat_map(|table| subdirectories(&table)).flat_map(|date| subdirectories(&date));
    let places = directories.chain([data.join(layout::SPILL)]);
    let files = places
        .flat_map(|place| entries(&place))
        .filter(|path| path.file_name().is_some_and(|name| layout::is_set_aside(&name.to_string_lossy())));
    files
        .filter_map(|path| {
            let metadata = path.metadata().ok()?;
            let changed = metadata.modified().map_or(0, micros);
            Some((path, changed, metadata.len()))
        })
        .collect()
}
