//! The `cost-quota` filter.
//!
//! Before a call it reserves the most that the call can use in all budgets of its consumer at once; after the call,
//! however it ended, it settles the actual usage. All workers share one count. Refusals are 429 in the caller's dialect
//! and name the exceeded budget. A call that was refused, or that never reached a provider, is not charged.
//!
//! Behind token-counter it uses that filter's numbers; without it, it counts tokens itself.

mod admission;
mod config;
mod consumer;
mod metrics;
mod payment;
mod refusal;
mod store;
mod usage_source;

use std::cell::RefCell;
use std::rc::Rc;

use tollgate_kit::{ConfigError, Configuration, Exchange, Filter, Limits};
use tollgate_quota::UnixMillis;

use config::Config;
use metrics::Metrics;
use payment::Payment;

pub use config::RawConfig;

/// Filter that enforces budgets per consumer.
pub struct CostQuota {
    config: Config,
    metrics: RefCell<Metrics>,
}

impl Filter for CostQuota {
    fn name() -> &'static str {
        "cost-quota"
    }

    fn configure(configuration: &Configuration<'_>) -> Result<Self, ConfigError> {
        Ok(CostQuota { config: Config::parse(configuration)?, metrics: RefCell::new(Metrics::define()) })
    }

    fn limits(&self) -> &Limits {
        &self.config.limits
    }

    fn identity_header(&self) -> Option<&str> {
        self.config.consumer.as_ref()?.header()
    }

    fn exchange(self: Rc<Self>) -> Box<dyn Exchange> {
        Box::new(Payment::new(self))
    }
}

#[cfg(feature = "module")]
tollgate_kit::filter!(CostQuota);

/// Converts a time of the host.
fn millis(now_ns: u64) -> UnixMillis {
    UnixMillis(now_ns / 1_000_000)
}
