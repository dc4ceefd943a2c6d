//! View of a request: spans over its bytes.

use crate::dialect::{known_names, opaque};
use crate::json::field::{TokenLimit, number, token_limit, wrong_type};
use crate::json::pointer;
use crate::json::reader::{Found, Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::view::reference::{self, Reference, ReferenceKind};
use crate::view::rpc::RpcMessage;
use crate::view::token_prompt::TokenPrompt;
use crate::{Dialect, Edits, Endpoint, Error, ErrorKind, ParseLimits, PathModel, ServiceTier, Span, Str};
use std::borrow::Cow;

/// Parsed request: the positions of everything that the gateway acts on.
///
/// It holds offsets only; every method that reads takes the body that it was parsed from.
#[derive(Clone, Debug)]
pub struct Request {
    /// Wire format of the request.
    pub dialect: Dialect,
    /// Model named by the body; `None` if the body names none (some servers then use their own default).
    pub model: Option<Str>,
    /// Model named by the path. It takes precedence over the body.
    pub path_model: Option<PathModel>,
    /// `true` if a streamed response is requested.
    pub stream: bool,
    /// `true` if the client itself requested usage at the end of the stream.
    pub include_usage: bool,
    /// Maximum number of output tokens, the largest of all members that set one: `max_completion_tokens`, `max_tokens`,
    /// `maxOutputTokens` and the like. `None` if absent, null, or -1 (no limit). Values that do not fit count as
    /// `u64::MAX`.
    pub max_output_tokens: Option<u64>,
    /// Number of output tokens that the request makes possible or demands whatever its maximum is: vLLM's `min_tokens`,
    /// Anthropic's `thinking.budget_tokens`. 0 if there is none.
    pub min_output_tokens: u64,
    /// Number of reasoning tokens beyond the visible output: Gemini's `thinkingBudget`. 0 if there is none.
    pub thinking_tokens: u64,
    /// Service tier that the request asks for (OpenAI: `service_tier`, Anthropic: `speed`); `None` if it leaves the tier to the provider.
    pub service_tier: Option<ServiceTier>,
    /// `true` if the response is produced in the background: the one to this request has no usage yet (OpenAI Responses).
    pub background: bool,
    /// Id of the stored response that the call returns, instead of a new one ([`Endpoint::response_id`]).
    pub response_id: Option<String>,
    /// `true` if the call returns what the provider stores ([`Endpoint::is_fetch`]). Nothing is generated for such a call.
    pub is_fetch: bool,
    /// `true` if the call leads to work that the gateway cannot charge ([`Dialect::is_unmetered`]).
    pub is_unmetered: bool,
    /// Number of characters to speak, of a speech request; 0 for others.
    pub characters: u64,
    /// Number of requested candidates (`n`); 1 if absent or null, never 0.
    pub candidates: u32,
    /// Messages, in order.
    pub messages: Vec<Message>,
    /// Every text of the body, in document order.
    pub texts: Vec<Text>,
    /// Texts that must not be edited: signatures, encrypted content, identifiers, signed thoughts. In ascending order.
    pub uneditable: Vec<Span>,
    /// Prompts given as token ids, whose texts are unknown to this view.
    pub token_prompts: Vec<TokenPrompt>,
    /// Number of image parts.
    pub image_count: u32,
    /// Images, in order.
    pub images: Vec<Image>,
    /// Number of tool definitions.
    pub tools: u32,
    /// Names in the tool definitions, and the types that select a tool of the provider.
    pub tool_names: Vec<Str>,
    /// `true` for a body of the Responses API that was sent to the path of chat completions.
    pub(crate) has_responses_body: bool,
    /// References to content that the body does not contain, in document order.
    pub references: Vec<Reference>,
    /// JSON-RPC messages (Model Context Protocol), in order.
    pub rpc: Vec<RpcMessage>,
    /// `true` if the body is an array of JSON-RPC messages.
    pub is_rpc_batch: bool,
    /// `true` for a form or an uploaded file. Only those fields were read that are texts of the view, and nothing in them is
    /// escaped.
    pub is_form: bool,
    /// `true` if an uploaded file is no text, so that it was not read.
    pub has_unread_file: bool,
    /// Edit made by [`include_usage`](Request::include_usage): a span and its replacement.
    pub(crate) usage_edit: Option<(Span, &'static str)>,
    /// Position for members that the top-level object does not have yet.
    pub(crate) members: Members,
}

/// Insertion point for new members of the top-level object.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Members {
    /// Offset after the opening brace.
    pub(crate) start: usize,
    /// `true` if the object is empty, so that no comma may follow a new member.
    pub(crate) none: bool,
}

/// One entry of `messages`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Value of `role`.
    pub role: Option<Str>,
    /// Value of `name`.
    pub name: Option<Str>,
}

