//! What the store holds as the service wants it: the one place where both are known.
//!
//! The same for a store that records and for a directory that is looked at. The surprise: the latter has no living containers
//! and nothing for `/metrics`, even where an agent records into it at the moment; that agent is to be asked for these.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::UnixMicros;
use crate::resolution::Resolution;
use crate::scan::{Block, Budget, Scan, ScanCost, ScanError, Stretch, Wanted};
use crate::service::asking::refused;
use crate::service::events::{EventFilter, RecordedEvent};
use crate::service::question::{AskError, ExportFormat, ExportQuestion, TimeRange};
use crate::service::{ContainerSummary, LatestContainer, Recorded};
use crate::store;
use crate::store::Engine;
use crate::store::events::EventRow;
use crate::store::query::export::{Export, ExportError, Format, column_names};
use crate::store::view::{View, ViewError};
use crate::table::Table;

/// How long an export may take: as long as its reader takes it in, within reason.
const EXPORT_TIME_LIMIT: Duration = Duration::from_secs(600);

/// What is held, and who holds it.
#[derive(Debug)]
pub struct Recordings {
    engine: Arc<Engine>,
    holder: Holder,
}

#[derive(Debug)]
enum Holder {
    /// A running store.
    Store(store::Reader),
    /// Files that are looked at.
    View(Arc<View>),
}

impl Recordings {
    /// What a running store holds.
    #[must_use]
    pub fn of_store(reader: store::Reader) -> Self {
        Self { engine: Arc::clone(reader.engine()), holder: Holder::Store(reader) }
    }

    /// What data directories or single files hold.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn view(roots: Vec<PathBuf>) -> Result<Self, ViewError> {
        let view = View::open(roots)?;
        Ok(Self { engine: Arc::new(view.engine()), holder: Holder::View(view) })
    }
}

impl Recorded for Recordings {
    fn latest(&self) -> Vec<LatestContainer> {
        let Holder::Store(reader) = &self.holder else { return Vec::new() };
        let rows = reader.latest(Table::Containers).into_iter();
        let containers = rows.filter_map(|row| Some((Arc::clone(row.subject.identity()?), row)));
        containers
            .map(|(identity, row)| LatestContainer {
                identity,
                time: row.time,
                // What can no longer be read is absent, not what it was last.
                seen: row.known.difference(&row.support.unsupported).difference(&row.support.unreadable),
                values: row.values,
            })
            .collect()
    }

    fn containers(&self) -> Vec<ContainerSummary> {
        self.engine.containers().into_iter().map(summary).collect()
    }

    fn events(&self, filter: &EventFilter, limit: usize) -> Result<Vec<RecordedEvent>, String> {
        let passes = |event: &EventRow| filter.passes(|name| event.texts.get(name).map(String::as_str));
        let found = self.engine.events((filter.from, filter.to), limit, &passes).map_err(|error| error.to_string())?;
        let recorded = |event: EventRow| RecordedEvent {
            time: event.time,
            texts: event.texts.into_iter().collect(),
            numbers: event.numbers.into_iter().collect(),
        };
        Ok(found.into_iter().map(recorded).collect())
    }

    fn status(&self) -> serde_json::Value {
        match &self.holder {
            Holder::Store(reader) => serde_json::to_value(reader.status()).unwrap_or_default(),
            Holder::View(view) => {
                let (files, rows, bytes, refused_files) = view.totals();
                let viewed = view.roots();
                serde_json::json!({"viewed": viewed, "files": files, "rows": rows, "bytes": bytes, "refused_files": refused_files})
            }
        }
    }

    fn scan(
        &self,
        scan: &Scan,
        visit: &mut dyn FnMut(&Block<'_>) -> Result<(), ScanError>,
    ) -> Result<ScanCost, ScanError> {
        self.engine.scan(scan, visit)
    }

    fn stretches(&self, table: Table, range: TimeRange) -> Vec<Stretch> {
        self.engine.stretches(table, (range.from, range.to))
    }

    fn containers_of_rollups(&self, range: TimeRange) -> Result<Vec<ContainerSummary>, ScanError> {
        let known = self.engine.containers_of_rollups((range.from, range.to))?;
        Ok(known.into_iter().map(summary).collect())
    }

    fn span(&self) -> Option<TimeRange> {
        self.engine.span().map(|(from, to)| TimeRange { from, to })
    }

    fn sealed_until(&self) -> Option<UnixMicros> {
        self.engine.sealed_until()
    }

    fn interval_usec(&self) -> i64 {
        self.engine.interval_usec()
    }

    fn ticks(&self) -> u64 {
        self.engine.ticks()
    }

    fn export(
        &self,
        question: &ExportQuestion,
        ids: Option<Vec<String>>,
        out: &mut (dyn Write + Send),
    ) -> Result<(), AskError> {
        let known = Resolution::named(&question.table);
        let (resolution, table) = known.ok_or_else(|| {
            let names: Vec<&str> = Resolution::directories().collect();
            AskError::NotFound(format!("there is no table {:?}; there is {}", question.table, names.join(", ")))
        })?;
        let ids = ids.map(|ids| ids.iter().map(|id| Arc::from(id.as_str())).collect());
        let export = Export {
            table,
            resolution,
            wanted: ids.map_or(Wanted::All, Wanted::ids),
            from: question.range.from,
            to: question.range.to,
            columns: question.columns.clone(),
            budget: Budget { deadline: Instant::now() + EXPORT_TIME_LIMIT, decoded_bytes: u64::MAX },
        };
        let format = match question.format {
            ExportFormat::Parquet => Format::Parquet,
            ExportFormat::Csv => Format::Csv,
            ExportFormat::ArrowStream => Format::ArrowStream,
        };
        self.engine.export(&export, format, out).map_err(|error| match error {
            ExportError::NoColumn { ref column, .. } => {
                let names = column_names(table, resolution);
                let likeness = |name: &&String| -> i64 { (strsim::jaro_winkler(name, column) * 1e6) as i64 };
                let nearest = names.iter().max_by_key(likeness).map_or("", String::as_str);
                AskError::Invalid(format!("{error}; the nearest is {nearest}"))
            }
            ExportError::Scan(error) => refused(error),
            error @ ExportError::Write(_) => AskError::Failed(error.to_string()),
        })
    }
}

fn summary(known: store::catalog::ContainerSummary) -> ContainerSummary {
    ContainerSummary {
        identity: known.identity,
        node: known.node,
        first_seen: known.first_seen,
        last_seen: known.last_seen,
        alive: known.alive,
    }
}
