//! A value that does not move at all for long, although it usually does: a stuck counter, a process that hangs.
//!
//! A rest is a time in which all readings are equal. A rest is a flatline where it is many times longer than all but a
//! hundredth of the others, far longer than the next longest one, and the value moved at most readings outside of it.
//! The surprise: a gap ends a rest, because nobody knows what the value did meanwhile; and an idle container that uses
//! nothing at all for an hour has a flatline too, because from its readings it is the same as one that hangs.

use crate::analysis::study::words::{duration, time};
use crate::analysis::study::{
    About, Finding, Input, Needs, Of, Parameter, Report, Settings, Severity, Signal, Study, measure, robust,
};

/// So many readings tell how a series usually moves.
const FEWEST: usize = 60;
/// So many moves outside of the rests.
const FEWEST_MOVES: usize = 30;
/// All but this share of the rests are usual.
const USUAL: f64 = 0.99;
/// A flatline is so many times longer than the longest rest that is none.
const APART: f64 = 5.0;
/// More rests than these are a habit.
const MOST: usize = 50;

const FACTOR: Parameter = Parameter {
    name: "factor",
    help: "how many times longer than its usual rests a flatline is",
    default: 10.0,
    min: 2.0,
    max: 1000.0,
};
const SHORTEST: Parameter =
    Parameter { name: "shortest", help: "the shortest flatline, in seconds", default: 30.0, min: 0.0, max: 86_400.0 };
const MOVING: Parameter = Parameter {
    name: "moving",
    help: "the least share of readings outside of flatlines that differ from the one before",
    default: 0.5,
    min: 0.01,
    max: 1.0,
};
const LIMIT: Parameter =
    Parameter { name: "limit", help: "how many flatlines to tell, the longest", default: 20.0, min: 1.0, max: 50.0 };

static ABOUT: About = About {
    id: "flatline",
    name: "Flatline",
    description: "Finds times in which a value that usually moves does not move at all.",
    needs: Needs::Series,
    parameters: &[FACTOR, SHORTEST, MOVING, LIMIT],
};

/// The study.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flatline;

impl Study for Flatline {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, input: &Input<'_>, settings: &Settings) -> Report {
        let signal = input.signal;
        if signal.len() < FEWEST {
            return Report::too_little(signal.len(), FEWEST);
        }
        let mut rests = rests(signal);
        let usual = usual_length(&rests);
        rests.sort_by_key(|rest| (usize::MAX - rest.length, rest.begin));
        let shortest = (settings.get(&SHORTEST) / signal.step_seconds()).max(usual * settings.get(&FACTOR));
        let long = far_longer(&rests, shortest);
        if long.is_empty() {
            return Report::default();
        }
        let rest = rests.get(long.len()..).unwrap_or_default();
        let (moves, readings) = (rest.len(), rest.iter().map(|rest| rest.length).sum::<usize>());
        if moves < FEWEST_MOVES {
            return Report::none(format!("it hardly ever moves: {moves} times in the whole range"));
        }
        let moving = moves as f64 / readings as f64;
        if moving < settings.get(&MOVING) {
            return Report::default();
        }
        let told = long.get(..settings.get(&LIMIT) as usize).unwrap_or(long);
        let mut report = Report::default();
        if told.len() < long.len() {
            report.notes.push(format!("{} shorter flatlines are not told", long.len() - told.len()));
        }
        report.findings = told.iter().filter_map(|rest| finding(input, *rest, usual, moving)).collect();
        report.findings.sort_by_key(|finding| finding.from);
        report
    }
}

/// Equal readings that follow each other.
#[derive(Clone, Copy)]
struct Rest {
    begin: usize,
    length: usize,
}

fn rests(signal: &Signal) -> Vec<Rest> {
    let mut rests = Vec::new();
    for stretch in signal.stretches() {
        let mut begin = stretch.start;
        for same in signal.values()[stretch].chunk_by(|one, next| one == next) {
            rests.push(Rest { begin, length: same.len() });
            begin += same.len();
        }
    }
    rests
}

/// How many readings all but a few of the rests have at most.
fn usual_length(rests: &[Rest]) -> f64 {
    let mut lengths: Vec<f64> = rests.iter().map(|rest| rest.length as f64).collect();
    robust::quantile(&mut lengths, USUAL)
}

/// Those of the longest rests that are far longer than the next one; the longest is first.
fn far_longer(rests: &[Rest], shortest: f64) -> &[Rest] {
    let count = rests.iter().take(MOST).take_while(|rest| rest.length as f64 >= shortest).count();
    let is_apart = |&count: &usize| {
        let next = rests.get(count).map_or(0, |rest| rest.length);
        count > 0 && rests[count - 1].length as f64 >= APART * next as f64
    };
    let apart = (0..=count).rev().find(is_apart).unwrap_or(0);
    rests.get(..apart).unwrap_or_default()
}

fn finding(input: &Input<'_>, rest: Rest, usual: f64, moving: f64) -> Option<Finding> {
    let (signal, last) = (input.signal, rest.begin + rest.length - 1);
    let (&from, &to) = (signal.times().get(rest.begin)?, signal.times().get(last)?);
    let value = *signal.values().get(rest.begin)?;
    let seconds = (to - from) as f64 / 1e6;
    let times_usual = rest.length as f64 / usual;
    let lasts = last + 1 == signal.len();
    // Ten times the usual is the least; a hundred times leaves no doubt where nearly all readings differ.
    let confidence = ((1.0 - 5.0 / times_usual) * (0.5 + moving / 2.0)).clamp(0.1, 1.0);
    let until = if lasts { "and still does".to_owned() } else { format!("until {}", time(to)) };
    Some(Finding {
        kind: "flatline",
        severity: if lasts { Severity::Warning } else { Severity::Notice },
        from,
        to,
        confidence,
        measures: vec![
            measure("value", value, Of::Value),
            measure("duration", seconds, Of::Seconds),
            measure("times_usual", times_usual, Of::Ratio),
            measure("usual_rest", usual * signal.step_seconds(), Of::Seconds),
        ],
        sentence: format!(
            "stayed at exactly {} for {} from {} {until}; it usually moves within {}",
            input.words.value(value),
            duration(seconds),
            time(from),
            duration(usual * signal.step_seconds())
        ),
    })
}

