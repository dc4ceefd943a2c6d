//! Formats of the numbers on the page.

/// Formats a ratio with three digits, since more are never accurate: `1.04×`, `35.1×`, `748×`.
pub(crate) fn multiple(ratio: f64) -> String {
    format!("{}×", three_digits(ratio))
}

/// Formats a duration: `31.2 µs`, `1.97 ms`, `4.08 s`.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{} µs", three_digits(s * 1e6)),
        s if s < 1.0 => format!("{} ms", three_digits(s * 1e3)),
        s => format!("{} s", three_digits(s)),
    }
}

fn three_digits(number: f64) -> String {
    match number {
        n if n < 9.995 => format!("{n:.2}"),
        n if n < 99.95 => format!("{n:.1}"),
        n => format!("{n:.0}"),
    }
}

/// Formats a share: `19 %`.
pub(crate) fn percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}

/// Formats a size: `412 B`, `448 kB`, `7.61 MB`.
pub(crate) fn bytes(bytes: usize) -> String {
    match bytes as f64 {
        n if n < 1e3 => format!("{n} B"),
        n if n < 1e6 => format!("{} kB", three_digits(n / 1e3)),
        n => format!("{} MB", three_digits(n / 1e6)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let digits = [0.984, 1.0, 9.994, 9.996, 35.12, 99.96, 748.3].map(multiple);
        assert_eq!(digits, ["0.98×", "1.00×", "9.99×", "10.0×", "35.1×", "100×", "748×"]);
        assert_eq!([31.2e-6, 0.00197, 4.08].map(duration), ["31.2 µs", "1.97 ms", "4.08 s"]);
        assert_eq!([412, 448_611, 7_605_209].map(bytes), ["412 B", "449 kB", "7.61 MB"]);
    }
}
