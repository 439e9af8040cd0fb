//! The store's reading side as the service wants it: the one place where both are known.

use std::io::Write;
use std::sync::Arc;

use crate::model::UnixMicros;
use crate::scan::{Block, Scan, ScanCost, ScanError, Stretch};
use crate::service::events::{EventFilter, RecordedEvent};
use crate::service::question::{AskError, ExportQuestion, TimeRange};
use crate::service::{ContainerSummary, LatestContainer, Recorded};
use crate::store;
use crate::store::events::EventRow;
use crate::table::Table;

impl Recorded for store::Reader {
    fn latest(&self) -> Vec<LatestContainer> {
        let rows = Self::latest(self, Table::Containers).into_iter();
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
        Self::containers(self).into_iter().map(summary).collect()
    }

    fn events(&self, filter: &EventFilter, limit: usize) -> Result<Vec<RecordedEvent>, String> {
        let passes = |event: &EventRow| filter.passes(|name| event.texts.get(name).map(String::as_str));
        let found = Self::events(self, (filter.from, filter.to), limit, &passes).map_err(|error| error.to_string())?;
        let recorded = |event: EventRow| RecordedEvent {
            time: event.time,
            texts: event.texts.into_iter().collect(),
            numbers: event.numbers.into_iter().collect(),
        };
        Ok(found.into_iter().map(recorded).collect())
    }

    fn status(&self) -> serde_json::Value {
        serde_json::to_value(Self::status(self)).unwrap_or_default()
    }

    fn scan(
        &self,
        scan: &Scan,
        visit: &mut dyn FnMut(&Block<'_>) -> Result<(), ScanError>,
    ) -> Result<ScanCost, ScanError> {
        self.engine().scan(scan, visit)
    }

    fn stretches(&self, table: Table, range: TimeRange) -> Vec<Stretch> {
        self.engine().stretches(table, (range.from, range.to))
    }

    fn containers_of_rollups(&self, range: TimeRange) -> Result<Vec<ContainerSummary>, ScanError> {
        let known = self.engine().containers_of_rollups((range.from, range.to))?;
        Ok(known.into_iter().map(summary).collect())
    }

    fn span(&self) -> Option<TimeRange> {
        self.engine().span().map(|(from, to)| TimeRange { from, to })
    }

    fn sealed_until(&self) -> Option<UnixMicros> {
        self.engine().sealed_until()
    }

    fn interval_usec(&self) -> i64 {
        self.engine().interval_usec()
    }

    fn ticks(&self) -> u64 {
        self.engine().ticks()
    }

    fn export(&self, question: &ExportQuestion, ids: Option<Vec<String>>, out: &mut dyn Write) -> Result<(), AskError> {
        let _ = (question, ids, out);
        Err(AskError::Failed("not built yet".to_owned()))
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
