//! Several tables in one segment: each in its own file, all of them or none for a reader, and with the names that came late.

use std::collections::BTreeSet;
use std::time::Instant;

use super::*;
use crate::resolution::Resolution;
use crate::scan::{Budget, Wanted};
use crate::store::footer::Footer;
use crate::store::query::export::{Export, Format};
use crate::store::testing::{TickBuilder, identity, process};
use crate::subject::{Event, Owner, Subject};

fn event(sequence: u64, kind: &str) -> Subject {
    let owner = Owner { container_id: Some("abc".to_owned()), ..Owner::default() };
    Subject::Event(Arc::new(Event {
        time: HOUR,
        sequence,
        kind: kind.to_owned(),
        owner,
        comm: None,
        reason: None,
        metric: None,
        message: format!("{kind} happened"),
    }))
}

/// A container, two of its processes, the node and two events.
fn ticks() -> Vec<Tick> {
    let first = TickBuilder::default()
        .birth(1, "abc")
        .birth_of(2, process("abc", 20))
        .birth_of(3, process("abc", 3))
        .birth_of(4, Subject::Node)
        .row(1, HOUR, &[(0, 1)])
        .row_in(Table::Processes, 2, (HOUR, false), &[(0, 20), (1, 5)])
        .row_in(Table::Processes, 3, (HOUR + 1, false), &[(0, 3)])
        .row_in(Table::Node, 4, (HOUR, false), &[(0, i64::MAX)]);
    let events = TickBuilder::default()
        .birth_of(6, event(1, "oom_kill"))
        .birth_of(5, event(0, "container_start"))
        .row_in(Table::Events, 6, (HOUR + 5, false), &[(0, 20)])
        .row_in(Table::Events, 5, (HOUR + 4, false), &[])
        .death(5)
        .death(6);
    vec![first.build(), events.build()]
}

fn texts(path: &Path, column: &str) -> Vec<Option<String>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    let batches = reader.map(|batch| batch.unwrap());
    let of = |batch: RecordBatch| {
        let array = batch.column_by_name(column).unwrap().as_string::<i32>().clone();
        (0..array.len()).map(move |row| array.is_valid(row).then(|| array.value(row).to_owned())).collect::<Vec<_>>()
    };
    batches.flat_map(of).collect()
}

#[test]
fn each_table_of_a_segment_has_its_own_file() {
    let data = tempfile::tempdir().unwrap();
    let summary = run(options(data.path()), &ticks());
    assert_eq!((summary.files, summary.rows, summary.lost_rows), (4, 6, 0));
    let mut segments = BTreeSet::new();
    for (table, rows) in [(Table::Containers, 1), (Table::Processes, 2), (Table::Node, 1), (Table::Events, 2)] {
        let files = sealed_files_of(data.path(), table);
        let footer = Footer::read(&files[0]).unwrap();
        assert_eq!((files.len(), footer.rows, footer.directory.table), (1, rows, table));
        segments.insert(footer.origin.segment);
    }
    assert_eq!(segments.len(), 1);
    let events = &sealed_files_of(data.path(), Table::Events)[0];
    assert_eq!(texts(events, "kind"), [Some("container_start".to_owned()), Some("oom_kill".to_owned())]);
    assert_eq!(Footer::read(events).unwrap().directory.span, (HOUR + 4, HOUR + 5));
}

#[test]
fn names_that_come_late_reach_what_belongs_to_the_container() {
    let data = tempfile::tempdir().unwrap();
    let mut late = TickBuilder::default().build();
    let named =
        crate::model::Identity { pod: Some("web-0".to_owned()), container: Some("app".to_owned()), ..identity("abc") };
    late.births = vec![(crate::model::SeriesKey(1), Subject::Container(Arc::new(named)))];
    let all: Vec<Tick> = ticks().into_iter().chain([late]).collect();
    run(options(data.path()), &all);
    for (table, rows) in [(Table::Containers, 1), (Table::Processes, 2), (Table::Events, 2)] {
        let file = &sealed_files_of(data.path(), table)[0];
        assert_eq!(texts(file, "pod"), vec![Some("web-0".to_owned()); rows], "{}", table.name());
        assert_eq!(texts(file, "container"), vec![Some("app".to_owned()); rows], "{}", table.name());
    }
}

#[test]
fn a_crash_between_the_files_of_a_segment_loses_and_doubles_nothing() {
    let whole = tempfile::tempdir().unwrap();
    run(options(whole.path()), &[]);
    let (spill, _) = super::crash::write_spill(&whole.path().join("_spill"), &ticks());
    let left = std::fs::read(&spill).unwrap();
    run_settled(whole.path());
    let tables = [Table::Containers, Table::Processes, Table::Node, Table::Events];
    for written in 0..tables.len() {
        let data = tempfile::tempdir().unwrap();
        run(options(data.path()), &[]);
        std::fs::write(data.path().join("_spill").join(spill.file_name().unwrap()), &left).unwrap();
        for &table in &tables[..written] {
            let from = sealed_files_of(whole.path(), table).remove(0);
            let to = data.path().join(from.strip_prefix(whole.path()).unwrap());
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(&from, &to).unwrap();
        }
        run_settled(data.path());
        for table in tables {
            let files = sealed_files_of(data.path(), table);
            let rows: Vec<u64> = files.iter().map(|file| Footer::read(file).unwrap().rows).collect();
            let wanted = Footer::read(&sealed_files_of(whole.path(), table)[0]).unwrap().rows;
            assert_eq!(rows, [wanted], "{} after {written} files", table.name());
        }
        assert_eq!(files_below(&data.path().join("_spill")), Vec::<PathBuf>::new());
    }
}

#[test]
fn events_in_files_are_exported_with_their_texts_and_by_container() {
    let data = tempfile::tempdir().unwrap();
    run(options(data.path()), &ticks());
    let engine = crate::store::view::View::open(vec![data.path().to_owned()]).unwrap().engine();
    let exported = |wanted: Wanted| {
        let columns = ["kind", "container_id", "message"].map(str::to_owned).to_vec();
        let budget = Budget { deadline: Instant::now() + Duration::from_secs(600), decoded_bytes: u64::MAX };
        let (table, resolution) = (Table::Events, Resolution::Raw);
        let export = Export { table, resolution, wanted, from: HOUR, to: HOUR + 10, columns, budget };
        let mut out = Vec::new();
        engine.export(&export, Format::Csv, &mut out).unwrap();
        let lines: Vec<String> = String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
        lines.iter().skip(1).map(|line| line.split_once(',').unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    let both = ["container_start,abc,container_start happened", "oom_kill,abc,oom_kill happened"];
    assert_eq!(exported(Wanted::All), both);
    assert_eq!(exported(Wanted::ids(vec![Arc::from("abc")])), both);
    assert_eq!(exported(Wanted::ids(vec![Arc::from("other")])), [""; 0]);
}
