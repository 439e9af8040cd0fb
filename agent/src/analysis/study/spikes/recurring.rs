//! Spikes at equal distances: jobs of every minute, collections, probes.

use crate::analysis::study::words::{duration, time};
use crate::analysis::study::{Finding, Input, Of, Severity, measure, robust};
use crate::model::UnixMicros;

use super::excursion::{Excursion, Side};
use super::usual::Usual;

/// The largest share of the readings that recurring spikes have together.
pub(super) const MOST_SHARE: f64 = 0.1;
/// A spike of so many times the height of the recurring ones is none of them.
pub(super) const STANDS_OUT: f64 = 3.0;
/// So many distances are needed.
const FEWEST: usize = 5;
/// A distance is equal to the median if it differs by no more than this share of it.
const TOLERANCE: f64 = 0.1;
/// So many of the distances are equal to the median.
const MOST: f64 = 0.8;
/// The smallest distance, of usual distances between readings: below it chance makes equal ones.
const NEAREST: f64 = 10.0;

/// Spikes at equal distances.
pub(super) struct Recurring {
    from: UnixMicros,
    to: UnixMicros,
    count: usize,
    distance_seconds: f64,
    /// The share of the distances that are equal.
    equal: f64,
    width_seconds: f64,
    pub(super) height: f64,
    level: f64,
}

/// Takes them for recurring if most of their distances are equal.
pub(super) fn of(all: &[Excursion]) -> Option<Recurring> {
    let mut distances: Vec<f64> = all.windows(2).map(|pair| (pair[1].from - pair[0].from) as f64 / 1e6).collect();
    if distances.len() < FEWEST {
        return None;
    }
    let distance = robust::median(&mut distances);
    let of_each = |value: fn(&Excursion) -> f64| robust::median(&mut all.iter().map(value).collect::<Vec<_>>());
    let width = of_each(|one| one.width_seconds);
    let narrowest = all.iter().map(|one| one.width_seconds).fold(f64::INFINITY, f64::min);
    let is_equal = |other: &&f64| (**other - distance).abs() <= distance * TOLERANCE;
    let equal = distances.iter().filter(is_equal).count() as f64 / distances.len() as f64;
    // No spike is narrower than the usual distance between two readings.
    if equal < MOST || distance < NEAREST * narrowest.min(width) {
        return None;
    }
    Some(Recurring {
        from: all.first()?.from,
        to: all.last()?.to,
        count: all.len(),
        distance_seconds: distance,
        equal,
        width_seconds: width,
        height: of_each(|one| one.height),
        level: of_each(|one| one.level),
    })
}

impl Recurring {
    pub(super) fn finding(&self, input: &Input<'_>, side: Side, usual: Usual) -> Finding {
        let (kind, verb) = match side {
            Side::Above => ("recurring_spikes", "rises"),
            Side::Below => ("recurring_dips", "falls"),
        };
        let peak = self.level + side.sign() * self.height;
        Finding {
            kind,
            severity: Severity::Info,
            from: self.from,
            to: self.to,
            confidence: (self.equal * (1.0 - 1.0 / self.count as f64)).clamp(0.0, 1.0),
            measures: vec![
                measure("count", self.count as f64, Of::Count),
                measure("distance", self.distance_seconds, Of::Seconds),
                measure("width", self.width_seconds, Of::Seconds),
                measure("height", self.height, Of::Value),
                measure("level", self.level, Of::Value),
                measure("sigmas", usual.sigmas(self.height), Of::Sigmas),
            ],
            sentence: format!(
                "{verb} from about {} to {} every {} for {}, {} times from {} on",
                input.words.value(self.level),
                input.words.value(peak),
                duration(self.distance_seconds),
                duration(self.width_seconds),
                self.count,
                time(self.from)
            ),
        }
    }
}
