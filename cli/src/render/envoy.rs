//! Bootstrap of a stock Envoy.

mod clusters;
mod filter;
mod listener;
mod routes;
mod secrets;

use std::time::Duration;

use tollgate_policy::Finding;

use super::Input;
use super::template::Template;
use crate::buffer_limits::BufferLimits;
use crate::envoy_version::oldest;
use crate::yaml::scalar;

/// Renders the bootstrap, and reports what Envoy cannot do.
pub(super) fn bootstrap(input: &Input<'_>, findings: &mut Vec<Finding>) -> String {
    let limits = BufferLimits::of(&input.policy.limits, findings);
    let prefixed = input.upstreams.providers.iter().any(|provider| clusters::has_prefix(provider));
    let text = Template::new(include_str!("envoy/bootstrap.yaml"))
        .set("version", oldest(prefixed, input.policy.firewall.as_ref().is_some_and(|rules| rules.has_guards())))
        // Quoted if it is more than a name: a line break would end the comment.
        .set("policy", scalar(&input.settings.name))
        .set("admin_address", scalar(&input.settings.admin.ip().to_string()))
        .set("admin_port", input.settings.admin.port())
        .set("listener", listener::listener(input, &limits))
        .set("secrets", secrets::secrets(&input.upstreams.providers))
        .set("clusters", clusters::clusters(input, &limits))
        .set("stats", include_str!("envoy/stats.yaml"))
        .set("overload", include_str!("envoy/overload.yaml"));
    text.text()
}

/// Returns a duration as Envoy reads it: seconds with up to three decimals.
fn duration(millis: u64) -> String {
    format!("{}s", Duration::from_millis(millis).as_secs_f64())
}
