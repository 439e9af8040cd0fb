//! The container's series, put together reading by reading.

use crate::analysis::study::{Input, Signal};
use crate::model::UnixMicros;

use super::{CPUS, PERIOD, PERIODS, QUOTA, TASKS, THROTTLED_PERIODS, THROTTLED_TIME, USAGE};

/// The kernel's default, where the length of periods is not known.
const USUAL_PERIOD_USEC: f64 = 1e5;
/// Quotas above it are no quotas: they stand for "no limit".
const MOST_CORES: f64 = 1e6;

/// What is known at one time. Rates are per second, of the time before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) time: UnixMicros,
    /// How much time it stands for.
    pub(super) seconds: f64,
    /// Cores.
    pub(super) usage: f64,
    /// Cores.
    pub(super) quota: f64,
    /// Seconds per second, summed over CPUs.
    pub(super) throttled: f64,
    pub(super) throttled_periods: f64,
    pub(super) periods: f64,
    pub(super) period_seconds: f64,
    /// The largest number of cores that it could use at the same time.
    pub(super) widest: f64,
}

impl Reading {
    pub(super) fn is_throttled(&self) -> bool {
        self.throttled_periods > 0.0
    }
}

/// All readings under a quota; none where a series that is needed is missing.
pub(super) fn of(input: &Input<'_>) -> Option<Vec<Reading>> {
    let usage = input.other(USAGE)?;
    let [mut throttled, mut throttled_periods, mut periods] =
        [input.other(THROTTLED_TIME)?, input.other(THROTTLED_PERIODS)?, input.other(PERIODS)?].map(Cursor::of);
    let mut quota = Cursor::of(input.other(QUOTA)?);
    let [mut period, mut tasks, mut cpus] = [PERIOD, TASKS, CPUS].map(|name| input.other(name).map(Cursor::of));
    let mut last = None;
    let mut readings = Vec::with_capacity(usage.len());
    for (&time, &cores) in usage.times().iter().zip(usage.values()) {
        let since = last.filter(|&last| time - last <= usage.gap_usec());
        let seconds = since.map_or(usage.step_seconds(), |last| (time - last) as f64 / 1e6);
        last = Some(time);
        let setting = |cursor: &mut Option<Cursor<'_>>| cursor.as_mut().and_then(|cursor| cursor.before(time));
        let widest = [setting(&mut tasks), setting(&mut cpus)].into_iter().flatten().filter(|&count| count >= 1.0);
        let widest = widest.fold(f64::INFINITY, f64::min);
        let period = setting(&mut period).filter(|&usec| usec > 0.0).unwrap_or(USUAL_PERIOD_USEC) / 1e6;
        let Some(quota) = quota.before(time).filter(|cores| (0.0..MOST_CORES).contains(cores)) else { continue };
        let rate = |cursor: &mut Cursor<'_>| cursor.about(time).map(|rate| rate.max(0.0));
        let rates = (rate(&mut throttled), rate(&mut throttled_periods), rate(&mut periods));
        let (Some(throttled), Some(throttled_periods), Some(periods)) = rates else { continue };
        readings.push(Reading {
            time,
            seconds,
            usage: cores,
            quota,
            throttled,
            throttled_periods,
            periods,
            period_seconds: period,
            widest,
        });
    }
    Some(readings)
}

/// Goes along a series in time.
struct Cursor<'a> {
    signal: &'a Signal,
    next: usize,
}

impl<'a> Cursor<'a> {
    fn of(signal: &'a Signal) -> Self {
        Self { signal, next: 0 }
    }

    /// The last value at or before a time; of the time before the first one, that one. Times must not go back.
    fn before(&mut self, time: UnixMicros) -> Option<f64> {
        while self.signal.times().get(self.next).is_some_and(|&next| next <= time) {
            self.next += 1;
        }
        self.signal.values().get(self.next.saturating_sub(1)).copied()
    }

    /// The value at a time, or the last one before if it is less than a usual distance old.
    fn about(&mut self, time: UnixMicros) -> Option<f64> {
        let value = self.before(time)?;
        let read = *self.signal.times().get(self.next.saturating_sub(1))?;
        (read <= time && time - read < self.signal.step_usec()).then_some(value)
    }
}
