//! Follows a wave from where it was seen, cycle by cycle in both directions, until it ends.
//!
//! Each block of a few cycles has a phase and a size. A wave goes on while both are what the cycles before let expect; a few cycles
//! may be missed, for bursts. The surprise: the phase is followed, not computed from the period, so that a period that is a bit off
//! or that drifts slowly is no end, while cycles that are each longer or shorter than the last by a fifth are one within few cycles.

use std::f64::consts::TAU;

use super::sums;
use super::turning::Turning;
use crate::analysis::study::robust;

/// Blocks whose phase is further off than this share of a cycle don't belong to the wave.
const MOST_OFF: f64 = 0.2;
/// Blocks with less than this share of the usual size don't either.
const LEAST_SIZE: f64 = 0.5;
/// So many of them in a row end it.
const MOST_MISSED: usize = 5;
/// So many blocks each way are enough for the first look.
const FIRST_LOOK: usize = 150;
/// So many blocks before and after a wave are compared with those in it.
const OUTSIDE: usize = 16;
/// How many samples a block has at least.
const LEAST_BLOCK: f64 = 24.0;

/// A stretch of time in which a wave holds, in samples of a level.
pub(super) struct Run {
    /// Its period.
    pub(super) period: f64,
    /// Where it begins.
    pub(super) from: f64,
    /// Where it ends.
    pub(super) to: f64,
    /// The size of its sine of that period: half of its swing.
    pub(super) size: f64,
    /// By how much of a cycle the phase differs from one block to the next that shares no samples: root of the mean square.
    pub(super) jitter: f64,
    /// The share of blocks that don't belong to it.
    pub(super) missed: f64,
    /// The usual size of blocks before and after it, as a share of those in it: cycles that go on out of step.
    pub(super) outside: f64,
}

/// Weights of the samples of a block, for the cosine and the sine of the period in them; the mean of the block has no part in them.
struct Kernel {
    period: f64,
    cycles: f64,
    /// How many samples a block is from the next.
    step: f64,
    cosines: Vec<f64>,
    sines: Vec<f64>,
}

/// How a wave is followed.
struct Expected {
    /// How big blocks are.
    size: f64,
    /// What share of what a block's phase is off is taken over, at once and as drift.
    gains: (f64, f64),
    /// At most so many blocks each way.
    most: usize,
}

/// The sine of the period in a block.
#[derive(Clone, Copy)]
struct Sine {
    center: f64,
    /// The square of half of its size.
    power: f64,
    real: f64,
    imaginary: f64,
}

impl Sine {
    fn size(&self) -> f64 {
        2.0 * self.power.sqrt()
    }
}

#[derive(Clone, Copy)]
struct Block {
    center: f64,
    phase: f64,
    size: f64,
}

impl Kernel {
    fn new(period: f64, cycles: f64, room: usize) -> Self {
        let cycles = (LEAST_BLOCK / period).ceil().max(cycles);
        let count = (cycles * period).round().max(3.0) as usize;
        let middle = (count - 1) as f64 / 2.0;
        let (mut tapers, mut cosines, mut sines) = (vec![0.0; count], vec![0.0; count], vec![0.0; count]);
        // The late half is the early one in reverse, but for the sign of the sines.
        let turn = TAU / count as f64;
        let turns = Turning::from(turn / 2.0, turn).zip(Turning::from(-TAU * middle / period, TAU / period));
        for (at, ((_, taper), (sin, cos))) in turns.enumerate().take(count.div_ceil(2)) {
            let taper = (1.0 - taper) / 2.0;
            for (at, sin) in [(count - 1 - at, -sin), (at, sin)] {
                (tapers[at], cosines[at], sines[at]) = (taper, taper * cos, -taper * sin);
            }
        }
        // The sines are nothing together, so that they know no mean.
        let sum = sums::sum(&tapers);
        let share = sums::sum(&cosines) / sum;
        for (cosine, taper) in cosines.iter_mut().zip(&tapers) {
            *cosine = (*cosine - taper * share) / sum;
        }
        sines.iter_mut().for_each(|sine| *sine /= sum);
        // Where there are few cycles, blocks a whole cycle apart would be two or three.
        let step = if (room as f64) < 8.0 * period { period / 2.0 } else { period };
        Self { period, cycles, step, cosines, sines }
    }

    /// How many samples a block has.
    fn count(&self) -> usize {
        self.cosines.len()
    }

    /// The sine in the block about a sample.
    fn sine(&self, calm: &[f64], center: f64) -> Option<Sine> {
        let half = (self.count() - 1) as f64 / 2.0;
        let begin = (center - half).round();
        if begin < 0.0 {
            return None;
        }
        let samples = calm.get(begin as usize..begin as usize + self.count())?;
        let (real, imaginary) = sums::products(samples, &self.cosines, &self.sines);
        Some(Sine { center: begin + half, power: real * real + imaginary * imaginary, real, imaginary })
    }

    fn block(&self, sine: Sine) -> Block {
        let phase = sine.imaginary.atan2(sine.real) / TAU - sine.center / self.period;
        Block { center: sine.center, phase, size: sine.size() }
    }
}

/// Where a wave is looked for, in samples.
pub(super) struct Start {
    /// The first sample and how many there are.
    pub(super) window: (f64, f64),
    /// The period, about.
    pub(super) period: f64,
    /// Half of its swing at least.
    pub(super) size: f64,
    /// How many cycles are looked at together.
    pub(super) cycles: f64,
}

