//! Answers scans: reads the wanted rows of the wanted subjects, from sealed files and from memory, in the order of time.
//!
//! A scan takes one look at what is held (under the store's lock, so it sees each row once), prunes by time and by the
//! directories of files, decodes only the needed columns' runs, several files at once, and hands the rows over in order. It
//! knows neither formulas nor requests. The surprise: a file that was merged since the look ends a scan with
//! [`ScanError::Changed`], even in the middle: whoever asked begins again, for rows that were handed over can't be taken back.

mod chunks;
mod column;
mod decode;
pub mod export;
mod listing;
mod order;
mod pool;
mod pread;
mod runs;
mod source;
mod stretch;
mod unpack;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use self::chunks::Columns;
use self::decode::{DecodeError, Rows};
use self::order::Numbering;
pub(super) use self::pool::in_order;
pub(super) use self::pread::Pread;
use self::runs::Runs;
use self::source::Source;
pub(super) use self::source::{InMemory, Seen};
use super::schema::TIME;
use crate::model::UnixMicros;
use crate::scan::{Block, Scan, ScanColumn, ScanCost, ScanError, Stretch};
use crate::table::Table;

/// Who holds rows: the store of a running agent, or a directory that is looked at.
pub(crate) trait Held: Send + Sync + std::fmt::Debug {
    /// Shows what is held, all of one moment.
    fn look(&self, look: &mut dyn FnMut(&Seen<'_>));
    /// A number that grows with every tick that is held; cheap.
    fn ticks(&self) -> u64;
    /// What was found earlier may not be so any more: the next look is a new one.
    fn doubt(&self) {}
}

/// Answers scans; what it remembers of files is bounded.
#[derive(Debug)]
pub struct Engine {
    held: Arc<dyn Held>,
    columns: Columns,
    runs: Runs,
    time: Arc<str>,
    names: RwLock<HashMap<(Table, ScanColumn), Arc<str>>>,
}

impl Engine {
    /// An engine over what is held.
    pub(crate) fn new(held: Arc<dyn Held>) -> Self {
        Self {
            held,
            columns: Columns::default(),
            runs: Runs::default(),
            time: Arc::from(TIME),
            names: RwLock::default(),
        }
    }

    /// Who holds the rows.
    pub(super) fn held(&self) -> &dyn Held {
        &*self.held
    }

    /// A number that grows with every tick that is held; cheap.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.held.ticks()
    }

    /// Reads the rows that are asked for and hands them to `visit`.
    ///
    /// # Errors
    /// See [`ScanError`]; what `visit` says ends the scan, too.
    pub fn scan(
        &self,
        scan: &Scan,
        visit: &mut dyn FnMut(&Block<'_>) -> Result<(), ScanError>,
    ) -> Result<ScanCost, ScanError> {
        let groups = source::sources(&*self.held, scan);
        let ends: Vec<usize> = groups
            .iter()
            .scan(0, |end, group| {
                *end += group.len();
                Some(*end)
            })
            .collect();
        let sources: Vec<&Source> = groups.iter().flatten().collect();
        let decoded = AtomicU64::new(0);
        let (mut cost, mut numbering, mut group) = (ScanCost::default(), Numbering::default(), Vec::new());
        let mut next_end = ends.iter();
        let mut end = next_end.next();
        pool::in_order(
            sources.len(),
            |at| self.decode(sources[at], scan, &decoded),
            |at, rows| {
                let rows = rows?;
                let before = at.checked_sub(1).and_then(|before| sources[before].file());
                cost.files += u64::from(sources[at].file().is_some_and(|file| before != Some(file)));
                cost.rows += rows.times.len() as u64;
                group.push((sources[at], rows));
                if end == Some(&(at + 1)) {
                    order::emit(&group, &mut numbering, visit)?;
                    group.clear();
                    end = next_end.next();
                }
                Ok(())
            },
        )?;
        cost.decoded_bytes = decoded.into_inner();
        Ok(cost)
    }

    fn decode(&self, source: &Source, scan: &Scan, decoded: &AtomicU64) -> Result<Rows, ScanError> {
        if Instant::now() >= scan.budget.deadline {
            return Err(ScanError::TooSlow);
        }
        let rows = match source {
            Source::Memory(memory) => decode::memory(memory, scan)?,
            Source::File(file) => {
                if let Some(runs) = &file.runs {
                    let rows: u64 = runs.iter().map(|run| run.rows.end - run.rows.start).sum();
                    charge(decoded.load(Relaxed) + Rows::bytes(rows as usize, scan.columns.len()), scan)?;
                }
                match decode::file(self, file, scan) {
                    Ok(rows) => rows,
                    Err(DecodeError::Scan(error)) => return Err(error),
                    // Deleted by hand, it stays listed: that must not keep anybody from asking.
                    Err(DecodeError::Gone) if self.is_listed(file.sealed.number) => Rows::default(),
                    Err(DecodeError::Gone) => return Err(ScanError::Changed),
                }
            }
        };
        let own = Rows::bytes(rows.times.len(), scan.columns.len());
        charge(decoded.fetch_add(own, Relaxed) + own, scan)?;
        Ok(rows)
    }

    /// Whether a file that is gone is still part of what is held.
    pub(super) fn is_listed(&self, number: u64) -> bool {
        self.held.doubt();
        let mut listed = false;
        self.held.look(&mut |seen| listed = seen.catalog.files().any(|file| file.number == number));
        listed
    }

    /// The stretches of a range, in order: minutes where they have all that was recorded of an hour, readings elsewhere.
    #[must_use]
    pub fn stretches(&self, table: Table, range: (UnixMicros, UnixMicros)) -> Vec<Stretch> {
        let mut stretches = Vec::new();
        self.held.look(&mut |seen| stretches = stretch::stretches(seen, table, range));
        stretches
    }

    /// The name of a column on disk.
    fn column_name(&self, scan: &Scan, column: ScanColumn) -> Arc<str> {
        let key = (scan.table, column);
        if let Some(known) = self.names.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(known);
        }
        let name: Arc<str> = Arc::from(decode::column_name(scan, column));
        self.names.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&name));
        name
    }
}

fn charge(bytes: u64, scan: &Scan) -> Result<(), ScanError> {
    let limit_bytes = scan.budget.decoded_bytes;
    if bytes > limit_bytes { Err(ScanError::TooMuch { limit_bytes }) } else { Ok(()) }
}
