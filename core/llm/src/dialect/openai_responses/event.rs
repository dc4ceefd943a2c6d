//! What an event of a streamed answer says.

use std::ops::Range;

use super::Result;
use super::response::{PartContext, choice, index, item, logprobs, part, response, summary};
use crate::json::reader::{Reader, Value};
use crate::view::response::{OffsetAnnotation, ResponseBuilder};
use crate::{Channel, Part, Span};

/// What kind of event it is.
#[derive(Clone, Copy, Default)]
struct Kind {
    /// What a `delta` of it is a piece of, and the text of its `done`.
    said: Option<Part>,
    /// A text ends with it.
    done: bool,
    /// The response ends with it.
    ends: bool,
    /// It says that something failed.
    failed: bool,
}

/// From the event's own `type`; its name only repeats that.
fn kind(name: &str) -> Kind {
    let Some(name) = name.strip_prefix("response.") else {
        return Kind { failed: name == "error", ..Kind::default() };
    };
    let ends = matches!(name, "completed" | "incomplete" | "failed" | "cancelled");
    // `output_text.delta` and `output_text.done`, and so on.
    let (subject, done) = match name.rsplit_once('.') {
        Some((subject, "delta")) => (subject, false),
        Some((subject, "done")) => (subject, true),
        _ => return Kind { ends, failed: name == "failed", ..Kind::default() },
    };
    let said = match subject {
        "output_text" | "text" => Some(Part::Content),
        "refusal" => Some(Part::Refusal),
        "reasoning_text" | "reasoning_summary_text" | "reasoning" | "reasoning_summary" => Some(Part::Reasoning),
        "function_call_arguments"
        | "mcp_call_arguments"
        | "mcp_call.arguments"
        | "custom_tool_call_input"
        | "code_interpreter_call_code" => Some(Part::ToolArguments(0)),
        "audio.transcript" | "output_audio_transcript" => Some(Part::Transcript),
        _ => None,
    };
    Kind { said, done: done && said.is_some(), ..Kind::default() }
}

/// Event under construction. Its type and indices may follow the texts that they apply to.
#[derive(Default)]
struct EventTexts {
    /// Index of the first text of the event.
    first: usize,
    kind: Kind,
    /// `output_index`.
    output: u32,
    /// Number of the part within the item, from `content_index` or `summary_index`.
    inner: u32,
    /// Index of the piece, whose part may not be known yet.
    delta: Option<usize>,
    /// Texts of an item or of the whole response: these know their part already.
    own: Range<usize>,
    is_response: bool,
}

impl EventTexts {
    /// Ends the event: assigns its texts to their channels.
    fn assign(self, builder: &mut ResponseBuilder<'_>) {
        let place = choice(self.output, self.inner);
        let of_item = choice(self.output, 0);
        for (at, text) in builder.response.texts.iter_mut().enumerate().skip(self.first) {
            match self.own.contains(&at) {
                true if self.is_response => {}
                true => text.channel.choice = text.channel.choice.saturating_add(of_item),
                false => text.channel.choice = place,
            }
            if let (Some(part), true) = (self.kind.said, self.delta == Some(at)) {
                text.channel.part = part;
            }
        }
        for offsets in builder.response.offsets.iter_mut().filter(|_| !self.is_response) {
            offsets.choice = offsets.choice.saturating_add(if self.own.is_empty() { place } else { of_item });
        }
        builder.response.is_error |= self.kind.failed;
        builder.response.ends |= self.kind.ends;
        // Not an event to be withheld, whatever usage is in it.
        builder.response.choices += 1;
        if self.kind.done {
            builder.response.finished.push(place);
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    reader.object()?;
    let mut event = EventTexts { first: builder.response.texts.len(), ..EventTexts::default() };
    let known = [
        "type",
        "delta",
        "text",
        "refusal",
        "arguments",
        "input",
        "code",
        "transcript",
        "item",
        "part",
        "response",
        "annotation",
        "logprobs",
        "output_index",
        "content_index",
        "summary_index",
        "annotation_index",
        "sequence_number",
        "item_id",
        "obfuscation",
        "partial_image_b64",
    ];
    while let Some((_, field)) = reader.field(&known)? {
        let value = reader.value()?;
        match (field, value) {
            ("type", Value::String(str)) => event.kind = kind(&str.decode(reader.body())),
            ("delta", Value::String(str)) => {
                event.delta = Some(builder.response.texts.len());
                builder.text(Channel::OTHER, str)?;
            }
            ("text" | "refusal" | "arguments" | "input" | "code" | "transcript", Value::String(str)) => {
                builder.text(Channel { part: Part::Whole, ..Channel::OTHER }, str)?;
            }
            ("item", value) => {
                let start = builder.response.texts.len();
                item(reader, builder, 0, value, true)?;
                event.own = start..builder.response.texts.len();
            }
            ("part", value) => part(reader, builder, value, PartContext { choice: 0, again: true, is_summary: false })?,
            ("response", Value::Object(_)) => {
                let start = builder.response.texts.len();
                event.is_response = true;
                response(reader, builder, true)?;
                event.own = start..builder.response.texts.len();
                if let Some(usage) = &mut builder.response.usage {
                    usage.complete = true;
                }
            }
            ("annotation", Value::Object(start)) => {
                builder.texts(reader, Channel::OTHER, value)?;
                builder.response.offsets.push(OffsetAnnotation { choice: 0, span: Span::new(start, reader.offset()) });
            }
            ("logprobs", value) => logprobs(reader, builder, 0, value)?,
            ("output_index", value @ Value::Number(_)) => event.output = index(reader, value),
            ("content_index", value @ Value::Number(_)) => event.inner = index(reader, value),
            ("summary_index", value @ Value::Number(_)) => event.inner = summary(index(reader, value)),
            ("" | "type" | "delta", value) => builder.texts(reader, Channel::OTHER, value)?,
            (_, value) => builder.nothing(reader, 0, value)?,
        }
    }
    event.assign(builder);
    Ok(())
}
