//! What a container did on each block device, as series of the `io_devices` table.
//!
//! Takes what the reader found in the texts whose sums are the container's own columns, so nothing is read twice. A row is
//! written where a number changed, and the first time. The surprise: devices have names in `/proc/diskstats` only, which is
//! read when a number turns up that has none yet.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use super::NewRow;
use crate::cgroup::io::DeviceNumber;
use crate::metric::{self, Column};
use crate::model::{ColumnSet, Identity, Keys, SeriesKey, Tick, UnixMicros};
use crate::procfs::cmdline::printable;
use crate::procfs::diskstats;
use crate::source::DeviceCount;
use crate::subject::{Device, Owner, Subject};
use crate::table::{Table, io_devices};

/// Devices of one container that are recorded; what is beyond is left out.
pub const MAX_DEVICES: usize = 64;

/// Names that are remembered; a machine that goes through more device numbers is asked again.
const MAX_NAMES: usize = 4096;

/// For each column of a container that is a sum over devices, the column of one device.
static COLUMNS: LazyLock<HashMap<Column, Column>> = LazyLock::new(|| {
    let pair = |(column, field): (Column, &crate::table::Field)| {
        let of_the_sum = metric::column(&format!("io_{}", field.name))?;
        Some((of_the_sum, column))
    };
    io_devices::FIELDS.iter().enumerate().filter_map(pair).collect()
});

/// The names of block devices.
#[derive(Debug)]
pub struct DeviceNames {
    diskstats: PathBuf,
    names: HashMap<DeviceNumber, Option<String>>,
}

impl DeviceNames {
    /// Names below a procfs.
    #[must_use]
    pub fn new(proc_root: &Path) -> Self {
        Self { diskstats: proc_root.join("diskstats"), names: HashMap::new() }
    }

    fn name(&mut self, device: DeviceNumber) -> Option<String> {
        if self.names.len() >= MAX_NAMES {
            self.names.clear();
        }
        let ask = || {
            let text = std::fs::read(&self.diskstats).ok()?;
            diskstats::name_of(&text, device).map(printable)
        };
        self.names.entry(device).or_insert_with(ask).clone()
    }
}

#[derive(Debug)]
struct Series {
    key: SeriesKey,
    device: Device,
    values: [i64; io_devices::FIELDS.len()],
    present: ColumnSet,
    is_changed: bool,
}

/// The devices of one container.
#[derive(Debug, Default)]
pub struct ContainerDevices(BTreeMap<DeviceNumber, Series>);

impl ContainerDevices {
    /// Takes what one reading told, and appends the rows of devices where something changed.
    pub fn take(
        &mut self,
        counts: &[DeviceCount],
        identity: &Identity,
        (names, keys, time): (&mut DeviceNames, &Keys, UnixMicros),
        tick: &mut Tick,
    ) {
        for count in counts {
            let Some(&column) = COLUMNS.get(&count.column) else { continue };
            if self.0.len() >= MAX_DEVICES && !self.0.contains_key(&count.device) {
                continue;
            }
            let series = self.0.entry(count.device).or_insert_with(|| {
                let (key, (major, minor)) = (keys.next(), count.device);
                let number = format!("{major}:{minor}");
                let device = Device { owner: Owner::container(identity), number, device: names.name(count.device) };
                tick.births.push((key, Subject::IoDevice(Arc::new(device.clone()))));
                Series {
                    key,
                    device,
                    values: [0; io_devices::FIELDS.len()],
                    present: ColumnSet::EMPTY,
                    is_changed: true,
                }
            });
            series.is_changed |= !series.present.contains(column) || series.values[column] != count.value;
            series.values[column] = count.value;
            series.present.insert(column);
        }
        for series in self.0.values_mut().filter(|series| series.is_changed) {
            series.is_changed = false;
            let mut row = NewRow::begin(tick, series.key, Table::IoDevices, time);
            series.present.iter().for_each(|column| row.set(column, series.values[column]));
            row.push();
        }
    }

    /// More is known of the container.
    pub fn rename(&mut self, identity: &Identity, tick: &mut Tick) {
        for series in self.0.values_mut() {
            series.device.owner = Owner::container(identity);
            tick.births.push((series.key, Subject::IoDevice(Arc::new(series.device.clone()))));
        }
    }

    /// The container is gone.
    pub fn end(&mut self, tick: &mut Tick) {
        tick.deaths.extend(std::mem::take(&mut self.0).into_values().map(|series| series.key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;

    fn count(device: DeviceNumber, column: &str, value: i64) -> DeviceCount {
        DeviceCount { device, column: metric::column(column).expect("a column"), value }
    }

    #[test]
    fn every_column_of_the_table_is_a_part_of_a_containers_sum() {
        assert_eq!(COLUMNS.len(), io_devices::FIELDS.len());
    }

    #[test]
    fn a_device_has_a_row_at_first_and_where_a_number_changed() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::write(root.path().join("diskstats"), "8 0 sda 1 0 2\n").expect("written");
        let (mut names, keys, mut tick) = (DeviceNames::new(root.path()), Keys::default(), Tick::default());
        let identity = Identity::unnamed("c", "/c", Role::Container);
        let mut devices = ContainerDevices::default();
        for (time, bytes) in [(1, 5), (2, 5), (3, 6), (4, 6)] {
            let counts = [count((8, 0), "io_read_bytes", bytes), count((8, 16), "io_write_ios", 1)];
            devices.take(&counts, &identity, (&mut names, &keys, time), &mut tick);
        }
        let times: Vec<i64> = tick.rows.iter().map(|row| row.time).collect();
        assert_eq!(times, [1, 1, 3]);
        let named: Vec<_> = tick.births.iter().map(|(_, subject)| subject.to_json()["device"].clone()).collect();
        assert_eq!(named, [serde_json::json!("sda"), serde_json::Value::Null]);
        devices.end(&mut tick);
        assert_eq!(tick.deaths.len(), 2);
    }

    #[test]
    fn devices_beyond_the_bound_are_left_out() {
        let (mut names, keys, mut tick) = (DeviceNames::new(Path::new("/none")), Keys::default(), Tick::default());
        let identity = Identity::unnamed("c", "/c", Role::Container);
        let counts: Vec<_> = (0..100).map(|minor| count((8, minor), "io_read_bytes", 1)).collect();
        ContainerDevices::default().take(&counts, &identity, (&mut names, &keys, 1), &mut tick);
        assert_eq!(tick.rows.len(), MAX_DEVICES);
    }
}
