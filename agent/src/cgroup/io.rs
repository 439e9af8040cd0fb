//! IO totals over all devices: v2's `io.stat` and v1's `blkio.throttle.*`.
//!
//! The surprise: a device called `(unknown)` is left out of the sums. It is a disk without a device node of its own, one
//! path below a multipath disk, and the disk above it has counted the same IO already (and the kubelet's numbers leave
//! it out too).

use crate::cgroup::Garbled;
use crate::cgroup::single::digits;

/// Sums of `io.stat` over devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IoTotals {
    /// Bytes read.
    pub rbytes: u64,
    /// Bytes written.
    pub wbytes: u64,
    /// Read operations.
    pub rios: u64,
    /// Write operations.
    pub wios: u64,
    /// Bytes discarded, since Linux 4.19; `None` where devices have counts but not this one.
    pub dbytes: Option<u64>,
    /// Discard operations, since Linux 4.19; `None` where devices have counts but not this one.
    pub dios: Option<u64>,
}

/// Sums of one v1 `blkio.throttle.*` file over devices: bytes or operations, as the file's name says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThrottleTotals {
    /// Reads.
    pub read: u64,
    /// Writes.
    pub write: u64,
    /// Discards, since Linux 4.19; `None` where devices have counts but not this one.
    pub discard: Option<u64>,
}

/// One count summed over devices: `None` until a device has it.
#[derive(Clone, Copy, Default)]
struct Sum(Option<u64>);

impl Sum {
    fn add(&mut self, value: u64) {
        self.0 = Some(self.0.unwrap_or(0).saturating_add(value));
    }

    /// The sum of a count that every kernel has: 0 where no device did IO.
    fn total(self) -> u64 {
        self.0.unwrap_or(0)
    }

    /// The sum of a count that old kernels lack: absent only where `others` proves that devices have counts at all.
    fn if_counted(self, others: Self) -> Option<u64> {
        self.0.or(if others.0.is_none() { Some(0) } else { None })
    }
}

/// Reads `io.stat`: `MAJ:MIN rbytes=N wbytes=N rios=N wios=N dbytes=N dios=N` lines.
///
/// The file is empty, and every total 0, in a cgroup that never did IO. A device may have no counts, or other keys beside
/// them (`cost.usage`, `use_delay`, `depth=max`), which are passed over. Some kernels forget the end of the line after a
/// device without counts, so a line may begin with several devices; the counts belong to the last.
///
/// # Errors
///
/// [`Garbled`] where a line does not begin with a device, a count is no number, or the last line is cut.
pub fn parse_stat(text: &[u8]) -> Result<IoTotals, Garbled> {
    let [mut rbytes, mut wbytes, mut rios, mut wios, mut dbytes, mut dios] = [Sum::default(); 6];
    for line in lines(text)? {
        let mut device = None;
        for word in line.split(|&byte| byte == b' ').filter(|word| !word.is_empty()) {
            let Some(equals) = word.iter().position(|&byte| byte == b'=') else {
                device = Some(Device::parse(word)?);
                continue;
            };
            let sum = match &word[..equals] {
                b"rbytes" => &mut rbytes,
                b"wbytes" => &mut wbytes,
                b"rios" => &mut rios,
                b"wios" => &mut wios,
                b"dbytes" => &mut dbytes,
                b"dios" => &mut dios,
                _ => continue,
            };
            device.ok_or(Garbled)?.count(sum, &word[equals + 1..])?;
        }
        device.ok_or(Garbled)?;
    }
    Ok(IoTotals {
        rbytes: rbytes.total(),
        wbytes: wbytes.total(),
        rios: rios.total(),
        wios: wios.total(),
        dbytes: dbytes.if_counted(rbytes),
        dios: dios.if_counted(rios),
    })
}

/// Reads a v1 `blkio.throttle.*` file: `MAJ:MIN OPERATION N` lines and one `Total N`.
///
/// `Sync`, `Async` and `Total` count the same IO once more and are passed over, as is any operation not known here.
///
/// # Errors
///
/// [`Garbled`] where a line has another shape, the last line is cut, or the text is empty: the kernel always writes the
/// `Total`.
pub fn parse_throttle(text: &[u8]) -> Result<ThrottleTotals, Garbled> {
    let [mut read, mut write, mut discard] = [Sum::default(); 3];
    if text.is_empty() {
        return Err(Garbled);
    }
    for line in lines(text)? {
        let mut words = line.split(|&byte| byte == b' ');
        let (device, operation, value) = match (words.next(), words.next(), words.next(), words.next()) {
            (Some(device), Some(operation), Some(value), None) => (Device::parse(device)?, operation, value),
            (Some(b"Total"), Some(value), None, None) => {
                digits(value).ok_or(Garbled)?;
                continue;
            }
            _ => return Err(Garbled),
        };
        let mut passed_over = Sum::default();
        let sum = match operation {
            b"Read" => &mut read,
            b"Write" => &mut write,
            b"Discard" => &mut discard,
            _ => &mut passed_over,
        };
        device.count(sum, value)?;
    }
    Ok(ThrottleTotals { read: read.total(), write: write.total(), discard: discard.if_counted(read) })
}

