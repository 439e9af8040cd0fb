//! Pods as a whole, and the block devices of containers.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use fgm_agent::model::SeriesKey;
use fgm_agent::table::Table;

use crate::assert_agrees;
use crate::bed::{self, Bed, can_make_cgroups};
use crate::watch::Watch;

const QUICK: Duration = Duration::from_millis(100);

#[test]
fn a_pods_cgroup_keeps_the_totals_of_containers_that_are_gone() {
    if !can_make_cgroups("a pod's totals") {
        return;
    }
    let mut watch = Watch::start(QUICK);
    let mut bed = Bed::new();
    let mut worker = bed.start("burn 200,wait");
    watch.until("the container's pod", |watch| watch.has_row(&bed.pod_uid));
    worker.go_on();
    let used = worker.finish();
    bed.remove_as_a_runtime();
    watch.until("the container's death", |watch| watch.died(&bed.container_id));
    let before = watch.rows_of(&bed.pod_uid).count();
    watch.until("readings after it", |watch| watch.rows_of(&bed.pod_uid).count() > before + 1);
    assert!(watch.rows_of(&bed.pod_uid).all(|(row, _)| row.table == Table::Pods));
    assert!(watch.rows_of(&bed.container_id).all(|(row, _)| row.table == Table::Containers));
    assert_agrees(watch.last(&bed.pod_uid, "cpu_usage_usec").expect("cpu"), used);
    let container = &watch.identities[&watch.key(&bed.container_id).expect("known")];
    assert_eq!(container.parent_id, None, "a pod is not the container around a container");
}

#[test]
fn a_changed_limit_of_a_pod_is_an_event_of_the_pod_with_the_time_of_now() {
    if !can_make_cgroups("limits of pods") {
        return;
    }
    let mut watch = Watch::start(QUICK);
    let bed = Bed::new();
    watch.until("the pod", |watch| watch.has_row(&bed.pod_uid));
    let root = Path::new(bed::CGROUP_ROOT);
    let pod = Path::new(&bed.path).parent().expect("a pod").strip_prefix("/").expect("absolute").to_owned();
    let v1 = root.join("memory").join(&pod).join("memory.limit_in_bytes");
    let limit = if v1.exists() { v1 } else { root.join(&pod).join("memory.max") };
    std::fs::write(limit, "536870912").expect("set a limit");
    let of_pod = |watch: &Watch| {
        let mine = |event: &fgm_agent::subject::Event| {
            event.owner.pod_uid.as_ref() == Some(&bed.pod_uid) && event.owner.container_id.is_none()
        };
        watch.events.iter().find(|(event, ..)| event.kind == "limit_change" && mine(event)).map(|(_, row, _)| row.time)
    };
    watch.until("its event", |watch| of_pod(watch).is_some());
    let time = of_pod(&watch).expect("found above");
    assert!((fgm_agent::clock::wall() - time).abs() < 60_000_000, "{time}");
}

/// On cgroup v1, recent kernels charge no IO on a disk before somebody has set a throttle on it: a very high one.
fn have_io_charged(bed: &Bed, directory: &Path) {
    let throttle = Path::new(bed::CGROUP_ROOT).join("blkio").join(bed.path.trim_start_matches('/'));
    let throttle = throttle.join("blkio.throttle.write_bps_device");
    let device = std::fs::metadata(directory).expect("a directory").dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    if throttle.exists() {
        // A file system on several devices has a number that is none of theirs.
        let _ = std::fs::write(throttle, format!("{major}:{minor} 1099511627776"));
    }
}

#[test]
fn a_device_that_a_container_wrote_to_has_its_own_row() {
    if !can_make_cgroups("io devices") {
        return;
    }
    let mut watch = Watch::start(QUICK);
    let bed = Bed::new();
    // On a real disk, where the tests' own program is; written past the page cache, so that the writer is charged at once.
    let program = std::env::current_exe().expect("own path");
    let directory = program.parent().expect("a directory").to_owned();
    let Ok(file) = tempfile::NamedTempFile::new_in(&directory) else {
        assert!(!bed::in_ci(), "no file can be made beside the test's program");
        eprintln!("skipped: io devices: no file can be made beside the test's program");
        return;
    };
    have_io_charged(&bed, &directory);
    let script = format!("read go; dd if=/dev/zero of={} bs=65536 count=16 oflag=direct,sync", file.path().display());
    let mut writer = std::process::Command::new("sh")
        .args(["-c", &script])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("started");
    bed.join(writer.id());
    drop(writer.stdin.take());
    let has_written = writer.wait().expect("ended").success();
    watch.until("a reading", |watch| watch.has_row(&bed.container_id));
    let ended = fgm_agent::clock::wall();
    watch.until("readings after it", |watch| {
        watch.rows_of(&bed.container_id).filter(|(row, _)| row.time > ended).count() > 12
    });
    let sum = watch.last(&bed.container_id, "io_write_bytes").unwrap_or(0);
    if !has_written || sum == 0 {
        assert!(!bed::in_ci() || !has_written, "no IO is charged here");
        eprintln!("skipped: io devices: this file system does no direct IO that is charged");
        return;
    }
    let column = Table::IoDevices.column("write_bytes").expect("a column");
    let of_devices = watch.rows.iter().filter(|(row, _)| row.table == Table::IoDevices);
    let newest: HashMap<SeriesKey, i64> = of_devices.map(|(row, values)| (row.key, values[column])).collect();
    let mine = watch.devices.iter().filter(|(_, device)| device.owner.container_id.as_ref() == Some(&bed.container_id));
    let written: i64 = mine.clone().filter_map(|(key, _)| newest.get(key)).sum();
    assert_eq!(written, sum, "devices add up to the container's own number");
    assert!(mine.clone().any(|(_, device)| device.device.is_some()), "a disk has a name");
}
