//! Which parts of a time range are best read as minutes, and which as readings.
//!
//! Decides from what is held; reads nothing. The surprise: an hour without any file is a stretch of readings, because what is
//! in memory has no file yet.

use super::source::Seen;
use crate::model::UnixMicros;
use crate::resolution::Resolution;
use crate::scan::Stretch;
use crate::table::Table;

/// The stretches of a range, in order and without a hole.
pub(super) fn stretches(seen: &Seen<'_>, table: Table, (from, to): (UnixMicros, UnixMicros)) -> Vec<Stretch> {
    let spans: Vec<_> = seen.memory.iter().filter_map(|memory| memory.segment.span_of(table)).collect();
    let mut stretches = Vec::new();
    let mut reached = from;
    for hour in seen.catalog.hours(table, (from, to)) {
        push(&mut stretches, Stretch { from: reached, to: hour.from, resolution: Resolution::Raw, has_readings: true });
        let in_memory = spans.iter().any(|(first, last)| *first < hour.to && *last >= hour.from);
        let (resolution, has_readings) = (hour.best(in_memory), hour.has_readings || in_memory);
        let end = hour.to.min(to);
        push(&mut stretches, Stretch { from: reached.max(hour.from), to: end, resolution, has_readings });
        reached = end;
    }
    push(&mut stretches, Stretch { from: reached, to, resolution: Resolution::Raw, has_readings: true });
    stretches
}

/// Adds a stretch, to the last one where that is alike.
fn push(stretches: &mut Vec<Stretch>, next: Stretch) {
    if next.from >= next.to {
        return;
    }
    match stretches.last_mut() {
        Some(last) if (last.resolution, last.has_readings) == (next.resolution, next.has_readings) => last.to = next.to,
        _ => stretches.push(next),
    }
}
