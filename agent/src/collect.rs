//! Collectors: what is read of the machine beside containers' cgroups, and put into rows of its own tables.
//!
//! They read files and keep what they need to tell series apart; they do not know who takes the rows. The surprise: the
//! collectors of the node run on the sampler's thread at its ticks, that of processes on one of its own, because a process
//! can make a reader wait.

pub mod devices;
pub mod kept_file;
pub mod network;
pub mod node;
pub mod processes;
pub mod roster;

use crate::metric::Column;
use crate::model::{ColumnSet, Row, SeriesKey, Tick, UnixMicros};
use crate::table::Table;

/// A row that is being put together at the end of a tick.
#[derive(Debug)]
pub(crate) struct NewRow<'a> {
    tick: &'a mut Tick,
    start: usize,
    row: Row,
}

impl<'a> NewRow<'a> {
    pub(crate) fn begin(tick: &'a mut Tick, key: SeriesKey, table: Table, time: UnixMicros) -> Self {
        let start = tick.values.len();
        tick.values.resize(start + table.width(), 0);
        Self { tick, start, row: Row { key, table, time, is_final: false, present: ColumnSet::EMPTY } }
    }

    pub(crate) fn set(&mut self, column: Column, value: i64) {
        self.tick.values[self.start + column] = value;
        self.row.present.insert(column);
    }

    /// Sets columns one after the other.
    pub(crate) fn set_from(&mut self, first: Column, values: &[i64]) {
        for (offset, &value) in values.iter().enumerate() {
            self.set(first + offset, value);
        }
    }

    pub(crate) fn push(self) {
        self.tick.rows.push(self.row);
    }
}
