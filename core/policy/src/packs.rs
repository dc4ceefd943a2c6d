//! Packs of rules by name, `firewall.packs`: the command inlines them.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use tollgate_inspect::{RawAction, RuleMode};

/// Pack of rules: its name, or a map with `name` and settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawPack {
    /// Name of the pack.
    pub name: String,
    /// Action of all its rules, in place of their own.
    pub action: Option<RawAction>,
    /// Effect of the actions of all its rules.
    pub mode: Option<RuleMode>,
    /// Tags of all its rules, beside their own.
    pub tag: BTreeMap<String, String>,
    /// Restores values in responses, see [`RawRule::restore`](tollgate_inspect::RawRule::restore).
    pub restore: bool,
    /// Ids of rules that are left out.
    pub except: Vec<String>,
}

/// Pack of rules with settings.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct RawSettings {
    /// Name of the pack: `secrets`, `pii`, `injection`, `unicode`, `links`, `agent`, `leak` or `extraction`.
    name: String,
    /// Action of all rules of the pack, in place of their own: `log` shows what a pack finds before it changes anything.
    #[serde(default)]
    action: Option<RawAction>,
    /// Effect of the actions: `enforce`, or `audit`, with which the rules only log. Default: `enforce`.
    #[serde(default)]
    mode: Option<RuleMode>,
    /// Tags of what the rules match, `{data: pii}`, beside their own.
    #[serde(default)]
    tag: BTreeMap<String, String>,
    /// Puts the values that rules with `action: placeholder` replaced in a request back into the texts of its response. Default:
    /// false.
    #[serde(default)]
    restore: bool,
    /// Ids of rules that are left out.
    #[serde(default)]
    except: Vec<String>,
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for RawPack {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pack".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (name, settings) = (generator.subschema_for::<String>(), generator.subschema_for::<RawSettings>());
        schemars::json_schema!({"anyOf": [name, settings]})
    }
}

impl<'de> Deserialize<'de> for RawPack {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawPack, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = RawPack;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a pack, or a map with `name`")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<RawPack, E> {
                Ok(RawPack {
                    name: name.to_owned(),
                    action: None,
                    mode: None,
                    tag: BTreeMap::new(),
                    restore: false,
                    except: Vec::new(),
                })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawPack, A::Error> {
                let RawSettings { name, action, mode, tag, restore, except } =
                    serde::Deserialize::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawPack { name, action, mode, tag, restore, except })
            }
        }
        deserializer.deserialize_any(Form)
    }
}
