//! The file-name grammar of the data directory, in one place.
//!
//! Pure. Everything that is not a table starts with an underscore, so that pyarrow, DuckDB and Spark leave it alone:
//! ```text
//! containers/dt=2026-11-23/node=NODE/20261123T040147.123456Z-20261123T040317.000001Z[-N].parquet
//!                                   /.NAME.tmp          being written; never a sealed file
//!                                   /_NAME.corrupt      set aside
//! _fgm.json  _lock  _sessions/RUN.json  _spill/RUN-000001.spill
//! ```
//! The surprise: `-N` appears only where a clock that was set back made a second file of the very same times.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::model::UnixMicros;

/// The store's marker, which carries the format version.
pub const MARKER: &str = "_fgm.json";
/// The file whose flock keeps a second agent out.
pub const LOCK: &str = "_lock";
/// The directory of spill files.
pub const SPILL: &str = "_spill";
/// The directory of session manifests.
pub const SESSIONS: &str = "_sessions";
/// The extension of sealed files.
pub const PARQUET: &str = "parquet";
/// The extension of spill files.
pub const SPILL_EXTENSION: &str = "spill";

/// The name of a sealed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SealedName {
    /// The time of its first row.
    pub start: UnixMicros,
    /// The time of its last row.
    pub end: UnixMicros,
    /// 0, or a number from 2 that tells it from another file of the same times.
    pub again: u32,
}

impl SealedName {
    /// The file's name.
    #[must_use]
    pub fn file_name(&self) -> String {
        let again = if self.again == 0 { String::new() } else { format!("-{}", self.again) };
        format!("{}-{}{again}.{PARQUET}", format_time(self.start), format_time(self.end))
    }

    /// The name that [`Self::file_name`] made; `None` for any other.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(".parquet")?.split('-');
        let (start, end) = (parse_time(parts.next()?)?, parse_time(parts.next()?)?);
        let again = parts.next().map_or(Some(0), |n| n.parse().ok())?;
        let parsed = Self { start, end, again };
        (parts.next().is_none() && parsed.file_name() == name).then_some(parsed)
    }

    /// The directory of the file: partitioned by the UTC date of its first row, and by node.
    #[must_use]
    pub fn directory(&self, data: &Path, table: &str, node: &str) -> PathBuf {
        data.join(table).join(format!("dt={}", format_date(self.start))).join(format!("node={}", path_safe(node)))
    }
}

/// The name under which a file is written before it is sealed.
#[must_use]
pub fn temporary_name(name: &str) -> String {
    format!(".{name}.tmp")
}

/// Whether a name is a file that was never sealed.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".tmp")
}

/// The name under which a damaged file is set aside; `attempt` tells it from files set aside before.
#[must_use]
pub fn set_aside_name(name: &str, attempt: u32) -> String {
    if attempt == 0 { format!("_{name}.corrupt") } else { format!("_{name}.{attempt}.corrupt") }
}

/// Whether a name is that of a file that was set aside.
#[must_use]
pub fn is_set_aside(name: &str) -> bool {
    name.starts_with('_') && name.ends_with(".corrupt")
}

/// The id of a run of the agent that started at `start` as process `pid`.
#[must_use]
pub fn run_id(start: UnixMicros, pid: u32) -> String {
    format!("{}-{pid}", format_time(start))
}

/// The id of a run's segment, as in a sealed file's footer.
#[must_use]
pub fn segment_id(run_id: &str, sequence: u64) -> String {
    format!("{run_id}/{sequence}")
}

/// The id of a file that a run made of sealed files, as in its footer; no segment has such an id.
#[must_use]
pub fn merged_id(run_id: &str, number: u64) -> String {
    format!("{run_id}/merged-{number}")
}

/// Which of a run's numbers an id has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Made {
    /// Those of [`segment_id`].
    Sealed,
    /// Those of [`merged_id`].
    Merged,
}

