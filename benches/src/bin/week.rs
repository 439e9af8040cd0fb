//! A week of the store in minutes: an injected clock, containers that come and go, sealing, merging, rollups, retention.
//!
//! `cargo run --release -p fgm-benches --bin week` feeds a store with made-up rows of a simulated week, hour by hour, and
//! prints the memory of this process (which is the store, the feeder and nothing else) after the first hour, every day and at
//! the end. What it cannot show is the sampler; the soak does that.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use fgm_agent::event::{Draft, Kind};
use fgm_agent::health::Counters;
use fgm_agent::model::{ColumnSet, HOUR_USEC, Identity, Keys, Role, Row, SeriesKey, Tick, UnixMicros};
use fgm_agent::store::{Options, Reader, Store, WallClock};
use fgm_agent::subject::{Owner, Process, Subject};
use fgm_agent::table::Table;

/// 2026-11-23 00:00:00 UTC, a Monday.
const BEGAN: UnixMicros = 1_795_392_000_000_000;

#[derive(Parser)]
#[command(about = "Runs a week of the store in minutes and watches its memory")]
struct Args {
    /// Hours to simulate.
    #[arg(long, default_value_t = 168)]
    hours: i64,
    /// Containers alive at once.
    #[arg(long, default_value_t = 50)]
    containers: usize,
    /// Seconds between samples.
    #[arg(long, default_value_t = 10)]
    interval: i64,
    /// Containers replaced each hour, at most 60.
    #[arg(long, default_value_t = 6)]
    churn: i64,
    /// Segments that an hour is sealed in, at most 60: 40 are the agent's own 90 s, and take the most time here.
    #[arg(long, default_value_t = 1)]
    segments: i64,
    /// Bytes to keep.
    #[arg(long, default_value_t = 256 << 20)]
    retain_bytes: u64,
}

/// What happens at a tick.
struct Due {
    /// A container is replaced.
    churn: bool,
    /// A segment ends.
    segment: bool,
}

/// What is made up: who lives, and from which numbers on.
struct World {
    keys: Keys,
    alive: Vec<(SeriesKey, SeriesKey, i64)>,
    made: u64,
    out: SyncSender<Tick>,
}

impl World {
    fn born(&mut self, tick: &mut Tick) -> (SeriesKey, SeriesKey, i64) {
        self.made += 1;
        let id = format!("{:064x}", self.made);
        let uid = format!("00000000-0000-4000-8000-{:012x}", self.made / 3);
        let identity = Identity {
            pod_uid: Some(uid.clone()),
            pod: Some(format!("shop-{}", self.made / 3)),
            namespace: Some("shop".to_owned()),
            container: Some("server".to_owned()),
            workload: Some("Deployment/shop".to_owned()),
            ..Identity::unnamed(id.clone(), format!("/kubepods/burstable/pod{uid}/{id}"), Role::Container)
        };
        let (container, process) = (self.keys.next(), self.keys.next());
        let worker = Process {
            owner: Owner::container(&identity),
            pid: u32::try_from(self.made % 4_000_000).unwrap_or(1),
            start_ticks: self.made * 100,
            comm: "server".to_owned(),
            cmdline: Some("/usr/bin/server --listen 0.0.0.0:8080".to_owned()),
        };
        tick.births.push((container, Subject::Container(Arc::new(identity))));
        tick.births.push((process, Subject::Process(Arc::new(worker))));
        (container, process, 0)
    }

    fn tick(&mut self, time: UnixMicros, due: Due) -> Result<()> {
        let mut tick = Tick { seal: due.segment, ..Tick::default() };
        if due.churn {
            let (container, process, _) = self.alive.remove(0);
            tick.deaths.extend([container, process]);
            Draft::new(Kind::ContainerStop, time, "a container is gone").put(self.keys.next(), &mut tick);
            let born = self.born(&mut tick);
            self.alive.push(born);
        }
        for (container, process, count) in &mut self.alive {
            *count += 1;
            push(&mut tick, (*container, Table::Containers), time, 40, *count);
            push(&mut tick, (*process, Table::Processes), time, 20, *count);
        }
        self.out.send(tick).context("the store ended")
    }
}

