//! Puts rows into the segment of the hour at hand.
//!
//! The surprise: a subject's place in a segment holds for one hour, so a [`Series`] looks it up again in each.

use fgm_agent::event::Draft;
use fgm_agent::model::{ColumnSet, Row, SeriesKey, Support, Tick, UnixMicros};
use fgm_agent::store::rowlog::RowBuffer;
use fgm_agent::store::segment::Segment;
use fgm_agent::subject::Subject;

/// A subject and its place in the hour at hand.
#[derive(Clone, Debug)]
pub struct Series {
    /// Who it is.
    pub subject: Subject,
    support: Support,
    place: Option<(u64, usize)>,
}

impl Series {
    /// A subject without rows.
    #[must_use]
    pub fn new(subject: Subject, support: Support) -> Self {
        Self { subject, support, place: None }
    }
}

/// The hour at hand.
#[derive(Debug, Default)]
pub struct Recorder {
    segment: Segment,
    hours: u64,
    buffer: RowBuffer,
    events: u32,
}

impl Recorder {
    /// Appends a row.
    pub fn row(
        &mut self,
        series: &mut Series,
        (time, is_final): (UnixMicros, bool),
        present: ColumnSet,
        values: &[i64],
    ) {
        let hour = self.hours;
        let place = series.place.filter(|(of_hour, _)| *of_hour == hour);
        let (_, index) = *series
            .place
            .insert(place.unwrap_or_else(|| (hour, self.segment.open_series(&series.subject, series.support))));
        let row = Row { key: SeriesKey(0), table: series.subject.table(), time, is_final, present };
        self.segment.append(index, (&row, values), &mut self.buffer);
    }

    /// Appends an event.
    pub fn event(&mut self, draft: Draft) {
        let mut tick = Tick::default();
        draft.put(SeriesKey(self.events), &mut tick);
        self.events += 1;
        let Some((_, subject)) = tick.births.first() else { return };
        let index = self.segment.open_series(subject, Support::default());
        for row in tick.iter() {
            self.segment.append(index, row, &mut self.buffer);
        }
    }

    /// The hour's rows; what comes next is of the next hour.
    pub fn end_hour(&mut self) -> Segment {
        self.hours += 1;
        std::mem::take(&mut self.segment)
    }
}
