//! `refuse` or `pass`: the two answers of every policy for calls that cannot be judged.

use serde::Deserialize;

/// Policy for a call that cannot be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// The call is refused.
    #[default]
    Refuse,
    /// The call passes.
    Pass,
}
