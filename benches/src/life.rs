//! Ticks of a made-up node, as the sampler would hand them to the store.
//!
//! The numbers are those of `generate-bench-data`: a benchmark of constants would measure nothing.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use fgm_agent::model::{HOUR_USEC, Keys, Row, SeriesKey, Support, Tick, UnixMicros};
use fgm_agent::store::segment::Segment;
use fgm_agent::subject::Subject;
use fgm_agent::table::Table;
use fgm_bench_gen::recorder::Recorder;
use fgm_bench_gen::scenario::Scenario;
use fgm_bench_gen::world::World;

const SECOND_USEC: i64 = 1_000_000;
/// 2026-11-02 00:00:00 UTC.
pub const BEGAN: UnixMicros = 1_793_577_600_000_000;

/// A node, second by second.
pub struct Life {
    world: World,
    recorder: Recorder,
    second: i64,
    keys: Keys,
    known: HashMap<(Table, String), SeriesKey>,
}

impl Life {
    /// A node of this kind in its first second; it must not live longer than two hours.
    #[must_use]
    pub fn new(scenario: Scenario) -> Self {
        Self {
            world: World::new(scenario, 1, (BEGAN, 2 * HOUR_USEC / SECOND_USEC)),
            recorder: Recorder::default(),
            second: 0,
            keys: Keys::default(),
            known: HashMap::new(),
        }
    }

    /// The rows of the next seconds.
    pub fn segment(&mut self, seconds: i64) -> Segment {
        for second in self.second..self.second + seconds {
            self.world.second(second, &mut self.recorder);
        }
        self.second += seconds;
        self.recorder.end_hour()
    }

    /// The ticks of the next seconds, one a second; the first ends the store's segment at hand.
    ///
    /// # Errors
    /// The rows made are damaged: a bug.
    pub fn ticks(&mut self, seconds: i64) -> Result<Vec<Tick>> {
        let segment = self.segment(seconds);
        let mut ticks: BTreeMap<i64, Tick> = BTreeMap::new();
        for series in segment.series() {
            let (table, id) = (series.subject.table(), series.subject.id().into_owned());
            let mut new: Option<(Subject, Support)> = None;
            let key = *self.known.entry((table, id)).or_insert_with(|| {
                new = Some((series.subject.clone(), series.support));
                self.keys.next()
            });
            let mut rows = series.decoder();
            while let Some(row) = rows.next_row()? {
                let tick = ticks.entry(row.time().div_euclid(SECOND_USEC)).or_default();
                if let Some((subject, support)) = new.take() {
                    tick.births.push((key, subject));
                    tick.support.push((key, support));
                }
                let (time, is_final, present) = (row.time(), row.is_final(), *row.present());
                tick.rows.push(Row { key, table, time, is_final, present });
                let begin = tick.values.len();
                tick.values.resize(begin + table.width(), 0);
                for column in present.iter() {
                    tick.values[begin + column] = row.values()[column];
                }
                if is_final || table == Table::Events {
                    tick.deaths.push(key);
                }
            }
        }
        let mut ticks: Vec<Tick> = ticks.into_values().collect();
        if let Some(first) = ticks.first_mut() {
            first.seal = true;
        }
        Ok(ticks)
    }
}