/// Follows a wave from where it is biggest in a window; none where there is none.
pub(super) fn run(calm: &[f64], start: &Start) -> Option<Run> {
    let &Start { window, period, size, cycles } = start;
    let kernel = Kernel::new(period, cycles, calm.len());
    let blocks = (window.1 * 2.0 / period) as usize;
    let seen = (0..=blocks).filter_map(|at| kernel.sine(calm, window.0 + at as f64 * period / 2.0));
    let start = seen.max_by(|one, other| one.power.total_cmp(&other.power)).filter(|start| start.size() >= size)?;
    let start = kernel.block(start);
    let first =
        follow(&kernel, calm, start, &Expected { size: start.size * 0.9, gains: (0.5, 0.15), most: FIRST_LOOK });
    let period = refined(&first.0, period).filter(|_| first.1 <= first.0.len())?;
    // Once more with the better period, from the middle of what was found, and now steadier.
    let kernel = Kernel::new(period, cycles, calm.len());
    let middle = first.0.get(first.0.len() / 2)?;
    let usual = median_size(&first.0);
    let start = kernel.block(kernel.sine(calm, middle.center)?);
    let (good, missed) = follow(&kernel, calm, start, &Expected { size: usual, gains: (0.4, 0.05), most: usize::MAX });
    let period = refined(&good, period)?;
    let (first, last) = (good.first()?, good.last()?);
    // A block about the end of the data tells of what is there up to the end.
    let half = kernel.count() as f64 / 2.0;
    let from = if first.center - half < kernel.period { 0.0 } else { first.center };
    let to = if last.center + half + kernel.period > calm.len() as f64 { calm.len() as f64 } else { last.center };
    let missed = missed as f64 / (missed + good.len()) as f64;
    let size = median_size(&good);
    let outside = outside(&kernel, calm, first.center, last.center) / size;
    Some(Run { period, from, to, size, jitter: jitter(&good, &kernel, period), missed, outside })
}

fn median_size(blocks: &[Block]) -> f64 {
    let mut sizes: Vec<f64> = blocks.iter().map(|block| block.size).collect();
    robust::median(&mut sizes)
}

/// The blocks that belong to the wave with unwrapped phases, in time order, and how many between them don't.
fn follow(kernel: &Kernel, calm: &[f64], start: Block, expected: &Expected) -> (Vec<Block>, usize) {
    let (mut before, missed_before) = follow_one_way(kernel, calm, start, expected, -1.0);
    let (after, missed_after) = follow_one_way(kernel, calm, start, expected, 1.0);
    before.reverse();
    before.push(start);
    before.extend(after);
    (before, missed_before + missed_after)
}

fn follow_one_way(kernel: &Kernel, calm: &[f64], start: Block, expected: &Expected, way: f64) -> (Vec<Block>, usize) {
    let (mut good, mut missed, mut in_a_row) = (Vec::new(), 0, 0);
    let (mut phase, mut drift) = (start.phase, 0.0);
    let mut at = 1.0;
    while in_a_row <= MOST_MISSED.max(kernel.cycles as usize)
        && good.len() < expected.most
        && let Some(sine) = kernel.sine(calm, start.center + way * at * kernel.step)
    {
        let block = kernel.block(sine);
        at += 1.0;
        phase += drift;
        let off = block.phase - phase;
        let off = off - off.round();
        if off.abs() > MOST_OFF || block.size < LEAST_SIZE * expected.size {
            in_a_row += 1;
            continue;
        }
        phase += expected.gains.0 * off;
        drift += expected.gains.1 * off;
        missed += in_a_row;
        in_a_row = 0;
        good.push(Block { phase: phase + (1.0 - expected.gains.0) * off, ..block });
    }
    (good, missed)
}

/// The usual size of the blocks before and after a wave; 0 of too few.
fn outside(kernel: &Kernel, calm: &[f64], first: f64, last: f64) -> f64 {
    let away = |at: usize| (kernel.cycles + at as f64) * kernel.period;
    let before = (0..OUTSIDE).map_while(|at| kernel.sine(calm, first - away(at)));
    let after = (0..OUTSIDE).map_while(|at| kernel.sine(calm, last + away(at)));
    let mut sizes: Vec<f64> = before.chain(after).map(|sine| sine.size()).collect();
    if sizes.len() < 3 { 0.0 } else { robust::median(&mut sizes) }
}

/// The period that the phases tell: their slope is by how much of a cycle per sample the assumed one is off.
fn refined(blocks: &[Block], period: f64) -> Option<f64> {
    let slope = slope(blocks);
    let rate = 1.0 / period + slope;
    (rate > 0.0 && blocks.len() > 1).then(|| 1.0 / rate)
}

fn slope(blocks: &[Block]) -> f64 {
    let count = blocks.len().max(1) as f64;
    let center = blocks.iter().map(|block| block.center).sum::<f64>() / count;
    let phase = blocks.iter().map(|block| block.phase).sum::<f64>() / count;
    let (mut up, mut down) = (0.0, 0.0);
    for block in blocks {
        up += (block.center - center) * (block.phase - phase);
        down += (block.center - center).powi(2);
    }
    if down > 0.0 { up / down } else { 0.0 }
}

fn jitter(blocks: &[Block], kernel: &Kernel, period: f64) -> f64 {
    let apart = (kernel.cycles * kernel.period / kernel.step) as usize;
    let slope = 1.0 / period - 1.0 / kernel.period;
    let (mut sum, mut count) = (0.0, 0);
    for (one, other) in blocks.iter().zip(blocks.iter().skip(apart)) {
        let step = other.phase - one.phase - slope * (other.center - one.center);
        sum += step * step;
        count += 1;
    }
    if count > 0 { (sum / f64::from(count)).sqrt() } else { 0.0 }
}
