//! Trends: whether a series grows or falls on the whole, how fast, and when it reaches its limit.
//!
//! The slope is the median of the slopes between all pairs of up to some hundreds of block medians (Theil and Sen), which bursts and
//! sawteeth don't bend. It counts only where it is more than the wandering of the series explains: how far block medians that are
//! some way apart usually move against each other, once the line is taken off, is measured and not assumed. Growth that falls back
//! at once (a restart of a worker, a kill) begins anew there, and where it begins after a rest, it is told from there on; the newest
//! stretch tells the future. The surprise: the time of a breach
//! comes from the level that the line has at the end, not from the last reading, and its interval from both the slope's and the level's
//! uncertainty.

use crate::analysis::study::changepoint::Sums;
use crate::analysis::study::words;
use crate::analysis::study::{
    About, Finding, Input, Needs, Of, Parameter, Report, Settings, Severity, Signal, Study, measure, robust,
};
use crate::model::UnixMicros;

/// Readings that are needed.
const NEEDED: usize = 20;
/// Block medians whose pairs are looked at; of so many there are 45,000 pairs.
const BLOCKS: usize = 300;
/// A breach is foretold up to so many lengths of what was looked at.
const FORESEEN: f64 = 20.0;
/// Of normal noise, two sides, 95 %.
const NORMAL_95: f64 = 1.96;

static SIGNIFICANCE: Parameter = Parameter {
    name: "significance",
    help: "how many standard errors from 0 a slope is at least",
    default: 8.0,
    min: 1.0,
    max: 100.0,
};
static LEAST_SHARE: Parameter = Parameter {
    name: "least_share",
    help: "what a trend moves by over the range, as a share of the limit or else of the spread of the series, at least",
    default: 0.05,
    min: 0.0,
    max: 10.0,
};

static ABOUT: About = About {
    id: "trend",
    name: "Trend",
    description: "Steady growth or fall: slope with its interval, and where there is a limit, the time at which it will be reached, \
                  with an interval. Falling back (a restart) begins a new stretch.",
    needs: Needs::Limit,
    parameters: &[SIGNIFICANCE, LEAST_SHARE],
};

/// Looks for trends.
#[derive(Clone, Copy, Debug)]
pub struct Trend;

impl Study for Trend {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, input: &Input<'_>, settings: &Settings) -> Report {
        let signal = input.signal;
        if signal.len() < NEEDED {
            return Report::too_little(signal.len(), NEEDED);
        }
        let stretches = stretches(signal);
        let mut report = Report::default();
        let newest = stretches.len() - 1;
        for (index, stretch) in stretches.iter().enumerate() {
            let part = signal.part(signal.times()[stretch.start], signal.times()[stretch.end - 1] + 1);
            let Some(line) = Line::through(&part) else { continue };
            let limit = input.limit.and_then(|limit| value_at(limit, line.to));
            if line.counts(&part, limit, settings) {
                report.findings.push(finding(input, &line, limit.filter(|_| index == newest)));
            }
        }
        if stretches.len() > 1 {
            let times = if newest == 1 { "once".to_owned() } else { format!("{newest} times") };
            report.notes.push(format!("it fell back {times}, so each stretch in between was looked at"));
        }
        report
    }
}

/// The value of a series at a time: the last one before or at it, else the first.
fn value_at(signal: &Signal, time: UnixMicros) -> Option<f64> {
    let after = signal.times().partition_point(|&known| known <= time);
    signal.values().get(after.saturating_sub(1)).copied()
}

/// The stretches between falls: where a series drops at once, by much more than its noise, and stays down, growth begins anew.
fn stretches(signal: &Signal) -> Vec<std::ops::Range<usize>> {
    let values = signal.values();
    let spread = robust::quantile(&mut values.to_vec(), 0.95) - robust::quantile(&mut values.to_vec(), 0.05);
    let least = (spread / 3.0).max(12.0 * signal.noise());
    let (mut starts, mut begin) = (vec![0], 0);
    for at in 1..values.len() {
        let fall = values[at - 1] - values[at];
        if fall <= least || at - begin < NEEDED || values.len() - at < NEEDED {
            continue;
        }
        // It stays down: the median of what follows is below what the fall began at by as much.
        let after = robust::median(&mut values[at..(at + NEEDED).min(values.len())].to_vec());
        let before = robust::median(&mut values[at - NEEDED / 2..at].to_vec());
        if before - after > least {
            starts.push(at);
            begin = at;
        }
    }
    // More falls than this are what the series is like: a sawtooth.
    if starts.len() > 12 || starts.len() * 10 * NEEDED > values.len() {
        starts.truncate(1);
    }
    let ends = starts.iter().copied().skip(1).chain([values.len()]);
    starts.iter().zip(ends).map(|(&from, to)| from..to).collect()
}

