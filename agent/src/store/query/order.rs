//! Hands decoded rows over in the order of time, subject by subject.
//!
//! The usual group has one source, or several whose rows follow each other for each subject; these are handed over as they
//! were decoded. The surprise: where the wall clock was set back, rows of one subject are merged by time, and of two rows of
//! the very same time one is left out.

use std::collections::HashMap;
use std::sync::Arc;

use super::column::{Decoded, Dense};
use super::decode::{DecodedRun, Rows};
use super::source::Source;
use crate::scan::{Block, Values};

/// Numbers of subjects, given in the order in which they are met.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    known: HashMap<Arc<str>, HashMap<Arc<str>, usize>>,
    next: usize,
}

impl Numbering {
    fn number(&mut self, node: &str, key: &Arc<str>) -> usize {
        if !self.known.contains_key(node) {
            self.known.insert(Arc::from(node), HashMap::new());
        }
        let Some(of_node) = self.known.get_mut(node) else { return 0 };
        *of_node.entry(Arc::clone(key)).or_insert_with(|| {
            self.next += 1;
            self.next - 1
        })
    }
}

/// Rows of one subject in a group: the source, and the run in it.
type Part = (usize, usize);

/// Hands the rows of a group of sources to `visit`.
pub(super) fn emit<E>(
    group: &[(&Source, Rows)],
    numbering: &mut Numbering,
    visit: &mut dyn FnMut(&Block<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut subjects: Vec<(usize, Vec<Part>)> = Vec::new();
    let mut positions: HashMap<usize, usize> = HashMap::new();
    for (at, (source, rows)) in group.iter().enumerate() {
        for (run, decoded) in rows.runs.iter().enumerate() {
            let series = numbering.number(source.node(), &decoded.key);
            let position = *positions.entry(series).or_insert_with(|| {
                subjects.push((series, Vec::new()));
                subjects.len() - 1
            });
            subjects[position].1.push((at, run));
        }
    }
    for (series, mut parts) in subjects {
        let times = |&(at, run): &Part| &group[at].1.times[group[at].1.runs[run].rows.clone()];
        parts.sort_by_key(|part| times(part).first().copied());
        let apart = parts.windows(2).all(|pair| times(&pair[0]).last() < times(&pair[1]).first());
        if apart {
            for (at, run) in parts {
                let (source, rows) = &group[at];
                visit_run((source, series), rows, &rows.runs[run], visit)?;
            }
        } else {
            let merged = merged(group, &parts);
            let last = parts.last().map_or(group[0].0, |&(at, _)| group[at].0);
            for run in &merged.runs {
                visit_run((last, series), &merged, run, visit)?;
            }
        }
    }
    Ok(())
}

fn visit_run<E>(
    (source, series): (&Source, usize),
    rows: &Rows,
    run: &DecodedRun,
    visit: &mut dyn FnMut(&Block<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let columns: Vec<Values<'_>> = rows.columns.iter().map(|column| column.slice(&run.rows)).collect();
    visit(&Block {
        subject: &run.subject,
        series,
        node: source.node(),
        times: rows.times.get(run.rows.clone()).unwrap_or_default(),
        columns: &columns,
        interval_usec: source.interval_usec(),
    })
}

/// The rows of one subject's parts as one run, by time.
fn merged(group: &[(&Source, Rows)], parts: &[Part]) -> Rows {
    let mut order: Vec<(i64, usize, usize)> = Vec::new();
    for &(at, run) in parts {
        let rows = &group[at].1;
        order.extend(rows.runs[run].rows.clone().map(|row| (rows.times[row], at, row)));
    }
    order.sort_by_key(|&(time, ..)| time);
    order.dedup_by_key(|(time, ..)| *time);
    let Some(&(at, run)) = parts.last() else { return Rows::default() };
    let newest = &group[at].1.runs[run];
    let width = group[at].1.columns.len();
    let columns = (0..width).map(|column| merged_column(group, &order, column)).collect();
    let run = DecodedRun { key: Arc::clone(&newest.key), subject: newest.subject.clone(), rows: 0..order.len() };
    Rows { runs: vec![run], times: order.iter().map(|&(time, ..)| time).collect(), columns }
}

fn merged_column(group: &[(&Source, Rows)], order: &[(i64, usize, usize)], column: usize) -> Decoded {
    let is_double = group.iter().any(|(_, rows)| matches!(rows.columns.get(column), Some(Decoded::Doubles(_))));
    fn value<T: Copy>(dense: &Dense<T>, row: usize) -> Option<T> {
        let present = dense.present.as_ref().is_none_or(|present| present[row]);
        present.then(|| dense.values[row])
    }
    if is_double {
        let of = |&(_, at, row): &(i64, usize, usize)| match group[at].1.columns.get(column) {
            Some(Decoded::Doubles(dense)) => value(dense, row),
            _ => None,
        };
        Decoded::Doubles(collected(order.iter().map(of)))
    } else {
        let of = |&(_, at, row): &(i64, usize, usize)| match group[at].1.columns.get(column) {
            Some(Decoded::Ints(dense)) => value(dense, row),
            _ => None,
        };
        Decoded::Ints(collected(order.iter().map(of)))
    }
}

fn collected<T: Copy + Default>(values: impl Iterator<Item = Option<T>>) -> Dense<T> {
    let (present, values) = values.map(|value| (value.is_some(), value.unwrap_or_default())).unzip();
    Dense { values, present: Some(present) }
}
