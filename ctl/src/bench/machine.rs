//! What a measurement depends on: the machine, who else uses it, and the revision that is measured.

use std::process::Command;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::invocation::Invocation;
use crate::session::Session;

/// A machine, as far as it decides how fast something is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu_model: Option<String>,
    pub(crate) cpus: usize,
    pub(crate) kernel: String,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Revision {
    /// The commit; none before the first one.
    pub(crate) commit: Option<String>,
    /// Whether files differ from the commit, or are not in it.
    pub(crate) dirty: bool,
}

/// This machine.
pub(crate) fn look() -> Machine {
    let uname = rustix::system::uname();
    Machine {
        cpu_model: cpu_model(),
        cpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        kernel: format!("{} {}", uname.sysname().to_string_lossy(), uname.release().to_string_lossy()),
    }
}

/// CPU time until now, in the kernel's ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CpuTimes {
    /// Of all CPUs, idle or not.
    all: u64,
    /// What was used of it, by the host of a virtual machine too.
    used: u64,
    /// What this process has used, and its children that have ended.
    own: u64,
}

impl CpuTimes {
    /// Where Linux tells.
    pub(crate) fn now() -> Option<Self> {
        let read = |file: &str| std::fs::read_to_string(file).ok();
        Self::of(&read("/proc/stat")?, &read("/proc/self/stat")?)
    }

    fn of(stat: &str, own_stat: &str) -> Option<Self> {
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already.
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let times: Vec<u64> = line.split_whitespace().map_while(|word| word.parse().ok()).take(8).collect();
        let [user, nice, system, idle, iowait, rest @ ..] = &times[..] else { return None };
        let used = user + nice + system + rest.iter().sum::<u64>();
        // Behind the name, which may hold anything: state is the first; utime, stime, cutime and cstime are 12th to 15th.
        let words = own_stat.rsplit_once(") ")?.1.split_whitespace().skip(11).take(4);
        let own: Option<Vec<u64>> = words.map(|word| word.parse().ok()).collect();
        Some(Self { all: used + idle + iowait, used, own: own?.iter().sum() })
    }

    /// The share of all CPU time since then that others used, 0 to 1; none where no time has passed.
    pub(crate) fn others_since(self, then: Self) -> Option<f64> {
        let all = self.all.checked_sub(then.all).filter(|all| *all > 0)?;
        let others = self.used.saturating_sub(then.used).saturating_sub(self.own.saturating_sub(then.own));
        #[expect(clippy::cast_precision_loss, reason = "ticks of a boot are far below 2^53")]
        let share = others as f64 / all as f64;
        Some(share)
    }
}

/// The revision of the worktree.
pub(crate) async fn revision(session: &Session) -> Result<Revision> {
    let git = |words: &[&str]| Invocation::here("git").args(words).dir(&session.worktree.top);
    let head = session.runner.look(&git(&["rev-parse", "--verify", "--quiet", "HEAD"])).await?;
    let commit = Some(head.out.trim().to_owned()).filter(|text| head.status.success() && !text.is_empty());
    let changes = session.runner.read(&git(&["status", "--porcelain"])).await?;
    Ok(Revision { commit, dirty: !changes.trim().is_empty() })
}

fn cpu_model() -> Option<String> {
    if cfg!(target_os = "macos") {
        let said = Command::new("sysctl").args(["-n", "machdep.cpu.brand_string"]).output().ok()?;
        return Some(String::from_utf8_lossy(&said.stdout).trim().to_owned()).filter(|text| !text.is_empty());
    }
    std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| model_in(&text))
}

/// The model in `/proc/cpuinfo`: x86 names it, ARM gives numbers.
fn model_in(cpuinfo: &str) -> Option<String> {
    let value = |key: &str| {
        let mut pairs = cpuinfo.lines().filter_map(|line| line.split_once(':'));
        pairs.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
    };
    let of_arm = || Some(format!("ARM {} {}", value("CPU implementer")?, value("CPU part")?));
    value("model name").or_else(of_arm)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_model_is_what_the_kernel_names() {
        let x86 =
            "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n\nprocessor\t: 1\n";
        assert_eq!(model_in(x86).as_deref(), Some("AMD EPYC"));
        let arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd0c\n";
        assert_eq!(model_in(arm).as_deref(), Some("ARM 0x41 0xd0c"));
        assert_eq!(model_in("garbage"), None);
        assert!(look().cpus > 0);
    }

    #[test]
    fn what_others_used_is_what_is_left_of_all() {
        let own = |ticks: u64| format!("77 (a) b) R 1 77 77 0 -1 4194304 9 0 0 0 {ticks} 2 3 4 20 0 1 0 100 5 6");
        let then = CpuTimes::of("cpu  100 0 50 800 50 0 0 0 7 0\ncpu0 1 2 3\n", &own(1)).unwrap();
        assert_eq!(then, CpuTimes { all: 1_000, used: 150, own: 10 });
        let now = CpuTimes::of("cpu  180 10 60 840 60 10 20 20 7 0\n", &own(51)).unwrap();
        // 150 of 200 were used, 50 by this process.
        assert_eq!(now.others_since(then), Some(0.5));
        assert_eq!((now.others_since(now), then.others_since(now)), (None, None));
        for (stat, own_stat) in [("", own(1)), ("cpu 1 2 3", own(1)), ("cpu 1 2 3 4 5", "77 (a) R 1".to_owned())] {
            assert!(CpuTimes::of(stat, &own_stat).is_none_or(|times| times.own == 0), "{stat} {own_stat}");
        }
    }
}
