//! Part `routes`: settings of routes, which models name.

use serde::Deserialize;
use tollgate_names::Entries;
use tollgate_tokens::AskUsage;

/// Routes by name, as entries of `models` refer to them.
pub type RawRoutes = Entries<RawRoute>;

/// Settings of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawRoute {
    /// Request for usage at the end of a stream of chat completions, for models without `usage`. Default: that of the provider.
    pub usage: Option<AskUsage>,
}
