//! Hour files, rollups and retention: every row once, whatever happens in between, and nothing for ever.

use std::sync::Mutex;

use arrow_array::types::Float64Type;

use super::*;
use crate::model::{HOUR_USEC, Identity, UnixMicros};
use crate::store::WallClock;
use crate::store::footer::Footer;
use crate::store::retention::Budget;
use crate::store::testing::{TickBuilder, identity, process};
use crate::subject::Subject;

const SECOND: i64 = 1_000_000;
/// The end of the hour that [`hour`] lies in.
pub(in crate::store) const HOUR_END: UnixMicros = HOUR + HOUR_USEC;

/// A clock that tests set.
#[derive(Clone, Default)]
pub(super) struct Hands(Arc<Mutex<UnixMicros>>);

impl Hands {
    pub(super) fn at(time: UnixMicros) -> Self {
        Self(Arc::new(Mutex::new(time)))
    }

    pub(super) fn set(&self, time: UnixMicros) {
        *self.0.lock().unwrap() = time;
    }

    pub(super) fn time(&self) -> UnixMicros {
        *self.0.lock().unwrap()
    }

    /// A clock that does not jump: whenever it is set, that much time went by.
    fn clock(&self) -> WallClock {
        let (hands, same) = (self.clone(), self.clone());
        let monotonic = move || Duration::from_micros(*same.0.lock().unwrap() as u64);
        WallClock::new(move || *hands.0.lock().unwrap()).measured_by(monotonic)
    }
}

pub(super) fn timed(data: &Path, started: UnixMicros, hands: &Hands) -> Options {
    Options { started, clock: hands.clock(), ..options(data) }
}

/// Runs a store over ticks, sealing after each batch, at a time at which their hours are not over.
pub(in crate::store) fn record(data: &Path, batches: &[Vec<Tick>]) {
    record_of("node-1", data, batches);
}

/// The same for a node of this name.
pub(super) fn record_of(node: &str, data: &Path, batches: &[Vec<Tick>]) {
    for (run, ticks) in batches.iter().enumerate() {
        let hands = Hands::at(0);
        let options = Options { node: node.to_owned(), ..timed(data, HOUR + run as i64, &hands) };
        let (store, sender, _) = start(options);
        ticks.iter().for_each(|tick| sender.send(tick.clone()).unwrap());
        drop(sender);
        store.join();
    }
}

/// Starts a store at a time, lets it do what is due, and stops it.
pub(in crate::store) fn upkeep(data: &Path, now: UnixMicros) -> Arc<Counters> {
    let hands = Hands::at(now);
    let (store, sender, counters) = start(timed(data, now, &hands));
    store.reader().wait_settled();
    store.reader().keep_up();
    drop(sender);
    store.join();
    counters
}

/// Three batches of one hour: two containers, of which the second comes later, with a counter and a gauge.
pub(in crate::store) fn hour() -> Vec<Vec<Tick>> {
    let batch = |number: i64| {
        let at = HOUR + number * 90 * SECOND;
        let tick = |second: i64| {
            let (time, count) = (at + second * SECOND, number * 90 + second);
            let column = |name| Table::Processes.column(name).unwrap();
            let (pid, start, utime) = (column("pid"), column("start_ticks"), column("utime_usec"));
            let mut tick = TickBuilder::default();
            if second == 0 {
                tick = tick.birth(1, "container-1").birth(2, "container-2").birth_of(3, process("container-1", 7));
                tick = tick.birth_of(4, Subject::Node);
            }
            tick = tick.row(1, time, &[(0, count), (5, count % 7)]);
            tick = tick.row_in(Table::Node, 4, (time, false), &[(0, count)]);
            if second % 5 == 0 {
                tick = tick.row_in(Table::Processes, 3, (time, false), &[(pid, 7), (start, 107), (utime, count)]);
            }
            if number > 0 { tick.row(2, time + 1, &[(0, count * 2)]).build() } else { tick.build() }
        };
        (0..90).map(tick).collect::<Vec<Tick>>()
    };
    (0..3).map(batch).collect()
}

fn rows_of(batches: &[Vec<Tick>]) -> Vec<PlainRow> {
    let all = tick_rows(&batches.concat());
    sorted(
        all.into_iter().filter(|row| row.container_id != "container-3" && row.container_id != "container-4").collect(),
    )
}

/// The rows of `containers` in ticks.
pub(super) fn container_rows(batches: &[Vec<Tick>]) -> Vec<PlainRow> {
    let mut kept = batches.concat();
    for tick in &mut kept {
        let (mut rows, mut values) = (Vec::new(), Vec::new());
        for (row, own) in tick.iter() {
            if row.table == Table::Containers {
                rows.push(*row);
                values.extend_from_slice(own);
            }
        }
        (tick.rows, tick.values) = (rows, values);
    }
    rows_of(&[kept])
}

