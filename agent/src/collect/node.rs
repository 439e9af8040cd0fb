//! The node itself: CPU, memory, load, pressure, block devices, and the host's network interfaces, at every tick.
//!
//! Runs on the sampler's thread; files are kept open and read into one buffer. Which files are read, and where their keys
//! go, is what the tables say. The surprise: the ends of pods' interfaces that are on the host are left out, because each is
//! the mirror of an interface that the pod's own rows have.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::NewRow;
use super::kept_file::KeptFile;
use super::network::{self, HostNetwork, Namespace};
use crate::health::{Counters, ReadError};
use crate::metric::Column;
use crate::model::{Keys, SeriesKey, Tick, UnixMicros};
use crate::procfs::cmdline::printable;
use crate::procfs::{Shape, diskstats, parse, shape};
use crate::schedule::{Monotonic, NODE_EVERY};
use crate::subject::{Device, Owner, Subject};
use crate::table::{Table, node};

/// Block devices that are recorded; what is beyond is left out.
pub const MAX_DISKS: usize = 256;

/// How the host's ends of pods' interfaces begin: those of bridges and docker, of Calico, of Cilium.
const ENDS_OF_PODS: [&[u8]; 3] = [b"veth", b"cali", b"lxc"];

/// One file of the `node` table.
#[derive(Debug)]
struct NodeFile {
    file: KeptFile,
    shape: Shape,
    columns: HashMap<&'static [u8], Column>,
}

#[derive(Debug)]
struct DiskSeries {
    key: SeriesKey,
    name: Box<[u8]>,
    round: u64,
}

/// Reads the node.
#[derive(Debug)]
pub struct NodeCollector {
    files: Vec<NodeFile>,
    diskstats: KeptFile,
    disks: BTreeMap<(u32, u32), DiskSeries>,
    network: Option<(Namespace, [KeptFile; network::FILES.len()])>,
    key: Option<SeriesKey>,
    keys: Keys,
    user_hz: u64,
    buffer: Vec<u8>,
    round: u64,
    next: Monotonic,
    counters: Arc<Counters>,
}

impl NodeCollector {
    /// A collector below a procfs.
    #[must_use]
    pub fn new(proc_root: &Path, keys: Keys, counters: Arc<Counters>) -> Self {
        let network = HostNetwork::find(proc_root).map(|host| {
            let files = network::FILES.map(|file| KeptFile::new(host.process.join(file)));
            (Namespace::new(Owner::default(), None), files)
        });
        Self {
            files: node_files(proc_root),
            diskstats: KeptFile::new(proc_root.join("diskstats")),
            disks: BTreeMap::new(),
            network,
            key: None,
            keys,
            user_hz: rustix::param::clock_ticks_per_second(),
            buffer: Vec::new(),
            round: 0,
            next: Monotonic::ZERO,
            counters,
        }
    }

    /// Whether the host's network is visible here; a pod without the host's processes sees its own only.
    #[must_use]
    pub fn sees_network(&self) -> bool {
        self.network.is_some()
    }

