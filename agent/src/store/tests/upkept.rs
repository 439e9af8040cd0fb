//! Upkeep where something went wrong before: rows that are there twice, other nodes' files, names that are gone.

use super::endurance::{HOUR_END, Hands, column, container_rows, hour, record, record_of, timed, upkeep};
use super::*;
use crate::check::check;
use crate::event::{Draft, Kind};
use crate::model::{HOUR_USEC, Identity, SeriesKey, UnixMicros};
use crate::store::WallClock;
use crate::store::catalog::{Catalog, FileRows, Inserted, SealedFile};
use crate::store::data_dir::{DataDir, Session};
use crate::store::footer::{DirectoryEntry, Footer};
use crate::store::merge::Input;
use crate::store::resolution::Resolution;
use crate::store::retention::Budget;
use crate::store::testing::{TickBuilder, identity, process};
use crate::subject::{Device, Interface, Owner, Subject};

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
        let (inserted, replaced) = catalog.insert(Path::new(&footer.origin.segment), footer);
        (inserted, replaced.into_iter().map(|file| file.segment.to_string()).collect::<Vec<_>>())
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

/// A minute of the rollup begins with its hour, and the first reading up to a tick later.
#[test]
fn an_hour_has_its_readings_also_where_a_range_ends_before_the_first_of_them() {
    let data = tempfile::tempdir().unwrap();
    record(data.path(), &hour()[..1]);
    let mut footer = Footer::read(&sealed_files(data.path())[0]).unwrap();
    let mut catalog = Catalog::default();
    let mut insert = |resolution, first: UnixMicros, covers: &[&str]| {
        let last = first + 60_000_000;
        footer.origin.segment = if covers.is_empty() { "readings".to_owned() } else { "minutes".to_owned() };
        footer.directory.resolution = resolution;
        footer.directory.span = (first, last);
        footer.directory.covers = covers.iter().map(|&segment| segment.to_owned()).collect();
        assert_eq!(catalog.insert(Path::new(&footer.origin.segment), &footer).0, Inserted::New);
    };
    insert(Resolution::Raw, HOUR + 242_599, &[]);
    insert(Resolution::Minute, HOUR, &["readings"]);
    for (from, to) in [(HOUR - 1, HOUR + 242_000), (HOUR, HOUR + 1), (HOUR + HOUR_USEC - 1, HOUR + HOUR_USEC)] {
        let [facts] = catalog.hours(Table::Containers, (from, to))[..] else { panic!("one hour has files") };
        assert_eq!((facts.from, facts.has_readings, facts.has_rollups), (HOUR, true, true), "{from} {to}");
    }
    for (from, to) in [(HOUR - 1, HOUR), (HOUR + HOUR_USEC, HOUR + 2 * HOUR_USEC), (HOUR + 5, HOUR + 5)] {
        assert_eq!(catalog.hours(Table::Containers, (from, to)), []);
    }
}

#[test]
fn a_name_that_comes_after_the_rows_were_sealed_reaches_answers_events_and_the_merged_file() {
    let data = tempfile::tempdir().unwrap();
    let named =
        Identity { pod: Some("web-0".to_owned()), container: Some("app".to_owned()), ..identity("container-1") };
    let owner = Owner { container_id: Some("container-1".to_owned()), ..Owner::default() };
    let mut first = TickBuilder::default().birth(1, "container-1").row(1, HOUR, &[(0, 1)]).death(1).build();
    Draft::new(Kind::ContainerStop, HOUR + 1, "it is gone").of(owner).put(SeriesKey(2), &mut first);
    let hands = Hands::at(HOUR);
    let (store, out, _) = start(timed(data.path(), HOUR, &hands));
    out.send(first).unwrap();
    // Of another hour: what was before it is sealed.
    out.send(TickBuilder::default().birth(3, "container-2").row(3, HOUR + HOUR_USEC, &[(0, 1)]).build()).unwrap();
    let reader = store.reader();
    while reader.status().files < 2 {
        std::thread::yield_now();
    }
    out.send(TickBuilder::default().birth_of(1, Subject::Container(Arc::new(named))).death(1).build()).unwrap();
    let told = || reader.engine().events((HOUR, HOUR + HOUR_USEC), 10, &|_| true).unwrap();
    while !told()[0].texts.contains_key("container") {
        std::thread::yield_now();
    }
    assert_eq!((&*told()[0].texts["pod"], &*told()[0].texts["container"]), ("web-0", "app"));
    let known = reader.containers().into_iter().find(|known| known.identity.container_id == "container-1").unwrap();
    assert_eq!(known.identity.container.as_deref(), Some("app"));
    // The file was written before; merging asks the catalogue.
    let entry = |path: &Path| Footer::read(path).unwrap().directory.containers.remove(0).identity;
    assert_eq!(entry(&sealed_files(data.path())[0]).container, None);
    hands.set(HOUR_END);
    reader.keep_up();
    assert_eq!(entry(&sealed_files(data.path())[0]).container.as_deref(), Some("app"));
    drop((out, reader));
    store.join();
}

