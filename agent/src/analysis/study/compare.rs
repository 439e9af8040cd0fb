//! Whether a series is better, worse or the same as another one: of another time or container.
//!
//! The shift of the median decides, with an interval that holds it 99 times in 100. Its width comes from medians of
//! blocks of time, of several lengths, the most doubtful of which counts: readings that resemble the ones before them
//! tell less. Where medians are the same, the 95th percentile decides likewise. The surprise: `same` is a finding
//! that needs evidence, all of the interval within a margin; and as that margin may be a share of the level, an
//! offset of all values matters.

use crate::analysis::study::{
    About, Finding, Input, Measure, Needs, Of, Parameter, Report, Settings, Severity, Signal, Study, Words, measure,
    robust, words,
};

/// Fewer readings than this in one of both say nothing.
const LEAST_READINGS: usize = 64;
/// Into how many blocks series are cut, and how many standard errors hold 99 of 100 by Student's distribution.
const BLOCKS: [(usize, f64); 3] = [(8, 3.499), (16, 2.947), (32, 2.744)];
/// The same of normal values.
const NORMAL: f64 = 2.576;

static LOWER_IS_BETTER: Parameter = Parameter {
    name: "lower_is_better",
    help: "1 where lower values are better, 0 where higher ones are",
    default: 1.0,
    min: 0.0,
    max: 1.0,
};
static SAME_PERCENT: Parameter = Parameter {
    name: "same_percent",
    help: "how far the level may move and still be the same, in percent of it",
    default: 5.0,
    min: 0.0,
    max: 100.0,
};
static SAME_SIGMAS: Parameter = Parameter {
    name: "same_sigmas",
    help: "the same in standard deviations of the readings; the wider one of both counts",
    default: 0.2,
    min: 0.0,
    max: 10.0,
};

static ABOUT: About = About {
    id: "compare",
    name: "Better or worse",
    description: "Says whether a series is better, worse or the same as in another time or container, and how sure.",
    needs: Needs::Baseline,
    parameters: &[LOWER_IS_BETTER, SAME_PERCENT, SAME_SIGMAS],
};

/// Compares a series with another one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compare;

impl Study for Compare {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, input: &Input<'_>, settings: &Settings) -> Report {
        let Some((name, baseline)) = input.others.first() else {
            return Report::none("there is no other series to compare with");
        };
        let fewest = input.signal.len().min(baseline.len());
        let Some((from, to)) = input.signal.span().filter(|_| fewest >= LEAST_READINGS) else {
            return Report::too_little(fewest, LEAST_READINGS);
        };
        let (mut old, mut new) = (baseline.values().to_vec(), input.signal.values().to_vec());
        let noise =
            robust::median_and_deviation(&mut old.clone()).1.max(robust::median_and_deviation(&mut new.clone()).1);
        let shift = |share| {
            let (before, after) = (Level::of(baseline, share), Level::of(input.signal, share));
            let percent = before.value.abs() * settings.get(&SAME_PERCENT) / 100.0;
            Shift::of(before, after, percent.max(noise * settings.get(&SAME_SIGMAS)))
        };
        let (median, high) = (shift(0.5), shift(0.95));
        // Where the middle is the same, the upper end may still tell them apart.
        let is_of_median = median.moved != Moved::Nowhere || matches!(high.moved, Moved::Nowhere | Moved::Unclear);
        let verdict = Verdict {
            what: if is_of_median { "the median" } else { "the median is the same, but the 95th percentile" },
            of: if is_of_median { median } else { high },
            lower_is_better: settings.get(&LOWER_IS_BETTER) >= 0.5,
            effect: superiority(&mut old, &mut new),
        };
        let kind = verdict.kind();
        let finding = Finding {
            kind,
            severity: if kind == "worse" { Severity::Warning } else { Severity::Info },
            from,
            to,
            confidence: verdict.of.confidence(),
            measures: measures(median, high, verdict.effect),
            sentence: verdict.sentence(name, input.words),
        };
        Report { findings: vec![finding], notes: Vec::new() }
    }
}

fn measures(median: Shift, high: Shift, effect: f64) -> Vec<Measure> {
    let mut all = vec![
        measure("before", median.before, Of::Value),
        measure("after", median.after, Of::Value),
        measure("difference", median.size, Of::Value),
        measure("difference_least", median.size - median.doubt, Of::Value),
        measure("difference_most", median.size + median.doubt, Of::Value),
        measure("effect", effect, Of::Ratio),
        measure("p95_before", high.before, Of::Value),
        measure("p95_after", high.after, Of::Value),
    ];
    all.extend(
        (median.before > 0.0 && median.after >= 0.0).then(|| measure("ratio", median.after / median.before, Of::Ratio)),
    );
    all
}

