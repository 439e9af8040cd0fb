//! What this process cannot see on this machine, why, and what would help: the sentences of `/api/status`.
//!
//! Decides from what was found out; finds nothing out itself (`sight/look.rs` does). Privileges come in steps, so only
//! the first step that lacks is named: whoever sees no processes need not hear that it may not look into them. The
//! surprise: `CAP_SYS_PTRACE` alone does not open `/proc/PID/io` of another user's process, because that file is its
//! owner's to open, and a root without capabilities is an ordinary owner.

pub mod look;

use schemars::JsonSchema;
use serde::Serialize;

/// Something that is recorded elsewhere and not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Missing {
    /// What is not recorded, or not as it should be.
    pub what: String,
    /// Why not.
    pub why: String,
    /// What would help.
    pub remedy: String,
}

/// What was found out about this process's sight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Whether `cgroup.procs` shows processes of other containers; none before one was looked at.
    pub sees_foreign_pids: Option<bool>,
    /// What it may do to processes of others.
    pub reach: Reach,
    /// Whether the kernel tells of every birth of a cgroup.
    pub hears_births: bool,
    /// Whether the node's own network interfaces are seen; none where they are not looked for.
    pub sees_host_network: Option<bool>,
    /// Whether the kernel's log can be read.
    pub reads_kernel_log: bool,
    /// Where names come from.
    pub names: Names,
}

/// What this process may do to processes of others, as found at start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Whether it is process 1 of its pid namespace, and so sees no other container's processes.
    pub is_first: bool,
    /// Whether it may look into processes that have more rights than itself (`CAP_SYS_PTRACE`).
    pub looks_inside: bool,
    /// Whether it may read files that are another user's alone (`CAP_DAC_READ_SEARCH`).
    pub reads_for_others: bool,
}

/// Where the names of pods come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// Not found out yet, or not asked for.
    #[default]
    Unknown,
    /// They come.
    Known,
    /// They do not.
    Off {
        /// Why not, in words.
        why: String,
        /// What would help.
        remedy: String,
    },
}

impl Sight {
    /// What is missing, the most basic first.
    #[must_use]
    pub fn missing(&self) -> Vec<Missing> {
        [self.processes(), self.network(), self.births(), self.victims(), self.names()].into_iter().flatten().collect()
    }

    fn processes(&self) -> Option<Missing> {
        // Where no container was looked at yet, being process 1 tells the same.
        if !self.sees_foreign_pids.unwrap_or(!self.reach.is_first) {
            return Some(missing(
                "processes of other containers: their own rows, their network, which containers are sandboxes, and on \
                 cgroup v1 ends as they happen",
                "this process is in a pid namespace of its own, where cgroup.procs shows no foreign process ids",
                "in a pod, hostPID (the process profile); by hand, run it outside of a container",
            ));
        }
        if !self.reach.looks_inside {
            return Some(missing(
                "PSS (smaps_rollup) and I/O bytes (io) of processes that have more rights than the agent",
                "the kernel shows those only to a process with CAP_SYS_PTRACE",
                "in a pod, the capability SYS_PTRACE (the process profile); by hand, run it as root with every capability",
            ));
        }
        (!self.reach.reads_for_others).then(|| {
            missing(
                "I/O bytes (io) of processes of other users",
                "/proc/PID/io is readable for its owner alone, and this process has no CAP_DAC_READ_SEARCH",
                "in a pod, add the capability DAC_READ_SEARCH if these numbers are worth it; by hand, run it as root with every capability",
            )
        })
    }

    fn births(&self) -> Option<Missing> {
        (!self.hears_births).then(|| {
            missing(
                "births of cgroups as they happen; they are found by rescans instead",
                "inotify has no instance or watch left for this user",
                "raise fs.inotify.max_user_instances and fs.inotify.max_user_watches",
            )
        })
    }

    fn network(&self) -> Option<Missing> {
        (self.sees_host_network == Some(false)).then(|| {
            missing(
                "network interfaces of the node",
                "this process sees no process on the host's network",
                "in a pod, hostPID (the process profile)",
            )
        })
    }

    fn victims(&self) -> Option<Missing> {
        (!self.reads_kernel_log).then(|| {
            missing(
                "names and pids of processes killed for memory; the kills themselves are recorded",
                "the kernel's log, /dev/kmsg, cannot be read here",
                "by hand, run it as root with every capability; a pod would need the device and the capability SYSLOG",
            )
        })
    }

    fn names(&self) -> Option<Missing> {
        match &self.names {
            Names::Off { why, remedy } => Some(missing("names of pods, namespaces and workloads", why, remedy)),
            Names::Unknown | Names::Known => None,
        }
    }
}

fn missing(what: &str, why: &str, remedy: &str) -> Missing {
    Missing { what: what.to_owned(), why: why.to_owned(), remedy: remedy.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything() -> Sight {
        Sight {
            sees_foreign_pids: Some(true),
            reach: Reach { is_first: false, looks_inside: true, reads_for_others: true },
            hears_births: true,
            sees_host_network: Some(true),
            reads_kernel_log: true,
            names: Names::Known,
        }
    }

    fn whats(sight: &Sight) -> Vec<String> {
        let first = |missing: Missing| missing.what.split([':', ';', '(']).next().unwrap_or("").trim().to_owned();
        sight.missing().into_iter().map(first).collect()
    }

    #[test]
    fn root_on_the_machine_lacks_nothing() {
        assert_eq!(everything().missing(), []);
    }

    #[test]
    fn each_profile_names_the_first_step_that_lacks() {
        let reach = Reach { is_first: true, looks_inside: false, reads_for_others: false };
        for sees_foreign_pids in [Some(false), None] {
            let core = Sight { sees_foreign_pids, reach, ..everything() };
            assert_eq!(whats(&core), ["processes of other containers"]);
        }
        let reach = Reach { is_first: false, looks_inside: false, reads_for_others: false };
        let without_ptrace = Sight { reach, ..everything() };
        assert_eq!(whats(&without_ptrace), ["PSS"]);
        let process = Sight { reach: Reach { looks_inside: true, ..reach }, ..everything() };
        assert_eq!(whats(&process), ["I/O bytes"]);
    }

    #[test]
    fn names_and_births_are_missed_beside_whatever_else_is() {
        let names = Names::Off { why: "there is no API server".into(), remedy: "none".into() };
        let sight = Sight { names, hears_births: false, ..everything() };
        assert_eq!(whats(&sight), ["births of cgroups as they happen", "names of pods, namespaces and workloads"]);
        assert_eq!(sight.missing()[1].why, "there is no API server");
        let sight = Sight { sees_host_network: Some(false), reads_kernel_log: false, ..everything() };
        assert_eq!(whats(&sight), ["network interfaces of the node", "names and pids of processes killed for memory"]);
    }
}