/// A line through a series.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    from: UnixMicros,
    to: UnixMicros,
    /// Per second.
    slope: f64,
    /// The standard error of it.
    error: f64,
    /// Where the line is at the end.
    level: f64,
    /// The standard error of that.
    level_error: f64,
}

impl Line {
    fn through(signal: &Signal) -> Option<Self> {
        let (first, to) = signal.span()?;
        let mut blocks = blocks(signal);
        let mut from = first;
        if let Some(knee) = knee(&blocks) {
            let begins = blocks[knee].0;
            from = first + (begins * 1e6) as i64;
            blocks.drain(..knee);
            blocks.iter_mut().for_each(|(time, _)| *time -= begins);
        }
        let count = blocks.len();
        if count < NEEDED / 2 {
            return None;
        }
        let mut slopes: Vec<f64> = Vec::with_capacity(count * count / 2);
        for (at, (time, value)) in blocks.iter().enumerate() {
            slopes.extend(blocks[at + 1..].iter().map(|(later, other)| (other - value) / (later - time)));
        }
        let slope = robust::median(&mut slopes);
        let rest: Vec<f64> = blocks.iter().map(|(time, value)| value - slope * time).collect();
        let offset = robust::median(&mut rest.clone());
        let seconds = (to - from) as f64 / 1e6;
        let variance = wander(&rest);
        // Of a straight line through `count` equally spaced values with independent noise of that variance.
        let error = (12.0 * variance / count as f64).sqrt() / seconds.max(1e-6);
        let level = offset + slope * seconds;
        Some(Self { from, to, slope, error, level, level_error: 2.0 * (variance / count as f64).sqrt() })
    }

    /// Whether it is more than the series' wandering, and large enough to be told.
    fn counts(&self, signal: &Signal, limit: Option<f64>, settings: &Settings) -> bool {
        let moved = self.slope.abs() * (self.to - self.from) as f64 / 1e6;
        let spread = || {
            let of = |share: f64| robust::quantile(&mut signal.values().to_vec(), share);
            of(0.99) - of(0.01)
        };
        let least = settings.get(&LEAST_SHARE) * limit.filter(|limit| *limit > 0.0).unwrap_or_else(spread);
        // A line explains the series where what it moves by is most of what there is.
        let explains = limit.is_some() || moved > 0.3 * spread();
        self.slope.abs() > settings.get(&SIGNIFICANCE) * self.error && moved >= least && moved > 0.0 && explains
    }
}

/// Medians of equal spans with readings: seconds after the first reading, and the value.
fn blocks(signal: &Signal) -> Vec<(f64, f64)> {
    let Some((from, to)) = signal.span() else { return Vec::new() };
    let count = BLOCKS.min(signal.len()) as i64;
    let width = ((to - from) / count + 1).max(1);
    let (times, values) = (signal.times(), signal.values());
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < times.len() {
        let block = (times[at] - from) / width;
        let end = at + times[at..].partition_point(|time| (time - from) / width == block);
        let middle = times[at] + (times[end - 1] - times[at]) / 2;
        blocks.push(((middle - from) as f64 / 1e6, robust::median(&mut values[at..end].to_vec())));
        at = end;
    }
    blocks
}

/// Where a rest ends and a line begins, if that fits much better than a line through all.
fn knee(blocks: &[(f64, f64)]) -> Option<usize> {
    let count = blocks.len();
    let sums = Sums::of(&blocks.iter().map(|(_, value)| *value).collect::<Vec<f64>>());
    let least = (count / 20).max(3);
    let about_line = |from: usize| {
        let (slope, long) = (sums.slope(from, count), (count - from) as f64);
        (sums.scatter(from, count) - slope * slope * long * (long * long - 1.0) / 12.0).max(0.0)
    };
    let costs = (least..count.saturating_sub(NEEDED)).map(|at| (sums.scatter(0, at) + about_line(at), at));
    let (cost, at) = costs.min_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (cost < KNEE_GAIN * about_line(0)).then_some(at)
}

/// A knee leaves at most this share of the squares about a line through all.
const KNEE_GAIN: f64 = 0.1;

/// The variance that block medians about a line would have to have to wander as they do if they were independent: the largest that
/// any distance of windows shows.
fn wander(rest: &[f64]) -> f64 {
    let count = rest.len();
    let mut sums = vec![0.0];
    for value in rest {
        sums.push(sums[sums.len() - 1] + value);
    }
    let widths = std::iter::successors(Some(1_usize), |width| Some(width * 2)).take_while(|width| width * 3 <= count);
    let of_width = |width: usize| {
        let mean = |from: usize| (sums[from + width] - sums[from]) / width as f64;
        let differences = (0..=count - 2 * width).map(|at| mean(at + width) - mean(at));
        // The mean square, not the median: rare large moves wander, too.
        let squares: Vec<f64> = differences.map(|difference| difference * difference).collect();
        squares.iter().sum::<f64>() / squares.len() as f64 * width as f64 / 2.0
    };
    widths.map(of_width).fold(0.0, f64::max)
}

