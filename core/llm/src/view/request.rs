//! What a request says, as spans over its bytes.

use crate::dialect::known_names;
use crate::json::field::wrong_type;
use crate::json::pointer;
use crate::json::reader::{Found, Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::{Dialect, Edits, Endpoint, Error, ErrorKind, ParseLimits, PathModel, Span, Str};
use std::borrow::Cow;

/// A request: where in the body stands what the gateway acts on.
///
/// It holds offsets only; every method that reads wants the body it was made from.
#[derive(Clone, Debug)]
pub struct Request {
    /// The format it was read in.
    pub dialect: Dialect,
    /// The model that the body asks for; `None` when the body does not say (some servers then take their own default).
    pub model: Option<Str>,
    /// The model that the path asks for: it counts then, whatever the body says.
    pub path_model: Option<PathModel>,
    /// Whether the answer is asked for as a stream.
    pub stream: bool,
    /// Whether the client itself asked for usage at the end of the stream.
    pub include_usage: bool,
    /// The most tokens that the answer may have: `max_completion_tokens`, else `max_tokens`; `None` when absent or
    /// null. Larger than fits counts as `u64::MAX`.
    pub max_output_tokens: Option<u64>,
    /// How many answers are asked for (`n`); 1 when absent or null, never 0.
    pub candidates: u32,
    /// The messages, in their order.
    pub messages: Vec<Message>,
    /// Every text of the body, in document order.
    pub texts: Vec<Text>,
    /// Image parts seen.
    pub image_count: u32,
    /// The images, in their order.
    pub images: Vec<Image>,
    /// Definitions of tools.
    pub tools: u32,
    /// It came as a form: of its fields, those that are texts of the view were read, and nothing else.
    pub is_form: bool,
    /// What [`ask_for_usage`](Request::ask_for_usage) does: these bytes in place of this span.
    pub(crate) usage_edit: Option<(Span, &'static str)>,
    /// Where a member can be put that the top object does not have yet.
    pub(crate) members: Members,
}

/// Where members of the top object may be added.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Members {
    /// Offset after the opening brace.
    pub(crate) start: usize,
    /// Whether there are none yet, so that no comma may follow a new one.
    pub(crate) none: bool,
}

/// One entry of `messages`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Its `role`, as it stands.
    pub role: Option<Str>,
    /// Its `name`.
    pub name: Option<Str>,
}

/// An image of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Its address, a `data:` URL, or its bytes in base64; `None`: the request names a file that the provider has.
    pub str: Option<Str>,
    /// How closely the model is to look (`detail`), as it stands.
    pub detail: Option<Str>,
}

/// Whose text it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// The operator of the application.
    System,
    /// The operator, in newer models.
    Developer,
    /// The user.
    User,
    /// The model, in an earlier turn.
    Assistant,
    /// The result of a tool call.
    Tool,
    /// The result of a legacy function call.
    Function,
    /// The definitions of tools, functions and response formats.
    Tools,
    /// Nobody in particular: a text outside messages, or a message with no role or one that the API does not have.
    Other,
}

/// What a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TextKind {
    /// The content of a message, or of a text part of it.
    Content,
    /// A refusal of the model in an earlier turn.
    Refusal,
    /// What the model thought in an earlier turn.
    Reasoning,
    /// The name of a participant.
    Name,
    /// The name of the function in a call of the model.
    ToolName,
    /// The arguments of such a call: JSON inside a string.
    ToolArguments,
    /// A string in the definition of a tool, a function or a response format: values, and names of properties.
    ToolDefinition,
    /// The address of an image, or the image itself as a `data:` URL.
    ImageUrl,
    /// The bytes of an audio or file part in base64.
    Data,
    /// The name of the model.
    Model,
    /// Every other string: `user`, `stop`, values and keys of `metadata`, fields that the API does not have and their
    /// names, roles and discriminators that the API does not have.
    Other,
}

