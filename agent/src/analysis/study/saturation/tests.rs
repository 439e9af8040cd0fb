use crate::analysis::study::Signal;
use crate::analysis::study::testing::Chance;

use super::*;

const START: i64 = 1_795_406_400_000_000;
const SECOND: i64 = 1_000_000;
const WORDS: Words = Words { unit: "cores" };

fn autoregressive(seed: u64, count: usize, factor: f64) -> Vec<f64> {
    let (mut random, mut value) = (Chance::new(seed), 0.0);
    let mut next = || {
        value = factor * value + random.normal();
        value
    };
    (0..count).map(|_| next()).collect()
}

/// Bursts of random length and size at random times, a twentieth of all readings.
fn bursts(seed: u64, count: usize) -> Vec<f64> {
    let mut random = Chance::new(seed);
    let mut values = Vec::new();
    while values.len() < count {
        let (quiet, loud) =
            ((-95.0 * (1.0 - random.unit()).ln()) as usize, (-5.0 * (1.0 - random.unit()).ln()) as usize);
        values.extend((0..=quiet).map(|_| 0.0));
        let height = -10.0 * (1.0 - random.unit()).ln();
        values.extend((0..=loud).map(|_| height));
    }
    values.truncate(count);
    values.iter_mut().for_each(|value| *value += 0.1 * random.normal());
    values
}

fn with_limit(values: &[f64], limit: Option<&Signal>) -> Report {
    let signal = Signal::regular(START, SECOND, values);
    Saturation.analyze(&Input { limit, ..Input::of(&signal, &WORDS) }, &Settings::default())
}

fn study(values: &[f64]) -> Report {
    with_limit(values, None)
}

fn of_two_cores() -> Signal {
    Signal::regular(START, SECOND, &[2.0])
}

fn seconds(found: &Finding) -> (i64, i64) {
    ((found.from - START) / SECOND, (found.to - START) / SECOND)
}

#[test]
fn spans_have_their_times_and_the_summary_their_share() {
    let mut random = Chance::new(1);
    let mut values: Vec<f64> = (0..3600).map(|_| 0.5 + 0.1 * random.normal()).collect();
    for span in [100..160, 1000..1300, 1305..1400, 3000..3030] {
        values[span].iter_mut().for_each(|value| *value = 1.98 + 0.01 * random.normal());
    }
    // A reading that is late, and one that is not at the limit.
    values[500] = 2.3;
    values[1100] = 1.2;
    let report = with_limit(&values, Some(&of_two_cores()));
    let told: Vec<_> = report.findings.iter().map(|found| (found.kind, seconds(found))).collect();
    let span = "saturation";
    assert_eq!(
        told,
        [("saturation_summary", (100, 3029)), (span, (1000, 1399)), (span, (100, 159)), (span, (3000, 3029))]
    );
    let all = &report.findings[0];
    let sizes = ["longest", "limit", "spans"].map(|name| all.measure(name).unwrap());
    assert_eq!(sizes, [400.0, 2.0, 3.0]);
    assert!((all.measure("share").unwrap() - 485.0 / 3600.0).abs() < 0.001);
    assert_eq!(all.severity, Severity::Warning);
    assert_eq!(
        all.sentence,
        "was at its limit of 2 cores for 13.5 % of the range, 3 times, the longest for 6.67 min at 2026-11-23T04:16:40Z"
    );
}

#[test]
fn a_limit_that_changes_holds_from_its_time_on_and_none_is_none() {
    let limit = Signal::new(&[START, START + 1000 * SECOND, START + 2000 * SECOND], &[2.0, 4.0, i64::MAX as f64]);
    let report = with_limit(&[2.0; 3000], Some(&limit));
    assert_eq!(report.findings.len(), 1);
    assert_eq!(seconds(&report.findings[0]), (0, 999));
    assert_eq!(report.findings[0].measure("share"), Some(0.5));
    assert_eq!(report.findings[0].severity, Severity::Critical);
    let unlimited = Signal::regular(START, SECOND, &[i64::MAX as f64]);
    assert!(with_limit(&[2.0; 3000], Some(&unlimited)).notes[0].starts_with("no limit is known"));
    assert_eq!(study(&[1.0; 3]), Report::too_little(3, 10));
}

