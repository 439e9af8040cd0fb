//! What recording costs: a tick into memory and the spill, a segment into files, the files of an hour into one.
//!
//! `cargo bench --bench store`. The node is that of `generate-bench-data --scenario realistic`: about 20 containers with their
//! pods, processes, networks and devices, 1 Hz. Each benchmark checks how many rows it got. Files are written where temporary
//! files go; name another disk in TMPDIR.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fgm_agent::health::Counters;
use fgm_agent::model::{HOUR_USEC, Tick};
use fgm_agent::store::footer::Origin;
use fgm_agent::store::frame::Frame;
use fgm_agent::store::rotation::Limits;
use fgm_agent::store::spill::{SpillFile, SpillHeader};
use fgm_agent::store::tail::{Appended, Tail};
use fgm_agent::store::{Options, Store, WallClock, sealed};
use fgm_bench_gen::scenario::Scenario;
use fgm_benches::life::{BEGAN, Life};

/// Seconds that the agent's own segments last.
const SEGMENT_S: i64 = 90;
const SEGMENTS: i64 = 40;

fn origin() -> Origin {
    Origin {
        node: "bench-node".to_owned(),
        run_id: "20261102T000000.000000Z".to_owned(),
        segment: "20261102T000000.000000Z/1".to_owned(),
        agent_version: "0".to_owned(),
        git_revision: "0".to_owned(),
        interval_usec: 1_000_000,
    }
}

fn rows(ticks: &[Tick]) -> u64 {
    ticks.iter().map(|tick| tick.rows.len() as u64).sum()
}

/// What the writer does with a tick: encode its rows into memory, and append them to the spill.
fn append_tick(criterion: &mut Criterion) {
    let ticks = Life::new(Scenario::Realistic).ticks(SEGMENT_S).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("append_tick");
    group.throughput(Throughput::Elements(rows(&ticks) / ticks.len() as u64));
    group.bench_function("realistic", |bencher| {
        bencher.iter_custom(|turns| {
            let (mut taken, mut left) = (Duration::ZERO, turns);
            while left > 0 {
                let limits = Limits { age: Duration::from_secs(3600), bytes: 1 << 30 };
                let (mut tail, mut frame) = (Tail::new(limits), Frame::default());
                let (mut spill, _) = SpillFile::create(directory.path(), &SpillHeader::new(&origin(), left)).unwrap();
                for tick in ticks.iter().take(usize::try_from(left).unwrap()) {
                    let begun = Instant::now();
                    tail.begin(tick, &mut frame);
                    assert!(matches!(tail.append((tick, 0), begun, &mut frame), Appended::Whole));
                    tail.end(tick);
                    spill.append(&mut frame).unwrap();
                    frame.clear();
                    taken += begun.elapsed();
                    left -= 1;
                }
                std::fs::remove_file(spill.path()).unwrap();
            }
            taken
        });
    });
}

fn seal(criterion: &mut Criterion) {
    let segment = Life::new(Scenario::Realistic).segment(SEGMENT_S);
    let mut group = criterion.benchmark_group("seal");
    group.throughput(Throughput::Elements(segment.rows())).sample_size(30);
    group.bench_function("realistic", |bencher| {
        bencher.iter(|| {
            let mut written = 0;
            for table in segment.tables() {
                written += sealed::write(&segment, table, &origin(), tempfile::tempfile().unwrap()).unwrap();
            }
            assert_eq!(written, segment.rows());
        });
    });
}

fn options(data: &Path) -> Options {
    let mut options = Options::new(data, "bench-node", BEGAN);
    options.budget.age = Duration::MAX;
    options.budget.rollup_age = Duration::MAX;
    options
}

/// An hour of segments, as the agent leaves them.
fn record_an_hour(data: &Path) -> u64 {
    let (store, sender) = Store::start(options(data), Arc::new(Counters::default())).unwrap();
    let mut life = Life::new(Scenario::Realistic);
    let mut sent = 0;
    for _ in 0..SEGMENTS {
        let ticks = life.ticks(SEGMENT_S).unwrap();
        sent += rows(&ticks);
        ticks.into_iter().for_each(|tick| sender.send(tick).unwrap());
        // Faster than any agent, rows would wait in memory.
        store.reader().wait_settled();
    }
    drop(sender);
    store.join();
    sent
}

/// An hour that is over: its files become one per table, with rollups beside it.
fn compact(criterion: &mut Criterion) {
    let recorded = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("compact");
    group.sample_size(10);
    let mut hour = None;
    group.bench_function("realistic", |bencher| {
        let sent = *hour.get_or_insert_with(|| record_an_hour(recorded.path()));
        bencher.iter_batched(
            || {
                let copy = tempfile::tempdir().unwrap();
                fgm_benches::copy_all(recorded.path(), copy.path()).unwrap();
                let mut options = options(copy.path());
                options.clock = WallClock::new(|| BEGAN + 3 * HOUR_USEC);
                let counters = Arc::new(Counters::default());
                let (store, sender) = Store::start(options, Arc::clone(&counters)).unwrap();
                store.reader().wait_settled();
                assert_eq!(store.reader().status().rows, sent);
                (store, sender, counters, copy)
            },
            |(store, sender, counters, copy)| {
                store.reader().keep_up();
                assert!(counters.merged_files.get() >= 7, "{}", counters.merged_files.get());
                assert_eq!(counters.merge_errors.get(), 0);
                // The same readings, and minutes beside them.
                assert!(store.reader().status().rows > sent);
                (store, sender, copy)
            },
            BatchSize::PerIteration,
        );
    });
}

criterion_group!(benches, append_tick, seal, compact);
criterion_main!(benches);
