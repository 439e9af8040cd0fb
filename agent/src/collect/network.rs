//! One network namespace as series of the `network` table: its interfaces, and its protocol counters.
//!
//! Takes texts, whoever read them. [`HostNetwork`] tells the host's namespace from a pod's. The surprise: the inode of
//! `/proc/[pid]/net/dev` is another one in each network namespace, and anybody may look at it, while `/proc/[pid]/ns/net`
//! wants `CAP_SYS_PTRACE`.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use super::NewRow;
use crate::metric::Column;
use crate::model::{ColumnSet, Keys, SeriesKey, Tick, UnixMicros};
use crate::procfs::cmdline::printable;
use crate::procfs::netdev::{self, Traffic};
use crate::procfs::{Shape, parse};
use crate::subject::{Interface, Owner, Subject};
use crate::table::{Table, network};

/// Interfaces of one namespace that are recorded; what is beyond is left out.
pub const MAX_INTERFACES: usize = 64;

/// The initial pid namespace's inode, the same in every kernel (`PROC_PID_INIT_INO`).
const INITIAL_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// The files below `/proc/[pid]/net` that are read.
pub const FILES: [&str; 3] = ["net/dev", "net/snmp", "net/netstat"];

/// Where each key of the protocol counters goes.
static PROTOCOLS: LazyLock<HashMap<&'static [u8], Column>> = LazyLock::new(|| {
    let place = |field: &crate::table::Field| field.place().filter(|(file, _)| !file.ends_with("/dev"));
    let columns = network::FIELDS.iter().enumerate();
    columns.filter_map(|(column, field)| Some((place(field)?.1.as_bytes(), column))).collect()
});

/// The column of [`Traffic::values`]' first number.
static FIRST_TRAFFIC: LazyLock<Column> = LazyLock::new(|| Table::Network.column("receive_bytes").unwrap_or_default());
static HOST_NETWORK: LazyLock<Column> = LazyLock::new(|| Table::Network.column("host_network").unwrap_or_default());

/// Where the host's network is to be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostNetwork {
    /// The `/proc/[pid]` of a process on it.
    pub process: PathBuf,
    /// The inode of its `net/dev`.
    pub inode: u64,
}

impl HostNetwork {
    /// Looks for it below a procfs. The first process is on the host's network where it is the machine's: where it is on
    /// another network than this process (a pod that sees the host's processes), or where this process is in the
    /// machine's own pid namespace. A pod without the host's processes sees its own network only: `None`.
    #[must_use]
    pub fn find(proc_root: &Path) -> Option<Self> {
        let inode = |path: &str| rustix::fs::stat(proc_root.join(path)).ok().map(|stat| stat.st_ino);
        let (first, own) = (inode("1/net/dev"), inode("self/net/dev"));
        let is_elsewhere = first.is_some() && own.is_some() && first != own;
        if !is_elsewhere && inode("self/ns/pid") != Some(INITIAL_PID_NAMESPACE) {
            return None;
        }
        // A process that may not look at the first one's files is in a user's session, on the host's network itself.
        let (process, inode) = first.map(|inode| ("1", inode)).or(own.map(|inode| ("self", inode)))?;
        Some(Self { process: proc_root.join(process), inode })
    }
}

#[derive(Debug)]
struct Series {
    key: SeriesKey,
    traffic: Traffic,
    round: u64,
}

/// One namespace's series.
#[derive(Debug)]
pub struct Namespace {
    owner: Owner,
    netns: Option<String>,
    interfaces: BTreeMap<Box<[u8]>, Series>,
    protocols: Option<SeriesKey>,
    values: Vec<i64>,
    present: ColumnSet,
    round: u64,
}

impl Namespace {
    /// A namespace of which nothing was read yet; no owner for the node's.
    #[must_use]
    pub fn new(owner: Owner, netns: Option<String>) -> Self {
        Self {
            owner,
            netns,
            interfaces: BTreeMap::new(),
            protocols: None,
            values: vec![0; network::FIELDS.len()],
            present: ColumnSet::EMPTY,
            round: 0,
        }
    }

    /// Who it belongs to.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Takes the text of `net/dev`: a row per interface that was ever used, but for those left out.
    pub fn take_interfaces(
        &mut self,
        text: &[u8],
        (keys, time): (&Keys, UnixMicros),
        leave_out: fn(&[u8]) -> bool,
        tick: &mut Tick,
    ) {
        self.round += 1;
        netdev::parse(text, |name, traffic| {
            if let Some(series) = self.interfaces.get_mut(name) {
                (series.traffic, series.round) = (traffic, self.round);
            } else if !traffic.is_none() && !leave_out(name) && self.interfaces.len() < MAX_INTERFACES {
                let key = keys.next();
                tick.births.push((key, subject(&self.owner, self.netns.as_deref(), Some(name))));
                self.interfaces.insert(name.into(), Series { key, traffic, round: self.round });
            }
        });
        self.interfaces.retain(|_, series| {
            let is_there = series.round == self.round;
            if is_there {
                let mut row = NewRow::begin(tick, series.key, Table::Network, time);
                row.set_from(*FIRST_TRAFFIC, &series.traffic.values());
                row.push();
            } else {
                tick.deaths.push(series.key);
            }
            is_there
        });
    }

    /// Takes the text of `net/snmp` or `net/netstat`.
    pub fn take_protocols(&mut self, text: &[u8]) {
        // Garbled text has no numbers, which then are null.
        let _ = parse(Shape::Paired, text, 1, |key, value| {
            if let Some(&column) = PROTOCOLS.get(key) {
                self.values[column] = value;
                self.present.insert(column);
            }
        });
    }

