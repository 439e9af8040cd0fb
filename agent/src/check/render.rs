//! A report as text for people: the verdict first, then what was looked at, then what was found and what to do.

use std::fmt::Write;

use super::{Kind, Report};
use crate::rfc3339;

/// The report as text.
#[must_use]
pub fn human(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(report, &mut text);
    text
}

/// The report as one JSON object.
#[must_use]
pub fn json(report: &Report) -> String {
    // Plain structs always serialize.
    let text = serde_json::to_string_pretty(report).unwrap_or_default();
    format!("{text}\n")
}

fn write(report: &Report, out: &mut String) -> std::fmt::Result {
    let (damage, notes): (Vec<_>, Vec<_>) = report.counts.iter().partition(|(kind, _)| kind.is_damage());
    let sum = |counts: &[(&Kind, &u64)]| counts.iter().map(|(_, count)| **count).sum::<u64>();
    match (sum(&damage), sum(&notes)) {
        (0, 0) => writeln!(out, "The store is whole.")?,
        (0, notes) => writeln!(out, "The store is whole; {notes} things are worth knowing.")?,
        (damage, notes) => writeln!(out, "The store is damaged: {damage} findings, and {notes} things worth knowing.")?,
    }
    if report.agent_is_running {
        writeln!(out, "An agent is using it: what is in its memory is not looked at.")?;
    }
    writeln!(out)?;
    for (name, table) in &report.tables {
        let time = |time: Option<i64>| time.map_or_else(|| "-".to_owned(), rfc3339::format);
        writeln!(
            out,
            "{name}: {} files ({} merged), {} rows, {} bytes, {} to {}",
            table.files,
            table.merged,
            table.rows,
            table.bytes,
            time(table.first_us),
            time(table.last_us)
        )?;
    }
    for (kind, count) in &report.counts {
        let what = if kind.is_damage() { "DAMAGE" } else { "note" };
        writeln!(out, "\n{what}: {} ({count}). What to do: {}.", title(*kind), kind.advice())?;
        let mut told = 0;
        for finding in report.findings.iter().filter(|finding| finding.kind == *kind) {
            writeln!(out, "  {}: {}", finding.path.display(), finding.detail)?;
            told += 1;
        }
        if *count > told {
            writeln!(out, "  and {} more", count - told)?;
        }
    }
    Ok(())
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Unreadable => "files that can't be read",
        Kind::Contradiction => "files that contradict themselves",
        Kind::DoubledRow => "rows that are there twice",
        Kind::DoubledSegment => "segments that are there twice",
        Kind::SetAside => "files that were set aside",
        Kind::DamagedSpill => "damaged spill files",
        Kind::LeftoverSpill => "spill files with rows to recover",
        Kind::Temporary => "files that were never finished",
        Kind::Replaced => "files whose rows were merged",
        Kind::Foreign => "files that this agent does not know",
        Kind::Overlap => "files that overlap in time",
        Kind::Gap => "times without any row",
        Kind::SubjectGap => "subjects that were missing for a time",
    }
}
