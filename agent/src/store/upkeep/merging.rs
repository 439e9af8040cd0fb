//! Merges the files of hours that are over, and writes their rollups.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, BufWriter};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Upkeep;
use crate::model::{HOUR_USEC, UnixMicros};
use crate::store::catalog::{Catalog, Inserted, SealedFile, SegmentSet};
use crate::store::durable::{create_directories, rename_new, sync_directory};
use crate::store::files::remove;
use crate::store::footer::{Directory, Footer, FooterError, Origin};
use crate::store::hour_file::{self, HourError};
use crate::store::layout::{self, SealedName};
use crate::store::merge::{Input, Merge, MergeError, Names};
use crate::store::prove;
use crate::store::resolution::Resolution;
use crate::store::retention::ROLLUP_SHARE;
use crate::store::rollup_file::{self, Minutes};
use crate::store::segment::Segment;
use crate::table::Table;

/// Files merged at once at most: each is open and takes a descriptor and its footer. The next ones are merged with the outcome.
const MOST_INPUTS: usize = 64;
/// How long what failed is left alone.
const BACK_OFF: Duration = Duration::from_secs(600);

/// Why a file was not made of others.
#[derive(Debug, thiserror::Error)]
enum UpkeepError {
    #[error(transparent)]
    Hour(#[from] HourError),
    #[error("{} can't be written: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} was not written as it should: {reason}", path.display())]
    Unproven { path: PathBuf, reason: String },
}

impl From<MergeError> for UpkeepError {
    fn from(error: MergeError) -> Self {
        Self::Hour(error.into())
    }
}

/// Files that belong together: of one table, node and hour.
type Group<'a> = (Table, &'a str, i64);

impl Upkeep {
    /// Makes of each hour that is over one file per table, and its rollup; oldest first.
    pub(super) fn merge_hours(&mut self, now: UnixMicros) {
        let mut tried = BTreeSet::new();
        let time = self.clock.monotonic();
        self.retry_at.retain(|_, at| *at > time);
        while !self.is_stopping() {
            let Some(task) = self.next_task(now, &tried) else { return };
            let done = self.attempt(&task, |upkeep| match &task {
                Task::Merge(table, files) => upkeep.merge((*table, files.clone())),
                Task::RollUp((table, node, hour), files) => upkeep.roll_up((*table, node, *hour), files),
            });
            match done {
                Ok(()) => self.failing = false,
                Err(UpkeepError::Hour(HourError::Stopped)) => return,
                Err(error) => {
                    self.failed(&error);
                    self.retry_at.insert(task.clone(), time.saturating_add(BACK_OFF));
                }
            }
            tried.insert(task);
        }
    }

    /// Does something to files. A panic is the decoder's, over bytes that it did not expect: it is damage like other damage.
    fn attempt(
        &mut self,
        task: &Task,
        work: impl FnOnce(&mut Self) -> Result<(), UpkeepError>,
    ) -> Result<(), UpkeepError> {
        if let Ok(done) = catch_unwind(AssertUnwindSafe(|| work(self))) {
            return done;
        }
        let (Task::Merge(_, paths) | Task::RollUp(_, paths)) = task;
        let damaged = paths.iter().filter(|path| prove::whole(path).is_err());
        self.apart.extend(damaged.cloned());
        let path = paths.first().cloned().unwrap_or_default();
        Err(UpkeepError::Unproven { path, reason: "decoding it, or another file of its hour, panicked".to_owned() })
    }

