//! The collector of processes on real processes in real cgroups, compared with what `/proc` says when read plainly.

#![allow(clippy::expect_used, clippy::print_stderr, clippy::print_stdout, unreachable_pub, reason = "a test program")]

mod bed;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bed::{Bed, can_make_cgroups};
use fgm_agent::budget::Shedding;
use fgm_agent::collect::processes::{Moment, NO_COSTLY_LEVEL, Options, Processes};
use fgm_agent::collect::roster::{Roster, Rostered};
use fgm_agent::health::Counters;
use fgm_agent::hierarchy::{Hierarchy, Mode};
use fgm_agent::model::{Identity, Keys, Role, SeriesKey, Tick};
use fgm_agent::subject::{Process, Subject};
use fgm_agent::table::Table;

#[test]
#[ignore = "a process in a container, started by the other tests"]
fn worker() {
    bed::work();
}

/// An interface's name, and the columns that have a value.
type NetworkRow = (Option<String>, Vec<(&'static str, i64)>);

/// A collector, the containers that it knows, and what it said in its last pass.
struct Desk {
    processes: Processes,
    roster: Arc<Roster>,
    keys: Keys,
    shedding: Arc<Shedding>,
    now: Duration,
    tick: Tick,
    births: Vec<(SeriesKey, Subject)>,
}

impl Desk {
    fn new() -> Self {
        let hierarchy = Hierarchy::detect(Path::new(bed::CGROUP_ROOT)).expect("a hierarchy");
        let options = Options {
            interval: Duration::from_secs(5),
            proc_root: "/proc".into(),
            cgroup_root: hierarchy.watched()[0].to_owned(),
            is_v1: hierarchy.mode != Mode::V2,
        };
        let (roster, keys, shedding) = (Arc::new(Roster::default()), Keys::default(), Arc::<Shedding>::default());
        let processes = Processes::new(
            options,
            (Arc::clone(&roster), keys.clone()),
            Arc::new(Counters::default()),
            shedding.clone(),
        )
        .expect("procfs");
        let now = Duration::from_secs(1000);
        Self { processes, roster, keys, shedding, now, tick: Tick::default(), births: Vec::new() }
    }

    fn add(&self, bed: &Bed) -> SeriesKey {
        let mut identity = Identity::unnamed(&bed.container_id, &bed.path, Role::Container);
        identity.pod_uid = Some(bed.pod_uid.clone()).filter(|uid| !uid.is_empty());
        let key = self.keys.next();
        self.roster.put(Rostered { key, identity: Arc::new(identity), path: bed.path.as_str().into() });
        key
    }

    fn pass(&mut self) {
        self.now += Duration::from_secs(5);
        self.tick = Tick::default();
        self.processes.pass(Moment { now: self.now, time: 1 }, &mut self.tick);
        self.births.extend(self.tick.births.iter().cloned());
    }

    fn process(&self, pid: u32) -> (SeriesKey, Arc<Process>) {
        let newest_first = self.births.iter().rev();
        let found = newest_first.filter_map(|(key, subject)| match subject {
            Subject::Process(process) => Some((*key, Arc::clone(process))),
            _ => None,
        });
        found.into_iter().find(|(_, process)| process.pid == pid).expect("a birth of the process")
    }

    fn value(&self, pid: u32, name: &str) -> Option<i64> {
        let (key, column) = (self.process(pid).0, Table::Processes.column(name).expect("a column"));
        let (row, values) = self.tick.iter().find(|(row, _)| row.key == key).expect("a row");
        row.present.contains(column).then(|| values[column])
    }

    fn network(&self, pod_uid: &str) -> Vec<NetworkRow> {
        let subject = |key| self.births.iter().rev().find(|(born, _)| *born == key).map(|(_, subject)| subject);
        let mut rows = Vec::new();
        for (row, values) in self.tick.iter().filter(|(row, _)| row.table == Table::Network) {
            if let Some(Subject::Interface(one)) = subject(row.key)
                && one.owner.pod_uid.as_deref() == Some(pod_uid)
            {
                let values = row.present.iter().map(|column| (Table::Network.column_name(column), values[column]));
                rows.push((one.interface.clone(), values.collect()));
            }
        }
        rows
    }
}

/// A process that does nothing, moved into a container.
struct Idle(Child);

impl Idle {
    fn start(bed: &Bed, command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("started");
        bed.join(child.id());
        // Not what it was forked from any more: an exec is seen as another command.
        let own = std::env::current_exe().expect("own path");
        let deadline = Instant::now() + Duration::from_secs(30);
        while std::fs::read_link(format!("/proc/{}/exe", child.id())).is_ok_and(|program| program == own) {
            assert!(Instant::now() < deadline, "it never ran its program");
            std::thread::yield_now();
        }
        Self(child)
    }

    fn sleep(bed: &Bed) -> Self {
        Self::start(bed, Command::new("sleep").arg("1000"))
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn plain(&self, file: &str) -> String {
        let text = std::fs::read(format!("/proc/{}/{file}", self.pid())).expect("readable");
        String::from_utf8_lossy(&text).into_owned()
    }

    /// A number behind a key of `status`, `io` or `smaps_rollup`.
    fn keyed(&self, file: &str, key: &str) -> i64 {
        let text = self.plain(file);
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).expect("a line");
        line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
    }

    fn until_called(&self, comm: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.plain("comm").trim_end() != comm {
            assert!(Instant::now() < deadline, "it is still called {}", self.plain("comm"));
            std::thread::yield_now();
        }
        // A sleeping process has done all that it does.
        while !self.plain("stat").contains(") S ") {
            assert!(Instant::now() < deadline, "it does not sleep: {}", self.plain("stat"));
            std::thread::yield_now();
        }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_sleeping_process_is_recorded_as_proc_shows_it() {
    if !can_make_cgroups("a_sleeping_process_is_recorded_as_proc_shows_it") {
        return;
    }
    let bed = Bed::new();
    let mut desk = Desk::new();
    let container = desk.add(&bed);
    let sleep = Idle::sleep(&bed);
    sleep.until_called("sleep");
    // The first pass begins the budget for PSS.
    desk.pass();
    // Processes of other tests come and go, and share pages with this one: a pass counts in which its share stays what it was.
    let pss = || sleep.keyed("smaps_rollup", "Pss");
    let mut share = 0;
    let is_steady = (0..100).any(|_| {
        share = pss();
        desk.pass();
        // One that was long in reading is not read in the next pass.
        share == pss() && desk.value(sleep.pid(), "pss_age_usec") == Some(0)
    });
    assert!(is_steady, "its share of memory changes all the time, or takes long to read");
    let (_, process) = desk.process(sleep.pid());
    assert_eq!((process.comm.as_str(), process.cmdline.as_deref()), ("sleep", Some("sleep 1000")));
    assert_eq!(process.owner.container_id.as_deref(), Some(bed.container_id.as_str()));
    assert_eq!(process.owner.pod_uid.as_deref(), Some(bed.pod_uid.as_str()));
    let stat = sleep.plain("stat");
    let fields: Vec<i64> = stat
        .rsplit(')')
        .next()
        .expect("fields")
        .split_whitespace()
        .skip(1)
        .filter_map(|word| word.parse().ok())
        .collect();
    // The first of these is field 4 of proc(5).
    let page = i64::try_from(rustix::param::page_size()).expect("a page");
    let kib = |file, key| Some(sleep.keyed(file, key) * 1024);
    for (column, plain) in [
        ("pid", Some(i64::from(sleep.pid()))),
        ("parent_pid", Some(i64::from(std::process::id()))),
        ("utime_usec", Some(fields[10] * 10_000)),
        ("minor_faults", Some(fields[6])),
        ("threads", Some(1)),
        ("virtual_bytes", Some(fields[19])),
        ("rss_bytes", Some(fields[20] * page)),
        ("rss_peak_bytes", kib("status", "VmHWM")),
        ("swap_bytes", kib("status", "VmSwap")),
        ("voluntary_context_switches", Some(sleep.keyed("status", "voluntary_ctxt_switches"))),
        ("io_read_calls", Some(sleep.keyed("io", "syscr"))),
        ("io_read_call_bytes", Some(sleep.keyed("io", "rchar"))),
        ("pss_bytes", Some(share * 1024)),
        ("pss_anon_bytes", kib("smaps_rollup", "Pss_Anon")),
        ("pss_age_usec", Some(0)),
    ] {
        assert_eq!(desk.value(sleep.pid(), column), plain, "{column}");
    }
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", sleep.pid())).expect("listed").count();
    assert_eq!(desk.value(sleep.pid(), "open_descriptors"), i64::try_from(descriptors).ok());
    let totals = desk.roster.take_totals()[&container];
    assert_eq!(
        (totals.processes, totals.threads, totals.open_descriptors),
        (1, Some(1), i64::try_from(descriptors).ok())
    );
}

#[test]
fn processes_are_told_apart_by_their_start_and_die_with_their_last_pass() {
    if !can_make_cgroups("processes_are_told_apart_by_their_start_and_die_with_their_last_pass") {
        return;
    }
    let bed = Bed::new();
    let mut desk = Desk::new();
    let container = desk.add(&bed);
    let (first, second) = (Idle::sleep(&bed), Idle::sleep(&bed));
    desk.pass();
    let (key, _) = desk.process(first.pid());
    assert_ne!(key, desk.process(second.pid()).0);
    assert_eq!(desk.roster.take_totals()[&container].processes, 2);
    drop(first);
    desk.pass();
    assert!(desk.tick.deaths.contains(&key));
    assert!(desk.tick.births.is_empty(), "a process that is known is not born again: {:?}", desk.tick.births);
    assert_eq!(desk.roster.take_totals()[&container].processes, 1);
}

#[test]
fn a_process_that_runs_another_program_is_named_again() {
    if !can_make_cgroups("a_process_that_runs_another_program_is_named_again") {
        return;
    }
    let bed = Bed::new();
    let mut desk = Desk::new();
    desk.add(&bed);
    let mut shell = Command::new("sh");
    let mut shell = shell.args(["-c", "read line; exec sleep 1000"]).stdin(Stdio::piped()).spawn().expect("started");
    bed.join(shell.id());
    desk.pass();
    let (key, before) = desk.process(shell.id());
    drop(shell.stdin.take());
    let shell = Idle(shell);
    shell.until_called("sleep");
    desk.pass();
    let (same_key, after) = desk.process(shell.pid());
    assert_eq!((same_key, after.start_ticks), (key, before.start_ticks));
    assert_ne!(before.comm, "sleep");
    assert_eq!((after.comm.as_str(), after.cmdline.as_deref()), ("sleep", Some("sleep 1000")));
}

#[test]
fn odd_names_and_a_command_line_of_a_megabyte_are_made_printable_and_cut() {
    if !can_make_cgroups("odd_names_and_a_command_line_of_a_megabyte_are_made_printable_and_cut") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let odd = directory.path().join(std::ffi::OsStr::from_bytes(b"a) R \"\n\xff"));
    let sleep =
        ["/bin/sleep", "/usr/bin/sleep"].map(PathBuf::from).into_iter().find(|path| path.exists()).expect("sleep");
    std::os::unix::fs::symlink(sleep, &odd).expect("linked");
    let bed = Bed::new();
    let mut desk = Desk::new();
    desk.add(&bed);
    // One argument may have 128 KiB; all together 1 MiB. Zeros are no time at all, so the sum is 1000 s.
    let zeros = "0".repeat(100_000);
    let idle = Idle::start(&bed, Command::new(&odd).arg("1000").args(std::iter::repeat_n(&zeros, 10)));
    // A program has its name before it has its arguments.
    let begun = Instant::now();
    while std::fs::read(format!("/proc/{}/cmdline", idle.pid())).expect("a command line").is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it has no arguments");
        std::thread::yield_now();
    }
    desk.pass();
    let (_, process) = desk.process(idle.pid());
    assert_eq!(process.comm, "a) R \"\\n\\xff");
    let cmdline = process.cmdline.clone().expect("a command line");
    assert!(cmdline.contains("a) R \"\\n\\xff 1000 000") && cmdline.ends_with("0..."), "{cmdline}");
    assert!(cmdline.len() < 1200, "{}", cmdline.len());
    assert_eq!(desk.value(idle.pid(), "threads"), Some(1));
}

#[test]
fn processes_of_cgroups_below_belong_to_the_nearest_recorded_one() {
    if !can_make_cgroups("processes_of_cgroups_below_belong_to_the_nearest_recorded_one") {
        return;
    }
    let outer = Bed::new();
    let (service, nested) = (outer.service_below(), outer.nested());
    let mut desk = Desk::new();
    let (of_outer, of_nested) = (desk.add(&outer), desk.add(&nested));
    let (in_service, in_nested) = (Idle::sleep(&service), Idle::sleep(&nested));
    desk.pass();
    let owner = |pid| desk.process(pid).1.owner.container_id.clone();
    assert_eq!(owner(in_service.pid()), Some(outer.container_id.clone()));
    assert_eq!(owner(in_nested.pid()), Some(nested.container_id.clone()));
    let totals = desk.roster.take_totals();
    assert_eq!((totals[&of_outer].processes, totals[&of_nested].processes), (1, 1));
    drop((in_service, in_nested));
    drop((service, nested));
}

#[test]
fn shedding_leaves_out_what_is_costly() {
    if !can_make_cgroups("shedding_leaves_out_what_is_costly") {
        return;
    }
    let bed = Bed::new();
    let mut desk = Desk::new();
    desk.add(&bed);
    let sleep = Idle::sleep(&bed);
    sleep.until_called("sleep");
    desk.shedding.set_level(NO_COSTLY_LEVEL);
    // The first pass begins the budget.
    for _ in 0..2 {
        desk.pass();
    }
    assert_eq!((desk.value(sleep.pid(), "pss_bytes"), desk.value(sleep.pid(), "open_descriptors")), (None, None));
    assert_eq!(desk.value(sleep.pid(), "threads"), Some(1));
    desk.shedding.set_level(0);
    desk.pass();
    assert!(desk.value(sleep.pid(), "pss_bytes") > Some(0));
}

#[test]
fn a_pod_has_the_network_of_its_namespace_once_and_one_on_the_hosts_is_marked() {
    let name = "a_pod_has_the_network_of_its_namespace_once_and_one_on_the_hosts_is_marked";
    if !can_make_cgroups(name) {
        return;
    }
    let (own, hosts) = (Bed::new(), Bed::new());
    let mut desk = Desk::new();
    desk.add(&own);
    desk.add(&hosts);
    // Datagrams to oneself: loopback has traffic, and the namespace has counters that the host's has not.
    let script = "ip link set lo up; for i in 1 2 3; do echo x > /dev/udp/127.0.0.1/9; done; exec sleep 1000";
    let in_own = Idle::start(&own, Command::new("unshare").args(["-n", "bash", "-c", script]));
    let beside = Idle::sleep(&own);
    let on_hosts = Idle::sleep(&hosts);
    in_own.until_called("sleep");
    let first_of_the_pod = std::fs::read_to_string(format!("/proc/{}/net/dev", in_own.pid())).expect("readable");
    drop(beside); // one pod has one network: this process was on the host's only because it is no real pod's
    desk.pass();
    let rows = desk.network(&own.pod_uid);
    let (interfaces, protocols): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(interface, _)| interface.is_some());
    assert_eq!(protocols.len(), 1);
    let datagrams = in_own.plain("net/snmp");
    let out: Vec<&str> =
        datagrams.lines().filter(|line| line.starts_with("Udp:")).nth(1).expect("numbers").split(' ').collect();
    let of = |name: &str| protocols[0].1.iter().find(|(column, _)| *column == name).map(|(_, value)| *value);
    assert_eq!(of("udp_out_datagrams"), out[4].parse().ok());
    assert!(of("tcp_retransmits").is_some() && of("tcp_listen_drops").is_some() && of("host_network").is_none());
    if let Some(lo) = first_of_the_pod.lines().find_map(|line| line.trim_start().strip_prefix("lo:")) {
        let received: i64 = lo.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number");
        let recorded = interfaces.iter().find(|(name, _)| name.as_deref() == Some("lo"));
        assert_eq!(
            recorded.map_or(0, |(_, values)| values.iter().find(|(name, _)| *name == "receive_bytes").expect("read").1),
            received
        );
    }
    assert_eq!(desk.network(&hosts.pod_uid), [(None, vec![("host_network", 1)])]);
    drop((in_own, on_hosts));
    desk.pass();
    assert!(desk.tick.rows.is_empty() && desk.tick.deaths.len() >= 4, "{:?}", desk.tick.deaths);
}

#[test]
fn processes_that_come_and_go_while_they_are_read_do_no_harm() {
    if !can_make_cgroups("processes_that_come_and_go_while_they_are_read_do_no_harm") {
        return;
    }
    let bed = Bed::new();
    let mut desk = Desk::new();
    desk.add(&bed);
    let forks = "read go; i=0; while [ $i -lt 500 ]; do /bin/true & i=$((i+1)); done; wait";
    let mut storm = Command::new("sh").args(["-c", forks]).stdin(Stdio::piped()).spawn().expect("started");
    bed.join(storm.id());
    // It is read once before it begins, and then while it forks.
    desk.pass();
    drop(storm.stdin.take());
    let mut passes = 1;
    while storm.try_wait().expect("asked").is_none() {
        desk.pass();
        passes += 1;
    }
    desk.pass();
    assert!(passes > 0 && desk.tick.rows.is_empty());
    let born = desk.births.iter().filter(|(_, subject)| matches!(subject, Subject::Process(_))).count();
    assert!(born > 0);
}

#[test]
fn on_cgroup_v2() {
    bed::run_on_cgroup_v2(&["--test-threads=2", "--skip", "on_cgroup_v2"]);
}
