//! The files of one process: `stat`, `status`, `io`, `schedstat`, `smaps_rollup`.
//!
//! The surprise: the second field of `stat` is the process's name in parentheses and may have spaces, parentheses and
//! newlines of its own, so the fields after it begin at the last `)`.

use super::{lines, number, words};
use crate::cgroup::{Garbled, convert};
use crate::metric::Convert::{NanosToUsec, UserHzToUsec};

/// `/proc/[pid]/stat`, numbers of all threads together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat<'a> {
    /// The name, at most 15 bytes (64 of a kernel thread), any bytes but NUL.
    pub comm: &'a [u8],
    /// `R`, `S`, `D`, `Z` and others of proc(5).
    pub state: u8,
    /// The parent's process id; 0 where that is in another pid namespace.
    pub parent_pid: i64,
    /// Page faults without IO.
    pub minor_faults: i64,
    /// Page faults with IO.
    pub major_faults: i64,
    /// CPU time in user mode, microseconds.
    pub utime_usec: i64,
    /// CPU time in kernel mode, microseconds.
    pub stime_usec: i64,
    /// Threads.
    pub threads: i64,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
    /// Address space, bytes.
    pub virtual_bytes: i64,
    /// Resident pages.
    pub rss_pages: i64,
}

impl<'a> Stat<'a> {
    /// Reads the text.
    ///
    /// # Errors
    ///
    /// [`Garbled`] where it ends early or a field is no number.
    pub fn parse(text: &'a [u8], user_hz: u64) -> Result<Self, Garbled> {
        let open = text.iter().position(|&byte| byte == b'(').ok_or(Garbled)?;
        let close = text.iter().rposition(|&byte| byte == b')').filter(|&close| close > open).ok_or(Garbled)?;
        // One more than is wanted: the last word of a text that ends early may be half a number.
        let mut fields = [b"".as_slice(); 23];
        let mut words = words(&text[close + 1..]);
        for field in &mut fields {
            *field = words.next().ok_or(Garbled)?;
        }
        // Field N of proc(5) is at N - 3: the first two were the pid and the name.
        let field = |of_the_manual: usize| number(fields[of_the_manual - 3]).ok_or(Garbled);
        let usec = |ticks| convert(UserHzToUsec, ticks, user_hz);
        Ok(Self {
            comm: &text[open + 1..close],
            state: *fields[0].first().ok_or(Garbled)?,
            parent_pid: field(4)?,
            minor_faults: field(10)?,
            major_faults: field(12)?,
            utime_usec: usec(field(14)?),
            stime_usec: usec(field(15)?),
            threads: field(20)?,
            start_ticks: field(22)?.unsigned_abs(),
            virtual_bytes: field(23)?,
            // Split counters may add up to less than nothing for a moment.
            rss_pages: if fields[21].starts_with(b"-") { 0 } else { field(24)? },
        })
    }
}

/// What `/proc/[pid]/status` has and `stat` has not; a kernel thread or a zombie has no memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Most that was ever resident, bytes.
    pub rss_peak_bytes: Option<i64>,
    /// Resident anonymous memory, bytes.
    pub rss_anon_bytes: Option<i64>,
    /// Resident file pages, bytes.
    pub rss_file_bytes: Option<i64>,
    /// Resident shared memory, bytes.
    pub rss_shmem_bytes: Option<i64>,
    /// Memory in swap, bytes.
    pub swap_bytes: Option<i64>,
    /// Times that the first thread waited.
    pub voluntary_switches: Option<i64>,
    /// Times that the first thread was made to give way.
    pub involuntary_switches: Option<i64>,
}

impl Status {
    /// Reads the text.
    ///
    /// # Errors
    ///
    /// [`Garbled`] where nothing that is looked for is in it.
    pub fn parse(text: &[u8]) -> Result<Self, Garbled> {
        let mut status = Self::default();
        keyed(text, |key, value| {
            let slot = match key {
                b"VmHWM" => &mut status.rss_peak_bytes,
                b"RssAnon" => &mut status.rss_anon_bytes,
                b"RssFile" => &mut status.rss_file_bytes,
                b"RssShmem" => &mut status.rss_shmem_bytes,
                b"VmSwap" => &mut status.swap_bytes,
                b"voluntary_ctxt_switches" => &mut status.voluntary_switches,
                b"nonvoluntary_ctxt_switches" => &mut status.involuntary_switches,
                _ => return,
            };
            *slot = Some(value);
        });
        if status == Self::default() { Err(Garbled) } else { Ok(status) }
    }
}

