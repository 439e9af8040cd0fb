//! The number columns of the `network` table: a row per interface and reading, and one without an interface for what a
//! network namespace counts as a whole.
//!
//! A pod has one network namespace and is read once, whatever the number of its containers. The surprise: a pod on the
//! host's network has one row per reading that says so and no numbers, because they would be the node's once more.

use super::{Field, field};
use crate::metric::Kind::{Counter, Gauge, Label};
use crate::metric::Unit::{Bytes, Count};

/// The columns, in order: first an interface's, then those of the whole namespace.
#[rustfmt::skip] // one column per line reads as the table it is
pub const FIELDS: &[Field] = &[
    field("host_network", Label, Count, "the inodes of /proc/[pid]/net/dev and /proc/1/net/dev", "1 where a pod is on the host's network"),
    field("receive_bytes", Counter, Bytes, "/proc/[pid]/net/dev receive bytes", "Bytes received"),
    field("receive_packets", Counter, Count, "/proc/[pid]/net/dev receive packets", "Packets received"),
    field("receive_errors", Counter, Count, "/proc/[pid]/net/dev receive errs", "Packets received with errors"),
    field("receive_dropped", Counter, Count, "/proc/[pid]/net/dev receive drop", "Packets received and dropped"),
    field("receive_multicast", Counter, Count, "/proc/[pid]/net/dev receive multicast", "Multicast packets received"),
    field("transmit_bytes", Counter, Bytes, "/proc/[pid]/net/dev transmit bytes", "Bytes sent"),
    field("transmit_packets", Counter, Count, "/proc/[pid]/net/dev transmit packets", "Packets sent"),
    field("transmit_errors", Counter, Count, "/proc/[pid]/net/dev transmit errs", "Packets that could not be sent"),
    field("transmit_dropped", Counter, Count, "/proc/[pid]/net/dev transmit drop", "Packets dropped before they were sent"),
    field("transmit_collisions", Counter, Count, "/proc/[pid]/net/dev transmit colls", "Collisions"),
    field("tcp_active_opens", Counter, Count, "/proc/[pid]/net/snmp Tcp ActiveOpens", "Connections asked for"),
    field("tcp_passive_opens", Counter, Count, "/proc/[pid]/net/snmp Tcp PassiveOpens", "Connections accepted"),
    field("tcp_attempt_fails", Counter, Count, "/proc/[pid]/net/snmp Tcp AttemptFails", "Connections that did not come about"),
    field("tcp_established_resets", Counter, Count, "/proc/[pid]/net/snmp Tcp EstabResets", "Established connections that were reset"),
    field("tcp_established", Gauge, Count, "/proc/[pid]/net/snmp Tcp CurrEstab", "Connections established now"),
    field("tcp_in_segments", Counter, Count, "/proc/[pid]/net/snmp Tcp InSegs", "Segments received"),
    field("tcp_out_segments", Counter, Count, "/proc/[pid]/net/snmp Tcp OutSegs", "Segments sent, those sent again left out"),
    field("tcp_retransmits", Counter, Count, "/proc/[pid]/net/snmp Tcp RetransSegs", "Segments sent again"),
    field("tcp_in_errors", Counter, Count, "/proc/[pid]/net/snmp Tcp InErrs", "Bad segments received"),
    field("tcp_out_resets", Counter, Count, "/proc/[pid]/net/snmp Tcp OutRsts", "Resets sent"),
    field("tcp_timeouts", Counter, Count, "/proc/[pid]/net/netstat TcpExt TCPTimeouts", "Retransmission timeouts"),
    field("tcp_syn_retransmits", Counter, Count, "/proc/[pid]/net/netstat TcpExt TCPSynRetrans", "SYN segments sent again"),
    field("tcp_listen_overflows", Counter, Count, "/proc/[pid]/net/netstat TcpExt ListenOverflows", "Connections that found a full accept queue"),
    field("tcp_listen_drops", Counter, Count, "/proc/[pid]/net/netstat TcpExt ListenDrops", "Connections dropped while listening, for any reason"),
    field("udp_in_datagrams", Counter, Count, "/proc/[pid]/net/snmp Udp InDatagrams", "Datagrams received"),
    field("udp_out_datagrams", Counter, Count, "/proc/[pid]/net/snmp Udp OutDatagrams", "Datagrams sent"),
    field("udp_no_ports", Counter, Count, "/proc/[pid]/net/snmp Udp NoPorts", "Datagrams for a port where nobody listens"),
    field("udp_in_errors", Counter, Count, "/proc/[pid]/net/snmp Udp InErrors", "Datagrams that could not be delivered, full buffers among the reasons"),
    field("udp_receive_buffer_errors", Counter, Count, "/proc/[pid]/net/snmp Udp RcvbufErrors", "Datagrams dropped because the receive buffer was full"),
    field("udp_send_buffer_errors", Counter, Count, "/proc/[pid]/net/snmp Udp SndbufErrors", "Datagrams dropped because the send buffer was full"),
];
