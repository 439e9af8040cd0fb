//! The files of one table and hour: each by itself, then against each other, then against the hour before.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Kind, Report, relative};
use crate::model::UnixMicros;
use crate::rfc3339;
use crate::store::footer::FooterError;
use crate::store::inspect::{Inspected, RunFacts, inspect, times};
use crate::store::resolution::Resolution;

/// A gap is a time without rows longer than this many intervals.
const GAP_INTERVALS: u64 = 10;
/// The longest cadence of a table's rows, below which nothing is a gap.
const LEAST_GAP_USEC: u64 = 60_000_000;

/// What the hours before leave to compare with.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The last time of each subject of the hour before.
    last: HashMap<Arc<str>, UnixMicros>,
    /// The time of the last row of all hours.
    end: Option<UnixMicros>,
}

/// The files of an hour.
#[derive(Debug, Default)]
pub(super) struct Hour {
    files: Vec<(PathBuf, Inspected)>,
}

impl Hour {
    /// Looks at a file by itself.
    pub(super) fn file(&mut self, data: &Path, path: &Path, name: &'static str, report: &mut Report) {
        self.inspected((data, path), name, inspect(path), report);
    }

    fn inspected(
        &mut self,
        (data, path): (&Path, &Path),
        name: &'static str,
        inspected: Result<Inspected, FooterError>,
        report: &mut Report,
    ) {
        let here = relative(data, path);
        let is_whole = inspected.as_ref().is_ok_and(|inspected| inspected.faults.is_empty());
        if !is_whole && !path.exists() {
            // Merged or deleted by the agent since the directory was listed.
            return;
        }
        let inspected = match inspected {
            Ok(inspected) => inspected,
            Err(error @ (FooterError::Newer { .. } | FooterError::Foreign { .. })) => {
                return report.add(Kind::Foreign, here, error.to_string());
            }
            Err(error) => return report.add(Kind::Unreadable, here, error.to_string()),
        };
        let footer = &inspected.footer;
        let summary = report.tables.entry(name).or_default();
        summary.files += 1;
        summary.merged += u64::from(!footer.directory.replaces.is_empty());
        summary.rows += footer.rows;
        summary.bytes += footer.bytes;
        let (first, last) = footer.directory.span;
        summary.first_us = Some(summary.first_us.map_or(first, |known| known.min(first)));
        summary.last_us = Some(summary.last_us.map_or(last, |known| known.max(last)));
        if footer.directory.resolution.name_of(footer.directory.table) != name {
            report.add(Kind::Contradiction, here.clone(), "it is in the directory of another table".to_owned());
        }
        for fault in &inspected.faults {
            let kind = if fault.starts_with("not all of it") { Kind::Unreadable } else { Kind::Contradiction };
            report.add(kind, here.clone(), fault.clone());
        }
        if let Some(reason) = &inspected.unchecked {
            report.add(Kind::Foreign, here, reason.clone());
        }
        self.files.push((path.to_owned(), inspected));
    }

    /// Compares the files with each other and with what came before.
    pub(super) fn finish(mut self, data: &Path, seen: &mut Seen, report: &mut Report) {
        self.drop_replaced(data, report);
        self.files.sort_by_key(|(_, inspected)| inspected.footer.directory.span);
        self.overlaps(data, report);
        let gaps = self.gaps(data, seen, report);
        self.subject_gaps(data, (seen, &gaps), report);
    }

    /// What is in a merged file counts there; two files of one segment are one too many.
    fn drop_replaced(&mut self, data: &Path, report: &mut Report) {
        let replaced: HashSet<String> =
            self.files.iter().flat_map(|(_, file)| file.footer.directory.replaces.iter().cloned()).collect();
        let mut segments = HashSet::new();
        self.files.retain(|(path, file)| {
            let segment = &file.footer.origin.segment;
            if replaced.contains(segment) {
                let detail = format!("its segment {segment} is in a merged file");
                report.add(Kind::Replaced, relative(data, path), detail);
                return false;
            }
            if !segments.insert(segment.clone()) {
                report.add(
                    Kind::DoubledSegment,
                    relative(data, path),
                    format!("another file has the segment {segment}"),
                );
                return false;
            }
            true
        });
    }

