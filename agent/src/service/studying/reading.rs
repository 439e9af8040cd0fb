//! Reads series as studies take them.

use std::collections::BTreeMap;

use crate::analysis::study::Signal;
use crate::derived::{self, SeriesSpec};
use crate::service::answers::Questions;
use crate::service::question::{AskError, Points, Selection, Series, SeriesData, SeriesQuestion, TimeRange};

/// One series.
#[derive(Debug)]
pub(super) struct One {
    pub(super) metric: String,
    pub(super) unit: &'static str,
    pub(super) labels: BTreeMap<&'static str, String>,
    pub(super) signal: Signal,
    /// Its values are means of minutes, because readings are gone.
    pub(super) is_of_minutes: bool,
}

/// Asks for series.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) questions: &'a dyn Questions,
}

impl Reader<'_> {
    /// Every reading.
    pub(super) fn all(&self, metric: &str, selection: &Selection, range: TimeRange) -> Result<Vec<One>, AskError> {
        self.series(metric, selection, range, Points::All)
    }

    /// Readings, or the means of at most so many buckets.
    pub(super) fn buckets(
        &self,
        metric: &str,
        selection: &Selection,
        range: TimeRange,
        most: usize,
    ) -> Result<Vec<One>, AskError> {
        self.series(metric, selection, range, Points::AtMost(most))
    }

    pub(super) fn series(
        &self,
        metric: &str,
        selection: &Selection,
        range: TimeRange,
        points: Points,
    ) -> Result<Vec<One>, AskError> {
        let question = SeriesQuestion {
            metrics: vec![metric.to_owned()],
            selection: selection.clone(),
            range,
            points,
            aggregate: None,
            group: None,
        };
        Ok(self.questions.series(&question)?.series.into_iter().map(one).collect())
    }
}

fn one(series: Series) -> One {
    let Series { metric, unit, labels, data, .. } = series;
    let (signal, is_of_minutes) = match data {
        SeriesData::Exact { times, values } => (Signal::new(&times, &values), false),
        SeriesData::Buckets(buckets) => {
            let middles: Vec<i64> = buckets.times.iter().map(|time| time + buckets.width_usec / 2).collect();
            (Signal::new(&middles, &buckets.mean), buckets.from_rollups)
        }
    };
    One { metric, unit, labels, signal, is_of_minutes }
}

/// The metric of a name, of a counter its rate.
pub(super) fn spec(name: &str) -> Result<&'static SeriesSpec, AskError> {
    let found = derived::named(name).ok_or_else(|| {
        let nearest = derived::nearest(name).join(", ");
        AskError::NotFound(format!("there is no metric {name:?}; the nearest are {nearest}; /api/metrics lists all"))
    })?;
    Ok(derived::rate_of(found).unwrap_or(found))
}

/// Says once that minutes were looked at.
pub(super) fn note_minutes(series: &[One], notes: &mut Vec<String>) {
    let note = "of a part of this range only minutes are kept, so means of minutes were looked at";
    if series.iter().any(|one| one.is_of_minutes) && !notes.iter().any(|known| known == note) {
        notes.push(note.to_owned());
    }
}
