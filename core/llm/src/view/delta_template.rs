//! Template of an additional event, for held text whose own events were sent already.

use crate::dialect::DeltaMembers;
use crate::json::reader::{Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::{Channel, Dialect, Envelope, Event, OutputText, ParseLimits, Part, escape_into};

/// Maximum bytes of a template without its text, checked at every nesting level.
const MAX_BYTES: usize = 4096;
/// Maximum bytes of a member value that a template copies.
const MAX_VALUE_BYTES: usize = 256;

/// Event around one text, made from an earlier event of the same text.
///
/// It keeps the path to the text and the members that identify the response, the candidate and the part; the dialect
/// lists them. It has no usage, no role, no id of a tool call, no other candidate and no other text, because a client
/// must not receive them twice.
#[derive(Clone, Debug)]
pub struct DeltaTemplate {
    envelope: Envelope,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl DeltaTemplate {
    /// Creates a template from an event, its data and one of the texts parsed from that data. Returns `None` if the
    /// path to the text is longer than a template may be.
    #[must_use]
    pub fn new(dialect: Dialect, event: &Event<'_>, data: &[u8], text: &OutputText) -> Option<DeltaTemplate> {
        // The data was parsed within limits before.
        let limits = ParseLimits {
            max_bytes: usize::MAX,
            max_depth: usize::MAX,
            max_items: usize::MAX,
            ..ParseLimits::default()
        };
        let mut scratch = Scratch::default();
        let mut reader = Reader::new(data, &limits, Side::Response, &mut scratch).ok()?;
        let members = &dialect.spec().delta_members;
        let mut path = Path { target: text.str.literal().start, channel: text.channel, members, head: Vec::new() };
        // The closing byte of each object or array, and `true` if the members that are null precede it.
        let mut closing: Vec<(u8, bool)> = Vec::new();
        let mut member: &[u8] = b"";
        let mut depth = 0;
        loop {
            if path.head.len() > MAX_BYTES {
                return None;
            }
            let inner = match reader.value().ok()? {
                Value::Object(_) => {
                    let (name, inner) = path.object(&mut reader, depth, member)?;
                    member = name;
                    closing.push((b'}', depth == 1));
                    depth += 1;
                    inner
                }
                Value::Array(_) => {
                    path.head.push(b'[');
                    closing.push((b']', false));
                    path.element(&mut reader)?
                }
                Value::String(str) if str.literal().start == path.target => break,
                _ => return None,
            };
            reader.restart(inner);
        }
        path.head.push(b'"');
        let mut tail = b"\"".to_vec();
        for (close, is_candidate) in closing.into_iter().rev() {
            for null in members.null.iter().filter(|_| is_candidate) {
                tail.extend_from_slice(format!(",\"{null}\":null").as_bytes());
            }
            tail.push(close);
        }
        Some(DeltaTemplate { envelope: event.envelope(), head: path.head, tail })
    }

    /// Appends an event with `text` to `out`.
    pub fn write(&self, text: &str, out: &mut Vec<u8>) {
        let mut data = Vec::with_capacity(self.head.len() + text.len() + self.tail.len());
        data.extend_from_slice(&self.head);
        escape_into(text, &mut data);
        data.extend_from_slice(&self.tail);
        self.envelope.write(&data, out);
    }
}

/// Copies the path from the top of an event to a text.
struct Path<'m> {
    /// Offset of the text's opening quote.
    target: usize,
    channel: Channel,
    members: &'m DeltaMembers,
    head: Vec<u8>,
}

impl Path<'_> {
    /// Copies the identifying members of an opened object; returns the name and the value offset of the member that
    /// contains the text. `depth` is the number of objects around it, `member` the name of the member it belongs to.
    fn object<'b>(&mut self, reader: &mut Reader<'b, '_>, depth: u32, member: &[u8]) -> Option<(&'b [u8], usize)> {
        // A candidate or a tool call without an index has its position as index, which a template does not keep.
        let index = match self.channel.part {
            _ if depth == 1 && member == self.members.indexed.choices.as_bytes() => Some(self.channel.choice),
            // The event itself is no tool call, in APIs without a list of calls.
            Part::ToolName(index) | Part::ToolArguments(index)
                if depth > 0 && member == self.members.indexed.calls.as_bytes() =>
            {
                Some(index)
            }
            _ => None,
        };
        let kept = if depth == 0 { self.members.top } else { self.members.inner };
        self.head.push(b'{');
        if let Some(index) = index {
            self.head.extend_from_slice(format!("\"index\":{index},").as_bytes());
        }
        let body = reader.body();
        let mut found = None;
        while let Some(key) = reader.key().ok()? {
            let (start, end) = skip(reader)?;
            let name = key.span.of(body);
            let value = body.get(start..end)?;
            if (start..end).contains(&self.target) {
                found = Some((name, start));
            } else if kept.iter().any(|kept| kept.as_bytes() == name)
                && value.len() <= MAX_VALUE_BYTES
                && !matches!(value.first(), Some(b'{' | b'['))
                && !(index.is_some() && name == b"index")
            {
                for piece in [b"\"", name, b"\":", value, b","] {
                    self.head.extend_from_slice(piece);
                }
            }
        }
        let (name, start) = found?;
        for piece in [b"\"", name, b"\":"] {
            self.head.extend_from_slice(piece);
        }
        Some((name, start))
    }

    /// Returns the offset of the element of an opened array that contains the text.
    fn element(&self, reader: &mut Reader<'_, '_>) -> Option<usize> {
        while let Some(value) = reader.element().ok()? {
            let start = value.start();
            reader.walk(value, |_| Ok(())).ok()?;
            if (start..reader.offset()).contains(&self.target) {
                return Some(start);
            }
        }
        None
    }
}

