//! Which other series go with this one, and how much later or earlier.
//!
//! All series are laid on one grid and their slow course (a running median) is taken away; the lag with the greatest
//! correlation of ranks, or of sizes that are cut off, counts. It is told if it is great enough and too great for
//! chance, where chance allows for the memory of both series, for readings that never move, and for every series and
//! lag tried. The surprise: two series that rise together over the day, step once together, or repeat with one period
//! are not told: at some lag, unrelated ones do that all the time.

use crate::analysis::study::{
    About, Finding, Input, Needs, Of, Parameter, Report, Settings, Severity, Study, measure, words,
};
use crate::model::UnixMicros;

mod course;

use course::{Course, exact};

/// Fewer readings than this say nothing.
const LEAST_READINGS: usize = 60;
/// Lags to each side; where more are asked for, cells get wider.
const MOST_LAGS: i64 = 120;
/// Cells of a grid, whatever else: with many series there are fewer of them, for time is bounded.
const CELLS: (i64, i64) = (2_048, 131_072);
/// Multiplications that all series may take together.
const WORK: i64 = 1_000_000_000;
/// How probable a finding by chance may be in a whole report.
const CHANCE: f64 = 0.01;
/// A greater correlation is no surer: a few readings that agree wholly are still few.
const MOST_CORRELATION: f64 = 0.98;
/// How much more ranks scatter than values do, squared.
const OF_RANKS: f64 = 1.06;

static MAX_LAG: Parameter = Parameter {
    name: "max_lag_seconds",
    help: "how much later or earlier the other series may be, in seconds; a quarter of the range at most",
    default: 60.0,
    min: 0.0,
    max: 86_400.0,
};
static MIN_CORRELATION: Parameter = Parameter {
    name: "min_correlation",
    help: "the least correlation that is told, whatever its sign, from 0 to 1",
    default: 0.5,
    min: 0.0,
    max: 1.0,
};
static LIMIT: Parameter =
    Parameter { name: "limit", help: "how many series are told at most", default: 10.0, min: 1.0, max: 1000.0 };

static ABOUT: About = About {
    id: "correlate",
    name: "Related series",
    description: "Finds the series that move with this one, at the same time, earlier or later; the strongest first.",
    needs: Needs::Others,
    parameters: &[MAX_LAG, MIN_CORRELATION, LIMIT],
};

/// Finds series that move with another one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Correlate;

impl Study for Correlate {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, input: &Input<'_>, settings: &Settings) -> Report {
        let Some(span) = input.signal.span().filter(|_| input.signal.len() >= LEAST_READINGS) else {
            return Report::too_little(input.signal.len(), LEAST_READINGS);
        };
        if input.others.is_empty() {
            return Report::none("there is no other series to compare with");
        }
        let max_lag_usec = (settings.get(&MAX_LAG) * 1e6) as i64;
        let grid = |step_usec| Grid::of(span, step_usec, max_lag_usec, input.others.len() as i64);
        let finest = grid(input.signal.step_usec());
        let mut own = (finest, Course::both(input.signal, finest));
        if own.1.is_none() {
            return Report::none("the series has too few readings that differ from its slow course");
        }
        let (mut related, mut skipped) = (Vec::new(), 0);
        for (name, other) in input.others {
            // A series with fewer readings is compared at its own pace.
            let needed = grid(input.signal.step_usec().max(other.step_usec()));
            if needed != own.0 {
                own = (needed, Course::both(input.signal, needed));
            }
            let (Some(courses), Some(theirs)) = (&own.1, Course::both(other, own.0)) else {
                skipped += 1;
                continue;
            };
            let tried = (2 * input.others.len() * own.0.tried()) as f64;
            let relations =
                courses.iter().zip(&theirs).map(|(course, other)| Relation::strongest(course, other, own.0));
            let told = relations.filter(|relation| relation.is_beyond(settings.get(&MIN_CORRELATION), CHANCE / tried));
            if let Some(relation) = told.max_by(|a, b| a.size().total_cmp(&b.size())) {
                related.push((name, relation, tried));
            }
        }
        related.sort_by(|a, b| b.1.size().total_cmp(&a.1.size()).then_with(|| a.0.cmp(b.0)));
        related.truncate(settings.get(&LIMIT) as usize);
        let findings = related.iter().map(|(name, relation, tried)| relation.tell(name, span, *tried)).collect();
        Report { findings, notes: notes(input, finest, skipped) }
    }
}

