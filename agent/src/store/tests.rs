//! The store as a whole: ticks in, files out, through crashes.

use std::path::Path;
use std::sync::Arc;

use super::testing::{HOUR, TickBuilder};
use super::{Options, Store};
use crate::health::Counters;

fn options(data: &Path) -> Options {
    Options {
        git_revision: "test".to_owned(),
        lock_wait: std::time::Duration::ZERO,
        ..Options::new(data, "node-1", HOUR)
    }
}

#[test]
fn rows_are_readable_at_once_and_in_parquet_at_the_end() {
    let data = tempfile::tempdir().unwrap();
    let (store, ticks) = Store::start(options(data.path()), Arc::new(Counters::default())).unwrap();
    let reader = store.reader();
    for second in 0..5 {
        let tick = TickBuilder::default().row(1, HOUR + second * 1_000_000, &[(0, second), (14, 7)]);
        ticks.send(if second == 0 { tick.birth(1, "abc") } else { tick }.build()).unwrap();
    }
    drop(ticks);
    let summary = store.join();
    assert_eq!((summary.files, summary.rows, summary.lost_rows), (1, 5, 0));
    let files = reader.files();
    assert_eq!(files.len(), 1, "{files:?}");
    let footer = super::footer::Footer::read(&files[0]).unwrap();
    assert_eq!(footer.rows, 5);
    assert_eq!(reader.status().tail_rows, 0);
}
