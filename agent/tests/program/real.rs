//! The whole program on real cgroups, on this machine's hierarchy and on pure cgroup v2.

use std::path::Path;

use crate::bed::{Bed, CGROUP_ROOT, can_make_cgroups};
use crate::rig::{Line, eventually, open_directory, recording};

#[test]
fn a_real_container_is_in_the_files_after_sigterm() {
    if !can_make_cgroups("the program on real cgroups") {
        return;
    }
    let data = open_directory();
    let bed = Bed::new();
    bed.limit_memory(256 << 20);
    let mut worker = bed.start("burn 300,hold 30000000");
    let agent = Line::recording(Path::new(CGROUP_ROOT), data.path()).args(["--interval", "100ms"]).start().ready();
    worker.expect_line("holding");
    let sample = |metric: &str| {
        let name = format!("name=\"{}\"", bed.container_id);
        let body = agent.get("/metrics").body;
        let line = body.lines().find(|line| line.starts_with(&format!("{metric}{{")) && line.contains(&name));
        line.and_then(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
    };
    eventually("30 MB in /metrics", || sample("container_memory_rss").filter(|&bytes| bytes > 3e7));
    worker.go_on();
    let used = worker.finish();
    let enough = (used - used / 100 - 10_000) as f64 / 1e6;
    eventually("its CPU time", || sample("container_cpu_usage_seconds_total").filter(|&seconds| seconds >= enough));
    let known = agent.get("/api/containers").json()["containers"].clone();
    agent.stop();
    let ids: Vec<&str> = known.as_array().expect("a list").iter().filter_map(|known| known["id"].as_str()).collect();
    assert!(ids.contains(&bed.container_id.as_str()), "{ids:?}");

    let always = ["cpu_usage_usec", "memory_current_bytes", "memory_peak_bytes", "memory_max_bytes", "pids_current"];
    let on_v2 = Path::new(CGROUP_ROOT).join("cgroup.controllers").exists();
    let more =
        ["cpu_pressure_some_usec", "memory_pressure_full_usec", "io_pressure_some_usec", "memory_events_oom_kill"];
    let columns = if on_v2 { [&always[..], &more].concat() } else { always.to_vec() };
    let files = recording::files(data.path(), &columns);
    recording::assert_whole(&files);
    let mut rows = recording::by_container(files.into_iter().flat_map(|file| file.rows));
    let rows = rows.remove(&bed.container_id).expect("its rows");
    let last = rows.last().expect("a row");
    assert!(last.values.iter().all(Option::is_some), "{columns:?}: {last:?}");
    let recorded = last.values[0].expect("cpu");
    assert!((recorded - used).abs() <= (used / 100).max(10_000), "recorded {recorded} us, used {used} us");
    assert!(last.values[2].expect("peak") >= 30_000_000);
    assert_eq!(last.values[3], Some(256 << 20));
}

#[test]
fn an_oom_kill_is_an_event_at_once_and_after_a_restart() {
    if !can_make_cgroups("events of the program") {
        return;
    }
    let data = open_directory();
    let bed = Bed::new();
    bed.limit_memory(32 << 20);
    let agent = Line::recording(Path::new(CGROUP_ROOT), data.path()).args(["--interval", "100ms"]).start().ready();
    let kills = |agent: &crate::rig::Agent| {
        let answer = agent.get(&format!("/api/events?kind=oom_kill&container_id={}&from=-1h", bed.container_id));
        answer.json()["events"].as_array().expect("events").clone()
    };
    assert!(kills(&agent).is_empty());
    let mut worker = bed.start("hold 128000000");
    let pid = worker.child.id();
    worker.child.wait().expect("reap");
    let told = eventually("the event", || kills(&agent).into_iter().next());
    assert_eq!((&told["kind"], &told["count"]), (&"oom_kill".into(), &1.into()), "{told}");
    if std::fs::File::open("/dev/kmsg").is_ok() {
        assert_eq!(told["pid"], pid, "{told}");
    }
    agent.stop();

    let agent = Line::recording(Path::new(CGROUP_ROOT), data.path()).start().ready();
    eventually("the files of before", || (agent.status()["store"]["scanning"] == false).then_some(()));
    assert_eq!(kills(&agent), [told], "from the sealed file, and not told again");
    let kinds = agent.get("/api/events?kind=agent_start,agent_stop").json();
    let kinds: Vec<&str> =
        kinds["events"].as_array().expect("events").iter().filter_map(|event| event["kind"].as_str()).collect();
    assert_eq!(kinds, ["agent_start", "agent_stop", "agent_start"], "newest first");
    agent.stop();
}

/// The test above on a machine with pure cgroup v2 (User-Mode Linux, see the contributing notes).
#[test]
fn on_cgroup_v2() {
    crate::bed::run_on_cgroup_v2(&["--exact", "real::a_real_container_is_in_the_files_after_sigterm"]);
}
