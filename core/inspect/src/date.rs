//! Calendar dates of a policy.

use serde::de::{self, Deserialize, Deserializer};

/// Number of nanoseconds of a day.
const DAY_NS: u64 = 24 * 60 * 60 * 1_000_000_000;

/// Day of the Gregorian calendar in UTC, from 1970 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Number of days since 1970-01-01.
    days: u32,
}

impl Date {
    /// Parses `2027-01-31`.
    pub fn parse(text: &str) -> Option<Date> {
        let is_shaped = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let number = |from: usize, to: usize| text.get(from..to).filter(|_| is_shaped)?.parse::<u32>().ok();
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let lengths = [31, 28 + u32::from(is_leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let length = lengths.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
        if year < 1970 || !(1..=*length).contains(&day) {
            return None;
        }
        let before = year - 1;
        let leap_days = before / 4 - before / 100 + before / 400;
        // 477 leap years end before 1970.
        let years = (year - 1970) * 365 + leap_days - 477;
        let months: u32 = lengths.iter().take(month as usize - 1).sum();
        Some(Date { days: years + months + day - 1 })
    }

    /// Returns the day of a time in nanoseconds since 1970-01-01T00:00:00Z.
    pub fn of_unix_ns(ns: u64) -> Date {
        Date { days: u32::try_from(ns / DAY_NS).unwrap_or(u32::MAX) }
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        let text = String::deserialize(deserializer)?;
        Date::parse(&text).ok_or_else(|| de::Error::custom("expected a date such as 2027-01-31"))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Date {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_since_1970() {
        for (text, days) in [
            ("1970-01-01", Some(0)),
            ("1970-02-01", Some(31)),
            ("1972-03-01", Some(790)),
            ("2000-02-29", Some(11_016)),
            ("2027-01-31", Some(20_849)),
            ("2100-03-01", Some(47_541)),
            ("2100-02-29", None),
            ("1969-12-31", None),
            ("2027-13-01", None),
            ("2027-00-01", None),
            ("2027-04-31", None),
            ("2027-1-31", None),
            ("2027/01/31", None),
            ("2027-01-31T00:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(Date::parse(text).map(|date| date.days), days, "{text}");
        }
    }

    #[test]
    fn a_day_ends_at_midnight() {
        let day = Date::parse("2027-01-31").unwrap();
        for (second, order) in [
            (20_849 * 86_400 - 1, std::cmp::Ordering::Less),
            (20_849 * 86_400, std::cmp::Ordering::Equal),
            (20_850 * 86_400 - 1, std::cmp::Ordering::Equal),
            (20_850 * 86_400, std::cmp::Ordering::Greater),
        ] {
            assert_eq!(Date::of_unix_ns(second * 1_000_000_000).cmp(&day), order, "{second}");
        }
    }
}