/// A row with so many columns, some of which move at each reading.
fn push(tick: &mut Tick, (key, table): (SeriesKey, Table), time: UnixMicros, columns: usize, count: i64) {
    let start = tick.values.len();
    tick.values.resize(start + table.width(), 0);
    let mut present = ColumnSet::EMPTY;
    for column in 0..columns {
        present.insert(column);
        // What tells a process from others stays.
        let moves = column % 3 == 0 && (table != Table::Processes || column > 2);
        tick.values[start + column] =
            if moves { count * 1000 + (count * 7919 + column as i64 * 31) % 997 } else { 4096 };
    }
    tick.rows.push(Row { key, table, time, is_final: false, present });
}

fn main() -> Result<()> {
    let args = Args::parse();
    let data = tempfile::tempdir()?;
    let now = Arc::new(AtomicI64::new(BEGAN));
    let mut options = Options::new(data.path(), "week", BEGAN);
    let clock = Arc::clone(&now);
    options.clock = WallClock::new(move || clock.load(Relaxed));
    options.budget.bytes = args.retain_bytes;
    let counters = Arc::new(Counters::default());
    let (store, out) = Store::start(options, Arc::clone(&counters))?;
    let reader = store.reader();
    let mut world = World { keys: Keys::default(), alive: Vec::new(), made: 0, out };
    let mut first = Tick::default();
    for _ in 0..args.containers {
        let born = world.born(&mut first);
        world.alive.push(born);
    }
    world.out.send(first).context("the store ended")?;
    let mut after_first = None;
    println!("hour  RSS MB  (heap)  files  MB on disk  containers made  rows so far");
    for hour in 1..=args.hours {
        let begin = BEGAN + (hour - 1) * HOUR_USEC;
        for second in (0..3600).step_by(usize::try_from(args.interval)?) {
            let time = begin + second * 1_000_000;
            now.store(time, Relaxed);
            let each = |times: i64| times > 0 && second % (3600 / times) / args.interval == 0;
            world.tick(time, Due { churn: each(args.churn), segment: each(args.segments) })?;
        }
        reader.wait_settled();
        reader.keep_up();
        let printed = hour <= 2 || hour % 24 == 0 || hour == args.hours;
        if printed {
            half_a_second_passes(&reader);
        }
        let (rss, heap) = (status_mb("VmRSS")?, status_mb("RssAnon")?);
        // The first hour's segment is only then sealed and merged when the second one begins.
        if hour == 2 {
            after_first = Some(rss);
        }
        if printed {
            let status = reader.status();
            println!(
                "{hour:4}  {rss:6.1}  {heap:6.1}  {:5}  {:10.1}  {:15}  {}",
                status.files,
                status.bytes as f64 / 1e6,
                world.made,
                counters.rows_written.get()
            );
        }
    }
    let end = status_mb("VmRSS")?;
    // An answer that lists them all takes memory of its own, which would hide what the store keeps.
    println!("{} containers known", reader.containers().len());
    drop(world);
    let summary = store.join();
    ensure!(summary.lost_rows == 0, "{} rows were lost", summary.lost_rows);
    if let Some(first) = after_first {
        println!(
            "memory at the end / after the first hour: {:.2}; {} merge errors",
            end / first,
            counters.merge_errors.get()
        );
    }
    Ok(())
}

/// An hour takes a fifth of a second here. The allocator gives freed memory back after that time, while it is asked for other
/// memory: an agent does that all the time, this program only here.
fn half_a_second_passes(reader: &Reader) {
    for _ in 0..50 {
        std::thread::sleep(Duration::from_millis(10));
        for _ in 0..20 {
            std::hint::black_box(reader.status());
        }
    }
}

/// A size of `/proc/self/status`: `VmRSS`, or what of it is no file's, `RssAnon`.
fn status_mb(key: &str) -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).context("a key of status")?;
    let kib: f64 = line.split_whitespace().next().context("a number")?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}