/// A text of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// Whose it is.
    pub role: Role,
    /// What it is for.
    pub kind: TextKind,
    /// The message it stands in, as an index into [`Request::messages`].
    pub message: Option<u32>,
    /// Where it stands.
    pub str: Str,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// When the body is not JSON in the strict sense of the crate, is over a limit, or a field that the gateway acts on
    /// has another type than the API says.
    pub fn parse(dialect: Dialect, body: &[u8], limits: &ParseLimits) -> Result<Request, Error> {
        Request::parse_at(&Endpoint::from(dialect), body, limits)
    }

    /// As [`parse`](Request::parse), with what the path says of the request.
    ///
    /// # Errors
    /// As [`parse`](Request::parse).
    pub fn parse_at(endpoint: &Endpoint, body: &[u8], limits: &ParseLimits) -> Result<Request, Error> {
        let mut request = Request::empty(endpoint);
        let mut scratch = Scratch::default();
        let mut reader = Reader::new(body, limits, Side::Request, &mut scratch)?;
        let read = endpoint.dialect.spec().request;
        read(&mut reader, &mut RequestBuilder { request: &mut request, max_items: limits.max_items })?;
        reader.end()?;
        Ok(request)
    }

    /// A request of which nothing is known but the path and the model in its body, if it has one: see
    /// [`model_only`](Request::model_only).
    #[must_use]
    pub fn of_model(endpoint: &Endpoint, model: Option<Str>) -> Request {
        Request { model, ..Request::empty(endpoint) }
    }

    /// What the path says, and nothing else yet.
    pub(crate) fn empty(endpoint: &Endpoint) -> Request {
        Request {
            dialect: endpoint.dialect,
            model: None,
            path_model: endpoint.model.clone(),
            stream: endpoint.stream,
            include_usage: false,
            max_output_tokens: None,
            candidates: 1,
            messages: Vec::new(),
            texts: Vec::new(),
            image_count: 0,
            images: Vec::new(),
            tools: 0,
            is_form: false,
            usage_edit: None,
            members: Members::default(),
        }
    }

    /// The name of the model asked for: the path's, else the body's.
    #[must_use]
    pub fn model_name<'a>(&'a self, body: &'a [u8]) -> Option<Cow<'a, str>> {
        match &self.path_model {
            Some(model) => Some(Cow::Borrowed(&model.name)),
            None => self.model.map(|model| model.decode(body)),
        }
    }

    /// Whether [`ask_for_usage`](Request::ask_for_usage) edits: the upstream sends usage at the end of a stream only if
    /// asked, and the client has not asked. What then comes of it is not for the client.
    #[must_use]
    pub fn lacks_usage(&self) -> bool {
        self.usage_edit.is_some()
    }

    /// The JSON pointer (RFC 6901) of the innermost value that contains `span`, or of the member whose key does; empty
    /// for the whole body, or when it is not JSON.
    ///
    /// It is found by a second walk over the body: for reports only. It holds keys that the client may have chosen.
    #[must_use]
    pub fn pointer(body: &[u8], span: Span) -> String {
        pointer::find(body, span)
    }

    /// Adds the edit that makes the upstream send usage at the end of a stream, whatever the client said; none when
    /// the answer is not a stream or the client asks for it already.
    pub fn ask_for_usage(&self, body: &[u8], edits: &mut Edits) {
        let _ = body;
        if let Some((span, with)) = self.usage_edit {
            // Refused only when it is there already.
            let _ = edits.replace(span, with);
        }
    }

    /// Adds the edit that makes the body one for `model`. The first such edit stands: a second is not added.
    ///
    /// Where the path names the model, the path must be changed ([`PathModel::replaced`]); a body that names one too is
    /// edited, one that does not is left alone.
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

/// A request that a dialect is filling in.
pub(crate) struct RequestBuilder<'r> {
    pub(crate) request: &'r mut Request,
    max_items: usize,
}

