//! What one call used: the provider's word where there is one, our own count where there is none.
//!
//! A [`UsageMeter`] watches an answer go by. The provider's usage is taken as the truth and is *set*, never added (several
//! providers repeat a growing total in every event). When the stream is cut before usage came, when the upstream sends
//! none, or when the client leaves, the record is what was asked and what was seen of the answer: never zero for work
//! that was done.

use std::collections::BTreeMap;

use tollgate_llm::{Channel, Chunk, Dialect, Event, Limits, OutText, Part, Reported, Request, Response, Usage};

use crate::{StreamCounter, Tokenizer};

/// Where the numbers of a [`UsageRecord`] come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordSource {
    /// The provider's usage.
    Provider,
    /// Our own count of what was asked and what was seen of the answer.
    Counted,
    /// Input by the provider's word, output by our own count.
    Mixed,
    /// Nothing was used: the call never reached a provider, or the provider refused it.
    None,
}

impl RecordSource {
    /// The value of the property `tollgate.usage_source`.
    pub fn name(self) -> &'static str {
        match self {
            RecordSource::Provider => "provider",
            RecordSource::Counted => "counted",
            RecordSource::Mixed => "mixed",
            RecordSource::None => "none",
        }
    }

    /// The source of that name.
    pub fn from_name(name: &str) -> Option<RecordSource> {
        [RecordSource::Provider, RecordSource::Counted, RecordSource::Mixed, RecordSource::None].into_iter().find(|s| s.name() == name)
    }
}

/// What a call used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageRecord {
    /// Tokens; `input` includes `cached`, `output` includes `reasoning`, `total` is the provider's where it gave one.
    pub usage: Usage,
    /// Where they come from.
    pub source: RecordSource,
    /// Whether they are those of an answer that came to its end; if not, they say what was used as far as was seen.
    pub complete: bool,
}

impl UsageRecord {
    /// The record of a call for which nobody charges.
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
        complete: true,
    };
}

/// Output texts that are counted on their own; an upstream that opens more has the rest counted as one.
const MAX_CHANNELS: usize = 64;

/// What an event turned out to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeteredEvent {
    /// It holds text of the model.
    pub text: bool,
    /// It is the usage that the gateway asked for and the client did not: the client is not to see it.
    pub withhold: bool,
}

/// Watches one answer.
#[derive(Debug)]
pub struct UsageMeter {
    dialect: Dialect,
    tokenizer: Tokenizer,
    prompt_tokens: u64,
    /// Of all candidates together, if the request says.
    max_output_tokens: Option<u64>,
    unread_bytes: Option<u64>,
    withholds: bool,
    served_model: Option<String>,
    provider: Option<Reported>,
    /// A candidate has said that it is finished, or the answer as a whole.
    finished: bool,
    outputs: BTreeMap<Channel, StreamCounter>,
    overflow: Option<StreamCounter>,
    /// Kept from event to event for its memory.
    chunk: Chunk,
}

impl UsageMeter {
    /// A meter for the answer to `request`, whose prompt counts `prompt_tokens`, by the tokenizer of its model (see
    /// [`Profile::tokenizer`](crate::Profile::tokenizer)).
    ///
    /// The upstream is to be asked for usage ([`Request::ask_for_usage`]); a client that did not ask does not get it.
    pub fn new(request: &Request, tokenizer: impl Into<Tokenizer>, prompt_tokens: u64) -> UsageMeter {
        UsageMeter {
            dialect: request.dialect,
            tokenizer: tokenizer.into(),
            prompt_tokens,
            max_output_tokens: request.max_output_tokens.map(|max| max.saturating_mul(request.candidates.into())),
            unread_bytes: None,
            withholds: request.lacks_usage(),
            served_model: None,
            provider: None,
            finished: false,
            outputs: BTreeMap::new(),
            overflow: None,
            chunk: Chunk::default(),
        }
    }

    /// Whether a streamed answer may have an event that the client is not to see.
    pub fn withholds(&self) -> bool {
        self.withholds
    }