fn finding(input: &Input<'_>, line: &Line, limit: Option<f64>) -> Finding {
    let sure = line.slope.abs() / line.error.max(f64::MIN_POSITIVE);
    let hours = |rate: f64| input.words.per_second(rate);
    let (low, high) = (line.slope - NORMAL_95 * line.error, line.slope + NORMAL_95 * line.error);
    let (kind, verb) = if line.slope > 0.0 { ("growth", "grew") } else { ("fall", "fell") };
    let moved = line.slope * (line.to - line.from) as f64 / 1e6;
    let mut measures = vec![
        measure("slope", line.slope, Of::ValuePerSecond),
        measure("slope_low", low, Of::ValuePerSecond),
        measure("slope_high", high, Of::ValuePerSecond),
        measure("change", moved, Of::Value),
        measure("level", line.level, Of::Value),
    ];
    let mut sentence = format!(
        "{verb} by {} ({} to {}) from {} to {}, {} in all",
        hours(line.slope),
        hours(low),
        hours(high),
        words::time(line.from),
        words::time(line.to),
        input.words.value(moved.abs())
    );
    let mut severity = Severity::Info;
    if let Some((breach, limit)) = limit.and_then(|limit| Some((Breach::of(line, limit)?, limit))) {
        measures.push(measure("limit", limit, Of::Value));
        measures.push(measure("breach", breach.at as f64, Of::Time));
        measures.push(measure("breach_earliest", breach.earliest as f64, Of::Time));
        measures.extend(breach.latest.map(|latest| measure("breach_latest", latest as f64, Of::Time)));
        let latest = breach.latest.map_or_else(|| "later".to_owned(), words::time);
        sentence += &format!(
            "; at that pace it reaches its limit of {} at {} (between {} and {latest})",
            input.words.value(limit),
            words::time(breach.at),
            words::time(breach.earliest)
        );
        severity = breach.severity(line);
    } else if kind == "growth" {
        severity = Severity::Notice;
    }
    let confidence = 1.0 - 0.2 * (1.0 - (sure / 8.0).min(40.0)).exp();
    Finding { kind, severity, from: line.from, to: line.to, confidence, measures, sentence }
}

/// When a growing series reaches its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Breach {
    at: UnixMicros,
    earliest: UnixMicros,
    /// None where the slope may be so small that it is never reached within what can be foreseen.
    latest: Option<UnixMicros>,
}

impl Breach {
    fn of(line: &Line, limit: f64) -> Option<Self> {
        if line.slope <= 0.0 || line.level >= limit {
            return None;
        }
        let looked = (line.to - line.from) as f64 / 1e6;
        let after = |slope: f64, level: f64| ((limit - level).max(0.0) / slope).max(0.0);
        let time = |seconds: f64| line.to.saturating_add((seconds * 1e6) as i64);
        let expected = after(line.slope, line.level);
        if expected > FORESEEN * looked {
            return None;
        }
        let (slope_error, level_error) = (NORMAL_95 * line.error, NORMAL_95 * line.level_error);
        let earliest = after(line.slope + slope_error, line.level + level_error);
        let slowest = line.slope - slope_error;
        let latest = (slowest > 0.0).then(|| after(slowest, line.level - level_error));
        let latest = latest.filter(|seconds| *seconds <= 2.0 * FORESEEN * looked).map(time);
        Some(Self { at: time(expected), earliest: time(earliest), latest })
    }

