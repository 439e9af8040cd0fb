//! The way of a sampling thread to the writer: never waits, drops rows when the writer is behind, forgets no birth.
//!
//! Each sampling thread has its own. The surprise: of a tick that finds the channel full, rows are dropped and counted, but
//! who was born, who died and what happened is told with the next one.

use std::collections::HashSet;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::health::Counters;
use crate::model::{SeriesKey, Tick};
use crate::table::Table;

/// Events kept while the writer is behind, at most.
const MAX_EVENTS: usize = 4096;

/// The sender of an outbox, for whoever must be able to close it.
#[derive(Clone, Debug)]
pub struct Door(Arc<Mutex<Option<SyncSender<Tick>>>>);

impl Door {
    /// Nothing more is sent.
    pub fn close(&self) {
        self.lock().take();
    }

    fn lock(&self) -> MutexGuard<'_, Option<SyncSender<Tick>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One end of the channel to the writer.
#[derive(Debug)]
pub struct Outbox {
    out: Door,
    /// What the writer has not taken yet.
    unsent: Tick,
    counters: Arc<Counters>,
}

impl Outbox {
    /// An outbox into a channel.
    #[must_use]
    pub fn new(out: SyncSender<Tick>, counters: Arc<Counters>) -> Self {
        Self { out: Door(Arc::new(Mutex::new(Some(out)))), unsent: Tick::default(), counters }
    }

    /// What closes it from outside: the writer ends once every outbox is closed, also that of a thread that hangs.
    #[must_use]
    pub fn door(&self) -> Door {
        self.out.clone()
    }

    /// Hands a tick on; false when nobody takes it any more.
    pub fn send(&mut self, tick: Tick) -> bool {
        let tick = self.with_unsent(tick);
        if tick.is_empty() {
            return true;
        }
        let rows = sampled_rows(&tick);
        let sent = match &*self.out.lock() {
            Some(out) => out.try_send(tick),
            None => return false,
        };
        match sent {
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
        let out = self.out.lock().take();
        if !last.is_empty() && out.is_some_and(|out| out.send(last).is_ok()) {
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
        let mut with_rows = HashSet::new();
        for (row, values) in tick.iter() {
            if row.table == Table::Events && kept.rows.len() < MAX_EVENTS {
                with_rows.insert(row.key);
                kept.rows.push(*row);
                kept.values.extend_from_slice(values);
            } else {
                self.counters.rows_dropped.increment();
            }
        }
        // Who came and went meanwhile, and has no row left, need not be told of: else a disk that hangs would fill memory.
        let ended: HashSet<SeriesKey> = tick.deaths.iter().copied().collect();
        let born: HashSet<SeriesKey> = tick.births.iter().map(|(key, _)| *key).collect();
        let passed = |key: &SeriesKey| ended.contains(key) && born.contains(key) && !with_rows.contains(key);
        kept.births = tick.births;
        kept.births.retain(|(key, _)| !passed(key));
        kept.support = tick.support;
        kept.support.retain(|(key, _)| !passed(key));
        kept.deaths = tick.deaths;
        kept.deaths.retain(|key| !passed(key));
        Tick { seal: tick.seal, ..kept }
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
