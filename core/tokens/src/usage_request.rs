//! Upstreams that are asked for usage at the end of a stream, and those that refuse the question.

use std::collections::BTreeMap;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use tollgate_llm::refuses_stream_options;
use tollgate_names::{Entries, Resolver, ResolverBuilder};

use crate::CatalogError;

/// Request for usage at the end of a stream (`stream_options` of chat completions).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AskUsage {
    /// The upstream is asked for usage if the client has not asked for it.
    #[default]
    Ask,
    /// The request stays as it is: the upstream refuses `stream_options`. The tokens are counted if it reports no usage.
    Never,
}

/// `usage` of a configuration: one value for all models, or values by model, whose names are exact or end in `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawAskUsage(pub Entries<AskUsage>);

/// Upstream of a call, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Upstream<'a> {
    /// Model as the client names it.
    pub model: &'a str,
    /// Route that the model has.
    pub route: Option<&'a str>,
    /// Provider that the model has.
    pub provider: Option<&'a str>,
    /// `:path` of the request.
    pub path: &'a [u8],
    /// `:authority` of the request.
    pub authority: &'a [u8],
}

/// Decides which upstreams are asked for usage: by the model, else by its route, else by its provider, else by a built-in
/// table.
///
/// ```
/// use tollgate_tokens::{RawAskUsage, Upstream, UsageRequests};
///
/// let raw: RawAskUsage = serde_json::from_str(r#"{"hosted-*": "never"}"#).unwrap();
/// let requests = UsageRequests::new(raw)?;
/// assert!(!requests.asks(&Upstream { model: "hosted-small", ..Upstream::default() }));
/// assert!(requests.asks(&Upstream { model: "gpt-4o", ..Upstream::default() }));
/// # Ok::<(), tollgate_tokens::CatalogError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct UsageRequests {
    models: Resolver<AskUsage>,
    routes: BTreeMap<String, AskUsage>,
    /// `None`: the host of the provider is known, and the table does not go by the provider's name.
    providers: BTreeMap<String, Option<AskUsage>>,
}

/// Names of providers that refuse `stream_options`. Mistral's API answers 422 to a member that it does not know, and reports usage
/// in the last event of a stream unasked (API reference, "Chat completion").
const REFUSING_PROVIDERS: [&str; 2] = ["mistral", "mistralai"];

/// Domains of their APIs.
const REFUSING_DOMAINS: [&str; 1] = ["mistral.ai"];

/// Maximum number of models in a configuration.
const MAX_MODELS: usize = 4096;

impl UsageRequests {
    /// Validates the names of models.
    ///
    /// # Errors
    /// If a name is invalid or there are too many.
    pub fn new(RawAskUsage(raw): RawAskUsage) -> Result<UsageRequests, CatalogError> {
        if raw.0.len() > MAX_MODELS {
            let problem = format!("at most {MAX_MODELS} models");
            return Err(CatalogError { path: "usage".to_owned(), problem });
        }
        let mut models = ResolverBuilder::default();
        for (name, ask) in raw.0 {
            let refuse = |problem| CatalogError { path: format!("usage.{name:?}"), problem };
            models.insert(&name, ask).map_err(|error| refuse(error.to_string()))?;
        }
        // Without aliases, there are no errors.
        let models = models.build();
        debug_assert!(models.is_ok());
        Ok(UsageRequests { models: models.unwrap_or_default(), ..UsageRequests::default() })
    }

    /// Creates the decision from validated values by model, by route and by provider; `None` for a provider that has none, and
    /// whose host is not one that refuses.
    #[must_use]
    pub fn from_parts(
        models: Resolver<AskUsage>,
        routes: BTreeMap<String, AskUsage>,
        providers: BTreeMap<String, Option<AskUsage>>,
    ) -> UsageRequests {
        UsageRequests { models, routes, providers }
    }

    /// Returns `true` if an upstream is asked for usage.
    #[must_use]
    pub fn asks(&self, upstream: &Upstream<'_>) -> bool {
        let of_route = |route: &str| self.routes.get(route);
        let of_provider = |provider: &str| self.providers.get(provider)?.as_ref();
        let configured = self
            .models
            .find(upstream.model)
            .or_else(|| upstream.route.and_then(of_route))
            .or_else(|| upstream.provider.and_then(of_provider));
        configured.copied().unwrap_or_else(|| self.built_in(upstream)) == AskUsage::Ask
    }

    /// Returns the value of the table.
    fn built_in(&self, upstream: &Upstream<'_>) -> AskUsage {
        let is_named = |provider: &str| {
            !self.providers.contains_key(provider)
                && REFUSING_PROVIDERS.iter().any(|known| known.eq_ignore_ascii_case(provider))
        };
        let authority = std::str::from_utf8(upstream.authority).unwrap_or_default();
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let refuses = upstream.provider.is_some_and(is_named)
            || usage_of_host(host).is_some()
            || refuses_stream_options(upstream.path);
        if refuses { AskUsage::Never } else { AskUsage::Ask }
    }
}

