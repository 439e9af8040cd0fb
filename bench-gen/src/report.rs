//! Says what a data set came to, as text for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use fgm_agent::store::bulk::Written;
use fgm_agent::store::resolution::Resolution;

use crate::size::{Measured, Size, SizeError, measure_all};

/// Microseconds of a day.
const DAY_USEC: f64 = 86_400e6;

/// A line per table, then the sums.
///
/// # Errors
/// A file can't be read.
pub fn describe(written: &[Written], threads: usize) -> Result<String, SizeError> {
    let paths: Vec<_> = written.iter().map(|file| file.path.clone()).collect();
    let measured = measure_all(&paths, threads)?;
    let mut tables: BTreeMap<&str, Size> = BTreeMap::new();
    let (mut readings, mut all) = (Size::default(), Size::default());
    for file in &measured {
        let size = file.size();
        *tables.entry(name(file)).or_default() = tables.get(name(file)).copied().unwrap_or_default().and(size);
        all = all.and(size);
        if file.footer.directory.resolution == Resolution::Raw {
            readings = readings.and(size);
        }
    }
    let spans = measured.iter().map(|file| file.footer.directory.span);
    let (first, last) = spans.reduce(|(first, last), (from, to)| (first.min(from), last.max(to))).unwrap_or_default();
    let days = ((last - first) as f64 / DAY_USEC).max(1.0 / 86_400.0);
    let mut text = format!(
        "{:16} {:>6} {:>11} {:>13} {:>13} {:>10} {:>10} {:>8}\n",
        "table", "files", "rows", "values", "changing", "MB", "MB/day", "B/value"
    );
    let rows = tables.into_iter().chain([("all readings", readings), ("all", all)]);
    for (name, size) in rows {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{name:16} {:>6} {:>11} {:>13} {:>13} {:>10.2} {:>10.2} {:>8.3}",
            size.files,
            size.rows,
            size.values,
            size.changing,
            size.bytes as f64 / 1e6,
            size.bytes as f64 / 1e6 / days,
            size.bytes_per_changing_value(),
        );
    }
    Ok(text)
}

fn name(file: &Measured) -> &'static str {
    file.footer.directory.resolution.name_of(file.footer.directory.table)
}
