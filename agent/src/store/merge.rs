//! Several sealed files of a table and hour as one sequence of rows: which rows of which file come next.
//!
//! Reads runs (a subject's rows that follow each other) from footers, or from the key columns where a footer has none, and
//! puts them in the order of a sealed file. No row is decoded to be merged: a column is read run by run and written on. Knows
//! nothing of where the rows go. The surprise: a file whose rows of one subject overlap another file's (the clock went back) is
//! left out as a whole: rows of one subject in a file have strictly rising times, and no row may be lost to that.

mod cursor;
mod input;
mod names;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use parquet::errors::ParquetError;

pub(super) use self::cursor::{Int64Cursor, bool_cursor, int64_cursor, text_cursor};
pub(super) use self::input::Input;
use self::input::Run;
pub(super) use self::names::Names;
use super::footer::{Directory, DirectoryEntry, FooterError};
use super::schema::has_final;
use crate::model::{ColumnSet, Identity, UnixMicros};
use crate::subject::Subject;
use crate::table::Table;

/// Runs merged at once at most: each takes about 200 bytes. Files with more of them stay as they are.
const MOST_RUNS: usize = 200_000;

/// Why files can't be merged.
#[derive(Debug, thiserror::Error)]
pub(super) enum MergeError {
    /// A footer can't be used.
    #[error(transparent)]
    Footer(#[from] FooterError),
    /// A file can't be read.
    #[error("{} can't be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ParquetError,
    },
    /// Another version of the agent wrote columns that this one would lose.
    #[error("{} has a column that this agent does not know, {column:?}", path.display())]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// Rows are not in the order that a sealed file has.
    #[error("{} has rows out of order", path.display())]
    Disorder {
        /// The file.
        path: PathBuf,
    },
}

impl MergeError {
    /// The file that is at fault, which merging had better leave out.
    #[must_use]
    pub(super) fn path(&self) -> &PathBuf {
        match self {
            Self::Footer(
                FooterError::Io { path, .. }
                | FooterError::Newer { path, .. }
                | FooterError::Foreign { path, .. }
                | FooterError::Damaged { path, .. },
            )
            | Self::Read { path, .. }
            | Self::UnknownColumn { path, .. }
            | Self::Disorder { path } => path,
        }
    }
}

/// Rows of one subject that follow each other in an input, and in the output.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// The input, by its position in [`Merge::inputs`].
    pub(super) input: usize,
    /// The rows in it.
    pub(super) rows: Range<u64>,
    /// The subject, by its position among the output's.
    pub(super) subject: usize,
    /// The text columns' values.
    pub(super) texts: Arc<[Option<Arc<str>>]>,
}

/// Sealed files as one sequence of rows.
#[derive(Debug)]
pub(super) struct Merge {
    pub(super) table: Table,
    pub(super) inputs: Vec<Input>,
    /// In the order of the output.
    pub(super) pieces: Vec<Piece>,
    /// The subjects' ids, ascending.
    pub(super) keys: Vec<Arc<str>>,
    /// What the output's footer says.
    pub(super) directory: Directory,
    /// Files that overlap others in time, subject by subject.
    pub(super) left_out: Vec<PathBuf>,
}

impl Merge {
    /// Puts the files of a table in order; `names` is asked for who is called what by now.
    ///
    /// # Errors
    /// A file can't be read or must not be merged.
    pub(super) fn plan(
        table: Table,
        paths: Vec<PathBuf>,
        names: impl Fn(&[&Input]) -> Names,
    ) -> Result<Self, MergeError> {
        let mut opened = paths.into_iter().map(|path| Input::open(table, path)).collect::<Result<Vec<_>, _>>()?;
        opened.sort_by_key(|input| input.footer.directory.span);
        let (mut inputs, mut left_out, mut taken): (Vec<Input>, Vec<PathBuf>, Taken) = Default::default();
        for input in opened {
            let room = taken.runs + input.runs.len() <= MOST_RUNS || inputs.is_empty();
            if room && taken.fits(&input) {
                taken.take(&input);
                inputs.push(input);
            } else {
                left_out.push(input.path);
            }
        }
        let names = names(&inputs.iter().collect::<Vec<_>>());
        let order = in_order(&inputs)?;
        let (pieces, directory) = assemble(table, &inputs, &order, &names);
        let subjects = order.chunk_by(|a, b| run_of(&inputs, a).key == run_of(&inputs, b).key);
        let keys = subjects.map(|runs| Arc::clone(&run_of(&inputs, &runs[0]).key)).collect();
        Ok(Self { table, inputs, pieces, keys, directory, left_out })
    }

