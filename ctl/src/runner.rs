//! Runs other programs: looks always, acts only outside of a dry run, and ends what it began when the user interrupts.
//!
//! Each program has a process group of its own, so that Ctrl-C reaches it through us and its children go with it.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::advice;
use crate::failure::{Code, Failure};
use crate::interruption::Interruption;
use crate::invocation::Invocation;

/// How long a program that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(5);
/// Lines of a program's output that are kept for whoever reads of its failure.
const LINES_KEPT: usize = 400;

/// Whether commands are run, or only printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    Really,
    Dry,
}

/// What a program printed on both channels, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs programs one after the other.
pub(crate) struct Runner {
    run: Run,
    /// What leads to where the cluster's docker is: `limactl shell VM`, or nothing.
    way_in: Vec<OsString>,
    interruption: Interruption,
}

impl Runner {
    pub(crate) fn new(run: Run, way_in: Vec<OsString>, interruption: Interruption) -> Self {
        Self { run, way_in, interruption }
    }

    pub(crate) fn is_dry(&self) -> bool {
        self.run == Run::Dry
    }

    pub(crate) fn interruption(&self) -> &Interruption {
        &self.interruption
    }

    /// Runs what changes nothing, also in a dry run.
    pub(crate) async fn look(&self, call: &Invocation) -> Result<Said> {
        self.finished(call, None).await
    }

    /// What a program that changes nothing prints; an error where it fails.
    pub(crate) async fn read(&self, call: &Invocation) -> Result<String> {
        let said = self.look(call).await?;
        if said.status.success() { Ok(said.out) } else { Err(self.failed(call, &said)) }
    }

    /// Runs what changes something, under a title that is shown with its time; in a dry run prints the line alone.
    pub(crate) async fn act(&self, title: &str, call: &Invocation) -> Result<String> {
        if self.is_dry() {
            self.plan(&call.line(&self.way_in));
            return Ok(String::new());
        }
        let step = Step::begin(title);
        let said = self.finished(call, Some(&step)).await;
        let fine = said.as_ref().is_ok_and(|said| said.status.success());
        step.end(fine);
        let said = said?;
        if said.status.success() { Ok(said.out) } else { Err(self.failed(call, &said)) }
    }

    /// [`Self::act`] for tidying up, which an interruption must not stop; what fails is only told.
    pub(crate) async fn tidy(&self, title: &str, call: &Invocation) {
        let undisturbed = Self { run: self.run, way_in: self.way_in.clone(), interruption: Interruption::never() };
        if let Err(error) = undisturbed.act(title, call).await {
            tell(&format!("{error:#}"));
        }
    }

    /// Does what no program is run for, under a title; in a dry run prints its description, as a shell's comment.
    pub(crate) async fn doing<T: Default>(
        &self,
        title: &str,
        description: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        if self.is_dry() {
            self.plan(&format!("# {description}"));
            return Ok(T::default());
        }
        let step = Step::begin(title);
        let outcome = self.interruption.or(work).await;
        step.end(outcome.is_ok());
        outcome
    }

    /// A line of the plan, on standard output.
    pub(crate) fn plan(&self, line: &str) {
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }

