//! A Python with the packages that a test reads files with.

use std::path::PathBuf;
use std::process::Command;

/// The Python that `FGM_PYTHON` names, else `python3`; `None`, with a line that says so, where it lacks a package. In CI it must
/// have them.
pub(crate) fn with(test: &str, packages: &[&str]) -> Option<PathBuf> {
    let python = std::env::var_os("FGM_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let packages = packages.join(", ");
    let imports = Command::new(&python).args(["-c", &format!("import {packages}")]).output();
    if imports.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!in_ci, "{test}: CI must have a Python with {packages}, named by FGM_PYTHON");
    eprintln!("skipped: {test}: {} cannot import {packages}", python.display());
    None
}
