//! Changes: where the level, the slope or the spread of a series becomes another one and stays so for a while.
//!
//! The level is looked at as it is, the spread as the logarithm of the steps from reading to reading, in both of which a change is a
//! shift of the mean; a change of the slope is looked for where no level changed. What counts as a change is what differs by more than
//! this series usually does at the same time scale (see [`scales`]). The surprise: a burst is no change in a series of bursts, and
//! one in a series that is calm. Next to the ends of the range, where few readings have to do, changes are judged on their own (see
//! [`ends`]).

mod beside;
mod boundaries;
mod ends;
mod gaps;
mod scales;
mod spreads;

use self::boundaries::{Boundary, Judge, pelt, refined, thinned};
use self::ends::Ends;
pub(super) use self::scales::Sums;
use self::scales::{Contrast, SHORTEST, Usual, candidates};
use crate::analysis::study::words::{self, digits};
use crate::analysis::study::{
    About, Finding, Input, Needs, Of, Parameter, Report, Settings, Severity, Study, measure, robust,
};

/// Readings that are needed.
const NEEDED: usize = 3 * SHORTEST;

static THRESHOLD: Parameter = Parameter {
    name: "threshold",
    help: "how many times the usual difference at the same time scale a change is; 0 for what the number of readings asks for",
    default: 0.0,
    min: 0.0,
    max: 100.0,
};
static LEAST_SIGMAS: Parameter = Parameter {
    name: "least_sigmas",
    help: "how many standard deviations of one reading's noise a change is at least",
    default: 1.0,
    min: 0.0,
    max: 1_000.0,
};
static LIMIT: Parameter =
    Parameter { name: "limit", help: "findings at most, the clearest ones", default: 50.0, min: 1.0, max: 1_000.0 };

static ABOUT: About = About {
    id: "changepoint",
    name: "Changes",
    description: "When the level, the slope or the spread became another one and stayed so: before and after, the size in \
                  standard deviations of the noise, and how exact the time is.",
    needs: Needs::Series,
    parameters: &[THRESHOLD, LEAST_SIGMAS, LIMIT],
};

/// Looks for changes.
#[derive(Clone, Copy, Debug)]
pub struct Changepoint;

impl Study for Changepoint {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, input: &Input<'_>, settings: &Settings) -> Report {
        let signal = input.signal;
        if signal.len() < NEEDED {
            return Report::too_little(signal.len(), NEEDED);
        }
        let wanted = settings.get(&THRESHOLD);
        // The largest of so many differences of pure noise is about this much; real noise has heavier ends.
        let least = if wanted > 0.0 { wanted } else { 1.25 * (2.0 * (signal.len() as f64).ln()).sqrt() };
        let whole = Input { signal: &gaps::filled(signal), ..*input };
        let sums = Sums::of(whole.signal.values());
        let floor = floor(signal.values());
        let levels = levels(&sums, least, floor);
        let mut findings = levels.findings(&whole, &sums);
        let least_sigmas = settings.get(&LEAST_SIGMAS);
        findings.retain(|finding| finding.measure("sigmas").is_some_and(|sigmas| sigmas.abs() >= least_sigmas));
        findings.extend(slopes(&whole, &sums, least, floor, &levels));
        findings.extend(spreads::findings(input, least));
        let limit = settings.get(&LIMIT) as usize;
        let mut report = Report::default();
        if findings.len() > limit {
            report.notes.push(format!("{} changes were found; these are the {limit} clearest", findings.len()));
            let clear = |finding: &Finding| (finding.confidence, finding.measure("sigmas").map_or(0.0, f64::abs));
            findings.sort_by(|a, b| {
                let ((a_sure, a_size), (b_sure, b_size)) = (clear(a), clear(b));
                b_sure.total_cmp(&a_sure).then(b_size.total_cmp(&a_size)).then(a.from.cmp(&b.from))
            });
            findings.truncate(limit);
        }
        findings.sort_by_key(|finding| finding.from);
        Report { findings, ..report }
    }
}

/// What moves by single steps only: a few of its usual steps are no change. 0 for what moves all the time, or hardly ever.
fn floor(values: &[f64]) -> f64 {
    let mut steps: Vec<f64> =
        values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).filter(|step| *step > 0.0).collect();
    let moves = steps.len();
    if moves < 8 || moves * 2 > values.len() { 0.0 } else { 3.0 * robust::median(&mut steps) }
}

/// The changes of the level.
struct Levels {
    boundaries: Vec<Boundary>,
    ends: Vec<usize>,
    noise: f64,
    /// How many times the variance of a mean is that of white noise.
    colour: f64,
}

