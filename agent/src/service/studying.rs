//! Has studies look at what is recorded: finds out whose series are meant, has them read one by one, and collects what is found.
//!
//! Knows what is recorded through [`Questions`] and [`Recorded`] alone. A counter is studied as its rate. The surprise: of a range
//! whose readings are gone, the means of minutes are studied, and the answer says so.

mod beside;
mod reading;

use std::time::Instant;

use self::beside::Beside;
pub(super) use self::beside::happenings;
use self::reading::{One, Reader};
use crate::analysis::studies;
use crate::analysis::study::{About, Input, Needs, Report, Settings, Signal, Study, Words};
use crate::service::answers::{ContainersQuestion, Questions};
use crate::service::asking::TIME_LIMIT;
use crate::service::containers::{Filter, Sandboxes};
use crate::service::question::{AskError, Selection, TimeRange};
use crate::service::study::{MAX_STUDIED, Studied, StudyAnswer, StudyQuestion};
use crate::service::{Recorded, Service};
use crate::table::Table;

impl Service {
    /// What a study finds.
    ///
    /// # Errors
    /// As [`AskError`] says.
    pub fn study(&self, question: &StudyQuestion) -> Result<StudyAnswer, AskError> {
        study(&*self.questions, &*self.recorded, question)
    }
}

/// What a study finds in what is recorded.
///
/// # Errors
/// As [`AskError`] says.
pub fn study(
    questions: &dyn Questions,
    recorded: &dyn Recorded,
    question: &StudyQuestion,
) -> Result<StudyAnswer, AskError> {
    Studying::new(questions, recorded).answer(question)
}

/// What is to be done.
pub(super) struct Job<'q> {
    question: &'q StudyQuestion,
    study: &'static dyn Study,
    settings: Settings,
}

impl Job<'_> {
    fn look(&self, input: &Input<'_>) -> Report {
        self.study.analyze(input, &self.settings)
    }
}

/// One question under way.
#[derive(Clone, Copy)]
pub(super) struct Studying<'a> {
    questions: &'a dyn Questions,
    recorded: &'a dyn Recorded,
    deadline: Instant,
}

impl<'a> Studying<'a> {
    pub(super) fn new(questions: &'a dyn Questions, recorded: &'a dyn Recorded) -> Self {
        Self { questions, recorded, deadline: Instant::now() + TIME_LIMIT }
    }

    /// Answers a question.
    pub(super) fn answer(&self, question: &StudyQuestion) -> Result<StudyAnswer, AskError> {
        let study = known(&question.study)?;
        let about = study.about();
        let job = Job { question, study, settings: settings(about, &question.settings)? };
        let mut answer = StudyAnswer { about, range: question.range, studied: Vec::new(), notes: Vec::new() };
        match about.needs {
            Needs::Container(_) | Needs::Window if !question.metrics.is_empty() => {
                let sentence = format!("{} looks at a container as a whole: leave out metric", about.id);
                return Err(AskError::Invalid(sentence));
            }
            Needs::Container(metrics) => self.containers(&job, metrics, &mut answer)?,
            Needs::Window => self.window(&job, &mut answer)?,
            Needs::Series | Needs::Limit | Needs::Others | Needs::Baseline => self.metrics(&job, &mut answer)?,
        }
        Ok(answer)
    }

    fn in_time(&self) -> Result<(), AskError> {
        if Instant::now() < self.deadline {
            return Ok(());
        }
        Err(AskError::TooSlow("this takes too long: ask for fewer containers, or a shorter range".to_owned()))
    }

