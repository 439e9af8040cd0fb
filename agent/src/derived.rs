//! Everything that can be asked for as a series: stored columns, the rates of counters, and what is computed from several.
//!
//! Pure. Built once from the tables and from the few names in [`named`](self::named); nothing is listed twice. Names:
//!
//! - a column of `containers` by its own name, one of another table as `TABLE.COLUMN`: `memory_current_bytes`,
//!   `node.memory_available_bytes`. `events` has no series.
//! - the rate of a counter as `COUNTER_per_second`: `io_read_bytes_per_second`. Its unit is the counter's per second: `bytes/s`,
//!   `usec/s`, and `1/s` for what is counted.
//! - the series of [`named`](self::named): `cpu_usage_cores`, `pods.cpu_usage_cores`, `disks.busy_percent`.
//!
//! The older long names of container metrics (`cgroup.v2.cpu.stat.usage_usec`) and `containers.NAME` lead to the same series.
//! The surprise: a counter as it was read is a series too, but has no answer from rollups.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use crate::metric::{Class, Kind, METRICS, Unit};
use crate::resolution::Resolution;
use crate::scan::ScanColumn;
use crate::schedule;
use crate::table::{Field, Table};

pub mod formula;
mod named;
mod words;

pub use formula::Formula;
use named::Named;

/// How many names [`nearest`] tells.
pub const NEAREST: usize = 3;
/// Behind the name of a counter, its rate.
pub const PER_SECOND: &str = "_per_second";

/// A series that can be asked for.
#[derive(Clone, Debug)]
pub struct SeriesSpec {
    /// Its name.
    pub name: String,
    /// The table that it is computed from.
    pub table: Table,
    /// The unit of its values.
    pub unit: &'static str,
    /// How it is computed.
    pub formula: Formula,
    /// What the stored column means over time; none for what is computed.
    pub stored: Option<Kind>,
    /// One sentence for people.
    pub help: String,
    /// The older long name.
    pub alias: Option<String>,
    /// How often its columns are read.
    pub pace: Pace,
}

/// How often a column is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// At every tick, but not more often than this many microseconds.
    Ticks(i64),
    /// Where processes are read: the store does not say how often that is.
    Processes,
}

impl Pace {
    /// How often a table has a row of a subject.
    #[must_use]
    pub fn of_rows(table: Table) -> Self {
        let least = |every: Duration| Self::Ticks(i64::try_from(every.as_micros()).unwrap_or(i64::MAX));
        match table {
            Table::Containers | Table::Events => Self::Ticks(0),
            Table::Pods => least(schedule::POD_EVERY),
            Table::Processes | Table::Network => Self::Processes,
            Table::IoDevices => least(schedule::STAT_EVERY),
            Table::Node | Table::Disks => least(schedule::NODE_EVERY),
        }
    }

    /// The distance between two readings in microseconds, given the sampling interval and, where it is known, that of
    /// processes.
    #[must_use]
    pub fn interval_usec(self, sampling_usec: i64, processes_usec: Option<i64>) -> i64 {
        let most = match self {
            Self::Ticks(least) => sampling_usec.max(least),
            Self::Processes => sampling_usec.max(processes_usec.unwrap_or(sampling_usec)),
        };
        most.max(1)
    }
}

impl SeriesSpec {
    /// The columns that a scan needs for it, in the order in which it wants them; none where this resolution has no answer.
    #[must_use]
    pub fn columns(&self, resolution: Resolution) -> Option<Vec<ScanColumn>> {
        match resolution {
            Resolution::Raw => Some(self.formula.reading_columns()),
            Resolution::Minute if Resolution::rolls_up(self.table) => self.formula.rollup_columns(self.table),
            Resolution::Minute => None,
        }
    }

    /// How it is computed, as people read it.
    #[must_use]
    pub fn formula_in_words(&self) -> String {
        words::formula(&self.formula, self.table)
    }
}

/// Every series, stored ones first, table by table.
#[must_use]
pub fn all() -> &'static [SeriesSpec] {
    &CATALOGUE.all
}

/// The series of a name, an older name, or a name with the table's before it.
#[must_use]
pub fn named(name: &str) -> Option<&'static SeriesSpec> {
    let name = name.strip_prefix("containers.").unwrap_or(name);
    CATALOGUE.positions.get(name).and_then(|&position| CATALOGUE.all.get(position))
}

/// How fast a counter grows, in the unit that people ask for: cores rather than microseconds per second; none of what is no counter.
#[must_use]
pub fn rate_of(spec: &SeriesSpec) -> Option<&'static SeriesSpec> {
    let Formula::Reading(column) = spec.formula else { return None };
    let is_rate = |other: &&SeriesSpec| {
        let Formula::Rate { counters, .. } = &other.formula else { return false };
        other.table == spec.table && counters[..] == [column]
    };
    let plain = named(&format!("{}{PER_SECOND}", spec.name))?;
    Some(all().iter().filter(is_rate).find(|other| other.name != plain.name).unwrap_or(plain))
}