impl RequestBuilder<'_> {
    /// The beginning of the body, which is an object. Its members must be asked for next.
    pub(crate) fn body(&mut self, reader: &mut Reader<'_, '_>) -> Result<(), Error> {
        let start = reader.object()?;
        self.request.members = Members { start: start + 1, none: reader.is_empty_object() };
        Ok(())
    }

    /// The messages of the body: objects in an array, each of which `read` is to read, under its index.
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

    /// Who is speaking in the message that begins here, as far as is known yet.
    pub(crate) fn speaker(&self, from: Origin) -> Speaker {
        Speaker { from, first: self.request.texts.len(), role: from.role, str: None }
    }

    /// What is said: a string, or an array of parts, each of which `read` is to read. Servers take strings as parts, and a
    /// part alone.
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

    /// The next message, empty yet, and its index.
    pub(crate) fn message(&mut self, at: usize) -> Result<u32, Error> {
        let index = self.request.messages.len();
        if index >= self.max_items {
            return Err(Error::new(ErrorKind::TooMany, at));
        }
        self.request.messages.push(Message::default());
        u32::try_from(index).map_err(|_| Error::new(ErrorKind::TooMany, at))
    }

    /// An image. Parts are bounded by the texts and members that they are made of.
    pub(crate) fn image(&mut self, image: Image) {
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

    /// The member that names the model: a text like any other, since what is matched by prefix can carry a secret behind
    /// it.
    pub(crate) fn model(&mut self, reader: &mut Reader<'_, '_>, value: Value) -> Result<(), Error> {
        let Value::String(str) = value else { return Err(wrong_type("model", value)) };
        self.request.model = Some(str);
        self.texts(reader, Origin { role: Role::Other, message: None }, TextKind::Model, value)
    }

    /// A member that the dialect does not know, or acts on only for another type of its value.
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

    /// Definitions of tools, each an element.
    pub(crate) fn definitions(&mut self, reader: &mut Reader<'_, '_>, from: Origin, value: Value) -> Result<(), Error> {
        let Value::Array(_) = value else { return self.texts(reader, from, TextKind::ToolDefinition, value) };
        while let Some(value) = reader.element()? {
            self.request.tools = self.request.tools.saturating_add(1);
            self.texts(reader, from, TextKind::ToolDefinition, value)?;
        }
        Ok(())
    }

    /// A name of a member that the dialect does not know: a text, unless it is a word of the API.
    pub(crate) fn key(&mut self, body: &[u8], from: Origin, kind: TextKind, key: Str) -> Result<(), Error> {
        if known_names::is_key(body, key) { Ok(()) } else { self.text(from, kind, key) }
    }

    /// Every string in `value`, and every name that the client chose.
    pub(crate) fn texts(
        &mut self,
        reader: &mut Reader<'_, '_>,
        from: Origin,
        kind: TextKind,
        value: Value,
    ) -> Result<(), Error> {
        let body = reader.body();
        reader.walk(value, |found| match found {
            Found::Key(key, Some(member)) if member.is(body, "properties") => self.text(from, kind, key),
            Found::Key(key, _) => self.key(body, from, kind, key),
            Found::Value(str, member) if known_names::is_kind(body, member, str) => Ok(()),
            Found::Value(str, _) => self.text(from, kind, str),
        })
    }

    /// The value as a text of this kind if it is a string; if not, every string in it as another text.
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

/// How a dialect reads a message with this index, which was opened.
pub(crate) type ReadMessage = fn(&mut Reader<'_, '_>, &mut RequestBuilder<'_>, u32) -> Result<(), Error>;

/// How a dialect reads a part of a content, which was opened.
pub(crate) type ReadPart = fn(&mut Reader<'_, '_>, &mut RequestBuilder<'_>, Origin) -> Result<(), Error>;

/// Where a text comes from.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) role: Role,
    pub(crate) message: Option<u32>,
}

impl Origin {
    /// Nobody, outside of messages.
    pub(crate) const OUTSIDE: Origin = Origin::of(Role::Other);
    /// The operator of the application, outside of messages.
    pub(crate) const SYSTEM: Origin = Origin::of(Role::System);
    /// The user, outside of messages.
    pub(crate) const USER: Origin = Origin::of(Role::User);
    /// Definitions of tools and of the form of an answer.
    pub(crate) const DEFINITION: Origin = Origin::of(Role::Tools);
    /// What was found elsewhere, by a tool or a search, and is to be read by the model.
    pub(crate) const FOUND: Origin = Origin::of(Role::Tool);

    /// Outside of messages.
    pub(crate) const fn of(role: Role) -> Origin {
        Origin { role, message: None }
    }

    /// In a message whose role is not known yet.
    pub(crate) const fn message(index: u32) -> Origin {
        Origin { role: Role::Other, message: Some(index) }
    }
}

/// Who speaks in a message. It may be said behind the texts that it is the role of.
pub(crate) struct Speaker {
    from: Origin,
    /// The first text of the message.
    first: usize,
    pub(crate) role: Role,
    /// The role as it stands.
    pub(crate) str: Option<Str>,
}

impl Speaker {
    /// The role, being one of these. Any other is a text: some servers put it into the prompt as it is.
    pub(crate) fn is(
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

    /// At the end of the message: its texts are the speaker's, but for those that are somebody's already.
    pub(crate) fn settle(self, builder: &mut RequestBuilder<'_>) {
        for text in builder.request.texts.iter_mut().skip(self.first).filter(|text| text.role == Role::Other) {
            text.role = self.role;
        }
        if let Some(message) = self.from.message.and_then(|at| builder.request.messages.get_mut(at as usize)) {
            message.role = self.str;
        }
    }
}
