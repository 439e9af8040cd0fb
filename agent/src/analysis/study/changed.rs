//! What changed in a window, of many series: the most unusual ones first.
//!
//! Each series is compared with what it was before the window. A difference counts in sigmas: how much medians (and,
//! for how variable it is, ranges) of windows of the same length differed before, or would if those of a quarter of
//! that were independent, whichever is more. The surprise: the series that is asked about gives only the window, and
//! a series that always climbs or steps has not changed when it does so again. Of a container that is gone all series are: they are
//! one finding.

use std::collections::BTreeMap;

use crate::analysis::study::{
    About, Finding, Input, Needs, Of, Parameter, Report, Settings, Severity, Signal, Study, measure, robust, words,
};
use crate::model::UnixMicros;

/// Fewer readings in the window, or fewer before it, say nothing.
const LEAST_READINGS: usize = 16;
/// Windows are cut into so many parts.
const PARTS: i64 = 4;
/// A part of a window with fewer readings than this share of the usual is not looked at.
const COVERED: f64 = 0.5;
/// More sigmas are told as this many: a series that stood still has no end of them.
const MOST_SIGMAS: f64 = 1000.0;

static BASELINE: Parameter = Parameter {
    name: "baseline_windows",
    help: "how many times as long as the window the time before it is that it is compared with",
    default: 4.0,
    min: 1.0,
    max: 100.0,
};
static MIN_SIGMAS: Parameter = Parameter {
    name: "min_sigmas",
    help: "the least difference that is told, in sigmas of how windows of this length differed before",
    default: 6.0,
    min: 1.0,
    max: 1000.0,
};
static LIMIT: Parameter =
    Parameter { name: "limit", help: "how many series are told at most", default: 20.0, min: 1.0, max: 1000.0 };

static ABOUT: About = About {
    id: "changed",
    name: "What changed here",
    description: "Ranks series by how much they differ in this window from the time before; the most unusual first.",
    needs: Needs::Window,
    parameters: &[BASELINE, MIN_SIGMAS, LIMIT],
};

/// Finds series that are not what they were before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Changed;

impl Study for Changed {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, input: &Input<'_>, settings: &Settings) -> Report {
        let Some((from, last)) = input.signal.span().filter(|(from, last)| last > from) else {
            return Report::too_little(input.signal.len(), 2);
        };
        let window = Window { from, to: last + 1, long: last + 1 - from };
        let before = from - (window.long as f64 * settings.get(&BASELINE)) as i64;
        let (mut changes, mut short) = (Vec::new(), 0);
        let (mut had_before, mut had_since) = (false, false);
        for (name, series) in input.others {
            let (baseline, inside) = (series.part(before, from), series.part(from, window.to));
            had_before |= !baseline.is_empty();
            had_since |= !inside.is_empty();
            match Change::of(&baseline, &inside, window, settings.get(&MIN_SIGMAS)) {
                Some(change) => changes.push((name, change)),
                None => short += 1,
            }
        }
        // Where no series at all was read, none of them is new or gone.
        changes.retain(|(_, change)| match change.kind {
            "appeared" => had_before,
            "vanished" => had_since,
            _ => change.sigmas >= settings.get(&MIN_SIGMAS),
        });
        let mut changes = together(changes);
        changes.sort_by(|a, b| b.1.unusual().total_cmp(&a.1.unusual()).then_with(|| a.0.cmp(b.0)));
        changes.truncate(settings.get(&LIMIT) as usize);
        let findings = changes.iter().map(|(name, change)| change.tell(name, window)).collect();
        let notes = [
            (!had_before).then(|| "there are no readings before the window to compare with".to_owned()),
            (!had_since).then(|| "there are no readings in the window".to_owned()),
            (short > 0).then(|| {
                let all = input.others.len();
                format!("{short} of {all} series have too few readings in the window, or too little time before it")
            }),
        ];
        Report { findings, notes: notes.into_iter().flatten().collect() }
    }
}

