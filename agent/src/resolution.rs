//! How much time a row of a file stands for, and the name of the table's directory that follows from it.
//!
//! Pure. The surprise: `containers_60s` is no table of its own, but `containers` at another resolution: whoever removes,
//! lists or names files handles both alike.

use crate::table::Table;

/// How much time a row stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resolution {
    /// A row is one reading.
    #[default]
    Raw,
    /// A row is a UTC minute of readings.
    Minute,
}

/// The tables that have rollups, with their names on disk.
const ROLLED_UP: [(Table, &str); 3] =
    [(Table::Containers, "containers_60s"), (Table::Pods, "pods_60s"), (Table::Node, "node_60s")];

impl Resolution {
    /// The name of a table of this resolution: its directory below the data directory. A table without rollups has its own.
    #[must_use]
    pub fn name_of(self, table: Table) -> &'static str {
        let rolled_up = ROLLED_UP.iter().find(|(rolled, _)| self == Self::Minute && *rolled == table);
        rolled_up.map_or_else(|| table.name(), |(_, name)| name)
    }

    /// The table and its resolution that a name stands for.
    #[must_use]
    pub fn named(name: &str) -> Option<(Self, Table)> {
        let rolled_up = ROLLED_UP.iter().find(|(_, known)| *known == name).map(|(table, _)| (Self::Minute, *table));
        rolled_up.or_else(|| Table::named(name).map(|table| (Self::Raw, table)))
    }

    /// Whether a table has rollups.
    #[must_use]
    pub fn rolls_up(table: Table) -> bool {
        ROLLED_UP.iter().any(|(rolled, _)| *rolled == table)
    }

    /// Every directory of data files.
    pub fn directories() -> impl Iterator<Item = &'static str> {
        Table::ALL.into_iter().map(Table::name).chain(ROLLED_UP.into_iter().map(|(_, name)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for name in Resolution::directories() {
            let (resolution, table) = Resolution::named(name).unwrap();
            assert_eq!(resolution.name_of(table), name);
        }
        assert_eq!(Resolution::named("events_60s"), None);
    }
}