fn notes(input: &Input<'_>, grid: Grid, skipped: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if grid.width_usec > input.signal.step_usec() {
        let width = words::duration(grid.width_usec as f64 / 1e6);
        notes.push(format!("readings are taken together over {width}, so lags are multiples of that"));
    }
    if skipped > 0 {
        let all = input.others.len();
        notes.push(format!(
            "{skipped} of {all} series have too few readings in this range that differ from their slow course"
        ));
    }
    notes
}

/// Where series are laid on, and how they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Grid {
    start: UnixMicros,
    width_usec: i64,
    cells: usize,
    /// How many cells later or earlier.
    lags: usize,
    /// How many cells to each side make the slow course.
    half: usize,
}

impl Grid {
    fn of(span: (UnixMicros, UnixMicros), step_usec: i64, max_lag_usec: i64, others: i64) -> Self {
        let long = span.1 - span.0;
        let max_lag_usec = max_lag_usec.min(long / 4);
        let lags = (max_lag_usec / step_usec).min(MOST_LAGS);
        let most_cells = (WORK / (others * (4 * lags + 60))).clamp(CELLS.0, CELLS.1);
        let least_width = (max_lag_usec / MOST_LAGS).max(long / most_cells).max(step_usec);
        let width_usec = (least_width + step_usec - 1) / step_usec * step_usec;
        let cells = (long / width_usec + 1) as usize;
        let lags = (max_lag_usec / width_usec) as usize;
        let half = (2 * lags).max(30).min(cells / 8).max(1);
        // Readings are some tenths of a step early or late: cells begin half a step before.
        Self { start: span.0 - step_usec / 2, width_usec, cells, lags, half }
    }

    fn tried(self) -> usize {
        2 * self.lags + 1
    }

    /// At which lags the memory of a series is looked at, and for how many each stands: the farther, the fewer.
    fn memory_lags(self) -> impl Iterator<Item = (usize, usize)> {
        let apart = |lag: usize| (lag / 8).max(1);
        let lags = std::iter::successors(Some(1), move |&lag| Some(lag + apart(lag)));
        lags.take_while(move |&lag| lag <= self.cells / 3).map(move |lag| (lag, apart(lag)))
    }
}

/// How another series goes with this one.
#[derive(Clone, Copy, Debug)]
struct Relation {
    correlation: f64,
    /// How many cells the other one is later.
    lag: i64,
    lag_seconds: f64,
    readings: usize,
    /// How probable so much is at one lag of two series that have nothing to do with each other.
    chance: f64,
}

impl Relation {
    fn strongest(own: &Course, other: &Course, grid: Grid) -> Self {
        let later = |lag: usize| (lag as i64, own.with(other, lag));
        let earlier = |lag: usize| (-(lag as i64), other.with(own, lag));
        // From no lag on: of equal ones, the shortest counts.
        let all = (0..=grid.lags).flat_map(|lag| [later(lag), earlier(lag)]);
        let mut best = (0, 0.0_f64);
        for (lag, correlation) in all {
            if let Some(correlation) = correlation.filter(|value| value.abs() > best.1.abs() + 1e-6) {
                best = (lag, correlation);
            }
        }
        let (lag, lag_seconds) = (best.0, best.0 as f64 * grid.width_usec as f64 / 1e6);
        let (correlation, readings) = exact(own, other, lag);
        let chance = chance(own, other, grid, correlation, readings);
        Self { correlation, lag, lag_seconds, readings, chance }
    }

    fn size(&self) -> f64 {
        self.correlation.abs()
    }

    fn is_beyond(&self, correlation: f64, chance: f64) -> bool {
        self.size() >= correlation && self.chance < chance
    }

