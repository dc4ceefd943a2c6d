//! Points in time and durations. This crate has no clock; the caller passes the current time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// Point in time: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// Converts nanoseconds since the epoch, the unit of proxy-wasm clocks, rounding down to milliseconds.
    pub fn from_nanos(nanos: u64) -> UnixMillis {
        UnixMillis(nanos / 1_000_000)
    }
}

/// Positive duration in milliseconds, written as `90s`, `1m`, `1h30m` or `7d`: numbers with a unit (`ms`, `s`, `m`, `h`,
/// `d`), larger units first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(u64);

/// Reason why a text is not a valid [`Period`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeriodError {
    /// Not a sequence of numbers with units.
    #[error("expected a duration such as \"90s\", \"1m\" or \"1h30m\"")]
    Syntax,
    /// Zero duration.
    #[error("must be longer than zero")]
    Zero,
    /// 2^64 milliseconds or more.
    #[error("is too long")]
    TooLong,
}

/// Units in milliseconds, largest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Period {
    /// Creates a period; `None` for zero milliseconds.
    pub const fn from_millis(millis: u64) -> Option<Period> {
        if millis == 0 { None } else { Some(Period(millis)) }
    }

    /// Returns the duration in milliseconds, never zero.
    pub const fn millis(self) -> u64 {
        self.0
    }
}

impl From<Period> for Duration {
    fn from(period: Period) -> Duration {
        Duration::from_millis(period.0)
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Period, PeriodError> {
        let (mut rest, mut millis, mut above) = (text, 0u64, u64::MAX);
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or(PeriodError::Syntax)?;
            let (number, tail) = rest.split_at(end);
            let end = tail.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(tail.len());
            let (name, tail) = tail.split_at(end);
            let (_, unit) = *UNITS.iter().find(|(unit, _)| *unit == name).ok_or(PeriodError::Syntax)?;
            if number.is_empty() || unit >= above {
                return Err(PeriodError::Syntax);
            }
            let number: u64 = number.parse().map_err(|_| PeriodError::TooLong)?;
            millis = number.checked_mul(unit).and_then(|part| millis.checked_add(part)).ok_or(PeriodError::TooLong)?;
            (rest, above) = (tail, unit);
        }
        if text.is_empty() {
            return Err(PeriodError::Syntax);
        }
        Period::from_millis(millis).ok_or(PeriodError::Zero)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        for (name, unit) in UNITS {
            if rest >= unit {
                write!(f, "{}{name}", rest / unit)?;
                rest %= unit;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Period;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"90s\", \"1m\" or \"1h30m\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Period, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Duration as OpenAI writes it in `x-ratelimit-reset-*`, the format of Go's `time.Duration`: `6m0s`, `1s`, `8.64s`, `250ms`,
/// `1h0m0s`. Resolution: milliseconds.
pub(crate) struct GoDuration(pub(crate) Duration);

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        if millis == 0 {
            return f.write_str("0s");
        }
        if millis < 1_000 {
            return write!(f, "{millis}ms");
        }
        let (seconds, fraction) = (millis / 1_000, millis % 1_000);
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{}", seconds % 60)?;
        match fraction {
            0 => {}
            _ if fraction % 100 == 0 => write!(f, ".{}", fraction / 100)?,
            _ if fraction % 10 == 0 => write!(f, ".{:02}", fraction / 10)?,
            _ => write!(f, ".{fraction:03}")?,
        }
        f.write_str("s")
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Period {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^([0-9]+(d|h|m|s|ms))+$"})
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parses_and_prints_periods() {
        for (text, millis, shown) in [
            ("1ms", 1, "1ms"),
            ("90s", 90_000, "1m30s"),
            ("1m", 60_000, "1m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("1d", 86_400_000, "1d"),
            ("7d", 604_800_000, "7d"),
            ("24h", 86_400_000, "1d"),
            ("1d1h1m1s1ms", 90_061_001, "1d1h1m1s1ms"),
        ] {
            assert_eq!(text.parse(), Ok(Period(millis)), "{text}");
            assert_eq!(Period(millis).to_string(), shown);
        }
        for (text, error) in [
            ("", PeriodError::Syntax),
            ("60", PeriodError::Syntax),
            ("m", PeriodError::Syntax),
            ("1", PeriodError::Syntax),
            ("1.5h", PeriodError::Syntax),
            ("-1s", PeriodError::Syntax),
            ("1 m", PeriodError::Syntax),
            ("1M", PeriodError::Syntax),
            ("1min", PeriodError::Syntax),
            ("1w", PeriodError::Syntax),
            ("1m1h", PeriodError::Syntax),
            ("1m1m", PeriodError::Syntax),
            ("0s", PeriodError::Zero),
            ("99999999999999999999s", PeriodError::TooLong),
            ("18446744073709551615d", PeriodError::TooLong),
        ] {
            assert_eq!(text.parse::<Period>(), Err(error), "{text}");
        }
        assert!(serde_json::from_str::<Period>("60").unwrap_err().to_string().contains("duration"));
        assert_eq!(serde_saphyr::from_str::<Period>("1h30m").unwrap(), Period(5_400_000));
    }

    #[test]
    fn prints_durations_like_go() {
        for (millis, text) in [
            (0, "0s"),
            (1, "1ms"),
            (250, "250ms"),
            (1_000, "1s"),
            (1_500, "1.5s"),
            (8_640, "8.64s"),
            (1_001, "1.001s"),
            (60_000, "1m0s"),
            (86_400, "1m26.4s"),
            (360_000, "6m0s"),
            (3_600_000, "1h0m0s"),
            (90_061_001, "25h1m1.001s"),
        ] {
            assert_eq!(GoDuration(Duration::from_millis(millis)).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn printing_and_parsing_round_trip(millis in 1u64..) {
            prop_assert_eq!(Period(millis).to_string().parse(), Ok(Period(millis)));
        }
    }
}
