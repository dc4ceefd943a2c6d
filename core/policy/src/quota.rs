//! Part `quota`: how budgets are kept.

use serde::Deserialize;
use tollgate_quota::{
    OnAbandoned, OnBackground, OnBatch, OnLost, OutputCap, Overflow, Period, RawQuota as QuotaDefaults,
};

use crate::admission::Admission;

/// Settings of the store of budgets and of reservations.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawQuota {
    /// Filters with the same namespace (and `vm_id`) share their counts. 1 to 64 of `A-Z a-z 0-9 . _ -`. Default:
    /// `default`.
    pub namespace: String,
    /// Lifetime of a reservation that is neither settled nor renewed because the virtual machine of its worker died. Up to a
    /// quarter longer in practice. At least `1s`. Default: `15m`.
    pub lease: Period,
    /// Charge of a call whose lease ends that way. Default: `produced`.
    pub on_lost: OnLost,
    /// Charge of a call that reached a provider and whose client leaves before any output arrives. Default: `reserved`.
    pub on_abandoned: OnAbandoned,
    /// Policy for calls whose response is produced in the background, where a budget in `tokens` or `usd` applies. Default:
    /// `hold`.
    pub on_background: OnBackground,
    /// Policy for batches and uploads of files, where there is a budget in `tokens` or `usd`. Default: `refuse` (404).
    pub on_batch: OnBatch,
    /// Maximum number of consumers, besides those under a budget's `for`, that get their own record of about 100 to 1600
    /// bytes. Records are kept until Envoy restarts. Default: 10000.
    pub max_consumers: u64,
    /// Handling of consumers above `max_consumers`. Default: `share`.
    pub overflow: Overflow,
    /// Output that is reserved for a request that sets no maximum. Default: `assume`.
    pub output_cap: OutputCap,
    /// Output tokens to reserve for a request that sets no maximum. Default: 1024.
    pub assumed_output_tokens: u64,
    /// Maximum number of output tokens to reserve for one response, whatever the client requests, for models whose own
    /// maximum is not in the price table. Default: none; the client's maximum is reserved in full.
    pub max_output_tokens: Option<u64>,
    /// Consumers without any budget. Default: none.
    pub exempt: Vec<String>,
    /// HTTP status of a call that is larger than the limit of a budget, so that waiting does not help: 400 to 499, such as 413. Its
    /// response has `x-should-retry: false`. Default: 429.
    pub oversized_status: u16,
    /// Policy for a call whose budgets cannot be read or written (persistent contention, a full table). Default: `refuse`
    /// (503).
    pub on_unavailable: Admission,
}

impl Default for RawQuota {
    fn default() -> RawQuota {
        let QuotaDefaults {
            namespace,
            lease,
            on_lost,
            on_abandoned,
            on_background,
            on_batch,
            max_consumers,
            overflow,
            output_cap,
            assumed_output_tokens,
            max_output_tokens,
            ..
        } = QuotaDefaults::default();
        RawQuota {
            namespace,
            lease,
            on_lost,
            on_abandoned,
            on_background,
            on_batch,
            max_consumers,
            overflow,
            output_cap,
            assumed_output_tokens,
            max_output_tokens,
            exempt: Vec::new(),
            oversized_status: 429,
            on_unavailable: Admission::Refuse,
        }
    }
}
