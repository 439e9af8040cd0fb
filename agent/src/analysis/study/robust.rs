//! Numbers that a few wild values don't move: medians, quantiles, deviations.
//!
//! All take their values in any order and may reorder them; none of them may hold a `NaN`.

/// From the median absolute deviation of normal noise to its standard deviation.
const OF_NORMAL: f64 = 1.482_602_218_505_602;

/// The median; 0 of nothing.
#[must_use]
pub fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    let is_even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if is_even { f64::midpoint(below.iter().copied().fold(f64::NEG_INFINITY, f64::max), upper) } else { upper }
}

/// The value below which this share of them lies, one of them; 0 of nothing.
#[must_use]
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let at = ((values.len() - 1) as f64 * share.clamp(0.0, 1.0)).round() as usize;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// The standard deviation that normal noise with the same median distance from a value has.
#[must_use]
pub fn deviation_about(values: &mut [f64], center: f64) -> f64 {
    values.iter_mut().for_each(|value| *value = (*value - center).abs());
    median(values) * OF_NORMAL
}

/// The median, and the same deviation about it.
#[must_use]
pub fn median_and_deviation(values: &mut [f64]) -> (f64, f64) {
    let center = median(values);
    (center, deviation_about(values, center))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quantiles() {
        assert_eq!(median(&mut []), 0.0);
        assert_eq!(median(&mut [3.0]), 3.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 9.0]), 3.0);
        assert_eq!(quantile(&mut [4.0, 1.0, 2.0, 9.0, 7.0], 0.75), 7.0);
        assert_eq!(median_and_deviation(&mut [1.0, 2.0, 3.0, 4.0, 1e9]), (3.0, OF_NORMAL));
    }
}
