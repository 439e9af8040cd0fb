//! What months bring: kills in the middle of upkeep, a disk that fills, a disk that turns read-only.
//!
//! The kills hit a process of this test program that runs the store alone, with a clock at which hours are over.
//! `FGM_TEST_SEED` repeats the moments of an earlier run, as far as the kernel's scheduler lets it.

#![allow(clippy::expect_used, clippy::print_stderr, unreachable_pub, reason = "a test program")]

mod rig;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fgm_agent::check::{check, human};
use fgm_agent::health::Counters;
use fgm_agent::model::{ColumnSet, HOUR_USEC, Identity, Role, Row, SeriesKey, Tick};
use fgm_agent::store::retention::Budget;
use fgm_agent::store::{Options, Store, WallClock};
use fgm_agent::subject::Subject;
use fgm_agent::table::Table;
use rig::fake_cgroups::FakeCgroups;
use rig::{Line, eventually, is_root, open_directory, recording};

/// 2026-11-23 04:00:00 UTC.
const HOUR: i64 = 1_795_406_400_000_000;
const SECOND: i64 = 1_000_000;
const HOURS: i64 = 8;
const SEGMENTS: i64 = 5;
const CONTAINERS: u32 = 3;
/// In this variable the data directory is told to the process that is killed.
const CHILD: &str = "FGM_TEST_UPKEEP_OF";

/// Segments of several hours, a run each.
fn record(data: &Path) {
    for hour in 0..HOURS {
        for segment in 0..SEGMENTS {
            let from = HOUR + hour * HOUR_USEC + segment * 600 * SECOND;
            let options = Options { lock_wait: Duration::from_secs(10), ..Options::new(data, "node-1", from) };
            let (store, ticks) = Store::start(options, Arc::default()).expect("a store");
            for second in 0..60 {
                ticks.send(tick(from + second * SECOND, second == 0)).expect("sent");
            }
            drop(ticks);
            assert_eq!(store.join().lost_rows, 0);
        }
    }
}

fn tick(time: i64, first: bool) -> Tick {
    let mut tick = Tick::default();
    for container in 0..CONTAINERS {
        let key = SeriesKey(container);
        if first {
            let id = format!("{container:064}");
            let identity = Identity::unnamed(&id, format!("/kubepods/{id}"), Role::Container);
            tick.births.push((key, Subject::Container(Arc::new(identity))));
        }
        let present: ColumnSet = (0..40).collect();
        let time = time + i64::from(container);
        tick.rows.push(Row { key, table: Table::Containers, time, is_final: false, present });
        let mut values = vec![0; Table::Containers.width()];
        for (column, value) in values.iter_mut().enumerate().take(40) {
            *value = time / SECOND * (column as i64 % 5) + i64::from(container);
        }
        tick.values.extend(values);
    }
    tick
}

/// Not a test of its own: what is killed. Everything that is due at the end of the last hour is done; the first hour is too old.
#[test]
fn the_process_that_is_killed() {
    let Some(data) = std::env::var_os(CHILD) else { return };
    let options = kept_but_the_first_hour(Path::new(&data));
    let (store, ticks) = Store::start(options, Arc::default()).expect("a store");
    store.reader().wait_settled();
    store.reader().keep_up();
    drop(ticks);
    store.join();
    println!("@done");
}

fn kept_but_the_first_hour(data: &Path) -> Options {
    let now = HOUR + HOURS * HOUR_USEC;
    let age = Duration::from_micros((now - HOUR - HOUR_USEC) as u64);
    Options {
        clock: WallClock::new(move || now),
        budget: Budget { bytes: u64::MAX, age, rollup_age: Duration::MAX },
        lock_wait: Duration::from_secs(10),
        ..Options::new(data, "node-1", now)
    }
}

