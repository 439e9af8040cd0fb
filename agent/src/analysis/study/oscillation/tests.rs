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

/// Bursts of random length and size at random times, a twentieth of all readings, in a lot of noise or a little.
fn bursts(seed: u64, count: usize, noise: f64) -> Vec<f64> {
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
    values.iter_mut().for_each(|value| *value += noise * random.normal());
    values
}

/// On and off for random times.
fn switching(seed: u64, count: usize) -> Vec<f64> {
    let (mut random, mut values, mut state) = (Chance::new(seed), Vec::new(), 0.0);
    while values.len() < count {
        let length = (-20.0 * (1.0 - random.unit()).ln()) as usize;
        values.extend(std::iter::repeat_n(state, length + 1));
        state = 1.0 - state;
    }
    values.truncate(count);
    values
}

/// Sawteeth of 40 seconds, give or take a share, from 1 to 3.
fn sawteeth(seed: u64, count: usize, varying: f64) -> Vec<f64> {
    let (mut random, mut values) = (Chance::new(seed), Vec::new());
    while values.len() < count {
        let length = (40.0 * (1.0 + varying * (2.0 * random.unit() - 1.0))) as usize;
        values.extend((0..length).map(|at| 1.0 + 2.0 * at as f64 / length as f64));
    }
    values.truncate(count);
    values.iter_mut().for_each(|value| *value += 0.1 * random.normal());
    values
}

fn study(values: &[f64]) -> Report {
    Oscillation.analyze(&Input::of(&Signal::regular(START, SECOND, values), &WORDS), &Settings::default())
}

fn size(found: &Finding, name: &str) -> f64 {
    found.measure(name).unwrap()
}

fn seconds(found: &Finding) -> (i64, i64) {
    ((found.from - START) / SECOND, (found.to - START) / SECOND)
}

#[test]
fn collections_with_cycles_that_vary_are_found() {
    for (varying, regularity) in [(0.2, 0.88), (0.4, 0.77)] {
        for seed in 0..100 {
            let report = study(&sawteeth(seed, 2000, varying));
            assert_eq!(report.findings.len(), 1, "{varying} {seed}");
            let found = &report.findings[0];
            assert!((size(found, "low") - 0.95).abs() < 0.2, "{}", size(found, "low"));
            assert!((size(found, "high") - 3.0).abs() < 0.2, "{}", size(found, "high"));
            assert!((size(found, "cycle") - 39.5).abs() < 5.0);
            assert!((size(found, "cycles") - 49.0).abs() < 5.0);
            assert!((size(found, "regularity") - regularity).abs() < 0.1, "{}", size(found, "regularity"));
            assert!(seconds(found).0 < 120 && seconds(found).1 > 1880);
        }
    }
}

#[test]
fn squares_sines_and_slow_swings_are_found_with_their_sizes() {
    let noise = autoregressive(1, 7200, 0.0);
    let shape =
        |of: &dyn Fn(f64) -> f64| study(&(0..7200).map(|at| of(at as f64) + 0.05 * noise[at]).collect::<Vec<_>>());
    for (period, cycles) in [(10.0, 719.0), (60.0, 119.0), (900.0, 7.0)] {
        let square = shape(&|at| if at % period < period / 2.0 { 1.0 } else { 2.0 });
        let sine = shape(&|at| 1.5 + 0.5 * (at * std::f64::consts::TAU / period).sin());
        let few_on = shape(&|at| if at % period < period / 5.0 { 2.0 } else { 1.0 });
        for report in [square, sine, few_on] {
            assert_eq!(report.findings.len(), 1, "{period}");
            let found = &report.findings[0];
            assert!((size(found, "cycle") / period - 1.0).abs() < 0.02, "{period} {}", size(found, "cycle"));
            assert!((size(found, "cycles") - cycles).abs() <= 1.0, "{} {cycles}", size(found, "cycles"));
            assert!((size(found, "low") - 1.0).abs() < 0.2 && (size(found, "high") - 2.0).abs() < 0.2);
            assert!(size(found, "regularity") > 0.9);
        }
    }
}

