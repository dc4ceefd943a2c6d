//! The exchange of token-counter: the prompt is counted before a call, the response is metered while it passes.

use std::rc::Rc;

use tollgate_kit::{
    BodyMode, Call, Exchange, Response, ResponseHead, StreamAction, StreamEnd, Verdict, now_ns, property, random_key,
};
use tollgate_llm::{Dialect, ParsedEvent, Text, TextKind};
use tollgate_tokens::{
    InputSource, Keeper, MeteredEvent, MeteredPrompt, RecordSource, TextCache, Tokenizer, Upstream, UsageMeter,
    UsageRecord,
};

use crate::{TokenCounter, properties};

/// Token count of one call.
pub struct Counting {
    filter: Rc<TokenCounter>,
    meter: Option<UsageMeter>,
    input_tokens: u64,
    /// `true` if the prompt was neither counted nor bounded.
    is_uncounted: bool,
    forwarded_ns: u64,
    first_ns: Option<u64>,
}

// === impl Counting ===

impl Exchange for Counting {
    fn on_request(&mut self, call: &mut Call<'_>) -> Verdict {
        let view = call.view();
        if view.lacks_calls() {
            // A notification, or a stream of the server: nothing answers it.
            return Verdict::Continue;
        }
        if view.is_fetch {
            // The usage of the response it fetches is that of another call.
            return Verdict::Continue;
        }
        let model = call.model();
        let model = model.as_deref().unwrap_or_default();
        self.count(call, model);
        self.ask_for_usage(call, &Upstream { model, ..Upstream::default() });
        Verdict::Continue
    }

    fn reads_response(&self) -> bool {
        self.meter.is_some()
    }

    fn on_response_head(&mut self, head: &mut ResponseHead) -> BodyMode {
        if let (Some(meter), true) = (&mut self.meter, head.is_success()) {
            meter.head_usage(head.usage);
        }
        match &self.meter {
            _ if !head.is_success() => BodyMode::Pass,
            Some(meter) if head.is_streamed() && meter.withholds() => BodyMode::Edit,
            Some(_) => BodyMode::Observe,
            None => BodyMode::Pass,
        }
    }

    fn on_response(&mut self, response: &mut Response<'_>) -> Verdict {
        self.first_ns.get_or_insert_with(now_ns);
        if let Some(meter) = &mut self.meter {
            meter.response(response.view(), response.body());
        }
        Verdict::Continue
    }

    fn on_event(&mut self, event: &ParsedEvent<'_>, out: &mut Vec<u8>) -> StreamAction {
        self.meter(event).usage.forward(event, out);
        StreamAction::Continue
    }

    fn on_elided(&mut self, bytes: u64) {
        if let Some(meter) = &mut self.meter {
            meter.add_elided(bytes);
        }
    }

    fn on_unscanned(&mut self, bytes: u64) {
        if let Some(meter) = &mut self.meter {
            meter.mark_unreadable(bytes);
        }
    }

    fn on_progress(&mut self, bytes: u64) {
        if let Some(meter) = &mut self.meter {
            meter.add_unreadable(bytes);
        }
    }

    fn on_log(&mut self, end: &StreamEnd) {
        self.settle(end);
    }
}

/// Returns the tokens of the arguments of the calls in a JSON-RPC request: each text by itself, without the JSON around them.
fn arguments_of(call: &Call<'_>, tokenizer: &Tokenizer) -> u64 {
    let is_counted =
        |text: &&Text| matches!(text.kind, TextKind::ToolArguments | TextKind::ToolNumber | TextKind::Content);
    let texts = call.view().texts.iter().filter(is_counted);
    texts.map(|text| tokenizer.count(&text.str.decode(call.body()))).sum()
}

impl Counting {
    pub(crate) fn new(filter: Rc<TokenCounter>) -> Counting {
        Counting { filter, meter: None, input_tokens: 0, is_uncounted: false, forwarded_ns: 0, first_ns: None }
    }

    pub(crate) fn with_meter(filter: Rc<TokenCounter>, call: &Call<'_>, meter: UsageMeter) -> Counting {
        Counting { meter: Some(meter), forwarded_ns: call.now_ns(), ..Counting::new(filter) }
    }

    /// Asks the upstream of a call for usage, unless it refuses that. Its host and path are those of the request.
    pub fn ask_for_usage(&mut self, call: &mut Call<'_>, upstream: &Upstream<'_>) {
        let header = |name| call.header(name).unwrap_or_default();
        let upstream = Upstream { path: header(":path"), authority: header(":authority"), ..*upstream };
        if self.filter.usage.asks(&upstream) {
            call.view().include_usage(call.body(), call.edits());
        } else if let Some(meter) = &mut self.meter {
            meter.pass_usage();
        }
    }

