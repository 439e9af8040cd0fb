//! Facts that are added to recorded numbers: a level of CPU, a wave of CPU, a leak of memory.
//!
//! Each stays within an hour of a container, so nothing but how far the counters are ahead is remembered from hour to hour. A
//! counter never falls for it, and no gauge goes beyond its limit. The surprise: sizes are multiples of the noise that the
//! container has in this hour, so they are comparable from a busy container to an idle one.

use std::collections::HashMap;

use fgm_agent::metric::{METRICS, UNLIMITED};
use fgm_agent::model::UnixMicros;
use fgm_agent::subject::Subject;

use super::Run;
use crate::columns::metric as m;
use crate::rng::{Rng, sine};
use crate::truth::{Fact, What, Who};

/// Rows that a container must have in an hour.
const LEAST_ROWS: usize = 1200;
const SIZES: [f64; 6] = [10.0, 2.0, 6.0, 1.0, 4.0, 8.0];
const PERIODS_US: [i64; 4] = [60_000_000, 120_000_000, 300_000_000, 37_000_000];
/// The part of a container's hours that something is put into.
const SHARE: f64 = 0.4;
const PAGE: i64 = 4096;

/// Puts facts into containers' rows.
#[derive(Debug)]
pub(super) struct Injector {
    seed: u64,
    /// Microseconds of CPU that each container's counters are ahead, and its highest peak.
    ahead: HashMap<String, (i64, i64)>,
    facts: Vec<Fact>,
}

impl Injector {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, ahead: HashMap::new(), facts: Vec::new() }
    }

    pub(super) fn facts(self) -> Vec<Fact> {
        self.facts
    }

    /// Changes the rows of an hour of a container.
    pub(super) fn change(&mut self, subject: &Subject, run: &mut Run) {
        let Some(identity) = subject.identity() else { return };
        let Some((first, _)) = run.rows.first() else { return };
        let mut rng = Rng::new(self.seed, &format!("inject {} {}", identity.container_id, first.time));
        let (before, peak) = self.ahead.get(&identity.container_id).copied().unwrap_or_default();
        let mut added = Added { cpu_usec: before, peak };
        if run.rows.len() < LEAST_ROWS || !rng.chance(SHARE) {
            run.rows.iter_mut().for_each(|(_, values)| added.apply(values, (0, 0)));
        } else {
            let what = match rng.below(3) {
                0 => level(run, &mut added, &mut rng),
                1 => wave(run, &mut added, &mut rng),
                _ => leak(run, &mut added, &mut rng),
            };
            let of = Some(Who::of(identity));
            let facts = what.into_iter().map(|((from_us, to_us), what)| Fact { of: of.clone(), from_us, to_us, what });
            self.facts.extend(facts);
        }
        self.ahead.insert(identity.container_id.clone(), (added.cpu_usec, added.peak));
    }
}

/// What was added to a container so far.
#[derive(Clone, Copy, Debug)]
struct Added {
    cpu_usec: i64,
    peak: i64,
}

impl Added {
    /// Adds more CPU time, and so many bytes to this row.
    fn apply(&mut self, values: &mut [i64], (cpu_usec, bytes): (i64, i64)) {
        self.cpu_usec += cpu_usec;
        values[m::cpu_usage_usec] += self.cpu_usec;
        values[m::cpu_user_usec] += self.cpu_usec;
        for column in [m::memory_current_bytes, m::memory_stat_anon_bytes, m::memory_stat_inactive_anon_bytes] {
            values[column] += bytes;
        }
        self.peak = self.peak.max(values[m::memory_current_bytes]);
        values[m::memory_peak_bytes] = values[m::memory_peak_bytes].max(self.peak);
    }
}

type Found = Option<((UnixMicros, UnixMicros), What)>;

/// A higher level from some moment to the end of the hour.
fn level(run: &mut Run, added: &mut Added, rng: &mut Rng) -> Found {
    let (mean, sigma) = noise(run);
    let size_sigmas = SIZES[rng.below(SIZES.len() as u64) as usize];
    let (from, to) = span(run, rng.between(0.3, 0.6), 1.0);
    let rate = size_sigmas * sigma;
    add_cpu(run, added, |time| if time > from { rate } else { 0.0 });
    let metric = METRICS[m::cpu_usage_usec].name.to_owned();
    Some(((from, to), What::Change { metric, before: mean, after: mean + rate, sigma, size_sigmas }))
}

