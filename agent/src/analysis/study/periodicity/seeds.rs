//! Where to look for waves: peaks of the spectrum of each window of each level, against the spectrum around them.
//!
//! A level looks for periods of some five to ten of its samples, which is between a dozen and two dozen cycles in a window; longer
//! ones are for coarser levels. The surprise: there is no spectrum of the whole range. A wave of a few cycles in a day is a line in
//! its own window and nothing in that of the day, and one that holds all day is found in each of its windows.

use std::sync::{Arc, LazyLock};

use realfft::{RealFftPlanner, RealToComplex};

use super::levels::{Level, WINDOW, Window};
use super::middle::middle;
use super::sums;
use super::turning::Turning;

/// The least power of a peak against the median of the powers around it.
const LEAST_RATIO: f64 = 30.0;
/// Frequencies that a level looks for, in cycles per sample; the finest level also takes faster ones.
const BAND: (f64, f64) = (0.09, 0.215);
/// The fastest of all: a period of 3 samples, and a bit for the error.
const FASTEST: f64 = 0.345;
/// The slowest, in cycles per window.
const LEAST_CYCLES: f64 = 2.6;
/// How many peaks of a window are kept.
const PEAKS: usize = 3;

/// To plan it takes longer than some of them.
static TRANSFORM: LazyLock<Arc<dyn RealToComplex<f64>>> =
    LazyLock::new(|| RealFftPlanner::new().plan_fft_forward(WINDOW));

/// A place to look for a wave at.
pub(super) struct Seed {
    /// Which level it was seen at.
    pub(super) level: usize,
    /// The window's first sample and how many it has.
    pub(super) window: (usize, usize),
    /// In samples.
    pub(super) period: f64,
    /// Half of its swing, if it holds for the whole window.
    pub(super) size: f64,
    /// Its power against that of what is around.
    pub(super) ratio: f64,
}

/// The peaks of all levels: coarser ones first, and of each the highest first.
pub(super) fn seeds(levels: &[Level]) -> Vec<Seed> {
    let transform = &*TRANSFORM;
    let (mut input, mut output) = (transform.make_input_vec(), transform.make_output_vec());
    let mut scratch = transform.make_scratch_vec();
    let (mut search, mut taper) = (Search::default(), Vec::new());
    for (index, level) in levels.iter().enumerate().rev() {
        let count = level.windows.first().map_or(0, |window| window.count);
        // All but the coarsest levels have windows of the same size.
        if taper.len() != count {
            taper = self::taper(count);
        }
        let begin = search.seeds.len();
        for window in level.windows.iter().filter(|window| window.is_useful) {
            window.deviations(&level.values, &taper, &mut input);
            input.iter_mut().skip(count).for_each(|cell| *cell = 0.0);
            if transform.process_with_scratch(&mut input, &mut output, &mut scratch).is_err() {
                continue;
            }
            search.powers.clear();
            search.powers.extend(output.iter().map(realfft::num_complex::Complex::norm_sqr));
            search.peaks(window, index);
        }
        if let Some(of_level) = search.seeds.get_mut(begin..) {
            of_level.sort_by(|one: &Seed, other| other.ratio.total_cmp(&one.ratio));
        }
    }
    search.seeds
}

/// The weights of the samples of a window.
fn taper(count: usize) -> Vec<f64> {
    let turn = std::f64::consts::TAU / count as f64;
    Turning::from(turn / 2.0, turn).take(count).map(|(_, cos)| (1.0 - cos) / 2.0).collect()
}

/// Finds peaks of one window after the other.
#[derive(Default)]
struct Search {
    /// The spectrum.
    powers: Vec<f64>,
    /// What is around a peak.
    around: Vec<f64>,
    /// What was found.
    seeds: Vec<Seed>,
}

impl Search {
    fn peaks(&mut self, window: &Window, level: usize) {
        let Self { powers, around, seeds } = self;
        let size = WINDOW as f64;
        let slowest = (BAND.0 * size).max(LEAST_CYCLES * size / window.count as f64);
        let fastest = if level == 0 { FASTEST } else { BAND.1 } * size;
        // Zeros after a short window make peaks that much wider.
        let wide = WINDOW.div_ceil(window.count.max(1));
        let floor = sums::sum(powers) * 1e-6;
        let begin = seeds.len();
        let (slowest, fastest) = (slowest as usize, fastest as usize);
        for at in slowest..=fastest {
            let Some(&[before, here, after]) = powers.get(at - 1..at + 2) else { continue };
            if here < before || here <= after || here <= LEAST_RATIO * floor {
                continue;
            }
            let near = at.saturating_sub(12 * wide).max(2)..(at + 12 * wide).min(powers.len());
            let below = powers.get(near.start..at.saturating_sub(2 * wide)).unwrap_or_default();
            let above = powers.get(at + 2 * wide + 1..near.end).unwrap_or_default();
            // The median is too high if half of them are; to count is faster than to sort.
            let most = (here / LEAST_RATIO) * std::f64::consts::LN_2;
            let higher = |powers: &[f64]| powers.iter().filter(|power| **power > most).count();
            if (higher(below) + higher(above)) * 2 > near.len() {
                continue;
            }
            around.clear();
            around.extend(below.iter().chain(above));
            let usual = (middle(around) / std::f64::consts::LN_2).max(floor);
            if here > LEAST_RATIO * usual {
                let period = size / (at as f64 + offset(before, here, after));
                // The taper's weights are half of the number of samples.
                let size = 4.0 * here.sqrt() / window.count as f64;
                seeds.push(Seed { level, window: (window.begin, window.count), period, size, ratio: here / usual });
            }
        }
        if let Some(found) = seeds.get_mut(begin..) {
            found.sort_by(|one, other| other.ratio.total_cmp(&one.ratio));
        }
        seeds.truncate(begin + PEAKS);
    }
}

/// How far the top of a peak is from its highest bin, from -0.5 to 0.5: of a parabola through the logarithms.
fn offset(before: f64, here: f64, after: f64) -> f64 {
    let [before, here, after] = [before, here, after].map(|power| power.max(1e-300).ln());
    let bend = before - 2.0 * here + after;
    if bend < 0.0 { (0.5 * (before - after) / bend).clamp(-0.5, 0.5) } else { 0.0 }
}
