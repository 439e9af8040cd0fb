//! The sampler on real cgroups with real processes: CPU, memory, throttling, OOM kills, short lives, deaths.
//!
//! Runs on the hierarchy that this machine has; `on_cgroup_v2` runs the same program on a machine with pure cgroup v2.

#![allow(clippy::expect_used, clippy::print_stderr, clippy::print_stdout, unreachable_pub, reason = "a test program")]

#[path = "../bed/mod.rs"]
mod bed;
mod clock;
mod events;
mod pods_and_devices;
mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bed::{Bed, can_make_cgroups};
use fgm_agent::config::Scope;
use fgm_agent::metric::{UNLIMITED, column};
use fgm_agent::model::{Role, Row};
use watch::Watch;

/// The worker processes of these tests: see `bed`.
#[test]
#[ignore = "a process in a container, started by the other tests"]
fn worker() {
    bed::work();
}

fn assert_agrees(recorded_usec: i64, used_usec: i64) {
    let allowed = (used_usec / 100).max(10_000);
    // What it takes to end comes after the process has told.
    let ending = 30_000;
    assert!(
        (-allowed..=allowed + ending).contains(&(recorded_usec - used_usec)),
        "recorded {recorded_usec} us, the process used {used_usec} us"
    );
}

const SLOW: Duration = Duration::from_secs(60);
const QUICK: Duration = Duration::from_millis(100);

#[test]
fn a_container_that_lives_200_ms_between_two_ticks_is_recorded_with_its_totals() {
    if !can_make_cgroups("short lives") {
        return;
    }
    let mut watch = Watch::start(SLOW);
    let mut bed = Bed::new();
    let mut worker = bed.start("hold 30000000,burn 150");
    worker.expect_line("holding");
    worker.go_on();
    let used = worker.finish();
    watch.until("its last reading", |watch| watch.has_row(&bed.container_id));
    bed.remove_as_a_runtime();
    watch.until("its death", |watch| watch.died(&bed.container_id));

    let rows: Vec<_> = watch.rows_of(&bed.container_id).collect();
    let (last, _) = rows.last().expect("a row");
    assert!(last.is_final, "the last row is final");
    assert_eq!(rows.iter().filter(|(row, _)| row.is_final).count(), 1);
    assert_agrees(watch.last(&bed.container_id, "cpu_usage_usec").expect("cpu"), used);
    let peak = watch.last(&bed.container_id, "memory_peak_bytes").expect("peak");
    assert!(peak >= 30_000_000, "peak {peak}");
    assert_eq!(watch.last(&bed.container_id, "memory_events_oom_kill"), Some(0));
    let identity = &watch.identities[&watch.key(&bed.container_id).expect("known")];
    assert_eq!(identity.pod_uid.as_deref(), Some(bed.pod_uid.as_str()));
    assert_eq!(identity.qos_class.map(|class| class.as_str()), Some("burstable"));
    assert_eq!(identity.path, bed.path);
}

#[test]
fn cpu_time_agrees_with_what_the_process_used() {
    if !can_make_cgroups("cpu time") {
        return;
    }
    let mut watch = Watch::start(QUICK);
    let bed = Bed::new();
    let used = bed.start("burn 1200").finish();
    let enough = used - 10_000;
    watch.until("its CPU time", |watch| {
        let is_told = watch.last(&bed.container_id, "cpu_usage_usec").is_some_and(|usec| usec >= enough);
        is_told && watch.rows_of(&bed.container_id).count() >= 8
    });
    assert_agrees(watch.last(&bed.container_id, "cpu_usage_usec").expect("cpu"), used);
    let user = watch.last(&bed.container_id, "cpu_user_usec").expect("user");
    let system = watch.last(&bed.container_id, "cpu_system_usec").expect("system");
    // cgroup v1 tells both in ticks of 10 ms, each cut off.
    let resolution = 2 * 10_000;
    assert!((user + system - used).abs() <= (used / 100).max(10_000) + resolution, "{user} + {system}, used {used}");
    let counter = column("cpu_usage_usec").expect("a metric");
    let series: Vec<i64> = watch.rows_of(&bed.container_id).map(|(_, values)| values[counter]).collect();
    assert!(series.is_sorted(), "a counter only grows: {series:?}");
}

