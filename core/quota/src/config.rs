//! Configuration as written by the operator, before validation.

use serde::Deserialize;
use tollgate_names::Entries;
use tollgate_prices::{Decimal, NanoUsd};

use crate::budget::Budget;
use crate::estimate::OutputCap;
use crate::time::Period;
use crate::unfinished::{OnAbandoned, OnBackground, OnBatch, OnLost};
use crate::unit::Unit;

/// Budgets, the consumers they apply to, and the limits of the store.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawQuota {
    /// Filters with the same namespace (and `vm_id`) share their counts. 1 to 64 of `A-Z a-z 0-9 . _ -`. Default:
    /// `default`.
    pub namespace: String,
    /// Budgets of every consumer: each consumer has its own count in each of them. At most 16. Default: none.
    pub budgets: Vec<RawBudget>,
    /// Consumers with their own budgets, by name. Default: none.
    pub consumers: Entries<RawConsumer>,
    /// Lifetime of a reservation that is neither settled nor renewed because the virtual machine of its worker died. Up to a
    /// quarter longer in practice. At least `1s`. Default: `15m`.
    pub lease: Period,
    /// Charge of a call whose lease ends that way. Default: `produced`.
    pub on_lost: OnLost,
    /// Charge of a call whose client leaves before any output arrives. Default: `reserved`.
    pub on_abandoned: OnAbandoned,
    /// Policy for calls whose response is produced in the background, where a budget in `tokens` or `usd` applies. Default:
    /// `hold`.
    pub on_background: OnBackground,
    /// Policy for batches and uploads of files, where there is a budget in `tokens` or `usd`. Default: `refuse` (404).
    pub on_batch: OnBatch,
    /// Maximum number of consumers, besides those under `consumers`, that get their own record of about 100 to 1600 bytes.
    /// Records are kept until Envoy restarts. Default: 10000.
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
}

/// Budget.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBudget {
    /// Name, which error messages contain: 1 to 64 of `A-Z a-z 0-9 . _ -`. A renamed budget starts at zero.
    pub name: String,
    /// Unit: `tokens`, `requests` or `usd`.
    pub unit: Unit,
    /// Limit per window: an integer, or dollars such as `"5.00"` for `usd`.
    pub limit: Decimal,
    /// Length of a window: `1m`, `90s`, `1h`, `1d`. From `1s` to `366d`. Windows are aligned to 1970-01-01T00:00:00Z.
    pub window: Period,
}

/// Consumer with its own budgets.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConsumer {
    /// Budgets that replace the common ones. An empty list means no limit.
    pub budgets: Vec<RawBudget>,
}

/// Handling of consumers above `max_consumers`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// They share one record with the common budgets.
    #[default]
    Share,
    /// They are handled as if the quota store were unavailable.
    Refuse,
}

impl Default for RawQuota {
    fn default() -> RawQuota {
        RawQuota {
            namespace: "default".to_owned(),
            budgets: Vec::new(),
            consumers: Entries::default(),
            lease: const { Period::from_millis(15 * 60_000).unwrap() },
            on_lost: OnLost::Produced,
            on_abandoned: OnAbandoned::Reserved,
            on_background: OnBackground::Hold,
            on_batch: OnBatch::Refuse,
            max_consumers: 10_000,
            overflow: Overflow::Share,
            output_cap: OutputCap::Assume,
            assumed_output_tokens: 1_024,
            max_output_tokens: None,
        }
    }
}

/// Invalid configuration: the path of the field and the problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct ConfigError {
    /// Path of the field, e.g. `consumers."alice".budgets[0].limit`.
    pub path: String,
    /// Description of the problem.
    pub problem: String,
}

impl ConfigError {
    pub(crate) fn new(path: impl Into<String>, problem: impl Into<String>) -> ConfigError {
        ConfigError { path: path.into(), problem: problem.into() }
    }
}

/// Maximum number of budgets per consumer.
const MAX_BUDGETS: usize = 16;

/// Validates the list of budgets at `path`.
pub(crate) fn budgets(raw: Vec<RawBudget>, path: &str) -> Result<Box<[Budget]>, ConfigError> {
    if raw.len() > MAX_BUDGETS {
        return Err(ConfigError::new(path, format!("must have at most {MAX_BUDGETS} budgets")));
    }
    let mut budgets: Vec<Budget> = Vec::with_capacity(raw.len());
    for (index, raw) in raw.into_iter().enumerate() {
        let reject = |field, problem: &str| Err(ConfigError::new(format!("{path}[{index}].{field}"), problem));
        if let Err(problem) = name(&raw.name) {
            return reject("name", problem);
        }
        if budgets.iter().any(|other| other.name() == raw.name) {
            return reject("name", "another budget in the list has the same name");
        }
        let limit = match raw.unit {
            Unit::Usd => match NanoUsd::try_from(raw.limit) {
                Ok(money) => money.0,
                Err(problem) => return reject("limit", &problem.to_string()),
            },
            Unit::Tokens | Unit::Requests => match raw.limit.integer() {
                Some(limit) => limit,
                None => return reject("limit", "must be an integer"),
            },
        };
        if !(1_000..=366 * 86_400_000).contains(&raw.window.millis()) {
            return reject("window", "must be from 1s to 366d");
        }
        let budget = Budget::new(&raw.name, raw.unit, limit, raw.window);
        if budgets.iter().any(|other| other.id() == budget.id()) {
            return reject("name", "has the same hash as another budget in the list; choose another name");
        }
        budgets.push(budget);
    }
    Ok(budgets.into())
}

