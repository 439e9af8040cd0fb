//! The sealer thread: frozen segments into Parquet files; files found at start into the catalogue; spills of earlier runs into files.
//!
//! ```text
//! write .NAME.tmp -> fsync -> rename to NAME -> fsync directory -> (one lock: catalogue has it, tail has not) -> delete the spill
//! ```
//! A crash before the rename leaves the spill, which is recovered, and a `.tmp`, which is deleted; after it, the spill's
//! segment is found in a sealed file, and only the spill is deleted. New segments come before old chores. The surprise: a
//! `.tmp` is deleted without a look, because what makes them begins only after all files that were found are known.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::catalog::Inserted;
use super::durable::{create_directories, rename_new, set_aside, sync_directory};
use super::files::{entries, remove, subdirectories};
use super::footer::{Footer, FooterError, Origin};
use super::layout::{self, SealedName};
use super::postponed::Postponed;
use super::prove::{self, Unproven};
use super::recovery::{Replayed, replay};
use super::resolution::Resolution;
use super::sealed::{self, WriteError};
use super::segment::Segment;
use super::shared::{LastSeal, Shared, State, work_in_background};
use super::spill::{Ending, SpillError};
use super::tail::Frozen;
use crate::model::HOUR_USEC;
use crate::table::Table;

/// How long a seal that failed waits to be tried again.
const RETRY: Duration = Duration::from_secs(3);
/// Nothing wakes an idle sealer but work; this only bounds a wait.
const IDLE_WAIT: Duration = Duration::from_secs(3600);
/// Yields the processor to the sampler.
const NICE: i32 = 10;

/// Why a segment could not be sealed.
#[derive(Debug, thiserror::Error)]
enum SealError {
    #[error("{} can't be written: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} can't be written: {source}", path.display())]
    Write { path: PathBuf, source: WriteError },
    #[error("{} was not written as it should: {reason}", path.display())]
    Unproven { path: PathBuf, reason: String },
}

/// What is to be done once, after the start.
#[derive(Debug)]
pub(super) enum Chore {
    /// Find the sealed files.
    List,
    /// Read a sealed file's footer.
    Footer(PathBuf),
    /// Recover a spill file.
    Spill(PathBuf),
}

impl Chore {
    fn only_reads(&self) -> bool {
        matches!(self, Self::List | Self::Footer(_))
    }
}

enum Work {
    Seal(Frozen),
    Chore(Chore),
    Stop,
}

/// What the store's end left undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unsealed {
    pub(super) spilled_rows: u64,
    pub(super) lost_rows: u64,
}

/// The state of the sealer thread.
#[derive(Debug)]
pub(super) struct Sealer {
    shared: Arc<Shared>,
    chores: VecDeque<Chore>,
    postponed: Postponed,
    retry_at: Option<Instant>,
    unsealed: Unsealed,
}

impl Sealer {
    /// A sealer that has the spill files of earlier runs to recover.
    pub(super) fn new(shared: Arc<Shared>, spills: Vec<PathBuf>) -> Self {
        let chores = std::iter::once(Chore::List).chain(spills.into_iter().map(Chore::Spill)).collect();
        Self { shared, chores, postponed: Postponed::default(), retry_at: None, unsealed: Unsealed::default() }
    }

    /// Works until the writer has ended and its last segment was tried.
    pub(super) fn run(mut self) -> Unsealed {
        work_in_background(NICE);
        loop {
            match self.next_work() {
                Work::Seal(frozen) => self.seal(frozen),
                Work::Chore(chore) => self.chore(chore),
                Work::Stop => break,
            }
        }
        let parked_rows = self.shared.lock().parked_rows;
        Unsealed { spilled_rows: self.unsealed.spilled_rows + parked_rows, ..self.unsealed }
    }

