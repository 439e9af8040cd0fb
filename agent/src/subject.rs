//! Who or what a row is about, in every table, and the text columns that say so.
//!
//! Pure values. A subject is said once, before its first row; a second birth under the same key tells more of it (names that
//! came late). Rows about a container carry an [`Owner`], a copy of the names that people search by, so that no table needs a
//! join to be read. The surprise: an event is a subject with one row, so the store has one way for everything.

pub(crate) mod columns;

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Identity, QosClass, UnixMicros};
use crate::table::Table;

/// The container and pod that something belongs to; all empty for what belongs to the node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The runtime's container id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_id: Option<String>,
    /// The pod's uid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
    /// The pod's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The pod's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The container's name in its pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The workload that owns the pod, as `Kind/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
}

impl Owner {
    /// The container as the owner of something.
    #[must_use]
    pub fn container(identity: &Identity) -> Self {
        Self { container_id: Some(identity.container_id.clone()), ..Self::default() }.named(identity)
    }

    /// The pod of a container as the owner of something.
    #[must_use]
    pub fn pod(identity: &Identity) -> Self {
        Self { container: None, ..Self::default().named(identity) }
    }

    /// With the names that are known of the container by now; the container's own name only where it is the owner.
    #[must_use]
    pub fn named(self, identity: &Identity) -> Self {
        let container = self.container_id.as_ref().and(identity.container.clone());
        Self {
            container_id: self.container_id,
            pod_uid: identity.pod_uid.clone().or(self.pod_uid),
            pod: identity.pod.clone().or(self.pod),
            namespace: identity.namespace.clone().or(self.namespace),
            container: container.or(self.container),
            workload: identity.workload.clone().or(self.workload),
        }
    }
}

/// A process of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The container that it runs in.
    #[serde(flatten)]
    pub owner: Owner,
    /// Its id in the pid namespace of the agent.
    pub pid: u32,
    /// When it started, in clock ticks since boot (`/proc/[pid]/stat` field 22): tells it from another one of the same pid.
    pub start_ticks: u64,
    /// Its name (`/proc/[pid]/comm`), made printable.
    pub comm: String,
    /// Its command line, arguments separated by spaces, made printable and cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cmdline: Option<String>,
}

/// A network interface of a pod, of a container outside of pods, or of the node where the owner is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// The pod.
    #[serde(flatten)]
    pub owner: Owner,
    /// The network namespace's inode number, `/proc/[pid]/ns/net`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netns: Option<String>,
    /// The interface's name; null for the numbers of the whole namespace (TCP).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
}

/// One block device as a container uses it, or as the node has it where the owner is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The container.
    #[serde(flatten)]
    pub owner: Owner,
    /// `MAJOR:MINOR`.
    pub number: String,
    /// The kernel's name of it, `sda`, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it was written down; with the sequence, what no two events of a run share.
    pub time: UnixMicros,
    /// Its number in this run.
    pub sequence: u64,
    /// What kind of thing happened: `oom_kill`.
    pub kind: String,
    /// The container or pod that it happened to.
    #[serde(flatten)]
    pub owner: Owner,
    /// The name of the process that it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comm: Option<String>,
    /// Why, in the kubelet's or the kernel's word: `OOMKilled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The column that changed, or that the number is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// One sentence for people.
    pub message: String,
}

/// Who or what a row is about; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A container.
    Container(Arc<Identity>),
    /// A pod: its cgroup.
    Pod(Arc<Identity>),
    /// A process.
    Process(Arc<Process>),
    /// A network interface.
    Interface(Arc<Interface>),
    /// A container's use of a block device.
    IoDevice(Arc<Device>),
    /// The node.
    Node,
    /// A block device of the node.
    Disk(Arc<Device>),
    /// An event.
    Event(Arc<Event>),
}

impl Subject {
    /// The table that its rows are in.
    #[must_use]
    pub fn table(&self) -> Table {
        match self {
            Self::Container(_) => Table::Containers,
            Self::Pod(_) => Table::Pods,
            Self::Process(_) => Table::Processes,
            Self::Interface(_) => Table::Network,
            Self::IoDevice(_) => Table::IoDevices,
            Self::Node => Table::Node,
            Self::Disk(_) => Table::Disks,
            Self::Event(_) => Table::Events,
        }
    }

