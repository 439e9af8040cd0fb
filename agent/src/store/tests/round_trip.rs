//! Ticks come back from files, from memory, and as last values.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Encoding;
use proptest::prelude::*;

use super::*;
use crate::metric::column;
use crate::model::{HOUR_USEC, Row, SeriesKey, Support};
use crate::store::footer::{Footer, Origin};
use crate::store::frame::Frame;
use crate::store::rotation::Limits;
use crate::store::sealed;
use crate::store::segment::Segment;
use crate::store::tail::{Appended, Tail};
use crate::store::testing::{TickBuilder, container, identity};

type AnyRow = (u32, i64, bool, BTreeMap<usize, i64>);

fn any_row() -> impl Strategy<Value = AnyRow> {
    let step = prop_oneof![
        20 => 0_i64..2_000_000,
        1 => Just(HOUR_USEC / 2),
        1 => -3_000_000_i64..0,
        1 => Just(-HOUR_USEC),
    ];
    let value = prop_oneof![8 => 0_i64..5000, 1 => Just(i64::MIN), 1 => Just(i64::MAX)];
    (0_u32..4, step, any::<bool>(), proptest::collection::btree_map(0..COLUMNS, value, 0..8))
}

/// Ticks of four containers whose clock mostly goes on, sometimes jumps, and sometimes goes back.
fn any_ticks() -> impl Strategy<Value = Vec<Tick>> {
    proptest::collection::vec(proptest::collection::vec(any_row(), 0..6), 1..12).prop_map(|ticks| {
        let mut time = HOUR + HOUR_USEC / 4;
        let mut first = true;
        let build = |rows: Vec<AnyRow>| {
            let mut tick = TickBuilder::default();
            if std::mem::take(&mut first) {
                tick = (0..4).fold(tick, |tick, key| tick.birth(key, &container_name(key)));
            }
            for (key, step, is_final, values) in rows {
                time += step;
                tick = tick.any_row(key, (time, is_final), &values.into_iter().collect::<Vec<_>>());
            }
            tick.build()
        };
        ticks.into_iter().map(build).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_row_is_in_one_file_once_and_no_file_crosses_an_hour(ticks in any_ticks(), tail_bytes in 1_usize..20_000) {
        let data = tempfile::tempdir().unwrap();
        let summary = run(Options { tail_bytes, ..options(data.path()) }, &ticks);
        let wanted = tick_rows(&ticks);
        prop_assert_eq!(summary.rows, wanted.len() as u64);
        prop_assert_eq!(summary.lost_rows + summary.spilled_rows, 0);
        prop_assert_eq!(sorted(stored_rows(data.path())), sorted(wanted));
        for file in sealed_files(data.path()) {
            let rows = read_rows(&file);
            let hour = |row: &PlainRow| row.time.div_euclid(HOUR_USEC);
            prop_assert!(rows.iter().all(|row| hour(row) == hour(&rows[0])));
            let key = |row: &PlainRow| (row.container_id.clone(), row.time);
            prop_assert!(rows.windows(2).all(|pair| key(&pair[0]) < key(&pair[1])));
        }
        prop_assert!(files_below(&data.path().join("_spill")).is_empty());
    }

    #[test]
    fn the_tail_gives_back_each_containers_rows(ticks in any_ticks()) {
        let mut tail = Tail::new(Limits { age: Duration::from_secs(90), bytes: 1 << 20 });
        let (now, mut frame) = (Instant::now(), Frame::default());
        let mut taken = Vec::new();
        for tick in &ticks {
            tail.begin(tick, &mut frame);
            let end = match tail.append((tick, 0), now, &mut frame) {
                Appended::Whole => tick.rows.len(),
                Appended::SealBefore(end, _) => end,
            };
            taken.push(Tick { rows: tick.rows[..end].to_vec(), values: tick.values[..end * COLUMNS].to_vec(), ..Tick::default() });
            if end < tick.rows.len() {
                break;
            }
        }
        for key in 0..4 {
            let wanted: Vec<PlainRow> =
                tick_rows(&taken).into_iter().filter(|row| row.container_id == container_name(key)).collect();
            let series = tail.active().series_of(Table::Containers, &container_name(key));
            prop_assert_eq!(series.map_or(Vec::new(), decoded), wanted);
        }
    }
}

fn decoded(series: &crate::store::segment::Series) -> Vec<PlainRow> {
    let (mut decoder, mut rows) = (series.decoder(), Vec::new());
    while let Some(row) = decoder.next_row().unwrap() {
        let values = row.present().iter().map(|column| (column, row.values()[column])).collect();
        let container_id = series.subject.id().into_owned();
        rows.push(PlainRow { container_id, time: row.time(), is_final: row.is_final(), values });
    }
    rows
}

#[test]
fn rows_are_readable_at_once_and_in_parquet_at_the_end() {
    let data = tempfile::tempdir().unwrap();
    let (store, ticks, _) = start(options(data.path()));
    let reader = store.reader();
    for second in 0..5 {
        let tick = TickBuilder::default().row(1, HOUR + second * 1_000_000, &[(0, second), (14, 7)]);
        ticks.send(if second == 0 { tick.birth(1, "abc") } else { tick }.build()).unwrap();
    }
    drop(ticks);
    let summary = store.join();
    assert_eq!((summary.files, summary.rows, summary.lost_rows), (1, 5, 0));
    let name = "containers/dt=2026-11-23/node=node-1/20261123T040000.000000Z-20261123T040004.000000Z.parquet";
    assert_eq!(reader.files(), [data.path().join(name)]);
    let status = reader.status();
    assert_eq!((status.files, status.rows, status.tail_rows, status.last_error), (1, 5, 0, None));
    let containers = reader.containers();
    assert_eq!((containers[0].first_seen, containers[0].last_seen), (HOUR, HOUR + 4_000_000));
    assert!(containers[0].alive);
}

#[test]
fn the_footer_says_who_is_where_and_which_columns_are_missing_why() {
    let data = tempfile::tempdir().unwrap();
    let (swap, peak) = (column("memory_swap_max_bytes").unwrap(), column("memory_peak_bytes").unwrap());
    let mut tick = TickBuilder::default().birth(1, "b").birth(2, "a").row(1, HOUR, &[(0, 1), (peak, 5)]);
    tick = tick.row(2, HOUR + 1, &[(0, 2)]).row(1, HOUR + 2, &[(0, 3)]);
    let mut tick = tick.build();
    let support = Support { unsupported: [swap, peak].into_iter().collect(), unreadable: [1].into_iter().collect() };
    tick.support = vec![(SeriesKey(1), support), (SeriesKey(2), support)];
    run(options(data.path()), &[tick]);
    let footer = Footer::read(&sealed_files(data.path())[0]).unwrap();
    let directory = &footer.directory;
    let ranges: Vec<_> =
        directory.containers.iter().map(|c| (&*c.identity.container_id, c.first_row, c.rows)).collect();
    assert_eq!(ranges, [("a", 0, 1), ("b", 1, 2)]);
    assert_eq!((directory.containers[1].first_us, directory.containers[1].last_us), (HOUR, HOUR + 2));
    let set = |index: usize| directory.column_sets[index].clone();
    assert_eq!(set(directory.containers[0].unsupported), ["memory_peak_bytes", "memory_swap_max_bytes"]);
    assert_eq!(set(directory.containers[1].unsupported), ["memory_swap_max_bytes"], "peak has a value in this file");
    assert_eq!(set(directory.containers[1].unreadable), ["cpu_user_usec"]);
    assert_eq!((footer.origin.node.as_str(), footer.origin.interval_usec), ("node-1", 1_000_000));
    assert!(footer.origin.segment.ends_with("/1"));
}

#[test]
fn a_reader_of_parquet_sees_utc_times_and_nullable_integers() {
    let data = tempfile::tempdir().unwrap();
    run(options(data.path()), &[TickBuilder::default().birth(1, "a").row(1, HOUR, &[]).build()]);
    let file = File::open(&sealed_files(data.path())[0]).unwrap();
    let schema = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().schema().clone();
    let wanted = crate::store::schema::arrow_schema(Table::Containers);
    assert_eq!(*schema.fields(), wanted.fields);
    assert_eq!(schema.field_with_name("cpu_usage_usec").unwrap().data_type(), &DataType::Int64);
}

#[test]
fn a_container_larger_than_a_row_group_is_one_run_of_rows() {
    let mut segment = Segment::default();
    let mut buffer = crate::store::rowlog::RowBuffer::default();
    let counts = [("a", 20_000_i64), ("b", 20_000), ("c", 40_000), ("d", 5)];
    for (id, count) in counts {
        let index = segment.open_series(&container(id), Support::default());
        let mut values = vec![0; COLUMNS];
        for n in 0..count {
            values[0] = n;
            let row = Row {
                key: SeriesKey(0),
                table: Table::Containers,
                time: HOUR + n,
                is_final: false,
                present: [0].into_iter().collect(),
            };
            segment.append(index, (&row, &values), &mut buffer);
        }
    }
    let origin = Origin {
        node: "n".to_owned(),
        run_id: "r".to_owned(),
        segment: "r/1".to_owned(),
        agent_version: String::new(),
        git_revision: String::new(),
        interval_usec: 1,
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(sealed::write(&segment, Table::Containers, &origin, file.as_file()).unwrap(), 80_005);
    let metadata = ParquetRecordBatchReaderBuilder::try_new(file.reopen().unwrap()).unwrap().metadata().clone();
    let groups: Vec<i64> = metadata.row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(groups, [20_000, 20_000, 32_768, 7237]);
    let found = read_rows(file.path());
    let wanted = counts.iter().flat_map(|(id, count)| (0..*count).map(move |n| ((*id).to_owned(), HOUR + n, n)));
    assert!(found.into_iter().map(|row| (row.container_id, row.time, row.values[&0])).eq(wanted));
}

#[test]
fn long_runs_are_delta_encoded_and_short_ones_plain() {
    for (rows, wanted) in [(90_i64, Encoding::PLAIN), (400, Encoding::DELTA_BINARY_PACKED)] {
        let data = tempfile::tempdir().unwrap();
        let tick = (0..rows).fold(TickBuilder::default().birth(1, "container-1"), |t, n| t.row(1, HOUR + n, &[(0, n)]));
        let ticks = [tick.build()];
        run(options(data.path()), &ticks);
        let file = sealed_files(data.path()).remove(0);
        let metadata = ParquetRecordBatchReaderBuilder::try_new(File::open(&file).unwrap()).unwrap().metadata().clone();
        let column = |index: usize| metadata.row_group(0).column(index).encodings().collect::<Vec<_>>();
        assert!(
            column(leading_columns(Table::Containers)).contains(&wanted),
            "{:?}",
            column(leading_columns(Table::Containers))
        );
        assert!(column(0).contains(&Encoding::DELTA_BINARY_PACKED));
        assert_eq!(read_rows(&file), tick_rows(&ticks));
    }
}

#[test]
fn runs_that_claim_one_start_have_two_ids() {
    let data = tempfile::tempdir().unwrap();
    for time in [HOUR, HOUR + 5] {
        run(options(data.path()), &[TickBuilder::default().birth(1, "container-1").row(1, time, &[]).build()]);
    }
    let segments =
        sealed_files(data.path()).iter().map(|path| Footer::read(path).unwrap().origin.segment).collect::<Vec<_>>();
    assert_eq!(segments.len(), 2);
    assert_ne!(segments[0], segments[1]);
}

#[test]
fn last_values_survive_rotation_and_end_with_the_container() {
    let data = tempfile::tempdir().unwrap();
    let (store, ticks, _) = start(Options { tail_bytes: 1, ..options(data.path()) });
    let reader = store.reader();
    ticks.send(TickBuilder::default().birth(1, "a").birth(2, "b").row(1, HOUR, &[(0, 5), (9, 100)]).build()).unwrap();
    ticks.send(TickBuilder::default().row(1, HOUR + 1, &[(0, 6)]).row(2, HOUR + 2, &[(3, 4)]).build()).unwrap();
    ticks.send(TickBuilder::default().row(1, HOUR + 3, &[(0, 7)]).death(2).build()).unwrap();
    drop(ticks);
    assert_eq!(store.join().rows, 4);
    let latest = reader.latest(Table::Containers);
    assert_eq!(latest.len(), 1);
    assert_eq!((&*latest[0].subject.id(), latest[0].time), ("a", HOUR + 3));
    assert_eq!(latest[0].known.iter().collect::<Vec<_>>(), [0, 9]);
    assert_eq!((latest[0].values[0], latest[0].values[9]), (7, 100));
    let alive: Vec<_> = reader.containers().into_iter().map(|c| (c.identity.container_id.clone(), c.alive)).collect();
    assert_eq!(alive, [("b".to_owned(), false), ("a".to_owned(), true)]);
}

#[test]
fn a_cgroup_that_comes_back_continues_its_series() {
    let data = tempfile::tempdir().unwrap();
    let first = TickBuilder::default().birth(1, "unit").row(1, HOUR, &[(0, 50)]).death(1).build();
    let second = TickBuilder::default().birth(2, "unit").row(2, HOUR + 9, &[(0, 1)]).build();
    run(options(data.path()), &[first, second]);
    let files = sealed_files(data.path());
    let footer = Footer::read(&files[0]).unwrap();
    assert_eq!((files.len(), footer.directory.containers.len(), footer.rows), (1, 1, 2));
    assert_eq!(read_rows(&files[0]).iter().map(|row| row.values[&0]).collect::<Vec<_>>(), [50, 1]);
}

#[test]
fn names_that_come_later_are_in_the_file() {
    let data = tempfile::tempdir().unwrap();
    let mut named = TickBuilder::default().row(1, HOUR + 1, &[(0, 2)]).build();
    let identity = crate::model::Identity { pod: Some("web-0".to_owned()), ..identity("a") };
    named.births = vec![(SeriesKey(1), crate::subject::Subject::Container(Arc::new(identity)))];
    run(options(data.path()), &[TickBuilder::default().birth(1, "a").row(1, HOUR, &[(0, 1)]).build(), named]);
    let footer = Footer::read(&sealed_files(data.path())[0]).unwrap();
    assert_eq!(footer.directory.containers[0].identity.pod.as_deref(), Some("web-0"));
}

#[test]
fn rows_of_a_container_that_was_never_born_are_counted() {
    let data = tempfile::tempdir().unwrap();
    let (store, ticks, counters) = start(options(data.path()));
    ticks.send(TickBuilder::default().row(8, HOUR, &[(0, 5)]).build()).unwrap();
    drop(ticks);
    assert_eq!(store.join().files, 0);
    assert_eq!(counters.rows_dropped.get(), 1);
}
