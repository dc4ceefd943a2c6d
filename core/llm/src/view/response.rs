//! View of a response: spans over its bytes.

use crate::dialect::{known_names, opaque, response_names};
use crate::json::reader::{Found, Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::view::event_shape::Padding;
use crate::view::rpc::RpcText;
use crate::{Dialect, Error, ErrorKind, ParseLimits, ReportedUsage, ServiceTier, Span, Str, Usage};

/// Output text that pieces belong to: the pieces of one channel are one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel {
    /// Index of the candidate, or of the content block in dialects whose responses consist of blocks that start and end
    /// separately (Anthropic, Responses); 0 outside of them.
    pub choice: u32,
    /// Kind of text within the candidate.
    pub part: Part,
}

impl Channel {
    /// No particular place.
    pub(crate) const OTHER: Channel = Channel { choice: 0, part: Part::Other };
}

/// Kind of text within a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Part {
    /// Visible content.
    Content,
    /// Reasoning (`reasoning_content`, or `reasoning` of compatible servers).
    Reasoning,
    /// Refusal.
    Refusal,
    /// Function name of the tool call with this index; [`Part::LEGACY_CALL`] for a legacy function call.
    ToolName(u32),
    /// Arguments of the tool call with this index.
    ToolArguments(u32),
    /// String in the arguments of a tool call, for APIs that send them as an object (Gemini, Ollama). Such an object is
    /// never split, not even in streams: each string is a separate text.
    ToolValue(u32),
    /// String in the arguments of the tool call with this index that arrives in pieces, each with its path in the arguments (Vertex
    /// AI, `partialArgs`). Its pieces have one [place](crate::text_places).
    ToolPiece(u32),
    /// Transcript of audio output.
    Transcript,
    /// Chosen tokens of `logprobs`, which repeat the content.
    Logprobs,
    /// Reasoning repeated under another name, by servers that send both `reasoning_content` and `reasoning`.
    ReasoningCopy,
    /// Reasoning repeated in blocks (`reasoning_details`, `thinking_blocks`).
    ReasoningDetails,
    /// Previously streamed text, repeated as a whole (Responses: `done` and `completed` events). It is not a delta:
    /// each is a separate text.
    Whole,
    /// Previously streamed arguments of a tool call, repeated like [`Part::Whole`].
    WholeArguments,
    /// Text of a JSON-RPC message. It is never split.
    Rpc(RpcText),
    /// Number in the arguments of a tool call that are an object. Its span is the number, without quotes.
    ToolNumber,
    /// Any other string that a model or a tool may have written. Different texts share this channel; their
    /// [places](crate::text_places) tell them apart.
    Other,
}

impl Part {
    /// Index of a legacy `function_call`.
    pub const LEGACY_CALL: u32 = u32::MAX;

    /// Returns `true` if texts of this part are inspected, but not counted: they repeat another part, or are numbers.
    #[must_use]
    pub fn repeats(self) -> bool {
        if let Part::Rpc(text) = self {
            return text.repeats();
        }
        matches!(
            self,
            Part::ToolNumber
                | Part::Logprobs
                | Part::ReasoningCopy
                | Part::ReasoningDetails
                | Part::Whole
                | Part::WholeArguments
        )
    }
}

/// Text of a response, or a piece of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputText {
    /// Text that the piece belongs to.
    pub channel: Channel,
    /// String literal that holds the piece.
    pub str: Str,
}

/// Parsed whole response (`application/json`).
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// Model that responded.
    pub model: Option<Str>,
    /// Every text that the client sees, in document order.
    pub texts: Vec<OutputText>,
    /// Usage reported by the provider; `None` if absent or null.
    pub usage: Option<Usage>,
    /// Usage as the provider counts it.
    pub reported: Option<ReportedUsage>,
    /// Usage by model, for the parts of the response that name one ([`Chunk::by_model`]).
    pub by_model: Vec<(Str, Usage)>,
    /// Number of generated images, in the dialects that generate images ([`Dialect::generates_images`]).
    pub images: u32,
    /// Use of an image model by a tool of the provider. The usage excludes it.
    pub image_tool: Option<ImageTool>,
    /// Service tier that the provider reports.
    pub service_tier: Option<ServiceTier>,
    /// `true` if the provider reports that it processed the call in the United States only (Anthropic, `inference_geo`).
    pub in_us: bool,
    /// `true` for an error: the response has a top-level `error` that is not null.
    pub is_error: bool,
    /// Values of `logprobs`. They repeat the content token by token and byte by byte, so an edit of the content
    /// invalidates them: replace them by [`empty_value`].
    pub logprobs: Vec<Span>,
    /// Offset annotations (citations etc.). An edit of the annotated text invalidates them: replace them by
    /// [`empty_value`].
    pub offsets: Vec<OffsetAnnotation>,
    /// Texts that must not be edited: signatures, encrypted content, identifiers, signed thoughts. In ascending order.
    pub uneditable: Vec<Span>,
    /// `true` if [`Channel::choice`] numbers blocks of one response and not candidates: clients show the content of
    /// several blocks as one text.
    pub in_blocks: bool,
    /// `true` if the body is one plain text: nothing is escaped, and edits are raw bytes.
    pub is_plain: bool,
}

