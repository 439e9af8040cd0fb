//! Makes data sets for benchmarks: see the library.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use fgm_bench_gen::args::CommandLine;
use fgm_bench_gen::generate::generate;
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
    let (request, out) = (line.request(threads), line.out());
    let written = generate(&request, &out)?;
    let text = report::describe(&written, request.duration, threads)?;
    Ok(format!("{text}in {}\n", out.display()))
}
