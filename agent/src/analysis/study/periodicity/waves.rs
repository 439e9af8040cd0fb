//! Which waves there are: follows each seed, judges what comes of it, takes it out of the series, and looks again for what it hid.
//!
//! The surprise: how sure a wave is depends on how often it could have happened. Some cycles in a row are alike by chance where a
//! collector runs ten thousand times a day, and hardly ever where there is room for ten.

use super::cycle::{self, Cycle, Cycles};
use super::levels::Level;
use super::seeds::{self, Seed};
use super::track::{self, Run, Start};
use super::vain::Vain;

/// At most so many seeds of a level are followed in vain, in one pass.
const MOST_TRIES: usize = 40;
/// In all, at most so many.
const MOST_TRIES_IN_ALL: usize = 250;
/// The seeds are looked through so many times, as waves that were found are taken out and hide others no more.
const MOST_PASSES: usize = 5;
/// At most so many stretches of waves are found.
const MOST_FOUND: usize = 64;
/// As long as there are waves as sure as this, less sure ones wait: they may be surer when those are taken out.
const SURE: f64 = 0.9;
/// Waves are followed so many levels below the one that shows them: there a cycle has some 40 to 80 samples.
const FINER: usize = 3;
/// Where less than this share of the size of a seed is left, it was that of a wave that is taken out already.
const LEFT: f64 = 0.3;
/// So many cycles is the least.
const LEAST_CYCLES: f64 = 2.5;
/// Seeds are followed in blocks of so many cycles; longer ones tell waves of near periods apart.
const BLOCKS: [f64; 2] = [2.0, 6.0];
/// A wave goes on after a pause of so many cycles, or of this share of what it lasted before and after.
const PAUSE: (f64, f64) = (10.0, 0.25);
/// Waves are taken out of levels where a cycle has so many samples.
const SHOWN: std::ops::RangeInclusive<f64> = 3.0..=1024.0;
/// A wave below this share of another one at the same time may come of how that one was read.
const SMALL: f64 = 0.25;
/// A harmonic that holds for less than this share of what its wave does is part of it.
const MOMENT: f64 = 0.1;

/// A wave; times are in cells of the grid.
pub(super) struct Wave {
    /// How long a cycle is.
    pub(super) period: f64,
    /// From when it holds.
    pub(super) from: f64,
    /// Until when.
    pub(super) to: f64,
    /// How many cycles there are, without pauses.
    pub(super) cycles: f64,
    /// How sure it is, from 0 to 1.
    pub(super) confidence: f64,
    /// Half of the swing of its sine.
    pub(super) size: f64,
    /// The mean cycle; its phase 0 is a whole number of periods after the start of the grid.
    pub(super) cycle: Cycle,
    /// Whether the cycle was told of readings themselves, not of means of some.
    pub(super) is_finest: bool,
    /// How many times shorter the periods are of what was split from it.
    split: Vec<usize>,
}

/// The waves of a series that are at least so sure, by when they begin.
pub(super) fn waves(levels: &mut [Level], least: f64) -> Vec<Wave> {
    let mut found: Vec<Wave> = Vec::new();
    let mut seeds = seeds::seeds(levels);
    let mut tries = 0;
    let mut wanted = least.max(SURE);
    let mut vain = Vain::default();
    for _ in 0..MOST_PASSES {
        let before = found.len();
        let (mut level, mut of_level) = (usize::MAX, 0);
        seeds.retain(|seed| {
            if seed.level != level {
                (level, of_level) = (seed.level, 0);
            }
            if of_level >= MOST_TRIES || tries >= MOST_TRIES_IN_ALL || found.len() >= MOST_FOUND {
                return true;
            }
            if is_known(seed, levels, &found) {
                return false;
            }
            if let Some(level) = levels.get_mut(seed.level.saturating_sub(FINER)) {
                take_out(level, &found);
            }
            let wave = BLOCKS.into_iter().find_map(|cycles| followed(seed, levels, (cycles, wanted), &mut vain));
            if wave.is_none() {
                (of_level, tries) = (of_level + 1, tries + 1);
                return true;
            }
            found.extend(wave);
            vain.forget();
            false
        });
        if found.len() == before {
            if wanted <= least {
                break;
            }
            wanted = least;
        }
    }
    let mut joined = joined(found);
    drop_echoes(&mut joined);
    joined
}

