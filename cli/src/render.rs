//! Rendering of a policy: the configuration of a proxy that runs it.
//!
//! ```text
//! upstreams       routes and providers, in the order of the file
//! inlined_policy  the policy as the filter gets it
//! template        the text
//! envoy           the bootstrap of a stock Envoy, one file for each part
//! ```
//!
//! A target has a variant of [`RenderTarget`] and a module like `envoy`; it takes an `Input`, which is the same for all.

mod envoy;
mod inlined_policy;
mod template;
mod upstreams;

use std::net::SocketAddr;

use serde_json::{Map, Value};
use tollgate_inspect::RuleSet;
use tollgate_policy::document::{Document, Located};
use tollgate_policy::{CompiledPolicy, Finding, Path, Severity};

use crate::args::RenderTarget;
use crate::envoy_version::EnvoyVersion;
use inlined_policy::InlinedPolicy;
use upstreams::Upstreams;

/// Settings of the machine, which no policy has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of the policy in the comments.
    pub name: String,
    /// Address of the gateway.
    pub listen: SocketAddr,
    /// Address of the admin interface.
    pub admin: SocketAddr,
    /// Path of the module on Envoy's machine.
    pub module: String,
    /// Version of Envoy, which must run the policy.
    pub envoy: Option<EnvoyVersion>,
}

/// Rendered configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendering {
    /// Text of the file.
    pub text: String,
    /// Findings that do not prevent rendering.
    pub warnings: Vec<Located>,
}

/// Policy that a target renders.
struct Input<'a> {
    policy: &'a CompiledPolicy,
    inlined: InlinedPolicy,
    upstreams: Upstreams<'a>,
    settings: &'a Settings,
}

/// Renders a policy for a target.
///
/// # Errors
/// All findings, if one of them is an error: of the policy, or a reason why it cannot be rendered.
pub fn render(target: RenderTarget, document: &Document, settings: &Settings) -> Result<Rendering, Vec<Located>> {
    let policy = document.compile()?;
    let mut findings = policy.warnings.clone();
    let upstreams = Upstreams::of(document, &policy, &mut findings);
    guard_clusters(&policy, &mut findings);
    findings.extend(settings.envoy.iter().flat_map(|version| version.findings(&policy)));
    let inlined = InlinedPolicy::of(document, &mut findings);
    let input = Input { policy: &policy, inlined, upstreams, settings };
    let text = match target {
        RenderTarget::Envoy => envoy::bootstrap(&input, &mut findings),
    };
    let is_error = findings.iter().any(|finding| finding.severity == Severity::Error);
    let located = document.locate(findings);
    if is_error { Err(located) } else { Ok(Rendering { text, warnings: located }) }
}

/// Reports guards whose cluster is not that of a provider.
fn guard_clusters(policy: &CompiledPolicy, findings: &mut Vec<Finding>) {
    let none = RuleSet::new();
    let guards = policy.firewall.iter().flat_map(|firewall| firewall.guards(&none));
    for (index, (_, guard)) in guards.enumerate() {
        if !policy.providers.values().any(|provider| provider.cluster == guard.cluster()) {
            let path = Path::part("firewall").key("guards").index(index).key("cluster");
            let help = "add e.g. `providers: {presidio: {address: \"presidio:3000\"}}`";
            findings.push(refusal(path, "no provider has this cluster").with_help(help));
        }
    }
}

/// Creates a finding about a policy that cannot be rendered.
pub(crate) fn refusal(path: Path, message: impl Into<String>) -> Finding {
    Finding::error("not-renderable", path, message)
}

/// Returns the members of a map in the order of the file.
fn in_file_order<'v>(document: &Document, path: &Path, members: &'v Map<String, Value>) -> Vec<(&'v str, &'v Value)> {
    let mut members: Vec<(&str, &Value)> = members.iter().map(|(key, value)| (key.as_str(), value)).collect();
    members.sort_by_key(|(key, _)| document.place(&path.key(key)).1);
    members
}

#[cfg(test)]
mod tests;