    /// This namespace is the host's, whose numbers are the node's.
    pub fn mark_as_hosts(&mut self) {
        self.values[*HOST_NETWORK] = 1;
        self.present.insert(*HOST_NETWORK);
    }

    /// Appends the row of what was taken of the whole namespace.
    pub fn push(&mut self, keys: &Keys, time: UnixMicros, tick: &mut Tick) {
        let present = std::mem::take(&mut self.present);
        if present.is_empty() {
            return;
        }
        let key = *self.protocols.get_or_insert_with(|| {
            let key = keys.next();
            tick.births.push((key, subject(&self.owner, self.netns.as_deref(), None)));
            key
        });
        let mut row = NewRow::begin(tick, key, Table::Network, time);
        present.iter().for_each(|column| row.set(column, self.values[column]));
        row.push();
    }

    /// More is known of the owner.
    pub fn rename(&mut self, owner: Owner, tick: &mut Tick) {
        if owner == self.owner {
            return;
        }
        self.owner = owner;
        for (name, series) in &self.interfaces {
            tick.births.push((series.key, subject(&self.owner, self.netns.as_deref(), Some(name))));
        }
        if let Some(key) = self.protocols {
            tick.births.push((key, subject(&self.owner, self.netns.as_deref(), None)));
        }
    }

    /// Nothing more will come of it.
    pub fn end(self, tick: &mut Tick) {
        tick.deaths.extend(self.interfaces.values().map(|series| series.key).chain(self.protocols));
    }
}

fn subject(owner: &Owner, netns: Option<&str>, interface: Option<&[u8]>) -> Subject {
    let interface = interface.map(printable);
    Subject::Interface(Arc::new(Interface { owner: owner.clone(), netns: netns.map(str::to_owned), interface }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &str = "  eth0: 1 2 3 4 5 6 7 8 11 12 13 14 15 16 17 18\n    lo: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

    fn column(name: &str) -> Column {
        Table::Network.column(name).expect("a column")
    }

    #[test]
    fn a_used_interface_has_a_row_per_reading_and_an_unused_one_none() {
        let (keys, mut tick) = (Keys::default(), Tick::default());
        let mut namespace = Namespace::new(Owner::default(), Some("42".into()));
        for time in [10, 20] {
            namespace.take_interfaces(DEV.as_bytes(), (&keys, time), |_| false, &mut tick);
        }
        assert_eq!((tick.births.len(), tick.rows.len()), (1, 2));
        assert_eq!(tick.births[0].1.id(), " 42 eth0");
        let (row, values) = tick.iter().last().expect("a row");
        assert_eq!((row.time, values[column("receive_bytes")], values[column("transmit_collisions")]), (20, 1, 16));
        assert!(!row.present.contains(column("tcp_retransmits")));
    }

    #[test]
    fn an_interface_that_is_gone_dies_and_all_of_a_namespace_that_ends() {
        let (keys, mut tick) = (Keys::default(), Tick::default());
        let mut namespace = Namespace::new(Owner::default(), None);
        namespace.take_interfaces(DEV.as_bytes(), (&keys, 1), |_| false, &mut tick);
        namespace.take_protocols(b"Tcp: RetransSegs\nTcp: 5\n");
        namespace.push(&keys, 1, &mut tick);
        namespace.take_interfaces(b"", (&keys, 2), |_| false, &mut tick);
        assert_eq!(tick.deaths, [tick.births[0].0]);
        namespace.end(&mut tick);
        assert_eq!(tick.deaths, [tick.births[0].0, tick.births[1].0]);
    }

    #[test]
    fn both_files_of_counters_are_one_row_and_nothing_read_is_none() {
        let (keys, mut tick) = (Keys::default(), Tick::default());
        let mut namespace = Namespace::new(Owner::default(), None);
        namespace.take_protocols(b"Tcp: RetransSegs OutRsts\nTcp: 5 6\n");
        namespace.take_protocols(b"TcpExt: ListenDrops Other\nTcpExt: 7 8\n");
        namespace.push(&keys, 1, &mut tick);
        namespace.push(&keys, 2, &mut tick);
        assert_eq!(tick.rows.len(), 1);
        let (row, values) = tick.iter().next().expect("a row");
        let read: Vec<i64> = row.present.iter().map(|column| values[column]).collect();
        assert_eq!(read, [5, 6, 7]);
        assert_eq!(values[column("tcp_listen_drops")], 7);
    }

    #[test]
    fn names_that_come_late_are_told_once() {
        let (keys, mut tick) = (Keys::default(), Tick::default());
        let mut namespace = Namespace::new(Owner::default(), None);
        namespace.take_interfaces(DEV.as_bytes(), (&keys, 1), |_| false, &mut tick);
        let owner = Owner { pod: Some("web".into()), ..Owner::default() };
        namespace.rename(owner.clone(), &mut tick);
        namespace.rename(owner, &mut tick);
        assert_eq!(tick.births.len(), 2);
        assert_eq!(tick.births[1].1.owner().and_then(|owner| owner.pod.as_deref()), Some("web"));
    }

    #[test]
    fn every_counter_of_the_table_has_its_key() {
        assert_eq!(PROTOCOLS.len() + Traffic::default().values().len() + 1, network::FIELDS.len());
        assert_eq!(*FIRST_TRAFFIC + 9, column("transmit_collisions"));
    }
}
