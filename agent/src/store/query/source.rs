//! Where the rows of a scan are: sealed files and rows in memory, as they were at one moment.
//!
//! Taken under the store's lock, so that no row is in two of them or in none; what is in memory is copied. The surprise:
//! sources whose times overlap are kept together, because rows of one subject may lie in several of them in any order after
//! the wall clock was set back.

use std::collections::HashMap;
use std::sync::Arc;

use super::Held;
use super::decode::{Rows, asks_memory};
use super::runs::{Run, owner_id};
use crate::model::UnixMicros;
use crate::resolution::Resolution;
use crate::scan::{Scan, Wanted};
use crate::store::catalog::{Catalog, FileRows, Filed, SealedFile};
use crate::store::segment::{Segment, Series};
use crate::store::tail::Tail;
use crate::subject::Subject;
use crate::table::Table;

/// What is decoded of a file at once, where it may be parted; a subject's rows of an hour may be more. Several parts are in
/// memory at once, one for each thread and those that wait to be taken. Tests of small files want parts as well.
const PART_BYTES: u64 = if cfg!(test) { 1 << 10 } else { 8 << 20 };

/// What is held at one moment.
pub(crate) struct Seen<'a> {
    /// The sealed files.
    pub(crate) catalog: &'a Catalog,
    /// What is in memory, oldest first.
    pub(crate) memory: Vec<InMemory<'a>>,
    /// Who lives; none where nobody records.
    pub(crate) tail: Option<&'a Tail>,
}

/// A segment in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InMemory<'a> {
    /// Its rows.
    pub(crate) segment: &'a Segment,
    /// The node that they are of.
    pub(crate) node: &'a str,
    /// The sampling interval.
    pub(crate) interval_usec: u64,
}

/// A sealed file with wanted rows.
#[derive(Debug)]
pub(super) struct FileSource {
    pub(super) sealed: Arc<SealedFile>,
    /// Whose rows lie where, as far as they are wanted; `None` where the file itself must be asked.
    pub(super) runs: Option<Vec<Run>>,
}

/// Wanted rows in memory.
#[derive(Debug)]
pub(super) struct MemorySource {
    pub(super) node: Arc<str>,
    pub(super) interval_usec: i64,
    pub(super) series: Vec<MemorySeries>,
}

/// A subject's rows in memory.
#[derive(Debug)]
pub(super) struct MemorySeries {
    pub(super) key: Arc<str>,
    pub(super) subject: Subject,
    pub(super) encoded: Vec<u8>,
    span: (UnixMicros, UnixMicros),
}

/// A source of rows.
#[derive(Debug)]
pub(super) enum Source {
    File(FileSource),
    Memory(MemorySource),
}

impl Source {
    /// The number of its file.
    pub(super) fn file(&self) -> Option<u64> {
        match self {
            Self::File(file) => Some(file.sealed.number),
            Self::Memory(_) => None,
        }
    }

    fn span(&self) -> (UnixMicros, UnixMicros) {
        match self {
            Self::File(file) => (file.sealed.first, file.sealed.last),
            Self::Memory(memory) => {
                let spans = memory.series.iter().map(|series| series.span);
                spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default()
            }
        }
    }

    /// The node that its rows are of.
    pub(super) fn node(&self) -> &str {
        match self {
            Self::File(file) => &file.sealed.node,
            Self::Memory(memory) => &memory.node,
        }
    }

    /// The sampling interval of the run that wrote it.
    pub(super) fn interval_usec(&self) -> i64 {
        match self {
            Self::File(file) => file.sealed.interval_usec,
            Self::Memory(memory) => memory.interval_usec,
        }
    }
}

/// The sources of a scan, in groups that do not overlap, by time.
pub(super) fn sources(held: &dyn Held, scan: &Scan) -> Vec<Vec<Source>> {
    let mut sources = Vec::new();
    held.look(&mut |seen| {
        sources = files(seen.catalog, scan);
        if asks_memory(scan) {
            sources.extend(seen.memory.iter().filter_map(|memory| in_memory(memory, scan)).map(Source::Memory));
        }
    });
    sources.sort_by_key(Source::span);
    grouped(sources).into_iter().flat_map(|group| parted(group, scan.columns.len())).collect()
}

