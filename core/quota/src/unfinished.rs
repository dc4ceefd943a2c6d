//! Policies for calls that end without their response, or elsewhere.

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

/// Policy for a call whose response is produced in the background, so that its own one has no usage (OpenAI's
/// `background: true`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnBackground {
    /// The call passes, and its reservation stays until its consumer fetches the finished response, which settles it. If its
    /// lease ends before, it is charged what it reserved.
    #[default]
    Hold,
    /// The call passes, and is charged at once what it reserved, unless its own response reports the usage.
    Reserved,
    /// The call is refused.
    Refuse,
}

/// Policy for batches, and for uploads of files, of which they consist. Tollgate does not read them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnBatch {
    /// They are refused.
    #[default]
    Refuse,
    /// They pass unread, and count in no budget.
    Pass,
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
