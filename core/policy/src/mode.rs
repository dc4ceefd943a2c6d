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
    /// Nothing is refused or edited; verdicts are recorded as `would_block`, `would_redact` and `would_refuse`. Counts and
    /// budgets go on.
    Audit,
}
