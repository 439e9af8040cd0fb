//! Time in which a value is at its limit: how much of the range, and from when to when.
//!
//! A reading is at the limit if the median of it and the two readings on each side is within a share of the limit;
//! single readings don't begin or end a span. Where no limit is known, one is inferred from a level that the value
//! comes back to again and again but never passes. The surprise: a known limit is compared by ratio, so an offset
//! matters here, unlike in other studies; and memory at its limit may be page cache, which is no trouble at all.

use std::ops::Range;

use crate::analysis::study::words::{duration, percent, time};
use crate::analysis::study::{
    About, Finding, Input, Needs, Of, Parameter, Report, Settings, Severity, Study, Words, measure, robust,
};
use crate::model::UnixMicros;

mod plateau;

/// So many readings on each side smooth one.
const SIDE: usize = 2;
/// So many readings are needed.
const FEWEST: usize = 10;
/// Limits above it stand for "no limit".
const NO_LIMIT: f64 = 9e18;
/// Spans whose distance is a smaller share of what they last themselves are one.
const SHORT_BREAK: f64 = 0.1;
/// How sure a limit is that was inferred.
const INFERRED: f64 = 0.5;

const WITHIN: Parameter = Parameter {
    name: "within",
    help: "at the limit is what is within this share of it",
    default: 0.05,
    min: 0.0,
    max: 0.5,
};
const MERGE: Parameter = Parameter {
    name: "merge",
    help: "spans with breaks of up to so many seconds are one",
    default: 10.0,
    min: 0.0,
    max: 86_400.0,
};
const LIMIT_FINDINGS: Parameter = Parameter {
    name: "limit_findings",
    help: "how many spans to tell, the longest",
    default: 20.0,
    min: 1.0,
    max: 1000.0,
};

static ABOUT: About = About {
    id: "saturation",
    name: "Saturation",
    description: "Finds the time in which a value is at its limit. Where there are several spans, the first finding \
        sums them up; the longest span is next.",
    needs: Needs::Limit,
    parameters: &[WITHIN, MERGE, LIMIT_FINDINGS],
};

/// The study.
#[derive(Clone, Copy, Debug, Default)]
pub struct Saturation;

impl Study for Saturation {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, input: &Input<'_>, settings: &Settings) -> Report {
        let signal = input.signal;
        if signal.len() < FEWEST {
            return Report::too_little(signal.len(), FEWEST);
        }
        let mut notes = Vec::new();
        let known = known_edges(input, settings.get(&WITHIN));
        let (edges, is_inferred) = if let Some(edges) = known {
            (edges, false)
        } else if let Some(plateau) = plateau::find(signal) {
            notes.push(format!("no limit is known; {} was inferred as one", input.words.value(plateau.level)));
            (vec![Edge { at_least: plateau.edge, limit: plateau.level }; signal.len()], true)
        } else {
            return Report::none("no limit is known, and there is no level that it comes back to but never passes");
        };
        let smooth = smoothed(input);
        let is_at_limit: Vec<bool> = smooth.iter().zip(&edges).map(|(value, edge)| *value >= edge.at_least).collect();
        let limited = edges.iter().filter(|edge| edge.limit.is_finite()).count();
        let share = is_at_limit.iter().filter(|at| **at).count() as f64 / limited.max(1) as f64;
        let spans = spans(input, &is_at_limit, &edges, settings.get(&MERGE));
        let told = Told { words: *input.words, share, is_inferred };
        let mut findings = Vec::new();
        if spans.len() > 1 {
            findings.extend(told.summary(&spans));
        }
        let limit = settings.get(&LIMIT_FINDINGS) as usize;
        findings.extend(spans.iter().take(limit).map(|span| told.span(span)));
        if spans.len() > limit {
            notes.push(format!("{} shorter spans are not told", spans.len() - limit));
        }
        Report { findings, notes }
    }
}

/// What a reading has to reach.
#[derive(Clone, Copy)]
struct Edge {
    at_least: f64,
    /// Infinite where there is none.
    limit: f64,
}

/// What each reading has to reach by the known limit; none where none is known for any of them.
fn known_edges(input: &Input<'_>, within: f64) -> Option<Vec<Edge>> {
    let limits = input.limit?;
    let mut next = 0;
    let edge_at = |&now: &UnixMicros| {
        while limits.times().get(next).is_some_and(|&time| time <= now) {
            next += 1;
        }
        // Before the first reading of the limit it is taken to be the same already.
        let limit =
            limits.values().get(next.saturating_sub(1)).copied().filter(|limit| (0.0..NO_LIMIT).contains(limit));
        let limit = limit.filter(|limit| *limit > 0.0).unwrap_or(f64::INFINITY);
        Edge { at_least: limit * (1.0 - within), limit }
    };
    let edges: Vec<Edge> = input.signal.times().iter().map(edge_at).collect();
    edges.iter().any(|edge| edge.limit.is_finite()).then_some(edges)
}

