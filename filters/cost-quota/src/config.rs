//! Configuration of the filter: as written, and validated.

use serde::Deserialize;
use tollgate_kit::{ConfigError, Configuration, Limits};
use tollgate_names::{Entries, Resolver};
use tollgate_prices::{ModelPrice, OnUnknownPrice, PriceTable, RawPrices};
use tollgate_quota::{
    LimitExceeded, OnAbandoned, OnBackground, OnBatch, OnLost, OutputCap, Overflow, Period, Quota, RawBudget,
    RawConsumer, RawQuota,
};
use tollgate_tokens::{Catalog, RawAliases, RawAskUsage, RawMargins, RawTokenizer, UsageRequests};

use crate::consumer::{ConsumerSource, RawConsumerSource};

/// Configuration of the filter, as written.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawConfig {
    /// Bounds on what one call may make the filter read.
    pub limits: Limits,
    /// Source of the consumer's name. Required with any budget.
    pub consumer: Option<RawConsumerSource>,
    /// Prices of models, in dollars per million tokens.
    pub prices: RawPrices,
    /// Aliases of models, as model-router resolves them: an alias has the price of its target.
    pub aliases: RawAliases,
    /// Tokenizers of models without a built-in one. Used without a token-counter earlier in the chain.
    pub tokenizers: Vec<RawTokenizer>,
    /// Factor on the counts of prompts, for what is reserved: one for all models, or by model. Default: 1.4 for Claude, whose
    /// tokenizer is not public, 1 for others.
    pub estimate_margin: RawMargins,
    /// Request for usage at the end of a stream, `ask` or `never`: one for all models, or by model. Used without a token-counter
    /// earlier in the chain. Default: `ask`, but `never` for APIs that are known to refuse `stream_options`.
    pub usage: RawAskUsage,
    /// Policy for a call whose model has no price while a budget in `usd` applies to its consumer. Default:
    /// `allow`, counted in the metric `tollgate_unpriced_calls_total`.
    pub on_unknown_price: OnUnknownPrice,
    /// Policy for a call whose budgets cannot be read or written (persistent contention, a full table). Default: `refuse`
    /// (503).
    pub on_unavailable: OnUnavailable,
    /// HTTP status of a call that is larger than the limit of a budget, so that waiting does not help: 400 to 499.
    pub oversized_status: u16,
    /// Budgets of each consumer, see [`RawQuota::budgets`].
    pub budgets: Vec<RawBudget>,
    /// Consumers with budgets of their own, see [`RawQuota::consumers`].
    pub consumers: Entries<RawConsumer>,
    /// See [`RawQuota::namespace`].
    pub namespace: String,
    /// See [`RawQuota::lease`].
    pub lease: Period,
    /// See [`RawQuota::on_lost`].
    pub on_lost: OnLost,
    /// See [`RawQuota::on_abandoned`].
    pub on_abandoned: OnAbandoned,
    /// See [`RawQuota::on_background`].
    pub on_background: OnBackground,
    /// See [`RawQuota::on_batch`].
    pub on_batch: OnBatch,
    /// See [`RawQuota::max_consumers`].
    pub max_consumers: u64,
    /// See [`RawQuota::overflow`].
    pub overflow: Overflow,
    /// See [`RawQuota::output_cap`].
    pub output_cap: OutputCap,
    /// See [`RawQuota::assumed_output_tokens`].
    pub assumed_output_tokens: u64,
    /// See [`RawQuota::max_output_tokens`].
    pub max_output_tokens: Option<u64>,
}

/// Policy for a call whose budgets cannot be read or written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnavailable {
    /// Refuse it with 503.
    #[default]
    Refuse,
    /// Let it pass uncounted.
    Allow,
}

