//! Router: the validated table of routes.

use tollgate_names::{Resolver, ResolverBuilder, Step};

use crate::config::{ConfigError, RawRoute, RawRouter};
use crate::header::header_value;
use crate::refusal::NotRouted;

/// Routing decision for one call. Every name in it is a valid header value (see [`header_value`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<'r> {
    /// Name of the route.
    pub route: &'r str,
    /// Model to request from the upstream. `None`: the model that the client requested; the body is unchanged.
    pub upstream_model: Option<&'r str>,
    /// Provider behind the route, if configured.
    pub provider: Option<&'r str>,
}

/// Validated routes by model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    models: Resolver<Route>,
    default: Option<Route>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Route {
    route: Box<str>,
    upstream_model: Option<Box<str>>,
    provider: Option<Box<str>>,
}

impl Router {
    /// Validates `raw`.
    pub fn new(raw: RawRouter) -> Result<Router, ConfigError> {
        if raw.models.0.is_empty() && raw.default.is_none() {
            return Err(ConfigError {
                path: "models".into(),
                problem: "configure at least one model or a default route; otherwise every call is refused",
            });
        }
        let default = raw.default.map(|raw| Route::new(raw, "default")).transpose()?;
        let mut models = ResolverBuilder::default();
        for (name, raw) in raw.models.0 {
            let path = format!("models.{name:?}");
            let route = Route::new(raw, &path)?;
            models.insert(&name, route).map_err(|error| ConfigError { path, problem: error.problem() })?;
        }
        // Without aliases, there are no errors.
        let models = models.build();
        debug_assert!(models.is_ok());
        Ok(Router { models: models.unwrap_or_default(), default })
    }

    /// Selects the route of a call for `model`: the entry that applies by the order of [`tollgate_names`], else the default.
    ///
    /// A call that names no model is refused even if there is a default route, because upstreams handle a missing model
    /// differently.
    pub fn decide(&self, model: Option<&str>) -> Result<Decision<'_>, NotRouted> {
        let model = model.filter(|model| !model.is_empty()).ok_or(NotRouted::Missing)?;
        let route = self.models.find(model).or(self.default.as_ref()).ok_or_else(|| NotRouted::unknown(model))?;
        Ok(Decision {
            route: &route.route,
            upstream_model: route.upstream_model.as_deref().filter(|upstream| *upstream != model),
            provider: route.provider.as_deref(),
        })
    }

    /// Returns the steps from a model to the entry that applies to it; none if no entry but the default does.
    #[must_use]
    pub fn steps<'a>(&'a self, model: &'a str) -> Vec<Step<'a>> {
        self.models.steps(model)
    }
}