/// A device's major and minor number.
pub type DeviceNumber = (u32, u32);

/// Hands on each device's counts in a text that [`parse_stat`] has found good, by key.
pub fn each_stat_device(text: &[u8], mut each: impl FnMut(DeviceNumber, &[u8], u64)) {
    for line in text.split(|&byte| byte == b'\n') {
        let mut device = None;
        for word in line.split(|&byte| byte == b' ').filter(|word| !word.is_empty()) {
            match word.iter().position(|&byte| byte == b'=') {
                None => device = device_number(word),
                Some(equals) => {
                    if let (Some(device), Some(value)) = (device, digits(&word[equals + 1..])) {
                        each(device, &word[..equals], value);
                    }
                }
            }
        }
    }
}

/// Hands on each device's counts in a text that [`parse_throttle`] has found good, by operation.
pub fn each_throttle_device(text: &[u8], mut each: impl FnMut(DeviceNumber, &[u8], u64)) {
    for line in text.split(|&byte| byte == b'\n') {
        let mut words = line.split(|&byte| byte == b' ');
        if let (Some(device), Some(operation), Some(value)) = (words.next(), words.next(), words.next())
            && let (Some(device), Some(value)) = (device_number(device), digits(value))
        {
            each(device, operation, value);
        }
    }
}

