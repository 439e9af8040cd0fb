//! The processes of a container as they were read last before a moment.
//!
//! The surprise: each process has its own reading, so what is told are the readings of the newest round of reading that
//! reached this container, and of each process the reading before, for its CPU.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chosen::chosen;
use super::{Asking, Fault};
use crate::model::UnixMicros;
use crate::resolution::Resolution;
use crate::scan::{Block, Budget, Numbers, Scan, ScanColumn, Wanted};
use crate::service::containers::{Filter, Sandboxes};
use crate::service::question::{ProcessEntry, ProcessesAnswer, ProcessesQuestion, Selection, TimeRange};
use crate::table::Table;

/// How far back a reading is looked for, unless processes are read more seldom.
const LOOKBACK_USEC: i64 = 60_000_000;
/// Readings within this time belong to one round: reading hundreds of processes takes a while.
const ROUND_USEC: i64 = 1_000_000;

/// Answers a question for processes.
pub(super) fn answer(asking: &Asking, question: &ProcessesQuestion, budget: Budget) -> Result<ProcessesAnswer, Fault> {
    let back = LOOKBACK_USEC.max(asking.processes_usec.unwrap_or(0).saturating_mul(3));
    let range = TimeRange { from: question.at.saturating_sub(back), to: question.at.saturating_add(1) };
    let selection = Selection {
        containers: vec![question.container.clone()],
        filter: Filter { sandboxes: Sandboxes::Included, ..Filter::default() },
    };
    let mut answer = ProcessesAnswer { container_id: question.container.clone(), time: None, processes: Vec::new() };
    // One that was seen at another time only has no processes then.
    let Some(container) = chosen(asking, &selection, range)?.into_iter().next() else { return Ok(answer) };
    answer.container_id.clone_from(&container.identity.container_id);
    let scan = Scan {
        table: Table::Processes,
        resolution: Resolution::Raw,
        wanted: Wanted::ids(vec![Arc::from(container.identity.container_id.as_str())]),
        columns: (0..Table::Processes.width()).map(ScanColumn::Reading).collect(),
        from: range.from,
        to: range.to,
        budget,
    };
    let mut found: Vec<Read> = Vec::new();
    asking.recorded.scan(&scan, &mut |block| {
        if found.len() <= block.series {
            found.resize_with(block.series + 1, Read::default);
        }
        found[block.series].take(block);
        Ok(())
    })?;
    answer.time = found.iter().filter_map(|read| Some(read.last.as_ref()?.0)).max();
    let Some(newest) = answer.time else { return Ok(answer) };
    let of_round = found.into_iter().filter_map(Read::entry).filter(|(time, _)| newest - time <= ROUND_USEC);
    answer.processes = of_round.map(|(_, entry)| entry).collect();
    let cpu = |entry: &ProcessEntry| entry.cpu_usage_cores.unwrap_or(-1.0);
    answer.processes.sort_by(|a, b| cpu(b).total_cmp(&cpu(a)).then_with(|| a.numbers.cmp(&b.numbers)));
    Ok(answer)
}

/// The numbers of a row that have a value.
type Row = (UnixMicros, BTreeMap<&'static str, i64>);

/// The last two readings of a process.
#[derive(Default)]
struct Read {
    texts: BTreeMap<&'static str, String>,
    before: Option<Row>,
    last: Option<Row>,
}

impl Read {
    fn take(&mut self, block: &Block<'_>) {
        let texts = Table::Processes.texts().iter().filter(|text| matches!(text.name, "comm" | "cmdline"));
        self.texts.extend(texts.filter_map(|text| Some((text.name, (text.get)(block.subject)?.to_owned()))));
        let rows = block.times.len();
        for row in rows.saturating_sub(2)..rows {
            let numbers = block.columns.iter().enumerate().filter_map(|(column, values)| {
                let present = values.present.is_none_or(|present| present[row]);
                match values.values {
                    Numbers::Ints(ints) if present => Some((Table::Processes.column_name(column), ints[row])),
                    _ => None,
                }
            });
            self.before = self.last.replace((block.times[row], numbers.collect()));
        }
    }

    fn entry(self) -> Option<(UnixMicros, ProcessEntry)> {
        let (time, numbers) = self.last?;
        let cpu = |numbers: &BTreeMap<&'static str, i64>| Some(numbers.get("utime_usec")? + numbers.get("stime_usec")?);
        let cpu_usage_cores = self.before.and_then(|(before, earlier)| {
            let used = cpu(&numbers)?.checked_sub(cpu(&earlier)?).filter(|used| *used >= 0)?;
            (time > before).then(|| used as f64 / (time - before) as f64)
        });
        Some((time, ProcessEntry { texts: self.texts, numbers, cpu_usage_cores }))
    }
}