pub(super) fn below(data: &Path, table: &str) -> Vec<PathBuf> {
    let directory = data.join(table);
    if directory.exists() { files_below(&directory) } else { Vec::new() }
}

pub(super) fn column(path: &Path, name: &str) -> Vec<Option<i64>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    let of = |batch: RecordBatch| {
        let array = batch.column_by_name(name).unwrap().as_primitive::<Int64Type>().clone();
        (0..array.len()).map(move |row| array.is_valid(row).then(|| array.value(row))).collect::<Vec<_>>()
    };
    reader.flat_map(|batch| of(batch.unwrap())).collect()
}

#[test]
fn the_files_of_an_hour_that_is_over_become_one_per_table() {
    let data = tempfile::tempdir().unwrap();
    let batches = hour();
    record(data.path(), &batches);
    assert_eq!(sealed_files(data.path()).len(), 3);
    upkeep(data.path(), HOUR + HOUR_USEC - 1);
    assert_eq!(sealed_files(data.path()).len(), 3, "the hour is not over");
    let counters = upkeep(data.path(), HOUR_END);
    for (table, rows) in [(Table::Containers, 450), (Table::Processes, 54), (Table::Node, 270)] {
        let files = sealed_files_of(data.path(), table);
        assert_eq!(files.len(), 1, "{}", table.name());
        let footer = Footer::read(&files[0]).unwrap();
        assert_eq!((footer.rows, footer.directory.replaces.len()), (rows, 3));
        crate::store::prove::whole(&files[0]).unwrap();
    }
    assert_eq!(counters.merge_errors.get(), 0);
    assert_eq!(sorted(stored_rows(data.path())), container_rows(&batches));
    let times: Vec<_> = stored_rows(data.path()).iter().map(|row| (row.container_id.clone(), row.time)).collect();
    assert!(times.is_sorted_by(|a, b| a < b));
    let again = upkeep(data.path(), HOUR + HOUR_USEC + SECOND);
    assert_eq!((again.merged_files.get(), again.rollup_files.get()), (0, 0), "nothing is left to do");
}

#[test]
fn a_reader_sees_each_row_once_before_and_after() {
    let data = tempfile::tempdir().unwrap();
    let batches = hour();
    record(data.path(), &batches);
    let hands = Hands::at(HOUR);
    let (store, sender, _) = start(timed(data.path(), HOUR + 10, &hands));
    let reader = store.reader();
    reader.wait_settled();
    let (before, containers) = (reader.status(), reader.containers());
    hands.set(HOUR_END);
    reader.keep_up();
    let after = reader.status();
    assert_eq!(reader.files().len(), 3);
    assert_eq!(after.rows - before.rows, 5 + 4 + 5, "rollups: a row a minute of each container and of the node");
    assert_eq!(reader.containers(), containers);
    drop(sender);
    store.join();
}

#[test]
fn rollups_say_what_each_minute_came_to() {
    let data = tempfile::tempdir().unwrap();
    record(data.path(), &hour());
    upkeep(data.path(), HOUR_END);
    let files = below(data.path(), "containers_60s");
    assert_eq!(files.len(), 1);
    let counter = Table::Containers.column_name(0);
    assert_eq!(Table::Containers.column_kind(0), crate::metric::Kind::Counter);
    // Container 1 counts seconds from 0 to 269, container 2 twice that from second 90 on.
    assert_eq!(column(&files[0], "samples"), [60, 60, 60, 60, 30, 30, 60, 60, 30].map(Some));
    let increases = [59, 60, 60, 60, 30, 58, 120, 120, 60];
    assert_eq!(column(&files[0], &format!("{counter}_increase")), increases.map(Some));
    assert_eq!(column(&files[0], &format!("{counter}_max_increase")), [1, 1, 1, 1, 1, 2, 2, 2, 2].map(Some));
    let gauge = (0..COLUMNS).find(|&c| Table::Containers.column_kind(c) == crate::metric::Kind::Gauge).unwrap();
    assert_eq!(column(&files[0], &format!("{}_count", Table::Containers.column_name(gauge))), [None; 9]);
    let footer = Footer::read(&files[0]).unwrap();
    assert_eq!(footer.directory.containers.len(), 2);
    assert_eq!(footer.directory.containers[1].first_us, HOUR + 60 * SECOND);
    crate::store::prove::whole(&files[0]).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&files[0]).unwrap()).unwrap().build().unwrap();
    for batch in reader {
        let batch = batch.unwrap();
        let mean = batch.column_by_name(&format!("{}_mean", Table::Containers.column_name(gauge))).unwrap();
        assert_eq!(mean.as_primitive::<Float64Type>().null_count(), 9);
    }
    assert_eq!(below(data.path(), "node_60s").len(), 1);
}

