//! Waves: what repeats at a strict period, how big it is, and from when to when it holds.
//!
//! Windows of the series at ever coarser steps are searched for peaks of their spectra. Each peak is followed through time, cycle by
//! cycle, and judged by how steady the cycles are, by how much of what the series does the mean cycle explains, and by how often
//! cycles would be that steady by chance. What is found is taken out, and what it hid is looked for again. The surprise: a collector
//! that runs every 20 to 40 seconds has no period, though any ten minutes of it look as if it had. A wave every
//! 60 s and one every 300 s at the same time are two, unless together they look like one pulse or sawtooth.

mod cycle;
mod fold;
mod levels;
mod middle;
mod seeds;
mod sums;
mod track;
mod turning;
mod vain;
mod waves;

use std::fmt::Write as _;

use crate::analysis::study::{
    About, Finding, Input, Needs, Of, Parameter, Report, Settings, Severity, Signal, Study, measure, robust, words,
};
use crate::model::UnixMicros;
use waves::Wave;

/// Finds what repeats at a strict period.
#[derive(Clone, Copy, Debug, Default)]
pub struct Periodicity;

/// How sure a finding must be to be told.
pub const MIN_CONFIDENCE: Parameter = Parameter {
    name: "min_confidence",
    help: "findings less sure than this are left out, up to 1; with 0.3, rough periods are told too",
    default: 0.8,
    min: 0.1,
    max: 1.0,
};

static ABOUT: About = About {
    id: "periodicity",
    name: "Periodicity",
    description: "Finds what repeats at a strict period, from 3 readings to a third of the range: how long a cycle is, how big, \
                  and from when to when it holds.",
    needs: Needs::Series,
    parameters: &[MIN_CONFIDENCE],
};

/// So many readings are needed: some cycles of the shortest period.
const LEAST_READINGS: usize = 32;
/// So many times the noise is as much as is told.
const MOST_SIGMAS: f64 = 1000.0;
/// The grid has at most so many cells per reading.
const MOST_CELLS: i64 = 8;
/// The noise is that of at most so many readings of a wave.
const MOST_NOISE: usize = 65_536;

impl Study for Periodicity {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, input: &Input<'_>, settings: &Settings) -> Report {
        let signal = input.signal;
        let Some((first, last)) = signal.span().filter(|_| signal.len() >= LEAST_READINGS) else {
            return Report::too_little(signal.len(), LEAST_READINGS);
        };
        let mut report = Report::default();
        let cells = (last - first) / signal.step_usec() + 1;
        let coarser = cells / (MOST_CELLS * signal.len() as i64) + 1;
        if coarser > 1 {
            let cell = words::duration(signal.step_seconds() * coarser as f64);
            report.notes.push(format!("there are more gaps than readings: periods below {cell} are not looked for"));
        }
        let grid = Grid { first, last, step_usec: signal.step_usec() * coarser };
        let count = usize::try_from(cells / coarser + 1).unwrap_or(0);
        // Readings are some tenths of a step early or late: cells begin half a step before.
        let mut values = signal.on_grid(first - grid.step_usec / 2, grid.step_usec, count);
        while values.last().is_some_and(|value| value.is_nan()) {
            values.pop();
        }
        // Only differences matter, and small ones are lost beside a big level.
        let base = values.first().copied().unwrap_or(0.0);
        for value in &mut values {
            *value -= base;
        }
        let mut levels = levels::levels(values);
        let waves = waves::waves(&mut levels, settings.get(&MIN_CONFIDENCE));
        let mut findings: Vec<Finding> = waves.iter().map(|wave| finding(wave, &grid, input)).collect();
        findings.retain(|finding| finding.confidence >= settings.get(&MIN_CONFIDENCE));
        findings.sort_by_key(|finding| finding.from);
        report.findings = findings;
        report
    }
}

/// Where the cells are in time.
struct Grid {
    first: UnixMicros,
    last: UnixMicros,
    step_usec: i64,
}

impl Grid {
    fn time(&self, cell: f64) -> UnixMicros {
        (self.first + (cell * self.step_usec as f64).round() as i64).clamp(self.first, self.last)
    }
}

