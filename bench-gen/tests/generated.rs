//! What `generate-bench-data` writes: the same bytes for the same wish, whole, agreeing with itself, with the truth in it.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use fgm_agent::check::check;
use fgm_agent::metric::{Kind, METRICS};
use fgm_agent::store::bulk::Recorded;
use fgm_agent::store::{Options, Store, WallClock};
use fgm_agent::table::Table;
use fgm_bench_gen::args::CommandLine;
use fgm_bench_gen::columns::metric as m;
use fgm_bench_gen::generate::{Like, Request, generate, replay};
use fgm_bench_gen::replay::Inject;
use fgm_bench_gen::scenario::Scenario;
use fgm_bench_gen::size::{Size, measure_all};
use fgm_bench_gen::truth::{FILE, Fact, Truth, What};

/// 2 November 2026, 00:30 UTC: no full hour.
const START: i64 = 1_793_579_400_000_000;

fn request(minutes: u64, threads: usize) -> Request {
    let duration = Duration::from_secs(minutes * 60);
    Request { scenario: Scenario::Realistic, start: START, duration, seed: 7, threads }
}

/// An hour of the realistic node, in two hours' files.
static HOUR: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let data = tempfile::tempdir().unwrap();
    generate(&request(60, 2), &data.path().join("hour")).unwrap();
    data
});

fn hour() -> PathBuf {
    HOUR.path().join("hour")
}

fn truth(data: &Path) -> Truth {
    serde_json::from_slice(&std::fs::read(data.join(FILE)).unwrap()).unwrap()
}

/// Every file below a directory, with its bytes.
fn contents(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut pending) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(directory) = pending.pop() {
        for path in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                pending.push(path);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The rows of a table by subject: time and values, null where there is none.
type Rows = HashMap<String, Vec<(i64, Vec<Option<i64>>)>>;

fn rows(data: &Path, table: Table) -> Rows {
    let recorded = Recorded::list(data).unwrap();
    let mut rows = Rows::new();
    for hour in recorded.hours() {
        let mut visit = |read: &fgm_agent::store::bulk::RecordedRow<'_>| {
            let values = read.values.iter().enumerate();
            let values = values.map(|(column, value)| read.row.present.contains(column).then_some(*value));
            rows.entry(read.subject.id().into_owned()).or_default().push((read.row.time, values.collect()));
        };
        assert_eq!(recorded.read(hour, table, &mut visit).unwrap(), 0);
    }
    rows
}

#[test]
fn the_same_seed_and_start_give_the_same_bytes_whatever_the_threads() {
    let data = tempfile::tempdir().unwrap();
    let [one, many] = ["one", "many"].map(|name| data.path().join(name));
    generate(&request(40, 1), &one).unwrap();
    generate(&request(40, 5), &many).unwrap();
    let (one, many) = (contents(&one), contents(&many));
    assert!(one.keys().any(|path| path.starts_with("containers_60s")) && one.len() > 15, "{:?}", one.keys());
    assert!(one == many, "the bytes differ");
}

#[test]
fn another_seed_gives_other_containers() {
    let data = tempfile::tempdir().unwrap();
    let other = data.path().join("other");
    generate(&Request { seed: 8, ..request(10, 2) }, &other).unwrap();
    let (ours, others) = (rows(&hour(), Table::Containers), rows(&other, Table::Containers));
    assert!(!others.is_empty() && others.keys().all(|id| !ours.contains_key(id)));
}

#[test]
fn check_finds_it_whole() {
    let report = check(&hour()).unwrap();
    assert!(!report.damaged, "{:?}", report.findings);
    assert_eq!(report.tables.len(), 11, "{:?}", report.tables);
    let foreign = report.findings.iter().any(|finding| finding.kind == fgm_agent::check::Kind::Foreign);
    assert!(!foreign, "{:?}", report.findings);
}

/// What was written at once must be final to an agent: else it would spend its first minutes on doing it again.
#[test]
fn an_agent_leaves_the_files_as_they_are() {
    let data = tempfile::tempdir().unwrap();
    let out = data.path().join("out");
    generate(&request(40, 2), &out).unwrap();
    let tables = |out: &Path| -> BTreeMap<PathBuf, Vec<u8>> {
        contents(out).into_iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "parquet")).collect()
    };
    let before = tables(&out);
    let later = START + 86_400_000_000;
    let mut options = Options::new(&out, "bench-node", later);
    options.clock = WallClock::new(move || later);
    let (store, ticks) = Store::start(options, Arc::default()).unwrap();
    let reader = store.reader();
    reader.wait_settled();
    reader.keep_up();
    let status = reader.status();
    drop((ticks, reader));
    store.join();
    assert_eq!((status.files, status.refused_files), (before.len() as u64, 0));
    assert!(tables(&out) == before, "an agent changed something");
}

