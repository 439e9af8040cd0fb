//! Several pieces of work at once, their outcomes taken in order.
//!
//! The caller's own thread takes the outcomes and works too while it would wait. Helpers stay at most a few pieces ahead, so
//! that what waits to be taken is bounded. The surprise: threads begin and end with each call; that takes 0.1 ms, and an idle
//! agent keeps none.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Threads that work at once at most, the caller's included.
const MOST_THREADS: usize = 4;
/// How many outcomes may wait to be taken, per thread.
const AHEAD: usize = 2;

struct State<T> {
    /// The next piece that nobody works on.
    next: usize,
    /// How many outcomes were taken.
    taken: usize,
    /// What waits, by piece.
    waiting: Vec<Option<T>>,
    stop: bool,
}

/// Works on the pieces `0..count` and hands their outcomes to `take` in order, which ends it all early by an error.
///
/// # Errors
/// That of `take`.
pub(in crate::store) fn in_order<T: Send, E>(
    count: usize,
    work: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS).min(count);
    if threads < 2 {
        return (0..count).try_for_each(|piece| take(piece, work(piece)));
    }
    let pool = Pool {
        state: Mutex::new(State { next: 0, taken: 0, waiting: (0..count).map(|_| None).collect(), stop: false }),
        changed: Condvar::new(),
        ahead: threads * AHEAD,
        count,
    };
    std::thread::scope(|scope| {
        // A thread that panics must not leave the others waiting for its piece.
        let _stop = Stop(&pool);
        for _ in 1..threads {
            scope.spawn(|| {
                let _stop = Stop(&pool);
                while let Some(piece) = pool.claim() {
                    pool.put(piece, work(piece));
                }
                std::mem::forget(_stop);
            });
        }
        for piece in 0..count {
            let Some(outcome) = pool.outcome(piece, &work) else { break };
            take(piece, outcome)?;
        }
        Ok(())
    })
}

struct Pool<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    ahead: usize,
    count: usize,
}

/// Ends the work when it is dropped.
struct Stop<'a, T>(&'a Pool<T>);

impl<T> Drop for Stop<'_, T> {
    fn drop(&mut self) {
        self.0.lock().stop = true;
        self.0.changed.notify_all();
    }
}

impl<T> Pool<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next piece for a helper, once it is not too far ahead.
    fn claim(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.stop || state.next >= self.count {
                return None;
            }
            if state.next < state.taken + self.ahead {
                state.next += 1;
                return Some(state.next - 1);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn put(&self, piece: usize, outcome: T) {
        self.lock().waiting[piece] = Some(outcome);
        self.changed.notify_all();
    }

    /// The outcome of a piece, worked on here where nobody does yet; `None` where a helper panicked.
    fn outcome(&self, piece: usize, work: &impl Fn(usize) -> T) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(outcome) = state.waiting[piece].take() {
                state.taken = piece + 1;
                self.changed.notify_all();
                return Some(outcome);
            }
            if state.stop {
                return None;
            }
            if state.next == piece || state.next < self.count.min(state.taken + self.ahead) {
                let own = state.next;
                state.next += 1;
                drop(state);
                let outcome = work(own);
                state = self.lock();
                state.waiting[own] = Some(outcome);
                continue;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    #[test]
    fn outcomes_come_in_order_and_helpers_stay_near() {
        let (worked, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut taken = Vec::new();
        let done: Result<(), ()> = in_order(
            500,
            |piece| {
                worked.fetch_add(1, SeqCst);
                piece * 3
            },
            |piece, outcome| {
                assert_eq!(outcome, piece * 3);
                taken.push(piece);
                most.fetch_max(worked.load(SeqCst) - taken.len(), SeqCst);
                Ok(())
            },
        );
        assert_eq!((done, taken), (Ok(()), (0..500).collect::<Vec<_>>()));
        assert!(most.load(SeqCst) <= MOST_THREADS * (AHEAD + 1), "{most:?}");
    }

    #[test]
    fn an_error_ends_it() {
        let worked = AtomicUsize::new(0);
        let work = |_| worked.fetch_add(1, SeqCst);
        let ended = in_order(1000, work, |piece, _| if piece == 3 { Err("enough") } else { Ok(()) });
        assert_eq!(ended, Err("enough"));
        assert!(worked.load(SeqCst) < 100);
    }

    #[test]
    fn a_panic_is_passed_on() {
        let caught = std::panic::catch_unwind(|| {
            let work = |piece| assert!(piece != 7, "on purpose");
            in_order(100, work, |_, ()| Ok::<(), ()>(()))
        });
        assert!(caught.is_err());
    }
}
