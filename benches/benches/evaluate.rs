//! What a recorded point costs once it is decoded: through a formula into exact points, or into buckets.
//!
//! A day of one container at 1 Hz, in blocks of 4,096 rows as a store yields them. Divide by the number of rows: Criterion's
//! `elem/s` is rows per second. What is measured is the thread's CPU time, which other load on the machine disturbs least.

#![allow(missing_docs, clippy::expect_used, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fgm_agent::analysis::Sink;
use fgm_agent::analysis::buckets::{Folding, Grid};
use fgm_agent::analysis::evaluate::Evaluator;
use fgm_agent::analysis::exact::Exact;
use fgm_agent::derived::{self, SeriesSpec};
use fgm_agent::resolution::Resolution;
use fgm_agent::scan::{Block, Numbers, Values};
use fgm_agent::subject::Subject;
use fgm_benches::cpu_time::ThreadCpu;

const ROWS: usize = 86_400;
const BLOCK: usize = 4_096;
const SECOND: i64 = 1_000_000;
const START: i64 = 1_795_392_000 * SECOND;
const RANGE: (i64, i64) = (START, START + 86_400 * SECOND);

/// A day of columns: something like a counter in the first, and like its limit in the others.
struct Day {
    times: Vec<i64>,
    counter: Vec<i64>,
    limit: Vec<i64>,
    present: Vec<bool>,
}

impl Day {
    fn make() -> Self {
        let index = |row: usize| i64::try_from(row).expect("small");
        // A linear congruence is noise enough: what counts is that no two rows are alike.
        let mut noise = 1u64;
        let mut next = |most: i64| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i64::try_from(noise >> 40).expect("24 bits") % most
        };
        let mut counter = 0;
        Self {
            times: (0..ROWS).map(|row| START + index(row) * SECOND + next(2_000)).collect(),
            counter: (0..ROWS)
                .map(|_| {
                    counter += next(900_000);
                    counter
                })
                .collect(),
            limit: vec![100_000; ROWS],
            present: (0..ROWS).map(|row| row % 10 == 0).collect(),
        }
    }

    fn tell(&self, spec: &SeriesSpec, nulls: Nulls, out: &mut impl Sink) {
        let mut evaluator = Evaluator::new(spec, Resolution::Raw);
        for from in (0..ROWS).step_by(BLOCK) {
            let rows = from..(from + BLOCK).min(ROWS);
            let present = (nulls == Nulls::Most).then(|| &self.present[rows.clone()]);
            let columns = [&self.counter, &self.limit, &self.limit]
                .map(|column| Values { values: Numbers::Ints(&column[rows.clone()]), present });
            evaluator.block(
                &Block {
                    subject: &Subject::Node,
                    series: 0,
                    node: "n",
                    times: &self.times[rows.clone()],
                    columns: &columns,
                    interval_usec: SECOND,
                },
                out,
            );
        }
        evaluator.finish(out);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Nulls {
    None,
    Most,
}

fn evaluate(criterion: &mut Criterion<ThreadCpu>) {
    let day = Day::make();
    let mut group = criterion.benchmark_group("evaluate");
    group.throughput(Throughput::Elements(u64::try_from(ROWS).expect("small")));
    let cases = [
        ("reading", "memory_current_bytes", Nulls::None),
        ("rate", "cpu_usage_cores", Nulls::None),
        ("rate_with_nulls", "cpu_usage_cores", Nulls::Most),
        ("percent_of_limit", "memory_limit_percent", Nulls::None),
        ("percent_of_quota", "cpu_limit_percent", Nulls::None),
    ];
    for (what, name, nulls) in cases {
        let spec = derived::named(name).expect("a series");
        group.bench_function(format!("{what}/exact"), |bencher| {
            bencher.iter(|| {
                let mut exact = Exact::of(RANGE, ROWS);
                day.tell(spec, nulls, &mut exact);
                assert!(exact.len() >= ROWS / 10 - 1 && !exact.is_over());
                black_box(exact.finish())
            });
        });
        group.bench_function(format!("{what}/buckets"), |bencher| {
            let grid = Grid::choose(RANGE, 1_000, SECOND);
            bencher.iter(|| {
                let mut folding = Folding::of(grid, RANGE);
                day.tell(spec, nulls, &mut folding);
                let buckets = folding.finish();
                assert_eq!(buckets.times.len(), grid.count);
                black_box(buckets)
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ThreadCpu).sample_size(20).measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_secs(1));
    targets = evaluate
}
criterion_main!(benches);