    /// What to do next; nothing is tried twice in a pass.
    fn next_task(&self, now: UnixMicros, tried: &BTreeSet<Task>) -> Option<Task> {
        let state = self.shared.lock();
        // A row that is not in a file yet makes its hour unfinished; so does a spill file that waits or is being recovered.
        if state.scanning || !state.parked.is_empty() || state.pending_spills > 0 {
            return None;
        }
        let segments = state.tail.frozen().map(|frozen| &*frozen.segment).chain([state.tail.active()]);
        let open: BTreeSet<i64> = segments.filter(|segment| segment.rows() > 0).map(hour_of).collect();
        let over = |hour: i64| now >= (hour + 1).saturating_mul(HOUR_USEC) && !open.contains(&hour);
        let mut hours = hours(&state.catalog);
        hours.retain(|(table, _, hour), _| !state.unproven.contains(&(*table, *hour)));
        let loose = |files: &[&Arc<SealedFile>]| -> Vec<PathBuf> {
            files.iter().map(|file| file.path()).filter(|path| !self.apart.contains(path)).collect()
        };
        let merge = |((table, _, hour), files): (&Group<'_>, &Vec<&Arc<SealedFile>>)| {
            // Most hours are, so they are not looked at any further.
            if !over(*hour) || matches!(files.as_slice(), [only] if !only.replaces.is_empty()) {
                return None;
            }
            let mut paths = loose(files);
            paths.truncate(MOST_INPUTS);
            let is_merged = |file: &&Arc<SealedFile>| !file.replaces.is_empty() && paths == [file.path()];
            let merged = files.iter().any(is_merged);
            (!merged && !paths.is_empty()).then_some(Task::Merge(*table, paths))
        };
        let untried = |task: &Task| !tried.contains(task) && !self.retry_at.contains_key(task);
        if let Some(task) = hours.iter().filter_map(merge).find(untried) {
            return Some(task);
        }
        let covered = covered(&state.catalog);
        let from = self.rollups_from.max(self.first_rollup(&state.catalog));
        let roll_up = |(key @ (table, node, hour), files): (&Group<'_>, &Vec<&Arc<SealedFile>>)| {
            let covered = covered.get(key).map(Cow::as_ref);
            let is_due = Resolution::rolls_up(*table) && over(*hour) && *hour >= from;
            let is_covered = |file: &&Arc<SealedFile>| covered.is_some_and(|covered| covered.contains(&file.segment));
            if !is_due || files.iter().all(is_covered) {
                return None;
            }
            let paths = loose(files);
            let wanted = (1..=MOST_INPUTS).contains(&paths.len()) && lacks_rollup(covered, files, &paths);
            wanted.then(|| Task::RollUp((*table, (*node).to_owned(), *hour), paths))
        };
        hours.iter().filter_map(roll_up).find(untried)
    }

    /// Before the oldest rollups, none are made where they would soon have to go: once they take half of their share.
    fn first_rollup(&self, catalog: &Catalog) -> i64 {
        let rollups = || catalog.files().filter(|file| file.resolution == Resolution::Minute);
        let bytes: u64 = rollups().map(|file| file.bytes).sum();
        let oldest = rollups().map(|file| file.hour()).min();
        oldest.filter(|_| bytes > self.budget.bytes / ROLLUP_SHARE / 2).unwrap_or(i64::MIN)
    }

    fn merge(&mut self, (table, paths): (Table, Vec<PathBuf>)) -> Result<(), UpkeepError> {
        let plan = Merge::plan(table, paths, |inputs| self.names(inputs))?;
        self.apart.extend(plan.left_out.iter().cloned());
        if let [only] = plan.inputs.as_slice()
            && !only.footer.directory.replaces.is_empty()
        {
            return Ok(());
        }
        if plan.inputs.is_empty() {
            return Ok(());
        }
        let (files, rows) = (plan.inputs.len(), plan.rows());
        let origin = self.origin(&plan);
        let stopping = || self.is_stopping();
        let write = |origin: &Origin, output: BufWriter<&File>| hour_file::write(&plan, origin, output, &stopping);
        let made = self.make((&plan.directory, rows), &origin, write)?;
        drop(plan);
        let bytes = made.footer.bytes;
        self.publish(made)?;
        self.shared.counters.merged_files.increment();
        tracing::debug!(table = table.name(), files, rows, bytes, "an hour was merged");
        Ok(())
    }

    fn roll_up(&mut self, (table, node, hour): Group<'_>, paths: &[PathBuf]) -> Result<(), UpkeepError> {
        let (before, replaces) = {
            let state = self.shared.lock();
            let of_hour = |hour: i64, resolution| {
                let files = state.catalog.files();
                let of_table = move |file: &&Arc<SealedFile>| (file.table, file.resolution) == (table, resolution);
                files.filter(of_table).filter(move |file| (&*file.node, file.hour()) == (node, hour))
            };
            let before: Vec<PathBuf> = of_hour(hour - 1, Resolution::Raw).map(|file| file.path()).collect();
            let replaces: Vec<String> = of_hour(hour, Resolution::Minute)
                .flat_map(|file| file.holds().ids().map(|id| id.to_string()).collect::<Vec<_>>())
                .collect();
            (before, replaces)
        };
        let plan = Merge::plan(table, paths.to_vec(), |inputs| self.names(inputs))?;
        self.apart.extend(plan.left_out.iter().cloned());
        if plan.inputs.is_empty() {
            return Ok(());
        }
        // The last values before the hour; where that hour is in several files, or unreadable, increases begin in this one.
        let before = match before.as_slice() {
            [path] => Input::open(table, path.clone()).ok(),
            _ => None,
        };
        let mut minutes = Minutes::of(&plan, before.as_ref())?;
        minutes.directory.replaces = replaces;
        minutes.directory.covers = plan.inputs.iter().map(|input| input.footer.origin.segment.clone()).collect();
        let origin = self.origin(&plan);
        let stopping = || self.is_stopping();
        let write = |origin: &Origin, output: BufWriter<&File>| rollup_file::write(&minutes, origin, output, &stopping);
        let made = self.make((&minutes.directory, minutes.rows()), &origin, write)?;
        drop(minutes);
        drop((plan, before));
        self.publish(made)?;
        self.shared.counters.rollup_files.increment();
        Ok(())
    }

