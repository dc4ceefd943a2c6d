//! Routes of requests that pass the filters.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::envoy_routes::ROUTE_HEADER;

use super::local_replies::LocalReplies;

/// A route: its conditions and its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteRule {
    /// Path prefix.
    pub prefix: Option<String>,
    /// Headers that must be present, with the required value if there is one.
    pub headers: Vec<(String, Option<String>)>,
    /// Target.
    pub target: Target,
}

/// Target of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Cluster of an upstream.
    Cluster(String),
    /// Direct response with status and body.
    Direct(u16, String),
}

impl RouteRule {
    /// Creates a route that sends everything to one upstream.
    pub(super) fn everything(cluster: &str) -> RouteRule {
        RouteRule { prefix: Some("/".into()), headers: Vec::new(), target: Target::Cluster(cluster.into()) }
    }

    /// Returns a route for each name under `models` of a policy. Its upstream has the same name.
    pub(super) fn of_policy(policy: &Value) -> Vec<RouteRule> {
        let models = policy.get("models").and_then(Value::as_object);
        let names = models.into_iter().flatten().filter_map(|(_, model)| model.get("route")?.as_str());
        let names: BTreeSet<&str> = names.collect();
        let rule = |name: &str| RouteRule {
            prefix: Some("/".to_owned()),
            headers: vec![(ROUTE_HEADER.to_owned(), Some(name.to_owned()))],
            target: Target::Cluster(name.to_owned()),
        };
        names.into_iter().map(rule).collect()
    }

    /// Reads a route of a bootstrap.
    ///
    /// # Errors
    /// The route uses a feature that the runner does not support.
    pub(super) fn of_envoy(route: &Value, local_replies: &LocalReplies) -> Result<RouteRule, String> {
        let matcher = route.get("match").ok_or("a route without `match`")?;
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        for key in matcher.as_object().into_iter().flat_map(|object| object.keys()) {
            if !["prefix", "path_separated_prefix", "headers"].contains(&key.as_str()) {
                return Err(format!("a route matches by `{key}`, which `tollgate test` does not support"));
            }
        }
        let mut headers = Vec::new();
        for header in matcher.get("headers").and_then(Value::as_array).into_iter().flatten() {
            let name = text(header, "name").ok_or("a header match without a name")?;
            let exact = header.pointer("/string_match/exact").and_then(Value::as_str).map(str::to_owned);
            if exact.is_none() && header.get("present_match") != Some(&Value::Bool(true)) {
                return Err(format!(
                    "a route matches the header `{name}` in a way that `tollgate test` does not support"
                ));
            }
            headers.push((name.to_ascii_lowercase(), exact));
        }
        let target = match (route.pointer("/route/cluster"), route.get("direct_response")) {
            (Some(Value::String(cluster)), None) => Target::Cluster(cluster.clone()),
            (None, Some(direct)) => {
                let status = direct.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
                let body = direct.pointer("/body/inline_string").and_then(Value::as_str).unwrap_or_default();
                Target::Direct(status.ok_or("a direct response without a status")?, body.to_owned())
            }
            // `cluster_header` names a header that the filters set; other routes match it. This route is used without
            // the header and therefore has no cluster.
            (None, None) if route.pointer("/route/cluster_header").is_some() => {
                let status = route.pointer("/route/cluster_not_found_response_code").and_then(Value::as_str);
                let body = local_replies.without_cluster.clone().unwrap_or_default();
                Target::Direct(if status == Some("NOT_FOUND") { 404 } else { 503 }, body)
            }
            _ => return Err("a route leads neither to a cluster nor to a direct response".into()),
        };
        let prefix = text(matcher, "prefix").or_else(|| text(matcher, "path_separated_prefix"));
        Ok(RouteRule { prefix, headers, target })
    }
}
