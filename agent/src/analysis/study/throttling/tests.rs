use crate::analysis::study::Signal;

use super::*;

const START: i64 = 1_795_406_400_000_000;
const SECOND: i64 = 1_000_000;

/// A container under a quota: in each period it gets work in CPU seconds, which as many threads as it has work off.
struct Simulated {
    quota: f64,
    threads: f64,
}

impl Simulated {
    /// The series of its readings, one a second.
    fn series(&self, seconds: usize, work: impl Fn(usize) -> f64) -> Vec<(String, Signal)> {
        const PERIOD_SECONDS: f64 = 0.1;
        let mut columns: [Vec<f64>; 4] = Default::default();
        let mut backlog = 0.0;
        for second in 0..seconds {
            let mut sums = [0.0; 4];
            for period in 0..10 {
                backlog += work(second * 10 + period);
                let allowed = self.quota * PERIOD_SECONDS;
                let used = backlog.min(allowed).min(self.threads * PERIOD_SECONDS);
                backlog -= used;
                let is_throttled = backlog > 1e-9 && used >= allowed - 1e-9;
                let held_back = if is_throttled { (PERIOD_SECONDS - used / self.threads) * self.threads } else { 0.0 };
                let of_period = [used, held_back, f64::from(u8::from(is_throttled)), f64::from(u8::from(used > 1e-9))];
                sums.iter_mut().zip(of_period).for_each(|(sum, one)| *sum += one);
            }
            columns.iter_mut().zip(sums).for_each(|(column, sum)| column.push(sum));
        }
        let names = [USAGE, THROTTLED_TIME, THROTTLED_PERIODS, PERIODS];
        let rates = names.iter().zip(columns).map(|(name, values)| (*name, Signal::regular(START, SECOND, &values)));
        let settings = [(QUOTA, self.quota), (PERIOD, 1e5), (TASKS, self.threads + 3.0)];
        let settings = settings.map(|(name, value)| (name, Signal::regular(START, SECOND, &[value])));
        rates.chain(settings).map(|(name, signal)| (name.to_owned(), signal)).collect()
    }
}

fn study(others: &[(String, Signal)]) -> Report {
    let (signal, words) = (Signal::default(), Words { unit: "cores" });
    Throttling.analyze(&Input { others, ..Input::of(&signal, &words) }, &Settings::default())
}

fn size(found: &Finding, name: &str) -> f64 {
    found.measure(name).unwrap()
}

#[test]
fn bursts_of_four_threads_want_four_cores_although_they_use_half_of_one() {
    // Each second a burst of 0.5 CPU seconds: with a quota of one core it takes five periods, four of them throttled.
    let others = Simulated { quota: 1.0, threads: 4.0 }.series(600, |period| if period % 10 == 2 { 0.5 } else { 0.0 });
    let report = study(&others);
    let all = &report.findings[0];
    assert_eq!(all.kind, "throttling");
    assert!((size(all, "periods_share") - 0.8).abs() < 1e-9);
    assert!((size(all, "time_share") - 1.0).abs() < 1e-9);
    // Four periods of 75 ms on four CPUs.
    assert!((size(all, "throttled") - 600.0 * 4.0 * 0.3).abs() < 1e-6);
    for (name, cores) in [("quota", 1.0), ("at_least", 1.0), ("enough", 4.0), ("at_most", 4.0)] {
        assert!((size(all, name) - cores).abs() < 1e-9, "{name}");
    }
    assert_eq!(all.severity, Severity::Critical);
    assert_eq!(report.findings.len(), 2);
    assert_eq!((report.findings[1].from, report.findings[1].to), (START - SECOND, START + 599 * SECOND));
    assert!(all.sentence.starts_with(
        "throttled in 80 % of the periods and 100 % of the time, held back for 12 min of CPU time by a quota of 1 \
         cores; it needs at least 1 cores, and by an estimate 4 cores would have been enough for 99 % of the \
         readings and 4 cores for all of them"
    ));
    // With this quota nothing is throttled, with a tenth less something is.
    let throttled = |quota| {
        let others = Simulated { quota, threads: 4.0 }.series(60, |period| if period % 10 == 2 { 0.4 } else { 0.0 });
        study(&others).findings.len()
    };
    assert_eq!((throttled(4.0), throttled(3.6) > 0), (0, true));
}

