//! The stages that a policy names, built from its validated parts.

use std::rc::Rc;
use std::sync::Arc;

use cost_quota::{ConsumerSource, CostQuota, OnUnavailable};
use model_router::ModelRouter;
use prompt_inspector::{NameSource, PromptInspector, Vocabularies, set_keys};
use token_counter::TokenCounter;
use tollgate_kit::{ConfigError, Limits};
use tollgate_names::Resolver;
use tollgate_policy::{
    Admission, CompiledPolicy, CountingMode, Identity, McpRules, Missing, Mode, ReferenceRules, References, Source,
    TagRouting,
};
use tollgate_quota::{Quota, RawQuota};
use tollgate_tokens::UsageRequests;

/// Stages of a policy; `None` for those that it does not name.
pub(crate) struct Stages {
    pub(crate) inspector: Option<Rc<PromptInspector>>,
    /// Models that tagged calls may go to.
    pub(crate) tag_routing: TagRouting,
    /// Policy for references to content outside of requests.
    pub(crate) references: ReferenceRules,
    /// Servers of the Model Context Protocol, and who may use their tools.
    pub(crate) mcp: McpRules,
    /// Source of the team's name.
    pub(crate) team: Option<NameSource>,
    pub(crate) counter: Option<Rc<TokenCounter>>,
    /// Counting of prompts. Without it, only the provider's usage is read.
    pub(crate) counting: CountingMode,
    /// `true` if a call that refers to content of unknown size is refused.
    pub(crate) refuses_references: bool,
    pub(crate) quota: Option<Rc<CostQuota>>,
    pub(crate) router: Option<Rc<ModelRouter>>,
    /// Names of models at the upstream, where there is no router.
    pub(crate) upstream_models: Resolver<String>,
    /// Providers by model.
    pub(crate) model_providers: Resolver<String>,
}

impl Stages {
    pub(crate) fn new(policy: CompiledPolicy, limits: &Limits) -> Result<Stages, ConfigError> {
        let has_prices = !policy.prices.is_empty();
        let pays = policy.quota.is_some() || policy.identity.is_some() || has_prices;
        // A budget needs a number to reserve.
        let counting = match policy.counting.mode {
            CountingMode::Off if policy.quota.is_some() => CountingMode::WhenNeeded,
            mode => mode,
        };
        let counts_prompts = counting != CountingMode::Off;
        let refuses_references = counts_prompts && policy.counting.references == References::Refuse;
        let inspector = match policy.firewall {
            Some(mut firewall) => {
                set_keys(&mut firewall)?;
                let vocabularies = Vocabularies::new(policy.catalog.clone());
                let inspector = PromptInspector::new(limits.clone(), Arc::new(firewall), vocabularies);
                Some(inspector.with_tag_header(policy.tag_header).with_block_in_stream(policy.on_block_in_stream))
            }
            None => None,
        };
        let router = policy.router.map(|router| ModelRouter::new(limits.clone(), true, router));
        let counter = (counts_prompts || has_prices)
            .then(|| TokenCounter::new(limits.clone(), policy.catalog.clone(), policy.usage));
        let quota = match policy.quota {
            Some(quota) => quota,
            None => Quota::new(RawQuota::default()).map_err(ConfigError::new)?,
        };
        let team = policy.identity.as_ref().and_then(|identity| identity.team.clone()).map(name_source);
        let config = cost_quota::Config {
            limits: limits.clone(),
            consumer: policy.identity.map(consumer),
            prices: policy.prices,
            catalog: policy.catalog,
            // The stage of the counter asks.
            usage: UsageRequests::default(),
            providers: policy.model_providers.clone(),
            on_unknown_price: policy.on_unknown_price,
            on_unavailable: match policy.on_quota_unavailable {
                Admission::Refuse => OnUnavailable::Refuse,
                Admission::Pass => OnUnavailable::Allow,
            },
            oversized_status: policy.oversized_status,
            quota,
            is_audit: policy.mode == Mode::Audit,
        };
        Ok(Stages {
            inspector: inspector.map(Rc::new),
            tag_routing: policy.tag_routing,
            references: policy.references,
            mcp: policy.mcp,
            team,
            counter: counter.map(Rc::new),
            counting,
            refuses_references,
            quota: pays.then(|| Rc::new(CostQuota::new(config))),
            router: router.map(Rc::new),
            upstream_models: policy.upstream_models,
            model_providers: policy.model_providers,
        })
    }

    /// Returns `true` if no stage reads more of a request than its model.
    pub(crate) fn needs_model_only(&self) -> bool {
        let reads_texts = self.inspector.is_some() || !self.references.is_empty() || !self.mcp.is_empty();
        !reads_texts && self.counter.is_none() && self.quota.is_none() && self.router.is_some()
    }
}

/// Returns the source of a name.
fn name_source(source: Source) -> NameSource {
    match source {
        Source::Header(header) => NameSource::Header(header),
        Source::Attribute(path) => NameSource::Attribute(path),
    }
}

/// Returns the source of the consumer's name.
fn consumer(identity: Identity) -> ConsumerSource {
    let missing = match identity.missing {
        Missing::Refuse => cost_quota::Missing::Refuse,
        Missing::Anonymous => cost_quota::Missing::Anonymous,
    };
    match identity.consumer {
        Source::Header(header) => ConsumerSource::from_header(header, missing),
        Source::Attribute(path) => ConsumerSource::from_attribute(path, missing),
    }
}