fn device_number(word: &[u8]) -> Option<DeviceNumber> {
    let colon = word.iter().position(|&byte| byte == b':')?;
    let part = |digit: &[u8]| digits(digit).and_then(|number| u32::try_from(number).ok());
    Some((part(&word[..colon])?, part(&word[colon + 1..])?))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Device {
    /// `MAJ:MIN`.
    Numbered,
    /// `(unknown)`: see the module's header.
    Hidden,
}

impl Device {
    fn parse(word: &[u8]) -> Result<Self, Garbled> {
        if word == b"(unknown)" {
            return Ok(Self::Hidden);
        }
        let colon = word.iter().position(|&byte| byte == b':').ok_or(Garbled)?;
        digits(&word[..colon]).and(digits(&word[colon + 1..])).map(|_| Self::Numbered).ok_or(Garbled)
    }

    fn count(self, sum: &mut Sum, value: &[u8]) -> Result<(), Garbled> {
        let value = digits(value).ok_or(Garbled)?;
        if self == Self::Numbered {
            sum.add(value);
        }
        Ok(())
    }
}

/// The lines of a text that may be empty, each with its end.
fn lines(text: &[u8]) -> Result<impl Iterator<Item = &[u8]>, Garbled> {
    let ended = if text.is_empty() { text } else { text.strip_suffix(b"\n").ok_or(Garbled)? };
    Ok(ended.split(|&byte| byte == b'\n').take(if text.is_empty() { 0 } else { usize::MAX }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_stat_of_linux_7_3_is_summed_over_devices() {
        let text = b"254:0 rbytes=480923648 wbytes=530538496 rios=117413 wios=129526 dbytes=0 dios=0\n\
            98:0 rbytes=67108864 wbytes=8503296 rios=2048 wios=555 dbytes=4096 dios=1\n";
        let expected = IoTotals {
            rbytes: 548_032_512,
            wbytes: 539_041_792,
            rios: 119_461,
            wios: 130_081,
            dbytes: Some(4096),
            dios: Some(1),
        };
        assert_eq!(parse_stat(text), Ok(expected));
    }

    #[test]
    fn the_unknown_device_of_linux_6_12_is_not_counted_twice() {
        let text = b"(unknown) rbytes=0 wbytes=0 rios=0 wios=965 dbytes=0 dios=0\n\
            259:1 rbytes=0 wbytes=8544256 rios=0 wios=965 dbytes=0 dios=0\n";
        let expected = IoTotals { wbytes: 8_544_256, wios: 965, dbytes: Some(0), dios: Some(0), ..IoTotals::default() };
        assert_eq!(parse_stat(text), Ok(expected));
    }

    #[test]
    fn io_stat_before_linux_4_19_has_no_discards() {
        let totals = IoTotals { rbytes: 1, wbytes: 2, rios: 3, wios: 4, dbytes: None, dios: None };
        assert_eq!(parse_stat(b"8:0 rbytes=1 wbytes=2 rios=3 wios=4\n"), Ok(totals));
    }

    #[test]
    fn a_cgroup_that_never_did_io_has_zeros() {
        let zeros = IoTotals { dbytes: Some(0), dios: Some(0), ..IoTotals::default() };
        for text in ["", "254:0 \n", "254:0\n", "254:0 \n43:480 \n7:0 \n", "8:0 cost.usage=12\n"] {
            assert_eq!(parse_stat(text.as_bytes()), Ok(zeros), "{text:?}");
        }
    }

    #[test]
    fn other_keys_and_devices_that_share_a_line_are_passed_over() {
        let text = b"7:1 7:0 8:0 rbytes=5 wbytes=0 rios=1 wios=0 dbytes=0 dios=0 cost.usage=9 depth=max avg_lat=3\n";
        let expected = IoTotals { rbytes: 5, rios: 1, dbytes: Some(0), dios: Some(0), ..IoTotals::default() };
        assert_eq!(parse_stat(text), Ok(expected));
    }

    #[test]
    fn devices_are_told_apart_as_they_are_summed() {
        let mut seen = Vec::new();
        let stat = b"(unknown) wbytes=1\n7:1 8:0 rbytes=5 depth=max dios=0\n8:16 wios=3\n";
        each_stat_device(stat, |device, key, value| {
            seen.push((device, String::from_utf8_lossy(key).into_owned(), value))
        });
        each_throttle_device(b"8:0 Read 3\n(unknown) Read 9\nTotal 3\n", |device, key, value| {
            seen.push((device, String::from_utf8_lossy(key).into_owned(), value));
        });
        let seen: Vec<_> = seen.iter().map(|(device, key, value)| (*device, key.as_str(), *value)).collect();
        assert_eq!(seen, [((8, 0), "rbytes", 5), ((8, 0), "dios", 0), ((8, 16), "wios", 3), ((8, 0), "Read", 3)]);
    }

    #[test]
    fn sums_stop_at_the_largest_number() {
        let text = b"8:0 rbytes=18446744073709551615\n8:1 rbytes=1\n";
        assert_eq!(parse_stat(text).map(|totals| totals.rbytes), Ok(u64::MAX));
        let text = b"8:0 Read 18446744073709551615\n8:1 Read 1\nTotal 0\n";
        assert_eq!(parse_throttle(text).map(|totals| totals.read), Ok(u64::MAX));
    }

    #[test]
    fn io_stat_of_another_shape_is_garbled() {
        for text in [
            "\n",
            "rbytes=1\n",
            "sda rbytes=1\n",
            "8: rbytes=1\n",
            ":0 rbytes=1\n",
            "8:0 rbytes=\n",
            "8:0 rbytes=-1\n",
            "8:0 rbytes=x\n",
            "8:0 rbytes=18446744073709551616\n",
            "8:0 rbytes=1 wbytes\n",
            "8:0 rbytes=1\n\n",
            "8:0 rbytes=12",
        ] {
            assert_eq!(parse_stat(text.as_bytes()), Err(Garbled), "{text:?}");
        }
    }

    #[test]
    fn throttle_of_linux_6_18_is_summed_over_devices() {
        let text = b"254:0 Read 1327104\n254:0 Write 3158016\n254:0 Sync 4485120\n254:0 Async 0\n254:0 Discard 0\n\
            254:0 Total 4485120\n8:16 Read 1\n8:16 Write 2\n8:16 Sync 3\n8:16 Async 0\n8:16 Discard 4\n8:16 Total 7\n\
            (unknown) Read 5\n(unknown) Total 5\nTotal 4485132\n";
        let expected = ThrottleTotals { read: 1_327_105, write: 3_158_018, discard: Some(4) };
        assert_eq!(parse_throttle(text), Ok(expected));
    }

    #[test]
    fn throttle_before_linux_4_19_has_no_discards() {
        let text = b"8:0 Read 3\n8:0 Write 1\n8:0 Sync 4\n8:0 Async 0\n8:0 Total 4\nTotal 4\n";
        assert_eq!(parse_throttle(text), Ok(ThrottleTotals { read: 3, write: 1, discard: None }));
    }

    #[test]
    fn throttle_without_devices_is_zero() {
        let zeros = ThrottleTotals { read: 0, write: 0, discard: Some(0) };
        assert_eq!(parse_throttle(b"Total 0\n"), Ok(zeros));
    }

    #[test]
    fn throttle_of_another_shape_is_garbled() {
        for text in [
            "",
            "\n",
            "Total\n",
            "Total x\n",
            "8:0 Read\n",
            "8:0 Read x\n",
            "8:0 Read 1 2\n",
            "sda Read 1\n",
            "8:0 Read 12",
        ] {
            assert_eq!(parse_throttle(text.as_bytes()), Err(Garbled), "{text:?}");
        }
    }
}
