//! For each hour, whether its rollups or its readings tell all that was recorded of it.
//!
//! Pure. The surprise: an hour may have both and neither be whole: a file that came late is in no rollup, and retention may
//! have taken the hour's readings but for that file. Then the rollups count: they are the larger part.

use std::collections::BTreeMap;

use super::{Catalog, SealedFile, SegmentId, SegmentSet};
use crate::model::{HOUR_USEC, UnixMicros};
use crate::resolution::Resolution;
use crate::table::Table;

/// What there is of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourFacts {
    /// Its start.
    pub from: UnixMicros,
    /// Its end.
    pub to: UnixMicros,
    /// There are readings.
    pub has_readings: bool,
    /// There are rollups.
    pub has_rollups: bool,
    /// All rows of the rollups are there as readings.
    readings_are_whole: bool,
    /// All readings that are there are in the rollups.
    rollups_are_whole: bool,
}

impl HourFacts {
    /// In which resolution the hour is best read where minutes are fine enough; `in_memory`, whether some of its readings are in
    /// no file yet.
    #[must_use]
    pub fn best(&self, in_memory: bool) -> Resolution {
        let minutes = self.has_rollups && (!self.readings_are_whole || (self.rollups_are_whole && !in_memory));
        if minutes { Resolution::Minute } else { Resolution::Raw }
    }
}

#[derive(Default)]
struct Hour {
    /// The segments whose rows the files of readings have.
    readings: SegmentSet,
    /// The files of readings.
    files: Vec<SegmentId>,
    /// The files of readings that the rollups were made of.
    covered: SegmentSet,
    has_readings: bool,
    has_rollups: bool,
}

impl Catalog {
    /// The hours of a range of which there are files of a table, in order. Each is told as a whole, also where the range ends
    /// before the first reading of its last hour.
    #[must_use]
    pub fn hours(&self, table: Table, (from, to): (UnixMicros, UnixMicros)) -> Vec<HourFacts> {
        if from >= to {
            return Vec::new();
        }
        let begin = from.saturating_sub(from.rem_euclid(HOUR_USEC));
        let end = to.saturating_add((HOUR_USEC - to.rem_euclid(HOUR_USEC)) % HOUR_USEC);
        let mut hours: BTreeMap<i64, Hour> = BTreeMap::new();
        for file in self.files_between(begin, end).filter(|file| file.table == table) {
            hours.entry(file.hour()).or_default().add(file);
        }
        hours.into_iter().map(|(hour, facts)| facts.told(hour.saturating_mul(HOUR_USEC))).collect()
    }
}

impl Hour {
    fn add(&mut self, file: &SealedFile) {
        match file.resolution {
            Resolution::Raw => {
                self.has_readings = true;
                self.readings = self.readings.union(&file.holds());
                self.files.push(file.segment.clone());
            }
            Resolution::Minute => {
                self.has_rollups = true;
                self.covered = self.covered.union(&file.covers);
            }
        }
    }

    fn told(&self, from: UnixMicros) -> HourFacts {
        HourFacts {
            from,
            to: from.saturating_add(HOUR_USEC),
            has_readings: self.has_readings,
            has_rollups: self.has_rollups,
            readings_are_whole: self.has_readings && self.covered.is_subset(&self.readings),
            rollups_are_whole: self.files.iter().all(|file| self.covered.contains(file)),
        }
    }
}