fn finding(wave: &Wave, grid: &Grid, input: &Input<'_>) -> Finding {
    let (from, to) = (grid.time(wave.from), grid.time(wave.to));
    let period = wave.period * grid.step_usec as f64 / 1e6;
    let amplitude = wave.cycle.amplitude();
    let noise = noise(wave, input.signal, (from, to));
    let sigmas = if noise * MOST_SIGMAS > amplitude { amplitude / noise } else { MOST_SIGMAS };
    let crest = wave.cycle.crest();
    let turns = (wave.from / wave.period - crest).ceil() + crest;
    let mut measures = vec![
        measure("period", period, Of::Seconds),
        measure("amplitude", amplitude, Of::Value),
        measure("sigmas", sigmas, Of::Sigmas),
        measure("phase", grid.time(turns * wave.period) as f64, Of::Time),
        measure("cycles", wave.cycles.round(), Of::Count),
    ];
    let mut sentence = format!(
        "repeats every {} from {} to {}, {} cycles: swings by {}, {} times the noise to either side",
        words::duration(period),
        words::time(from),
        words::time(to),
        wave.cycles.round(),
        input.words.value(2.0 * amplitude),
        words::digits(sigmas),
    );
    if let Some(high) = wave.cycle.high() {
        measures.push(measure("high", high, Of::Ratio));
        let _ = write!(sentence, "; high for {} of each cycle", words::percent(high));
    }
    let confidence = wave.confidence;
    Finding { kind: "periodic", severity: Severity::Info, from, to, confidence, measures, sentence }
}

