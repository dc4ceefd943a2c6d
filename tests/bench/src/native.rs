//! Envoy's own filter for LLM APIs, `envoy.filters.http.ai_protocol_manager` (alpha in Envoy 1.40), to compare with.
//!
//! It parses requests and publishes model and usage. It does not count tokens, and has no budgets, rules, prices or routes. It
//! sends the received body and not one that it has written anew (`reserialize_body: DISABLE`), which costs less.

use serde_json::{Value, json};
use tollgate_envoy_harness::{Error, Result};

use crate::bootstrap::{HCM, insert};

/// Access log field with the model that the filter has read.
pub(crate) const FIELD: &str = "native_model";
/// Format of [`FIELD`].
pub(crate) const FORMAT: &str = "%FILTER_STATE(envoy.ai.model.request:PLAIN)%";

const NAME: &str = "envoy.filters.http.ai_protocol_manager";
const TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.ai_protocol_manager.v3";

/// Adds the filter, and declares the API on the route of all requests, which is the last one.
pub(crate) fn add(document: &mut Value) -> Result<()> {
    let info = json!({"@type": "type.googleapis.com/envoy.extensions.http.ai_filters.request_info.v3.RequestInfo"});
    let filter = json!({
        "@type": format!("{TYPE}.AiProtocolManager"),
        "request_handling": {"reserialize_body": "DISABLE"},
        "response_handling": {"token_usage": {}},
        "filters": [{"name": "envoy.http.ai_filters.request_info", "typed_config": info}],
    });
    insert(document, json!({"name": NAME, "typed_config": filter}))?;
    let routes = document.pointer_mut(&format!("{HCM}/route_config/virtual_hosts/0/routes"));
    let route = routes.and_then(Value::as_array_mut).and_then(|routes| routes.last_mut());
    let Some(Value::Object(route)) = route else { return Err(Error::new("the reference has no routes")) };
    let api = json!({"llm_protocol": "OPENAI_CHAT_COMPLETIONS"});
    let declared = json!({"@type": format!("{TYPE}.AiProtocolManagerPerRoute"), "request": api});
    route.insert("typed_per_filter_config".into(), json!({NAME: declared}));
    Ok(())
}
