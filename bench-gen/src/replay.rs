//! Replays a recorded store: the same rows with other ids at other times, and facts put in where that is wanted.
//!
//! An hour at a time, and in it a subject at a time, so memory holds an hour of encoded rows and one container's decoded ones. The
//! surprise: times move by whole hours, so that the hours of the recording stay hours.

mod inject;
mod rename;

use std::collections::VecDeque;

use fgm_agent::model::{HOUR_USEC, Row, Support, UnixMicros};
use fgm_agent::store::bulk::{BulkError, Recorded, RecordedRow};
use fgm_agent::store::segment::Segment;
use fgm_agent::subject::Subject;
use fgm_agent::table::Table;

use self::inject::Injector;
use self::rename::Renamer;
use crate::recorder::{Recorder, Series};
use crate::truth::Fact;

/// Whether facts are put into what is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inject {
    /// The numbers stay as they were recorded.
    Nothing,
    /// Changes, periods and leaks are added to containers' numbers.
    Facts,
}

/// A recording on its way into a data set.
#[derive(Debug)]
pub struct Replay {
    recorded: Recorded,
    hours: VecDeque<i64>,
    shift: UnixMicros,
    renamer: Renamer,
    injector: Option<Injector>,
    recorder: Recorder,
    /// Files whose rows lay between other files' rows.
    pub left_out: usize,
}

/// A subject's rows of an hour.
#[derive(Debug)]
pub(crate) struct Run {
    series: Series,
    pub(crate) rows: Vec<(Row, Box<[i64]>)>,
}

impl Replay {
    /// A recording whose first hour moves to the hour of `start`; at most so many hours of it.
    #[must_use]
    pub fn new(recorded: Recorded, (start, most_hours): (UnixMicros, usize), seed: u64, inject: Inject) -> Self {
        let hours: VecDeque<i64> = recorded.hours().take(most_hours).collect();
        let first = hours.front().copied().unwrap_or_default();
        Self {
            shift: (start.div_euclid(HOUR_USEC) - first) * HOUR_USEC,
            renamer: Renamer::new(seed),
            injector: (inject == Inject::Facts).then(|| Injector::new(seed)),
            recorder: Recorder::default(),
            left_out: 0,
            recorded,
            hours,
        }
    }

    /// The hours that are left.
    #[must_use]
    pub fn hours(&self) -> usize {
        self.hours.len()
    }

    /// The times of the data: the beginning of the first hour and the end of the last.
    #[must_use]
    pub fn span(&self) -> (UnixMicros, UnixMicros) {
        let at = |hour: i64| hour * HOUR_USEC + self.shift;
        match (self.hours.front(), self.hours.back()) {
            (Some(&first), Some(&last)) => (at(first), at(last + 1)),
            _ => (0, 0),
        }
    }

    /// What was put in so far.
    #[must_use]
    pub fn facts(self) -> Vec<Fact> {
        self.injector.map(Injector::facts).unwrap_or_default()
    }

    /// The rows of the next hour.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn next_hour(&mut self) -> Option<Result<Segment, BulkError>> {
        let hour = self.hours.pop_front()?;
        for table in Table::ALL {
            if let Err(error) = self.replay(hour, table) {
                return Some(Err(error));
            }
        }
        Some(Ok(self.recorder.end_hour()))
    }

    fn replay(&mut self, hour: i64, table: Table) -> Result<(), BulkError> {
        let Self { recorded, renamer, recorder, injector, shift, .. } = self;
        let mut injector = injector.as_mut().filter(|_| table == Table::Containers);
        let mut last: Option<(Subject, Run)> = None;
        let mut take = |read: &RecordedRow<'_>| {
            let row = Row { time: read.row.time + *shift, ..read.row };
            if last.as_ref().is_none_or(|(subject, _)| subject != read.subject) {
                put(last.take(), &mut injector, recorder);
                let subject = renamer.subject(read.subject, *shift);
                let support: Support = read.support;
                last = Some((read.subject.clone(), Run { series: Series::new(subject, support), rows: Vec::new() }));
            }
            if let Some((_, run)) = &mut last {
                run.rows.push((row, Box::from(read.values)));
            }
        };
        self.left_out += recorded.read(hour, table, &mut take)?;
        put(last, &mut injector, recorder);
        Ok(())
    }
}

fn put(last: Option<(Subject, Run)>, injector: &mut Option<&mut Injector>, recorder: &mut Recorder) {
    let Some((_, mut run)) = last else { return };
    if let Some(injector) = injector {
        injector.change(&run.series.subject.clone(), &mut run);
    }
    for (row, values) in &run.rows {
        recorder.row(&mut run.series, (row.time, row.is_final), row.present, values);
    }
}
