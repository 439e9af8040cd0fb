//! A machine of its own for a test: a home, git worktrees, and stand-ins for docker, kind, kubectl and limactl on the PATH.
//!
//! The stand-ins write down how they were called and say what the test wants. They are here because what is tested is what
//! `fgmctl` does when they fail, hang, or are asked at the same moment; the real ones are in `tests/kind`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub(crate) struct World {
    directory: TempDir,
}

impl World {
    /// A machine without any cluster, on which everything works.
    pub(crate) fn new() -> Self {
        let world = Self { directory: tempfile::tempdir().unwrap() };
        for part in ["bin", "home", "src"] {
            std::fs::create_dir(world.path(part)).unwrap();
        }
        world.program("docker", "case \"$1\" in ps) cat \"$WORLD/nodes\" 2>/dev/null || true ;; esac");
        world.program(
            "kind",
            "case \"$2\" in clusters) cat \"$WORLD/clusters\" 2>/dev/null || true ;; kubeconfig) exit 1 ;; esac",
        );
        world.program("kubectl", "");
        world.program(
            "limactl",
            "case \"$1\" in shell) shift 4; exec \"$@\" ;; list) cat \"$WORLD/machines\" 2>/dev/null || true ;; esac",
        );
        world
    }

    pub(crate) fn path(&self, part: &str) -> PathBuf {
        self.directory.path().join(part)
    }

    /// A stand-in: it writes down its call, then does this.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        // Put in place at once: a program that is being written cannot be run.
        let text = format!("#!/bin/sh\necho \"{name} $*\" >> \"$WORLD/calls\"\n{script}\n");
        let beside = self.path("bin").join(format!(".{name}"));
        std::fs::write(&beside, text).unwrap();
        std::fs::set_permissions(&beside, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::rename(beside, path).unwrap();
    }

    pub(crate) fn write(&self, part: &str, text: &str) {
        std::fs::write(self.path(part), text).unwrap();
    }

    /// How the stand-ins were called, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// A checkout in a directory below `src`, which may be several names deep.
    pub(crate) fn worktree(&self, name: &str) -> PathBuf {
        let top = self.path("src").join(name);
        std::fs::create_dir_all(top.join("k8s/base")).unwrap();
        std::fs::write(top.join("k8s/base/kustomization.yaml"), "").unwrap();
        std::fs::write(top.join(".gitignore"), ".fgm/\n").unwrap();
        let git = |words: &[&str]| {
            let done = Command::new("git").args(words).current_dir(&top).output().unwrap();
            assert!(done.status.success(), "{done:?}");
        };
        git(&["init", "--quiet"]);
        git(&["add", "."]);
        let date = [("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z"), ("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")];
        let who = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.invalid", "-c", "commit.gpgsign=false"];
        let mut commit = Command::new("git");
        commit.args(who).args(["commit", "--quiet", "--message", "Begin"]).envs(date).current_dir(&top);
        assert!(commit.status().unwrap().success());
        top
    }

    /// `fgmctl` in a directory, not started yet. The mode is direct, whatever the machine of the test has.
    pub(crate) fn fgmctl(&self, directory: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fgmctl"));
        let path = std::env::var("PATH").unwrap();
        command.args(words).current_dir(directory).stdin(Stdio::null());
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        command.env("HOME", self.path("home")).env("WORLD", self.directory.path()).env("FGM_MODE", "direct");
        for name in ["XDG_STATE_HOME", "KUBECONFIG", "FGM_NODE_IMAGE", "CARGO_TARGET_DIR"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, directory: &Path, words: &[&str]) -> Output {
        self.fgmctl(directory, words).output().unwrap()
    }

    /// A text with this world's own paths made the same for every run.
    pub(crate) fn plain(&self, text: &[u8]) -> String {
        let text = String::from_utf8_lossy(text).into_owned();
        let program = env!("CARGO_BIN_EXE_fgmctl");
        text.replace(&*self.directory.path().to_string_lossy(), "/world").replace(program, "fgmctl")
    }
}

/// Standard error and the exit code, for sentences.
pub(crate) fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}
