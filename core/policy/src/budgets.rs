//! Part `budgets`: limits of what a consumer may use per window.

use serde::Deserialize;
use tollgate_prices::Decimal;
use tollgate_quota::{Period, Unit};

/// Budget.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawBudget {
    /// Name, which error messages contain: 1 to 64 of `A-Z a-z 0-9 . _ -`. A renamed budget starts at zero.
    pub name: String,
    /// Callers with a count of their own. Default: `[consumer]`.
    #[serde(default = "per_consumer")]
    pub per: Vec<Per>,
    /// Consumers with this budget. A consumer that any `for` lists has only the budgets that list it. Default: every consumer
    /// that no `for` lists.
    #[serde(default, rename = "for")]
    pub consumers: Option<Vec<String>>,
    /// Unit: `tokens`, `requests` or `usd`.
    pub unit: Unit,
    /// Limit per window: an integer, or dollars such as `"5.00"` for `usd`.
    pub limit: Decimal,
    /// Length of a window: `1m`, `90s`, `1h`, `1d`. From `1s` to `366d`. Windows are aligned to 1970-01-01T00:00:00Z.
    pub window: Period,
}

/// Caller with a count of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Every consumer.
    Consumer,
}

fn per_consumer() -> Vec<Per> {
    vec![Per::Consumer]
}
