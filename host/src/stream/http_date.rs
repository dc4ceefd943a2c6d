//! Dates in HTTP's format (RFC 9110, section 5.6.7).

/// Formats a time, in nanoseconds since the Unix epoch, e.g. as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn format(unix_ns: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = unix_ns / 1_000_000_000;
    let days = seconds / 86_400;
    // Days to a civil date of the proleptic Gregorian calendar, in eras of 400 years that begin on 1 March.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    let name = |names: &[&'static str], at: u64| {
        let name = usize::try_from(at).ok().and_then(|at| names.get(at).copied());
        debug_assert!(name.is_some(), "days of a week are below 7, months of a year below 12");
        name.unwrap_or_default()
    };
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} GMT",
        name(&DAYS, days % 7),
        name(&MONTHS, month - 1),
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_http_dates() {
        assert_eq!(format(784_111_777_000_000_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(format(1_767_225_600_000_000_000), "Thu, 01 Jan 2026 00:00:00 GMT");
        assert_eq!(format(1_709_164_800_000_000_000), "Thu, 29 Feb 2024 00:00:00 GMT");
    }
}
