//! What several measurements of one thing say together.

/// The one in the middle; of an even number the mean of the two there. 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// How far measurements lie from the median: half the distance between the quartiles, as a part of the median.
pub(crate) fn spread(values: &[f64]) -> f64 {
    let half = (quantile(values, 0.75) - quantile(values, 0.25)) / 2.0;
    let median = median(values);
    if median > 0.0 { half / median } else { 0.0 }
}

/// The value below which that part of them lies, on the straight line between neighbours.
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
    fn the_middle_whatever_the_order() {
        for (values, middle) in
            [(&[][..], 0.0), (&[7.0], 7.0), (&[3.0, 1.0], 2.0), (&[9.0, 1.0, 2.0], 2.0), (&[4.0, 1.0, 100.0, 2.0], 3.0)]
        {
            assert_eq!(median(values), middle, "{values:?}");
        }
    }

    #[test]
    fn one_that_is_far_off_does_not_widen_the_spread() {
        assert_eq!(spread(&[10.0; 5]), 0.0);
        assert_eq!(spread(&[8.0, 9.0, 10.0, 11.0, 12.0]), 0.1);
        assert_eq!(spread(&[8.0, 9.0, 10.0, 11.0, 1200.0]), 0.1);
        assert_eq!(spread(&[]), 0.0);
    }
}
