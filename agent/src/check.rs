//! `fgm-agent check`: verifies a data directory, beside a running agent or without one.
//!
//! Only reads. Files are looked at one table and hour at a time, because no file crosses an hour: that bounds memory, whatever
//! the store's size. Knows no Parquet: `store::inspect` looks into files. The surprise: a gap is no damage, because an agent
//! that was not running, or a container that was frozen, leaves one; a file that was set aside is, because rows of it may be
//! missing.

mod hour;
mod render;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;

use self::hour::{Hour, Seen};
pub use self::render::{human, json};
use crate::model::HOUR_USEC;
use crate::store::inspect;
use crate::store::layout::{self, SealedName};
use crate::store::resolution::Resolution;

/// Findings kept of each kind; more are counted.
const MOST_OF_A_KIND: usize = 100;

/// Why nothing can be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The directory is not a store.
    #[error("{} is not a data directory of fgm-agent: it has no {}", path.display(), layout::MARKER)]
    NoStore {
        /// The directory.
        path: PathBuf,
    },
    /// A directory can't be listed.
    #[error("{} can't be listed: {source}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A file that can't be read, or not to its end.
    Unreadable,
    /// A file that contradicts itself.
    Contradiction,
    /// The same row in two files.
    DoubledRow,
    /// The same segment in two files.
    DoubledSegment,
    /// A file that an agent found damaged and renamed.
    SetAside,
    /// A spill file that can't be read, or not to its end.
    DamagedSpill,
    /// Rows in a spill file that no sealed file has yet.
    LeftoverSpill,
    /// A file that was being written.
    Temporary,
    /// A file whose rows are in a merged file.
    Replaced,
    /// A file of another program or a newer agent.
    Foreign,
    /// Files whose rows of one subject lie between each other.
    Overlap,
    /// A time without any row.
    Gap,
    /// A time without rows of a subject that has rows before and after, while others have rows.
    SubjectGap,
}

impl Kind {
    /// Whether rows are lost, doubled, or may be.
    #[must_use]
    pub fn is_damage(self) -> bool {
        matches!(
            self,
            Self::Unreadable
                | Self::Contradiction
                | Self::DoubledRow
                | Self::DoubledSegment
                | Self::SetAside
                | Self::DamagedSpill
        )
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Unreadable => "look whether the disk fails; the agent sets the file aside at its next start",
            Self::Contradiction => "keep a copy and report it; move the file away to be rid of it",
            Self::DoubledRow => "sums over these rows count them twice; move one of the files away",
            Self::DoubledSegment => "the agent reads the first it finds; move the other away",
            Self::SetAside => "delete it once nobody needs it; retention does so in time",
            Self::DamagedSpill => "the agent keeps what can be read, and sets the file aside, at its next start",
            Self::LeftoverSpill => "start the agent: it makes a sealed file of these rows",
            Self::Temporary | Self::Replaced => "start the agent: it deletes the file",
            Self::Foreign => "the agent leaves it alone; move it away to be rid of this line",
            Self::Overlap => "the clock went back; nothing needs to be done",
            Self::Gap => "the agent did not run, or the clock went forward",
            Self::SubjectGap => "readings were missed or shed; see fgm_missed_ticks_total and the events",
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub kind: Kind,
    /// The file, relative to the data directory.
    pub path: PathBuf,
    /// One sentence.
    pub detail: String,
}

/// What was looked at in one directory of data files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableSummary {
    /// Sealed files.
    pub files: u64,
    /// Of these, files that were merged.
    pub merged: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// The time of the first row, microseconds since 1970.
    pub first_us: Option<i64>,
    /// The time of the last row.
    pub last_us: Option<i64>,
}

/// The outcome.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Whether rows are lost, doubled, or may be.
    pub damaged: bool,
    /// Whether an agent uses the directory now.
    pub agent_is_running: bool,
    /// What was looked at, by directory.
    pub tables: BTreeMap<&'static str, TableSummary>,
    /// How often each kind was found.
    pub counts: BTreeMap<Kind, u64>,
    /// What was found, at most 100 of a kind, damage first.
    pub findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, kind: Kind, path: PathBuf, detail: String) {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        self.damaged |= kind.is_damage();
        if *count <= MOST_OF_A_KIND as u64 {
            self.findings.push(Finding { kind, path, detail });
        }
    }
}

