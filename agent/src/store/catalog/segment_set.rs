//! Ids of segments, and sets of them in little memory.
//!
//! A file of an hour was made of some forty segments, and says of which; a run numbers its segments, so a set is a few spans.
//! Pure. The surprise: an id that this agent would not have made is a run of its own, with one segment.

use std::fmt;
use std::sync::Arc;

use super::super::layout::{self, Made};
use super::pool::Pool;

/// The id of a segment, or of a file that was made of others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId {
    pub(super) series: Series,
    pub(super) number: u64,
}

/// Ids that are numbered together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Series {
    run: Arc<str>,
    /// None where `run` is all of the id.
    made: Option<Made>,
}

impl SegmentId {
    /// An id as footers have it; equal runs are kept once.
    pub(super) fn of(text: &str, runs: &mut Pool<str>) -> Self {
        let (run, made, number) = match layout::parse_id(text) {
            Some((run, made, number)) => (run, Some(made), number),
            None => (text, None, 0),
        };
        Self { series: Series { run: runs.share(run), made }, number }
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.series.made {
            Some(Made::Sealed) => out.write_str(&layout::segment_id(&self.series.run, self.number)),
            Some(Made::Merged) => out.write_str(&layout::merged_id(&self.series.run, self.number)),
            None => out.write_str(&self.series.run),
        }
    }
}

/// Numbers of a series that follow each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) series: Series,
    pub(super) first: u64,
    pub(super) last: u64,
}

/// Ids of segments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentSet {
    /// In order, apart from each other.
    spans: Box<[Span]>,
}

impl SegmentSet {
    /// The ids of a footer's list.
    pub(super) fn of(texts: &[String], runs: &mut Pool<str>) -> Self {
        texts.iter().map(|text| SegmentId::of(text, runs)).collect()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.spans.iter().map(|span| span.last - span.first + 1).sum()
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn contains(&self, id: &SegmentId) -> bool {
        self.spans.iter().any(|span| span.series == id.series && (span.first..=span.last).contains(&id.number))
    }

    /// Whether all of them are among the others.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        let holds =
            |own: &Span, span: &Span| span.series == own.series && span.first <= own.first && own.last <= span.last;
        self.spans.iter().all(|own| other.spans.iter().any(|span| holds(own, span)))
    }

    /// Whether some of them are among the others.
    #[must_use]
    pub fn intersects(&self, other: &Self) -> bool {
        let meet =
            |own: &Span, span: &Span| span.series == own.series && span.first <= own.last && own.first <= span.last;
        self.spans.iter().any(|own| other.spans.iter().any(|span| meet(own, span)))
    }

    /// These and others.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::joined(self.spans.iter().chain(&other.spans).cloned().collect())
    }

    /// These and one more.
    #[must_use]
    pub fn with(&self, id: &SegmentId) -> Self {
        self.union(&std::iter::once(id.clone()).collect())
    }

    /// Each of them.
    pub fn ids(&self) -> impl Iterator<Item = SegmentId> {
        let numbers = |span: &Span| {
            (span.first..=span.last).map({
                let series = span.series.clone();
                move |number| SegmentId { series: series.clone(), number }
            })
        };
        self.spans.iter().flat_map(numbers)
    }

    pub(super) fn spans(&self) -> &[Span] {
        &self.spans
    }

    fn joined(mut spans: Vec<Span>) -> Self {
        spans.sort_unstable();
        spans.dedup_by(|next, before| {
            let follows = next.series == before.series && next.first <= before.last.saturating_add(1);
            if follows {
                before.last = before.last.max(next.last);
            }
            follows
        });
        Self { spans: spans.into() }
    }
}

impl FromIterator<SegmentId> for SegmentSet {
    fn from_iter<I: IntoIterator<Item = SegmentId>>(ids: I) -> Self {
        let span = |id: SegmentId| Span { series: id.series, first: id.number, last: id.number };
        Self::joined(ids.into_iter().map(span).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = BTreeSet<String>> {
        let number = prop_oneof![0..12_u64, Just(u64::MAX), Just(u64::MAX - 1)];
        let id = prop_oneof![
            ("[ab]", number.clone()).prop_map(|(run, number)| layout::segment_id(&run, number)),
            ("[ab]", number).prop_map(|(run, number)| layout::merged_id(&run, number)),
            "[ab](/0[0-9])?",
            ".{0,3}",
        ];
        proptest::collection::btree_set(id, 0..20)
    }

    proptest! {
        #[test]
        fn a_set_is_what_a_set_of_the_texts_is(one in texts(), other in texts()) {
            let mut runs = Pool::default();
            let set = |texts: &BTreeSet<String>, runs: &mut Pool<str>| {
                SegmentSet::of(&texts.iter().cloned().collect::<Vec<_>>(), runs)
            };
            let (a, b) = (set(&one, &mut runs), set(&other, &mut runs));
            let back = |set: &SegmentSet| set.ids().map(|id| id.to_string()).collect::<BTreeSet<_>>();
            prop_assert_eq!(&back(&a), &one);
            prop_assert_eq!((a.len(), a.is_empty()), (one.len() as u64, one.is_empty()));
            prop_assert_eq!(a.is_subset(&b), one.is_subset(&other));
            prop_assert_eq!(a.intersects(&b), !one.is_disjoint(&other));
            prop_assert_eq!(back(&a.union(&b)), one.union(&other).cloned().collect::<BTreeSet<_>>());
            for text in &other {
                let id = SegmentId::of(text, &mut runs);
                prop_assert_eq!(a.contains(&id), one.contains(text));
                prop_assert_eq!(a.with(&id).len(), (one.len() + usize::from(!one.contains(text))) as u64);
            }
        }
    }

    #[test]
    fn forty_segments_of_a_run_are_one_span() {
        let texts: Vec<String> = (7..47).rev().map(|number| layout::segment_id("run", number)).collect();
        assert_eq!(SegmentSet::of(&texts, &mut Pool::default()).spans.len(), 1);
    }
}
