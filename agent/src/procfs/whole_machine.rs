//! Files about the machine as a whole: `stat`, `meminfo`, `loadavg`, and the protocol counters of a network namespace.
//!
//! Each hands on what makes sense of its text. The surprise: the keys of protocol counters come on one line and their
//! numbers on the next, both behind the protocol's name.

use super::{lines, number, words};
use crate::cgroup::convert;
use crate::metric::Convert::UserHzToUsec;

/// The numbers of the `cpu` line, in order: `guest_nice` is the last that any kernel has (since 2.6.33).
const CPU_STATES: [&str; 10] = [
    "cpu user",
    "cpu nice",
    "cpu system",
    "cpu idle",
    "cpu iowait",
    "cpu irq",
    "cpu softirq",
    "cpu steal",
    "cpu guest",
    "cpu guest_nice",
];

/// `/proc/stat`: the sums over CPUs in microseconds, the number of `cpuN` lines as `cpus`, and the first number of every
/// other line; thousands of interrupts behind it are not looked at.
pub fn stat(text: &[u8], user_hz: u64, mut each: impl FnMut(&[u8], i64)) {
    let mut cpus = 0;
    for line in lines(text) {
        let mut words = words(line);
        match words.next() {
            Some(b"cpu") => {
                for (state, ticks) in CPU_STATES.iter().zip(words.map_while(number)) {
                    each(state.as_bytes(), convert(UserHzToUsec, ticks, user_hz));
                }
            }
            Some(name) if name.starts_with(b"cpu") && number(&name[3..]).is_some() => cpus += 1,
            Some(name) => {
                if let Some(value) = words.next().and_then(number) {
                    each(name, value);
                }
            }
            None => {}
        }
    }
    if cpus > 0 {
        each(b"cpus", cpus);
    }
}

/// `/proc/meminfo`: `NAME: N kB`, handed on as bytes, and `NAME: N`, handed on as it is.
pub fn meminfo(text: &[u8], mut each: impl FnMut(&[u8], i64)) {
    for line in lines(text) {
        let mut words = words(line);
        let name = words.next().and_then(|name| name.strip_suffix(b":")).filter(|name| !name.is_empty());
        let (Some(name), Some(value)) = (name, words.next().and_then(number)) else { continue };
        match words.next() {
            None => each(name, value),
            Some(b"kB") => each(name, value.saturating_mul(1024)),
            Some(_) => {}
        }
    }
}

/// `/proc/loadavg`: `0.20 0.18 0.12 1/80 11206`, the averages times 1000 as `1`, `5` and `15`, the tasks as `tasks`.
pub fn loadavg(text: &[u8], mut each: impl FnMut(&[u8], i64)) {
    let Some(line) = lines(text).next() else { return };
    let mut words = words(line);
    for key in [b"1".as_slice(), b"5", b"15"] {
        if let Some(value) = words.next().and_then(thousandths) {
            each(key, value);
        }
    }
    let tasks = words.next().and_then(|word| word.split(|&byte| byte == b'/').nth(1));
    if let Some(tasks) = tasks.and_then(number) {
        each(b"tasks", tasks);
    }
}

/// A number with a fraction, times 1000.
fn thousandths(word: &[u8]) -> Option<i64> {
    let dot = word.iter().position(|&byte| byte == b'.')?;
    let (whole, fraction) = (number(&word[..dot])?, &word[dot + 1..]);
    number(fraction)?;
    let digit = |at: usize| fraction.get(at).map_or(0, |byte| i64::from(byte.wrapping_sub(b'0')));
    Some(whole.saturating_mul(1000).saturating_add(digit(0) * 100 + digit(1) * 10 + digit(2)))
}

