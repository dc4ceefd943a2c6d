//! Ends of responses.

use schemars::JsonSchema;
use serde::Deserialize;

/// End of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResponseEnd {
    /// Complete.
    Complete,
    /// Cut off before its end.
    Broken,
    /// Abandoned by the client.
    Left,
}

impl ResponseEnd {
    /// Returns the name used in test files.
    pub fn name(self) -> &'static str {
        match self {
            ResponseEnd::Complete => "complete",
            ResponseEnd::Broken => "broken",
            ResponseEnd::Left => "left",
        }
    }
}
