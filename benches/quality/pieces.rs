//! Pieces of series in which something was planted, with what the studies find in them, for `side_by_side.py`.
//!
//! A piece is 7,200 readings; a shorter recording of at least 5,000 is one. Pieces with one wave each are also added up in pairs, so that
//! there are some with two at once.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use fgm_agent::analysis::studies;
use fgm_agent::analysis::study::{Finding, Input, Settings, Signal, Words};
use fgm_bench_gen::truth::{Truth, What};
use serde_json::json;

use crate::Series;

/// Readings of a piece.
const PIECE: usize = 7_200;
/// Readings of a recording that is one piece.
const LEAST: usize = 5_000;
/// A wave has to hold for so much of a piece to be one that has to be found there.
const HOLDS: f64 = 0.75;
/// How long waves take to find is the best of so many rounds, as of the other programs; the others are asked once.
const ROUNDS: usize = 5;
/// Waves of at least so many times the noise are added up.
const LEAST_SIGMAS: f64 = 2.0;

/// Where pieces are written to.
pub(crate) struct Dump {
    out: BufWriter<File>,
    /// Those with one wave.
    waves: Vec<Wave>,
}

/// A piece with one wave.
struct Wave {
    period: f64,
    sigmas: f64,
    /// Of mean 0 and deviation 1.
    values: Vec<f64>,
}

/// What was planted in a piece: positions and sizes of changes, periods in readings and sizes of waves, rates of leaks.
#[derive(Default)]
struct Planted {
    changes: Vec<(usize, f64)>,
    periods: Vec<(f64, f64)>,
    leaks: Vec<f64>,
}

impl Dump {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        Ok(Self { out: BufWriter::new(File::create(path)?), waves: Vec::new() })
    }

    /// Writes the pieces of a series in which something was planted.
    pub(crate) fn pieces(&mut self, truth: &Truth, (id, column): (&str, &str), series: &Series) -> Result<()> {
        let times = series.signal.times();
        let begins = if (LEAST..PIECE).contains(&times.len()) { 1 } else { times.len().saturating_sub(PIECE) };
        for begin in (0..begins).step_by(PIECE) {
            let (first, last) = (times[begin], times[(begin + PIECE).min(times.len()) - 1]);
            let signal = series.signal.part(first, last + 1);
            let mut planted = Planted::default();
            for fact in truth.facts.iter().filter(|fact| fact.of.as_ref().is_some_and(|of| of.container_id == id)) {
                let is_in_all = fact.from_us <= first && fact.to_us >= last;
                let share = (fact.to_us.min(last) - fact.from_us.max(first)) as f64 / (last - first) as f64;
                match &fact.what {
                    What::Change { metric, size_sigmas, .. }
                        if metric == column && (first..last).contains(&fact.from_us) =>
                    {
                        planted.changes.push((position(&signal, fact.from_us), *size_sigmas));
                    }
                    What::Period { metric, period_us, amplitude, sigma, .. } if metric == column && share > 0.0 => {
                        let sigmas = if share >= HOLDS { amplitude / sigma } else { 0.0 };
                        planted.periods.push((*period_us as f64 / signal.step_usec() as f64, sigmas));
                    }
                    What::Leak { metric, rate, .. } if metric == column && is_in_all => planted.leaks.push(*rate),
                    _ => {}
                }
            }
            if planted.changes.is_empty() && planted.periods.is_empty() && planted.leaks.is_empty() {
                continue;
            }
            if let ([(period, sigmas)], []) = (planted.periods.as_slice(), planted.changes.as_slice())
                && *sigmas >= LEAST_SIGMAS
            {
                self.waves.push(Wave { period: *period, sigmas: *sigmas, values: standard(signal.values()) });
            }
            self.write(column, &signal, &series.words, &planted)?;
        }
        Ok(())
    }

    /// Writes pieces with two waves at once, each the sum of two with one, and ends.
    pub(crate) fn finish(mut self) -> Result<()> {
        let mut waves = std::mem::take(&mut self.waves);
        while let Some(one) = waves.pop() {
            // A wave and one of a whole number of its periods may be one that is no sine.
            let is_apart = |other: &Wave| {
                let times = (one.period / other.period).max(other.period / one.period);
                (times - times.round()).abs() > 0.1
            };
            let Some(other) = waves.iter().position(is_apart).map(|at| waves.swap_remove(at)) else { continue };
            let values: Vec<f64> = one.values.iter().zip(&other.values).map(|(one, other)| one + other).collect();
            // Both have the same size now, and the noise of both is there.
            let sigmas = 1.0 / (one.sigmas.powi(-2) + other.sigmas.powi(-2)).sqrt();
            let periods = vec![(one.period, sigmas), (other.period, sigmas)];
            let planted = Planted { periods, ..Planted::default() };
            self.write("two waves", &Signal::regular(0, 1_000_000, &values), &Words { unit: "" }, &planted)?;
        }
        Ok(self.out.flush()?)
    }

    fn write(&mut self, column: &str, signal: &Signal, words: &Words, planted: &Planted) -> Result<()> {
        let found = |id: &str, rounds: usize| {
            let Some(study) = studies::named(id) else { return (Vec::new(), 0.0) };
            let round = || {
                let begun = Instant::now();
                let report = study.analyze(&Input::of(signal, words), &Settings::default());
                (report.findings, begun.elapsed().as_secs_f64() * 1e3)
            };
            let (findings, first) = round();
            (findings, (1..rounds).map(|_| round().1).fold(first, f64::min))
        };
        let (shifts, shifts_ms) = found("changepoint", 1);
        let (waves, waves_ms) = found("periodicity", ROUNDS);
        let (growth, growth_ms) = found("trend", 1);
        let measures = |findings: &[Finding], name: &str| -> Vec<f64> {
            findings.iter().filter_map(|finding| finding.measure(name)).collect()
        };
        let shifts = shifts.iter().filter(|one| one.kind == "level_shift").map(|one| position(signal, one.from));
        let line = json!({
            "column": column,
            "values": signal.values(),
            "planted": { "changes": planted.changes, "periods": planted.periods, "leaks": planted.leaks },
            "found": {
                "changes": shifts.collect::<Vec<_>>(),
                "periods": measures(&waves, "period").iter().map(|period| period / signal.step_seconds()).collect::<Vec<_>>(),
                "slopes": measures(&growth, "slope"),
            },
            "ms": { "changes": shifts_ms, "periods": waves_ms, "slopes": growth_ms },
        });
        Ok(writeln!(self.out, "{line}")?)
    }
}

/// The first reading that is not before a time.
fn position(signal: &Signal, time: i64) -> usize {
    signal.times().partition_point(|&known| known < time)
}

/// The same with mean 0 and deviation 1.
fn standard(values: &[f64]) -> Vec<f64> {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    values.iter().map(|value| (value - mean) / variance.sqrt()).collect()
}
