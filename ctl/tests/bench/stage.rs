//! Where the tests play: a git repository, a home, and the stand-in for cargo on the PATH.

use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

/// How long something may take that is to happen at once.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Stage {
    directory: tempfile::TempDir,
}

/// What `fgmctl` printed, and its exit code.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The pipe that holds the stand-in while it measures.
pub(crate) struct Gate {
    pipe: PathBuf,
}

impl Gate {
    /// Comes back once the stand-in measures; what is given holds it until it is dropped.
    pub(crate) fn measures(&self) -> File {
        OpenOptions::new().write(true).open(&self.pipe).unwrap()
    }

    /// Lets the next one pass.
    pub(crate) fn remove(&self) {
        std::fs::remove_file(&self.pipe).unwrap();
    }
}

impl Stage {
    pub(crate) fn set() -> Self {
        // As git tells the top-level directory: without links.
        let stage = Self { directory: tempfile::Builder::new().prefix("fgmctl-bench-").tempdir().unwrap() };
        for directory in ["tree/k8s/base", "home", "bin", "stand-in"] {
            std::fs::create_dir_all(stage.path(directory)).unwrap();
        }
        std::fs::write(stage.path("tree/k8s/base/kustomization.yaml"), "resources: []\n").unwrap();
        std::fs::write(stage.path("tree/.gitignore"), ".fgm/\ntestdata/\n").unwrap();
        let program = stage.path("bin/cargo");
        std::fs::write(&program, include_str!("cargo.sh")).unwrap();
        std::fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        for words in [&["init", "-q"][..], &["add", "."], &["commit", "-q", "-m", "All"]] {
            let names = ["-c", "user.name=Test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"];
            let status = stage.dressed("git").args(names).args(words).status().unwrap();
            assert!(status.success(), "git {words:?}");
        }
        stage.will_measure(&[]);
        stage.will_exit_with(0);
        stage
    }

    fn path(&self, below: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(below)
    }

    /// The worktree.
    pub(crate) fn top(&self) -> PathBuf {
        self.path("tree")
    }

    /// Where a benchmark's state is.
    pub(crate) fn directory(&self, guid: &str) -> PathBuf {
        self.top().join(".fgm/bench").join(guid)
    }

    fn dressed(&self, program: &str) -> Command {
        let path = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths([self.path("bin")].into_iter().chain(std::env::split_paths(&path))).unwrap();
        let mut command = Command::new(program);
        command.current_dir(self.top()).env("PATH", path).env("STAND_IN", self.path("stand-in")).stdin(Stdio::null());
        command.env("HOME", self.path("home")).env("XDG_STATE_HOME", self.path("home/state"));
        command
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.dressed(env!("CARGO_BIN_EXE_fgmctl"));
        command.args(words);
        command
    }

    pub(crate) fn call(&self, words: &[&str]) -> Said {
        let output = self.command(words).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Said { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let said = self.call(&[words, &["--output", "json"]].concat());
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{words:?}: {error}: {}{}", said.out, said.err))
    }

    /// Begins a benchmark and gives its guid.
    pub(crate) fn start(&self, words: &[&str]) -> String {
        let begun = self.json(&[&["bench"], words].concat());
        begun["guid"].as_str().unwrap().to_owned()
    }

    /// Benchmarks with the mean and its standard error that will be measured, in nanoseconds.
    pub(crate) fn will_measure(&self, benchmarks: &[(&str, f64, f64)]) {
        let directory = self.path("stand-in/criterion");
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        for (id, mean, error) in benchmarks {
            let new = directory.join(id).join("new");
            std::fs::create_dir_all(&new).unwrap();
            let put = |name: &str, text: &str, change: &dyn Fn(&mut Value)| {
                let mut value: Value = serde_json::from_str(text).unwrap();
                change(&mut value);
                std::fs::write(new.join(name), value.to_string()).unwrap();
            };
            put("benchmark.json", include_str!("criterion/benchmark.json"), &|names| names["full_id"] = (*id).into());
            put("sample.json", include_str!("criterion/sample.json"), &|_| {});
            put("estimates.json", include_str!("criterion/estimates.json"), &|estimates| {
                estimates["mean"]["point_estimate"] = (*mean).into();
                estimates["mean"]["standard_error"] = (*error).into();
            });
        }
    }

    /// Makes a benchmark one of a machine at rest: the one that tests run on may not be.
    pub(crate) fn was_at_rest(&self, guid: &str) {
        let file = self.directory(guid).join("metadata.json");
        let mut metadata: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        metadata["others_cpu_share"] = 0.01.into();
        std::fs::write(file, metadata.to_string()).unwrap();
    }

    pub(crate) fn will_exit_with(&self, code: u8) {
        std::fs::write(self.path("stand-in/exit"), code.to_string()).unwrap();
    }

    /// From now on the stand-in waits while it measures.
    pub(crate) fn hold(&self) -> Gate {
        let pipe = self.path("stand-in/hold");
        let status = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(status.success());
        Gate { pipe }
    }

    /// What cargo was called with.
    pub(crate) fn cargo_calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("stand-in/calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The process of a benchmark, which leads a group.
    pub(crate) fn pid(&self, guid: &str) -> Pid {
        pid_in(&self.directory(guid)).unwrap()
    }

    /// Whether nobody holds the lock of a benchmark's processes.
    pub(crate) fn is_free(&self, guid: &str) -> bool {
        let lock = self.directory(guid).join("bench.lock");
        File::open(lock).is_ok_and(|file| file.try_lock().is_ok())
    }

    /// Looks again until something is so.
    pub(crate) fn until(&self, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < PATIENCE, "it does not happen");
            std::thread::yield_now();
        }
    }
}

impl Drop for Stage {
    /// Leaves no process behind, also where a test fails.
    fn drop(&mut self) {
        for entry in std::fs::read_dir(self.top().join(".fgm/bench")).into_iter().flatten().flatten() {
            let held = File::open(entry.path().join("bench.lock")).is_ok_and(|file| file.try_lock().is_err());
            if let Some(pid) = pid_in(&entry.path()).filter(|_| held) {
                let _ = kill_process_group(pid, Signal::KILL);
            }
        }
    }
}

fn pid_in(directory: &Path) -> Option<Pid> {
    let bytes = std::fs::read(directory.join("bench.json")).ok()?;
    let running: Value = serde_json::from_slice(&bytes).ok()?;
    Pid::from_raw(i32::try_from(running["pid"].as_i64()?).ok()?)
}
