//! Shape of an event: parsing without reading again what the previous events had too.
//!
//! The events of a stream repeat each other: of 250 bytes, the ten of a text differ. An [`EventShape`] is an event that was
//! parsed, with the positions of its texts. A later event that has the same bytes around its strings has the same content,
//! so only these strings are scanned. The result is the same as that of the parser, for every event; an event that does not
//! match is parsed.

use crate::json::scan::{self, Side};
use crate::{Chunk, Part, Span};

/// Maximum bytes of the name and the data of an event whose shape is stored. The events of long streams are shorter.
const MAX_BYTES: usize = 2048;
/// Maximum number of texts and other values in an event whose shape is stored.
const MAX_VALUES: usize = 8;

/// Parsed event whose texts may be replaced by those of another event.
#[derive(Debug, Default)]
pub(super) struct EventShape {
    /// Name that the framing gives the event.
    name: Option<Vec<u8>>,
    /// Data of the event that was parsed.
    data: Vec<u8>,
    /// Values in which other events may differ, in document order. Empty: the shape matches nothing.
    slots: Vec<Slot>,
    /// Other values of the content between and behind the slots, which move with these.
    moved: Vec<Moved>,
    /// Content of the last event that matched, or of the stored one.
    chunk: Chunk,
}

/// Value in which the events of a shape may differ.
#[derive(Clone, Copy, Debug)]
struct Slot {
    kind: SlotKind,
    /// Its bytes in the stored event: those of a string between its quotes, or those of a number.
    span: Span,
    /// Offset of its end in the event that is being matched.
    end: usize,
}

#[derive(Clone, Copy, Debug)]
enum SlotKind {
    /// Text with this index.
    Text(usize),
    /// String without a meaning.
    String,
    /// Number without a meaning.
    Number,
}

/// Value of the content that is the same in all events of a shape, but not always at the same position.
#[derive(Clone, Copy, Debug)]
struct Moved {
    value: MovedValue,
    /// Position in the stored event.
    span: Span,
    /// Index of the slot in front of it.
    slot: usize,
}

#[derive(Clone, Copy, Debug)]
enum MovedValue {
    Model,
    /// Text with this index.
    Text(usize),
    /// Log probabilities with this index.
    Logprobs(usize),
}

/// Value of an event that has no meaning and differs from event to event: padding, sequence numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Padding {
    pub(super) span: Span,
    pub(super) is_string: bool,
}

impl EventShape {
    /// Returns `true` if the content of events similar to this one depends on the strings in their texts alone.
    pub(super) fn can_store(name: Option<&[u8]>, data: &[u8], chunk: &Chunk) -> bool {
        chunk.usage.is_none()
            && chunk.by_model.is_empty()
            && chunk.finished.is_empty()
            && chunk.offsets.is_empty()
            && chunk.snapshots.is_empty()
            && !chunk.ends
            && !chunk.is_error
            && name.unwrap_or_default().len() + data.len() <= MAX_BYTES
            && chunk.texts.len() + chunk.padding.len() <= MAX_VALUES
            && chunk.texts.iter().any(|text| is_piece(text.channel.part))
    }

    /// Stores an event that [`can_store`](Self::can_store) accepts, and takes its content.
    pub(super) fn store(&mut self, name: Option<&[u8]>, data: &[u8], chunk: &mut Chunk) {
        let EventShape { name: stored_name, data: stored, slots, moved, chunk: content } = self;
        slots.clear();
        moved.clear();
        for (at, text) in chunk.texts.iter().enumerate().filter(|(_, text)| is_piece(text.channel.part)) {
            slots.push(Slot { kind: SlotKind::Text(at), span: text.str.span, end: 0 });
        }
        for padding in &chunk.padding {
            let kind = if padding.is_string { SlotKind::String } else { SlotKind::Number };
            slots.push(Slot { kind, span: padding.span, end: 0 });
        }
        slots.sort_unstable_by_key(|slot| slot.span.start);
        let texts = chunk.texts.iter().enumerate().filter(|(_, text)| !is_piece(text.channel.part));
        let values = texts
            .map(|(at, text)| (MovedValue::Text(at), text.str.span))
            .chain(chunk.model.map(|model| (MovedValue::Model, model.span)))
            .chain(chunk.logprobs.iter().enumerate().map(|(at, span)| (MovedValue::Logprobs(at), *span)));
        for (value, span) in values {
            // Values in front of all slots stay where they are.
            let slots_before = slots.partition_point(|slot| slot.span.end <= span.start);
            if let Some(slot) = slots_before.checked_sub(1) {
                moved.push(Moved { value, span, slot });
            }
        }
        *stored_name = name.map(<[u8]>::to_vec);
        stored.clear();
        stored.extend_from_slice(data);
        std::mem::swap(content, chunk);
    }

    /// Returns the content of the last event that matched, or of the stored one.
    pub(super) fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// Reads an event of this shape. Returns `false` if the event has another shape or is not valid; the content is then
    /// undefined until an event matches.
    pub(super) fn matches(&mut self, name: Option<&[u8]>, data: &[u8]) -> bool {
        let EventShape { name: stored_name, data: stored, slots, moved, chunk } = self;
        if slots.is_empty() || stored_name.as_deref() != name {
            return false;
        }
        let (mut at, mut stored_at) = (0, 0);
        for slot in slots.iter_mut() {
            let fixed = stored.get(stored_at..slot.span.start).unwrap_or_default();
            if !data.get(at..).unwrap_or_default().starts_with(fixed) {
                return false;
            }
            at += fixed.len();
            let end = match slot.kind {
                SlotKind::Text(_) | SlotKind::String => scan::string(data, at, Side::Response).map(|str| {
                    if let SlotKind::Text(index) = slot.kind
                        && let Some(text) = chunk.texts.get_mut(index)
                    {
                        text.str = str;
                    }
                    str.span.end
                }),
                SlotKind::Number => scan::number(data, at).map(|span| span.end),
            };
            let Ok(end) = end else { return false };
            slot.end = end;
            (at, stored_at) = (end, slot.span.end);
        }
        if data.get(at..) != stored.get(stored_at..) {
            return false;
        }
        for Moved { value, span, slot } in moved.iter() {
            let Some(slot) = slots.get(*slot) else { continue };
            let start = slot.end + span.start.saturating_sub(slot.span.end);
            let target = match value {
                MovedValue::Model => chunk.model.as_mut().map(|model| &mut model.span),
                MovedValue::Text(at) => chunk.texts.get_mut(*at).map(|text| &mut text.str.span),
                MovedValue::Logprobs(at) => chunk.logprobs.get_mut(*at),
            };
            if let Some(target) = target {
                *target = Span::new(start, start + span.len());
            }
        }
        true
    }
}

/// Returns `true` for texts that are the same kind of text whatever their value. Strings of other parts may be
/// discriminators.
fn is_piece(part: Part) -> bool {
    matches!(part, Part::Content | Part::Reasoning | Part::ToolArguments(_) | Part::Transcript | Part::Refusal)
}