    /// Runs a program on the user's terminal and gives its exit code.
    pub(crate) async fn hand_over(&self, call: &Invocation) -> Result<ExitStatus> {
        if self.is_dry() {
            self.plan(&call.line(&self.way_in));
            return Ok(ExitStatus::from_raw(0));
        }
        let mut command = self.command(call);
        // In our own group: the terminal's signals and its input belong to the program meanwhile.
        let mut child = command.spawn().map_err(|error| self.no_start(call, &error))?;
        let outcome = self.interruption.or(async { Ok(child.wait().await?) }).await;
        if outcome.is_err()
            && let Some(pid) = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()))
        {
            // From a terminal it has heard of it too; a signal to us alone has to be passed on.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            child.wait().await?;
        }
        outcome
    }

    /// A program whose standard output is read by the caller, for pipes.
    pub(crate) fn piped(&self, call: &Invocation) -> Result<Child> {
        let mut command = self.command(call);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        command.spawn().map_err(|error| self.no_start(call, &error))
    }

    /// The error that a program's end makes.
    pub(crate) fn failed(&self, call: &Invocation, said: &Said) -> anyhow::Error {
        let output = if said.err.trim().is_empty() { &said.out } else { &said.err };
        if let Some((code, sentence)) = advice::on(output) {
            return Failure::of(code, sentence);
        }
        let lines: Vec<&str> = output.trim().lines().collect();
        let last = lines.get(lines.len().saturating_sub(20)..).unwrap_or(&[]).join("\n");
        anyhow::anyhow!("`{}` failed ({}): {last}", call.line(&self.way_in), said.status)
    }

    /// A command with its words, directory and variables.
    pub(crate) fn command(&self, call: &Invocation) -> Command {
        let words = call.words(&self.way_in);
        let (program, arguments) = words.split_first().map_or((&call.program, &[][..]), |(first, rest)| (first, rest));
        let mut command = Command::new(program);
        command.args(arguments).envs(call.variables.iter().map(|(name, value)| (name, value)));
        // What cargo tells a program that it runs would make another cargo build everything anew.
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_cargo(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        if let Some(directory) = &call.directory {
            command.current_dir(directory);
        }
        command
    }

    async fn finished(&self, call: &Invocation, step: Option<&Step>) -> Result<Said> {
        let mut command = self.command(call);
        command.stdin(if call.input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| self.no_start(call, &error))?;
        if let (Some(text), Some(mut stdin)) = (&call.input, child.stdin.take()) {
            // Whoever ends without reading says why itself.
            let _ = stdin.write_all(text.as_bytes()).await;
        }
        let out = child.stdout.take().context("a pipe")?;
        let err = child.stderr.take().context("a pipe")?;
        let work = async { Ok(tokio::join!(lines_of(out, None), lines_of(err, step), child.wait())) };
        match self.interruption.or(work).await {
            Ok((out, err, status)) => Ok(Said { status: status?, out, err }),
            Err(error) => {
                end_group(&mut child).await;
                Err(error)
            }
        }
    }

    fn no_start(&self, call: &Invocation, error: &std::io::Error) -> anyhow::Error {
        let words = call.words(&self.way_in);
        let program = words.first().unwrap_or(&call.program).to_string_lossy().into_owned();
        if error.kind() == std::io::ErrorKind::NotFound {
            return Failure::of(Code::Missing, advice::without(&program));
        }
        anyhow::anyhow!("{program} could not be started: {error}")
    }
}

/// What a program prints, its last lines; the newest one is shown as a step's state.
async fn lines_of(pipe: impl tokio::io::AsyncRead + Unpin, step: Option<&Step>) -> String {
    let mut lines = BufReader::new(pipe);
    let (mut kept, mut line) = (std::collections::VecDeque::new(), Vec::new());
    // Whole output is kept where it is short, as everything that is parsed is.
    while lines.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line).into_owned();
        if let Some(step) = step {
            step.state(text.trim());
        }
        kept.push_back(text);
        if kept.len() > LINES_KEPT {
            kept.pop_front();
        }
        line.clear();
    }
    kept.into_iter().collect()
}

/// Asks a program and its children to end, and makes them where they do not.
pub(crate) async fn end_group(child: &mut Child) {
    let Some(group) = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) else { return };
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = child.wait().await;
    }
}

fn is_of_cargo(name: &str) -> bool {
    let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"];
    name == "CARGO" || prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// A line for people, on standard error.
pub(crate) fn tell(line: &str) {
    // Nobody is left to tell where standard error is closed.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Work that is under way: a spinner with its time on a terminal, else a line at its beginning and one at its end.
struct Step {
    title: String,
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Step {
    fn begin(title: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {prefix} ({elapsed}) {wide_msg}");
            let bar = ProgressBar::new_spinner().with_prefix(title.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            style.map(|style| bar.clone().with_style(style)).unwrap_or(bar)
        });
        if bar.is_none() {
            tell(&format!("... {title}"));
        }
        Self { title: title.to_owned(), begun: Instant::now(), bar }
    }

    fn state(&self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(line.to_owned());
        }
    }

    fn end(&self, fine: bool) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let word = if fine { "ok " } else { "not" };
        tell(&format!("{word} {} ({:.1} s)", self.title, self.begun.elapsed().as_secs_f64()));
    }
}
