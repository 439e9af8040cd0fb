//! One container from its start to its end: its books, its series of rows, and what is remembered to tell events.

use std::sync::Arc;

use fgm_agent::event::{Draft, Kind};
use fgm_agent::model::{ColumnSet, Identity, UnixMicros};
use fgm_agent::subject::{Device, Owner, Subject};
use fgm_agent::table::Table;

use crate::account::{Account, Outcome};
use crate::columns::{EVERY_TICK, SUPPORT, io, metric as m};
use crate::recorder::{Recorder, Series};
use crate::rng::Rng;
use crate::scenario::Slot;

/// The agent tells of throttling after so many seconds without, and of its end as late.
const QUIET_S: i64 = 5;
/// The disk that everybody uses.
pub const DISK: (&str, &str) = ("259:0", "nvme0n1");

/// A span of throttling that is going on.
#[derive(Clone, Copy, Debug)]
struct Throttling {
    began: UnixMicros,
    last: UnixMicros,
    periods: i64,
    throttled_usec: i64,
}

/// A container.
#[derive(Debug)]
pub struct Life {
    /// Who it is.
    pub identity: Arc<Identity>,
    /// Its books.
    pub account: Account,
    /// The second at which it began.
    pub born_s: i64,
    /// The second since which a leak of its worker grows.
    pub leaks_since_s: i64,
    /// Its processes, by the `processes` table's collector.
    pub processes: crate::processes::Processes,
    series: Series,
    device: Series,
    device_values: [i64; io::WIDTH],
    throttling: Option<Throttling>,
}

impl Life {
    /// A container that begins.
    #[must_use]
    pub fn new(identity: Identity, slot: &Slot, born_s: i64, rng: &mut Rng) -> Self {
        let identity = Arc::new(identity);
        let owner = Owner::container(&identity);
        let device = Device { owner, number: DISK.0.to_owned(), device: Some(DISK.1.to_owned()) };
        Self {
            account: Account::new(&slot.shape, rng),
            born_s,
            leaks_since_s: born_s,
            processes: crate::processes::Processes::new(&identity, slot, born_s, rng),
            series: Series::new(Subject::Container(Arc::clone(&identity)), *SUPPORT),
            device: Series::new(Subject::IoDevice(Arc::new(device)), Default::default()),
            device_values: [0; io::WIDTH],
            throttling: None,
            identity,
        }
    }

    /// A row of what the books say now; with the numbers of processes where they were counted.
    pub fn record(&mut self, (time, is_final): (UnixMicros, bool), counted: Option<[i64; 3]>, recorder: &mut Recorder) {
        let mut present = *EVERY_TICK;
        if let Some(counted) = counted {
            let mut values = self.account.values().to_vec();
            for (column, number) in crate::columns::WITH_PROCESSES.into_iter().zip(counted) {
                values[column] = number;
                present.insert(column);
            }
            recorder.row(&mut self.series, (time, is_final), present, &values);
        } else {
            recorder.row(&mut self.series, (time, is_final), present, self.account.values());
        }
        self.record_device(time, recorder);
    }

    /// A row where a number changed.
    fn record_device(&mut self, time: UnixMicros, recorder: &mut Recorder) {
        let v = self.account.values();
        let mut now = [0; io::WIDTH];
        now[io::read_bytes] = v[m::io_read_bytes];
        now[io::write_bytes] = v[m::io_write_bytes];
        now[io::read_ios] = v[m::io_read_ios];
        now[io::write_ios] = v[m::io_write_ios];
        if now != self.device_values {
            self.device_values = now;
            let all: ColumnSet = (0..io::WIDTH).collect();
            recorder.row(&mut self.device, (time, false), all, &now);
        }
    }

    /// What a reading at this time shows of throttling.
    pub fn note_throttling(&mut self, outcome: Outcome, time: UnixMicros) -> Option<Draft> {
        let throttled_usec = self.account.values()[m::cpu_throttled_usec];
        if outcome.throttled > 0 {
            if let Some(going_on) = &mut self.throttling {
                (going_on.last, going_on.periods) = (time, going_on.periods + outcome.throttled);
                return None;
            }
            let periods = outcome.throttled;
            self.throttling = Some(Throttling { began: time, last: time, periods, throttled_usec });
            return Some(self.of(Draft::throttling_begin(time, periods).number("uncertainty_usec", 1_000_000)));
        }
        if self.throttling.is_some_and(|going_on| time - going_on.last >= QUIET_S * 1_000_000) {
            return self.end_throttling(time);
        }
        None
    }

    /// The throttling that is going on, if any, ends.
    pub fn end_throttling(&mut self, time: UnixMicros) -> Option<Draft> {
        let was = self.throttling.take()?;
        let (duration, periods) = (was.last - was.began, was.periods);
        let draft = Draft::throttling_end(time, periods, duration);
        let throttled = self.account.values()[m::cpu_throttled_usec] - was.throttled_usec;
        Some(self.of(draft.number("throttled_usec", throttled)))
    }

    /// An event of this container.
    #[must_use]
    pub fn of(&self, draft: Draft) -> Draft {
        draft.of(Owner::container(&self.identity))
    }

    /// That it is gone, with what it used.
    #[must_use]
    pub fn stop(&self, time: UnixMicros, age_usec: i64) -> Draft {
        let v = self.account.values();
        let message = format!("container {} is gone; its totals are complete", self.identity.path);
        let totals = [
            ("duration_usec", age_usec),
            ("cpu_usage_usec", v[m::cpu_usage_usec]),
            ("memory_peak_bytes", v[m::memory_peak_bytes]),
            ("oom_kills", v[m::memory_events_oom_kill]),
            ("throttled_usec", v[m::cpu_throttled_usec]),
            ("io_read_bytes", v[m::io_read_bytes]),
            ("io_write_bytes", v[m::io_write_bytes]),
        ];
        let draft = self.of(Draft::new(Kind::ContainerStop, time, message));
        totals.into_iter().fold(draft, |draft, (name, total)| draft.number(name, total))
    }
}

const _: () = assert!(io::WIDTH == Table::IoDevices.width());
