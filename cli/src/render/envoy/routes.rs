//! Routes by the header that Tollgate sets.

use tollgate_policy::Provider;

use super::{duration, scalar};
use crate::buffer_limits::BufferLimits;
use crate::render::template::Template;
use crate::render::upstreams::Upstreams;

pub(super) fn route_config(upstreams: &Upstreams<'_>, limits: &BufferLimits) -> String {
    let routes: String = upstreams.routes.iter().map(|(name, provider)| route(name, provider)).collect();
    let model_list = upstreams.model_list().map(model_list).unwrap_or_default();
    Template::new(include_str!("routes.yaml"))
        .set("request_buffer", limits.request)
        .set("routes", routes)
        .set("model_list", model_list)
        .text()
}

fn route(name: &str, provider: &Provider) -> String {
    Template::new(include_str!("route.yaml"))
        .set("route", scalar(name))
        .set("cluster", scalar(&provider.cluster))
        .set("idle_timeout", duration(provider.idle_timeout.millis()))
        .set("rewrite", rewrite(provider, "/"))
        .text()
}

fn model_list(provider: &Provider) -> String {
    Template::new(include_str!("model_list.yaml"))
        .set("cluster", scalar(&provider.cluster))
        .set("rewrite", rewrite(provider, "/v1/models"))
        .text()
}

/// Returns the setting that puts the provider's prefix in front of a path; empty without a prefix.
fn rewrite(provider: &Provider, matched: &str) -> String {
    match provider.path_prefix.as_str() {
        "" => String::new(),
        prefix => format!(" prefix_rewrite: {},", scalar(&format!("{prefix}{matched}"))),
    }
}
