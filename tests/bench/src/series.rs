//! Statistics over several measurements of the same quantity.

/// Returns the median; 0 if there are no values.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Returns the spread: half the distance between the quartiles, relative to the median.
pub(crate) fn spread(values: &[f64]) -> f64 {
    let half = (quantile(values, 0.75) - quantile(values, 0.25)) / 2.0;
    let median = median(values);
    if median > 0.0 { half / median } else { 0.0 }
}

/// Returns the 99th percentile.
pub(crate) fn p99(values: &[f64]) -> f64 {
    quantile(values, 0.99)
}

/// Returns a quantile, linearly interpolated.
fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = part * sorted.len().saturating_sub(1) as f64;
    // Not negative and far below 2^53.
    let below = place as usize;
    let (Some(low), Some(high)) = (sorted.get(below), sorted.get(below + 1).or(sorted.last())) else { return 0.0 };
    low + (high - low) * (place - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_depend_on_the_order() {
        for (values, middle) in
            [(&[][..], 0.0), (&[7.0], 7.0), (&[3.0, 1.0], 2.0), (&[9.0, 1.0, 2.0], 2.0), (&[4.0, 1.0, 100.0, 2.0], 3.0)]
        {
            assert_eq!(median(values), middle, "{values:?}");
        }
    }

    #[test]
    fn one_value_in_a_hundred_is_above_the_99th_percentile() {
        let values: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!(p99(&values), 99.0);
    }

    #[test]
    fn an_outlier_does_not_widen_the_spread() {
        assert_eq!(spread(&[10.0; 5]), 0.0);
        assert_eq!(spread(&[8.0, 9.0, 10.0, 11.0, 12.0]), 0.1);
        assert_eq!(spread(&[8.0, 9.0, 10.0, 11.0, 1200.0]), 0.1);
        assert_eq!(spread(&[]), 0.0);
    }
}
