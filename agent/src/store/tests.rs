//! The store as a whole: ticks in, files out, through crashes and damage.

mod checked;
mod crash;
mod damage;
pub(in crate::store) mod endurance;
mod round_trip;
mod scanned;
mod tables;
mod upkept;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::schema::leading_columns;
use super::testing::HOUR;
use super::{Options, Store, Summary};
use crate::health::Counters;
use crate::metric::COLUMNS;
use crate::model::Tick;
use crate::table::Table;

/// A row as a reader of Parquet sees it, or as a test made it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PlainRow {
    container_id: String,
    time: i64,
    is_final: bool,
    values: BTreeMap<usize, i64>,
}

fn options(data: &Path) -> Options {
    Options { git_revision: "test".to_owned(), lock_wait: Duration::ZERO, ..Options::new(data, "node-1", HOUR) }
}

fn start(options: Options) -> (Store, SyncSender<Tick>, Arc<Counters>) {
    let counters = Arc::new(Counters::default());
    let (store, ticks) = Store::start(options, Arc::clone(&counters)).unwrap();
    (store, ticks, counters)
}

/// Runs a store over the ticks to its end.
fn run(options: Options, ticks: &[Tick]) -> Summary {
    let (store, sender, _) = start(options);
    ticks.iter().for_each(|tick| sender.send(tick.clone()).unwrap());
    drop(sender);
    store.join()
}

/// Runs a store without ticks, until everything found at start is in order.
fn run_settled(data: &Path) -> (Summary, Arc<Counters>) {
    let (store, sender, counters) = start(Options { started: HOUR + 1, ..options(data) });
    store.reader().wait_settled();
    drop(sender);
    (store.join(), counters)
}

/// Every file below a directory, sorted.
fn files_below(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn sealed_files(data: &Path) -> Vec<PathBuf> {
    sealed_files_of(data, Table::Containers)
}

fn sealed_files_of(data: &Path, table: Table) -> Vec<PathBuf> {
    let directory = data.join(table.name());
    if !directory.exists() {
        return Vec::new();
    }
    files_below(&directory).into_iter().filter(|path| path.extension().unwrap() == "parquet").collect()
}

/// The rows of all sealed files.
fn stored_rows(data: &Path) -> Vec<PlainRow> {
    sealed_files(data).iter().flat_map(|path| read_rows(path)).collect()
}

/// The rows of a sealed file in file order.
fn read_rows(path: &Path) -> Vec<PlainRow> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    reader.flat_map(|batch| batch_rows(&batch.unwrap())).collect()
}

fn batch_rows(batch: &RecordBatch) -> Vec<PlainRow> {
    let leading = leading_columns(Table::Containers);
    let times = batch.column(0).as_primitive::<TimestampMicrosecondType>();
    let (ids, finals) = (batch.column(1).as_string::<i32>(), batch.column(leading - 1).as_boolean());
    let values = |row: usize| {
        let value = |column: usize| {
            let array = batch.column(leading + column).as_primitive::<Int64Type>();
            array.is_valid(row).then(|| (column, array.value(row)))
        };
        (0..COLUMNS).filter_map(value).collect()
    };
    let row = |row| PlainRow {
        container_id: ids.value(row).to_owned(),
        time: times.value(row),
        is_final: finals.value(row),
        values: values(row),
    };
    (0..batch.num_rows()).map(row).collect()
}

/// The rows of ticks; containers are named by [`container_name`].
fn tick_rows(ticks: &[Tick]) -> Vec<PlainRow> {
    let plain = |(row, values): (&crate::model::Row, &[i64])| PlainRow {
        container_id: container_name(row.key.0),
        time: row.time,
        is_final: row.is_final,
        values: row.present.iter().map(|column| (column, values[column])).collect(),
    };
    ticks.iter().flat_map(|tick| tick.iter().map(plain)).collect()
}

fn container_name(key: u32) -> String {
    format!("container-{key}")
}

fn sorted<T: Ord>(mut rows: Vec<T>) -> Vec<T> {
    rows.sort();
    rows
}