#[test]
fn counters_never_fall_and_times_rise() {
    for table in Table::ALL.into_iter().filter(|&table| table != Table::Events) {
        for (id, rows) in rows(&hour(), table) {
            for pair in rows.windows(2) {
                assert!(pair[0].0 < pair[1].0, "{} {id}", table.name());
                for column in (0..table.width()).filter(|&column| table.column_kind(column) == Kind::Counter) {
                    let (Some(before), Some(after)) = (pair[0].1[column], pair[1].1[column]) else { continue };
                    assert!(before <= after, "{} {id} {}", table.name(), table.column_name(column));
                }
            }
        }
    }
}

#[test]
fn every_column_that_cgroup_v2_has_is_there() {
    for (_, rows) in rows(&hour(), Table::Containers) {
        for (column, metric) in METRICS.iter().enumerate() {
            let is_there = rows.iter().any(|(_, values)| values[column].is_some());
            let is_expected = metric.v2.is_some() && !metric.help.contains("before 5.9 only");
            let is_counted = metric.v2.is_none() && metric.v1.is_none();
            // What is counted with processes is there unless the container lived for too short.
            assert!(is_there == is_expected || is_counted, "{}", metric.name);
        }
    }
}

/// The mean growth per second of a counter, or the mean of a gauge, between two times.
fn mean(rows: &[(i64, Vec<Option<i64>>)], column: usize, (from, to): (i64, i64)) -> f64 {
    let inside: Vec<(i64, i64)> = rows
        .iter()
        .filter(|(time, _)| (from..to).contains(time))
        .filter_map(|(time, values)| Some((*time, values[column]?)))
        .collect();
    if METRICS[column].kind == Kind::Counter {
        let ((first, before), (last, after)) = (inside[0], inside[inside.len() - 1]);
        return (after - before) as f64 * 1e6 / (last - first) as f64;
    }
    inside.iter().map(|(_, value)| *value as f64).sum::<f64>() / inside.len() as f64
}

#[test]
fn what_truth_says_is_in_the_rows() {
    let (truth, rows) = (truth(&hour()), rows(&hour(), Table::Containers));
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for fact in &truth.facts {
        let of = fact.of.as_ref().map(|of| &rows[&of.container_id]);
        *kinds.entry(confirm(fact, of, &rows)).or_default() += 1;
    }
    for kind in ["change", "period", "leak", "throttled", "correlated", "oom_kill", "restart", "gap"] {
        assert!(kinds.get(kind).is_some_and(|count| *count > 0), "{kind}: {kinds:?}");
    }
    assert!(kinds["change"] >= 12 && kinds["throttled"] >= 3 && kinds["correlated"] >= 4, "{kinds:?}");
}

type Series<'a> = Option<&'a Vec<(i64, Vec<Option<i64>>)>>;

