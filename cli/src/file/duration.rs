//! Durations as users write them.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};

use super::Scalar;

/// Duration written as numbers with the units `ms`, `s`, `m`, `h` or `d`, e.g. `61s`, `1m30s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HumanDuration(pub Duration);

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl HumanDuration {
    /// Parses a duration; returns `None` if the text is not one.
    pub fn parse(text: &str) -> Option<HumanDuration> {
        let mut rest = text.trim();
        let mut total = 0u64;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            let (number, behind) = rest.split_at(digits);
            let letters = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
            let (unit, behind) = behind.split_at(letters);
            let (_, ms) = UNITS.iter().find(|(name, _)| *name == unit)?;
            total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*ms)?)?;
            rest = behind;
        }
        Some(HumanDuration(Duration::from_millis(total)))
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HumanDuration, D::Error> {
        let Scalar(text) = Scalar::deserialize(deserializer)?;
        HumanDuration::parse(&text)
            .ok_or_else(|| D::Error::custom("not a duration: write e.g. `61s`, `1m30s`, `500ms`"))
    }
}

impl JsonSchema for HumanDuration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Pause".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$", "examples": ["61s", "1m30s"]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed() {
        for (text, ms) in [
            ("61s", Some(61_000)),
            ("1m30s", Some(90_000)),
            ("500ms", Some(500)),
            ("1d2h", Some(93_600_000)),
            ("0s", Some(0)),
            ("", None),
            ("61", None),
            ("s", None),
            ("1.5s", None),
            ("1 s", None),
            ("-1s", None),
            ("1w", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
        ] {
            assert_eq!(HumanDuration::parse(text), ms.map(|ms| HumanDuration(Duration::from_millis(ms))), "{text}");
        }
    }
}
