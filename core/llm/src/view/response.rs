//! What an answer says, as spans over its bytes.

use crate::dialect::known_names;
use crate::json::field::number;
use crate::json::reader::{Found, Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::{Dialect, Error, ErrorKind, ParseLimits, ReportedUsage, Span, Str, Usage};

/// Where an output text belongs: texts of one channel are one text cut in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel {
    /// Index of the candidate, or of the block of content in dialects whose answers are made of blocks that begin and
    /// end by themselves (Anthropic, Responses); 0 for what stands outside of them.
    pub choice: u32,
    /// Which text of it.
    pub part: Part,
}

impl Channel {
    /// What is in no particular place.
    pub(crate) const OTHER: Channel = Channel { choice: 0, part: Part::Other };
}

/// A text of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Part {
    /// What is said.
    Content,
    /// What is thought (`reasoning_content`, `reasoning` of compatible servers).
    Reasoning,
    /// Why nothing is said.
    Refusal,
    /// The name of the function of the tool call with this index; [`Part::LEGACY_CALL`] for a legacy function call.
    ToolName(u32),
    /// Its arguments.
    ToolArguments(u32),
    /// A string in its arguments, where these come as an object (Gemini, Ollama). Such an object is never cut in pieces, in
    /// streams either: each is a text by itself.
    ToolValue(u32),
    /// What is said in the audio.
    Transcript,
    /// The chosen tokens of `logprobs`: they say the content again.
    Logprobs,
    /// The reasoning again, under another name, of servers that send both `reasoning_content` and `reasoning`.
    ReasoningCopy,
    /// The reasoning again, in blocks (`reasoning_details`, `thinking_blocks`).
    ReasoningDetails,
    /// A text that was streamed before, now as a whole (Responses: `done` and `completed` events). It is not a piece: each
    /// is a text by itself.
    Whole,
    /// Every other string that a model or a tool may have written. Pieces of different texts share this channel.
    Other,
}

impl Part {
    /// The index that stands for a legacy `function_call`.
    pub const LEGACY_CALL: u32 = u32::MAX;

    /// Whether texts of this part say again what another part says: to be inspected, not to be counted.
    #[must_use]
    pub fn repeats(self) -> bool {
        matches!(self, Part::Logprobs | Part::ReasoningCopy | Part::ReasoningDetails | Part::Whole)
    }
}

/// A text of an answer, or a piece of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputText {
    /// The text that it is a piece of.
    pub channel: Channel,
    /// Where it stands.
    pub str: Str,
}

/// A whole answer (`application/json`).
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The model that answered.
    pub model: Option<Str>,
    /// Every text that the client sees, in document order.
    pub texts: Vec<OutputText>,
    /// What the provider says was used; `None` when it does not say, or says null.
    pub usage: Option<Usage>,
    /// The same in the provider's own way of counting.
    pub reported: Option<ReportedUsage>,
    /// Whether it is an error: has a top-level `error` that is not null.
    pub is_error: bool,
    /// The values of `logprobs`: an edit of the content makes them false, and they repeat it token by token and byte by
    /// byte. Put what [`empty_value`] says in their place.
    pub logprobs: Vec<Span>,
    /// Values that point into a text by offsets (citations): an edit of that text makes them false. Put what [`empty_value`]
    /// says in their place.
    pub offsets: Vec<OffsetAnnotation>,
    /// Whether [`Channel::choice`] tells blocks of one answer apart, and not candidates: what is said in several of them is
    /// shown as one text.
    pub in_blocks: bool,
    /// Whether it is one text as it is: nothing is escaped, and edits are raw bytes.
    pub is_plain: bool,
}

/// A value that points into a text by offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetAnnotation {
    /// Whose text, as [`Channel::choice`].
    pub choice: u32,
    /// Where the value stands.
    pub span: Span,
}

/// What says nothing in place of a value: an empty array for an array, else null.
#[must_use]
pub fn empty_value(body: &[u8], value: Span) -> &'static str {
    if value.of(body).starts_with(b"[") { "[]" } else { "null" }
}

impl Response {
    /// Reads a whole answer.
    ///
    /// # Errors
    /// When the body is not JSON in the strict sense of the crate (halves of surrogate pairs pass) or is over a limit.
    pub fn parse(dialect: Dialect, body: &[u8], limits: &ParseLimits) -> Result<Response, Error> {
        let mut chunk = Chunk::default();
        chunk.read(dialect.spec().response, None, body, limits)?;
        let Chunk { model, texts, usage: reported, is_error, logprobs, offsets, .. } = chunk;
        let usage = reported.map(|reported| reported.usage());
        let in_blocks = dialect.spec().in_blocks;
        Ok(Response { model, texts, usage, reported, is_error, logprobs, offsets, in_blocks, is_plain: false })
    }
}

