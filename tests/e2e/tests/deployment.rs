//! Deployments of the filters.

use std::net::SocketAddr;
use std::sync::OnceLock;

use serde_json::{Value, json};
use tollgate_envoy_harness::{Bootstrap, Envoy, Gateway, gateway};
use tollgate_gateway_tests::policy_of;
use tollgate_mock_llm::{MockLlm, Options};
use tollgate_workspace as workspace;

use crate::policy;

/// Chain of filters and the modules that they are loaded from.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Name in reports.
    pub name: &'static str,
    /// Root ids, in chain order.
    pub filters: &'static [&'static str],
    /// `true` if all are in one module and one virtual machine per worker; else each has its own.
    pub bundled: bool,
    /// `true` if the four filters are stages of one, the filter `tollgate`.
    pub one_filter: bool,
    /// Number of worker threads.
    pub concurrency: u32,
    /// `true` if Envoy uses HTTP/2 to the upstreams.
    pub http2_upstream: bool,
}

/// Root ids.
pub const INSPECTOR: &str = workspace::FILTERS[0];
pub const COUNTER: &str = workspace::FILTERS[1];
pub const QUOTA: &str = workspace::FILTERS[2];
pub const ROUTER: &str = workspace::FILTERS[3];

impl Deployment {
    /// Returns filters that are loaded from their own modules.
    pub const fn alone(name: &'static str, filters: &'static [&'static str]) -> Deployment {
        Deployment { name, filters, bundled: false, one_filter: false, concurrency: 1, http2_upstream: false }
    }

    /// Returns all four, each from its own module, in its own virtual machine.
    pub const fn chain() -> Deployment {
        Deployment::alone("chain of four modules", &workspace::FILTERS)
    }

    /// Returns all four from `tollgate.wasm`.
    pub const fn bundle() -> Deployment {
        Deployment { bundled: true, ..Deployment::alone("bundle", &workspace::FILTERS) }
    }

    /// Returns the filter `tollgate` with the policy of the chain, the deployment that the documentation recommends.
    pub const fn gateway() -> Deployment {
        Deployment { name: "gateway", one_filter: true, ..Deployment::bundle() }
    }

    /// Returns `true` if a filter is in the chain.
    pub fn has(&self, filter: &str) -> bool {
        self.filters.contains(&filter)
    }

    /// Returns the reference bootstrap with this deployment's filters and the policy of the tests.
    pub fn bootstrap(&self, mock: &MockLlm) -> Bootstrap {
        let module = |name: &str| workspace::module(name).unwrap_or_else(|error| panic!("{error}"));
        let mut bootstrap = workspace::chain_bootstrap().unwrap().only(self.filters).unwrap();
        for upstream in UPSTREAMS {
            bootstrap = bootstrap.upstream(upstream, mock.address(upstream).unwrap()).unwrap();
        }
        bootstrap = if self.bundled {
            bootstrap.module(&module(workspace::BUNDLE)).unwrap()
        } else {
            bootstrap.modules(module).unwrap()
        };
        for plugin in bootstrap.plugins().unwrap() {
            let root_id = plugin["root_id"].as_str().unwrap().to_owned();
            policy::extend(&root_id, &mut plugin["configuration"]["value"]);
            if !self.bundled {
                plugin["vm_config"]["vm_id"] = json!(root_id);
            }
        }
        if self.one_filter {
            unite(&mut bootstrap);
        }
        // Before the reference's last route, which refuses everything that no filter has routed.
        let mut routes = vec![route(json!({"path_separated_prefix": ADDED_API}))];
        if !self.has(ROUTER) {
            routes.push(route(json!({
                "safe_regex": {"regex": ".*/chat/completions"},
                "headers": [{"name": ":method", "string_match": {"exact": "POST"}}],
            })));
        }
        let all = bootstrap.document_mut().pointer_mut(ROUTES).unwrap().as_array_mut().unwrap();
        all.splice(all.len() - 1..all.len() - 1, routes);
        if self.http2_upstream {
            for cluster in bootstrap.document_mut()["static_resources"]["clusters"].as_array_mut().unwrap() {
                let options = cluster["typed_extension_protocol_options"].as_object_mut().unwrap();
                let options = options.values_mut().next().unwrap();
                options["explicit_http_config"] = json!({"http2_protocol_options": {}});
            }
        }
        bootstrap
    }

    /// Starts an Envoy with a bootstrap that was made from this deployment's.
    pub fn start(&self, bootstrap: Bootstrap) -> Gateway {
        Gateway::start(envoy(), bootstrap, &self.options()).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Returns the options of Envoy. Everything about wasm is logged, because the log must hold no secrets at any level.
    pub fn options(&self) -> gateway::Options {
        let component_log_level = "wasm:trace".to_owned();
        gateway::Options { concurrency: self.concurrency, component_log_level, ..gateway::Options::default() }
    }
}

/// Replaces the chain by the filter `tollgate` with the policy that does the same.
fn unite(bootstrap: &mut Bootstrap) {
    let chain: Vec<(String, Value)> = bootstrap
        .plugins()
        .unwrap()
        .map(|plugin| (plugin["root_id"].as_str().unwrap().to_owned(), plugin["configuration"]["value"].clone()))
        .collect();
    let policy = policy_of(&chain).unwrap();
    let filters = bootstrap.document_mut().pointer_mut(HTTP_FILTERS).unwrap().as_array_mut().unwrap();
    let is_other = |filter: &Value| chain.iter().skip(1).any(|(root_id, _)| filter["name"] == root_id.as_str());
    filters.retain(|filter| !is_other(filter));
    let plugin = bootstrap.plugin(&chain[0].0).unwrap();
    plugin["name"] = json!(workspace::BUNDLE);
    plugin["root_id"] = json!(workspace::BUNDLE);
    plugin["configuration"]["value"] = policy;
}

/// Returns the Envoy of all tests.
pub fn envoy() -> &'static Envoy {
    static ENVOY: OnceLock<Envoy> = OnceLock::new();
    ENVOY.get_or_init(|| Envoy::find_or_install().unwrap_or_else(|error| panic!("{error}")))
}

const UPSTREAMS: [&str; 2] = ["openai", "local"];

/// Starts the providers behind a gateway: two, which shows where a request was routed.
pub fn mock() -> MockLlm {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    MockLlm::start(Options::new(UPSTREAMS.map(|name| (name.to_owned(), any)).to_vec())).unwrap()
}

/// API that the tests add to the routes of the reference, as users may.
pub const ADDED_API: &str = "/app/vector_stores";

const HTTP_FILTERS: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";

const ROUTES: &str =
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0/routes";

fn route(path: Value) -> Value {
    json!({"match": path, "route": {"cluster": UPSTREAMS[0], "timeout": "0s", "auto_host_rewrite": true}})
}
