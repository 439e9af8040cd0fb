//! Answers against a plain model: the same rows through a real store, wherever they lie, and through a few lines of arithmetic.
//!
//! Three hours of a few containers with resets, gaps, nulls, ends and restarts of the agent; hours merged and rolled up, the rest
//! in segments and in memory; asked of the running store, also while it records, seals and merges, of a view of its directory,
//! of rollups alone, and of DuckDB.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::print_stdout, reason = "a test")]

mod model;
#[path = "../rig/python.rs"]
mod python;
mod studied;
mod whose;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use fgm_agent::app::recorded::Recordings;
use fgm_agent::service::Recorded;
use fgm_agent::service::answers::Questions;
use fgm_agent::service::asking::Asking;
use fgm_agent::service::question::{
    Aggregate, ExportFormat, ExportQuestion, GroupBy, Points, Selection, Series, SeriesAnswer, SeriesData,
    SeriesQuestion, TimeRange, TopBy, TopQuestion,
};
use fgm_agent::store::reader::Reader;
use model::{CPU, HOUR, Life, MEMORY, MINUTE, Model, Readings, SECOND, SECONDS, START, Scenario, id, scenario};
use proptest::prelude::*;
use serde_json::json;

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
fn rates(readings: &Readings, step: i64) -> Vec<(i64, f64, f64)> {
    let pairs = readings.windows(2).filter(|pair| pair[1].0 - pair[0].0 < 5 * step / 2);
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
const SHORT: (i64, i64) = (START + 4000 * SECOND, START + 4010 * SECOND);

/// What is asked, what was read, and how far apart readings are.
struct Check<'a> {
    asking: &'a Asking,
    model: &'a Model,
    lives: &'a [Life],
    step: i64,
}