    fn overlaps(&self, data: &Path, report: &mut Report) {
        let mut last: HashMap<&Arc<str>, (usize, &RunFacts)> = HashMap::new();
        let mut told = HashSet::new();
        for (index, (path, file)) in self.files.iter().enumerate() {
            // Events of one time are not one event.
            if file.footer.directory.table == crate::table::Table::Events {
                return;
            }
            for run in &file.runs {
                let Some((other, before)) = last.get(&run.key).copied() else {
                    last.insert(&run.key, (index, run));
                    continue;
                };
                if other != index && run.first <= before.last {
                    let shared = shared_times((&self.files[other].0, before), (path, run));
                    let beside = relative(data, &self.files[other].0);
                    if shared > 0 {
                        let detail = format!("{shared} rows of {:?} are in {} as well", run.key, beside.display());
                        report.add(Kind::DoubledRow, relative(data, path), detail);
                    } else if told.insert((other, index)) {
                        let detail = format!("rows of {:?} lie between those in {}", run.key, beside.display());
                        report.add(Kind::Overlap, relative(data, path), detail);
                    }
                }
                if run.last > before.last {
                    last.insert(&run.key, (index, run));
                }
            }
        }
    }

    /// Times without any row, before and in this hour.
    fn gaps(&self, data: &Path, seen: &mut Seen, report: &mut Report) -> Vec<(UnixMicros, UnixMicros)> {
        let mut gaps = Vec::new();
        for (path, file) in &self.files {
            let directory = &file.footer.directory;
            let (first, last) = directory.span;
            if let Some(end) = seen.end.filter(|end| first.saturating_sub(*end) > allowed(file))
                && directory.table != crate::table::Table::Events
            {
                let detail = format!("no row from {} to {}", rfc3339::format(end), rfc3339::format(first));
                report.add(Kind::Gap, relative(data, path), detail);
                gaps.push((end, first));
            }
            seen.end = seen.end.max(Some(last));
        }
        gaps
    }

    /// Times without rows of one subject, but for those in which nothing has rows. Inside a file they are not looked for: the
    /// agent counts what it missed.
    fn subject_gaps(&self, data: &Path, (seen, gaps): (&mut Seen, &[(UnixMicros, UnixMicros)]), report: &mut Report) {
        let mut last = HashMap::new();
        for (path, file) in &self.files {
            let directory = &file.footer.directory;
            let (mut subjects, mut longest) = (0_u64, 0);
            for run in &file.runs {
                let before = last.get(&run.key).or_else(|| seen.last.get(&run.key)).copied();
                let gap = before.map_or(0, |before: i64| run.first.saturating_sub(before));
                let told = gaps.iter().any(|(from, to)| before.is_some_and(|before| before < *to) && run.first > *from);
                if gap > allowed(file) && !told {
                    (subjects, longest) = (subjects + 1, longest.max(gap));
                }
                let entry = last.entry(Arc::clone(&run.key)).or_insert(run.last);
                *entry = run.last.max(*entry);
            }
            if subjects > 0 && directory.resolution == Resolution::Raw && directory.table.name() != "events" {
                let detail = format!("{subjects} subjects had no rows before it, for up to {} s", longest / 1_000_000);
                report.add(Kind::SubjectGap, relative(data, path), detail);
            }
        }
        seen.last = last;
    }
}

fn allowed(file: &Inspected) -> i64 {
    let least = match file.footer.directory.resolution {
        Resolution::Raw => LEAST_GAP_USEC,
        Resolution::Minute => 2 * LEAST_GAP_USEC,
    };
    i64::try_from((GAP_INTERVALS * file.footer.origin.interval_usec).max(least)).unwrap_or(i64::MAX)
}

/// How many times two runs of one subject share.
fn shared_times((a_path, a): (&Path, &RunFacts), (b_path, b): (&Path, &RunFacts)) -> usize {
    let (Ok(a), Ok(b)) = (times(a_path, &a.rows), times(b_path, &b.rows)) else { return 0 };
    let known: HashSet<i64> = a.into_iter().collect();
    b.iter().filter(|time| known.contains(time)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_that_is_gone_by_now_is_no_finding() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("x.parquet");
        std::fs::write(&path, "no file of rows").unwrap();
        let (mut hour, mut report) = (Hour::default(), Report::default());
        hour.inspected((data.path(), &path), "containers", inspect(&path), &mut report);
        assert_eq!(report.counts[&Kind::Unreadable], 1);
        let read = inspect(&path);
        std::fs::remove_file(&path).unwrap();
        hour.inspected((data.path(), &path), "containers", read, &mut report);
        assert_eq!(report.counts[&Kind::Unreadable], 1);
    }
}
