//! Levels of the rules of packs, `firewall.paranoia`.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

/// Highest level of rules: those that find the most, and report the most by mistake.
pub(crate) const MAX_PARANOIA: u64 = 4;

/// Highest levels of the rules of packs: a number, or a map with `block` and `detect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawParanoia {
    /// Highest level of the rules whose actions take effect.
    pub block: u8,
    /// Highest level of the rules that are searched for. Those above `block` only log.
    pub detect: u8,
}

/// Levels as a map.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct RawLevels {
    /// Highest level of the rules whose actions take effect, 1 to 4.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 4)))]
    block: u8,
    /// Highest level of the rules that are searched for, from `block` to 4. Those above `block` only log.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 4)))]
    detect: u8,
}

impl RawParanoia {
    /// Returns the same level for both.
    fn level(level: u8) -> RawParanoia {
        RawParanoia { block: level, detect: level }
    }

    /// Returns `true` if both are levels, and no rule takes effect that is not searched for.
    pub(crate) fn is_valid(self) -> bool {
        self.block >= 1 && self.block <= self.detect && u64::from(self.detect) <= MAX_PARANOIA
    }
}

impl Default for RawParanoia {
    fn default() -> RawParanoia {
        RawParanoia::level(1)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for RawParanoia {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Paranoia".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let levels = generator.subschema_for::<RawLevels>();
        let level = schemars::json_schema!({"type": "integer", "minimum": 1, "maximum": MAX_PARANOIA});
        schemars::json_schema!({"anyOf": [level, levels]})
    }
}

impl<'de> Deserialize<'de> for RawParanoia {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawParanoia, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = RawParanoia;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a level, or a map with `block` and `detect`")
            }
            fn visit_u64<E: de::Error>(self, level: u64) -> Result<RawParanoia, E> {
                Ok(RawParanoia::level(u8::try_from(level).unwrap_or(u8::MAX)))
            }
            fn visit_i64<E: de::Error>(self, level: i64) -> Result<RawParanoia, E> {
                Ok(RawParanoia::level(u8::try_from(level).unwrap_or(u8::MAX)))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawParanoia, A::Error> {
                let RawLevels { block, detect } = serde::Deserialize::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawParanoia { block, detect })
            }
        }
        deserializer.deserialize_any(Form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_one_number_or_two() {
        for (json, levels, is_valid) in [
            ("2", Some((2, 2)), true),
            (r#"{"block": 1, "detect": 3}"#, Some((1, 3)), true),
            (r#"{"block": 3, "detect": 1}"#, Some((3, 1)), false),
            (r#"{"block": 1, "detect": 5}"#, Some((1, 5)), false),
            ("0", Some((0, 0)), false),
            ("-1", Some((255, 255)), false),
            ("300", Some((255, 255)), false),
            (r#"{"block": 1}"#, None, false),
            (r#""high""#, None, false),
        ] {
            let read: Option<RawParanoia> = serde_json::from_str(json).ok();
            assert_eq!(read.map(|read| (read.block, read.detect)), levels, "{json}");
            assert_eq!(read.is_some_and(RawParanoia::is_valid), is_valid, "{json}");
        }
    }
}
