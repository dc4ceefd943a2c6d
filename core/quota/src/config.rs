//! The configuration as it is written.

use serde::Deserialize;
use tollgate_names::Entries;
use tollgate_prices::{Decimal, NanoUsd};

use crate::budget::Budget;
use crate::charge::Unit;
use crate::time::Period;

/// Budgets, whom they apply to, and what the count costs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawQuota {
    /// Filters with the same namespace (and `vm_id`) count together. 1 to 64 of `A-Z a-z 0-9 . _ -`. Default:
    /// `default`.
    pub namespace: String,
    /// The budgets of each consumer: every consumer has all of them for itself. At most 16. Default: none.
    pub budgets: Vec<RawBudget>,
    /// Consumers with budgets of their own, by name. Default: none.
    pub consumers: Entries<RawConsumer>,
    /// How long a reservation stands that is neither settled nor renewed (the virtual machine of its worker died). Up
    /// to a quarter longer in practice. At least `1s`. Default: `15m`.
    pub lease: Period,
    /// How many consumers other than those under `consumers` get a record of their own, about 100 to 3000 bytes each.
    /// Records are kept until Envoy restarts. Default: 10000.
    pub max_consumers: u64,
    /// What happens to consumers above `max_consumers`. Default: `share`.
    pub overflow: Overflow,
    /// Output tokens to reserve for a request that does not say how many it wants. Default: 1024.
    pub assumed_output_tokens: u64,
    /// The most output tokens to reserve for one answer, whatever the client says, where the price table does not know
    /// the model's own maximum. Default: 16384.
    pub max_output_tokens: u64,
}

/// One budget.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBudget {
    /// Its name, which callers are told: 1 to 64 of `A-Z a-z 0-9 . _ -`. A renamed budget begins with nothing used.
    pub name: String,
    /// What it counts: `tokens`, `requests` or `usd`.
    pub unit: Unit,
    /// The most that one window takes: an integer, or dollars such as `"5.00"` for `usd`.
    pub limit: Decimal,
    /// How long a window is: `1m`, `90s`, `1h`, `1d`. From `1s` to `366d`. Windows are aligned to 1970-01-01T00:00:00Z.
    pub window: Period,
}

/// One consumer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConsumer {
    /// Its budgets, in place of all others. An empty list: no limit.
    pub budgets: Vec<RawBudget>,
}

/// What happens to consumers above `max_consumers`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// They have one record together, with the budgets that otherwise each of them would have.
    #[default]
    Share,
    /// They are refused, as if the count were unavailable.
    Refuse,
}

impl Default for RawQuota {
    fn default() -> RawQuota {
        RawQuota {
            namespace: "default".to_owned(),
            budgets: Vec::new(),
            consumers: Entries::default(),
            lease: const { Period::from_millis(15 * 60_000).unwrap() },
            max_consumers: 10_000,
            overflow: Overflow::Share,
            assumed_output_tokens: 1_024,
            max_output_tokens: 16_384,
        }
    }
}

/// A configuration that was refused: the path of the field and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct ConfigError {
    /// Where, e.g. `consumers."alice".budgets[0].limit`.
    pub path: String,
    /// What.
    pub problem: String,
}

impl ConfigError {
    pub(crate) fn new(path: impl Into<String>, problem: impl Into<String>) -> ConfigError {
        ConfigError { path: path.into(), problem: problem.into() }
    }
}

/// The most budgets that one consumer can have.
const MAX_BUDGETS: usize = 16;

/// Checks a list of budgets that stands at `path`.
pub(crate) fn budgets(raw: Vec<RawBudget>, path: &str) -> Result<Box<[Budget]>, ConfigError> {
    if raw.len() > MAX_BUDGETS {
        return Err(ConfigError::new(path, format!("at most {MAX_BUDGETS} budgets")));
    }
    let mut budgets: Vec<Budget> = Vec::with_capacity(raw.len());
    for (place, raw) in raw.into_iter().enumerate() {
        let refuse = |field, problem: &str| Err(ConfigError::new(format!("{path}[{place}].{field}"), problem));
        if let Err(problem) = name(&raw.name) {
            return refuse("name", problem);
        }
        if budgets.iter().any(|other| other.name() == raw.name) {
            return refuse("name", "another budget of the list has this name");
        }
        let limit = match raw.unit {
            Unit::Usd => match NanoUsd::try_from(raw.limit) {
                Ok(money) => money.0,
                Err(problem) => return refuse("limit", &problem.to_string()),
            },
            Unit::Tokens | Unit::Requests => match raw.limit.integer() {
                Some(limit) => limit,
                None => return refuse("limit", "must be an integer"),
            },
        };
        if !(1_000..=366 * 86_400_000).contains(&raw.window.millis()) {
            return refuse("window", "must be from 1s to 366d");
        }
        let budget = Budget::new(&raw.name, raw.unit, limit, raw.window);
        if budgets.iter().any(|other| other.id() == budget.id()) {
            return refuse("name", "has the same hash as another budget of the list: choose another name");
        }
        budgets.push(budget);
    }
    Ok(budgets.into())
}

/// Checks a name that ends up in keys, messages and metrics.
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
    fn nothing_is_the_default() {
        let raw: RawQuota = serde_json::from_str("{}").unwrap();
        assert_eq!(raw, RawQuota::default());
        assert_eq!(raw.lease.to_string(), "15m");
        assert!(Quota::new(raw).unwrap().budgets(b"anybody").is_empty());
    }

    #[test]
    fn a_consumer_has_its_own_budgets_or_those_of_everybody() {
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
    fn what_is_refused_says_where() {
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
            (budget("name: a, unit: tokens, limit: 1, window: 60"), "length of time"),
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
            ("assumed_output_tokens: 20000".to_owned(), "assumed_output_tokens: must not be above max_output_tokens"),
            ("overflow: drop".to_owned(), "drop"),
            ("limits: []".to_owned(), "limits"),
        ] {
            let error = quota(&yaml).map(|_| ()).unwrap_err();
            assert!(error.contains(words), "{yaml}: {error}");
        }
        let many = (0..17).map(|i| format!("{{ name: b{i}, unit: tokens, limit: 1, window: 1m }}"));
        let many = format!("budgets: [ {} ]", many.collect::<Vec<_>>().join(", "));
        assert!(quota(&many).map(|_| ()).unwrap_err().contains("budgets: at most 16"));
    }
}
