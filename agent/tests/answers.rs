//! Answers against a plain model: the same rows through a real store, wherever they lie, and through a few lines of arithmetic.
//!
//! Three hours of five containers at 1 Hz with a reset, a gap, nulls and a restart: two hours merged and rolled up, the rest in
//! segments and in memory; asked of the running store, of a view of its directory, and of rollups alone.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::mpsc::SyncSender;

use fgm_agent::app::recorded::Recordings;
use fgm_agent::health::Counters;
use fgm_agent::model::{Identity, Role, Row, SeriesKey, Tick};
use fgm_agent::service::Recorded;
use fgm_agent::service::answers::Questions;
use fgm_agent::service::asking::Asking;
use fgm_agent::service::question::{
    Aggregate, ExportFormat, ExportQuestion, GroupBy, Points, Selection, Series, SeriesAnswer, SeriesData,
    SeriesQuestion, TimeRange, TopBy, TopQuestion,
};
use fgm_agent::store::{Options, Store, WallClock};
use fgm_agent::subject::Subject;
use fgm_agent::table::Table;

/// 2026-11-23 04:00:00 UTC.
const START: i64 = 1_795_406_400_000_000;
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 3600 * SECOND;
const SECONDS: i64 = 3 * 3600;
const CPU: &str = "cpu_usage_usec";
const MEMORY: &str = "memory_current_bytes";

/// Readings of a container: time, CPU counter, memory where it was read.
type Readings = Vec<(i64, i64, Option<i64>)>;