#[test]
fn the_catalogue_tells_where_the_rows_of_a_container_are() {
    let data = tempfile::tempdir().unwrap();
    record(data.path(), &hour());
    let mut catalog = Catalog::default();
    let mut footers: Vec<Footer> = sealed_files(data.path()).iter().map(|path| Footer::read(path).unwrap()).collect();
    let mut many = footers[0].clone();
    many.origin.segment = "many".to_owned();
    let known = many.directory.containers[0].clone();
    let entry = |number: u64| {
        let identity = Identity { container_id: format!("{number:064x}"), ..known.identity.clone() };
        DirectoryEntry { identity, first_row: number * known.rows, ..known.clone() }
    };
    many.directory.containers = (0..40).map(entry).collect();
    many.rows = 40 * known.rows;
    // Another hand may have put the containers of a file in another order, and the catalogue may know them in that one.
    let mut turned = many.clone();
    turned.origin.segment = "turned".to_owned();
    let entries = &mut turned.directory.containers;
    entries.reverse();
    let mut next = 0;
    for entry in entries {
        (entry.first_row, next) = (next, next + entry.rows);
    }
    footers.splice(0..0, [turned, many]);
    for footer in &footers {
        assert_eq!(catalog.insert(Path::new(&footer.origin.segment), footer).0, Inserted::New);
    }
    let ids: Vec<String> = catalog.containers().map(|known| known.id()).collect();
    assert!(ids.len() > 1);
    let rows_in = |file: &SealedFile, id: &str| catalog.entry(file, id).map(|(_, _, rows)| rows);
    for file in catalog.files() {
        let directory =
            &footers.iter().find(|footer| footer.origin.segment == file.segment.to_string()).unwrap().directory;
        for id in &ids {
            let entry = directory.containers.iter().find(|entry| entry.identity.container_id == *id);
            let expected = entry.map(|entry| FileRows {
                rows: entry.first_row..entry.first_row + entry.rows,
                first: entry.first_us,
                last: entry.last_us,
            });
            assert_eq!(rows_in(file, id), expected, "{id} in {}", file.segment);
        }
        assert_eq!(rows_in(file, "nobody"), None);
    }
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

#[test]
fn an_agent_that_was_started_again_without_names_does_not_take_those_that_were_filed() {
    let data = tempfile::tempdir().unwrap();
    let named = Identity {
        pod: Some("web-0".to_owned()),
        container: Some("app".to_owned()),
        labels: [("app".to_owned(), "web".to_owned())].into(),
        ..identity("container-1")
    };
    let birth = |identity: Identity| TickBuilder::default().birth_of(1, Subject::Container(Arc::new(identity)));
    let unnamed = Identity { path: "/elsewhere".to_owned(), ..identity("container-1") };
    // The names are in the first of two files.
    let ticks = [birth(named.clone()).row(1, HOUR, &[(0, 1)]), birth(unnamed.clone()).row(1, HOUR + 1, &[(0, 2)])];
    record(data.path(), &ticks.map(|tick| vec![tick.build()]));
    let hands = Hands::at(HOUR);
    let (store, sender, _) = start(timed(data.path(), HOUR + 10, &hands));
    sender.send(birth(unnamed).row(1, HOUR + HOUR_USEC, &[(0, 3)]).build()).unwrap();
    while store.reader().status().tail_rows == 0 {
        std::thread::yield_now();
    }
    hands.set(HOUR_END);
    store.reader().wait_settled();
    store.reader().keep_up();
    let entry = Footer::read(&sealed_files(data.path())[0]).unwrap().directory.containers.remove(0);
    assert_eq!((entry.rows, entry.identity), (2, Identity { path: "/elsewhere".to_owned(), ..named }));
    drop(sender);
    store.join();
}

/// Subjects of every table, such that what sorts them is there in every combination.
fn subjects() -> Vec<Subject> {
    let owner = |pod: Option<&str>, container: Option<&str>| Owner {
        pod_uid: pod.map(str::to_owned),
        container_id: container.map(str::to_owned),
        ..Owner::default()
    };
    let device = |container, number: &str| {
        Arc::new(Device { owner: owner(Some("z"), container), number: number.to_owned(), device: None })
    };
    let mut subjects = vec![Subject::Node, Subject::Container(Arc::new(identity("c1")))];
    subjects.extend(["b", "a"].map(|id| Subject::Pod(Arc::new(identity(id)))));
    subjects.extend([("c2", 3), ("c1", 20), ("c1", 3), ("c1", 100)].map(|(id, pid)| process(id, pid)));
    subjects.extend(["8:0", "259:1"].map(|number| Subject::IoDevice(device(Some("c1"), number))));
    subjects.extend(["8:0", "259:1"].map(|number| {
        Subject::Disk(Arc::new(Device { owner: Owner::default(), number: number.to_owned(), device: None }))
    }));
    let owners = [(Some("p"), None), (None, Some("c")), (None, Some("z")), (Some("d"), Some("y")), (None, None)];
    for (pod, container) in owners {
        for (netns, interface) in [(None, None), (Some("7"), Some("eth0")), (Some("7"), None), (None, Some("eth0"))] {
            let [netns, interface] = [netns, interface].map(|text: Option<&str>| text.map(str::to_owned));
            subjects.push(Subject::Interface(Arc::new(Interface { owner: owner(pod, container), netns, interface })));
        }
    }
    subjects
}

/// A row of each subject at a time.
fn row_of_each(subjects: &[Subject], time: i64) -> Tick {
    let mut tick = TickBuilder::default();
    for (key, subject) in (1..).zip(subjects) {
        let table = subject.table();
        let numbers: Vec<(usize, i64)> = match subject {
            Subject::Process(process) => {
                let column = |name| table.column(name).unwrap();
                vec![(column("pid"), process.pid.into()), (column("start_ticks"), process.start_ticks as i64)]
            }
            _ => vec![(0, 1)],
        };
        tick = tick.birth_of(key, subject.clone()).row_in(table, key, (time, false), &numbers);
    }
    tick.build()
}

#[test]
fn the_rows_of_every_table_are_found_in_the_order_of_their_subjects_ids_and_merged() {
    let data = tempfile::tempdir().unwrap();
    let subjects = subjects();
    record(data.path(), &[0, 1].map(|second| vec![row_of_each(&subjects, HOUR + second * 1_000_000)]));
    let found = |table: Table| -> Vec<String> {
        let input = Input::open(table, sealed_files_of(data.path(), table).remove(0)).unwrap();
        input.facts().iter().map(|run| run.key.to_string()).collect()
    };
    let tables = || Table::ALL.into_iter().filter(|table| *table != Table::Events);
    let ids = |table: Table| {
        let of_table = subjects.iter().filter(|subject| subject.table() == table);
        sorted(of_table.map(|subject| subject.id().into_owned()).collect())
    };
    tables().for_each(|table| assert_eq!(found(table), ids(table), "{}", table.name()));
    assert_eq!(upkeep(data.path(), HOUR_END).merge_errors.get(), 0);
    for table in tables() {
        assert_eq!(sealed_files_of(data.path(), table).len(), 1, "{}", table.name());
        assert!(found(table).windows(2).all(|keys| keys[0] <= keys[1]), "{}", table.name());
    }
    let report = check(data.path()).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

/// Has every row of a day be one that can't be written.
fn block(data: &Path, date: &str) -> PathBuf {
    let blocked = data.join("containers").join(format!("dt={date}"));
    std::fs::create_dir_all(data.join("containers")).unwrap();
    std::fs::write(&blocked, "not a directory").unwrap();
    blocked
}

#[test]
fn retention_makes_room_before_spills_can_be_recovered_and_merging_waits_for_them() {
    let data = tempfile::tempdir().unwrap();
    record(data.path(), &hour());
    let blocked = block(data.path(), "2026-11-24");
    let late = TickBuilder::default().birth(1, "container-1").row(1, HOUR + 24 * HOUR_USEC, &[(0, 1)]).build();
    super::crash::write_spill(&data.path().join("_spill"), &[late]);
    let hands = Hands::at(HOUR_END);
    let (store, sender, _) = start(timed(data.path(), HOUR + 10, &hands));
    store.reader().keep_up();
    assert_eq!(files_below(&data.path().join("containers")).len(), 1 + 3, "an hour is not merged while a spill waits");
    drop(sender);
    store.join();
    let budget = Budget { bytes: 1, ..options(data.path()).budget };
    let (store, sender, _) = start(Options { budget, ..timed(data.path(), HOUR + 11, &hands) });
    store.reader().keep_up();
    let status = store.reader().status();
    assert_eq!((status.files, status.scanning), (0, true));
    std::fs::remove_file(blocked).unwrap();
    store.reader().wait_settled();
    drop(sender);
    store.join();
}

#[test]
fn a_full_disk_has_no_manifest_but_an_agent() {
    let data = tempfile::tempdir().unwrap();
    let directory = DataDir::open(data.path(), Duration::ZERO).unwrap();
    let session = Session {
        run_id: "run".to_owned(),
        node: "node-1".to_owned(),
        started_us: HOUR,
        agent_version: String::new(),
        git_revision: String::new(),
        format_version: 1,
        config: serde_json::Value::Null,
    };
    std::os::unix::fs::symlink("/dev/full", data.path().join("_sessions/.run.json.tmp")).unwrap();
    directory.write_session(&session).unwrap();
    assert!(!directory.session_path("run").exists());
}

#[test]
fn a_clock_that_jumps_ahead_deletes_nothing() {
    let data = tempfile::tempdir().unwrap();
    record(data.path(), &hour());
    let hands = Hands::at(HOUR);
    let jumping = hands.clone();
    let clock = WallClock::new(move || jumping.time()).measured_by(|| Duration::ZERO);
    let (store, sender, counters) = start(Options { clock, ..timed(data.path(), HOUR + 10, &hands) });
    store.reader().keep_up();
    hands.set(HOUR + 365 * 24 * HOUR_USEC);
    store.reader().keep_up();
    assert_eq!(counters.retention_files.get(), 0);
    assert!(!sealed_files(data.path()).is_empty());
    drop(sender);
    store.join();
}

#[test]
fn a_file_that_cannot_be_merged_costs_the_others_of_its_hour_no_rollup() {
    let data = tempfile::tempdir().unwrap();
    let batches = hour();
    record(data.path(), &batches);
    let damaged = sealed_files(data.path()).remove(1);
    let mut bytes = std::fs::read(&damaged).unwrap();
    bytes[4..300].fill(0x55);
    std::fs::write(&damaged, bytes).unwrap();
    let hands = Hands::at(HOUR_END);
    let (store, sender, counters) = start(timed(data.path(), HOUR + 10, &hands));
    store.reader().wait_settled();
    // The damage is met while the file is merged, then the others are.
    (0..3).for_each(|_| store.reader().keep_up());
    assert_eq!(sealed_files(data.path()).len(), 2);
    let minutes = files_below(&data.path().join("containers_60s"));
    assert_eq!((minutes.len(), counters.merge_errors.get()), (1, 1));
    let samples: i64 = column(&minutes[0], "samples").into_iter().flatten().sum();
    assert_eq!(samples, 90 + 180, "of the first and the third file");
    drop(sender);
    store.join();
}

#[test]
fn more_files_than_are_opened_at_once_become_one_in_the_end() {
    let data = tempfile::tempdir().unwrap();
    record(data.path(), &[vec![TickBuilder::default().birth(1, "container-1").row(1, HOUR, &[(0, 1)]).build()]]);
    let ticks: Vec<Vec<Tick>> = (0..70_i64)
        .map(|n| vec![TickBuilder::default().birth(1, "container-1").row(1, HOUR + 1 + n, &[(0, n)]).build()])
        .collect();
    record(data.path(), &ticks);
    let counters = upkeep(data.path(), HOUR_END);
    assert_eq!((counters.merged_files.get(), counters.merge_errors.get(), counters.rollup_files.get()), (2, 0, 1));
    assert_eq!((sealed_files(data.path()).len(), stored_rows(data.path()).len()), (1, 71));
}
