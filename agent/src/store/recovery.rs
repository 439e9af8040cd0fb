//! Brings a spill file's rows back into a segment.
//!
//! Reads until the first frame that is not whole; everything before it is kept. Rows are decoded and encoded again, so that
//! a spill of another catalogue's columns becomes a segment of this one's, and no damaged byte gets past here.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::footer::Origin;
use super::frame::{FrameError, Record, take_record};
use super::rowlog::{ColumnMap, RowBuffer, RowError, RowState};
use super::segment::Segment;
use super::spill::{Ending, SpillError, SpillReader};
use crate::model::{ContainerKey, HOUR_USEC, Identity, Row, Support};

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
    let mut replay = Replay { map: ColumnMap::from_names(&header.columns), ..Replay::default() };
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
    Ok(Replayed { segment: replay.segment, origin: header.origin(), ending })
}

/// Why a whole frame's records can't be rows of the segment.
#[derive(Debug, thiserror::Error)]
enum ReplayError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("a row: {0}")]
    Row(#[from] RowError),
    #[error("a row's container was never born")]
    Unborn,
    #[error("a row is not later than its container's previous one, or in another hour than the first")]
    Misplaced,
}

#[derive(Debug)]
struct Known {
    identity: Arc<Identity>,
    support: Support,
}

#[derive(Debug, Default)]
struct Replay {
    map: Option<ColumnMap>,
    segment: Segment,
    known: HashMap<ContainerKey, Known>,
    /// What the spill's rows are encoded against: by container id, as its writer's segment was.
    states: HashMap<String, RowState>,
    buffer: RowBuffer,
}

impl Replay {
    fn frame(&mut self, mut payload: &[u8]) -> Result<(), ReplayError> {
        while let Some(record) = take_record(&mut payload, self.map.as_ref())? {
            match record {
                Record::Birth(key, identity) => self.birth(key, Arc::new(*identity)),
                Record::Support(key, support) => self.support(key, support),
                Record::Row(key, encoded) => self.row(key, encoded)?,
            }
        }
        Ok(())
    }

    fn birth(&mut self, key: ContainerKey, identity: Arc<Identity>) {
        if let Some(index) = self.segment.index_of(&identity.container_id) {
            self.segment.set_identity(index, Arc::clone(&identity));
        }
        let support = self.known.get(&key).map_or_else(Support::default, |known| known.support);
        self.known.insert(key, Known { identity, support });
    }

    fn support(&mut self, key: ContainerKey, support: Support) {
        let Some(known) = self.known.get_mut(&key) else { return };
        known.support = support;
        if let Some(index) = self.segment.index_of(&known.identity.container_id) {
            self.segment.set_support(index, support);
        }
    }

    fn row(&mut self, key: ContainerKey, mut encoded: &[u8]) -> Result<(), ReplayError> {
        let known = self.known.get(&key).ok_or(ReplayError::Unborn)?;
        let id = &known.identity.container_id;
        if !self.states.contains_key(id) {
            self.states.insert(id.clone(), RowState::default());
        }
        let state = self.states.get_mut(id).ok_or(ReplayError::Unborn)?;
        state.decode(&mut encoded, self.map.as_ref())?;
        let row = Row { key, time: state.time(), is_final: state.is_final(), present: *state.present() };
        let previous = self.segment.series_of(id).filter(|series| series.rows > 0).map(super::segment::Series::last);
        let same_hour = row.time.div_euclid(HOUR_USEC) == self.segment.opened_with().div_euclid(HOUR_USEC);
        if previous.is_some_and(|previous| row.time <= previous) || self.segment.rows() > 0 && !same_hour {
            return Err(ReplayError::Misplaced);
        }
        let index = self.segment.index_of(id);
        let index = index.unwrap_or_else(|| self.segment.open_series(&known.identity, known.support));
        self.segment.append(index, (&row, state.values()), &mut self.buffer);
        Ok(())
    }
}
