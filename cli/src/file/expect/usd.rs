//! Amounts of US dollars.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};

use crate::file::Scalar;

/// Amount of US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usd {
    /// Amount in nano-dollars (billionths of a dollar).
    pub nanos: u64,
}

impl Usd {
    /// Parses a decimal number with at most nine decimal places, e.g. `0.00615`.
    pub fn parse(text: &str) -> Option<Usd> {
        let text = text.strip_prefix('$').unwrap_or(text);
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || part.len() > 9 || !digits(whole) || !digits(part) {
            return None;
        }
        let part: u64 = format!("{part:0<9}").parse().ok()?;
        Some(Usd { nanos: whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(part)? })
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Usd, D::Error> {
        let Scalar(text) = Scalar::deserialize(deserializer)?;
        Usd::parse(&text).ok_or_else(|| D::Error::custom("not an amount of US dollars: write e.g. \"0.00615\""))
    }
}

impl JsonSchema for Usd {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number"], "examples": ["0.00615"]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_parsed_exactly() {
        for (text, nanos) in [
            ("0.00615", Some(6_150_000)),
            ("$1", Some(1_000_000_000)),
            ("1.000000001", Some(1_000_000_001)),
            ("0", Some(0)),
            ("1.0000000001", None),
            (".5", None),
            ("1e-3", None),
            ("-1", None),
            ("", None),
            ("99999999999999", None),
        ] {
            assert_eq!(Usd::parse(text), nanos.map(|nanos| Usd { nanos }), "{text}");
        }
    }
}
