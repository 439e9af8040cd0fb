//! `check` finds what was done to a store, and nothing in one that is whole.

use super::endurance::{HOUR_END, hour, record, upkeep};
use super::*;
use crate::check::{Kind, Report, check, human, json};

fn found(data: &Path) -> (Report, Vec<Kind>) {
    let report = check(data).unwrap();
    let kinds = report.counts.keys().copied().collect();
    (report, kinds)
}

fn whole() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    record(data.path(), &hour());
    data
}

#[test]
fn a_whole_store_has_no_findings_before_and_after_its_hours_are_merged() {
    let data = whole();
    let (report, kinds) = found(data.path());
    assert_eq!((report.damaged, kinds), (false, vec![]), "{}", human(&report));
    assert_eq!((report.tables["containers"].files, report.tables["containers"].rows), (3, 450));
    upkeep(data.path(), HOUR_END);
    let (report, kinds) = found(data.path());
    assert_eq!((report.damaged, kinds), (false, vec![]), "{}", human(&report));
    let tables: Vec<_> = report.tables.iter().map(|(name, table)| (*name, table.files, table.merged)).collect();
    let expected =
        [("containers", 1, 1), ("containers_60s", 1, 0), ("node", 1, 1), ("node_60s", 1, 0), ("processes", 1, 1)];
    assert_eq!(tables, expected);
    assert!(human(&report).starts_with("The store is whole.\n"), "{}", human(&report));
    let read: serde_json::Value = serde_json::from_str(&json(&report)).unwrap();
    assert_eq!(read["tables"]["containers"]["rows"], 450);
}

#[test]
fn a_directory_that_is_no_store_is_refused() {
    let data = tempfile::tempdir().unwrap();
    assert!(check(data.path()).unwrap_err().to_string().contains("is not a data directory"));
}

#[test]
fn damage_in_a_page_and_in_a_footer_is_found() {
    let data = whole();
    let files = sealed_files(data.path());
    let mut bytes = std::fs::read(&files[0]).unwrap();
    bytes[4..300].fill(0x55);
    std::fs::write(&files[0], bytes).unwrap();
    let mut bytes = std::fs::read(&files[1]).unwrap();
    bytes.truncate(bytes.len() - 9);
    std::fs::write(&files[1], bytes).unwrap();
    let (report, _) = found(data.path());
    assert_eq!((report.damaged, report.counts[&Kind::Unreadable]), (true, 2), "{}", human(&report));
    assert!(human(&report).starts_with("The store is damaged: 2 findings"), "{}", human(&report));
}

#[test]
fn rows_and_segments_that_are_there_twice_are_found() {
    let data = whole();
    let file = sealed_files(data.path()).remove(0);
    let name = file.file_name().unwrap().to_string_lossy().replace(".parquet", "-2.parquet");
    std::fs::copy(&file, file.with_file_name(name)).unwrap();
    let (report, kinds) = found(data.path());
    assert_eq!((report.damaged, kinds), (true, vec![Kind::DoubledSegment]));
    // The same rows under another segment: what a second recovery of one spill would make.
    let data = tempfile::tempdir().unwrap();
    let batch = hour().remove(0);
    record(data.path(), &[batch.clone(), batch]);
    let (report, kinds) = found(data.path());
    assert_eq!((report.damaged, kinds), (true, vec![Kind::DoubledRow]));
    assert!(human(&report).contains("90 rows of \"container-1\""), "{}", human(&report));
}

#[test]
fn what_a_crash_leaves_is_told_and_is_no_damage() {
    let data = whole();
    let inputs: Vec<_> =
        sealed_files(data.path()).into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).collect();
    upkeep(data.path(), HOUR_END);
    std::fs::write(&inputs[0].1, &inputs[0].0).unwrap();
    std::fs::write(inputs[0].1.with_file_name(".x.parquet.tmp"), "half").unwrap();
    super::crash::write_spill(&data.path().join("_spill"), &hour().remove(2));
    let (report, kinds) = found(data.path());
    assert_eq!((report.damaged, kinds), (false, vec![Kind::LeftoverSpill, Kind::Temporary, Kind::Replaced]));
    assert_eq!(report.tables["containers"].rows, 450 + 90, "what is looked at; the agent reads it once");
}

#[test]
fn files_set_aside_are_damage_and_gaps_are_not() {
    let data = whole();
    let files = sealed_files(data.path());
    std::fs::rename(&files[1], files[1].with_file_name("_x.parquet.corrupt")).unwrap();
    let (report, kinds) = found(data.path());
    assert_eq!((report.damaged, kinds), (true, vec![Kind::SetAside, Kind::Gap]), "{}", human(&report));
    assert!(human(&report).contains("no row from 2026-11-23T04:01:29.000000Z to 2026-11-23T04:03:00.000000Z"));
}

#[test]
fn a_running_agent_is_no_finding() {
    let data = whole();
    let (store, sender, _) = start(Options { started: HOUR + 9, ..options(data.path()) });
    sender.send(hour().remove(0).remove(0)).unwrap();
    store.reader().wait_settled();
    let (report, kinds) = found(data.path());
    assert_eq!((report.agent_is_running, report.damaged, kinds), (true, false, vec![]));
    drop(sender);
    store.join();
}
