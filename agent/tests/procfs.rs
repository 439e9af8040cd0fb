//! The /proc parsers against captured files of real kernels and against this machine, with the procfs crate's parsers and
//! plain reading as second opinions.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "the whole file is a test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fgm_agent::procfs::process::{Io, Rollup, Stat, Status, run_queue_wait_usec};
use fgm_agent::procfs::{Shape, diskstats, netdev, parse, shape};
use fgm_agent::table::node;
use procfs_core::{FromRead, process};

const USER_HZ: u64 = 100;

/// Every file of one name below the captured /proc directories, and this machine's own.
fn captured(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures");
    if !shared.is_dir() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "no captured files in {}", shared.display());
        eprintln!("skipped: no captured files in {}", shared.display());
    }
    let (mut found, mut pending) = (Vec::new(), vec![shared]);
    while let Some(directory) = pending.pop() {
        let here = directory.join(name);
        if directory.ends_with("proc") && here.is_file() {
            found.push((here.clone(), fs::read(here).unwrap()));
        }
        pending.extend(
            fs::read_dir(&directory)
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.is_dir()),
        );
    }
    found
}

fn of_machines(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = captured(name);
    all.retain(|(path, _)| path.to_string_lossy().contains("/host-"));
    if let Ok(own) = fs::read(Path::new("/proc").join(name)) {
        all.push((Path::new("/proc").join(name), own));
    }
    all
}

fn of_processes(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = captured(name);
    all.retain(|(path, _)| !path.to_string_lossy().contains("/host-"));
    if let Ok(own) = fs::read(Path::new("/proc/self").join(name)) {
        all.push((Path::new("/proc/self").join(name), own));
    }
    all
}

fn values(shape: Shape, text: &[u8]) -> BTreeMap<String, i64> {
    let mut values = BTreeMap::new();
    parse(shape, text, USER_HZ, |key, value| {
        assert!(values.insert(String::from_utf8(key.to_vec()).unwrap(), value).is_none(), "{key:?} twice");
    })
    .unwrap();
    values
}

fn kernel_of(path: &Path) -> &'static str {
    let path = path.to_string_lossy();
    ["debian-6.12", "uml-7.3"].into_iter().find(|kernel| path.contains(kernel)).unwrap_or("this machine")
}

#[test]
fn captured_machines_have_every_column_that_their_kernels_were_built_with() {
    let mut seen = 0;
    for field in node::FIELDS {
        let (file, key) = field.place().unwrap();
        for (path, text) in of_machines(file.strip_prefix("/proc/").unwrap()) {
            let there = values(shape(file).unwrap(), &text).contains_key(key);
            seen += usize::from(there);
            // User-Mode Linux is built without NUMA, compaction, huge pages and compressed swap; other kernels may be, too.
            let optional =
                ["numa_", "thp_", "compaction_", "zswap", "memory_anon_huge", "memory_hugetlb", "huge_pages"];
            let is_optional = optional.iter().any(|start| field.name.starts_with(start));
            let is_captured = kernel_of(&path) == "debian-6.12" && !field.name.starts_with("zswap");
            assert!(there || (is_optional && !is_captured), "{}: no {key} in {}", field.name, path.display());
        }
    }
    assert!(seen >= node::FIELDS.len() - 8, "{seen}");
}

#[test]
fn the_machines_cpu_time_and_memory_agree_with_another_parser() {
    for (path, text) in of_machines("stat") {
        let ours = values(Shape::Stat, &text);
        let line = std::str::from_utf8(&text).unwrap().lines().next().unwrap().to_owned();
        let ticks: Vec<i64> = line.split_whitespace().skip(1).map(|word| word.parse().unwrap()).collect();
        for (state, ticks) in ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"].iter().zip(ticks)
        {
            assert_eq!(ours[&format!("cpu {state}")], ticks * 10_000, "{}", path.display());
        }
        assert!(ours["cpus"] > 0 && ours["ctxt"] > 0 && ours["intr"] > 0 && ours["processes"] > 0);
    }
    for (path, text) in of_machines("meminfo") {
        let ours = values(Shape::Meminfo, &text);
        let theirs = procfs_core::Meminfo::from_read(text.as_slice()).unwrap();
        let theirs = [theirs.mem_total, theirs.mem_free, theirs.mem_available.unwrap(), theirs.s_reclaimable.unwrap()];
        let ours = ["MemTotal", "MemFree", "MemAvailable", "SReclaimable"].map(|key| ours[key].unsigned_abs());
        assert_eq!(ours, theirs, "{}", path.display());
    }
    for (path, text) in of_machines("loadavg") {
        let ours = values(Shape::Loadavg, &text);
        let theirs = procfs_core::LoadAverage::from_read(text.as_slice()).unwrap();
        let near = |ours: i64, theirs: f32| (ours - (theirs * 1000.0).round() as i64).abs() <= 1;
        assert!(near(ours["1"], theirs.one) && near(ours["5"], theirs.five) && near(ours["15"], theirs.fifteen));
        assert_eq!(ours["tasks"], i64::from(theirs.max), "{}", path.display());
    }
}