/// Use of an image model by the image generation tool of OpenAI's Responses (`tool_usage.image_gen`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageTool {
    /// Model, if the response names it.
    pub model: Option<Str>,
    /// Tokens of the image model.
    pub usage: Usage,
}

/// Value that refers to a text by offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetAnnotation {
    /// Annotated text, as [`Channel::choice`].
    pub choice: u32,
    /// Position of the value.
    pub span: Span,
}

/// Returns the empty replacement of a value: an empty array for an array, else null.
#[must_use]
pub fn empty_value(body: &[u8], value: Span) -> &'static str {
    if value.of(body).starts_with(b"[") { "[]" } else { "null" }
}

impl Response {
    /// Parses a whole response.
    ///
    /// # Errors
    /// Fails if the body is not JSON in the strict sense of this crate (lone surrogates are accepted) or exceeds a
    /// limit.
    pub fn parse(dialect: Dialect, body: &[u8], limits: &ParseLimits) -> Result<Response, Error> {
        let mut chunk = Chunk::default();
        chunk.read(dialect, dialect.spec().response, (None, body), limits)?;
        Ok(Response {
            usage: chunk.usage.map(|reported| reported.usage()),
            reported: chunk.usage,
            model: chunk.model,
            texts: chunk.texts,
            by_model: chunk.by_model,
            images: chunk.images,
            image_tool: chunk.image_tool,
            service_tier: chunk.service_tier,
            in_us: chunk.in_us,
            is_error: chunk.is_error,
            logprobs: chunk.logprobs,
            offsets: chunk.offsets,
            uneditable: chunk.uneditable,
            in_blocks: dialect.spec().in_blocks,
            is_plain: false,
        })
    }
}

impl Response {
    /// Creates the view of a plain text response ([`Dialect::is_plain`]).
    ///
    /// # Errors
    /// Fails if it exceeds the limit, or is not UTF-8.
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

/// Parsed event of a streamed response. Spans are relative to the data of the event.
///
/// Keep one per stream and use [`parse_into`](Chunk::parse_into): it does not allocate for events similar to earlier
/// ones.
#[derive(Clone, Debug, Default)]
pub struct Chunk {
    /// Model that responds.
    pub model: Option<Str>,
    /// Every text that the client sees, in document order.
    pub texts: Vec<OutputText>,
    /// Candidates (or blocks) whose texts end with this chunk.
    pub finished: Vec<u32>,
    /// `true` if all texts of the response end with this chunk.
    pub ends: bool,
    /// Number of entries of `choices`.
    pub choices: usize,
    /// Indexes of the candidates that the event has something of.
    pub indexes: Vec<u32>,
    /// Usage reported so far; `None` if absent or null. [Merge](ReportedUsage::merge) it with that of earlier events.
    pub usage: Option<ReportedUsage>,
    /// Parts of the usage that name the model that they were billed for: iterations of Anthropic. The usage includes them.
    pub by_model: Vec<(Str, Usage)>,
    /// Number of generated images that the event completes, see [`Response::images`].
    pub images: u32,
    /// Use of an image model by a tool, see [`Response::image_tool`].
    pub image_tool: Option<ImageTool>,
    /// Service tier that the provider reports.
    pub service_tier: Option<ServiceTier>,
    /// Region of the processing, see [`Response::in_us`].
    pub in_us: bool,
    /// `true` for an error: the event has a top-level `error` that is not null.
    pub is_error: bool,
    /// Values of `logprobs`, see [`Response::logprobs`].
    pub logprobs: Vec<Span>,
    /// Offset annotations, see [`Response::offsets`].
    pub offsets: Vec<OffsetAnnotation>,
    /// Texts that must not be edited, see [`Response::uneditable`]. In ascending order.
    pub uneditable: Vec<Span>,
    /// Position of the member with the usage, with the comma in front of it or behind it. Only of an event whose usage a gateway
    /// may withhold.
    pub usage_member: Option<Span>,
    /// `true` if the event has members besides usage and what every event repeats: citations, results of filters.
    pub has_other_members: bool,
    /// Values that are complete: items and messages as they begin or end, whole responses, errors. The texts in them are no pieces
    /// of longer ones. In ascending order.
    pub snapshots: Vec<Span>,
    pub(super) padding: Vec<Padding>,
    scratch: Scratch,
}

impl Chunk {
    /// Parses the data of one event; returns `Ok(None)` for the end marker (`[DONE]`).
    ///
    /// # Errors
    /// Same as [`Response::parse`]; `Empty` for an event whose data is empty.
    pub fn parse(dialect: Dialect, data: &[u8], limits: &ParseLimits) -> Result<Option<Chunk>, Error> {
        let mut chunk = Chunk::default();
        Ok(chunk.parse_into(dialect, data, limits)?.then_some(chunk))
    }

