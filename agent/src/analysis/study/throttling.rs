//! CPU throttling: how many enforcement periods were throttled, for how long, and which quota would have been enough.
//!
//! What a throttled container would have used can not be seen, so the quota that is enough is an estimate: in each
//! throttled period it used its whole quota, and would have used the CPU time for which it was held back too, if it had
//! run on at the pace it had while it ran. Nobody knows whether it had, so the sentence says so; the estimate is never
//! more than the CPUs, or the tasks that could use them. The surprise: throttled time is counted per CPU, so four CPUs
//! that are held back for a second are four seconds; and a container whose mean use is far below its quota can be
//! throttled all the time, because a quota is per period of usually 100 ms.

use crate::analysis::study::words::{duration, percent, time};
use crate::analysis::study::{
    About, Finding, Input, Needs, Of, Parameter, Report, Settings, Severity, Study, Words, measure,
};
use crate::model::UnixMicros;

use demand::Demand;
use readings::Reading;

mod demand;
mod readings;

/// Cores used.
pub const USAGE: &str = "cpu_usage_cores";
/// Cores that the quota allows; none without a quota.
pub const QUOTA: &str = "cpu_limit_cores";
/// Seconds throttled per second, summed over CPUs.
pub const THROTTLED_TIME: &str = "cpu_throttled_seconds_per_second";
/// Throttled periods per second.
pub const THROTTLED_PERIODS: &str = "cpu_nr_throttled_per_second";
/// Periods per second in which the container was runnable.
pub const PERIODS: &str = "cpu_nr_periods_per_second";
/// Length of a period, in microseconds.
pub const PERIOD: &str = "cpu_period_usec";
/// Tasks: more than these can not run at the same time.
pub const TASKS: &str = "pids_current";
/// CPUs that are online, of the node: looked at where it is given, though the container does not have it.
pub const CPUS: &str = "cpus";

/// So many readings are needed.
const FEWEST: usize = 10;
const CORES: Words = Words { unit: "cores" };
const CORES_UNIT: Of = Of::Unit(CORES.unit);

const ENOUGH: Parameter = Parameter {
    name: "enough",
    help: "the share of the readings for which the estimated quota is enough",
    default: 0.99,
    min: 0.5,
    max: 1.0,
};
const MERGE: Parameter = Parameter {
    name: "merge",
    help: "throttling after so many seconds without is another episode",
    default: 10.0,
    min: 0.0,
    max: 86_400.0,
};
const LIMIT: Parameter =
    Parameter { name: "limit", help: "how many episodes to tell, the worst", default: 10.0, min: 0.0, max: 1000.0 };

static ABOUT: About = About {
    id: "throttling",
    name: "CPU throttling",
    description: "Tells how much a container was held back by its CPU quota, when, and an estimate of the quota that \
        would have been enough. The first finding is about the whole range, the others are episodes, the worst \
        first.",
    needs: Needs::Container(&[USAGE, QUOTA, THROTTLED_TIME, THROTTLED_PERIODS, PERIODS, PERIOD, TASKS]),
    parameters: &[ENOUGH, MERGE, LIMIT],
};

/// The study.
#[derive(Clone, Copy, Debug, Default)]
pub struct Throttling;

impl Study for Throttling {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, input: &Input<'_>, settings: &Settings) -> Report {
        if input.other(QUOTA).is_none_or(crate::analysis::study::Signal::is_empty) {
            return Report::none("it has no CPU limit, so nothing throttles it");
        }
        let Some(readings) = readings::of(input) else {
            return Report::none(format!("{USAGE}, {THROTTLED_TIME}, {THROTTLED_PERIODS} and {PERIODS} are needed"));
        };
        if readings.len() < FEWEST {
            return Report::too_little(readings.len(), FEWEST);
        }
        let Some(whole) = Episode::of(&readings).filter(|whole| whole.periods > 0.0) else {
            return Report::none("nothing was throttled");
        };
        let demand = Demand::of(&readings, settings.get(&ENOUGH));
        let mut report = Report::default();
        report.findings.push(whole.summary(&readings, &demand, settings.get(&ENOUGH)));
        let mut episodes = episodes(&readings, settings.get(&MERGE));
        episodes.sort_by(|one, other| other.throttled_seconds.total_cmp(&one.throttled_seconds));
        let limit = settings.get(&LIMIT) as usize;
        if episodes.len() > limit {
            report.notes.push(format!("{} smaller episodes are not told", episodes.len() - limit));
        }
        report.findings.extend(episodes.iter().take(limit).map(Episode::finding));
        report
    }
}

