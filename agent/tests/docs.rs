//! Documents agree with what they describe: the metrics page, links between pages, flags in the README.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The README, the other pages beside a crate or a directory, and everything in `docs`.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("k8s/README.md")];
    for directory in ["docs", "docs/adr"] {
        let entries = std::fs::read_dir(root().join(directory)).unwrap().map(|entry| entry.unwrap().path());
        pages.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    pages
}

/// The targets of `[text](target)` in Markdown, outside of code blocks.
fn links(page: &str) -> Vec<&str> {
    let prose = page.split("```").step_by(2);
    prose.flat_map(|text| text.split("](").skip(1)).filter_map(|rest| rest.split(')').next()).collect()
}

/// The words of a text that begin with two dashes.
fn flags(text: &str) -> impl Iterator<Item = &str> {
    let is_flag = |c: char| c.is_ascii_lowercase() || c == '-';
    text.split(move |c: char| !is_flag(c))
        .filter(|word| word.starts_with("--") && word.len() > 2 && !word.ends_with('-'))
}

#[test]
fn the_metrics_page_is_the_output_of_the_metrics_command() {
    let page = std::fs::read_to_string(root().join("docs/metrics.md")).unwrap_or_default();
    let same = page == fgm_agent::catalogue_table::render();
    assert!(same, "docs/metrics.md is out of date; regenerate it: cargo run -- metrics > docs/metrics.md");
}

#[test]
fn every_link_between_pages_leads_to_a_file() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in links(&text).into_iter().filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let target = page.with_file_name(link.split('#').next().unwrap_or(link));
            assert!(target.exists(), "{}: the link {link} leads nowhere", page.display());
        }
    }
}

#[test]
fn the_readme_names_the_flags_that_there_are() {
    let help = Command::new(env!("CARGO_BIN_EXE_fgm-agent")).arg("--help").env("COLUMNS", "200").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let of_others = ["--release", "--bin", "--test", "--no-default-features", "--scenario", "--duration", "--like"];
    let of_export = ["--html", "--panels", "--containers", "--link", "--out"];
    let (named, known): (Vec<&str>, Vec<&str>) = (flags(&readme).collect(), flags(&help).collect());
    for flag in &named {
        assert!(
            known.contains(flag) || of_others.contains(flag) || of_export.contains(flag),
            "the README names {flag}, which --help does not have"
        );
    }
    for flag in known {
        assert!(named.contains(&flag), "the README does not name {flag}");
    }
}