#[test]
fn episodes_are_merged_and_the_worst_is_first() {
    let others = Simulated { quota: 0.5, threads: 1.0 }.series(1000, |period| match period / 10 {
        100..110 | 115..125 => 0.049 + 0.001 * f64::from(u8::from(period % 10 == 0)) * 20.0,
        500..560 => 0.08,
        _ => 0.02,
    });
    let report = study(&others);
    let told: Vec<(i64, f64)> =
        report.findings[1..].iter().map(|one| ((one.from - START) / SECOND, size(one, "throttled"))).collect();
    assert_eq!(told.iter().map(|one| one.0).collect::<Vec<_>>(), [499, 99]);
    assert!(told[0].1 > told[1].1);
    let all = &report.findings[0];
    assert!((size(all, "throttled") - told.iter().map(|one| one.1).sum::<f64>()).abs() < 1e-6);
    assert!((0.1..0.2).contains(&size(all, "time_share")), "{}", size(all, "time_share"));
    // One thread has one core at most.
    assert!((size(all, "at_most") - 1.0).abs() < 1e-6);
}

#[test]
fn the_estimate_is_no_more_than_the_cpus() {
    let mut others = Simulated { quota: 1.0, threads: 8.0 }.series(60, |_| 0.5);
    others.push((CPUS.to_owned(), Signal::regular(START, SECOND, &[4.0])));
    let report = study(&others);
    assert_eq!(size(&report.findings[0], "enough"), 4.0);
    assert!(report.findings[0].sentence.contains("as many cores as it has CPUs or tasks would always be enough"));
}

#[test]
fn few_throttled_readings_need_no_more_for_most() {
    let others = Simulated { quota: 1.0, threads: 2.0 }.series(2000, |period| if period == 5000 { 0.15 } else { 0.05 });
    let report = study(&others);
    let all = &report.findings[0];
    assert_eq!(all.severity, Severity::Info);
    assert!((size(all, "enough") - 0.5).abs() < 1e-6, "{}", size(all, "enough"));
    assert!((size(all, "at_most") - 2.0).abs() < 1e-6, "{}", size(all, "at_most"));
}

#[test]
fn gaps_and_a_quota_that_changes_are_taken_as_they_are() {
    let simulated = Simulated { quota: 1.0, threads: 2.0 };
    let mut others = simulated.series(600, |_| 0.15);
    let quota = Signal::new(&[START, START + 300 * SECOND], &[1.0, 1.5]);
    for (name, signal) in &mut others {
        if name == QUOTA {
            *signal = quota.clone();
        } else if signal.len() > 1 {
            let (times, values) = (signal.times(), signal.values());
            let kept = |at: &usize| !(100..200).contains(at);
            let of = |at: usize| (times[at], values[at]);
            let (times, values): (Vec<i64>, Vec<f64>) = (0..600).filter(kept).map(of).unzip();
            *signal = Signal::new(&times, &values);
        }
    }
    let report = study(&others);
    assert_eq!(size(&report.findings[0], "quota"), 1.5);
    assert_eq!(size(&report.findings[0], "readings"), 500.0);
    assert_eq!(report.findings.len(), 3);
}

#[test]
fn without_quota_throttling_or_series_there_is_a_note() {
    let idle = Simulated { quota: 1.0, threads: 2.0 }.series(60, |_| 0.05);
    assert_eq!(study(&idle), Report::none("nothing was throttled"));
    assert_eq!(study(&[]), Report::none("it has no CPU limit, so nothing throttles it"));
    let only_quota = [(QUOTA.to_owned(), Signal::regular(START, SECOND, &[1.0]))];
    assert!(study(&only_quota).notes[0].ends_with("are needed"));
    let short = Simulated { quota: 1.0, threads: 2.0 }.series(5, |_| 0.5);
    assert_eq!(study(&short), Report::too_little(5, 10));
}