/// What decides, and how.
#[derive(Clone, Copy, Debug)]
struct Verdict {
    what: &'static str,
    of: Shift,
    lower_is_better: bool,
    /// As of [`superiority`].
    effect: f64,
}

impl Verdict {
    fn kind(&self) -> &'static str {
        match (self.of.moved, self.lower_is_better) {
            (Moved::Nowhere, _) => "same",
            (Moved::Unclear, _) => "unclear",
            (Moved::Up, false) | (Moved::Down, true) => "better",
            (Moved::Up, true) | (Moved::Down, false) => "worse",
        }
    }

    fn sentence(&self, name: &str, words: &Words) -> String {
        let (shift, what) = (self.of, self.what);
        let (before, after, size) = (words.value(shift.before), words.value(shift.after), words.value(shift.size));
        let (least, most) = (words.value(shift.size - shift.doubt), words.value(shift.size + shift.doubt));
        let above = words::percent(f64::midpoint(self.effect, 1.0));
        let verdict = match self.kind() {
            "same" => format!("the same as {name}"),
            "unclear" => format!("neither clearly the same as {name} nor clearly different"),
            kind => format!("{kind} than {name}"),
        };
        format!(
            "{verdict}: {what} is {after} against {before}, a difference of {size} (between {least} and {most}); \
             a reading is above one of {name} {above} of the time"
        )
    }
}

/// A percentile, and how well it is known.
#[derive(Clone, Copy, Debug)]
struct Level {
    value: f64,
    /// Half the width of the interval that holds it 99 times in 100.
    doubt: f64,
}

impl Level {
    fn of(signal: &Signal, share: f64) -> Self {
        let percentile = |values: &[f64]| {
            let mut values = values.to_vec();
            if share == 0.5 { robust::median(&mut values) } else { robust::quantile(&mut values, share) }
        };
        let doubts = BLOCKS.iter().map(|&(count, errors)| {
            let long = signal.len().div_ceil(count).max(1);
            let levels: Vec<f64> = signal.values().chunks(long).map(percentile).collect();
            errors * standard_error(&levels)
        });
        Self { value: percentile(signal.values()), doubt: doubts.fold(0.0, f64::max) }
    }
}

/// Of the mean of values, each of which may resemble the one before.
fn standard_error(values: &[f64]) -> f64 {
    let count = values.len().max(2) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let products: f64 = values.iter().zip(values.iter().skip(1)).map(|(a, b)| (a - mean) * (b - mean)).sum();
    let memory = if squares > 0.0 { (products / squares).clamp(0.0, 0.8) } else { 0.0 };
    (squares / (count - 1.0) / count * (1.0 + memory) / (1.0 - memory)).sqrt()
}

/// Where a level went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moved {
    Up,
    Down,
    Nowhere,
    Unclear,
}

/// How much a level moved.
#[derive(Clone, Copy, Debug)]
struct Shift {
    before: f64,
    after: f64,
    size: f64,
    doubt: f64,
    margin: f64,
    moved: Moved,
}

impl Shift {
    fn of(before: Level, after: Level, margin: f64) -> Self {
        let (size, doubt) = (after.value - before.value, before.doubt.hypot(after.doubt));
        let moved = if size.abs() + doubt <= margin {
            Moved::Nowhere
        } else if size.abs() <= doubt.max(margin) {
            Moved::Unclear
        } else if size > 0.0 {
            Moved::Up
        } else {
            Moved::Down
        };
        Self { before: before.value, after: after.value, size, doubt, margin, moved }
    }

    /// How sure a move is, or none; of what is unclear, the likelier one of beyond and within the margin.
    fn confidence(&self) -> f64 {
        let error = (self.doubt / NORMAL).max(f64::MIN_POSITIVE);
        // Two ends of an interval may each be missed.
        let sure = |distance: f64| (2.0 * below(distance / error) - 1.0).clamp(0.0, 1.0);
        match self.moved {
            Moved::Nowhere => sure(self.margin - self.size.abs()),
            Moved::Up | Moved::Down => sure(self.size.abs()),
            Moved::Unclear => sure((self.margin - self.size.abs()).abs()),
        }
    }
}