/// A wave for most of the hour.
fn wave(run: &mut Run, added: &mut Added, rng: &mut Rng) -> Found {
    let (_, sigma) = noise(run);
    let amplitude = sigma * SIZES[rng.below(SIZES.len() as u64) as usize];
    let period_us = PERIODS_US[rng.below(PERIODS_US.len() as u64) as usize];
    let (from, to) = span(run, 0.05, 0.95);
    // CPU time is only added, never taken: the wave stands on its own amplitude.
    let turn = |time: UnixMicros| sine((time - from) as f64 / period_us as f64);
    add_cpu(run, added, |time| if (from..to).contains(&time) { amplitude * (1.0 + turn(time)) } else { 0.0 });
    let (metric, shape) = (METRICS[m::cpu_usage_usec].name.to_owned(), "sine".to_owned());
    Some(((from, to), What::Period { metric, period_us, shape, amplitude, sigma }))
}

/// Memory that grows for a part of the hour, then is free again.
fn leak(run: &mut Run, added: &mut Added, rng: &mut Rng) -> Found {
    let (from, to) = span(run, rng.between(0.05, 0.3), rng.between(0.7, 0.95));
    let room = run.rows.iter().map(|(_, values)| match values[m::memory_max_bytes] {
        0 | UNLIMITED => 1 << 30,
        limit => limit - values[m::memory_current_bytes],
    });
    let most = room.min().unwrap_or_default().max(0) as f64 * rng.between(0.2, 0.8);
    let rate = most / ((to - from) as f64 / 1e6);
    for (row, values) in &mut run.rows {
        let passed = if (from..to).contains(&row.time) { (row.time - from) as f64 / 1e6 } else { 0.0 };
        let bytes = (rate * passed) as i64;
        added.apply(values, (0, bytes - bytes % PAGE));
    }
    let metric = METRICS[m::memory_stat_anon_bytes].name.to_owned();
    let limit = run.rows.last().map_or(0, |(_, values)| values[m::memory_max_bytes]) as f64;
    (rate > PAGE as f64 / 60.0).then_some(((from, to), What::Leak { metric, rate, limit, limit_reached_us: None }))
}

/// Adds CPU time at this rate, microseconds a second.
fn add_cpu(run: &mut Run, added: &mut Added, rate: impl Fn(UnixMicros) -> f64) {
    let (mut before, mut owed) = (None, 0.0);
    for (row, values) in &mut run.rows {
        let passed = before.replace(row.time).map_or(0, |before| row.time - before);
        owed += rate(row.time) * passed as f64 / 1e6;
        let whole = owed as i64;
        owed -= whole as f64;
        added.apply(values, (whole, 0));
    }
}

fn span(run: &Run, from: f64, to: f64) -> (UnixMicros, UnixMicros) {
    let (Some((first, _)), Some((last, _))) = (run.rows.first(), run.rows.last()) else { return (0, 0) };
    let at = |part: f64| first.time + ((last.time - first.time) as f64 * part) as i64;
    (at(from), at(to))
}

/// Mean of the CPU rate, and the standard deviation of its noise: that of differences, which a slow change does not widen.
fn noise(run: &Run) -> (f64, f64) {
    let rates: Vec<f64> = run
        .rows
        .windows(2)
        .map(|pair| {
            let used = pair[1].1[m::cpu_usage_usec] - pair[0].1[m::cpu_usage_usec];
            used.max(0) as f64 * 1e6 / (pair[1].0.time - pair[0].0.time).max(1) as f64
        })
        .collect();
    let mean = rates.iter().sum::<f64>() / rates.len().max(1) as f64;
    let squares: f64 = rates.windows(2).map(|pair| (pair[1] - pair[0]) * (pair[1] - pair[0])).sum();
    let sigma = (squares / 2.0 / rates.len().max(2) as f64).sqrt();
    (mean, sigma.max(100.0))
}
