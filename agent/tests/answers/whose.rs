//! Whose rows an answer is about: nested cgroups, those of whom only rollups are left, those who are not there.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use fgm_agent::app::recorded::Recordings;
use fgm_agent::health::Counters;
use fgm_agent::model::{Identity, Role, Row, SeriesKey, Tick};
use fgm_agent::service::answers::{ContainersQuestion, Questions};
use fgm_agent::service::asking::Asking;
use fgm_agent::service::question::{
    Aggregate, AskError, GroupBy, Points, Selection, SeriesData, SeriesQuestion, TimeRange, TopBy, TopQuestion,
};
use fgm_agent::store::{Options, Store, WallClock};
use fgm_agent::subject::{Owner, Process, Subject};
use fgm_agent::table::Table;

use crate::model::{HOUR, MEMORY, MINUTE, SECOND, START, id};
use crate::{asking, of, question};

/// The second one is a cgroup inside of the first one.
fn nested(container: u32) -> Arc<Identity> {
    let parent_id = (container == 1).then(|| id(0));
    Arc::new(Identity { parent_id, ..Identity::unnamed(id(container), format!("/{container}"), Role::Cgroup) })
}

fn row(tick: &mut Tick, (key, table): (u32, Table), time: i64, values: &[(&str, i64)]) {
    let begin = tick.values.len();
    tick.values.resize(begin + table.width(), 0);
    let columns = values.iter().map(|(name, value)| (table.column(name).unwrap(), *value));
    let present = columns.map(|(column, value)| {
        tick.values[begin + column] = value;
        column
    });
    let present = present.collect();
    tick.rows.push(Row { key: SeriesKey(key), table, time, is_final: false, present });
}

/// Records readings of every second from one second to another into a directory that is left as one hour, merged.
fn record(data: &Path, seconds: std::ops::Range<i64>, fill: impl Fn(&mut Tick, i64)) {
    let now = Arc::new(AtomicI64::new(START));
    let hands = Arc::clone(&now);
    let options = Options { clock: WallClock::new(move || hands.load(SeqCst)), ..Options::new(data, "node-1", START) };
    let (store, ticks) = Store::start(options, Arc::new(Counters::default())).unwrap();
    let reader = store.reader();
    for second in seconds {
        let mut tick = Tick::default();
        fill(&mut tick, START + second * SECOND);
        let before = reader.engine().ticks();
        ticks.send(tick).unwrap();
        while reader.engine().ticks() == before {
            std::thread::yield_now();
        }
    }
    now.store(START + HOUR + 5 * MINUTE, SeqCst);
    ticks.send(Tick { seal: true, ..Tick::default() }).unwrap();
    drop(ticks);
    assert_eq!(store.join().lost_rows, 0);
}

fn view(data: &Path) -> Asking {
    asking(Recordings::view(vec![data.to_owned()]).unwrap())
}

/// The least and the largest value of a sum.
fn sum(asking: &Asking, metric: &str, group: GroupBy) -> Vec<(f64, f64)> {
    let range = (START + 2 * SECOND, START + 8 * SECOND);
    let asked = SeriesQuestion {
        aggregate: Some(Aggregate::Sum),
        group: Some(group),
        ..question(metric, range, Points::AtMost(1000))
    };
    let ends = |data: &SeriesData| {
        let SeriesData::Exact { values, .. } = data else { panic!("buckets") };
        let known = values.iter().filter(|value| !value.is_nan());
        known.fold((f64::INFINITY, 0.0), |(least, most), value| (value.min(least), value.max(most)))
    };
    asking.series(&asked).unwrap().series.iter().map(|series| ends(&series.data)).collect()
}

#[test]
fn sums_of_containers_leave_out_the_nested_and_sums_of_processes_do_not() {
    let data = tempfile::tempdir().unwrap();
    record(data.path(), 0..10, |tick, time| {
        for container in 0..2 {
            let process = Process {
                owner: Owner::container(&nested(container)),
                pid: 100 + container,
                start_ticks: 1,
                comm: "worker".to_owned(),
                cmdline: None,
            };
            if time == START {
                tick.births.push((SeriesKey(container), Subject::Container(nested(container))));
                tick.births.push((SeriesKey(2 + container), Subject::Process(Arc::new(process))));
            }
            // What the outer one has includes what the inner one has.
            row(tick, (container, Table::Containers), time, &[(MEMORY, [30, 10][container as usize])]);
            row(tick, (2 + container, Table::Processes), time, &[("rss_bytes", [20, 10][container as usize])]);
        }
    });
    let asking = view(data.path());
    for group in [GroupBy::All, GroupBy::Node] {
        assert_eq!(sum(&asking, MEMORY, group.clone()), [(30.0, 30.0)], "the outer one alone");
        assert_eq!(sum(&asking, "processes.rss_bytes", group), [(30.0, 30.0)], "each process, wherever it is");
    }
    let top = TopQuestion {
        metric: "processes.rss_bytes".to_owned(),
        selection: Selection::default(),
        range: TimeRange { from: START + 2 * SECOND, to: START + 8 * SECOND },
        by: TopBy::Max,
        limit: 5,
        group: Some(GroupBy::All),
    };
    assert_eq!(asking.top(&top).unwrap().entries[0].max, 30.0);
}

