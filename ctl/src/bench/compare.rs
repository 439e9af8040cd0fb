//! Whether something became faster or slower: two results in, a ratio with its interval for each benchmark out. It only computes.
//!
//! How the interval comes about. Criterion estimates by bootstrap how far each mean is likely to be off: its standard error.
//! The logarithm of the ratio after/before is the difference of two logarithms, each with the error relative to its mean
//! (delta method); the two runs know nothing of each other, so the squares of the errors add up. The interval is
//! `exp(ln ratio ± t · error)` with the 97.5 % quantile of Student's t, whose degrees of freedom follow from both numbers of
//! samples (Welch and Satterthwaite), so that benchmarks of 10 samples get the wider interval that they deserve.
//!
//! What it does not hold: what disturbed one run as a whole. Others' work moves all samples of a run alike. Of 45 pairs of
//! runs of the same three benchmarks on 2 CPUs with a load of 5, 31 had an interval beyond the noise, the worst ratio being
//! 2.8 (27 November 2026). So nothing is called improved or regressed where others used the machine meanwhile; a note says
//! so. One in 20 intervals misses by chance.

use serde::Serialize;

use super::machine::Revision;
use super::record::{Metadata, State, short};
use super::results::{Estimate, Measured, Results};

/// A change that may be no more than this is not called one. Criterion's own threshold, 1 %, is for a run against one that
/// was just before it; here each of two runs may be off by that much.
const NOISE_THRESHOLD: f64 = 0.02;
const CONFIDENCE_LEVEL: f64 = 0.95;
/// The quantile of the normal distribution that leaves 2.5 % above it.
const NORMAL_QUANTILE: f64 = 1.959_963_984_540_054;
/// The share of a machine's CPU time in the hands of others from which on a run counts as disturbed.
const DISTURBING_SHARE: f64 = 0.1;

/// Two benchmark runs, side by side.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) before: Side,
    pub(crate) after: Side,
    pub(crate) confidence_level: f64,
    pub(crate) noise_threshold: f64,
    pub(crate) benchmarks: Vec<Change>,
    /// Benchmarks that the other run has not.
    pub(crate) only_before: Vec<String>,
    pub(crate) only_after: Vec<String>,
    /// What makes them hard to compare.
    pub(crate) notes: Vec<String>,
}

/// One of the runs.
#[derive(Debug, Serialize)]
pub(crate) struct Side {
    pub(crate) guid: String,
    pub(crate) begun: String,
    pub(crate) revision: Revision,
}

/// One benchmark in both.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Change {
    pub(crate) id: String,
    pub(crate) before_ns: f64,
    pub(crate) after_ns: f64,
    #[serde(flatten)]
    pub(crate) ratio: Ratio,
    pub(crate) verdict: Verdict,
}

/// After/before, with its interval; below 1 is faster.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Ratio {
    pub(crate) ratio: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Improved,
    Regressed,
    Unclear,
}

/// Whether others left the machine to both runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surroundings {
    Calm,
    Disturbed,
}

impl Comparison {
    pub(crate) fn of(before: (&Metadata, &Results), after: (&Metadata, &Results)) -> Self {
        let only_in = |one: &Results, other: &Results| -> Vec<String> {
            one.benchmarks.keys().filter(|id| !other.benchmarks.contains_key(*id)).cloned().collect()
        };
        let is_disturbed = [before.0, after.0].into_iter().any(|metadata| disturbance(metadata).is_some());
        let around = if is_disturbed { Surroundings::Disturbed } else { Surroundings::Calm };
        let both = before.1.benchmarks.iter().filter_map(|(id, was)| Some((id, was, after.1.benchmarks.get(id)?)));
        Self {
            before: Side::of(before.0),
            after: Side::of(after.0),
            confidence_level: CONFIDENCE_LEVEL,
            noise_threshold: NOISE_THRESHOLD,
            benchmarks: both.map(|(id, was, is)| Change::of(id, was, is, around)).collect(),
            only_before: only_in(before.1, after.1),
            only_after: only_in(after.1, before.1),
            notes: notes(before.0, after.0),
        }
    }
}

impl Side {
    fn of(metadata: &Metadata) -> Self {
        let Metadata { guid, begun, facts, .. } = metadata;
        Self { guid: guid.clone(), begun: begun.clone(), revision: facts.revision.clone() }
    }
}

impl Change {
    fn of(id: &str, before: &Measured, after: &Measured, around: Surroundings) -> Self {
        let ratio = Ratio::of((&before.mean, before.samples), (&after.mean, after.samples));
        Self {
            id: id.to_owned(),
            before_ns: before.mean.ns,
            after_ns: after.mean.ns,
            ratio,
            verdict: ratio.verdict(around),
        }
    }
}

