//! Token usage of a call: the provider's numbers where there are any, counted tokens otherwise.
//!
//! A [`UsageMeter`] observes a response. Usage reported by the provider is *set*, never added: several providers repeat
//! a growing total in every event. If the stream breaks off before usage arrives, if the upstream reports none, or if
//! the client disconnects, the record consists of the counted prompt and the counted part of the response: it is never
//! zero for work that was done. [`reconcile`](crate::reconcile) has the rules.

use std::collections::BTreeMap;

use tollgate_llm::{
    Anomalies, Channel, Dialect, Edits, EventContent, ImageTool, OutputText, ParsedEvent, Part, ReportedUsage, Request,
    Response, ServiceTier, Span, Str, Usage,
};

use crate::reconcile::{Evidence, MAX_OUTPUT_TOKENS, credible_parts, reconcile};
use crate::{KeptPrompt, RecordSource, StreamCounter, Tokenizer, UsageRecord};

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

/// Maximum number of output texts that are counted separately; further ones are counted as one text.
const MAX_CHANNELS: usize = 64;

/// Model of OpenAI's image generation tool, if the response does not name it (API reference, "Responses", tool
/// `image_generation`, default of `model`).
const IMAGE_MODEL: &str = "gpt-image-1";

/// Maximum number of output tokens of a generated image: portrait or landscape of high quality (OpenAI, "Image generation" guide,
/// cost and latency).
const IMAGE_TOKENS: u64 = 6240;

/// Findings about one event of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeteredEvent {
    /// `true` if the event contains text of the model.
    pub has_text: bool,
    /// Treatment of usage that the gateway requested and the client did not.
    pub usage: ForwardedUsage,
}

/// Treatment of the usage in an event of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedUsage {
    /// The event passes as it is.
    #[default]
    Kept,
    /// The event holds only usage that the client has not requested: it must not reach the client.
    Withheld,
    /// The event passes without these bytes of its data, which are usage that the client has not requested: it has other members.
    Removed(Span),
}

impl ForwardedUsage {
    /// Appends the event as the client gets it.
    pub fn forward(self, event: &ParsedEvent<'_>, out: &mut Vec<u8>) {
        match self {
            ForwardedUsage::Kept => out.extend_from_slice(event.raw()),
            ForwardedUsage::Withheld => {}
            ForwardedUsage::Removed(member) => {
                let mut edits = Edits::new();
                // There is no other edit that it could overlap.
                let _ = edits.replace(member, Vec::new());
                event.with_edits(&edits, out);
            }
        }
    }
}

/// Usage meter of one response.
#[derive(Debug)]
pub struct UsageMeter {
    dialect: Dialect,
    tokenizer: Tokenizer,
    prompt: MeteredPrompt,
    /// Output limit of the request, for all candidates together.
    max_output_tokens: Option<u64>,
    /// Number of requested candidates.
    candidates: u32,
    /// Characters to speak.
    characters: u64,
    /// Images of the response as far as it arrived.
    images: u64,
    unreadable_bytes: Option<u64>,
    /// Bytes of texts that were too large to be shown to the meter.
    elided_bytes: u64,
    withholds: bool,
    served_model: Option<String>,
    provider: Option<ReportedUsage>,
    /// `true` once a candidate, or the whole response, has a finish reason.
    finished: bool,
    /// `true` once the response has reported an error.
    is_failed: bool,
    /// Service tier that the request asks for.
    requested_tier: Option<ServiceTier>,
    /// Service tier that the response reports.
    service_tier: Option<ServiceTier>,
    /// `true` once the response has reported that the call was processed in the United States only.
    in_us: bool,
    /// Model of the provider's image generation tool, and what it used.
    image_tool: Option<(String, Usage)>,
    /// Usage by the models that the provider names in it.
    by_model: Vec<(String, Usage)>,
    outputs: BTreeMap<Channel, StreamCounter>,
    overflow: Option<StreamCounter>,
}

