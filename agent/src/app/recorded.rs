//! The store's reading side as the service wants it: the one place where both are known.

use std::sync::Arc;

use crate::service::events::{EventFilter, RecordedEvent};
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
        let known = Self::containers(self).into_iter();
        known
            .map(|known| ContainerSummary {
                identity: known.identity,
                first_seen: known.first_seen,
                last_seen: known.last_seen,
                alive: known.alive,
            })
            .collect()
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
}
