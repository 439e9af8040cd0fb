//! `/proc/net/dev`: the interfaces of one network namespace.
//!
//! The surprise: in old kernels a large number stands right behind the name's colon, so the name ends at the last colon
//! before the numbers, and names may have colons themselves (aliases).

use super::{lines, number, words};

/// The numbers of one interface, as the kernel counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes received.
    pub receive_bytes: i64,
    /// Packets received.
    pub receive_packets: i64,
    /// Packets received with errors.
    pub receive_errors: i64,
    /// Packets received and dropped.
    pub receive_dropped: i64,
    /// Multicast packets received.
    pub receive_multicast: i64,
    /// Bytes sent.
    pub transmit_bytes: i64,
    /// Packets sent.
    pub transmit_packets: i64,
    /// Packets that could not be sent.
    pub transmit_errors: i64,
    /// Packets dropped before they were sent.
    pub transmit_dropped: i64,
    /// Collisions.
    pub transmit_collisions: i64,
}

impl Traffic {
    /// The numbers in the order of the `network` table's columns.
    #[must_use]
    pub fn values(&self) -> [i64; 10] {
        [
            self.receive_bytes,
            self.receive_packets,
            self.receive_errors,
            self.receive_dropped,
            self.receive_multicast,
            self.transmit_bytes,
            self.transmit_packets,
            self.transmit_errors,
            self.transmit_dropped,
            self.transmit_collisions,
        ]
    }

    /// Whether the interface was ever used.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Hands on each interface's name and numbers; a line without all sixteen of them is passed over.
pub fn parse(text: &[u8], mut each: impl FnMut(&[u8], Traffic)) {
    for line in lines(text) {
        let Some(colon) = line.iter().rposition(|&byte| byte == b':') else { continue };
        let Some(name) = words(&line[..colon]).next() else { continue };
        let mut numbers = [0; 16];
        let mut found = 0;
        for (slot, value) in numbers.iter_mut().zip(words(&line[colon + 1..]).map_while(number)) {
            *slot = value;
            found += 1;
        }
        if found == numbers.len() {
            let [receive_bytes, receive_packets, receive_errors, receive_dropped, .., receive_multicast] =
                *numbers.first_chunk::<8>().unwrap_or(&[0; 8]);
            let [transmit_bytes, transmit_packets, transmit_errors, transmit_dropped, _, transmit_collisions, ..] =
                *numbers.last_chunk::<8>().unwrap_or(&[0; 8]);
            each(
                name,
                Traffic {
                    receive_bytes,
                    receive_packets,
                    receive_errors,
                    receive_dropped,
                    receive_multicast,
                    transmit_bytes,
                    transmit_packets,
                    transmit_errors,
                    transmit_dropped,
                    transmit_collisions,
                },
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interfaces(text: &str) -> Vec<(String, [i64; 10])> {
        let mut interfaces = Vec::new();
        parse(text.as_bytes(), |name, traffic| {
            interfaces.push((String::from_utf8_lossy(name).into_owned(), traffic.values()));
        });
        interfaces
    }

    #[test]
    fn both_directions_of_linux_6_18_are_read() {
        let text = "Inter-|   Receive                                                |  Transmit\n \
            face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    \
            lo: 1 2 3 4 5 6 7 8 11 12 13 14 15 16 17 18\n  eth0:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n";
        let lo = ("lo".to_owned(), [1, 2, 3, 4, 8, 11, 12, 13, 14, 16]);
        assert_eq!(interfaces(text), [lo, ("eth0".to_owned(), [0; 10])]);
    }

    #[test]
    fn numbers_right_behind_the_name_and_names_with_colons_are_read() {
        let text = "  eth0:123456789 2 0 0 0 0 0 0 9 8 0 0 0 0 0 0\neth0:1: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n";
        let expected = [
            ("eth0".to_owned(), [123_456_789, 2, 0, 0, 0, 9, 8, 0, 0, 0]),
            ("eth0:1".to_owned(), [1, 1, 0, 0, 0, 1, 1, 0, 0, 0]),
        ];
        assert_eq!(interfaces(text), expected);
    }

    #[test]
    fn short_and_cut_lines_are_passed_over() {
        assert_eq!(
            interfaces("eth0: 1 2 3\n: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\nlo: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"),
            []
        );
    }
}
