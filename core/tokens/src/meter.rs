//! Token usage of a call: the provider's numbers where there are any, counted tokens otherwise.
//!
//! A [`UsageMeter`] observes a response. Usage reported by the provider is *set*, never added: several providers repeat
//! a growing total in every event. If the stream breaks off before usage arrives, if the upstream reports none, or if
//! the client disconnects, the record consists of the counted prompt and the counted part of the response: it is never
//! zero for work that was done.

use std::collections::BTreeMap;

use tollgate_llm::{
    Channel, Dialect, EventContent, OutputText, ParsedEvent, Part, ReportedUsage, Request, Response, Usage,
};

use crate::{KeptPrompt, StreamCounter, Tokenizer};

/// Source of the numbers of a [`UsageRecord`]: the property `tollgate.usage_source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordSource {
    /// Reported by the provider.
    Provider,
    /// Counted by the gateway: the prompt, and the response as far as it arrived.
    Counted,
    /// Input as reported by the provider, output as counted.
    Mixed,
    /// Estimated by the gateway: the prompt was bounded instead of counted, and its texts were not kept.
    Estimated,
    /// No usage: the call never reached a provider, or the provider refused it.
    None,
}

impl RecordSource {
    /// Returns the value of the property `tollgate.usage_source`.
    pub fn name(self) -> &'static str {
        match self {
            RecordSource::Provider => "provider",
            RecordSource::Counted => "counted",
            RecordSource::Mixed => "mixed",
            RecordSource::Estimated => "estimated",
            RecordSource::None => "none",
        }
    }

    /// Returns the source with that name.
    pub fn from_name(name: &str) -> Option<RecordSource> {
        [
            RecordSource::Provider,
            RecordSource::Counted,
            RecordSource::Mixed,
            RecordSource::Estimated,
            RecordSource::None,
        ]
        .into_iter()
        .find(|s| s.name() == name)
    }
}

/// Source of the input tokens of a call: the property `tollgate.input_tokens_source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputSource {
    /// Counted by the gateway.
    Counted,
    /// Bounded by the gateway: an upper bound before the call, an estimate after it.
    Bounded,
    /// Reported by the provider.
    Provider,
}

impl InputSource {
    /// Returns the value of the property `tollgate.input_tokens_source`.
    pub fn name(self) -> &'static str {
        match self {
            InputSource::Counted => "counted",
            InputSource::Bounded => "bounded",
            InputSource::Provider => "provider",
        }
    }
}

/// Prompt of a call, as known before the call.
#[derive(Debug)]
pub enum MeteredPrompt {
    /// Number of its tokens.
    Counted(u64),
    /// Texts of a prompt that was bounded instead of counted. They are counted if the provider reports no usage.
    Kept(KeptPrompt),
}

impl From<u64> for MeteredPrompt {
    fn from(tokens: u64) -> MeteredPrompt {
        MeteredPrompt::Counted(tokens)
    }
}

/// Token usage of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageRecord {
    /// Token numbers; `input` includes `cached`, `output` includes `reasoning`, `total` is the provider's if it
    /// reported one.
    pub usage: Usage,
    /// Source of the numbers.
    pub source: RecordSource,
    /// Source of the input tokens.
    pub input_source: InputSource,
    /// `true` if the response ended regularly; otherwise the numbers cover the part that arrived.
    pub complete: bool,
}

impl UsageRecord {
    /// Record of a call that costs nothing.
    pub const NOTHING: UsageRecord = UsageRecord {
        usage: Usage {
            input: 0,
            cached: 0,
            cache_write_5m: 0,
            cache_write_1h: 0,
            output: 0,
            reasoning: 0,
            audio_input: 0,
            audio_output: 0,
            total: 0,
        },
        source: RecordSource::None,
        input_source: InputSource::Counted,
        complete: true,
    };
}

/// Maximum number of output texts that are counted separately; further ones are counted as one text.
const MAX_CHANNELS: usize = 64;

/// Findings about one event of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeteredEvent {
    /// `true` if the event contains text of the model.
    pub has_text: bool,
    /// `true` if the event holds only usage that the gateway requested and the client did not: it must not reach the
    /// client.
    pub withhold: bool,
}

