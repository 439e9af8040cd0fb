//! What was read, as plain lists, and a real store with just that in it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use fgm_agent::health::Counters;
use fgm_agent::model::{Identity, Role, Row, SeriesKey, Tick};
use fgm_agent::store::reader::Reader;
use fgm_agent::store::{Options, Store, WallClock};
use fgm_agent::subject::Subject;
use fgm_agent::table::Table;
use proptest::prelude::*;

/// 2026-11-23 04:00:00 UTC.
pub(crate) const START: i64 = 1_795_406_400_000_000;
pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 3600 * SECOND;
/// How long is recorded.
pub(crate) const SECONDS: i64 = 3 * 3600;
pub(crate) const CPU: &str = "cpu_usage_usec";
pub(crate) const MEMORY: &str = "memory_current_bytes";

/// Readings of a container: time, CPU counter, memory where it was read.
pub(crate) type Readings = Vec<(i64, i64, Option<i64>)>;
/// Readings by container.
pub(crate) type Model = BTreeMap<u32, Readings>;

/// What happens to a container; times in seconds after the start.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) born: i64,
    pub(crate) dies: i64,
    /// No readings from here to there.
    pub(crate) gap: (i64, i64),
    /// Its counter begins at 0 again.
    pub(crate) reset: i64,
    /// Memory is read at every so-many-th tick.
    pub(crate) memory_every: i64,
}

impl Life {
    pub(crate) const WHOLE: Self = Self { born: 0, dies: SECONDS, gap: (0, 0), reset: -1, memory_every: 1 };

    /// Whether nothing is missing of it.
    pub(crate) fn is_whole(&self) -> bool {
        (self.born, self.dies) == (0, SECONDS) && self.gap.0 == self.gap.1
    }
}

/// What is recorded, and where its rows lie.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: i64,
    /// The sampling interval.
    pub(crate) step: i64,
    pub(crate) lives: Vec<Life>,
    pub(crate) tail_bytes: usize,
    /// Segments end after so many seconds as well.
    pub(crate) seal_every: i64,
    /// The agent is started anew at this second.
    pub(crate) restart: i64,
    /// So many hours are merged and rolled up.
    pub(crate) merged_hours: i64,
}

impl Scenario {
    /// 1 Hz: container 0 ends where 1 begins; 2 has a gap of ten minutes; 3 falls back to 0 once; 4 reads memory seldom.
    pub(crate) fn fixed() -> Self {
        let whole = Life::WHOLE;
        let lives = vec![
            Life { dies: 5000, ..whole.clone() },
            Life { born: 5004, ..whole.clone() },
            Life { gap: (4000, 4600), ..whole.clone() },
            Life { reset: 7000, ..whole.clone() },
            Life { memory_every: 3, ..whole },
        ];
        let (tail_bytes, seal_every) = (64 << 10, SECONDS + 1);
        Self { seed: 0, step: 1, lives, tail_bytes, seal_every, restart: -1, merged_hours: 2 }
    }

    pub(crate) fn step_usec(&self) -> i64 {
        self.step * SECOND
    }

    /// What is read.
    pub(crate) fn model(&self) -> Model {
        let mut model = Model::new();
        let mut counters = vec![0_i64; self.lives.len()];
        for tick in 0..SECONDS / self.step {
            let second = tick * self.step;
            for (container, life) in (0_u32..).zip(&self.lives) {
                if !(life.born..life.dies).contains(&second) || (life.gap.0..life.gap.1).contains(&second) {
                    continue;
                }
                let chance = noise(self.seed + second * 8 + i64::from(container));
                let counter = &mut counters[container as usize];
                let falls = (second..second + self.step).contains(&life.reset);
                *counter = if falls { chance % 1000 } else { *counter + chance % 900_000 };
                let memory = (tick % life.memory_every == 0).then_some((chance % 5000) * 4096);
                let time = START + second * SECOND + i64::from(container) * 700 + chance % 300;
                model.entry(container).or_default().push((time, *counter, memory));
            }
        }
        model
    }

