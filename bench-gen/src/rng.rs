//! Random numbers that are the same on every machine: xoshiro256++, seeded by splitmix64.
//!
//! Only integers and the four exact operations on floats, no libm: logarithms and sines differ in their last bit from one C
//! library to another, and one bit is another file. The surprise: a normal number is a sum of eight uniform ones, so it is never
//! further than 4.9 standard deviations away.

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Rng([u64; 4]);

impl Rng {
    /// The stream of a seed and a label; different labels give independent streams.
    #[must_use]
    pub fn new(seed: u64, label: &str) -> Self {
        let mut state = label.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(std::array::from_fn(|_| split_mix(&mut state)))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let state = &mut self.0;
        let result = state[0].wrapping_add(state[3]).rotate_left(23).wrapping_add(state[0]);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        result
    }

    /// At least 0 and less than 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// At least `low` and less than `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// One of the numbers from 0 to below `count`; 0 where there is none.
    pub fn below(&mut self, count: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(count)) >> 64) as u64
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Of mean 0 and standard deviation 1.
    pub fn normal(&mut self) -> f64 {
        let sum = |bits: u64| (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
        let sum = sum(self.bits()) + sum(self.bits());
        // Eight uniform numbers of variance 1/12 each.
        (sum as f64 / 65_536.0 - 4.0 + 8.0 / 131_072.0) * 1.224_744_871_391_589
    }

    /// A whole number whose mean is `mean`: its floor, or one more.
    pub fn round(&mut self, mean: f64) -> i64 {
        let floor = mean.floor();
        floor as i64 + i64::from(self.unit() < mean - floor)
    }

    /// A part of a whole number, between these two.
    pub fn part(&mut self, of: i64, low: f64, high: f64) -> i64 {
        let part = of as f64 * self.between(low, high);
        self.round(part)
    }

    /// Around `mean` with the spread of things that are counted; never negative.
    pub fn count(&mut self, mean: f64) -> i64 {
        if mean <= 0.0 {
            return 0;
        }
        if mean < 4.0 {
            return self.few(mean);
        }
        let spread = self.normal() * mean.sqrt();
        self.round((mean + spread).max(0.0))
    }

    /// Many tries, each of a small chance, stand for a Poisson number.
    fn few(&mut self, mean: f64) -> i64 {
        (0..16).map(|_| i64::from(self.unit() < mean / 16.0)).sum()
    }

    /// Hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| char::from_digit(self.below(16) as u32, 16).unwrap_or('0')).collect()
    }
}

/// The sine of a part of a turn: `sine(0.25)` is 1. Exact to about 0.001, which is enough for a wave in noise.
#[must_use]
pub fn sine(turns: f64) -> f64 {
    let part = turns - turns.floor();
    // Bhaskara's formula for half a turn.
    let half = |x: f64| 16.0 * x * (0.5 - x) / (1.25 - 4.0 * x * (0.5 - x));
    if part < 0.5 { half(part) } else { -half(part - 0.5) }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(numbers: &[f64]) -> (f64, f64) {
        let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
        let variance = numbers.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / numbers.len() as f64;
        (mean, variance)
    }

    #[test]
    fn normal_numbers_have_mean_0_and_variance_1() {
        let mut rng = Rng::new(1, "normal");
        let (mean, variance) = moments(&(0..100_000).map(|_| rng.normal()).collect::<Vec<_>>());
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }

    #[test]
    fn counts_have_their_mean() {
        let mut rng = Rng::new(1, "count");
        for wanted in [0.01, 0.7, 3.0, 50.0] {
            let (mean, _) = moments(&(0..50_000).map(|_| rng.count(wanted) as f64).collect::<Vec<_>>());
            assert!((mean - wanted).abs() < 0.05 * wanted + 0.005, "{wanted}: {mean}");
        }
    }

    #[test]
    fn a_seed_and_a_label_give_the_same_numbers_and_another_label_others() {
        assert_eq!(Rng::new(7, "a").bits(), Rng::new(7, "a").bits());
        assert_ne!(Rng::new(7, "a").bits(), Rng::new(7, "b").bits());
        assert_ne!(Rng::new(7, "a").bits(), Rng::new(8, "a").bits());
    }

    #[test]
    fn a_sine_turns() {
        for (turns, value) in [(0.0, 0.0), (0.25, 1.0), (0.5, 0.0), (0.75, -1.0), (1.25, 1.0), (-0.25, -1.0)] {
            assert!((sine(turns) - value).abs() < 0.002, "{turns}");
        }
    }
}