fn confirm(fact: &Fact, of: Series<'_>, rows: &Rows) -> &'static str {
    let (from, to) = (fact.from_us, fact.to_us);
    let name = |metric: &str| Table::Containers.column(metric).unwrap();
    match &fact.what {
        What::Change { metric, before, after, sigma, size_sigmas } => {
            assert!(((after - before) / sigma - size_sigmas).abs() < 1e-6);
            let (column, rows) = (name(metric), of.unwrap());
            let around = 120_000_000;
            let (found_before, found_after) =
                (mean(rows, column, (from - around, from)), mean(rows, column, (from, to.min(from + around))));
            // The mean of many readings that hang together a little.
            let close = sigma * 1.5 + 0.01 * after;
            assert!((found_before - before).abs() < close, "{fact:?}: {found_before}");
            assert!((found_after - after).abs() < close, "{fact:?}: {found_after}");
            "change"
        }
        What::Leak { metric, rate, .. } => {
            let column = name(metric);
            let at = |(time, values): &(i64, Vec<Option<i64>>)| (*time, values[column].unwrap());
            let inside = of.unwrap().iter().filter(|row| (from + 1_000_000..to).contains(&row.0)).map(at);
            let (first, last) = (inside.clone().next().unwrap(), inside.clone().next_back().unwrap());
            let found = (last.1 - first.1) as f64 * 1e6 / (last.0 - first.0) as f64;
            assert!((found / rate - 1.0).abs() < 0.05, "{fact:?}: {found}");
            "leak"
        }
        What::Throttled { periods, throttled } => {
            let found = mean(of.unwrap(), m::cpu_nr_throttled, (from, to)) * (to - from) as f64 / 1e6;
            assert!(throttled <= periods && (found / *throttled as f64 - 1.0).abs() < 0.15, "{fact:?}: {found}");
            let quiet = mean(of.unwrap(), m::cpu_nr_throttled, (from - 20_000_000, from - 1_000_000));
            assert!(quiet.abs() < 1e-9, "{fact:?}: throttled before");
            "throttled"
        }
        What::OomKill { .. } => {
            let kills = |(_, values): &(i64, Vec<Option<i64>>)| values[m::memory_events_oom_kill].unwrap();
            let before = of.unwrap().iter().rfind(|row| row.0 < from).map(kills).unwrap();
            let after = of.unwrap().iter().find(|row| row.0 >= from).map(kills).unwrap();
            assert_eq!(after, before + 1, "{fact:?}");
            "oom_kill"
        }
        What::Restart { next, .. } => {
            let next = next.as_ref().and_then(|next| rows.get(next)).unwrap();
            assert!(of.unwrap().last().unwrap().0 <= to && next[0].0 > to, "{fact:?}");
            "restart"
        }
        What::Period { metric, period_us, amplitude, .. } => {
            let found = swing(of.unwrap(), name(metric), (from, to), *period_us);
            assert!(found > amplitude * 0.8, "{fact:?}: {found}");
            "period"
        }
        What::Correlated { metric, with, lag_us, .. } => {
            let [own, other] = [of.unwrap(), &rows[with]].map(|rows| rates(rows, name(metric)));
            let at_lag = correlation(&own, &other, lag_us / 1_000_000);
            assert!(at_lag > 0.6, "{fact:?}: {at_lag}");
            "correlated"
        }
        What::LimitChange { metric, before, after } => {
            let limit = |(_, values): &(i64, Vec<Option<i64>>)| values[name(metric)].unwrap();
            let row_before = of.unwrap().iter().rfind(|row| row.0 < from).map(limit).unwrap();
            let row_after = of.unwrap().iter().find(|row| row.0 >= from).map(limit).unwrap();
            assert_eq!((row_before, row_after), (*before, *after));
            "limit_change"
        }
        What::Gap { .. } => {
            assert!(rows.values().flatten().all(|(time, _)| !(from..to).contains(time)), "{fact:?}");
            "gap"
        }
    }
}

/// By second: the rate since the row before.
fn rates(rows: &[(i64, Vec<Option<i64>>)], column: usize) -> HashMap<i64, f64> {
    let rate = |pair: &[(i64, Vec<Option<i64>>)]| {
        let grown = pair[1].1[column].unwrap() - pair[0].1[column].unwrap();
        (pair[1].0.div_euclid(1_000_000), grown as f64 * 1e6 / (pair[1].0 - pair[0].0) as f64)
    };
    rows.windows(2).map(rate).collect()
}

fn correlation(own: &HashMap<i64, f64>, other: &HashMap<i64, f64>, lag_s: i64) -> f64 {
    let pairs: Vec<(f64, f64)> =
        own.iter().filter_map(|(second, rate)| Some((*rate, *other.get(&(second - lag_s))?))).collect();
    let count = pairs.len() as f64;
    let (a, b) = pairs.iter().fold((0.0, 0.0), |(a, b), pair| (a + pair.0 / count, b + pair.1 / count));
    let product = |f: fn(f64, f64) -> f64| pairs.iter().map(|pair| f(pair.0 - a, pair.1 - b)).sum::<f64>();
    product(|x, y| x * y) / (product(|x, _| x * x) * product(|_, y| y * y)).sqrt()
}

/// Half of the difference between the highest and the lowest twelfth of a period, folded.
fn swing(rows: &[(i64, Vec<Option<i64>>)], column: usize, (from, to): (i64, i64), period_us: i64) -> f64 {
    const PARTS: i64 = 12;
    let mut parts = vec![Vec::new(); PARTS as usize];
    for (second, rate) in rates(rows, column) {
        let time = second * 1_000_000;
        if (from..to).contains(&time) {
            parts[(time.rem_euclid(period_us) * PARTS / period_us) as usize].push(rate);
        }
    }
    let means = parts.iter().map(|part: &Vec<f64>| part.iter().sum::<f64>() / part.len() as f64);
    (means.clone().fold(f64::MIN, f64::max) - means.fold(f64::MAX, f64::min)) / 2.0
}

#[test]
fn files_are_within_their_aim() {
    let containers = contents(&hour());
    let containers = containers.keys().filter(|path| path.starts_with("containers")).map(|path| hour().join(path));
    let measured = measure_all(&containers.collect::<Vec<_>>(), 2).unwrap();
    let size = measured.iter().fold(Size::default(), |all, file| all.and(file.size()));
    assert!(size.bytes_per_changing_value() < 0.6, "{size:?}");
    // Constants would compress better, and prove nothing.
    assert!(size.changing * 3 > size.values, "{size:?}");
}

#[test]
fn a_replay_has_the_same_numbers_under_other_ids_and_what_is_put_in_is_there() {
    let data = tempfile::tempdir().unwrap();
    let [plain, injected] = ["plain", "injected"].map(|name| data.path().join(name));
    let start = START + 86_400_000_000 * 3;
    let like = |inject| Like { data: hour(), inject, start, most: None, seed: 3, threads: 2 };
    assert_eq!(replay(&like(Inject::Nothing), &plain).unwrap().1, 0);
    replay(&like(Inject::Facts), &injected).unwrap();
    for data in [&plain, &injected] {
        assert!(!check(data).unwrap().damaged);
    }
    for table in Table::ALL {
        let numbers = |rows: Rows| {
            let mut numbers: Vec<_> =
                rows.into_values().map(|rows| (rows[0].0.rem_euclid(86_400_000_000), rows)).collect();
            numbers.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1[0].1.cmp(&b.1[0].1)));
            numbers.into_iter().flat_map(|(_, rows)| rows).map(|(_, values)| values).collect::<Vec<_>>()
        };
        assert!(numbers(rows(&hour(), table)) == numbers(rows(&plain, table)), "{}", table.name());
    }
    let (ours, theirs) = (rows(&hour(), Table::Containers), rows(&plain, Table::Containers));
    assert!(theirs.keys().all(|id| id.len() == 64 && !ours.contains_key(id)));
    assert_eq!(truth(&plain).facts, []);
    let (truth, rows) = (truth(&injected), rows(&injected, Table::Containers));
    assert!(truth.facts.len() >= 4, "{:?}", truth.facts.len());
    for fact in &truth.facts {
        assert!(rows.contains_key(&fact.of.as_ref().unwrap().container_id));
    }
    for rows in rows.values() {
        let falls = |pair: &[(i64, Vec<Option<i64>>)]| pair[1].1[m::cpu_usage_usec] < pair[0].1[m::cpu_usage_usec];
        assert!(!rows.windows(2).any(falls));
    }
}

