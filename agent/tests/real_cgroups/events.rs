//! What happens to real cgroups becomes events, at once.

use std::path::Path;

use fgm_agent::clock::wall;
use fgm_agent::event::Kind;
use fgm_agent::kernel_log::KernelLog;

use crate::bed::{Bed, can_make_cgroups};
use crate::watch::{Watch, number};
use crate::{QUICK, SLOW, assert_agrees};

/// An OOM event is written so soon after the kernel's.
const SOON_USEC: i64 = 50_000;

fn is_v2() -> bool {
    Path::new(crate::bed::CGROUP_ROOT).join("cgroup.controllers").exists()
}

/// Makes the kernel kill a process of the bed for memory; when it was dead, microseconds since 1970.
fn killed_for_memory(bed: &Bed) -> (u32, i64) {
    let mut worker = bed.start("hold 128000000");
    let pid = worker.child.id();
    assert!(!worker.child.wait().expect("reap").success(), "killed by the kernel");
    (pid, wall())
}

#[test]
fn an_oom_kill_is_an_event_with_its_victim() {
    if !can_make_cgroups("OOM events") {
        return;
    }
    // On cgroup v2 no pass is needed: the kernel tells. On v1 the next pass sees it.
    let mut watch = Watch::start(if is_v2() { SLOW } else { QUICK });
    let bed = Bed::new();
    bed.limit_memory(32 << 20);
    watch.until("a row", |watch| watch.has_row(&bed.container_id));
    let mut delays = Vec::new();
    for kill in 1..=10 {
        let (pid, died) = killed_for_memory(&bed);
        watch.until("its event", |watch| watch.events_of(&bed.container_id, Kind::OomKill).len() == kill);
        let events = watch.events_of(&bed.container_id, Kind::OomKill);
        let event = events.last().expect("an event");
        assert_eq!(number(event, "count"), Some(1));
        assert!(number(event, "uncertainty_usec").is_some_and(|usec| usec > 0));
        if KernelLog::open(Path::new("/dev/kmsg")).is_ok() {
            assert_eq!(number(event, "pid"), Some(i64::from(pid)), "{}", event.0.message);
            assert!(event.0.comm.as_deref().is_some_and(|comm| comm.starts_with("real_cgroups")), "{:?}", event.0.comm);
        } else {
            eprintln!("not checked: the victim's name: the kernel's log cannot be read here");
        }
        delays.push(event.1.time - died);
        // A machine that is busy delays some of them.
        if kill >= 3 && delays.iter().any(|delay| *delay <= SOON_USEC) {
            break;
        }
    }
    println!("OOM events were written {delays:?} us after the victim was reaped");
    if is_v2() {
        assert!(delays.iter().any(|delay| *delay <= SOON_USEC), "within 50 ms: {delays:?}");
    }
}

#[test]
fn a_kill_in_a_nested_container_is_told_once_for_the_inner_one() {
    if !can_make_cgroups("nested OOM events") {
        return;
    }
    let outer = Bed::new();
    let mut watch = Watch::start(QUICK);
    let inner = outer.nested();
    inner.limit_memory(32 << 20);
    watch.until("the inner container", |watch| watch.has_row(&inner.container_id));
    killed_for_memory(&inner);
    watch.until("its event", |watch| !watch.events_of(&inner.container_id, Kind::OomKill).is_empty());
    let rows = watch.rows_of(&outer.container_id).count();
    watch.until("more rows", |watch| watch.rows_of(&outer.container_id).count() > rows + 2);
    assert_eq!(watch.events_of(&inner.container_id, Kind::OomKill).len(), 1);
    assert_eq!(watch.events_of(&outer.container_id, Kind::OomKill).len(), 0);
    drop(inner);
}

/// Old and new of the change to 200 MiB.
fn raise(watch: &Watch, bed: &Bed) -> Option<(Option<i64>, Option<i64>)> {
    let events = watch.events_of(&bed.container_id, Kind::LimitChange);
    let of_memory = events.iter().filter(|(event, ..)| event.metric.as_deref() == Some("memory_max_bytes"));
    of_memory
        .map(|event| (number(event, "old_value"), number(event, "new_value")))
        .find(|(_, new)| *new == Some(200 << 20))
}

#[test]
fn a_changed_limit_is_an_event_with_old_and_new() {
    if !can_make_cgroups("limit events") {
        return;
    }
    let mut watch = Watch::start(QUICK);
    let bed = Bed::new();
    bed.limit_memory(100 << 20);
    watch.until("the first limit", |watch| watch.last(&bed.container_id, "memory_max_bytes") == Some(100 << 20));
    bed.limit_memory(200 << 20);
    watch.until("its event", |watch| raise(watch, &bed).is_some());
    let (old, new) = raise(&watch, &bed).expect("found above");
    assert_eq!((old, new), (Some(100 << 20), Some(200 << 20)));
}

#[test]
fn throttling_is_an_event_when_it_begins() {
    if !can_make_cgroups("throttling events") {
        return;
    }
    let mut watch = Watch::start(QUICK);
    let bed = Bed::new();
    watch.until("a row", |watch| watch.has_row(&bed.container_id));
    bed.limit_cpu(10_000, 100_000);
    bed.start("burn 200").finish();
    watch.until("its event", |watch| !watch.events_of(&bed.container_id, Kind::ThrottlingBegin).is_empty());
    assert_eq!(watch.events_of(&bed.container_id, Kind::ThrottlingBegin).len(), 1);
}

#[test]
fn a_start_and_a_stop_are_events_and_the_stop_has_the_totals_of_the_life() {
    if !can_make_cgroups("start and stop events") {
        return;
    }
    let mut watch = Watch::start(SLOW);
    let mut bed = Bed::new();
    watch.until("its start", |watch| !watch.events_of(&bed.container_id, Kind::ContainerStart).is_empty());
    let used = bed.start("burn 150").finish();
    bed.remove_as_a_runtime();
    watch.until("its stop", |watch| !watch.events_of(&bed.container_id, Kind::ContainerStop).is_empty());
    let stops = watch.events_of(&bed.container_id, Kind::ContainerStop);
    assert_agrees(number(&stops[0], "cpu_usage_usec").expect("CPU time"), used);
    assert!(number(&stops[0], "duration_usec").is_some_and(|usec| usec >= 150_000));
    assert_eq!(number(&stops[0], "oom_kills"), Some(0));
}