    /// Counts the prompt of a call with the tokenizer of `model`, and starts the meter of its response. A free call has no
    /// tokens.
    pub fn count(&mut self, call: &Call<'_>, model: &str) {
        let view = call.view();
        let profile = self.filter.catalog.profile(model);
        if !view.dialect.is_free() {
            let body = call.body();
            self.input_tokens =
                TextCache::with_shared(body, random_key, |cache| profile.count_cached(view, body, cache)).tokens;
            self.filter.metrics.borrow().counted.add(1);
        } else if view.dialect == Dialect::Mcp {
            self.input_tokens = arguments_of(call, profile.tokenizer());
        }
        self.start(call, InputSource::Counted, UsageMeter::new(view, profile.tokenizer().clone(), self.input_tokens));
    }

    /// Computes an upper bound of the prompt of a call instead of its count, and starts the meter of its response. The texts
    /// are kept as far as [`Keeper`] permits, and counted if the provider reports no usage.
    pub fn bound(&mut self, call: &Call<'_>, model: &str) {
        let view = call.view();
        if view.dialect.is_free() {
            return self.count(call, model);
        }
        let profile = self.filter.catalog.profile(model);
        let bound = profile.bound(view, call.body(), &Keeper::shared());
        self.input_tokens = bound.tokens;
        let meter = UsageMeter::new(view, profile.tokenizer().clone(), MeteredPrompt::Kept(bound.kept));
        self.start(call, InputSource::Bounded, meter);
    }

    /// Returns a lower bound of the prompt of a call.
    pub fn least(&self, call: &Call<'_>, model: &str) -> u64 {
        self.filter.catalog.profile(model).lower_bound(call.view())
    }

    /// Publishes the tokens of the prompt, and starts the meter of the response.
    fn start(&mut self, call: &Call<'_>, source: InputSource, meter: UsageMeter) {
        property::set_number(property::INPUT_TOKENS, self.input_tokens);
        property::set(property::INPUT_TOKENS_SOURCE, source.name());
        self.meter = Some(meter);
        self.forwarded_ns = call.now_ns();
    }

    /// Starts the meter of the response without counting the prompt.
    pub fn meter_only(&mut self, call: &Call<'_>, model: &str) {
        let tokenizer = self.filter.catalog.profile(model).tokenizer().clone();
        self.meter = Some(UsageMeter::new(call.view(), tokenizer, 0));
        self.is_uncounted = true;
        self.forwarded_ns = call.now_ns();
    }

    /// Returns the tokens of the prompt, counted or bounded.
    pub fn input_tokens(&self) -> u64 {
        self.input_tokens
    }

    /// Reads one event of a streamed response.
    pub fn meter(&mut self, event: &ParsedEvent<'_>) -> MeteredEvent {
        let seen = self.meter.as_mut().map(|meter| meter.event(event)).unwrap_or_default();
        if seen.has_text {
            self.first_ns.get_or_insert_with(now_ns);
        }
        seen
    }

    /// Returns the model that the provider says it served.
    pub fn served_model(&self) -> Option<&str> {
        self.meter.as_ref()?.served_model()
    }

    /// Returns the usage of a call as far as it has been seen.
    pub fn record(&self) -> UsageRecord {
        self.meter.as_ref().map_or(UsageRecord::NOTHING, |meter| meter.record())
    }

    /// Publishes the usage of a call at its end, and returns it.
    pub fn settle(&mut self, end: &StreamEnd) -> UsageRecord {
        let Some(meter) = &self.meter else { return UsageRecord::NOTHING };
        let mut record = if end.was_served() { meter.record() } else { UsageRecord::NOTHING };
        if self.is_uncounted && record.source != RecordSource::None && record.input_source != InputSource::Provider {
            // Nobody knows the tokens of the prompt.
            record.complete = false;
        }
        properties::publish(&record);
        if let Some(model) = meter.served_model() {
            property::set_name(property::SERVED_MODEL, model);
        }
        let ttft_ms = self.first_ns.map(|first| first.saturating_sub(self.forwarded_ns) / 1_000_000);
        if let Some(ttft_ms) = ttft_ms {
            property::set_number(property::TTFT_MS, ttft_ms);
        }
        // Only a model that a provider has served becomes a label: a client could invent names without end.
        let label = meter.served_model().filter(|_| end.succeeded).unwrap_or("none");
        self.filter.metrics.borrow_mut().settle(label, &record, ttft_ms);
        record
    }
}