#[test]
fn the_first_minute_of_an_hour_counts_from_the_last_reading_before_it() {
    let data = tempfile::tempdir().unwrap();
    let tick = |hour: i64, value: i64| {
        let time = HOUR + hour * HOUR_USEC;
        vec![TickBuilder::default().birth(1, "abc").row(1, time, &[(0, value)]).build()]
    };
    record(data.path(), &[tick(0, 100), tick(1, 130), tick(2, 7)]);
    upkeep(data.path(), HOUR + 3 * HOUR_USEC);
    let name = format!("{}_increase", Table::Containers.column_name(0));
    let increases: Vec<_> = below(data.path(), "containers_60s").iter().flat_map(|path| column(path, &name)).collect();
    assert_eq!(increases, [None, Some(30), Some(7)], "and a counter that fell began again at 0");
}

#[test]
fn a_crash_between_any_two_steps_of_a_merge_leaves_each_row_once() {
    let data = tempfile::tempdir().unwrap();
    let batches = hour();
    record(data.path(), &batches);
    let inputs: Vec<(PathBuf, Vec<u8>)> = ["containers", "processes", "node"]
        .iter()
        .flat_map(|table| below(data.path(), table))
        .map(|path| (path.clone(), std::fs::read(&path).unwrap()))
        .collect();
    upkeep(data.path(), HOUR_END);
    // After the rename, before any, some or all of the inputs were deleted; the rollup may be there or not.
    for left in 0..(1 << inputs.len()) {
        if left % 7 != 0 && left != (1 << inputs.len()) - 1 {
            continue;
        }
        for (index, (path, bytes)) in inputs.iter().enumerate() {
            if left >> index & 1 == 1 {
                std::fs::write(path, bytes).unwrap();
            }
        }
        if left % 2 == 0 {
            let _ = std::fs::remove_dir_all(data.path().join("containers_60s"));
        }
        let temporary = inputs[0].0.with_file_name(".x.parquet.tmp");
        std::fs::write(&temporary, "half of a file").unwrap();
        let counters = upkeep(data.path(), HOUR_END);
        assert_eq!((counters.files_set_aside.get(), counters.merge_errors.get()), (0, 0));
        assert_eq!(sealed_files(data.path()).len(), 1, "{left:b}");
        assert_eq!(sorted(stored_rows(data.path())), container_rows(&batches), "{left:b}");
        assert_eq!(below(data.path(), "containers_60s").len(), 1);
        assert!(!temporary.exists());
    }
}

#[test]
fn a_merged_file_that_cannot_be_read_does_not_cost_its_inputs() {
    let data = tempfile::tempdir().unwrap();
    let batches = hour();
    record(data.path(), &batches);
    let inputs: Vec<(PathBuf, Vec<u8>)> = below(data.path(), "containers")
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(&path).unwrap()))
        .collect();
    upkeep(data.path(), HOUR_END);
    let merged = sealed_files(data.path()).remove(0);
    let mut bytes = std::fs::read(&merged).unwrap();
    bytes[4..200].fill(0);
    std::fs::write(&merged, bytes).unwrap();
    inputs.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    let counters = upkeep(data.path(), HOUR_END);
    assert_eq!(counters.files_set_aside.get(), 1);
    assert_eq!(sorted(stored_rows(data.path())), container_rows(&batches));
}

#[test]
fn a_file_that_comes_late_is_merged_into_the_hour() {
    let data = tempfile::tempdir().unwrap();
    let batches = hour();
    record(data.path(), &batches[..2]);
    upkeep(data.path(), HOUR_END);
    let hands = Hands::at(0);
    let (store, sender, _) = start(timed(data.path(), HOUR + 77, &hands));
    batches[2].iter().for_each(|tick| sender.send(tick.clone()).unwrap());
    drop(sender);
    store.join();
    let counters = upkeep(data.path(), HOUR_END);
    assert_eq!((counters.merged_files.get(), counters.rollup_files.get()), (3, 2));
    assert_eq!(sealed_files(data.path()).len(), 1);
    assert_eq!(below(data.path(), "containers_60s").len(), 1);
    assert_eq!(sorted(stored_rows(data.path())), container_rows(&batches));
}

