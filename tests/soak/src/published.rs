//! Numbers that the filter has published of a call: its entry in the access log.

use serde_json::Value;

use crate::charge::Charge;
use crate::policy::Tokens;

/// Returns the published charge.
pub(crate) fn charge(entry: &Value) -> Charge {
    Charge {
        tokens: Tokens {
            input: number(entry, "input_tokens"),
            cached: number(entry, "cached_tokens"),
            written: number(entry, "cache_write_tokens"),
            output: number(entry, "output_tokens"),
        },
        reasoning: number(entry, "reasoning_tokens"),
        total: number(entry, "total_tokens"),
        nano_usd: number(entry, "cost_nano_usd"),
        // Part of the cost and of what is taken from budgets.
        abandoned: 0,
        source: SOURCES.into_iter().find(|source| entry["usage_source"] == *source).unwrap_or("absent"),
        // Published as a metric only.
        anomaly: None,
    }
}

/// Values of `usage_source`.
pub(crate) const SOURCES: [&str; 5] = ["provider", "mixed", "counted", "estimated", "none"];

/// Returns a number of an entry; zero if it is absent, as numbers without a meaning for a call are.
pub(crate) fn number(entry: &Value, field: &str) -> u64 {
    entry[field].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Returns the status of the response to the client.
pub(crate) fn status(entry: &Value) -> u64 {
    let status = &entry["status"];
    status.as_u64().or_else(|| status.as_str()?.parse().ok()).unwrap_or_default()
}
