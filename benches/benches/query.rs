//! Questions over a recorded data set, without HTTP.
//!
//! `BENCH_DATA=testdata/bench/realistic cargo bench -- get_timeseries`; the data set is made by `generate-bench-data`. Each
//! benchmark checks how many points it got. Cold is a new view each turn, so footers are read again; the files stay in the
//! page cache.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fgm_agent::app::recorded::Recordings;
use fgm_agent::metric::METRICS;
use fgm_agent::service::Recorded;
use fgm_agent::service::answers::{ContainersQuestion, Questions};
use fgm_agent::service::asking::Asking;
use fgm_agent::service::catalogue;
use fgm_agent::service::question::{
    ExportFormat, ExportQuestion, Points, Selection, Series, SeriesAnswer, SeriesData, SeriesQuestion, TimeRange,
    TopBy, TopQuestion,
};

const HOUR_USEC: i64 = 3_600_000_000;

fn data() -> PathBuf {
    fgm_benches::data_set("BENCH_DATA")
}

fn asking() -> Asking {
    let recorded: Arc<dyn Recorded> = Arc::new(Recordings::view(vec![data()]).unwrap());
    Asking { recorded, processes_usec: None }
}

fn whole(asking: &Asking) -> TimeRange {
    asking.recorded_span().unwrap()
}

/// The last 24 hours of the data set.
fn day(asking: &Asking) -> TimeRange {
    let TimeRange { from, to } = whole(asking);
    TimeRange { from: from.max(to - 24 * HOUR_USEC), to }
}

fn question(metric: &str, range: TimeRange, points: Points) -> SeriesQuestion {
    let selection = Selection::default();
    SeriesQuestion { metrics: vec![metric.to_owned()], selection, range, points, aggregate: None, group: None }
}

fn values(series: &Series) -> &[f64] {
    match &series.data {
        SeriesData::Exact { values, .. } => values,
        SeriesData::Buckets(buckets) => &buckets.mean,
    }
}

/// Points or buckets, gaps among them.
fn points(answer: &SeriesAnswer) -> usize {
    answer.series.iter().map(|series| values(series).len()).sum()
}

/// The container with the longest life in the range.
fn longest(asking: &Asking, range: TimeRange) -> String {
    let life =
        |known: &fgm_agent::service::ContainerSummary| known.last_seen.min(range.to) - known.first_seen.max(range.from);
    let known = asking.recorded.containers();
    known.into_iter().max_by_key(life).unwrap().identity.container_id.clone()
}

/// Every container that something was planted in is known; how many are, is told.
fn checked_count(recorded: &dyn Recorded) -> usize {
    let known: BTreeSet<String> =
        recorded.containers().into_iter().map(|summary| summary.identity.container_id.clone()).collect();
    let Ok(truth) = std::fs::read(data().join("truth.json")) else { return known.len() };
    let truth: serde_json::Value = serde_json::from_slice(&truth).unwrap();
    let planted: Vec<&str> =
        truth["facts"].as_array().unwrap().iter().filter_map(|fact| fact["container_id"].as_str()).collect();
    assert!(!planted.is_empty() && planted.iter().all(|id| known.contains(*id)));
    known.len()
}

fn scan_metadata(criterion: &mut Criterion) {
    criterion.bench_function("scan_metadata", |bencher| {
        let expected = checked_count(&Recordings::view(vec![data()]).unwrap());
        bencher.iter_batched(
            || vec![data()],
            |roots| {
                let view = Recordings::view(roots).unwrap();
                assert_eq!(view.containers().len(), expected);
                view
            },
            BatchSize::PerIteration,
        );
    });
}

/// A question as one line of JSON, for whoever asks it of other engines as well.
fn told(name: &str, question: &SeriesQuestion, points: usize) -> String {
    let TimeRange { from, to } = question.range;
    serde_json::json!({
        "benchmark": name,
        "metric": question.metrics[0],
        "containers": question.selection.containers,
        "from_us": from,
        "to_us": to,
        "points": points,
    })
    .to_string()
}

/// Measures one question. The data set is opened by the first benchmark that is not filtered out, so that others of the
/// workspace run without it.
fn series(criterion: &mut Criterion, name: &str, ask: impl Fn(&Asking) -> SeriesQuestion) {
    let prepared = OnceCell::new();
    criterion.bench_function(name, |bencher| {
        let (asking, question, expected) = prepared.get_or_init(|| {
            let asking = asking();
            let question = ask(&asking);
            let answer = asking.series(&question).unwrap();
            let expected = points(&answer);
            assert!(expected > 0);
            let gaps = answer.series.iter().flat_map(values).filter(|value| value.is_nan()).count();
            println!("{}", told(name, &question, expected - gaps));
            (asking, question, expected)
        });
        bencher.iter(|| {
            let answer = asking.series(black_box(question)).unwrap();
            assert_eq!(points(&answer), *expected);
            answer
        });
    });
}

