//! An answer as the events of a stream, as OpenAI sends them: per choice a chunk that names the role, chunks of content
//! and of tool calls, a chunk with `finish_reason`; then the usage, if asked for, in a chunk without choices; `[DONE]`.

use std::borrow::Cow;
use std::time::Duration;

use crate::answer::Answer;
use crate::completion::{call_id, head, string, text, usage};
use crate::knobs::{Knobs, Usage, UsageAt};
use crate::tokens::{cut, piece_ends, tokens};

/// Characters per delta of the arguments of a tool call, unless `delta-chars` says otherwise.
const ARGUMENT_CHARS: usize = 8;

/// The bytes of a body and where its events end.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Events {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Vec<Event>,
}

/// One event: where it ends, and how long the model takes to produce it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Event {
    pub(crate) end: usize,
    pub(crate) takes: Duration,
}

impl Events {
    /// A body that is one event.
    pub(crate) fn whole(bytes: Vec<u8>) -> Events {
        let event = Event { end: bytes.len(), takes: Duration::ZERO };
        Events { bytes, ends: vec![event] }
    }

    /// The events of `answer`. `asked`: whether the client asked for usage.
    pub(crate) fn of(answer: &Answer<'_>, asked: bool, knobs: &Knobs) -> Events {
        let mut writer = Writer::new(answer, asked, knobs);
        let content = if answer.text.is_some() { r#""""# } else { "null" };
        for index in 0..answer.choices {
            writer.delta(index, 0, |out| {
                text(out, format_args!(r#""role":"assistant","content":{content},"refusal":null"#));
            });
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
        writer.event(0, |out| out.extend_from_slice(b"[DONE]"));
        writer.events
    }

    /// Adds the event by which a server says that it failed.
    pub(crate) fn fail(&mut self, knobs: &Knobs) {
        event(&mut self.bytes, knobs, |out| out.extend_from_slice(FAILED));
        self.ends.push(Event { end: self.bytes.len(), takes: knobs.between_events });
    }
}

const FAILED: &[u8] = br#"{"error":{"message":"The server had an error while processing your request. Sorry about that!","type":"server_error","param":null,"code":null}}"#;

struct Writer<'a> {
    answer: &'a Answer<'a>,
    knobs: &'a Knobs,
    asked: bool,
    /// What all chunks begin with.
    head: Vec<u8>,
    events: Events,
    spent: u64,
}

impl<'a> Writer<'a> {
    fn new(answer: &'a Answer<'a>, asked: bool, knobs: &'a Knobs) -> Writer<'a> {
        let mut begin = Vec::with_capacity(192);
        head(answer, "chat.completion.chunk", &mut begin);
        let deltas = answer.text.as_ref().map_or(0, |said| said.deltas().count());
        let expected = (deltas + 4) * answer.choices as usize;
        let events = Events {
            bytes: Vec::with_capacity(expected * (begin.len() + 96) + 512),
            ends: Vec::with_capacity(expected + 2),
        };
        Writer { answer, knobs, asked, head: begin, events, spent: 0 }
    }

    fn event(&mut self, spent: u64, data: impl FnOnce(&mut Vec<u8>)) {
        event(&mut self.events.bytes, self.knobs, data);
        let mut takes = if self.events.ends.is_empty() { Duration::ZERO } else { self.knobs.between_events };
        if let Some(speed) = self.knobs.tokens_per_second {
            takes += Duration::from_nanos(spent.saturating_mul(1_000_000_000) / speed.max(1));
        }
        self.events.ends.push(Event { end: self.events.bytes.len(), takes });
    }

    /// A chunk of the choice `index` whose delta has the members that `members` writes.
    fn delta(&mut self, index: u32, spent: u64, members: impl FnOnce(&mut Vec<u8>)) {
        self.spent += spent;
        let head = std::mem::take(&mut self.head);
        let tail = self.usage_member(false);
        self.event(spent, |out| {
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
        let ends = piece_ends(arguments, self.knobs.delta_chars.unwrap_or(ARGUMENT_CHARS));
        for piece in cut(arguments, &ends) {
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
        let tail = self.usage_member(true);
        let (head, finish) = (std::mem::take(&mut self.head), self.answer.finish);
        self.event(0, |out| {
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
        self.event(0, |out| {
            out.extend_from_slice(&head);
            out.extend_from_slice(br#"],"usage":"#);
            usage(of, out);
            out.push(b'}');
        });
        self.head = head;
    }

    /// What comes after the choices of a chunk.
    fn usage_member(&self, last: bool) -> Cow<'static, [u8]> {
        let total = self.answer.usage;
        let now = match self.knobs.usage_at {
            UsageAt::Asked | UsageAt::Always if self.asked => return Cow::Borrowed(br#","usage":null}"#),
            UsageAt::Last | UsageAt::Every if last => total,
            UsageAt::Every => Usage { output: self.spent.min(total.output), ..total },
            _ => return Cow::Borrowed(b"}"),
        };
        let mut member = br#","usage":"#.to_vec();
        usage(now, &mut member);
        member.push(b'}');
        Cow::Owned(member)
    }
}

fn event(out: &mut Vec<u8>, knobs: &Knobs, data: impl FnOnce(&mut Vec<u8>)) {
    let line_end = knobs.line_end.bytes();
    if knobs.comments {
        out.extend_from_slice(b": keep-alive");
        out.extend_from_slice(line_end);
        out.extend_from_slice(line_end);
    }
    out.extend_from_slice(b"data: ");
    data(out);
    out.extend_from_slice(line_end);
    out.extend_from_slice(line_end);
}
