//! Time without readings: how long, how many are missing, and how much of the range that is.
//!
//! Two readings further apart than the usual distance allows have a gap between them. Where many distances in a row are
//! long, the series was read less often for a while: that is one finding, not many gaps. The surprise: the time before
//! the first and after the last reading is unknown here, so a container that was not read at the end of the range has
//! no gap there.

use std::ops::Range;

use crate::analysis::study::words::{duration, percent, time};
use crate::analysis::study::{
    About, Finding, Input, Needs, Of, Parameter, Report, Settings, Severity, Signal, Study, measure, robust,
};

/// So many readings tell what the usual distance is.
const FEWEST: usize = 10;
/// So many long distances in a row are a time of fewer readings.
const SPARSE: usize = 10;
/// A gap with fewer readings missing is only good to know.
const FEW_MISSING: f64 = 10.0;
/// A gap of this share of the range makes any answer about the range doubtful.
const LARGE_SHARE: f64 = 0.1;

const LIMIT: Parameter =
    Parameter { name: "limit", help: "how many gaps to tell, the longest", default: 20.0, min: 1.0, max: 1000.0 };

static ABOUT: About = About {
    id: "gap",
    name: "Gaps",
    description: "Finds time without readings, and time in which there were fewer of them than usual.",
    needs: Needs::Series,
    parameters: &[LIMIT],
};

/// The study.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gaps;

impl Study for Gaps {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, input: &Input<'_>, settings: &Settings) -> Report {
        let signal = input.signal;
        let Some((first, last)) = signal.span().filter(|_| signal.len() >= FEWEST) else {
            return Report::too_little(signal.len(), FEWEST);
        };
        let range = (last - first) as f64 / 1e6;
        let (sparse, mut gaps) = sort_out(signal);
        let missing: f64 = gaps.iter().map(|gap| gap.seconds() - signal.step_seconds()).sum();
        let share = missing / range;
        let mut report = Report::default();

        let limit = settings.get(&LIMIT) as usize;
        gaps.sort_by_key(|gap| (gap.from - gap.to, gap.from));
        if let Some(rest) = gaps.get(limit..).filter(|rest| !rest.is_empty()) {
            let in_all = duration(rest.iter().map(Gap::seconds).sum());
            let longest = duration(rest.first().map_or(0.0, Gap::seconds));
            report.notes.push(format!("{} more gaps are not told: {in_all} in all, the longest {longest}", rest.len()));
        }
        gaps.truncate(limit);
        report.findings.extend(gaps.iter().map(|gap| gap.finding(signal.step_seconds(), range, share)));
        report.findings.extend(sparse.into_iter().filter_map(|positions| fewer_readings(signal, positions)));
        report.findings.sort_by_key(|finding| finding.from);
        report
    }
}

/// Time without readings: from the last one before to the first one after.
struct Gap {
    from: i64,
    to: i64,
}

impl Gap {
    fn seconds(&self) -> f64 {
        (self.to - self.from) as f64 / 1e6
    }

    fn finding(&self, step: f64, range: f64, share: f64) -> Finding {
        let seconds = self.seconds();
        let missing = (seconds / step).round() - 1.0;
        let severity = match () {
            () if seconds >= range * LARGE_SHARE => Severity::Warning,
            () if missing >= FEW_MISSING => Severity::Notice,
            () => Severity::Info,
        };
        Finding {
            kind: "gap",
            severity,
            from: self.from,
            to: self.to,
            confidence: 1.0,
            measures: vec![
                measure("duration", seconds, Of::Seconds),
                measure("missing", missing, Of::Count),
                measure("missing_share", share, Of::Ratio),
            ],
            sentence: format!(
                "no readings for {} from {} on, {missing} are missing; {} of the range has none",
                duration(seconds),
                time(self.from),
                percent(share)
            ),
        }
    }
}

/// Positions of the long distances that follow each other, and the gaps that do not.
fn sort_out(signal: &Signal) -> (Vec<Range<usize>>, Vec<Gap>) {
    let (mut sparse, mut gaps) = (Vec::new(), Vec::new());
    let times = signal.times();
    let mut run = 0..0;
    for (at, pair) in times.windows(2).enumerate() {
        if pair[1] - pair[0] <= signal.gap_usec() {
            continue;
        }
        if run.end != at {
            close(times, run, &mut sparse, &mut gaps);
            run = at..at;
        }
        run.end = at + 1;
    }
    close(times, run, &mut sparse, &mut gaps);
    (sparse, gaps)
}

