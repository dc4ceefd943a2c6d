//! Variants that are compared: the reference bootstrap with other filters and otherwise unchanged.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tollgate_envoy_harness::{Bootstrap, Result};
use tollgate_workspace::{self as workspace, BUNDLE, FILTERS};

use crate::bootstrap::{gateway, insert, log, raise_budgets, raise_limits, route_all};
use crate::native;

/// Chain of filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Envoy without wasm.
    Plain,
    /// Envoy's own filter for LLM APIs, without wasm, see [`native`].
    Native,
    /// One wasm filter that does nothing, see [`trivial`](crate::trivial).
    Trivial,
    /// One filter of ours, from its own module.
    Alone(&'static str),
    /// All four filters of ours, from the bundle.
    Bundle,
    /// The gateway filter, from the bundle, with the policy of `envoy/envoy.yaml`.
    Gateway(Counting),
}

/// Value of `counting` in a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counting {
    /// `exact`
    Exact,
    /// `when_needed`
    WhenNeeded,
}

/// All variants; the first is the baseline.
pub(crate) const VARIANTS: [Variant; 10] = [
    Variant::Plain,
    Variant::Native,
    Variant::Trivial,
    Variant::Alone(FILTERS[0]),
    Variant::Alone(FILTERS[1]),
    Variant::Alone(FILTERS[2]),
    Variant::Alone(FILTERS[3]),
    Variant::Bundle,
    Variant::Gateway(Counting::Exact),
    Variant::Gateway(Counting::WhenNeeded),
];

/// Variants that get conversations; the first is the baseline.
pub(crate) const COMPLETE: [Variant; 5] = [
    Variant::Plain,
    Variant::Native,
    Variant::Bundle,
    Variant::Gateway(Counting::Exact),
    Variant::Gateway(Counting::WhenNeeded),
];

/// Edits of the bootstrap that are the same for all variants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    /// Address of the upstream.
    pub(crate) upstream: SocketAddr,
    /// `true` if Envoy writes every request to the access log, `false` if only those with the header
    /// [`LOGGED`](crate::client::LOGGED).
    pub(crate) is_logged: bool,
    /// Limit of bodies, if it is not that of the reference.
    pub(crate) max_body_bytes: Option<u32>,
}

/// Filter that the trivial one replaces.
const PLACE: &str = FILTERS[1];

/// Upstreams of the reference; all requests go to the first.
const UPSTREAMS: [&str; 2] = ["openai", "local"];

