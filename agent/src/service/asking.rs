//! Answers questions about recorded numbers: finds out what is meant, has the rows read, and computes.
//!
//! Knows what was recorded through [`Recorded`] alone, and series through [`derived`](crate::derived). Each question has a time
//! limit and limits of bytes, series and points; beyond one of them it has no answer, never half of one. The surprise: a
//! question whose files were merged while they were read is answered anew from its beginning.

mod chosen;
mod joined;
mod labels;
mod outs;
mod plan;
mod processes;
mod reading;
mod separate;
mod together;
mod top;

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::scan::{Budget, ScanError};
use crate::service::answers::{ContainersQuestion, Questions};
use crate::service::containers::{self, ContainersReply};
use crate::service::filters::{self, FiltersAnswer};
use crate::service::question::{
    AskError, ExportQuestion, GroupBy, ProcessesAnswer, ProcessesQuestion, SeriesAnswer, SeriesQuestion, TimeRange,
    TopAnswer, TopQuestion,
};
use crate::service::{ContainerSummary, Recorded};

/// How long one question may take.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Bytes of recorded values that one question may decode, over its whole course; what lies in memory at once is much less.
pub const DECODED_BYTES: u64 = 4 << 30;
/// How often a question is answered anew because files were merged meanwhile.
const ATTEMPTS: usize = 5;

/// Answers questions.
pub struct Asking {
    /// What was recorded.
    pub recorded: Arc<dyn Recorded>,
    /// How often processes are read, in microseconds, where that is known.
    pub processes_usec: Option<i64>,
}

impl std::fmt::Debug for Asking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asking").field("processes_usec", &self.processes_usec).finish_non_exhaustive()
    }
}

impl Asking {
    fn budget() -> Budget {
        Budget { deadline: Instant::now() + TIME_LIMIT, decoded_bytes: DECODED_BYTES }
    }

    /// Answers a question, anew as long as files change under it.
    fn attempt<T>(&self, answer: impl Fn(&Self, Budget) -> Result<T, Fault>) -> Result<T, AskError> {
        let budget = Self::budget();
        for _ in 0..ATTEMPTS {
            match answer(self, budget) {
                Err(Fault::Scan(ScanError::Changed)) => {}
                Err(Fault::Scan(error)) => return Err(refused(error)),
                Err(Fault::Ask(error)) => return Err(error),
                Ok(answer) => return Ok(answer),
            }
        }
        Err(AskError::TooSlow("recorded files keep being merged while they are read; try again in a second".to_owned()))
    }

    /// Everybody with rows in a range, or at any time, also those of whom only rollups are left.
    fn everybody(&self, range: Option<TimeRange>) -> Result<Vec<ContainerSummary>, Fault> {
        let mut known = self.recorded.containers();
        let old = match range.or_else(|| self.recorded.span()) {
            Some(range) => self.recorded.containers_of_rollups(range)?,
            None => Vec::new(),
        };
        if !old.is_empty() {
            let ids: std::collections::HashMap<String, usize> = known
                .iter()
                .enumerate()
                .map(|(position, summary)| (summary.identity.container_id.clone(), position))
                .collect();
            for summary in old {
                match ids.get(&summary.identity.container_id).and_then(|&position| known.get_mut(position)) {
                    Some(known) => known.first_seen = known.first_seen.min(summary.first_seen),
                    None => known.push(summary),
                }
            }
        }
        known.retain(|summary| range.is_none_or(|range| summary.is_seen_in(range)));
        Ok(known)
    }
}

/// Why there is no answer yet, or none at all.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error(transparent)]
    Ask(#[from] AskError),
}

/// What an asker is told where a scan has no answer.
#[must_use]
pub fn refused(error: ScanError) -> AskError {
    let sentence = error.to_string();
    match error {
        ScanError::TooMuch { .. } => AskError::TooMuch(sentence),
        ScanError::TooSlow | ScanError::Changed => AskError::TooSlow(sentence),
        ScanError::Unreadable(_) => AskError::Failed(sentence),
    }
}

impl Questions for Asking {
    fn series(&self, question: &SeriesQuestion) -> Result<SeriesAnswer, AskError> {
        self.attempt(|asking, budget| match (&question.aggregate, &question.group) {
            (Some(_), _) => together::answer(asking, question, budget),
            (None, Some(GroupBy::Workload)) => joined::answer(asking, question, budget),
            (None, None) => separate::answer(asking, question, budget),
            (None, Some(_)) => Err(AskError::Invalid(
                "group needs agg, which says how to put containers together: sum, max, min, mean or a quantile; only \
                 group=workload works without, and joins the instances of a container"
                    .to_owned(),
            )
            .into()),
        })
    }

    fn top(&self, question: &TopQuestion) -> Result<TopAnswer, AskError> {
        self.attempt(|asking, budget| top::answer(asking, question, budget))
    }

    fn processes(&self, question: &ProcessesQuestion) -> Result<ProcessesAnswer, AskError> {
        self.attempt(|asking, budget| processes::answer(asking, question, budget))
    }

    fn filters(&self, range: Option<TimeRange>) -> Result<FiltersAnswer, AskError> {
        self.attempt(|asking, _| Ok(filters::answer(&asking.everybody(range)?)))
    }

    fn containers(&self, question: &ContainersQuestion) -> Result<ContainersReply, AskError> {
        self.attempt(|asking, budget| {
            let mut known = asking.everybody(question.range)?;
            if let Some(metric) = &question.metric {
                let range = question.range.or_else(|| asking.recorded_span());
                let having = plan::having(asking, metric, range, budget)?;
                known.retain(|summary| having.contains(summary.identity.container_id.as_str()));
            }
            Ok(containers::reply(&known, question))
        })
    }

    fn recorded_span(&self) -> Option<TimeRange> {
        self.recorded.span()
    }

    fn is_sealed(&self, range: TimeRange) -> bool {
        self.recorded.sealed_until().is_some_and(|until| range.to <= until)
    }

    fn export(&self, question: &ExportQuestion, out: &mut (dyn Write + Send)) -> Result<(), AskError> {
        let ids = chosen::for_export(self, question)?;
        self.recorded.export(question, ids, out)
    }

    fn ticks(&self) -> u64 {
        self.recorded.ticks()
    }
}