/// Ends a run of long distances: each begins at a position of the run.
fn close(times: &[i64], run: Range<usize>, sparse: &mut Vec<Range<usize>>, gaps: &mut Vec<Gap>) {
    if run.len() >= SPARSE {
        sparse.push(run);
        return;
    }
    gaps.extend(times[run.start..].windows(2).take(run.len()).map(|pair| Gap { from: pair[0], to: pair[1] }));
}

/// Says that a series was read less often for a while.
fn fewer_readings(signal: &Signal, run: Range<usize>) -> Option<Finding> {
    let times = signal.times().get(run.start..=run.end)?;
    let (&from, &to) = (times.first()?, times.last()?);
    let mut distances: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect();
    let distance = robust::median(&mut distances);
    Some(Finding {
        kind: "fewer_readings",
        severity: Severity::Info,
        from,
        to,
        confidence: 1.0,
        measures: vec![
            measure("duration", (to - from) as f64 / 1e6, Of::Seconds),
            measure("distance", distance, Of::Seconds),
            measure("usual_distance", signal.step_seconds(), Of::Seconds),
        ],
        sentence: format!(
            "a reading every {} instead of every {} from {} until {}",
            duration(distance),
            duration(signal.step_seconds()),
            time(from),
            time(to)
        ),
    })
}

#[cfg(test)]
mod tests {
    use crate::analysis::study::Words;

    use super::*;

    const START: i64 = 1_795_406_400_000_000;
    const SECOND: i64 = 1_000_000;

    fn study(seconds: &[i64], settings: &Settings) -> Report {
        let times: Vec<i64> = seconds.iter().map(|second| START + second * SECOND).collect();
        let signal = Signal::new(&times, &vec![1.0; times.len()]);
        Gaps.analyze(&Input::of(&signal, &Words { unit: "cores" }), settings)
    }

    fn without(gaps: &[Range<i64>], count: i64) -> Vec<i64> {
        (0..count).filter(|second| !gaps.iter().any(|gap| gap.contains(second))).collect()
    }

    #[test]
    fn gaps_have_their_length_and_what_is_missing_of_the_whole() {
        let report = study(&without(&[100..130, 500..620], 1001), &Settings::default());
        let told: Vec<_> = report.findings.iter().map(|gap| ((gap.from - START) / SECOND, gap.severity)).collect();
        assert_eq!(told, [(99, Severity::Notice), (499, Severity::Warning)]);
        let sizes = ["duration", "missing", "missing_share"].map(|name| report.findings[1].measure(name).unwrap());
        assert_eq!(sizes, [121.0, 120.0, 0.15]);
        assert_eq!(
            report.findings[0].sentence,
            "no readings for 31 s from 2026-11-23T04:01:39Z on, 30 are missing; 15 % of the range has none"
        );
    }

    #[test]
    fn the_longest_are_told_and_the_rest_is_summed_up() {
        let gaps: Vec<Range<i64>> = (0..30).map(|at| 100 * at + 10..100 * at + 15 + at).collect();
        let mut settings = Settings::default();
        settings.set(&LIMIT, 5.0).unwrap();
        let report = study(&without(&gaps, 3001), &settings);
        let told: Vec<i64> = report.findings.iter().map(|gap| (gap.from - START) / SECOND).collect();
        assert_eq!(told, [2509, 2609, 2709, 2809, 2909]);
        assert_eq!(report.notes, ["25 more gaps are not told: 7.5 min in all, the longest 30 s"]);
    }

    #[test]
    fn late_readings_and_one_that_is_missing_are_no_gaps() {
        let seconds = without(&[50..51, 80..81], 200);
        assert_eq!(study(&seconds, &Settings::default()), Report::default());
        assert_eq!(study(&[1, 2, 50], &Settings::default()), Report::too_little(3, 10));
    }

    #[test]
    fn a_time_of_fewer_readings_is_one_finding() {
        let seconds: Vec<i64> = (0..600).chain((600..2400).step_by(60)).chain(2400..3000).collect();
        let report = study(&seconds, &Settings::default());
        assert_eq!(report.findings.len(), 1);
        assert_eq!(report.findings[0].kind, "fewer_readings");
        assert_eq!(report.findings[0].measure("distance"), Some(60.0));
        assert_eq!((report.findings[0].from - START) / SECOND, 600);
        assert_eq!((report.findings[0].to - START) / SECOND, 2400);
    }
}