impl Variant {
    /// Returns the name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Variant::Plain => "no wasm",
            Variant::Native => "`ai_protocol_manager` (native)",
            Variant::Trivial => "a wasm filter that does nothing",
            Variant::Alone(filter) => filter,
            Variant::Bundle => "all four (`tollgate.wasm`)",
            Variant::Gateway(Counting::Exact) => "gateway, `counting: exact`",
            Variant::Gateway(Counting::WhenNeeded) => "gateway, `counting: when_needed`",
        }
    }

    /// Returns the path of the module, if there is one. `trivial` is the path of the trivial module.
    pub(crate) fn module(self, trivial: &Path) -> Result<Option<PathBuf>> {
        Ok(match self {
            Variant::Plain | Variant::Native => None,
            Variant::Trivial => Some(trivial.to_owned()),
            Variant::Alone(filter) => Some(workspace::module(filter)?),
            Variant::Bundle | Variant::Gateway(_) => Some(workspace::module(BUNDLE)?),
        })
    }

    /// Returns the reference bootstrap with this chain.
    pub(crate) fn bootstrap(self, module: Option<&Path>, setup: &Setup) -> Result<Bootstrap> {
        let mut bootstrap = workspace::chain_bootstrap()?;
        for name in UPSTREAMS {
            bootstrap = bootstrap.upstream(name, setup.upstream)?;
        }
        bootstrap = match self {
            Variant::Plain | Variant::Native => bootstrap.only(&[])?,
            Variant::Trivial => bootstrap.only(&[PLACE])?,
            Variant::Alone(filter) => bootstrap.only(&[filter])?,
            Variant::Bundle => bootstrap,
            Variant::Gateway(counting) => {
                let mut bootstrap = bootstrap.only(&[])?;
                insert(bootstrap.document_mut(), gateway(counting)?)?;
                bootstrap
            }
        };
        if let Some(module) = module {
            bootstrap = bootstrap.module(module)?;
        }
        route_all(bootstrap.document_mut())?;
        if self == Variant::Native {
            native::add(bootstrap.document_mut())?;
        }
        raise_budgets(bootstrap.document_mut())?;
        log(bootstrap.document_mut(), setup.is_logged)?;
        match setup.max_body_bytes {
            Some(bytes) => raise_limits(bootstrap, bytes),
            None => Ok(bootstrap),
        }
    }

    /// Returns `true` if the variant counts prompts. With `when_needed` it does not, since no budget is ever in reach.
    pub(crate) fn counts(self) -> bool {
        match self {
            Variant::Alone(filter) => matches!(filter, "token-counter" | "cost-quota"),
            Variant::Bundle | Variant::Gateway(Counting::Exact) => true,
            Variant::Plain | Variant::Native | Variant::Trivial | Variant::Gateway(Counting::WhenNeeded) => false,
        }
    }

    /// Returns the access log fields that show the filters at work, and those that must be null.
    pub(crate) fn fields(self) -> (Vec<&'static str>, Vec<&'static str>) {
        const OWN: [(&str, &[&str]); 4] = [
            ("prompt-inspector", &[]),
            ("token-counter", &["usage_source", "ttft_ms"]),
            ("cost-quota", &["cost_nano_usd", "consumer"]),
            ("model-router", &["route", "provider"]),
        ];
        let is_complete = matches!(self, Variant::Bundle | Variant::Gateway(_));
        let has = |filter| is_complete || self == Variant::Alone(filter);
        let is_ours = is_complete || matches!(self, Variant::Alone(_));
        let mut set = vec![];
        let mut unset = vec![];
        // Every filter of ours sets these on an LLM call.
        let common = [(is_ours, &["dialect", "model", "verdict"][..]), (self == Variant::Native, &[native::FIELD])];
        for (there, fields) in common.into_iter().chain(OWN.map(|(f, fields)| (has(f), fields))) {
            if there { set.extend(fields) } else { unset.extend(fields) }
        }
        (set, unset)
    }
}

#[cfg(test)]
mod tests {
    use tollgate_envoy_harness::scratch::Scratch;
    use tollgate_envoy_harness::{Envoy, Gateway, gateway};
    use tollgate_mock_llm::{MockLlm, Options};

    use serde_json::{Value, json};

    use super::*;
    use crate::bootstrap::wasm_filters;
    use crate::client::{Connection, LOGGED, request};
    use crate::corpus::Corpus;
    use crate::load::LOADS;
    use crate::trivial;

    fn setup() -> Setup {
        Setup { upstream: ([127, 0, 0, 1], 1).into(), is_logged: false, max_body_bytes: None }
    }

    fn bootstrap(variant: Variant) -> Value {
        let module = (!matches!(variant, Variant::Plain | Variant::Native)).then_some(Path::new("/m.wasm"));
        variant.bootstrap(module, &setup()).unwrap().document_mut().clone()
    }

    #[test]
    fn each_has_its_filters_and_one_module() {
        for (variant, filters) in VARIANTS.into_iter().zip([
            &[][..],
            &[],
            &[PLACE],
            &FILTERS[..1],
            &FILTERS[1..2],
            &FILTERS[2..3],
            &FILTERS[3..],
            &FILTERS,
            &["tollgate"],
            &["tollgate"],
        ]) {
            let mut document = bootstrap(variant);
            let found: Vec<_> = wasm_filters(&mut document).filter(|filter| filter["root_id"].is_string()).collect();
            assert_eq!(found.len(), filters.len());
            for (found, expected) in found.iter().zip(filters) {
                assert_eq!(found["root_id"], *expected);
                assert_eq!(found["vm_config"]["code"]["local"]["filename"], "/m.wasm");
            }
        }
    }

