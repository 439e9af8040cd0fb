//! Questions over a recorded data set, without HTTP.
//!
//! `BENCH_DATA=testdata/bench/realistic cargo bench -- get_timeseries`; the data set is made by `generate-bench-data`. Each
//! benchmark checks how many points it got. Cold is a new view each turn, so footers are read again; the files stay in the
//! page cache.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fgm_agent::app::recorded::Recordings;
use fgm_agent::service::Recorded;
use fgm_agent::service::answers::{ContainersQuestion, Questions};
use fgm_agent::service::asking::Asking;
use fgm_agent::service::catalogue;
use fgm_agent::service::question::{
    Points, Selection, Series, SeriesAnswer, SeriesData, SeriesQuestion, TimeRange, TopBy, TopQuestion,
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

fn points(answer: &SeriesAnswer) -> usize {
    let of = |series: &Series| match &series.data {
        SeriesData::Exact { times, .. } => times.len(),
        SeriesData::Buckets(buckets) => buckets.times.len(),
    };
    answer.series.iter().map(of).sum()
}

/// The container with the longest life in the range.
fn longest(asking: &Asking, range: TimeRange) -> String {
    let life =
        |known: &fgm_agent::service::ContainerSummary| known.last_seen.min(range.to) - known.first_seen.max(range.from);
    let known = asking.recorded.containers();
    known.into_iter().max_by_key(life).unwrap().identity.container_id.clone()
}

fn scan_metadata(criterion: &mut Criterion) {
    let data = data();
    criterion.bench_function("scan_metadata", |bencher| {
        bencher.iter_batched(
            || vec![data.clone()],
            |roots| {
                let view = Recordings::view(roots).unwrap();
                assert!(!view.containers().is_empty());
                view
            },
            BatchSize::PerIteration,
        );
    });
}

fn single(criterion: &mut Criterion) {
    let asking = asking();
    let range = day(&asking);
    let container = longest(&asking, range);
    for (name, metric) in [("gauge", "memory_current_bytes"), ("rate", "cpu_usage_cores")] {
        let mut question = question(metric, range, Points::All);
        question.selection.containers = vec![container.clone()];
        let expected = points(&asking.series(&question).unwrap());
        assert!(expected > 1000, "{expected} points");
        println!("get_timeseries_single_container/{name}: {expected} points");
        criterion.bench_function(&format!("get_timeseries_single_container/{name}"), |bencher| {
            bencher.iter(|| {
                let answer = asking.series(black_box(&question)).unwrap();
                assert_eq!(points(&answer), expected);
                answer
            });
        });
    }
}

fn all(criterion: &mut Criterion) {
    let asking = asking();
    let range = day(&asking);
    let mut group = criterion.benchmark_group("get_timeseries_all_containers");
    group.sample_size(20);
    for (name, metric) in [("gauge", "memory_current_bytes"), ("rate", "cpu_usage_cores")] {
        let question = question(metric, range, Points::All);
        let expected = points(&asking.series(&question).unwrap());
        println!("get_timeseries_all_containers/{name}: {expected} points");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let answer = asking.series(black_box(&question)).unwrap();
                assert_eq!(points(&answer), expected);
                answer
            });
        });
    }
}

fn downsampled(criterion: &mut Criterion) {
    let asking = asking();
    let mut group = criterion.benchmark_group("downsampled");
    group.sample_size(20);
    for (name, metric, range) in [
        ("whole/gauge", "memory_current_bytes", whole(&asking)),
        ("whole/rate", "cpu_usage_cores", whole(&asking)),
        ("6h/rate", "cpu_usage_cores", TimeRange { from: day(&asking).to - 6 * HOUR_USEC, ..day(&asking) }),
    ] {
        let question = question(metric, range, Points::AtMost(1000));
        let expected = points(&asking.series(&question).unwrap());
        println!("downsampled/{name}: {expected} buckets");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let answer = asking.series(black_box(&question)).unwrap();
                assert_eq!(points(&answer), expected);
                answer
            });
        });
    }
}

fn top(criterion: &mut Criterion) {
    let asking = asking();
    let question = TopQuestion {
        metric: "cpu_usage_cores".to_owned(),
        selection: Selection::default(),
        range: day(&asking),
        by: TopBy::Max,
        limit: 10,
        group: None,
    };
    criterion.bench_function("top", |bencher| {
        bencher.iter(|| {
            let answer = asking.top(black_box(&question)).unwrap();
            assert_eq!(answer.entries.len(), 10);
            answer
        });
    });
}

fn lists(criterion: &mut Criterion) {
    let asking = asking();
    criterion.bench_function("list_containers", |bencher| {
        bencher.iter(|| {
            let answer = asking.containers(&ContainersQuestion::default()).unwrap();
            assert!(answer.total > 0);
            answer
        });
    });
    criterion.bench_function("list_metrics", |bencher| bencher.iter(|| black_box(catalogue::reply())));
}

criterion_group!(benches, scan_metadata, single, all, downsampled, top, lists);
criterion_main!(benches);