/// Series of the same one that are all new, or all gone, are told together.
fn together(changes: Vec<(&String, Change)>) -> Vec<(&str, Change)> {
    let mut told: Vec<(&str, Change)> = Vec::with_capacity(changes.len());
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (name, change) in changes {
        let place = *places.entry((change.kind, whose(name))).or_insert(told.len());
        match told.get_mut(place).filter(|_| change.is_there_or_not()) {
            None => told.push((name, change)),
            Some((known, all)) => {
                *known = whose(name);
                all.readings.0 += change.readings.0;
                all.readings.1 += change.readings.1;
                all.series += 1;
            }
        }
    }
    told
}

/// Whose series it is: names begin with that.
fn whose(name: &str) -> &str {
    name.split_once(' ').map_or(name, |(whose, _)| whose)
}

#[derive(Clone, Copy, Debug)]
struct Window {
    from: UnixMicros,
    /// Not any more in it.
    to: UnixMicros,
    long: i64,
}

/// How a series differs from before.
#[derive(Clone, Copy, Debug)]
struct Change {
    kind: &'static str,
    before: f64,
    after: f64,
    spreads: (f64, f64),
    sigmas: f64,
    /// The greatest difference of the shares below a value, from 0 to 1.
    distance: f64,
    readings: (usize, usize),
    /// How many series do so.
    series: usize,
}

impl Change {
    /// Nothing where there is too little to judge by.
    fn of(baseline: &Signal, inside: &Signal, window: Window, min_sigmas: f64) -> Option<Self> {
        let readings = (baseline.len(), inside.len());
        let (mut old, mut new) = (baseline.values().to_vec(), inside.values().to_vec());
        let (before, after) = (robust::median(&mut old), robust::median(&mut new));
        let spreads = (0.0, 0.0);
        let whole = Self { kind: "", before, after, spreads, sigmas: MOST_SIGMAS, distance: 1.0, readings, series: 1 };
        match readings {
            (0, LEAST_READINGS..) => return Some(Self { kind: "appeared", ..whole }),
            (LEAST_READINGS.., 0) => return Some(Self { kind: "vanished", ..whole }),
            (LEAST_READINGS.., LEAST_READINGS..) => {}
            _ => return None,
        }
        let grain = old.iter().chain(&new).fold(0.0, |most: f64, value| most.max(value.abs())) * 1e-9;
        let level = Difference::of(baseline, inside, window, robust::median)?.at_least(grain);
        let stood_still = old.iter().all(|&value| value == before);
        let spread = Difference::of(baseline, inside, window, range)?;
        // A burst in one part of the window makes no other range, unless there never was anything like it.
        let spread = spread.at_least(if stood_still { grain } else { spread.since.max(grain) });
        // A higher level is mostly more variable too; the level says it all unless it is the lesser part of it.
        let is_level = level.sigmas() >= min_sigmas && level.size.abs() >= spread.size.abs() / 4.0;
        let (kind, sigmas) = match (is_level || spread.sigmas() < min_sigmas, level.size > 0.0, spread.size > 0.0) {
            (true, true, _) => ("higher", level.sigmas()),
            (true, false, _) => ("lower", level.sigmas()),
            (false, _, true) => ("more_variable", spread.sigmas()),
            (false, _, false) => ("less_variable", spread.sigmas()),
        };
        let spreads = (spread.before, spread.after);
        Some(Self { kind, spreads, sigmas, distance: distance(&mut old, &mut new), ..whole })
    }

    fn is_there_or_not(&self) -> bool {
        matches!(self.kind, "appeared" | "vanished")
    }

    /// By what changes are ordered. Sigmas count by their logarithm, for those of series that stood still have no end.
    fn unusual(&self) -> f64 {
        self.distance * (1.0 + self.sigmas).ln()
    }