/// The names that are most like this one, the nearest first, at most [`NEAREST`]; a table's name before them may be missing.
#[must_use]
pub fn nearest(name: &str) -> Vec<&'static str> {
    // Nobody's name is that long; comparing takes time in proportion.
    let name: String = name.chars().take(100).collect();
    let likeness = |known: &str| {
        let alone = known.split_once('.').map_or(0.0, |(_, alone)| strsim::jaro_winkler(&name, alone));
        strsim::jaro_winkler(&name, known).max(alone)
    };
    let mut likeness: Vec<(f64, &'static str)> =
        all().iter().map(|spec| (-likeness(&spec.name), spec.name.as_str())).collect();
    likeness.sort_by(|(a, name_a), (b, name_b)| a.total_cmp(b).then(name_a.len().cmp(&name_b.len())));
    likeness.into_iter().take(NEAREST).map(|(_, name)| name).collect()
}

struct Catalogue {
    all: Vec<SeriesSpec>,
    positions: HashMap<String, usize>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let tables = || Table::ALL.into_iter().filter(|table| *table != Table::Events);
    let stored = tables().flat_map(|table| (0..table.width()).map(move |column| stored(table, column)));
    let rates = tables().flat_map(|table| (0..table.width()).filter_map(move |column| rate(table, column)));
    let computed =
        tables().flat_map(|table| names_of(table).into_iter().filter_map(move |named| computed(table, named)));
    let all: Vec<SeriesSpec> = stored.chain(rates).chain(computed).collect();
    let names = all.iter().enumerate().map(|(position, spec)| (spec.name.clone(), position));
    let aliases = all.iter().enumerate().filter_map(|(position, spec)| Some((spec.alias.clone()?, position)));
    let positions = aliases.chain(names).collect();
    Catalogue { all, positions }
});

fn full_name(table: Table, name: &str) -> String {
    if table == Table::Containers { name.to_owned() } else { format!("{}.{name}", table.name()) }
}

fn stored(table: Table, column: usize) -> SeriesSpec {
    let of = Column::of(table, column);
    let formula = if of.kind == Kind::Limit { Formula::Limit(column) } else { Formula::Reading(column) };
    let alias = if table == Table::Containers { METRICS[column].alias() } else { None };
    SeriesSpec {
        name: full_name(table, of.name),
        table,
        unit: of.unit.as_str(),
        pace: pace(&formula, table),
        formula,
        stored: Some(of.kind),
        help: of.help.to_owned(),
        alias,
    }
}

fn rate(table: Table, column: usize) -> Option<SeriesSpec> {
    let of = Column::of(table, column);
    if of.kind != Kind::Counter {
        return None;
    }
    let unit = match of.unit {
        Unit::Bytes => "bytes/s",
        Unit::Usec => "usec/s",
        Unit::Count | Unit::Weight | Unit::Milli => "1/s",
    };
    let formula = Formula::Rate { counters: vec![column], scale: 1.0 };
    Some(SeriesSpec {
        name: full_name(table, &format!("{}{PER_SECOND}", of.name)),
        table,
        unit,
        pace: pace(&formula, table),
        formula,
        stored: None,
        help: format!("{}; per second", of.help),
        alias: None,
    })
}

fn names_of(table: Table) -> Vec<Named> {
    match table {
        Table::Containers | Table::Pods => named::of_cgroups(),
        Table::Processes => named::of_processes(),
        Table::Network => named::of_interfaces(),
        Table::IoDevices => named::of_io_devices(),
        Table::Node => named::of_the_node(),
        Table::Disks => named::of_disks(),
        Table::Events => Vec::new(),
    }
}

/// None where the table does not have a column; a test proves that every name's are there.
fn computed(table: Table, named: Named) -> Option<SeriesSpec> {
    let formula = named.formula.resolved(|column| table.column(column))?;
    Some(SeriesSpec {
        name: full_name(table, named.name),
        table,
        unit: named.unit,
        pace: pace(&formula, table),
        formula,
        stored: None,
        help: named.help.to_owned(),
        alias: None,
    })
}

/// What a table says of a column.
struct Column {
    name: &'static str,
    kind: Kind,
    unit: Unit,
    help: &'static str,
}

impl Column {
    fn of(table: Table, column: usize) -> Self {
        match table.fields().and_then(|fields| fields.get(column)) {
            Some(&Field { name, kind, unit, help, .. }) => Self { name, kind, unit, help },
            None => {
                let metric = &METRICS[column];
                Self { name: metric.name, kind: metric.kind, unit: metric.unit, help: metric.help }
            }
        }
    }
}

