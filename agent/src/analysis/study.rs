//! Studies: each looks at a series for one known shape of trouble and tells what it finds, with times, sizes and confidence.
//!
//! Pure and deterministic: a [`Signal`] in, a [`Report`] out. Nothing depends on the unit of the values: a series in bytes has the
//! findings of the same series in GiB; [`Words`] only write numbers out. All take n log n time or less, work across gaps, and say
//! in a note where there is too little to judge by. The surprise: noise is never assumed to be white; each study compares with what
//! the series itself does at the same time scale, so bursts and sawteeth are no findings.

use crate::model::UnixMicros;

pub mod changed;
pub mod changepoint;
pub mod compare;
pub mod correlate;
pub mod flatline;
pub mod gaps;
pub mod oom;
pub mod oscillation;
pub mod periodicity;
pub mod robust;
pub mod saturation;
pub mod signal;
pub mod spikes;
#[cfg(test)]
pub(crate) mod testing;
pub mod throttling;
pub mod trend;
pub mod words;

pub use signal::Signal;
pub use words::Words;

/// A study.
pub trait Study: Send + Sync {
    /// Which one it is, and what it takes.
    fn about(&self) -> &'static About;

    /// Looks at a series. Findings are in time order unless [`About::description`] says otherwise.
    fn analyze(&self, input: &Input<'_>, settings: &Settings) -> Report;
}

/// What is known of a study before it is asked.
#[derive(Debug, PartialEq)]
pub struct About {
    /// What it is asked for by: `changepoint`.
    pub id: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// What it finds, in a sentence or two.
    pub description: &'static str,
    /// What it looks at.
    pub needs: Needs,
    /// What may be set.
    pub parameters: &'static [Parameter],
}

/// What a study looks at beside the range that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// One series.
    Series,
    /// One series, and what limits it where something does.
    Limit,
    /// These series of one container, and its events.
    Container(&'static [&'static str]),
    /// One series, and others to compare it with.
    Others,
    /// One series, and another one: of another time or container.
    Baseline,
    /// A window, and series over a longer time that ends with it.
    Window,
}

/// A number that may be set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it does, with its unit.
    pub help: &'static str,
    /// What it is unless set.
    pub default: f64,
    /// The least that it may be.
    pub min: f64,
    /// The most.
    pub max: f64,
}

/// What was set; the rest has its default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings(Vec<(&'static str, f64)>);

impl Settings {
    /// Sets a parameter.
    ///
    /// # Errors
    /// It is out of bounds.
    pub fn set(&mut self, parameter: &Parameter, value: f64) -> Result<(), (f64, f64)> {
        if !(parameter.min..=parameter.max).contains(&value) {
            return Err((parameter.min, parameter.max));
        }
        self.0.push((parameter.name, value));
        Ok(())
    }

    /// A parameter of a study: as set last, or its default.
    #[must_use]
    pub fn get(&self, parameter: &Parameter) -> f64 {
        self.0.iter().rev().find(|(name, _)| *name == parameter.name).map_or(parameter.default, |(_, value)| *value)
    }
}

/// What a study looks at.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The series that is asked about.
    pub signal: &'a Signal,
    /// Writes its values out.
    pub words: &'a Words,
    /// What limits it, in its unit, where that is known: of [`Needs::Limit`].
    pub limit: Option<&'a Signal>,
    /// Other series with their names: of [`Needs::Container`] by metric, of the rest by whatever tells them apart.
    pub others: &'a [(String, Signal)],
    /// What happened in the range, in time order: of [`Needs::Container`].
    pub happenings: &'a [Happening],
}

impl<'a> Input<'a> {
    /// One series alone.
    #[must_use]
    pub fn of(signal: &'a Signal, words: &'a Words) -> Self {
        Self { signal, words, limit: None, others: &[], happenings: &[] }
    }

    /// Another series by its name.
    #[must_use]
    pub fn other(&self, name: &str) -> Option<&'a Signal> {
        self.others.iter().find(|(known, _)| known == name).map(|(_, signal)| signal)
    }
}

/// An event as studies see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub time: UnixMicros,
    /// As in the table `events`: `oom_kill`.
    pub kind: String,
    /// It happened to the very container that is looked at, not to one that was in its place before or after.
    pub is_own: bool,
    /// What it says.
    pub message: String,
}

/// What a study found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The findings.
    pub findings: Vec<Finding>,
    /// What keeps it from finding more: too few readings, long gaps. One sentence each.
    pub notes: Vec<String>,
}

impl Report {
    /// Nothing found, for a reason.
    #[must_use]
    pub fn none(why: impl Into<String>) -> Self {
        Self { findings: Vec::new(), notes: vec![why.into()] }
    }

    /// Nothing found, for there are too few readings.
    #[must_use]
    pub fn too_little(found: usize, needed: usize) -> Self {
        Self::none(format!("too little data: {found} readings, {needed} are needed"))
    }
}

/// Something found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which shape: `level_shift`.
    pub kind: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// From when.
    pub from: UnixMicros,
    /// Until when; the same for a moment.
    pub to: UnixMicros,
    /// How sure it is, from 0 to 1.
    pub confidence: f64,
    /// Its sizes.
    pub measures: Vec<Measure>,
    /// All of that in one sentence.
    pub sentence: String,
}

impl Finding {
    /// A size by its name.
    #[must_use]
    pub fn measure(&self, name: &str) -> Option<f64> {
        self.measures.iter().find(|measure| measure.name == name).map(|measure| measure.value)
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Worth a look.
    Notice,
    /// Trouble ahead, or already felt.
    Warning,
    /// Something broke, or is about to.
    Critical,
}

/// A size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// What it is: `before`.
    pub name: &'static str,
    /// How much.
    pub value: f64,
    /// Of what.
    pub of: Of,
}

/// What a size is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The series' own unit.
    Value,
    /// The same per second.
    ValuePerSecond,
    /// Seconds.
    Seconds,
    /// A time, in microseconds since 1970.
    Time,
    /// Standard deviations of the noise.
    Sigmas,
    /// A share from 0 to 1, or a ratio.
    Ratio,
    /// A number of things.
    Count,
    /// This unit, of a study that looks at several series.
    Unit(&'static str),
}

/// A size in the series' own unit, and so on.
#[must_use]
pub fn measure(name: &'static str, value: f64, of: Of) -> Measure {
    Measure { name, value, of }
}