/// `/proc/[pid]/io`; reading another user's needs `CAP_SYS_PTRACE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Io {
    /// Bytes returned by read calls.
    pub read_call_bytes: Option<i64>,
    /// Bytes taken by write calls.
    pub write_call_bytes: Option<i64>,
    /// Read calls.
    pub read_calls: Option<i64>,
    /// Write calls.
    pub write_calls: Option<i64>,
    /// Bytes read from block devices.
    pub read_bytes: Option<i64>,
    /// Bytes sent to block devices.
    pub write_bytes: Option<i64>,
    /// Bytes of those that were dropped before they were written.
    pub cancelled_write_bytes: Option<i64>,
}

impl Io {
    /// Reads the text.
    ///
    /// # Errors
    ///
    /// [`Garbled`] where nothing that is looked for is in it.
    pub fn parse(text: &[u8]) -> Result<Self, Garbled> {
        let mut io = Self::default();
        keyed(text, |key, value| {
            let slot = match key {
                b"rchar" => &mut io.read_call_bytes,
                b"wchar" => &mut io.write_call_bytes,
                b"syscr" => &mut io.read_calls,
                b"syscw" => &mut io.write_calls,
                b"read_bytes" => &mut io.read_bytes,
                b"write_bytes" => &mut io.write_bytes,
                b"cancelled_write_bytes" => &mut io.cancelled_write_bytes,
                _ => return,
            };
            *slot = Some(value);
        });
        if io == Self::default() { Err(Garbled) } else { Ok(io) }
    }
}

/// `/proc/[pid]/smaps_rollup` (since Linux 4.14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rollup {
    /// Resident memory, shared pages divided, bytes.
    pub pss_bytes: Option<i64>,
    /// Its anonymous part (since Linux 5.4), bytes.
    pub pss_anon_bytes: Option<i64>,
    /// Its part in files (since Linux 5.4), bytes.
    pub pss_file_bytes: Option<i64>,
    /// Its part in shared memory (since Linux 5.4), bytes.
    pub pss_shmem_bytes: Option<i64>,
    /// Memory in swap, divided likewise, bytes.
    pub swap_pss_bytes: Option<i64>,
}

impl Rollup {
    /// Reads the text.
    ///
    /// # Errors
    ///
    /// [`Garbled`] where there is no `Pss` line in it.
    pub fn parse(text: &[u8]) -> Result<Self, Garbled> {
        let mut rollup = Self::default();
        keyed(text, |key, value| {
            let slot = match key {
                b"Pss" => &mut rollup.pss_bytes,
                b"Pss_Anon" => &mut rollup.pss_anon_bytes,
                b"Pss_File" => &mut rollup.pss_file_bytes,
                b"Pss_Shmem" => &mut rollup.pss_shmem_bytes,
                b"SwapPss" => &mut rollup.swap_pss_bytes,
                _ => return,
            };
            *slot = Some(value);
        });
        if rollup.pss_bytes.is_none() { Err(Garbled) } else { Ok(rollup) }
    }
}

/// The second number of `/proc/[pid]/schedstat`: the first thread's time on run queues, in microseconds.
///
/// # Errors
///
/// [`Garbled`] where there are not three numbers.
pub fn run_queue_wait_usec(text: &[u8]) -> Result<i64, Garbled> {
    let mut numbers = words(lines(text).next().ok_or(Garbled)?).map(number);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Some(_)), Some(Some(nanos)), Some(Some(_))) => Ok(convert(NanosToUsec, nanos, 1)),
        _ => Err(Garbled),
    }
}

