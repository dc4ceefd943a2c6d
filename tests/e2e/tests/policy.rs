//! Rules, budgets and models that the tests add to the configurations of the reference bootstrap. The reference's own remain
//! in force.

use serde_json::{Value, json};

use crate::deployment::{INSPECTOR, QUOTA, ROUTER};
use crate::{chat, planted};

/// Adds to the configuration of a filter.
pub fn extend(root_id: &str, configuration: &mut Value) {
    match root_id {
        INSPECTOR => append(&mut configuration["rules"], rules()),
        QUOTA => merge(&mut configuration["consumers"], consumers()),
        ROUTER => merge(&mut configuration["models"], models()),
        _ => {}
    }
}

/// Returns one rule that redacts prompts and one that blocks responses.
fn rules() -> Value {
    json!([
        {
            "id": "test.codeword",
            "match": {"keywords": [planted::CODEWORD]},
            "applies_to": ["request"],
            "action": "redact",
            "replacement": "[codeword]",
        },
        {
            "id": "test.classified",
            "match": {"regex": "PLANTED-CLASSIFIED-[0-9]{4}"},
            "applies_to": ["response"],
            "action": "block",
        },
    ])
}

/// Window that does not end during a run.
const LONG: &str = "30d";

/// Returns the consumers, each for one purpose.
fn consumers() -> Value {
    let budget = |unit: &str, limit: Value, window: &str| json!({"budgets": [{"name": "test", "unit": unit, "limit": limit, "window": window}]});
    let mut consumers = json!({
        chat::UNMETERED: {"budgets": []},
        "broke": budget("tokens", json!(1), LONG),
        "penniless": budget("usd", json!("0.000001"), LONG),
        "spent": budget("requests", json!(0), LONG),
        "brief": budget("requests", json!(1), "2s"),
        "hundred-tokens": budget("tokens", json!(100), LONG),
        "tenth-of-a-cent": budget("usd", json!("0.001"), LONG),
        "busy": budget("requests", json!(1_000_000), LONG),
        "roomy": budget("tokens", json!(1_000_000), LONG),
    });
    let more = (0..8).map(|n| (format!("ten-{n}"), budget("requests", json!(10), LONG)));
    consumers.as_object_mut().unwrap().extend(more);
    consumers
}

/// Returns additional models.
fn models() -> Value {
    json!({
        "e2e-alias-\u{e9}\"x": {"route": "local", "upstream_model": "llama-3.1-8b", "provider": "vllm"},
        "nowhere": {"route": "missing", "provider": "none"},
    })
}

fn append(list: &mut Value, more: Value) {
    let Value::Array(more) = more else { return };
    list.as_array_mut().unwrap().extend(more);
}

fn merge(map: &mut Value, more: Value) {
    let Value::Object(more) = more else { return };
    map.as_object_mut().unwrap().extend(more);
}
