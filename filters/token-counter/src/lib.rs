//! The `token-counter` filter.
//!
//! Before a call it counts the prompt, and asks the upstream of a stream for usage, even if the client did not. During
//! the call it takes usage from the provider, counts the response itself in case none comes, and withholds the usage event
//! from a client that did not ask for it. After the call it publishes the record and its metrics. It refuses no call,
//! except that the kit refuses unreadable ones.

mod metrics;

use std::cell::RefCell;
use std::rc::Rc;

use serde::Deserialize;
use tollgate_kit::{
    BodyMode, Call, ConfigError, Configuration, Exchange, Filter, Limits, Response, ResponseHead, StreamAction,
    StreamEnd, Verdict, now_ns, property, random_key,
};
use tollgate_llm::Event;
use tollgate_tokens::{Catalog, RawAliases, RawTokenizer, TextCache, UsageMeter, UsageRecord};

use metrics::Metrics;

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
}

/// Filter that counts tokens.
pub struct TokenCounter {
    limits: Limits,
    catalog: Catalog,
    metrics: RefCell<Metrics>,
}

impl Filter for TokenCounter {
    fn name() -> &'static str {
        "token-counter"
    }

    fn configure(configuration: &Configuration<'_>) -> Result<Self, ConfigError> {
        let RawConfig { limits, aliases, tokenizers } = configuration.parse()?;
        let catalog = Catalog::new(aliases, tokenizers).map_err(ConfigError::new)?;
        Ok(TokenCounter { limits, catalog, metrics: RefCell::new(Metrics::define()) })
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn exchange(self: Rc<Self>) -> Box<dyn Exchange> {
        Box::new(Counting { filter: self, meter: None, forwarded_ns: 0, first_ns: None })
    }
}

#[cfg(feature = "module")]
tollgate_kit::filter!(TokenCounter);

/// Token count of one call.
struct Counting {
    filter: Rc<TokenCounter>,
    meter: Option<UsageMeter>,
    forwarded_ns: u64,
    first_ns: Option<u64>,
}

// === impl Counting ===

impl Exchange for Counting {
    fn on_request(&mut self, call: &mut Call<'_>) -> Verdict {
        let (view, body) = (call.view(), call.body());
        let model = call.model();
        let profile = self.filter.catalog.profile(model.as_deref().unwrap_or_default());
        // Free calls are not counted.
        let mut tokens = 0;
        if !view.dialect.is_free() {
            tokens = TextCache::with_shared(body, random_key, |cache| profile.count_cached(view, body, cache)).tokens;
            self.filter.metrics.borrow().counted.add(1);
        }
        property::set(property::INPUT_TOKENS, tokens.to_string());
        view.include_usage(body, call.edits());
        self.meter = Some(UsageMeter::new(view, profile.tokenizer().clone(), tokens));
        self.forwarded_ns = call.now_ns();
        Verdict::Continue
    }

    fn reads_response(&self) -> bool {
        true
    }

    fn on_response_head(&mut self, head: &ResponseHead) -> BodyMode {
        match &self.meter {
            _ if !head.is_success() => BodyMode::Pass,
            Some(meter) if head.is_streamed() && meter.withholds() => BodyMode::Edit,
            _ => BodyMode::Observe,
        }
    }

    fn on_response(&mut self, response: &mut Response<'_>) -> Verdict {
        self.first_ns.get_or_insert_with(now_ns);
        if let Some(meter) = &mut self.meter {
            meter.response(response.view(), response.body());
        }
        Verdict::Continue
    }

    fn on_event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> StreamAction {
        let seen = self.meter.as_mut().map(|meter| meter.event(event)).unwrap_or_default();
        if seen.has_text {
            self.first_ns.get_or_insert_with(now_ns);
        }
        if !seen.withhold {
            out.extend_from_slice(event.raw());
        }
        StreamAction::Continue
    }

    fn on_unscanned(&mut self, bytes: u64) {
        if let Some(meter) = &mut self.meter {
            meter.mark_unreadable(bytes);
        }
    }

    fn on_progress(&mut self, _: fn() -> u64, bytes: u64) {
        if let Some(meter) = &mut self.meter {
            meter.add_unreadable(bytes);
        }
    }

    fn on_log(&mut self, end: &StreamEnd) {
        let Some(meter) = &self.meter else { return };
        let record = if end.was_served() { meter.record() } else { UsageRecord::NOTHING };
        publish(&record);
        if let Some(model) = meter.served_model() {
            property::set_name(property::SERVED_MODEL, model);
        }
        let ttft_ms = self.first_ns.map(|first| first.saturating_sub(self.forwarded_ns) / 1_000_000);
        if let Some(ttft_ms) = ttft_ms {
            property::set(property::TTFT_MS, ttft_ms.to_string());
        }
        // Only a model that a provider has served becomes a label: a client could invent names without end.
        let label = meter.served_model().filter(|_| end.succeeded).unwrap_or("none");
        self.filter.metrics.borrow_mut().settle(label, &record, ttft_ms);
    }
}

fn publish(record: &UsageRecord) {
    let usage = &record.usage;
    for (name, value) in [
        (property::INPUT_TOKENS, usage.input),
        (property::CACHED_TOKENS, usage.cached),
        (property::CACHE_WRITE_TOKENS, usage.cache_write()),
        (property::CACHE_WRITE_1H_TOKENS, usage.cache_write_1h),
        (property::AUDIO_INPUT_TOKENS, usage.audio_input),
        (property::OUTPUT_TOKENS, usage.output),
        (property::REASONING_TOKENS, usage.reasoning),
        (property::AUDIO_OUTPUT_TOKENS, usage.audio_output),
        (property::TOTAL_TOKENS, usage.total),
    ] {
        property::set(name, value.to_string());
    }
    property::set(property::USAGE_SOURCE, record.source.name());
    property::set(property::USAGE_COMPLETE, if record.complete { "true" } else { "false" });
}
