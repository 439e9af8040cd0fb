//! Spikes and dips: short excursions far from the level around them, which come back.
//!
//! The level is a running median. How far is far follows from the series: its usual distance from the level, and how
//! its distances thin out where they are large, so that bursts that are usual are no spikes. Spikes at equal distances
//! are one finding. The surprise: what happens in more than a hundredth of the readings is usual unless it happens at
//! equal distances, and what lasts longer than a quarter of the window is a level of its own, not a spike.

use crate::analysis::study::words::{digits, duration, time};
use crate::analysis::study::{About, Finding, Input, Needs, Of, Parameter, Report, Settings, Severity, Study, measure};

use excursion::{Excursion, Side};
use usual::Usual;

mod excursion;
mod recurring;
mod usual;

/// So many readings tell what is usual.
const FEWEST: usize = 60;
/// Of so many sigmas nobody wants to know more: a value that never moved may have infinitely many.
const MOST_SIGMAS: f64 = 1000.0;
/// A spike of so many times the threshold leaves no doubt.
const SURE: f64 = 3.0;

const SIGMAS: Parameter = Parameter {
    name: "sigmas",
    help: "how many times the usual deviation from the level a spike has at least",
    default: 6.0,
    min: 3.0,
    max: 1000.0,
};
const WINDOW: Parameter = Parameter {
    name: "window",
    help: "the time whose median is the level, in seconds; at least 41 readings are taken",
    default: 300.0,
    min: 1.0,
    max: 86_400.0,
};
const RARE: Parameter = Parameter {
    name: "rare",
    help: "the share of the readings that spikes have at most together unless they recur",
    default: 0.01,
    min: 0.0001,
    max: 0.05,
};
const LIMIT: Parameter =
    Parameter { name: "limit", help: "how many spikes to tell, the largest", default: 20.0, min: 1.0, max: 1000.0 };

static ABOUT: About = About {
    id: "spikes",
    name: "Spikes",
    description: "Finds short peaks and dips that are rare and far from what the series usually does, and such that \
        recur.",
    needs: Needs::Series,
    parameters: &[SIGMAS, WINDOW, RARE, LIMIT],
};

/// The study.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spikes;

impl Study for Spikes {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, input: &Input<'_>, settings: &Settings) -> Report {
        let signal = input.signal;
        if signal.len() < FEWEST {
            return Report::too_little(signal.len(), FEWEST);
        }
        let level = usual::Level::of(signal, settings.get(&WINDOW));
        let distances = usual::Distances::of(signal, &level);
        let mut report = Report::default();
        let mut single = Vec::new();
        for side in [Side::Above, Side::Below] {
            let usual = |share| Usual::of(&distances, side, share, settings.get(&SIGMAS));
            let of_recurring = usual(recurring::MOST_SHARE);
            let often = excursion::all(signal, &level, side, of_recurring.threshold);
            if let Some(recurring) = recurring::of(&often) {
                report.findings.push(recurring.finding(input, side, of_recurring));
                let larger = often.into_iter().filter(|one| one.height > recurring::STANDS_OUT * recurring.height);
                single.extend(larger.map(|one| (one, of_recurring)));
                continue;
            }
            let of_rare = usual(settings.get(&RARE));
            let rare = excursion::all(signal, &level, side, of_rare.threshold);
            single.extend(rare.into_iter().map(|one| (one, of_rare)));
        }
        // Heights over the thresholds of their sides compare peaks with dips.
        let size = |(one, usual): &(Excursion, Usual)| one.height / usual.threshold;
        single.sort_by(|one, other| size(other).total_cmp(&size(one)));
        let limit = settings.get(&LIMIT) as usize;
        if single.len() > limit {
            report.notes.push(format!("{} smaller spikes and dips are not told", single.len() - limit));
        }
        report.findings.extend(single.iter().take(limit).map(|(one, usual)| finding(input, one, *usual)));
        report.findings.sort_by_key(|finding| finding.from);
        report
    }
}

