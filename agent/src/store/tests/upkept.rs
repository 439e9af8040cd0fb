//! Upkeep where something went wrong before: rows that are there twice, other nodes' files, names that are gone.

use super::endurance::{HOUR_END, column, hour, record, record_of, container_rows, upkeep};
use super::*;
use crate::check::check;
use crate::store::catalog::{Catalog, Inserted};
use crate::store::footer::Footer;
use crate::store::resolution::Resolution;

/// Puts what was read earlier back, under another name where there is a file.
fn put_back(path: &Path, bytes: &[u8]) {
    let name = path.file_name().unwrap().to_string_lossy().replace(".parquet", "-2.parquet");
    let free = if path.exists() { path.with_file_name(name) } else { path.to_owned() };
    std::fs::write(free, bytes).unwrap();
}

#[test]
fn two_merged_files_of_the_same_inputs_count_once() {
    let data = tempfile::tempdir().unwrap();
    let batches = hour();
    record(data.path(), &batches);
    let inputs: Vec<_> = sealed_files(data.path()).into_iter().map(|p| (std::fs::read(&p).unwrap(), p)).collect();
    upkeep(data.path(), HOUR_END);
    let merged = sealed_files(data.path()).remove(0);
    let first = std::fs::read(&merged).unwrap();
    std::fs::remove_file(&merged).unwrap();
    inputs.iter().for_each(|(bytes, path)| std::fs::write(path, bytes).unwrap());
    upkeep(data.path(), HOUR_END);
    put_back(&merged, &first);
    assert_eq!(sealed_files(data.path()).len(), 2);
    upkeep(data.path(), HOUR_END);
    assert_eq!(sealed_files(data.path()).len(), 1);
    assert_eq!(sorted(stored_rows(data.path())), container_rows(&batches));
}

#[test]
fn a_merged_file_with_some_of_the_container_rows_another_is_no_part_of_the_store() {
    let data = tempfile::tempdir().unwrap();
    record(data.path(), &hour()[..1]);
    let plain = Footer::read(&sealed_files(data.path())[0]).unwrap();
    let made = |segment: &str, of: &[&str]| {
        let mut footer = plain.clone();
        footer.origin.segment = segment.to_owned();
        footer.directory.replaces = of.iter().map(|&s| s.to_owned()).collect();
        footer
    };
    let mut catalog = Catalog::default();
    let mut insert = |footer: &Footer| {
        let (inserted, replaced) = catalog.insert(PathBuf::from(&footer.origin.segment), footer);
        (inserted, replaced.into_iter().map(|file| file.segment).collect::<Vec<_>>())
    };
    assert_eq!(insert(&made("m1", &["a", "b"])), (Inserted::New, vec![]));
    assert_eq!(insert(&made("m2", &["b", "c"])), (Inserted::Duplicate, vec![]));
    assert_eq!(insert(&made("m3", &["b"])), (Inserted::Replaced, vec![]));
    assert_eq!(insert(&made("m4", &["d", "e"])), (Inserted::New, vec![]));
    assert_eq!(insert(&made("m5", &["a", "b", "c"])), (Inserted::New, vec!["m1".to_owned()]));
    let minutes = |segment: &str, of: &[&str]| {
        let mut footer = made(segment, &[]);
        footer.directory.resolution = Resolution::Minute;
        footer.directory.covers = of.iter().map(|&s| s.to_owned()).collect();
        footer
    };
    assert_eq!(insert(&minutes("r1", &["m1"])), (Inserted::New, vec![]));
    assert_eq!(insert(&minutes("r2", &["m1"])), (Inserted::Replaced, vec![]));
    assert_eq!(insert(&minutes("r3", &["m1", "x"])), (Inserted::New, vec!["r1".to_owned()]));
    assert_eq!(insert(&minutes("r4", &["y"])), (Inserted::New, vec![]));
}

#[test]
fn files_of_two_nodes_in_one_directory_stay_apart() {
    let data = tempfile::tempdir().unwrap();
    let batches = hour();
    record_of("node-1", data.path(), &batches[..2]);
    record_of("node-2", data.path(), &batches[1..]);
    upkeep(data.path(), HOUR_END);
    for table in ["containers", "containers_60s", "node", "node_60s"] {
        let files = files_below(&data.path().join(table));
        let footers: Vec<Footer> = files.iter().map(|path| Footer::read(path).unwrap()).collect();
        let nodes: Vec<&str> = footers.iter().map(|footer| &*footer.origin.node).collect();
        assert_eq!(nodes, ["node-1", "node-2"], "{table}");
        for (file, footer) in files.iter().zip(&footers) {
            assert!(file.to_string_lossy().contains(&format!("node={}", footer.origin.node)));
        }
    }
    let samples: i64 = column(&files_below(&data.path().join("node_60s"))[0], "samples").into_iter().flatten().sum();
    assert_eq!(samples, 180);
    assert!(check(data.path()).unwrap().findings.is_empty());
}
