//! Merged files that could not be read when they were found: when each is read again.
//!
//! Pure: times are told to it. The surprise: it also says whose hours they are, because those must not be merged meanwhile.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::table::Table;

/// How long a file waits to be read again: a disk that fails is not to be asked all the time.
const RETRY: Duration = Duration::from_secs(60);

/// Files that wait, the next one first.
#[derive(Debug, Default)]
pub(super) struct Postponed(Vec<(Instant, PathBuf, (Table, i64))>);

impl Postponed {
    /// Adds a file of a table and hour.
    pub(super) fn add(&mut self, path: PathBuf, hour: (Table, i64), now: Instant) {
        self.0.push((now + RETRY, path, hour));
    }

    /// Takes the next file, if it is its time.
    pub(super) fn due(&mut self, now: Instant) -> Option<PathBuf> {
        (self.0.first()?.0 <= now).then(|| self.0.remove(0).1)
    }

    /// How long it is to the next file.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.0.first().map(|(at, ..)| at.saturating_duration_since(Instant::now()))
    }

    /// The tables and hours of the files, in hours since 1970.
    pub(super) fn hours(&self) -> Vec<(Table, i64)> {
        self.0.iter().map(|(.., hour)| *hour).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_due_after_a_while_and_its_hour_is_told_until_then() {
        let (mut postponed, now) = (Postponed::default(), Instant::now());
        assert_eq!((postponed.due(now), postponed.wait()), (None, None));
        postponed.add(PathBuf::from("a"), (Table::Containers, 7), now);
        assert_eq!((postponed.due(now), postponed.hours()), (None, vec![(Table::Containers, 7)]));
        assert!(postponed.wait().is_some());
        assert_eq!(postponed.due(now + RETRY), Some(PathBuf::from("a")));
        assert_eq!(postponed.hours(), []);
    }
}
