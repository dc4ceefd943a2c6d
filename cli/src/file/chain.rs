//! Filters under test and their configurations.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Filters under test: a list, or the filters of an Envoy bootstrap.
#[derive(Clone, Debug)]
pub enum Chain {
    /// Individual filters. Requests that pass all of them go to a single upstream.
    List(Vec<Filter>),
    /// Filters and routes of an Envoy bootstrap.
    Envoy(Box<EnvoyChain>),
}

/// A filter and its configuration.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Name of the filter.
    pub filter: FilterName,
    /// Configuration: the path of the production file (YAML or JSON), relative to the folder of the test file, or the
    /// configuration itself. Default: an empty configuration.
    #[serde(default)]
    pub config: Option<ConfigSource>,
}

/// Filters in `tollgate.wasm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FilterName {
    /// Prompt firewall.
    PromptInspector,
    /// Token counter.
    TokenCounter,
    /// Budgets.
    CostQuota,
    /// Routing by model.
    ModelRouter,
    /// All four in one filter, configured with a policy (`tollgate.yaml`).
    Tollgate,
}

impl FilterName {
    /// Returns the filter's `root_id`.
    pub fn root_id(self) -> &'static str {
        match self {
            FilterName::PromptInspector => "prompt-inspector",
            FilterName::TokenCounter => "token-counter",
            FilterName::CostQuota => "cost-quota",
            FilterName::ModelRouter => "model-router",
            FilterName::Tollgate => "tollgate",
        }
    }

    /// Returns the filter with this `root_id`.
    pub fn of_root_id(root_id: &str) -> Option<FilterName> {
        const ALL: [FilterName; 5] = [
            FilterName::PromptInspector,
            FilterName::TokenCounter,
            FilterName::CostQuota,
            FilterName::ModelRouter,
            FilterName::Tollgate,
        ];
        ALL.into_iter().find(|name| name.root_id() == root_id)
    }
}

/// A configuration or the path of one.
#[derive(Clone, Debug)]
pub enum ConfigSource {
    /// Path of a file, relative to the folder of the test file.
    Path(PathBuf),
    /// Inline configuration.
    Inline(Value),
}

/// Chain taken from an Envoy bootstrap.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvoyChain {
    /// Path of the bootstrap, relative to the folder of the test file. The chain consists of the Tollgate filters of
    /// its first listener with their configurations, and its routes select the upstream.
    pub envoy: PathBuf,
    /// Filters to keep. Default: all.
    #[serde(default)]
    pub only: Option<Vec<FilterName>>,
    /// Additions to configurations, by filter: lists are appended, mappings are merged. For settings that tests need
    /// and production does not have.
    #[serde(default)]
    pub extend: BTreeMap<String, Value>,
    /// Routes tried before those of the bootstrap.
    #[serde(default)]
    pub routes: Vec<Route>,
}

/// Route that tests need and production does not have.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Path prefix.
    pub prefix: String,
    /// Cluster that receives matching requests.
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
        f.write_str("a list of filters, or `envoy:` with the path of a bootstrap")
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
            "description": "Filters under test: a list, or the filters of an Envoy bootstrap.",
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
            "description": "Path of a configuration file, relative to the folder of this file, or the configuration itself.",
            "type": ["string", "object"],
        })
    }
}
