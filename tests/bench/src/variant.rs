//! Variants that are compared: the reference bootstrap with other filters and otherwise unchanged.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tollgate_envoy_harness::{Bootstrap, Error, Result};
use tollgate_workspace::{self as workspace, BUNDLE, FILTERS};

/// Chain of filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Envoy without wasm.
    Plain,
    /// One wasm filter that does nothing, see [`trivial`](crate::trivial).
    Trivial,
    /// One filter of ours, from its own module.
    Alone(&'static str),
    /// All four filters of ours, from the bundle.
    Bundle,
}

/// All variants; the first is the baseline.
pub(crate) const VARIANTS: [Variant; 7] = [
    Variant::Plain,
    Variant::Trivial,
    Variant::Alone(FILTERS[0]),
    Variant::Alone(FILTERS[1]),
    Variant::Alone(FILTERS[2]),
    Variant::Alone(FILTERS[3]),
    Variant::Bundle,
];

/// Filter that the trivial one replaces.
const PLACE: &str = FILTERS[1];

/// Upstreams of the reference; all requests go to the first.
const UPSTREAMS: [&str; 2] = ["openai", "local"];

impl Variant {
    /// Returns the name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Variant::Plain => "no wasm",
            Variant::Trivial => "a wasm filter that does nothing",
            Variant::Alone(filter) => filter,
            Variant::Bundle => "all four (`tollgate.wasm`)",
        }
    }

    /// Returns the path of the module, if there is one. `trivial` is the path of the trivial module.
    pub(crate) fn module(self, trivial: &Path) -> Result<Option<PathBuf>> {
        Ok(match self {
            Variant::Plain => None,
            Variant::Trivial => Some(trivial.to_owned()),
            Variant::Alone(filter) => Some(workspace::module(filter)?),
            Variant::Bundle => Some(workspace::module(BUNDLE)?),
        })
    }

    /// Returns the reference bootstrap with this chain, in front of an upstream.
    pub(crate) fn bootstrap(self, module: Option<&Path>, upstream: std::net::SocketAddr) -> Result<Bootstrap> {
        let mut bootstrap = workspace::reference_bootstrap()?;
        for name in UPSTREAMS {
            bootstrap = bootstrap.upstream(name, upstream)?;
        }
        bootstrap = match self {
            Variant::Plain => bootstrap.only(&[])?,
            Variant::Trivial => bootstrap.only(&[PLACE])?,
            Variant::Alone(filter) => bootstrap.only(&[filter])?,
            Variant::Bundle => bootstrap,
        };
        if let Some(module) = module {
            bootstrap = bootstrap.module(module)?;
        }
        route_all(bootstrap.document_mut())?;
        for filter in wasm_filters(bootstrap.document_mut()) {
            if filter.pointer("/root_id").and_then(Value::as_str) == Some("cost-quota") {
                raise_budgets(filter)?;
            }
        }
        Ok(bootstrap)
    }

    /// Returns the access log fields that show the filters at work, and those that must be null.
    pub(crate) fn fields(self) -> (Vec<&'static str>, Vec<&'static str>) {
        const OWN: [(&str, &[&str]); 4] = [
            ("prompt-inspector", &[]),
            ("token-counter", &["usage_source", "ttft_ms"]),
            ("cost-quota", &["cost_nano_usd", "consumer"]),
            ("model-router", &["route", "provider"]),
        ];
        let has = |filter| self == Variant::Bundle || self == Variant::Alone(filter);
        let is_ours = matches!(self, Variant::Alone(_) | Variant::Bundle);
        let mut set = vec![];
        let mut unset = vec![];
        // Every filter of ours sets these on an LLM call.
        for (there, fields) in
            [(is_ours, &["dialect", "model", "verdict"][..])].into_iter().chain(OWN.map(|(f, fields)| (has(f), fields)))
        {
            if there { set.extend(fields) } else { unset.extend(fields) }
        }
        (set, unset)
    }
}