    fn tell(&self, name: &str, span: (UnixMicros, UnixMicros), tried: f64) -> Finding {
        let size = words::duration(self.lag_seconds.abs());
        let (kind, when) = match self.lag {
            0 => ("together", "moves at the same time".to_owned()),
            1.. => ("follows", format!("follows {size} later")),
            _ => ("leads", format!("leads by {size}")),
        };
        let way = if self.correlation < 0.0 { ", the other way round," } else { "" };
        Finding {
            kind,
            severity: Severity::Info,
            from: span.0,
            to: span.1,
            confidence: 1.0 - self.chance * tried,
            measures: vec![
                measure("correlation", self.correlation, Of::Ratio),
                measure("lag", self.lag_seconds, Of::Seconds),
                measure("readings", self.readings as f64, Of::Count),
            ],
            sentence: format!("{name} {when}{way} with a correlation of {:.2}", self.correlation),
        }
    }
}

fn chance(own: &Course, other: &Course, grid: Grid, correlation: f64, readings: usize) -> f64 {
    let memory = own.memory.iter().zip(&other.memory).zip(grid.memory_lags());
    let share = |lag: usize| 1.0 - lag as f64 / grid.cells as f64;
    let shared: f64 = memory.map(|((x, y), (lag, weight))| x * y * share(lag) * weight as f64).sum();
    let effective = own.moving.min(other.moving).min(readings as f64) / (1.0 + 2.0 * shared).max(1.0);
    let sigmas = correlation.abs().min(MOST_CORRELATION).atanh() * ((effective - 3.0).max(0.0) / OF_RANKS).sqrt();
    // A bound of the normal tail, near it from two sigmas on.
    let tail = (-sigmas * sigmas / 2.0).exp() / (sigmas * (std::f64::consts::PI / 2.0).sqrt());
    if sigmas > 1.0 { tail } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::testing::Chance;
    use crate::analysis::study::{Signal, Words};

    const SECOND: i64 = 1_000_000;

    fn second(values: &[f64]) -> Signal {
        Signal::regular(0, SECOND, values)
    }

    fn report(signal: &Signal, others: &[(String, Signal)], settings: &Settings) -> Report {
        let words = Words { unit: "cores" };
        Correlate.analyze(&Input { others, ..Input::of(signal, &words) }, settings)
    }

    fn named(name: &str, signal: Signal) -> (String, Signal) {
        (name.to_owned(), signal)
    }

    /// What comes so many readings after `base`, with this correlation, on a rising course of its own.
    fn follower(noise: &mut Chance, base: &[f64], lag: usize, correlation: f64) -> Vec<f64> {
        let rest = (1.0 - correlation * correlation).sqrt();
        let value = |at: usize| correlation * base[(at + base.len() - lag) % base.len()] + rest * noise.normal();
        (0..base.len()).map(value).enumerate().map(|(at, value)| 300.0 + at as f64 * 0.02 + value).collect()
    }

    fn five(noise: &mut Chance) -> (Signal, Vec<(String, Signal)>) {
        let base = noise.noise(1000);
        let back: Vec<f64> = base.iter().map(|value| -value).collect();
        let mut others = vec![
            named("one", second(&follower(noise, &base, 1, 0.9))),
            named("seven", second(&follower(noise, &base, 7, 0.95))),
            named("three", second(&follower(noise, &base, 3, 0.8))),
            named("back", second(&follower(noise, &back, 0, 0.7))),
            named("early", second(&follower(noise, &base, 1000 - 12, 0.6))),
        ];
        others.extend((0..50).map(|at| named(&format!("other {at}"), second(&noise.kept_noise(1000, 0.95)))));
        let rising: Vec<f64> = base.iter().enumerate().map(|(at, value)| value + at as f64 * 0.05).collect();
        (second(&rising), others)
    }

    fn numbers(report: &Report) -> Vec<(&'static str, f64, f64)> {
        let of = |finding: &Finding, name| finding.measure(name).unwrap_or(f64::NAN);
        report.findings.iter().map(|found| (found.kind, of(found, "lag"), of(found, "correlation"))).collect()
    }

    #[test]
    fn followers_are_told_with_their_lag_and_the_strongest_first() {
        let (signal, others) = five(&mut Chance::new(1));
        let report = report(&signal, &others, &Settings::default());
        let expected = [
            ("follows", 7.0, 0.95),
            ("follows", 1.0, 0.9),
            ("follows", 3.0, 0.8),
            ("together", 0.0, -0.7),
            ("leads", -12.0, 0.6),
        ];
        let found = numbers(&report);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!((found.0, found.1), (expected.0, expected.1));
            assert!((found.2 - expected.2).abs() < 0.05, "{found:?}");
        }
        let sentences: Vec<&str> = report.findings.iter().map(|finding| finding.sentence.as_str()).collect();
        assert!(sentences[1].starts_with("one follows 1 s later with a correlation of 0."), "{sentences:?}");
        assert!(
            sentences[3].starts_with("back moves at the same time, the other way round, with a correlation of -0.")
        );
        assert!(sentences[4].starts_with("early leads by 12 s with a correlation of 0."));
        assert!(report.findings.iter().all(|finding| finding.confidence > 0.99 && finding.to == 999 * SECOND));
        assert_eq!(report.findings[0].measure("readings"), Some(933.0));
        assert_eq!(report.notes, [""; 0]);
    }

    #[test]
    fn units_and_offsets_change_nothing() {
        let (signal, others) = five(&mut Chance::new(2));
        let expected = numbers(&report(&signal, &others, &Settings::default()));
        for (scale, offset) in [(1e-9, 0.0), (1e12, 0.0), (1.0, -5000.0), (1e-3, 1e3)] {
            let scaled = |signal: &Signal| {
                second(&signal.values().iter().map(|value| value * scale + offset).collect::<Vec<f64>>())
            };
            let others: Vec<(String, Signal)> = others.iter().map(|(name, other)| named(name, scaled(other))).collect();
            let found = numbers(&report(&scaled(&signal), &others, &Settings::default()));
            assert_eq!(found.len(), expected.len());
            let is_near =
                |a: &(&str, f64, f64), b: &(&str, f64, f64)| a.0 == b.0 && a.1 == b.1 && (a.2 - b.2).abs() < 1e-5;
            assert!(
                found.iter().zip(&expected).all(|(a, b)| is_near(a, b)),
                "{scale} {offset}: {found:?} {expected:?}"
            );
        }
    }

    #[test]
    fn gaps_and_another_pace_are_bridged() {
        let noise = &mut Chance::new(3);
        let base = noise.kept_noise(3000, 0.9);
        let other = follower(noise, &base, 20, 0.95);
        let without = |values: &[f64], from: usize, to: usize, each: usize| {
            let kept: Vec<usize> = (0..values.len()).filter(|at| !(from..to).contains(at) && at % each == 0).collect();
            let times: Vec<i64> = kept.iter().map(|&at| at as i64 * SECOND + (at as i64 * 7 % 5) * 20_000).collect();
            Signal::new(&times, &kept.iter().map(|&at| values[at]).collect::<Vec<f64>>())
        };
        let signal = without(&base, 500, 900, 1);
        let others = [named("gap", without(&other, 1500, 2200, 1)), named("slow", without(&other, 0, 0, 10))];
        let found = numbers(&report(&signal, &others, &Settings::default()));
        assert_eq!(found.len(), 2, "{found:?}");
        let is_near = |found: &(&str, f64, f64)| found.0 == "follows" && (found.1 - 20.0).abs() < 0.5 && found.2 > 0.75;
        assert!(found.iter().all(is_near), "{found:?}");
    }

    #[test]
    fn bursts_that_two_quiet_series_share_are_told() {
        let noise = &mut Chance::new(7);
        let bursts: Vec<f64> = noise.bursts(2000, 0.01, 10.0, 20.0);
        let other: Vec<f64> = (0..2000).map(|at| 3.0 * bursts[(at + 1995) % 2000] + 3.0 * noise.normal()).collect();
        let found = numbers(&report(&second(&bursts), &[named("other", second(&other))], &Settings::default()));
        assert_eq!((found.len(), found[0].0, found[0].1), (1, "follows", 5.0), "{found:?}");
        assert!((found[0].2 - 0.85).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn what_happened_once_or_drifts_is_no_relation() {
        let noise = &mut Chance::new(4);
        let still = |at: usize| if (500..503).contains(&at) { 100.0 } else { 0.0 };
        let once: Vec<f64> = (0..1000).map(still).collect();
        let mut steps =
            || -> Vec<f64> { (0..1000).map(|at| noise.normal() + if at < 400 { 0.0 } else { 50.0 }).collect() };
        let (a, b) = (steps(), steps());
        for (a, b) in [(&once, &once), (&a, &b)] {
            let found = report(&second(a), &[named("other", second(b))], &Settings::default());
            assert_eq!(found.findings, []);
        }
    }

    #[test]
    fn noise_is_seldom_related() {
        let day = |noise: &mut Chance| -> Vec<f64> {
            (0..400).map(|at| 100.0 * (f64::from(at) / 400.0 * std::f64::consts::TAU).sin() + noise.normal()).collect()
        };
        let walk = |noise: &mut Chance| -> Vec<f64> {
            let sum = |sum: &mut f64, step: f64| {
                *sum += step;
                Some(*sum)
            };
            noise.noise(400).into_iter().scan(0.0, sum).collect()
        };
        let mut alarms = [0; 6];
        for seed in 1..=1000 {
            let noise = &mut Chance::new(seed);
            let mut pair = |at: usize, of: &dyn Fn(&mut Chance) -> Vec<f64>| {
                let (signal, other) = (second(&of(noise)), second(&of(noise)));
                alarms[at] += report(&signal, &[named("other", other)], &Settings::default()).findings.len();
            };
            pair(0, &|noise| noise.noise(400));
            pair(1, &|noise| noise.kept_noise(400, 0.9));
            pair(2, &|noise| noise.kept_noise(400, 0.95));
            pair(3, &|noise| walk(noise));
            pair(4, &|noise| noise.bursts(400, 0.02, 10.0, 20.0));
            pair(5, &day);
        }
        println!("alarms of correlate in 1000: {alarms:?}");
        assert!(alarms.iter().all(|&alarms| alarms <= 12), "{alarms:?}");
        assert!(alarms[..5].iter().sum::<usize>() <= 8, "{alarms:?}");
    }

    #[test]
    fn the_limit_and_the_least_correlation_hold() {
        let (signal, others) = five(&mut Chance::new(5));
        let mut settings = Settings::default();
        assert_eq!(settings.set(&LIMIT, 2.0), Ok(()));
        assert_eq!(report(&signal, &others, &settings).findings.len(), 2);
        assert_eq!((settings.set(&LIMIT, 10.0), settings.set(&MIN_CORRELATION, 0.83)), (Ok(()), Ok(())));
        assert_eq!(report(&signal, &others, &settings).findings.len(), 2);
        assert_eq!((settings.set(&MIN_CORRELATION, 0.5), settings.set(&MAX_LAG, 2.0)), (Ok(()), Ok(())));
        assert_eq!(
            numbers(&report(&signal, &others, &settings)).iter().map(|found| found.1).collect::<Vec<f64>>(),
            [1.0, 0.0]
        );
    }

    #[test]
    fn too_little_is_said() {
        let noise = &mut Chance::new(6);
        let signal = second(&noise.kept_noise(300, 0.5));
        let short = named("short", second(&noise.kept_noise(30, 0.5)));
        let still = named("still", second(&[3.0; 300]));
        let settings = Settings::default();
        assert_eq!(report(&short.1, &[], &settings).notes, ["too little data: 30 readings, 60 are needed"]);
        assert_eq!(report(&signal, &[], &settings).notes, ["there is no other series to compare with"]);
        let only = report(&still.1, &[named("signal", signal.clone())], &settings);
        assert_eq!(only.notes, ["the series has too few readings that differ from its slow course"]);
        let found = report(&signal, &[short, still], &settings);
        let note = "2 of 2 series have too few readings in this range that differ from their slow course";
        assert_eq!((found.findings.len(), found.notes), (0, vec![note.to_owned()]));
    }

    #[test]
    fn long_ranges_are_read_in_wider_cells() {
        let grid = Grid::of((0, 604_799 * SECOND), SECOND, 60 * SECOND, 1);
        assert_eq!((grid.width_usec, grid.cells, grid.lags), (5 * SECOND, 120_960, 12));
        let grid = Grid::of((0, 999 * SECOND), SECOND, 60 * SECOND, 500);
        assert_eq!((grid.width_usec, grid.cells, grid.lags, grid.half), (SECOND, 1000, 60, 120));
        assert_eq!(Grid::of((0, 99 * SECOND), SECOND, 60 * SECOND, 1).lags, 24);
    }
}
