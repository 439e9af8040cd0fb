//! Ten thousand cgroups that come and go in a minute: none stays behind in the agent.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::bed::{CGROUP_ROOT, can_make_cgroups};
use crate::rig::{Line, eventually, open_directory};

const CGROUPS: usize = 10_000;
/// Alive at once.
const BATCH: usize = 100;

/// The trees in which runtimes make a container's directory, as far as births are looked for in them.
fn trees() -> Vec<PathBuf> {
    let root = Path::new(CGROUP_ROOT);
    if root.join("cgroup.controllers").exists() {
        return vec![root.to_owned()];
    }
    let trees = ["memory", "unified"].map(|name| root.join(name));
    trees.into_iter().filter(|tree| tree.join("cgroup.procs").exists()).collect()
}

/// The directories of a pod of its own, removed when dropped.
struct Pod(Vec<PathBuf>);

impl Pod {
    fn make() -> Self {
        let top = format!("fgmchurn{}-kubepods/besteffort/pod00000000-0000-4000-8000-00000000c4a1", std::process::id());
        let pod = Self(trees().into_iter().map(|tree| tree.join(&top)).collect());
        pod.0.iter().for_each(|directory| std::fs::create_dir_all(directory).expect("make a pod's cgroup"));
        pod
    }

    fn each(&self, number: usize, mut act: impl FnMut(&Path)) {
        self.0.iter().for_each(|pod| act(&pod.join(format!("{:064x}", number + 1))));
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        for pod in &self.0 {
            for directory in pod.ancestors().take(3) {
                let _ = std::fs::remove_dir(directory);
            }
        }
    }
}

#[test]
fn ten_thousand_cgroups_come_and_go_and_nothing_of_them_stays() {
    if !can_make_cgroups("churn") {
        return;
    }
    let data = open_directory();
    let agent = Line::recording(Path::new(CGROUP_ROOT), data.path()).args(["--scope", "containers"]).start().ready();
    let pod = Pod::make();
    let open_files = || agent.status()["own_use"]["open_fds"].as_u64().expect("a number");
    let watches = || {
        let of_inotify = |text: String| text.lines().filter(|line| line.starts_with("inotify")).count();
        let infos = std::fs::read_dir(format!("/proc/{}/fdinfo", agent.pid())).expect("its descriptors");
        infos.flatten().filter_map(|info| std::fs::read_to_string(info.path()).ok()).map(of_inotify).sum::<usize>()
    };
    let (before, watches_before) = (open_files(), watches());
    let containers_before = agent.counter("containers");
    let begun = Instant::now();
    for first in (0..CGROUPS).step_by(BATCH) {
        for number in first..first + BATCH {
            pod.each(number, |directory| std::fs::create_dir(directory).expect("make a cgroup"));
        }
        // Alive for long enough that many are found; how many is the machine's business.
        std::thread::sleep(Duration::from_millis(200));
        for number in first..first + BATCH {
            pod.each(number, |directory| std::fs::remove_dir(directory).expect("remove a cgroup"));
        }
    }
    // About half a minute; a machine that takes longer makes no more of them at once.
    let took = begun.elapsed();
    // Other tests may run containers of their own beside this one: their number is small.
    eventually("nothing left of them", || (agent.counter("containers") < containers_before + 60).then_some(()));
    eventually("their files closed", || (open_files() < before + 2000).then_some(()));
    // The kernel does not end the watch of a removed cgroup by itself.
    eventually("their watches ended", || (watches() < watches_before + 500).then_some(()));
    let status = agent.status();
    let counters = &status["counters"];
    eprintln!(
        "{CGROUPS} cgroups in {took:?}: births {}, deaths {} and {}, overflows {}, dropped ticks {}, RSS {}",
        counters["births_total"],
        counters["final_deaths_total"],
        counters["unfinal_deaths_total"],
        counters["inotify_overflows_total"],
        counters["dropped_ticks_total"],
        status["own_use"]["resident_bytes"],
    );
    assert!(counters["births_total"].as_u64().expect("a number") > 0);
    drop(pod);
    agent.stop();
}
