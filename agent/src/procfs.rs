//! Parsers of /proc files: text in, numbers in the unit of their column out; they open nothing.
//!
//! [`parse`] reads the files of the whole machine and names each number by the key that `table::node` spells; the modules
//! below know one file each. Text is bytes, because a process may be called anything. These are our own and not
//! procfs-core's, which makes a `String` of every key and asks for UTF-8: it is the second opinion in the tests. The
//! surprise: a short or odd line is passed over, and only a text with nothing in it that makes sense is [`Garbled`]:
//! kernels add lines and fields, and of a file of sixty numbers the other fifty-nine are still true.

pub mod cmdline;
pub mod diskstats;
pub mod netdev;
pub mod process;

mod whole_machine;

use crate::cgroup::{Garbled, flat, pressure};
pub use whole_machine::{loadavg, meminfo, paired, stat};

/// The shape of a file of the whole machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `/proc/stat`.
    Stat,
    /// `/proc/meminfo`.
    Meminfo,
    /// `/proc/loadavg`.
    Loadavg,
    /// `/proc/pressure/*`.
    Pressure,
    /// `/proc/vmstat`.
    Vmstat,
    /// `/proc/net/snmp` and `/proc/net/netstat`.
    Paired,
}

/// The shape of a file by its name below /proc.
#[must_use]
pub fn shape(file: &str) -> Option<Shape> {
    Some(match file.rsplit('/').next()? {
        "stat" => Shape::Stat,
        "meminfo" => Shape::Meminfo,
        "loadavg" => Shape::Loadavg,
        "vmstat" => Shape::Vmstat,
        "snmp" | "netstat" => Shape::Paired,
        _ if file.contains("/pressure/") => Shape::Pressure,
        _ => return None,
    })
}

/// Hands on each number of a file with its key as the tables' columns spell it, in the column's unit.
///
/// # Errors
///
/// [`Garbled`] where nothing in the text makes sense.
pub fn parse(shape: Shape, text: &[u8], user_hz: u64, mut each: impl FnMut(&[u8], i64)) -> Result<(), Garbled> {
    let mut any = false;
    let mut deliver = |key: &[u8], value: i64| {
        any = true;
        each(key, value);
    };
    match shape {
        Shape::Stat => stat(text, user_hz, deliver),
        Shape::Meminfo => meminfo(text, deliver),
        Shape::Loadavg => loadavg(text, deliver),
        Shape::Paired => paired(text, deliver),
        Shape::Pressure => {
            let totals = pressure::parse(text)?;
            totals.some_total_usec.into_iter().for_each(|usec| deliver(b"some", stored(usec)));
            totals.full_total_usec.into_iter().for_each(|usec| deliver(b"full", stored(usec)));
        }
        Shape::Vmstat => vmstat(text, deliver),
    }
    if any { Ok(()) } else { Err(Garbled) }
}

/// `/proc/vmstat`: one number per key; `allocstall` is the sum of what kernels since 4.10 count per zone.
fn vmstat(text: &[u8], mut each: impl FnMut(&[u8], i64)) {
    let mut stalls: Option<i64> = None;
    // Lines that make no sense are passed over, as everywhere here.
    let _ = flat::parse(text, |key, value| {
        if key.starts_with(b"allocstall") {
            stalls = Some(stalls.unwrap_or(0).saturating_add(stored(value)));
        } else {
            each(key, stored(value));
        }
    });
    if let Some(stalls) = stalls {
        each(b"allocstall", stalls);
    }
}

/// The whole lines of a text; a last line without its end may be half a number and is left out.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|&byte| byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"))
}

/// The words of a line.
pub(crate) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty())
}

/// A word of digits; what does not fit is `i64::MAX`, as everywhere in the store.
pub(crate) fn number(word: &[u8]) -> Option<i64> {
    let digit = |sum: i64, &byte: &u8| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| sum.saturating_mul(10).saturating_add(i64::from(digit)))
    };
    if word.is_empty() { None } else { word.iter().try_fold(0, digit) }
}