impl UsageMeter {
    /// Creates a meter for the response to `request`, with the tokens of its prompt and the tokenizer of its model (see
    /// [`Profile::tokenizer`](crate::Profile::tokenizer)).
    ///
    /// The gateway should request usage from the upstream ([`Request::include_usage`]); a client that did not request
    /// it does not receive it. If the gateway does not, see [`pass_usage`](Self::pass_usage).
    pub fn new(request: &Request, tokenizer: impl Into<Tokenizer>, prompt: impl Into<MeteredPrompt>) -> UsageMeter {
        UsageMeter {
            dialect: request.dialect,
            tokenizer: tokenizer.into(),
            prompt: prompt.into(),
            max_output_tokens: request.max_output_tokens.map(|max| max.saturating_mul(request.candidates.into())),
            candidates: request.candidates,
            characters: request.characters,
            images: 0,
            unreadable_bytes: None,
            elided_bytes: 0,
            withholds: request.lacks_usage(),
            served_model: None,
            provider: None,
            finished: false,
            is_failed: false,
            requested_tier: request.service_tier,
            service_tier: None,
            in_us: false,
            image_tool: None,
            by_model: Vec::new(),
            outputs: BTreeMap::new(),
            overflow: None,
        }
    }

    /// Lets all events pass: the upstream was not asked for usage, so that usage which it reports is meant for the client.
    pub fn pass_usage(&mut self) {
        self.withholds = false;
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
        self.is_failed |= chunk.is_error;
        ReportedUsage::merge(&mut self.provider, chunk.usage);
        self.images = self.images.saturating_add(chunk.images.into());
        self.count(&chunk.texts, data);
        self.note_model(chunk.model, data);
        self.note_terms(&chunk.by_model, chunk.service_tier, data);
        self.note_tools(chunk.image_tool, chunk.in_us, data);
        let is_output = |text: &OutputText| is_charged(text) && !text.str.span.is_empty();
        let usage = match chunk.usage_member {
            _ if !self.withholds || !chunk.is_usage_only() => ForwardedUsage::Kept,
            Some(member) if chunk.has_other_members => ForwardedUsage::Removed(member),
            None if chunk.has_other_members => ForwardedUsage::Kept,
            _ => ForwardedUsage::Withheld,
        };
        MeteredEvent { has_text: chunk.texts.iter().any(is_output), usage }
    }

