//! A running sampler, and what it says.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use fgm_agent::config::Scope;
use fgm_agent::event::Kind;
use fgm_agent::health::Counters;
use fgm_agent::hierarchy::Hierarchy;
use fgm_agent::metric::column;
use fgm_agent::model::{Identity, Row, SeriesKey, Support, Tick};
use fgm_agent::sampler::wait::StopSwitch;
use fgm_agent::sampler::{Options, Sampler};
use fgm_agent::subject::{Device, Event, Subject};
use fgm_agent::table::Table;

use crate::bed;

/// A running sampler and all that it has said.
pub struct Watch {
    pub ticks: Receiver<Tick>,
    pub stop: StopSwitch,
    pub thread: Option<std::thread::JoinHandle<()>>,
    pub identities: HashMap<SeriesKey, Arc<Identity>>,
    pub support: HashMap<SeriesKey, Support>,
    pub rows: Vec<(Row, Vec<i64>)>,
    pub deaths: Vec<SeriesKey>,
    pub devices: HashMap<SeriesKey, Arc<Device>>,
    pub events: Vec<(Arc<Event>, Row, Vec<i64>)>,
    /// Ticks that end a segment.
    pub seals: u64,
}

impl Watch {
    pub fn start(interval: Duration) -> Self {
        Self::start_with(interval, Scope::Containers, Path::new(bed::CGROUP_ROOT))
    }

    pub fn start_with(interval: Duration, scope: Scope, root: &Path) -> Self {
        let hierarchy = Hierarchy::detect(root).expect("a hierarchy");
        let options = Options {
            interval,
            scope,
            proc_root: "/proc".into(),
            may_keep_open: 10_000,
            cpu_budget: 1.0,
            ..Options::default()
        };
        let (out, ticks) = sync_channel(1000);
        let (sampler, stop, _) = Sampler::start(options, hierarchy, Arc::new(Counters::default()), out).expect("start");
        let thread = Some(std::thread::spawn(|| sampler.run()));
        Self {
            ticks,
            stop,
            thread,
            identities: HashMap::new(),
            support: HashMap::new(),
            rows: Vec::new(),
            deaths: Vec::new(),
            devices: HashMap::new(),
            events: Vec::new(),
            seals: 0,
        }
    }

    /// Takes ticks until something holds.
    pub fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !holds(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            let tick = self.ticks.recv_timeout(left).unwrap_or_else(|_| panic!("waited in vain: {what}"));
            self.take(&tick);
        }
    }

    pub fn take(&mut self, tick: &Tick) {
        self.seals += u64::from(tick.seal);
        let known = tick.births.iter().filter_map(|(key, subject)| Some((*key, Arc::clone(subject.identity()?))));
        self.identities.extend(known);
        for (key, subject) in &tick.births {
            if let Subject::IoDevice(device) = subject {
                self.devices.insert(*key, Arc::clone(device));
            }
        }
        let happened = tick.births.iter().filter_map(|(key, subject)| match subject {
            Subject::Event(event) => Some((*key, Arc::clone(event))),
            _ => None,
        });
        for (key, event) in happened {
            let (row, values) = tick.iter().find(|(row, _)| row.key == key).expect("an event's row");
            self.events.push((event, *row, values.to_vec()));
        }
        self.support.extend(tick.support.iter().copied());
        self.rows.extend(tick.iter().map(|(row, values)| (*row, values.to_vec())));
        self.deaths.extend(&tick.deaths);
    }

    pub fn key(&self, container_id: &str) -> Option<SeriesKey> {
        self.identities.iter().find(|(_, identity)| identity.container_id == container_id).map(|(key, _)| *key)
    }

    pub fn rows_of<'a>(&'a self, container_id: &str) -> impl DoubleEndedIterator<Item = &'a (Row, Vec<i64>)> {
        let key = self.key(container_id);
        self.rows.iter().filter(move |(row, _)| Some(row.key) == key)
    }

    pub fn has_row(&self, container_id: &str) -> bool {
        self.rows_of(container_id).next().is_some()
    }

    pub fn died(&self, container_id: &str) -> bool {
        self.key(container_id).is_some_and(|key| self.deaths.contains(&key))
    }

    /// The events of a kind that happened to a container.
    pub fn events_of(&self, container_id: &str, kind: Kind) -> Vec<(&Event, &Row, &[i64])> {
        let all = self.events.iter().filter(|(event, ..)| {
            event.kind == kind.as_str() && event.owner.container_id.as_deref() == Some(container_id)
        });
        all.map(|(event, row, values)| (&**event, row, values.as_slice())).collect()
    }

    /// The newest value of a column.
    pub fn last(&self, container_id: &str, metric: &str) -> Option<i64> {
        let column = column(metric).expect("a metric");
        let mut newest_first = self.rows_of(container_id).rev();
        newest_first.find(|(row, _)| row.present.contains(column)).map(|(_, values)| values[column])
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.stop();
        let ended = self.thread.take().expect("started once").join();
        assert!(ended.is_ok() || std::thread::panicking(), "the sampler panicked");
    }
}

/// A number of an event.
pub fn number((_, row, values): &(&Event, &Row, &[i64]), name: &str) -> Option<i64> {
    let column = Table::Events.column(name).expect("a column of events");
    row.present.contains(column).then(|| values[column])
}