/// Lines of `KEY: N` and `KEY: N kB`, the latter handed on as bytes.
fn keyed(text: &[u8], mut each: impl FnMut(&[u8], i64)) {
    for line in lines(text) {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let mut words = words(&line[colon + 1..]);
        let Some(value) = words.next().and_then(number) else { continue };
        match words.next() {
            None => each(&line[..colon], value),
            Some(b"kB") => each(&line[..colon], value.saturating_mul(1024)),
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &[u8] = b"2025 (cat) R 2013 2013 25137 0 -1 4194304 101 0 3 0 77 5 0 0 20 0 4 0 1216406 3133440 363 \
        18446744073709551615 94734512943104 94734512962985 140720695022304 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 1 2 3 4 5 6 7 0\n";

    #[test]
    fn stat_of_linux_6_18_is_read() {
        let expected = Stat {
            comm: b"cat",
            state: b'R',
            parent_pid: 2013,
            minor_faults: 101,
            major_faults: 3,
            utime_usec: 770_000,
            stime_usec: 50_000,
            threads: 4,
            start_ticks: 1_216_406,
            virtual_bytes: 3_133_440,
            rss_pages: 363,
        };
        assert_eq!(Stat::parse(REAL, 100), Ok(expected));
    }

    #[test]
    fn a_name_may_have_parentheses_spaces_and_newlines() {
        for name in ["a) R 1 (b", ")", "((", "x\ny", "", ") S 1"] {
            let text = String::from_utf8_lossy(REAL).replace("(cat)", &format!("({name})"));
            let stat = Stat::parse(text.as_bytes(), 100).expect("parsed");
            assert_eq!((stat.comm, stat.threads), (name.as_bytes(), 4), "{name:?}");
        }
    }

    #[test]
    fn resident_pages_below_zero_are_none() {
        let text = String::from_utf8_lossy(REAL).replace(" 363 ", " -2 ");
        assert_eq!(Stat::parse(text.as_bytes(), 100).map(|stat| stat.rss_pages), Ok(0));
    }

    #[test]
    fn a_short_stat_is_garbled() {
        let behind_rss = REAL.windows(4).position(|four| four == b"363 ").expect("it is there") + 4;
        for length in [0, 3, 9, 30, 80, behind_rss - 1, behind_rss] {
            assert_eq!(Stat::parse(&REAL[..length], 100), Err(Garbled), "{length}");
        }
        assert_eq!(Stat::parse(b")(", 100), Err(Garbled));
    }

    #[test]
    fn status_is_bytes_and_switches() {
        let text =
            b"Name:\tcat\nVmHWM:\t    1628 kB\nRssAnon:\t     112 kB\nRssFile:\t    1516 kB\nRssShmem:\t       0 kB\n\
            VmSwap:\t       4 kB\nCpus_allowed:\t3\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t1\n";
        let expected = Status {
            rss_peak_bytes: Some(1_667_072),
            rss_anon_bytes: Some(114_688),
            rss_file_bytes: Some(1_552_384),
            rss_shmem_bytes: Some(0),
            swap_bytes: Some(4096),
            voluntary_switches: Some(12),
            involuntary_switches: Some(1),
        };
        assert_eq!(Status::parse(text), Ok(expected));
        let of_a_kernel_thread = Status { voluntary_switches: Some(3), ..Status::default() };
        assert_eq!(Status::parse(b"Name:\tkthreadd\nvoluntary_ctxt_switches:\t3\nnonvol"), Ok(of_a_kernel_thread));
        assert_eq!(Status::parse(b"Name:\tx\n"), Err(Garbled));
    }

    #[test]
    fn io_is_read_by_name() {
        let text = b"rchar: 8692\nwchar: 1716\nsyscr: 14\nsyscw: 2\nread_bytes: 4096\nwrite_bytes: 0\ncancelled_write_bytes: 8\n";
        let expected = Io {
            read_call_bytes: Some(8692),
            write_call_bytes: Some(1716),
            read_calls: Some(14),
            write_calls: Some(2),
            read_bytes: Some(4096),
            write_bytes: Some(0),
            cancelled_write_bytes: Some(8),
        };
        assert_eq!(Io::parse(text), Ok(expected));
        assert_eq!(Io::parse(b""), Err(Garbled));
    }

    #[test]
    fn run_queue_wait_is_microseconds() {
        assert_eq!(run_queue_wait_usec(b"1217944 2455064 2\n"), Ok(2455));
        for text in ["", "1 2\n", "1 2 3", "x y z\n"] {
            assert_eq!(run_queue_wait_usec(text.as_bytes()), Err(Garbled), "{text:?}");
        }
    }

    #[test]
    fn rollups_before_linux_5_4_have_no_parts() {
        let text = b"562918fdd000-7ffc170a2000 ---p 00000000 00:00 0                          [rollup]\n\
            Rss:                1628 kB\nPss:                 292 kB\nSwapPss:               0 kB\n";
        let expected = Rollup { pss_bytes: Some(299_008), swap_pss_bytes: Some(0), ..Rollup::default() };
        assert_eq!(Rollup::parse(text), Ok(expected));
        let newer = b"Pss: 1 kB\nPss_Dirty: 9 kB\nPss_Anon: 2 kB\nPss_File: 3 kB\nPss_Shmem: 4 kB\n";
        let parts =
            Rollup::parse(newer).map(|rollup| [rollup.pss_anon_bytes, rollup.pss_file_bytes, rollup.pss_shmem_bytes]);
        assert_eq!(parts, Ok([Some(2048), Some(3072), Some(4096)]));
        assert_eq!(Rollup::parse(b"Rss: 1 kB\n"), Err(Garbled));
    }
}
