//! Parsers of cgroup files: text in, typed values out; they open nothing.
//!
//! [`parse`] reads any file of the catalogue by its [`Format`] and names each value by the catalogue's key. The modules
//! below it know one kernel format each. The surprise: text that makes no sense is never an error of its own kind,
//! because the caller can only do one thing about it; [`Garbled`] says so, and the good lines are still delivered where
//! a line stands for itself.

use crate::metric::{Convert, Format};

pub mod cpu_max;
pub mod flat;
pub mod io;
pub mod path;
pub mod pressure;
pub mod single;

/// The text, or a part of it, is not what the kernel writes into such a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the kernel's text is garbled")]
pub struct Garbled;

/// Reads one kernel file and hands on each value with its key as the catalogue's `Source::key` spells it, unconverted.
///
/// A value above `i64::MAX` is handed on as `i64::MAX`.
///
/// # Errors
///
/// [`Garbled`] where a part of the text makes no sense. Of a flat-keyed file the good lines have been handed on by then;
/// of any other file nothing has.
pub fn parse(format: Format, text: &[u8], each: &mut impl FnMut(&[u8], i64)) -> Result<(), Garbled> {
    match format {
        Format::Single => each(b"", single::parse(text)?.stored()),
        Format::FlatKeyed => return flat::parse(text, |key, value| each(key, stored(value))),
        Format::CpuMax => {
            let max = cpu_max::parse(text)?;
            each(b"quota", max.quota_usec.stored());
            each(b"period", max.period_usec);
        }
        Format::Pressure => {
            let pressure = pressure::parse(text)?;
            deliver(each, [(b"some".as_slice(), pressure.some_total_usec), (b"full", pressure.full_total_usec)]);
        }
        Format::IoStat => {
            let io = io::parse_stat(text)?;
            let bytes = [(b"rbytes".as_slice(), Some(io.rbytes)), (b"wbytes", Some(io.wbytes)), (b"dbytes", io.dbytes)];
            let ios = [(b"rios".as_slice(), Some(io.rios)), (b"wios", Some(io.wios)), (b"dios", io.dios)];
            deliver(each, bytes);
            deliver(each, ios);
        }
        Format::BlkioThrottle => {
            let io = io::parse_throttle(text)?;
            deliver(each, [(b"Read".as_slice(), Some(io.read)), (b"Write", Some(io.write)), (b"Discard", io.discard)]);
        }
    }
    Ok(())
}

fn deliver<const N: usize>(each: &mut impl FnMut(&[u8], i64), values: [(&[u8], Option<u64>); N]) {
    values.into_iter().filter_map(|(key, value)| Some((key, value?))).for_each(|(key, value)| each(key, stored(value)));
}

