//! Facts and findings beside each other: what of the planted was found, and what was found that was not planted.
//!
//! What else is really in a series is neither: a change smaller than what is asked for, the edges of throttled spans, kills, changes of
//! limits, and the first minute of a container's life, in which it warms up.

use fgm_agent::analysis::study::Finding;
use fgm_bench_gen::truth::{Fact, Truth, What};

/// How far a change may be from where it was planted.
const CHANGE_USEC: i64 = 5_000_000;
/// Something that happened may have an effect for so long.
const AROUND_USEC: i64 = 60_000_000;
/// A change of so many deviations has to be found.
pub(crate) const LEAST_CHANGE: f64 = 3.0;
/// A wave of so many deviations has to be found.
pub(crate) const LEAST_WAVE: f64 = 2.0;
/// A leak that fills so much of the limit in the range has to be found.
pub(crate) const LEAST_LEAK: f64 = 0.1;

/// What was counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Score {
    /// Planted and found.
    pub(crate) found: usize,
    /// Planted and not found.
    pub(crate) missed: usize,
    /// Found and not planted, in series that have something planted.
    pub(crate) wrong: usize,
    /// The same in series that have nothing.
    pub(crate) alarms: usize,
    /// Seconds of series that have nothing.
    pub(crate) calm_seconds: f64,
    /// How far off each was, in the study's own measure.
    pub(crate) errors: Vec<f64>,
    /// What was missed and what was wrong, in words.
    pub(crate) remarks: Vec<String>,
}

impl Score {
    /// Found of all that is right or wrong.
    #[must_use]
    pub(crate) fn precision(&self) -> f64 {
        share(self.found, self.found + self.wrong)
    }

    /// The same with alarms in series that have nothing.
    #[must_use]
    pub(crate) fn precision_everywhere(&self) -> f64 {
        share(self.found, self.found + self.wrong + self.alarms)
    }

    /// Found of what was planted.
    #[must_use]
    pub(crate) fn recall(&self) -> f64 {
        share(self.found, self.found + self.missed)
    }

    /// The harmonic mean of precision and recall.
    #[must_use]
    pub(crate) fn f1(&self) -> f64 {
        let (precision, recall) = (self.precision(), self.recall());
        if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
    }

    /// Alarms per day of series that have nothing.
    #[must_use]
    pub(crate) fn alarms_a_day(&self) -> f64 {
        self.alarms as f64 * 86_400.0 / self.calm_seconds.max(1.0)
    }