#[test]
fn kills_in_the_middle_of_upkeep_lose_no_row_and_double_none() {
    let seed = std::env::var("FGM_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(clock_seed);
    eprintln!("repeat with FGM_TEST_SEED={seed}");
    let data = open_directory();
    record(data.path());
    let expected: BTreeMap<String, Vec<i64>> = times(data.path());
    let mut random = seed | 1;
    let mut kills = 0;
    loop {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "the_process_that_is_killed", "--nocapture"])
            .env(CHILD, data.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // The moment is the point here: whatever upkeep is doing then. Longer lives let it get on, however slow the machine.
        std::thread::sleep(Duration::from_millis(30 + random % (100 + 30 * kills)));
        if child.try_wait().expect("asked").is_some() {
            break;
        }
        child.kill().expect("killed");
        child.wait().expect("gone");
        kills += 1;
        assert!(kills < 300, "upkeep never ends");
    }
    eprintln!("{kills} kills");
    let (store, ticks) = Store::start(kept_but_the_first_hour(data.path()), Arc::default()).expect("a store");
    store.reader().wait_settled();
    store.reader().keep_up();
    assert_eq!(store.reader().status().refused_files, 0);
    drop(ticks);
    store.join();
    let kept = |(id, times): (String, Vec<i64>)| {
        (id, times.into_iter().filter(|time| *time >= HOUR + HOUR_USEC).collect::<Vec<i64>>())
    };
    assert_eq!(times(data.path()), expected.into_iter().map(kept).collect());
    assert_eq!(recording::paths(&data.path().join("containers"), "parquet").len() as i64, HOURS - 1);
    let rollups = recording::paths(&data.path().join("containers_60s"), "parquet").len() as i64;
    assert_eq!(rollups, HOURS - 1, "what was too old at the first start was never summed up");
    let report = check(data.path()).expect("a store");
    let damage: Vec<_> = report.findings.iter().filter(|finding| finding.kind.is_damage()).collect();
    assert!(damage.is_empty(), "{}", human(&report));
    for leftovers in ["tmp", "corrupt", "spill"] {
        assert_eq!(recording::paths(data.path(), leftovers), Vec::<PathBuf>::new());
    }
}

/// The times of each container's rows, in order, as they are on disk.
fn times(data: &Path) -> BTreeMap<String, Vec<i64>> {
    let files = recording::files(data, &[]);
    recording::assert_whole(&files);
    let rows = recording::by_container(files.into_iter().flat_map(|file| file.rows));
    rows.into_iter().map(|(id, rows)| (id, rows.into_iter().map(|row| row.time).collect())).collect()
}

fn clock_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    u64::from(now.subsec_nanos())
}

/// A small file system of its own.
struct Disk {
    place: tempfile::TempDir,
}

impl Disk {
    fn make(test: &str, megabytes: u64) -> Option<Self> {
        if !is_root(test) {
            return None;
        }
        let place = open_directory();
        let image = place.path().join("image");
        std::fs::File::create(&image).expect("image").set_len(megabytes << 20).expect("size");
        let disk = Self { place };
        std::fs::create_dir(disk.root()).expect("mount point");
        run("mkfs.ext4", &["-q", "-F", &image.to_string_lossy()]);
        run("mount", &["-o", "loop", &image.to_string_lossy(), &disk.root().to_string_lossy()]);
        Some(disk)
    }

    fn root(&self) -> PathBuf {
        self.place.path().join("disk")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: after a failed test an agent may still have files open.
        let _ = Command::new("umount").arg("-l").arg(self.root()).status();
    }
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().expect("started");
    assert!(status.success(), "{program} {arguments:?}");
}

/// Takes all that is left of a disk.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).expect("filler");
    for size in [1 << 16, 1 << 12, 1 << 9, 1] {
        let block = vec![1; size];
        while file.write_all(&block).is_ok() {}
    }
    // What the page cache took must be on the disk, or it takes nothing.
    let _ = file.sync_all();
}

#[test]
fn a_full_disk_stops_neither_sampling_nor_answers_and_writing_resumes() {
    let Some(disk) = Disk::make("a_full_disk", 16) else { return };
    let (cgroups, data) = (FakeCgroups::with(5), disk.root().join("data"));
    let times = ["--interval", "20ms", "--rotate", "1s", "--spill-interval", "100ms"];
    let agent = Line::recording(cgroups.path(), &data).args(times).start().ready();
    agent.until_counter("seals_total", 1);
    fill(&disk.root().join("filler"));
    agent.until_counter("seal_errors_total", 1);
    let (ticks, seals) = (agent.counter("ticks_total"), agent.counter("seals_total"));
    agent.until_counter("ticks_total", ticks + 50);
    assert!(agent.status()["store"]["last_error"].is_string());
    std::fs::remove_file(disk.root().join("filler")).expect("freed");
    agent.until_counter("seals_total", seals + 2);
    assert!(agent.status()["store"]["last_error"].is_null() || agent.counter("seal_errors_total") > 0);
    agent.stop();
    let files = recording::files(&data, &[]);
    recording::assert_whole(&files);
    let report = check(&data).expect("a store");
    assert!(!report.damaged, "{}", human(&report));
}

