//! The developer's tool: clusters, images, port-forwards and local viewers will be its commands.
//!
//! It knows no agent code: it will drive other programs and speak HTTP. Today it has no command, and says so.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

/// The exit code of a command line that makes no sense, here as in `fgm-agent`.
const USAGE_EXIT_CODE: u8 = 2;

#[derive(Parser)]
#[command(
    name = "fgmctl",
    version,
    about = "Developer's tool of fine-grained-monitor",
    after_help = "There are no commands yet."
)]
struct CommandLine {
    /// Everything else, whatever it is.
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

fn main() -> ExitCode {
    let sentence = match CommandLine::parse().rest.first() {
        Some(word) => format!("error: fgmctl has no command {word:?} yet; it has --help and --version alone\n"),
        None => "error: fgmctl has no commands yet; it has --help and --version alone\n".to_owned(),
    };
    // Nobody is left to tell where standard error is closed.
    let _ = std::io::stderr().lock().write_all(sentence.as_bytes());
    ExitCode::from(USAGE_EXIT_CODE)
}