fn finding(input: &Input<'_>, one: &Excursion, usual: Usual) -> Finding {
    let sigmas = usual.sigmas(one.height);
    let (kind, verb) = match one.side {
        Side::Above => ("spike", "rose"),
        Side::Below => ("dip", "fell"),
    };
    let sure = ((one.height / usual.threshold - 1.0) / (SURE - 1.0)).clamp(0.0, 1.0);
    // Where the series ends in it, nobody knows whether it comes back.
    let whole = if one.is_cut_off { 0.6 } else { 1.0 };
    Finding {
        kind,
        severity: Severity::Notice,
        from: one.from,
        to: one.to,
        confidence: (0.6 + 0.4 * sure) * whole,
        measures: vec![
            measure("height", one.height, Of::Value),
            measure("level", one.level, Of::Value),
            measure("peak", one.peak, Of::Value),
            measure("width", one.width_seconds, Of::Seconds),
            measure("sigmas", sigmas, Of::Sigmas),
        ],
        sentence: format!(
            "{verb} from about {} to {} for {} at {}, {} times the usual deviation",
            input.words.value(one.level),
            input.words.value(one.peak),
            duration(one.width_seconds),
            time(one.from),
            digits(sigmas)
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::study::testing::Chance;
    use crate::analysis::study::{Signal, Words};

    use super::*;

    const START: i64 = 1_795_406_400_000_000;
    const SECOND: i64 = 1_000_000;
    const WORDS: Words = Words { unit: "cores" };

    fn white(seed: u64, count: usize) -> Vec<f64> {
        let mut random = Chance::new(seed);
        (0..count).map(|_| random.normal()).collect()
    }

    fn autoregressive(seed: u64, count: usize, factor: f64) -> Vec<f64> {
        let (mut random, mut value) = (Chance::new(seed), 0.0);
        let mut next = || {
            value = factor * value + random.normal();
            value
        };
        (0..count).map(|_| next()).collect()
    }

    /// Bursts of random length and size at random times, a twentieth of all readings; beside them noise.
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

    fn study(values: &[f64]) -> Report {
        Spikes.analyze(&Input::of(&Signal::regular(START, SECOND, values), &WORDS), &Settings::default())
    }

    fn seconds(report: &Report, kind: &str) -> Vec<i64> {
        report.findings.iter().filter(|one| one.kind == kind).map(|one| (one.from - START) / SECOND).collect()
    }

    fn two_spikes_and_a_dip() -> Vec<f64> {
        let mut values: Vec<f64> = white(1, 7200).iter().map(|value| 2.0 + 0.1 * value).collect();
        values[1000..1005].iter_mut().for_each(|value| *value += 3.0);
        values[4000] += 2.0;
        values[6000..6020].iter_mut().for_each(|value| *value -= 1.5);
        values
    }

    #[test]
    fn spikes_and_dips_have_their_time_width_and_height() {
        let report = study(&two_spikes_and_a_dip());
        assert_eq!((seconds(&report, "spike"), seconds(&report, "dip")), (vec![1000, 4000], vec![6000]));
        let sizes: Vec<[f64; 2]> =
            report.findings.iter().map(|found| ["height", "width"].map(|name| found.measure(name).unwrap())).collect();
        for ([height, width], [expected, wide]) in sizes.iter().zip([[3.0, 5.0], [2.0, 1.0], [1.5, 20.0]]) {
            assert!((height - expected).abs() < 0.35, "{height} {expected}");
            assert_eq!(*width, wide);
        }
        let sigmas = report.findings[0].measure("sigmas").unwrap();
        assert!((25.0..37.0).contains(&sigmas), "{sigmas}");
        assert!(report.findings[0].sentence.starts_with("rose from about 2"), "{}", report.findings[0].sentence);
        assert!(report.findings[0].sentence.contains("cores for 5 s at 2026-11-23T04:16:40Z"));
    }

    #[test]
    fn spikes_at_equal_distances_are_one_finding_and_a_far_larger_one_another() {
        let mut values: Vec<f64> = white(2, 7200).iter().map(|value| 2.0 + 0.1 * value).collect();
        let mut random = Chance::new(3);
        for minute in 0..120 {
            let begin = minute * 60 + 20 + (random.unit() * 3.0) as usize;
            values[begin..begin + 2].iter_mut().for_each(|value| *value += 2.0);
        }
        values[3612] += 20.0;
        let report = study(&values);
        assert_eq!(seconds(&report, "spike"), [3612]);
        let recurring = report.findings.iter().find(|found| found.kind == "recurring_spikes").unwrap();
        assert_eq!(report.findings.len(), 2);
        assert!((120.0..=121.0).contains(&recurring.measure("count").unwrap()));
        assert!((recurring.measure("distance").unwrap() - 60.0).abs() <= 1.0);
        assert_eq!(recurring.measure("width"), Some(2.0));
        assert!((recurring.measure("height").unwrap() - 2.1).abs() < 0.2);
    }

    #[test]
    fn a_flat_series_may_have_a_spike() {
        let mut values = vec![5.0; 1000];
        values[500..502].fill(9.0);
        let report = study(&values);
        assert_eq!(seconds(&report, "spike"), [500]);
        assert_eq!(report.findings[0].measure("height"), Some(4.0));
        assert_eq!(study(&[5.0; 1000]), Report::default());
        assert_eq!(study(&[5.0; 10]), Report::too_little(10, 60));
    }

    #[test]
    fn steps_ramps_days_sawteeth_and_squares_have_none() {
        let noise = white(4, 20_000);
        let shape = |of: &dyn Fn(f64) -> f64| {
            study(&(0..20_000).map(|at| of(at as f64) + 0.05 * noise[at]).collect::<Vec<_>>()).findings
        };
        assert_eq!(shape(&|at| if at < 7000.0 { 0.0 } else { 5.0 }), []);
        assert_eq!(shape(&|at| if (7000.0..7400.0).contains(&at) { 5.0 } else { 0.0 }), []);
        assert_eq!(shape(&|at| at * 0.01), []);
        assert_eq!(shape(&|at| (at / 2000.0).sin() * 10.0), []);
        for period in [20.0, 77.0, 300.0, 3000.0] {
            assert_eq!(shape(&|at| at % period / period * 5.0), [], "{period}");
            assert_eq!(shape(&|at| if at % period < period / 2.0 { 5.0 } else { 0.0 }), [], "{period}");
        }
    }

    #[test]
    fn a_spike_beside_a_gap_and_at_a_step_is_found() {
        let mut values: Vec<f64> = white(5, 4000).iter().map(|value| 0.1 * value).collect();
        values[2000..].iter_mut().for_each(|value| *value += 3.0);
        values[2010..2013].iter_mut().for_each(|value| *value += 3.0);
        values[999..1001].fill(4.0);
        let mut times: Vec<i64> = (0..4000).map(|at| START + at * SECOND).collect();
        times[1001..].iter_mut().for_each(|time| *time += 900 * SECOND);
        let signal = Signal::new(&times, &values);
        let report = Spikes.analyze(&Input::of(&signal, &WORDS), &Settings::default());
        assert_eq!(seconds(&report, "spike"), [999, 2910]);
    }

    #[test]
    fn noise_alone_has_hardly_any() {
        let alarms =
            |of: &dyn Fn(u64) -> Vec<f64>| (0..1000).filter(|&seed| !study(&of(seed)).findings.is_empty()).count();
        let counts = [
            alarms(&|seed| white(seed, 2000)),
            alarms(&|seed| autoregressive(seed, 2000, 0.9)),
            alarms(&|seed| autoregressive(seed, 2000, 1.0)),
            alarms(&|seed| bursts(seed, 2000)),
        ];
        println!("spikes: false alarms in 1000 of white, autoregressive, walks, bursts: {counts:?}");
        assert!(counts.iter().zip([3, 3, 3, 30]).all(|(count, bound)| *count <= bound), "{counts:?}");
    }

    #[test]
    fn sizes_and_offsets_change_nothing_but_the_values() {
        let plain = two_spikes_and_a_dip();
        let expected = study(&plain);
        for (scale, offset) in [(1e-9, 0.0), (1e12, 0.0), (3.0, 1e4), (1.0, -1e5)] {
            let report = study(&plain.iter().map(|value| value * scale + offset).collect::<Vec<_>>());
            assert_eq!(report.findings.len(), 3);
            for (found, expected) in report.findings.iter().zip(&expected.findings) {
                assert_eq!((found.from, found.to, found.kind), (expected.from, expected.to, expected.kind));
                let [height, before] = [found, expected].map(|finding| finding.measure("height").unwrap());
                assert!((height / scale - before).abs() < 1e-6);
                let [sigmas, before] = [found, expected].map(|finding| finding.measure("sigmas").unwrap());
                assert!((sigmas - before).abs() < 1e-4);
            }
        }
    }
}
