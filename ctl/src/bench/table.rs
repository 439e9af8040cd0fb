//! Benchmarks as people read them: tables, and times with a unit that suits them. It only computes.

use super::compare::{Change, Comparison, Side, Verdict};
use super::machine::Revision;
use super::record::{Metadata, short};
use super::results::Measured;
use super::{Listed, Shown};

/// As much of a commit as git shows.
const COMMIT_LETTERS: usize = 10;

pub(crate) fn of_list(listed: &[Listed]) -> String {
    if listed.is_empty() {
        return "no benchmark was begun in this worktree; `fgmctl bench --filter NAME` begins one".to_owned();
    }
    let head = ["GUID", "BEGUN", "STATE", "FILTER", "DATA", "REVISION", "MEASURED"].map(str::to_owned);
    let rows = listed.iter().map(|Listed { metadata, benchmarks }| {
        let facts = &metadata.facts;
        [
            metadata.guid.clone(),
            to_the_second(&metadata.begun),
            metadata.state.words().to_owned(),
            filter(metadata),
            format!("{} {}", facts.data, facts.duration),
            revision(&facts.revision),
            benchmarks.map_or_else(|| "-".to_owned(), |count| count.to_string()),
        ]
    });
    lines([head].into_iter().chain(rows), 6)
}

pub(crate) fn of_one(shown: &Shown) -> String {
    let Shown { metadata, results } = shown;
    let (facts, machine) = (&metadata.facts, &metadata.facts.machine);
    let mut text = format!(
        "{} of {}, begun {}: {}\ndata {} {}; revision {}; {} CPUs ({}), {}\n",
        filter(metadata),
        short(&metadata.guid),
        to_the_second(&metadata.begun),
        metadata.state.words(),
        facts.data,
        facts.duration,
        revision(&facts.revision),
        machine.cpus,
        machine.cpu_model.as_deref().unwrap_or("unknown"),
        machine.kernel,
    );
    if let Some(share) = metadata.others_cpu_share {
        text += &format!("others used {:.0} % of the CPU time meanwhile\n", share * 100.0);
    }
    if let Some(reason) = &metadata.reason {
        text += &format!("{reason}\n");
    }
    let Some(results) = results.as_ref().filter(|results| !results.benchmarks.is_empty()) else {
        return text + "no results";
    };
    let head = ["BENCHMARK", "MEAN", "FROM", "TO", "MEDIAN", "STD DEV", "SAMPLES"].map(str::to_owned);
    let rows = results.benchmarks.iter().map(|(id, Measured { mean, median, std_dev, samples })| {
        let times = [mean.ns, mean.low_ns, mean.high_ns, median.ns, std_dev.ns].map(time);
        let [mean, low, high, median, std_dev] = times;
        [id.clone(), mean, low, high, median, std_dev, samples.to_string()]
    });
    text + "\n" + &lines([head].into_iter().chain(rows), 1) + "\nFROM and TO: the mean's interval of confidence"
}

pub(crate) fn of_comparison(comparison: &Comparison) -> String {
    let Comparison { before, after, benchmarks, only_before, only_after, notes, .. } = comparison;
    let mut text = format!("before: {}\nafter:  {}\n", side(before), side(after));
    for note in notes {
        text += &format!("note: {note}\n");
    }
    let head = ["BENCHMARK", "BEFORE", "AFTER", "RATIO", "FROM", "TO", "VERDICT"].map(str::to_owned);
    let rows = benchmarks.iter().map(|Change { id, before_ns, after_ns, ratio, verdict }| {
        let [ratio, low, high] = [ratio.ratio, ratio.low, ratio.high].map(|ratio| format!("{ratio:.3}"));
        [id.clone(), time(*before_ns), time(*after_ns), ratio, low, high, word(*verdict).to_owned()]
    });
    if benchmarks.is_empty() {
        text += "\nno benchmark is in both\n";
    } else {
        text += &format!(
            "\n{}\nRATIO: after/before, below 1 is faster; FROM and TO: its {} % interval; unclear: it may be within {} % of 1\n",
            lines([head].into_iter().chain(rows), 1),
            comparison.confidence_level * 100.0,
            comparison.noise_threshold * 100.0,
        );
    }
    for (word, ids) in [("before", only_before), ("after", only_after)] {
        if !ids.is_empty() {
            text += &format!("only {word}: {}\n", ids.join(", "));
        }
    }
    text
}

/// Rows with columns of one width: texts on the left, and from some column on numbers, on the right.
fn lines<const N: usize>(rows: impl Iterator<Item = [String; N]>, numbers_from: usize) -> String {
    let rows: Vec<[String; N]> = rows.collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            if column < numbers_from { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Nanoseconds with a unit that leaves one to three digits before the point.
fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "us"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    match value {
        value if value < 10.0 => format!("{value:.3} {unit}"),
        value if value < 100.0 => format!("{value:.2} {unit}"),
        value => format!("{value:.1} {unit}"),
    }
}

fn filter(metadata: &Metadata) -> String {
    metadata.facts.filter.clone().unwrap_or_else(|| "full suite".to_owned())
}

fn revision(revision: &Revision) -> String {
    let commit = revision.commit.as_deref().map_or("none", |commit| commit.get(..COMMIT_LETTERS).unwrap_or(commit));
    if revision.dirty { format!("{commit} with changes") } else { commit.to_owned() }
}

fn side(side: &Side) -> String {
    format!("{}, begun {}, revision {}", short(&side.guid), to_the_second(&side.begun), revision(&side.revision))
}

fn to_the_second(time: &str) -> String {
    time.split('.').next().unwrap_or(time).replace('T', " ")
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Improved => "improved",
        Verdict::Regressed => "regressed",
        Verdict::Unclear => "unclear",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_unit_that_suits_them() {
        let cases = [(0.5, "0.500 ns"), (999.4, "999.4 ns"), (8_973.7, "8.974 us"), (12_345_678.0, "12.35 ms")];
        for (ns, text) in cases.into_iter().chain([(250e9, "250.0 s")]) {
            assert_eq!(time(ns), text);
        }
    }

    #[test]
    fn columns_have_one_width() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let rows = [row(["A", "N", "V"]), row(["größer", "10", "unclear"]), row(["b", "9", "x"])];
        assert_eq!(lines(rows.into_iter(), 1), "A        N        V\ngrößer  10  unclear\nb        9        x");
    }
}
