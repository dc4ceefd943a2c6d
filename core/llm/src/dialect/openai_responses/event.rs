//! Reads events of streamed responses.

use std::ops::Range;

use super::Result;
use super::response::{PartContext, choice, index, item, logprobs, part, response, summary};
use crate::json::reader::{Reader, Value};
use crate::view::response::{OffsetAnnotation, ResponseBuilder};
use crate::{Channel, ListedSearches, Part, ReportedUsage, Span};

/// Properties of an event type.
#[derive(Clone, Copy, Default)]
struct EventType {
    /// Part that its text belongs to.
    part: Option<Part>,
    /// `true` if the event adds an item, so that the name in it was not streamed before.
    adds_item: bool,
    /// `true` if the event completes an item.
    completes_item: bool,
    /// `true` if the event ends a text.
    done: bool,
    /// `true` if the event ends the response.
    ends: bool,
    /// `true` if the event reports an error.
    failed: bool,
    /// `true` if the API has such an event with an item, a part or a text that is complete. What others have may go on in the next
    /// event.
    is_complete: bool,
}

/// Returns the properties of the event with this `type`; the name of the event only repeats the type.
fn event_type(name: &str) -> EventType {
    let Some(name) = name.strip_prefix("response.") else {
        return EventType { failed: name == "error", is_complete: name == "error", ..EventType::default() };
    };
    let ends = matches!(name, "completed" | "incomplete" | "failed" | "cancelled");
    // `output_text.delta` and `output_text.done`, and so on.
    let (subject, done) = match name.rsplit_once('.') {
        Some((subject, "delta")) => (subject, false),
        Some((subject, "done")) => (subject, true),
        _ => {
            let adds_item = name == "output_item.added";
            let is_complete =
                adds_item || ends || matches!(name, "content_part.added" | "reasoning_summary_part.added");
            return EventType { ends, adds_item, failed: name == "failed", is_complete, ..EventType::default() };
        }
    };
    let part = match subject {
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
    let completes_item = done && subject == "output_item";
    let is_complete =
        done && (part.is_some() || matches!(subject, "output_item" | "content_part" | "reasoning_summary_part"));
    EventType { part, completes_item, done: done && part.is_some(), is_complete, ..EventType::default() }
}

/// Event under construction. Its type and indices may follow the texts that they apply to.
#[derive(Default)]
struct EventTexts {
    /// Index of the first text of the event.
    first: usize,
    /// Index of the first value of the event that repeats others.
    first_snapshot: usize,
    event_type: EventType,
    /// `output_index`.
    output: u32,
    /// Number of the part within the item, from `content_index` or `summary_index`.
    inner: u32,
    /// Index of the text of `delta`, whose part is known once `type` has been read.
    delta: Option<usize>,
    /// Texts of an `item` or a whole `response`, which have their parts already.
    nested: Range<usize>,
    is_response: bool,
}

impl EventTexts {
    /// Ends the event: assigns its texts to their channels.
    fn assign(self, builder: &mut ResponseBuilder<'_>) {
        let is_open = !self.event_type.is_complete && !self.is_response;
        if is_open {
            builder.response.snapshots.truncate(self.first_snapshot);
        }
        let part_choice = choice(self.output, self.inner);
        let item_choice = choice(self.output, 0);
        for (at, text) in builder.response.texts.iter_mut().enumerate().skip(self.first) {
            match self.nested.contains(&at) {
                true if self.is_response => {}
                true => text.channel.choice = text.channel.choice.saturating_add(item_choice),
                false => text.channel.choice = part_choice,
            }
            let is_name = matches!(text.channel.part, Part::ToolName(_));
            if is_name && self.nested.contains(&at) && !self.event_type.adds_item {
                text.channel.part = Part::Whole;
            }
            if let (Some(part), true) = (self.event_type.part, self.delta == Some(at)) {
                text.channel.part = part;
            } else if is_open {
                text.channel.part = Part::Other;
            }
        }
        for offsets in builder.response.offsets.iter_mut().filter(|_| !self.is_response) {
            offsets.choice =
                offsets.choice.saturating_add(if self.nested.is_empty() { part_choice } else { item_choice });
        }
        if self.event_type.completes_item && builder.searches > 0 {
            let listed_searches = ListedSearches::single(builder.searches);
            builder.merge_usage(ReportedUsage { listed_searches, ..ReportedUsage::default() });
        }
        builder.response.is_error |= self.event_type.failed;
        builder.response.ends |= self.event_type.ends;
        // Never a usage-only event, which could be withheld from the client.
        builder.response.choices += 1;
        if self.event_type.done {
            builder.response.finished.push(part_choice);
        }
    }
}

/// Members of events with a meaning of their own.
const MEMBERS: [&str; 21] = [
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

/// Reads an event.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    reader.object()?;
    let mut event = EventTexts {
        first: builder.response.texts.len(),
        first_snapshot: builder.response.snapshots.len(),
        ..EventTexts::default()
    };
    while let Some((_, field)) = reader.field(&MEMBERS)? {
        let value = reader.value()?;
        match (field, value) {
            ("type", Value::String(str)) => event.event_type = event_type(&str.decode(reader.body())),
            ("delta", Value::String(str)) => {
                event.delta = Some(builder.response.texts.len());
                builder.text(Channel::OTHER, str)?;
            }
            ("arguments" | "input" | "code", Value::String(str)) => {
                builder.text(Channel { part: Part::WholeArguments, ..Channel::OTHER }, str)?;
            }
            ("text" | "refusal" | "transcript", Value::String(str)) => {
                builder.text(Channel { part: Part::Whole, ..Channel::OTHER }, str)?;
            }
            ("item", value) => {
                let start = builder.response.texts.len();
                item(reader, builder, 0, value, true)?;
                builder.snapshot(reader, value);
                event.nested = start..builder.response.texts.len();
            }
            ("part", value) => {
                part(reader, builder, value, PartContext { choice: 0, is_repeated: true, is_summary: false })?;
                builder.snapshot(reader, value);
            }
            ("response", Value::Object(_)) => {
                let start = builder.response.texts.len();
                event.is_response = true;
                response(reader, builder, true)?;
                builder.snapshot(reader, value);
                event.nested = start..builder.response.texts.len();
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
            ("sequence_number" | "obfuscation", value) => builder.padding(reader, value)?,
            ("" | "type" | "delta", value) => builder.texts(reader, Channel::OTHER, value)?,
            (_, value) => builder.no_text(reader, 0, value)?,
        }
    }
    event.assign(builder);
    Ok(())
}