fn stored(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    pub(super) fn values(shape: Shape, text: &[u8]) -> BTreeMap<String, i64> {
        let mut values = BTreeMap::new();
        let _ = parse(shape, text, 100, |key, value| {
            values.insert(String::from_utf8_lossy(key).into_owned(), value);
        });
        values
    }

    fn named(pairs: &[(&str, i64)]) -> BTreeMap<String, i64> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
    }

    const SHAPES: [Shape; 6] =
        [Shape::Stat, Shape::Meminfo, Shape::Loadavg, Shape::Pressure, Shape::Vmstat, Shape::Paired];

    #[test]
    fn every_file_of_the_node_and_network_tables_has_a_shape() {
        for field in crate::table::node::FIELDS {
            let (file, key) = field.place().expect("a file and a key");
            assert!(shape(file).is_some() && !key.is_empty(), "{}", field.source);
        }
        for (file, shape_of_it) in [("/proc/pressure/io", Shape::Pressure), ("/proc/1/net/snmp", Shape::Paired)] {
            assert_eq!(shape(file), Some(shape_of_it));
        }
        assert_eq!((shape("/proc/version"), shape("")), (None, None));
    }

    #[test]
    fn stalls_are_summed_over_the_zones_that_kernels_since_4_10_tell_apart() {
        assert_eq!(values(Shape::Vmstat, b"allocstall 7\n"), named(&[("allocstall", 7)]));
        let text = b"pgfault 201\nallocstall_dma32 1\nallocstall_normal 2\npgscan_kswapd 5\n";
        assert_eq!(values(Shape::Vmstat, text), named(&[("pgfault", 201), ("allocstall", 3), ("pgscan_kswapd", 5)]));
    }

    #[test]
    fn pressure_of_interrupts_has_no_some() {
        let text = b"full avg10=0.00 avg60=0.00 avg300=0.00 total=72884922\n";
        assert_eq!(values(Shape::Pressure, text), named(&[("full", 72_884_922)]));
    }

    #[test]
    fn text_without_sense_is_garbled() {
        for shape in SHAPES {
            for text in ["", "\n\n", "garbage", "x y z\n", "cpu\nTcp:\nTcp:\n:\n: :\n"] {
                let nothing = parse(shape, text.as_bytes(), 100, |key, value| panic!("{key:?} {value}"));
                assert_eq!(nothing, Err(Garbled), "{shape:?} {text:?}");
            }
        }
    }

    #[test]
    fn a_number_is_digits_and_stops_at_the_largest() {
        assert_eq!(number(b"0042"), Some(42));
        assert_eq!(number(b"18446744073709551615"), Some(i64::MAX));
        assert_eq!([&b""[..], b"-1", b"1x", b" 1"].map(number), [None; 4]);
    }

    proptest! {
        #[test]
        fn no_input_panics(text in proptest::collection::vec(any::<u8>(), 0..400), user_hz: u64) {
            for shape in SHAPES {
                let _ = parse(shape, &text, user_hz, |_, _| {});
            }
            diskstats::parse(&text, |_, _| {});
            netdev::parse(&text, |_, _| {});
            let _ = (process::Stat::parse(&text, user_hz), process::Status::parse(&text), process::Io::parse(&text));
            let _ = (process::run_queue_wait_usec(&text), process::Rollup::parse(&text));
            let _ = (cmdline::printable(&text), cmdline::command_line(&text, true));
        }

        #[test]
        fn no_words_and_numbers_panic(text in "([a-z]{0,4}[0-9:() ]{0,30}(kB)?[ \n]){0,40}", user_hz: u64) {
            for shape in SHAPES {
                let _ = parse(shape, text.as_bytes(), user_hz, |_, _| {});
            }
            diskstats::parse(text.as_bytes(), |_, _| {});
            netdev::parse(text.as_bytes(), |_, _| {});
            let _ = process::Stat::parse(text.as_bytes(), user_hz);
        }

        #[test]
        fn a_printable_text_has_no_control_characters(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let printable = cmdline::printable(&text);
            prop_assert!(!printable.chars().any(char::is_control));
            let line = cmdline::command_line(&text, false);
            prop_assert!(line.is_none_or(|line| !line.chars().any(char::is_control)));
        }
    }
}