const KINDS: [(&str, &str); 2] = [("gauge", "memory_current_bytes"), ("rate", "cpu_usage_cores")];

fn timeseries(criterion: &mut Criterion) {
    for (kind, metric) in KINDS {
        series(criterion, &format!("get_timeseries_single_container/{kind}"), |asking| {
            let range = day(asking);
            let selection = Selection { containers: vec![longest(asking, range)], ..Selection::default() };
            SeriesQuestion { selection, ..question(metric, range, Points::All) }
        });
        series(criterion, &format!("get_timeseries_all_containers/{kind}"), |asking| {
            question(metric, day(asking), Points::All)
        });
    }
}

fn downsampled(criterion: &mut Criterion) {
    for (kind, metric) in KINDS {
        series(criterion, &format!("downsampled/whole/{kind}"), |asking| {
            question(metric, whole(asking), Points::AtMost(1000))
        });
        series(criterion, &format!("downsampled/6h/{kind}"), |asking| {
            let range = TimeRange { from: day(asking).to - 6 * HOUR_USEC, ..day(asking) };
            question(metric, range, Points::AtMost(1000))
        });
    }
}

fn top(criterion: &mut Criterion) {
    let prepared = OnceCell::new();
    criterion.bench_function("top", |bencher| {
        let (asking, question) = prepared.get_or_init(|| {
            let asking = asking();
            let question = TopQuestion {
                metric: "cpu_usage_cores".to_owned(),
                selection: Selection::default(),
                range: day(&asking),
                by: TopBy::Max,
                limit: 10,
                group: None,
            };
            (asking, question)
        });
        bencher.iter(|| {
            let answer = asking.top(black_box(question)).unwrap();
            assert_eq!(answer.entries.len(), 10);
            answer
        });
    });
}

/// Rows of all columns: of one container in a day, of all in an hour.
fn export(criterion: &mut Criterion) {
    let prepared = OnceCell::new();
    for (name, format) in
        [("parquet", ExportFormat::Parquet), ("csv", ExportFormat::Csv), ("arrow", ExportFormat::ArrowStream)]
    {
        for one in [true, false] {
            let of = if one { "one_container_a_day" } else { "all_containers_an_hour" };
            criterion.benchmark_group("export").sample_size(10).bench_function(format!("{of}/{name}"), |bencher| {
                let asking = prepared.get_or_init(asking);
                let range = day(asking);
                let containers = if one { vec![longest(asking, range)] } else { Vec::new() };
                let question = ExportQuestion {
                    table: "containers".to_owned(),
                    selection: Selection { containers, ..Selection::default() },
                    range: if one { range } else { TimeRange { from: range.to - HOUR_USEC, ..range } },
                    columns: Vec::new(),
                    format,
                };
                let exported = || {
                    let mut sink = Counted::default();
                    asking.export(black_box(&question), &mut sink).unwrap();
                    sink
                };
                let expected = exported();
                // A line is a row, and the header.
                assert!(format != ExportFormat::Csv || expected.lines > 3600, "{expected:?}");
                bencher.iter(|| assert_eq!(exported(), expected));
            });
        }
    }
}

/// Counts bytes, and the ends of lines that texts have, and forgets them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counted {
    bytes: u64,
    lines: usize,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes += bytes.len() as u64;
        self.lines += bytes.iter().filter(|byte| **byte == b'\n').count();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn lists(criterion: &mut Criterion) {
    let prepared = OnceCell::new();
    criterion.bench_function("list_containers", |bencher| {
        let asking = prepared.get_or_init(asking);
        let expected = checked_count(&*asking.recorded);
        bencher.iter(|| {
            let answer = asking.containers(&ContainersQuestion::default()).unwrap();
            assert_eq!(answer.total, expected);
            answer
        });
    });
    criterion.bench_function("list_metrics", |bencher| {
        bencher.iter(|| {
            let answer = catalogue::reply();
            assert!(answer.metrics.len() > METRICS.len() && !answer.derived.is_empty());
            answer
        });
    });
}

criterion_group!(benches, scan_metadata, timeseries, downsampled, top, lists, export);
criterion_main!(benches);