impl Check<'_> {
    fn all(&self) {
        [WHOLE, PART, SHORT].into_iter().for_each(|range| self.points(range));
        self.buckets();
        self.rate_means();
        self.sums((START + 6000 * SECOND, START + 6600 * SECOND));
        self.top();
        self.export();
    }

    fn points(&self, range: (i64, i64)) {
        let memory = self.asking.series(&question(MEMORY, range, Points::All)).unwrap();
        let cores = self.asking.series(&question("cpu_usage_cores", range, Points::All)).unwrap();
        let listed = |answer: &SeriesAnswer, container| {
            answer.series.iter().any(|series| series.labels["container_id"] == id(container))
        };
        for (&container, readings) in self.model {
            let expected = within(readings, |reading| reading.0, range);
            let expected: Vec<_> = expected.iter().filter_map(|r| Some((r.0, r.2? as f64))).collect();
            if expected.is_empty() {
                assert!(!listed(&memory, container));
            } else {
                assert_eq!(exact(of(&memory, container)), expected, "memory of {container} in {range:?}");
            }
            let expected = within(&rates(readings, self.step), |rate| rate.0, range);
            if expected.is_empty() {
                assert!(!listed(&cores, container));
                continue;
            }
            let told = exact(of(&cores, container));
            assert_eq!(told.len(), expected.len(), "cores of {container} in {range:?}");
            for ((time, value), (at, rate, _)) in told.iter().zip(&expected) {
                assert!(*time == *at && near(*value, *rate), "{container}: {value} at {time}, not {rate} at {at}");
            }
        }
    }

    /// Buckets from rollups where there are, and from readings elsewhere; `points` decides how wide they are.
    fn buckets(&self) {
        for points in [500, 100, 7] {
            // A minute that a range begins in counts as a whole where it comes from a rollup: whole minutes, so that both agree.
            let range = (START + 1740 * SECOND, START + 10_740 * SECOND);
            let answer = self.asking.series(&question(MEMORY, range, Points::AtMost(points))).unwrap();
            for (&container, readings) in self.model {
                let known = within(readings, |reading| reading.0, range);
                let known: Vec<_> = known.iter().filter_map(|r| Some((r.0, r.2? as f64))).collect();
                if known.is_empty() {
                    continue;
                }
                let series = of(&answer, container);
                if let SeriesData::Exact { .. } = series.data {
                    assert!(known.len() <= points);
                    assert_eq!(exact(series), known, "{container}, {points}");
                    continue;
                }
                let (width, told) = told_buckets(series);
                assert!(told.len() <= points, "{width}");
                let expected = memory_buckets(readings, width, range);
                same_buckets(&told, &expected, &format!("{container}, {points}"));
            }
        }
    }

    fn rate_means(&self) {
        let range = (START + HOUR / 2, START + HOUR + HOUR / 2);
        let answer = self.asking.series(&question("cpu_usage_cores", range, Points::AtMost(10))).unwrap();
        for (&container, readings) in self.model {
            // Where something is missing in the time, a rollup knows another part of the increase than readings tell.
            if !self.lives[container as usize].is_whole() {
                continue;
            }
            let (width, told) = told_buckets(of(&answer, container));
            assert!(!told.is_empty());
            let readings = rates(readings, self.step);
            for (start, [_, max, mean, _]) in told {
                let inside = within(&readings, |rate| rate.0, (start.max(range.0), (start + width).min(range.1)));
                if inside.is_empty() {
                    continue;
                }
                let expected = inside.iter().map(|(_, rate, usec)| rate * usec).sum::<f64>()
                    / inside.iter().map(|(.., usec)| usec).sum::<f64>();
                // At both ends a part of an increase may be counted here or there.
                let cut = 0.001 + 2.0 * self.step as f64 / width as f64;
                assert!((mean - expected).abs() < cut * expected, "{container} at {start}: {mean}, not {expected}");
                let highest = inside.iter().map(|(_, rate, _)| *rate).fold(0.0, f64::max);
                assert!((max - highest).abs() < 0.01 * highest, "{container} at {start}: at most {max}, not {highest}");
            }
        }
    }

    fn sums(&self, range: (i64, i64)) {
        let mut sum = question("memory_max_bytes", range, Points::AtMost(1000));
        sum.aggregate = Some(Aggregate::Sum);
        let nothing = self.asking.series(&sum).unwrap();
        assert!(nothing.series.is_empty() && nothing.notes[0].contains("memory_max_bytes"), "{nothing:?}");
        sum.metrics = vec![MEMORY.to_owned()];
        let mut expected: BTreeMap<i64, f64> = BTreeMap::new();
        for readings in self.model.values() {
            for (cell, value) in self.cells(readings, range) {
                *expected.entry(cell).or_default() += value;
            }
        }
        let told = self.asking.series(&sum).unwrap();
        let told: Vec<(i64, f64)> = told.series.iter().flat_map(exact).collect();
        // What was before the range is known for the first cells, but not by this model.
        let later = |cell: i64| cell >= range.0 + 2 * self.step;
        let told: BTreeMap<i64, f64> = told.into_iter().filter(|(cell, _)| later(*cell)).collect();
        expected.retain(|cell, _| later(*cell));
        let differ = |&&cell: &&i64| told.contains_key(&cell) != expected.contains_key(&cell);
        let only_one_knows: Vec<&i64> = told.keys().chain(expected.keys()).filter(differ).collect();
        assert!(only_one_knows.is_empty(), "{only_one_knows:?} of {} cells told", told.len());
        for (cell, value) in &told {
            assert!(near(*value, expected[cell]), "{value} at {cell}, not {}", expected[cell]);
        }
    }

    /// The value of memory in each cell of a range: what was read, or what was read before where it is soon read again.
    fn cells(&self, readings: &Readings, range: (i64, i64)) -> BTreeMap<i64, f64> {
        let cell = |time: i64| time - time.rem_euclid(self.step);
        let inside = within(readings, |reading| reading.0, range);
        let mut cells: BTreeMap<i64, f64> = BTreeMap::new();
        let mut before: Option<(i64, f64)> = None;
        let mut previous = i64::MIN;
        for (time, _, memory) in inside {
            if time.saturating_sub(previous) > 5 * self.step / 2 {
                before = None;
            }
            previous = time;
            let Some(bytes) = memory else { continue };
            if let Some((from, value)) = before
                && cell(time) - from <= 3 * self.step
            {
                cells.extend((1..(cell(time) - from) / self.step).map(|n| (from + n * self.step, value)));
            }
            cells.insert(cell(time), bytes as f64);
            before = Some((cell(time), bytes as f64));
        }
        if let Some((from, value)) = before {
            // Of the last two cells nobody knows yet what comes next; a range ends with what is recorded.
            let recorded =
                self.model.values().filter_map(|readings| readings.last()).map(|reading| cell(reading.0)).max();
            let end = range.1.min(recorded.unwrap() + self.step);
            let left = (end - from) / self.step - 1;
            if left <= 2 {
                cells.extend((1..=left).map(|n| (from + n * self.step, value)));
            }
        }
        cells
    }

    fn top(&self) {
        let top = TopQuestion {
            metric: MEMORY.to_owned(),
            selection: Selection::default(),
            range: TimeRange { from: WHOLE.0, to: WHOLE.1 },
            by: TopBy::Max,
            limit: 2,
            group: None,
        };
        let answer = self.asking.top(&top).unwrap();
        let most = |readings: &Readings| readings.iter().filter_map(|r| r.2).max().unwrap();
        let mut expected: Vec<i64> = self.model.values().map(most).collect();
        expected.sort_unstable_by(|a, b| b.cmp(a));
        let told: Vec<i64> = answer.entries.iter().map(|entry| entry.max as i64).collect();
        assert_eq!((told, answer.total), (expected[..2].to_vec(), self.model.len()));
    }

    fn export(&self) {
        let last = self.model.len() as u32 - 1;
        let export = ExportQuestion {
            table: "containers".to_owned(),
            selection: Selection { containers: vec![id(last)], ..Selection::default() },
            range: TimeRange { from: PART.0, to: PART.1 },
            columns: vec!["container_id".to_owned(), CPU.to_owned()],
            format: ExportFormat::Csv,
        };
        let mut written = Vec::new();
        self.asking.export(&export, &mut written).unwrap();
        let text = String::from_utf8(written).unwrap();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("time,container_id,cpu_usage_usec"));
        let told: Vec<i64> = lines.map(|line| line.rsplit_once(',').unwrap().1.parse().unwrap()).collect();
        let readings = within(&self.model[&last], |reading| reading.0, PART);
        assert_eq!(told, readings.iter().map(|reading| reading.1).collect::<Vec<_>>());
        let wrong = ExportQuestion { columns: vec!["cpu_usage".to_owned()], ..export };
        let sentence = self.asking.export(&wrong, &mut Vec::new()).unwrap_err().to_string();
        assert!(sentence.contains("the nearest is cpu_usage_usec"), "{sentence}");
    }
}