/// A time in which it was throttled, or the whole range.
#[derive(Clone, Copy, Debug)]
struct Episode {
    from: UnixMicros,
    to: UnixMicros,
    /// How much of the time readings stand for.
    seconds: f64,
    /// How much of that is of readings with throttling.
    with_throttling_seconds: f64,
    /// Summed over CPUs.
    throttled_seconds: f64,
    /// Throttled periods.
    periods: f64,
    runnable_periods: f64,
    quota: f64,
}

impl Episode {
    fn of(readings: &[Reading]) -> Option<Self> {
        let (first, last) = (readings.first()?, readings.last()?);
        let sum = |of: fn(&Reading) -> f64| readings.iter().map(|reading| of(reading) * reading.seconds).sum::<f64>();
        Some(Self {
            from: first.time - (first.seconds * 1e6) as i64,
            to: last.time,
            seconds: sum(|_| 1.0),
            with_throttling_seconds: sum(|reading| f64::from(u8::from(reading.is_throttled()))),
            throttled_seconds: sum(|reading| reading.throttled),
            periods: sum(|reading| reading.throttled_periods),
            runnable_periods: sum(|reading| reading.periods),
            quota: last.quota,
        })
    }

    /// The share of the periods in which it was runnable that was throttled.
    fn share(&self) -> f64 {
        if self.runnable_periods > 0.0 { (self.periods / self.runnable_periods).min(1.0) } else { 0.0 }
    }

    fn severity(&self) -> Severity {
        match self.share() {
            share if share < 0.001 => Severity::Info,
            share if share < 0.01 => Severity::Notice,
            share if share < 0.25 => Severity::Warning,
            _ => Severity::Critical,
        }
    }

    fn finding(&self) -> Finding {
        Finding {
            kind: "throttling_episode",
            // The summary says how much it matters.
            severity: Severity::Notice,
            from: self.from,
            to: self.to,
            confidence: 1.0,
            measures: vec![
                measure("periods_share", self.share(), Of::Ratio),
                measure("throttled", self.throttled_seconds, Of::Seconds),
                measure("duration", self.seconds, Of::Seconds),
                measure("periods", self.periods, Of::Count),
            ],
            sentence: format!(
                "throttled in {} of the periods from {} until {}, held back for {} of CPU time",
                percent(self.share()),
                time(self.from),
                time(self.to),
                duration(self.throttled_seconds)
            ),
        }
    }

    fn summary(&self, readings: &[Reading], demand: &Demand, enough: f64) -> Finding {
        let time_share = self.with_throttling_seconds / self.seconds;
        let cap = if demand.capped { ", and as many cores as it has CPUs or tasks would always be enough" } else { "" };
        Finding {
            kind: "throttling",
            severity: self.severity(),
            from: self.from,
            to: self.to,
            // That it was throttled is certain; the estimate gets worse the more it was.
            confidence: 1.0 - 0.5 * self.share(),
            measures: vec![
                measure("periods_share", self.share(), Of::Ratio),
                measure("time_share", time_share, Of::Ratio),
                measure("throttled", self.throttled_seconds, Of::Seconds),
                measure("quota", self.quota, CORES_UNIT),
                measure("enough", demand.enough, CORES_UNIT),
                measure("at_least", demand.at_least, CORES_UNIT),
                measure("at_most", demand.at_most, CORES_UNIT),
                measure("readings", readings.len() as f64, Of::Count),
            ],
            sentence: format!(
                "throttled in {} of the periods and {} of the time, held back for {} of CPU time by a quota of {}; \
                 it needs at least {}, and by an estimate {} would have been enough for {} of the readings and {} \
                 for all of them, if it had run on at the pace it had while it ran{cap}; what it wanted beyond that \
                 can not be seen",
                percent(self.share()),
                percent(time_share),
                duration(self.throttled_seconds),
                CORES.value(self.quota),
                CORES.value(demand.at_least),
                CORES.value(demand.enough),
                percent(enough),
                CORES.value(demand.at_most),
            ),
        }
    }
}

/// Throttled readings, together where less than `merge` seconds are between them.
fn episodes(readings: &[Reading], merge: f64) -> Vec<Episode> {
    let mut found = Vec::new();
    let mut run: Option<(usize, usize)> = None;
    for (at, reading) in readings.iter().enumerate().filter(|(_, reading)| reading.is_throttled()) {
        run = match run {
            Some((begin, end)) if (reading.time - readings[end].time) as f64 / 1e6 - reading.seconds <= merge => {
                Some((begin, at))
            }
            ended => {
                found.extend(ended.and_then(|(begin, end)| Episode::of(&readings[begin..=end])));
                Some((at, at))
            }
        };
    }
    found.extend(run.and_then(|(begin, end)| Episode::of(&readings[begin..=end])));
    found
}

#[cfg(test)]
mod tests;