impl Response {
    /// An answer that is one text as it is ([`Dialect::is_plain`]).
    ///
    /// # Errors
    /// When it is over the limit, or not UTF-8.
    pub fn plain(body: &[u8], limits: &ParseLimits) -> Result<Response, Error> {
        if body.len() > limits.max_bytes {
            return Err(Error::new(ErrorKind::TooLarge, limits.max_bytes));
        }
        std::str::from_utf8(body).map_err(|error| Error::new(ErrorKind::InvalidUtf8, error.valid_up_to()))?;
        let str = Str { span: Span::new(0, body.len()), escaped: false };
        let text = OutputText { channel: Channel { choice: 0, part: Part::Content }, str };
        Ok(Response { texts: vec![text], is_plain: true, ..Response::default() })
    }
}

/// One event of a streamed answer. Spans are relative to its data.
///
/// Keep one per stream and use [`parse_into`](Chunk::parse_into): it then does not allocate for events like those
/// before.
#[derive(Clone, Debug, Default)]
pub struct Chunk {
    /// The model that answers.
    pub model: Option<Str>,
    /// Every text that the client sees, in document order.
    pub texts: Vec<OutputText>,
    /// Candidates (or blocks) whose texts end with this chunk.
    pub finished: Vec<u32>,
    /// Whether all texts of the answer end with this chunk.
    pub ends: bool,
    /// How many entries `choices` has.
    pub choices: usize,
    /// What the provider says was used so far; `None` when it does not say, or says null. To be
    /// [merged](ReportedUsage::merge) with what earlier events said.
    pub usage: Option<ReportedUsage>,
    /// Whether it is an error: has a top-level `error` that is not null.
    pub is_error: bool,
    /// As [`Response::logprobs`].
    pub logprobs: Vec<Span>,
    /// As [`Response::offsets`].
    pub offsets: Vec<OffsetAnnotation>,
    scratch: Scratch,
}

impl Chunk {
    /// Reads the data of one event; `Ok(None)` for the end marker (`[DONE]`).
    ///
    /// # Errors
    /// As [`Response::parse`]; `Empty` for an event whose data is empty.
    pub fn parse(dialect: Dialect, data: &[u8], limits: &ParseLimits) -> Result<Option<Chunk>, Error> {
        let mut chunk = Chunk::default();
        Ok(chunk.parse_into(dialect, data, limits)?.then_some(chunk))
    }

    /// As [`parse`](Chunk::parse), in place of what the chunk held before; `false` for the end marker. After the end
    /// marker and after an error the chunk is empty.
    ///
    /// # Errors
    /// As [`parse`](Chunk::parse).
    pub fn parse_into(&mut self, dialect: Dialect, data: &[u8], limits: &ParseLimits) -> Result<bool, Error> {
        self.parse_event(dialect, None, data, limits)
    }

    /// As [`parse_into`](Chunk::parse_into), with the name that the framing gives the event
    /// ([`Event::name`](crate::Event::name)): there are dialects whose data do not say what they are.
    ///
    /// # Errors
    /// As [`parse`](Chunk::parse).
    pub fn parse_event(
        &mut self,
        dialect: Dialect,
        name: Option<&[u8]>,
        data: &[u8],
        limits: &ParseLimits,
    ) -> Result<bool, Error> {
        let spec = dialect.spec();
        if (spec.is_end)(data) {
            self.clear();
            return Ok(false);
        }
        self.read(spec.chunk, name, data, limits).map(|()| true)
    }

    /// Whether it carries usage and nothing that a client that did not ask for usage would miss: no candidates, no
    /// error.
    #[must_use]
    pub fn is_usage_only(&self) -> bool {
        self.usage.is_some() && self.choices == 0 && !self.is_error
    }

    fn read(
        &mut self,
        read: ReadResponse,
        event: Option<&[u8]>,
        body: &[u8],
        limits: &ParseLimits,
    ) -> Result<(), Error> {
        self.clear();
        let mut scratch = std::mem::take(&mut self.scratch);
        let result = Reader::new(body, limits, Side::Response, &mut scratch).and_then(|mut reader| {
            read(&mut reader, &mut ResponseBuilder { response: self, event, max_items: limits.max_items })?;
            reader.end()
        });
        self.scratch = scratch;
        if result.is_err() {
            self.clear();
        }
        result
    }

    fn clear(&mut self) {
        self.model = None;
        self.texts.clear();
        self.finished.clear();
        self.ends = false;
        self.choices = 0;
        self.usage = None;
        self.is_error = false;
        self.logprobs.clear();
        self.offsets.clear();
    }
}

