//! The agent's program: reads the command line, starts what it asks for, and turns the outcome into an exit code.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use fgm_agent::args::{self, Command, USAGE_EXIT_CODE};
use fgm_agent::{app, catalogue_table, check};
use tracing_subscriber::EnvFilter;

/// It failed after a good start.
const FAILED_EXIT_CODE: u8 = 1;
/// A second signal ended the process before everything was sealed; the spill has it for the next start.
const ABORTED_EXIT_CODE: i32 = 130;

fn main() -> ExitCode {
    match args::parse(std::env::args_os(), &args::surroundings()) {
        Ok(Command::Metrics) => print(&catalogue_table::render()),
        Ok(Command::Check { data, output }) => match check::check(&data) {
            Ok(report) => {
                let printed = print(&output.of(&report));
                if report.damaged { ExitCode::from(FAILED_EXIT_CODE) } else { printed }
            }
            Err(error) => fail(&format!("error: {error}\n"), USAGE_EXIT_CODE),
        },
        Ok(Command::Run(config)) => serve(|| app::run(*config, || std::process::exit(ABORTED_EXIT_CODE))),
        Ok(Command::View { data, config }) => serve(|| app::viewing::view(&config, data)),
        Ok(Command::Export { export, config }) => serve(|| app::exporting::export(&config, *export)),
        Ok(Command::Mcp { data, config }) => serve(|| app::viewing::mcp(&config, data)),
        Err(stop) if stop.code == 0 => print(&stop.text),
        Err(stop) => fail(&stop.text, stop.code),
    }
}

/// Runs with a log on standard error: standard output may be a client's.
fn serve(run: impl FnOnce() -> Result<(), app::Error>) -> ExitCode {
    // kube says every failure once more than the agent, which says only what changes.
    let filter = format!("info,kube_client=off,rmcp=warn,{}", std::env::var("FGM_LOG").unwrap_or_default());
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info")))
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let code = |error: &app::Error| if error.is_usage() { USAGE_EXIT_CODE } else { FAILED_EXIT_CODE };
    run().map_or_else(|error| fail(&format!("error: {error}\n"), code(&error)), |()| ExitCode::SUCCESS)
}

/// Prints to standard output; a reader that went away is no failure.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::from(FAILED_EXIT_CODE),
        _ => ExitCode::SUCCESS,
    }
}

/// Nobody is left to tell where standard error is closed.
fn fail(text: &str, code: u8) -> ExitCode {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
    ExitCode::from(code)
}
