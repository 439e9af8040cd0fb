//! Scans against a plain list of rows: whatever lies in segments, hour files and memory, each row is told once, in order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Instant;

use proptest::prelude::*;

use super::endurance::{Hands, timed, upkeep};
use super::*;
use crate::model::{HOUR_USEC, UnixMicros};
use crate::resolution::Resolution;
use crate::scan::{Budget, Numbers, Scan, ScanColumn, ScanError, Wanted};
use crate::store::Engine;
use crate::store::testing::TickBuilder;

const COLUMN: [usize; 3] = [0, 17, 90];

/// `(id, time)` to the values of [`COLUMN`].
type Model = BTreeMap<(String, UnixMicros), [Option<i64>; 3]>;

pub(super) fn scan_of(wanted: Wanted, (from, to): (UnixMicros, UnixMicros)) -> Scan {
    Scan {
        table: Table::Containers,
        resolution: Resolution::Raw,
        wanted,
        columns: COLUMN.map(ScanColumn::Reading).to_vec(),
        from,
        to,
        budget: Budget { deadline: Instant::now() + Duration::from_secs(600), decoded_bytes: u64::MAX },
    }
}

/// What a scan tells; fails where a subject's times do not rise.
fn told(engine: &Engine, scan: &Scan) -> Result<Model, ScanError> {
    let mut told = Model::new();
    let mut last: BTreeMap<usize, (String, UnixMicros)> = BTreeMap::new();
    let cost = engine.scan(scan, &mut |block| {
        let id = block.subject.id().into_owned();
        for (row, &time) in block.times.iter().enumerate() {
            let value = |column: usize| {
                let values = block.columns[column];
                let present = values.present.is_none_or(|present| present[row]);
                match values.values {
                    Numbers::Ints(ints) if present => Some(ints[row]),
                    _ => None,
                }
            };
            let before = last.insert(block.series, (id.clone(), time));
            assert!(before.is_none_or(|(known, before)| known == id && before < time), "{id} at {time}");
            told.insert((id.clone(), time), [value(0), value(1), value(2)]);
        }
        Ok(())
    })?;
    assert_eq!(cost.rows, told.len() as u64, "no row twice");
    Ok(told)
}

/// One tick of some containers; a bit of `who` and `nulls` per container and column.
fn tick(number: usize, time: UnixMicros, (who, nulls): (u8, u16), model: &mut Model) -> Tick {
    let mut builder = TickBuilder::default();
    for key in (0..5_u32).filter(|key| who >> key & 1 == 1) {
        let time = time + i64::from(key);
        let value = |column: usize| {
            let null = nulls >> (key as usize * 3 + column) & 1 == 1;
            (!null).then_some((number * 1000 + column * 100) as i64 + i64::from(key))
        };
        let values = [value(0), value(1), value(2)];
        let row: Vec<(usize, i64)> = COLUMN.into_iter().zip(values).filter_map(|(c, v)| Some((c, v?))).collect();
        builder = builder.birth(key, &container_name(key)).row(key, time, &row);
        model.insert((container_name(key), time), values);
    }
    builder.build()
}

