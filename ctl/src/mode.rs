//! Where the cluster's docker is: on this machine, or inside a Lima VM. Deciding is apart from looking.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;

/// The Lima VM of vm mode.
pub(crate) const VM: &str = "gadget-k8s-host";

/// How the cluster's docker is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Inside the Lima VM, by `limactl shell`.
    Vm,
    /// On this machine.
    Direct,
}

impl Mode {
    /// The words before a command that is to run where the cluster's docker is.
    pub(crate) fn way_in(self) -> Vec<OsString> {
        match self {
            // Without a directory, limactl would look in the VM for the one that the caller is in.
            Self::Vm => ["limactl", "shell", "--workdir", "/", VM].map(OsString::from).to_vec(),
            Self::Direct => Vec::new(),
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Vm => "vm",
            Self::Direct => "direct",
        }
    }
}

/// What decides about the mode.
pub(crate) struct Surroundings {
    pub(crate) is_macos: bool,
    pub(crate) has_usable_kvm: bool,
    pub(crate) has_limactl: bool,
}

impl Surroundings {
    /// What this machine has.
    pub(crate) fn look() -> Self {
        let kvm = std::fs::OpenOptions::new().read(true).write(true).open("/dev/kvm");
        Self {
            is_macos: cfg!(target_os = "macos"),
            has_usable_kvm: kvm.is_ok(),
            has_limactl: on_path("limactl").is_some(),
        }
    }

    /// The mode, and why, for who asks.
    pub(crate) fn decide(&self) -> (Mode, &'static str) {
        match self {
            Self { is_macos: true, .. } => (Mode::Vm, "macOS has no containers of its own"),
            Self { has_usable_kvm: true, has_limactl: true, .. } => (Mode::Vm, "KVM can be used and limactl is here"),
            Self { has_limactl: false, .. } => (Mode::Direct, "limactl is not here"),
            Self { .. } => (Mode::Direct, "KVM cannot be used"),
        }
    }
}

/// Where a program is on the PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let is_program = |path: &Path| rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file();
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| is_program(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vm_is_for_macos_and_for_kvm_with_limactl() {
        let decide =
            |is_macos, has_usable_kvm, has_limactl| Surroundings { is_macos, has_usable_kvm, has_limactl }.decide().0;
        assert_eq!(decide(true, false, false), Mode::Vm);
        assert_eq!(decide(false, true, true), Mode::Vm);
        assert_eq!(decide(false, true, false), Mode::Direct);
        assert_eq!(decide(false, false, true), Mode::Direct);
        assert_eq!(decide(false, false, false), Mode::Direct);
    }
}