/// Usage meter of one response.
#[derive(Debug)]
pub struct UsageMeter {
    dialect: Dialect,
    tokenizer: Tokenizer,
    prompt: MeteredPrompt,
    /// Output limit of the request, for all candidates together.
    max_output_tokens: Option<u64>,
    unreadable_bytes: Option<u64>,
    withholds: bool,
    served_model: Option<String>,
    provider: Option<ReportedUsage>,
    /// `true` once a candidate, or the whole response, has a finish reason.
    finished: bool,
    outputs: BTreeMap<Channel, StreamCounter>,
    overflow: Option<StreamCounter>,
}

impl UsageMeter {
    /// Creates a meter for the response to `request`, with the tokens of its prompt and the tokenizer of its model (see
    /// [`Profile::tokenizer`](crate::Profile::tokenizer)).
    ///
    /// The gateway should request usage from the upstream ([`Request::include_usage`]); a client that did not request
    /// it does not receive it.
    pub fn new(request: &Request, tokenizer: impl Into<Tokenizer>, prompt: impl Into<MeteredPrompt>) -> UsageMeter {
        UsageMeter {
            dialect: request.dialect,
            tokenizer: tokenizer.into(),
            prompt: prompt.into(),
            max_output_tokens: request.max_output_tokens.map(|max| max.saturating_mul(request.candidates.into())),
            unreadable_bytes: None,
            withholds: request.lacks_usage(),
            served_model: None,
            provider: None,
            finished: false,
            outputs: BTreeMap::new(),
            overflow: None,
        }
    }

    /// Returns `true` if a streamed response may have an event that must not reach the client.
    pub fn withholds(&self) -> bool {
        self.withholds
    }

    /// Returns the model that served the call, as reported by the provider.
    pub fn served_model(&self) -> Option<&str> {
        self.served_model.as_deref()
    }

    /// Reads one event of a streamed response. An event that cannot be parsed is ignored.
    pub fn event(&mut self, event: &ParsedEvent<'_>) -> MeteredEvent {
        let EventContent::Chunk(chunk) = event.content() else { return MeteredEvent::default() };
        let data = event.data();
        self.finished |= chunk.ends || !chunk.finished.is_empty();
        ReportedUsage::merge(&mut self.provider, chunk.usage);
        self.count(&chunk.texts, data);
        if self.served_model.is_none() {
            self.served_model = chunk.model.map(|model| model.decode(data).into_owned());
        }
        let is_output = |text: &OutputText| is_charged(text) && !text.str.span.is_empty();
        MeteredEvent { has_text: chunk.texts.iter().any(is_output), withhold: self.withholds && chunk.is_usage_only() }
    }

    /// Reads a complete response. Its texts are counted only if its usage does not include the output.
    pub fn response(&mut self, response: &Response, body: &[u8]) {
        let is_reported = response.usage.is_some_and(|usage| usage.output > 0);
        let texts: &[OutputText] = if is_reported { &[] } else { &response.texts };
        self.provider = response.reported;
        self.finished = true;
        self.count(texts, body);
        self.served_model = response.model.map(|model| model.decode(body).into_owned());
    }

    /// Counts the charged ones of these texts.
    fn count(&mut self, texts: &[OutputText], bytes: &[u8]) {
        for text in texts {
            if !is_charged(text) {
                continue;
            }
            let decoded = text.str.decode(bytes);
            self.counter(text.channel).push(decoded.as_bytes());
        }
    }

    /// Returns the counter of a channel.
    fn counter(&mut self, channel: Channel) -> &mut StreamCounter {
        let new = || StreamCounter::new(self.tokenizer.clone());
        if self.outputs.len() >= MAX_CHANNELS && !self.outputs.contains_key(&channel) {
            return self.overflow.get_or_insert_with(new);
        }
        self.outputs.entry(channel).or_insert_with(new)
    }

    /// Returns the counted tokens of the response as far as it arrived.
    pub fn counted_output(&self) -> u64 {
        self.outputs.values().chain(&self.overflow).map(StreamCounter::count).sum()
    }

    /// Records that the response, or the rest of it, could not be read, and its size until then.
    pub fn mark_unreadable(&mut self, bytes: u64) {
        self.unreadable_bytes = Some(self.unreadable_bytes.unwrap_or_default().saturating_add(bytes));
    }

