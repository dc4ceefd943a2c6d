//! The `cost-quota` filter.
//!
//! Before a call it reserves, in every budget of the call's consumer at once, the most that the call can take; after it,
//! however it ended, it settles what the call did take. The count is one for all workers. Refusals are 429 in the
//! caller's dialect and say which budget spoke; a call that was refused, or that never reached a provider, takes nothing.
//!
//! Behind token-counter it takes that filter's numbers; without it, it counts by itself.

mod admission;
mod config;
mod consumer;
mod counter;
mod metrics;
mod payment;
mod refusal;
mod store;

use std::cell::RefCell;
use std::rc::Rc;

use tollgate_kit::{ConfigError, Configuration, Exchange, Filter, Limits};
use tollgate_quota::UnixMillis;

use config::Config;
use metrics::Metrics;
use payment::Payment;

pub use config::RawConfig;

/// The filter.
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

    fn exchange(self: Rc<Self>) -> Box<dyn Exchange> {
        Box::new(Payment::new(self))
    }
}

#[cfg(feature = "module")]
tollgate_kit::filter!(CostQuota);

/// A time of the host.
fn millis(now_ns: u64) -> UnixMillis {
    UnixMillis(now_ns / 1_000_000)
}