    fn tell(&self, name: &str, window: Window) -> Finding {
        let (old, new) = if self.kind.ends_with("variable") { self.spreads } else { (self.before, self.after) };
        let ratio = (old > 0.0 && new >= 0.0 && self.readings.0 > 0 && self.readings.1 > 0).then(|| new / old);
        let mut measures = vec![
            measure("sigmas", self.sigmas, Of::Sigmas),
            measure("distance", self.distance, Of::Ratio),
            measure("readings_before", self.readings.0 as f64, Of::Count),
            measure("readings", self.readings.1 as f64, Of::Count),
        ];
        measures.extend(ratio.map(|ratio| measure("ratio", ratio, Of::Ratio)));
        if self.series > 1 {
            measures.push(measure("series", self.series as f64, Of::Count));
        } else {
            measures.extend((self.readings.0 > 0).then(|| measure("before", self.before, Of::Value)));
            measures.extend((self.readings.1 > 0).then(|| measure("after", self.after, Of::Value)));
        }
        Finding {
            kind: self.kind,
            severity: Severity::Notice,
            from: window.from,
            to: window.to - 1,
            confidence: if self.is_there_or_not() { 1.0 } else { confidence(self.sigmas) },
            measures,
            sentence: format!("{name} {}", self.what(ratio)),
        }
    }

    fn what(&self, ratio: Option<f64>) -> String {
        let how = match ratio {
            Some(ratio) if ratio > 2.0 => format!(", {} times as much", words::digits(ratio)),
            Some(ratio) => format!(", by {}", words::percent((ratio - 1.0).abs())),
            None => String::new(),
        };
        let sigmas = if self.sigmas < MOST_SIGMAS { words::digits(self.sigmas) } else { "over 1000".to_owned() };
        let usual = format!("{sigmas} times what windows of this length usually differ by");
        match self.kind {
            "appeared" if self.series > 1 => {
                format!("appeared: {} series have no readings in the time before the window", self.series)
            }
            "vanished" if self.series > 1 => {
                format!("vanished: {} series have readings before the window and none in it", self.series)
            }
            "appeared" => "appeared: it has no readings in the time before the window".to_owned(),
            "vanished" => "vanished: it has readings before the window and none in it".to_owned(),
            "more_variable" => format!("is more variable than before{how}: {usual}"),
            "less_variable" => format!("is less variable than before{how}: {usual}"),
            kind => format!("is {kind} than before{how}: {usual}"),
        }
    }
}

/// How much something about the readings differs from before, and how much it did before.
#[derive(Clone, Copy, Debug)]
struct Difference {
    before: f64,
    after: f64,
    size: f64,
    /// How much it usually differs between windows.
    sigma: f64,
    /// The same by the parts of this window.
    since: f64,
}

impl Difference {
    fn of(baseline: &Signal, inside: &Signal, window: Window, about: fn(&mut [f64]) -> f64) -> Option<Self> {
        let mut long = each(baseline, window.from, window.long, about);
        let parts = each(baseline, window.from, window.long / PARTS, about);
        if parts.len() < PARTS as usize {
            return None;
        }
        // Where there are too few windows, those of a quarter stand for them as they are.
        let slow = if long.len() >= 3 { deviation(&long) } else { deviation(&parts) };
        let of_parts = |parts: &[f64]| deviation(parts) / (PARTS as f64).sqrt();
        let since = of_parts(&each(inside, window.to, window.long / PARTS, about));
        let usual = slow.max(of_parts(&parts));
        let count = long.len().max(1) as f64;
        let before = if long.len() >= 3 { robust::median(&mut long) } else { about(&mut baseline.values().to_vec()) };
        let after = about(&mut inside.values().to_vec());
        // What was before is not known better than that of so many windows.
        Some(Self { before, after, size: after - before, sigma: usual * (1.0 + 1.0 / count).sqrt(), since })
    }

    fn at_least(self, sigma: f64) -> Self {
        Self { sigma: self.sigma.max(sigma), ..self }
    }

    fn sigmas(&self) -> f64 {
        if self.size == 0.0 { 0.0 } else { (self.size.abs() / self.sigma).min(MOST_SIGMAS) }
    }
}

/// Something about the readings of each time of this length that ends at `end`, or so many lengths before it.
fn each(signal: &Signal, end: UnixMicros, long: i64, about: impl Fn(&mut [f64]) -> f64) -> Vec<f64> {
    let Some((first, _)) = signal.span() else { return Vec::new() };
    let usual = long as f64 / signal.step_usec() as f64;
    let mut found = Vec::new();
    let mut to = end;
    let mut end_at = signal.len();
    // The first reading may be a little late.
    while long > 0 && to - long >= first - signal.step_usec() {
        let begin_at = signal.times().partition_point(|&time| time < to - long);
        let mut values = signal.values().get(begin_at..end_at).unwrap_or(&[]).to_vec();
        if values.len() as f64 >= (usual * COVERED).max(2.0) {
            found.push(about(&mut values));
        }
        (to, end_at) = (to - long, begin_at);
    }
    found
}

