//! Pressure stall information: `cpu.pressure`, `memory.pressure`, `io.pressure` (since Linux 4.20).
//!
//! Only the totals are read; the averages are the kernel's own smoothing of the same totals.

use crate::cgroup::Garbled;
use crate::cgroup::single::digits;

/// Stall time since the cgroup was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Time in which at least one task waited, microseconds.
    pub some_total_usec: Option<u64>,
    /// Time in which all tasks waited, microseconds; `cpu.pressure` has it since Linux 5.13.
    pub full_total_usec: Option<u64>,
}

/// Reads a pressure file: `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, then the same for `full`.
///
/// A line of another name is passed over.
///
/// # Errors
///
/// [`Garbled`] where a `some` or `full` line has no total at its end, the last line is cut, or there is neither line.
pub fn parse(text: &[u8]) -> Result<Pressure, Garbled> {
    let mut pressure = Pressure::default();
    for line in text.strip_suffix(b"\n").ok_or(Garbled)?.split(|&byte| byte == b'\n') {
        if line.starts_with(b"some ") {
            pressure.some_total_usec = Some(total(line)?);
        } else if line.starts_with(b"full ") {
            pressure.full_total_usec = Some(total(line)?);
        }
    }
    if pressure == Pressure::default() { Err(Garbled) } else { Ok(pressure) }
}

/// The `total=` at the end of a line.
fn total(line: &[u8]) -> Result<u64, Garbled> {
    // The total is the last field: from the end it is a few digits away, from the beginning three averages.
    let equals = line.iter().rposition(|&byte| byte == b'=').ok_or(Garbled)?;
    let (name, value) = (&line[..equals], &line[equals + 1..]);
    if name.ends_with(b" total") { digits(value).ok_or(Garbled) } else { Err(Garbled) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_totals_of_linux_6_12_are_read() {
        let text = b"some avg10=84.91 avg60=66.81 avg300=22.33 total=76329222\n\
            full avg10=67.96 avg60=54.36 avg300=18.26 total=62596675\n";
        let expected = Pressure { some_total_usec: Some(76_329_222), full_total_usec: Some(62_596_675) };
        assert_eq!(parse(text), Ok(expected));
    }

    #[test]
    fn cpu_pressure_before_linux_5_13_has_no_full_line() {
        let text = b"some avg10=0.00 avg60=0.00 avg300=0.00 total=17\n";
        assert_eq!(parse(text), Ok(Pressure { some_total_usec: Some(17), full_total_usec: None }));
    }

    #[test]
    fn irq_pressure_has_only_a_full_line() {
        let text = b"full avg10=0.00 avg60=0.00 avg300=0.00 total=18446744073709551615\n";
        assert_eq!(parse(text), Ok(Pressure { some_total_usec: None, full_total_usec: Some(u64::MAX) }));
    }

    #[test]
    fn a_line_of_another_name_is_passed_over() {
        let text = b"some avg10=0.00 avg60=0.00 avg300=0.00 total=17\nmost avg10=0.00 total=x\n";
        assert_eq!(parse(text), Ok(Pressure { some_total_usec: Some(17), full_total_usec: None }));
    }

    #[test]
    fn lines_without_a_total_or_cut_short_are_garbled() {
        for text in [
            "",
            "\n",
            "some\n",
            "some \n",
            "some avg10=0.00 avg60=0.00 avg300=0.00\n",
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=\n",
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=-1\n",
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=18446744073709551616\n",
            "some avg10=0.00 avg60=0.00 avg300=0.00 subtotal=1\n",
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=76329222",
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60",
        ] {
            assert_eq!(parse(text.as_bytes()), Err(Garbled), "{text:?}");
        }
    }
}