fn levels(sums: &Sums, least: f64, floor: f64) -> Levels {
    let (usual, jumps) = (scales::usual(sums, Contrast::Mean, floor), scales::usual(sums, Contrast::Jump, floor));
    let candidates = candidates(sums, Contrast::Mean, &usual, (SHORTEST, least * 0.75));
    let positions = refined(sums, &thinned(candidates), &usual, least);
    let variance = |usual: &Usual| usual.deviation().powi(2) * usual.width as f64 / 2.0;
    let shortest = usual.first().map_or(0.0, variance);
    // Windows so long that one change is in most of them tell nothing of noise.
    let longest_width = (16 * SHORTEST).min(sums.len() / 40);
    let longest = usual.iter().filter(|usual| usual.width <= longest_width).map(variance).fold(shortest, f64::max);
    let penalty = 3.0 * (sums.len() as f64).ln() * longest;
    let divided = pelt(sums, &positions, penalty);
    let judge = Judge {
        sums,
        main: (Contrast::Mean, &usual),
        also: Some((Contrast::Jump, &jumps)),
        least,
        least_also: least * 0.5,
    };
    let mut boundaries = judge.decide(&divided);
    let ends = Ends { sums, known: &boundaries, reach: longest_width, least: (judge.least, judge.least_also), floor };
    boundaries.extend(ends.found(&positions));
    boundaries.sort_by_key(|one| one.at);
    let ends: Vec<usize> = std::iter::once(0).chain(boundaries.iter().map(|one| one.at)).chain([sums.len()]).collect();
    let noise = spread_within(sums, &ends);
    Levels { colour: if noise > 0.0 { longest / noise.powi(2) } else { 1.0 }, boundaries, ends, noise }
}

/// The standard deviation of one reading about its own level, by the usual part.
fn spread_within(sums: &Sums, ends: &[usize]) -> f64 {
    let parts = ends.windows(2).flat_map(|pair| {
        let (from, to) = (pair[0], pair[1]);
        let count = (to - from).div_ceil(64).max(1);
        let width = (to - from) / count;
        (0..count).map(move |part| (from + part * width, from + (part + 1) * width))
    });
    let scatter =
        |(from, to): (usize, usize)| (sums.scatter(from, to) / (to - from).saturating_sub(1).max(1) as f64).sqrt();
    robust::median(&mut parts.filter(|(from, to)| to > from).map(scatter).collect::<Vec<f64>>())
}

/// How sure a change is that is so many times what it has to be.
fn confidence(times: f64, least: f64) -> f64 {
    1.0 - 0.2 * (1.0 - (times / least).min(4.0)).exp()
}

impl Levels {
    fn findings(&self, input: &Input<'_>, sums: &Sums) -> Vec<Finding> {
        let signal = input.signal;
        let center = robust::median(&mut signal.values().to_vec());
        let finding = |(index, boundary): (usize, &Boundary)| {
            let (from, at, to) = (self.ends[index], self.ends[index + 1], self.ends[index + 2]);
            let (before, after) = beside::levels(sums, (from, at, to), self.noise);
            let (before, after) = (center + before, center + after);
            let size = after - before;
            let sigmas = if self.noise > 0.0 { size / self.noise } else { f64::MAX.copysign(size) };
            // Where the time lies is known to some noise over size squared of readings.
            let readings = 0.5 + 11.0 * self.colour.max(1.0) / sigmas.powi(2);
            let uncertainty = readings.min((at - from).min(to - at) as f64) * signal.step_seconds();
            let verb = if size > 0.0 { "rose" } else { "fell" };
            let (time, words) = (signal.times()[at], input.words);
            let sized = if self.noise > 0.0 {
                format!("{} times the noise", digits(sigmas.abs()))
            } else {
                "from rest".to_owned()
            };
            Finding {
                kind: "level_shift",
                severity: if sigmas.abs() >= 3.0 { Severity::Notice } else { Severity::Info },
                from: time,
                to: signal.times()[to - 1],
                confidence: confidence(boundary.times, 5.0),
                measures: vec![
                    measure("before", before, Of::Value),
                    measure("after", after, Of::Value),
                    measure("change", size, Of::Value),
                    measure("sigmas", sigmas, Of::Sigmas),
                    measure("uncertainty", uncertainty, Of::Seconds),
                ],
                sentence: format!(
                    "{verb} from {} to {} at {} (give or take {}), {sized}",
                    words.value(before),
                    words.value(after),
                    words::time(time),
                    words::duration(uncertainty)
                ),
            }
        };
        self.boundaries.iter().enumerate().map(finding).collect()
    }

    /// Whether a change of the level is within so many readings.
    fn is_near(&self, at: usize, readings: usize) -> bool {
        self.boundaries.iter().any(|boundary| boundary.at.abs_diff(at) < readings)
    }
}

