//! Flat-keyed files: `KEY VALUE` lines (`cpu.stat`, `memory.stat`, `memory.events`, `pids.events`, `cgroup.events`; on
//! v1 also `cpuacct.stat` and `memory.oom_control`).
//!
//! It knows no key: the caller decides which it wants. The surprise: `memory.stat` has 60 lines and is read for every
//! container every second, so this is one pass over the bytes, without UTF-8 checks and without allocation, and keys are
//! passed eight bytes at a time (0.4 µs for 61 lines where a loop over bytes takes 0.75 µs).

use crate::cgroup::{Garbled, single};

/// Hands each line's key and value to `each`, in the file's order.
///
/// # Errors
///
/// [`Garbled`], after every good line has been handed on, where a line was not `KEY VALUE`, the text was empty (none of
/// these files ever is) or its last line was cut: the kernel ends every line, so a line without an end may be half a
/// number and is not handed on.
#[inline]
pub fn parse(text: &[u8], mut each: impl FnMut(&[u8], u64)) -> Result<(), Garbled> {
    let mut rest = text;
    let mut outcome = if text.is_empty() { Err(Garbled) } else { Ok(()) };
    while !rest.is_empty() {
        match line(rest) {
            Some((key, value, after)) => {
                each(key, value);
                rest = after;
            }
            None => {
                outcome = Err(Garbled);
                rest = after_line(rest);
            }
        }
    }
    outcome
}

/// The first line's key and value, and the text after the line.
#[inline]
fn line(text: &[u8]) -> Option<(&[u8], u64, &[u8])> {
    let (key, rest) = text.split_at(key_length(text)?);
    let rest = rest.strip_prefix(b" ").filter(|_| !key.is_empty())?;
    let mut value = 0_u64;
    for (length, &byte) in rest.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            // Nineteen digits always fit; a longer number is read again with care.
            let value = if length <= 19 { value } else { single::digits(&rest[..length])? };
            return (byte == b'\n' && length > 0).then(|| (key, value, &rest[length + 1..]));
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    None
}

/// The number of bytes before the first space or control character, the end of a line among them.
#[inline]
fn key_length(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 0xFF;
    let mut at = 0;
    while let Some(eight) = text[at..].first_chunk() {
        let word = u64::from_le_bytes(*eight);
        // The top bit of each byte that is at most a space; a borrow spoils only the bytes after the first such one.
        let ends = word.wrapping_sub(ONES * u64::from(b' ' + 1)) & !word & (ONES << 7);
        if ends != 0 {
            return Some(at + (ends.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    text[at..].iter().position(|&byte| byte <= b' ').map(|rest| at + rest)
}

#[cold]
fn after_line(text: &[u8]) -> &[u8] {
    text.iter().position(|&byte| byte == b'\n').map_or(&[], |end| &text[end + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(text: &[u8]) -> (Vec<(String, u64)>, Result<(), Garbled>) {
        let mut lines = Vec::new();
        let outcome = parse(text, |key, value| lines.push((String::from_utf8_lossy(key).into_owned(), value)));
        (lines, outcome)
    }

    fn keys_and_values(lines: &[(&str, u64)]) -> Vec<(String, u64)> {
        lines.iter().map(|&(key, value)| (key.to_owned(), value)).collect()
    }

    #[test]
    fn v2_cpu_stat_of_linux_7_3_is_read() {
        let text = b"usage_usec 11397229\nuser_usec 9928128\nsystem_usec 1469101\nnice_usec 0\nnr_periods 225\n\
            nr_throttled 216\nthrottled_usec 30713826\nnr_bursts 0\nburst_usec 0\n";
        let expected = [
            ("usage_usec", 11_397_229),
            ("user_usec", 9_928_128),
            ("system_usec", 1_469_101),
            ("nice_usec", 0),
            ("nr_periods", 225),
            ("nr_throttled", 216),
            ("throttled_usec", 30_713_826),
            ("nr_bursts", 0),
            ("burst_usec", 0),
        ];
        assert_eq!(collect(text), (keys_and_values(&expected), Ok(())));
    }

    #[test]
    fn v1_cpu_stat_of_linux_6_18_is_read() {
        let text = b"nr_periods 56\nnr_throttled 25\nthrottled_time 150241997\nnr_bursts 0\nburst_time 0\n";
        let expected = [
            ("nr_periods", 56),
            ("nr_throttled", 25),
            ("throttled_time", 150_241_997),
            ("nr_bursts", 0),
            ("burst_time", 0),
        ];
        assert_eq!(collect(text), (keys_and_values(&expected), Ok(())));
    }

    #[test]
    fn a_key_that_is_not_in_any_catalogue_is_handed_on() {
        let text = b"core_sched.force_idle_usec 7\nx 1\n";
        assert_eq!(collect(text), (keys_and_values(&[("core_sched.force_idle_usec", 7), ("x", 1)]), Ok(())));
    }

    #[test]
    fn an_empty_text_is_garbled() {
        assert_eq!(collect(b""), (vec![], Err(Garbled)));
    }

    #[test]
    fn a_bad_line_is_left_out_and_reported_after_the_good_ones() {
        for bad in ["", "novalue", "novalue ", " 7", "a -1", "a 1 2", "a b", "a  1", "a 1.5", "a\t1", "a 1\r", "\0"] {
            let text = format!("first 1\n{bad}\nlast 2\n");
            let expected = (keys_and_values(&[("first", 1), ("last", 2)]), Err(Garbled));
            assert_eq!(collect(text.as_bytes()), expected, "{bad:?}");
        }
    }

    #[test]
    fn a_last_line_without_its_end_is_not_handed_on() {
        assert_eq!(collect(b"anon 134287360\nfile 251494"), (keys_and_values(&[("anon", 134_287_360)]), Err(Garbled)));
        assert_eq!(collect(b"anon 134287360\nfile"), (keys_and_values(&[("anon", 134_287_360)]), Err(Garbled)));
    }

    #[test]
    fn numbers_of_64_bits_are_read_and_longer_ones_are_garbled() {
        let text = b"max 18446744073709551615\nlong 00000000000000000000007\n";
        assert_eq!(collect(text), (keys_and_values(&[("max", u64::MAX), ("long", 7)]), Ok(())));
        let text = b"more 18446744073709551616\nmuch_more 99999999999999999999999999\n";
        assert_eq!(collect(text), (vec![], Err(Garbled)));
    }

    proptest::proptest! {
        #[test]
        fn what_the_kernel_would_write_is_read_back(lines in proptest::collection::vec(("[!-~]{1,40}", proptest::num::u64::ANY), 1..80)) {
            let text: String = lines.iter().map(|(key, value)| format!("{key} {value}\n")).collect();
            proptest::prop_assert_eq!(collect(text.as_bytes()), (lines, Ok(())));
        }
    }
}