/// `/proc/net/snmp` and `/proc/net/netstat`: pairs of lines `Tcp: KEY KEY ..` and `Tcp: N N ..`, keys handed on as
/// `Tcp KEY`. A number that may be negative (`MaxConn`) and is, is passed over.
pub fn paired(text: &[u8], mut each: impl FnMut(&[u8], i64)) {
    let mut key = Vec::with_capacity(64);
    let mut lines = lines(text);
    let mut header = lines.next();
    while let Some(keys) = header {
        let Some(numbers) = lines.next() else { return };
        let (mut keys, mut values) = (words(keys), words(numbers));
        let Some(protocol) = keys.next().and_then(|name| name.strip_suffix(b":")).filter(|name| !name.is_empty())
        else {
            header = Some(numbers);
            continue;
        };
        if values.next().and_then(|name| name.strip_suffix(b":")) != Some(protocol) {
            header = Some(numbers);
            continue;
        }
        for (name, value) in keys.zip(values) {
            if let Some(value) = number(value) {
                key.clear();
                key.extend_from_slice(protocol);
                key.push(b' ');
                key.extend_from_slice(name);
                each(&key, value);
            }
        }
        header = lines.next();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn collected(parse: impl FnOnce(&mut dyn FnMut(&[u8], i64))) -> BTreeMap<String, i64> {
        let mut values = BTreeMap::new();
        parse(&mut |key, value| {
            values.insert(String::from_utf8_lossy(key).into_owned(), value);
        });
        values
    }

    fn named(pairs: &[(&str, i64)]) -> BTreeMap<String, i64> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn stat_of_linux_6_18_has_every_cpu_state_in_microseconds() {
        let text = b"cpu  929180 38112 147518 1287216 10842 0 3597 3707 5 6\n\
            cpu0 450355 19707 63173 670651 2777 0 1571 1900 0 0\ncpu1 478824 18404 84345 616564 8065 0 2025 1807 0 0\n\
            intr 9690460 0 0 11\nctxt 21412982\nbtime 1795406455\nprocesses 196786\nprocs_running 3\nprocs_blocked 1\n\
            softirq 4039357 0 527612\n";
        let expected = named(&[
            ("cpu user", 9_291_800_000),
            ("cpu nice", 381_120_000),
            ("cpu system", 1_475_180_000),
            ("cpu idle", 12_872_160_000),
            ("cpu iowait", 108_420_000),
            ("cpu irq", 0),
            ("cpu softirq", 35_970_000),
            ("cpu steal", 37_070_000),
            ("cpu guest", 50_000),
            ("cpu guest_nice", 60_000),
            ("cpus", 2),
            ("intr", 9_690_460),
            ("softirq", 4_039_357),
            ("ctxt", 21_412_982),
            ("btime", 1_795_406_455),
            ("processes", 196_786),
            ("procs_running", 3),
            ("procs_blocked", 1),
        ]);
        assert_eq!(collected(|each| stat(text, 100, each)), expected);
    }

    #[test]
    fn stat_of_an_old_kernel_has_fewer_states() {
        let text = b"cpu 10 0 20 30\nctxt 5\n";
        let expected = [
            ("cpu user", 10_000_000),
            ("cpu nice", 0),
            ("cpu system", 20_000_000),
            ("cpu idle", 30_000_000),
            ("ctxt", 5),
        ];
        assert_eq!(collected(|each| stat(text, 1, each)), named(&expected));
    }

    #[test]
    fn meminfo_is_bytes_but_for_what_counts_pages() {
        let text =
            b"MemTotal:       24683656 kB\nActive(anon):       2888 kB\nHugePages_Total:       4\nOdd: 3 MB\nCut: 7";
        let expected = named(&[("MemTotal", 25_276_063_744), ("Active(anon)", 2_957_312), ("HugePages_Total", 4)]);
        assert_eq!(collected(|each| meminfo(text, each)), expected);
    }

    #[test]
    fn loads_are_thousandths() {
        let expected = named(&[("1", 200), ("5", 10_180), ("15", 1_120), ("tasks", 80)]);
        assert_eq!(collected(|each| loadavg(b"0.20 10.18 1.12 1/80 11206\n", each)), expected);
        assert_eq!(collected(|each| loadavg(b"0.20 x\n", each)), named(&[("1", 200)]));
        assert_eq!(collected(|each| loadavg(b"0.20 0.1", each)), named(&[]));
    }

    #[test]
    fn protocol_counters_find_their_keys_on_the_line_before() {
        let text = b"Tcp: MaxConn EstabResets RetransSegs\nTcp: -1 87 2\nUdp: InDatagrams\nUdp: 225\n\
            TcpExt: ListenDrops\nTcpExt: 4 5\n";
        let expected =
            [("Tcp EstabResets", 87), ("Tcp RetransSegs", 2), ("Udp InDatagrams", 225), ("TcpExt ListenDrops", 4)];
        assert_eq!(collected(|each| paired(text, each)), named(&expected));
    }

    #[test]
    fn a_lost_line_of_keys_costs_one_protocol_only() {
        let text = b"Ip: 1 2\nTcp: RetransSegs\nTcp: 2\nUdp: InDatagrams\n";
        assert_eq!(collected(|each| paired(text, each)), named(&[("Tcp RetransSegs", 2)]));
    }
}