    /// The model that the provider says answered.
    pub fn served_model(&self) -> Option<&str> {
        self.served_model.as_deref()
    }

    /// Takes in one event of a streamed answer. One that cannot be read counts for nothing: the record is then what
    /// the others say.
    pub fn event(&mut self, event: &Event<'_>) -> MeteredEvent {
        let Some(data) = event.data() else {
            return MeteredEvent::default();
        };
        let mut chunk = std::mem::take(&mut self.chunk);
        let mut seen = MeteredEvent::default();
        if let Ok(true) = chunk.parse_event(self.dialect, event.name(), &data, &Limits::default()) {
            self.finished |= chunk.ends || !chunk.finished.is_empty();
            Reported::merge(&mut self.provider, chunk.usage);
            self.count(&chunk.texts, &data);
            if self.served_model.is_none() {
                self.served_model = chunk.model.map(|model| model.decode(&data).into_owned());
            }
            let said = |text: &OutText| is_said(text) && !text.str.span.is_empty();
            seen = MeteredEvent { text: chunk.texts.iter().any(said), withhold: self.withholds && chunk.is_usage_only() };
        }
        self.chunk = chunk;
        seen
    }

    /// Takes in a whole answer. Its texts are counted only if its usage does not say how many they are.
    pub fn response(&mut self, response: &Response, body: &[u8]) {
        let said = response.usage.is_some_and(|usage| usage.output > 0);
        let texts: &[OutText] = if said { &[] } else { &response.texts };
        self.provider = response.reported;
        self.finished = true;
        self.count(texts, body);
        self.served_model = response.model.map(|model| model.decode(body).into_owned());
    }

    fn count(&mut self, texts: &[OutText], bytes: &[u8]) {
        for text in texts {
            if !is_said(text) {
                continue;
            }
            let decoded = text.str.decode(bytes);
            self.counter(text.channel).push(decoded.as_bytes());
        }
    }

    fn counter(&mut self, channel: Channel) -> &mut StreamCounter {
        let new = || StreamCounter::new(self.tokenizer.clone());
        if self.outputs.len() >= MAX_CHANNELS && !self.outputs.contains_key(&channel) {
            return self.overflow.get_or_insert_with(new);
        }
        self.outputs.entry(channel).or_insert_with(new)
    }

    /// Tokens of the answer as far as it was seen, by our own count.
    pub fn counted_output(&self) -> u64 {
        self.outputs.values().chain(&self.overflow).map(StreamCounter::count).sum()
    }

    /// Says that the answer, or the rest of it, could not be read, and how many bytes it had until then.
    pub fn unread(&mut self, bytes: u64) {
        self.unread_bytes = Some(self.unread_bytes.unwrap_or_default().saturating_add(bytes));
    }

    /// Takes the size of a further piece of an answer that cannot be read; of no meaning for one that is.
    pub fn passed(&mut self, bytes: u64) {
        if let Some(unread) = &mut self.unread_bytes {
            *unread = unread.saturating_add(bytes);
        }
    }

    /// Tokens that may have come in bytes that could not be read: four bytes each, the field's rule of thumb for
    /// English, and no more than the request allowed. A guess, and better than a bill of nothing.
    fn guessed_output(&self) -> u64 {
        let guess = self.unread_bytes.unwrap_or_default().div_ceil(4);
        self.max_output_tokens.map_or(guess, |max| guess.min(max))
    }

