//! Full swings: from low to high, to low, and to high again.

use std::ops::Range;

use crate::analysis::study::{Signal, robust};
use crate::model::UnixMicros;

/// The usual range is that of all but this share of the readings, above and below.
const OUTSIDE: f64 = 0.05;
/// Below this share of the range a reading is low.
const LOW: f64 = 0.3;
/// Above this one it is high.
const HIGH: f64 = 0.7;

/// A cycle: from one rise to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cycle {
    pub(super) from: UnixMicros,
    pub(super) to: UnixMicros,
    /// The highest reading.
    pub(super) high: f64,
    /// The lowest one after it.
    pub(super) low: f64,
}

impl Cycle {
    pub(super) fn seconds(&self) -> f64 {
        (self.to - self.from) as f64 / 1e6
    }
}

/// Where a cycle is.
#[derive(Clone, Copy)]
enum Phase {
    /// Nothing is known yet.
    Unknown,
    /// Low, before the first rise.
    Waiting,
    High {
        from: UnixMicros,
        high: f64,
    },
    Low {
        from: UnixMicros,
        high: f64,
        low: f64,
    },
}

/// All whole cycles of a part of a signal; none spans a gap.
pub(super) fn of(signal: &Signal, positions: Range<usize>) -> Vec<Cycle> {
    let (Some(times), Some(values)) = (signal.times().get(positions.clone()), signal.values().get(positions)) else {
        return Vec::new();
    };
    let mut sorted = values.to_vec();
    let bottom = robust::quantile(&mut sorted, OUTSIDE);
    let range = robust::quantile(&mut sorted, 1.0 - OUTSIDE) - bottom;
    let (low_edge, high_edge) = (bottom + LOW * range, bottom + HIGH * range);
    let mut cycles = Vec::new();
    let mut phase = Phase::Unknown;
    let mut last = times.first().copied().unwrap_or(0);
    for (&time, &value) in times.iter().zip(values) {
        if time - last > signal.gap_usec() {
            phase = Phase::Unknown;
        }
        last = time;
        phase = match phase {
            Phase::Unknown | Phase::Waiting if value < low_edge => Phase::Waiting,
            Phase::Waiting if value > high_edge => Phase::High { from: time, high: value },
            Phase::High { from, high } if value < low_edge => Phase::Low { from, high, low: value },
            Phase::High { from, high } => Phase::High { from, high: high.max(value) },
            Phase::Low { from, high, low } if value > high_edge => {
                cycles.push(Cycle { from, to: time, high, low });
                Phase::High { from: time, high: value }
            }
            Phase::Low { from, high, low } => Phase::Low { from, high, low: low.min(value) },
            Phase::Unknown | Phase::Waiting => phase,
        };
    }
    cycles
}