fn id(container: u32) -> String {
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

/// What was read: container 0 ends where 1 begins; 2 has a gap of ten minutes; 3 falls back to 0 once; 4 reads memory seldom.
fn model() -> BTreeMap<u32, Readings> {
    let mut model: BTreeMap<u32, Readings> = BTreeMap::new();
    let mut counters = [0_i64; 5];
    for second in 0..SECONDS {
        for container in 0..5_u32 {
            let lives = match container {
                0 => second < 5000,
                1 => second > 5003,
                2 => !(4000..4600).contains(&second),
                _ => true,
            };
            if !lives {
                continue;
            }
            let chance = noise(second * 8 + i64::from(container));
            let counter = &mut counters[container as usize];
            *counter = if container == 3 && second == 7000 { chance % 1000 } else { *counter + chance % 900_000 };
            let memory = (container != 4 || second % 3 == 0).then_some((chance % 5000) * 4096);
            let time = START + second * SECOND + i64::from(container) * 700 + chance % 300;
            model.entry(container).or_default().push((time, *counter, memory));
        }
    }
    model
}

fn ticks(model: &BTreeMap<u32, Readings>) -> Vec<Tick> {
    let (cpu, memory) = (Table::Containers.column(CPU).unwrap(), Table::Containers.column(MEMORY).unwrap());
    let mut by_second: BTreeMap<i64, Tick> = BTreeMap::new();
    for (&container, readings) in model {
        for (position, &(time, counter, bytes)) in readings.iter().enumerate() {
            let tick = by_second.entry((time - START) / SECOND).or_default();
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
            if position + 1 == readings.len() {
                tick.deaths.push(SeriesKey(container));
            }
        }
    }
    by_second.into_values().collect()
}

/// A store with the rows in it: two hours merged, the rest in segments and in memory.
fn recorded(data: &Path, model: &BTreeMap<u32, Readings>) -> (Store, SyncSender<Tick>) {
    let now = Arc::new(AtomicI64::new(START));
    let hands = Arc::clone(&now);
    let clock = WallClock::new(move || hands.load(SeqCst));
    let options = Options { tail_bytes: 64 << 10, clock, ..Options::new(data, "node-1", START) };
    let (store, sender) = Store::start(options, Arc::new(Counters::default())).unwrap();
    let reader = store.reader();
    for (second, tick) in (0_i64..).zip(ticks(model)) {
        let before = reader.engine().ticks();
        now.store(START + second * SECOND, SeqCst);
        sender.send(tick).unwrap();
        while reader.engine().ticks() == before {
            std::thread::yield_now();
        }
    }
    reader.wait_settled();
    now.store(START + 2 * HOUR + 5 * MINUTE, SeqCst);
    reader.keep_up();
    assert!(reader.status().tail_rows > 0, "some rows are in memory");
    (store, sender)
}

fn asking(recordings: Recordings) -> Asking {
    let recorded: Arc<dyn Recorded> = Arc::new(recordings);
    Asking { recorded, processes_usec: None }
}

fn question(metric: &str, (from, to): (i64, i64), points: Points) -> SeriesQuestion {
    let (selection, range) = (Selection::default(), TimeRange { from, to });
    SeriesQuestion { metrics: vec![metric.to_owned()], selection, range, points, aggregate: None, group: None }
}

fn of(answer: &SeriesAnswer, container: u32) -> &Series {
    let series = answer.series.iter().find(|series| series.labels.get("container_id") == Some(&id(container)));
    series.unwrap()
}

/// The points of a series that are no gap.
fn exact(series: &Series) -> Vec<(i64, f64)> {
    let SeriesData::Exact { times, values } = &series.data else { panic!("buckets, not points") };
    times.iter().copied().zip(values.iter().copied()).filter(|(_, value)| !value.is_nan()).collect()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

/// Cores between two readings next to each other, at the time of the second.
fn rates(readings: &Readings) -> Vec<(i64, f64, f64)> {
    let pairs = readings.windows(2).filter(|pair| pair[1].0 - pair[0].0 < 5 * SECOND / 2);
    let rate = |pair: &[(i64, i64, Option<i64>)]| {
        let grown = if pair[1].1 < pair[0].1 { pair[1].1 } else { pair[1].1 - pair[0].1 };
        let usec = (pair[1].0 - pair[0].0) as f64;
        (pair[1].0, grown as f64 / usec, usec)
    };
    pairs.map(rate).collect()
}

fn within<T: Copy>(values: &[T], time: impl Fn(&T) -> i64, (from, to): (i64, i64)) -> Vec<T> {
    values.iter().copied().filter(|value| (from..to).contains(&time(value))).collect()
}

/// Min, max, mean, last of memory in each bucket.
fn memory_buckets(readings: &Readings, width: i64, range: (i64, i64)) -> BTreeMap<i64, [f64; 4]> {
    let mut buckets: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (time, _, memory) in within(readings, |reading| reading.0, range) {
        buckets.entry(time - time.rem_euclid(width)).or_default().extend(memory.map(|bytes| bytes as f64));
    }
    let fold = |values: Vec<f64>| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        [min, values.iter().copied().fold(0.0, f64::max), mean, *values.last().unwrap()]
    };
    buckets.into_iter().filter(|(_, values)| !values.is_empty()).map(|(start, values)| (start, fold(values))).collect()
}

fn told_buckets(series: &Series) -> (i64, BTreeMap<i64, [f64; 4]>) {
    let SeriesData::Buckets(told) = &series.data else { panic!("points, not buckets") };
    let one = |at: usize| (told.times[at], [told.min[at], told.max[at], told.mean[at], told.last[at]]);
    let known = (0..told.times.len()).filter(|&at| !told.mean[at].is_nan());
    (told.width_usec, known.map(one).collect())
}

const WHOLE: (i64, i64) = (START, START + SECONDS * SECOND + SECOND);
/// Begins and ends in the middle of minutes, of merged hours and of memory.
const PART: (i64, i64) = (START + 1700 * SECOND + 1, START + SECONDS * SECOND - 17 * SECOND);

fn check_points(asking: &Asking, model: &BTreeMap<u32, Readings>) {
    for range in [WHOLE, PART, (START + 4000 * SECOND, START + 4010 * SECOND)] {
        let memory = asking.series(&question(MEMORY, range, Points::All)).unwrap();
        let cores = asking.series(&question("cpu_usage_cores", range, Points::All)).unwrap();
        for (&container, readings) in model {
            let expected = within(readings, |reading| reading.0, range);
            let expected: Vec<_> = expected.iter().filter_map(|r| Some((r.0, r.2? as f64))).collect();
            if expected.is_empty() {
                assert!(!memory.series.iter().any(|series| series.labels["container_id"] == id(container)));
                continue;
            }
            assert_eq!(exact(of(&memory, container)), expected, "memory of {container} in {range:?}");
            let expected = within(&rates(readings), |rate| rate.0, range);
            let told = exact(of(&cores, container));
            assert_eq!(told.len(), expected.len(), "cores of {container} in {range:?}");
            for ((time, value), (at, rate, _)) in told.iter().zip(&expected) {
                assert!(*time == *at && near(*value, *rate), "{container}: {value} at {time}, not {rate} at {at}");
            }
        }
    }
}

/// Buckets from rollups where there are, and from readings elsewhere; `points` decides how wide they are.
fn check_buckets(asking: &Asking, model: &BTreeMap<u32, Readings>) {
    for (points, least) in [(500, SECOND), (100, MINUTE), (7, 20 * MINUTE)] {
        // A minute that a range begins in counts as a whole where it comes from a rollup: whole minutes, so that both agree.
        let range = (START + 1740 * SECOND, START + 10_740 * SECOND);
        let answer = asking.series(&question(MEMORY, range, Points::AtMost(points))).unwrap();
        for (&container, readings) in model {
            let (width, told) = told_buckets(of(&answer, container));
            assert!(width >= least, "{width}");
            let expected = memory_buckets(readings, width, range);
            assert_eq!(told.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{container}, {points}");
            for (start, values) in &told {
                let same = values.iter().zip(&expected[start]).all(|(a, b)| near(*a, *b));
                assert!(same, "{container} at {start}: {values:?}, not {:?}", expected[start]);
            }
        }
    }
}

fn check_rate_means(asking: &Asking, model: &BTreeMap<u32, Readings>) {
    let range = (START + HOUR / 2, START + HOUR + HOUR / 2);
    let answer = asking.series(&question("cpu_usage_cores", range, Points::AtMost(10))).unwrap();
    // Of these nothing is missing in the time, so that both ways know every increase.
    for container in [0, 3, 4] {
        let (width, told) = told_buckets(of(&answer, container));
        let readings = rates(&model[&container]);
        for (start, [_, max, mean, _]) in told {
            let inside = within(&readings, |rate| rate.0, (start.max(range.0), (start + width).min(range.1)));
            if inside.is_empty() || container == 0 && start + width > START + 4900 * SECOND {
                continue;
            }
            let expected = inside.iter().map(|(_, rate, usec)| rate * usec).sum::<f64>()
                / inside.iter().map(|(.., usec)| usec).sum::<f64>();
            assert!((mean - expected).abs() < 0.01 * expected, "{container} at {start}: {mean}, not {expected}");
            let highest = inside.iter().map(|(_, rate, _)| *rate).fold(0.0, f64::max);
            assert!((max - highest).abs() < 0.01 * highest, "{container} at {start}: at most {max}, not {highest}");
        }
    }
}

fn check_sums(asking: &Asking, model: &BTreeMap<u32, Readings>) {
    let range = (START + 6000 * SECOND, START + 6600 * SECOND);
    let mut sum = question("memory_max_bytes", range, Points::AtMost(1000));
    sum.aggregate = Some(Aggregate::Sum);
    let nothing = asking.series(&sum).unwrap();
    assert!(nothing.series.is_empty() && nothing.notes[0].contains("memory_max_bytes"), "{nothing:?}");
    sum.metrics = vec![MEMORY.to_owned()];
    let told = exact(&asking.series(&sum).unwrap().series[0]);
    assert_eq!(told.len(), 600);
    for (time, value) in told.iter().skip(2) {
        let second = (*time, *time + SECOND);
        let latest = |readings: &Readings| {
            within(readings, |reading| reading.0, (second.0 - 2 * SECOND, second.1)).iter().rev().find_map(|r| r.2)
        };
        let expected: i64 = model.values().filter_map(latest).sum();
        assert!(near(*value, expected as f64), "{value} at {time}, not {expected}");
    }
    sum.group = Some(GroupBy::Pod);
    sum.aggregate = Some(Aggregate::Max);
    let pods = asking.series(&sum).unwrap();
    let names: Vec<&str> = pods.series.iter().map(|series| series.labels["pod"].as_str()).collect();
    assert_eq!(names, ["web-1", "web-2", "web-3", "web-4"]);
}

fn check_joined_and_top(asking: &Asking, model: &BTreeMap<u32, Readings>) {
    let mut joined = question(MEMORY, WHOLE, Points::All);
    joined.group = Some(GroupBy::Workload);
    let answer = asking.series(&joined).unwrap();
    let web = answer.series.iter().find(|series| series.labels["workload"] == "Deployment/web").unwrap();
    let both = model[&0].iter().chain(&model[&1]).filter_map(|r| Some((r.0, r.2? as f64))).collect::<Vec<_>>();
    assert_eq!(exact(web), both);
    let marks: Vec<&str> = web.marks.iter().map(|mark| mark.container_id.as_str()).collect();
    assert_eq!(marks, [id(0), id(1)]);
    let top = TopQuestion {
        metric: MEMORY.to_owned(),
        selection: Selection::default(),
        range: TimeRange { from: WHOLE.0, to: WHOLE.1 },
        by: TopBy::Max,
        limit: 2,
        group: None,
    };
    let answer = asking.top(&top).unwrap();
    let most = |readings: &Readings| readings.iter().filter_map(|r| r.2).max().unwrap();
    let mut expected: Vec<i64> = model.values().map(most).collect();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    let told: Vec<i64> = answer.entries.iter().map(|entry| entry.max as i64).collect();
    assert_eq!((told, answer.total), (expected[..2].to_vec(), 5));
}

fn check_export(asking: &Asking, model: &BTreeMap<u32, Readings>) {
    let export = ExportQuestion {
        table: "containers".to_owned(),
        selection: Selection { containers: vec![id(2)], ..Selection::default() },
        range: TimeRange { from: PART.0, to: PART.1 },
        columns: vec!["container_id".to_owned(), CPU.to_owned()],
        format: ExportFormat::Csv,
    };
    let mut written = Vec::new();
    asking.export(&export, &mut written).unwrap();
    let text = String::from_utf8(written).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("time,container_id,cpu_usage_usec"));
    let told: Vec<i64> = lines.map(|line| line.rsplit_once(',').unwrap().1.parse().unwrap()).collect();
    let expected: Vec<i64> = within(&model[&2], |reading| reading.0, PART).iter().map(|reading| reading.1).collect();
    assert_eq!(told, expected);
    let wrong = ExportQuestion { columns: vec!["cpu_usage".to_owned()], ..export };
    let sentence = asking.export(&wrong, &mut Vec::new()).unwrap_err().to_string();
    assert!(sentence.contains("the nearest is cpu_usage_usec"), "{sentence}");
}

fn check_all(asking: &Asking, model: &BTreeMap<u32, Readings>) {
    check_points(asking, model);
    check_buckets(asking, model);
    check_rate_means(asking, model);
    check_sums(asking, model);
    check_joined_and_top(asking, model);
    check_export(asking, model);
}

#[test]
fn answers_are_those_of_a_plain_model_wherever_the_rows_lie() {
    let data = tempfile::tempdir().unwrap();
    let model = model();
    let (store, sender) = recorded(data.path(), &model);
    check_all(&asking(Recordings::of_store(store.reader())), &model);
    // Beside the running store: what it has in memory is seen in its spill.
    check_all(&asking(Recordings::view(vec![data.path().to_owned()]).unwrap()), &model);
    drop(sender);
    store.join();
    check_all(&asking(Recordings::view(vec![data.path().to_owned()]).unwrap()), &model);

    // Retention took the readings: rollups alone answer, and it is said.
    std::fs::remove_dir_all(data.path().join("containers")).unwrap();
    let rollups = asking(Recordings::view(vec![data.path().to_owned()]).unwrap());
    let range = (START, START + 2 * HOUR);
    let answer = rollups.series(&question(MEMORY, range, Points::All)).unwrap();
    assert!(answer.notes.iter().any(|note| note.contains("only minutes")), "{:?}", answer.notes);
    for container in 0..5 {
        let (width, told) = told_buckets(of(&answer, container));
        assert_eq!(width, MINUTE);
        let expected = memory_buckets(&model[&container], MINUTE, range);
        assert!(
            told.len() == expected.len()
                && told
                    .iter()
                    .all(|(start, values)| { values.iter().zip(&expected[start]).all(|(a, b)| near(*a, *b)) }),
            "{container}"
        );
    }
}