/// Image of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// URL, `data:` URL, or base64 content; `None` if the request refers to a file stored at the provider.
    pub str: Option<Str>,
    /// Value of `detail`, the resolution at which the model is to look at the image.
    pub detail: Option<Str>,
}

/// Author of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Operator of the application.
    System,
    /// Operator of the application, in the role name of newer models.
    Developer,
    /// End user.
    User,
    /// Model, in an earlier turn.
    Assistant,
    /// Result of a tool call.
    Tool,
    /// Result of a legacy function call.
    Function,
    /// Definitions of tools, functions and response formats.
    Tools,
    /// No particular author: a text outside messages, or in a message without a role or with a role unknown to the API.
    Other,
}

/// Purpose of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TextKind {
    /// Content of a message, or of a text part of it.
    Content,
    /// Refusal by the model in an earlier turn.
    Refusal,
    /// Reasoning of the model in an earlier turn.
    Reasoning,
    /// Name of a participant.
    Name,
    /// Function name in a tool call of the model.
    ToolName,
    /// Arguments of a tool call: JSON inside a string.
    ToolArguments,
    /// Number in arguments or results of a tool that are an object. Its span is the number, without quotes.
    ToolNumber,
    /// String in the definition of a tool, a function or a response format: values, and names of properties.
    ToolDefinition,
    /// URL of an image, or the image itself as a `data:` URL.
    ImageUrl,
    /// Base64 content of an image.
    ImageData,
    /// Base64 content of an audio, video or file part.
    Data,
    /// Uploaded file. What is JSON in it, in whole or line by line, is text of its own once it is decoded.
    Document,
    /// Name of the model.
    Model,
    /// Any other string: `user`, `stop`, values and keys of `metadata`, fields unknown to the API and their names,
    /// roles and discriminators unknown to the API.
    Other,
}

/// Text of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// Author of the text.
    pub role: Role,
    /// Purpose of the text.
    pub kind: TextKind,
    /// Message that contains the text, as an index into [`Request::messages`].
    pub message: Option<u32>,
    /// String literal that holds the text.
    pub str: Str,
}

impl Request {
    /// Parses a request.
    ///
    /// # Errors
    /// Fails if the body is not JSON in the strict sense of this crate, exceeds a limit, or a field that the gateway
    /// acts on does not have the type that the API documents.
    pub fn parse(dialect: Dialect, body: &[u8], limits: &ParseLimits) -> Result<Request, Error> {
        Request::parse_at(&Endpoint::from(dialect), body, limits)
    }

    /// Parses a request, including what the path specifies.
    ///
    /// # Errors
    /// Same as [`parse`](Request::parse).
    pub fn parse_at(endpoint: &Endpoint, body: &[u8], limits: &ParseLimits) -> Result<Request, Error> {
        if endpoint.dialect.is_upload() {
            return Ok(Request::of_file(endpoint, body));
        }
        let mut request = Request::empty(endpoint);
        let mut scratch = Scratch::default();
        let mut reader = Reader::new(body, limits, Side::Request, &mut scratch)?;
        let read = endpoint.dialect.spec().request;
        let mut builder =
            RequestBuilder { request: &mut request, limit: TokenLimit::default(), max_items: limits.max_items };
        read(&mut reader, &mut builder)?;
        reader.end()?;
        request.uneditable.sort_unstable_by_key(|span| span.start);
        Ok(request)
    }

