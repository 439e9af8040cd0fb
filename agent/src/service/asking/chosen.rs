//! Which containers a question is about.
//!
//! An id may be cut to a beginning that no other container's id has. The surprise: sums leave out containers inside of others,
//! so a selection for a sum is smaller than one for a list.

use std::sync::Arc;

use super::{Asking, Fault};
use crate::analysis::outermost::outermost;
use crate::scan::Wanted;
use crate::service::ContainerSummary;
use crate::service::containers::{Filter, passes_filter};
use crate::service::question::{AskError, ExportQuestion, Selection, TimeRange};
use crate::table::Table;

/// Ids that an error names at most.
const NAMED: usize = 3;

/// Those that are meant, of those with rows in the range.
pub(super) fn chosen(asking: &Asking, selection: &Selection, range: TimeRange) -> Result<Vec<ContainerSummary>, Fault> {
    among(asking, &asking.everybody(Some(range))?, selection)
}

/// The same of those that are known to have rows in the range.
pub(super) fn among(
    asking: &Asking,
    everybody: &[ContainerSummary],
    selection: &Selection,
) -> Result<Vec<ContainerSummary>, Fault> {
    if selection.containers.is_empty() {
        let is_meant = |summary: &&ContainerSummary| passes_filter(&summary.identity, &selection.filter);
        return Ok(everybody.iter().filter(is_meant).cloned().collect());
    }
    let mut found: Vec<ContainerSummary> = Vec::new();
    for wanted in &selection.containers {
        let Ok(summary) = unique(everybody, wanted) else {
            // It may be known, without a row in the range: that is an empty answer.
            unique(&asking.everybody(None)?, wanted)?;
            continue;
        };
        let is_new = !found.iter().any(|known| known.identity.container_id == summary.identity.container_id);
        if is_new && passes_filter(&summary.identity, &selection.filter) {
            found.push(summary.clone());
        }
    }
    Ok(found)
}

/// The one container whose id is, or begins with, this.
fn unique<'a>(known: &'a [ContainerSummary], wanted: &str) -> Result<&'a ContainerSummary, AskError> {
    if let Some(exact) = known.iter().find(|summary| summary.identity.container_id == wanted) {
        return Ok(exact);
    }
    let mut alike =
        known.iter().filter(|summary| !wanted.is_empty() && summary.identity.container_id.starts_with(wanted));
    match (alike.next(), alike.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => {
            Err(AskError::Invalid(format!("more than one container's id begins with {wanted:?}; give more of it")))
        }
        (None, _) => Err(AskError::NotFound(unknown(known, wanted))),
    }
}

fn unknown(known: &[ContainerSummary], wanted: &str) -> String {
    let likeness = |text: &str| strsim::jaro_winkler(text, wanted);
    let mut alike: Vec<(f64, &str)> = known
        .iter()
        .map(|summary| {
            let identity = &summary.identity;
            let names = [&identity.container, &identity.pod, &identity.workload].into_iter().flatten();
            let best = names.map(|name| likeness(name)).fold(likeness(&identity.container_id), f64::max);
            (best, identity.container_id.as_str())
        })
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0));
    let nearest: Vec<String> = alike.iter().take(NAMED).map(|(_, id)| format!("{id:?}")).collect();
    match nearest.is_empty() {
        true => {
            format!("there is no container {wanted:?}, for none is recorded; /api/status says what this agent looks at")
        }
        false => format!(
            "no container's id is {wanted:?} or begins so; the nearest are {}; /api/containers lists all, with their names",
            nearest.join(", ")
        ),
    }
}

/// Those that are not inside of others among them.
pub(super) fn not_nested(chosen: &[ContainerSummary], everybody: &[ContainerSummary]) -> Vec<ContainerSummary> {
    let parents: std::collections::HashMap<&str, &str> = everybody
        .iter()
        .chain(chosen)
        .filter_map(|summary| Some((summary.identity.container_id.as_str(), summary.identity.parent_id.as_deref()?)))
        .collect();
    let ids: Vec<&str> = chosen.iter().map(|summary| summary.identity.container_id.as_str()).collect();
    let keep = outermost(&ids, |id| parents.get(id).copied());
    chosen.iter().zip(keep).filter(|(_, keep)| *keep).map(|(summary, _)| summary.clone()).collect()
}

/// The ids by which a table's rows are asked for.
pub(super) fn wanted(table: Table, chosen: &[ContainerSummary], selection: &Selection) -> Result<Wanted, AskError> {
    let id = |summary: &ContainerSummary| -> Option<Arc<str>> {
        let identity = &summary.identity;
        let id = match table {
            Table::Pods => identity.pod_uid.as_deref()?,
            Table::Network => identity.pod_uid.as_deref().unwrap_or(&identity.container_id),
            _ => &identity.container_id,
        };
        Some(Arc::from(id))
    };
    match table {
        Table::Node | Table::Disks if *selection == Selection::default() => Ok(Wanted::All),
        Table::Node | Table::Disks => Err(AskError::Invalid(format!(
            "{} is of the node and not of containers: leave out which containers are meant",
            table.name()
        ))),
        _ => Ok(Wanted::ids(chosen.iter().filter_map(id).collect())),
    }
}

/// The ids whose rows are exported; none for everybody's.
pub(super) fn for_export(asking: &Asking, question: &ExportQuestion) -> Result<Option<Vec<String>>, AskError> {
    let everybody = Selection { filter: Filter::default(), ..Selection::default() };
    if question.selection == everybody {
        return Ok(None);
    }
    let chosen = asking.attempt(|asking, _| chosen(asking, &question.selection, question.range))?;
    let name = question.table.strip_suffix("_60s").unwrap_or(&question.table);
    let Some(table) = Table::named(name) else { return Ok(None) };
    match wanted(table, &chosen, &question.selection)? {
        Wanted::All => Ok(None),
        Wanted::Ids(ids) => Ok(Some(ids.iter().map(|id| id.to_string()).collect())),
    }
}
