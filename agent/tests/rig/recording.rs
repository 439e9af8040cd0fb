//! What an agent recorded, read file by file without the agent's own store.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use fgm_agent::store::footer::{DirectoryEntry, Footer};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A row, with the columns that were asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) time: i64,
    pub(crate) is_final: bool,
    pub(crate) values: Vec<Option<i64>>,
}

/// A sealed file.
pub(crate) struct SealedFile {
    pub(crate) path: PathBuf,
    pub(crate) footer: Footer,
    pub(crate) rows: Vec<Row>,
}

/// What is sealed of all tables together.
pub(crate) struct Everything {
    pub(crate) files: u64,
    pub(crate) rows: u64,
}

/// What is sealed of all tables together, by what the files' own ends say.
pub(crate) fn everything(data: &Path) -> Everything {
    let paths = paths(data, "parquet");
    let rows = |path: &PathBuf| Footer::read(path).expect("a footer").rows;
    Everything { files: paths.len() as u64, rows: paths.iter().map(rows).sum() }
}

/// Every sealed file of containers in a data directory, by path.
pub(crate) fn files(data: &Path, columns: &[&str]) -> Vec<SealedFile> {
    paths(&data.join("containers"), "parquet").into_iter().map(|path| file(path, columns)).collect()
}

/// Every row of a data directory, in the order of the files.
pub(crate) fn rows(data: &Path, columns: &[&str]) -> Vec<Row> {
    files(data, columns).into_iter().flat_map(|file| file.rows).collect()
}

/// The rows of each container, by time.
pub(crate) fn by_container(rows: impl IntoIterator<Item = Row>) -> BTreeMap<String, Vec<Row>> {
    let mut containers: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in rows {
        containers.entry(row.id.clone()).or_default().push(row);
    }
    containers.values_mut().for_each(|rows| rows.sort_by_key(|row| row.time));
    containers
}

/// Nothing is there twice, and each file is in order.
pub(crate) fn assert_whole(files: &[SealedFile]) {
    for file in files {
        let in_order = file.rows.is_sorted_by(|a, b| (&a.id, a.time) < (&b.id, b.time));
        assert!(in_order, "{} is not sorted by container and time", file.path.display());
        assert_eq!(file.footer.rows, file.rows.len() as u64);
    }
    for (id, rows) in by_container(files.iter().flat_map(|file| file.rows.clone())) {
        assert!(rows.is_sorted_by(|a, b| a.time < b.time), "rows of {id} are there twice");
    }
}

/// What the footer says of a container.
pub(crate) fn entry<'a>(file: &'a SealedFile, id: &str) -> &'a DirectoryEntry {
    let found = file.footer.directory.containers.iter().find(|entry| entry.identity.container_id == id);
    found.unwrap_or_else(|| panic!("{id} is not in {}", file.path.display()))
}

/// The columns of a footer's set.
pub(crate) fn column_set(file: &SealedFile, index: usize) -> &[String] {
    &file.footer.directory.column_sets[index]
}

/// Every file below a directory with this ending.
pub(crate) fn paths(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(&directory).expect("list").flatten() {
            let path = entry.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn file(path: PathBuf, columns: &[&str]) -> SealedFile {
    let footer = Footer::read(&path).expect("a footer");
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).expect("open")).expect("a Parquet file");
    let leading = ["time", "container_id", "final"];
    let names = leading.iter().chain(columns).copied();
    let mask = ProjectionMask::columns(builder.parquet_schema(), names);
    let mut rows = Vec::new();
    for batch in builder.with_projection(mask).build().expect("a reader") {
        let batch = batch.expect("rows");
        let column = |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
        let (ids, finals) = (column("container_id").as_string::<i32>(), column("final").as_boolean());
        let times = column("time").as_primitive::<TimestampMicrosecondType>();
        let metrics: Vec<_> = columns.iter().map(|name| column(name).as_primitive::<Int64Type>()).collect();
        for row in 0..batch.num_rows() {
            let values = metrics.iter().map(|metric| metric.is_valid(row).then(|| metric.value(row)));
            let (id, time, is_final) = (ids.value(row).to_owned(), times.value(row), finals.value(row));
            rows.push(Row { id, time, is_final, values: values.collect() });
        }
    }
    SealedFile { path, footer, rows }
}
