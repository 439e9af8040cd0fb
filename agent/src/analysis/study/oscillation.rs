//! Limit cycles: a value that swings between two bounds again and again, as of a thermostat, an autoscaler, a garbage
//! collector.
//!
//! A cycle goes from below the lower third of the usual range to above the upper third and back. Cycles are an
//! oscillation where their lengths, highs and lows agree far better than those of noise do; the fewer cycles there are,
//! the better they must. The surprise: no strict period is needed, lengths may vary by two fifths; and the range is cut
//! into ever smaller windows, so that one hour of it is found in a day, with from and to where it begins and ends.

use crate::analysis::study::words::{duration, percent, time};
use crate::analysis::study::{
    About, Finding, Input, Needs, Of, Parameter, Report, Settings, Severity, Signal, Study, Words, measure,
};

use agreement::Swinging;

mod agreement;
mod cycles;

/// So many readings are needed.
const FEWEST: usize = 60;
/// No window has fewer readings, beside the first, which is the whole.
const NARROWEST: usize = 240;
/// Windows are so many times smaller each time.
const SMALLER: usize = 4;
/// So many sizes of windows at most.
const SIZES: u32 = 5;

const CYCLES: Parameter =
    Parameter { name: "cycles", help: "how many cycles are needed", default: 6.0, min: 4.0, max: 10_000.0 };
const SHORTEST: Parameter = Parameter {
    name: "shortest",
    help: "the shortest cycle, in usual distances between readings",
    default: 6.0,
    min: 4.0,
    max: 10_000.0,
};
const VARYING: Parameter = Parameter {
    name: "varying",
    help: "how far cycles may differ where there are many of them: the coefficient of variation of their lengths, \
        and twice that of their bounds",
    default: 0.55,
    min: 0.01,
    max: 1.0,
};
const LIMIT: Parameter = Parameter {
    name: "limit",
    help: "how many oscillations to tell, the longest",
    default: 20.0,
    min: 1.0,
    max: 1000.0,
};

static ABOUT: About = About {
    id: "oscillation",
    name: "Oscillation",
    description: "Finds times in which a value swings between two bounds again and again, with or without a strict \
        period.",
    needs: Needs::Series,
    parameters: &[CYCLES, SHORTEST, VARYING, LIMIT],
};

/// The study.
#[derive(Clone, Copy, Debug, Default)]
pub struct Oscillation;

impl Study for Oscillation {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, input: &Input<'_>, settings: &Settings) -> Report {
        let signal = input.signal;
        if signal.len() < FEWEST {
            return Report::too_little(signal.len(), FEWEST);
        }
        let found = all(signal, settings);
        let limit = settings.get(&LIMIT) as usize;
        let mut report = Report::default();
        if found.len() > limit {
            report.notes.push(format!("{} shorter oscillations are not told", found.len() - limit));
        }
        report.findings = found.iter().take(limit).map(|swinging| finding(*input.words, swinging)).collect();
        report.findings.sort_by_key(|finding| finding.from);
        report
    }
}

/// All oscillations, the longest first.
fn all(signal: &Signal, settings: &Settings) -> Vec<Swinging> {
    let mut wanted = agreement::Wanted {
        cycles: settings.get(&CYCLES) as usize,
        seconds: settings.get(&SHORTEST) * signal.step_seconds(),
        varying: settings.get(&VARYING),
        windows: 1,
    };
    let mut found: Vec<Swinging> = Vec::new();
    for size in 0..SIZES {
        let width = signal.len() / SMALLER.pow(size);
        if size > 0 && width < NARROWEST {
            break;
        }
        let begins = (0..signal.len()).step_by((width / 2).max(1)).take_while(|begin| begin + width <= signal.len());
        wanted.windows = begins.clone().count();
        let mut of_size: Vec<Swinging> = Vec::new();
        for begin in begins {
            // The last window takes what is left over.
            let end = if begin + width + width / 2 > signal.len() { signal.len() } else { begin + width };
            let swinging = agreement::within(signal, begin..end, wanted).into_iter();
            for new in swinging.filter_map(|swinging| swinging.without(&found)) {
                agreement::join(&mut of_size, new);
            }
        }
        found.extend(of_size);
    }
    found.sort_by_key(Swinging::from);
    // What smaller windows add may go on what larger ones found.
    let mut joined = Vec::new();
    for swinging in found {
        agreement::join(&mut joined, swinging);
    }
    joined.retain(|swinging| swinging.count() >= wanted.cycles);
    joined.sort_by_key(|swinging| swinging.from() - swinging.to());
    joined
}

fn finding(words: Words, swinging: &Swinging) -> Finding {
    let (low, high) = swinging.bounds();
    let (count, mean) = (swinging.count() as f64, swinging.mean_seconds());
    let regularity = (1.0 - swinging.variation()).clamp(0.0, 1.0);
    Finding {
        kind: "oscillation",
        severity: Severity::Notice,
        from: swinging.from(),
        to: swinging.to(),
        confidence: (0.5 + 0.5 * swinging.margin()).clamp(0.0, 1.0),
        measures: vec![
            measure("low", low, Of::Value),
            measure("high", high, Of::Value),
            measure("cycles", count, Of::Count),
            measure("cycle", mean, Of::Seconds),
            measure("regularity", regularity, Of::Ratio),
        ],
        sentence: format!(
            "swung between {} and {} {count} times from {} until {}, every {} on average, {} regular",
            words.value(low),
            words.value(high),
            time(swinging.from()),
            time(swinging.to()),
            duration(mean),
            percent(regularity)
        ),
    }
}

#[cfg(test)]
mod tests;
