//! How long to wait before the API server is asked again: longer each time, up to a bound, never the same on two nodes.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LAST: Duration = Duration::from_secs(30);

/// The next pause.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next failure is the first again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The pause after one more failure.
    pub(super) fn next(&mut self) -> Duration {
        let pause = pause(self.failures, random());
        self.failures = self.failures.saturating_add(1);
        pause
    }
}

/// Half of the doubled pause, and a random part of the other half.
fn pause(failures: u32, random: u32) -> Duration {
    let whole = FIRST.saturating_mul(1 << failures.min(16)).min(LAST);
    whole / 2 + (whole / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// The standard library's random keys, for want of anything that must not be guessed.
fn random() -> u32 {
    let bits = RandomState::new().hash_one(0);
    u32::try_from(bits >> 32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_bound_and_begin_again_after_success() {
        let most: Vec<u64> = (0..8).map(|n| pause(n, u32::MAX).as_millis().try_into().unwrap()).collect();
        assert_eq!(most, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(pause(u32::MAX, 0), LAST / 2);
        let mut backoff = Backoff::default();
        for _ in 0..10 {
            assert!(backoff.next() <= LAST);
        }
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
