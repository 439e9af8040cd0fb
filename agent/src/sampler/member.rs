//! One recorded cgroup: its open files, whether anything runs in it, and the reading that is held back once nothing does.
//!
//! A container's last reading is final only if nothing runs in it afterwards, which shows when its directory goes. So
//! while it is empty after having run, each reading waits for the next one: at removal the newest is written as final, at
//! a new process it is written as an ordinary row. No reading is lost or written twice, and at most one waits.

use std::sync::{Arc, LazyLock};

use rustix::fd::OwnedFd;

use super::notes::Notes;
use crate::clock::monotonic;
use crate::collect::devices::{ContainerDevices, DeviceNames};
use crate::collect::roster::Totals;
use crate::discovery::CgroupPath;
use crate::metric::{COLUMNS, Column, column};
use crate::model::{ColumnSet, Identity, Keys, Row, SeriesKey, Tick, UnixMicros};
use crate::schedule::Monotonic;
use crate::source::{CgroupFiles, Outcome, Plan, Reader, RowValues, Wanted};
use crate::subject::{Owner, Subject};
use crate::table::Table;

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

/// What a look at a cgroup told about its processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A process is in it or below it.
    Populated,
    /// None is.
    Empty,
    /// This process cannot tell.
    Unclear,
    /// There is nothing left to look at.
    Gone,
}

impl Life {
    /// The state after a look at the cgroup.
    #[must_use]
    pub fn after(self, news: News) -> Self {
        match (self, news) {
            (_, News::Populated | News::Unclear) => Self::Running,
            (Self::New, News::Empty) => Self::New,
            (Self::Running | Self::Ended, News::Empty) => Self::Ended,
            (_, News::Gone) => self,
        }
    }
}

/// What a recorded cgroup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A container, or another cgroup under `--scope all`.
    Container,
    /// A whole pod.
    Pod,
}

/// A recorded cgroup.
#[derive(Debug)]
pub struct Member {
    /// What it is.
    pub sort: Sort,
    /// Its number in this run.
    pub key: SeriesKey,
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
    /// Whether `cgroup.events` has ever told of a process: on hybrid machines it may know none of those in v1.
    pub seen_populated: bool,
    /// Its first process, where only that tells of its end.
    pub first_process: Option<OwnedFd>,
    /// Its `memory.events`, once that has told of something.
    pub memory_events: Option<OwnedFd>,
    /// What is remembered of its readings.
    pub notes: Notes,
    /// When it was found.
    pub born: Monotonic,
    /// When it appeared; none where it was there before the agent.
    pub born_at: Option<UnixMicros>,
    /// When its limits are read next.
    pub limits_due: Monotonic,
    /// Whether it was looked at for being a sandbox.
    pub role_checked: bool,
    limits: Vec<(Column, i64)>,
    /// The block devices that it did IO on.
    pub devices: ContainerDevices,
    /// The columns of every pass that it had while it ran: a final reading has them all.
    full: ColumnSet,
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
    /// What was counted of its processes since the last reading.
    pub totals: Option<Totals>,
}

/// The columns of [`Totals`], in its order.
static OF_TOTALS: LazyLock<[Option<Column>; 3]> =
    LazyLock::new(|| ["processes", "threads", "open_descriptors"].map(column));

impl Member {
    /// A cgroup just found.
    #[must_use]
    pub fn new(key: SeriesKey, (path, found): (CgroupPath, (Sort, Identity)), plan: &Plan, born: Monotonic) -> Self {
        let (sort, identity) = found;
        Self {
            sort,
            key,
            path,
            identity: Arc::new(identity),
            files: CgroupFiles::new(plan),
            life: Life::New,
            events: None,
            seen_populated: false,
            first_process: None,
            memory_events: None,
            notes: Notes::default(),
            born,
            born_at: None,
            limits_due: born,
            role_checked: false,
            limits: Vec::new(),
            devices: ContainerDevices::default(),
            full: ColumnSet::EMPTY,
            held: None,
        }
    }

