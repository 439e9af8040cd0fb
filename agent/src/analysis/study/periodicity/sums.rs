//! Sums that are kept in several lanes and added up at last.
//!
//! The surprise: floats are added in the order that is written, so a plain sum waits for itself at each value, and no two of them are
//! added at once.

/// So many sums at once.
const LANES: usize = 8;

/// The sum.
pub(super) fn sum(values: &[f64]) -> f64 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += chunk[lane];
        }
    }
    sums.iter().chain(rest).sum()
}

/// The sums of the products with each of two others of the same length.
pub(super) fn products(values: &[f64], one: &[f64], other: &[f64]) -> (f64, f64) {
    let ((chunks, rest), (ones, one), (others, other)) =
        (values.as_chunks::<LANES>(), one.as_chunks::<LANES>(), other.as_chunks::<LANES>());
    let (mut by_one, mut by_other) = ([0.0; LANES], [0.0; LANES]);
    for ((chunk, one), other) in chunks.iter().zip(ones).zip(others) {
        for lane in 0..LANES {
            by_one[lane] += chunk[lane] * one[lane];
            by_other[lane] += chunk[lane] * other[lane];
        }
    }
    let rest = |others: &[f64]| rest.iter().zip(others).map(|(value, other)| value * other).sum::<f64>();
    (by_one.iter().sum::<f64>() + rest(one), by_other.iter().sum::<f64>() + rest(other))
}

/// The sum of squares.
pub(super) fn squares(values: &[f64]) -> f64 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += chunk[lane] * chunk[lane];
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|value| value * value).sum::<f64>()
}

/// The sum of the values that are within bounds, and how many those are.
pub(super) fn within(values: &[f64], least: f64, most: f64) -> (f64, f64) {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let (mut sums, mut counts) = ([0.0; LANES], [0.0; LANES]);
    let mut add = |lane: usize, value: f64| {
        let is_within = (value >= least) & (value <= most);
        sums[lane] += if is_within { value } else { 0.0 };
        counts[lane] += if is_within { 1.0 } else { 0.0 };
    };
    for chunk in chunks {
        (0..LANES).for_each(|lane| add(lane, chunk[lane]));
    }
    rest.iter().for_each(|value| add(0, *value));
    (sums.iter().sum(), counts.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_all_values_however_many() {
        for count in 0..40_u32 {
            let values: Vec<f64> = (0..count).map(f64::from).collect();
            let twice: Vec<f64> = values.iter().map(|value| 2.0 * value).collect();
            let (all, of_squares) = (values.iter().sum::<f64>(), values.iter().map(|value| value * value).sum::<f64>());
            assert_eq!((sum(&values), squares(&values)), (all, of_squares));
            assert_eq!(products(&values, &values, &twice), (of_squares, 2.0 * of_squares));
            let few = values.iter().filter(|value| (3.0..=20.0).contains(*value));
            assert_eq!(within(&values, 3.0, 20.0), (few.clone().sum(), few.count() as f64));
        }
    }
}