    fn names(&self, inputs: &[&Input]) -> Names {
        Names::known(&self.shared.lock(), inputs)
    }

    fn origin(&mut self, plan: &Merge) -> Origin {
        self.made += 1;
        let segment = layout::merged_id(&self.shared.origin.run_id, self.made);
        let interval = plan.inputs.iter().map(|input| input.footer.origin.interval_usec).max();
        let interval_usec = interval.unwrap_or(self.shared.origin.interval_usec);
        let node =
            plan.inputs.first().map_or_else(|| self.shared.origin.node.clone(), |i| i.footer.origin.node.clone());
        Origin { segment, interval_usec, node, ..self.shared.origin.clone() }
    }

    /// Writes a file under a temporary name, and proves it.
    fn make(
        &self,
        (directory, rows): (&Directory, u64),
        origin: &Origin,
        write: impl FnOnce(&Origin, BufWriter<&File>) -> Result<u64, HourError>,
    ) -> Result<Made, UpkeepError> {
        let name = SealedName { start: directory.span.0, end: directory.span.1, again: 0 };
        let data = self.shared.data.path();
        let place = name.directory(data, directory.resolution.name_of(directory.table), &origin.node);
        create_directories(data, &place).map_err(at(&place))?;
        let temporary = place.join(layout::temporary_name(&name.file_name()));
        let written = self.write_temporary(&temporary, (rows, origin), write);
        let footer = written.inspect_err(|_| remove(Some(&temporary)))?;
        Ok(Made { name, place, temporary, footer })
    }

    /// Gives a file its name, puts it into the place of what it replaces, and deletes that. What it was made of should be dropped
    /// by then: what the catalogue keeps of it would lie on pages among that, and keep them all.
    fn publish(&self, made: Made) -> Result<(), UpkeepError> {
        let Made { mut name, place, temporary, footer } = made;
        let path = loop {
            let path = place.join(name.file_name());
            match rename_new(&temporary, &path) {
                Ok(()) => break path,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => name.again = name.again.max(1) + 1,
                Err(error) => {
                    remove(Some(&temporary));
                    return Err(at(&path)(error));
                }
            }
        };
        // Until the inputs are gone, whoever reads the directory itself sees their rows twice: nothing slow comes in between.
        let synced = sync_directory(&place);
        self.put_in_place(path, &footer, synced)
    }

    /// Has the catalogue know a file that has its name, and deletes what it replaces. A name that is not durable is taken back:
    /// left there unknown, the file's rows would be merged once more.
    fn put_in_place(&self, path: PathBuf, footer: &Footer, synced: io::Result<()>) -> Result<(), UpkeepError> {
        if let Err(source) = synced {
            if std::fs::remove_file(&path).is_err_and(|error| error.kind() != io::ErrorKind::NotFound) {
                // The inputs stay on the disk, where a power cut can't take their names; the next start deletes them.
                let _ = self.shared.lock().catalog.insert(&path, footer);
            }
            return Err(UpkeepError::Io { path, source });
        }
        let (inserted, replaced) = self.shared.lock().catalog.insert(&path, footer);
        if inserted != Inserted::New {
            remove(Some(&path));
            return Err(UpkeepError::Unproven { path, reason: "another file has its rows".to_owned() });
        }
        replaced.iter().for_each(|file| remove(Some(&file.path())));
        Ok(())
    }