/// Changes of the slope where no level changed.
fn slopes(input: &Input<'_>, sums: &Sums, least: f64, floor: f64, levels: &Levels) -> Vec<Finding> {
    let usual = scales::usual(sums, Contrast::Slope, floor);
    let mut candidates = candidates(sums, Contrast::Slope, &usual, (8 * SHORTEST, least));
    // What bends by less than the noise over its own window is not seen by anybody.
    let bends = |at: usize, width: usize| sums.contrast(Contrast::Slope, at, width).abs() * width as f64;
    candidates.retain(|candidate| {
        !levels.is_near(candidate.at, candidate.width) && bends(candidate.at, candidate.width) >= 3.0 * levels.noise
    });
    let candidates = thinned(candidates);
    let positions: Vec<usize> = candidates.iter().map(|candidate| candidate.at).collect();
    let judge = Judge { sums, main: (Contrast::Slope, &usual), also: None, least, least_also: 0.0 };
    let kept = judge.decide(&positions);
    let width_at = |at: usize| candidates.iter().find(|candidate| candidate.at == at).map_or(SHORTEST, |one| one.width);
    kept.into_iter().map(|boundary| slope_finding(input, sums, boundary, width_at(boundary.at))).collect()
}

fn slope_finding(input: &Input<'_>, sums: &Sums, boundary: Boundary, width: usize) -> Finding {
    let (signal, at) = (input.signal, boundary.at);
    let per_second = |slope: f64| slope / signal.step_seconds();
    let (before, after) = (per_second(sums.slope(at - width, at)), per_second(sums.slope(at, at + width)));
    let uncertainty = width as f64 / 4.0 * signal.step_seconds();
    let time = signal.times()[at];
    Finding {
        kind: "slope_shift",
        severity: Severity::Info,
        from: time,
        to: signal.times()[(at + width).min(signal.len()) - 1],
        confidence: confidence(boundary.times, 5.0),
        measures: vec![
            measure("before", before, Of::ValuePerSecond),
            measure("after", after, Of::ValuePerSecond),
            measure("uncertainty", uncertainty, Of::Seconds),
        ],
        sentence: format!(
            "the slope went from {} to {} about {} (give or take {})",
            input.words.per_second(before),
            input.words.per_second(after),
            words::time(time),
            words::duration(uncertainty)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::testing::Chance;
    use crate::analysis::study::{Signal, Words};

    const SECOND: i64 = 1_000_000;
    const WORDS: Words = Words { unit: "cores" };

    fn found(values: &[f64]) -> Vec<Finding> {
        found_in(&Signal::regular(0, SECOND, values))
    }

    fn found_in(signal: &Signal) -> Vec<Finding> {
        Changepoint.analyze(&Input::of(signal, &WORDS), &Settings::default()).findings
    }

    fn kinds(findings: &[Finding]) -> Vec<(&'static str, i64)> {
        findings.iter().map(|finding| (finding.kind, finding.from / SECOND)).collect()
    }

    fn with_steps(seed: u64, count: usize, steps: &[(usize, f64)]) -> Vec<f64> {
        let mut values = Chance::new(seed).noise(count);
        for &(at, size) in steps {
            values[at..].iter_mut().for_each(|value| *value += size);
        }
        values
    }

    #[test]
    fn a_step_is_found_with_its_time_and_size() {
        let findings = found(&with_steps(1, 5000, &[(2000, 4.0), (3500, -3.0)]));
        assert_eq!(findings.iter().map(|one| one.kind).collect::<Vec<_>>(), ["level_shift"; 2]);
        for (finding, (at, before, after)) in findings.iter().zip([(2000, 0.0, 4.0), (3500, 4.0, 1.0)]) {
            assert!((finding.from / SECOND - at).abs() <= 2, "{}", finding.sentence);
            let near = |name: &str, value: f64| (finding.measure(name).unwrap() - value).abs() < 0.15;
            assert!(near("before", before) && near("after", after), "{}", finding.sentence);
            assert!((finding.measure("sigmas").unwrap() - (after - before)).abs() < 0.3, "{}", finding.sentence);
            assert!(finding.measure("uncertainty").unwrap() < 4.0 && finding.confidence > 0.9);
        }
        assert!(findings[0].sentence.starts_with("rose from "), "{}", findings[0].sentence);
    }

    #[test]
    fn a_change_of_the_slope_and_one_of_the_spread_are_found() {
        let mut bent = Chance::new(2).noise(6000);
        bent.iter_mut().enumerate().for_each(|(at, value)| *value += at.saturating_sub(3000) as f64 * 0.05);
        let findings = found(&bent);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].kind == "slope_shift" && (findings[0].from / SECOND - 3000).abs() < 100);
        assert!((findings[0].measure("after").unwrap() - 0.05).abs() < 0.01);
        let mut wild = Chance::new(3).noise(6000);
        wild[4000..].iter_mut().for_each(|value| *value *= 3.0);
        let findings = found(&wild);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].kind == "spread_shift" && (findings[0].from / SECOND - 4000).abs() < 40);
        assert!((findings[0].measure("ratio").unwrap() - 3.0).abs() < 0.5);
    }

    #[test]
    fn units_do_not_matter() {
        let values = with_steps(4, 3000, &[(1000, 5.0)]);
        let plain = kinds(&found(&values));
        assert_eq!(plain.len(), 1);
        for (scale, offset) in [(1e-9, 0.0), (1e12, 3e12), (1.0, 1e6)] {
            let other: Vec<f64> = values.iter().map(|value| value * scale + offset).collect();
            assert_eq!(kinds(&found(&other)), plain, "{scale} {offset}");
        }
    }

    /// Of 3 x 1,000 series of 2,000 readings.
    #[test]
    fn noise_has_no_changes() {
        let mut alarms = [0; 3];
        for seed in 0..1000 {
            let mut chance = Chance::new(seed + 10);
            let series = [chance.noise(2000), chance.kept_noise(2000, 0.9), chance.bursts(2000, 0.01, 15.0, 12.0)];
            for (count, values) in alarms.iter_mut().zip(&series) {
                *count += found(values).len();
            }
        }
        // White noise, noise that is kept, bursts.
        println!("{alarms:?} in 1000 each");
        assert!(alarms[0] <= 5 && alarms[1] <= 20 && alarms[2] <= 100, "{alarms:?}");
    }

    #[test]
    fn what_goes_on_in_a_gap_does_not_jump_and_what_jumps_in_it_does() {
        let times: Vec<i64> = (0..4000).filter(|at| !(2000..2020).contains(at)).map(|at| at * SECOND).collect();
        let mut chance = Chance::new(5);
        let ramp: Vec<f64> = times.iter().map(|time| *time as f64 / 1e6 * 0.5 + chance.normal() * 0.1).collect();
        assert_eq!(found_in(&Signal::new(&times, &ramp)), []);
        let jump: Vec<f64> =
            times.iter().map(|time| f64::from(u8::from(*time > 2010 * SECOND)) * 9.0 + chance.normal()).collect();
        let findings = found_in(&Signal::new(&times, &jump));
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!((1999..=2021).contains(&(findings[0].from / SECOND)));
    }

    #[test]
    fn a_jump_of_a_ramp_is_told_by_the_levels_next_to_it() {
        let times: Vec<i64> = (0..9000).filter(|at| !(5000..5030).contains(at)).map(|at| at * SECOND).collect();
        let mut chance = Chance::new(7);
        let mut value = |time: &i64| {
            let second = *time as f64 / 1e6;
            second * 0.5 + if second < 5010.0 { 0.0 } else { 200.0 } + chance.normal()
        };
        let findings = found_in(&Signal::new(&times, &times.iter().map(&mut value).collect::<Vec<f64>>()));
        let shift = findings.iter().find(|finding| finding.kind == "level_shift").unwrap();
        let of = |name: &str| shift.measure(name).unwrap();
        assert!((of("before") - 2500.0).abs() < 20.0, "{}", shift.sentence);
        assert!((of("after") - 2715.0).abs() < 20.0, "{}", shift.sentence);
        // The line that fills the gap is a part of both sides.
        assert!((of("change") - 215.0).abs() < 40.0, "{}", shift.sentence);
    }

    #[test]
    fn what_rests_has_one_change_where_it_moves_once_and_few_readings_are_said() {
        let mut values = vec![512.0; 500];
        values[300..].fill(768.0);
        let findings = found(&values);
        assert_eq!(kinds(&findings), [("level_shift", 300)]);
        assert!(findings[0].sentence.ends_with("from rest"), "{}", findings[0].sentence);
        assert_eq!(found(&[1.0; 500]), []);
        let few = Changepoint.analyze(&Input::of(&Signal::regular(0, 1, &[1.0; 5]), &WORDS), &Settings::default());
        assert_eq!(few.notes, ["too little data: 5 readings, 24 are needed"]);
    }

    #[test]
    fn the_clearest_ones_are_told_and_how_many_there_are() {
        let signal = Signal::regular(0, SECOND, &with_steps(6, 9000, &[(3000, 4.0), (6000, 9.0)]));
        let mut settings = Settings::default();
        settings.set(&LIMIT, 1.0).unwrap();
        let report = Changepoint.analyze(&Input::of(&signal, &WORDS), &settings);
        assert_eq!((report.findings.len(), report.findings[0].from / SECOND), (1, 6000));
        assert_eq!(report.notes, ["2 changes were found; these are the 1 clearest"]);
        assert_eq!(settings.set(&LIMIT, 0.0), Err((1.0, 1000.0)));
    }
}