    /// Parses the data of one event in place; returns `false` for the end marker. After the end marker and after an
    /// error the chunk is empty.
    ///
    /// # Errors
    /// Same as [`parse`](Chunk::parse).
    pub fn parse_into(&mut self, dialect: Dialect, data: &[u8], limits: &ParseLimits) -> Result<bool, Error> {
        self.parse_event(dialect, None, data, limits)
    }

    /// Parses the data of one event in place, with the name that the framing gives the event
    /// ([`Event::name`](crate::Event::name)): in some dialects only the name identifies the kind of the event.
    ///
    /// # Errors
    /// Same as [`parse`](Chunk::parse).
    pub fn parse_event(
        &mut self,
        dialect: Dialect,
        name: Option<&[u8]>,
        data: &[u8],
        limits: &ParseLimits,
    ) -> Result<bool, Error> {
        let spec = dialect.spec();
        if data.trim_ascii() == END {
            self.clear();
            return Ok(false);
        }
        self.read(dialect, spec.chunk, (name, data), limits).map(|()| true)
    }

    /// Returns `true` if the event carries usage and neither candidates nor an error, so that a client that did not request
    /// usage misses nothing without it, but for [other members](Chunk::has_other_members).
    #[must_use]
    pub fn is_usage_only(&self) -> bool {
        self.usage.is_some() && self.choices == 0 && !self.is_error
    }

    fn read(
        &mut self,
        dialect: Dialect,
        read: ReadResponse,
        (event, body): (Option<&[u8]>, &[u8]),
        limits: &ParseLimits,
    ) -> Result<(), Error> {
        self.clear();
        let mut scratch = std::mem::take(&mut self.scratch);
        let result = Reader::new(body, limits, Side::Response, &mut scratch).and_then(|mut reader| {
            // The names in messages of tools have authors of their own.
            if !dialect.is_mcp() {
                reader.record_names(response_names::is_known);
            }
            read(
                &mut reader,
                &mut ResponseBuilder { response: self, event, max_items: limits.max_items, searches: 0 },
            )?;
            reader.end()
        });
        self.add_names(scratch.names());
        self.uneditable.sort_unstable_by_key(|span| span.start);
        self.snapshots.sort_unstable_by_key(|span| span.start);
        self.scratch = scratch;
        if result.is_err() {
            self.clear();
        }
        result
    }

    /// Adds the names of members that no API defines, at their places among the texts.
    fn add_names(&mut self, names: &[Str]) {
        if names.is_empty() {
            return;
        }
        self.texts.extend(names.iter().map(|name| OutputText { channel: Channel::OTHER, str: *name }));
        self.texts.sort_by_key(|text| text.str.span.start);
        self.texts.dedup_by_key(|text| text.str.span);
    }

    fn clear(&mut self) {
        self.model = None;
        self.texts.clear();
        self.finished.clear();
        self.ends = false;
        self.choices = 0;
        self.indexes.clear();
        self.usage = None;
        self.by_model.clear();
        self.images = 0;
        self.image_tool = None;
        self.service_tier = None;
        self.in_us = false;
        self.is_error = false;
        self.usage_member = None;
        self.has_other_members = false;
        self.logprobs.clear();
        self.offsets.clear();
        self.uneditable.clear();
        self.snapshots.clear();
        self.padding.clear();
    }
}

/// Data of the event that ends a stream: in OpenAI's APIs, and on servers that send it whatever the API.
const END: &[u8] = b"[DONE]";

/// Reads a response, or an event of one.
pub(crate) type ReadResponse = fn(&mut Reader<'_, '_>, &mut ResponseBuilder<'_>) -> Result<(), Error>;

/// Response under construction by a dialect.
pub(crate) struct ResponseBuilder<'c> {
    pub(crate) response: &'c mut Chunk,
    /// Name that the framing gives the event, if any.
    #[allow(dead_code, reason = "for dialects whose data do not identify the event")]
    pub(crate) event: Option<&'c [u8]>,
    max_items: usize,
    /// Web searches among the items read so far.
    pub(crate) searches: u64,
}

impl ResponseBuilder<'_> {
    pub(crate) fn text(&mut self, channel: Channel, str: Str) -> Result<(), Error> {
        if self.response.texts.len() >= self.max_items {
            return Err(Error::new(ErrorKind::TooMany, str.span.start));
        }
        self.response.texts.push(OutputText { channel, str });
        Ok(())
    }