    fn write_temporary(
        &self,
        path: &Path,
        (rows, origin): (u64, &Origin),
        write: impl FnOnce(&Origin, BufWriter<&File>) -> Result<u64, HourError>,
    ) -> Result<Footer, UpkeepError> {
        let io = |source| UpkeepError::Io { path: path.to_owned(), source };
        let unproven = |reason| UpkeepError::Unproven { path: path.to_owned(), reason };
        let file = File::create(path).map_err(io)?;
        let written = write(origin, BufWriter::with_capacity(1 << 16, &file))?;
        file.sync_all().map_err(io)?;
        let footer = Footer::read(path).map_err(|error| unproven(error.to_string()))?;
        if footer.rows != rows || written != rows || footer.origin != *origin {
            return Err(unproven(format!("it has {} rows instead of {rows}", footer.rows)));
        }
        Ok(footer)
    }

    fn failed(&mut self, error: &UpkeepError) {
        self.shared.counters.merge_errors.increment();
        if let UpkeepError::Hour(HourError::Merge(merge)) = error {
            // What may be readable later is tried again with the next pass.
            if !matches!(merge, MergeError::Footer(FooterError::Io { .. })) {
                self.apart.insert(merge.path().clone());
                tracing::warn!(%error, "a file stays as it is: it can't be merged with the others of its hour");
                return;
            }
        }
        if !self.failing {
            tracing::warn!(%error, "the files of an hour can't be merged: they stay as they are, and it is tried again");
        }
        self.failing = true;
    }
}

/// What to do, and the files that it is done to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    Merge(Table, Vec<PathBuf>),
    RollUp((Table, String, i64), Vec<PathBuf>),
}

/// A file that was written and proven, and does not have its name yet.
struct Made {
    name: SealedName,
    place: PathBuf,
    temporary: PathBuf,
    footer: Footer,
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> UpkeepError {
    let path = path.to_owned();
    move |source| UpkeepError::Io { path, source }
}

fn hour_of(segment: &Segment) -> i64 {
    segment.opened_with().div_euclid(HOUR_USEC)
}

/// The files of readings by table, node and hour.
fn hours(catalog: &Catalog) -> BTreeMap<Group<'_>, Vec<&Arc<SealedFile>>> {
    let mut hours: BTreeMap<Group<'_>, Vec<&Arc<SealedFile>>> = BTreeMap::new();
    for file in catalog.files().filter(|file| file.resolution == Resolution::Raw) {
        hours.entry((file.table, &file.node, file.hour())).or_default().push(file);
    }
    hours
}

/// The segments that the rollups of each table and hour were computed from.
fn covered(catalog: &Catalog) -> HashMap<Group<'_>, Cow<'_, SegmentSet>> {
    let mut covered: HashMap<Group<'_>, Cow<'_, SegmentSet>> = HashMap::new();
    for file in catalog.files().filter(|file| file.resolution == Resolution::Minute) {
        let of_hour = covered.entry((file.table, &file.node, file.hour()));
        let joined = |set: &mut Cow<'_, SegmentSet>| *set = Cow::Owned(set.union(&file.covers));
        of_hour.and_modify(joined).or_insert(Cow::Borrowed(&file.covers));
    }
    covered
}

