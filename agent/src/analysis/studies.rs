//! Every study, once: lists, questions and documents go by this.

use crate::analysis::study::Study;
use crate::analysis::study::changed::Changed;
use crate::analysis::study::changepoint::Changepoint;
use crate::analysis::study::compare::Compare;
use crate::analysis::study::correlate::Correlate;
use crate::analysis::study::flatline::Flatline;
use crate::analysis::study::gaps::Gaps;
use crate::analysis::study::oom::OomStory;
use crate::analysis::study::oscillation::Oscillation;
use crate::analysis::study::periodicity::Periodicity;
use crate::analysis::study::saturation::Saturation;
use crate::analysis::study::spikes::Spikes;
use crate::analysis::study::throttling::Throttling;
use crate::analysis::study::trend::Trend;

/// Every study, in the order in which they are best tried.
pub static ALL: &[&(dyn Study + Sync)] = &[
    &Changepoint,
    &Trend,
    &Periodicity,
    &Spikes,
    &Saturation,
    &Oscillation,
    &Flatline,
    &Gaps,
    &Throttling,
    &OomStory,
    &Correlate,
    &Changed,
    &Compare,
];

/// The study of an id.
#[must_use]
pub fn named(id: &str) -> Option<&'static dyn Study> {
    ALL.iter().find(|study| study.about().id == id).map(|study| *study as &dyn Study)
}
