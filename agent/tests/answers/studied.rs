//! Studies of what a real store has recorded: each kind of need, from the question to the finding.

use std::path::Path;
use std::sync::Arc;

use fgm_agent::event::Kind;
use fgm_agent::health::Counters;
use fgm_agent::model::{Identity, Role, Row, SeriesKey, Tick};
use fgm_agent::service::question::{AskError, Selection, TimeRange};
use fgm_agent::service::study::{Against, Studied, StudyAnswer, StudyQuestion};
use fgm_agent::service::studying::study;
use fgm_agent::service::summary::summary;
use fgm_agent::store::{Options, Store};
use fgm_agent::subject::{Event, Owner, Subject};
use fgm_agent::table::Table;

use crate::model::{MEMORY, SECOND, START, id};
use crate::{Recordings, asking};

const MIB: i64 = 1 << 20;
/// Half an hour.
const SECONDS: i64 = 1800;
/// The leak is killed here, and begins anew.
const KILLED: i64 = 1500;

fn identity(container: u32) -> Arc<Identity> {
    Arc::new(Identity {
        namespace: Some("shop".to_owned()),
        pod: Some(format!("web-{container}")),
        container: Some("app".to_owned()),
        workload: Some("Deployment/web".to_owned()),
        ..Identity::unnamed(id(container), format!("/kubepods/{container}"), Role::Container)
    })
}