/// Returns the value for a provider without a configured one, by the host of its API.
#[must_use]
pub fn usage_of_host(host: &str) -> Option<AskUsage> {
    let is_in = |domain: &&str| {
        let host = host.to_ascii_lowercase();
        host.strip_suffix(*domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    REFUSING_DOMAINS.iter().any(is_in).then_some(AskUsage::Never)
}

impl<'de> Deserialize<'de> for RawAskUsage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawAskUsage, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = RawAskUsage;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`ask`, `never`, or a map of models to these")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<RawAskUsage, E> {
                let ask = AskUsage::deserialize(StrDeserializer::new(name))?;
                Ok(RawAskUsage(Entries(BTreeMap::from([("*".to_owned(), ask)]))))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawAskUsage, A::Error> {
                Entries::deserialize(MapAccessDeserializer::new(map)).map(RawAskUsage)
            }
        }
        deserializer.deserialize_any(Form)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for RawAskUsage {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AskUsageByModel".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (one, map) = (generator.subschema_for::<AskUsage>(), generator.subschema_for::<Entries<AskUsage>>());
        schemars::json_schema!({"anyOf": [one, map]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(json: &str) -> Result<UsageRequests, String> {
        let raw = serde_json::from_str(json).map_err(|error| error.to_string())?;
        UsageRequests::new(raw).map_err(|error| error.to_string())
    }

    #[test]
    fn the_model_decides_then_the_route_then_the_provider_then_the_table() {
        use AskUsage::{Ask, Never};
        let mut models = ResolverBuilder::default();
        models.insert("asked", Ask).unwrap();
        models.insert("hosted-*", Never).unwrap();
        let routes = BTreeMap::from([("old".to_owned(), Never), ("new".to_owned(), Ask)]);
        let providers = BTreeMap::from([("strict".to_owned(), Some(Never)), ("mistral".to_owned(), None)]);
        let requests = UsageRequests::from_parts(models.build().unwrap(), routes, providers);
        for (model, route, provider, asks) in [
            ("m", None, None, true),
            ("hosted-small", None, None, false),
            ("openai/hosted-small", None, None, false),
            ("hosted-small", Some("new"), Some("mistral"), false),
            ("asked", Some("old"), Some("strict"), true),
            ("m", Some("old"), None, false),
            ("m", Some("new"), Some("strict"), true),
            ("m", Some("other"), Some("strict"), false),
            ("m", None, Some("mistral"), true),
            ("m", None, Some("MistralAI"), false),
            ("m", None, Some("mistralai"), false),
            ("m", None, Some("openai"), true),
        ] {
            let upstream = Upstream { model, route, provider, ..Upstream::default() };
            assert_eq!(requests.asks(&upstream), asks, "{upstream:?}");
        }
    }

    #[test]
    fn the_table_knows_hosts_and_old_versions() {
        for (authority, path, asks) in [
            ("api.mistral.ai", "/v1/chat/completions", false),
            ("API.Mistral.AI:443", "/v1/chat/completions", false),
            ("codestral.mistral.ai", "/v1/chat/completions", false),
            ("notmistral.ai", "/v1/chat/completions", true),
            ("mistral.ai.example.com", "/v1/chat/completions", true),
            ("gateway:8080", "/v1/chat/completions", true),
            ("gateway", "/openai/deployments/d/chat/completions?api-version=2024-06-01", false),
            ("gateway", "/openai/deployments/d/chat/completions?api-version=2024-10-21", true),
        ] {
            let (authority, path) = (authority.as_bytes(), path.as_bytes());
            let upstream = Upstream { model: "m", path, authority, ..Upstream::default() };
            assert_eq!(UsageRequests::default().asks(&upstream), asks, "{upstream:?}");
        }
    }

    #[test]
    fn one_word_is_for_all_models() {
        for (json, asks) in [(r#""never""#, [false; 2]), (r#""ask""#, [true; 2]), (r#"{"a": "never"}"#, [false, true])]
        {
            let requests = requests(json).unwrap();
            let found = ["a", "b"].map(|model| requests.asks(&Upstream { model, ..Upstream::default() }));
            assert_eq!(found, asks, "{json}");
        }
        for (json, words) in [
            (r#""sometimes""#, "unknown variant `sometimes`"),
            ("true", "`ask`, `never`, or a map"),
            (r#"{"a*b": "never"}"#, "usage.\"a*b\""),
            (r#"{"a": "never", "a": "ask"}"#, "Duplicate name"),
        ] {
            let error = requests(json).unwrap_err();
            assert!(error.contains(words), "{json}: {error}");
        }
    }
}