/// Verifies a data directory.
///
/// # Errors
/// It is none, or can't be listed.
pub fn check(data: &Path) -> Result<Report, CheckError> {
    if !data.join(layout::MARKER).is_file() {
        return Err(CheckError::NoStore { path: data.to_owned() });
    }
    let mut report = Report { agent_is_running: is_locked(data), ..Report::default() };
    for name in Resolution::directories() {
        let directory = data.join(name);
        if directory.is_dir() {
            check_table(data, name, &mut report)?;
        }
    }
    check_spills(data, &mut report)?;
    report.findings.sort_by(|a, b| (a.kind, &a.path).cmp(&(b.kind, &b.path)));
    Ok(report)
}

/// Whether a running agent holds the lock; a directory without a readable lock file has none.
fn is_locked(data: &Path) -> bool {
    let Ok(file) = File::open(data.join(layout::LOCK)) else { return false };
    flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
}

fn check_table(data: &Path, name: &'static str, report: &mut Report) -> Result<(), CheckError> {
    let mut nodes: BTreeMap<OsString, BTreeMap<i64, Vec<PathBuf>>> = BTreeMap::new();
    for date in list(&data.join(name))?.into_iter().filter(|path| path.is_dir()) {
        for node in list(&date)?.into_iter().filter(|path| path.is_dir()) {
            let hours = nodes.entry(node.file_name().unwrap_or_default().to_owned()).or_default();
            for path in list(&node)? {
                sort_in(data, path, hours, report);
            }
        }
    }
    // What one node did is no gap and no second row of another's.
    for hours in nodes.into_values() {
        let mut seen = Seen::default();
        for paths in hours.into_values() {
            let mut hour = Hour::default();
            paths.iter().for_each(|path| hour.file(data, path, name, report));
            hour.finish(data, &mut seen, report);
        }
    }
    Ok(())
}

/// Puts a file to its hour, or says what else it is.
fn sort_in(data: &Path, path: PathBuf, hours: &mut BTreeMap<i64, Vec<PathBuf>>, report: &mut Report) {
    let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let here = relative(data, &path);
    if layout::is_temporary(&file_name) {
        if !report.agent_is_running {
            report.add(Kind::Temporary, here, "it was being written when an agent was killed".to_owned());
        }
    } else if layout::is_set_aside(&file_name) {
        report.add(Kind::SetAside, here, "an agent found it damaged".to_owned());
    } else if path.extension().is_some_and(|extension| extension == layout::PARQUET) {
        let hour = SealedName::parse(&file_name).map_or(i64::MIN, |name| name.start.div_euclid(HOUR_USEC));
        hours.entry(hour).or_default().push(path);
    }
}

fn check_spills(data: &Path, report: &mut Report) -> Result<(), CheckError> {
    let directory = data.join(layout::SPILL);
    if !directory.is_dir() {
        return Ok(());
    }
    for path in list(&directory)? {
        let here = relative(data, &path);
        if layout::is_set_aside(&path.file_name().unwrap_or_default().to_string_lossy()) {
            report.add(Kind::SetAside, here, "an agent found it damaged".to_owned());
            continue;
        }
        // A running agent writes its own: it may end anywhere.
        if report.agent_is_running || path.extension().is_none_or(|extension| extension != layout::SPILL_EXTENSION) {
            continue;
        }
        match inspect::spill(&path) {
            Ok((rows, None)) => report.add(Kind::LeftoverSpill, here, format!("it holds {rows} rows")),
            Ok((rows, Some(reason))) => {
                report.add(Kind::DamagedSpill, here, format!("it holds {rows} rows, then it is damaged: {reason}"));
            }
            // An agent that started in the meantime recovers them.
            Err(_) if !path.exists() => {}
            Err(reason) => report.add(Kind::DamagedSpill, here, reason),
        }
    }
    Ok(())
}

/// What is in a directory; nothing, where a running agent deleted it in the meantime.
fn list(directory: &Path) -> Result<Vec<PathBuf>, CheckError> {
    let failed = |source| CheckError::Io { path: directory.to_owned(), source };
    let mut paths = Vec::new();
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(paths),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn relative(data: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(data).unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_gone_is_empty_and_one_that_is_none_is_an_error() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(list(&data.path().join("gone")).unwrap(), Vec::<PathBuf>::new());
        std::fs::write(data.path().join("file"), "").unwrap();
        list(&data.path().join("file")).unwrap_err();
    }
}
