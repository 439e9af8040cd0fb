//! Damaged, foreign and newer files; foreign and locked directories.

use std::sync::mpsc::channel;
use std::time::Duration;

use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;

use super::*;
use crate::store::StartError;
use crate::store::data_dir::{DataDir, DataDirError};
use crate::store::footer::{Footer, FooterError};
use crate::store::schema::parquet_schema;
use crate::store::testing::TickBuilder;

fn tick(time: i64) -> Tick {
    TickBuilder::default().birth(1, "container-1").row(1, time, &[(0, 1)]).build()
}

/// A Parquet file without rows that has these keys.
fn parquet_with(path: &Path, keys: &[(&str, &str)]) {
    let mut writer = SerializedFileWriter::new(
        File::create(path).unwrap(),
        parquet_schema(crate::table::Table::Containers).unwrap(),
        Arc::default(),
    )
    .unwrap();
    for (key, value) in keys {
        writer.append_key_value_metadata(KeyValue::new((*key).to_owned(), (*value).to_owned()));
    }
    writer.close().unwrap();
}

fn error_of(data: &Path) -> DataDirError {
    match Store::start(options(data), Arc::default()) {
        Err(StartError::DataDir(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn damaged_files_are_set_aside_and_the_others_are_served() {
    let data = tempfile::tempdir().unwrap();
    run(options(data.path()), &[tick(HOUR)]);
    let good = sealed_files(data.path()).remove(0);
    let bytes = std::fs::read(&good).unwrap();
    let named = |name: &str| good.with_file_name(format!("{name}.parquet"));
    for length in [0, 3, 8, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(named(&format!("cut-{length}")), &bytes[..length]).unwrap();
    }
    std::fs::write(named("garbage"), vec![0xa5; 5000]).unwrap();
    let mut flipped = bytes.clone();
    let middle = bytes.len() - 40;
    flipped[middle..].iter_mut().take(20).for_each(|byte| *byte ^= 0xff);
    std::fs::write(named("flipped"), &flipped).unwrap();
    parquet_with(&named("bad-version"), &[("fgm.format_version", "none")]);

    let (store, sender, counters) = start(options(data.path()));
    let reader = store.reader();
    reader.wait_settled();
    assert_eq!(reader.files(), [good]);
    assert_eq!(reader.containers().len(), 1);
    assert_eq!(counters.files_set_aside.get(), 8);
    drop(sender);
    store.join();
    assert_eq!(sealed_files(data.path()).len(), 1);
    let aside = files_below(&data.path().join("containers"));
    assert_eq!(aside.iter().filter(|path| path.extension().unwrap() == "corrupt").count(), 8, "{aside:?}");
    assert_eq!(sorted(stored_rows(data.path())), tick_rows(&[tick(HOUR)]));
}

#[test]
fn newer_foreign_and_copied_files_are_left_alone() {
    let data = tempfile::tempdir().unwrap();
    run(options(data.path()), &[tick(HOUR)]);
    let good = sealed_files(data.path()).remove(0);
    let newer = good.with_file_name("newer.parquet");
    parquet_with(&newer, &[("fgm.format_version", "2"), ("fgm.directory", "in another form")]);
    parquet_with(&good.with_file_name("foreign.parquet"), &[]);
    std::fs::copy(&good, good.with_file_name("copy.parquet")).unwrap();

    let error = Footer::read(&newer).unwrap_err();
    let sentence = "was written by a newer fgm-agent (format 2; this one understands 1): upgrade to read it";
    assert_eq!(error.to_string(), format!("{} {sentence}", newer.display()));
    let foreign = Footer::read(&good.with_file_name("foreign.parquet"));
    assert!(matches!(foreign, Err(FooterError::Foreign { missing: "fgm.format_version", .. })));

    let (store, sender, counters) = start(options(data.path()));
    store.reader().wait_settled();
    let status = store.reader().status();
    assert_eq!((status.files, status.rows, status.refused_files, status.scanning), (1, 1, 3, false));
    assert_eq!(counters.files_set_aside.get(), 0);
    drop(sender);
    store.join();
    assert_eq!(sealed_files(data.path()).len(), 4);
}

#[test]
fn garbage_among_the_spills_is_set_aside_and_a_newer_one_is_left() {
    let data = tempfile::tempdir().unwrap();
    run(options(data.path()), &[]);
    let spill = data.path().join("_spill");
    std::fs::write(spill.join("a-000001.spill"), vec![0x5a; 999]).unwrap();
    let mut newer = b"FGMSPILL\x02\0\0\0".to_vec();
    newer.extend([0; 99]);
    std::fs::write(spill.join("b-000001.spill"), newer).unwrap();
    let (_, counters) = run_settled(data.path());
    assert_eq!(counters.files_set_aside.get(), 1);
    assert_eq!(files_below(&spill), [spill.join("_a-000001.spill.corrupt"), spill.join("b-000001.spill")]);
}

#[test]
fn a_directory_of_something_else_is_refused() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("thesis.tex"), b"...").unwrap();
    let error = error_of(data.path());
    assert!(matches!(error, DataDirError::Foreign { .. }));
    assert!(error.to_string().contains("is not empty and is not fgm-agent's"), "{error}");
    assert_eq!(files_below(data.path()).len(), 1, "nothing was written there");
}

#[test]
fn a_directory_of_a_newer_agent_is_refused() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("_fgm.json"), br#"{"format_version": 3, "more": true}"#).unwrap();
    let wanted =
        "was written by a newer fgm-agent (format 3; this one understands 1): upgrade, or choose another --data";
    assert_eq!(error_of(data.path()).to_string(), format!("{} {wanted}", data.path().display()));
    std::fs::write(data.path().join("_fgm.json"), b"{").unwrap();
    assert!(matches!(error_of(data.path()), DataDirError::DamagedMarker { .. }));
}

#[test]
fn a_path_that_cannot_be_a_directory_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = error_of(&file.path().join("data"));
    assert!(matches!(error, DataDirError::Unwritable { .. }));
    assert!(error.to_string().contains("choose another --data"), "{error}");
}

