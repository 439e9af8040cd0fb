//! The way of a sampling thread to the writer: never waits, drops rows when the writer is behind, forgets no birth.
//!
//! Each sampling thread has its own. The surprise: of a tick that finds the channel full, rows are dropped and counted, but
//! who was born, who died and what happened is told with the next one.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};

use crate::health::Counters;
use crate::model::Tick;
use crate::table::Table;

/// Events kept while the writer is behind, at most.
const MAX_EVENTS: usize = 4096;

/// One end of the channel to the writer.
#[derive(Debug)]
pub struct Outbox {
    out: SyncSender<Tick>,
    /// What the writer has not taken yet.
    unsent: Tick,
    counters: Arc<Counters>,
}

impl Outbox {
    /// An outbox into a channel.
    #[must_use]
    pub fn new(out: SyncSender<Tick>, counters: Arc<Counters>) -> Self {
        Self { out, unsent: Tick::default(), counters }
    }

    /// Hands a tick on; false when nobody takes it any more.
    pub fn send(&mut self, tick: Tick) -> bool {
        let tick = self.with_unsent(tick);
        if tick.is_empty() {
            return true;
        }
        let rows = sampled_rows(&tick);
        match self.out.try_send(tick) {
            Ok(()) => {
                self.counters.rows_sampled.add(rows);
                true
            }
            Err(TrySendError::Full(tick)) => {
                self.counters.dropped_ticks.increment();
                self.unsent = self.without_samples(tick);
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        }
    }

    /// Hands on the last tick, and waits until it is taken: the writer takes everything until the last sender is dropped.
    pub fn finish(mut self, tick: Tick) {
        let last = self.with_unsent(tick);
        let rows = sampled_rows(&last);
        if !last.is_empty() && self.out.send(last).is_ok() {
            self.counters.rows_sampled.add(rows);
        }
    }

    fn with_unsent(&mut self, tick: Tick) -> Tick {
        let mut all = std::mem::take(&mut self.unsent);
        all.births.extend(tick.births);
        all.support.extend(tick.support);
        all.rows.extend(tick.rows);
        all.values.extend(tick.values);
        all.deaths.extend(tick.deaths);
        all.seal |= tick.seal;
        all
    }

    /// Rows are dropped but for those of events.
    fn without_samples(&self, tick: Tick) -> Tick {
        let mut kept = Tick::default();
        for (row, values) in tick.iter() {
            if row.table == Table::Events && kept.rows.len() < MAX_EVENTS {
                kept.rows.push(*row);
                kept.values.extend_from_slice(values);
            } else {
                self.counters.rows_dropped.increment();
            }
        }
        Tick { births: tick.births, support: tick.support, deaths: tick.deaths, seal: tick.seal, ..kept }
    }
}

fn sampled_rows(tick: &Tick) -> u64 {
    tick.rows.len() as u64
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;
    use crate::event::{Draft, Kind};
    use crate::model::{ColumnSet, Row, SeriesKey};
    use crate::subject::Subject;

    fn tick(key: u32, time: i64) -> Tick {
        let row = Row { key: SeriesKey(key), table: Table::Node, time, is_final: false, present: ColumnSet::EMPTY };
        Tick {
            births: vec![(SeriesKey(key), Subject::Node)],
            rows: vec![row],
            values: vec![0; Table::Node.width()],
            ..Tick::default()
        }
    }

    #[test]
    fn a_full_channel_drops_rows_but_no_birth_and_no_event() {
        let (out, ticks) = sync_channel(1);
        let counters = Arc::new(Counters::default());
        let mut outbox = Outbox::new(out, Arc::clone(&counters));
        assert!(outbox.send(tick(1, 1)));
        let mut second = tick(2, 2);
        Draft::new(Kind::AgentStop, 3, "an end").put(SeriesKey(9), &mut second);
        assert!(outbox.send(second));
        assert_eq!((counters.dropped_ticks.get(), counters.rows_dropped.get()), (1, 1));
        ticks.recv().unwrap();
        assert!(outbox.send(tick(3, 4)));
        let last = ticks.recv().unwrap();
        assert_eq!(last.births.iter().map(|(key, _)| key.0).collect::<Vec<_>>(), [2, 9, 3]);
        assert_eq!(
            last.iter().map(|(row, _)| (row.table, row.time)).collect::<Vec<_>>(),
            [(Table::Events, 3), (Table::Node, 4)]
        );
        drop(ticks);
        assert!(!outbox.send(tick(4, 5)));
    }
}
