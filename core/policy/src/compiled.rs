//! Validated policy.

use std::collections::BTreeMap;

use tollgate_config::Finding;
use tollgate_inspect::{OnBlockInStream, Policy as Firewall};
use tollgate_llm::StreamLimits;
use tollgate_names::Resolver;
use tollgate_prices::{OnUnknownPrice, PriceTable};
use tollgate_quota::Quota;
use tollgate_route::Router;
use tollgate_tokens::{Catalog, UsageRequests};

use crate::admission::Admission;
use crate::counting::Counting;
use crate::identity::Identity;
use crate::mcp::McpRules;
use crate::mode::Mode;
use crate::providers::Provider;
use crate::publish::Property;
use crate::references::ReferenceRules;
use crate::tag_routing::TagRouting;

/// Validated policy. A stage whose part is `None` or empty has nothing to do.
#[derive(Debug)]
pub struct CompiledPolicy {
    /// Effect of verdicts.
    pub mode: Mode,
    /// Bounds on what one stream may make the filter read.
    pub limits: StreamLimits,
    /// Counting of prompts.
    pub counting: Counting,
    /// Sources of the names of consumers and teams.
    pub identity: Option<Identity>,
    /// Aliases and tokenizers of models.
    pub catalog: Catalog,
    /// Upstreams that are asked for usage.
    pub usage: UsageRequests,
    /// Prices of models.
    pub prices: PriceTable,
    /// Policy for a call whose model has no price.
    pub on_unknown_price: OnUnknownPrice,
    /// Providers by model, which choose among prices of several.
    pub model_providers: Resolver<String>,
    /// Budgets; `None` without any.
    pub quota: Option<Quota>,
    /// Policy for a call whose budgets cannot be read or written.
    pub on_quota_unavailable: Admission,
    /// Rules on texts; `None` without any.
    pub firewall: Option<Firewall>,
    /// End of a streamed response that a rule blocks.
    pub on_block_in_stream: OnBlockInStream,
    /// HTTP status of a call that no window of a budget could ever admit.
    pub oversized_status: u16,
    /// Request header that gets the tags of rules.
    pub tag_header: Option<String>,
    /// Models that tagged calls may go to.
    pub tag_routing: TagRouting,
    /// Policy for references to content outside of requests.
    pub references: ReferenceRules,
    /// Servers of the Model Context Protocol, and who may use their tools.
    pub mcp: McpRules,
    /// Routes; `None` if no model has one.
    pub router: Option<Router>,
    /// Names at the upstream of models that have another name there, where no model has a route. With routes, the router has
    /// them.
    pub upstream_models: Resolver<String>,
    /// Properties of a call that are published; `None` for all.
    pub publish: Option<Vec<Property>>,
    /// Upstreams of providers, for rendering.
    pub providers: BTreeMap<String, Provider>,
    /// Names of the providers of routes, for rendering. Empty if there are no providers.
    pub route_providers: BTreeMap<String, String>,
    /// Findings that do not make the policy invalid.
    pub warnings: Vec<Finding>,
}