/// Skips the next value; returns its offset and the offset after it.
fn skip(reader: &mut Reader<'_, '_>) -> Option<(usize, usize)> {
    let value = reader.value().ok()?;
    reader.walk(value, |_| Ok(())).ok()?;
    Some((value.start(), reader.offset()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chunk, Framer, Framing};

    /// Returns the event that a template made from the text at index `at` of `data` writes for `text`.
    fn event(data: &str, at: usize, text: &str) -> String {
        let chunk = Chunk::parse(Dialect::OpenAiChat, data.as_bytes(), &ParseLimits::default()).unwrap().unwrap();
        let (mut template, mut out) = (None, Vec::new());
        let mut framer = Framer::new(Framing::Sse, 1 << 20);
        let pushed = framer.push(b"data: 1\n\n", |event| {
            template = DeltaTemplate::new(Dialect::OpenAiChat, &event, data.as_bytes(), &chunk.texts[at]);
            Ok::<_, ()>(())
        });
        assert!(pushed.is_ok());
        template.unwrap().write(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn keeps_identifying_members_and_drops_all_others() {
        let data = r#" { "id" : "c1", "object":"chat.completion.chunk", "created":12, "usage":{"total_tokens":3}, "x":"y",
            "choices":[{"index":0,"delta":{"content":"a"}},
                       {"delta":{"role":"assistant","refusal":"no","content":"b"},"logprobs":null,"finish_reason":"stop","index":1}]}"#;
        assert_eq!(
            event(data, 4, "\"é\n"),
            "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":12,\"choices\":[{\"index\":1,\
             \"delta\":{\"content\":\"\\\"é\\n\"},\"finish_reason\":null}]}\n\n",
        );
    }

    #[test]
    fn keeps_the_index_of_a_tool_call_but_not_its_id() {
        let data = r#"{"id":"c1","choices":[{"index":0,"delta":{"tool_calls":[
            {"index":4,"id":"call_1","type":"function","function":{"name":"f","arguments":"{"}}]}}]}"#;
        assert_eq!(
            event(data, 1, "}"),
            "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":4,\"type\":\"function\",\
             \"function\":{\"arguments\":\"}\"}}]},\"finish_reason\":null}]}\n\n",
        );
    }

    #[test]
    fn long_values_are_omitted() {
        let data = format!(r#"{{"id":"{}","choices":[{{"delta":{{"content":"a"}}}}]}}"#, "i".repeat(MAX_VALUE_BYTES));
        assert!(event(&data, 0, "b").starts_with("data: {\"choices\":[{\"index\":0,"));
    }
}
