//! Made-up series for tests: the same for the same seed.

/// Numbers that look like chance.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            chance.unit();
        }
        chance
    }

    /// From 0 to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Normal with mean 0 and deviation 1.
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// White noise.
    pub(crate) fn noise(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.normal()).collect()
    }

    /// Noise of deviation 1 of which this much is left after a reading.
    pub(crate) fn kept_noise(&mut self, count: usize, kept: f64) -> Vec<f64> {
        let mut value = self.normal();
        let fresh = (1.0 - kept * kept).sqrt();
        let mut next = || {
            value = kept * value + fresh * self.normal();
            value
        };
        (0..count).map(|_| next()).collect()
    }

    /// Noise with bursts of a mean length and height, so many per reading.
    pub(crate) fn bursts(&mut self, count: usize, per_reading: f64, length: f64, height: f64) -> Vec<f64> {
        let mut left = 0.0;
        let mut next = || {
            if left <= 0.0 && self.unit() < per_reading {
                left = 1.0 + self.unit() * 2.0 * length;
            }
            left -= 1.0;
            if left > 0.0 { height * (0.7 + 0.6 * self.unit()) } else { 0.0 }
        };
        let bursts: Vec<f64> = (0..count).map(|_| next()).collect();
        bursts.into_iter().map(|burst| burst + self.normal()).collect()
    }
}