impl Ratio {
    fn of((before, samples_before): (&Estimate, usize), (after, samples_after): (&Estimate, usize)) -> Self {
        let variance = |mean: &Estimate| (mean.standard_error_ns / mean.ns).powi(2);
        let (of_before, of_after) = (variance(before), variance(after));
        let sum = of_before + of_after;
        #[expect(clippy::cast_precision_loss, reason = "numbers of samples are small")]
        let share = |variance: f64, samples: usize| variance.powi(2) / samples.saturating_sub(1) as f64;
        let degrees = sum.powi(2) / (share(of_before, samples_before) + share(of_after, samples_after));
        // Samples that are all alike leave no error, and no degrees of freedom to ask for.
        let half = if sum == 0.0 { 0.0 } else { student_quantile(degrees) * sum.sqrt() };
        let ratio = after.ns / before.ns;
        Self { ratio, low: ratio * (-half).exp(), high: ratio * half.exp() }
    }

    /// Numbers that are none make no verdict.
    fn verdict(self, around: Surroundings) -> Verdict {
        match self {
            _ if around == Surroundings::Disturbed => Verdict::Unclear,
            Self { high, .. } if high < 1.0 - NOISE_THRESHOLD => Verdict::Improved,
            Self { low, .. } if low > 1.0 + NOISE_THRESHOLD => Verdict::Regressed,
            _ => Verdict::Unclear,
        }
    }
}

/// The 97.5 % quantile of Student's t: the normal one, corrected by three terms of its series in 1/degrees. It is right to
/// a thousandth from 5 degrees on; Criterion takes 10 samples at least.
fn student_quantile(degrees: f64) -> f64 {
    let z = NORMAL_QUANTILE;
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / degrees + second / degrees.powi(2) + third / degrees.powi(3)
}

/// What others had of the machine, where it was too much. Where the system does not tell, nothing is known against the run.
fn disturbance(metadata: &Metadata) -> Option<f64> {
    metadata.others_cpu_share.filter(|share| *share > DISTURBING_SHARE)
}

