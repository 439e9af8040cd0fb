//! Brings a spill file's rows back into a segment.
//!
//! Reads until the first frame that is not whole; everything before it is kept. Rows are decoded and encoded again, so that
//! a spill of another catalogue's columns becomes a segment of this one's, and no damaged byte gets past here.

use std::collections::HashMap;
use std::path::Path;

use super::footer::Origin;
use super::frame::{FrameError, Record, take_record};
use super::rowlog::{ColumnMap, RowBuffer, RowError, RowState, take_columns};
use super::segment::Segment;
use super::spill::{Ending, SpillError, SpillReader};
use crate::model::{HOUR_USEC, Row, SeriesKey, Support};
use crate::subject::Subject;
use crate::table::Table;

/// What a spill file held.
#[derive(Debug)]
pub struct Replayed {
    /// Its rows.
    pub segment: Segment,
    /// Who wrote it.
    pub origin: Origin,
    /// How it ended.
    pub ending: Ending,
}

/// Reads a spill file.
///
/// # Errors
/// Nothing of it can be read.
pub fn replay(path: &Path) -> Result<Replayed, SpillError> {
    let (header, mut reader) = SpillReader::open(path)?;
    let mut replay = Replay { maps: header.column_maps(), ..Replay::default() };
    let ending = loop {
        match reader.next_frame()? {
            Err(ending) => break ending,
            Ok(payload) => {
                if let Err(error) = replay.frame(payload) {
                    break Ending::Damaged(error.to_string());
                }
            }
        }
    };
    replay.segment.name_owners(std::iter::empty());
    Ok(Replayed { segment: replay.segment, origin: header.origin(), ending })
}

/// Why a whole frame's records can't be rows of the segment.
#[derive(Debug, thiserror::Error)]
enum ReplayError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("a row: {0}")]
    Row(#[from] RowError),
    #[error("a row's subject was never born")]
    Unborn,
    #[error("a row is not later than its subject's previous one, or in another hour than the first")]
    Misplaced,
}

#[derive(Debug)]
struct Known {
    subject: Subject,
    id: String,
    support: Support,
}

#[derive(Debug, Default)]
struct Replay {
    maps: [Option<ColumnMap>; Table::ALL.len()],
    segment: Segment,
    known: HashMap<SeriesKey, Known>,
    /// What the spill's rows are encoded against: by subject, as its writer's segment was.
    states: [HashMap<String, RowState>; Table::ALL.len()],
    buffer: RowBuffer,
}

impl Replay {
    fn frame(&mut self, mut payload: &[u8]) -> Result<(), ReplayError> {
        while let Some(record) = take_record(&mut payload)? {
            match record {
                Record::Birth(key, subject) => self.birth(key, subject),
                Record::Support(key, columns) => self.support(key, columns)?,
                Record::Row(key, encoded) => self.row(key, encoded)?,
            }
        }
        Ok(())
    }

    fn birth(&mut self, key: SeriesKey, subject: Subject) {
        let id = subject.id().into_owned();
        if let Some(index) = self.segment.index_of(subject.table(), &id) {
            self.segment.set_subject(index, subject.clone());
        }
        let support = self.known.get(&key).map_or_else(Support::default, |known| known.support);
        self.known.insert(key, Known { subject, id, support });
    }

    fn support(&mut self, key: SeriesKey, mut columns: &[u8]) -> Result<(), ReplayError> {
        let Some(known) = self.known.get_mut(&key) else { return Ok(()) };
        let table = known.subject.table();
        let map = self.maps[table as usize].as_ref();
        let (unsupported, unreadable) = (take_columns(&mut columns, map)?, take_columns(&mut columns, map)?);
        known.support = Support { unsupported, unreadable };
        if let Some(index) = self.segment.index_of(table, &known.id) {
            self.segment.set_support(index, known.support);
        }
        Ok(())
    }

    fn row(&mut self, key: SeriesKey, mut encoded: &[u8]) -> Result<(), ReplayError> {
        let known = self.known.get(&key).ok_or(ReplayError::Unborn)?;
        let (table, id) = (known.subject.table(), &known.id);
        let states = &mut self.states[table as usize];
        if !states.contains_key(id) {
            states.insert(id.clone(), RowState::new(table));
        }
        let state = states.get_mut(id).ok_or(ReplayError::Unborn)?;
        state.decode(&mut encoded, self.maps[table as usize].as_ref())?;
        let row = Row { key, table, time: state.time(), is_final: state.is_final(), present: *state.present() };
        let previous = self.segment.series_of(table, id).filter(|series| series.rows > 0);
        let previous = previous.map(super::segment::Series::last);
        let same_hour = row.time.div_euclid(HOUR_USEC) == self.segment.opened_with().div_euclid(HOUR_USEC);
        if previous.is_some_and(|previous| row.time <= previous) || self.segment.rows() > 0 && !same_hour {
            return Err(ReplayError::Misplaced);
        }
        let index = self.segment.index_of(table, id);
        let index = index.unwrap_or_else(|| self.segment.open_series(&known.subject, known.support));
        self.segment.append(index, (&row, state.values()), &mut self.buffer);
        Ok(())
    }
}
