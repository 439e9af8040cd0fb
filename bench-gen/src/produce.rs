//! Turns hours of rows into files, as many at once as there are CPUs.
//!
//! Hours come one after the other from one thread; each is encoded by whoever is free. At most two hours per CPU are in memory.
//! Rollups come second, because they need the file of the hour before.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};

use fgm_agent::model::HOUR_USEC;
use fgm_agent::store::bulk::{Bulk, BulkError, Written};
use fgm_agent::store::segment::Segment;
use indicatif::{ProgressBar, ProgressStyle};

/// The files of each hour.
type Hours = BTreeMap<i64, Vec<Written>>;

/// Shows how far it is, where somebody looks at a terminal.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// For so many hours, each of which is written and then summed up. Hidden where standard error is no terminal.
    #[must_use]
    pub fn new(hours: u64) -> Self {
        let bar = ProgressBar::new(hours * 2);
        let template = "{msg} [{bar:40}] {pos}/{len} {elapsed} (about {eta} left)";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message("hours");
        Self(bar)
    }

    fn advance(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Writes hours, and their rollups; gives all files by hour. Stops at the first error.
///
/// # Errors
/// That of the source, or of the store.
pub fn write<E: From<BulkError> + Send>(
    bulk: &Bulk,
    hours: impl Iterator<Item = Result<Segment, E>>,
    threads: usize,
    progress: &Progress,
) -> Result<Vec<Written>, E> {
    let written = write_readings(bulk, hours, threads, progress)?;
    let rollups = write_rollups(bulk, &written, threads, progress)?;
    Ok(written.into_values().flatten().chain(rollups).collect())
}

fn write_readings<E: From<BulkError> + Send>(
    bulk: &Bulk,
    hours: impl Iterator<Item = Result<Segment, E>>,
    threads: usize,
    progress: &Progress,
) -> Result<Hours, E> {
    // The senders of a channel without receivers fail, so an error of a writer ends the source too.
    let (sender, receiver) = sync_channel::<Segment>(1);
    let receiver = Mutex::new(Some(receiver));
    let written = Mutex::new(Ok(Hours::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(segment) = next(&receiver) {
                    let files = bulk.write_hour(&segment);
                    let hour = segment.opened_with().div_euclid(HOUR_USEC);
                    let mut all = written.lock().unwrap_or_else(PoisonError::into_inner);
                    match (files, &mut *all) {
                        (Ok(files), Ok(hours)) => drop(hours.insert(hour, files)),
                        (Err(error), _) => {
                            *all = Err(error);
                            receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
                        }
                        (Ok(_), Err(_)) => {}
                    }
                    progress.advance();
                }
            });
        }
        for segment in hours {
            if sender.send(segment?).is_err() {
                break;
            }
        }
        drop(sender);
        Ok::<(), E>(())
    })?;
    Ok(written.into_inner().unwrap_or_else(PoisonError::into_inner)?)
}

fn next(receiver: &Mutex<Option<Receiver<Segment>>>) -> Option<Segment> {
    receiver.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.recv().ok()
}

fn write_rollups(bulk: &Bulk, hours: &Hours, threads: usize, progress: &Progress) -> Result<Vec<Written>, BulkError> {
    let all: Vec<(&i64, &Vec<Written>)> = hours.iter().collect();
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<Written>, BulkError> {
        let mut rollups = Vec::new();
        while let Some((hour, files)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let before = hours.get(&(*hour - 1)).map_or(&[][..], Vec::as_slice);
            rollups.extend(bulk.write_rollups(files, before)?);
            progress.advance();
        }
        Ok(rollups)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut rollups = Vec::new();
        for worker in workers {
            // A panic is a bug of this program and ends it.
            rollups.extend(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(rollups)
    })
}
