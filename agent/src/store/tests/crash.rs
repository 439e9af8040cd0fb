//! What a crash at any point leaves becomes every row once.

use std::time::{Duration, Instant};

use super::*;
use crate::store::footer::Origin;
use crate::store::frame::Frame;
use crate::store::recovery::replay;
use crate::store::rotation::Limits;
use crate::store::spill::{Ending, SpillError, SpillFile, SpillHeader};
use crate::store::tail::{Appended, Tail};
use crate::store::testing::TickBuilder;

fn header() -> SpillHeader {
    let origin = Origin {
        node: "node-1".to_owned(),
        run_id: "20261123T030000.000000Z-1".to_owned(),
        segment: String::new(),
        agent_version: "0".to_owned(),
        git_revision: "test".to_owned(),
        interval_usec: 1_000_000,
    };
    SpillHeader::new(&origin, 1)
}

fn ticks() -> Vec<Tick> {
    let birth = TickBuilder::default().birth(1, "container-1").birth(2, "container-2");
    let mut ticks = vec![birth.row(1, HOUR, &[(0, 10), (5, -3)]).row(2, HOUR + 1, &[(0, i64::MAX)]).build()];
    ticks.push(TickBuilder::default().row(1, HOUR + 1_000_000, &[(0, 30)]).death(2).build());
    ticks.push(TickBuilder::default().birth(3, "container-3").any_row(3, (HOUR + 2_000_000, true), &[(1, 1)]).build());
    ticks
}

/// Writes the spill that a run of these ticks would leave; gives its length after the header and after each tick.
pub(super) fn write_spill(directory: &Path, ticks: &[Tick]) -> (PathBuf, Vec<u64>) {
    std::fs::create_dir_all(directory).unwrap();
    let (mut spill, header_bytes) = SpillFile::create(directory, &header()).unwrap();
    let mut tail = Tail::new(Limits { age: Duration::from_secs(90), bytes: 1 << 20 });
    let (mut frame, mut lengths) = (Frame::default(), vec![header_bytes]);
    for tick in ticks {
        tail.begin(tick, &mut frame);
        assert_eq!(tail.append((tick, 0), Instant::now(), &mut frame), Appended::Whole);
        tail.end(tick);
        lengths.push(lengths.last().unwrap() + spill.append(&mut frame).unwrap());
        frame.clear();
    }
    (spill.path().to_owned(), lengths)
}

/// A data directory in which an earlier run left the spill.
fn crashed(data: &Path) -> (PathBuf, Vec<u64>) {
    run(options(data), &[]);
    write_spill(&data.join("_spill"), &ticks())
}

fn truncate(path: &Path, length: u64) {
    File::options().write(true).open(path).unwrap().set_len(length).unwrap();
}

#[test]
fn a_spill_cut_at_any_byte_holds_the_rows_of_its_whole_frames() {
    let directory = tempfile::tempdir().unwrap();
    let (path, lengths) = write_spill(directory.path(), &ticks());
    let whole = std::fs::metadata(&path).unwrap().len();
    assert_eq!(lengths.last(), Some(&whole));
    for length in (0..=whole).rev() {
        truncate(&path, length);
        if length < lengths[0] {
            assert!(matches!(replay(&path), Err(SpillError::Torn)), "{length}");
            continue;
        }
        let frames = lengths.iter().filter(|&&end| end <= length).count() - 1;
        let replayed = replay(&path).unwrap();
        assert_eq!(replayed.segment.rows(), tick_rows(&ticks()[..frames]).len() as u64, "{length}");
        assert_eq!(replayed.ending == Ending::Clean, lengths.contains(&length), "{length}");
        assert!(!matches!(replayed.ending, Ending::Damaged(_)), "{length}");
    }
}

#[test]
fn a_frame_whose_length_is_damaged_is_not_taken_for_one_that_was_cut_off() {
    let data = tempfile::tempdir().unwrap();
    let (path, lengths) = crashed(data.path());
    let mut bytes = std::fs::read(&path).unwrap();
    let second_frame = usize::try_from(lengths[1]).unwrap();
    bytes[second_frame + 2] ^= 0x40;
    std::fs::write(&path, bytes).unwrap();
    let (_, counters) = run_settled(data.path());
    assert_eq!(counters.files_set_aside.get(), 1, "the frames behind it are kept for whoever can read them");
    assert_eq!(sorted(stored_rows(data.path())), sorted(tick_rows(&ticks()[..1])));
}

#[test]
fn a_killed_run_is_recovered_at_the_next_start() {
    for cut in [0, 1, 9, 400] {
        let data = tempfile::tempdir().unwrap();
        let (path, lengths) = crashed(data.path());
        let length = lengths[3] - cut;
        truncate(&path, length);
        let frames = lengths.iter().filter(|&&end| end <= length).count() - 1;
        let wanted = tick_rows(&ticks()[..frames]);
        let (_, counters) = run_settled(data.path());
        assert_eq!(counters.rows_recovered.get(), wanted.len() as u64, "cut {cut}");
        assert_eq!(sorted(stored_rows(data.path())), sorted(wanted), "cut {cut}");
        assert!(!path.exists());
        assert_eq!(counters.files_set_aside.get(), 0);
    }
}