    /// The error that this share of all is below.
    #[must_use]
    pub(crate) fn error(&self, share: f64) -> f64 {
        let mut errors = self.errors.clone();
        errors.sort_by(f64::total_cmp);
        errors.get(((errors.len().saturating_sub(1)) as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
    }

    fn unplanted(&mut self, has_planted: bool, what: String) {
        *(if has_planted { &mut self.wrong } else { &mut self.alarms }) += 1;
        self.remarks.push(format!("wrong: {what}"));
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { f64::NAN } else { part as f64 / whole as f64 }
}

/// A series that was studied.
pub(crate) struct Studied<'a> {
    /// Whose.
    pub(crate) container_id: &'a str,
    /// Its name in words.
    pub(crate) name: &'a str,
    /// The stored column that facts are about.
    pub(crate) column: &'a str,
    /// Its first and last reading.
    pub(crate) span: (i64, i64),
    /// What was found.
    pub(crate) findings: &'a [Finding],
}

impl Studied<'_> {
    fn facts<'t>(&self, truth: &'t Truth) -> Vec<&'t Fact> {
        let is_own = |fact: &&Fact| fact.of.as_ref().is_some_and(|of| of.container_id == self.container_id);
        truth.facts.iter().filter(is_own).collect()
    }

    /// Whether something real that is not asked for is near a time.
    fn is_explained(&self, truth: &Truth, time: i64) -> bool {
        let near = |other: i64| (time - other).abs() <= AROUND_USEC;
        let by_fact = |fact: &&Fact| {
            let happened = matches!(
                fact.what,
                What::Throttled { .. } | What::OomKill { .. } | What::Restart { .. } | What::LimitChange { .. }
            );
            happened && (near(fact.from_us) || near(fact.to_us))
        };
        near(self.span.0) || self.facts(truth).iter().any(by_fact)
    }

    /// Changes of the level.
    pub(crate) fn changes(&self, truth: &Truth, score: &mut Score) {
        let planted: Vec<(i64, f64)> = self
            .facts(truth)
            .into_iter()
            .filter_map(|fact| match &fact.what {
                What::Change { metric, size_sigmas, .. } if metric == self.column => Some((fact.from_us, *size_sigmas)),
                _ => None,
            })
            .collect();
        let mut is_found = vec![false; planted.len()];
        for finding in self.findings {
            let uncertainty = finding.measure("uncertainty").unwrap_or(0.0) * 1e6;
            let off = |&(time, _): &(i64, f64)| (finding.from - time).abs();
            let nearest = (0..planted.len()).min_by_key(|&index| off(&planted[index]));
            match nearest.filter(|_| finding.kind == "level_shift") {
                Some(index) if off(&planted[index]) <= CHANGE_USEC => {
                    if planted[index].1.abs() >= LEAST_CHANGE && !is_found[index] {
                        score.errors.push(off(&planted[index]) as f64 / 1e6);
                    }
                    is_found[index] = true;
                }
                // A smaller one that is within what the finding itself says.
                Some(index)
                    if planted[index].1.abs() < LEAST_CHANGE && off(&planted[index]) as f64 <= 2.0 * uncertainty => {}
                _ if self.is_explained(truth, finding.from) => {}
                _ => {
                    score.unplanted(!planted.is_empty(), format!("{} {}: {}", self.name, self.column, finding.sentence))
                }
            }
        }
        for ((time, sigmas), is_found) in
            planted.iter().zip(is_found).filter(|((_, size), _)| size.abs() >= LEAST_CHANGE)
        {
            *(if is_found { &mut score.found } else { &mut score.missed }) += 1;
            if !is_found {
                score.remarks.push(format!("missed: {} {} {sigmas} sigmas at {time}", self.name, self.column));
            }
        }
        if planted.is_empty() {
            score.calm_seconds += (self.span.1 - self.span.0) as f64 / 1e6;
        }
    }

    /// Waves.
    pub(crate) fn periods(&self, truth: &Truth, score: &mut Score) {
        let planted: Vec<(f64, f64)> = self
            .facts(truth)
            .into_iter()
            .filter_map(|fact| match &fact.what {
                What::Period { metric, period_us, amplitude, sigma, .. } if metric == self.column => {
                    Some((*period_us as f64 / 1e6, amplitude / sigma))
                }
                _ => None,
            })
            .collect();
        let mut is_found = vec![false; planted.len()];
        for finding in self.findings {
            let Some(period) = finding.measure("period") else { continue };
            let error = |&(known, _): &(f64, f64)| (period / known - 1.0).abs();
            let nearest = (0..planted.len()).min_by(|&a, &b| error(&planted[a]).total_cmp(&error(&planted[b])));
            match nearest {
                Some(index) if error(&planted[index]) <= 0.02 => {
                    if !is_found[index] && planted[index].1 >= LEAST_WAVE {
                        score.errors.push(error(&planted[index]));
                    }
                    is_found[index] = true;
                }
                _ => {
                    score.unplanted(!planted.is_empty(), format!("{} {}: {}", self.name, self.column, finding.sentence))
                }
            }
        }
        for ((period, sigmas), is_found) in planted.iter().zip(is_found).filter(|((_, size), _)| *size >= LEAST_WAVE) {
            *(if is_found { &mut score.found } else { &mut score.missed }) += 1;
            if !is_found {
                score.remarks.push(format!("missed: {} {} {sigmas} sigmas of {period} s", self.name, self.column));
            }
        }
        if planted.is_empty() {
            score.calm_seconds += (self.span.1 - self.span.0) as f64 / 1e6;
        }
    }

    /// Growth, and whether it has the rate that was planted.
    pub(crate) fn leaks(&self, truth: &Truth, score: &mut Score) {
        let planted: Vec<(&Fact, f64, f64)> = self
            .facts(truth)
            .into_iter()
            .filter_map(|fact| match &fact.what {
                What::Leak { metric, rate, limit, .. } if metric == self.column => Some((fact, *rate, *limit)),
                _ => None,
            })
            .collect();
        let mut is_found = vec![false; planted.len()];
        for finding in self.findings.iter().filter(|finding| finding.kind == "growth") {
            let slope = finding.measure("slope").unwrap_or(0.0);
            let overlaps = |fact: &Fact| {
                let both = finding.to.min(fact.to_us) - finding.from.max(fact.from_us);
                both * 2 > fact.to_us - fact.from_us
            };
            match planted.iter().position(|(fact, ..)| overlaps(fact)) {
                Some(index) if (slope / planted[index].1 - 1.0).abs() <= 0.1 => {
                    score.errors.push((slope / planted[index].1 - 1.0).abs());
                    is_found[index] = true;
                }
                _ => {
                    score.unplanted(!planted.is_empty(), format!("{} {}: {}", self.name, self.column, finding.sentence))
                }
            }
        }
        for ((fact, rate, limit), is_found) in planted.iter().zip(is_found) {
            let filled = rate * (fact.to_us - fact.from_us) as f64 / 1e6 / limit;
            // Without a limit, each is as large as it can be.
            if filled >= LEAST_LEAK || *limit > 9e18 {
                *(if is_found { &mut score.found } else { &mut score.missed }) += 1;
                if !is_found {
                    score.remarks.push(format!("missed: {} {} {filled} of the limit", self.name, self.column));
                }
            }
        }
        if planted.is_empty() {
            score.calm_seconds += (self.span.1 - self.span.0) as f64 / 1e6;
        }
    }
}