impl Default for RawConfig {
    fn default() -> RawConfig {
        let quota = RawQuota::default();
        RawConfig {
            limits: Limits::default(),
            consumer: None,
            prices: RawPrices::default(),
            aliases: RawAliases::default(),
            tokenizers: Vec::new(),
            estimate_margin: RawMargins::default(),
            usage: RawAskUsage::default(),
            on_unknown_price: OnUnknownPrice::Pass,
            on_unavailable: OnUnavailable::default(),
            oversized_status: LimitExceeded::STATUS,
            budgets: quota.budgets,
            consumers: quota.consumers,
            namespace: quota.namespace,
            lease: quota.lease,
            on_lost: quota.on_lost,
            on_abandoned: quota.on_abandoned,
            on_background: quota.on_background,
            on_batch: quota.on_batch,
            max_consumers: quota.max_consumers,
            overflow: quota.overflow,
            output_cap: quota.output_cap,
            assumed_output_tokens: quota.assumed_output_tokens,
            max_output_tokens: quota.max_output_tokens,
        }
    }
}

/// Model that the provider says has served a call, if it says so.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Served<'a> {
    /// Name that the provider sells the model by. It is more exact than the requested one: a dated version, or the model
    /// behind a deployment.
    Reported(Option<&'a str>),
    /// Name that the vendor of the model gives it, in a response that the provider passes on: Bedrock's InvokeModel. The
    /// requested name has the provider's own price, with its region.
    ByVendor(Option<&'a str>),
}

/// Configuration of the filter, validated.
#[derive(Debug)]
pub struct Config {
    /// See [`RawConfig::limits`].
    pub limits: Limits,
    /// See [`RawConfig::consumer`].
    pub consumer: Option<ConsumerSource>,
    /// See [`RawConfig::prices`].
    pub prices: PriceTable,
    /// See [`RawConfig::tokenizers`] and [`RawConfig::aliases`].
    pub catalog: Catalog,
    /// See [`RawConfig::usage`].
    pub usage: UsageRequests,
    /// Providers by model, which choose among prices of several.
    pub providers: Resolver<String>,
    /// See [`RawConfig::on_unknown_price`].
    pub on_unknown_price: OnUnknownPrice,
    /// See [`RawConfig::on_unavailable`].
    pub on_unavailable: OnUnavailable,
    /// See [`RawConfig::oversized_status`].
    pub oversized_status: u16,
    /// Budgets of all consumers.
    pub quota: Quota,
    /// Charges a call that exceeds a budget as if it were admitted: the caller lets it pass, whatever the verdict is.
    pub is_audit: bool,
}

impl Config {
    pub(crate) fn parse(configuration: &Configuration<'_>) -> Result<Config, ConfigError> {
        let raw: RawConfig = configuration.parse()?;
        if raw.consumer.is_none() && (!raw.budgets.is_empty() || !raw.consumers.0.is_empty()) {
            return Err(ConfigError::new(
                "consumer: budgets are kept per consumer, so the source of its name is required, e.g. `consumer: {header: \
                 x-consumer-id}` for a header that an authentication filter sets",
            ));
        }
        if !(400..500).contains(&raw.oversized_status) {
            return Err(ConfigError::new("oversized_status: must be a status from 400 to 499"));
        }
        let quota = RawQuota {
            namespace: raw.namespace,
            budgets: raw.budgets,
            consumers: raw.consumers,
            lease: raw.lease,
            on_lost: raw.on_lost,
            on_abandoned: raw.on_abandoned,
            on_background: raw.on_background,
            on_batch: raw.on_batch,
            max_consumers: raw.max_consumers,
            overflow: raw.overflow,
            output_cap: raw.output_cap,
            assumed_output_tokens: raw.assumed_output_tokens,
            max_output_tokens: raw.max_output_tokens,
        };
        Ok(Config {
            limits: raw.limits,
            consumer: raw.consumer.map(ConsumerSource::try_from).transpose()?,
            prices: PriceTable::new(raw.prices).map_err(|error| ConfigError::new(format!("prices.{error}")))?,
            catalog: Catalog::new(raw.aliases, raw.tokenizers)
                .and_then(|catalog| catalog.with_margins(raw.estimate_margin))
                .map_err(ConfigError::new)?,
            usage: UsageRequests::new(raw.usage).map_err(ConfigError::new)?,
            providers: Resolver::default(),
            on_unknown_price: raw.on_unknown_price,
            on_unavailable: raw.on_unavailable,
            oversized_status: raw.oversized_status,
            quota: Quota::new(quota).map_err(ConfigError::new)?,
            is_audit: false,
        })
    }

    /// Returns the price of a call by the model that served it, if known, and the requested one: of an alias, the price of its
    /// target if that has one, else its own.
    pub(crate) fn price(&self, requested: Option<&str>, served: Served<'_>) -> Option<ModelPrice> {
        let target = requested.map(|model| self.catalog.resolve_alias(model));
        let names = match served {
            Served::Reported(served) => [served, target, requested],
            Served::ByVendor(served) => [target, requested, served],
        };
        let names: Vec<&str> = names.into_iter().flatten().collect();
        let provider = requested.and_then(|model| self.providers.find(model));
        let price = self.prices.find_first(&names, provider.map(String::as_str));
        price.or_else(|| match &self.on_unknown_price {
            OnUnknownPrice::Free if !names.is_empty() => Some(ModelPrice::default()),
            OnUnknownPrice::As(model) => self.prices.find(model, None),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use tollgate_prices::Dimension;

    use super::*;

    #[test]
    fn configuration_errors_name_the_path() {
        for (json, words) in [
            (r#"{"budgets":[{"name":"a","unit":"tokens","limit":1,"window":"1m"}]}"#, "consumer: budgets are kept"),
            (r#"{"consumer":{}}"#, "consumer: one of"),
            (r#"{"consumer":{"header":"a b"}}"#, "consumer.header"),
            (r#"{"prices":{"a*b":{"input":"1","output":"1"}}}"#, "prices.\"a*b\""),
            (r#"{"budget":[]}"#, "budget"),
            (r#"{"estimate_margin":{"a*b":"1.2"}}"#, "estimate_margin.\"a*b\""),
            (r#"{"estimate_margin":{"a":"0.9"}}"#, "from 1 to 10"),
            (r#"{"oversized_status":500}"#, "oversized_status: must be"),
            (r#"{"usage":{"a*b":"never"}}"#, "usage.\"a*b\""),
            (r#"{"aliases":{"a*b":"c"}}"#, "aliases.\"a*b\""),
            (r#"{"tokenizers":[{"models":["m"],"table":"!"}]}"#, "tokenizers[0].table: not base64, at byte 0"),
            (
                r#"{"consumer":{"header":"x"},"budgets":[{"name":"a","unit":"tokens","limit":1.5,"window":"1m"}]}"#,
                "budgets[0].limit",
            ),
        ] {
            let error = Config::parse(&Configuration::new(json.as_bytes())).unwrap_err().to_string();
            assert!(error.contains(words), "{json}: {error}");
        }
    }

    #[test]
    fn an_alias_has_the_price_of_its_target() {
        let json = br#"{"prices":{"a":{"input":1,"output":1},"b":{"input":2,"output":2},"own":{"input":3,"output":3}},
            "aliases":{"fast":"a","b":"a","own":"free","x-*":"b"}}"#;
        let config = Config::parse(&Configuration::new(json)).unwrap();
        for (model, input) in [
            ("a", Some(1)),
            ("fast", Some(1)),
            // The upstream gets the target's name, so the alias's own price is not used.
            ("b", Some(1)),
            ("x-y", Some(2)),
            // The target has no price.
            ("own", Some(3)),
            ("free", None),
            ("faster", None),
        ] {
            let price = config.price(Some(model), Served::Reported(None));
            let found = price.map(|price| price.price(Dimension::Input, None, 0).0 / 1_000_000_000);
            assert_eq!(found, input, "{model}");
        }
    }

    #[test]
    fn an_empty_configuration_limits_nobody() {
        let config = Config::parse(&Configuration::new(b"{}")).unwrap();
        assert!(config.consumer.is_none() && config.prices.is_empty());
    }
}
