//! Routes of an Envoy configuration that match the header `x-tollgate-route`.

use std::collections::BTreeSet;

use serde_json::Value;
use tollgate_policy::{Finding, Path};

/// Header that names the route of a request.
pub(crate) const ROUTE_HEADER: &str = "x-tollgate-route";

/// Targets of the routes of a policy in an Envoy configuration.
#[derive(Clone, Debug, Default)]
pub struct EnvoyRoutes {
    /// Names of routes that are matched, with the name of their cluster if there is one.
    matched: Vec<(String, Option<String>)>,
    /// `true`: the header names the cluster.
    by_cluster: bool,
    /// `true`: a route matches in a way that may cover any name, or routes come from a server.
    any: bool,
    clusters: BTreeSet<String>,
    /// `true`: clusters come from a server.
    any_cluster: bool,
}

impl EnvoyRoutes {
    /// Reads the routes of a bootstrap, a listener or a route configuration.
    #[must_use]
    pub fn of(envoy: &Value) -> EnvoyRoutes {
        let mut routes = EnvoyRoutes::default();
        let listed = envoy.pointer("/static_resources/clusters").and_then(Value::as_array);
        let name = |cluster: &Value| cluster.get("name").and_then(Value::as_str).map(str::to_owned);
        routes.clusters = listed.into_iter().flatten().filter_map(name).collect();
        routes.any_cluster = listed.is_none() || envoy.pointer("/dynamic_resources/cds_config").is_some();
        routes.collect(envoy);
        routes
    }

    fn collect(&mut self, value: &Value) {
        match value {
            Value::Array(elements) => elements.iter().for_each(|element| self.collect(element)),
            Value::Object(members) => {
                if members.contains_key("rds") || members.contains_key("lds_config") {
                    self.any = true;
                }
                if let Some(headers) = value.pointer("/match/headers").and_then(Value::as_array) {
                    self.route(value, headers);
                }
                members.values().for_each(|member| self.collect(member));
            }
            _ => {}
        }
    }

    fn route(&mut self, route: &Value, headers: &[Value]) {
        let cluster = route.pointer("/route/cluster").and_then(Value::as_str).map(str::to_owned);
        let by_cluster = route.pointer("/route/cluster_header").and_then(Value::as_str);
        let is_route = |name: &str| name.eq_ignore_ascii_case(ROUTE_HEADER);
        for header in headers.iter().filter(|header| header["name"].as_str().is_some_and(is_route)) {
            let exact = header.pointer("/string_match/exact").or_else(|| header.get("exact_match"));
            match exact.and_then(Value::as_str) {
                Some(name) => self.matched.push((name.to_owned(), cluster.clone())),
                None if by_cluster.is_some_and(is_route) => self.by_cluster = true,
                // Answers without an upstream, e.g. with the error for unknown routes.
                None if route.get("direct_response").is_some() => {}
                None => self.any = true,
            }
        }
    }

    /// Returns a finding for every model of a policy whose route has no cluster.
    #[must_use]
    pub fn findings(&self, policy: &Value) -> Vec<Finding> {
        let models = policy.get("models").and_then(Value::as_object);
        let mut findings = Vec::new();
        for (name, model) in models.into_iter().flatten() {
            let Some(route) = model.get("route").and_then(Value::as_str) else { continue };
            if let Some(problem) = self.problem(route) {
                let path = Path::part("models").key(name).key("route");
                findings.push(Finding::error("route-without-cluster", path, problem));
            }
        }
        findings
    }

    fn problem(&self, route: &str) -> Option<String> {
        let known = |cluster: &str| self.any_cluster || self.clusters.contains(cluster);
        let matched: Vec<&(String, Option<String>)> = self.matched.iter().filter(|(name, _)| name == route).collect();
        if matched.is_empty() {
            let covered = self.any || (self.by_cluster && known(route));
            return (!covered)
                .then(|| format!("no route of the Envoy configuration matches `{ROUTE_HEADER}: {route}`"));
        }
        let cluster = matched.iter().find_map(|(_, cluster)| cluster.as_deref()).filter(|cluster| !known(cluster))?;
        Some(format!("the route in the Envoy configuration names the cluster `{cluster}`, which does not exist there"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn routes_without_a_cluster_are_found() {
        let header = |name: &str| json!({"headers": [{"name": "x-tollgate-route", "string_match": {"exact": name}}]});
        let envoy = json!({"static_resources": {"clusters": [{"name": "openai"}], "listeners": [{"routes": [
            {"match": header("openai"), "route": {"cluster": "openai"}},
            {"match": header("local"), "route": {"cluster": "vllm"}},
        ]}]}});
        let policy = json!({"models": {"a": {"route": "openai"}, "b": {"route": "local"}, "c": {"route": "none"},
            "d": {"alias_of": "a"}}});
        let found: Vec<String> = EnvoyRoutes::of(&envoy).findings(&policy).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "models.b.route: error[route-without-cluster]: the route in the Envoy configuration names the cluster `vllm`, \
             which does not exist there",
                "models.c.route: error[route-without-cluster]: no route of the Envoy configuration matches \
             `x-tollgate-route: none`",
            ]
        );
    }

    #[test]
    fn the_header_may_name_the_cluster() {
        let envoy = json!({"static_resources": {"clusters": [{"name": "openai"}], "listeners": [{"routes": [
            {"match": {"headers": [{"name": "X-Tollgate-Route", "present_match": true}]},
             "route": {"cluster_header": "x-tollgate-route"}},
        ]}]}});
        let policy = json!({"models": {"a": {"route": "openai"}, "b": {"route": "local"}}});
        let found = EnvoyRoutes::of(&envoy).findings(&policy);
        assert!(found.len() == 1 && found[0].path.to_string() == "models.b.route", "{found:?}");
    }

    #[test]
    fn routes_of_a_server_are_not_known() {
        let envoy = json!({"rds": {"route_config_name": "local"}});
        assert!(EnvoyRoutes::of(&envoy).findings(&json!({"models": {"a": {"route": "x"}}})).is_empty());
    }

    #[test]
    fn a_direct_response_covers_no_route() {
        let headers = json!([{"name": "x-tollgate-route", "present_match": true}]);
        let envoy = |action: &str| json!({"routes": [{"match": {"headers": headers}, action: {}}]});
        let policy = json!({"models": {"a": {"route": "openai"}}});
        assert_eq!(EnvoyRoutes::of(&envoy("direct_response")).findings(&policy).len(), 1);
        assert_eq!(EnvoyRoutes::of(&envoy("route")).findings(&policy), []);
    }
}
