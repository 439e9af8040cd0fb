//! Fixtures for the store's tests.

use std::sync::Arc;

use crate::model::{ColumnSet, Identity, Role, Row, SeriesKey, Tick, UnixMicros};
use crate::subject::{Owner, Process, Subject};
use crate::table::Table;

/// 2026-11-23 04:00:00 UTC.
pub(crate) const HOUR: UnixMicros = 1_795_406_400_000_000;

pub(crate) fn identity(container_id: &str) -> Identity {
    Identity {
        pod_uid: Some("5f0c8a62-7e9b-4c5e-9d39-1f6a2b3c4d5e".to_owned()),
        qos_class: Some(crate::model::QosClass::Burstable),
        runtime: Some("containerd".to_owned()),
        ..Identity::unnamed(container_id, format!("/kubepods/{container_id}"), Role::Container)
    }
}

pub(crate) fn container(container_id: &str) -> Subject {
    Subject::Container(Arc::new(identity(container_id)))
}

/// A process that does not know the names of its container yet.
pub(crate) fn process(container_id: &str, pid: u32) -> Subject {
    let owner = Owner { container_id: Some(container_id.to_owned()), ..Owner::default() };
    let (comm, cmdline) = ("worker".to_owned(), Some("worker --fast".to_owned()));
    Subject::Process(Arc::new(Process { owner, pid, start_ticks: 100 + u64::from(pid), comm, cmdline }))
}

/// A tick put together row by row.
#[derive(Clone, Debug, Default)]
pub(crate) struct TickBuilder(Tick);

impl TickBuilder {
    pub(crate) fn birth(self, key: u32, container_id: &str) -> Self {
        self.birth_of(key, container(container_id))
    }

    pub(crate) fn birth_of(mut self, key: u32, subject: Subject) -> Self {
        self.0.births.push((SeriesKey(key), subject));
        self
    }

    pub(crate) fn row(self, key: u32, time: UnixMicros, columns: &[(usize, i64)]) -> Self {
        self.any_row(key, (time, false), columns)
    }

    pub(crate) fn any_row(self, key: u32, (time, is_final): (i64, bool), columns: &[(usize, i64)]) -> Self {
        self.row_in(Table::Containers, key, (time, is_final), columns)
    }

    pub(crate) fn row_in(
        mut self,
        table: Table,
        key: u32,
        (time, is_final): (i64, bool),
        columns: &[(usize, i64)],
    ) -> Self {
        let present: ColumnSet = columns.iter().map(|(column, _)| *column).collect();
        self.0.rows.push(Row { key: SeriesKey(key), table, time, is_final, present });
        let start = self.0.values.len();
        self.0.values.resize(start + table.width(), 0);
        columns.iter().for_each(|(column, value)| self.0.values[start + column] = *value);
        self
    }

    pub(crate) fn death(mut self, key: u32) -> Self {
        self.0.deaths.push(SeriesKey(key));
        self
    }

    pub(crate) fn build(self) -> Tick {
        self.0
    }
}