#[test]
fn a_clock_that_goes_back_and_forth_by_an_hour_costs_no_row() {
    let data = tempfile::tempdir().unwrap();
    let mut ticks = vec![TickBuilder::default().birth(1, "container-1").build()];
    let times = (0..30).chain(-3600..-3570).chain(30..60).chain(15..45).map(|second| HOUR + second * SECOND + 1);
    // A clock that was set back reads the same microsecond twice only by chance; here it does.
    ticks.extend(times.enumerate().map(|(n, time)| TickBuilder::default().row(1, time, &[(0, n as i64)]).build()));
    record(data.path(), &[ticks.clone()]);
    upkeep(data.path(), HOUR + 2 * HOUR_USEC);
    assert_eq!(sorted(stored_rows(data.path())), sorted(tick_rows(&ticks)));
    for path in sealed_files(data.path()) {
        let rows = read_rows(&path);
        assert!(rows.is_sorted_by(|a, b| a.time < b.time), "{}", path.display());
    }
    let files = sealed_files(data.path()).len();
    assert_eq!(files, 3, "the hour before, this hour, and what was read at times that were there already");
    upkeep(data.path(), HOUR + 2 * HOUR_USEC);
    assert_eq!(sealed_files(data.path()).len(), files);
}

#[test]
fn names_that_came_after_the_hour_reach_its_file() {
    let data = tempfile::tempdir().unwrap();
    let batches = hour();
    record(data.path(), &batches[..1]);
    let named =
        Identity { pod: Some("web-0".to_owned()), container: Some("app".to_owned()), ..identity("container-1") };
    let late = TickBuilder::default().birth_of(9, Subject::Container(Arc::new(named)));
    let late = late.row(9, HOUR + HOUR_USEC, &[(0, 1)]).build();
    let hands = Hands::at(HOUR);
    let (store, sender, _) = start(timed(data.path(), HOUR + 10, &hands));
    sender.send(late).unwrap();
    while store.reader().status().tail_rows == 0 {
        std::thread::yield_now();
    }
    hands.set(HOUR_END);
    store.reader().keep_up();
    let entry = Footer::read(&sealed_files(data.path())[0]).unwrap().directory.containers.remove(0);
    assert_eq!(entry.identity.pod.as_deref(), Some("web-0"));
    let processes = &sealed_files_of(data.path(), Table::Processes)[0];
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(processes).unwrap()).unwrap().build().unwrap();
    for batch in reader {
        let batch = batch.unwrap();
        assert_eq!(batch.column_by_name("container").unwrap().as_string::<i32>().value(0), "app");
    }
    drop(sender);
    store.join();
}

#[test]
fn old_files_go_and_the_containers_in_them_are_forgotten() {
    let data = tempfile::tempdir().unwrap();
    let day = 24 * HOUR_USEC;
    let tick = |number: i64| {
        let id = format!("container-{number}");
        vec![TickBuilder::default().birth(1, &id).row(1, HOUR + number * day, &[(0, 1)]).build()]
    };
    record(data.path(), &[tick(0), tick(1), tick(2)]);
    let hands = Hands::at(HOUR + 2 * day);
    let (store, sender, counters) = start(timed(data.path(), HOUR + 10, &hands));
    let reader = store.reader();
    reader.wait_settled();
    reader.keep_up();
    assert_eq!((reader.containers().len(), below(data.path(), "containers_60s").len()), (3, 2));
    hands.set(HOUR + 8 * day + SECOND);
    reader.keep_up();
    let ids: Vec<String> = reader.containers().into_iter().map(|c| c.identity.container_id.clone()).collect();
    assert_eq!(ids, ["container-2"]);
    assert_eq!(counters.retention_files.get(), 2);
    assert_eq!(std::fs::read_dir(data.path().join("containers")).unwrap().count(), 1, "empty dates go");
    assert_eq!(below(data.path(), "containers_60s").len(), 3, "rollups are kept longer");
    hands.set(HOUR + 100 * day);
    reader.keep_up();
    assert_eq!((reader.containers().len(), reader.status().files), (0, 0));
    assert_eq!(below(data.path(), "containers_60s").len(), 0);
    assert_eq!(std::fs::read_dir(data.path().join("_sessions")).unwrap().count(), 1, "the run that is");
    drop(sender);
    store.join();
}

#[test]
fn the_budget_of_bytes_is_kept_whatever_comes() {
    let data = tempfile::tempdir().unwrap();
    record(data.path(), &hour());
    let all: u64 = sealed_files(data.path()).iter().map(|path| path.metadata().unwrap().len()).sum();
    let aside = sealed_files(data.path())[0].with_file_name("_old.parquet.corrupt");
    std::fs::write(&aside, vec![1; 10]).unwrap();
    let hands = Hands::at(HOUR);
    let budget = Budget { bytes: all, ..options(data.path()).budget };
    let (store, sender, _) = start(Options { budget, ..timed(data.path(), HOUR + 10, &hands) });
    let reader = store.reader();
    reader.wait_settled();
    reader.keep_up();
    let status = reader.status();
    assert!(status.bytes <= all && status.files < 9 && status.files > 0, "{status:?}");
    assert!(aside.exists(), "within its share");
    drop(sender);
    store.join();
}