    fn reader(&self) -> Reader<'a> {
        Reader { questions: self.questions }
    }

    /// Each metric of each subject.
    fn metrics(&self, job: &Job<'_>, answer: &mut StudyAnswer) -> Result<(), AskError> {
        let question = job.question;
        if question.metrics.is_empty() {
            let sentence = format!("{} looks at a metric: one is needed; /api/metrics lists all", answer.about.id);
            return Err(AskError::Invalid(sentence));
        }
        let beside = Beside { reader: self.reader(), question };
        for metric in &question.metrics {
            let spec = reading::spec(metric)?;
            for selection in self.selections(spec.table, question)? {
                self.in_time()?;
                let points = beside.points(answer.about.needs)?;
                let series = self.reader().series(&spec.name, &selection, question.range, points)?;
                reading::note_minutes(&series, &mut answer.notes);
                for one in series {
                    answer.studied.push(beside.studied(job, one, &selection)?);
                }
                limit(answer.studied.len())?;
            }
        }
        Ok(())
    }

    /// Each container as a whole.
    fn containers(&self, job: &Job<'_>, metrics: &[&str], answer: &mut StudyAnswer) -> Result<(), AskError> {
        let question = job.question;
        for selection in self.each(question)? {
            self.in_time()?;
            let mut others: Vec<(String, Signal)> = Vec::new();
            let (mut labels, mut readings, mut step) = (None, 0, 0);
            for metric in metrics {
                for one in self.reader().all(metric, &selection, question.range)? {
                    (readings, step) = (readings.max(one.signal.len()), one.signal.step_usec());
                    labels.get_or_insert(one.labels);
                    others.push(((*metric).to_owned(), one.signal));
                }
            }
            let Some(labels) = labels else { continue };
            let happenings = happenings(self.recorded, &labels, question.range)?;
            let (nothing, words) = (Signal::default(), Words { unit: "" });
            let input = Input { others: &others, happenings: &happenings, ..Input::of(&nothing, &words) };
            let report = job.look(&input);
            let (findings, notes) = (report.findings, report.notes);
            answer.studied.push(Studied { metric: None, unit: "", labels, readings, step_usec: step, findings, notes });
        }
        Ok(())
    }

    /// The window of all metrics of the containers together.
    fn window(&self, job: &Job<'_>, answer: &mut StudyAnswer) -> Result<(), AskError> {
        let question = job.question;
        let TimeRange { from, to } = question.range;
        let long = (to - from).max(1);
        let whole = TimeRange { from: from.saturating_sub(long.saturating_mul(4)), to };
        let mut others = Vec::new();
        for metric in beside::KEY_METRICS {
            self.in_time()?;
            let series = self.reader().buckets(metric, &question.selection, whole, 2_000)?;
            others.extend(series.into_iter().map(|one| (one.named(), one.signal)));
        }
        let steps = others.iter().map(|(_, signal)| signal.step_usec()).min().unwrap_or(1);
        let window = Signal::new(&[from, to.saturating_sub(1)], &[0.0, 0.0]);
        let words = Words { unit: "" };
        let report = job.look(&Input { others: &others, ..Input::of(&window, &words) });
        let readings = others.iter().map(|(_, signal)| signal.len()).sum();
        let (labels, findings, notes) = (std::collections::BTreeMap::new(), report.findings, report.notes);
        answer.studied.push(Studied { metric: None, unit: "", labels, readings, step_usec: steps, findings, notes });
        Ok(())
    }

    /// The containers that are meant one by one, so that their points are not in memory together. Whether one that is named is there,
    /// and passes the filter, is for whoever reads its series.
    fn each(&self, question: &StudyQuestion) -> Result<Vec<Selection>, AskError> {
        let Selection { containers, filter } = &question.selection;
        if !containers.is_empty() {
            let one = |id: &String| Selection {
                filter: Filter { sandboxes: Sandboxes::Included, ..filter.clone() },
                containers: vec![id.clone()],
            };
            return Ok(containers.iter().map(one).collect());
        }
        let asked =
            ContainersQuestion { filter: filter.clone(), range: Some(question.range), ..ContainersQuestion::default() };
        let all = self.questions.containers(&asked)?;
        limit(all.total)?;
        Ok(all.ids().map(only).collect())
    }

    /// The subjects of a table one by one.
    fn selections(&self, table: Table, question: &StudyQuestion) -> Result<Vec<Selection>, AskError> {
        if is_of_node(table) { Ok(vec![question.selection.clone()]) } else { self.each(question) }
    }
}

/// Whether a table has rows of no container.
fn is_of_node(table: Table) -> bool {
    matches!(table, Table::Node | Table::Disks)
}

pub(super) fn only(id: &str) -> Selection {
    let filter = Filter { sandboxes: Sandboxes::Included, ..Filter::default() };
    Selection { containers: vec![id.to_owned()], filter }
}

fn limit(series: usize) -> Result<(), AskError> {
    if series <= MAX_STUDIED {
        return Ok(());
    }
    Err(AskError::TooMuch(format!("this is about more than {MAX_STUDIED} series: ask for fewer containers or metrics")))
}

/// The study of an id.
fn known(id: &str) -> Result<&'static dyn Study, AskError> {
    studies::named(id).ok_or_else(|| {
        let ids: Vec<&str> = studies::ALL.iter().map(|study| study.about().id).collect();
        let nearest = ids.iter().max_by(|a, b| strsim::jaro_winkler(a, id).total_cmp(&strsim::jaro_winkler(b, id)));
        let nearest = nearest.copied().unwrap_or_default();
        AskError::NotFound(format!("there is no study {id:?}; the nearest is {nearest}; there is {}", ids.join(", ")))
    })
}

/// What is set, checked against what the study takes.
fn settings(about: &About, given: &[(String, f64)]) -> Result<Settings, AskError> {
    let mut settings = Settings::default();
    for (name, value) in given {
        let parameter = about.parameters.iter().find(|known| known.name == name).ok_or_else(|| {
            let names: Vec<&str> = about.parameters.iter().map(|known| known.name).collect();
            let there_is = if names.is_empty() { "it takes none".to_owned() } else { names.join(", ") };
            AskError::Invalid(format!("{} has no parameter {name:?}; there is {there_is}", about.id))
        })?;
        settings.set(parameter, *value).map_err(|(min, max)| {
            AskError::Invalid(format!("the parameter {name} of {} is a number from {min} to {max}", about.id))
        })?;
    }
    Ok(settings)
}

impl One {
    /// What tells it from others in a sentence.
    fn named(&self) -> String {
        let label = |name: &str| self.labels.get(name).map(String::as_str);
        let who = match (label("pod"), label("container"), label("container_id")) {
            (Some(pod), Some(container), _) => format!("{pod}/{container}"),
            (_, _, Some(id)) => id.chars().take(12).collect(),
            (Some(pod), ..) => pod.to_owned(),
            _ => label("node").unwrap_or_default().to_owned(),
        };
        let what = ["interface", "device", "comm"].into_iter().filter_map(label).collect::<Vec<_>>().join(" ");
        [who.as_str(), &self.metric, &what].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}