    /// Adds every string in `value` except discriminators, and every member name that no API defines.
    pub(crate) fn texts(&mut self, reader: &mut Reader<'_, '_>, channel: Channel, value: Value) -> Result<(), Error> {
        let body = reader.body();
        // Strings of an object are texts of their own, unlike the pieces of a text that is JSON.
        let part = match (channel.part, &value) {
            (Part::ToolArguments(call), Value::Object(_) | Value::Array(_)) => Part::ToolValue(call),
            (part, _) => part,
        };
        let channel = Channel { part, ..channel };
        reader.walk(value, |found| match found {
            // The model has chosen the names in the arguments of a call.
            Found::Key(key, _)
                if matches!(channel.part, Part::ToolArguments(_) | Part::ToolValue(_) | Part::WholeArguments) =>
            {
                if known_names::is_key(body, key) {
                    Ok(())
                } else {
                    self.text(channel, key)
                }
            }
            Found::Key(key, _) if !response_names::is_known(body, key) => {
                self.text(Channel { part: Part::Other, ..channel }, key)
            }
            Found::Value(str, member) if !known_names::is_kind(body, member, str) => {
                self.mark_opaque(body, channel, member, str);
                self.text(channel, str)
            }
            Found::Number(span) if matches!(channel.part, Part::ToolArguments(_) | Part::ToolValue(_)) => {
                let str = Str { span, escaped: false };
                self.text(Channel { part: Part::ToolNumber, ..channel }, str)
            }
            _ => Ok(()),
        })
    }

    /// Marks a string that some receiver compares or decrypts.
    fn mark_opaque(&mut self, body: &[u8], channel: Channel, member: Option<Str>, str: Str) {
        if channel.part == Part::Other && member.is_some_and(|member| opaque::is_opaque(body, member, str)) {
            self.response.uneditable.push(str.span);
        }
    }

    /// Marks the text of a block of reasoning as one that must not be edited, if the block is signed: the signature covers it.
    pub(crate) fn mark_signed(&mut self, thought: Option<Span>, is_signed: bool) {
        self.response.uneditable.extend(thought.filter(|_| is_signed));
    }

    /// Adds the value as a text of this part if it is a string; if not, adds every string in it as another text.
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

    /// Marks the value that was read as complete, see [`Chunk::snapshots`].
    pub(crate) fn snapshot(&mut self, reader: &Reader<'_, '_>, value: Value) {
        self.response.snapshots.push(Span::new(value.start(), reader.offset()));
    }

    /// Reads a value without a meaning that differs from event to event.
    pub(crate) fn padding(&mut self, reader: &mut Reader<'_, '_>, value: Value) -> Result<(), Error> {
        let (span, is_string) = match value {
            Value::String(str) => (str.span, true),
            Value::Number(span) => (span, false),
            value => return self.no_text(reader, 0, value),
        };
        self.response.padding.push(Padding { span, is_string });
        Ok(())
    }

    /// Reads a value that carries no text: an identifier, a number. Strings inside an object or array are still added.
    pub(crate) fn no_text(&mut self, reader: &mut Reader<'_, '_>, choice: u32, value: Value) -> Result<(), Error> {
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
    fn plain_response_is_one_text() {
        let body = "1\n00:00:00,000 --> 00:00:01,000\n\\u0041 \"é\"\n".as_bytes();
        let response = Response::plain(body, &ParseLimits::default()).unwrap();
        assert!(response.is_plain && response.texts.len() == 1 && response.usage.is_none());
        assert_eq!(response.texts[0].str.decode(body).as_bytes(), body);
        assert_eq!(Response::plain(b"a\xff", &ParseLimits::default()).unwrap_err().kind, ErrorKind::InvalidUtf8);
        let small = ParseLimits { max_bytes: 1, ..ParseLimits::default() };
        assert_eq!(Response::plain(b"ab", &small).unwrap_err().kind, ErrorKind::TooLarge);
    }

    /// Vectors keep their allocation.
    #[test]
    fn similar_events_do_not_allocate() {
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
