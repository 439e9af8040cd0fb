//! What the process finds around itself: variables, rights, limits, a kernel that has nothing left to give.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::fs::inotify;

use crate::rig::fake_cgroups::FakeCgroups;
use crate::rig::{Agent, Line, NOBODY, eventually, is_root, open_directory, own_program_for_everybody, recording};

#[test]
fn every_flag_is_read_from_its_variable() {
    let (cgroups, data) = (FakeCgroups::with(1), open_directory());
    let agent = Line::bare()
        .env("FGM_DATA", data.path())
        .env("FGM_WORKTREE", "elsewhere")
        .env("FGM_NODE_NAME", "from-variable")
        .env("FGM_INTERVAL", "250ms")
        .env("FGM_SCOPE", "all")
        .env("FGM_CGROUP_ROOT", cgroups.path())
        .env("FGM_PROC_ROOT", "/proc/self/root/proc")
        .env("FGM_ROTATE", "2m")
        .env("FGM_TAIL_BYTES", "8MiB")
        .env("FGM_SPILL_INTERVAL", "700ms")
        .env("FGM_LISTEN", "127.0.0.1:0")
        .env("FGM_PROCESS_INTERVAL", "2s")
        .env("FGM_METRICS_LISTEN", "127.0.0.1:0")
        .env("FGM_CPU_BUDGET", "7")
        .start()
        .ready();
    let config = agent.status()["agent"]["config"].clone();
    let path = |name: &str| config[name].as_str().map(std::path::PathBuf::from).unwrap();
    assert_eq!(config["data"]["explicit"].as_str().map(std::path::Path::new), Some(data.path()));
    assert_eq!((config["node"].as_str(), config["scope"].as_str()), (Some("from-variable"), Some("all")));
    assert_eq!((path("cgroup_root"), path("proc_root")), (cgroups.path().to_owned(), "/proc/self/root/proc".into()));
    let numbers = ["interval_seconds", "rotate_seconds", "tail_bytes", "spill_interval_seconds", "cpu_budget_percent"];
    let numbers = numbers.map(|name| config[name].as_f64().unwrap());
    assert_eq!(numbers, [0.25, 120.0, 8_388_608.0, 0.7, 7.0]);
    agent.listener("metrics alone");
    agent.stop();
    assert!(!recording::files(data.path(), &[]).is_empty());
}