/// Whether a wave that was found already is why a seed is there.
fn is_known(seed: &Seed, levels: &[Level], found: &[Wave]) -> bool {
    let Some(level) = levels.get(seed.level) else { return true };
    let period = seed.period * level.width;
    let from = seed.window.0 as f64 * level.width;
    let to = from + seed.window.1 as f64 * level.width;
    found.iter().any(|wave| {
        let times = (wave.period / period).round().max(1.0);
        let near = if times < 2.0 { 0.03 } else { 0.01 };
        let is_near = times < 5.0 && (wave.period / period / times - 1.0).abs() < near;
        is_near
            && from < wave.to
            && to > wave.from
            && !wave.split.iter().any(|split| (times as usize).is_multiple_of(*split))
    })
}

fn followed(seed: &Seed, levels: &[Level], (block, wanted): (f64, f64), vain: &mut Vain) -> Option<Wave> {
    let coarse = levels.get(seed.level)?;
    let finer = seed.level.saturating_sub(FINER);
    let fine = levels.get(finer)?;
    let scale = coarse.width / fine.width;
    let window = (seed.window.0 as f64 * scale, seed.window.1 as f64 * scale);
    let start = Start { window, period: seed.period * scale, size: seed.size * LEFT, cycles: block };
    if vain.knows(finer, &start, wanted) {
        return None;
    }
    let run = track::run(&fine.calm, &start)?;
    let wave = match judged(fine, &run, wanted) {
        Ok(wave) => wave,
        Err(sure) => {
            vain.keep(finer, &start, &run, sure);
            return None;
        }
    };
    // Halves, thirds and so on of a cycle may look alike.
    let period = wave.period / fine.width;
    let range = (wave.from / fine.width, wave.to / fine.width);
    let longer = cycle::longer(fine, range, period).and_then(|times| {
        let window = (range.0, (range.1 - range.0).min(8.0 * period * times));
        judged(fine, &track::run(&fine.calm, &Start { window, period: period * times, ..start })?, wanted).ok()
    });
    let mut wave = longer.unwrap_or(wave);
    while wave.split.len() < 3
        && let Some(times) = wave.cycle.split()
    {
        wave.split.push(times);
    }
    Some(wave)
}

/// The wave of a run, or how sure it is at most where that is less than what is wanted.
fn judged(level: &Level, run: &Run, wanted: f64) -> Result<Wave, f64> {
    let cycles = (run.to - run.from) / run.period;
    if cycles < LEAST_CYCLES {
        return Err(0.0);
    }
    let steady = steadiness(run);
    if steady < wanted {
        return Err(steady);
    }
    let range = (run.from as usize, run.to as usize);
    let period = if cycles < cycle::FEW { cycle::refined(level, range, run.period) } else { run.period };
    let folded = Cycles::of(level, range, period).ok_or(0.0)?;
    let confidence = confidence(run, folded.explained(), period, level.values.len());
    // Most are not sure enough, and to tell their sizes takes longer than all before.
    if confidence < wanted {
        return Err(confidence);
    }
    let cycle = folded.mean();
    // A wave of a shorter period is to be found as that.
    let is_own = run.size > SMALL * cycle.strongest() && cycle.amplitude() > SMALL * run.size;
    if !is_own {
        return Err(0.0);
    }
    Ok(Wave {
        period: period * level.width,
        from: run.from * level.width,
        to: run.to * level.width,
        cycles,
        confidence,
        size: run.size,
        cycle,
        is_finest: level.width <= 1.0,
        split: Vec::new(),
    })
}

