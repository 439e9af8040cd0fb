//! Which files go when the disk budget or their age says so.
//!
//! Pure: facts in, decision out. Oldest first. Rollups and files that were set aside may take a share of the budget each, so
//! that neither drives out all readings; within these shares, readings go first. The surprise: nothing damaged is deleted
//! for being damaged, but it counts as bytes and has an age like everything else: the disk's bound is the stronger rule.

use std::time::Duration;

use crate::model::{HOUR_USEC, UnixMicros};

/// The part of the budget that rollups may take: a quarter.
pub const ROLLUP_SHARE: u64 = 4;
/// The part of the budget that files set aside may take: an eighth.
pub const SET_ASIDE_SHARE: u64 = 8;

/// What may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The bytes of all files.
    pub bytes: u64,
    /// The age at which readings go.
    pub age: Duration,
    /// The age at which rollups go, and files that were set aside.
    pub rollup_age: Duration,
}

/// What a file is to the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Readings.
    Raw,
    /// Minutes of readings.
    Rollup,
    /// A damaged file under another name.
    SetAside,
}

/// A file that may go. What is open, or still in memory, is not told to the plan at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What it is.
    pub held: Held,
    /// The time of its latest row, or of its last change.
    pub last: UnixMicros,
    /// Its size.
    pub bytes: u64,
}

/// How far the wall clock may be ahead of what is expected without being doubted: runs and hours end late, clocks drift.
const TRUSTED_STEP: i64 = HOUR_USEC;
/// How long a clock that went further ahead is doubted: as long as nobody sets it back, its time is taken for true then.
const DOUBT: Duration = Duration::from_secs(24 * 3600);

/// What time it is for ages. A wall clock that jumps far ahead, by mistake, would have everything deleted at once: such a time
/// counts only once it has held for a day. Until then time goes on from the newest row that was there at the start, or from
/// before the jump, as the monotonic clock tells; the budget of bytes holds in any case.
#[derive(Debug, Default)]
pub struct AgeClock {
    /// A time that is not doubted, and when on the monotonic clock it was.
    known: Option<(Duration, UnixMicros)>,
    doubted_since: Option<Duration>,
}

impl AgeClock {
    /// The time that ages are counted from; `newest` is the newest row's at the first call.
    pub fn now(&mut self, wall: UnixMicros, monotonic: Duration, newest: Option<UnixMicros>) -> UnixMicros {
        let (at, then) = self.known.unwrap_or((monotonic, newest.unwrap_or(wall)));
        let passed = i64::try_from(monotonic.saturating_sub(at).as_micros()).unwrap_or(i64::MAX);
        let expected = then.saturating_add(passed);
        let doubted = wall > expected.saturating_add(TRUSTED_STEP);
        self.doubted_since = self.doubted_since.or(Some(monotonic)).filter(|_| doubted);
        let held = self.doubted_since.is_some_and(|since| monotonic.saturating_sub(since) >= DOUBT);
        let trusted = if doubted && !held { expected } else { expected.max(wall) };
        self.known = Some((monotonic, trusted));
        trusted.min(wall)
    }
}

/// The positions of the files that go, in the order in which they go.
#[must_use]
pub fn plan(files: &[Candidate], budget: &Budget, now: UnixMicros) -> Vec<usize> {
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_key(|&index| files[index].last);
    let (mut go, mut kept) = (Vec::new(), Vec::new());
    for index in order {
        let age = now.saturating_sub(files[index].last);
        if u128::try_from(age).is_ok_and(|age| age > allowed_age(files[index].held, budget).as_micros()) {
            go.push(index);
        } else {
            kept.push(index);
        }
    }
    for (held, allowed) in
        [(Held::SetAside, budget.bytes / SET_ASIDE_SHARE), (Held::Rollup, budget.bytes / ROLLUP_SHARE)]
    {
        let of_kind = |index: &usize| files[*index].held == held;
        drop_oldest(files, &mut kept, &mut go, (allowed, &of_kind));
    }
    let others: u64 =
        kept.iter().map(|&index| files[index]).filter(|file| file.held != Held::Raw).map(|f| f.bytes).sum();
    let raw = |index: &usize| files[*index].held == Held::Raw;
    drop_oldest(files, &mut kept, &mut go, (budget.bytes.saturating_sub(others), &raw));
    go
}

fn allowed_age(held: Held, budget: &Budget) -> Duration {
    if held == Held::Raw { budget.age } else { budget.rollup_age }
}