#[test]
fn throttling_is_counted_in_periods_and_in_time() {
    if !can_make_cgroups("throttling") {
        return;
    }
    let mut watch = Watch::start(QUICK);
    let bed = Bed::new();
    bed.limit_cpu(20_000, 100_000);
    let worker = bed.start("burn 300");
    watch.until("ten throttled periods", |watch| {
        watch.last(&bed.container_id, "cpu_nr_throttled").is_some_and(|periods| periods >= 10)
    });
    worker.finish();
    // On v1 a limit that is written after the first reading is seen with the next regular one.
    watch.until("its limit", |watch| watch.last(&bed.container_id, "cpu_quota_usec") == Some(20_000));
    let last = |metric| watch.last(&bed.container_id, metric).expect(metric);
    assert!(last("cpu_nr_periods") >= last("cpu_nr_throttled"));
    let throttled = last("cpu_throttled_usec");
    assert!(
        (100_000..3_000_000).contains(&throttled),
        "10 periods x at most 80 ms, less where CPUs are scarce: {throttled} us"
    );
    assert_eq!((last("cpu_quota_usec"), last("cpu_period_usec")), (20_000, 100_000));
}

#[test]
fn memory_in_use_is_seen_while_it_is_held_and_its_peak_afterwards() {
    if !can_make_cgroups("memory") {
        return;
    }
    let mut watch = Watch::start(QUICK);
    let bed = Bed::new();
    let mut worker = bed.start("hold 64000000");
    worker.expect_line("holding");
    watch.until("64 MB", |watch| {
        let anon = watch.last(&bed.container_id, "memory_stat_anon_bytes");
        anon.is_some_and(|bytes| (64_000_000..80_000_000).contains(&bytes))
    });
    let current = watch.last(&bed.container_id, "memory_current_bytes").expect("current");
    assert!(current >= 64_000_000, "current {current}");
    assert_eq!(watch.last(&bed.container_id, "memory_max_bytes"), Some(UNLIMITED));
    assert_eq!(watch.last(&bed.container_id, "pids_current").map(|tasks| tasks >= 1), Some(true));
    worker.go_on();
    worker.finish();
    watch.until("release", |watch| {
        watch.last(&bed.container_id, "memory_current_bytes").is_some_and(|b| b < 32_000_000)
    });
    assert!(watch.last(&bed.container_id, "memory_peak_bytes").expect("peak") >= 64_000_000);
}

#[test]
fn an_oom_kill_is_in_the_final_row() {
    if !can_make_cgroups("OOM kills") {
        return;
    }
    let mut watch = Watch::start(SLOW);
    let mut bed = Bed::new();
    bed.limit_memory(32 << 20);
    let mut worker = bed.start("hold 128000000");
    assert!(!worker.child.wait().expect("reap").success(), "killed by the kernel");
    watch.until("a row", |watch| watch.has_row(&bed.container_id));
    bed.remove_as_a_runtime();
    watch.until("its death", |watch| watch.died(&bed.container_id));
    let (last, _) = watch.rows_of(&bed.container_id).last().expect("a row");
    assert!(last.is_final);
    assert_eq!(watch.last(&bed.container_id, "memory_events_oom_kill"), Some(1));
    assert_eq!(watch.last(&bed.container_id, "memory_max_bytes"), Some(32 << 20));
}

#[test]
fn a_container_that_gets_a_process_again_has_not_died() {
    if !can_make_cgroups("second lives") {
        return;
    }
    let mut watch = Watch::start(QUICK);
    let mut bed = Bed::new();
    bed.start("burn 50").finish();
    let after_first = |watch: &Watch| watch.rows_of(&bed.container_id).count() >= 5;
    watch.until("rows of an empty container", after_first);
    let used = bed.start("burn 300").finish();
    watch.until("the second process", |watch| {
        watch.last(&bed.container_id, "cpu_usage_usec").is_some_and(|usec| usec >= used - 10_000)
    });
    assert!(
        watch.rows_of(&bed.container_id).all(|(row, _)| !row.is_final),
        "nothing is final before the directory goes"
    );
    bed.remove_as_a_runtime();
    watch.until("its death", |watch| watch.died(&bed.container_id));
    let rows: Vec<&Row> = watch.rows_of(&bed.container_id).map(|(row, _)| row).collect();
    assert!(rows.iter().map(|row| row.time).is_sorted_by(|a, b| a < b), "no row is written twice or out of order");
    assert_eq!(rows.iter().filter(|row| row.is_final).count(), 1);
    assert!(rows.last().expect("a row").is_final);
}

#[test]
fn a_changed_limit_is_in_the_next_row() {
    if !can_make_cgroups("changed limits") {
        return;
    }
    let mut watch = Watch::start(QUICK);
    let bed = Bed::new();
    watch.until("a first row", |watch| watch.has_row(&bed.container_id));
    bed.limit_memory(100 << 20);
    let written = fgm_agent::clock::wall();
    watch.until("the new limit", |watch| watch.last(&bed.container_id, "memory_max_bytes") == Some(100 << 20));
    let after = watch.rows_of(&bed.container_id).filter(|(row, _)| row.time > written).count();
    assert!(after <= 5, "sooner than the next regular reading: {after} rows after it was written");
}

