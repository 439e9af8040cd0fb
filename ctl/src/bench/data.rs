//! The data set that benchmarks read: how much of it, where it is, and how it is made.
//!
//! Benchmarks read what `BENCH_DATA` names; a relative path means the workspace's root (`benches/src/lib.rs`). A day of a
//! scenario has the generator's own place, `testdata/bench/SCENARIO`; every other duration has a place beside it. What is
//! there counts only when its `truth.json` says that it is what was asked for.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::invocation::Invocation;

const DAY_SECONDS: u64 = 86_400;
/// What `generate-bench-data` accepts.
const SHORTEST_SECONDS: u64 = 600;
const LONGEST_SECONDS: u64 = 31 * DAY_SECONDS;

/// How much data, in whole seconds; written with the largest unit that keeps it whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct DataDuration {
    seconds: u64,
}

impl DataDuration {
    /// Reads a number and a unit: `10m`, `1h`, `7d`; a plain number counts seconds.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let sentence = || "it must be whole seconds, from 10m to 31d: 1h, 6h, 24h, 2d or 7d".to_owned();
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let scale = match unit {
            "" | "s" => 1,
            "m" | "min" => 60,
            "h" => 3_600,
            "d" => DAY_SECONDS,
            "w" => 7 * DAY_SECONDS,
            _ => return Err(sentence()),
        };
        let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(scale)).ok_or_else(sentence)?;
        if (SHORTEST_SECONDS..=LONGEST_SECONDS).contains(&seconds) { Ok(Self { seconds }) } else { Err(sentence()) }
    }
}

impl fmt::Display for DataDuration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A single day is 24h everywhere in this project.
        let (scale, unit) = match self.seconds {
            seconds if seconds > DAY_SECONDS && seconds.is_multiple_of(DAY_SECONDS) => (DAY_SECONDS, "d"),
            seconds if seconds.is_multiple_of(3_600) => (3_600, "h"),
            seconds if seconds.is_multiple_of(60) => (60, "m"),
            _ => (1, "s"),
        };
        write!(out, "{}{unit}", self.seconds / scale)
    }
}

impl From<DataDuration> for String {
    fn from(duration: DataDuration) -> Self {
        duration.to_string()
    }
}

impl TryFrom<String> for DataDuration {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

/// What a data set says of itself; its facts are of no interest here.
#[derive(Deserialize)]
struct Truth {
    scenario: String,
    start_us: u64,
    end_us: u64,
}

/// Where a data set is, below the workspace's root.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) is_there: bool,
}

/// The place of a data set: where it is, else where it is to be made. What others put into the usual place stays.
pub(crate) fn place(top: &Path, scenario: &str, duration: DataDuration) -> Place {
    let below = Path::new("testdata/bench");
    let own = below.join(format!("{scenario}-{duration}"));
    let usual = (duration.seconds == DAY_SECONDS).then(|| below.join(scenario));
    for path in usual.iter().chain([&own]) {
        if is_what_was_asked(&top.join(path), scenario, duration) {
            return Place { path: path.clone(), is_there: true };
        }
    }
    let path = usual.filter(|path| !top.join(path).exists()).unwrap_or(own);
    Place { path, is_there: false }
}

fn is_what_was_asked(path: &Path, scenario: &str, duration: DataDuration) -> bool {
    let truth = std::fs::read(path.join("truth.json")).ok();
    let truth: Option<Truth> = truth.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    truth.is_some_and(|truth| {
        truth.scenario == scenario && truth.end_us.checked_sub(truth.start_us) == Some(duration.seconds * 1_000_000)
    })
}

/// The call that makes it.
pub(crate) fn generation(top: &Path, scenario: &str, duration: DataDuration, path: &Path) -> Invocation {
    Invocation::here("cargo")
        .args(["run", "--release", "--bin", "generate-bench-data", "--", "--scenario", scenario])
        .args(["--duration", &duration.to_string(), "--out"])
        .arg(path)
        .dir(top)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn parse(text: &str) -> DataDuration {
        DataDuration::parse(text).unwrap()
    }

    #[test]
    fn durations_that_are_alike_are_written_alike() {
        let cases = [("24h", "24h"), ("1d", "24h"), ("86400", "24h"), ("48h", "2d"), ("1w", "7d"), ("90m", "90m")];
        for (text, written) in cases.into_iter().chain([("60min", "1h"), ("601s", "601s"), ("10m", "10m")]) {
            assert_eq!(parse(text).to_string(), written, "{text}");
            assert_eq!(parse(written), parse(text), "{text}");
        }
        for text in ["", "h", "5m", "32d", "1.5h", "-1h", "1 h", "1y", "99999999999999999999h", "9999999999999999999d"]
        {
            assert!(DataDuration::parse(text).unwrap_err().contains("from 10m to 31d"), "{text}");
        }
    }

    #[test]
    fn a_data_set_counts_where_it_says_that_it_is_the_one() {
        let top = tempfile::tempdir().unwrap();
        let put = |name: &str, scenario: &str, hours: u64| {
            let directory = top.path().join("testdata/bench").join(name);
            std::fs::create_dir_all(&directory).unwrap();
            let end = 7 + hours * 3_600_000_000;
            let truth = format!(r#"{{"format":1,"scenario":"{scenario}","start_us":7,"end_us":{end},"facts":[]}}"#);
            std::fs::write(directory.join("truth.json"), truth).unwrap();
        };
        let place = |scenario: &str, duration: &str| place(top.path(), scenario, parse(duration));
        let at = |path: &str, is_there| Place { path: Path::new("testdata/bench").join(path), is_there };
        assert_eq!(place("realistic", "24h"), at("realistic", false));
        assert_eq!(place("realistic", "1h"), at("realistic-1h", false));
        put("realistic", "realistic", 24);
        put("realistic-1h", "realistic", 1);
        assert_eq!(place("realistic", "1d"), at("realistic", true));
        assert_eq!(place("realistic", "60m"), at("realistic-1h", true));
        assert_eq!(place("stress", "24h"), at("stress", false));
        // Another one is in the usual place: it stays.
        put("stress", "stress", 2);
        assert_eq!(place("stress", "24h"), at("stress-24h", false));
        std::fs::write(top.path().join("testdata/bench/realistic-1h/truth.json"), "{").unwrap();
        assert_eq!(place("realistic", "1h"), at("realistic-1h", false));
    }
}