    #[test]
    fn budgets_are_those_of_the_reference_with_other_limits() {
        let budgets = |mut document: Value| {
            let mut all = wasm_filters(&mut document).map(|filter| filter["configuration"]["value"]["budgets"].clone());
            all.find_map(|budgets| budgets.as_array().cloned()).unwrap()
        };
        for (variant, file) in
            [(Variant::Bundle, "envoy/chain.yaml"), (Variant::Gateway(Counting::Exact), "envoy/envoy.yaml")]
        {
            let reference = budgets(workspace::bootstrap(file).unwrap().document_mut().clone());
            let mut raised = budgets(bootstrap(variant));
            assert_eq!(raised.len(), reference.len());
            for (raised, reference) in raised.iter_mut().zip(&reference) {
                assert_ne!(raised["limit"], reference["limit"]);
                raised["limit"] = reference["limit"].clone();
            }
            assert_eq!(raised, reference);
        }
    }

    #[test]
    fn the_gateway_has_the_policy_and_the_given_counting() {
        for (counting, name) in [(Counting::Exact, "exact"), (Counting::WhenNeeded, "when_needed")] {
            let mut document = bootstrap(Variant::Gateway(counting));
            let policy = wasm_filters(&mut document).next().unwrap()["configuration"]["value"].clone();
            assert_eq!(policy["counting"], name);
            assert!(policy["firewall"]["rules"].is_array());
        }
    }

    #[test]
    fn only_marked_requests_are_logged_unless_all_are() {
        let log = |is_logged| {
            let mut bootstrap = Variant::Plain.bootstrap(None, &Setup { is_logged, ..setup() }).unwrap();
            let hcm = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/access_log/0";
            bootstrap.document_mut().pointer(hcm).unwrap()["filter"].clone()
        };
        assert_eq!(log(false)["header_filter"]["header"], json!({"name": LOGGED, "present_match": true}));
        assert_eq!(log(true), Value::Null);
    }

    #[test]
    fn larger_bodies_raise_the_limits_of_envoy_and_of_every_filter() {
        let setup = Setup { max_body_bytes: Some(8 << 20), ..setup() };
        for variant in COMPLETE {
            let mut bootstrap = variant.bootstrap(Some(Path::new("/m.wasm")), &setup).unwrap();
            let document = bootstrap.document_mut();
            assert_eq!(document["static_resources"]["listeners"][0]["per_connection_buffer_limit_bytes"], 8 << 20);
            for filter in wasm_filters(document).filter(|filter| filter["root_id"].is_string()) {
                assert_eq!(filter["configuration"]["value"]["limits"]["max_request_bytes"], (8 << 20) - (64 << 10));
            }
        }
    }

    #[test]
    fn a_field_is_either_set_or_not() {
        let (none, all) = Variant::Plain.fields();
        assert_eq!(none, [""; 0]);
        for variant in VARIANTS {
            let (set, unset) = variant.fields();
            let mut both = [set, unset].concat();
            both.sort_unstable();
            let mut all = all.clone();
            all.sort_unstable();
            assert_eq!(both, all);
        }
    }

    /// The module that is put together by hand is one that Envoy runs.
    #[test]
    fn the_trivial_filter_lets_everything_pass_in_a_real_envoy() {
        let mock = MockLlm::start(Options {
            knobs: crate::upstream_knobs(),
            ..Options::new(vec![("openai".into(), ([127, 0, 0, 1], 0).into())])
        })
        .unwrap();
        let scratch = Scratch::new("trivial").unwrap();
        let module = scratch.path().join("trivial.wasm");
        std::fs::write(&module, trivial::module()).unwrap();
        let setup = Setup { upstream: mock.addresses()[0].1, ..setup() };
        let bootstrap = Variant::Trivial.bootstrap(Some(&module), &setup).unwrap();
        let envoy = Envoy::find_or_install().unwrap();
        let corpus = Corpus::new();
        let gateway = Gateway::start(&envoy, bootstrap, &gateway::Options::default()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = Connection::open(gateway.address()).await.unwrap();
            for load in LOADS {
                let response = connection.ask(&request(load.body(&corpus, 1), load.headers())).await.unwrap();
                load.check(&response.body).unwrap();
            }
        });
        let machines = gateway.stats("wasm.envoy.wasm.runtime.v8.active").unwrap();
        assert!(machines.values().any(|number| *number > 0), "{machines:?}");
        let (log, _) = gateway.stop().unwrap();
        assert!(!log.to_lowercase().contains("wasm"), "{log}");
    }
}
