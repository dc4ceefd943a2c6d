//! Edits of the reference bootstrap for a variant.

use serde_json::{Value, json};
use tollgate_envoy_harness::{Bootstrap, Error, Result};
use tollgate_workspace as workspace;

use crate::client::LOGGED;
use crate::native;
use crate::variant::Counting;

/// Connection manager of the reference.
pub(crate) const HCM: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

/// Filters of the reference.
const FILTERS: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";

/// Returns the configurations of the wasm filters.
pub(crate) fn wasm_filters(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let filters = document.pointer_mut(FILTERS).and_then(Value::as_array_mut);
    filters.into_iter().flatten().filter_map(|filter| filter.pointer_mut("/typed_config/config"))
}

/// Routes what no filter has routed as model-router would. The reference refuses such requests, and without the router these
/// are all requests.
pub(crate) fn route_all(document: &mut Value) -> Result<()> {
    let routes =
        document.pointer_mut(&format!("{HCM}/route_config/virtual_hosts/0/routes")).and_then(Value::as_array_mut);
    let Some([first, .., last]) = routes.map(Vec::as_mut_slice) else {
        return Err(Error::new("the reference has no routes"));
    };
    if last.get("match") != Some(&json!({"prefix": "/"})) || first.get("route").is_none() {
        return Err(Error::new("the reference has other routes than expected"));
    }
    *last = json!({"match": last.get("match"), "route": first.get("route")});
    Ok(())
}

/// Raises the limits of all budgets, so that no run reaches them. Their number, units and windows are kept.
pub(crate) fn raise_budgets(document: &mut Value) -> Result<()> {
    for filter in wasm_filters(document) {
        let Some(budgets) = filter.pointer_mut("/configuration/value/budgets") else { continue };
        let budgets = budgets.as_array_mut().filter(|budgets| !budgets.is_empty());
        for budget in budgets.ok_or_else(|| Error::new("the reference has an empty list of budgets"))? {
            let Value::Object(budget) = budget else { return Err(Error::new("a budget is not a map")) };
            let is_usd = budget.get("unit") == Some(&json!("usd"));
            let limit = if is_usd { json!("1000000") } else { json!(1_000_000_000_000_u64) };
            budget.insert("limit".into(), limit);
        }
    }
    Ok(())
}

/// Raises the limits of bodies in Envoy and in all filters.
pub(crate) fn raise_limits(bootstrap: Bootstrap, bytes: u32) -> Result<Bootstrap> {
    let mut bootstrap = bootstrap.buffer_limit(bytes)?;
    for filter in wasm_filters(bootstrap.document_mut()) {
        if let Some(Value::Object(configuration)) = filter.pointer_mut("/configuration/value") {
            configuration.insert("limits".into(), json!({"max_request_bytes": bytes - BELOW}));
        }
    }
    Ok(bootstrap)
}

/// Difference between the limits of Envoy and of the filters, as in the reference.
const BELOW: u32 = 64 << 10;

/// Returns the filter of `envoy/envoy.yaml`.
pub(crate) fn gateway(counting: Counting) -> Result<Value> {
    let mut bootstrap = workspace::bootstrap("envoy/envoy.yaml")?;
    let missing = || Error::new("envoy/envoy.yaml has no filter with a policy");
    let filters = bootstrap.document_mut().pointer_mut(FILTERS).and_then(Value::as_array_mut).ok_or_else(missing)?;
    let root_id = "/typed_config/config/root_id";
    let filter = filters.iter_mut().find(|filter| filter.pointer(root_id) == Some(&json!("tollgate")));
    let filter = filter.ok_or_else(missing)?;
    let policy = filter.pointer_mut("/typed_config/config/configuration/value").and_then(Value::as_object_mut);
    let name = match counting {
        Counting::Exact => "exact",
        Counting::WhenNeeded => "when_needed",
    };
    policy.ok_or_else(missing)?.insert("counting".into(), name.into());
    Ok(filter.take())
}

/// Inserts a filter at the start of the chain.
pub(crate) fn insert(document: &mut Value, filter: Value) -> Result<()> {
    let filters = document.pointer_mut(FILTERS).and_then(Value::as_array_mut);
    filters.ok_or_else(|| Error::new("the reference has no filters"))?.insert(0, filter);
    Ok(())
}

/// Adds the fields of other filters to the access log, and restricts it to requests with the header [`LOGGED`] unless all are
/// logged.
pub(crate) fn log(document: &mut Value, is_logged: bool) -> Result<()> {
    let log = document.pointer_mut(&format!("{HCM}/access_log/0"));
    let log = log.ok_or_else(|| Error::new("the reference has no access log"))?;
    let format = log.pointer_mut("/typed_config/log_format/json_format").and_then(Value::as_object_mut);
    let format = format.ok_or_else(|| Error::new("the access log of the reference is not JSON"))?;
    format.insert(native::FIELD.into(), native::FORMAT.into());
    if let (false, Value::Object(log)) = (is_logged, log) {
        let header = json!({"name": LOGGED, "present_match": true});
        log.insert("filter".into(), json!({"header_filter": {"header": header}}));
    }
    Ok(())
}
