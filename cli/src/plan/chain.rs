//! The chain under test with its configurations loaded.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::file::{Chain, ConfigSource, EnvoyChain, Filter, FilterName};
use crate::firewall_rules::FirewallRules;
use crate::policy_file;
use crate::problem::{Problem, Problems};

use super::local_replies::LocalReplies;
use super::{Identity, ResolvedFilter, RouteRule, Target};

/// A chain that is ready to run.
#[derive(Clone, Debug)]
pub struct ResolvedChain {
    /// Filters in order.
    pub filters: Vec<ResolvedFilter>,
    /// Routes in order.
    pub routes: Vec<RouteRule>,
    /// Bootstrap that the chain was taken from, unchanged.
    pub bootstrap: Option<Value>,
    /// Firewall rules of the chain.
    pub firewall: FirewallRules,
    /// Source of the consumer's name.
    pub identity: Option<Identity>,
}

/// Name of the single upstream of a chain given as a list.
const UPSTREAM: &str = "upstream";

const LISTENER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

impl ResolvedChain {
    /// Returns the clusters that routes lead to, without duplicates, in the order of the routes.
    pub fn clusters(&self) -> Vec<&str> {
        let mut clusters = Vec::new();
        for route in &self.routes {
            if let Target::Cluster(cluster) = &route.target
                && !clusters.contains(&cluster.as_str())
            {
                clusters.push(cluster.as_str());
            }
        }
        clusters
    }

    /// Returns the names of all guards. The cluster of each is [`guard_cluster`](super::filter::guard_cluster).
    pub fn guards(&self) -> Vec<&str> {
        let guards = self.filters.iter().flat_map(ResolvedFilter::guards);
        guards.filter_map(|guard| guard.get("name")?.as_str()).collect()
    }

    /// Returns the environment variables of the virtual machine: the keys of guards, and that of placeholders, which would else
    /// depend on the rules.
    pub fn variables(&self) -> Vec<(&str, &'static str)> {
        let guards = self.filters.iter().flat_map(ResolvedFilter::guards);
        let keys = guards.filter_map(|guard| Some((guard.pointer("/key/env")?.as_str()?, super::GUARD_KEY)));
        keys.chain([super::PLACEHOLDER_KEY]).collect()
    }

    /// Loads the chain of a test file. The files that it consists of are added to `files` before they are read, so that
    /// they are known even if one of them is invalid.
    pub(super) fn read(chain: &Chain, file: &Path, files: &mut BTreeSet<PathBuf>) -> Result<ResolvedChain, Problems> {
        let mut chain = match chain {
            Chain::List(filters) => ResolvedChain::of_list(filters, file, files)?,
            Chain::Envoy(envoy) => ResolvedChain::of_envoy(envoy, file, files)?,
        };
        if chain.filters.is_empty() {
            return Err(Problem::of(file, "the chain has no filters").into());
        }
        chain.extract_rules_and_identity();
        Ok(chain)
    }

    /// Loads a policy, which the filter `tollgate` enforces. The upstream of a route has the name of the route.
    pub(super) fn of_policy(path: &Path, files: &mut BTreeSet<PathBuf>) -> Result<ResolvedChain, Problems> {
        let configuration = policy_file::configuration(path, files)?;
        let routes = RouteRule::of_policy(&configuration).into_iter().chain([RouteRule::everything(UPSTREAM)]);
        let filter = ResolvedFilter { name: FilterName::Tollgate, configuration, source: path.to_owned() };
        let mut chain = ResolvedChain::new(vec![filter], routes.collect());
        chain.extract_rules_and_identity();
        Ok(chain)
    }

    /// Creates a chain of one filter.
    pub(super) fn of_filter(filter: ResolvedFilter) -> ResolvedChain {
        let mut chain = ResolvedChain::new(vec![filter], vec![RouteRule::everything(UPSTREAM)]);
        chain.extract_rules_and_identity();
        chain
    }

    /// Extracts the firewall rules and the consumer's identity from the configurations.
    fn extract_rules_and_identity(&mut self) {
        for filter in &mut self.filters {
            filter.substitute_identity();
            filter.substitute_guard_clusters();
            filter.rules().into_iter().for_each(|rules| self.firewall.extend(rules));
            self.identity = filter.identity().or(self.identity.take());
        }
    }