    /// Records the size of a further chunk of an unreadable response; ignored for a readable one.
    pub fn add_unreadable(&mut self, bytes: u64) {
        if let Some(unreadable) = &mut self.unreadable_bytes {
            *unreadable = unreadable.saturating_add(bytes);
        }
    }

    /// Estimates the tokens of the unreadable bytes: four bytes each, the usual rule of thumb for English, at most what
    /// the request allowed. Billing nothing would be worse.
    fn estimated_output(&self) -> u64 {
        let estimate = self.unreadable_bytes.unwrap_or_default().div_ceil(4);
        self.max_output_tokens.map_or(estimate, |max| estimate.min(max))
    }

    /// Returns the tokens of the prompt; `false` if they are an estimate.
    fn prompt_tokens(&self) -> (u64, bool) {
        match &self.prompt {
            MeteredPrompt::Counted(tokens) => (*tokens, true),
            MeteredPrompt::Kept(kept) => {
                let count = kept.count(&self.tokenizer);
                (count.tokens, count.is_whole)
            }
        }
    }

    /// Returns the usage of the call as far as it is known. A prompt that was bounded is counted now if the provider has
    /// reported no usage.
    pub fn record(&self) -> UsageRecord {
        if self.dialect.is_free() {
            return UsageRecord::NOTHING;
        }
        let counted = || self.counted_output().max(self.estimated_output());
        let usage = self.provider.map(|provider| provider.usage()).unwrap_or_default();
        // Usage is complete if the provider marked it so, or if the response ended regularly.
        let complete = self.unreadable_bytes.is_none()
            && (self.finished || self.provider.is_some_and(|provider| provider.complete));
        if usage.input == 0 && usage.output == 0 {
            // Servers that do not count report zeros.
            let ((input, is_counted), output) = (self.prompt_tokens(), counted());
            let usage = Usage { input, output, total: input.saturating_add(output), ..Usage::default() };
            let (source, input_source) = match is_counted {
                true => (RecordSource::Counted, InputSource::Counted),
                false => (RecordSource::Estimated, InputSource::Bounded),
            };
            return UsageRecord { usage, source, input_source, complete };
        }
        let input_source = InputSource::Provider;
        // A stream that broke off has the usage of its first event only, with almost no output.
        let seen = if complete && usage.output > 0 { 0 } else { counted() };
        if seen <= usage.output {
            return UsageRecord { usage, source: RecordSource::Provider, input_source, complete };
        }
        let total = usage.total.max(usage.input.saturating_add(seen));
        UsageRecord {
            usage: Usage { output: seen, total, ..usage },
            source: RecordSource::Mixed,
            input_source,
            complete,
        }
    }
}

/// Returns `true` if the text is charged: not if it repeats another text, or was not generated.
fn is_charged(text: &OutputText) -> bool {
    !text.channel.part.repeats() && text.channel.part != Part::Other
}

#[cfg(test)]
mod tests {
    use tollgate_llm::{EventParser, ParseLimits};

    use super::*;
    use crate::{Encoding, Keeper, Profile};

    fn meter(body: &str) -> UsageMeter {
        let request = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
        UsageMeter::new(&request, Encoding::O200kBase, 8)
    }