/// Two hours after its last reading, of which the readings are gone.
#[test]
fn those_of_whom_only_rollups_are_left_are_found_at_any_time() {
    let data = tempfile::tempdir().unwrap();
    record(data.path(), 0..300, |tick, time| {
        if time == START {
            let identity = Identity { namespace: Some("shop".to_owned()), ..(*nested(0)).clone() };
            tick.births.push((SeriesKey(0), Subject::Container(Arc::new(identity))));
        }
        row(tick, (0, Table::Containers), time, &[(MEMORY, 4096)]);
    });
    let (store, ticks) = {
        let clock = WallClock::new(|| START + 2 * HOUR);
        let options = Options { clock, ..Options::new(data.path(), "node-1", START + 2 * HOUR) };
        Store::start(options, Arc::new(Counters::default())).unwrap()
    };
    store.reader().wait_settled();
    store.reader().keep_up();
    drop(ticks);
    store.join();
    std::fs::remove_dir_all(data.path().join("containers")).unwrap();
    let asking = view(data.path());
    assert_eq!(asking.containers(&ContainersQuestion::default()).unwrap().total, 1);
    let filters = asking.filters(None).unwrap();
    assert_eq!((filters.namespaces[0].value.as_str(), filters.nodes[0].containers), ("shop", 1));
    let ask = |wanted: &str, from: i64| {
        let selection = Selection { containers: vec![wanted.to_owned()], ..Selection::default() };
        let range = (from, from + HOUR);
        asking.series(&SeriesQuestion { selection, ..question(MEMORY, range, Points::AtMost(100)) })
    };
    let there = ask(&id(0)[..60], START).unwrap();
    assert!(!of(&there, 0).data.times().is_empty());
    // In a range without it: nothing, and no mistake.
    assert_eq!(ask(&id(0), START + 10 * HOUR).unwrap().series, []);
    let Err(AskError::NotFound(sentence)) = ask("nobody", START + 10 * HOUR) else { panic!("not found") };
    assert!(
        sentence.contains(&format!("no container's id is \"nobody\" or begins so; the nearest are {:?}", id(0))),
        "{sentence}"
    );
}

#[test]
fn who_is_not_there_or_not_one_alone_is_said_with_what_is_valid() {
    let data = tempfile::tempdir().unwrap();
    record(data.path(), 0..10, |tick, time| {
        for container in 0..2 {
            if time == START {
                tick.births.push((SeriesKey(container), Subject::Container(nested(container))));
            }
            row(tick, (container, Table::Containers), time, &[(MEMORY, 1)]);
        }
    });
    let asking = view(data.path());
    let ask = |metric: &str, wanted: &str, from: i64| {
        let selection = Selection { containers: vec![wanted.to_owned()], ..Selection::default() };
        let asked = SeriesQuestion { selection, ..question(metric, (from, from + MINUTE), Points::All) };
        asking.series(&asked).unwrap_err()
    };
    for from in [START, START + 10 * HOUR] {
        let invalid = AskError::Invalid("more than one container's id begins with \"000\"; give more of it".to_owned());
        assert_eq!(ask(MEMORY, "000", from), invalid);
        let AskError::NotFound(sentence) = ask(MEMORY, "1", from) else { panic!("not found") };
        assert!(sentence.starts_with("no container's id is \"1\" or begins so; the nearest are \"0000"), "{sentence}");
    }
    let AskError::NotFound(sentence) = ask("memory_curent_bytes", "", START) else { panic!("not found") };
    assert!(
        sentence.starts_with("there is no metric \"memory_curent_bytes\"; the nearest are memory_current_bytes, "),
        "{sentence}"
    );
    let empty = tempfile::tempdir().unwrap();
    let (store, _) = Store::start(Options::new(empty.path(), "node-1", START), Arc::new(Counters::default())).unwrap();
    let nothing = super::asking(Recordings::of_store(store.reader()));
    let selection = Selection { containers: vec!["a".to_owned()], ..Selection::default() };
    let asked = SeriesQuestion { selection, ..question(MEMORY, (START, START + HOUR), Points::All) };
    let sentence = nothing.series(&asked).unwrap_err().to_string();
    assert!(sentence.starts_with("there is no container \"a\", for none is recorded"), "{sentence}");
}
