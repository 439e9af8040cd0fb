//! A data directory, or single files, that nobody here writes: looked at, never changed.
//!
//! Finds files, reads footers, several at once, and looks again for what came and went when it is asked and the last look is
//! a second ago. What a running agent has spilled is read as rows in memory, so a directory that is recorded into shows its
//! newest rows too. The surprise: spill files are listed before sealed ones, because a segment moves from the former to the
//! latter; one that is seen in both counts as sealed.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::catalog::{Catalog, Inserted};
use super::files::entries;
use super::footer::{Footer, FooterError};
use super::layout;
use super::query::{Engine, Held, InMemory, Seen, in_order};
use super::recovery::{Replayed, replay};
use super::resolution::Resolution;
use crate::table::Table;

/// How old a look may be.
const FRESH: Duration = Duration::from_secs(1);
/// Footers that a thread reads at once: one takes less time than waking a thread.
const BATCH: usize = 8;
/// Spill files that are read at most: an agent has a few.
const MOST_SPILLS: usize = 16;

/// Why a directory can't be viewed.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// It is not there.
    #[error("{} is not there", .0.display())]
    Missing(PathBuf),
    /// There is nothing in it that an agent recorded.
    #[error("{} has no files that fgm-agent recorded: give a data directory, or sealed files of one", .0.display())]
    Empty(PathBuf),
}

/// What tells whether a file is still the same.
type Stamp = (u64, Option<SystemTime>);

#[derive(Debug)]
struct Spilled {
    stamp: Stamp,
    replayed: Option<Replayed>,
}

#[derive(Debug, Default)]
struct State {
    catalog: Catalog,
    known: HashMap<PathBuf, Stamp>,
    /// When the first row of each known file is, by which the catalogue finds it.
    firsts: HashMap<PathBuf, i64>,
    spills: HashMap<PathBuf, Spilled>,
    refused: u64,
    looked: Option<Instant>,
}

/// Files that are looked at.
#[derive(Debug)]
pub struct View {
    roots: Vec<PathBuf>,
    state: Mutex<State>,
    opened: Instant,
}

impl View {
    /// Opens data directories, or sealed files.
    ///
    /// # Errors
    /// One is not there, or none has anything that was recorded.
    pub fn open(roots: Vec<PathBuf>) -> Result<Arc<Self>, ViewError> {
        if let Some(missing) = roots.iter().find(|root| !root.exists()) {
            return Err(ViewError::Missing(missing.clone()));
        }
        let view = Self { roots, state: Mutex::default(), opened: Instant::now() };
        let is_empty = {
            let mut state = view.lock();
            view.look_again(&mut state);
            state.catalog.totals().0 == 0 && state.spills.values().all(|spill| spill.replayed.is_none())
        };
        let holds_store = view.roots.iter().any(|root| root.join(layout::MARKER).exists());
        if is_empty && !holds_store {
            return Err(ViewError::Empty(view.roots.first().cloned().unwrap_or_default()));
        }
        Ok(Arc::new(view))
    }

    /// What answers questions about it.
    #[must_use]
    pub fn engine(self: &Arc<Self>) -> Engine {
        Engine::new(Arc::<Self>::clone(self))
    }

    /// The files, their rows and bytes, and how many were left alone: damaged, of another program, or of a newer agent.
    #[must_use]
    pub fn totals(&self) -> (u64, u64, u64, u64) {
        let state = self.lock();
        let (files, rows, bytes) = state.catalog.totals();
        (files, rows, bytes, state.refused)
    }

    /// What is looked at.
    #[must_use]
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_again(&self, state: &mut State) {
        let spills: Vec<PathBuf> = self.roots.iter().flat_map(|root| spills(root)).take(MOST_SPILLS).collect();
        let files: Vec<PathBuf> = self.roots.iter().flat_map(|root| sealed(root)).collect();
        let present: HashSet<&PathBuf> = files.iter().collect();
        let gone: Vec<PathBuf> = state.known.keys().filter(|path| !present.contains(path)).cloned().collect();
        for path in gone {
            state.forget(&path);
        }
        let new: Vec<(PathBuf, Stamp)> = files
            .into_iter()
            .filter_map(|path| Some((stamp(&path)?, path)))
            .map(|(stamp, path)| (path, stamp))
            .collect();
        let new: Vec<(PathBuf, Stamp)> =
            new.into_iter().filter(|(path, stamp)| state.known.get(path) != Some(stamp)).collect();
        state.add(&new);
        state.read_spills(spills);
        state.looked = Some(Instant::now());
    }
}

impl State {
    fn forget(&mut self, path: &Path) {
        self.known.remove(path);
        if let Some(first) = self.firsts.remove(path) {
            self.catalog.remove(first, path);
        }
    }

