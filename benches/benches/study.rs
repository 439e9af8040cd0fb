//! What each study costs: a day and a week of a made-up series at 1 Hz, with steps, a slow wave, bursts and noise in it.
//!
//! `cargo bench --bench study`; needs no data set. Studies of a container have that series under every name that they ask for; those that
//! compare have ten others.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fgm_agent::analysis::studies;
use fgm_agent::analysis::study::{Happening, Input, Needs, Settings, Signal, Words};

const SECOND: i64 = 1_000_000;

/// Numbers that look like chance.
struct Chance(u64);

impl Chance {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// A series of this many readings: a step every 2,000 s, a wave of 180 s, a burst every 10 minutes or so, noise that is kept a little.
fn series(seed: u64, readings: usize) -> Signal {
    let mut chance = Chance(seed * 0x9E37_79B9_7F4A_7C15 + 1);
    let (mut noise, mut burst, mut level) = (0.0, 0.0, 0.0);
    let value = |at: usize| {
        noise = 0.3 * noise + 0.95 * chance.normal();
        if at.is_multiple_of(2000) {
            level = chance.unit() * 10.0;
        }
        burst = if chance.unit() < 1.0 / 600.0 { 20.0 } else { burst * 0.9 };
        20.0 + level + burst + noise + 2.0 * (at as f64 / 180.0 * std::f64::consts::TAU).sin()
    };
    Signal::regular(0, SECOND, &(0..readings).map(value).collect::<Vec<f64>>())
}

fn study(criterion: &mut Criterion) {
    for (name, readings) in [("day", 86_400), ("week", 604_800)] {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        for study in studies::ALL {
            let about = study.about();
            group.bench_function(about.id, |bencher| {
                let signal = series(1, readings);
                let others: Vec<(String, Signal)> = match about.needs {
                    Needs::Container(metrics) => {
                        metrics.iter().map(|name| ((*name).to_owned(), signal.clone())).collect()
                    }
                    Needs::Series | Needs::Limit => Vec::new(),
                    Needs::Baseline => vec![("other".to_owned(), series(2, readings))],
                    Needs::Others | Needs::Window => {
                        (2..12).map(|seed| (format!("other {seed}"), series(seed, readings))).collect()
                    }
                };
                let end = signal.span().unwrap().1;
                let kill = |part: i64| Happening {
                    time: end / 10 * part,
                    kind: "oom_kill".to_owned(),
                    is_own: true,
                    message: "the kernel killed worker".to_owned(),
                };
                let happenings: Vec<Happening> = (1..10).map(kill).collect();
                let limit = Signal::new(&[0], &[40.0]);
                // A window at the end of the others, where it is a window that is asked about.
                let window = signal.part(end / 5 * 4, end + 1);
                let own = if about.needs == Needs::Window { &window } else { &signal };
                let words = Words { unit: "cores" };
                let input =
                    Input { limit: Some(&limit), others: &others, happenings: &happenings, ..Input::of(own, &words) };
                let expected = study.analyze(&input, &Settings::default());
                bencher.iter(|| {
                    let report = study.analyze(black_box(&input), &Settings::default());
                    assert_eq!(report, expected);
                    report
                });
            });
        }
        group.finish();
    }
}

/// 500 series of 1,000 points related to one.
fn relate(criterion: &mut Criterion) {
    let study = studies::named("correlate").unwrap();
    criterion.benchmark_group("500_series").sample_size(10).bench_function("correlate", |bencher| {
        let signal = series(1, 1_000);
        let others: Vec<(String, Signal)> =
            (2..502).map(|seed| (format!("other {seed}"), series(seed, 1_000))).collect();
        let words = Words { unit: "cores" };
        let input = Input { others: &others, ..Input::of(&signal, &words) };
        bencher.iter(|| study.analyze(black_box(&input), &Settings::default()));
    });
}

criterion_group!(benches, study, relate);
criterion_main!(benches);