    /// Reads a complete response. Its texts are counted only if its usage has no credible output.
    pub fn response(&mut self, response: &Response, body: &[u8]) {
        let is_reported = response.usage.is_some_and(|usage| (1..=MAX_OUTPUT_TOKENS).contains(&usage.output));
        let texts: &[OutputText] = if is_reported { &[] } else { &response.texts };
        ReportedUsage::merge(&mut self.provider, response.reported);
        self.finished = true;
        self.is_failed |= response.is_error;
        self.images = response.images.into();
        self.count(texts, body);
        self.note_model(response.model, body);
        self.note_terms(&response.by_model, response.service_tier, body);
        self.note_tools(response.image_tool, response.in_us, body);
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

    /// Records the size of texts in an event or a response that were too large to be held. Their tokens are estimated if the
    /// provider reports none.
    pub fn add_elided(&mut self, bytes: u64) {
        self.elided_bytes = self.elided_bytes.saturating_add(bytes);
    }

    /// Estimates the tokens of the unreadable bytes: four bytes each, the usual rule of thumb for English, at most what
    /// the request allowed. Most of a response with images is base64: its estimate is at most the tokens of the requested
    /// images. Billing nothing would be worse.
    fn estimated_output(&self) -> u64 {
        let estimate = self.unreadable_bytes.unwrap_or_default().div_ceil(4);
        let of_images = IMAGE_TOKENS.saturating_mul(self.candidates.into());
        let max = if self.dialect.generates_images() { Some(of_images) } else { self.max_output_tokens };
        max.map_or(estimate, |max| estimate.min(max))
    }

    /// Returns the tokens of the response: counted, and estimated where its texts were not shown.
    fn seen_output(&self) -> u64 {
        let elided = self.elided_bytes.div_ceil(4);
        self.counted_output().saturating_add(elided).max(self.estimated_output())
    }

    /// Returns the number of generated images: those of the response, or the requested ones if it could not be read to its
    /// end. Billing nothing would be worse.
    fn output_images(&self) -> u64 {
        let is_read = self.unreadable_bytes.is_none() && self.finished;
        match self.dialect.generates_images() && !is_read && !self.is_failed {
            true => self.images.max(self.candidates.into()),
            false => self.images,
        }
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

    /// Records usage that the provider reports in the headers of the response
    /// ([`ReportedUsage::from_headers`]).
    pub fn head_usage(&mut self, usage: Option<ReportedUsage>) {
        ReportedUsage::merge(&mut self.provider, usage);
    }

    /// Records the model that served the call, if the provider names one. A name that is empty, too long or unprintable
    /// names none: the call counts as one to the requested model.
    fn note_model(&mut self, model: Option<Str>, bytes: &[u8]) {
        if self.served_model.is_none()
            && let Some(model) = model
        {
            let model = model.decode(bytes);
            self.served_model = is_name(&model).then(|| model.into_owned());
        }
    }

    /// Records the usage of other models and the service tier.
    fn note_terms(&mut self, by_model: &[(Str, Usage)], service_tier: Option<ServiceTier>, bytes: &[u8]) {
        self.service_tier = ServiceTier::updated(self.service_tier, service_tier);
        if !by_model.is_empty() {
            let named = by_model.iter().map(|(model, usage)| (model.decode(bytes).into_owned(), *usage));
            self.by_model = named.filter(|(model, _)| is_name(model)).collect();
        }
    }

    /// Records the use of the provider's image generation tool, and the region of the processing.
    fn note_tools(&mut self, image_tool: Option<ImageTool>, in_us: bool, bytes: &[u8]) {
        self.in_us |= in_us;
        if let Some(ImageTool { model, usage }) = image_tool {
            let model = model.map(|model| model.decode(bytes).into_owned()).filter(|model| is_name(model));
            self.image_tool = Some((model.unwrap_or_else(|| IMAGE_MODEL.to_owned()), usage));
        }
    }

    /// Returns the usage of the call as far as it is known. A prompt that was bounded is counted now if the provider has
    /// not reported its tokens.
    pub fn record(&self) -> UsageRecord {
        if self.dialect.is_free() && self.dialect != Dialect::Mcp {
            return UsageRecord::NOTHING;
        }
        // Usage is complete if the provider marked it so, or if the response ended regularly.
        let complete = self.unreadable_bytes.is_none()
            && (self.finished || self.provider.is_some_and(|provider| provider.complete));
        let mut record = reconcile(&Evidence {
            reported: self.provider,
            complete,
            is_failed: self.is_failed,
            max_output_tokens: self.max_output_tokens,
            prompt: &|| self.prompt_tokens(),
            output: &|| self.seen_output(),
        });
        if record.source != RecordSource::None {
            record.usage.output_images = self.output_images();
            record.usage.characters = self.characters;
            record.service_tier = self.service_tier;
            // A server that ignores the requested tier does not report one.
            record.requested_tier = self.requested_tier.filter(|_| self.service_tier.is_none());
            let others = self.by_model.iter().filter(|(model, _)| self.served_model() != Some(model));
            record.by_model = credible_parts(&record, others.cloned());
            record.in_us = self.in_us;
            match &self.image_tool {
                Some((_, usage)) if usage.total > MAX_OUTPUT_TOKENS => record.anomalies.add(Anomalies::NOT_CREDIBLE),
                Some((model, usage)) => {
                    record.usage = record.usage.plus(usage);
                    record.by_model.push((model.clone(), *usage));
                }
                None => {}
            }
        }
        record
    }
}

/// Returns `true` for a name that can be published as a property: see `set_name` of the kit.
fn is_name(model: &str) -> bool {
    !model.is_empty() && model.len() <= 256 && model.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Returns `true` if the text is charged: not if it repeats another text, or was not generated.
fn is_charged(text: &OutputText) -> bool {
    !text.channel.part.repeats() && text.channel.part != Part::Other
}

#[cfg(test)]
mod tests {
    use tollgate_llm::{EventParser, ParseLimits};

    use super::*;
    use crate::{Encoding, InputSource, Keeper, Profile};

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
    fn usage_of_other_models_is_bounded_like_the_total() {
        for (advisor, want) in [(2_500_u64, vec![2_500]), (1_000_000_000_000_000, vec![])] {
            let request = br#"{"model":"claude","max_tokens":9,"messages":[]}"#;
            let request = Request::parse(Dialect::AnthropicMessages, request, &ParseLimits::default()).unwrap();
            let mut meter = UsageMeter::new(&request, Encoding::O200kBase, 8);
            let body = format!(
                r#"{{"model":"claude","usage":{{"input_tokens":9,"output_tokens":5,"iterations":[
                {{"type":"message","model":"claude","input_tokens":9,"output_tokens":5}},
                {{"type":"advisor_message","model":"advisor","input_tokens":{advisor},"output_tokens":22}}]}}}}"#
            );
            let response =
                Response::parse(Dialect::AnthropicMessages, body.as_bytes(), &ParseLimits::default()).unwrap();
            meter.response(&response, body.as_bytes());
            let record = meter.record();
            assert_eq!(record.by_model.iter().map(|(_, part)| part.input).collect::<Vec<_>>(), want);
            assert!(record.usage.input < 3_000, "{record:?}");
        }
    }

    #[test]
    fn a_requested_tier_is_kept_apart_until_the_response_names_one() {
        use ServiceTier::{Flex, Priority};
        for (requested, reported, want) in [
            (r#""flex""#, "", [Some(Flex), None]),
            (r#""flex""#, r#","service_tier":"priority""#, [Some(Priority), Some(Priority)]),
            (r#""flex""#, r#","service_tier":"flex""#, [Some(Flex), Some(Flex)]),
            ("null", "", [None, None]),
        ] {
            let mut meter = meter(&format!(r#"{{"messages":[],"service_tier":{requested}}}"#));
            let body = format!(r#"{{"choices":[{{"index":0,"message":{{"content":"hi"}}}}]{reported}}}"#);
            let response = Response::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
            meter.response(&response, body.as_bytes());
            assert_eq!(meter.record().possible_tiers(), want, "{requested} {reported}");
        }
    }

    #[test]
    fn generated_images_are_those_of_the_response_or_else_the_requested_ones() {
        let read = |body: &str, is_read: bool| {
            let request = br#"{"model":"m","prompt":"a bridge","n":3}"#;
            let request = Request::parse(Dialect::OpenAiImages, request, &ParseLimits::default()).unwrap();
            let mut meter = UsageMeter::new(&request, Encoding::O200kBase, 8);
            if is_read {
                let response =
                    Response::parse(Dialect::OpenAiImages, body.as_bytes(), &ParseLimits::default()).unwrap();
                meter.response(&response, body.as_bytes());
            } else {
                meter.mark_unreadable(1000);
            }
            meter.record().usage.output_images
        };
        for (body, is_read, want) in [
            (r#"{"data":[{"b64_json":"AAAA"},{"url":"u"}]}"#, true, 2),
            (r#"{"data":[]}"#, true, 0),
            (r#"{"error":{"message":"no"}}"#, true, 0),
            ("", false, 3),
        ] {
            assert_eq!(read(body, is_read), want, "{body}");
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
        // Four megabytes of base64 are no million tokens.
        for (bytes, expected) in [(4 << 20, 3 * IMAGE_TOKENS), (400, 100)] {
            let request = br#"{"model":"m","prompt":"a bridge","n":3}"#;
            let request = Request::parse(Dialect::OpenAiImages, request, &ParseLimits::default()).unwrap();
            let mut images = UsageMeter::new(&request, Encoding::O200kBase, 8);
            images.mark_unreadable(bytes);
            assert_eq!(images.record().usage.output, expected);
        }
    }

    /// Returns the record of a streamed Anthropic response with these events.
    fn streamed(events: &[&str]) -> UsageRecord {
        let request =
            Request::parse(Dialect::AnthropicMessages, br#"{"stream":true}"#, &ParseLimits::default()).unwrap();
        let mut meter = UsageMeter::new(&request, Encoding::O200kBase, 8);
        let mut parser = EventParser::new(Dialect::AnthropicMessages);
        let body: String = events.iter().map(|data| format!("data: {data}\n\n")).collect();
        let pushed = tollgate_llm::Framer::new(tollgate_llm::Framing::Sse, 1 << 20).push(body.as_bytes(), |event| {
            assert_eq!(meter.event(&parser.parse(event)).usage, ForwardedUsage::Kept);
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
