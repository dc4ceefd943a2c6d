//! The `token-counter` filter.
//!
//! Before a call it counts the prompt, and asks the upstream of a stream for usage, even if the client did not, unless the
//! upstream refuses that. During
//! the call it takes usage from the provider, counts the response itself in case none comes, and withholds the usage event
//! from a client that did not ask for it. After the call it publishes the record and its metrics. It refuses no call,
//! except that the kit refuses unreadable ones.

mod counting;
mod metrics;
mod properties;

use std::cell::RefCell;
use std::rc::Rc;

use serde::Deserialize;
use tollgate_kit::{Call, ConfigError, Configuration, Exchange, Filter, Limits};
use tollgate_tokens::{Catalog, RawAliases, RawAskUsage, RawTokenizer, UsageMeter, UsageRequests};

use metrics::Metrics;

pub use counting::Counting;

/// Configuration of the filter.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawConfig {
    /// Bounds on what one call may make the filter read.
    pub limits: Limits,
    /// Aliases of models, as model-router resolves them: counted with the tokenizer of their target.
    pub aliases: RawAliases,
    /// Tokenizers of models without a built-in one.
    pub tokenizers: Vec<RawTokenizer>,
    /// Request for usage at the end of a stream, `ask` or `never`: one for all models, or by model. Default: `ask`, but `never`
    /// for APIs that are known to refuse `stream_options`.
    pub usage: RawAskUsage,
}

/// Filter that counts tokens.
pub struct TokenCounter {
    limits: Limits,
    catalog: Catalog,
    usage: UsageRequests,
    metrics: RefCell<Metrics>,
}

impl TokenCounter {
    /// Creates the filter from validated tokenizers and the upstreams that are asked for usage.
    pub fn new(limits: Limits, catalog: Catalog, usage: UsageRequests) -> TokenCounter {
        TokenCounter { limits, catalog, usage, metrics: RefCell::new(Metrics::define()) }
    }

    /// Returns the count of one call.
    pub fn counting(self: Rc<Self>) -> Counting {
        Counting::new(self)
    }

    /// Returns the count of a call whose response `meter` reads, and whose prompt was counted with an earlier call.
    pub fn counting_with(self: Rc<Self>, call: &Call<'_>, meter: UsageMeter) -> Counting {
        Counting::with_meter(self, call, meter)
    }
}

impl Filter for TokenCounter {
    fn name() -> &'static str {
        "token-counter"
    }

    fn configure(configuration: &Configuration<'_>) -> Result<Self, ConfigError> {
        let RawConfig { limits, aliases, tokenizers, usage } = configuration.parse()?;
        let catalog = Catalog::new(aliases, tokenizers).map_err(ConfigError::new)?;
        let usage = UsageRequests::new(usage).map_err(ConfigError::new)?;
        Ok(TokenCounter::new(limits, catalog, usage))
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn exchange(self: Rc<Self>) -> Box<dyn Exchange> {
        Box::new(self.counting())
    }
}

#[cfg(feature = "module")]
tollgate_kit::filter!(TokenCounter);