/// The configurations of the wasm filters.
fn wasm_filters(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let chain = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
    let filters = document.pointer_mut(chain).and_then(Value::as_array_mut);
    filters.into_iter().flatten().filter_map(|filter| filter.pointer_mut("/typed_config/config"))
}

/// Routes what no filter has routed as model-router would. The reference refuses such requests, and without the router these
/// are all requests.
fn route_all(document: &mut Value) -> Result<()> {
    let routes =
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0/routes";
    let routes = document.pointer_mut(routes).and_then(Value::as_array_mut);
    let Some([first, .., last]) = routes.map(Vec::as_mut_slice) else {
        return Err(Error::new("the reference has no routes"));
    };
    if last.get("match") != Some(&json!({"prefix": "/"})) || first.get("route").is_none() {
        return Err(Error::new("the reference has other routes than expected"));
    }
    *last = json!({"match": last.get("match"), "route": first.get("route")});
    Ok(())
}

/// The budgets of the reference, kept as they are but for their limits, which no run reaches.
fn raise_budgets(filter: &mut Value) -> Result<()> {
    let budgets = filter.pointer_mut("/configuration/value/budgets").and_then(Value::as_array_mut);
    let budgets = budgets.filter(|budgets| !budgets.is_empty());
    for budget in budgets.ok_or_else(|| Error::new("the reference has no budgets"))? {
        let Value::Object(budget) = budget else { return Err(Error::new("a budget that is none")) };
        let limit =
            if budget.get("unit") == Some(&json!("usd")) { json!("1000000") } else { json!(1_000_000_000_000_u64) };
        budget.insert("limit".into(), limit);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tollgate_envoy_harness::scratch::Scratch;
    use tollgate_envoy_harness::{Envoy, Gateway, gateway};
    use tollgate_mock_llm::{MockLlm, Options};

    use super::*;
    use crate::client::{Connection, request};
    use crate::load::LOADS;
    use crate::trivial;

    fn bootstrap(variant: Variant) -> Value {
        let module = (variant != Variant::Plain).then_some(Path::new("/m.wasm"));
        variant.bootstrap(module, ([127, 0, 0, 1], 1).into()).unwrap().document_mut().clone()
    }

    #[test]
    fn each_has_its_filters_and_one_module() {
        for (variant, filters) in VARIANTS.into_iter().zip([
            &[][..],
            &[PLACE],
            &FILTERS[..1],
            &FILTERS[1..2],
            &FILTERS[2..3],
            &FILTERS[3..],
            &FILTERS,
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
            let quota = wasm_filters(&mut document).find(|filter| filter["root_id"] == "cost-quota").unwrap();
            quota["configuration"]["value"]["budgets"].as_array().unwrap().clone()
        };
        let reference = budgets(workspace::reference_bootstrap().unwrap().document_mut().clone());
        let mut raised = budgets(bootstrap(Variant::Bundle));
        assert_eq!(raised.len(), reference.len());
        for (raised, reference) in raised.iter_mut().zip(&reference) {
            assert_ne!(raised["limit"], reference["limit"]);
            raised["limit"] = reference["limit"].clone();
        }
        assert_eq!(raised, reference);
    }

    #[test]
    fn a_field_is_either_set_or_not() {
        let all: Vec<_> = Variant::Bundle.fields().0;
        assert_eq!(Variant::Plain.fields(), (vec![], all.clone()));
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
        let bootstrap = Variant::Trivial.bootstrap(Some(&module), mock.addresses()[0].1).unwrap();
        let envoy = Envoy::find_or_install().unwrap();
        let gateway = Gateway::start(&envoy, bootstrap, &gateway::Options::default()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = Connection::open(gateway.address()).await.unwrap();
            for load in LOADS {
                let response = connection.ask(&request(load, gateway.address())).await.unwrap();
                load.check(&response.body).unwrap();
            }
        });
        let machines = gateway.stats("wasm.envoy.wasm.runtime.v8.active").unwrap();
        assert!(machines.values().any(|number| *number > 0), "{machines:?}");
        let (log, _) = gateway.stop().unwrap();
        assert!(!log.to_lowercase().contains("wasm"), "{log}");
    }
}