#[test]
fn a_nested_container_names_the_one_around_it() {
    if !can_make_cgroups("nesting") {
        return;
    }
    let outer = Bed::new();
    let mut watch = Watch::start(QUICK);
    let inner = outer.nested();
    watch.until("the inner container", |watch| watch.has_row(&inner.container_id));
    let identity = &watch.identities[&watch.key(&inner.container_id).expect("known")];
    assert_eq!(identity.parent_id.as_deref(), Some(outer.container_id.as_str()));
    drop(inner);
}

fn v1_roots() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(bed::CGROUP_ROOT).expect("list").flatten();
    entries.map(|entry| entry.path()).filter(|path| path.join("cgroup.procs").exists()).collect()
}

#[test]
fn on_pure_v1_the_end_of_the_first_process_tells_of_the_end() {
    if !can_make_cgroups("pure v1") || Path::new(bed::CGROUP_ROOT).join("cgroup.controllers").exists() {
        return;
    }
    let root = tempfile::tempdir().expect("a directory");
    for mount in v1_roots().iter().filter(|path| !path.ends_with("unified")) {
        std::os::unix::fs::symlink(mount, root.path().join(mount.file_name().expect("a name"))).expect("link");
    }
    let mut watch = Watch::start_with(SLOW, Scope::Containers, root.path());
    let mut bed = Bed::new();
    let used = bed.start("burn 200").finish();
    watch.until("a row", |watch| watch.has_row(&bed.container_id));
    bed.remove_as_a_runtime();
    watch.until("its death", |watch| watch.died(&bed.container_id));
    let (last, _) = watch.rows_of(&bed.container_id).last().expect("a row");
    assert!(last.is_final);
    assert_agrees(watch.last(&bed.container_id, "cpu_usage_usec").expect("cpu"), used);
    let support = watch.support[&watch.key(&bed.container_id).expect("known")];
    assert!(support.unsupported.contains(column("cpu_pressure_some_usec").expect("a metric")), "no PSI on pure v1");
}

#[test]
fn under_scope_all_a_cgroup_is_recorded_from_its_first_process_on() {
    if !can_make_cgroups("scope all") {
        return;
    }
    let mut watch = Watch::start_with(QUICK, Scope::All, Path::new(bed::CGROUP_ROOT));
    let empty = Bed::service();
    let service = Bed::service();
    let mut worker = service.start("wait");
    watch.until("its rows", |watch| watch.rows_of(&service.path).count() >= 3);
    let identity = &watch.identities[&watch.key(&service.path).expect("known")];
    assert_eq!((identity.role, identity.path.as_str()), (Role::Cgroup, service.path.as_str()));
    worker.go_on();
    worker.finish();
    assert_eq!(watch.key(&empty.path), None, "a cgroup without processes is not recorded");
    assert!(
        watch.identities.values().all(|identity| identity.path != "/"),
        "the root is the machine, not a cgroup of it"
    );
}

#[test]
fn where_only_containers_are_asked_for_a_service_is_not_recorded() {
    if !can_make_cgroups("scope containers") {
        return;
    }
    let container = Bed::new(); // else the machine may have none, and everything is recorded
    let mut watch = Watch::start(QUICK);
    let service = Bed::service();
    let mut worker = service.start("wait");
    let known = watch.rows_of(&container.container_id).count();
    watch.until("more rows of the container", |watch| watch.rows_of(&container.container_id).count() >= known + 5);
    assert_eq!(watch.key(&service.path), None);
    worker.go_on();
    worker.finish();
}

#[test]
fn a_container_whose_directory_is_made_again_at_once_is_recorded_again() {
    if !can_make_cgroups("remade directories") {
        return;
    }
    let mut watch = Watch::start(QUICK);
    let mut bed = Bed::new();
    bed.start("burn 60").finish();
    watch.until("rows", |watch| watch.rows_of(&bed.container_id).count() >= 3);
    for _ in 0..20 {
        bed.remove();
        bed.make();
    }
    let mut worker = bed.start("burn 120,wait");
    let key = |watch: &Watch| watch.identities.iter().filter(|(_, i)| i.path == bed.path).map(|(key, _)| *key).max();
    let usage = column("cpu_usage_usec").expect("a metric");
    watch.until("the new one's CPU time", |watch| {
        let newest = watch.rows.iter().rfind(|(row, _)| Some(row.key) == key(watch));
        newest.is_some_and(|(row, values)| row.present.contains(usage) && values[usage] >= 100_000)
    });
    worker.go_on();
    worker.finish();
}

