//! Routes and providers of a policy, in the order of the file.

use serde_json::Value;
use tollgate_policy::document::Document;
use tollgate_policy::{CompiledPolicy, Finding, Path, Provider};

use super::{in_file_order, refusal};

/// Routes and providers, in the order of the file.
pub(super) struct Upstreams<'p> {
    /// Names of routes, and where they lead.
    pub(super) routes: Vec<(&'p str, &'p Provider)>,
    pub(super) providers: Vec<&'p Provider>,
}

impl<'p> Upstreams<'p> {
    pub(super) fn of(document: &Document, policy: &'p CompiledPolicy, findings: &mut Vec<Finding>) -> Upstreams<'p> {
        if policy.providers.is_empty() {
            let message = "the policy has no `providers`, so no call has an upstream";
            let help = "add e.g. `providers: {openai: {address: \"api.openai.com:443\", key: {env: OPENAI_API_KEY}}}`";
            findings.push(refusal(Path::default(), message).with_help(help));
        }
        if policy.router.is_none() {
            let message = "no model has a `route`, so no call reaches a provider";
            let help = "add e.g. `models: {\"*\": {route: openai}}`, which routes every model to the provider `openai`";
            findings.push(refusal(Path::part("models"), message).at_key().with_help(help));
        }
        let provider = |name: &str| policy.providers.get(name);
        let providers = members(document, "providers").filter_map(|(name, _)| provider(name)).collect();
        let mut routes: Vec<(&str, &Provider)> = Vec::new();
        for (_, model) in members(document, "models") {
            let route = model.get("route").and_then(Value::as_str);
            let entry = route.and_then(|route| policy.route_providers.get_key_value(route));
            let Some((route, name)) = entry else { continue };
            if let Some(provider) = provider(name).filter(|_| !routes.iter().any(|(known, _)| known == route)) {
                routes.push((route, provider));
            }
        }
        Upstreams { routes, providers }
    }

    /// Returns the provider that serves the list of models.
    pub(super) fn model_list(&self) -> Option<&'p Provider> {
        self.providers.iter().find(|provider| provider.model_list).copied()
    }
}

/// Returns the members of a part of the policy in the order of the file.
fn members<'d>(document: &'d Document, part: &str) -> impl Iterator<Item = (&'d str, &'d Value)> {
    let members = document.value().get(part).and_then(Value::as_object);
    members.map(|members| in_file_order(document, &Path::part(part), members)).into_iter().flatten()
}
