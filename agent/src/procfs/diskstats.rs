//! `/proc/diskstats`: the node's block devices, whole ones only.
//!
//! The kernel lists a disk and then its partitions, so a partition is known by its name: the disk's, and a number behind it
//! (after a `p` where the disk's own name ends in a digit). That needs no list of drivers, and a lone `xvda1` that is all a
//! virtual machine has stays a disk. Loop devices and RAM disks (`loopN`, `ramN`) are left out: what they do is counted
//! again by the disk or the memory below them.

use super::{lines, number, words};
use crate::table::disks::FIELDS;

/// Bytes of a sector in this file, whatever the device's own are.
const SECTOR_BYTES: i64 = 512;

/// A whole block device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk<'a> {
    /// Its name: `sda`, `nvme0n1`, `dm-0`.
    pub name: &'a [u8],
    /// Its major and minor number.
    pub number: (u32, u32),
}

/// Hands on each device that ever did IO with its numbers, one per column of the `disks` table as far as the kernel has
/// them.
pub fn parse(text: &[u8], mut each: impl FnMut(Disk<'_>, &[i64])) {
    for_each_device(text, |disk, numbers| {
        let mut values = [0; FIELDS.len()];
        let mut length = 0;
        for ((value, field), word) in values.iter_mut().zip(FIELDS).zip(numbers.map_while(number)) {
            *value = match field.name {
                name if name.ends_with("_bytes") => word.saturating_mul(SECTOR_BYTES),
                name if name.ends_with("_usec") => word.saturating_mul(1000),
                _ => word,
            };
            length += 1;
        }
        if values.iter().any(|&value| value != 0) {
            each(disk, &values[..length]);
        }
    });
}

/// The name of a device, a partition's too.
#[must_use]
pub fn name_of(text: &[u8], device: (u32, u32)) -> Option<&[u8]> {
    lines(text).filter_map(device_line).find(|(disk, _)| disk.number == device).map(|(disk, _)| disk.name)
}

fn for_each_device<'a>(text: &'a [u8], mut each: impl FnMut(Disk<'a>, &mut dyn Iterator<Item = &'a [u8]>)) {
    let mut whole: &[u8] = b"";
    for (disk, mut numbers) in lines(text).filter_map(device_line) {
        if is_partition(disk.name, whole) {
            continue;
        }
        whole = disk.name;
        if !is_numbered(whole, b"loop") && !is_numbered(whole, b"ram") {
            each(disk, &mut numbers);
        }
    }
}

fn device_line(line: &[u8]) -> Option<(Disk<'_>, impl Iterator<Item = &[u8]>)> {
    let mut words = words(line);
    let mut part = || words.next().and_then(number).and_then(|number| u32::try_from(number).ok());
    let number = (part()?, part()?);
    let name = words.next()?;
    Some((Disk { name, number }, words))
}

fn is_partition(name: &[u8], whole: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(whole).filter(|_| !whole.is_empty()) else { return false };
    let digits = if whole.last().is_some_and(u8::is_ascii_digit) { rest.strip_prefix(b"p") } else { Some(rest) };
    digits.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

fn is_numbered(name: &[u8], driver: &[u8]) -> bool {
    name.strip_prefix(driver).is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disks(text: &str) -> Vec<(String, (u32, u32), Vec<i64>)> {
        let mut disks = Vec::new();
        parse(text.as_bytes(), |disk, values| {
            disks.push((String::from_utf8_lossy(disk.name).into_owned(), disk.number, values.to_vec()));
        });
        disks
    }

    fn names(text: &str) -> Vec<String> {
        disks(text).into_iter().map(|(name, ..)| name).collect()
    }

    #[test]
    fn numbers_of_linux_6_18_are_in_the_columns_units() {
        let text = " 254       0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n";
        let expected = vec![1, 2, 1536, 4000, 5, 6, 3584, 8000, 9, 10_000, 11_000, 12, 13, 7168, 15_000, 16, 17_000];
        assert_eq!(disks(text), [("vda".to_owned(), (254, 0), expected)]);
    }

    #[test]
    fn kernels_before_4_18_have_eleven_numbers() {
        let text = "   8       0 sda 1 0 0 0 0 0 0 0 0 0 0\n";
        assert_eq!(disks(text), [("sda".to_owned(), (8, 0), vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])]);
    }

    #[test]
    fn partitions_loops_ram_disks_and_unused_devices_are_left_out() {
        let text = "8 0 sda 1 0\n8 1 sda1 1 0\n8 16 sdb 1 0\n65 0 sdba 1 0\n259 0 nvme0n1 1 0\n259 1 nvme0n1p1 1 0\n\
            259 2 nvme0n12 1 0\n253 1 dm-1 1 0\n253 10 dm-10 1 0\n9 127 md127 1 0\n259 5 md127p1 1 0\n7 0 loop0 1 0\n\
            7 1 loop0p1 1 0\n1 0 ram0 1 0\n202 1 xvda1 1 0\n43 0 nbd0 0 0 0\n98 0 ubda 1 0\n98 1 ubda1 1 0\n";
        let expected = ["sda", "sdb", "sdba", "nvme0n1", "nvme0n12", "dm-1", "dm-10", "md127", "xvda1", "ubda"];
        assert_eq!(names(text), expected);
    }

    #[test]
    fn garbage_and_cut_lines_are_passed_over() {
        assert_eq!(names("x\n8\n8 0\n\n8 0 sda 1\n99999999999 0 sdb 1\n8 16 sdc 1"), ["sda"]);
    }

    #[test]
    fn a_partition_has_a_name_too() {
        let text = b"8 0 sda 1\n8 1 sda1 1\n";
        assert_eq!(name_of(text, (8, 1)), Some(b"sda1".as_slice()));
        assert_eq!(name_of(text, (8, 2)), None);
    }
}
