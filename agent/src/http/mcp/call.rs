//! One call of a tool: its arguments, known to be of its table, and what becomes questions of them.
//!
//! Runs on a blocking thread. The surprise: questions are read by the functions of the HTTP API from the same pairs, less those that
//! only the tool knows, so both doors have the same defaults and the same sentences.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::derived::{self, SeriesSpec};
use crate::http::ask;
use crate::http::error::ApiError;
use crate::http::mcp::arguments;
use crate::http::mcp::tools::LIMIT;
use crate::http::parameter::{METRICS, Parameter};
use crate::http::query::{Given, Pairs, QueryError, Table};
use crate::metric::Kind;
use crate::model::UnixMicros;
use crate::rfc3339;
use crate::service::Service;
use crate::service::link::Link;
use crate::service::question::{AskError, MAX_METRICS, TimeRange};
use crate::service::study::StudyAnswer;

/// Metrics that the beginning of a name stands for at most.
const MOST_OF_PREFIX: usize = 64;
/// How long a call asks one question after the other.
const LONGEST: Duration = Duration::from_secs(10);

/// A call.
pub(super) struct Call<'a> {
    pub(super) service: &'a Service,
    pub(super) now: UnixMicros,
    given: Given,
    pairs: Pairs,
    base: String,
    deadline: Instant,
}

impl<'a> Call<'a> {
    pub(super) fn read(
        service: &'a Service,
        table: Table,
        arguments: &Map<String, Value>,
        base: String,
        now: UnixMicros,
    ) -> Result<Self, QueryError> {
        let pairs = arguments::pairs(arguments, table)?;
        let given = Given::read(pairs.clone(), table)?;
        given.number(&LIMIT)?;
        Ok(Self { service, now, given, pairs, base, deadline: Instant::now() + LONGEST })
    }

    /// The pairs that a path of the API takes, without metrics.
    pub(super) fn pairs_of(&self, table: Table) -> Pairs {
        let is_known = |name: &str| name != METRICS.name && table.iter().any(|known| known.name == name);
        self.pairs.iter().filter(|(name, _)| is_known(name)).cloned().collect()
    }

    /// The same with the last hour where no time is given.
    pub(super) fn pairs_with_hour(&self, table: Table) -> Pairs {
        let mut pairs = self.pairs_of(table);
        if !pairs.iter().any(|(name, _)| ["from", "to", "range"].contains(&name.as_str())) {
            pairs.push(("range".to_owned(), "1h".to_owned()));
        }
        pairs
    }

    pub(super) fn limit(&self) -> Option<usize> {
        self.given.number(&LIMIT).ok().flatten()
    }

    pub(super) fn text(&self, parameter: &'static Parameter) -> Option<&str> {
        self.given.text(parameter)
    }

    pub(super) fn has(&self, parameter: &'static Parameter) -> bool {
        self.given.has(parameter)
    }

    pub(super) fn given(&self) -> &Given {
        &self.given
    }

    /// A link that a person can open, as far as the address is known.
    pub(super) fn link(&self, link: &Link<'_>) -> Value {
        Value::from(format!("{}{link}", self.base))
    }

    /// The beginning of links.
    pub(super) fn link_base(&self) -> &str {
        &self.base
    }

    pub(super) fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// The metrics that are given, by their names or by how these begin, or the others where none is.
    pub(super) fn metrics(
        &self,
        parameter: &'static Parameter,
        otherwise: &[&str],
        notes: &mut Vec<String>,
    ) -> Result<Vec<String>, QueryError> {
        let given = self.given.names(parameter)?;
        if given.is_empty() {
            return Ok(otherwise.iter().map(|&name| name.to_owned()).collect());
        }
        let mut metrics: Vec<String> = Vec::new();
        for name in given {
            let meant = meant(&name);
            metrics.extend(if meant.is_empty() { vec![name] } else { meant });
        }
        metrics.dedup();
        if metrics.len() > MOST_OF_PREFIX {
            notes.push(format!(
                "{} metrics are meant, of which the first {MOST_OF_PREFIX} were looked at: give a longer beginning",
                metrics.len()
            ));
            metrics.truncate(MOST_OF_PREFIX);
        }
        Ok(metrics)
    }

    /// What a study finds, in parts where there are more metrics than one question may have.
    pub(super) fn study(&self, id: &str, metrics: &[String]) -> Result<Vec<StudyAnswer>, ApiError> {
        let whole = [Vec::new()];
        let parts: Vec<&[String]> = if metrics.is_empty() {
            whole.iter().map(Vec::as_slice).collect()
        } else {
            metrics.chunks(MAX_METRICS).collect()
        };
        let mut answers = Vec::new();
        for part in parts {
            let mut pairs = self.pairs_of(ask::STUDY);
            pairs.extend(part.iter().map(|metric| (METRICS.name.to_owned(), metric.clone())));
            let asked = ask::study(id.to_owned(), pairs, self.now)?;
            let question = asked.whole(&*self.service.questions, |question, range| question.range = range);
            answers.push(self.service.study(&question)?);
            if self.is_late() {
                break;
            }
        }
        Ok(answers)
    }

    /// A sentence where nothing is recorded in a range.
    pub(super) fn nothing_in(&self, range: TimeRange) -> Option<String> {
        let Some(span) = self.service.questions.recorded_span() else {
            return Some("nothing is recorded yet".to_owned());
        };
        let overlaps = span.from < range.to && span.to > range.from;
        let [from, to] = [span.from, span.to].map(rfc3339::format_seconds);
        (!overlaps).then(|| format!("nothing is recorded in this range; what is recorded goes from {from} to {to}"))
    }
}

/// Whether the rest can be answered without this.
pub(super) fn is_about_size(error: &ApiError) -> bool {
    matches!(error, ApiError::Asked(AskError::TooMuch(_) | AskError::TooSlow(_)))
}

/// The names that begin so, where it is no name itself. Counters have their rates beside them, which are what one looks at.
fn meant(name: &str) -> Vec<String> {
    let beginning = name.strip_suffix('*');
    if beginning.is_none() && derived::named(name).is_some() {
        return vec![name.to_owned()];
    }
    let beginning = beginning.unwrap_or(name);
    let is_meant = |spec: &&SeriesSpec| spec.name.starts_with(beginning) && spec.stored != Some(Kind::Counter);
    derived::all().iter().filter(is_meant).map(|spec| spec.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_stands_for_the_names_that_begin_so() {
        assert_eq!(meant("memory_current_bytes"), ["memory_current_bytes"]);
        let pressure = meant("memory_pressure_*");
        assert!(pressure.len() > 1 && pressure.iter().all(|name| name.starts_with("memory_pressure_")), "{pressure:?}");
        assert_eq!(meant("memory_pressure_"), pressure);
        assert!(meant("no_such_metric").is_empty());
        assert!(meant("cpu_").iter().all(|name| derived::named(name).unwrap().stored != Some(Kind::Counter)));
    }
}