    /// Whose its events are.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match self.sort {
            Sort::Container => Owner::container(&self.identity),
            Sort::Pod => Owner::pod(&self.identity),
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
        set_totals(reading.totals, &mut row);
        let (table, present) = (self.table(), row.present);
        let row = Row { key: self.key, table, time: reading.time, is_final: false, present };
        if self.sort == Sort::Container {
            self.notes.read(&row, &tick.values[start..], monotonic());
        }
        if let Some(support) = self.files.take_support_change(reading.plan) {
            tick.support.push((self.key, support));
        }
        if self.life == Life::Ended {
            let values = tick.values.split_off(start).into_boxed_slice();
            // Of a cgroup that is being removed a part may be gone already: the reading before that stands.
            if self.held.is_none() || self.is_complete(&row) {
                let before = self.held.replace((row, values));
                push(tick, before);
            }
        } else {
            self.note_columns(reading, &row, outcome);
            tick.rows.push(row);
        }
        outcome
    }

    /// Appends rows of what the reading just made told of block devices; a pod's are its containers'.
    pub fn sample_devices(
        &mut self,
        reader: &Reader,
        names_and_keys: (&mut DeviceNames, &Keys),
        time: UnixMicros,
        tick: &mut Tick,
    ) {
        if self.sort == Sort::Container && !reader.devices().is_empty() {
            let (names, keys) = names_and_keys;
            self.devices.take(reader.devices(), &self.identity, (names, keys, time), tick);
        }
    }

    /// The table that its rows are in.
    #[must_use]
    pub fn table(&self) -> Table {
        match self.sort {
            Sort::Container => Table::Containers,
            Sort::Pod => Table::Pods,
        }
    }

    /// What its rows are about.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match self.sort {
            Sort::Container => Subject::Container(Arc::clone(&self.identity)),
            Sort::Pod => Subject::Pod(Arc::clone(&self.identity)),
        }
    }

    fn is_complete(&self, row: &Row) -> bool {
        self.full.difference(&row.present).is_empty()
    }

    /// What a whole reading of this cgroup has; a controller that was switched off for good is forgotten after a while.
    fn note_columns(&mut self, reading: Reading<'_>, row: &Row, outcome: Outcome) {
        let fast = row.present.intersection(&reading.plan.fast_columns);
        let is_settled = reading.wanted.limits && outcome == Outcome::Alive;
        self.full = if is_settled { fast } else { self.full.union(&fast) };
    }

    /// Descriptors kept open for it that are not among its files.
    #[must_use]
    pub fn kept_beside_files(&self) -> usize {
        [&self.events, &self.first_process, &self.memory_events].into_iter().flatten().count()
    }

    /// Nothing would tell of its next change of life.
    #[must_use]
    pub fn is_unwatched(&self) -> bool {
        self.events.is_none() && (self.first_process.is_none() || self.life == Life::Ended)
    }

    /// Limits are read seldom and stand until they are read again.
    fn carry_limits(&mut self, reading: Reading<'_>, row: &mut RowValues<'_>) {
        if reading.wanted.limits {
            let limits = reading.plan.limit_columns.iter().filter(|&column| row.present.contains(column));
            let now: Vec<(Column, i64)> = limits.map(|column| (column, row.values[column])).collect();
            for &(column, new) in &now {
                let before = self.limits.iter().find(|(known, _)| *known == column);
                if let Some(&(_, old)) = before.filter(|(_, old)| *old != new) {
                    self.notes.limit_changed(column, old, new);
                }
            }
            self.limits = now;
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

    /// The cgroup is gone: appends the held reading, as the final one if it is whole. False where there is none, so that
    /// the last row stands as it is.
    pub fn finish(&mut self, tick: &mut Tick) -> bool {
        tick.deaths.push(self.key);
        self.devices.end(tick);
        let Some((row, values)) = self.held.take() else { return false };
        let is_final = self.is_complete(&row);
        push(tick, Some((Row { is_final, ..row }, values)));
        is_final
    }
}

fn set_totals(totals: Option<Totals>, row: &mut RowValues<'_>) {
    let Some(Totals { processes, threads, open_descriptors }) = totals else { return };
    for (column, value) in OF_TOTALS.iter().zip([Some(processes), threads, open_descriptors]) {
        if let (&Some(column), Some(value)) = (column, value) {
            row.values[column] = value;
            row.present.insert(column);
        }
    }
}

fn push(tick: &mut Tick, held: Option<(Row, Box<[i64]>)>) {
    if let Some((row, values)) = held {
        tick.rows.push(row);
        tick.values.extend_from_slice(&values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cgroup_that_ran_can_end() {
        assert_eq!(Life::New.after(News::Empty), Life::New);
        assert_eq!(Life::New.after(News::Populated), Life::Running);
        assert_eq!(Life::Running.after(News::Empty), Life::Ended);
        assert_eq!(Life::Ended.after(News::Empty), Life::Ended);
    }

    #[test]
    fn a_cgroup_that_gets_a_process_again_has_not_died() {
        assert_eq!(Life::Ended.after(News::Populated), Life::Running);
    }

    #[test]
    fn a_directory_that_is_gone_tells_nothing_new() {
        assert_eq!(Life::Ended.after(News::Gone), Life::Ended);
        assert_eq!(Life::Running.after(News::Gone), Life::Running);
    }
}
