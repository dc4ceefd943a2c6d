//! Responses of guards.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::HumanDuration;

/// Response of a guard (`firewall.guards` of a policy).
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GuardResponse {
    /// Status. Default: 200.
    pub status: Option<u16>,
    /// Body as JSON.
    pub json: Option<Value>,
    /// Exact body as text, instead of `json`.
    pub body: Option<String>,
    /// Time before the response.
    pub delay: Option<HumanDuration>,
    /// The guard closes the connection.
    pub refuse: bool,
}

impl GuardResponse {
    /// Returns the body.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        let json = self.json.as_ref().map(Value::to_string);
        json.or_else(|| self.body.clone()).unwrap_or_default().into_bytes()
    }
}