/// Moves the oldest of those that `counts` from `kept` to `go` until the rest of them fits into `allowed` bytes.
fn drop_oldest(
    files: &[Candidate],
    kept: &mut Vec<usize>,
    go: &mut Vec<usize>,
    (allowed, counts): (u64, &dyn Fn(&usize) -> bool),
) {
    let mut bytes: u64 = kept.iter().filter(|index| counts(index)).map(|&index| files[index].bytes).sum();
    kept.retain(|&index| {
        if bytes <= allowed || !counts(&index) {
            return true;
        }
        bytes -= files[index].bytes;
        go.push(index);
        false
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400_000_000;
    const NOW: UnixMicros = 20_000 * DAY;

    fn budget(bytes: u64) -> Budget {
        Budget { bytes, age: Duration::from_secs(7 * 86_400), rollup_age: Duration::from_secs(90 * 86_400) }
    }

    fn file(held: Held, days_old: i64, bytes: u64) -> Candidate {
        Candidate { held, last: NOW - days_old * DAY, bytes }
    }

    #[test]
    fn readings_go_after_a_week_and_rollups_after_ninety_days() {
        let files = [
            file(Held::Raw, 6, 1),
            file(Held::Raw, 8, 1),
            file(Held::Rollup, 8, 1),
            file(Held::Rollup, 91, 1),
            file(Held::SetAside, 8, 1),
            file(Held::SetAside, 91, 1),
            file(Held::Raw, -1, 1),
        ];
        assert_eq!(plan(&files, &budget(1 << 30), NOW), [3, 5, 1]);
    }

    #[test]
    fn the_oldest_readings_go_before_any_rollup_within_its_share() {
        let files = [file(Held::Raw, 1, 60), file(Held::Rollup, 5, 20), file(Held::Raw, 3, 30), file(Held::Raw, 2, 30)];
        assert_eq!(plan(&files, &budget(100), NOW), [2, 3]);
        assert_eq!(plan(&files, &budget(140), NOW), Vec::<usize>::new());
    }

    #[test]
    fn rollups_beyond_their_share_go_themselves() {
        let files = [file(Held::Rollup, 9, 20), file(Held::Rollup, 8, 20), file(Held::Raw, 1, 60)];
        assert_eq!(plan(&files, &budget(100), NOW), [0]);
    }

    #[test]
    fn a_clock_that_jumps_ahead_is_believed_after_a_day() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let hour = |hours: i64| NOW + hours * HOUR_USEC;
        let mut clock = AgeClock::default();
        assert_eq!(clock.now(hour(1), hours(0), Some(NOW)), hour(1), "a little late");
        assert_eq!(clock.now(hour(2), hours(1), None), hour(2));
        assert_eq!(clock.now(hour(9000), hours(2), None), hour(3), "it jumped");
        assert_eq!(clock.now(hour(4), hours(3), None), hour(4), "it was set back");
        assert_eq!(clock.now(hour(9000), hours(4), None), hour(5));
        assert_eq!(clock.now(hour(9023), hours(27), None), hour(28));
        assert_eq!(clock.now(hour(9024), hours(28), None), hour(9024), "it stayed there");
        assert_eq!(clock.now(hour(-9000), hours(29), None), hour(-9000), "nothing is old");
        assert_eq!(clock.now(hour(9026), hours(30), None), hour(9026), "a clock that was behind for a while");
    }

    #[test]
    fn at_the_start_the_newest_row_is_what_the_clock_is_measured_by() {
        assert_eq!(AgeClock::default().now(NOW + 90 * DAY, Duration::ZERO, Some(NOW)), NOW);
        assert_eq!(AgeClock::default().now(NOW, Duration::ZERO, None), NOW);
    }

    proptest! {
        #[test]
        fn what_stays_fits_and_is_newer_than_what_went_of_its_kind(
            files in proptest::collection::vec((0..3_u8, 0..100_i64, 0..1000_u64), 0..60), bytes in 0..20_000_u64,
        ) {
            let held = |kind| [Held::Raw, Held::Rollup, Held::SetAside][usize::from(kind)];
            let files: Vec<Candidate> = files.into_iter().map(|(kind, days, bytes)| file(held(kind), days, bytes)).collect();
            let gone = plan(&files, &budget(bytes), NOW);
            let kept: Vec<&Candidate> =
                files.iter().enumerate().filter(|(index, _)| !gone.contains(index)).map(|(_, file)| file).collect();
            prop_assert!(kept.iter().map(|file| file.bytes).sum::<u64>() <= bytes);
            for kept in &kept {
                for &index in gone.iter().filter(|&&index| files[index].held == kept.held) {
                    prop_assert!(files[index].last <= kept.last);
                }
            }
            let mut once = gone.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), gone.len());
        }
    }
}