#[test]
fn a_disk_that_turns_read_only_and_back_costs_nothing_but_time() {
    let Some(disk) = Disk::make("a_read_only_disk", 32) else { return };
    let (cgroups, data) = (FakeCgroups::with(5), disk.root().join("data"));
    let times = ["--interval", "20ms", "--rotate", "1s", "--spill-interval", "100ms"];
    let agent = Line::recording(cgroups.path(), &data).args(times).start().ready();
    agent.until_counter("seals_total", 1);
    // A file system with files open for writing can't be turned; a mount of its own over each directory can.
    let places = [data.join("containers"), data.join("_spill")];
    for place in &places {
        run("mount", &["--bind", &place.to_string_lossy(), &place.to_string_lossy()]);
        run("mount", &["-o", "remount,ro,bind", &place.to_string_lossy()]);
    }
    agent.until_counter("seal_errors_total", 1);
    agent.until_counter("spill_errors_total", 1);
    let (ticks, seals) = (agent.counter("ticks_total"), agent.counter("seals_total"));
    agent.until_counter("ticks_total", ticks + 50);
    places.iter().for_each(|place| run("umount", &[&place.to_string_lossy()]));
    agent.until_counter("seals_total", seals + 2);
    assert_eq!(agent.counter("rows_dropped_total"), 0);
    agent.stop();
    recording::assert_whole(&recording::files(&data, &[]));
    assert!(!check(&data).expect("a store").damaged);
}

#[test]
fn upkeep_on_a_full_disk_leaves_the_files_and_retention_makes_room() {
    let Some(disk) = Disk::make("upkeep_on_a_full_disk", 16) else { return };
    let data = disk.root().join("data");
    std::fs::create_dir(&data).expect("a directory");
    record(&data);
    let expected = times(&data);
    fill(&disk.root().join("filler"));
    let counters = Arc::new(Counters::default());
    let now = HOUR + HOURS * HOUR_USEC;
    let options = |bytes| Options {
        clock: WallClock::new(move || now),
        budget: Budget { bytes, age: Duration::MAX, rollup_age: Duration::MAX },
        lock_wait: Duration::from_secs(10),
        ..Options::new(&data, "node-1", now)
    };
    let (store, ticks) = Store::start(options(u64::MAX), Arc::clone(&counters)).expect("a store");
    store.reader().wait_settled();
    store.reader().keep_up();
    assert_eq!(times(&data), expected, "nothing is lost");
    eprintln!("{} errors, {} merged", counters.merge_errors.get(), counters.merged_files.get());
    std::fs::remove_file(disk.root().join("filler")).expect("room");
    store.reader().keep_up();
    assert_eq!(recording::paths(&data.join("containers"), "parquet").len() as i64, HOURS);
    assert_eq!(times(&data), expected);
    let all = store.reader().status().bytes;
    drop(ticks);
    store.join();
    let (store, ticks) = Store::start(options(all / 2), counters).expect("a store");
    store.reader().wait_settled();
    store.reader().keep_up();
    assert!(store.reader().status().bytes <= all / 2);
    drop(ticks);
    store.join();
    assert!(!check(&data).expect("a store").damaged);
    eventually("the newest hour", || {
        times(&data).values().all(|times| times.last() > Some(&(now - HOUR_USEC))).then_some(())
    });
}

#[test]
fn a_file_that_retention_cannot_delete_stays_readable_and_goes_later() {
    if !is_root("a_file_that_retention_cannot_delete") {
        return;
    }
    let data = open_directory();
    record(data.path());
    let counters = Arc::new(Counters::default());
    let place = data.path().join("containers");
    run("mount", &["--bind", &place.to_string_lossy(), &place.to_string_lossy()]);
    run("mount", &["-o", "remount,ro,bind", &place.to_string_lossy()]);
    let (store, ticks) = Store::start(kept_but_the_first_hour(data.path()), Arc::clone(&counters)).expect("a store");
    let reader = store.reader();
    reader.wait_settled();
    reader.keep_up();
    let (errors, kept) = (counters.retention_errors.get(), reader.files().len() as i64);
    run("umount", &[&place.to_string_lossy()]);
    assert!(errors >= SEGMENTS as u64, "{errors}");
    assert_eq!(kept, HOURS * SEGMENTS);
    reader.keep_up();
    assert_eq!(counters.retention_files.get(), SEGMENTS as u64);
    assert_eq!(recording::paths(&place, "parquet").len() as i64, HOURS - 1);
    drop(ticks);
    store.join();
}

#[test]
fn check_says_by_its_exit_code_whether_a_store_is_whole() {
    let data = open_directory();
    let check = |arguments: &[&str]| {
        let line = Line::bare().args(["check", "--data"]).args([data.path()]).args(arguments);
        let (code, out, err) = line.output();
        (code.expect("a code"), out, err)
    };
    let (code, out, err) = check(&[]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.starts_with("error: ") && err.contains("is not a data directory of fgm-agent"), "{err}");
    assert_eq!(check(&["--output", "xml"]).0, 2);
    record(data.path());
    let (code, out, err) = check(&[]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("The store is whole; "), "the hours have gaps: {out}");
    let victim = recording::paths(&data.path().join("containers"), "parquet").remove(0);
    std::fs::write(&victim, "no Parquet").expect("written");
    let (code, out, _) = check(&["--output", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &report["damaged"], &report["counts"]["unreadable"]), (1, &true.into(), &1.into()));
}