#[test]
fn a_second_agent_is_kept_out() {
    let data = tempfile::tempdir().unwrap();
    let _first = DataDir::open(data.path(), Duration::ZERO).unwrap();
    let error = error_of(data.path());
    assert!(matches!(error, DataDirError::Locked { .. }));
    let holder = format!("in use by another fgm-agent (process {})", std::process::id());
    assert!(error.to_string().contains(&holder), "{error}");
}

#[test]
fn a_second_agent_waits_for_the_first_one_to_end() {
    let data = tempfile::tempdir().unwrap();
    let first = DataDir::open(data.path(), Duration::ZERO).unwrap();
    let path = data.path().to_owned();
    let (opened, result) = channel();
    let second = std::thread::spawn(move || opened.send(DataDir::open(&path, Duration::from_secs(60)).is_ok()));
    assert!(result.recv_timeout(Duration::from_millis(100)).is_err());
    drop(first);
    assert!(result.recv().unwrap());
    second.join().unwrap().unwrap();
}

#[test]
fn a_run_leaves_its_manifest() {
    let data = tempfile::tempdir().unwrap();
    run(Options { config: serde_json::json!({"interval": "1s"}), ..options(data.path()) }, &[]);
    let sessions = files_below(&data.path().join("_sessions"));
    let text = std::fs::read_to_string(&sessions[0]).unwrap();
    let session: crate::store::data_dir::Session = serde_json::from_str(&text).unwrap();
    assert_eq!((session.node.as_str(), session.started_us), ("node-1", HOUR));
    assert_eq!(session.config["interval"], "1s");
    assert_eq!(sessions[0].file_stem().unwrap().to_str(), Some(session.run_id.as_str()));
}
