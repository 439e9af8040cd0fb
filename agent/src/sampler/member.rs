//! One recorded cgroup: its open files, whether anything runs in it, and the reading that is held back once nothing does.
//!
//! A container's last reading is final only if nothing runs in it afterwards, which shows when its directory goes. So
//! while it is empty after having run, each reading waits for the next one: at removal the newest is written as final, at
//! a new process it is written as an ordinary row. No reading is lost or written twice, and at most one waits.

use std::sync::Arc;

use rustix::fd::OwnedFd;

use crate::discovery::CgroupPath;
use crate::metric::{COLUMNS, Column};
use crate::model::{ColumnSet, ContainerKey, Identity, Row, Tick, UnixMicros};
use crate::schedule::Monotonic;
use crate::source::{CgroupFiles, Outcome, Plan, Reader, RowValues, Wanted};

/// Whether processes run in a cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Nothing has run in it yet.
    New,
    /// Something runs, or this process cannot tell.
    Running,
    /// Its last process has ended.
    Ended,
}

impl Life {
    /// The state after a look at the cgroup.
    #[must_use]
    pub fn after(self, populated: Option<bool>) -> Self {
        match (self, populated) {
            (_, Some(true) | None) => Self::Running,
            (Self::New, Some(false)) => Self::New,
            (Self::Running | Self::Ended, Some(false)) => Self::Ended,
        }
    }
}

/// A recorded cgroup.
#[derive(Debug)]
pub struct Member {
    /// Its number in this run.
    pub key: ContainerKey,
    /// Its path below the hierarchies' roots.
    pub path: CgroupPath,
    /// Who it is.
    pub identity: Arc<Identity>,
    /// Its open files.
    pub files: CgroupFiles,
    /// Whether anything runs in it.
    pub life: Life,
    /// `cgroup.events`, where the cgroup is in a unified hierarchy.
    pub events: Option<OwnedFd>,
    /// Its first process, where only that tells of its end.
    pub first_process: Option<OwnedFd>,
    /// When it was found.
    pub born: Monotonic,
    /// When its limits are read next.
    pub limits_due: Monotonic,
    /// Whether it was looked at for being a sandbox.
    pub role_checked: bool,
    limits: Vec<(Column, i64)>,
    held: Option<(Row, Box<[i64]>)>,
}

/// What one reading of a member needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The files to read.
    pub plan: &'a Plan,
    /// Wall-clock time.
    pub time: UnixMicros,
    /// Which files.
    pub wanted: Wanted,
}

impl Member {
    /// A cgroup just found.
    #[must_use]
    pub fn new(key: ContainerKey, (path, identity): (CgroupPath, Arc<Identity>), plan: &Plan, born: Monotonic) -> Self {
        Self {
            key,
            path,
            identity,
            files: CgroupFiles::new(plan),
            life: Life::New,
            events: None,
            first_process: None,
            born,
            limits_due: born,
            role_checked: false,
            limits: Vec::new(),
            held: None,
        }
    }

    /// Reads the wanted files and appends the row, or, once nothing runs in the cgroup, holds it back and appends the one
    /// before it.
    pub fn sample(&mut self, reader: &mut Reader, reading: Reading<'_>, tick: &mut Tick) -> Outcome {
        let start = tick.values.len();
        tick.values.resize(start + COLUMNS, 0);
        let mut row = RowValues { values: &mut tick.values[start..], present: ColumnSet::EMPTY };
        let outcome = reader.read((reading.plan, &self.path), &mut self.files, reading.wanted, &mut row);
        if outcome == Outcome::Gone {
            tick.values.truncate(start);
            return outcome;
        }
        self.carry_limits(reading, &mut row);
        let row = Row { key: self.key, time: reading.time, is_final: false, present: row.present };
        if let Some(support) = self.files.take_support_change(reading.plan) {
            tick.support.push((self.key, support));
        }
        if self.life == Life::Ended {
            let values = tick.values.split_off(start).into_boxed_slice();
            let before = self.held.replace((row, values));
            push(tick, before);
        } else {
            tick.rows.push(row);
        }
        outcome
    }

    /// Descriptors kept open for it that are not among its files.
    #[must_use]
    pub fn kept_beside_files(&self) -> usize {
        usize::from(self.events.is_some()) + usize::from(self.first_process.is_some())
    }

    /// Ended, and nothing would tell of a new process.
    #[must_use]
    pub fn is_ended_unwatched(&self) -> bool {
        self.life == Life::Ended && self.events.is_none()
    }

    /// Limits are read seldom and stand until they are read again.
    fn carry_limits(&mut self, reading: Reading<'_>, row: &mut RowValues<'_>) {
        if reading.wanted.limits {
            let limits = reading.plan.limit_columns.iter().filter(|&column| row.present.contains(column));
            self.limits = limits.map(|column| (column, row.values[column])).collect();
        } else {
            for &(column, value) in &self.limits {
                row.values[column] = value;
                row.present.insert(column);
            }
        }
    }

    /// Appends the held reading as an ordinary row: something runs again, or the agent stops.
    pub fn release_held(&mut self, tick: &mut Tick) {
        let held = self.held.take();
        push(tick, held);
    }

    /// The cgroup is gone: appends the held reading as the final one. False where there is none, so that the last row
    /// stands as it is.
    pub fn finish(&mut self, tick: &mut Tick) -> bool {
        let held = self.held.take().map(|(row, values)| (Row { is_final: true, ..row }, values));
        tick.deaths.push(self.key);
        push(tick, held)
    }
}

fn push(tick: &mut Tick, held: Option<(Row, Box<[i64]>)>) -> bool {
    held.map(|(row, values)| {
        // Before the values of a row that is being appended there is none: rows and values stay in step.
        tick.rows.push(row);
        tick.values.extend_from_slice(&values);
    })
    .is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cgroup_that_ran_can_end() {
        assert_eq!(Life::New.after(Some(false)), Life::New);
        assert_eq!(Life::New.after(Some(true)), Life::Running);
        assert_eq!(Life::Running.after(Some(false)), Life::Ended);
        assert_eq!(Life::Ended.after(Some(false)), Life::Ended);
    }

    #[test]
    fn a_cgroup_that_gets_a_process_again_has_not_died() {
        assert_eq!(Life::Ended.after(Some(true)), Life::Running);
    }
}
