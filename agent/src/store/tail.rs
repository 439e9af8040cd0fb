//! The newest rows, in memory: the segment being filled, the segments being sealed, and every living container's last values.
//!
//! No I/O; the writer thread appends under the store's lock, readers copy out under it. The surprise: a container's last values
//! are the encoder's own state, so keeping them costs nothing per row; only when a segment is frozen are they copied.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::frame::Frame;
use super::rotation::{self, Limits, Next, Progress, Reason};
use super::rowlog::RowBuffer;
use super::segment::Segment;
use crate::model::{ColumnSet, Identity, Row, SeriesKey, Support, Tick, UnixMicros};
use crate::subject::Subject;
use crate::table::Table;

/// What is known of one living subject.
#[derive(Clone, Debug)]
pub struct LatestRow {
    /// Who it is.
    pub subject: Subject,
    /// Which columns it does not have.
    pub support: Support,
    /// The time of its last row.
    pub time: UnixMicros,
    /// The columns that ever had a value.
    pub known: ColumnSet,
    /// The last value of each column in `known`; 0 elsewhere. As long as the table is wide.
    pub values: Box<[i64]>,
}

/// A segment that takes no more rows and waits to be sealed.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// Its rows.
    pub segment: Arc<Segment>,
    /// Its number in this run.
    pub sequence: u64,
    /// Its spill file, where one could be written.
    pub spill: Option<PathBuf>,
    /// How many of its rows the spill file holds.
    pub spilled_rows: u64,
}

/// How far a tick was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// All of it.
    Whole,
    /// Up to this row, before which the segment must be sealed.
    SealBefore(usize, Reason),
}

#[derive(Debug)]
struct Live {
    subject: Subject,
    support: Support,
    time: UnixMicros,
    /// The position of its series in the active segment.
    series: Option<usize>,
    /// The columns that had a value in the active segment.
    fresh: ColumnSet,
    /// The columns that had a value before the active segment, and the values.
    carried: Option<(ColumnSet, Box<[i64]>)>,
}

/// The newest rows.
#[derive(Debug)]
pub struct Tail {
    live: HashMap<SeriesKey, Live>,
    active: Segment,
    active_since: Option<Instant>,
    frozen: VecDeque<Frozen>,
    frozen_bytes: usize,
    limits: Limits,
    buffer: RowBuffer,
    unknown_rows: u64,
}

