//! Measures what the store's files take: bytes per value that says something, and per container and day.
//!
//! `store-size DIR` prints a line per file. `store-size --merge DIR` first makes hour files of the sealed files, as the agent
//! does once an hour is over, and says what that cost; it changes DIR, so give it a copy. A value counts where it is not null
//! and its column changes at least once within a container in the file; all bytes of the file count, footer included.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use fgm_agent::health::Counters;
use fgm_agent::store::footer::Footer;
use fgm_agent::store::{Options, Store, WallClock};
use parquet::column::reader::ColumnReader;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;

#[derive(Parser)]
#[command(about = "Measures what the store's files take")]
struct Args {
    /// A data directory.
    data: PathBuf,
    /// Make hour files first; every hour counts as over.
    #[arg(long)]
    merge: bool,
    /// Print the columns that take most, per file.
    #[arg(long, default_value_t = 0)]
    columns: usize,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if args.merge {
        merge(&args.data)?;
    }
    let mut files = Vec::new();
    find(&args.data, &mut files)?;
    files.sort();
    for path in files {
        measure(&path, args.columns).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Runs the store's upkeep at a time far from now, when every hour is over but nothing is too old.
fn merge(data: &Path) -> Result<()> {
    let now = 4_102_444_800_000_000; // 2100-01-01
    let counters = Arc::new(Counters::default());
    let mut options = Options::new(data, "store-size", 0);
    options.clock = WallClock::new(move || now);
    options.budget.age = Duration::MAX;
    options.budget.rollup_age = Duration::MAX;
    options.budget.bytes = u64::MAX;
    let (store, ticks) = Store::start(options, Arc::clone(&counters))?;
    store.reader().wait_settled();
    store.reader().keep_up();
    drop(ticks);
    store.join();
    println!(
        "merged: {} hour files, {} rollup files, {} errors, {:.2} s of CPU",
        counters.merged_files.get(),
        counters.rollup_files.get(),
        counters.merge_errors.get(),
        Duration::from_micros(counters.upkeep_cpu_usec.get()).as_secs_f64()
    );
    Ok(())
}

fn find(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            files.push(path);
        }
    }
    Ok(())
}

#[derive(Default)]
struct Column {
    values: u64,
    bytes: i64,
    changes: bool,
}

fn measure(path: &Path, most: usize) -> Result<()> {
    let footer = Footer::read(path)?;
    let file = SerializedFileReader::new(std::fs::File::open(path)?)?;
    let starts: Vec<u64> = footer.directory.containers.iter().map(|entry| entry.first_row).collect();
    let mut columns: BTreeMap<String, Column> = BTreeMap::new();
    let mut first_row = 0;
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group)?;
        for (index, chunk) in group.metadata().columns().iter().enumerate() {
            let column = columns.entry(chunk.column_path().string()).or_default();
            column.bytes += chunk.compressed_size();
            let values: Vec<Option<u64>> = match group.get_column_reader(index)? {
                ColumnReader::Int64ColumnReader(reader) => read(reader, |value| value as u64)?,
                ColumnReader::DoubleColumnReader(reader) => read(reader, f64::to_bits)?,
                _ => continue,
            };
            let mut previous = None;
            for (row, value) in (first_row..).zip(values) {
                if starts.binary_search(&row).is_ok() {
                    previous = None;
                }
                let Some(value) = value else { continue };
                column.values += 1;
                column.changes |= previous.is_some_and(|previous| previous != value);
                previous = Some(value);
            }
        }
        first_row += u64::try_from(group.metadata().num_rows())?;
    }
    let values: u64 = columns.values().map(|column| column.values).sum();
    let changing: u64 = columns.values().filter(|column| column.changes).map(|column| column.values).sum();
    let (first, last) = footer.directory.span;
    let spans = footer.directory.containers.iter().map(|entry| (entry.last_us - entry.first_us) as f64 / 86_400e6);
    let days: f64 = if footer.directory.containers.is_empty() { (last - first) as f64 / 86_400e6 } else { spans.sum() };
    println!(
        "{} {}: rows {}, bytes {}, values {values}, changing {changing} in {} columns, {:.3} bytes per changing value, {:.2} MB per container-day",
        footer.directory.resolution.name_of(footer.directory.table),
        path.file_stem().unwrap_or_default().to_string_lossy(),
        footer.rows,
        footer.bytes,
        columns.values().filter(|column| column.changes).count(),
        footer.bytes as f64 / changing as f64,
        footer.bytes as f64 / days / 1e6,
    );
    let mut largest: Vec<(String, Column)> = columns.into_iter().collect();
    largest.sort_by_key(|(_, column)| -column.bytes);
    for (name, column) in largest.into_iter().take(most) {
        println!("  {name}: {} bytes, {} values, changes: {}", column.bytes, column.values, column.changes);
    }
    Ok(())
}

fn read<T: parquet::data_type::DataType>(
    mut reader: parquet::column::reader::ColumnReaderImpl<T>,
    bits: impl Fn(T::T) -> u64,
) -> Result<Vec<Option<u64>>>
where
    T::T: Copy,
{
    let (mut all, mut values, mut levels) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        values.clear();
        levels.clear();
        let (records, ..) = reader.read_records(1 << 16, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Ok(all);
        }
        if levels.is_empty() {
            levels.resize(records, 1);
        }
        let mut values = values.iter();
        all.extend(levels.iter().map(|level| if *level == 0 { None } else { values.next().map(|value| bits(*value)) }));
    }
}
