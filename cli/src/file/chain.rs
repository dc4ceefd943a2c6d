//! The filters under test and where their policy stands.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The filters under test: a list, or those of an Envoy bootstrap.
#[derive(Clone, Debug)]
pub enum Chain {
    /// Filters one by one. Every request that they let pass goes to one upstream.
    List(Vec<Filter>),
    /// The filters and the routes of a bootstrap that Envoy is run with.
    Envoy(Box<EnvoyChain>),
}

/// A filter and its policy.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Which filter.
    pub filter: FilterName,
    /// Its configuration: the path of the production file (YAML or JSON), from the folder of the test file, or the
    /// configuration itself. Default: none.
    #[serde(default)]
    pub config: Option<ConfigSource>,
}

/// The filters that `tollgate.wasm` has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FilterName {
    /// The prompt firewall.
    PromptInspector,
    /// Counts tokens.
    TokenCounter,
    /// Keeps budgets.
    CostQuota,
    /// Chooses the route by the model.
    ModelRouter,
}

impl FilterName {
    /// The filter's `root_id`.
    pub fn root_id(self) -> &'static str {
        match self {
            FilterName::PromptInspector => "prompt-inspector",
            FilterName::TokenCounter => "token-counter",
            FilterName::CostQuota => "cost-quota",
            FilterName::ModelRouter => "model-router",
        }
    }

    /// The filter of a `root_id`.
    pub fn of_root_id(root_id: &str) -> Option<FilterName> {
        [FilterName::PromptInspector, FilterName::TokenCounter, FilterName::CostQuota, FilterName::ModelRouter]
            .into_iter()
            .find(|name| name.root_id() == root_id)
    }
}

/// A configuration, or where it stands.
#[derive(Clone, Debug)]
pub enum ConfigSource {
    /// A file, from the folder of the test file.
    Path(PathBuf),
    /// The configuration itself.
    Inline(Value),
}

/// The chain of an Envoy bootstrap.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvoyChain {
    /// The bootstrap, from the folder of the test file. Its first listener's Tollgate filters are the chain, with the
    /// configurations that stand there, and its routes decide on the upstream.
    pub envoy: PathBuf,
    /// Only these of its filters. Default: all.
    #[serde(default)]
    pub only: Option<Vec<FilterName>>,
    /// What is added to configurations, by filter: lists grow at their end, mappings by their keys. For what tests need
    /// and production does not have.
    #[serde(default)]
    pub extend: BTreeMap<String, Value>,
    /// Routes before those of the bootstrap.
    #[serde(default)]
    pub routes: Vec<Route>,
}

/// A route that tests need and production does not have.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// What the path begins with.
    pub prefix: String,
    /// The cluster that gets such requests.
    pub cluster: String,
}

impl<'de> Deserialize<'de> for Chain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Chain, D::Error> {
        deserializer.deserialize_any(ChainVisitor)
    }
}

struct ChainVisitor;

impl<'de> Visitor<'de> for ChainVisitor {
    type Value = Chain;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of filters, or `envoy:` and the path of a bootstrap")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Chain, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Chain::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Chain, A::Error> {
        EnvoyChain::deserialize(MapAccessDeserializer::new(map)).map(|chain| Chain::Envoy(Box::new(chain)))
    }
}

impl JsonSchema for Chain {
    fn schema_name() -> Cow<'static, str> {
        "Chain".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let filter = generator.subschema_for::<Filter>();
        let envoy = generator.subschema_for::<EnvoyChain>();
        json_schema!({
            "description": "The filters under test: a list, or those of an Envoy bootstrap.",
            "oneOf": [{"type": "array", "items": filter, "minItems": 1}, envoy],
        })
    }
}

impl<'de> Deserialize<'de> for ConfigSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ConfigSource, D::Error> {
        deserializer.deserialize_any(ConfigVisitor)
    }
}

struct ConfigVisitor;

impl<'de> Visitor<'de> for ConfigVisitor {
    type Value = ConfigSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the path of a configuration, or the configuration itself")
    }

    fn visit_str<E: serde::de::Error>(self, path: &str) -> Result<ConfigSource, E> {
        Ok(ConfigSource::Path(path.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ConfigSource, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(map)).map(ConfigSource::Inline)
    }
}

impl JsonSchema for ConfigSource {
    fn schema_name() -> Cow<'static, str> {
        "ConfigSource".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The path of a configuration file, from the folder of this file, or the configuration itself.",
            "type": ["string", "object"],
        })
    }
}
