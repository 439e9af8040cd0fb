//! Makes data sets for benchmarks: deterministic rows, to be written through the agent's own store.
//!
//! It makes none yet, and says so.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

/// The exit code of a command line that makes no sense, here as in `fgm-agent`.
const USAGE_EXIT_CODE: u8 = 2;

#[derive(Parser)]
#[command(
    name = "generate-bench-data",
    version,
    about = "Makes data sets for benchmarks of fine-grained-monitor",
    after_help = "It makes no data set yet."
)]
struct CommandLine {
    /// Everything else, whatever it is.
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

fn main() -> ExitCode {
    let sentence = match CommandLine::parse().rest.first() {
        Some(word) => format!("error: generate-bench-data does not know {word:?}: it makes no data set yet\n"),
        None => "error: generate-bench-data makes no data set yet\n".to_owned(),
    };
    // Nobody is left to tell where standard error is closed.
    let _ = std::io::stderr().lock().write_all(sentence.as_bytes());
    ExitCode::from(USAGE_EXIT_CODE)
}