fn notes(before: &Metadata, after: &Metadata) -> Vec<String> {
    let (was, is) = (&before.facts, &after.facts);
    let model = |model: &Option<String>| model.clone().unwrap_or_else(|| "unknown".to_owned());
    let pairs = [
        ("the CPU", model(&was.machine.cpu_model), model(&is.machine.cpu_model)),
        ("the number of CPUs", was.machine.cpus.to_string(), is.machine.cpus.to_string()),
        ("the kernel", was.machine.kernel.clone(), is.machine.kernel.clone()),
        ("the data", was.data.clone(), is.data.clone()),
        ("the duration of the data", was.duration.to_string(), is.duration.to_string()),
    ];
    let differing = pairs.into_iter().filter(|(_, was, is)| was != is);
    let mut notes: Vec<String> =
        differing.map(|(what, was, is)| format!("{what} differs: {was} before, {is} after")).collect();
    for metadata in [before, after] {
        if let Some(share) = disturbance(metadata) {
            notes.push(format!(
                "others used {:.0} % of the machine's CPU time while {} measured: no verdict can be given; measure again at rest",
                share * 100.0,
                short(&metadata.guid)
            ));
        }
        if metadata.state != State::Done {
            notes.push(format!("{}: its results are a part", metadata.outcome()));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::data::DataDuration;
    use super::super::machine::Machine;
    use super::super::record::Facts;
    use super::*;

    fn measured(ns: f64, standard_error_ns: f64, samples: usize) -> Measured {
        let estimate = Estimate { ns, low_ns: ns, high_ns: ns, confidence_level: 0.95, standard_error_ns };
        Measured { mean: estimate, median: estimate, std_dev: estimate, samples }
    }

    fn metadata(guid: &str) -> Metadata {
        Metadata {
            guid: guid.to_owned(),
            state: State::Done,
            begun: "2026-11-27T05:00:00.000Z".to_owned(),
            ended: None,
            facts: Facts {
                filter: None,
                data: "realistic".to_owned(),
                duration: DataDuration::parse("24h").unwrap(),
                revision: Revision { commit: None, dirty: false },
                machine: Machine { cpu_model: Some("A".to_owned()), cpus: 2, kernel: "Linux 6.1".to_owned() },
            },
            others_cpu_share: Some(0.02),
            exit_code: None,
            reason: None,
        }
    }

    fn results(benchmarks: &[(&str, Measured)]) -> Results {
        Results { benchmarks: benchmarks.iter().map(|(id, measured)| ((*id).to_owned(), measured.clone())).collect() }
    }

    #[test]
    fn the_quantile_is_that_of_the_tables() {
        let table = [(5.0, 2.570_58), (9.0, 2.262_16), (18.0, 2.100_92), (38.0, 2.024_39), (198.0, 1.972_02)];
        for (degrees, quantile) in table {
            assert!((student_quantile(degrees) - quantile).abs() < 0.003, "{degrees}: {}", student_quantile(degrees));
        }
    }

    #[test]
    fn the_interval_is_welchs_on_the_logarithms() {
        // Alike on both sides: errors of 1 % each make one of 1.414 %, with 9 + 9 degrees of freedom.
        let ratio = Ratio::of((&measured(100.0, 1.0, 10).mean, 10), (&measured(200.0, 2.0, 10).mean, 10));
        let half = 2.100_92 * 0.01 * 2f64.sqrt();
        assert!((ratio.ratio - 2.0).abs() < 1e-12);
        assert!((ratio.low - 2.0 * (-half).exp()).abs() < 1e-3 && (ratio.high - 2.0 * half.exp()).abs() < 1e-3);
        // One side without an error: what is left are the other's degrees.
        let ratio = Ratio::of((&measured(100.0, 0.0, 50).mean, 50), (&measured(100.0, 1.0, 10).mean, 10));
        assert!((ratio.high.ln() - 0.022_621_6).abs() < 1e-4, "{ratio:?}");
        let alike = Ratio::of((&measured(4.0, 0.0, 10).mean, 10), (&measured(2.0, 0.0, 10).mean, 10));
        assert_eq!(alike, Ratio { ratio: 0.5, low: 0.5, high: 0.5 });
    }

    #[test]
    fn a_verdict_needs_an_interval_beyond_the_noise() {
        let verdict = |after: f64, error: f64| {
            Change::of("a", &measured(100.0, error, 100), &measured(after, error, 100), Surroundings::Calm).verdict
        };
        assert_eq!(verdict(90.0, 0.5), Verdict::Improved);
        assert_eq!(verdict(110.0, 0.5), Verdict::Regressed);
        assert_eq!(verdict(100.0, 0.5), Verdict::Unclear);
        // The interval holds 1.
        assert_eq!(verdict(110.0, 5.0), Verdict::Unclear);
        // The interval does not hold 1, but may be no more than noise.
        assert_eq!((verdict(101.5, 0.01), verdict(98.5, 0.01)), (Verdict::Unclear, Verdict::Unclear));
        assert_eq!(
            Change::of("a", &measured(0.0, 0.0, 10), &measured(0.0, 0.0, 0), Surroundings::Calm).verdict,
            Verdict::Unclear
        );
    }

    #[test]
    fn a_disturbed_run_gets_no_verdict() {
        let (before, after) =
            (results(&[("a", measured(100.0, 0.1, 100))]), results(&[("a", measured(200.0, 0.1, 100))]));
        let (calm, mut disturbed) = (metadata("1"), metadata("2"));
        disturbed.others_cpu_share = Some(0.3);
        let verdict = |other: &Metadata| Comparison::of((&calm, &before), (other, &after)).benchmarks[0].verdict;
        assert_eq!((verdict(&calm), verdict(&disturbed)), (Verdict::Regressed, Verdict::Unclear));
        disturbed.others_cpu_share = None;
        assert_eq!(verdict(&disturbed), Verdict::Regressed);
    }

    #[test]
    fn what_only_one_has_is_listed() {
        let before = results(&[("a", measured(1.0, 0.0, 10)), ("b", measured(1.0, 0.0, 10))]);
        let after = results(&[("b", measured(2.0, 0.0, 10)), ("c", measured(1.0, 0.0, 10))]);
        let comparison = Comparison::of((&metadata("1"), &before), (&metadata("2"), &after));
        assert_eq!((comparison.only_before, comparison.only_after), (vec!["a".to_owned()], vec!["c".to_owned()]));
        let [change] = &comparison.benchmarks[..] else { panic!("one is in both") };
        assert_eq!((change.id.as_str(), change.verdict), ("b", Verdict::Regressed));
        assert_eq!(comparison.notes, Vec::<String>::new());
    }

    #[test]
    fn what_makes_runs_hard_to_compare_is_noted() {
        let (before, mut after) = (metadata("aaaaaaaa-1"), metadata("bbbbbbbb-2"));
        after.facts.machine = Machine { cpu_model: None, cpus: 8, kernel: "Linux 6.2".to_owned() };
        (after.facts.data, after.facts.duration) = ("stress".to_owned(), DataDuration::parse("1h").unwrap());
        after.others_cpu_share = Some(0.45);
        after.fail(Some(101), "cargo bench failed".to_owned());
        let notes = notes(&before, &after);
        let begin: Vec<&str> = notes.iter().map(|note| note.split([':', '(']).next().unwrap()).collect();
        let expected = [
            "the CPU differs",
            "the number of CPUs differs",
            "the kernel differs",
            "the data differs",
            "the duration of the data differs",
            "others used 45 % of the machine's CPU time while bbbbbbbb measured",
            "benchmark bbbbbbbb failed",
        ];
        assert_eq!(begin, expected);
        assert_eq!(notes[0], "the CPU differs: A before, unknown after");
    }
}