    fn read_response(meter: &mut UsageMeter, usage: &str) {
        let body = format!(r#"{{"choices":[{{"index":0,"message":{{"content":"hello world"}}}}],"usage":{usage}}}"#);
        let response = Response::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
        meter.response(&response, body.as_bytes());
    }

    #[test]
    fn provider_usage_takes_precedence_over_counts() {
        for (usage, input, output, source) in [
            (r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150}"#, 100, 50, RecordSource::Provider),
            (r#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#, 8, 2, RecordSource::Counted),
            (r#"{"prompt_tokens":100,"completion_tokens":0,"total_tokens":100}"#, 100, 2, RecordSource::Mixed),
            ("null", 8, 2, RecordSource::Counted),
        ] {
            let mut meter = meter(r#"{"messages":[]}"#);
            read_response(&mut meter, usage);
            let record = meter.record();
            assert_eq!((record.usage.input, record.usage.output, record.source), (input, output, source), "{usage}");
        }
    }

    #[test]
    fn a_bounded_prompt_is_counted_if_the_provider_reports_no_usage() {
        let text = "The quick brown fox jumps over the lazy dog. ".repeat(20);
        let body = format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{text}"}}]}}"#);
        let request = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
        let profile = Profile::of("gpt-4o");
        let exact = profile.count(&request, body.as_bytes()).tokens;
        let reported = r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150}"#;
        for (max_kept, usage, input, source, input_source) in [
            (1 << 16, "null", exact, RecordSource::Counted, InputSource::Counted),
            // The role and the first 96 bytes of the text are kept, which have 23 tokens. The rest is estimated in that ratio; the
            // framing has six.
            (100, "null", (904 * 23_u64).div_ceil(100) + 6, RecordSource::Estimated, InputSource::Bounded),
            (1 << 16, reported, 100, RecordSource::Provider, InputSource::Provider),
            (100, reported, 100, RecordSource::Provider, InputSource::Provider),
        ] {
            let keeper = Keeper::new(max_kept, 1 << 20);
            let bound = profile.bound(&request, body.as_bytes(), &keeper);
            let mut meter = UsageMeter::new(&request, Encoding::O200kBase, MeteredPrompt::Kept(bound.kept));
            read_response(&mut meter, usage);
            let record = meter.record();
            assert_eq!((record.usage.input, record.source, record.input_source), (input, source, input_source));
            drop(meter);
            assert_eq!(keeper.held_bytes(), 0);
        }
    }

    #[test]
    fn an_unreadable_response_is_charged() {
        let mut unreadable = meter(r#"{"messages":[]}"#);
        unreadable.add_unreadable(1000);
        assert_eq!(unreadable.record().usage.output, 0, "the response is not marked as unreadable");
        unreadable.mark_unreadable(1000);
        unreadable.add_unreadable(1000);
        assert_eq!(unreadable.record().usage.output, 500);
        let mut limited = meter(r#"{"messages":[],"max_tokens":20,"n":2}"#);
        limited.mark_unreadable(1000);
        assert_eq!(limited.record().usage.output, 40);
    }

    /// Returns the record of a streamed Anthropic response with these events.
    fn streamed(events: &[&str]) -> UsageRecord {
        let request =
            Request::parse(Dialect::AnthropicMessages, br#"{"stream":true}"#, &ParseLimits::default()).unwrap();
        let mut meter = UsageMeter::new(&request, Encoding::O200kBase, 8);
        let mut parser = EventParser::new(Dialect::AnthropicMessages);
        let body: String = events.iter().map(|data| format!("data: {data}\n\n")).collect();
        let pushed = tollgate_llm::Framer::new(tollgate_llm::Framing::Sse, 1 << 20).push(body.as_bytes(), |event| {
            assert!(!meter.event(&parser.parse(event)).withhold);
            Ok::<_, ()>(())
        });
        assert!(pushed.is_ok());
        meter.record()
    }

    #[test]
    fn running_totals_are_set_and_a_truncated_response_is_counted() {
        let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":10,"cache_read_input_tokens":90,"output_tokens":1}}}"#;
        let text =
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"one two three four"}}"#;
        let end = r#"{"type":"message_delta","delta":{},"usage":{"input_tokens":0,"output_tokens":9}}"#;
        for (events, output, source, complete) in [
            (&[start, text, text, end][..], 9, RecordSource::Provider, true),
            (&[start, text], 4, RecordSource::Mixed, false),
            (&[start], 1, RecordSource::Provider, false),
        ] {
            let record = streamed(events);
            assert_eq!((record.usage.input, record.usage.cached), (100, 90), "{events:?}");
            assert_eq!((record.usage.output, record.source, record.complete), (output, source, complete), "{events:?}");
            assert_eq!(record.usage.total, 100 + output);
        }
        assert_eq!(streamed(&[text]).source, RecordSource::Counted);
    }

    #[test]
    fn token_counting_calls_have_no_usage() {
        let body = br#"{"messages":[{"role":"user","content":"hello"}]}"#;
        let request = Request::parse(Dialect::AnthropicCountTokens, body, &ParseLimits::default()).unwrap();
        let mut meter = UsageMeter::new(&request, Encoding::O200kBase, 8);
        let counted = br#"{"input_tokens":14}"#;
        let response = Response::parse(Dialect::AnthropicCountTokens, counted, &ParseLimits::default()).unwrap();
        meter.response(&response, counted);
        assert_eq!(meter.record(), UsageRecord::NOTHING);
    }
}
