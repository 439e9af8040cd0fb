//! Reads a plan's passes and evaluates their rows into sinks.
//!
//! All metrics of one table are evaluated from one scan. The surprise: a subject's sinks live through all passes, its
//! evaluators for one, because readings and minutes are evaluated differently.

use std::collections::HashMap;

use super::outs::{Outs, Since, Whose};
use super::plan::Pass;
use super::{Asking, Fault};
use crate::analysis::evaluate::Evaluator;
use crate::derived::SeriesSpec;
use crate::scan::{Block, Budget, Scan, ScanColumn, ScanError, Values, Wanted};
use crate::service::question::{AskError, MAX_POINTS, MAX_SERIES};

/// Where the columns of each metric are in a scan.
struct Columns {
    all: Vec<ScanColumn>,
    of_metric: Vec<Vec<usize>>,
}

/// The sinks of a subject, by metric.
type Sinks = Vec<Option<usize>>;

/// Reads the passes of metrics of one table.
pub(super) fn read<O: Outs>(
    asking: &Asking,
    (specs, wanted): (&[&'static SeriesSpec], Wanted),
    passes: &[Pass],
    budget: Budget,
    outs: &mut O,
) -> Result<(), Fault> {
    let Some(table) = specs.first().map(|spec| spec.table) else { return Ok(()) };
    let mut subjects: HashMap<(String, String), Sinks> = HashMap::new();
    for pass in passes {
        let Some(columns) = columns(specs, pass) else { continue };
        let scan = Scan {
            table,
            resolution: pass.resolution,
            wanted: wanted.clone(),
            columns: columns.all.clone(),
            from: pass.read_from,
            to: pass.to,
            budget,
        };
        let mut running: Vec<Option<(Vec<Evaluator<'static>>, Sinks)>> = Vec::new();
        let mut is_over = false;
        let scanned = asking.recorded.scan(&scan, &mut |block| {
            if running.len() <= block.series {
                running.resize_with(block.series + 1, || None);
            }
            let slot = &mut running[block.series];
            let (evaluators, sinks) = match slot {
                Some(running) => running,
                none => {
                    let key = (block.node.to_owned(), block.subject.id().into_owned());
                    let sinks = match subjects.get(&key) {
                        Some(known) => known.clone(),
                        None => {
                            let whose = Whose { subject: block.subject, node: block.node };
                            let open = (0..specs.len()).map(|metric| outs.open(whose, metric));
                            let opened = open.collect::<Result<Sinks, ScanError>>()?;
                            subjects.insert(key, opened.clone());
                            opened
                        }
                    };
                    let evaluators = specs.iter().map(|spec| Evaluator::new(spec, pass.resolution)).collect();
                    none.insert((evaluators, sinks))
                }
            };
            is_over |= evaluate(block, (evaluators, sinks), (&columns, pass), outs);
            // Whatever ends the scan does; what is said follows below.
            if is_over { Err(ScanError::TooSlow) } else { Ok(()) }
        });
        if is_over {
            return Err(too_many().into());
        }
        scanned?;
        for (evaluators, sinks) in running.iter_mut().flatten() {
            for (evaluator, sink) in evaluators.iter_mut().zip(sinks.iter()) {
                let Some(number) = sink else { continue };
                evaluator.finish(&mut Since { from: pass.from, sink: outs.sink(*number) });
            }
        }
    }
    Ok(())
}

/// What is said where an answer would have too many points.
pub(super) fn too_many() -> AskError {
    AskError::TooMuch(format!(
        "the answer would have more than {MAX_SERIES} series or {MAX_POINTS} points: ask for fewer containers, fewer points \
         or a shorter range"
    ))
}

/// Evaluates a block for each metric; whether there are too many points by now.
fn evaluate<O: Outs>(
    block: &Block<'_>,
    (evaluators, sinks): (&mut [Evaluator<'static>], &Sinks),
    (columns, pass): (&Columns, &Pass),
    outs: &mut O,
) -> bool {
    let mut own: Vec<Values<'_>> = Vec::new();
    let mut is_over = false;
    for (metric, evaluator) in evaluators.iter_mut().enumerate() {
        let Some(number) = sinks[metric] else { continue };
        own.clear();
        own.extend(columns.of_metric[metric].iter().map(|&position| block.columns[position]));
        let block = Block { columns: &own, ..*block };
        evaluator.block(&block, &mut Since { from: pass.from, sink: outs.sink(number) });
        is_over |= outs.is_over(number);
    }
    is_over
}

/// The columns of all metrics, each once; `None` where a metric has no answer at this resolution.
fn columns(specs: &[&'static SeriesSpec], pass: &Pass) -> Option<Columns> {
    let mut all: Vec<ScanColumn> = Vec::new();
    let mut of_metric = Vec::new();
    for spec in specs {
        let position = |column: ScanColumn| {
            all.iter().position(|known| *known == column).unwrap_or_else(|| {
                all.push(column);
                all.len() - 1
            })
        };
        of_metric.push(spec.columns(pass.resolution)?.into_iter().map(position).collect());
    }
    Some(Columns { all, of_metric })
}