/// Rows that the store has, wherever they are.
fn rows_held(store: &Store) -> u64 {
    let reader = store.reader();
    let state = reader.state();
    let files = state.catalog.files().filter(|file| file.resolution == Resolution::Raw).map(|file| file.rows);
    let memory = state.tail.frozen().map(|frozen| &*frozen.segment).chain([state.tail.active()]);
    files.sum::<u64>() + memory.map(|segment| segment.rows()).sum::<u64>()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_scan_tells_each_row_once_wherever_it_is(
        batches in prop::collection::vec((prop::collection::vec((any::<u8>(), any::<u16>(), 1..400_i64), 1..30), any::<bool>()), 1..6),
        questions in prop::collection::vec((0..6 * HOUR_USEC, 0..6 * HOUR_USEC, any::<u8>()), 8),
    ) {
        let data = tempfile::tempdir().unwrap();
        let (mut model, mut time, mut number) = (Model::new(), HOUR, 0);
        let last = batches.len() - 1;
        for (run, (ticks, merge)) in batches.iter().enumerate() {
            let ticks: Vec<Tick> = ticks
                .iter()
                .map(|&(who, nulls, seconds)| {
                    (time, number) = (time + seconds * 1_000_000, number + 1);
                    tick(number, time, (who, nulls), &mut model)
                })
                .collect();
            let hands = Hands::at(0);
            let (store, sender, _) = start(timed(data.path(), HOUR + run as i64, &hands));
            store.reader().wait_settled();
            let before = rows_held(&store);
            let rows: usize = ticks.iter().map(|tick| tick.rows.len()).sum();
            ticks.into_iter().for_each(|tick| sender.send(tick).unwrap());
            while rows_held(&store) < before + rows as u64 {
                std::thread::yield_now();
            }
            if run == last {
                for &(from, to, ids) in &questions {
                    let (from, to) = (HOUR + from.min(to), HOUR + from.max(to));
                    let names: Vec<_> = (0..6).filter(|key| ids >> key & 1 == 1).map(container_name).collect();
                    let all = ids >> 7 == 1;
                    let is_wanted = |id: &String| all || names.contains(id);
                    let expected: Model = model
                        .iter()
                        .filter(|((id, time), _)| is_wanted(id) && (from..to).contains(time))
                        .map(|(key, values)| (key.clone(), *values))
                        .collect();
                    let ids = names.iter().map(|name| Arc::from(name.as_str())).collect();
                    let wanted = if all { Wanted::All } else { Wanted::ids(ids) };
                    let reader = store.reader();
                    prop_assert_eq!(told(reader.engine(), &scan_of(wanted, (from, to))).unwrap(), expected);
                }
            }
            drop(sender);
            store.join();
            if *merge {
                upkeep(data.path(), time);
            }
        }
    }
}

#[test]
fn scans_see_each_row_once_while_files_are_sealed_and_merged() {
    let data = tempfile::tempdir().unwrap();
    let hands = Hands::at(HOUR);
    let options = Options { tail_bytes: 4 << 10, ..timed(data.path(), HOUR, &hands) };
    let (store, sender, _) = start(options);
    let (done, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let scans = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let reader = store.reader();
            while !done.load(SeqCst) {
                let known = sent.load(SeqCst);
                match told(reader.engine(), &scan_of(Wanted::All, (HOUR, HOUR + 48 * HOUR_USEC))) {
                    Err(ScanError::Changed) => {}
                    told => {
                        let rows = told.unwrap().len() as u64;
                        assert!(rows >= known, "{rows} of {known}");
                        scans.fetch_add(1, SeqCst);
                    }
                }
            }
        });
        let mut model = Model::new();
        for number in 0..600 {
            let time = HOUR + number as i64 * 60_000_000;
            hands.set(time);
            sender.send(tick(number, time, (0b11111, 0), &mut model)).unwrap();
            while rows_held(&store) < model.len() as u64 {
                std::thread::yield_now();
            }
            sent.store(model.len() as u64, SeqCst);
            if number % 60 == 59 {
                store.reader().keep_up();
            }
        }
        while scans.load(SeqCst) < 3 && !asking.is_finished() {
            std::thread::yield_now();
        }
        done.store(true, SeqCst);
        asking.join().unwrap();
        assert_eq!(told(store.reader().engine(), &scan_of(Wanted::All, (HOUR, i64::MAX))).unwrap(), model);
    });
    drop(sender);
    store.join();
}

#[test]
fn a_view_begins_again_where_files_were_merged_since_its_look() {
    let data = tempfile::tempdir().unwrap();
    let mut model = Model::new();
    for run in 0..3 {
        let ticks: Vec<Tick> = (0..5)
            .map(|number| tick(number, HOUR + (run * 90 + number as i64) * 1_000_000, (0b11, 0), &mut model))
            .collect();
        super::endurance::record(data.path(), &[ticks]);
    }
    let engine = crate::store::view::View::open(vec![data.path().to_owned()]).unwrap().engine();
    let scan = || told(&engine, &scan_of(Wanted::All, (HOUR, HOUR + HOUR_USEC)));
    assert_eq!(scan().unwrap(), model);
    upkeep(data.path(), HOUR + HOUR_USEC);
    // Where the look is still fresh, the files that it found are gone.
    let again = match scan() {
        Err(ScanError::Changed) => scan(),
        told => told,
    };
    assert_eq!(again.unwrap(), model);
}
