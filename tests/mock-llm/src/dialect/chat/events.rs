//! Streamed chat completions, in OpenAI's order.
//!
//! For each choice a chunk with the role, chunks with content and tool calls, and a chunk with `finish_reason`; then the usage, if
//! requested, in a chunk without choices; then `[DONE]`.

use std::borrow::Cow;

use super::{call_id, head, usage};
use crate::error::ApiError;
use crate::generation::Generation;
use crate::json::{string, text};
use crate::knobs::{Knobs, UsageAt};
use crate::stream::{Events, Framing, Stream};
use crate::tokens::{argument_segments, tokens};

/// Encodes the output as events. `include_usage` is the request's `stream_options.include_usage`.
pub(super) fn encode(generation: &Generation<'_>, include_usage: bool, knobs: &Knobs) -> Events {
    let mut writer = Writer::new(generation, include_usage, knobs);
    let content = if generation.text.is_some() { r#""""# } else { "null" };
    for index in 0..generation.choices {
        writer.delta(index, 0, |out| {
            text(out, format_args!(r#""role":"assistant","content":{content},"refusal":null"#));
        });
    }
    for delta in generation.thinking.iter().flat_map(|segmented| segmented.deltas()) {
        let spent = tokens(delta);
        for index in 0..generation.choices {
            writer.delta(index, spent, |out| {
                out.extend_from_slice(br#""reasoning_content":"#);
                string(delta, out);
            });
        }
    }
    for delta in generation.text.iter().flat_map(|segmented| segmented.deltas()) {
        let spent = tokens(delta);
        for index in 0..generation.choices {
            writer.delta(index, spent, |out| {
                out.extend_from_slice(br#""content":"#);
                string(delta, out);
            });
        }
    }
    for (at, (name, arguments)) in generation.tool_calls.iter().enumerate() {
        writer.tool_call(at, name, arguments);
    }
    for index in 0..generation.choices {
        writer.finish(index);
    }
    if matches!((knobs.usage_at, include_usage), (UsageAt::Asked, true) | (UsageAt::Always, _)) {
        writer.usage();
    }
    writer.stream.event("", 0, |out| out.extend_from_slice(b"[DONE]"));
    writer.stream.finish(("", |out: &mut Vec<u8>| ApiError::mid_stream().openai().body.write(out)))
}

struct Writer<'a> {
    generation: &'a Generation<'a>,
    knobs: &'a Knobs,
    include_usage: bool,
    /// Beginning of all chunks.
    head: Vec<u8>,
    stream: Stream<'a>,
}

impl<'a> Writer<'a> {
    fn new(generation: &'a Generation<'a>, include_usage: bool, knobs: &'a Knobs) -> Writer<'a> {
        let mut begin = Vec::with_capacity(192);
        head(generation, "chat.completion.chunk", &mut begin);
        let deltas = generation.text.as_ref().map_or(0, |segmented| segmented.deltas().count());
        let expected = (deltas + 4) * generation.choices as usize;
        let mut stream = Stream::new(Framing::Sse, knobs);
        stream.reserve(expected + 2, expected * (begin.len() + 96) + 512);
        Writer { generation, knobs, include_usage, head: begin, stream }
    }

    /// Appends a chunk of the choice `index`; `members` writes the members of its delta.
    fn delta(&mut self, index: u32, spent: u64, members: impl FnOnce(&mut Vec<u8>)) {
        let head = std::mem::take(&mut self.head);
        let tail = self.usage_member(spent, false);
        self.stream.event("", spent, |out| {
            out.extend_from_slice(&head);
            text(out, format_args!(r#"{{"index":{index},"delta":{{"#));
            members(out);
            out.extend_from_slice(br#"},"logprobs":null,"finish_reason":null}]"#);
            out.extend_from_slice(&tail);
        });
        self.head = head;
    }

    /// Appends the chunks of a tool call: one with the name and some with the arguments. With the knob `delta-chars`, arguments
    /// that fit into one piece are in the first chunk, as in Mistral's API.
    fn tool_call(&mut self, at: usize, name: &str, arguments: &str) {
        let generation = self.generation;
        let whole = self.knobs.delta_chars.is_some_and(|size| arguments.len() <= size);
        let (first, rest) = if whole { (arguments, "") } else { ("", arguments) };
        for index in 0..generation.choices {
            self.delta(index, tokens(name) + tokens(first), |out| {
                text(out, format_args!(r#""tool_calls":[{{"index":{at},"id":"#));
                call_id(generation, index, at, out);
                out.extend_from_slice(br#","type":"function","function":{"name":"#);
                string(name, out);
                out.extend_from_slice(br#","arguments":"#);
                string(first, out);
                out.extend_from_slice(b"}}]");
            });
        }
        for piece in argument_segments(rest, self.knobs.delta_chars) {
            for index in 0..generation.choices {
                self.delta(index, tokens(piece), |out| {
                    text(out, format_args!(r#""tool_calls":[{{"index":{at},"function":{{"arguments":"#));
                    string(piece, out);
                    out.extend_from_slice(b"}}]");
                });
            }
        }
    }

    fn finish(&mut self, index: u32) {
        let tail = self.usage_member(0, true);
        let (head, finish) = (std::mem::take(&mut self.head), self.generation.finish);
        self.stream.event("", 0, |out| {
            out.extend_from_slice(&head);
            text(out, format_args!(r#"{{"index":{index},"delta":{{}},"logprobs":null,"finish_reason":"#));
            string(finish, out);
            out.extend_from_slice(b"}]");
            out.extend_from_slice(&tail);
        });
        self.head = head;
    }

    fn usage(&mut self) {
        let (head, of) = (std::mem::take(&mut self.head), self.generation.usage);
        self.stream.event("", 0, |out| {
            out.extend_from_slice(&head);
            out.extend_from_slice(br#"],"usage":"#);
            usage(of, out);
            out.push(b'}');
        });
        self.head = head;
    }

    /// Returns the end of a chunk with `spent` output tokens: its `usage` member, if any, and the closing brace.
    fn usage_member(&self, spent: u64, last: bool) -> Cow<'static, [u8]> {
        let total = self.generation.usage;
        let now = match self.knobs.usage_at {
            UsageAt::Asked | UsageAt::Always if self.include_usage => return Cow::Borrowed(br#","usage":null}"#),
            UsageAt::Last | UsageAt::Every if last => total,
            UsageAt::Every => total.so_far(self.stream.spent + spent),
            _ => return Cow::Borrowed(b"}"),
        };
        let mut member = br#","usage":"#.to_vec();
        usage(now, &mut member);
        member.push(b'}');
        Cow::Owned(member)
    }
}
