//! A subject from the columns of its row: what files without a directory are read by.

use std::sync::Arc;

use crate::model::UnixMicros;
use crate::subject::{Device, Event, Interface, Owner, Process, Subject};
use crate::table::Table;

/// The subject of a row, from its text columns in the table's order, its numbers by name, its time, and a number that no other
/// event of that time has. Containers and pods are listed in footers instead, and come out as the node here.
pub(crate) fn put_together(
    table: Table,
    texts: &[Option<Arc<str>>],
    (number, time, sequence): (impl Fn(&str) -> Option<i64>, UnixMicros, u64),
) -> Subject {
    let position = |name: &str| table.texts().iter().position(|column| column.name == name);
    let text = |name: &str| position(name).and_then(|at| texts.get(at)?.as_deref()).map(str::to_owned);
    let owner = Owner {
        container_id: text("container_id"),
        pod_uid: text("pod_uid"),
        pod: text("pod"),
        namespace: text("namespace"),
        container: text("container"),
        workload: text("workload"),
    };
    let device =
        || Device { owner: owner.clone(), number: text("device_number").unwrap_or_default(), device: text("device") };
    match table {
        Table::Containers | Table::Pods | Table::Node => Subject::Node,
        Table::Processes => Subject::Process(Arc::new(Process {
            pid: number("pid").and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default(),
            start_ticks: number("start_ticks").and_then(|ticks| u64::try_from(ticks).ok()).unwrap_or_default(),
            comm: text("comm").unwrap_or_default(),
            cmdline: text("cmdline"),
            owner,
        })),
        Table::Network => {
            let (netns, interface) = (text("netns"), text("interface"));
            Subject::Interface(Arc::new(Interface { owner, netns, interface }))
        }
        Table::IoDevices => Subject::IoDevice(Arc::new(device())),
        Table::Disks => Subject::Disk(Arc::new(device())),
        Table::Events => Subject::Event(Arc::new(Event {
            time,
            sequence,
            kind: text("kind").unwrap_or_default(),
            comm: text("comm"),
            reason: text("reason"),
            metric: text("metric"),
            message: text("message").unwrap_or_default(),
            owner,
        })),
    }
}