/// The pace of a formula is that of the column that is read most seldom.
fn pace(formula: &Formula, table: Table) -> Pace {
    let rows = Pace::of_rows(table);
    if table != Table::Containers {
        return rows;
    }
    let metrics = || formula.columns().into_iter().filter_map(|column| METRICS.get(column));
    if metrics().any(|metric| metric.v2.is_none() && metric.v1.is_none()) {
        return Pace::Processes;
    }
    let is_slow = metrics().any(|metric| metric.class() == Class::Stat);
    // A container's use of one device is of that class too.
    if is_slow { Pace::of_rows(Table::IoDevices) } else { rows }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_is_unique_and_leads_back() {
        let names: HashSet<&str> = all().iter().map(|spec| spec.name.as_str()).collect();
        assert_eq!(names.len(), all().len());
        for spec in all() {
            assert!(std::ptr::eq(named(&spec.name).unwrap(), spec), "{}", spec.name);
            assert!(!spec.help.is_empty() && !spec.formula_in_words().is_empty());
            assert!(spec.formula.columns().len() <= formula::MAX_COLUMNS, "{}", spec.name);
        }
        assert!(named("cpu_usage").is_none());
    }

    #[test]
    fn every_column_is_there_and_every_counter_has_its_rate() {
        for table in Table::ALL.into_iter().filter(|table| *table != Table::Events) {
            for column in 0..table.width() {
                let name = full_name(table, table.column_name(column));
                assert_eq!(named(&name).unwrap().formula.columns(), [column]);
                let rate = named(&format!("{name}_per_second"));
                assert_eq!(rate.is_some(), table.column_kind(column) == Kind::Counter, "{name}");
            }
            let count = all().iter().filter(|spec| spec.table == table && spec.stored.is_none());
            let rates = (0..table.width()).filter(|&column| table.column_kind(column) == Kind::Counter).count();
            assert_eq!(
                count.count(),
                rates + names_of(table).len(),
                "a name of {} has a column it lacks",
                table.name()
            );
        }
        assert!(all().iter().all(|spec| spec.table != Table::Events));
    }

    #[test]
    fn older_names_and_names_with_their_table_lead_to_the_same() {
        let usage = named("cpu_usage_usec").unwrap();
        for name in ["cgroup.v2.cpu.stat.usage_usec", "containers.cpu_usage_usec"] {
            assert!(std::ptr::eq(named(name).unwrap(), usage), "{name}");
        }
        for (column, metric) in METRICS.iter().enumerate() {
            let Some(alias) = metric.alias() else { continue };
            assert_eq!(named(&alias).unwrap().formula.columns(), [column], "{alias}");
        }
    }

    #[test]
    fn units_say_what_the_values_are() {
        let unit = |name| named(name).unwrap().unit;
        assert_eq!(
            ["io_read_bytes_per_second", "pids_events_max_per_second", "cpu_usage_usec_per_second"].map(unit),
            ["bytes/s", "1/s", "usec/s"]
        );
        assert_eq!(
            ["cpu_usage_cores", "node.memory_used_percent", "pids_current"].map(unit),
            ["cores", "percent", "count"]
        );
    }

    #[test]
    fn a_wrong_name_has_likely_ones() {
        assert_eq!(nearest("cpu_usage_core")[0], "cpu_usage_cores");
        assert_eq!(nearest("memory_curent_bytes")[0], "memory_current_bytes");
        assert_eq!(nearest("node.cpu_usage")[0], "node.cpu_usage_cores");
        assert_eq!(nearest("rss_bytes")[0], "processes.rss_bytes");
        let rate = |name: &str| rate_of(named(name).unwrap()).map(|spec| spec.name.as_str());
        assert_eq!(rate("cpu_usage_usec"), Some("cpu_usage_cores"));
        assert_eq!(rate("pods.io_read_bytes"), Some("pods.io_read_bytes_per_second"));
        assert_eq!(rate("memory_current_bytes"), None);
        assert_eq!(nearest(&"x".repeat(100_000)).len(), NEAREST);
    }

    #[test]
    fn rollups_answer_what_they_keep() {
        let minute = |name: &str| named(name).unwrap().columns(Resolution::Minute).map(|columns| columns.len());
        assert_eq!(minute("memory_current_bytes"), Some(6));
        assert_eq!(minute("cpu_usage_cores"), Some(3));
        assert_eq!(minute("cpu_usage_usec"), None, "a counter's own value is not in them");
        assert_eq!(minute("disks.busy_percent"), None, "the table has none");
        for spec in all().iter().filter(|spec| Resolution::rolls_up(spec.table)) {
            let raw_counter = spec.stored == Some(Kind::Counter);
            assert_eq!(spec.columns(Resolution::Minute).is_some(), !raw_counter, "{}", spec.name);
            for column in spec.columns(Resolution::Minute).unwrap_or_default() {
                let ScanColumn::Rollup(column, statistic) = column else { continue };
                let kept = crate::rollup::Statistic::of(spec.table.column_kind(column));
                assert!(kept.contains(&statistic), "{}: {statistic:?}", spec.name);
            }
        }
    }

    #[test]
    fn paces_follow_from_what_is_read() {
        let every = |name| named(name).unwrap().pace.interval_usec(100_000, Some(5_000_000));
        assert_eq!(
            ["cpu_usage_cores", "memory_working_set_bytes", "pods.cpu_usage_cores", "processes", "node.cpus"]
                .map(every),
            [100_000, 1_000_000, 5_000_000, 5_000_000, 100_000]
        );
    }
}