/// Whether an hour's files, of which those at `paths` can be read together, have rows that its rollup lacks; never where the
/// rollup knows rows that are gone by now.
fn lacks_rollup(covered: Option<&SegmentSet>, files: &[&Arc<SealedFile>], paths: &[PathBuf]) -> bool {
    let Some(covered) = covered else { return true };
    let there = files.iter().fold(SegmentSet::default(), |there, file| there.union(&file.holds()));
    let lacking = |file: &&Arc<SealedFile>| !covered.contains(&file.segment) && paths.contains(&file.path());
    files.iter().any(lacking) && covered.is_subset(&there)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Counters;
    use crate::store::WallClock;
    use crate::store::data_dir::DataDir;
    use crate::store::retention::Budget;
    use crate::store::rotation::Limits;
    use crate::store::shared::Shared;
    use crate::store::tail::Tail;
    use crate::store::tests::endurance::{HOUR_END, hour, record};

    /// Upkeep of a store of three files of containers that are in the catalogue.
    fn upkeep(data: &Path) -> (Upkeep, Vec<PathBuf>) {
        record(data, &hour());
        let tail = Tail::new(Limits { age: Duration::from_secs(60), bytes: 1 << 20 });
        let origin = Origin {
            node: "node-1".to_owned(),
            run_id: "run".to_owned(),
            segment: String::new(),
            agent_version: String::new(),
            git_revision: String::new(),
            interval_usec: 1_000_000,
        };
        let directory = DataDir::open(data, Duration::ZERO).unwrap();
        let shared = Shared::new(tail, directory, origin, Arc::new(Counters::default()));
        let date = std::fs::read_dir(data.join("containers")).unwrap().next().unwrap().unwrap().path();
        let mut paths = crate::store::files::entries(&date.join("node=node-1"));
        paths.sort();
        for path in &paths {
            let _ = shared.lock().catalog.insert(path, &Footer::read(path).unwrap());
        }
        let budget = Budget { bytes: 1 << 30, age: Duration::MAX, rollup_age: Duration::MAX };
        (Upkeep::new(Arc::new(shared), WallClock::new(|| HOUR_END), budget), paths)
    }

    fn merged_of(paths: &[PathBuf]) -> Footer {
        let mut footer = Footer::read(&paths[0]).unwrap();
        footer.directory.replaces = paths.iter().map(|path| Footer::read(path).unwrap().origin.segment).collect();
        footer.origin.segment = "run/m1".to_owned();
        footer
    }

    #[test]
    fn a_name_that_is_not_durable_is_taken_back() {
        let data = tempfile::tempdir().unwrap();
        let (upkeep, paths) = upkeep(data.path());
        let (path, footer) = (paths[0].with_file_name("new.parquet"), merged_of(&paths));
        std::fs::write(&path, "rows").unwrap();
        upkeep.put_in_place(path.clone(), &footer, Err(io::Error::other("no"))).unwrap_err();
        assert!(!path.exists() && paths.iter().all(|path| path.exists()));
        assert_eq!(upkeep.shared.lock().catalog.totals().0, 3);
    }

    #[test]
    fn a_name_that_can_neither_be_kept_nor_taken_back_is_known_and_costs_no_input() {
        let data = tempfile::tempdir().unwrap();
        let (upkeep, paths) = upkeep(data.path());
        let (path, footer) = (paths[0].with_file_name("new.parquet"), merged_of(&paths));
        std::fs::create_dir(&path).unwrap();
        upkeep.put_in_place(path.clone(), &footer, Err(io::Error::other("no"))).unwrap_err();
        assert!(paths.iter().all(|path| path.exists()));
        let known: Vec<PathBuf> = upkeep.shared.lock().catalog.files().map(|file| file.path()).collect();
        assert_eq!(known, [path]);
    }

    #[test]
    fn a_panic_over_a_damaged_file_sets_it_apart_and_is_an_error() {
        let data = tempfile::tempdir().unwrap();
        let (mut upkeep, paths) = upkeep(data.path());
        let mut bytes = std::fs::read(&paths[1]).unwrap();
        bytes[4..300].fill(0x55);
        std::fs::write(&paths[1], bytes).unwrap();
        let task = Task::Merge(Table::Containers, paths.clone());
        upkeep.attempt(&task, |_| panic!("as a decoder may")).unwrap_err();
        assert_eq!(upkeep.apart.into_iter().collect::<Vec<_>>(), paths[1..2]);
    }

    #[test]
    fn what_failed_is_left_alone_for_a_while() {
        let data = tempfile::tempdir().unwrap();
        let (mut upkeep, _) = upkeep(data.path());
        upkeep.clock = WallClock::new(|| HOUR_END).measured_by(|| Duration::ZERO);
        upkeep.shared.lock().scanning = false;
        // There is no place for rollups; the hour itself is merged first.
        std::fs::write(data.path().join("containers_60s"), "not a directory").unwrap();
        let errors = |upkeep: &Upkeep| upkeep.shared.counters.merge_errors.get();
        upkeep.merge_hours(HOUR_END);
        upkeep.merge_hours(HOUR_END);
        assert_eq!((upkeep.shared.counters.merged_files.get(), errors(&upkeep)), (1, 1));
        upkeep.clock = WallClock::new(|| HOUR_END).measured_by(|| BACK_OFF);
        upkeep.merge_hours(HOUR_END);
        assert_eq!(errors(&upkeep), 2);
    }

    #[test]
    fn an_hour_with_a_merged_file_that_is_not_read_yet_is_left_alone() {
        let data = tempfile::tempdir().unwrap();
        let (mut upkeep, paths) = upkeep(data.path());
        let shared = Arc::clone(&upkeep.shared);
        let hour = shared.lock().catalog.files().next().unwrap().hour();
        shared.lock().scanning = false;
        shared.lock().unproven = vec![(Table::Containers, hour)];
        upkeep.merge_hours(HOUR_END);
        assert!(paths.iter().all(|path| path.exists()) && !data.path().join("containers_60s").exists());
        shared.lock().unproven.clear();
        upkeep.merge_hours(HOUR_END);
        assert!(paths.iter().all(|path| !path.exists()));
    }
}