    /// Files kept open, at most.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files.len() + 1 + if self.network.is_some() { network::FILES.len() } else { 0 }
    }

    /// Reads everything and appends its rows.
    pub fn sample(&mut self, now: Monotonic, time: UnixMicros, tick: &mut Tick) {
        if now < self.next {
            return;
        }
        // A tick may begin a little early by this clock.
        self.next = now + NODE_EVERY - NODE_EVERY / 10;
        self.round += 1;
        self.sample_node(time, tick);
        self.sample_disks(time, tick);
        self.sample_network(time, tick);
    }

    fn sample_node(&mut self, time: UnixMicros, tick: &mut Tick) {
        let key = *self.key.get_or_insert_with(|| {
            let key = self.keys.next();
            tick.births.push((key, Subject::Node));
            key
        });
        let mut row = NewRow::begin(tick, key, Table::Node, time);
        for NodeFile { file, shape, columns } in &mut self.files {
            let Some(text) = counted(file.read(&mut self.buffer), &self.counters) else { continue };
            let parsed = parse(*shape, text, self.user_hz, |key, value| {
                if let Some(&column) = columns.get(key) {
                    row.set(column, value);
                }
            });
            if parsed.is_err() {
                self.counters.read_error(ReadError::Garbled);
            }
        }
        row.push();
    }

    fn sample_disks(&mut self, time: UnixMicros, tick: &mut Tick) {
        let Some(text) = counted(self.diskstats.read(&mut self.buffer), &self.counters) else { return };
        diskstats::parse(text, |disk, values| {
            let known = self.disks.get_mut(&disk.number).filter(|series| *series.name == *disk.name);
            let key = if let Some(series) = known {
                series.round = self.round;
                series.key
            } else if self.disks.len() < MAX_DISKS {
                let key = self.keys.next();
                tick.births.push((key, subject(disk)));
                let series = DiskSeries { key, name: disk.name.into(), round: self.round };
                // The number of a device that was removed may be another's now.
                let before = self.disks.insert(disk.number, series);
                tick.deaths.extend(before.map(|before| before.key));
                key
            } else {
                return;
            };
            let mut row = NewRow::begin(tick, key, Table::Disks, time);
            row.set_from(0, values);
            row.push();
        });
        let round = self.round;
        self.disks.retain(|_, series| {
            let is_there = series.round == round;
            if !is_there {
                tick.deaths.push(series.key);
            }
            is_there
        });
    }

    fn sample_network(&mut self, time: UnixMicros, tick: &mut Tick) {
        let Some((namespace, [dev, protocols @ ..])) = &mut self.network else { return };
        if let Some(text) = counted(dev.read(&mut self.buffer), &self.counters) {
            namespace.take_interfaces(text, (&self.keys, time), is_end_of_pod, tick);
        }
        for file in protocols {
            if let Some(text) = counted(file.read(&mut self.buffer), &self.counters) {
                namespace.take_protocols(text);
            }
        }
        namespace.push(&self.keys, time, tick);
    }
}

/// The files that the `node` table names.
fn node_files(proc_root: &Path) -> Vec<NodeFile> {
    let mut files: Vec<(&str, NodeFile)> = Vec::new();
    for (column, field) in node::FIELDS.iter().enumerate() {
        // A test proves that every field has a place, and every place a shape.
        let Some((file, key)) = field.place() else { continue };
        let Some(shape) = shape(file) else { continue };
        let index = files.iter().position(|(known, _)| *known == file).unwrap_or_else(|| {
            let path = proc_root.join(file.strip_prefix("/proc/").unwrap_or(file));
            files.push((file, NodeFile { file: KeptFile::new(path), shape, columns: HashMap::new() }));
            files.len() - 1
        });
        files[index].1.columns.insert(key.as_bytes(), column);
    }
    files.into_iter().map(|(_, file)| file).collect()
}

fn is_end_of_pod(name: &[u8]) -> bool {
    ENDS_OF_PODS.iter().any(|start| name.starts_with(start))
}

fn subject(disk: diskstats::Disk<'_>) -> Subject {
    let (major, minor) = disk.number;
    let number = format!("{major}:{minor}");
    Subject::Disk(Arc::new(Device { owner: Owner::default(), number, device: Some(printable(disk.name)) }))
}