impl Tail {
    /// An empty tail.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            live: HashMap::new(),
            active: Segment::default(),
            active_since: None,
            frozen: VecDeque::new(),
            frozen_bytes: 0,
            limits,
            buffer: RowBuffer::default(),
            unknown_rows: 0,
        }
    }

    /// Takes a tick's births and changes of support; what the spill must know of the active segment goes to `frame`.
    pub fn begin(&mut self, tick: &Tick, frame: &mut Frame) {
        for (key, subject) in &tick.births {
            self.born(*key, subject, frame);
        }
        for (key, support) in &tick.support {
            let Some(live) = self.live.get_mut(key) else { continue };
            live.support = *support;
            if let Some(series) = live.series {
                self.active.set_support(series, *support);
                frame.support(*key, support);
            }
        }
    }

    /// Appends a tick's rows from the one at `from`, as far as the active segment may take them.
    pub fn append(&mut self, (tick, from): (&Tick, usize), now: Instant, frame: &mut Frame) -> Appended {
        for (index, (row, values)) in tick.iter().enumerate().skip(from) {
            if let Some(reason) = self.append_row((row, values), now, frame) {
                return Appended::SealBefore(index, reason);
            }
        }
        Appended::Whole
    }

    /// Takes a tick's deaths.
    pub fn end(&mut self, tick: &Tick) {
        tick.deaths.iter().for_each(|key| drop(self.live.remove(key)));
    }

    /// Why the active segment must be sealed between two ticks.
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<Reason> {
        rotation::between_ticks(&self.progress(now)?, &self.limits)
    }

    /// How long until the active segment is old enough to be sealed; `None` without rows.
    #[must_use]
    pub fn time_left(&self, now: Instant) -> Option<Duration> {
        Some(self.limits.age.saturating_sub(self.progress(now)?.age))
    }

    /// Takes the active segment's rows away to be sealed, and begins an empty one; `None` without rows.
    pub fn freeze(&mut self) -> Option<Segment> {
        self.active_since.take()?;
        let mut segment = std::mem::take(&mut self.active);
        segment.name_owners(self.live.values().map(|live| &live.subject));
        for live in self.live.values_mut() {
            let Some(index) = live.series.take() else { continue };
            let fresh = std::mem::take(&mut live.fresh);
            let (known, values) = live.carried.get_or_insert_with(|| (ColumnSet::EMPTY, zeros(live.subject.table())));
            let last = segment.series()[index].last_row().values();
            fresh.iter().for_each(|column| values[column] = last[column]);
            *known = known.union(&fresh);
        }
        Some(segment)
    }

    /// Keeps a frozen segment, readable until it is sealed.
    pub fn push_frozen(&mut self, frozen: Frozen) {
        self.frozen_bytes += frozen.segment.memory();
        self.frozen.push_back(frozen);
    }

    /// The oldest frozen segment.
    #[must_use]
    pub fn oldest_frozen(&self) -> Option<&Frozen> {
        self.frozen.front()
    }

    /// Forgets a frozen segment; `None` if it was forgotten before.
    pub fn remove_frozen(&mut self, sequence: u64) -> Option<Frozen> {
        let index = self.frozen.iter().position(|frozen| frozen.sequence == sequence)?;
        let frozen = self.frozen.remove(index)?;
        self.frozen_bytes -= frozen.segment.memory();
        Some(frozen)
    }

    /// Forgets the oldest frozen segment but `sealing` if the frozen ones take more than `bytes`; never the only one, which
    /// may be larger than that and was not tried yet.
    pub fn shed_frozen(&mut self, bytes: usize, sealing: Option<u64>) -> Option<Frozen> {
        if self.frozen_bytes <= bytes || self.frozen.len() < 2 {
            return None;
        }
        let sequence = self.frozen.iter().map(|frozen| frozen.sequence).find(|&sequence| Some(sequence) != sealing)?;
        self.remove_frozen(sequence)
    }

    /// The segment being filled.
    #[must_use]
    pub fn active(&self) -> &Segment {
        &self.active
    }

    /// The segments being sealed, oldest first.
    pub fn frozen(&self) -> impl Iterator<Item = &Frozen> {
        self.frozen.iter()
    }

    /// Bytes of memory of all segments.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.frozen_bytes + self.active.memory()
    }

    /// Takes the number of rows that named a container whose birth never came.
    pub fn take_unknown_rows(&mut self) -> u64 {
        std::mem::take(&mut self.unknown_rows)
    }

    /// The ids of the containers that live.
    pub fn live_ids(&self) -> impl Iterator<Item = &str> {
        let containers = self.live.values().filter(|live| live.subject.table() == Table::Containers);
        containers.filter_map(|live| live.subject.identity().map(|identity| identity.container_id.as_str()))
    }

    /// Who the living containers and pods are.
    pub fn live_identities(&self) -> impl Iterator<Item = &Arc<Identity>> {
        self.live.values().filter_map(|live| live.subject.identity())
    }

    /// What is known last of every living subject of a table that has a row.
    #[must_use]
    pub fn latest(&self, table: Table) -> Vec<LatestRow> {
        let living = self.live.values().filter(|live| live.subject.table() == table);
        living.filter_map(|live| self.latest_of(live)).collect()
    }

    fn latest_of(&self, live: &Live) -> Option<LatestRow> {
        let (mut known, mut values) = match &live.carried {
            Some((known, values)) => (*known, values.clone()),
            None => (ColumnSet::EMPTY, zeros(live.subject.table())),
        };
        if let Some(index) = live.series {
            let last = self.active.series()[index].last_row().values();
            live.fresh.iter().for_each(|column| values[column] = last[column]);
            known = known.union(&live.fresh);
        } else if live.carried.is_none() {
            return None;
        }
        let (subject, support, time) = (live.subject.clone(), live.support, live.time);
        Some(LatestRow { subject, support, time, known, values })
    }

    /// A second birth of a living container tells more of it: its names came later.
    fn born(&mut self, key: SeriesKey, subject: &Subject, frame: &mut Frame) {
        let live = self.live.entry(key).or_insert_with(|| Live {
            subject: subject.clone(),
            support: Support::default(),
            time: 0,
            series: None,
            fresh: ColumnSet::EMPTY,
            carried: None,
        });
        if live.subject.table() != subject.table() || live.subject.id() != subject.id() {
            // Another subject under a used key: its rows must not continue the first one's series.
            (live.series, live.carried) = (None, None);
        }
        live.subject = subject.clone();
        // One that has ended already may still have rows here.
        if let Some(series) = live.series.or_else(|| self.active.index_of(subject.table(), &subject.id())) {
            self.active.set_subject(series, subject.clone());
            frame.birth(key, subject);
        }
    }

    fn append_row(&mut self, (row, values): (&Row, &[i64]), now: Instant, frame: &mut Frame) -> Option<Reason> {
        let progress = self.progress(now);
        let Some(live) = self.live.get_mut(&row.key).filter(|live| live.subject.table() == row.table) else {
            self.unknown_rows += 1;
            return None;
        };
        let series = live.series.or_else(|| self.active.index_of(row.table, &live.subject.id()));
        let previous = series.map(|index| &self.active.series()[index]).filter(|series| series.rows > 0);
        let next = Next { time: row.time, previous: previous.map(super::segment::Series::last) };
        if let Some(reason) = progress.and_then(|progress| rotation::before_row(&progress, &next, &self.limits)) {
            return Some(reason);
        }
        let index = live.series.unwrap_or_else(|| {
            frame.birth(row.key, &live.subject);
            frame.support(row.key, &live.support);
            self.active.open_series(&live.subject, live.support)
        });
        live.series = Some(index);
        live.fresh = live.fresh.union(&row.present);
        live.time = row.time;
        self.active.append(index, (row, values), &mut self.buffer);
        self.active_since.get_or_insert(now);
        frame.row(row.key, self.buffer.as_bytes());
        None
    }

    fn progress(&self, now: Instant) -> Option<Progress> {
        let age = now.saturating_duration_since(self.active_since?);
        Some(Progress { age, first_time: self.active.opened_with(), bytes: self.active.memory() })
    }
}

fn zeros(table: Table) -> Box<[i64]> {
    vec![0; table.width()].into_boxed_slice()
}
