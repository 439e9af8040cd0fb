//! `cpu.max`: `QUOTA PERIOD` or `max PERIOD`, microseconds (cgroup v2, since Linux 4.15).

use crate::cgroup::Garbled;
use crate::cgroup::single::{Limit, digits, limit};

/// The CPU bandwidth limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuMax {
    /// CPU time allowed per period over all CPUs, microseconds.
    pub quota_usec: Limit,
    /// Length of a period, microseconds.
    pub period_usec: i64,
}

/// Reads `cpu.max`. The end of the line may be missing, as in every file of one line.
///
/// # Errors
///
/// [`Garbled`] unless there are exactly a quota and a period, neither of them negative.
pub fn parse(text: &[u8]) -> Result<CpuMax, Garbled> {
    let line = text.strip_suffix(b"\n").unwrap_or(text);
    let space = line.iter().position(|&byte| byte == b' ').ok_or(Garbled)?;
    let (quota, period) = (&line[..space], &line[space + 1..]);
    if quota.starts_with(b"-") {
        return Err(Garbled); // v1's way to say "no limit"; v2 says `max`
    }
    let quota_usec = limit(quota).ok_or(Garbled)?;
    let period_usec = digits(period).and_then(|period| i64::try_from(period).ok()).ok_or(Garbled)?;
    Ok(CpuMax { quota_usec, period_usec })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_and_no_quota_are_read() {
        let quota = CpuMax { quota_usec: Limit::Value(50_000), period_usec: 100_000 };
        assert_eq!(parse(b"50000 100000\n"), Ok(quota));
        assert_eq!(parse(b"50000 100000"), Ok(quota));
        assert_eq!(parse(b"max 100000\n"), Ok(CpuMax { quota_usec: Limit::Max, period_usec: 100_000 }));
    }

    #[test]
    fn a_huge_quota_is_no_limit_and_a_huge_period_is_garbled() {
        let text = b"18446744073709551615 100000\n";
        assert_eq!(parse(text), Ok(CpuMax { quota_usec: Limit::Max, period_usec: 100_000 }));
        assert_eq!(parse(b"max 9223372036854775808\n"), Err(Garbled));
    }

    #[test]
    fn anything_but_a_quota_and_a_period_is_garbled() {
        for text in [
            "",
            "\n",
            "max",
            "max\n",
            "max \n",
            " 100000\n",
            "-1 100000\n",
            "max max\n",
            "1 2 3\n",
            "1  2\n",
            "1 2\n3 4\n",
        ] {
            assert_eq!(parse(text.as_bytes()), Err(Garbled), "{text:?}");
        }
    }
}
