//! Dates of the Gregorian calendar.

/// Returns `true` if a text is a plausible date: year, month and day in one of the usual orders, separated by `-`, `/`, `.` or
/// spaces, or eight digits with the year first. The year is 1900 to 2099, or has two digits.
pub(super) fn date(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['-', '/', '.', ' ']).filter(|part| !part.is_empty()).collect();
    let is_plausible = |year: u32, month, day| (1900..2100).contains(&year) && is_date(year, month, day);
    match parts.as_slice() {
        [compact] if compact.len() == 8 => {
            number(compact).is_some_and(|date| is_plausible(date / 10_000, date / 100 % 100, date % 100))
        }
        [first, second, third] => {
            let (Some(a), Some(b), Some(c)) = (number(first), number(second), number(third)) else { return false };
            match (first.len(), second.len(), third.len()) {
                (4, 1..=2, 1..=2) => is_plausible(a, b, c),
                (1..=2, 1..=2, 4) => is_plausible(c, b, a) || is_plausible(c, a, b),
                // 2000 is a leap year: any day that a year of the century has is accepted.
                (1..=2, 1..=2, 2) => is_date(2000, b, a) || is_date(2000, a, b) || is_date(2000, b, c),
                _ => false,
            }
        }
        _ => false,
    }
}

fn number(part: &str) -> Option<u32> {
    part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten()
}

/// Returns `true` if the month has the day.
pub(super) fn is_date(year: u32, month: u32, day: u32) -> bool {
    let is_leap_year = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap_year => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (text, expected) in [
            ("2026-02-28", true),
            ("2026-02-29", false),
            ("2024-02-29", true),
            ("1900-02-29", false),
            ("31.12.1999", true),
            ("12/31/1999", true),
            ("13/32/1999", false),
            ("31/04/2020", false),
            ("20260131", true),
            ("20261301", false),
            ("1/2/99", true),
            ("99-12-31", true),
            ("31 12 2020", true),
            ("2026-13-01", false),
            ("0999-12-01", false),
            ("12-12", false),
            ("a-b-c", false),
            ("", false),
        ] {
            assert_eq!(date(text), expected, "{text}");
        }
    }
}
