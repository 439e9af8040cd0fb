//! Writes numbers with their unit, as people read them: `1.5 GiB`, `0.31 cores`, `12 s`.
//!
//! The surprise: numbers have three digits that count, whatever their size, because more would pretend.

use crate::model::UnixMicros;
use crate::rfc3339;

/// Writes the values of one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// The unit of the series as the catalogue has it: `bytes`, `cores`, `percent`, `bytes/s`.
    pub unit: &'static str,
}

impl Words {
    /// A value.
    #[must_use]
    pub fn value(self, value: f64) -> String {
        match self.unit.split_once('/') {
            Some(("bytes", per)) => format!("{}/{per}", bytes(value)),
            _ => match self.unit {
                "bytes" => bytes(value),
                "percent" => format!("{} %", digits(value)),
                "usec" => duration(value / 1e6),
                "" | "count" | "1" => digits(value),
                unit => format!("{} {unit}", digits(value)),
            },
        }
    }

    /// How much it changes in a second; told per hour where that reads better.
    #[must_use]
    pub fn per_second(self, rate: f64) -> String {
        let per = |value: f64, per: &str| format!("{} per {per}", self.value(value));
        // A number below a hundredth is better said of a longer time.
        let is_small = if self.unit.starts_with("bytes") { rate.abs() < 1024.0 } else { rate.abs() < 0.01 };
        if is_small && rate != 0.0 { per(rate * 3600.0, "hour") } else { per(rate, "second") }
    }
}

/// A duration in seconds: `350 ms`, `12 s`, `4.5 min`, `3.2 h`, `5.1 d`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let size = seconds.abs();
    let (scale, unit) = match size {
        _ if size == 0.0 => (1.0, "s"),
        _ if size < 1e-3 => (1e6, "us"),
        _ if size < 1.0 => (1e3, "ms"),
        _ if size < 120.0 => (1.0, "s"),
        _ if size < 7200.0 => (1.0 / 60.0, "min"),
        _ if size < 172_800.0 => (1.0 / 3600.0, "h"),
        _ => (1.0 / 86_400.0, "d"),
    };
    format!("{} {unit}", digits(seconds * scale))
}

/// A time, to the second.
#[must_use]
pub fn time(time: UnixMicros) -> String {
    rfc3339::format_seconds(time)
}

/// A share from 0 to 1 in percent.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{} %", digits(share * 100.0))
}

fn bytes(value: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut scaled = value;
    let mut unit = 0;
    while scaled.abs() >= 1024.0 && unit + 1 < units.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{} {}", digits(scaled), units[unit])
}

/// Three digits that count.
#[must_use]
pub fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let before = value.abs().log10().floor() as i32 + 1;
    let decimals = (3 - before).clamp(0, 9) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_unit_and_three_digits() {
        let of = |unit: &'static str, value: f64| Words { unit }.value(value);
        assert_eq!(of("bytes", 1_610_612_736.0), "1.5 GiB");
        assert_eq!(of("bytes/s", 2_048.0), "2 KiB/s");
        assert_eq!(of("cores", 0.312_49), "0.312 cores");
        assert_eq!(of("percent", 99.96), "100 %");
        assert_eq!(of("usec", 1_500.0), "1.5 ms");
        assert_eq!(of("count", 12_345.6), "12346");
        assert_eq!(Words { unit: "bytes" }.per_second(100.0), "352 KiB per hour");
        assert_eq!(Words { unit: "cores" }.per_second(-0.5), "-0.5 cores per second");
        assert_eq!([duration(0.0), duration(90.0), duration(5400.0)], ["0 s", "90 s", "90 min"]);
        assert_eq!(time(1_795_406_400_400_000), "2026-11-23T04:00:00Z");
    }
}