    /// The number of rows.
    pub(super) fn rows(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.rows.end - piece.rows.start).sum()
    }

    /// The pieces in groups of whole subjects, of more than `most` rows only where one subject has more.
    pub(super) fn whole_groups(&self, most: u64) -> Vec<&[Piece]> {
        let mut groups = Vec::new();
        let (mut start, mut end, mut rows) = (0, 0, 0);
        for subject in self.pieces.chunk_by(|a, b| a.subject == b.subject) {
            let own: u64 = subject.iter().map(|piece| piece.rows.end - piece.rows.start).sum();
            if rows > 0 && rows + own > most {
                groups.push(&self.pieces[start..end]);
                (start, rows) = (end, 0);
            }
            rows += own;
            end += subject.len();
        }
        if end > start {
            groups.push(&self.pieces[start..end]);
        }
        groups
    }

    /// The pieces cut into groups of at most `most` rows, between subjects where it can.
    pub(super) fn groups(&self, most: u64) -> Vec<Vec<Piece>> {
        let mut groups: Vec<Vec<Piece>> = Vec::new();
        let mut room = 0;
        let mut rest = self.pieces.as_slice();
        while let Some(first) = rest.first() {
            let same = rest.iter().take_while(|piece| piece.subject == first.subject).count();
            let (subject, others) = rest.split_at(same);
            rest = others;
            let rows: u64 = subject.iter().map(|piece| piece.rows.end - piece.rows.start).sum();
            if rows > room {
                room = 0;
            }
            for piece in subject {
                let mut start = piece.rows.start;
                while start < piece.rows.end {
                    if room == 0 {
                        groups.push(Vec::new());
                        room = most;
                    }
                    let end = piece.rows.end.min(start + room);
                    room -= end - start;
                    groups
                        .last_mut()
                        .into_iter()
                        .for_each(|group| group.push(Piece { rows: start..end, ..piece.clone() }));
                    start = end;
                }
            }
        }
        groups
    }
}

/// The last time of each subject in the inputs that were taken so far.
#[derive(Debug, Default)]
struct Taken {
    last: std::collections::HashMap<Arc<str>, UnixMicros>,
    runs: usize,
}

impl Taken {
    /// Whether the rows of each subject are later than all that was taken. Two events may share a time.
    fn fits(&self, input: &Input) -> bool {
        let least = i64::from(input.footer.directory.table != Table::Events);
        let mut own: std::collections::HashMap<&str, UnixMicros> = std::collections::HashMap::new();
        input.runs.iter().all(|run| {
            let before = own.insert(&run.key, run.last).or_else(|| self.last.get(&run.key).copied());
            before.is_none_or(|before| run.first >= before.saturating_add(least))
        })
    }

    fn take(&mut self, input: &Input) {
        self.runs += input.runs.len();
        for run in &input.runs {
            self.last.insert(Arc::clone(&run.key), run.last);
        }
    }
}

/// The runs by subject and time: (input, run). Each input's own order must be the same, or reading would have to go back.
fn in_order(inputs: &[Input]) -> Result<Vec<(usize, usize)>, MergeError> {
    let mut order: Vec<(usize, usize)> = inputs
        .iter()
        .enumerate()
        .flat_map(|(index, input)| (0..input.runs.len()).map(move |run| (index, run)))
        .collect();
    let run = |&(input, run): &(usize, usize)| -> &Run { &inputs[input].runs[run] };
    order.sort_by(|a, b| run(a).key.cmp(&run(b).key).then_with(|| a.0.cmp(&b.0)).then_with(|| a.1.cmp(&b.1)));
    let mut next = vec![0; inputs.len()];
    for &(input, run) in &order {
        if run != next[input] {
            return Err(MergeError::Disorder { path: inputs[input].path.clone() });
        }
        next[input] += 1;
    }
    Ok(order)
}