    /// Within a day, or within the time that was looked at, it is near.
    fn severity(self, line: &Line) -> Severity {
        let left = self.at - line.to;
        match left {
            _ if left <= 3_600_000_000 => Severity::Critical,
            _ if left <= 86_400_000_000.max(line.to - line.from) => Severity::Warning,
            _ => Severity::Notice,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::Words;
    use crate::analysis::study::testing::Chance;

    const SECOND: i64 = 1_000_000;
    const WORDS: Words = Words { unit: "bytes" };

    fn found(values: &[f64], limit: Option<f64>) -> Report {
        let (signal, limit) =
            (Signal::regular(0, SECOND, values), limit.map(|limit| Signal::regular(0, SECOND, &[limit])));
        Trend.analyze(&Input { limit: limit.as_ref(), ..Input::of(&signal, &WORDS) }, &Settings::default())
    }

    /// Grows by 2 per second from 1,000 on, with noise.
    fn leak(seed: u64, count: usize, noise: f64) -> Vec<f64> {
        let mut chance = Chance::new(seed);
        (0..count).map(|at| 1000.0 + 2.0 * at as f64 + noise * chance.normal()).collect()
    }

    #[test]
    fn a_leak_has_its_slope_and_the_time_of_its_breach() {
        let report = found(&leak(1, 5000, 200.0), Some(20_000.0));
        let [finding] = &report.findings[..] else { panic!("{report:?}") };
        assert_eq!((finding.kind, finding.severity), ("growth", Severity::Warning));
        assert!((finding.measure("slope").unwrap() - 2.0).abs() < 0.02, "{}", finding.sentence);
        let at = |name: &str| finding.measure(name).unwrap() / 1e6;
        // (20,000 - 1,000) / 2.
        assert!(
            (at("breach") - 9500.0).abs() < 100.0 && at("breach_earliest") < 9500.0 && at("breach_latest") > 9500.0
        );
        assert!(at("breach_latest") - at("breach_earliest") < 500.0, "{}", finding.sentence);
        assert!(
            finding.sentence.contains("it reaches its limit of 19.5 KiB at 1970-01-01T02:38"),
            "{}",
            finding.sentence
        );
    }

    #[test]
    fn one_that_begins_after_a_rest_is_told_from_there_on() {
        let mut chance = Chance::new(9);
        let values: Vec<f64> =
            (0..4000).map(|at| 1000.0 + 3.0 * f64::from((at - 2500).max(0)) + 5.0 * chance.normal()).collect();
        let report = found(&values, Some(10_000.0));
        let [finding] = &report.findings[..] else { panic!("{report:?}") };
        assert!((finding.from / SECOND - 2500).abs() < 60, "{}", finding.sentence);
        assert!((finding.measure("slope").unwrap() - 3.0).abs() < 0.05, "{}", finding.sentence);
        assert!((finding.measure("breach").unwrap() / 1e6 - 5500.0).abs() < 30.0, "{}", finding.sentence);
    }

    #[test]
    fn a_sawtooth_that_leaks_has_the_slope_of_its_floor() {
        let values: Vec<f64> = (0..8000).map(|at| f64::from(at % 200) * 10.0 + f64::from(at) * 0.5).collect();
        let report = found(&values, Some(10_000.0));
        assert!((report.findings[0].measure("slope").unwrap() - 0.5).abs() < 0.05, "{report:?}");
    }

    #[test]
    fn growth_begins_anew_after_a_kill() {
        let values: Vec<f64> = [leak(2, 3000, 20.0), leak(3, 2000, 20.0)].concat();
        let report = found(&values, Some(9_000.0));
        let slopes: Vec<f64> = report.findings.iter().map(|one| one.measure("slope").unwrap().round()).collect();
        assert_eq!(slopes, [2.0, 2.0]);
        assert_eq!(report.findings[1].from, 3000 * SECOND);
        assert_eq!(report.findings[0].measure("breach"), None);
        let breach = report.findings[1].measure("breach").unwrap() / 1e6;
        assert!((breach - 7000.0).abs() < 30.0, "{breach}");
        assert_eq!(report.notes.len(), 1);
    }

    /// Of 1,000 series each of white noise, kept noise, bursts and a random walk, 2,000 readings long.
    #[test]
    fn what_only_wanders_has_no_trend() {
        let mut alarms = [0; 4];
        for seed in 0..1000 {
            let mut chance = Chance::new(seed + 50);
            let mut walk = chance.noise(2000);
            (1..walk.len()).for_each(|at| walk[at] += walk[at - 1]);
            let series =
                [chance.noise(2000), chance.kept_noise(2000, 0.9), chance.bursts(2000, 0.01, 15.0, 12.0), walk];
            for (count, values) in alarms.iter_mut().zip(&series) {
                *count += found(values, None).findings.len();
            }
        }
        println!("{alarms:?} in 1000 each");
        assert!(alarms[0] <= 5 && alarms[1] <= 10 && alarms[2] <= 10 && alarms[3] <= 150, "{alarms:?}");
    }

    #[test]
    fn units_do_not_matter_and_few_readings_are_said() {
        let values = leak(4, 3000, 300.0);
        for scale in [1e-9, 1e9] {
            let scaled: Vec<f64> = values.iter().map(|value| value * scale).collect();
            let report = found(&scaled, Some(8000.0 * scale));
            let slope = report.findings[0].measure("slope").unwrap() / scale;
            assert!((slope - 2.0).abs() < 0.05, "{slope}");
        }
        assert_eq!(found(&[1.0; 5], None).notes, ["too little data: 5 readings, 20 are needed"]);
        assert_eq!(found(&[1.0; 500], None).findings, []);
    }
}
