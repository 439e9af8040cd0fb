//! Makes data sets for benchmarks: see the library.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use fgm_bench_gen::args::{CommandLine, Task};
use fgm_bench_gen::generate::{generate, replay};
use fgm_bench_gen::report;

fn main() -> ExitCode {
    match run(&CommandLine::parse()) {
        Ok(text) => {
            // Nobody is left to tell where standard output is closed.
            let _ = std::io::stdout().lock().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr().lock(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(line: &CommandLine) -> anyhow::Result<String> {
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let out = line.out();
    let (written, left_out) = match line.task(threads) {
        Task::Generate(request) => (generate(&request, &out)?, 0),
        Task::Replay(like) => replay(&like, &out)?,
    };
    let mut text = report::describe(&written, threads)?;
    if left_out > 0 {
        let _ =
            writeln!(text, "left out: {left_out} files whose rows lie between other files' rows: the clock went back");
    }
    let _ = writeln!(text, "in {}", out.display());
    Ok(text)
}
