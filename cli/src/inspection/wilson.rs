//! Confidence interval of a share.

/// Normal quantile of a two-sided interval of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Returns the 95 % interval of a share of `hits` in `n` (Wilson, 1927). It does not collapse at 0 and 1: 0 of 250 still allows
/// 1.5 %. With no observation, nothing is known: 0 to 1.
#[must_use]
pub fn interval(hits: usize, n: usize) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let (n, share) = (n as f64, hits as f64 / n as f64);
    let center = share + Z * Z / (2.0 * n);
    let margin = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (((center - margin) / scale).max(0.0), ((center + margin) / scale).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals() {
        for (hits, n, low, high) in [
            (0, 0, 0.0, 1.0),
            (0, 250, 0.0, 0.0151),
            (250, 250, 0.9849, 1.0),
            (5, 10, 0.2366, 0.7634),
            (1, 1, 0.2065, 1.0),
            (82, 263, 0.2589, 0.3701),
        ] {
            let (from, to) = interval(hits, n);
            assert!((from - low).abs() < 1e-4 && (to - high).abs() < 1e-4, "{hits} of {n}: {from} to {to}");
        }
    }
}