/// The run and the number of an id that [`segment_id`] or [`merged_id`] made; `None` for any other.
#[must_use]
pub fn parse_id(id: &str) -> Option<(&str, Made, u64)> {
    let (run, rest) = id.rsplit_once('/')?;
    let (made, number) = rest.strip_prefix("merged-").map_or((Made::Sealed, rest), |number| (Made::Merged, number));
    let parsed = number.parse().ok()?;
    // `+7` and `07` are numbers too, but not those of an id.
    let plain = number == "0" || number.starts_with(|first: char| first.is_ascii_digit() && first != '0');
    plain.then_some((run, made, parsed))
}

/// When the run of an id started; `None` for what is no run's id.
#[must_use]
pub fn run_start(run_id: &str) -> Option<UnixMicros> {
    parse_time(run_id.rsplit_once('-')?.0)
}

/// The name of a segment's spill file.
#[must_use]
pub fn spill_name(run_id: &str, sequence: u64) -> String {
    format!("{run_id}-{sequence:06}.{SPILL_EXTENSION}")
}

/// `text` as one path component: every byte but `A-Z a-z 0-9 . _ -` percent-encoded; never empty, `.` or `..`.
#[must_use]
pub fn path_safe(text: &str) -> String {
    match text {
        "" => return "%".to_owned(),
        "." => return "%2E".to_owned(),
        ".." => return "%2E%2E".to_owned(),
        _ => {}
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The UTC date of a time, `2026-11-23`.
#[must_use]
pub fn format_date(time: UnixMicros) -> String {
    timestamp(time).strftime("%Y-%m-%d").to_string()
}

fn format_time(time: UnixMicros) -> String {
    timestamp(time).strftime("%Y%m%dT%H%M%S.%6fZ").to_string()
}

fn parse_time(text: &str) -> Option<UnixMicros> {
    let civil = DateTime::strptime("%Y%m%dT%H%M%S%.fZ", text).ok()?;
    Some(TimeZone::UTC.to_timestamp(civil).ok()?.as_microsecond())
}

/// Times beyond the calendar (a clock gone mad) become its ends: a name must exist for any row.
fn timestamp(time: UnixMicros) -> Timestamp {
    let end = if time < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(time).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sealed_name_says_its_times_to_the_microsecond() {
        let name = SealedName { start: 1_795_406_507_123_456, end: 1_795_406_597_000_001, again: 0 };
        assert_eq!(name.file_name(), "20261123T040147.123456Z-20261123T040317.000001Z.parquet");
        assert_eq!(
            name.directory(Path::new("/data"), "containers", "worker/1"),
            Path::new("/data/containers/dt=2026-11-23/node=worker%2F1")
        );
    }

    #[test]
    fn names_that_are_not_sealed_files_are_not_parsed() {
        for name in [
            "",
            ".parquet",
            "x.parquet",
            "20261123T040147.123456Z.parquet",
            "20261123T040147.1Z-20261123T040317.000001Z.parquet",
            ".20261123T040147.123456Z-20261123T040317.000001Z.parquet.tmp",
            "20261123T040147.123456Z-20261123T040317.000001Z-0.parquet",
            "20261123T040147.123456Z-20261123T040317.000001Z-2-3.parquet",
        ] {
            assert_eq!(SealedName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn node_names_are_one_harmless_path_component() {
        assert_eq!(path_safe("node-1.example_x"), "node-1.example_x");
        assert_eq!(path_safe("../a b"), "..%2Fa%20b");
        assert_eq!([path_safe(""), path_safe("."), path_safe("..")], ["%", "%2E", "%2E%2E"]);
    }

    proptest! {
        #[test]
        fn sealed_names_parse_back_and_sort_by_time(
            start in 0_i64..4_000_000_000_000_000, length in 0_i64..3_600_000_000, again in prop_oneof![Just(0_u32), 2..9_u32],
            later in 1_i64..1_000_000_000_000,
        ) {
            let name = SealedName { start, end: start + length, again };
            prop_assert_eq!(SealedName::parse(&name.file_name()), Some(name));
            let next = SealedName { start: start + later, end: start + length + later, again: 0 };
            prop_assert!(name.file_name() < next.file_name());
        }

        #[test]
        fn no_name_makes_the_parser_panic(name in ".{0,80}") {
            let _ = SealedName::parse(&name);
        }
    }
}
