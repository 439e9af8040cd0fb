//! What it costs to write an answer of series as JSON: the columnar writer over 20 containers of a day at 1 Hz.
//!
//! Beside it, the same points through serde_json's own serializer, as what a writer of our own has to beat. One element is a
//! point: a time and a value. What is measured is the thread's CPU time, which other load on the machine disturbs least.

#![allow(missing_docs, clippy::expect_used, reason = "a benchmark")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fgm_agent::http::columnar;
use fgm_agent::service::question::{Series, SeriesAnswer, SeriesData, TimeRange};
use fgm_benches::cpu_time::ThreadCpu;

const CONTAINERS: usize = 20;
const POINTS: usize = 86_400;
const START: i64 = 1_795_406_400_000_000;

/// What values look like.
#[derive(Clone, Copy)]
enum Values {
    /// Bytes in pages, as of memory.
    Whole,
    /// Shares with all their digits, as of CPU.
    Fractions,
}

fn answer(values: Values) -> SeriesAnswer {
    let series = (0..CONTAINERS).map(|container| series(container, values)).collect();
    let range = TimeRange { from: START, to: START + 86_400_000_000 };
    SeriesAnswer { range, series, notes: Vec::new(), is_sealed: false }
}

fn series(container: usize, values: Values) -> Series {
    let mut state = u32::try_from(container).expect("few") + 1;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8)
    };
    let mut value = || match values {
        Values::Whole => (random() / 64.0).floor() * 4096.0,
        Values::Fractions => random() / 1.1e7,
    };
    let data = SeriesData::Exact {
        // Read times waver by some hundred microseconds.
        times: (0..86_400_i64).map(|second| START + second * 1_000_000 + second * 37 % 900).collect(),
        values: (0..POINTS).map(|_| value()).collect(),
    };
    let labels: BTreeMap<&'static str, String> =
        [("container_id", format!("{container:064x}")), ("pod", format!("checkout-{container}"))].into();
    Series { metric: "memory_current_bytes".to_owned(), unit: "bytes", labels, data, marks: Vec::new() }
}

fn json_reply(criterion: &mut Criterion<ThreadCpu>) {
    let mut group = criterion.benchmark_group("json_reply");
    group.sample_size(20).measurement_time(Duration::from_secs(4));
    group.throughput(Throughput::Elements(u64::try_from(CONTAINERS * POINTS).expect("fits")));
    for (name, values) in [("whole", Values::Whole), ("fractions", Values::Fractions)] {
        let answer = answer(values);
        let written = columnar::write(answer.clone());
        let commas = written.iter().filter(|byte| **byte == b',').count();
        assert!(commas > 2 * CONTAINERS * (POINTS - 1), "every point is there");
        group.bench_function(format!("columnar_{name}"), |bencher| {
            bencher.iter_batched(|| answer.clone(), |answer| black_box(columnar::write(answer)), BatchSize::LargeInput);
        });
        group
            .bench_function(format!("serde_json_{name}"), |bencher| bencher.iter(|| black_box(by_serde_json(&answer))));
    }
    group.finish();
}

/// The same arrays; whole numbers with a point, and gaps as null.
fn by_serde_json(answer: &SeriesAnswer) -> Vec<u8> {
    let mut out = Vec::with_capacity(CONTAINERS * POINTS * 28);
    for series in &answer.series {
        let SeriesData::Exact { times, values } = &series.data else { continue };
        let times: Vec<i64> = times.iter().map(|time| time.div_euclid(1000)).collect();
        serde_json::to_writer(&mut out, &(times, values)).expect("a vector takes everything");
    }
    out
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ThreadCpu);
    targets = json_reply
}
criterion_main!(benches);