#[test]
fn a_gap_ends_a_span_unless_it_is_a_short_break() {
    let mut times: Vec<i64> = (0..600).map(|at| START + at * SECOND).collect();
    times[200..].iter_mut().for_each(|time| *time += 8 * SECOND);
    times[400..].iter_mut().for_each(|time| *time += 600 * SECOND);
    let signal = Signal::new(&times, &[1.95; 600]);
    let report =
        Saturation.analyze(&Input { limit: Some(&of_two_cores()), ..Input::of(&signal, &WORDS) }, &Settings::default());
    let told: Vec<_> = report.findings[1..].iter().map(seconds).collect();
    assert_eq!(told, [(0, 407), (1008, 1207)]);
}

/// Slow noise that is cut off above.
fn cut_off(seed: u64) -> Vec<f64> {
    autoregressive(seed, 7200, 0.95).iter().map(|value| (5.0 + value).min(8.0)).collect()
}

#[test]
fn a_limit_is_inferred_where_noise_is_cut_off() {
    for seed in 0..20 {
        let mut random = Chance::new(seed);
        let values: Vec<f64> = cut_off(seed).iter().map(|value| value + 0.02 * random.normal()).collect();
        let report = study(&values);
        assert!(report.findings.len() > 3, "{seed}");
        let all = &report.findings[0];
        assert!((all.measure("limit").unwrap() - 8.0).abs() < 0.05, "{:?}", all.measure("limit"));
        let expected = values.iter().filter(|value| **value > 7.9).count() as f64 / 7200.0;
        assert!((all.measure("share").unwrap() - expected).abs() < 0.05, "{expected} {:?}", all.measure("share"));
        assert_eq!(all.confidence, 0.5);
        assert!(all.sentence.contains("which was inferred"));
    }
}

#[test]
fn waves_steps_and_what_rests_have_no_limit() {
    let mut random = Chance::new(9);
    let noise: Vec<f64> = (0..7200).map(|_| 0.01 * random.normal()).collect();
    let shape =
        |of: &dyn Fn(f64) -> f64| study(&(0..7200).map(|at| of(at as f64) + noise[at]).collect::<Vec<_>>()).findings;
    assert_eq!(shape(&|_| 0.0), []);
    assert_eq!(shape(&|at| (at / 100.0).sin()), []);
    assert_eq!(shape(&|at| at % 100.0 / 100.0), []);
    assert_eq!(shape(&|at| if at % 100.0 < 50.0 { 0.0 } else { 1.0 }), []);
    assert_eq!(shape(&|at| if at < 3000.0 { 0.0 } else { 1.0 }), []);
    // Memory that grows and then stays.
    assert_eq!(shape(&|at| at.min(3000.0) / 3000.0), []);
}

#[test]
fn noise_alone_has_no_limit() {
    let alarms = |of: &dyn Fn(u64) -> Vec<f64>| (0..1000).filter(|&seed| !study(&of(seed)).findings.is_empty()).count();
    let counts = [
        alarms(&|seed| autoregressive(seed, 2000, 0.0)),
        alarms(&|seed| autoregressive(seed, 2000, 0.9)),
        alarms(&|seed| autoregressive(seed, 2000, 1.0)),
        alarms(&|seed| bursts(seed, 2000)),
    ];
    println!("saturation: false alarms in 1000 of white, autoregressive, walks, bursts: {counts:?}");
    assert!(counts.iter().zip([3, 3, 3, 3]).all(|(count, bound)| *count <= bound), "{counts:?}");
}

#[test]
fn sizes_change_nothing_but_the_values() {
    let plain = cut_off(3);
    let known = Signal::regular(START, SECOND, &[8.0]);
    for (scale, offset) in [(1e-9, 0.0), (1e12, 0.0), (4.0, 1e4)] {
        let scaled: Vec<f64> = plain.iter().map(|value| value * scale + offset).collect();
        let scaled_limit = Signal::regular(START, SECOND, &[8.0 * scale]);
        let mut pairs = vec![(study(&scaled), study(&plain))];
        if offset == 0.0 {
            pairs.push((with_limit(&scaled, Some(&scaled_limit)), with_limit(&plain, Some(&known))));
        }
        for (report, expected) in pairs {
            assert_eq!(report.findings.len(), expected.findings.len());
            for (found, expected) in report.findings.iter().zip(&expected.findings) {
                assert_eq!((found.from, found.to), (expected.from, expected.to));
                let [limit, before] = [found, expected].map(|finding| finding.measure("limit").unwrap());
                assert!((limit - before * scale - offset).abs() <= 1e-9 * (limit.abs() + scale));
            }
        }
    }
}