#[test]
fn disks_agree_with_another_parser_and_partitions_are_not_among_them() {
    let mut seen = 0;
    for (path, text) in of_machines("diskstats") {
        let theirs = procfs_core::DiskStats::from_read(text.as_slice()).unwrap().0;
        diskstats::parse(&text, |disk, values| {
            let name = std::str::from_utf8(disk.name).unwrap();
            let other = theirs.iter().find(|other| other.name == name).unwrap();
            assert_eq!(
                (i64::from(disk.number.0), i64::from(disk.number.1)),
                (i64::from(other.major), i64::from(other.minor))
            );
            assert_eq!(values[0].unsigned_abs(), other.reads);
            assert_eq!(values[2].unsigned_abs(), other.sectors_read * 512);
            assert_eq!(values[6].unsigned_abs(), other.sectors_written * 512);
            assert_eq!(values[7].unsigned_abs(), other.time_writing * 1000);
            assert_eq!(values[8].unsigned_abs(), other.in_progress);
            assert!(!name.starts_with("loop") && !name.starts_with("ram"), "{name}");
            seen += 1;
        });
        let partitions = ["vda1", "sda1", "ubda1"];
        diskstats::parse(&text, |disk, _| {
            assert!(!partitions.iter().any(|part| part.as_bytes() == disk.name), "{}", path.display())
        });
    }
    assert!(seen > 0);
}

#[test]
fn interfaces_agree_with_another_parser() {
    for (path, text) in of_machines("net/dev").into_iter().chain(of_processes("net/dev")) {
        let theirs = procfs_core::net::InterfaceDeviceStatus::from_read(text.as_slice()).unwrap().0;
        let mut names = 0;
        netdev::parse(&text, |name, ours| {
            let other = &theirs[std::str::from_utf8(name).unwrap()];
            let ours = [
                ours.receive_bytes,
                ours.receive_packets,
                ours.transmit_bytes,
                ours.transmit_packets,
                ours.transmit_errors,
            ];
            let theirs = [other.recv_bytes, other.recv_packets, other.sent_bytes, other.sent_packets, other.sent_errs];
            assert_eq!(ours.map(i64::unsigned_abs), theirs, "{}", path.display());
            names += 1;
        });
        assert_eq!(names, theirs.len(), "{}", path.display());
    }
}

#[test]
fn processes_agree_with_another_parser() {
    let mut seen = 0;
    for (path, text) in of_processes("stat") {
        let (ours, theirs) = (Stat::parse(&text, USER_HZ).unwrap(), process::Stat::from_read(text.as_slice()).unwrap());
        assert_eq!(ours.comm, theirs.comm.as_bytes(), "{}", path.display());
        let theirs =
            [theirs.utime * 10_000, theirs.stime * 10_000, theirs.minflt, theirs.majflt, theirs.vsize, theirs.rss];
        let numbers = [
            ours.utime_usec,
            ours.stime_usec,
            ours.minor_faults,
            ours.major_faults,
            ours.virtual_bytes,
            ours.rss_pages,
        ];
        assert_eq!(numbers.map(i64::unsigned_abs), theirs, "{}", path.display());
        seen += 1;
    }
    for (path, text) in of_processes("status") {
        let (ours, theirs) = (Status::parse(&text).unwrap(), process::Status::from_read(text.as_slice()).unwrap());
        let ours = [ours.rss_peak_bytes, ours.rss_anon_bytes, ours.swap_bytes, ours.voluntary_switches];
        let kib = |kib: Option<u64>| kib.map(|kib| kib * 1024);
        let theirs = [kib(theirs.vmhwm), kib(theirs.rssanon), kib(theirs.vmswap), theirs.voluntary_ctxt_switches];
        assert_eq!(ours.map(|ours| ours.map(i64::unsigned_abs)), theirs, "{}", path.display());
    }
    for (path, text) in of_processes("io") {
        let (ours, theirs) = (Io::parse(&text).unwrap(), process::Io::from_read(text.as_slice()).unwrap());
        let ours = [ours.read_call_bytes, ours.write_calls, ours.read_bytes, ours.cancelled_write_bytes];
        let theirs = [theirs.rchar, theirs.syscw, theirs.read_bytes, theirs.cancelled_write_bytes];
        assert_eq!(ours.map(|ours| ours.unwrap().unsigned_abs()), theirs, "{}", path.display());
    }
    for (path, text) in of_processes("schedstat") {
        let theirs = process::Schedstat::from_read(text.as_slice()).unwrap().run_delay / 1000;
        assert_eq!(run_queue_wait_usec(&text).unwrap().unsigned_abs(), theirs, "{}", path.display());
    }
    for (path, text) in of_processes("smaps_rollup").into_iter().filter(|(_, text)| !text.is_empty()) {
        let ours = Rollup::parse(&text).unwrap_or_else(|_| panic!("{}", path.display()));
        let parts = [ours.pss_anon_bytes, ours.pss_file_bytes, ours.pss_shmem_bytes].map(Option::unwrap);
        // Each is rounded down to a whole kilobyte.
        assert!((ours.pss_bytes.unwrap() - parts.iter().sum::<i64>()).abs() <= 3 * 1024, "{ours:?}");
    }
    assert!(seen > 0);
}
