//! Infers a limit: a level that a value comes back to again and again but never passes.
//!
//! By a histogram: a cell near the upper end holds far more readings than those below it, and nothing is above. The
//! surprise: a sine and a square wave have crowded ends too; the first is not crowded enough, the second has nothing
//! between its ends.

use crate::analysis::study::{Signal, robust};

/// So many readings show a shape.
const FEWEST: usize = 200;
/// Cells of the histogram, over all but the outermost readings.
const CELLS: usize = 200;
/// So many readings are outermost, as a share, on each side.
const OUTERMOST: f64 = 0.001;
/// The plateau is in the upper part of the range: in so many cells.
const UPPER: usize = 20;
/// It is so many cells wide.
const WIDE: usize = 3;
/// What is below is judged by so many cells.
const BELOW: usize = 8;
/// In a cell of the plateau are so many times the readings of one below it.
const CROWDED: f64 = 6.0;
/// The share of the readings on the plateau.
const SHARES: std::ops::Range<f64> = 0.02..0.8;
/// What may be above it, as a share of the readings on it: a spike beyond the limit, a late reading.
const ABOVE: f64 = 0.02;
/// So many of the tenths of the range hold readings, each of them at least this share.
const TENTHS: usize = 6;
const IN_A_TENTH: f64 = 0.01;
/// It comes back to it so many times, from below this share of the range.
const VISITS: usize = 3;
const AWAY: f64 = 0.8;

/// A level that is not passed.
pub(super) struct Plateau {
    pub(super) level: f64,
    /// What is above it is on the plateau.
    pub(super) edge: f64,
}

/// The plateau, if there is one.
pub(super) fn find(signal: &Signal) -> Option<Plateau> {
    if signal.len() < FEWEST {
        return None;
    }
    let mut values = signal.values().to_vec();
    let low = robust::quantile(&mut values, OUTERMOST);
    let high = robust::quantile(&mut values, 1.0 - OUTERMOST);
    let width = (high - low) / CELLS as f64;
    if width <= 0.0 {
        return None;
    }
    // The lowest and the highest are in the middle of their cells, for a value that is met exactly is not to be at an
    // edge.
    let begin = low - width / 2.0;
    // The uppermost cells are above the range, for what passes the plateau.
    let mut cells = [0_usize; CELLS + WIDE];
    for value in values {
        let cell = ((value - begin) / width).clamp(0.0, (CELLS + WIDE - 1) as f64) as usize;
        cells[cell] += 1;
    }
    let first = crowded(&cells, signal.len())?;
    let edge = begin + width * first as f64;
    let spread = (0..TENTHS + 4).filter(|tenth| {
        let held: usize = cells.iter().skip(tenth * CELLS / 10).take(CELLS / 10).sum();
        held as f64 >= signal.len() as f64 * IN_A_TENTH
    });
    if spread.count() < TENTHS || visits(signal, edge, low + AWAY * (edge - low)) < VISITS {
        return None;
    }
    let mut on: Vec<f64> = signal.values().iter().copied().filter(|value| *value >= edge).collect();
    Some(Plateau { level: robust::median(&mut on), edge })
}

/// The lowest cell of a plateau.
fn crowded(cells: &[usize; CELLS + WIDE], count: usize) -> Option<usize> {
    let held = |from: usize, wide: usize| cells.iter().skip(from).take(wide).sum::<usize>() as f64;
    let fullest = |one: &usize, other: &usize| held(*one, WIDE).total_cmp(&held(*other, WIDE));
    let first = (CELLS - UPPER..CELLS).max_by(fullest)?;
    let on = held(first, WIDE);
    let below = held(first - 1 - BELOW, BELOW) / BELOW as f64;
    let above = held(first + WIDE, CELLS);
    let is_crowded = on / WIDE as f64 >= CROWDED * below && above <= ABOVE * on;
    (is_crowded && SHARES.contains(&(on / count as f64))).then_some(first)
}

/// How many times it reaches the edge after it was away.
fn visits(signal: &Signal, edge: f64, away: f64) -> usize {
    let (mut count, mut was_away) = (0, true);
    for &value in signal.values() {
        if value >= edge && was_away {
            count += 1;
            was_away = false;
        } else if value < away {
            was_away = true;
        }
    }
    count
}