fn assemble(table: Table, inputs: &[Input], order: &[(usize, usize)], names: &Names) -> (Vec<Piece>, Directory) {
    let spans = inputs.iter().map(|input| input.footer.directory.span);
    let span = spans.reduce(|(first, last), (from, to)| (first.min(from), last.max(to))).unwrap_or_default();
    let mut directory = Directory::new(table, span);
    for input in inputs {
        let Directory { replaces, .. } = &input.footer.directory;
        directory.replaces.extend(replaces.iter().chain([&input.footer.origin.segment]).cloned());
    }
    let (mut pieces, mut known, mut first_row) = (Vec::with_capacity(order.len()), Default::default(), 0);
    for (subject, runs) in order.chunk_by(|a, b| run_of(inputs, a).key == run_of(inputs, b).key).enumerate() {
        let identity = has_final(table).then(|| newest_identity(inputs, runs, names)).flatten();
        let shared: Option<Arc<[Option<Arc<str>>]>> = identity.as_ref().map(|identity| texts_of(table, identity));
        let before = first_row;
        for &(input, index) in runs {
            let run = &inputs[input].runs[index];
            let texts = shared.clone().unwrap_or_else(|| names.named(table, &run.texts));
            first_row += run.rows.end - run.rows.start;
            pieces.push(Piece { input, rows: run.rows.clone(), subject, texts });
        }
        let Some(identity) = identity else { continue };
        let [unsupported, unreadable] =
            absent_columns(inputs, runs).map(|columns| directory.set_index(&mut known, columns));
        let (first, last) = (run_of(inputs, &runs[0]), run_of(inputs, &runs[runs.len() - 1]));
        directory.containers.push(DirectoryEntry {
            identity: Identity::clone(&identity),
            first_row: before,
            rows: first_row - before,
            first_us: first.first,
            last_us: last.last,
            unsupported,
            unreadable,
        });
    }
    (pieces, directory)
}

fn run_of<'a>(inputs: &'a [Input], (input, run): &(usize, usize)) -> &'a Run {
    &inputs[*input].runs[*run]
}

fn entry_of<'a>(inputs: &'a [Input], (input, run): &(usize, usize)) -> Option<&'a DirectoryEntry> {
    inputs[*input].footer.directory.containers.get(*run)
}

fn newest_identity(inputs: &[Input], runs: &[(usize, usize)], names: &Names) -> Option<Arc<Identity>> {
    let newest = runs.last().and_then(|run| entry_of(inputs, run))?;
    let table = inputs[0].footer.directory.table;
    Some(names.identity(table, &newest.identity))
}

fn texts_of(table: Table, identity: &Arc<Identity>) -> Arc<[Option<Arc<str>>]> {
    let subject = match table {
        Table::Pods => Subject::Pod(Arc::clone(identity)),
        _ => Subject::Container(Arc::clone(identity)),
    };
    table.texts().iter().map(|column| (column.get)(&subject).map(Arc::from)).collect()
}

/// Unsupported is what no input supports; unreadable what none has values of otherwise.
fn absent_columns(inputs: &[Input], runs: &[(usize, usize)]) -> [ColumnSet; 2] {
    let mut both: Option<(ColumnSet, ColumnSet)> = None;
    for run in runs {
        let Some(entry) = entry_of(inputs, run) else { continue };
        let input = &inputs[run.0];
        let set = |index: usize| input.column_sets.get(index).copied().unwrap_or_default();
        let (unsupported, absent) = (set(entry.unsupported), set(entry.unsupported).union(&set(entry.unreadable)));
        both = Some(both.map_or((unsupported, absent), |(all_unsupported, all_absent)| {
            (all_unsupported.intersection(&unsupported), all_absent.intersection(&absent))
        }));
    }
    let (unsupported, absent) = both.unwrap_or_default();
    [unsupported, absent.difference(&unsupported)]
}
