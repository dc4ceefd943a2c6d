//! Charges of calls that end without their response.

use serde::Deserialize;

/// Charge of a call whose lease ends without a settlement, because its worker was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnLost {
    /// The prompt and the output that had been seen when the lease was last renewed.
    #[default]
    Produced,
    /// Everything that was reserved.
    Reserved,
    /// Nothing.
    Nothing,
}

/// Charge of a call that reached the upstream and whose client leaves before any output arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnAbandoned {
    /// Everything that was reserved: a provider may generate, and bill, the whole response.
    #[default]
    Reserved,
    /// The prompt, and the output that was seen.
    Produced,
}