    /// What tells it from every other subject of its table; files are sorted by it, then by time.
    #[must_use]
    pub fn id(&self) -> Cow<'_, str> {
        match self {
            Self::Container(identity) | Self::Pod(identity) => Cow::Borrowed(&identity.container_id),
            Self::Process(process) => {
                let Process { owner, pid, start_ticks, .. } = &**process;
                format!("{} {pid} {start_ticks}", owner.container_id.as_deref().unwrap_or("")).into()
            }
            Self::Interface(one) => {
                let part = |part: &Option<String>| part.clone().unwrap_or_default();
                // A container outside of pods has a network of its own.
                let owner = one.owner.pod_uid.as_ref().or(one.owner.container_id.as_ref()).cloned();
                format!("{} {} {}", part(&owner), part(&one.netns), part(&one.interface)).into()
            }
            Self::IoDevice(device) | Self::Disk(device) => {
                format!("{} {}", device.owner.container_id.as_deref().unwrap_or(""), device.number).into()
            }
            Self::Node => Cow::Borrowed(""),
            Self::Event(event) => format!("{:020} {:010}", event.time, event.sequence).into(),
        }
    }

    /// What [`Self::from_json`] reads back, given the table. Strings and numbers always serialize.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let value = match self {
            Self::Container(identity) | Self::Pod(identity) => serde_json::to_value(&**identity),
            Self::Process(process) => serde_json::to_value(&**process),
            Self::Interface(interface) => serde_json::to_value(&**interface),
            Self::IoDevice(device) | Self::Disk(device) => serde_json::to_value(&**device),
            Self::Node => Ok(serde_json::json!({})),
            Self::Event(event) => serde_json::to_value(&**event),
        };
        value.unwrap_or_default()
    }

    /// The subject of a table that [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// The value has another shape.
    pub fn from_json(table: Table, value: serde_json::Value) -> serde_json::Result<Self> {
        fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> serde_json::Result<Arc<T>> {
            serde_json::from_value(value).map(Arc::new)
        }
        Ok(match table {
            Table::Containers => Self::Container(read(value)?),
            Table::Pods => Self::Pod(read(value)?),
            Table::Processes => Self::Process(read(value)?),
            Table::Network => Self::Interface(read(value)?),
            Table::IoDevices => Self::IoDevice(read(value)?),
            Table::Node => Self::Node,
            Table::Disks => Self::Disk(read(value)?),
            Table::Events => Self::Event(read(value)?),
        })
    }

    /// The container that it is, or whose cgroup it is.
    #[must_use]
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        match self {
            Self::Container(identity) | Self::Pod(identity) => Some(identity),
            _ => None,
        }
    }

    /// The container or pod that it belongs to; none for containers and pods themselves, and for the node.
    #[must_use]
    pub fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Container(_) | Self::Pod(_) | Self::Node => None,
            Self::Process(process) => Some(&process.owner),
            Self::Interface(interface) => Some(&interface.owner),
            Self::IoDevice(device) | Self::Disk(device) => Some(&device.owner),
            Self::Event(event) => Some(&event.owner),
        }
    }

    /// The same with other names of its owner; unchanged where it has none.
    #[must_use]
    pub fn owned_by(&self, owner: Owner) -> Self {
        match self {
            Self::Container(_) | Self::Pod(_) | Self::Node => self.clone(),
            Self::Process(process) => Self::Process(Arc::new(Process { owner, ..Process::clone(process) })),
            Self::Interface(one) => Self::Interface(Arc::new(Interface { owner, ..Interface::clone(one) })),
            Self::IoDevice(device) => Self::IoDevice(Arc::new(Device { owner, ..Device::clone(device) })),
            Self::Disk(device) => Self::Disk(Arc::new(Device { owner, ..Device::clone(device) })),
            Self::Event(event) => Self::Event(Arc::new(Event { owner, ..Event::clone(event) })),
        }
    }
}

/// A text column.
#[derive(Clone, Copy, Debug)]
pub struct TextColumn {
    /// The column's name.
    pub name: &'static str,
    /// It always has a value.
    pub required: bool,
    /// What it says of a subject.
    pub get: fn(&Subject) -> Option<&str>,
}

const fn text(name: &'static str, get: fn(&Subject) -> Option<&str>) -> TextColumn {
    TextColumn { name, required: false, get }
}

const fn required(name: &'static str, get: fn(&Subject) -> Option<&str>) -> TextColumn {
    TextColumn { name, required: true, get }
}

fn own(subject: &Subject) -> Option<&Identity> {
    subject.identity().map(|identity| &**identity)
}