/// Medians of each reading and those beside it, none of them across a gap.
fn smoothed(input: &Input<'_>) -> Vec<f64> {
    let values = input.signal.values();
    let mut smooth = Vec::with_capacity(values.len());
    let mut buffer = [0.0; 2 * SIDE + 1];
    for stretch in input.signal.stretches() {
        for at in stretch.clone() {
            let about = at.saturating_sub(SIDE).max(stretch.start)..(at + SIDE + 1).min(stretch.end);
            let near = values.get(about).unwrap_or_default();
            let Some(buffer) = buffer.get_mut(..near.len()) else { continue };
            buffer.copy_from_slice(near);
            buffer.sort_unstable_by(f64::total_cmp);
            smooth.push(buffer.get(near.len() / 2).copied().unwrap_or(0.0));
        }
    }
    smooth
}

/// A time at the limit.
struct Span {
    from: UnixMicros,
    to: UnixMicros,
    seconds: f64,
    limit: f64,
    usual: f64,
}

/// All spans, the longest first.
fn spans(input: &Input<'_>, is_at_limit: &[bool], edges: &[Edge], merge: f64) -> Vec<Span> {
    let (signal, times) = (input.signal, input.signal.times());
    let seconds = |positions: &Range<usize>| (times[positions.end - 1] - times[positions.start]) as f64 / 1e6;
    let mut runs: Vec<Range<usize>> = Vec::new();
    for stretch in signal.stretches() {
        let mut begin = stretch.start;
        for same in is_at_limit[stretch].chunk_by(|one, next| one == next) {
            let run = begin..begin + same.len();
            begin = run.end;
            if !same[0] {
                continue;
            }
            if let Some(before) = runs.last_mut() {
                let apart = (times[run.start] - times[before.end - 1] - signal.step_usec()) as f64 / 1e6;
                if apart <= merge.max(SHORT_BREAK * (seconds(before) + seconds(&run))) {
                    before.end = run.end;
                    continue;
                }
            }
            runs.push(run);
        }
    }
    let mut spans: Vec<Span> = runs
        .into_iter()
        .map(|run| Span {
            from: times[run.start],
            to: times[run.end - 1],
            seconds: seconds(&run) + signal.step_seconds(),
            limit: edges[run.end - 1].limit,
            usual: robust::median(&mut signal.values()[run].to_vec()),
        })
        .collect();
    spans.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    spans
}

/// Writes findings.
struct Told {
    words: Words,
    share: f64,
    is_inferred: bool,
}

impl Told {
    fn severity(&self) -> Severity {
        match self.share {
            share if share < 0.01 => Severity::Info,
            share if share < 0.1 => Severity::Notice,
            share if share < 0.5 || self.is_inferred => Severity::Warning,
            _ => Severity::Critical,
        }
    }

    fn confidence(&self) -> f64 {
        if self.is_inferred { INFERRED } else { 0.95 }
    }

    fn limit(&self, limit: f64) -> String {
        let inferred = if self.is_inferred { ", which was inferred" } else { "" };
        format!("its limit of {}{inferred}", self.words.value(limit))
    }

    fn span(&self, span: &Span) -> Finding {
        Finding {
            kind: "saturation",
            severity: self.severity(),
            from: span.from,
            to: span.to,
            confidence: self.confidence(),
            measures: vec![
                measure("duration", span.seconds, Of::Seconds),
                measure("limit", span.limit, Of::Value),
                measure("usual", span.usual, Of::Value),
                measure("share", self.share, Of::Ratio),
            ],
            sentence: format!(
                "was at {} for {} from {} until {}, at {} usually; {} of the range is at the limit",
                self.limit(span.limit),
                duration(span.seconds),
                time(span.from),
                time(span.to),
                self.words.value(span.usual),
                percent(self.share)
            ),
        }
    }

    fn summary(&self, spans: &[Span]) -> Option<Finding> {
        let longest = spans.first()?;
        Some(Finding {
            kind: "saturation_summary",
            severity: self.severity(),
            from: spans.iter().map(|span| span.from).min()?,
            to: spans.iter().map(|span| span.to).max()?,
            confidence: self.confidence(),
            measures: vec![
                measure("share", self.share, Of::Ratio),
                measure("longest", longest.seconds, Of::Seconds),
                measure("limit", longest.limit, Of::Value),
                measure("spans", spans.len() as f64, Of::Count),
            ],
            sentence: format!(
                "was at {} for {} of the range, {} times, the longest for {} at {}",
                self.limit(longest.limit),
                percent(self.share),
                spans.len(),
                duration(longest.seconds),
                time(longest.from)
            ),
        })
    }
}

#[cfg(test)]
mod tests;