#[test]
fn a_data_set_is_replaced_and_anything_else_is_left_alone() {
    let data = tempfile::tempdir().unwrap();
    let out = data.path().join("out");
    generate(&request(10, 2), &out).unwrap();
    let before = contents(&out);
    generate(&Request { seed: 8, ..request(10, 2) }, &out).unwrap();
    assert!(contents(&out) != before);
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 1, "something was left beside it");

    std::fs::remove_file(out.join(FILE)).unwrap();
    let refused = generate(&request(10, 2), &out).unwrap_err().to_string();
    assert!(refused.contains("no data set of generate-bench-data"), "{refused}");
    std::fs::write(data.path().join("file"), "").unwrap();
    generate(&request(10, 2), &data.path().join("file")).unwrap_err();
    let none =
        Like { data: data.path().to_owned(), inject: Inject::Nothing, start: 0, most: None, seed: 1, threads: 1 };
    let refused = replay(&none, &data.path().join("new")).unwrap_err().to_string();
    assert!(refused.contains("it is no data directory"), "{refused}");
}

#[test]
fn wishes_that_make_no_sense_are_refused_with_a_sentence() {
    use clap::Parser;
    let parse = |words: &str| CommandLine::try_parse_from(format!("generate-bench-data {words}").split(' '));
    for (words, said) in [
        ("--scenario calm --duration 1h", "realistic"),
        ("--scenario stress --duration soon", "a number and a unit"),
        ("--scenario stress --duration 1s", "from 10m to 31d"),
        ("--scenario stress --duration 1h --start tomorrow", "RFC 3339"),
        ("--duration 1h", "--scenario"),
        ("--scenario stress", "--duration"),
        ("--scenario stress --duration 1h --inject", "--scenario"),
        ("--inject", "--like"),
    ] {
        let refused = parse(words).unwrap_err().to_string();
        assert!(refused.contains(said), "{words}: {refused}");
    }
    let line = parse("--scenario stress --duration 7d").unwrap();
    assert!(line.out().ends_with("testdata/bench/stress"));
}