    /// What the call used, as far as is known now.
    pub fn record(&self) -> UsageRecord {
        if self.dialect.is_free() {
            return UsageRecord::NOTHING;
        }
        let counted = || self.counted_output().max(self.guessed_output());
        let usage = self.provider.map(|provider| provider.usage()).unwrap_or_default();
        // Said at the end, or the last that was said of an answer that came to its end.
        let complete =
            self.unread_bytes.is_none() && (self.finished || self.provider.is_some_and(|provider| provider.complete));
        if usage.input == 0 && usage.output == 0 {
            // Usage of nothing at all is what servers say that do not count.
            let (input, output) = (self.prompt_tokens, counted());
            let usage = Usage { input, output, total: input.saturating_add(output), ..Usage::default() };
            return UsageRecord { usage, source: RecordSource::Counted, complete };
        }
        // A first event that says the input and hardly an output, and then no more: the answer was cut.
        let seen = if complete && usage.output > 0 { 0 } else { counted() };
        if seen <= usage.output {
            return UsageRecord { usage, source: RecordSource::Provider, complete };
        }
        let total = usage.total.max(usage.input.saturating_add(seen));
        UsageRecord { usage: Usage { output: seen, total, ..usage }, source: RecordSource::Mixed, complete }
    }
}

/// What repeats another text, or what nobody generated, is not charged.
fn is_said(text: &OutText) -> bool {
    !text.channel.part.repeats() && text.channel.part != Part::Other
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Encoding;

    fn meter(body: &str) -> UsageMeter {
        let request = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &Limits::default()).unwrap();
        UsageMeter::new(&request, Encoding::O200kBase, 8)
    }

    fn answer(meter: &mut UsageMeter, usage: &str) {
        let body = format!(r#"{{"choices":[{{"index":0,"message":{{"content":"hello world"}}}}],"usage":{usage}}}"#);
        let response = Response::parse(Dialect::OpenAiChat, body.as_bytes(), &Limits::default()).unwrap();
        meter.response(&response, body.as_bytes());
    }

    #[test]
    fn whose_word_counts() {
        for (usage, input, output, source) in [
            (r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150}"#, 100, 50, RecordSource::Provider),
            (r#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#, 8, 2, RecordSource::Counted),
            (r#"{"prompt_tokens":100,"completion_tokens":0,"total_tokens":100}"#, 100, 2, RecordSource::Mixed),
            ("null", 8, 2, RecordSource::Counted),
        ] {
            let mut meter = meter(r#"{"messages":[]}"#);
            answer(&mut meter, usage);
            let record = meter.record();
            assert_eq!((record.usage.input, record.usage.output, record.source), (input, output, source), "{usage}");
        }
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_not_free() {
        let mut meter1 = meter(r#"{"messages":[]}"#);
        meter1.passed(1000);
        assert_eq!(meter1.record().usage.output, 0, "nothing says that it could not be read");
        meter1.unread(1000);
        meter1.passed(1000);
        assert_eq!(meter1.record().usage.output, 500);
        let mut meter2 = meter(r#"{"messages":[],"max_tokens":20,"n":2}"#);
        meter2.unread(1000);
        assert_eq!(meter2.record().usage.output, 40);
    }

    /// A meter for an answer of Anthropic, after these events.
    fn streamed(events: &[&str]) -> UsageRecord {
        let request = Request::parse(Dialect::AnthropicMessages, br#"{"stream":true}"#, &Limits::default()).unwrap();
        let mut meter = UsageMeter::new(&request, Encoding::O200kBase, 8);
        let body: String = events.iter().map(|data| format!("data: {data}\n\n")).collect();
        let pushed = tollgate_llm::Framer::new(tollgate_llm::Framing::Sse, 1 << 20).push(body.as_bytes(), |event| {
            assert!(!meter.event(&event).withhold);
            Ok::<_, ()>(())
        });
        assert!(pushed.is_ok());
        meter.record()
    }

    #[test]
    fn totals_so_far_are_set_and_an_answer_that_was_cut_is_counted() {
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
    fn what_nobody_charges_for_is_nothing() {
        let body = br#"{"messages":[{"role":"user","content":"hello"}]}"#;
        let request = Request::parse(Dialect::AnthropicCountTokens, body, &Limits::default()).unwrap();
        let mut meter = UsageMeter::new(&request, Encoding::O200kBase, 8);
        let answer = br#"{"input_tokens":14}"#;
        let response = Response::parse(Dialect::AnthropicCountTokens, answer, &Limits::default()).unwrap();
        meter.response(&response, answer);
        assert_eq!(meter.record(), UsageRecord::NOTHING);
    }
}