    /// A store into which it is recorded; `seen` is told, in microseconds, up to where all rows can be asked for.
    pub(crate) fn record(&self, data: &Path, model: &Model, seen: &Seen<'_>) -> (Store, SyncSender<Tick>) {
        let now = Arc::new(AtomicI64::new(START));
        let start = |started: i64| {
            let hands = Arc::clone(&now);
            let clock = WallClock::new(move || hands.load(SeqCst));
            let interval = Duration::from_secs(self.step.unsigned_abs());
            let tail_bytes = self.tail_bytes;
            let options = Options { tail_bytes, interval, clock, ..Options::new(data, "node-1", started) };
            Store::start(options, Arc::new(Counters::default())).unwrap()
        };
        let (mut store, mut sender) = start(START);
        let cut = START + self.restart.clamp(0, SECONDS) * SECOND;
        for window in [(START, cut), (cut, i64::MAX)] {
            if window.0 > START {
                // Whoever reads holds the directory.
                seen(None, window.0);
                drop(sender);
                store.join();
                (store, sender) = start(window.0);
                store.reader().wait_settled();
            }
            let reader = store.reader();
            seen(Some(&reader), window.0);
            for (time, tick) in self.ticks(model, window) {
                let before = reader.engine().ticks();
                now.store(time, SeqCst);
                sender.send(tick).unwrap();
                while reader.engine().ticks() == before {
                    std::thread::yield_now();
                }
                seen(Some(&reader), time + self.step_usec());
            }
        }
        let reader = store.reader();
        reader.wait_settled();
        now.store(START + self.merged_hours * HOUR + 5 * MINUTE, SeqCst);
        reader.keep_up();
        (store, sender)
    }

    /// The ticks of one run of the agent, and when each begins.
    fn ticks(&self, model: &Model, (from, to): (i64, i64)) -> BTreeMap<i64, Tick> {
        let (cpu, memory) = (Table::Containers.column(CPU).unwrap(), Table::Containers.column(MEMORY).unwrap());
        let mut ticks: BTreeMap<i64, Tick> = BTreeMap::new();
        for (&container, readings) in model {
            let last = readings.last().map(|reading| reading.0);
            let of_run = readings.iter().filter(|reading| (from..to).contains(&reading.0));
            for (position, &(time, counter, bytes)) in of_run.enumerate() {
                let begins = time - (time - START).rem_euclid(self.step_usec());
                let tick = ticks.entry(begins).or_default();
                tick.seal = (begins - START) / SECOND % self.seal_every == 0;
                if position == 0 {
                    tick.births.push((SeriesKey(container), Subject::Container(Arc::new(identity(container)))));
                }
                let present = std::iter::once(cpu).chain(bytes.map(|_| memory)).collect();
                let (key, table) = (SeriesKey(container), Table::Containers);
                tick.rows.push(Row { key, table, time, is_final: false, present });
                let begin = tick.values.len();
                tick.values.resize(begin + table.width(), 0);
                tick.values[begin + cpu] = counter;
                tick.values[begin + memory] = bytes.unwrap_or(0);
                if Some(time) == last {
                    tick.deaths.push(SeriesKey(container));
                }
            }
        }
        ticks
    }
}

/// Told how far a store has got, and that there is none for a while.
pub(crate) type Seen<'a> = dyn Fn(Option<&Reader>, i64) + 'a;

pub(crate) fn id(container: u32) -> String {
    format!("{container:064x}")
}

fn identity(container: u32) -> Identity {
    Identity {
        namespace: Some("shop".to_owned()),
        pod: Some(format!("web-{container}")),
        container: Some("app".to_owned()),
        workload: Some(if container < 2 {
            "Deployment/web".to_owned()
        } else {
            format!("Deployment/other-{container}")
        }),
        ..Identity::unnamed(id(container), format!("/kubepods/{container}"), Role::Container)
    }
}

/// A number that looks like chance and is the same each time.
fn noise(seed: i64) -> i64 {
    let mixed = (seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as i64
}

fn life() -> impl Strategy<Value = Life> {
    // Long enough that each has readings; gaps and ends at any second.
    let born = prop_oneof![2 => Just(0), 1 => 0..SECONDS / 2];
    let dies = prop_oneof![2 => Just(SECONDS), 1 => SECONDS / 2 + 600..SECONDS];
    let gap = prop_oneof![2 => Just((0, 0)), 1 => (600..SECONDS, 0..900_i64).prop_map(|(at, long)| (at, at + long))];
    let reset = prop_oneof![Just(-1), 0..SECONDS];
    (born, dies, gap, reset, 1..4_i64).prop_map(|(born, dies, gap, reset, memory_every)| Life {
        born,
        dies,
        gap,
        reset,
        memory_every,
    })
}

/// Any of them.
pub(crate) fn scenario() -> impl Strategy<Value = Scenario> {
    let step = prop::sample::select(vec![2_i64, 5, 10]);
    let seal_every = prop_oneof![Just(SECONDS + 1), 300..4000_i64];
    let restart = prop_oneof![Just(-1), 100..SECONDS - 100];
    let rest = (seal_every, restart, 0..4_i64, prop::sample::select(vec![32_usize << 10, 128 << 10, 4 << 20]));
    (any::<u16>(), step, proptest::collection::vec(life(), 2..6), rest).prop_map(
        |(seed, step, lives, (seal_every, restart, merged_hours, tail_bytes))| {
            let seed = i64::from(seed) * 1_000_003;
            // Memory is read at ticks, so a segment ends at one.
            let seal_every = seal_every / step * step;
            Scenario { seed, step, lives, tail_bytes, seal_every, restart, merged_hours }
        },
    )
}
