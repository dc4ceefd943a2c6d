//! The `cost-quota` filter.
//!
//! Before a call it reserves the most that the call can use in all budgets of its consumer at once; after the call,
//! however it ended, it settles the actual usage. All workers share one count. Refusals are 429 in the caller's dialect
//! and name the exceeded budget. A call that was refused, or that never reached a provider, is not charged.
//!
//! Behind token-counter it uses that filter's numbers; without it, it counts tokens itself.

mod admission;
mod background;
mod config;
mod consumer;
mod metrics;
mod output_cap;
mod payment;
mod refusal;
mod settlement;
mod store;
mod usage_source;

use std::cell::RefCell;
use std::rc::Rc;

use tollgate_kit::{Call, ConfigError, Configuration, Exchange, Filter, Limits, LocalReply, property};
use tollgate_quota::UnixMillis;

use metrics::Metrics;

pub use config::{Config, OnUnavailable, RawConfig};
pub use consumer::{ConsumerSource, Missing};
pub use payment::{BoundedPrompt, Input, Payment};

/// Filter that enforces budgets per consumer.
pub struct CostQuota {
    config: Config,
    metrics: RefCell<Metrics>,
}

impl CostQuota {
    /// Creates the filter from a validated configuration.
    pub fn new(config: Config) -> CostQuota {
        CostQuota { config, metrics: RefCell::new(Metrics::define()) }
    }

    /// Returns the payment of one call.
    pub fn payment(self: Rc<Self>) -> Payment {
        Payment::new(self)
    }

    /// Returns the consumer of a call and publishes its name, which is empty if no source is configured. `None` if the call
    /// has none and must have one.
    pub fn identify(&self, call: &Call<'_>) -> Option<Vec<u8>> {
        let Some(source) = &self.config.consumer else {
            return Some(Vec::new());
        };
        let name = source.name(call)?;
        property::set(property::CONSUMER, &name);
        Some(name)
    }

    /// Returns the request header that names the consumer, see [`Filter::identity_headers`].
    pub fn identity_header(&self) -> Option<&str> {
        self.config.consumer.as_ref()?.header()
    }

    /// Returns `true` if batches are refused, see [`Filter::refuses_batches`].
    pub fn refuses_batches(&self) -> bool {
        self.config.quota.refuses_batches() && !self.config.is_audit
    }

    /// Returns the 401 for a call without a consumer.
    pub fn unidentified(&self) -> LocalReply {
        refusal::unidentified()
    }
}

impl Filter for CostQuota {
    fn name() -> &'static str {
        "cost-quota"
    }

    fn configure(configuration: &Configuration<'_>) -> Result<Self, ConfigError> {
        Ok(CostQuota::new(Config::parse(configuration)?))
    }

    fn limits(&self) -> &Limits {
        &self.config.limits
    }

    fn identity_headers(&self) -> [Option<&str>; 2] {
        [CostQuota::identity_header(self), None]
    }

    fn refuses_batches(&self) -> bool {
        CostQuota::refuses_batches(self)
    }

    fn exchange(self: Rc<Self>) -> Box<dyn Exchange> {
        Box::new(self.payment())
    }
}

#[cfg(feature = "module")]
tollgate_kit::filter!(CostQuota);

/// Converts a time of the host.
fn millis(now_ns: u64) -> UnixMillis {
    UnixMillis(now_ns / 1_000_000)
}