    /// Creates a request of which only the path and the model in its body, if any, are known: see
    /// [`model_only`](Request::model_only).
    #[must_use]
    pub fn of_model(endpoint: &Endpoint, model: Option<Str>) -> Request {
        Request { model, ..Request::empty(endpoint) }
    }

    /// Creates a request from the path alone.
    pub(crate) fn empty(endpoint: &Endpoint) -> Request {
        Request {
            dialect: endpoint.dialect,
            model: None,
            path_model: endpoint.model.clone(),
            stream: endpoint.stream,
            include_usage: false,
            max_output_tokens: None,
            min_output_tokens: 0,
            thinking_tokens: 0,
            service_tier: None,
            background: false,
            response_id: endpoint.response_id.clone(),
            is_fetch: endpoint.is_fetch,
            is_unmetered: endpoint.dialect.is_unmetered() && !endpoint.is_fetch,
            characters: 0,
            candidates: 1,
            messages: Vec::new(),
            texts: Vec::new(),
            uneditable: Vec::new(),
            token_prompts: Vec::new(),
            image_count: 0,
            references: Vec::new(),
            images: Vec::new(),
            tools: 0,
            tool_names: Vec::new(),
            has_responses_body: false,
            rpc: Vec::new(),
            is_rpc_batch: false,
            is_form: false,
            has_unread_file: false,
            usage_edit: None,
            members: Members::default(),
        }
    }

    /// Returns the name of the requested model: from the path, else from the body.
    #[must_use]
    pub fn model_name<'a>(&'a self, body: &'a [u8]) -> Option<Cow<'a, str>> {
        match &self.path_model {
            Some(model) => Some(Cow::Borrowed(&model.name)),
            None => self.model.map(|model| model.decode(body)),
        }
    }

    /// Returns the API that the body is written for. It differs from that of the path for a body of the Responses API that was
    /// sent to the path of chat completions.
    #[must_use]
    pub fn body_dialect(&self) -> Dialect {
        if self.has_responses_body { Dialect::OpenAiResponses } else { self.dialect }
    }

    /// Returns `true` if [`include_usage`](Request::include_usage) makes an edit: the upstream sends usage at the end
    /// of a stream only on request, and the client has not requested it. The resulting usage event is not meant for the
    /// client.
    #[must_use]
    pub fn lacks_usage(&self) -> bool {
        self.usage_edit.is_some()
    }

    /// Returns the JSON pointer (RFC 6901) of the innermost value, or of the member whose key, contains `span`; empty
    /// for the whole body, or if the body is not JSON.
    ///
    /// It takes a second pass over the body, so use it for reports only. The pointer contains keys that the client may
    /// have chosen.
    #[must_use]
    pub fn pointer(body: &[u8], span: Span) -> String {
        pointer::find(body, span)
    }

    /// Adds the edit that makes the upstream send usage at the end of a stream. Adds none if the response is not
    /// streamed or the client requested usage itself.
    pub fn include_usage(&self, body: &[u8], edits: &mut Edits) {
        let _ = body;
        if let Some((span, with)) = self.usage_edit {
            // Refused only if the edit was added before.
            let _ = edits.replace(span, with);
        }
    }

    /// Adds the edit that sets the model to `model`. Only the first such edit is added.
    ///
    /// If the path names the model, the path must be changed as well ([`PathModel::replaced`]); a body that also names
    /// one is edited, a body that does not is left unchanged.
    pub fn set_model(&self, model: &str, edits: &mut Edits) {
        let _ = match self.model {
            Some(value) if self.is_form => edits.replace(value.span, model),
            None if self.path_model.is_some() || self.is_form => Ok(()),
            Some(literal) => edits.replace_text(literal.span, model),
            None => {
                let mut member = b"\"model\":\"".to_vec();
                crate::escape_into(model, &mut member);
                member.extend_from_slice(if self.members.none { b"\"" } else { b"\"," });
                edits.replace(Span::new(self.members.start, self.members.start), member)
            }
        };
    }
}

