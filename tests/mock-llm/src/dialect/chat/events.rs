//! An answer as the events of a stream, as OpenAI sends them: per choice a chunk that names the role, chunks of content
//! and of tool calls, a chunk with `finish_reason`; then the usage, if asked for, in a chunk without choices; `[DONE]`.

use std::borrow::Cow;

use super::{call_id, head, usage};
use crate::answer::Answer;
use crate::error::ApiError;
use crate::json::{string, text};
use crate::knobs::{Knobs, Usage, UsageAt};
use crate::stream::{Events, Framing, Stream};
use crate::tokens::{argument_pieces, tokens};

/// The events of `answer`. `asked`: whether the client asked for usage.
pub(super) fn of(answer: &Answer<'_>, asked: bool, knobs: &Knobs) -> Events {
    let mut writer = Writer::new(answer, asked, knobs);
    let content = if answer.text.is_some() { r#""""# } else { "null" };
    for index in 0..answer.choices {
        writer.delta(index, 0, |out| {
            text(out, format_args!(r#""role":"assistant","content":{content},"refusal":null"#));
        });
    }
    for delta in answer.thought.iter().flat_map(|said| said.deltas()) {
        let spent = tokens(delta);
        for index in 0..answer.choices {
            writer.delta(index, spent, |out| {
                out.extend_from_slice(br#""reasoning_content":"#);
                string(delta, out);
            });
        }
    }
    for delta in answer.text.iter().flat_map(|said| said.deltas()) {
        let spent = tokens(delta);
        for index in 0..answer.choices {
            writer.delta(index, spent, |out| {
                out.extend_from_slice(br#""content":"#);
                string(delta, out);
            });
        }
    }
    for (at, (name, arguments)) in answer.tool_calls.iter().enumerate() {
        writer.tool_call(at, name, arguments);
    }
    for index in 0..answer.choices {
        writer.finish(index);
    }
    if matches!((knobs.usage_at, asked), (UsageAt::Asked, true) | (UsageAt::Always, _)) {
        writer.usage();
    }
    writer.stream.event("", 0, |out| out.extend_from_slice(b"[DONE]"));
    writer.stream.end(("", |out: &mut Vec<u8>| ApiError::in_the_middle().openai().body.write(out)))
}

struct Writer<'a> {
    answer: &'a Answer<'a>,
    knobs: &'a Knobs,
    asked: bool,
    /// What all chunks begin with.
    head: Vec<u8>,
    stream: Stream<'a>,
}

impl<'a> Writer<'a> {
    fn new(answer: &'a Answer<'a>, asked: bool, knobs: &'a Knobs) -> Writer<'a> {
        let mut begin = Vec::with_capacity(192);
        head(answer, "chat.completion.chunk", &mut begin);
        let deltas = answer.text.as_ref().map_or(0, |said| said.deltas().count());
        let expected = (deltas + 4) * answer.choices as usize;
        let mut stream = Stream::new(Framing::Sse, knobs);
        stream.reserve(expected + 2, expected * (begin.len() + 96) + 512);
        Writer { answer, knobs, asked, head: begin, stream }
    }

    /// A chunk of the choice `index` whose delta has the members that `members` writes.
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

    fn tool_call(&mut self, at: usize, name: &str, arguments: &str) {
        let answer = self.answer;
        for index in 0..answer.choices {
            self.delta(index, tokens(name), |out| {
                text(out, format_args!(r#""tool_calls":[{{"index":{at},"id":"#));
                call_id(answer, index, at, out);
                out.extend_from_slice(br#","type":"function","function":{"name":"#);
                string(name, out);
                out.extend_from_slice(br#","arguments":""}}]"#);
            });
        }
        for piece in argument_pieces(arguments, self.knobs.delta_chars) {
            for index in 0..answer.choices {
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
        let (head, finish) = (std::mem::take(&mut self.head), self.answer.finish);
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
        let (head, of) = (std::mem::take(&mut self.head), self.answer.usage);
        self.stream.event("", 0, |out| {
            out.extend_from_slice(&head);
            out.extend_from_slice(br#"],"usage":"#);
            usage(of, out);
            out.push(b'}');
        });
        self.head = head;
    }

    /// What comes after the choices of a chunk that takes so many tokens.
    fn usage_member(&self, spent: u64, last: bool) -> Cow<'static, [u8]> {
        let total = self.answer.usage;
        let now = match self.knobs.usage_at {
            UsageAt::Asked | UsageAt::Always if self.asked => return Cow::Borrowed(br#","usage":null}"#),
            UsageAt::Last | UsageAt::Every if last => total,
            UsageAt::Every => Usage { output: (self.stream.spent + spent).min(total.output), ..total },
            _ => return Cow::Borrowed(b"}"),
        };
        let mut member = br#","usage":"#.to_vec();
        usage(now, &mut member);
        member.push(b'}');
        Cow::Owned(member)
    }
}
