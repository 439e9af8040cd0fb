//! The tables of the store: which there are, and the number columns of each.
//!
//! Pure. `containers` and `pods` have the columns of [`METRICS`]; every other table lists its own in a file below, where the
//! kernel file of each column stands beside its name. Store, API, docs and collectors derive from here; nobody else lists them.
//! The surprise: a column's position is its number, so new columns go to the end of their list only by habit; files are
//! matched by name.

pub mod disks;
pub mod events;
pub mod io_devices;
pub mod network;
pub mod node;
pub mod processes;

use serde::{Deserialize, Serialize};

use crate::metric::{Kind, METRICS, Unit};

/// A number column of a table other than `containers` and `pods`.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The column's name, snake case, its unit at the end.
    pub name: &'static str,
    /// What its values mean over time.
    pub kind: Kind,
    /// The unit of the stored value.
    pub unit: Unit,
    /// The kernel file and key, as in proc(5): `/proc/stat cpu user`; or, in words, what it is computed from.
    pub source: &'static str,
    /// The first kernel that has it; empty where every kernel does that can run the agent.
    pub since: &'static str,
    /// One sentence for people.
    pub help: &'static str,
}

/// A field that every kernel has.
#[must_use]
pub const fn field(name: &'static str, kind: Kind, unit: Unit, source: &'static str, help: &'static str) -> Field {
    Field { name, kind, unit, source, since: "", help }
}

impl Field {
    /// The kernel file that it comes from and the key in it, where [`Self::source`] is of that form.
    #[must_use]
    pub fn place(&self) -> Option<(&'static str, &'static str)> {
        self.source.split_once(' ').filter(|(file, _)| file.starts_with('/'))
    }

    /// With the first kernel that has it.
    #[must_use]
    pub const fn since(mut self, since: &'static str) -> Self {
        self.since = since;
        self
    }
}

/// A table of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Containers (and, under `--scope all`, any cgroup), at every tick.
    Containers,
    /// The cgroups of whole pods, every 5 s: their totals keep what containers used that are gone.
    Pods,
    /// Processes of containers.
    Processes,
    /// Network interfaces of pods and of the node.
    Network,
    /// IO of a container on one block device.
    IoDevices,
    /// The node itself.
    Node,
    /// The node's block devices.
    Disks,
    /// What happened, and when.
    Events,
}

impl Table {
    /// Every table, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Containers,
        Self::Pods,
        Self::Processes,
        Self::Network,
        Self::IoDevices,
        Self::Node,
        Self::Disks,
        Self::Events,
    ];

    /// The table's name: its directory below the data directory.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Containers => "containers",
            Self::Pods => "pods",
            Self::Processes => "processes",
            Self::Network => "network",
            Self::IoDevices => "io_devices",
            Self::Node => "node",
            Self::Disks => "disks",
            Self::Events => "events",
        }
    }

    /// The table of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The number of number columns.
    #[must_use]
    pub const fn width(self) -> usize {
        match self.fields() {
            None => METRICS.len(),
            Some(fields) => fields.len(),
        }
    }

    /// The number columns, where the table is not of container metrics.
    #[must_use]
    pub const fn fields(self) -> Option<&'static [Field]> {
        match self {
            Self::Containers | Self::Pods => None,
            Self::Processes => Some(processes::FIELDS),
            Self::Network => Some(network::FIELDS),
            Self::IoDevices => Some(io_devices::FIELDS),
            Self::Node => Some(node::FIELDS),
            Self::Disks => Some(disks::FIELDS),
            Self::Events => Some(events::FIELDS),
        }
    }

    /// The name of a number column below [`Self::width`].
    #[must_use]
    pub fn column_name(self, column: usize) -> &'static str {
        self.fields().map_or_else(|| METRICS[column].name, |fields| fields[column].name)
    }

    /// What a number column's values mean over time.
    #[must_use]
    pub fn column_kind(self, column: usize) -> Kind {
        self.fields().map_or_else(|| METRICS[column].kind, |fields| fields[column].kind)
    }

    /// The names of the number columns, in column order.
    pub fn column_names(self) -> impl Iterator<Item = &'static str> {
        (0..self.width()).map(move |column| self.column_name(column))
    }

    /// The number of the column of a name.
    #[must_use]
    pub fn column(self, name: &str) -> Option<usize> {
        self.column_names().position(|known| known == name)
    }
}

/// The width of the widest table.
pub const MAX_WIDTH: usize = {
    let mut widest = 0;
    let mut index = 0;
    while index < Table::ALL.len() {
        if Table::ALL[index].width() > widest {
            widest = Table::ALL[index].width();
        }
        index += 1;
    }
    widest
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_snake_case_and_lead_back() {
        for table in Table::ALL {
            assert_eq!(Table::named(table.name()), Some(table));
            let names: HashSet<&str> = table.column_names().collect();
            assert_eq!(names.len(), table.width(), "{} has a name twice", table.name());
            for (column, name) in table.column_names().enumerate() {
                assert_eq!(table.column(name), Some(column));
                assert!(name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')), "{name}");
            }
        }
    }

    #[test]
    fn fields_end_in_their_unit_and_say_where_they_come_from() {
        for field in Table::ALL.into_iter().filter_map(Table::fields).flatten() {
            let of_the_name = [("_usec", Unit::Usec), ("_bytes", Unit::Bytes), ("_milli", Unit::Milli)]
                .into_iter()
                .find_map(|(suffix, unit)| field.name.ends_with(suffix).then_some(unit));
            assert_eq!(of_the_name.unwrap_or(Unit::Count), field.unit, "{}", field.name);
            assert!(!field.source.is_empty() && !field.help.is_empty() && !field.help.ends_with('.'), "{}", field.name);
        }
    }
}
