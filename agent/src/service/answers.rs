//! Who answers questions about recorded rows: the seam between the service and what reads and computes.
//!
//! Knows no files and no formats. `app` brings the real thing, tests a fake. The surprise: every method but
//! [`Questions::ticks`] may read files and take its time, so it is called from blocking threads only.

use std::io::Write;

use crate::service::containers::{ContainersReply, Filter};
use crate::service::filters::FiltersAnswer;
use crate::service::question::{
    AskError, ExportQuestion, ProcessesAnswer, ProcessesQuestion, SeriesAnswer, SeriesQuestion, TimeRange, TopAnswer,
    TopQuestion,
};

/// A question for the list of containers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainersQuestion {
    /// Those that pass, and how many of them.
    pub filter: Filter,
    /// Only those with rows in this range; none for all of which rows are kept.
    pub range: Option<TimeRange>,
    /// Only those that have this metric, by its name in the catalogue.
    pub metric: Option<String>,
    /// In which order.
    pub order: Order,
}

/// The order of a list of containers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The one whose rows begin last is first.
    #[default]
    Newest,
    /// The one whose rows begin first is first.
    Oldest,
    /// By namespace, pod and container; those without names come last, by path.
    Name,
}

/// The answers to questions about recorded rows.
pub trait Questions: Send + Sync {
    /// Series of numbers.
    ///
    /// # Errors
    /// As [`AskError`] says.
    fn series(&self, question: &SeriesQuestion) -> Result<SeriesAnswer, AskError>;

    /// Those with the largest values.
    ///
    /// # Errors
    /// As [`AskError`] says.
    fn top(&self, question: &TopQuestion) -> Result<TopAnswer, AskError>;

    /// The processes of a container at a moment.
    ///
    /// # Errors
    /// As [`AskError`] says.
    fn processes(&self, question: &ProcessesQuestion) -> Result<ProcessesAnswer, AskError>;

    /// What can be chosen from among the containers with rows in the range, or among all.
    ///
    /// # Errors
    /// As [`AskError`] says.
    fn filters(&self, range: Option<TimeRange>) -> Result<FiltersAnswer, AskError>;

    /// The list of containers.
    ///
    /// # Errors
    /// As [`AskError`] says.
    fn containers(&self, question: &ContainersQuestion) -> Result<ContainersReply, AskError>;

    /// From the first row that is kept to after the last one; none without rows.
    fn recorded_span(&self) -> Option<TimeRange>;

    /// Whether all rows of a range are in files: the same question about it has the same answer, until retention.
    fn is_sealed(&self, range: TimeRange) -> bool;

    /// Writes recorded rows as it reads them, and stops when they are not taken any more.
    ///
    /// # Errors
    /// As [`AskError`] says; one that comes before the first byte is a plain answer to the asker.
    fn export(&self, question: &ExportQuestion, out: &mut (dyn Write + Send)) -> Result<(), AskError>;

    /// A number that grows with every tick that can be asked for. Cheap, and called from async threads.
    fn ticks(&self) -> u64;
}