/// The noise of one reading while the wave holds: what the mean cycle leaves of it, or what differs from one reading to the next
/// if that is less.
fn noise(wave: &Wave, signal: &Signal, (from, to): (UnixMicros, UnixMicros)) -> f64 {
    let values = signal.values_between(from, to);
    let pairs = values.iter().zip(values.iter().skip(1)).take(MOST_NOISE);
    let mut steps: Vec<f64> = pairs.map(|(one, next)| (next - one).abs()).collect();
    let mean = sums::sum(&steps) / steps.len().max(1) as f64;
    let usual = robust::deviation_about(&mut steps, 0.0) / std::f64::consts::SQRT_2;
    // Values that rest most of the time differ by 0 from one to the next.
    let usual = if usual > 0.0 { usual } else { mean };
    if wave.is_finest { usual.min(wave.cycle.left) } else { usual }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::Words;

    const START: UnixMicros = 1_795_406_400_000_000;
    const SECOND: i64 = 1_000_000;

    /// Noise for tests.
    struct Dice(u64);

    impl Dice {
        fn of(seed: u64) -> Self {
            let mut dice = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
            (0..4).for_each(|_| _ = dice.even());
            dice
        }

        fn even(&mut self) -> f64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1u64 << 53) as f64
        }

        fn normal(&mut self) -> f64 {
            (-2.0 * self.even().max(1e-300).ln()).sqrt() * (std::f64::consts::TAU * self.even()).cos()
        }
    }

    fn white(seed: u64, count: usize) -> Vec<f64> {
        let mut dice = Dice::of(seed);
        (0..count).map(|_| dice.normal()).collect()
    }

    fn sine(at: f64, period: f64) -> f64 {
        (std::f64::consts::TAU * at / period).sin()
    }

    /// 1 for a share of the period, then -1.
    fn pulse(at: f64, period: f64, high: f64) -> f64 {
        if (at / period).fract() < high { 1.0 } else { -1.0 }
    }

    fn add(values: &mut [f64], wave: impl Fn(f64) -> f64) {
        values.iter_mut().enumerate().for_each(|(at, value)| *value += wave(at as f64));
    }

    fn found(signal: &Signal) -> Vec<Finding> {
        Periodicity.analyze(&Input::of(signal, &Words { unit: "cores" }), &Settings::default()).findings
    }

    fn found_in(values: &[f64]) -> Vec<Finding> {
        found(&Signal::regular(START, SECOND, values))
    }

    fn measures(finding: &Finding, names: [&str; 3]) -> [f64; 3] {
        names.map(|name| finding.measure(name).unwrap())
    }

    fn near(value: f64, expected: f64, by: f64) {
        assert!((value - expected).abs() <= by, "{value} is not {expected} give or take {by}");
    }

    #[test]
    fn a_square_wave_is_one_finding_at_its_period() {
        let mut values = white(1, 20_000);
        add(&mut values, |at| 3.0 * pulse(at + 20.0, 61.7, 0.2));
        let findings = found_in(&values);
        assert_eq!(findings.len(), 1, "{findings:?}");
        let [period, amplitude, sigmas] = measures(&findings[0], ["period", "amplitude", "sigmas"]);
        near(period, 61.7, 0.02);
        near(amplitude, 3.0, 0.3);
        near(sigmas, 3.0, 0.4);
        let [cycles, high, phase] = measures(&findings[0], ["cycles", "high", "phase"]);
        near(cycles, 20_000.0 / 61.7, 1.0);
        near(high, 0.2, 0.03);
        // It rises at 41.7 s, and is high for 12.34 s.
        near((phase - START as f64) / 1e6, 41.7 + 6.2, 1.5);
        assert_eq!((findings[0].from, findings[0].to), (START, START + 19_999 * SECOND));
        assert!(findings[0].confidence > 0.95);
        let text = &findings[0].sentence;
        assert!(
            text.starts_with("repeats every 61.7 s from 2026-11-23T04:00:00Z to 2026-11-23T09:33:19Z, 324 "),
            "{text}"
        );
    }

    #[test]
    fn nothing_depends_on_scale_and_level() {
        let mut values = white(2, 8_000);
        add(&mut values, |at| 2.0 * sine(at, 17.3));
        let expected = found_in(&values);
        near(expected[0].measure("period").unwrap(), 17.3, 0.02);
        for (scale, level) in [(1e-9, 0.0), (4096.0, 1e9), (1e12, -1e12)] {
            let scaled: Vec<f64> = values.iter().map(|value| value * scale + level).collect();
            let findings = found_in(&scaled);
            assert_eq!(findings.len(), expected.len());
            let ([period, amplitude, sigmas], known) = (
                measures(&findings[0], ["period", "amplitude", "sigmas"]),
                measures(&expected[0], ["period", "amplitude", "sigmas"]),
            );
            near(period, known[0], 1e-6);
            near(amplitude / scale, known[1], 1e-4);
            near(sigmas, known[2], 1e-4);
            near(findings[0].confidence, expected[0].confidence, 1e-4);
        }
    }

    #[test]
    fn a_wave_of_half_an_hour_of_a_day_is_found_with_its_times() {
        for (period, from) in [(3.3, 40_000), (12.0, 7_000), (60.0, 70_000), (150.0, 30_000)] {
            let mut values = white(3, 86_400);
            add(&mut values, |at| {
                let holds = (f64::from(from)..f64::from(from + 1_800)).contains(&at);
                20.0 * sine(at, 86_400.0) + if holds { 2.0 * sine(at, period) } else { 0.0 }
            });
            let findings = found_in(&values);
            assert_eq!(findings.len(), 1, "{findings:?}");
            near(findings[0].measure("period").unwrap(), period, period * 0.01);
            let seconds = |time: UnixMicros| (time - START) as f64 / 1e6;
            near(seconds(findings[0].from), f64::from(from), 2.0 * period + 5.0);
            near(seconds(findings[0].to), f64::from(from + 1_800), 2.0 * period + 5.0);
        }
    }

    #[test]
    fn several_waves_are_told_apart() {
        for periods in [[10.0, 60.0, 300.0], [10.0, 16.5, 23.1], [13.3, 97.9, 5_000.0], [97.9, 132.1, 700.0]] {
            let mut values = white(4, 86_400);
            for period in periods {
                add(&mut values, |at| 3.0 * sine(at + 5.0, period));
            }
            let mut found: Vec<f64> = found_in(&values).iter().map(|one| one.measure("period").unwrap()).collect();
            found.sort_by(f64::total_cmp);
            assert_eq!(found.len(), 3, "{periods:?}: {found:?}");
            found.iter().zip(periods).for_each(|(found, period)| near(*found, period, period * 0.005));
        }
    }

    #[test]
    fn gaps_uneven_times_steps_and_outliers_do_not_hide_a_wave() {
        let mut dice = Dice::of(5);
        let (mut times, mut values) = (Vec::new(), Vec::new());
        for at in 0..40_000 {
            let gap = (10_000..16_000).contains(&at) || dice.even() < 0.02;
            let step = if at > 25_000 { 30.0 } else { 0.0 };
            let outlier = if dice.even() < 0.001 { 500.0 } else { 0.0 };
            let seconds = f64::from(at) + 0.002 * dice.normal();
            if !gap {
                times.push(START + (seconds * 1e6) as i64);
                values.push(2.5 * pulse(seconds, 44.4, 0.4) + step + outlier + seconds * 0.002 + dice.normal());
            }
        }
        let findings = found(&Signal::new(&times, &values));
        assert_eq!(findings.len(), 1, "{findings:?}");
        let [period, amplitude, high] = measures(&findings[0], ["period", "amplitude", "high"]);
        near(period, 44.4, 0.01);
        near(amplitude, 2.5, 0.25);
        near(high, 0.4, 0.03);
        near((findings[0].to - findings[0].from) as f64 / 1e6, 40_000.0, 100.0);
    }

    #[test]
    fn a_third_of_the_range_is_a_period_and_half_of_it_is_drift() {
        let day = |cycles: f64| {
            let mut values = white(6, 86_400);
            add(&mut values, |at| 5.0 * sine(at, 86_400.0 / cycles));
            found_in(&values)
        };
        assert_eq!(day(1.0), []);
        assert_eq!(day(2.0), []);
        let findings = day(3.0);
        assert_eq!(findings.len(), 1);
        near(findings[0].measure("period").unwrap(), 28_800.0, 500.0);
    }

    #[test]
    fn whole_numbers_and_no_noise_are_no_trouble() {
        let mut values = vec![0.0; 10_000];
        add(&mut values, |at| 4096.0 * (3.0 * sine(at, 33.3) + (at / 4_000.0).floor()).round());
        let findings = found_in(&values);
        assert_eq!(findings.len(), 1, "{findings:?}");
        near(findings[0].measure("period").unwrap(), 33.3, 0.01);
        assert_eq!(found_in(&[7.0; 5_000]), []);
        let steps: Vec<f64> = (0..20_000).map(|at| f64::from([3, 3, 5, 4][at / 5_000])).collect();
        assert_eq!(found_in(&steps), []);
        let few = Periodicity
            .analyze(&Input::of(&Signal::regular(0, SECOND, &[1.0; 20]), &Words { unit: "" }), &Settings::default());
        assert_eq!(few.notes, ["too little data: 20 readings, 32 are needed"]);
    }

    /// So many of as many series of 3,000 readings have a finding.
    fn false_alarms(seeds: u64, series: impl Fn(&mut Dice) -> Vec<f64>) -> usize {
        (1..=seeds).filter(|&seed| !found_in(&series(&mut Dice::of(seed))).is_empty()).count()
    }

    fn walk(dice: &mut Dice, keep: f64) -> Vec<f64> {
        let mut level = 0.0;
        let step = |_| {
            level = keep * level + dice.normal();
            level
        };
        (0..3_000).map(step).collect()
    }

    fn bursts(dice: &mut Dice) -> Vec<f64> {
        let mut values: Vec<f64> = (0..3_000).map(|_| dice.normal()).collect();
        let usual = 20.0 + 200.0 * dice.even();
        let mut at = 0.0;
        while at < 3_000.0 {
            at -= usual * dice.even().max(1e-9).ln();
            let (length, height) = (1.0 - usual / 4.0 * dice.even().max(1e-9).ln(), 3.0 + 20.0 * dice.even());
            values.iter_mut().skip(at as usize).take(length as usize).for_each(|value| *value += height);
            at += length;
        }
        values
    }

    /// Sawteeth that are each up to 40 % longer or shorter than usual.
    fn collector(dice: &mut Dice) -> Vec<f64> {
        let usual = 5.0 + 60.0 * dice.even();
        let mut values = Vec::new();
        while values.len() < 3_000 {
            let length = (usual * (0.6 + 0.8 * dice.even())).round().max(2.0) as usize;
            values.extend((0..length).map(|at| 20.0 * at as f64 / usual + dice.normal()));
        }
        values
    }

    #[test]
    fn noise_bursts_and_collectors_have_no_period() {
        let alarms = [
            false_alarms(1_000, |dice| (0..3_000).map(|_| dice.normal()).collect()),
            false_alarms(1_000, |dice| walk(dice, 0.9)),
            false_alarms(1_000, |dice| walk(dice, 1.0)),
            false_alarms(1_000, bursts),
            false_alarms(300, collector),
        ];
        // Measured: none.
        assert!(alarms.iter().zip([0, 0, 1, 1, 2]).all(|(found, most)| *found <= most), "{alarms:?}");
    }
}