/// How a dialect reads an answer, or an event of one.
pub(crate) type ReadResponse = fn(&mut Reader<'_, '_>, &mut ResponseBuilder<'_>) -> Result<(), Error>;

/// An answer that a dialect is filling in.
pub(crate) struct ResponseBuilder<'c> {
    pub(crate) response: &'c mut Chunk,
    /// The name of the event, if the framing gives it one.
    #[allow(dead_code, reason = "for dialects whose data do not say what they are")]
    pub(crate) event: Option<&'c [u8]>,
    max_items: usize,
}

impl ResponseBuilder<'_> {
    pub(crate) fn text(&mut self, channel: Channel, str: Str) -> Result<(), Error> {
        if self.response.texts.len() >= self.max_items {
            return Err(Error::new(ErrorKind::TooMany, str.span.start));
        }
        self.response.texts.push(OutputText { channel, str });
        Ok(())
    }

    /// Every string in `value`, but for discriminators. Names of members are the upstream's, not the model's.
    pub(crate) fn texts(&mut self, reader: &mut Reader<'_, '_>, channel: Channel, value: Value) -> Result<(), Error> {
        let body = reader.body();
        reader.walk(value, |found| match found {
            Found::Value(str, member) if !known_names::is_kind(body, member, str) => self.text(channel, str),
            _ => Ok(()),
        })
    }

    /// The value as a text of this part if it is a string; if not, every string in it as another text.
    pub(crate) fn text_or_others(
        &mut self,
        reader: &mut Reader<'_, '_>,
        channel: Channel,
        value: Value,
    ) -> Result<(), Error> {
        match value {
            Value::String(str) => self.text(channel, str),
            value => self.texts(reader, Channel { part: Part::Other, ..channel }, value),
        }
    }

    /// Numbers in an object, by their names; what else is in it is shown.
    pub(crate) fn numbers<const N: usize>(
        &mut self,
        reader: &mut Reader<'_, '_>,
        names: [&'static str; N],
    ) -> Result<[Option<u64>; N], Error> {
        let mut numbers = [None; N];
        while let Some((_, field)) = reader.field(&names)? {
            let slot = numbers.iter_mut().zip(names).find(|(_, name)| *name == field);
            match (slot, reader.value()?) {
                (Some((slot, _)), value @ Value::Number(_)) => *slot = number(reader, value),
                (_, value) => self.texts(reader, Channel::OTHER, value)?,
            }
        }
        Ok(numbers)
    }

    /// A value that says nothing: an identifier, a number. What an upstream hides in an object there is shown.
    pub(crate) fn nothing(&mut self, reader: &mut Reader<'_, '_>, choice: u32, value: Value) -> Result<(), Error> {
        match value {
            Value::Object(_) | Value::Array(_) => self.texts(reader, Channel { choice, part: Part::Other }, value),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_answer_is_one_text() {
        let body = "1\n00:00:00,000 --> 00:00:01,000\n\\u0041 \"é\"\n".as_bytes();
        let response = Response::plain(body, &ParseLimits::default()).unwrap();
        assert!(response.is_plain && response.texts.len() == 1 && response.usage.is_none());
        assert_eq!(response.texts[0].str.decode(body).as_bytes(), body);
        assert_eq!(Response::plain(b"a\xff", &ParseLimits::default()).unwrap_err().kind, ErrorKind::InvalidUtf8);
        let small = ParseLimits { max_bytes: 1, ..ParseLimits::default() };
        assert_eq!(Response::plain(b"ab", &small).unwrap_err().kind, ErrorKind::TooLarge);
    }

    /// Vectors that were allocated once stay where they are.
    #[test]
    fn events_like_those_before_allocate_nothing() {
        let event = |n: usize| {
            format!(
                r#"{{"id":"c{n}","model":"m","choices":[{{"index":{n},"delta":{{"content":"word {n}","tool_calls":[
                {{"index":0,"function":{{"arguments":"\u0061{n}"}}}}]}},"logprobs":{{"content":[]}},"finish_reason":"stop"}}]}}"#
            )
        };
        let mut chunk = Chunk::default();
        let mut places = Vec::new();
        for n in 0..50 {
            assert!(chunk.parse_into(Dialect::OpenAiChat, event(n).as_bytes(), &ParseLimits::default()).unwrap());
            assert_eq!((chunk.texts.len(), chunk.finished.len(), chunk.logprobs.len()), (2, 1, 1));
            let scratch = chunk.scratch.places();
            places.push((chunk.texts.as_ptr(), chunk.finished.as_ptr(), chunk.logprobs.as_ptr(), scratch));
        }
        assert!(places.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
