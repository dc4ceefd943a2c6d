//! The ways in which the filters are deployed.

use std::net::SocketAddr;
use std::sync::OnceLock;

use serde_json::{Value, json};
use tollgate_mock_llm::{MockLlm, Options};
use tollgate_testbed::{Bootstrap, Envoy, Gateway, gateway, workspace};

use crate::policy;

/// Filters of a chain, and where their code is.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// What reports call it.
    pub name: &'static str,
    /// Root ids, in chain order.
    pub filters: &'static [&'static str],
    /// Whether all are in one module and one virtual machine per worker; else each has its own.
    pub bundled: bool,
    /// Worker threads.
    pub concurrency: u32,
    /// Whether upstreams are spoken to in HTTP/2.
    pub http2_upstream: bool,
}

/// Root ids.
pub const INSPECTOR: &str = workspace::FILTERS[0];
pub const COUNTER: &str = workspace::FILTERS[1];
pub const QUOTA: &str = workspace::FILTERS[2];
pub const ROUTER: &str = workspace::FILTERS[3];

impl Deployment {
    /// One filter alone, from its own module.
    pub const fn alone(name: &'static str, filters: &'static [&'static str]) -> Deployment {
        Deployment { name, filters, bundled: false, concurrency: 1, http2_upstream: false }
    }

    /// All four, each from its own module, in its own virtual machine.
    pub const fn chain() -> Deployment {
        Deployment::alone("chain of four modules", &workspace::FILTERS)
    }

    /// All four from `tollgate.wasm`, as users are told to.
    pub const fn bundle() -> Deployment {
        Deployment { bundled: true, ..Deployment::alone("bundle", &workspace::FILTERS) }
    }

    /// Whether a filter is in the chain.
    pub fn has(&self, filter: &str) -> bool {
        self.filters.contains(&filter)
    }

    /// The reference bootstrap with this deployment's filters and the policy of the tests.
    pub fn bootstrap(&self, mock: &MockLlm) -> Bootstrap {
        let module = |name: &str| workspace::module(name).unwrap_or_else(|error| panic!("{error}"));
        let mut bootstrap = Bootstrap::reference().unwrap().only(self.filters).unwrap();
        for upstream in UPSTREAMS {
            bootstrap = bootstrap.upstream(upstream, mock.address(upstream).unwrap()).unwrap();
        }
        bootstrap = if self.bundled {
            bootstrap.module(&module(workspace::BUNDLE)).unwrap()
        } else {
            bootstrap.modules(module).unwrap()
        };
        for plugin in plugins(bootstrap.document_mut()) {
            let root_id = plugin["root_id"].as_str().unwrap().to_owned();
            policy::extend(&root_id, &mut plugin["configuration"]["value"]);
            if !self.bundled {
                plugin["vm_config"]["vm_id"] = json!(root_id);
            }
        }
        // Before the reference's last route, which sends everything away that no filter has routed.
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

    /// How Envoy is run: at its most talkative about wasm, because what it says must be harmless.
    pub fn options(&self) -> gateway::Options {
        let component_log_level = "wasm:trace".to_owned();
        gateway::Options { concurrency: self.concurrency, component_log_level, ..gateway::Options::default() }
    }
}

/// The Envoy of all tests.
pub fn envoy() -> &'static Envoy {
    static ENVOY: OnceLock<Envoy> = OnceLock::new();
    ENVOY.get_or_init(|| Envoy::find_or_install().unwrap_or_else(|error| panic!("{error}")))
}

const UPSTREAMS: [&str; 2] = ["openai", "local"];

/// The providers behind a gateway: two, so that it shows where a request went.
pub fn mock() -> MockLlm {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    MockLlm::start(Options::new(UPSTREAMS.map(|name| (name.to_owned(), any)).to_vec())).unwrap()
}

/// An API that the tests add to the routes of the reference, as users may.
pub const ADDED_API: &str = "/v1/batches";

const ROUTES: &str =
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0/routes";

fn route(path: Value) -> Value {
    json!({"match": path, "route": {"cluster": UPSTREAMS[0], "timeout": "0s", "auto_host_rewrite": true}})
}

/// The configurations of the wasm filters in a bootstrap.
pub fn plugins(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let hcm = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
    let filters = document.pointer_mut(hcm).unwrap().as_array_mut().unwrap();
    filters
        .iter_mut()
        .filter_map(|filter| filter.pointer_mut("/typed_config/config"))
        .filter(|p| p["root_id"].is_string())
}