#[test]
fn a_container_removed_from_one_hierarchy_after_the_other_keeps_its_totals() {
    let mut bed = match can_make_cgroups("removal in parts").then(Bed::new) {
        Some(bed) if bed.is_hybrid() => bed,
        _ => return,
    };
    let mut watch = Watch::start(Duration::from_millis(20));
    let used = bed.start("burn 100").finish();
    watch.until("rows", |watch| watch.rows_of(&bed.container_id).count() >= 3);
    std::thread::sleep(bed::CLEANING_UP);
    bed.remove_controllers();
    std::thread::sleep(Duration::from_millis(100)); // five passes see the cgroup half removed
    bed.remove_unified();
    watch.until("its death", |watch| watch.died(&bed.container_id));
    let (last, values) = watch.rows_of(&bed.container_id).last().expect("a row").clone();
    assert!(last.is_final, "the reading from before the removal is final");
    let usage = column("cpu_usage_usec").expect("a metric");
    assert!(last.present.contains(usage) && last.present.contains(column("memory_peak_bytes").expect("a metric")));
    assert_agrees(values[usage], used);
    bed.make(); // for the bed to remove
}

#[test]
fn the_unified_directory_of_a_hybrid_machine_may_come_last() {
    let mut bed = match can_make_cgroups("late unified directories").then(Bed::new) {
        Some(bed) if bed.is_hybrid() => bed,
        _ => return,
    };
    bed.remove();
    let mut watch = Watch::start(QUICK);
    bed.make_controllers();
    watch.until("a row", |watch| watch.has_row(&bed.container_id));
    bed.make_unified();
    let events = bed.unified().expect("hybrid").join("cgroup.events");
    let is_open = || {
        let links = std::fs::read_dir("/proc/self/fd").expect("list").flatten();
        links.filter_map(|link| std::fs::read_link(link.path()).ok()).any(|target| target == events)
    };
    watch.until("the sampler to hold the unified directory's events", |_| is_open());
}

#[test]
fn a_cgroup_recorded_late_becomes_the_parent_of_those_below_it() {
    // Only v1 lets a cgroup have processes beside children with controllers.
    if !can_make_cgroups("late parents") || Path::new(bed::CGROUP_ROOT).join("cgroup.controllers").exists() {
        return;
    }
    let mut watch = Watch::start_with(QUICK, Scope::All, Path::new(bed::CGROUP_ROOT));
    let outer = Bed::service();
    let middle = outer.service_below();
    let inner = middle.service_below();
    let mut workers = vec![outer.start("wait"), inner.start("wait")];
    let parent = |watch: &Watch, path: &str| watch.key(path).and_then(|key| watch.identities[&key].parent_id.clone());
    watch.until("the inner one", |watch| parent(watch, &inner.path).as_deref() == Some(&outer.path));
    workers.push(middle.start("wait"));
    watch.until("its new parent", |watch| parent(watch, &inner.path).as_deref() == Some(&middle.path));
    for mut worker in workers {
        worker.go_on();
        worker.finish();
    }
    drop((inner, middle));
}

#[test]
fn a_controller_that_is_switched_off_and_on_again_is_said_and_recorded_again() {
    let control = |bed: &Bed| {
        let pod = Path::new(bed::CGROUP_ROOT).join(bed.path.trim_start_matches('/'));
        pod.parent().expect("a pod").join("cgroup.subtree_control")
    };
    if !can_make_cgroups("switched controllers") || !Path::new(bed::CGROUP_ROOT).join("cgroup.controllers").exists() {
        return; // v1 has no such switch
    }
    let mut watch = Watch::start(QUICK);
    let bed = Bed::new();
    let mut worker = bed.start("wait");
    let pids = column("pids_current").expect("a metric");
    watch.until("a task", |watch| watch.last(&bed.container_id, "pids_current").is_some_and(|tasks| tasks >= 1));
    std::fs::write(control(&bed), "-pids").expect("switch off");
    let unsupported = |watch: &Watch| {
        let key = watch.key(&bed.container_id).expect("known");
        watch.support.get(&key).is_some_and(|support| support.unsupported.contains(pids))
    };
    watch.until("what is unsupported", unsupported);
    std::fs::write(control(&bed), "+pids").expect("switch on");
    watch.until("the column again", |watch| {
        !unsupported(watch)
            && watch.rows_of(&bed.container_id).last().is_some_and(|(row, _)| row.present.contains(pids))
    });
    worker.go_on();
    worker.finish();
}

/// The same tests on a machine with pure cgroup v2 (User-Mode Linux, see the contributing notes).
#[test]
fn on_cgroup_v2() {
    bed::run_on_cgroup_v2(&["--test-threads=1"]);
}