const CONTAINER_ID: TextColumn = text("container_id", |s| s.owner()?.container_id.as_deref());
const POD_UID: TextColumn = text("pod_uid", |s| s.owner()?.pod_uid.as_deref());
const POD: TextColumn = text("pod", |s| s.owner()?.pod.as_deref());
const NAMESPACE: TextColumn = text("namespace", |s| s.owner()?.namespace.as_deref());
const CONTAINER: TextColumn = text("container", |s| s.owner()?.container.as_deref());
const WORKLOAD: TextColumn = text("workload", |s| s.owner()?.workload.as_deref());

/// The text columns of `containers`, in file order.
pub const CONTAINER_TEXTS: &[TextColumn] = &[
    required("container_id", |s| Some(&own(s)?.container_id)),
    text("parent_id", |s| own(s)?.parent_id.as_deref()),
    text("pod_uid", |s| own(s)?.pod_uid.as_deref()),
    text("pod", |s| own(s)?.pod.as_deref()),
    text("namespace", |s| own(s)?.namespace.as_deref()),
    text("container", |s| own(s)?.container.as_deref()),
    text("workload", |s| own(s)?.workload.as_deref()),
    text("qos_class", |s| own(s)?.qos_class.map(QosClass::as_str)),
    text("image", |s| own(s)?.image.as_deref()),
];

const POD_TEXTS: &[TextColumn] = &[
    required("pod_uid", |s| Some(&own(s)?.container_id)),
    text("pod", |s| own(s)?.pod.as_deref()),
    text("namespace", |s| own(s)?.namespace.as_deref()),
    text("workload", |s| own(s)?.workload.as_deref()),
    text("qos_class", |s| own(s)?.qos_class.map(QosClass::as_str)),
];

const PROCESS_TEXTS: &[TextColumn] = &[
    CONTAINER_ID,
    POD_UID,
    POD,
    NAMESPACE,
    CONTAINER,
    WORKLOAD,
    text("comm", |s| if let Subject::Process(process) = s { Some(&process.comm) } else { None }),
    text("cmdline", |s| if let Subject::Process(process) = s { process.cmdline.as_deref() } else { None }),
];

const NETWORK_TEXTS: &[TextColumn] = &[
    CONTAINER_ID,
    POD_UID,
    POD,
    NAMESPACE,
    CONTAINER,
    WORKLOAD,
    text("netns", |s| if let Subject::Interface(one) = s { one.netns.as_deref() } else { None }),
    text("interface", |s| if let Subject::Interface(one) = s { one.interface.as_deref() } else { None }),
];

fn device(subject: &Subject) -> Option<&Device> {
    match subject {
        Subject::IoDevice(device) | Subject::Disk(device) => Some(device),
        _ => None,
    }
}

const DEVICE_NUMBER: TextColumn = required("device_number", |s| Some(&device(s)?.number));
const DEVICE: TextColumn = text("device", |s| device(s)?.device.as_deref());
const IO_DEVICE_TEXTS: &[TextColumn] =
    &[CONTAINER_ID, POD_UID, POD, NAMESPACE, CONTAINER, WORKLOAD, DEVICE_NUMBER, DEVICE];
const DISK_TEXTS: &[TextColumn] = &[DEVICE_NUMBER, DEVICE];

fn event(subject: &Subject) -> Option<&Event> {
    if let Subject::Event(event) = subject { Some(event) } else { None }
}

const EVENT_TEXTS: &[TextColumn] = &[
    required("kind", |s| Some(&event(s)?.kind)),
    CONTAINER_ID,
    POD_UID,
    POD,
    NAMESPACE,
    CONTAINER,
    WORKLOAD,
    text("comm", |s| event(s)?.comm.as_deref()),
    text("reason", |s| event(s)?.reason.as_deref()),
    text("metric", |s| event(s)?.metric.as_deref()),
    required("message", |s| Some(&event(s)?.message)),
];

impl Table {
    /// The text columns, in file order.
    #[must_use]
    pub const fn texts(self) -> &'static [TextColumn] {
        match self {
            Self::Containers => CONTAINER_TEXTS,
            Self::Pods => POD_TEXTS,
            Self::Processes => PROCESS_TEXTS,
            Self::Network => NETWORK_TEXTS,
            Self::IoDevices => IO_DEVICE_TEXTS,
            Self::Node => &[],
            Self::Disks => DISK_TEXTS,
            Self::Events => EVENT_TEXTS,
        }
    }
}