#[test]
fn where_the_default_directory_cannot_be_written_it_says_so_and_takes_the_state_directory() {
    let (cgroups, state) = (FakeCgroups::with(1), open_directory());
    let line = Line::bare().args(["--listen", "127.0.0.1:0", "--worktree", "fgm-e2e-never-made", "--cgroup-root"]);
    let line = line.args([cgroups.path()]).args(["--interval", "60s"]).env("XDG_STATE_HOME", state.path());
    if !is_root("the state directory") {
        return;
    }
    std::fs::set_permissions(state.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let agent = line.run_by_nobody().start().ready();
    agent.says("cannot write /var/lib/fine-grained-monitor/fgm-e2e-never-made");
    let data = state.path().join("fine-grained-monitor/fgm-e2e-never-made");
    agent.says(&format!("recording to {}", data.display()));
    agent.stop();
    assert_eq!(recording::rows(&data, &[]).len(), 1);
}

#[test]
fn what_an_ordinary_user_may_not_read_is_null_named_and_counted() {
    if !is_root("an ordinary user") {
        return;
    }
    let (cgroups, data) = (FakeCgroups::with(2), open_directory());
    std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    for file in ["memory.stat", "cpu.pressure"] {
        let forbidden = std::fs::Permissions::from_mode(0o000);
        std::fs::set_permissions(cgroups.container(1).join(file), forbidden).unwrap();
    }
    let agent =
        Line::recording(cgroups.path(), data.path()).args(["--interval", "50ms"]).run_by_nobody().start().ready();
    agent.until_counter("rows_sampled_total", 20);
    let status = agent.status();
    assert!(status["counters"]["read_errors_total"]["denied"].as_u64().unwrap() >= 2);
    let named: Vec<_> = status["agent"]["unreadable"].as_array().unwrap().iter().map(|e| e["what"].clone()).collect();
    assert_eq!(named, ["cpu.pressure", "memory.stat"]);
    let missing = status["agent"]["missing"][0].clone();
    assert!(missing["what"].as_str().unwrap().starts_with("PSS (smaps_rollup)"), "{missing}");
    assert!(missing["remedy"].as_str().unwrap().contains("SYS_PTRACE"), "{missing}");
    let metrics = agent.get("/metrics").body;
    let denied = metrics.lines().find_map(|line| line.strip_prefix("fgm_read_errors_total{class=\"denied\"} "));
    assert!(denied.unwrap().parse::<u64>().unwrap() >= 2, "{denied:?}");
    agent.stop();

    let columns = ["memory_stat_anon_bytes", "cpu_pressure_some_usec", "cpu_usage_usec"];
    let files = recording::files(data.path(), &columns);
    let rows = recording::by_container(files.iter().flat_map(|file| file.rows.clone()));
    assert!(rows[&FakeCgroups::id(1)].iter().all(|row| matches!(row.values[..], [None, None, Some(_)])));
    assert!(rows[&FakeCgroups::id(0)].iter().any(|row| matches!(row.values[..], [Some(_), Some(_), Some(_)])));
    let unreadable = |number| {
        recording::column_set(&files[0], recording::entry(&files[0], &FakeCgroups::id(number)).unreadable).to_vec()
    };
    assert_eq!(unreadable(0), Vec::<String>::new());
    for column in &columns[..2] {
        assert!(unreadable(1).iter().any(|name| name == column), "{column}");
    }
    assert!(!unreadable(1).iter().any(|name| name == "cpu_usage_usec"));
}

#[test]
fn with_fewer_open_files_than_it_wants_it_opens_for_each_read_and_counts_it() {
    // More containers than descriptors that may be kept beside the reserve, then more than there are at all.
    for containers in [100, 400] {
        let (cgroups, data) = (FakeCgroups::with(containers), open_directory());
        let line = Line::recording(cgroups.path(), data.path()).args(["--interval", "1s"]);
        let agent = line.open_files(300).start().ready();
        agent.until_counter("rows_sampled_total", 2 * containers as u64);
        let status = agent.status();
        assert_eq!(status["agent"]["limits"]["open_files"], 300);
        assert_eq!(status["counters"]["containers"], containers);
        assert_eq!(status["counters"]["read_errors_total"]["io"], 0, "nothing fails for want of a descriptor");
        assert!(status["counters"]["unkept_opens_total"].as_u64().unwrap() > containers as u64);
        assert!(status["own_use"]["open_fds"].as_u64().unwrap() < 250, "some are left for connections and segments");
        agent.stop();
        let rows = recording::rows(data.path(), &["cpu_usage_usec", "memory_current_bytes", "pids_current"]);
        assert!(rows.len() >= 2 * containers);
        assert!(rows.iter().all(|row| row.values.iter().all(Option::is_some)), "every file was read");
    }
}

#[test]
fn without_an_inotify_instance_births_are_found_by_rescans_and_status_says_so() {
    if !is_root("without inotify") {
        return;
    }
    let (cgroups, data) = (FakeCgroups::with(1), open_directory());
    std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let hog = InotifyHog::start();
    let line = Line::recording(cgroups.path(), data.path()).args(["--interval", "100ms"]);
    let agent = line.run_by_nobody().start().ready();
    agent.says("no inotify instance to be had");
    drop(hog);
    let named = |agent: &Agent| agent.status()["agent"]["missing"].to_string();
    eventually("its words", || named(&agent).contains("births of cgroups as they happen").then_some(()));
    cgroups.add(1);
    agent.until_counter("births_total", 2);
    cgroups.end(1, || ());
    eventually("its end", || (agent.counter("containers") == 1).then_some(()));
    assert!(agent.counter("rescans_total") >= 2);
    agent.stop();
    assert!(recording::rows(data.path(), &[]).iter().any(|row| row.id == FakeCgroups::id(1)));
}

/// A process of the agent's user that holds every inotify instance that this user may have.
struct InotifyHog {
    child: Child,
    _program: tempfile::TempDir,
}

impl InotifyHog {
    fn start() -> Self {
        let (directory, program) = own_program_for_everybody();
        let mut child = Command::new(program)
            .args(["--exact", "inotify_hog", "--ignored", "--nocapture", "--test-threads=1"])
            .current_dir("/")
            .uid(NOBODY)
            .gid(NOBODY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start the hog");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let full = lines.any(|line| line.expect("read").contains("@full"));
        assert!(full, "the hog could not take every inotify instance");
        Self { child, _program: directory }
    }
}

impl Drop for InotifyHog {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The body of the hog: takes instances until there is none, then waits to be ended.
pub(crate) fn take_every_inotify_instance() {
    let mut held = Vec::new();
    loop {
        match inotify::init(inotify::CreateFlags::CLOEXEC) {
            Ok(instance) => held.push(instance),
            Err(error) => {
                assert_eq!(error, rustix::io::Errno::MFILE);
                break;
            }
        }
    }
    println!("@full");
    std::io::stdout().flush().expect("flush");
    let _ = std::io::stdin().lines().next();
}
