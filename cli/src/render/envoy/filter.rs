//! The filter with the policy.

use std::collections::BTreeSet;

use tollgate_inspect::{PLACEHOLDER_KEY, RuleSet};
use tollgate_policy::{CompiledPolicy, Identity, Source};

use super::{Input, scalar};
use crate::render::template::Template;

/// Width of the policy's lines, which Envoy's configuration indents by 22.
const WIDTH: usize = 124;

pub(super) fn filters(input: &Input<'_>) -> String {
    Template::new(include_str!("filter.yaml"))
        .set("identity", identity(input.policy.identity.as_ref()))
        .set("environment", environment(input.policy))
        .set("module", scalar(&input.settings.module))
        .set("policy", input.inlined.yaml(WIDTH))
        .text()
}

/// Returns the variables with the keys of guards and placeholders, which Envoy passes to the filter; empty if there are none. Envoy
/// leaves out a variable that is not set.
fn environment(policy: &CompiledPolicy) -> String {
    let none = RuleSet::new();
    let guards = policy.firewall.iter().flat_map(|firewall| firewall.guards(&none));
    let mut names: BTreeSet<&str> = guards.filter_map(|(_, guard)| guard.key_variable()).collect();
    names.extend(policy.firewall.iter().filter(|rules| rules.needs_placeholder_key()).map(|_| PLACEHOLDER_KEY));
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = names.into_iter().collect();
    format!("environment_variables: {{host_env_keys: [{}]}}", names.join(", "))
}

/// Returns the comment on the filter that must set the caller's name; empty if none must.
fn identity(identity: Option<&Identity>) -> String {
    match identity.map(|identity| &identity.consumer) {
        Some(Source::Header(header)) => {
            Template::new(include_str!("identity_header.yaml")).set("header", header).text()
        }
        Some(Source::Attribute(path)) if path.first().is_some_and(|step| step == "metadata") => {
            Template::new(include_str!("identity_metadata.yaml")).set("path", scalar(&path.join("."))).text()
        }
        Some(Source::Attribute(_)) | None => String::new(),
    }
}