#[test]
fn an_hour_of_it_is_found_in_a_day() {
    let mut values: Vec<f64> = autoregressive(2, 86_400, 0.9).iter().map(|value| 1.0 + 0.02 * value).collect();
    for (at, value) in values[40_000..43_600].iter_mut().enumerate() {
        *value += if at % 120 < 60 { 0.0 } else { 1.0 };
    }
    let report = study(&values);
    assert_eq!(report.findings.len(), 1);
    let (from, to) = seconds(&report.findings[0]);
    assert!((40_000..40_200).contains(&from) && (43_400..43_600).contains(&to), "{from} {to}");
    assert!((size(&report.findings[0], "cycles") - 29.0).abs() <= 1.0);
    assert!(report.findings[0].sentence.starts_with("swung between 0.9"), "{}", report.findings[0].sentence);
    assert!(
        report.findings[0].sentence.contains("every 2 min on average") || report.findings[0].sentence.contains("120 s")
    );
}

#[test]
fn it_goes_on_across_a_gap_and_on_a_drift_and_pauses_split_it() {
    let mut values: Vec<f64> = sawteeth(3, 7200, 0.2);
    values.iter_mut().enumerate().for_each(|(at, value)| *value += at as f64 * 0.0003);
    let mut times: Vec<i64> = (0..7200).map(|at| START + at * SECOND).collect();
    times[3000..].iter_mut().for_each(|time| *time += 30 * SECOND);
    let report = Oscillation.analyze(&Input::of(&Signal::new(&times, &values), &WORDS), &Settings::default());
    assert_eq!(report.findings.len(), 1);
    let (from, to) = seconds(&report.findings[0]);
    assert!(from < 200 && to > 7000, "{from} {to}");

    let mut values = sawteeth(4, 3600, 0.2);
    values[1000..2000].fill(1.0);
    let told: Vec<_> = study(&values).findings.iter().map(seconds).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].1 > 850 && told[0].1 < 1000 && told[1].0 >= 2000 && told[1].0 < 2150, "{told:?}");
}

#[test]
fn a_step_a_ramp_rest_and_few_readings_are_none() {
    let noise = autoregressive(5, 3600, 0.9);
    let shape = |of: &dyn Fn(f64) -> f64| {
        study(&(0..3600).map(|at| of(at as f64) + 0.02 * noise[at]).collect::<Vec<_>>()).findings
    };
    assert_eq!(shape(&|_| 0.0), []);
    assert_eq!(shape(&|at| if (1000.0..2000.0).contains(&at) { 1.0 } else { 0.0 }), []);
    assert_eq!(shape(&|at| at), []);
    assert_eq!(study(&[1.0; 3600]).findings, []);
    assert_eq!(study(&[1.0; 10]), Report::too_little(10, 60));
}

#[test]
fn noise_alone_has_hardly_any() {
    let alarms = |of: &dyn Fn(u64) -> Vec<f64>| (0..1000).filter(|&seed| !study(&of(seed)).findings.is_empty()).count();
    let counts = [
        alarms(&|seed| autoregressive(seed, 3600, 0.0)),
        alarms(&|seed| autoregressive(seed, 3600, 0.9)),
        alarms(&|seed| autoregressive(seed, 3600, 0.98)),
        alarms(&|seed| autoregressive(seed, 3600, 1.0)),
        alarms(&|seed| bursts(seed, 3600, 0.1)),
        alarms(&|seed| bursts(seed, 3600, 1.0)),
        alarms(&|seed| switching(seed, 3600)),
    ];
    println!(
        "oscillation: false alarms in 1000 of white, 0.9, 0.98, walks, bursts, noisier bursts, switching: {counts:?}"
    );
    assert!(counts.iter().zip([3, 3, 3, 3, 3, 3, 70]).all(|(count, bound)| *count <= bound), "{counts:?}");
}

#[test]
fn sizes_and_offsets_change_nothing_but_the_values() {
    let plain = sawteeth(6, 2000, 0.3);
    let expected = study(&plain);
    for (scale, offset) in [(1e-9, 0.0), (1e12, 0.0), (3.0, 1e4), (1.0, -1e5)] {
        let report = study(&plain.iter().map(|value| value * scale + offset).collect::<Vec<_>>());
        assert_eq!(report.findings.len(), 1);
        let (found, expected) = (&report.findings[0], &expected.findings[0]);
        assert_eq!((found.from, found.to), (expected.from, expected.to));
        assert!(((size(found, "high") - offset) / scale - size(expected, "high")).abs() < 1e-6);
        assert_eq!(size(found, "regularity"), size(expected, "regularity"));
    }
}
