//! The `model-router` filter.
//!
//! It reads the model from the body or the path and sets two request headers: `x-tollgate-route`, the route that the
//! configuration maps the model to, and `x-tollgate-model`, the model that the upstream gets. Envoy's routes match them
//! and select the cluster. An alias is replaced in place; every other byte stays. A model without a route is refused with
//! the provider's own 404.

use std::rc::Rc;

use serde::Deserialize;
use tollgate_kit::{
    BodyScope, Call, ConfigError, Configuration, Exchange, Filter, Limits, LocalReply, Verdict, property, warn,
};
use tollgate_names::Entries;
use tollgate_route::{Decision, NotRouted, RawRoute, RawRouter, Router, header_value};

/// Request header that names the route.
const ROUTE: &str = "x-tollgate-route";
/// Request header that names the model that the upstream gets.
const MODEL: &str = "x-tollgate-model";

/// Configuration of the filter.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawConfig {
    /// Bounds on what one call may make the filter read.
    pub limits: Limits,
    /// Reads the whole body, unless an earlier Tollgate filter has, and so refuses a body that names two models. `false`:
    /// the scan ends at the first model. Default: `true`.
    pub read_whole: bool,
    /// Routes by model, see [`RawRouter::models`].
    pub models: Entries<RawRoute>,
    /// Route of every other model, see [`RawRouter::default`].
    pub default: Option<RawRoute>,
}

impl Default for RawConfig {
    fn default() -> RawConfig {
        RawConfig { limits: Limits::default(), read_whole: true, models: Entries::default(), default: None }
    }
}

/// Filter that routes by model.
pub struct ModelRouter {
    limits: Limits,
    read_whole: bool,
    router: Router,
}

impl ModelRouter {
    /// Creates the filter from validated routes. `read_whole`: see [`RawConfig::read_whole`].
    pub fn new(limits: Limits, read_whole: bool, router: Router) -> ModelRouter {
        ModelRouter { limits, read_whole, router }
    }

    /// Returns the route of a model, or the reply to a call whose model has none.
    pub fn decide(&self, model: Option<&str>) -> Result<Decision<'_>, Box<LocalReply>> {
        self.router.decide(model).map_err(|refusal| Box::new(not_routed(&refusal)))
    }
}

impl Filter for ModelRouter {
    fn name() -> &'static str {
        "model-router"
    }

    fn configure(configuration: &Configuration<'_>) -> Result<Self, ConfigError> {
        let RawConfig { limits, read_whole, models, default } = configuration.parse()?;
        let router = Router::new(RawRouter { models, default }).map_err(ConfigError::new)?;
        Ok(ModelRouter::new(limits, read_whole, router))
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn body_scope(&self) -> BodyScope {
        BodyScope::ModelOnly { even_if_first: !self.read_whole }
    }

    fn exchange(self: Rc<Self>) -> Box<dyn Exchange> {
        Box::new(Routing { filter: self })
    }
}

#[cfg(feature = "module")]
tollgate_kit::filter!(ModelRouter);

/// Routing of one call.
struct Routing {
    filter: Rc<ModelRouter>,
}

// === impl Routing ===

impl Exchange for Routing {
    fn on_request(&mut self, call: &mut Call<'_>) -> Verdict {
        if call.view().is_fetch || call.view().dialect.is_mcp() {
            // It names no model.
            return Verdict::Continue;
        }
        let model = call.model();
        match self.filter.decide(model.as_deref()) {
            Ok(decision) => apply(&decision, call),
            Err(_) if model.is_none() && !call.view().dialect.names_model() => Verdict::Continue,
            Err(reply) => Verdict::Reply(reply),
        }
    }
}

/// Routes a call: sets the headers, publishes the route, and replaces an alias by its target.
pub fn apply(decision: &Decision<'_>, call: &mut Call<'_>) -> Verdict {
    let model = call.model();
    let upstream_model = decision.upstream_model.or(model.as_deref()).unwrap_or_default();
    if !set_headers(call, decision, upstream_model) {
        return Verdict::Reply(Box::new(failed()));
    }
    property::set_name(property::MODEL, model.as_deref().unwrap_or_default());
    property::set(property::ROUTE, decision.route);
    if let Some(provider) = decision.provider {
        property::set(property::PROVIDER, provider);
    }
    match decision.upstream_model {
        Some(upstream_model) => rename(upstream_model, call),
        None => Verdict::Continue,
    }
}

/// Replaces the model of a call by its name at the upstream, and publishes the client's name.
pub fn rename(upstream_model: &str, call: &mut Call<'_>) -> Verdict {
    property::set_name(property::MODEL, call.model().as_deref().unwrap_or_default());
    if let Err(status) = call.set_model(upstream_model) {
        warn(&format!("model-router: model not set: {status}"));
        return Verdict::Reply(Box::new(failed()));
    }
    Verdict::Continue
}

/// Sets both headers; returns `false` if that fails. A model name that cannot be a header value is left out. Without the
/// route header Envoy would use its last route.
fn set_headers(call: &Call<'_>, decision: &Decision<'_>, model: &str) -> bool {
    let mut set = call.set_header(ROUTE, decision.route);
    if let (Ok(()), Some(model)) = (set, header_value(model)) {
        set = call.set_header(MODEL, model);
    }
    if let Err(status) = set {
        warn(&format!("model-router: headers not set: {status}"));
    }
    set.is_ok()
}

fn not_routed(refusal: &NotRouted) -> LocalReply {
    let error = refusal.api_error();
    let (verdict, code) = match refusal {
        NotRouted::Missing => ("model_missing", "missing_required_parameter"),
        _ => ("unknown_model", "model_not_found"),
    };
    LocalReply::new(error.status, verdict, error.message).with_param("model").with_code(code)
}

fn failed() -> LocalReply {
    LocalReply::new(500, "error", "The gateway could not route this request.").with_kind("server_error")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_model_is_refused() {
        let read = |json: &str| serde_json::from_str::<RawConfig>(json).map(|config| config.models.0.len());
        assert_eq!(read(r#"{"models": {"a": {"route": "x"}, "b": {"route": "y"}}}"#).unwrap(), 2);
        let error = read(r#"{"models": {"a": {"route": "x"}, "a": {"route": "y"}}}"#).unwrap_err().to_string();
        assert!(error.contains("Duplicate name `a`"), "{error}");
    }
}
