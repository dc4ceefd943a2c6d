//! The chain under test, with its policy read.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::file::{Chain, ConfigSource, EnvoyChain, Filter, FilterName};
use crate::firewall_rules::FirewallRules;
use crate::problem::Problem;

use super::{Identity, RouteRule, Target};

/// A chain that can be run.
#[derive(Clone, Debug)]
pub struct ResolvedChain {
    /// Its filters in order.
    pub filters: Vec<ResolvedFilter>,
    /// Its routes in order.
    pub routes: Vec<RouteRule>,
    /// The bootstrap that it is from, as it stands there.
    pub bootstrap: Option<Value>,
    /// The rules of its firewall.
    pub firewall: FirewallRules,
    /// Where it looks for the consumer's name.
    pub identity: Option<Identity>,
    /// Files that it was read from.
    pub files: Vec<PathBuf>,
}

/// A filter with its configuration.
#[derive(Clone, Debug)]
pub struct ResolvedFilter {
    /// Which.
    pub name: FilterName,
    /// What Envoy would hand over, a Struct.
    pub configuration: Value,
    /// Where that stands: a file, or the test file itself.
    pub source: PathBuf,
}

/// The only upstream of a chain that is given as a list.
const UPSTREAM: &str = "upstream";

const LISTENER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

impl ResolvedChain {
    /// The upstreams that routes lead to, each once, in order of their routes.
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

    /// Reads what a test file says of its chain.
    pub(super) fn read(chain: &Chain, file: &Path) -> Result<ResolvedChain, Problem> {
        let folder = file.parent().unwrap_or(Path::new("."));
        let mut chain = match chain {
            Chain::List(filters) => ResolvedChain::of_list(filters, file, folder)?,
            Chain::Envoy(envoy) => ResolvedChain::of_envoy(envoy, file, folder)?,
        };
        if chain.filters.is_empty() {
            return Err(Problem::of(file, "the chain has no filters"));
        }
        chain.understand();
        Ok(chain)
    }

    /// A chain of one filter.
    pub(super) fn of_filter(filter: ResolvedFilter) -> ResolvedChain {
        let mut chain = ResolvedChain::new(vec![filter], vec![RouteRule::everything(UPSTREAM)]);
        chain.understand();
        chain
    }

    /// Takes out of the configurations what the runner needs to know.
    fn understand(&mut self) {
        for filter in &self.filters {
            match filter.name {
                FilterName::PromptInspector => self.firewall.extend(&filter.configuration),
                FilterName::CostQuota => self.identity = Identity::of(&filter.configuration),
                FilterName::TokenCounter | FilterName::ModelRouter => {}
            }
        }
    }

    fn new(filters: Vec<ResolvedFilter>, routes: Vec<RouteRule>) -> ResolvedChain {
        let (firewall, files) = (FirewallRules::default(), Vec::new());
        ResolvedChain { filters, routes, bootstrap: None, firewall, identity: None, files }
    }

    fn of_list(filters: &[Filter], file: &Path, folder: &Path) -> Result<ResolvedChain, Problem> {
        let mut chain = ResolvedChain::new(Vec::new(), vec![RouteRule::everything(UPSTREAM)]);
        for filter in filters {
            let (configuration, source) = match &filter.config {
                None => (Value::Object(serde_json::Map::new()), file.to_owned()),
                Some(ConfigSource::Inline(configuration)) => (configuration.clone(), file.to_owned()),
                Some(ConfigSource::Path(path)) => {
                    let path = folder.join(path);
                    chain.files.push(path.clone());
                    (yaml(&path)?, path)
                }
            };
            chain.filters.push(ResolvedFilter { name: filter.filter, configuration, source });
        }
        Ok(chain)
    }

    fn of_envoy(envoy: &EnvoyChain, file: &Path, folder: &Path) -> Result<ResolvedChain, Problem> {
        let path = folder.join(&envoy.envoy);
        let mut bootstrap = yaml(&path)?;
        let wrong = |message: String| Problem::of(&path, message);
        let hcm = bootstrap.pointer_mut(LISTENER).ok_or_else(|| wrong("there is no listener in it".into()))?;
        let routes = hcm.pointer("/route_config/virtual_hosts/0/routes").and_then(Value::as_array);
        let given = routes.into_iter().flatten().map(RouteRule::of_envoy).collect::<Result<Vec<_>, _>>();
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
                return Err(Problem::of(file, format!("`extend` names `{name}`, which is no filter of the chain")));
            }
        }
        Ok(ResolvedChain { bootstrap: Some(bootstrap), files: vec![path], ..ResolvedChain::new(filters, routes) })
    }
}

/// Lists grow at their end, mappings by their keys; anything else is replaced.
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

/// A YAML or JSON file.
fn yaml(path: &Path) -> Result<Value, Problem> {
    let text = fs::read_to_string(path).map_err(|error| Problem::of(path, error.to_string()))?;
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(&text, options).map_err(|error| Problem::of_yaml(path, &error))
}
