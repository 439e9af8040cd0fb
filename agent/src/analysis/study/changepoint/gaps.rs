//! Gaps, filled with a line: what went on growing in a gap does not jump there.

use crate::analysis::study::Signal;

/// Readings that a long gap is filled with; short ones have as many as are missing.
const MOST: i64 = 64;

/// The series with readings where there are none.
pub(super) fn filled(signal: &Signal) -> Signal {
    let longest = signal.gap_usec();
    let (times, values) = (signal.times(), signal.values());
    if times.windows(2).all(|pair| pair[1] - pair[0] <= longest) {
        return signal.clone();
    }
    let (mut all_times, mut all_values) = (Vec::with_capacity(times.len()), Vec::with_capacity(times.len()));
    for (at, (&time, &value)) in times.iter().zip(values).enumerate() {
        if let Some(before) = at.checked_sub(1).filter(|&before| time - times[before] > longest) {
            let (long, risen) = (time - times[before], value - values[before]);
            let steps = (long / signal.step_usec()).min(MOST + 1);
            for step in 1..steps {
                all_times.push(times[before] + long * step / steps);
                all_values.push(values[before] + risen * step as f64 / steps as f64);
            }
        }
        all_times.push(time);
        all_values.push(value);
    }
    Signal::new(&all_times, &all_values)
}