impl Route {
    fn new(raw: RawRoute, path: &str) -> Result<Route, ConfigError> {
        let check = |field: &str, name: String| match header_value(&name) {
            Some(_) => Ok(name.into_boxed_str()),
            None => Err(ConfigError {
                path: format!("{path}.{field}"),
                problem: "must be 1 to 256 bytes of visible ASCII without spaces",
            }),
        };
        Ok(Route {
            route: check("route", raw.route)?,
            upstream_model: raw.upstream_model.map(|name| check("upstream_model", name)).transpose()?,
            provider: raw.provider.map(|name| check("provider", name)).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn router(yaml: &str) -> Result<Router, String> {
        let raw: RawRouter = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
        Router::new(raw).map_err(|error| error.to_string())
    }

    const MODELS: &str = "models:\n\
         \x20 gpt-4o: { route: openai }\n\
         \x20 gpt-4o-mini: { route: cheap, provider: azure }\n\
         \x20 \"gpt-4o*\": { route: variants }\n\
         \x20 \"gpt-*\": { route: others, upstream_model: gpt-5 }\n\
         \x20 fast: { route: local, upstream_model: llama-3.1-8b, provider: vllm }\n\
         \x20 \"claude-*\": { route: anthropic, provider: anthropic }\n";

    #[test]
    fn the_exact_name_wins_then_the_longest_prefix_then_the_default() {
        let strict = router(MODELS).unwrap();
        let open = router(&format!("{MODELS}default: {{ route: rest, provider: any }}\n")).unwrap();
        for (model, route, upstream_model, provider) in [
            ("gpt-4o", "openai", None, None),
            ("gpt-4o-mini", "cheap", None, Some("azure")),
            // An exact name wins over a wildcard of its length, also for its versions.
            ("gpt-4o-2024-08-06", "openai", None, None),
            ("gpt-4o-audio", "variants", None, None),
            ("openai/gpt-4o", "openai", None, None),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic", None, Some("anthropic")),
            ("ft:gpt-4o-mini-2024-07-18:acme::id", "cheap", None, Some("azure")),
            ("gpt-4", "others", Some("gpt-5"), None),
            // Already the name that the upstream uses: the body is unchanged.
            ("gpt-5", "others", None, None),
            ("gpt-", "others", Some("gpt-5"), None),
            ("fast", "local", Some("llama-3.1-8b"), Some("vllm")),
            ("claude-sonnet-4-5", "anthropic", None, Some("anthropic")),
        ] {
            let decision = Decision { route, upstream_model, provider };
            assert_eq!(strict.decide(Some(model)), Ok(decision), "{model}");
            assert_eq!(open.decide(Some(model)), Ok(decision), "{model}");
        }
        for model in ["gpt", "GPT-4o", " gpt-4o", "faster", "llama-3.1-8b", "*", "fast\0"] {
            assert_eq!(strict.decide(Some(model)), Err(NotRouted::unknown(model)), "{model}");
        }
        assert_eq!(open.decide(Some("GPT-4o")).unwrap().route, "rest");
        for model in [None, Some("")] {
            assert_eq!(strict.decide(model), Err(NotRouted::Missing));
            assert_eq!(open.decide(model), Err(NotRouted::Missing), "the default route requires a model name");
        }
    }

    #[test]
    fn a_single_star_matches_every_model() {
        let router = router("models: { \"*\": { route: all }, a: { route: one } }").unwrap();
        for (model, route) in [("a", "one"), ("b", "all"), ("*", "all")] {
            assert_eq!(router.decide(Some(model)).unwrap().route, route);
        }
    }

    #[test]
    fn json_and_yaml_give_the_same_routes() {
        let raw: RawRouter =
            serde_json::from_str(r#"{"models":{"a":{"route":"one"}},"default":{"route":"two"}}"#).unwrap();
        assert_eq!(
            Router::new(raw).unwrap(),
            router("{ models: { a: { route: one } }, default: { route: two } }").unwrap()
        );
        let duplicate = serde_json::from_str::<RawRouter>(r#"{"models":{"a":{"route":"one"},"a":{"route":"two"}}}"#);
        assert!(duplicate.unwrap_err().to_string().contains("Duplicate name `a`"));
    }

    #[test]
    fn errors_name_the_field() {
        for (yaml, words) in [
            ("{}", "models: configure at least one model or a default route"),
            ("models: { '': { route: a } }", "models.\"\": a model name must not be empty"),
            ("models: { 'a*b': { route: a } }", "models.\"a*b\": `*` is only allowed at the end"),
            ("models: { a: { route: '' } }", "models.\"a\".route: must be 1 to 256 bytes"),
            ("models: { a: { route: 'b c' } }", "models.\"a\".route: must be"),
            ("models: { a: { route: \"b\\r\\nx: y\" } }", "models.\"a\".route: must be"),
            ("models: { a: { route: b, upstream_model: é } }", "models.\"a\".upstream_model: must be"),
            ("models: { a: { route: b, provider: '' } }", "models.\"a\".provider: must be"),
            ("default: { route: '' }", "default.route: must be"),
            ("models: { a: { upstream_model: b } }", "route"),
            ("models: { a: { route: b, weight: 1 } }", "weight"),
            ("routes: {}", "routes"),
        ] {
            let error = router(yaml).unwrap_err();
            assert!(error.contains(words), "{yaml}: {error}");
        }
    }

    proptest! {
        #[test]
        fn the_longest_prefix_wins(
            prefixes in prop::collection::btree_set("[ab]{0,4}", 1..12), model in "[ab]{1,6}",
        ) {
            let yaml: String =
                prefixes.iter().map(|prefix| format!("  \"{prefix}*\": {{ route: \"r{prefix}\" }}\n")).collect();
            let router = router(&format!("models:\n{yaml}")).unwrap();
            let longest = prefixes.iter().filter(|prefix| model.starts_with(*prefix)).max_by_key(|prefix| prefix.len());
            match longest {
                Some(prefix) => prop_assert_eq!(router.decide(Some(&model)).unwrap().route, format!("r{prefix}")),
                None => prop_assert_eq!(router.decide(Some(&model)), Err(NotRouted::unknown(&model))),
            }
        }

        #[test]
        fn any_model_name_gives_a_decision_or_an_error(model: String) {
            match router(MODELS).unwrap().decide(Some(&model)) {
                Ok(decision) => prop_assert!(header_value(decision.route).is_some()),
                Err(refusal) => prop_assert!(!refusal.api_error().message.is_empty()),
            }
        }
    }
}
