//! Changes of the spread: how much a series varies from one reading to the next, whatever its level does.

use super::boundaries::{Boundary, Judge, refined, thinned};
use super::confidence;
use super::scales::{self, Contrast, SHORTEST, Sums, candidates};
use crate::analysis::study::{Finding, Input, Of, Severity, measure, robust, words};

/// A change of the logarithm of the spread that is worth telling: by more than a quarter.
const LEAST_CHANGE: f64 = 0.25;

/// Changes of the spread: shifts of the mean logarithm of the steps between readings.
pub(super) fn findings(input: &Input<'_>, least: f64) -> Vec<Finding> {
    let signal = input.signal;
    let steps: Vec<f64> = signal.values().windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    let mut moving: Vec<f64> = steps.iter().copied().filter(|step| *step > 0.0).collect();
    // What rests most of the time has no spread.
    if moving.len() * 2 < steps.len() {
        return Vec::new();
    }
    let lowest = robust::median(&mut moving) / 20.0;
    let logs: Vec<f64> = steps.iter().map(|step| step.max(lowest).ln()).collect();
    let sums = Sums::of(&logs);
    let usual = scales::usual(&sums, Contrast::Mean, 0.0);
    let candidates = candidates(&sums, Contrast::Mean, &usual, (8 * SHORTEST, least));
    let positions = refined(&sums, &thinned(candidates), &usual, least);
    let judge = Judge { sums: &sums, main: (Contrast::Mean, &usual), also: None, least, least_also: 0.0 };
    let boundaries = judge.decide(&positions);
    let ends: Vec<usize> = std::iter::once(0).chain(boundaries.iter().map(|one| one.at)).chain([sums.len()]).collect();
    let finding = |(index, boundary): (usize, &Boundary)| {
        let (from, at, to) = (ends[index], ends[index + 1], ends[index + 2]);
        let ratio = (sums.mean(at, to) - sums.mean(from, at)).exp();
        let noise_of = |from: usize, to: usize| signal.part(signal.times()[from], signal.times()[to]).noise();
        let (before, after) = (noise_of(from, at), noise_of(at, to));
        let uncertainty = (0.5 + 11.0 * (1.1_f64 / ratio.ln()).powi(2)) * signal.step_seconds();
        let time = signal.times()[at];
        let more = if ratio > 1.0 { "more" } else { "less" };
        Finding {
            kind: "spread_shift",
            severity: Severity::Info,
            from: time,
            to: signal.times()[to],
            confidence: confidence(boundary.times, 5.0),
            measures: vec![
                measure("before", before, Of::Value),
                measure("after", after, Of::Value),
                measure("ratio", ratio, Of::Ratio),
                measure("uncertainty", uncertainty, Of::Seconds),
            ],
            sentence: format!(
                "varied {more} from {} on (give or take {}): by {} instead of {} from one reading to the next",
                words::time(time),
                words::duration(uncertainty),
                input.words.value(after),
                input.words.value(before)
            ),
        }
    };
    let strong = |finding: &Finding| finding.measure("ratio").is_some_and(|ratio| ratio.ln().abs() > LEAST_CHANGE);
    boundaries.iter().enumerate().map(finding).filter(strong).collect()
}