    fn add(&mut self, new: &[(PathBuf, Stamp)]) {
        let batches: Vec<&[(PathBuf, Stamp)]> = new.chunks(BATCH).collect();
        let read = |at: usize| batches[at].iter().map(|(path, _)| Footer::glance(path)).collect::<Vec<_>>();
        let added: Result<(), ()> = in_order(batches.len(), read, |at, footers| {
            for ((path, stamp), footer) in batches[at].iter().zip(footers) {
                self.add_one(path, *stamp, footer);
            }
            Ok(())
        });
        added.unwrap_or_default();
    }

    fn add_one(&mut self, path: &Path, stamp: Stamp, footer: Result<Footer, FooterError>) {
        self.forget(path);
        self.known.insert(path.to_owned(), stamp);
        match footer {
            Ok(footer) => self.insert(path, &footer),
            // It was merged since it was listed.
            Err(FooterError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                self.known.remove(path);
            }
            Err(error) => {
                self.refused += 1;
                tracing::warn!(%error, "a file is left out");
            }
        }
    }

    fn insert(&mut self, path: &Path, footer: &Footer) {
        let (inserted, replaced) = self.catalog.insert(path, footer);
        for file in &replaced {
            self.firsts.remove(&file.path());
        }
        match inserted {
            Inserted::New | Inserted::Known => {
                self.firsts.insert(path.to_owned(), footer.directory.span.0);
            }
            // It is there once already, merged.
            Inserted::Replaced => {}
            Inserted::Duplicate => {
                self.refused += 1;
                tracing::warn!(path = %path.display(), "left out: another file has the same segment's rows");
            }
        }
    }

    /// Reads spill files that are new or grew.
    fn read_spills(&mut self, paths: Vec<PathBuf>) {
        self.spills.retain(|path, _| paths.contains(path));
        for path in paths {
            let Some(stamp) = stamp(&path) else { continue };
            if self.spills.get(&path).is_none_or(|spilled| spilled.stamp != stamp) {
                // One that can't be read has no rows to show; `fgm-agent check` says what is wrong with it.
                self.spills.insert(path.clone(), Spilled { stamp, replayed: replay(&path).ok() });
            }
        }
        for spilled in self.spills.values_mut() {
            let Some(replayed) = &mut spilled.replayed else { continue };
            let (catalog, segment) = (&self.catalog, &replayed.origin.segment);
            let is_sealed = |table: Table| catalog.has_segment(table, segment);
            if Table::ALL.into_iter().any(is_sealed) {
                replayed.segment.retain_tables(|table| !is_sealed(table));
            }
        }
    }
}

impl Held for View {
    fn look(&self, look: &mut dyn FnMut(&Seen<'_>)) {
        let mut state = self.lock();
        if state.looked.is_none_or(|looked| looked.elapsed() >= FRESH) {
            self.look_again(&mut state);
        }
        let mut replayed: Vec<&Replayed> = state.spills.values().filter_map(|spill| spill.replayed.as_ref()).collect();
        replayed.sort_by_key(|replayed| replayed.segment.opened_with());
        let memory = replayed.iter().map(|replayed| InMemory {
            segment: &replayed.segment,
            node: &replayed.origin.node,
            interval_usec: replayed.origin.interval_usec,
        });
        look(&Seen { catalog: &state.catalog, memory: memory.collect(), tail: None });
    }

    fn doubt(&self) {
        self.lock().looked = None;
    }

    /// Whoever records does not tell: every second may bring something.
    fn ticks(&self) -> u64 {
        self.opened.elapsed().as_secs()
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()))
}

fn is_sealed_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.extension().is_some_and(|extension| extension == layout::PARQUET) && !name.starts_with(['.', '_'])
}

/// The sealed files of a data directory, or the one file.
fn sealed(root: &Path) -> Vec<PathBuf> {
    if !root.is_dir() {
        return vec![root.to_owned()];
    }
    let tables = Resolution::directories().map(|name| root.join(name)).filter(|path| path.is_dir());
    let dates = tables.flat_map(|table| entries(&table)).filter(|path| path.is_dir());
    let nodes = dates.flat_map(|date| entries(&date)).filter(|path| path.is_dir());
    nodes.flat_map(|node| entries(&node)).filter(|path| is_sealed_name(path)).collect()
}

fn spills(root: &Path) -> Vec<PathBuf> {
    let directory = root.join(layout::SPILL);
    if !directory.is_dir() {
        return Vec::new();
    }
    let is_spill = |path: &PathBuf| path.extension().is_some_and(|extension| extension == layout::SPILL_EXTENSION);
    let mut found: Vec<PathBuf> = entries(&directory).into_iter().filter(is_spill).collect();
    // Their names sort by time; the newest matter most.
    found.sort_unstable_by(|a, b| b.cmp(a));
    found
}