/// A file that stands alone and of which much is wanted, in parts of whole subjects: all columns of an hour of a node are too
/// much for memory at once.
fn parted(mut group: Vec<Source>, columns: usize) -> Vec<Vec<Source>> {
    let alone = match &mut group[..] {
        [Source::File(FileSource { sealed, runs: Some(runs) })] => (Arc::clone(sealed), std::mem::take(runs)),
        _ => return vec![group],
    };
    let (sealed, runs) = alone;
    let mut parts: Vec<Vec<Source>> = Vec::new();
    let (mut part, mut bytes) = (Vec::new(), 0);
    let mut end = |part: Vec<Run>| {
        parts.push(vec![Source::File(FileSource { sealed: Arc::clone(&sealed), runs: Some(part) })]);
    };
    for run in runs {
        let own = Rows::bytes((run.rows.end - run.rows.start) as usize, columns);
        if bytes + own > PART_BYTES && !part.is_empty() {
            end(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += own;
        part.push(run);
    }
    end(part);
    parts
}

fn files(catalog: &Catalog, scan: &Scan) -> Vec<Source> {
    let wanted = catalog
        .files_between(scan.from, scan.to)
        .filter(|file| (file.table, file.resolution) == (scan.table, scan.resolution));
    let mut known = Known::new();
    let source = |sealed: &Arc<SealedFile>| {
        let listed = (sealed.table, sealed.resolution) == (Table::Containers, Resolution::Raw);
        let runs = listed.then(|| container_runs((catalog, &mut known), sealed, scan));
        let has_rows = runs.as_ref().is_none_or(|runs| !runs.is_empty());
        has_rows.then(|| Source::File(FileSource { sealed: Arc::clone(sealed), runs }))
    };
    wanted.filter_map(source).collect()
}

/// The containers of a scan by their numbers: what the catalogue keeps small is unfolded once.
type Known = HashMap<u32, (Arc<str>, Subject)>;

fn container_runs((catalog, known): (&Catalog, &mut Known), sealed: &SealedFile, scan: &Scan) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut add = |(number, filed, found): (u32, &Filed, FileRows)| {
        if found.first >= scan.to || found.last < scan.from {
            return;
        }
        let (key, subject) = known.entry(number).or_insert_with(|| {
            let identity = filed.identity();
            (Arc::from(identity.container_id.as_str()), Subject::Container(Arc::new(identity)))
        });
        let (key, subject) = (Arc::clone(key), subject.clone());
        runs.push(Run { key, subject, rows: found.rows, first: found.first, last: found.last });
    };
    match &scan.wanted {
        Wanted::All => catalog.entries(sealed).for_each(&mut add),
        Wanted::Ids(ids) => ids.iter().filter_map(|id| catalog.entry(sealed, id)).for_each(&mut add),
    }
    runs.sort_unstable_by_key(|run| run.rows.start);
    runs
}

fn in_memory(memory: &InMemory<'_>, scan: &Scan) -> Option<MemorySource> {
    let wanted = |series: &&Series| {
        let owner = scan.wanted == Wanted::All || owner_id(&series.subject).is_some_and(|id| scan.wanted.contains(id));
        owner && series.first < scan.to && series.last() >= scan.from
    };
    let copy = |series: &Series| MemorySeries {
        key: Arc::from(&*series.subject.id()),
        subject: series.subject.clone(),
        encoded: series.encoded().to_vec(),
        span: (series.first, series.last()),
    };
    let series: Vec<MemorySeries> = memory.segment.of(scan.table).filter(wanted).map(copy).collect();
    let interval_usec = i64::try_from(memory.interval_usec).unwrap_or(i64::MAX);
    (!series.is_empty()).then(|| MemorySource { node: Arc::from(memory.node), interval_usec, series })
}

fn grouped(sources: Vec<Source>) -> Vec<Vec<Source>> {
    let mut groups: Vec<Vec<Source>> = Vec::new();
    let mut reached = i64::MIN;
    for source in sources {
        let (first, last) = source.span();
        match groups.last_mut() {
            Some(group) if first <= reached => group.push(source),
            _ => groups.push(vec![source]),
        }
        reached = reached.max(last);
    }
    groups
}
