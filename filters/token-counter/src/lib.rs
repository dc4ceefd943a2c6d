//! The `token-counter` filter.
//!
//! Before the call it counts the prompt and asks the upstream of a stream for its usage, whatever the client said;
//! during it, it takes the provider's usage as truth, counts the answer itself in case none comes, and withholds the
//! usage chunk from a client that did not ask for it; after it, it publishes the record and counts it in metrics.
//! It refuses nothing (beyond what kit refuses of every filter: what cannot be read).

mod metrics;

use std::cell::RefCell;
use std::rc::Rc;

use serde::Deserialize;
use tollgate_kit::{
    BodyKind, Call, ConfigError, Configuration, End, Exchange, Filter, Flow, Limits, Reading, Response, ResponseHead,
    Verdict, now_ns, property,
};
use tollgate_llm::sse::Event;
use tollgate_llm::{Chunk, Dialect, Usage};
use tollgate_tokens::{Encoding, Meter, Record, count_prompt};

use metrics::Metrics;

/// The configuration of the filter, as YAML or JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawConfig {
    /// Bounds of what one call may make the filter read.
    pub limits: Limits,
}

/// The filter.
pub struct TokenCounter {
    limits: Limits,
    metrics: RefCell<Metrics>,
}

impl Filter for TokenCounter {
    fn name() -> &'static str {
        "token-counter"
    }

    fn configure(configuration: &Configuration<'_>) -> Result<Self, ConfigError> {
        let RawConfig { limits } = configuration.parse()?;
        Ok(TokenCounter { limits, metrics: RefCell::new(Metrics::define()) })
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn exchange(self: Rc<Self>) -> Box<dyn Exchange> {
        Box::new(Counting { filter: self, call: None, chunk: Chunk::default(), served_model: None, first_ns: None })
    }
}

#[cfg(feature = "module")]
tollgate_kit::filter!(TokenCounter);

/// The counting of one call.
struct Counting {
    filter: Rc<TokenCounter>,
    call: Option<Counted>,
    chunk: Chunk,
    served_model: Option<String>,
    first_ns: Option<u64>,
}

/// What is remembered of a request once it has gone on.
struct Counted {
    dialect: Dialect,
    meter: Meter,
    withhold_usage: bool,
    forwarded_ns: u64,
    answered: bool,
}

// === impl Counting ===

impl Exchange for Counting {
    fn on_request(&mut self, call: &mut Call<'_>) -> Verdict {
        let (view, body) = (call.view(), call.body());
        let model = call.model();
        let prompt = count_prompt(view, body, model.as_deref());
        property::set(property::INPUT_TOKENS, prompt.tokens.to_string());
        let encoding = model.as_deref().and_then(Encoding::for_model).unwrap_or(Encoding::O200kBase);
        view.ask_for_usage(body, call.edits());
        self.call = Some(Counted {
            dialect: view.dialect,
            meter: Meter::new(encoding, prompt.tokens),
            withhold_usage: view.stream && !view.include_usage,
            forwarded_ns: call.now_ns(),
            answered: false,
        });
        Verdict::Continue
    }

    fn reads_response(&self) -> bool {
        true
    }

    fn on_response_head(&mut self, head: &ResponseHead) -> Reading {
        let Some(call) = self.call.as_mut().filter(|_| head.is_success()) else {
            return Reading::Pass;
        };
        call.answered = true;
        match head.kind {
            BodyKind::Events if call.withhold_usage => Reading::Gate,
            _ => Reading::Observe,
        }
    }

    fn on_response(&mut self, response: &mut Response<'_>) -> Verdict {
        self.first_ns.get_or_insert_with(now_ns);
        let (view, body) = (response.view(), response.body());
        if let Some(call) = &mut self.call {
            call.meter.response(view, body);
        }
        self.served_model = view.model.map(|model| model.decode(body).into_owned());
        Verdict::Continue
    }

    fn on_event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Flow {
        if !self.count_event(event) {
            out.extend_from_slice(event.raw());
        }
        Flow::Continue
    }

    fn on_log(&mut self, end: &End) {
        let Some(call) = &self.call else { return };
        let record = if call.answered || (end.origin.is_none() && end.reached_upstream()) {
            call.meter.record()
        } else {
            // Nothing was generated: the call was refused on its way, failed to connect, or the provider refused it.
            Record::NOTHING
        };
        publish(&record);
        if let Some(model) = &self.served_model {
            property::set(property::SERVED_MODEL, model);
        }
        let ttft_ms = self.first_ns.map(|first| first.saturating_sub(call.forwarded_ns) / 1_000_000);
        if let Some(ttft_ms) = ttft_ms {
            property::set(property::TTFT_MS, ttft_ms.to_string());
        }
        // Only what a provider has served becomes a label: a client could make up names for ever.
        let label = self.served_model.as_deref().filter(|_| call.answered).unwrap_or("none");
        self.filter.metrics.borrow_mut().settle(label, &record, ttft_ms);
    }
}

impl Counting {
    /// Takes an event in; whether it is to be withheld from the client.
    fn count_event(&mut self, event: &Event<'_>) -> bool {
        let (Some(call), Some(data)) = (&mut self.call, event.data()) else {
            return false;
        };
        let limits = tollgate_llm::Limits::default();
        // An event that cannot be read passes: the record falls back on what could be.
        if !matches!(self.chunk.parse_into(call.dialect, &data, &limits), Ok(true)) {
            return false;
        }
        call.meter.chunk(&self.chunk, &data);
        if !self.chunk.texts.is_empty() {
            self.first_ns.get_or_insert_with(now_ns);
        }
        if self.served_model.is_none() {
            self.served_model = self.chunk.model.map(|model| model.decode(&data).into_owned());
        }
        call.withhold_usage && self.chunk.is_usage_only()
    }
}

fn publish(record: &Record) {
    let Usage { input, cached, output, reasoning, total } = record.usage;
    for (name, value) in [
        (property::INPUT_TOKENS, input),
        (property::CACHED_TOKENS, cached),
        (property::OUTPUT_TOKENS, output),
        (property::REASONING_TOKENS, reasoning),
        (property::TOTAL_TOKENS, total),
    ] {
        property::set(name, value.to_string());
    }
    property::set(property::USAGE_SOURCE, record.source.name());
}