#[test]
fn a_run_killed_while_it_made_the_spill_leaves_nothing() {
    let data = tempfile::tempdir().unwrap();
    let (path, lengths) = crashed(data.path());
    for length in [0, 5, 30, lengths[0] - 1, lengths[0]] {
        std::fs::write(&path, vec![0; 0]).unwrap();
        std::fs::remove_file(&path).unwrap();
        write_spill(&data.path().join("_spill"), &ticks());
        truncate(&path, length);
        let (summary, counters) = run_settled(data.path());
        assert_eq!((summary.files, counters.files_set_aside.get(), path.exists()), (0, 0, false), "{length}");
    }
}

#[test]
fn a_crash_before_the_rename_leaves_the_rows_once() {
    let data = tempfile::tempdir().unwrap();
    crashed(data.path());
    let directory = data.path().join("containers/dt=2026-11-23/node=node-1");
    std::fs::create_dir_all(&directory).unwrap();
    let temporary = directory.join(".20261123T040000.000000Z-20261123T040002.000000Z.parquet.tmp");
    std::fs::write(&temporary, b"PAR1half a file").unwrap();
    run_settled(data.path());
    assert_eq!(sorted(stored_rows(data.path())), sorted(tick_rows(&ticks())));
    assert!(!temporary.exists());
}

#[test]
fn a_crash_between_rename_and_deletion_of_the_spill_leaves_the_rows_once() {
    let data = tempfile::tempdir().unwrap();
    crashed(data.path());
    run_settled(data.path());
    // A power cut may also have taken the spill's end.
    for frames in [3, 1] {
        let (path, lengths) = write_spill(&data.path().join("_spill"), &ticks());
        truncate(&path, lengths[frames]);
        let (_, counters) = run_settled(data.path());
        assert_eq!(counters.rows_recovered.get(), 0);
        assert!(!path.exists());
        assert_eq!(sorted(stored_rows(data.path())), sorted(tick_rows(&ticks())));
    }
}

#[test]
fn a_spill_of_another_catalogue_is_recovered_by_column_name() {
    let data = tempfile::tempdir().unwrap();
    let (path, _) = crashed(data.path());
    std::fs::remove_file(&path).unwrap();
    let mut older = header();
    older.columns.truncate(12);
    older.columns.swap(0, 5);
    let (mut spill, _) = SpillFile::create(&data.path().join("_spill"), &older).unwrap();
    let mut tail = Tail::new(Limits { age: Duration::from_secs(90), bytes: 1 << 20 });
    let mut frame = Frame::default();
    let tick = ticks().remove(0);
    tail.begin(&tick, &mut frame);
    tail.append((&tick, 0), Instant::now(), &mut frame);
    spill.append(&mut frame).unwrap();
    run_settled(data.path());
    let rows = stored_rows(data.path());
    assert_eq!(rows[0].values, BTreeMap::from([(5, 10), (0, -3)]));
}

#[test]
fn a_segment_that_cannot_be_sealed_waits_in_its_spill() {
    let data = tempfile::tempdir().unwrap();
    run(options(data.path()), &[]);
    let obstacle = data.path().join("containers/dt=2026-11-23");
    std::fs::write(&obstacle, b"not a directory").unwrap();
    let (store, sender, counters) = start(options(data.path()));
    let reader = store.reader();
    ticks().into_iter().for_each(|tick| sender.send(tick).unwrap());
    drop(sender);
    let summary = store.join();
    assert_eq!((summary.files, summary.spilled_rows, summary.lost_rows), (0, 4, 0));
    assert!(counters.seal_errors.get() >= 1);
    assert!(reader.status().last_error.unwrap().contains("dt=2026-11-23"));
    drop(reader);
    std::fs::remove_file(&obstacle).unwrap();
    run_settled(data.path());
    assert_eq!(sorted(stored_rows(data.path())), sorted(tick_rows(&ticks())));
}

#[test]
fn segments_beyond_the_memory_bound_leave_memory_but_not_the_disk() {
    let data = tempfile::tempdir().unwrap();
    run(options(data.path()), &[]);
    let obstacle = data.path().join("containers/dt=2026-11-23");
    std::fs::write(&obstacle, b"not a directory").unwrap();
    let summary = run(Options { tail_bytes: 1, frozen_bytes: 1, ..options(data.path()) }, &ticks());
    assert_eq!((summary.files, summary.spilled_rows, summary.lost_rows), (0, 4, 0));
    std::fs::remove_file(&obstacle).unwrap();
    run_settled(data.path());
    assert_eq!(sorted(stored_rows(data.path())), sorted(tick_rows(&ticks())));
}

#[test]
fn a_spill_that_cannot_be_written_stops_neither_rows_nor_files() {
    let data = tempfile::tempdir().unwrap();
    let (store, sender, counters) = start(options(data.path()));
    std::fs::remove_dir(data.path().join("_spill")).unwrap();
    ticks().into_iter().for_each(|tick| sender.send(tick).unwrap());
    drop(sender);
    assert_eq!(store.join().rows, 4);
    assert_eq!(counters.spill_errors.get(), 1);
    assert_eq!(sorted(stored_rows(data.path())), sorted(tick_rows(&ticks())));
}