/// Noise from -1 to 1 that is the same each time.
fn noise(seed: i64) -> f64 {
    let mixed = (seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// CPU per second in cores: container 1 does what 0 did 5 s before; 2 doubles after 900 s.
fn cores(container: u32, second: i64) -> f64 {
    match container {
        0 => 0.5 + 0.2 * noise(second),
        1 => 0.5 + 0.2 * noise(second - 5),
        _ if second < 900 => 0.3 + 0.02 * noise(second + 7919),
        _ => 0.6 + 0.02 * noise(second + 7919),
    }
}

/// Container 2 leaks 200 KiB a second from 100 MiB on, up to its limit of 400 MiB.
fn memory(container: u32, second: i64) -> i64 {
    let leaked = if second < KILLED { second } else { second - KILLED };
    let leaks = if container == 2 { leaked * 200 * 1024 } else { 0 };
    100 * MIB + leaks + (noise(second * 3 + i64::from(container)) * 1e5) as i64
}

fn record(data: &Path) {
    let options = Options::new(data, "node-1", START);
    let (store, ticks) = Store::start(options, Arc::new(Counters::default())).unwrap();
    let column = |name: &str| Table::Containers.column(name).unwrap();
    let columns = ["cpu_usage_usec", MEMORY, "memory_max_bytes"].map(column);
    let mut used = [0_i64; 3];
    for second in 0..SECONDS {
        let mut tick = Tick::default();
        for container in 0..3_u32 {
            let key = SeriesKey(container);
            if second == 0 {
                tick.births.push((key, Subject::Container(identity(container))));
            }
            let usage = &mut used[container as usize];
            *usage += (cores(container, second) * 1e6) as i64;
            let values = [*usage, memory(container, second), 400 * MIB];
            let begin = tick.values.len();
            tick.values.resize(begin + Table::Containers.width(), 0);
            for (column, value) in columns.into_iter().zip(values) {
                tick.values[begin + column] = value;
            }
            let (time, table) = (START + second * SECOND, Table::Containers);
            tick.rows.push(Row { key, table, time, is_final: false, present: columns.into_iter().collect() });
        }
        if second == KILLED {
            let event = Event {
                time: START + second * SECOND,
                sequence: 1,
                kind: Kind::OomKill.as_str().to_owned(),
                owner: Owner::container(&identity(2)),
                comm: Some("app".to_owned()),
                reason: None,
                metric: None,
                message: "the kernel killed app (pid 7) for memory in /kubepods/2".to_owned(),
            };
            let time = event.time;
            tick.births.push((SeriesKey(99), Subject::Event(Arc::new(event))));
            tick.values.resize(tick.values.len() + Table::Events.width(), 0);
            let (key, table) = (SeriesKey(99), Table::Events);
            tick.rows.push(Row { key, table, time, is_final: true, present: std::iter::empty().collect() });
        }
        ticks.send(tick).unwrap();
    }
    drop(ticks);
    assert_eq!(store.join().lost_rows, 0);
}

const WHOLE: TimeRange = TimeRange { from: START, to: START + SECONDS * SECOND };

fn question(study: &str, metrics: &[&str], container: Option<u32>) -> StudyQuestion {
    StudyQuestion {
        study: study.to_owned(),
        metrics: metrics.iter().map(|metric| (*metric).to_owned()).collect(),
        selection: Selection { containers: container.map(id).into_iter().collect(), ..Selection::default() },
        range: WHOLE,
        settings: Vec::new(),
        against: Against::default(),
    }
}

fn only(answer: &StudyAnswer) -> &Studied {
    let [studied] = &answer.studied[..] else { panic!("{answer:?}") };
    studied
}

#[test]
fn each_kind_of_study_gets_what_it_needs() {
    let data = tempfile::tempdir().unwrap();
    record(data.path());
    let recordings = || Recordings::view(vec![data.path().to_owned()]).unwrap();
    let (questions, recorded) = (asking(recordings()), recordings());
    let ask = |question: &StudyQuestion| study(&questions, &recorded, question).unwrap();

    // One series; a counter is studied as its rate, in cores.
    let answer = ask(&question("changepoint", &["cpu_usage_usec"], Some(2)));
    let studied = only(&answer);
    assert_eq!((studied.metric.as_deref(), studied.unit), (Some("cpu_usage_cores"), "cores"));
    let [shift] = &studied.findings[..] else { panic!("{:?}", studied.findings) };
    assert!((shift.from - START - 900 * SECOND).abs() <= 2 * SECOND, "{}", shift.sentence);
    assert!((shift.measure("after").unwrap() - 0.6).abs() < 0.01, "{}", shift.sentence);

    // A limit: it would be reached 300 MiB / 200 KiB/s = 1,536 s after the kill.
    let answer = ask(&question("trend", &[MEMORY], Some(2)));
    let breach = only(&answer).findings.last().unwrap().measure("breach").unwrap();
    let expected = (START + (KILLED + 1536) * SECOND) as f64;
    assert!((breach - expected).abs() < 40e6, "{}", only(&answer).findings.last().unwrap().sentence);

    // Several series and events of a container.
    let answer = ask(&question("oom", &[], Some(2)));
    let [story] = &only(&answer).findings[..] else { panic!("{answer:?}") };
    assert!(story.sentence.starts_with("memory grew from 100 MiB to 393 MiB in "), "{}", story.sentence);
    assert!(story.sentence.contains("the kernel killed app (pid 7) for memory"), "{}", story.sentence);

    // Others on the node.
    let answer = ask(&question("correlate", &["cpu_usage_cores"], Some(0)));
    let related = &only(&answer).findings[0];
    assert!(related.sentence.starts_with("web-1/app cpu_usage_cores"), "{}", related.sentence);
    assert!((related.measure("lag").unwrap() - 5.0).abs() < 1.5, "{}", related.sentence);

    // One other container, and one that nobody knows.
    let with = |container: String, metric| {
        let against = Against { container: Some(container), range: None };
        StudyQuestion { against, ..question("correlate", &[metric], Some(0)) }
    };
    let answer = ask(&with(id(1), "cpu_usage_cores"));
    let sentences: Vec<&str> = only(&answer).findings.iter().map(|finding| finding.sentence.as_str()).collect();
    assert!(!sentences.is_empty() && sentences.iter().all(|one| one.starts_with("web-1/app ")), "{sentences:?}");
    assert_eq!(only(&ask(&with(id(2), "cpu_usage_cores"))).findings, []);
    let unknown = study(&questions, &recorded, &with("nobody".to_owned(), "cpu_usage_cores"));
    assert!(matches!(unknown, Err(AskError::NotFound(_))), "{unknown:?}");

    // Another time, and another container.
    let late = TimeRange { from: START + 900 * SECOND, ..WHOLE };
    let answer = ask(&StudyQuestion { range: late, ..question("compare", &["cpu_usage_cores"], Some(2)) });
    assert_eq!(only(&answer).findings[0].kind, "worse");
    let against = Against { container: Some(id(1)), range: None };
    let answer = ask(&StudyQuestion { against, ..question("compare", &["cpu_usage_cores"], Some(0)) });
    assert!(["same", "unclear"].contains(&only(&answer).findings[0].kind), "{answer:?}");

    // A window against the time before it.
    let window = TimeRange { from: START + 1000 * SECOND, to: START + 1300 * SECOND };
    let answer = ask(&StudyQuestion { range: window, ..question("changed", &[], None) });
    let most = &only(&answer).findings[0].sentence;
    assert!(most.starts_with("web-2/app"), "{most}");

    // One that is named passes the filter as well, and must be there.
    let mut other = question("changepoint", &["cpu_usage_usec"], Some(2));
    other.selection.filter.namespace = Some("other".to_owned());
    assert_eq!(ask(&other).studied, []);
    other.selection.containers = vec!["nobody".to_owned()];
    let AskError::NotFound(sentence) = study(&questions, &recorded, &other).unwrap_err() else { panic!("not found") };
    assert!(sentence.starts_with("no container's id is \"nobody\""), "{sentence}");

    let summary = summary(&questions, &recorded, &id(2), WHOLE).unwrap();
    assert_eq!((summary.oom_kills, summary.restarts), (1, 0));
    assert_eq!(summary.highlights[0].study, "oom");
    let used = summary.used.iter().find(|used| used.metric == "memory_max_bytes").unwrap();
    assert_eq!((used.max, used.unit), ((400 * MIB) as f64, "bytes"));
}