fn stored(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Turns the kernel's number into the column's unit. `user_hz` is the machine's `USER_HZ` (`getconf CLK_TCK`).
///
/// A `cpu.shares` becomes the weight that the kernel itself shows for it in v2's `cpu.weight`: `shares * 100 / 1024`,
/// rounded to the nearest, within 1..=10000 (`kernel/sched/core.c`, `cpu_weight_read_u64`). Runtimes map the other
/// way by other formulas, so a weight they set under v2 differs from the one shown here for the same container under v1.
#[must_use]
pub fn convert(convert: Convert, value: i64, user_hz: u64) -> i64 {
    match convert {
        Convert::Verbatim | Convert::KeepLimit => value,
        Convert::NanosToUsec => value / 1000,
        Convert::UserHzToUsec => {
            let hz = stored(user_hz).max(1);
            // Whole seconds apart from the rest: the product of ticks and a million overflows long before the result.
            let rest = (value % hz).saturating_mul(1_000_000) / hz;
            (value / hz).saturating_mul(1_000_000).saturating_add(rest)
        }
        Convert::SharesToWeight => (value.saturating_mul(100).saturating_add(512) / 1024).clamp(1, 10_000),
    }
}

/// Whether the cgroup of this `cgroup.events` text, or one below it, holds a process; `None` where the text does not say.
#[must_use]
pub fn populated(text: &[u8]) -> Option<bool> {
    let mut populated = None;
    // A line that makes no sense beside a good `populated` line takes nothing away from it.
    let _ = flat::parse(text, |key, value| {
        if key == b"populated" {
            populated = Some(value != 0);
        }
    });
    populated
}

/// The value of a key of a flat-keyed file, `memory.events` for one; `None` where the text does not have it.
#[must_use]
pub fn flat_value(text: &[u8], wanted: &[u8]) -> Option<i64> {
    let mut found = None;
    let _ = flat::parse(text, |key, value| {
        if key == wanted {
            found = i64::try_from(value).ok();
        }
    });
    found
}

/// The first process in this `cgroup.procs` text, which may be the beginning of a longer file.
///
/// A process of a foreign pid namespace is listed as 0 and passed over: nothing can be looked up by it.
#[must_use]
pub fn first_pid(text: &[u8]) -> Option<u32> {
    let end = text.iter().rposition(|&byte| byte == b'\n')?;
    let pids = text[..end].split(|&byte| byte == b'\n').filter_map(single::digits);
    pids.filter_map(|pid| u32::try_from(pid).ok()).find(|&pid| pid != 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORMATS: [Format; 6] =
        [Format::Single, Format::FlatKeyed, Format::CpuMax, Format::Pressure, Format::IoStat, Format::BlkioThrottle];

    /// One real text of each format.
    const REAL: [&[u8]; 6] = [
        b"201326592\n",
        b"usage_usec 45021573\nuser_usec 20019729\nsystem_usec 25001843\nnice_usec 0\nnr_periods 889\n",
        b"50000 100000\n",
        b"some avg10=84.91 avg60=66.81 avg300=22.33 total=76329222\n\
          full avg10=67.96 avg60=54.36 avg300=18.26 total=62596675\n",
        b"(unknown) rbytes=0 wbytes=0 rios=0 wios=1975 dbytes=0 dios=0\n7:0 \n\
          259:1 rbytes=0 wbytes=17174528 rios=0 wios=1975 dbytes=0 dios=0\n",
        b"254:0 Read 70\n254:0 Write 8\n254:0 Sync 78\n254:0 Async 0\n254:0 Discard 0\n254:0 Total 78\nTotal 78\n",
    ];

    fn collect(format: Format, text: &[u8]) -> (Vec<(String, i64)>, Result<(), Garbled>) {
        let mut values = Vec::new();
        let mut each = |key: &[u8], value| values.push((String::from_utf8_lossy(key).into_owned(), value));
        let outcome = parse(format, text, &mut each);
        (values, outcome)
    }

    fn values(format: Format, text: &[u8]) -> Vec<(String, i64)> {
        let (values, outcome) = collect(format, text);
        assert_eq!(outcome, Ok(()));
        values
    }

    fn named(values: &[(&str, i64)]) -> Vec<(String, i64)> {
        values.iter().map(|&(key, value)| (key.to_owned(), value)).collect()
    }

    #[test]
    fn each_format_names_its_values_as_the_catalogue_does() {
        assert_eq!(values(Format::Single, b"max\n"), named(&[("", i64::MAX)]));
        assert_eq!(
            values(Format::FlatKeyed, b"low 0\nhigh 18446744073709551615\n"),
            named(&[("low", 0), ("high", i64::MAX)])
        );
        assert_eq!(values(Format::CpuMax, b"max 100000\n"), named(&[("quota", i64::MAX), ("period", 100_000)]));
        assert_eq!(values(Format::Pressure, REAL[3]), named(&[("some", 76_329_222), ("full", 62_596_675)]));
        let io = [("rbytes", 0), ("wbytes", 17_174_528), ("dbytes", 0), ("rios", 0), ("wios", 1975), ("dios", 0)];
        assert_eq!(values(Format::IoStat, REAL[4]), named(&io));
        assert_eq!(values(Format::BlkioThrottle, REAL[5]), named(&[("Read", 70), ("Write", 8), ("Discard", 0)]));
    }

    #[test]
    fn what_the_kernel_lacks_is_not_handed_on() {
        let pressure = b"some avg10=0.00 avg60=0.00 avg300=0.00 total=17\n";
        assert_eq!(values(Format::Pressure, pressure), named(&[("some", 17)]));
        let io = named(&[("rbytes", 1), ("wbytes", 2), ("rios", 3), ("wios", 4)]);
        assert_eq!(values(Format::IoStat, b"8:0 rbytes=1 wbytes=2 rios=3 wios=4\n"), io);
        let io = named(&[("Read", 3), ("Write", 0)]);
        assert_eq!(values(Format::BlkioThrottle, b"8:0 Read 3\n8:0 Total 3\nTotal 3\n"), io);
    }

    #[test]
    fn times_become_microseconds() {
        assert_eq!(convert(Convert::NanosToUsec, 990_540_662, 100), 990_540);
        assert_eq!(convert(Convert::UserHzToUsec, 77, 100), 770_000);
        assert_eq!(convert(Convert::UserHzToUsec, 1023, 1024), 999_023);
        assert_eq!(convert(Convert::UserHzToUsec, i64::MAX / 1000, 100), i64::MAX);
        assert_eq!(convert(Convert::UserHzToUsec, 5_000_000_000_000_000, 1000), 5_000_000_000_000_000_000);
        assert_eq!(convert(Convert::UserHzToUsec, 3, 0), 3_000_000, "a tick rate that cannot be is taken as 1");
    }

    #[test]
    fn shares_become_the_weight_that_the_kernel_shows_for_them() {
        for (shares, weight) in [
            (2, 1),
            (10, 1),
            (512, 50),
            (1024, 100),
            (1029, 100),
            (1030, 101),
            (2048, 200),
            (102_400, 10_000),
            (262_144, 10_000),
        ] {
            assert_eq!(convert(Convert::SharesToWeight, shares, 100), weight, "{shares} shares");
        }
        assert_eq!(convert(Convert::SharesToWeight, i64::MAX, 100), 10_000);
    }

    #[test]
    fn limits_and_plain_values_stay_as_they_are() {
        assert_eq!(convert(Convert::KeepLimit, i64::MAX, 100), i64::MAX);
        assert_eq!(convert(Convert::Verbatim, 5, 100), 5);
    }

    #[test]
    fn cgroup_events_say_whether_a_process_lives() {
        assert_eq!(populated(b"populated 1\nfrozen 0\n"), Some(true));
        assert_eq!(populated(b"populated 0\nfrozen 0\n"), Some(false));
        assert_eq!(populated(b"populated 0\nfroz"), Some(false));
        assert_eq!(populated(b"frozen 0\n"), None);
        assert_eq!(populated(b"populated 1"), None);
        assert_eq!(populated(b""), None);
    }

    #[test]
    fn the_first_pid_is_the_first_of_this_pid_namespace() {
        assert_eq!(first_pid(b"833\n856\n857\n"), Some(833));
        assert_eq!(first_pid(b"0\n0\n31\n"), Some(31));
        assert_eq!(first_pid(b"0\n85"), None, "a pid that may go on is not one");
        assert_eq!(first_pid(b"0\n"), None);
        assert_eq!(first_pid(b""), None);
        assert_eq!(first_pid(b"x\n99999999999\n7\n"), Some(7));
    }

    /// A real text with some of its bytes replaced, and perhaps cut or doubled.
    fn mutated() -> impl Strategy<Value = Vec<u8>> {
        let edits = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
        (prop::sample::select(REAL.to_vec()), edits, any::<prop::sample::Index>(), any::<bool>()).prop_map(
            |(real, edits, cut, twice)| {
                let mut text = if twice { [real, real].concat() } else { real.to_vec() };
                edits.into_iter().for_each(|(at, byte)| {
                    let at = at.index(text.len());
                    text[at] = byte;
                });
                text.truncate(cut.index(text.len() * 2));
                text
            },
        )
    }

    proptest! {
        #[test]
        fn no_input_panics(text in prop_oneof![proptest::collection::vec(any::<u8>(), 0..300), mutated()]) {
            for format in FORMATS {
                let _ = collect(format, &text);
            }
            io::each_stat_device(&text, |_, _, _| {});
            io::each_throttle_device(&text, |_, _, _| {});
            let _ = (populated(&text), first_pid(&text), single::parse_number(&text));
        }

        #[test]
        fn no_number_panics_when_converted(value in any::<i64>(), user_hz in any::<u64>()) {
            for kind in [Convert::Verbatim, Convert::NanosToUsec, Convert::UserHzToUsec, Convert::SharesToWeight, Convert::KeepLimit] {
                let _ = convert(kind, value, user_hz);
            }
        }

        #[test]
        fn a_cut_line_never_yields_a_number(cut in any::<prop::sample::Index>()) {
            for (format, real) in FORMATS.into_iter().zip(REAL).filter(|(format, _)| !matches!(format, Format::Single | Format::CpuMax)) {
                let whole = collect(format, real).0;
                let cut = &real[..cut.index(real.len())];
                let (got, outcome) = collect(format, cut);
                if cut.ends_with(b"\n") || cut.is_empty() {
                    continue; // whole lines: fewer of them, each as the kernel wrote it
                }
                prop_assert_eq!(outcome, Err(Garbled));
                prop_assert!(got.iter().all(|value| whole.contains(value)));
            }
        }
    }
}
