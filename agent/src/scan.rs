//! The words in which recorded rows are asked for and handed over: a scan, and the blocks that it yields.
//!
//! Pure values, known by the store that reads and by the analysis that computes; neither knows the other. A scan names columns
//! and a time range, never a formula. Blocks come subject by subject in time order: all blocks of one subject have rising
//! times, but blocks of different subjects alternate. The surprise: a column's values are dense, as long as the times;
//! where `present` says no, the value means nothing.

use std::sync::Arc;
use std::time::Instant;

use crate::model::UnixMicros;
use crate::resolution::Resolution;
use crate::rollup::Statistic;
use crate::subject::Subject;
use crate::table::Table;

/// A column that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScanColumn {
    /// A number column of readings, by its position in the table.
    Reading(usize),
    /// What rollups keep of a number column.
    Rollup(usize, Statistic),
    /// How many readings a minute of rollups has.
    Samples,
}

/// Whose rows are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Everybody's.
    #[default]
    All,
    /// Of these containers (of pods, in `pods`; in other tables, of rows that belong to one of them), ascending and unique.
    /// In `network`, an id is a pod's uid, or the container's outside of pods.
    Ids(Arc<[Arc<str>]>),
}

impl Wanted {
    /// These ids, in any order.
    #[must_use]
    pub fn ids(mut ids: Vec<Arc<str>>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        Self::Ids(ids.into())
    }

    /// Whether an id is wanted.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        match self {
            Self::All => true,
            Self::Ids(ids) => ids.binary_search_by(|known| (**known).cmp(id)).is_ok(),
        }
    }
}

/// What one scan may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// When it must have ended.
    pub deadline: Instant,
    /// Bytes of values that may be decoded at most.
    pub decoded_bytes: u64,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The table.
    pub table: Table,
    /// Readings, or minutes of them.
    pub resolution: Resolution,
    /// Whose rows.
    pub wanted: Wanted,
    /// The columns; a column that a file does not have is null there.
    pub columns: Vec<ScanColumn>,
    /// Rows not before this time.
    pub from: UnixMicros,
    /// Rows before this time.
    pub to: UnixMicros,
    /// What it may cost.
    pub budget: Budget,
}

/// A part of a time range, and the resolution in which it is best read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Not before.
    pub from: UnixMicros,
    /// Before.
    pub to: UnixMicros,
    /// Minutes where rollups tell all that was recorded, else readings.
    pub resolution: Resolution,
    /// There are readings: the stretch can be read either way.
    pub has_readings: bool,
}

/// The values of one column in a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Values<'a> {
    /// One per row. Means are doubles; every other column is of integers.
    pub values: Numbers<'a>,
    /// Whether a row has a value; `None` where all have.
    pub present: Option<&'a [bool]>,
}

/// Numbers as they are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Numbers<'a> {
    /// Integers.
    Ints(&'a [i64]),
    /// Doubles.
    Doubles(&'a [f64]),
    /// No file of this block has the column.
    Absent,
}

/// Rows of one subject that follow each other.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Who it is, as these rows say; later blocks may know more names.
    pub subject: &'a Subject,
    /// The subject's number in this scan: the same for all of its blocks, from 0 on.
    pub series: usize,
    /// The node that it is of.
    pub node: &'a str,
    /// When each row was read, or the minute that it sums up; microseconds since 1970, rising.
    pub times: &'a [UnixMicros],
    /// The columns, in the scan's order.
    pub columns: &'a [Values<'a>],
    /// The sampling interval of the run that wrote the rows, in microseconds.
    pub interval_usec: i64,
}

/// Why a scan has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// It would decode more than its budget.
    #[error(
        "the question needs more than {limit_bytes} bytes of recorded values: ask for a shorter range, fewer containers or fewer points"
    )]
    TooMuch {
        /// The budget.
        limit_bytes: u64,
    },
    /// It took longer than its budget.
    #[error("the question took longer than it may: ask for a shorter range, fewer containers or fewer points")]
    TooSlow,
    /// Files were merged or deleted meanwhile: ask again.
    #[error("recorded files were merged while they were read")]
    Changed,
    /// A file is damaged or can't be read.
    #[error("{0}")]
    Unreadable(String),
}

/// What a scan took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanCost {
    /// Files that rows were read from.
    pub files: u64,
    /// Rows handed over.
    pub rows: u64,
    /// Bytes of values that were decoded for them.
    pub decoded_bytes: u64,
}
