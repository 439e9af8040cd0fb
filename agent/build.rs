//! Puts the git revision into the binary, and, with the feature `ui`, the web viewer of `agent/ui`.
//!
//! The revision is `FGM_GIT_REVISION` where set, else what `git` says, else "unknown". The viewer is built by npm in the output
//! directory, so that builds of different profiles do not get in each other's way; `FGM_UI_DIST` names one that is built already.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the viewer is built from, below `agent/ui`.
const SOURCES: &[&str] = &[
    ".npmrc",
    "dashboards",
    "index.html",
    "package-lock.json",
    "package.json",
    "src",
    "tsconfig.json",
    "vite.config.ts",
];
/// The oldest Node.js that Vite runs on.
const LEAST_NODE: u32 = 20;
/// What can be done about a machine that cannot build the viewer.
const WAYS_OUT: &str =
    "install Node.js 20 or newer with npm, or leave the viewer out: cargo build --no-default-features";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    revision();
    if std::env::var_os("CARGO_FEATURE_UI").is_some()
        && let Err(sentence) = viewer()
    {
        println!("cargo::error={}", sentence.replace('\n', " "));
        std::process::exit(1);
    }
}

fn revision() {
    println!("cargo:rerun-if-env-changed=FGM_GIT_REVISION");
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| Path::new(log).exists()) {
        println!("cargo:rerun-if-changed={log}");
    }
    let given = std::env::var("FGM_GIT_REVISION").ok();
    let revision = given.or_else(|| git(&["rev-parse", "--short=12", "HEAD"])).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=FGM_GIT_REVISION={revision}");
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

/// Writes `viewer.rs`: the viewer's files, compressed, as `(path, bytes)`.
fn viewer() -> Result<(), String> {
    println!("cargo:rerun-if-env-changed=FGM_UI_DIST");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    let built = match std::env::var_os("FGM_UI_DIST") {
        Some(built) => {
            let built = PathBuf::from(built);
            println!("cargo:rerun-if-changed={}", built.display());
            if !built.join("index.html").is_file() {
                return Err(format!(
                    "FGM_UI_DIST names {}, which has no index.html: name a built viewer",
                    built.display()
                ));
            }
            built
        }
        None => build(&out)?,
    };
    let packed = out.join("viewer");
    reset(&packed)?;
    let mut table = "&[\n".to_owned();
    for (number, path) in files(&built)?.iter().enumerate() {
        let name = path.strip_prefix(&built).map_err(|error| error.to_string())?;
        let file = packed.join(format!("{number}.gz"));
        compress(path, &file)?;
        let _ = writeln!(table, "    ({:?}, include_bytes!({:?})),", name.to_string_lossy(), file.to_string_lossy());
    }
    table.push_str("]\n");
    write(&out.join("viewer.rs"), table.as_bytes())
}

/// Builds the viewer by npm, below the output directory, and gives where it is.
fn build(out: &Path) -> Result<PathBuf, String> {
    let node = Command::new("node").arg("--version").output().ok().map(|output| output.stdout);
    let version = node.and_then(|text| String::from_utf8(text).ok()).unwrap_or_default();
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|text| text.parse::<u32>().ok());
    if major.is_none_or(|major| major < LEAST_NODE) {
        let found = if version.is_empty() { "is not here".to_owned() } else { format!("is {}", version.trim()) };
        return Err(format!("the web viewer is built by npm, and Node.js {found}: {WAYS_OUT}"));
    }
    let (from, work) = (Path::new("ui"), out.join("ui"));
    std::fs::create_dir_all(&work).map_err(|error| format!("{}: {error}", work.display()))?;
    for name in SOURCES {
        println!("cargo:rerun-if-changed=ui/{name}");
        copy(&from.join(name), &work.join(name))?;
    }
    // Packages are fetched anew only where the lock file is another one.
    let (lock, installed) = (work.join("package-lock.json"), work.join("node_modules/.fgm-installed"));
    if std::fs::read(&lock).ok() != std::fs::read(&installed).ok() {
        npm(&work, &["ci", "--no-audit", "--no-fund"])?;
        copy(&lock, &installed)?;
    }
    // A build for another revision alone has the viewer already.
    let (sources, built_from) = (digest(&work)?, work.join(".fgm-built-from"));
    if std::fs::read(&built_from).ok().as_deref() != Some(sources.as_bytes()) {
        // One that is interrupted leaves half a viewer.
        let _ = std::fs::remove_file(&built_from);
        npm(&work, &["run", "build"])?;
        write(&built_from, sources.as_bytes())?;
    }
    Ok(work.join("dist"))
}

/// A number that changes with every name and byte of the sources in a directory.
fn digest(directory: &Path) -> Result<String, String> {
    let mut hasher = DefaultHasher::new();
    for name in SOURCES {
        let source = directory.join(name);
        let paths = if source.is_dir() { files(&source)? } else { vec![source] };
        for path in paths {
            let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            (path.strip_prefix(directory).unwrap_or(&path), bytes).hash(&mut hasher);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn npm(directory: &Path, words: &[&str]) -> Result<(), String> {
    let mut command = Command::new("npm");
    let run = command.args(words).current_dir(directory).env_remove("FGM_UI_OUT").output();
    let output = run.map_err(|error| format!("npm cannot be run ({error}): {WAYS_OUT}"))?;
    if output.status.success() {
        return Ok(());
    }
    // A build script's only way to show what npm said.
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let _ = writeln!(std::io::stderr(), "{said}");
    let line = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing").to_owned();
    Err(format!(
        "npm {} failed, see above ({line}); without the viewer: cargo build --no-default-features",
        words.join(" ")
    ))
}

/// Copies a file, or a directory with what is in it; what was there before and is no more goes.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", from.display());
    if from.is_dir() {
        reset(to)?;
        for entry in std::fs::read_dir(from).map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    std::fs::copy(from, to).map(drop).map_err(wrong)
}

fn reset(directory: &Path) -> Result<(), String> {
    let _ = std::fs::remove_dir_all(directory);
    std::fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))
}

/// Every file of a directory, in order.
fn files(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let (mut found, mut pending) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(&directory).map_err(|error| format!("{}: {error}", directory.display()))? {
            let path = entry.map_err(|error| error.to_string())?.path();
            if path.is_dir() { pending.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

fn compress(from: &Path, to: &Path) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", from.display());
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&std::fs::read(from).map_err(wrong)?).map_err(wrong)?;
    write(to, &encoder.finish().map_err(wrong)?)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}