    fn new(filters: Vec<ResolvedFilter>, routes: Vec<RouteRule>) -> ResolvedChain {
        ResolvedChain { filters, routes, bootstrap: None, firewall: FirewallRules::default(), identity: None }
    }

    fn of_list(filters: &[Filter], file: &Path, files: &mut BTreeSet<PathBuf>) -> Result<ResolvedChain, Problems> {
        let mut chain = ResolvedChain::new(Vec::new(), vec![RouteRule::everything(UPSTREAM)]);
        for filter in filters {
            let (configuration, source) = match &filter.config {
                None => (Value::Object(serde_json::Map::new()), file.to_owned()),
                Some(ConfigSource::Inline(configuration)) => (configuration.clone(), file.to_owned()),
                Some(ConfigSource::Path(path)) => {
                    let path = super::beside(file, path);
                    files.insert(path.clone());
                    let configuration = match filter.filter {
                        FilterName::Tollgate => policy_file::configuration(&path, files)?,
                        _ => yaml(&path)?,
                    };
                    (configuration, path)
                }
            };
            chain.filters.push(ResolvedFilter { name: filter.filter, configuration, source });
        }
        Ok(chain)
    }

    fn of_envoy(envoy: &EnvoyChain, file: &Path, files: &mut BTreeSet<PathBuf>) -> Result<ResolvedChain, Problem> {
        let path = super::beside(file, &envoy.envoy);
        files.insert(path.clone());
        let mut bootstrap = yaml(&path)?;
        let wrong = |message: String| Problem::of(&path, message);
        let hcm = bootstrap.pointer_mut(LISTENER).ok_or_else(|| wrong("the bootstrap has no listener".into()))?;
        let routes = hcm.pointer("/route_config/virtual_hosts/0/routes").and_then(Value::as_array);
        let local_replies = LocalReplies::of(hcm).map_err(&wrong)?;
        let given = routes.into_iter().flatten().map(|route| RouteRule::of_envoy(route, &local_replies));
        let given = given.collect::<Result<Vec<_>, _>>();
        let own = envoy.routes.iter().map(|route| RouteRule {
            prefix: Some(route.prefix.clone()),
            headers: Vec::new(),
            target: Target::Cluster(route.cluster.clone()),
        });
        let routes = own.chain(given.map_err(&wrong)?).collect();
        let list = hcm.get_mut("http_filters").and_then(Value::as_array_mut);
        let list = list.ok_or_else(|| wrong("its listener has no http_filters".into()))?;
        let mut filters = Vec::new();
        for plugin in list.iter_mut().filter_map(|filter| filter.pointer_mut("/typed_config/config")) {
            let name = plugin.get("root_id").and_then(Value::as_str).and_then(FilterName::of_root_id);
            let Some(name) = name.filter(|name| envoy.only.as_ref().is_none_or(|only| only.contains(name))) else {
                continue;
            };
            let Some(configuration) = plugin.pointer_mut("/configuration/value").filter(|value| value.is_object())
            else {
                return Err(wrong(format!("the configuration of {} is not a Struct", name.root_id())));
            };
            if let Some(more) = envoy.extend.get(name.root_id()) {
                extend(configuration, more);
            }
            filters.push(ResolvedFilter { name, configuration: configuration.clone(), source: path.clone() });
        }
        for name in envoy.extend.keys() {
            if !filters.iter().any(|filter| filter.name.root_id() == name) {
                return Err(Problem::of(file, format!("`extend` names `{name}`, which is not a filter of the chain")));
            }
        }
        Ok(ResolvedChain { bootstrap: Some(bootstrap), ..ResolvedChain::new(filters, routes) })
    }
}

/// Appends to lists, merges mappings and replaces anything else.
fn extend(value: &mut Value, more: &Value) {
    match (value, more) {
        (Value::Array(list), Value::Array(more)) => list.extend(more.iter().cloned()),
        (Value::Object(map), Value::Object(more)) => {
            for (key, more) in more {
                match map.get_mut(key) {
                    Some(value) => extend(value, more),
                    None => {
                        map.insert(key.clone(), more.clone());
                    }
                }
            }
        }
        (value, more) => *value = more.clone(),
    }
}

/// Reads a YAML or JSON file.
fn yaml(path: &Path) -> Result<Value, Problem> {
    let text = fs::read_to_string(path).map_err(|error| Problem::of(path, error.to_string()))?;
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(&text, options).map_err(|error| Problem::of_yaml(path, &error))
}
