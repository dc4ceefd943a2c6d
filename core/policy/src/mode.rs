//! Part `mode`: enforcement, or a record of what enforcement would do.

use serde::Deserialize;

/// Effect of verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Verdicts take effect.
    #[default]
    Enforce,
    /// Nothing is refused or edited, and the verdict says what would have been: `would_block`, `would_redact`, or
    /// `would_refuse_` with the name of the refusal (`would_refuse_limited`). Counts, budgets and costs go on.
    Audit,
}