/// What was read; a failure is counted, a file that the kernel does not have is none.
fn counted<'b>(text: Result<&'b [u8], Option<ReadError>>, counters: &Counters) -> Option<&'b [u8]> {
    text.inspect_err(|class| class.iter().for_each(|&class| counters.read_error(class))).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn value(tick: &Tick, table: Table, name: &str) -> Option<i64> {
        let column = table.column(name).expect("a column");
        let (row, values) = tick.iter().filter(|(row, _)| row.table == table).last()?;
        row.present.contains(column).then(|| values[column])
    }

    fn proc_root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        root
    }

    #[test]
    fn a_tick_has_one_row_of_the_node_with_what_its_kernel_has() {
        let root = proc_root(&[
            ("stat", "cpu 1 2 3 4\ncpu0 1 2 3 4\nctxt 9\n"),
            ("loadavg", "1.50 0.00 0.00 1/7 9\n"),
            ("meminfo", "MemTotal: 2 kB\n"),
            ("pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=77\n"),
        ]);
        let counters = Arc::new(Counters::default());
        let mut collector = NodeCollector::new(root.path(), Keys::default(), Arc::clone(&counters));
        let mut tick = Tick::default();
        for second in 1..=3 {
            collector.sample(Duration::from_secs(second), 5, &mut tick);
        }
        collector.sample(Duration::from_millis(3050), 5, &mut tick);
        assert_eq!((tick.births.len(), tick.rows.len()), (1, 3));
        let of_the_node = |name| value(&tick, Table::Node, name);
        assert_eq!(of_the_node("context_switches"), Some(9));
        assert_eq!(
            (of_the_node("load_1m_milli"), of_the_node("tasks"), of_the_node("cpus")),
            (Some(1500), Some(7), Some(1))
        );
        assert_eq!((of_the_node("memory_total_bytes"), of_the_node("memory_free_bytes")), (Some(2048), None));
        assert_eq!((of_the_node("cpu_pressure_some_usec"), of_the_node("page_faults")), (Some(77), None));
        assert_eq!(counters.read_errors.iter().map(crate::health::Cell::get).sum::<u64>(), 0, "absent is no error");
    }

    #[test]
    fn a_disk_dies_when_it_is_gone_or_its_number_is_anothers() {
        let root = proc_root(&[("diskstats", "8 0 sda 1 0 2\n8 16 sdb 1 0 2\n")]);
        let mut collector = NodeCollector::new(root.path(), Keys::default(), Arc::new(Counters::default()));
        let mut tick = Tick::default();
        collector.sample(Duration::from_secs(1), 5, &mut tick);
        std::fs::write(root.path().join("diskstats"), "8 0 nvme0n1 1 0 2\n").expect("written");
        collector.sample(Duration::from_secs(2), 6, &mut tick);
        let names: Vec<String> = tick.births.iter().map(|(_, subject)| subject.id().into_owned()).collect();
        assert_eq!(names, ["", " 8:0", " 8:16", " 8:0"]);
        assert_eq!(tick.deaths, [tick.births[1].0, tick.births[2].0]);
        assert_eq!(value(&tick, Table::Disks, "read_bytes"), Some(1024));
        assert_eq!(value(&tick, Table::Disks, "discards"), None);
    }

    #[test]
    fn garbled_files_are_counted_and_never_fatal() {
        let root = proc_root(&[("stat", "garbage"), ("meminfo", ""), ("diskstats", "\u{1}\n"), ("loadavg", "x\n")]);
        let counters = Arc::new(Counters::default());
        let mut collector = NodeCollector::new(root.path(), Keys::default(), Arc::clone(&counters));
        let mut tick = Tick::default();
        collector.sample(Duration::from_secs(1), 5, &mut tick);
        assert_eq!(counters.read_errors[ReadError::Garbled as usize].get(), 3);
        assert_eq!(tick.rows.len(), 1);
    }

    #[test]
    fn this_machines_numbers_lie_between_two_plain_readings() {
        let mut collector = NodeCollector::new(Path::new("/proc"), Keys::default(), Arc::new(Counters::default()));
        let plain = || {
            let text = std::fs::read_to_string("/proc/stat").expect("readable");
            let line = text.lines().find_map(|line| line.strip_prefix("ctxt ")).expect("a line").to_owned();
            line.parse::<i64>().expect("a number")
        };
        let before = plain();
        let mut tick = Tick::default();
        collector.sample(Duration::from_secs(1), 5, &mut tick);
        let switches = value(&tick, Table::Node, "context_switches").expect("read");
        assert!((before..=plain()).contains(&switches), "{before} {switches}");
        let total = std::fs::read_to_string("/proc/meminfo").expect("readable");
        let total: i64 = total.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number");
        assert_eq!(value(&tick, Table::Node, "memory_total_bytes"), Some(total * 1024));
        assert!(value(&tick, Table::Node, "cpu_idle_usec") > Some(0));
    }
}
