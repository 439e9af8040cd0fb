//! Events that were written: in memory and in sealed files, newest first.
//!
//! Copies what is in memory under the store's lock, reads files outside of it, newest first, and stops as soon as enough was
//! found. The surprise: an event gets its container's names of now, whatever they were when it was written.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::query::{Engine, Seen};
use super::rowlog::RowState;
use super::segment::Segment;
use crate::model::{Identity, UnixMicros};
use crate::subject::{Owner, Subject};
use crate::table::Table;

/// An event as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// When it happened.
    pub time: UnixMicros,
    /// The text columns that have a value, by name.
    pub texts: HashMap<&'static str, String>,
    /// The number columns that have a value, by name.
    pub numbers: HashMap<&'static str, i64>,
}

/// Why events could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{} can't be read: {reason}", path.display())]
pub struct EventsError {
    path: PathBuf,
    reason: String,
}

impl Engine {
    /// The newest events from `from` to `to` (exclusive) that are wanted, at most `limit`, newest first.
    ///
    /// # Errors
    /// A sealed file is damaged.
    pub fn events(
        &self,
        span: (UnixMicros, UnixMicros),
        limit: usize,
        wanted: &dyn Fn(&EventRow) -> bool,
    ) -> Result<Vec<EventRow>, EventsError> {
        loop {
            // A file that was merged since it was listed is looked for again, under its new name.
            if let Some(found) = self.try_events(span, limit, wanted)? {
                return Ok(found);
            }
        }
    }

    /// The same; `None` where a file is gone by the time it is opened.
    fn try_events(
        &self,
        (from, to): (UnixMicros, UnixMicros),
        limit: usize,
        wanted: &dyn Fn(&EventRow) -> bool,
    ) -> Result<Option<Vec<EventRow>>, EventsError> {
        let (mut found, mut files): (_, Vec<(UnixMicros, PathBuf, u64)>) = (Vec::new(), Vec::new());
        self.held().look(&mut |seen| {
            let of_events =
                seen.catalog.files().filter(|file| file.table == Table::Events && file.first < to && file.last >= from);
            files = of_events.map(|file| (file.last, file.path(), file.number)).collect();
            found = in_memory(seen);
        });
        let keep = |event: &EventRow| (from..to).contains(&event.time) && wanted(event);
        found.retain(keep);
        files.sort_unstable_by(|a, b| b.cmp(a));
        for (last, path, number) in files {
            // Files do not overlap but where the clock was set back, so the rest is older than what there is.
            if found.len() >= limit && found.iter().filter(|event| event.time > last).count() >= limit {
                break;
            }
            match in_file(&path)? {
                Some(mut events) => {
                    self.name(&mut events);
                    found.extend(events.into_iter().filter(keep));
                }
                // Deleted by hand, it stays listed: that must not keep anybody waiting.
                None if self.is_listed(number) => {}
                None => return Ok(None),
            }
        }
        found.sort_by_key(|event| std::cmp::Reverse(event.time));
        found.truncate(limit);
        Ok(Some(found))
    }

    /// Gives the events of a file the names that came after it was sealed.
    fn name(&self, events: &mut [EventRow]) {
        self.held().look(&mut |seen| {
            for event in events.iter_mut().filter(|event| !event.texts.contains_key("container")) {
                let Some(known) = event.texts.get("container_id").and_then(|id| seen.catalog.identity(id)) else {
                    continue;
                };
                let Owner { pod_uid, pod, namespace, container, workload, .. } = Owner::container(&known);
                let names = [
                    ("pod_uid", pod_uid),
                    ("pod", pod),
                    ("namespace", namespace),
                    ("container", container),
                    ("workload", workload),
                ];
                for (column, name) in names.into_iter().filter_map(|(column, name)| Some((column, name?))) {
                    event.texts.entry(column).or_insert(name);
                }
            }
        });
    }
}

fn in_memory(seen: &Seen<'_>) -> Vec<EventRow> {
    let segments: Vec<&Segment> = seen.memory.iter().map(|memory| memory.segment).collect();
    let mut events = Vec::new();
    for series in segments.iter().flat_map(|segment| segment.of(Table::Events)) {
        let identity = series.subject.owner().and_then(|owner| owner.container_id.as_deref()).and_then(|id| {
            let of = |segment: &&Segment| segment.series_of(Table::Containers, id)?.subject.identity().cloned();
            segments.iter().rev().find_map(of)
        });
        events.push(event_of(&series.subject, identity.as_ref(), series.last_row()));
    }
    events
}

fn event_of(subject: &Subject, identity: Option<&Arc<Identity>>, row: &RowState) -> EventRow {
    let named = match (subject.owner(), identity) {
        (Some(owner), Some(identity)) => subject.owned_by(owner.clone().named(identity)),
        _ => subject.clone(),
    };
    let texts = Table::Events.texts().iter();
    EventRow {
        time: row.time(),
        texts: texts.filter_map(|text| Some((text.name, (text.get)(&named)?.to_owned()))).collect(),
        numbers: row.present().iter().map(|column| (Table::Events.column_name(column), row.values()[column])).collect(),
    }
}

/// The events of a file; `None` where it is gone.
fn in_file(path: &Path) -> Result<Option<Vec<EventRow>>, EventsError> {
    let failed = |reason: String| EventsError { path: path.to_owned(), reason };
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| failed(error.to_string()))?,
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| failed(error.to_string()))?;
    let batches = builder.build().map_err(|error| failed(error.to_string()))?;
    let mut events = Vec::new();
    for batch in batches {
        events.extend(in_batch(&batch.map_err(|error| failed(error.to_string()))?));
    }
    Ok(Some(events))
}

fn in_batch(batch: &RecordBatch) -> Vec<EventRow> {
    let Some(times) = batch.column(0).as_primitive_opt::<TimestampMicrosecondType>() else { return Vec::new() };
    let mut events: Vec<EventRow> = (0..batch.num_rows())
        .map(|row| EventRow { time: times.value(row), texts: HashMap::new(), numbers: HashMap::new() })
        .collect();
    for text in Table::Events.texts() {
        let Some(column) = batch.column_by_name(text.name).and_then(|column| column.as_string_opt::<i32>()) else {
            continue;
        };
        for (row, event) in events.iter_mut().enumerate().filter(|(row, _)| column.is_valid(*row)) {
            event.texts.insert(text.name, column.value(row).to_owned());
        }
    }
    for name in Table::Events.column_names() {
        let Some(column) = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>()) else {
            continue;
        };
        for (row, event) in events.iter_mut().enumerate().filter(|(row, _)| column.is_valid(*row)) {
            event.numbers.insert(name, column.value(row));
        }
    }
    events
}