    fn next_work(&mut self) -> Work {
        let mut state = self.shared.lock();
        loop {
            state.sealing = None;
            // What was found at start is known even while nothing can be written: retention must know it, to make room.
            let finding = self.chores.front().is_some_and(Chore::only_reads);
            if !finding {
                self.note_listed(&mut state);
            }
            let stopping = state.stopping;
            let wait =
                self.retry_at.map(|at| at.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero());
            if (wait.is_none() || stopping)
                && let Some(frozen) = state.tail.oldest_frozen().cloned()
            {
                state.sealing = Some(frozen.sequence);
                return Work::Seal(frozen);
            }
            if stopping {
                return Work::Stop;
            }
            if finding && let Some(chore) = self.chores.pop_front() {
                return Work::Chore(chore);
            }
            if wait.is_none() {
                self.chores.extend(state.parked.drain(..).map(Chore::Spill));
                state.pending_spills = self.chores.len();
                if let Some(chore) = self.chores.pop_front() {
                    return Work::Chore(chore);
                }
                if std::mem::take(&mut state.scanning) {
                    state.upkeep_asked += 1;
                }
                state.idle = true;
                self.shared.changed.notify_all();
                if let Some(path) = self.postponed.due(Instant::now()) {
                    return Work::Chore(Chore::Footer(path));
                }
            }
            let waited = self.shared.changed.wait_timeout(state, wait.or(self.postponed.wait()).unwrap_or(IDLE_WAIT));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// All chores that are left are spills.
    fn note_listed(&self, state: &mut State) {
        state.pending_spills = self.chores.len();
        state.unproven = self.postponed.hours();
        if !std::mem::replace(&mut state.listed, true) {
            self.shared.changed.notify_all();
        }
    }

    fn seal(&mut self, frozen: Frozen) {
        let origin = self.shared.segment_origin(frozen.sequence);
        let tables: Vec<Table> = frozen.segment.tables().collect();
        match self.seal_segment((&frozen.segment, &tables), &origin, Some(frozen.sequence)) {
            Ok(()) => remove(frozen.spill.as_deref()),
            Err(error) => {
                self.failed(&error);
                if self.shared.lock().stopping {
                    self.give_up(&frozen);
                }
            }
        }
    }

    /// At the end nothing is tried again; the spill, where there is one, is recovered at the next start.
    fn give_up(&mut self, frozen: &Frozen) {
        self.shared.lock().tail.remove_frozen(frozen.sequence);
        let lost = frozen.segment.rows() - frozen.spilled_rows;
        self.shared.counters.rows_dropped.add(lost);
        self.unsealed.spilled_rows += frozen.spilled_rows;
        self.unsealed.lost_rows += lost;
    }

    /// Makes a sealed file of each table of a segment; `sequence` is that of the frozen segment to forget.
    fn seal_segment(
        &mut self,
        (segment, tables): (&Segment, &[Table]),
        origin: &Origin,
        sequence: Option<u64>,
    ) -> Result<(), SealError> {
        let started = Instant::now();
        let write = |&table: &Table| write_sealed(self.shared.data.path(), (segment, table), origin);
        let files = tables.iter().map(write).collect::<Result<Vec<_>, SealError>>()?;
        let counters = &self.shared.counters;
        let sum = |of: fn(&Footer) -> u64| files.iter().map(|(_, footer)| of(footer)).sum::<u64>();
        let (rows, bytes) = (sum(|footer| footer.rows), sum(|footer| footer.bytes));
        counters.seals.add(files.len() as u64);
        counters.sealed_bytes.add(bytes);
        counters.rows_written.add(rows);
        let seconds = started.elapsed().as_secs_f64();
        tracing::debug!(segment = origin.segment, files = files.len(), rows, bytes, seconds, "sealed");
        let last_row_us = segment.span().map_or(0, |(_, last)| last);
        let mut state = self.shared.lock();
        for (path, footer) in files {
            // A segment's own file replaces none.
            let _ = state.catalog.insert(&path, &footer);
        }
        if let Some(sequence) = sequence {
            state.tail.remove_frozen(sequence);
        }
        state.last_seal = Some(LastSeal { last_row_us, rows, bytes, seconds });
        state.upkeep_asked += 1;
        counters.tail_bytes.set(state.tail.memory() as u64);
        if self.retry_at.take().is_some() {
            state.last_error = None;
            tracing::info!("segments are sealed again");
        }
        Ok(())
    }

    fn failed(&mut self, error: &SealError) {
        self.shared.counters.seal_errors.increment();
        self.shared.lock().last_error = Some(error.to_string());
        if self.retry_at.replace(Instant::now() + RETRY).is_none() {
            tracing::warn!(%error, "a segment can't be sealed: it stays in memory and is tried again");
        }
    }

    fn chore(&mut self, chore: Chore) {
        match chore {
            Chore::List => self.list(),
            Chore::Footer(path) => self.read_footer(path),
            Chore::Spill(path) => self.recover(path),
        }
    }

    fn list(&mut self) {
        let tables: Vec<PathBuf> = Resolution::directories().map(|name| self.shared.data.path().join(name)).collect();
        let dates = tables.iter().filter(|table| table.is_dir()).flat_map(|table| subdirectories(table));
        let mut files = Vec::new();
        for directory in dates.flat_map(|date| subdirectories(&date)) {
            for path in entries(&directory) {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if layout::is_temporary(&name) {
                    remove(Some(&path));
                } else if path.extension().is_some_and(|extension| extension == layout::PARQUET) {
                    files.push(path);
                }
            }
        }
        // The oldest is put in front first, so the newest is read first.
        files.sort_unstable_by(|a: &PathBuf, b| a.file_name().cmp(&b.file_name()));
        files.into_iter().for_each(|path| self.chores.push_front(Chore::Footer(path)));
    }

    fn read_footer(&mut self, path: PathBuf) {
        match Footer::read(&path) {
            Ok(footer) => {
                match prove::replacement(&path, &footer) {
                    Ok(()) => {}
                    Err(Unproven::Damaged(reason)) => return self.set_aside(&path, &reason),
                    Err(Unproven::Unread(reason)) => return self.postpone(path, &footer, &reason),
                }
                let (inserted, replaced) = self.shared.lock().catalog.insert(&path, &footer);
                replaced.iter().for_each(|file| remove(Some(&file.path())));
                match inserted {
                    Inserted::New | Inserted::Known => {}
                    Inserted::Replaced => remove(Some(&path)),
                    Inserted::Duplicate => {
                        self.refused();
                        tracing::warn!(path = %path.display(), segment = footer.origin.segment, "left alone: another file has the same segment's rows");
                    }
                }
            }
            Err(FooterError::Damaged { reason, .. }) => self.set_aside(&path, &reason),
            Err(error) => {
                self.refused();
                tracing::warn!(%error, "a file is left alone");
            }
        }
    }

    /// Until the file was read, its inputs count, and upkeep leaves their hour alone.
    fn postpone(&mut self, path: PathBuf, footer: &Footer, reason: &str) {
        tracing::warn!(path = %path.display(), reason, "a merged file can't be read now: it is tried again");
        let hour = footer.directory.span.0.div_euclid(HOUR_USEC);
        self.postponed.add(path, (footer.directory.table, hour), Instant::now());
    }

    fn refused(&self) {
        self.shared.lock().refused_files += 1;
    }

    fn set_aside(&self, path: &Path, reason: &str) {
        match set_aside(path) {
            Ok(aside) => {
                self.shared.counters.files_set_aside.increment();
                tracing::warn!(path = %path.display(), aside = %aside.display(), reason, "a damaged file was set aside");
            }
            Err(error) => tracing::warn!(path = %path.display(), reason, %error, "a damaged file can't be set aside"),
        }
    }

    fn recover(&mut self, path: PathBuf) {
        match replay(&path) {
            Ok(replayed) => self.recover_replayed(path, &replayed),
            Err(SpillError::Torn) => remove(Some(&path)),
            Err(SpillError::Damaged(reason)) => self.set_aside(&path, reason),
            Err(error @ (SpillError::Newer(_) | SpillError::Io(_))) => {
                self.refused();
                tracing::warn!(path = %path.display(), %error, "a spill file is left alone");
            }
        }
    }

    fn recover_replayed(&mut self, path: PathBuf, replayed: &Replayed) {
        let Replayed { segment, origin, .. } = replayed;
        let tables: Vec<Table> = {
            let state = self.shared.lock();
            segment.tables().filter(|&table| !state.catalog.has_segment(table, &origin.segment)).collect()
        };
        let rows: u64 = tables.iter().map(|&table| segment.rows_of(table)).sum();
        if rows > 0 {
            if let Err(error) = self.seal_segment((segment, &tables), origin, None) {
                self.failed(&error);
                self.chores.push_back(Chore::Spill(path));
                return;
            }
            self.shared.counters.rows_recovered.add(rows);
            let of_this_run = origin.run_id == self.shared.origin.run_id;
            if of_this_run {
                let mut state = self.shared.lock();
                state.parked_rows = state.parked_rows.saturating_sub(rows);
            }
            tracing::info!(path = %path.display(), rows, of_this_run, "rows were recovered from a spill file");
        }
        match &replayed.ending {
            Ending::Clean | Ending::Torn => remove(Some(&path)),
            Ending::Damaged(reason) => self.set_aside(&path, reason),
        }
    }
}

/// Writes the file of a segment's table and proves it; gives its path and its footer.
fn write_sealed(
    data: &Path,
    (segment, table): (&Segment, Table),
    origin: &Origin,
) -> Result<(PathBuf, Footer), SealError> {
    let (start, end) = segment.span_of(table).unwrap_or_default();
    let mut name = SealedName { start, end, again: 0 };
    let directory = name.directory(data, table.name(), &origin.node);
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| SealError::Io { path, source }
    };
    create_directories(data, &directory).map_err(at(&directory))?;
    let temporary = directory.join(layout::temporary_name(&name.file_name()));
    let footer = write_temporary(&temporary, (segment, table), origin).inspect_err(|_| remove(Some(&temporary)))?;
    loop {
        let path = directory.join(name.file_name());
        match rename_new(&temporary, &path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // An earlier attempt came as far as the rename, or a clock that was set back repeats a file's times.
                if Footer::read(&path).is_ok_and(|there| there.origin.segment == origin.segment) {
                    remove(Some(&temporary));
                } else {
                    name.again = name.again.max(1) + 1;
                    continue;
                }
            }
            Err(error) => return Err(at(&path)(error)),
        }
        sync_directory(&directory).map_err(at(&directory))?;
        return Ok((path, footer));
    }
}

fn write_temporary(path: &Path, (segment, table): (&Segment, Table), origin: &Origin) -> Result<Footer, SealError> {
    let io = |source| SealError::Io { path: path.to_owned(), source };
    let file = File::create(path).map_err(io)?;
    let output = BufWriter::with_capacity(1 << 16, &file);
    sealed::write(segment, table, origin, output)
        .map_err(|source| SealError::Write { path: path.to_owned(), source })?;
    file.sync_all().map_err(io)?;
    let unproven = |reason| SealError::Unproven { path: path.to_owned(), reason };
    let footer = Footer::read(path).map_err(|error| unproven(error.to_string()))?;
    let rows = segment.rows_of(table);
    if footer.rows != rows || footer.origin != *origin || footer.directory.table != table {
        return Err(unproven(format!("it has {} rows instead of {rows}", footer.rows)));
    }
    Ok(footer)
}
