//! Margins of estimated prompts: what is reserved, relative to what is counted.

use std::collections::BTreeMap;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use tollgate_names::Entries;

/// Thousandths of one.
const ONE: u32 = 1_000;
/// Largest margin.
const MAX: u32 = 10 * ONE;

/// Factor on the count of a prompt, for the reservation only: the charge of a model whose tokenizer is not public may be
/// above the count. 1 to 10, in thousandths.
///
/// ```
/// use tollgate_tokens::Margin;
///
/// let margin: Margin = "1.4".parse()?;
/// assert_eq!((margin.reserved(100), margin.counted(140)), (140, 100));
/// assert_eq!(margin.to_string(), "1.4");
/// # Ok::<(), tollgate_tokens::MarginError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margin(u32);

/// `estimate_margin` of a configuration: one margin for all models, or margins by model, whose names are exact or end in `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawMargins(pub Entries<Margin>);

/// Error of a value that is not a margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarginError;

impl std::fmt::Display for MarginError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("expected a decimal number from 1 to 10 with at most three places, such as \"1.4\"")
    }
}

impl std::error::Error for MarginError {}

impl Margin {
    /// Reserves what is counted.
    pub const NONE: Margin = Margin(ONE);
    /// Default for Claude: its counts have a median of 0.79 (texts) and 0.73 (tools) of the charge, see `docs/tokens.md`.
    pub(crate) const CLAUDE: Margin = Margin(1_400);

    /// Returns the tokens to reserve for a prompt of `counted` tokens, rounded up.
    #[must_use]
    pub fn reserved(self, counted: u64) -> u64 {
        let product = (u128::from(counted) * u128::from(self.0)).div_ceil(u128::from(ONE));
        u64::try_from(product).unwrap_or(u64::MAX)
    }

    /// Returns the largest count for which at most `reserved` tokens are reserved.
    #[must_use]
    pub fn counted(self, reserved: u64) -> u64 {
        if reserved == u64::MAX {
            return u64::MAX;
        }
        let quotient = u128::from(reserved) * u128::from(ONE) / u128::from(self.0.max(1));
        u64::try_from(quotient).unwrap_or(u64::MAX)
    }
}

impl std::str::FromStr for Margin {
    type Err = MarginError;

    fn from_str(text: &str) -> Result<Margin, MarginError> {
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(places) || places.len() > 3 {
            return Err(MarginError);
        }
        let number = |digits: &str| digits.parse::<u32>().map_err(|_| MarginError);
        let thousandths = number(&format!("{places:0<3}"))?;
        let margin =
            number(whole)?.checked_mul(ONE).and_then(|whole| whole.checked_add(thousandths)).ok_or(MarginError)?;
        if (ONE..=MAX).contains(&margin) { Ok(Margin(margin)) } else { Err(MarginError) }
    }
}

impl std::fmt::Display for Margin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, places) = (self.0 / ONE, format!("{:03}", self.0 % ONE));
        match places.trim_end_matches('0') {
            "" => write!(f, "{whole}"),
            places => write!(f, "{whole}.{places}"),
        }
    }
}

impl<'de> Deserialize<'de> for Margin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Margin, D::Error> {
        struct MarginVisitor;
        impl Visitor<'_> for MarginVisitor {
            type Value = Margin;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a decimal number from 1 to 10, such as \"1.4\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Margin, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Margin, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Margin, E> {
                // The shortest text that reads as this number is what the file says.
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(MarginVisitor)
    }
}

impl<'de> Deserialize<'de> for RawMargins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawMargins, D::Error> {
        struct MarginsVisitor;
        impl<'de> Visitor<'de> for MarginsVisitor {
            type Value = RawMargins;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a decimal number from 1 to 10, such as \"1.4\", or a map of models to such numbers")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawMargins, E> {
                Ok(RawMargins::of_all(text.parse().map_err(E::custom)?))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<RawMargins, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<RawMargins, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawMargins, A::Error> {
                Entries::deserialize(MapAccessDeserializer::new(map)).map(RawMargins)
            }
        }
        deserializer.deserialize_any(MarginsVisitor)
    }
}

impl RawMargins {
    /// Returns one margin for all models.
    fn of_all(margin: Margin) -> RawMargins {
        RawMargins(Entries(BTreeMap::from([("*".to_owned(), margin)])))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for RawMargins {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Margins".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (one, map) = (generator.subschema_for::<Margin>(), generator.subschema_for::<Entries<Margin>>());
        schemars::json_schema!({"anyOf": [one, map]})
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Margin {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Margin".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Factor from 1 to 10 with at most three places: \"1.4\", or a plain number.",
            "anyOf": [
                {"type": "string", "pattern": r"^([1-9](\.[0-9]{1,3})?|10(\.0{1,3})?)$"},
                {"type": "number", "minimum": 1, "maximum": 10}
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_are_decimal_numbers_from_one_to_ten() {
        for (text, shown) in
            [("1", "1"), ("1.4", "1.4"), ("1.40", "1.4"), ("2.005", "2.005"), ("10", "10"), ("01.5", "1.5")]
        {
            assert_eq!(text.parse::<Margin>().map(|margin| margin.to_string()), Ok(shown.to_owned()), "{text}");
        }
        for text in ["", ".", "1.", ".5", "0", "0.999", "10.001", "11", "-1", "1.2345", "1,4", "1e1", "99999999999"] {
            assert_eq!(text.parse::<Margin>(), Err(MarginError), "{text}");
        }
        for (json, margin) in [("1.4", 1_400), ("2", 2_000), ("\"1.25\"", 1_250)] {
            assert_eq!(serde_json::from_str::<Margin>(json).unwrap(), Margin(margin));
        }
        assert!(serde_json::from_str::<Margin>("true").is_err());
        for (json, entries) in
            [("1.5", vec![("*", 1_500)]), (r#"{"a": "2", "b*": 1.1}"#, vec![("a", 2_000), ("b*", 1_100)])]
        {
            let RawMargins(margins) = serde_json::from_str(json).unwrap();
            let margins: Vec<_> = margins.0.iter().map(|(name, margin)| (name.as_str(), margin.0)).collect();
            assert_eq!(margins, entries);
        }
        assert!(serde_json::from_str::<RawMargins>(r#"{"a": 0.5}"#).is_err());
    }

    #[test]
    fn reservations_are_rounded_up() {
        for (margin, counted, reserved) in
            [(1_000, 7, 7), (1_400, 0, 0), (1_400, 1, 2), (1_400, 5, 7), (1_001, 1, 2), (10_000, u64::MAX, u64::MAX)]
        {
            assert_eq!(Margin(margin).reserved(counted), reserved);
        }
        for margin in [1_000, 1_001, 1_400, 2_500, 10_000].map(Margin) {
            for reserved in 0..200 {
                let counted = margin.counted(reserved);
                assert!(
                    margin.reserved(counted) <= reserved && margin.reserved(counted + 1) > reserved,
                    "{margin} {reserved}"
                );
            }
            assert_eq!(margin.counted(u64::MAX), u64::MAX);
        }
    }
}