/// Members of tool definitions that hold a JSON Schema.
const SCHEMAS: [&str; 4] = ["input_schema", "inputSchema", "parameters", "parametersJsonSchema"];

/// Types of the tools that the client runs and names. All other types select a tool of the provider.
const CLIENT_TOOLS: [&str; 2] = ["function", "custom"];

/// Meaning of the types of tools in an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Types {
    /// A type selects a tool of the provider, whatever name is beside it.
    AreNames,
    /// A type is a version of the tool that the name selects (Anthropic: `web_search_20250305`).
    AreVersions,
}

/// Request under construction by a dialect.
pub(crate) struct RequestBuilder<'r> {
    pub(crate) request: &'r mut Request,
    /// Largest output limit read so far.
    limit: TokenLimit,
    pub(crate) max_items: usize,
}

impl RequestBuilder<'_> {
    /// Opens the body, which must be an object. The caller reads its members next.
    pub(crate) fn body(&mut self, reader: &mut Reader<'_, '_>) -> Result<(), Error> {
        let start = reader.object()?;
        self.request.members = Members { start: start + 1, none: reader.is_empty_object() };
        Ok(())
    }

    /// Reads the messages of the body: objects in an array, each read by `read`, which gets its index.
    pub(crate) fn messages(
        &mut self,
        reader: &mut Reader<'_, '_>,
        value: Value,
        read: ReadMessage,
    ) -> Result<(), Error> {
        let Value::Array(_) = value else { return Err(wrong_type("messages", value)) };
        while let Some(value) = reader.element()? {
            let Value::Object(at) = value else { return Err(wrong_type("messages", value)) };
            let index = self.message(at)?;
            read(reader, self, index)?;
        }
        Ok(())
    }

    /// Reads a limit on output tokens. If there are several, servers differ in which one they apply: the reservation must
    /// cover the largest.
    pub(crate) fn output_limit(
        &mut self,
        reader: &Reader<'_, '_>,
        field: &'static str,
        value: Value,
    ) -> Result<(), Error> {
        self.limit = self.limit.max(token_limit(reader, field, value)?);
        self.request.max_output_tokens = self.limit.tokens();
        Ok(())
    }

    /// Reads the member `service_tier`, which is inspected like any unknown member.
    pub(crate) fn service_tier(&mut self, reader: &mut Reader<'_, '_>, key: Str, value: Value) -> Result<(), Error> {
        if let Value::String(tier) = value {
            self.request.service_tier = ServiceTier::from_reported(&tier.decode(reader.body()));
        }
        self.other(reader, Origin::OUTSIDE, key, value)
    }

    /// Reads the member `speed`, which is inspected like any unknown member.
    pub(crate) fn speed(&mut self, reader: &mut Reader<'_, '_>, key: Str, value: Value) -> Result<(), Error> {
        if let Value::String(speed) = value {
            let tier = ServiceTier::from_speed(&speed.decode(reader.body()));
            self.request.service_tier = tier.or(self.request.service_tier);
        }
        self.other(reader, Origin::OUTSIDE, key, value)
    }

    /// Raises the number of output tokens that the request makes possible whatever its maximum is. A value that is no
    /// number of tokens is left to the server.
    pub(crate) fn output_floor(&mut self, reader: &Reader<'_, '_>, value: Value) {
        let tokens = number(reader, value).unwrap_or_default();
        self.request.min_output_tokens = self.request.min_output_tokens.max(tokens);
    }

    /// Reads the member `thinking` of Anthropic's API: its budget is part of the output. The API accepts a budget above
    /// `max_tokens` for interleaved thinking ("Extended thinking").
    pub(crate) fn thinking(&mut self, reader: &mut Reader<'_, '_>, key: Str, value: Value) -> Result<(), Error> {
        let Value::Object(_) = value else { return self.other(reader, Origin::OUTSIDE, key, value) };
        self.key(reader.body(), Origin::OUTSIDE, TextKind::Other, key)?;
        while let Some((key, field)) = reader.field(&["budget_tokens"])? {
            match (field, reader.value()?) {
                ("budget_tokens", value @ Value::Number(_)) => self.output_floor(reader, value),
                (_, value) => self.other(reader, Origin::OUTSIDE, key, value)?,
            }
        }
        Ok(())
    }

    /// Starts tracking the role of the message that begins here.
    pub(crate) fn speaker(&self, from: Origin) -> Speaker {
        Speaker { from, first: self.request.texts.len(), role: from.role, str: None }
    }

    /// Reads a content: a string, or an array of parts, each read by `read`. Servers also accept strings as parts, and
    /// a single part without an array.
    pub(crate) fn content(
        &mut self,
        reader: &mut Reader<'_, '_>,
        from: Origin,
        value: Value,
        read: ReadPart,
    ) -> Result<(), Error> {
        match value {
            Value::String(str) => self.text(from, TextKind::Content, str),
            Value::Object(_) => read(reader, self, from),
            Value::Array(_) => {
                while let Some(value) = reader.element()? {
                    match value {
                        Value::Object(_) => read(reader, self, from)?,
                        value => self.texts(reader, from, TextKind::Content, value)?,
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Adds an empty message and returns its index.
    pub(crate) fn message(&mut self, at: usize) -> Result<u32, Error> {
        let index = self.request.messages.len();
        if index >= self.max_items {
            return Err(Error::new(ErrorKind::TooMany, at));
        }
        self.request.messages.push(Message::default());
        u32::try_from(index).map_err(|_| Error::new(ErrorKind::TooMany, at))
    }

    /// Adds an image. The number of parts is bounded by their texts and members.
    pub(crate) fn image(&mut self, image: Image) {
        // Its bytes are a text of the same part, which is among the last ones.
        let bytes = |text: &&mut Text| image.str.is_some_and(|str| str.span == text.str.span);
        if let Some(text) = self.request.texts.iter_mut().rev().find(bytes).filter(|text| text.kind == TextKind::Data) {
            text.kind = TextKind::ImageData;
        }
        self.request.image_count = self.request.image_count.saturating_add(1);
        if self.request.images.len() < self.max_items {
            self.request.images.push(image);
        }
    }

    pub(crate) fn text(&mut self, from: Origin, kind: TextKind, str: Str) -> Result<(), Error> {
        if self.request.texts.len() >= self.max_items {
            return Err(Error::new(ErrorKind::TooMany, str.span.start));
        }
        self.request.texts.push(Text { role: from.role, kind, message: from.message, str });
        Ok(())
    }

    /// Adds a string that must not be edited: an identifier.
    pub(crate) fn opaque(&mut self, from: Origin, str: Str) -> Result<(), Error> {
        self.request.uneditable.push(str.span);
        self.text(from, TextKind::Other, str)
    }

    /// Adds a JSON-RPC message.
    pub(crate) fn rpc(&mut self, message: RpcMessage) -> Result<(), Error> {
        if self.request.rpc.len() >= self.max_items {
            return Err(Error::new(ErrorKind::TooMany, message.method.map_or(0, |method| method.span.start)));
        }
        self.request.rpc.push(message);
        Ok(())
    }

    /// Adds the URL of an image, a clip or a file: a reference, unless it is a `data:` URL or base64.
    pub(crate) fn url(&mut self, body: &[u8], from: Origin, str: Str) -> Result<(), Error> {
        if let Some(kind) = reference::kind_of_url(body, str) {
            self.refer(kind, str.span, Some(str));
        }
        self.text(from, TextKind::ImageUrl, str)
    }

    /// Adds the bytes of a file or a clip in base64, in place of which some servers accept a URL.
    pub(crate) fn data(&mut self, reader: &mut Reader<'_, '_>, from: Origin, value: Value) -> Result<(), Error> {
        match value {
            Value::String(str) if reference::kind_of_data(reader.body(), str).is_some() => {
                self.url(reader.body(), from, str)
            }
            value => self.text_or_others(reader, from, TextKind::Data, value),
        }
    }

    /// Adds the name of a stored file or a URL of one.
    pub(crate) fn uri(&mut self, body: &[u8], from: Origin, kind: ReferenceKind, str: Str) -> Result<(), Error> {
        self.url(body, from, str)?;
        self.refer(kind, str.span, Some(str));
        Ok(())
    }

    /// Reads the member that names the model. Its value is a text like any other, because a name matched by prefix can
    /// carry a secret after the prefix.
    pub(crate) fn model(&mut self, reader: &mut Reader<'_, '_>, value: Value) -> Result<(), Error> {
        let Value::String(str) = value else { return Err(wrong_type("model", value)) };
        self.request.model = Some(str);
        self.texts(reader, Origin { role: Role::Other, message: None }, TextKind::Model, value)
    }

    /// Reads a member that the dialect does not know, or acts on only for another type of its value.
    pub(crate) fn other(
        &mut self,
        reader: &mut Reader<'_, '_>,
        from: Origin,
        key: Str,
        value: Value,
    ) -> Result<(), Error> {
        self.key(reader.body(), from, TextKind::Other, key)?;
        self.texts(reader, from, TextKind::Other, value)
    }

    /// Reads tool definitions: an array, or a single one without an array, which some servers accept.
    pub(crate) fn definitions(
        &mut self,
        reader: &mut Reader<'_, '_>,
        from: Origin,
        types: Types,
        value: Value,
    ) -> Result<(), Error> {
        match value {
            Value::Array(_) => {
                while let Some(value) = reader.element()? {
                    self.definition(reader, from, types, value)?;
                }
                Ok(())
            }
            Value::Object(_) => self.definition(reader, from, types, value),
            value => self.texts(reader, from, TextKind::ToolDefinition, value),
        }
    }

    /// Reads the definition of a tool. Its type is a name if the definition has no other, or if the type itself selects a tool of
    /// the provider.
    fn definition(
        &mut self,
        reader: &mut Reader<'_, '_>,
        from: Origin,
        types: Types,
        value: Value,
    ) -> Result<(), Error> {
        self.request.tools = self.request.tools.saturating_add(1);
        let named = self.request.tool_names.len();
        let kind = self.definition_members(reader, from, value, true)?;
        let is_name = |kind: &Str| {
            let has_other = self.request.tool_names.len() > named;
            !has_other || types == Types::AreNames && !CLIENT_TOOLS.iter().any(|own| kind.is(reader.body(), own))
        };
        if let Some(kind) = kind.filter(is_name) {
            self.request.tool_names.push(kind);
        }
        Ok(())
    }

    /// Reads the members of the definition of a tool, in which the name may be in a member for the kind of the tool. Returns its
    /// type.
    fn definition_members(
        &mut self,
        reader: &mut Reader<'_, '_>,
        from: Origin,
        value: Value,
        is_outer: bool,
    ) -> Result<Option<Str>, Error> {
        let Value::Object(_) = value else {
            self.texts(reader, from, TextKind::ToolDefinition, value)?;
            return Ok(None);
        };
        let mut kind = None;
        let known: &[&str] = match is_outer {
            true => &["name", "type", "function", "custom", "toolSpec", "systemTool"],
            false => &["name"],
        };
        while let Some((key, field)) = reader.field(known)? {
            self.key(reader.body(), from, TextKind::ToolDefinition, key)?;
            let value = reader.value()?;
            // Schemas, which are members of a function, refer to nothing.
            if field.is_empty() && is_outer && !SCHEMAS.iter().any(|name| key.is(reader.body(), name)) {
                self.texts_and_references(reader, from, TextKind::ToolDefinition, value)?;
                continue;
            }
            match (field, value) {
                ("name", Value::String(name)) => self.request.tool_names.push(name),
                ("type", Value::String(own)) => kind = Some(own),
                ("function" | "custom" | "toolSpec" | "systemTool", value) => {
                    self.definition_members(reader, from, value, false)?;
                    continue;
                }
                _ => {}
            }
            self.texts(reader, from, TextKind::ToolDefinition, value)?;
        }
        Ok(kind)
    }

    /// Reads a tool call: an object with the name and the arguments of a function, or with such an object in
    /// `function`. The arguments may be an object.
    pub(crate) fn tool_call(&mut self, reader: &mut Reader<'_, '_>, from: Origin, value: Value) -> Result<(), Error> {
        let Value::Object(_) = value else { return self.texts(reader, from, TextKind::Other, value) };
        while let Some((key, field)) = reader.field(&["function", "name", "arguments"])? {
            let value = reader.value()?;
            match field {
                "function" => self.tool_call(reader, from, value)?,
                "name" => self.text_or_others(reader, from, TextKind::ToolName, value)?,
                "arguments" => self.texts(reader, from, TextKind::ToolArguments, value)?,
                _ => self.other(reader, from, key, value)?,
            }
        }
        Ok(())
    }

    /// Adds the name of an unknown member as a text, unless an API defines the name.
    pub(crate) fn key(&mut self, body: &[u8], from: Origin, kind: TextKind, key: Str) -> Result<(), Error> {
        if known_names::is_key(body, key) { Ok(()) } else { self.text(from, kind, key) }
    }

    /// Adds a reference to content that the body does not contain. Their number is bounded by that of members and texts.
    pub(crate) fn refer(&mut self, kind: ReferenceKind, span: Span, value: Option<Str>) {
        let is_new = self.request.references.last().is_none_or(|last| last.span != span);
        if is_new && self.request.references.len() < self.max_items {
            self.request.references.push(Reference { kind, span, value });
        }
    }

    /// Marks the text of a block of reasoning as one that must not be edited, if the block is signed: the signature covers it.
    pub(crate) fn mark_signed(&mut self, thought: Option<Span>, is_signed: bool) {
        self.request.uneditable.extend(thought.filter(|_| is_signed));
    }

    /// Adds every string in `value`, and every member name that the client chose.
    pub(crate) fn texts(
        &mut self,
        reader: &mut Reader<'_, '_>,
        from: Origin,
        kind: TextKind,
        value: Value,
    ) -> Result<(), Error> {
        // Members of other kinds are part of schemas and arguments, and refer to nothing.
        self.walk(reader, from, kind, kind == TextKind::Other, value)
    }

    /// Adds every string in `value` like [`texts`](RequestBuilder::texts), and the references in it, whatever the kind.
    pub(crate) fn texts_and_references(
        &mut self,
        reader: &mut Reader<'_, '_>,
        from: Origin,
        kind: TextKind,
        value: Value,
    ) -> Result<(), Error> {
        self.walk(reader, from, kind, true, value)
    }

    /// Adds the reference that an object is, given its member's name and one of its own keys.
    pub(crate) fn refer_to_object(&mut self, body: &[u8], parent: Option<Str>, key: Str) {
        if let Some(parent) = parent
            && let Some(kind) = reference::kind_of_object(body, parent, key)
        {
            self.refer(kind, parent.span, None);
        }
    }

    /// Adds the reference that the string value of a member is. `owner` is the name of the member that its object belongs to.
    pub(crate) fn refer_to_value(&mut self, body: &[u8], owner: Option<Str>, member: Str, value: Str) {
        if let Some(kind) = reference::kind_of_member(body, owner, member, value) {
            self.refer(kind, value.span, Some(value));
        }
    }

    fn walk(
        &mut self,
        reader: &mut Reader<'_, '_>,
        from: Origin,
        kind: TextKind,
        may_refer: bool,
        value: Value,
    ) -> Result<(), Error> {
        let body = reader.body();
        let mut owner = None;
        reader.walk(value, |found| {
            if may_refer {
                match found {
                    Found::Key(key, parent) => {
                        owner = parent;
                        self.refer_to_object(body, parent, key);
                    }
                    Found::Value(str, Some(member)) => self.refer_to_value(body, owner, member, str),
                    _ => {}
                }
            }
            match found {
                Found::Key(key, Some(member)) if member.is(body, "properties") => self.text(from, kind, key),
                Found::Key(key, _) => self.key(body, from, kind, key),
                Found::Value(str, member) if known_names::is_kind(body, member, str) => Ok(()),
                Found::Value(str, member) => {
                    let is_in_message = from.message.is_some() && kind == TextKind::Other;
                    if is_in_message && member.is_some_and(|member| opaque::is_opaque(body, member, str)) {
                        self.request.uneditable.push(str.span);
                    }
                    self.text(from, kind, str)
                }
                Found::Number(span) if matches!(kind, TextKind::ToolArguments | TextKind::Content) => {
                    self.text(from, TextKind::ToolNumber, Str { span, escaped: false })
                }
                Found::Number(_) => Ok(()),
            }
        })
    }

    /// Adds the value as a text of this kind if it is a string; if not, adds every string in it as another text.
    pub(crate) fn text_or_others(
        &mut self,
        reader: &mut Reader<'_, '_>,
        from: Origin,
        kind: TextKind,
        value: Value,
    ) -> Result<(), Error> {
        match value {
            Value::String(str) => self.text(from, kind, str),
            value => self.texts(reader, from, TextKind::Other, value),
        }
    }
}

/// Reads an opened message with this index.
pub(crate) type ReadMessage = fn(&mut Reader<'_, '_>, &mut RequestBuilder<'_>, u32) -> Result<(), Error>;

/// Reads an opened part of a content.
pub(crate) type ReadPart = fn(&mut Reader<'_, '_>, &mut RequestBuilder<'_>, Origin) -> Result<(), Error>;

/// Author of a text, and the message that contains it.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) role: Role,
    pub(crate) message: Option<u32>,
}

impl Origin {
    /// No particular author, outside messages.
    pub(crate) const OUTSIDE: Origin = Origin::of(Role::Other);
    /// Operator of the application, outside messages.
    pub(crate) const SYSTEM: Origin = Origin::of(Role::System);
    /// End user, outside messages.
    pub(crate) const USER: Origin = Origin::of(Role::User);
    /// Definitions of tools and response formats.
    pub(crate) const DEFINITION: Origin = Origin::of(Role::Tools);
    /// Text retrieved by a tool or a search, meant to be read by the model.
    pub(crate) const FOUND: Origin = Origin::of(Role::Tool);

    /// Creates an origin outside messages.
    pub(crate) const fn of(role: Role) -> Origin {
        Origin { role, message: None }
    }

    /// Creates an origin in a message whose role is not known yet.
    pub(crate) const fn message(index: u32) -> Origin {
        Origin { role: Role::Other, message: Some(index) }
    }
}

/// Role of a message. The `role` member may follow the texts that it applies to.
pub(crate) struct Speaker {
    from: Origin,
    /// Index of the first text of the message.
    first: usize,
    pub(crate) role: Role,
    /// Value of `role`.
    pub(crate) str: Option<Str>,
}

impl Speaker {
    /// Sets the role if it is one of `roles`. Any other role is a text: some servers copy it into the prompt.
    pub(crate) fn set_role(
        &mut self,
        reader: &Reader<'_, '_>,
        builder: &mut RequestBuilder<'_>,
        str: Str,
        roles: &[(&str, Role)],
    ) -> Result<(), Error> {
        self.str = Some(str);
        let known = roles.iter().find(|(name, _)| str.is(reader.body(), name));
        self.role = known.map_or(Role::Other, |(_, role)| *role);
        if known.is_none() { builder.text(self.from, TextKind::Other, str) } else { Ok(()) }
    }

    /// Ends the message: assigns the role to its texts, except to those that already have one.
    pub(crate) fn assign(self, builder: &mut RequestBuilder<'_>) {
        for text in builder.request.texts.iter_mut().skip(self.first).filter(|text| text.role == Role::Other) {
            text.role = self.role;
        }
        if let Some(message) = self.from.message.and_then(|at| builder.request.messages.get_mut(at as usize)) {
            message.role = self.str;
        }
    }
}