#[cfg(test)]
mod tests {
    use crate::analysis::study::Words;
    use crate::analysis::study::testing::Chance;

    use super::*;

    const START: i64 = 1_795_406_400_000_000;
    const SECOND: i64 = 1_000_000;
    const WORDS: Words = Words { unit: "cores" };

    fn study(values: &[f64]) -> Report {
        Flatline.analyze(&Input::of(&Signal::regular(START, SECOND, values), &WORDS), &Settings::default())
    }

    fn with_a_flatline(count: usize, from: usize, to: usize) -> Vec<f64> {
        let mut random = Chance::new(1);
        (0..count).map(|at| if (from..to).contains(&at) { 0.5 } else { random.unit() }).collect()
    }

    #[test]
    fn a_flatline_has_its_value_and_length() {
        let report = study(&with_a_flatline(3600, 1000, 1300));
        assert_eq!(report.findings.len(), 1);
        let found = &report.findings[0];
        assert_eq!(((found.from - START) / SECOND, (found.to - START) / SECOND), (1000, 1299));
        let sizes = ["value", "duration", "times_usual", "usual_rest"].map(|name| found.measure(name).unwrap());
        assert_eq!(sizes, [0.5, 299.0, 300.0, 1.0]);
        assert!(found.confidence > 0.9, "{}", found.confidence);
        assert_eq!(
            found.sentence,
            "stayed at exactly 0.5 cores for 4.98 min from 2026-11-23T04:16:40Z until 2026-11-23T04:21:39Z; \
             it usually moves within 1 s"
        );
    }

    #[test]
    fn one_that_lasts_until_the_end_is_worse_even_where_it_is_most_of_the_range() {
        let report = study(&with_a_flatline(3600, 400, 3600));
        assert_eq!(report.findings.len(), 1);
        assert_eq!(report.findings[0].severity, Severity::Warning);
        assert_eq!(report.findings[0].measure("duration"), Some(3199.0));
    }

    #[test]
    fn three_flatlines_are_three_and_a_gap_ends_one() {
        let mut values = with_a_flatline(3600, 1000, 1100);
        values[1500..1580].fill(0.2);
        values[2000..2100].fill(0.2);
        let mut times: Vec<i64> = (0..3600).map(|at| START + at * SECOND).collect();
        times[2050..].iter_mut().for_each(|time| *time += 60 * SECOND);
        let signal = Signal::new(&times, &values);
        let report = Flatline.analyze(&Input::of(&signal, &WORDS), &Settings::default());
        let lengths: Vec<f64> = report.findings.iter().filter_map(|found| found.measure("duration")).collect();
        assert_eq!(lengths, [99.0, 79.0, 49.0, 49.0]);
    }

    #[test]
    fn gauges_that_rest_by_habit_have_none() {
        assert_eq!(study(&[3.0; 3600]).findings, []);
        // Moves every minute.
        assert_eq!(study(&(0..3600).map(|at| f64::from(at / 60)).collect::<Vec<_>>()).findings, []);
        // Moves for an hour, then rests; but it moves now and then only.
        let rarely: Vec<f64> = (0..7200).map(|at| f64::from(at.min(3600) / 10)).collect();
        assert_eq!(study(&rarely).findings, []);
        assert_eq!(study(&[1.0; 10]), Report::too_little(10, 60));
    }

    #[test]
    fn noise_that_rests_at_random_has_none() {
        let mut alarms = 0;
        for seed in 0..1000 {
            let mut random = Chance::new(seed);
            // Geometric rests, and of every third seed such whose length has a heavy tail.
            let mut value = 0.0;
            let mut values = Vec::new();
            while values.len() < 1800 {
                let length = match seed % 3 {
                    0 => 1.0 / (1.0 - random.unit()).powf(0.5),
                    1 => 1.0 - (1.0 - random.unit()).ln() * 2.0,
                    _ => 1.0,
                };
                value += random.unit() - 0.5;
                values.extend(std::iter::repeat_n(value, (length as usize).min(1800)));
            }
            alarms += usize::from(!study(&values).findings.is_empty());
        }
        println!("flatline: false alarms in 1000: {alarms}");
        assert!(alarms <= 25, "{alarms}");
    }

    #[test]
    fn sizes_and_offsets_change_nothing_but_the_value() {
        let plain = with_a_flatline(3600, 1000, 1300);
        let expected = study(&plain);
        for (scale, offset) in [(1e-9, 0.0), (1e12, 0.0), (8.0, 1e3), (1.0, -1e6)] {
            let report = study(&plain.iter().map(|value| value * scale + offset).collect::<Vec<_>>());
            assert_eq!(report.findings.len(), 1);
            assert_eq!(report.findings[0].measure("value"), Some(0.5 * scale + offset));
            assert_eq!(report.findings[0].measure("duration"), expected.findings[0].measure("duration"));
            assert_eq!(report.findings[0].from, expected.findings[0].from);
        }
    }
}
