//! Says what a data set came to, as text for people.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use fgm_agent::store::bulk::Written;
use fgm_agent::store::resolution::Resolution;

use crate::size::{Measured, Size, SizeError, measure_all};

/// A day in seconds.
const DAY_S: f64 = 86_400.0;

/// A line per table, then the sums.
///
/// # Errors
/// A file can't be read.
pub fn describe(written: &[Written], duration: Duration, threads: usize) -> Result<String, SizeError> {
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
            size.bytes as f64 / 1e6 * DAY_S / duration.as_secs_f64().max(1.0),
            size.bytes_per_changing_value(),
        );
    }
    Ok(text)
}

fn name(file: &Measured) -> &'static str {
    file.footer.directory.resolution.name_of(file.footer.directory.table)
}