/// How probable it is that a normal value is below so many sigmas, to a hundredth.
fn below(sigmas: f64) -> f64 {
    1.0 / (1.0 + (-1.702 * sigmas).exp())
}

/// How much oftener a new reading is above an old one than below: 1 for always, -1 for never, 0 for neither.
fn superiority(old: &mut [f64], new: &mut [f64]) -> f64 {
    old.sort_unstable_by(f64::total_cmp);
    new.sort_unstable_by(f64::total_cmp);
    let (mut below, mut not_above, mut sum) = (0, 0, 0.0);
    for &value in new.iter() {
        below += old.iter().skip(below).take_while(|&&old| old < value).count();
        not_above += old.iter().skip(not_above).take_while(|&&old| old <= value).count();
        sum += below as f64 - (old.len() - not_above) as f64;
    }
    sum / (old.len() as f64 * new.len() as f64).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::testing::Chance;

    const SECOND: i64 = 1_000_000;

    fn second(values: &[f64]) -> Signal {
        Signal::regular(0, SECOND, values)
    }

    fn finding(new: &[f64], old: &[f64], settings: &Settings) -> Finding {
        let others = [("old".to_owned(), second(old))];
        let signal = second(new);
        let input = Input { others: &others, ..Input::of(&signal, &Words { unit: "cores" }) };
        Compare.analyze(&input, settings).findings.remove(0)
    }

    fn about(noise: &mut Chance, level: f64, count: usize) -> Vec<f64> {
        noise.noise(count).iter().map(|value| level + value).collect()
    }

    fn of(finding: &Finding, name: &str) -> f64 {
        finding.measure(name).unwrap_or(f64::NAN)
    }

    #[test]
    fn worse_and_better_are_told_with_their_sizes() {
        let noise = &mut Chance::new(1);
        let (old, new) = (about(noise, 10.0, 3000), about(noise, 11.0, 3000));
        let worse = finding(&new, &old, &Settings::default());
        assert_eq!((worse.kind, worse.severity, worse.to), ("worse", Severity::Warning, 2999 * SECOND));
        assert!((of(&worse, "difference") - 1.0).abs() < 0.1 && (of(&worse, "ratio") - 1.1).abs() < 0.01);
        // Normal values that are one deviation apart: above in 76 % of all pairs, and below in 24 %.
        assert!((of(&worse, "effect") - 0.52).abs() < 0.03, "{}", of(&worse, "effect"));
        assert!((of(&worse, "p95_before") - 11.645).abs() < 0.15 && (of(&worse, "p95_after") - 12.645).abs() < 0.15);
        assert!(of(&worse, "difference_least") > 0.75 && of(&worse, "difference_most") < 1.25);
        assert!(worse.confidence > 0.999);
        assert!(worse.sentence.starts_with("worse than old: the median is 1"), "{}", worse.sentence);
        assert!(worse.sentence.contains(" cores against "), "{}", worse.sentence);
        let better = finding(&old, &new, &Settings::default());
        assert_eq!((better.kind, better.severity), ("better", Severity::Info));
        let mut settings = Settings::default();
        assert_eq!(settings.set(&LOWER_IS_BETTER, 0.0), Ok(()));
        assert_eq!((finding(&new, &old, &settings).kind, finding(&old, &new, &settings).kind), ("better", "worse"));
    }

    #[test]
    fn the_same_needs_evidence() {
        let noise = &mut Chance::new(2);
        let same = finding(&about(noise, 10.0, 3000), &about(noise, 10.0, 3000), &Settings::default());
        assert_eq!((same.kind, same.confidence > 0.99), ("same", true));
        assert!(same.sentence.starts_with("the same as old: the median is "), "{}", same.sentence);
        let few = finding(&about(noise, 10.0, 100), &about(noise, 10.0, 100), &Settings::default());
        assert_eq!(few.kind, "unclear");
        assert!(
            few.sentence.starts_with("neither clearly the same as old nor clearly different: "),
            "{}",
            few.sentence
        );
        let slow = finding(&noise.kept_noise(3000, 0.99), &noise.kept_noise(3000, 0.99), &Settings::default());
        assert_eq!(slow.kind, "unclear");
        let still = finding(&[5.0; 100], &[5.0; 100], &Settings::default());
        assert_eq!((still.kind, of(&still, "effect")), ("same", 0.0));
        assert_eq!(finding(&[6.0; 100], &[5.0; 100], &Settings::default()).kind, "worse");
        assert_eq!(finding(&[5.1; 100], &[5.0; 100], &Settings::default()).kind, "same");
    }

    #[test]
    fn the_upper_end_decides_where_the_middle_is_the_same() {
        let noise = &mut Chance::new(3);
        let old = about(noise, 10.0, 6000);
        let spikes = |(at, value): (usize, f64)| if at % 10 == 0 { value + 20.0 } else { value };
        let new: Vec<f64> = about(noise, 9.9, 6000).into_iter().enumerate().map(spikes).collect();
        let found = finding(&new, &old, &Settings::default());
        assert_eq!(found.kind, "worse");
        assert!(found.sentence.starts_with("worse than old: the median is the same, but the 95th percentile is "));
        assert!((of(&found, "p95_after") - 29.9).abs() < 0.3, "{}", of(&found, "p95_after"));
    }

    #[test]
    fn pairs_are_counted_as_if_one_by_one() {
        let noise = &mut Chance::new(4);
        let mut few = |count: usize| -> Vec<f64> { (0..count).map(|_| (noise.unit() * 9.0).floor()).collect() };
        let (mut old, mut new) = (few(70), few(90));
        let sign = |a: f64, b: f64| f64::from(i8::from(a > b) - i8::from(a < b));
        let sum: f64 = new.iter().flat_map(|&a| old.iter().map(move |&b| sign(a, b))).sum();
        assert!((superiority(&mut old, &mut new) - sum / 6300.0).abs() < 1e-12);
        assert_eq!(superiority(&mut [1.0, 2.0], &mut [3.0, 4.0]), 1.0);
        assert_eq!(superiority(&mut [3.0, 4.0], &mut [1.0, 2.0]), -1.0);
    }

    #[test]
    fn units_change_sizes_alone_and_offsets_too_without_a_percentage() {
        let noise = &mut Chance::new(5);
        let old = about(noise, 10.0, 2000);
        let mut settings = Settings::default();
        assert_eq!(settings.set(&SAME_PERCENT, 0.0), Ok(()));
        for level in [10.0, 10.15, 10.4, 11.0, 9.0] {
            let new = about(noise, level, 2000);
            let by_unit = finding(&new, &old, &Settings::default());
            let expected = finding(&new, &old, &settings);
            for (scale, offset) in [(1e-9, 0.0), (1e12, 0.0), (1.0, -500.0), (1e-3, 1e3)] {
                let scaled = |values: &[f64]| values.iter().map(|value| value * scale + offset).collect::<Vec<f64>>();
                let found = finding(&scaled(&new), &scaled(&old), &settings);
                assert_eq!((found.kind, of(&found, "effect")), (expected.kind, of(&expected, "effect")));
                assert!((of(&found, "difference") / of(&expected, "difference") / scale - 1.0).abs() < 1e-6);
                if offset == 0.0 {
                    assert_eq!(finding(&scaled(&new), &scaled(&old), &Settings::default()).kind, by_unit.kind);
                }
            }
        }
    }

    #[test]
    fn noise_is_seldom_better_or_worse() {
        let mut alarms = [0; 4];
        for seed in 1..=1000 {
            let noise = &mut Chance::new(seed);
            let mut pair = |at: usize, of: &dyn Fn(&mut Chance) -> Vec<f64>| {
                let (new, old) = (of(noise), of(noise));
                let kind = finding(&new, &old, &Settings::default()).kind;
                alarms[at] += usize::from(matches!(kind, "better" | "worse"));
            };
            pair(0, &|noise| noise.noise(1000));
            pair(1, &|noise| noise.kept_noise(1000, 0.9));
            pair(2, &|noise| noise.kept_noise(1000, 0.95));
            pair(3, &|noise| noise.bursts(1000, 0.02, 10.0, 20.0));
        }
        println!("alarms of compare in 1000: {alarms:?}");
        assert!(alarms.iter().all(|&alarms| alarms <= 6), "{alarms:?}");
    }

    #[test]
    fn too_little_is_said() {
        let signal = second(&[1.0; 100]);
        let words = Words { unit: "cores" };
        let alone = Compare.analyze(&Input::of(&signal, &words), &Settings::default());
        assert_eq!(alone.notes, ["there is no other series to compare with"]);
        let others = [("old".to_owned(), second(&[1.0; 20]))];
        let few = Compare.analyze(&Input { others: &others, ..Input::of(&signal, &words) }, &Settings::default());
        assert_eq!(few.notes, ["too little data: 20 readings, 64 are needed"]);
    }
}