fn same_buckets(told: &BTreeMap<i64, [f64; 4]>, expected: &BTreeMap<i64, [f64; 4]>, whose: &str) {
    assert_eq!(told.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{whose}");
    for (start, values) in told {
        let same = values.iter().zip(&expected[start]).all(|(a, b)| near(*a, *b));
        assert!(same, "{whose} at {start}: {values:?}, not {:?}", expected[start]);
    }
}

/// Joins the instances 0 and 1 of a workload, and takes its pods apart.
fn check_workloads(asking: &Asking, model: &Model) {
    let mut joined = question(MEMORY, WHOLE, Points::All);
    joined.group = Some(GroupBy::Workload);
    let answer = asking.series(&joined).unwrap();
    let web = answer.series.iter().find(|series| series.labels["workload"] == "Deployment/web").unwrap();
    let both = model[&0].iter().chain(&model[&1]).filter_map(|r| Some((r.0, r.2? as f64))).collect::<Vec<_>>();
    assert_eq!(exact(web), both);
    let marks: Vec<&str> = web.marks.iter().map(|mark| mark.container_id.as_str()).collect();
    assert_eq!(marks, [id(0), id(1)]);
    let mut pods = question(MEMORY, (START + 6000 * SECOND, START + 6600 * SECOND), Points::AtMost(1000));
    (pods.group, pods.aggregate) = (Some(GroupBy::Pod), Some(Aggregate::Max));
    let pods = asking.series(&pods).unwrap();
    let names: Vec<&str> = pods.series.iter().map(|series| series.labels["pod"].as_str()).collect();
    assert_eq!(names, ["web-1", "web-2", "web-3", "web-4"]);
}

/// Retention took the readings: rollups alone answer, and it is said.
fn check_rollups_alone(data: &Path, model: &Model, hours: i64) {
    std::fs::remove_dir_all(data.join("containers")).unwrap();
    let rollups = asking(Recordings::view(vec![data.to_owned()]).unwrap());
    let range = (START, START + hours * HOUR);
    let answer = rollups.series(&question(MEMORY, range, Points::All)).unwrap();
    assert!(answer.notes.iter().any(|note| note.contains("only minutes")), "{:?}", answer.notes);
    for (&container, readings) in model {
        let expected = memory_buckets(readings, MINUTE, range);
        if expected.is_empty() {
            continue;
        }
        let (width, told) = told_buckets(of(&answer, container));
        assert_eq!(width, MINUTE);
        same_buckets(&told, &expected, &format!("{container} from rollups alone"));
    }
}

/// Ends the asking, also where recording failed.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// Records a scenario, asks while that goes on, and then asks everything of everyone.
fn check(scenario: &Scenario, is_fixed: bool) {
    let data = tempfile::tempdir().unwrap();
    let model = scenario.model();
    let step = scenario.step_usec();
    let check_all = |recordings: Recordings| {
        let asking = asking(recordings);
        Check { asking: &asking, model: &model, lives: &scenario.lives, step }.all();
        asking
    };
    let (until, done) = (AtomicI64::new(START), AtomicBool::new(false));
    let reader = Mutex::new(None);
    let (store, sender) = std::thread::scope(|scope| {
        let stop = Stop(&done);
        let asked = scope.spawn(|| {
            let mut asked = 0;
            while !done.load(SeqCst) {
                let to = until.load(SeqCst);
                let Some(recordings) = reader.lock().unwrap().clone() else { continue };
                let asking = asking(Recordings::of_store(recordings));
                Check { asking: &asking, model: &model, lives: &scenario.lives, step }.points((START, to));
                asked += 1;
            }
            asked
        });
        let seen = |of: Option<&Reader>, time: i64| {
            until.store(time, SeqCst);
            *reader.lock().unwrap() = of.cloned();
        };
        let recorded = scenario.record(data.path(), &model, &seen);
        drop(stop);
        println!("asked {} times while it was recorded", asked.join().unwrap());
        recorded
    });
    let asking = check_all(Recordings::of_store(store.reader()));
    if is_fixed {
        assert!(store.reader().status().tail_rows > 0, "some rows are in memory");
        check_workloads(&asking, &model);
    }
    // Beside the running store: what it has in memory is seen in its spill.
    check_all(Recordings::view(vec![data.path().to_owned()]).unwrap());
    drop(sender);
    store.join();
    let asking = check_all(Recordings::view(vec![data.path().to_owned()]).unwrap());
    if is_fixed {
        check_workloads(&asking, &model);
        check_duckdb(&asking, data.path());
    }
    // The segment at hand is no file until rows of a later hour come.
    let last = model.values().filter_map(|readings| readings.last()).map(|reading| reading.0).max().unwrap();
    let hours = scenario.merged_hours.min((last - START) / HOUR);
    let first = model.values().map(|readings| readings[0].0).min().unwrap();
    if first < START + hours * HOUR {
        check_rollups_alone(data.path(), &model, hours);
    }
}

/// DuckDB computes points, rates and buckets from the same files, in SQL of its own.
fn check_duckdb(asking: &Asking, data: &Path) {
    let Some(python) = python::with("answers", &["duckdb", "pyarrow"]) else { return };
    let points = |metric: &str| {
        let answer = asking.series(&question(metric, PART, Points::All)).unwrap();
        let of = |series: &Series| (series.labels["container_id"].clone(), json!(exact(series)));
        answer.series.iter().map(of).collect::<serde_json::Map<_, _>>()
    };
    let range = (START, START + 3 * HOUR);
    let buckets = asking.series(&question(MEMORY, range, Points::AtMost(200))).unwrap();
    let mut widths = buckets.series.iter().map(|series| told_buckets(series).0);
    let width = widths.next().unwrap();
    assert!(widths.all(|other| other == width));
    let told = |series: &Series| {
        let rows = told_buckets(series).1.into_iter();
        let rows: Vec<_> = rows.map(|(start, [min, max, mean, last])| json!([start, min, max, mean, last])).collect();
        (series.labels["container_id"].clone(), json!(rows))
    };
    let expected = json!({
        "range": PART,
        "points": points(MEMORY),
        "rates": points("cpu_usage_cores"),
        "bucket_range": range,
        "width_us": width,
        "buckets": buckets.series.iter().map(told).collect::<serde_json::Map<_, _>>(),
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), expected.to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/answers/duckdb_answers.py");
    let done = Command::new(python).arg(script).arg(data).arg(file.path()).output().unwrap();
    println!("{}", String::from_utf8_lossy(&done.stdout));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn answers_are_those_of_a_plain_model_and_of_duckdb_wherever_the_rows_lie() {
    check(&Scenario::fixed(), true);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(25))]

    #[test]
    fn answers_are_those_of_a_plain_model_for_any_recording(scenario in scenario()) {
        check(&scenario, false);
    }
}
