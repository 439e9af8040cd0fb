//! The CPU time that it would have used without a quota, as far as that can be told.

use crate::analysis::study::robust;

use super::readings::Reading;

/// Quotas in cores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Demand {
    /// It wanted this much for sure: the quota while it was throttled, or what it used at other times.
    pub(super) at_least: f64,
    /// Estimated to be enough for most readings.
    pub(super) enough: f64,
    /// Estimated to be enough for all of them.
    pub(super) at_most: f64,
    /// Whether the most was more than it has CPUs or tasks.
    pub(super) capped: bool,
}

impl Demand {
    /// Of all readings, those under no throttling too.
    pub(super) fn of(readings: &[Reading], enough: f64) -> Self {
        let mut at_least = 0.0_f64;
        let mut capped = false;
        let mut wanted = Vec::with_capacity(readings.len());
        for reading in readings {
            at_least = at_least.max(if reading.is_throttled() { reading.quota } else { reading.usage });
            let (cores, is_capped) = of_reading(reading);
            capped |= is_capped;
            wanted.push(cores);
        }
        let at_most = wanted.iter().copied().fold(0.0, f64::max);
        let enough = robust::quantile(&mut wanted, enough);
        Self { at_least, enough, at_most, capped }
    }
}

/// Cores that it wanted in the periods of a reading, and whether it could not have used more.
///
/// In a throttled period it uses the quota; the time for which its CPUs were held back belongs to the throttled periods
/// alone.
fn of_reading(reading: &Reading) -> (f64, bool) {
    if !reading.is_throttled() {
        return (reading.usage, false);
    }
    // Periods and readings don't begin together, so the periods of a short reading may seem longer than the reading.
    let share = (reading.throttled_periods * reading.period_seconds).clamp(0.0, 1.0);
    let wanted = reading.quota + reading.throttled / share;
    let least = reading.quota.max(reading.usage);
    (wanted.min(reading.widest).max(least), wanted > reading.widest)
}
