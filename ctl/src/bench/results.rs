//! What benchmarks measured: Criterion's files in, one object per benchmark out.
//!
//! Criterion leaves `GROUP/FUNCTION/VALUE/new/` with benchmark.json (its names), estimates.json and sample.json, and a
//! copy beside it, `base/`, for its own comparisons. benchmark.json is written last: where it is, the others are whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The content of results.json.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Results {
    /// By Criterion's id, `group/function/value`.
    pub(crate) benchmarks: BTreeMap<String, Measured>,
}

/// One benchmark: what an iteration takes, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) mean: Estimate,
    pub(crate) median: Estimate,
    pub(crate) std_dev: Estimate,
    pub(crate) samples: usize,
}

/// A number with its interval of confidence, both from Criterion's bootstrap.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Estimate {
    pub(crate) ns: f64,
    pub(crate) low_ns: f64,
    pub(crate) high_ns: f64,
    /// 0.95, unless a benchmark configures another.
    pub(crate) confidence_level: f64,
    pub(crate) standard_error_ns: f64,
}

/// Criterion's benchmark.json, as far as it is needed.
#[derive(Deserialize)]
struct Names {
    full_id: String,
}

/// Criterion's estimates.json, as far as it is needed.
#[derive(Deserialize)]
struct Estimates {
    mean: CriterionEstimate,
    median: CriterionEstimate,
    std_dev: CriterionEstimate,
}

#[derive(Deserialize)]
struct CriterionEstimate {
    confidence_interval: CriterionInterval,
    point_estimate: f64,
    standard_error: f64,
}

#[derive(Deserialize)]
struct CriterionInterval {
    confidence_level: f64,
    lower_bound: f64,
    upper_bound: f64,
}

/// Criterion's sample.json, as far as it is needed: the time of each sample, in nanoseconds.
#[derive(Deserialize)]
struct Sample {
    times: Vec<f64>,
}

impl From<CriterionEstimate> for Estimate {
    fn from(estimate: CriterionEstimate) -> Self {
        let CriterionInterval { confidence_level, lower_bound, upper_bound } = estimate.confidence_interval;
        Self {
            ns: estimate.point_estimate,
            low_ns: lower_bound,
            high_ns: upper_bound,
            confidence_level,
            standard_error_ns: estimate.standard_error,
        }
    }
}

/// All that Criterion has left below a directory.
pub(crate) fn collect(home: &Path) -> Result<Results> {
    let mut results = Results::default();
    for directory in measured(home)? {
        let Names { full_id } = read(&directory.join("benchmark.json"))?;
        let Estimates { mean, median, std_dev } = read(&directory.join("estimates.json"))?;
        let Sample { times } = read(&directory.join("sample.json"))?;
        ensure!(!times.is_empty(), "{} has no samples", directory.display());
        let (mean, median, std_dev) = (mean.into(), median.into(), std_dev.into());
        results.benchmarks.insert(full_id, Measured { mean, median, std_dev, samples: times.len() });
    }
    Ok(results)
}

/// The directories `new` of benchmarks that were measured to their end.
fn measured(home: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut pending) = (Vec::new(), vec![home.to_owned()]);
    while let Some(directory) = pending.pop() {
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            // Nothing was measured at all.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && directory == home => break,
            Err(error) => return Err(error).with_context(|| directory.display().to_string()),
        };
        for entry in entries {
            let entry = entry.with_context(|| directory.display().to_string())?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                pending.push(entry.path());
            }
        }
        if directory.ends_with("new") && directory.join("benchmark.json").is_file() {
            found.push(directory);
        }
    }
    Ok(found)
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<T> {
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is not what Criterion writes", file.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    // As Criterion 0.8.2 wrote them: `benchmark_group("fold")`, `BenchmarkId::new("sort", 1000)`, `sample_size(20)`.
    const BENCHMARK: &str = include_str!("../../tests/bench/criterion/benchmark.json");
    const ESTIMATES: &str = include_str!("../../tests/bench/criterion/estimates.json");
    const SAMPLE: &str = include_str!("../../tests/bench/criterion/sample.json");

    fn put(directory: &Path, names: &str, estimates: &str, sample: &str) {
        std::fs::create_dir_all(directory).unwrap();
        for (name, text) in [("benchmark.json", names), ("estimates.json", estimates), ("sample.json", sample)] {
            std::fs::write(directory.join(name), text).unwrap();
        }
    }

    #[test]
    fn what_criterion_wrote_is_collected_once() {
        let home = tempfile::tempdir().unwrap();
        put(&home.path().join("fold/sort/1000/new"), BENCHMARK, ESTIMATES, SAMPLE);
        put(&home.path().join("fold/sort/1000/base"), BENCHMARK, ESTIMATES, SAMPLE);
        // Its end was never reached.
        std::fs::create_dir_all(home.path().join("fold/half/new")).unwrap();
        std::fs::write(home.path().join("fold/half/new/sample.json"), SAMPLE).unwrap();
        let results = collect(home.path()).unwrap();
        assert_eq!(results.benchmarks.keys().collect::<Vec<_>>(), ["fold/sort/1000"]);
        let measured = &results.benchmarks["fold/sort/1000"];
        assert_eq!(measured.samples, 20);
        let mean = measured.mean;
        let expected = [(mean.ns, 8_973.687_835), (mean.low_ns, 8_020.269_257), (mean.high_ns, 9_958.050_481)];
        for (number, expected) in
            expected.into_iter().chain([(mean.standard_error_ns, 495.631_101), (mean.confidence_level, 0.95)])
        {
            assert!((number - expected).abs() < 1e-6, "{number} {expected}");
        }
        assert!(measured.median.ns > 8_776.0 && measured.std_dev.ns > 2_261.0);
        let text = serde_json::to_vec(&results).unwrap();
        let read = serde_json::from_slice::<Results>(&text).unwrap();
        assert_eq!(read.benchmarks["fold/sort/1000"].samples, 20);
    }

    #[test]
    fn nothing_measured_is_no_failure_and_damage_names_its_file() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(collect(&home.path().join("none")).unwrap(), Results::default());
        let cases = [(BENCHMARK, "{", SAMPLE, "estimates.json"), (BENCHMARK, ESTIMATES, "{}", "sample.json")];
        for (names, estimates, sample, file) in cases.into_iter().chain([("[]", ESTIMATES, SAMPLE, "benchmark.json")]) {
            put(&home.path().join("a/new"), names, estimates, sample);
            let error = format!("{:#}", collect(home.path()).unwrap_err());
            assert!(error.contains(file) && error.contains("is not what Criterion writes"), "{error}");
        }
        put(&home.path().join("a/new"), BENCHMARK, ESTIMATES, r#"{"times":[]}"#);
        assert!(collect(home.path()).unwrap_err().to_string().contains("has no samples"));
    }
}
