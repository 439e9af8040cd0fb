//! What this process may do to processes of others, by its capabilities.
//!
//! Not by trying: the one process that is always there, process 1, tells nothing of containers. A security module that
//! confines containers keeps it closed while it leaves their processes open to each other, and so does a user namespace.

use rustix::thread::CapabilitySet;

use crate::sight::Reach;

/// What this process may do to processes of others.
#[must_use]
pub fn reach() -> Reach {
    let has = |any: CapabilitySet| rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.intersects(any));
    Reach {
        is_first: std::process::id() == 1,
        looks_inside: has(CapabilitySet::SYS_PTRACE),
        reads_for_others: has(CapabilitySet::DAC_READ_SEARCH | CapabilitySet::DAC_OVERRIDE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_those_that_the_kernel_tells() {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
        let effective = u64::from_str_radix(effective.trim(), 16).unwrap();
        let found =
            Reach { is_first: false, looks_inside: effective >> 19 & 1 == 1, reads_for_others: effective & 6 != 0 };
        assert_eq!(reach(), found);
    }
}