/// How sure it is: the steadier, the less interrupted, and the more that the cycle explains over the more cycles, the surer;
/// where there is room for many cycles, it takes more of them.
fn confidence(run: &Run, explained: f64, period: f64, samples: usize) -> f64 {
    let (cycles, room) = ((run.to - run.from) / period, samples as f64 / period);
    let strength = explained / (1.0 - explained).max(1e-9) * cycles;
    // Where cycles as big go on out of step, those in step are so by chance, unless they are many.
    let alone = between(0.6, 0.35, run.outside).max(between(20.0, 60.0, cycles));
    let luck = cycles * explained * (0.25 / run.jitter.max(0.01)).ln() / room.ln().max(1.0);
    (1.0 - 0.3 / cycles) * steadiness(run) * alone * between(5.0, 20.0, strength) * between(1.5, 2.5, luck)
}

fn steadiness(run: &Run) -> f64 {
    between(0.13, 0.06, run.jitter) * between(0.5, 0.25, run.missed)
}

/// From 0 to 1 as a value goes from the one to the other.
fn between(none: f64, all: f64, value: f64) -> f64 {
    ((value - none) / (all - none)).clamp(0.0, 1.0)
}

/// Takes the waves that were found since the last time out of a level.
fn take_out(level: &mut Level, found: &[Wave]) {
    for wave in found.iter().skip(level.taken_out) {
        let period = wave.period / level.width;
        let range = ((wave.from / level.width) as usize, (wave.to / level.width).ceil() as usize);
        if SHOWN.contains(&period) {
            cycle::take_out(level, range, period, &wave.split);
        }
    }
    level.taken_out = found.len();
}

/// Stretches of the same period with no more than a pause between them are one wave.
fn joined(mut found: Vec<Wave>) -> Vec<Wave> {
    found.sort_by(|one, other| one.from.total_cmp(&other.from));
    let mut joined: Vec<Wave> = Vec::new();
    for wave in found {
        let known = joined.iter_mut().find(|known| {
            let lasted = known.to - known.from + wave.to - wave.from;
            let pause = (PAUSE.0 * wave.period).max(PAUSE.1 * lasted);
            (known.period / wave.period - 1.0).abs() < 0.01 && wave.from - known.to < pause
        });
        let Some(known) = known else {
            joined.push(wave);
            continue;
        };
        let cycles = (known.cycles + wave.cycles).min((known.to.max(wave.to) - known.from) / known.period);
        let (from, to) = (known.from, known.to.max(wave.to));
        let confidence = known.confidence.max(wave.confidence);
        if wave.cycles > known.cycles {
            *known = wave;
        }
        (known.from, known.to, known.cycles, known.confidence) = (from, to, cycles, confidence);
    }
    joined
}

/// Drops small waves that come of how big ones are read.
fn drop_echoes(waves: &mut Vec<Wave>) {
    let echoes: Vec<bool> = waves.iter().map(|wave| waves.iter().any(|big| is_echo(wave, big))).collect();
    let mut echoes = echoes.into_iter();
    waves.retain(|_| !echoes.next().unwrap_or(false));
}

/// Whether a wave comes of the edges of a big one that fall between readings, or is what was left of it when it was taken out.
fn is_echo(wave: &Wave, big: &Wave) -> bool {
    let (amplitude, times) = (wave.cycle.amplitude(), wave.period / big.period);
    let is_multiple = times > 1.5 && (times / times.round() - 1.0).abs() < 0.005;
    let is_noise = amplitude < wave.cycle.left || is_alias(wave.period, big.period);
    let is_small = amplitude < SMALL * big.cycle.amplitude();
    // A few cycles of a harmonic of a wave that holds much longer, no bigger than harmonics of a square wave are.
    let is_harmonic = times < 0.7 && (times * (1.0 / times).round() - 1.0).abs() < 0.005;
    let is_moment = wave.to - wave.from < MOMENT * (big.to - big.from) && wave.size < 1.3 * times * big.size;
    let is_of_it =
        (is_small && is_noise) || (wave.size < SMALL * big.size && is_multiple) || (is_harmonic && is_moment);
    is_of_it && big.from < wave.to && big.to > wave.from
}

/// Whether a harmonic of the one period, read once a cell, looks like the other period.
fn is_alias(seen: f64, period: f64) -> bool {
    (2..=32).any(|times| {
        let rate = f64::from(times) / period;
        ((rate - rate.round()).abs() * seen - 1.0).abs() < 0.03
    })
}
