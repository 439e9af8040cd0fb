//! Measures what the store's files take: bytes per value that says something, and per container and day.
//!
//! `store-size DIR` prints a line per file. `store-size --merge DIR` first makes hour files of the sealed files, as the agent
//! does once an hour is over, and says what that cost; it changes DIR, so give it a copy. A value counts where it is not null
//! and its column changes at least once within a container in the file; all bytes of the file count, footer included.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use fgm_agent::health::Counters;
use fgm_agent::store::{Options, Store, WallClock};
use fgm_bench_gen::size::{self, Column};

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

fn measure(path: &Path, most: usize) -> Result<()> {
    let measured = size::measure(path)?;
    let (size, directory) = (measured.size(), &measured.footer.directory);
    let (first, last) = directory.span;
    let spans = directory.containers.iter().map(|entry| (entry.last_us - entry.first_us) as f64 / 86_400e6);
    let days: f64 = if directory.containers.is_empty() { (last - first) as f64 / 86_400e6 } else { spans.sum() };
    println!(
        "{} {}: rows {}, bytes {}, values {}, changing {} in {} columns, {:.3} bytes per changing value, {:.2} MB per container-day",
        directory.resolution.name_of(directory.table),
        path.file_stem().unwrap_or_default().to_string_lossy(),
        size.rows,
        size.bytes,
        size.values,
        size.changing,
        measured.columns.values().filter(|column| column.changes).count(),
        size.bytes_per_changing_value(),
        size.bytes as f64 / days / 1e6,
    );
    let mut largest: Vec<(String, Column)> = measured.columns.into_iter().collect();
    largest.sort_by_key(|(_, column)| std::cmp::Reverse(column.bytes));
    for (name, column) in largest.into_iter().take(most) {
        println!("  {name}: {} bytes, {} values, changes: {}", column.bytes, column.values, column.changes);
    }
    Ok(())
}