/// Between which values nine of ten readings are: how far those are apart.
fn range(values: &mut [f64]) -> f64 {
    robust::quantile(values, 0.95) - robust::quantile(values, 0.05)
}

/// The usual standard deviation; not a robust one, for an odd window before makes this one less odd.
fn deviation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (squares / (values.len().max(2) - 1) as f64).sqrt()
}

/// The greatest difference between the shares of both that are below a value.
fn distance(a: &mut [f64], b: &mut [f64]) -> f64 {
    a.sort_unstable_by(f64::total_cmp);
    b.sort_unstable_by(f64::total_cmp);
    let (mut below_a, mut below_b, mut most) = (0, 0, 0.0_f64);
    while let (Some(&x), Some(&y)) = (a.get(below_a), b.get(below_b)) {
        let value = x.min(y);
        below_a += a.iter().skip(below_a).take_while(|&&x| x <= value).count();
        below_b += b.iter().skip(below_b).take_while(|&&y| y <= value).count();
        most = most.max((below_a as f64 / a.len() as f64 - below_b as f64 / b.len() as f64).abs());
    }
    most
}

/// How sure so many sigmas are that come from four windows: by Student's distribution of three degrees of freedom.
fn confidence(sigmas: f64) -> f64 {
    let t = sigmas / 3.0_f64.sqrt();
    (t / (1.0 + t * t) + t.atan()) * std::f64::consts::FRAC_2_PI
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::Words;
    use crate::analysis::study::testing::Chance;

    const SECOND: i64 = 1_000_000;

    fn second(values: &[f64]) -> Signal {
        Signal::regular(0, SECOND, values)
    }

    /// The last fifth of 1500 seconds is the window.
    fn report(others: &[(String, Signal)], settings: &Settings) -> Report {
        let window = Signal::regular(1200 * SECOND, SECOND, &[0.0; 300]);
        Changed.analyze(&Input { others, ..Input::of(&window, &Words { unit: "cores" }) }, settings)
    }

    fn named(name: &str, signal: Signal) -> (String, Signal) {
        (name.to_owned(), signal)
    }

    /// Noise about 10, then what a function makes of its time and value in the window.
    fn then(noise: &mut Chance, since: impl Fn(usize, f64) -> f64) -> Signal {
        let values = noise.noise(1500).into_iter().enumerate();
        second(&values.map(|(at, value)| if at < 1200 { 10.0 + value } else { since(at, value) }).collect::<Vec<f64>>())
    }

    fn many(noise: &mut Chance) -> Vec<(String, Signal)> {
        let mut others = vec![
            named("same", then(noise, |_, value| 10.0 + value)),
            named("higher", then(noise, |_, value| 13.0 + value)),
            named("lower", then(noise, |_, value| 4.0 + value)),
            named("wilder", then(noise, |_, value| 10.0 + 3.0 * value)),
            named("calmer", then(noise, |_, value| 10.0 + value / 4.0)),
        ];
        let ramp: Vec<f64> = noise.noise(1500).iter().enumerate().map(|(at, value)| value + at as f64).collect();
        others.push(named("always rising", second(&ramp)));
        let bumps: Vec<f64> = (0..1500).map(|at| if at % 400 < 200 { 1.0 } else { 30.0 } + noise.normal()).collect();
        others.push(named("always stepping", second(&bumps)));
        others
    }

    fn told(report: &Report) -> Vec<(&'static str, &str)> {
        report.findings.iter().map(|found| (found.kind, found.sentence.split(" is ").next().unwrap_or(""))).collect()
    }

    #[test]
    fn what_changed_is_told_and_the_most_unusual_first() {
        let report = report(&many(&mut Chance::new(1)), &Settings::default());
        let expected =
            [("lower", "lower"), ("higher", "higher"), ("less_variable", "calmer"), ("more_variable", "wilder")];
        assert_eq!(told(&report), expected);
        let of = |at: usize, name| report.findings[at].measure(name).unwrap_or(f64::NAN);
        assert!((of(0, "ratio") - 0.4).abs() < 0.03 && (of(1, "ratio") - 1.3).abs() < 0.03);
        assert!((of(2, "ratio") - 0.25).abs() < 0.05 && (of(3, "ratio") - 3.0).abs() < 0.4);
        assert!((of(1, "before") - 10.0).abs() < 0.15 && (of(1, "after") - 13.0).abs() < 0.3);
        // The median of 300 normal values is known to 0.072, and so is that of four times as many: to 0.081.
        assert!((20.0..60.0).contains(&of(1, "sigmas")), "{}", of(1, "sigmas"));
        assert!((of(1, "distance") - 0.866).abs() < 0.04, "{}", of(1, "distance"));
        let sentence = &report.findings[1].sentence;
        assert!(sentence.starts_with("higher is higher than before, by 3") && sentence.contains(" %: "), "{sentence}");
        assert!(sentence.ends_with(" times what windows of this length usually differ by"), "{sentence}");
        assert!(report.findings[3].sentence.contains(" times as much: "), "{}", report.findings[3].sentence);
        assert!(report.findings.iter().all(|finding| finding.confidence > 0.97));
        assert_eq!((report.findings[0].from, report.findings[0].to), (1200 * SECOND, 1499 * SECOND));
        assert_eq!(report.notes, [""; 0]);
    }

    #[test]
    fn units_and_offsets_change_sizes_alone() {
        let others = many(&mut Chance::new(2));
        let expected = report(&others, &Settings::default());
        for (scale, offset) in [(1e-9, 0.0), (1e12, 0.0), (1.0, -5000.0), (1e-3, 1e3)] {
            let scaled = |signal: &Signal| {
                second(&signal.values().iter().map(|value| value * scale + offset).collect::<Vec<f64>>())
            };
            let others: Vec<(String, Signal)> = others.iter().map(|(name, other)| named(name, scaled(other))).collect();
            let found = report(&others, &Settings::default());
            assert_eq!(told(&found), told(&expected));
            let sigmas =
                |report: &Report| report.findings.iter().filter_map(|f| f.measure("sigmas")).collect::<Vec<f64>>();
            assert!(sigmas(&found).iter().zip(sigmas(&expected)).all(|(a, b)| (a / b - 1.0).abs() < 1e-6));
        }
    }

    #[test]
    fn what_is_new_or_gone_is_told() {
        let noise = &mut Chance::new(3);
        let other = then(noise, |_, value| 10.0 + value);
        let gone = named("gone", other.part(0, 1100 * SECOND));
        let new = named("new", other.part(1200 * SECOND, i64::MAX));
        let found = report(&[gone.clone(), named("other", other), new.clone()], &Settings::default());
        let sentences: Vec<&str> = found.findings.iter().map(|finding| finding.sentence.as_str()).collect();
        let appeared = "new appeared: it has no readings in the time before the window";
        assert_eq!(sentences, ["gone vanished: it has readings before the window and none in it", appeared]);
        assert_eq!((found.findings[0].kind, found.findings[1].kind), ("vanished", "appeared"));
        let found = report(&[new], &Settings::default());
        let nothing = "there are no readings before the window to compare with".to_owned();
        assert_eq!((found.findings.len(), found.notes), (0, vec![nothing]));
        let found = report(&[gone], &Settings::default());
        assert_eq!((found.findings.len(), found.notes), (0, vec!["there are no readings in the window".to_owned()]));
    }

    #[test]
    fn all_series_of_a_container_that_is_gone_are_one_finding() {
        let noise = &mut Chance::new(4);
        let other = then(noise, |_, value| 10.0 + value);
        let (gone, new) = (other.part(0, 1100 * SECOND), other.part(1200 * SECOND, i64::MAX));
        let mut others = vec![named("web-1/app cpu", other)];
        for metric in ["cpu", "memory", "pids"] {
            others.push(named(&format!("web-0/app {metric}"), gone.clone()));
            others.push(named(&format!("web-2/app {metric}"), new.clone()));
        }
        others.push(named("web-3/app cpu", gone));
        let found = report(&others, &Settings::default());
        let sentences: Vec<&str> = found.findings.iter().map(|finding| finding.sentence.as_str()).collect();
        let expected = [
            "web-0/app vanished: 3 series have readings before the window and none in it",
            "web-2/app appeared: 3 series have no readings in the time before the window",
            "web-3/app cpu vanished: it has readings before the window and none in it",
        ];
        assert_eq!(sentences, expected);
        let of = |name| found.findings[0].measure(name);
        assert_eq!((of("series"), of("readings_before"), of("before")), (Some(3.0), Some(3288.0), None));
        assert_eq!(found.findings[2].measure("series"), None);
    }

    #[test]
    fn what_never_moved_before_has_no_end_of_sigmas() {
        let values: Vec<f64> = (0..1500).map(|at| if at < 1250 { 2.0 } else { 3.0 }).collect();
        let found = report(&[named("pods", second(&values))], &Settings::default());
        assert_eq!(found.findings[0].measure("ratio"), Some(1.5));
        let sentence =
            "pods is higher than before, by 50 %: over 1000 times what windows of this length usually differ by";
        assert_eq!((found.findings[0].kind, found.findings[0].sentence.as_str()), ("higher", sentence));
        assert_eq!(found.findings[0].measure("sigmas"), Some(1000.0));
        let late: Vec<f64> = (0..1500).map(|at| if at < 1400 { 0.0 } else { 3.0 }).collect();
        let found = report(&[named("throttled", second(&late))], &Settings::default());
        let sentence =
            "throttled is more variable than before: over 1000 times what windows of this length usually differ by";
        assert_eq!((found.findings[0].kind, found.findings[0].sentence.as_str()), ("more_variable", sentence));
        let still = report(&[named("still", second(&[2.0; 1500]))], &Settings::default());
        assert_eq!(still, Report::default());
    }

    #[test]
    fn noise_is_seldom_a_change() {
        let mut alarms = [0; 4];
        for seed in 1..=1000 {
            let noise = &mut Chance::new(seed);
            let all = [
                noise.noise(1500),
                noise.kept_noise(1500, 0.9),
                noise.kept_noise(1500, 0.95),
                noise.bursts(1500, 0.02, 10.0, 20.0),
            ];
            for (alarms, values) in alarms.iter_mut().zip(all) {
                *alarms += report(&[named("other", second(&values))], &Settings::default()).findings.len();
            }
        }
        println!("alarms of changed in 1000: {alarms:?}");
        assert!(alarms.iter().all(|&alarms| alarms <= 2), "{alarms:?}");
    }

    #[test]
    fn gaps_limits_and_too_little() {
        let noise = &mut Chance::new(5);
        let whole = then(noise, |_, value| 13.0 + value);
        let kept = |time: i64| !(300..700).contains(&(time / SECOND)) && !(1300..1350).contains(&(time / SECOND));
        let (times, values): (Vec<i64>, Vec<f64>) =
            whole.times().iter().zip(whole.values()).filter(|(time, _)| kept(**time)).unzip();
        let gaps = named("gaps", Signal::new(&times, &values));
        let found = report(std::slice::from_ref(&gaps), &Settings::default());
        assert_eq!(told(&found), [("higher", "gaps")]);
        assert!((found.findings[0].measure("ratio").unwrap_or(0.0) - 1.3).abs() < 0.03);
        let short = named("short", whole.part(1100 * SECOND, i64::MAX));
        let found = report(&[gaps.clone(), short], &Settings::default());
        let note = "1 of 2 series have too few readings in the window, or too little time before it";
        assert_eq!((found.findings.len(), found.notes), (1, vec![note.to_owned()]));
        let mut settings = Settings::default();
        assert_eq!(settings.set(&LIMIT, 1.0), Ok(()));
        assert_eq!(report(&[gaps.clone(), gaps], &settings).findings.len(), 1);
        let one = Signal::regular(0, SECOND, &[1.0]);
        let words = Words { unit: "cores" };
        assert_eq!(
            Changed.analyze(&Input::of(&one, &words), &settings).notes,
            ["too little data: 1 readings, 2 are needed"]
        );
    }
}