/// Validates a name that becomes part of keys, messages and metrics.
pub(crate) fn name(name: &str) -> Result<(), &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(())
    } else {
        Err("must be 1 to 64 of the characters A-Z a-z 0-9 . _ -")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quota;

    fn quota(yaml: &str) -> Result<Quota, String> {
        let raw: RawQuota = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
        Quota::new(raw).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_configuration_equals_the_default() {
        let raw: RawQuota = serde_json::from_str("{}").unwrap();
        assert_eq!(raw, RawQuota::default());
        assert_eq!(raw.lease.to_string(), "15m");
        assert!(Quota::new(raw).unwrap().budgets(b"anybody").is_empty());
    }

    #[test]
    fn a_consumer_has_its_own_budgets_or_the_common_ones() {
        let quota = quota(
            "budgets:\n\
             - { name: per-minute, unit: tokens, limit: 10000, window: 1m }\n\
             - { name: daily, unit: usd, limit: \"5.00\", window: 1d }\n\
             consumers:\n\
             \x20 alice: { budgets: [ { name: daily, unit: usd, limit: 0.5, window: 24h } ] }\n\
             \x20 admin: { budgets: [] }\n",
        )
        .unwrap();
        for (consumer, budgets) in [
            (&b"bob"[..], vec![("per-minute", Unit::Tokens, 10_000), ("daily", Unit::Usd, 5_000_000_000)]),
            (b"alice", vec![("daily", Unit::Usd, 500_000_000)]),
            (b"admin", vec![]),
            (b"", vec![("per-minute", Unit::Tokens, 10_000), ("daily", Unit::Usd, 5_000_000_000)]),
        ] {
            let found: Vec<_> =
                quota.budgets(consumer).iter().map(|budget| (budget.name(), budget.unit(), budget.limit())).collect();
            assert_eq!(found, budgets);
        }
    }

    #[test]
    fn errors_name_the_field() {
        let budget = |text: &str| format!("budgets: [ {{ {text} }} ]");
        for (yaml, words) in [
            (budget("name: '', unit: tokens, limit: 1, window: 1m"), "budgets[0].name: must be 1 to 64"),
            (budget("name: 'a b', unit: tokens, limit: 1, window: 1m"), "budgets[0].name: must be 1 to 64"),
            (budget("name: a, unit: tokens, limit: 1.5, window: 1m"), "budgets[0].limit: must be an integer"),
            (budget("name: a, unit: usd, limit: '0.0000000001', window: 1m"), "budgets[0].limit: has more than 9 dec"),
            (budget("name: a, unit: tokens, limit: 1, window: 999ms"), "budgets[0].window: must be from 1s to 366d"),
            (budget("name: a, unit: tokens, limit: 1, window: 367d"), "budgets[0].window: must be from 1s to 366d"),
            (budget("name: a, unit: euros, limit: 1, window: 1m"), "euros"),
            (budget("name: a, unit: tokens, limit: -1, window: 1m"), "negative"),
            (budget("name: a, unit: tokens, limit: 1, window: 60"), "duration"),
            (budget("name: a, unit: tokens, window: 1m"), "limit"),
            (budget("name: a, unit: tokens, limit: 1, window: 1m, burst: 2"), "burst"),
            (
                "budgets: [ { name: a, unit: tokens, limit: 1, window: 1m }, { name: a, unit: usd, limit: 1, window: 1m } ]"
                    .to_owned(),
                "budgets[1].name: another budget",
            ),
            (
                "consumers: { bob: { budgets: [ { name: a, unit: requests, limit: 0.5, window: 1m } ] } }".to_owned(),
                "consumers.\"bob\".budgets[0].limit: must be an integer",
            ),
            ("consumers: { bob: {} }".to_owned(), "budgets"),
            ("consumers: { '': { budgets: [] } }".to_owned(), "consumers.\"\": must be 1 to 512 bytes"),
            ("namespace: a/b".to_owned(), "namespace: must be 1 to 64"),
            ("lease: 10ms".to_owned(), "lease: must be at least 1s"),
            ("{assumed_output_tokens: 20000, max_output_tokens: 16384}".to_owned(), "assumed_output_tokens: must not be above max_output_tokens"),
            ("on_lost: free".to_owned(), "free"),
            ("on_abandoned: nothing".to_owned(), "nothing"),
            ("overflow: drop".to_owned(), "drop"),
            ("limits: []".to_owned(), "limits"),
        ] {
            let error = quota(&yaml).map(|_| ()).unwrap_err();
            assert!(error.contains(words), "{yaml}: {error}");
        }
        let many = (0..17).map(|i| format!("{{ name: b{i}, unit: tokens, limit: 1, window: 1m }}"));
        let many = format!("budgets: [ {} ]", many.collect::<Vec<_>>().join(", "));
        assert!(quota(&many).map(|_| ()).unwrap_err().contains("budgets: must have at most 16"));
    }
}
