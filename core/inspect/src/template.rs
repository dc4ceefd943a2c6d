//! An event for text that has no event of its own left.

use tollgate_llm::{Channel, DeltaMembers, Envelope, Part, Str, escape_into};

/// Bytes a template may have without its text.
const MAX_BYTES: usize = 4096;
/// Bytes of a value that a template takes over.
const MAX_VALUE_BYTES: usize = 256;

/// An event around one text: what an earlier event of the same text had, with nothing in it that must not be said twice.
///
/// Of the data it keeps the way to the text and the members that say which answer, candidate and part it belongs to; the
/// dialect knows them ([`DeltaMembers`]). So there is no usage, no role, no id of a tool call, no other candidate and no other
/// text in it.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    envelope: Envelope,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Template {
    /// From the data of an event (JSON that has been read without error) and a text of it. `None` if the way to the
    /// text is longer than a template may be.
    pub(crate) fn new(
        envelope: Envelope,
        echo: &DeltaMembers,
        data: &[u8],
        channel: Channel,
        str: Str,
    ) -> Option<Template> {
        let target = str.literal().start;
        let mut template = Template { envelope, head: Vec::new(), tail: Vec::new() };
        // What each object or array is closed with, and how many members that are null stand before that.
        let mut tails: Vec<(u8, bool)> = Vec::new();
        let mut walk = Walk { data, at: 0 };
        let mut way: &[u8] = b"";
        let mut depth = 0;
        loop {
            if template.head.len() > MAX_BYTES {
                return None;
            }
            match walk.peek()? {
                b'{' => {
                    way = template.object(&mut walk, target, depth, way, channel, echo)?;
                    tails.push((b'}', depth == 1));
                    depth += 1;
                }
                b'[' => {
                    walk.element_with(target)?;
                    template.head.push(b'[');
                    tails.push((b']', false));
                }
                b'"' if walk.at == target => break,
                _ => return None,
            }
        }
        template.head.push(b'"');
        template.tail.push(b'"');
        for (close, candidate) in tails.into_iter().rev() {
            for null in echo.null.iter().filter(|_| candidate) {
                template.tail.extend_from_slice(format!(",\"{null}\":null").as_bytes());
            }
            template.tail.push(close);
        }
        Some(template)
    }

    /// Goes from an object to the member that the text is in; its name.
    fn object<'d>(
        &mut self,
        walk: &mut Walk<'d>,
        target: usize,
        depth: u32,
        way: &[u8],
        channel: Channel,
        echo: &DeltaMembers,
    ) -> Option<&'d [u8]> {
        // A candidate or a tool call without an index has the one of its place, which is not kept.
        let index = match channel.part {
            _ if depth == 1 && way == echo.indexed.choices.as_bytes() => Some(channel.choice),
            Part::ToolName(index) | Part::ToolArguments(index) if way == echo.indexed.calls.as_bytes() => Some(index),
            _ => None,
        };
        let kept = if depth == 0 { echo.top } else { echo.inner };
        self.head.push(b'{');
        if let Some(index) = index {
            self.head.extend_from_slice(format!("\"index\":{index},").as_bytes());
        }
        let mut found = None;
        walk.at += 1;
        while walk.peek()? != b'}' {
            let key = walk.value()?;
            walk.at += usize::from(walk.peek()? == b':');
            walk.peek()?;
            let begin = walk.at;
            let value = walk.value()?;
            let name = key.get(1..key.len().saturating_sub(1))?;
            if (begin..walk.at).contains(&target) {
                found = Some((name, begin));
            } else if kept.iter().any(|kept| kept.as_bytes() == name)
                && value.len() <= MAX_VALUE_BYTES
                && !matches!(value.first(), Some(b'{' | b'['))
                && !(index.is_some() && name == b"index")
            {
                for piece in [key, b":", value, b","] {
                    self.head.extend_from_slice(piece);
                }
            }
            if walk.peek()? == b',' {
                walk.at += 1;
            }
        }
        let (name, begin) = found?;
        walk.at = begin;
        for piece in [b"\"", name, b"\":"] {
            self.head.extend_from_slice(piece);
        }
        Some(name)
    }

    /// Appends the event that says `text`.
    pub(crate) fn event(&self, text: &str, out: &mut Vec<u8>) {
        let mut data = Vec::with_capacity(self.head.len() + text.len() + self.tail.len());
        data.extend_from_slice(&self.head);
        escape_into(text, &mut data);
        data.extend_from_slice(&self.tail);
        self.envelope.write(&data, out);
    }
}

/// A walk over JSON that is known to be well-formed. (On anything else it ends early.)
struct Walk<'d> {
    data: &'d [u8],
    at: usize,
}

impl<'d> Walk<'d> {
    /// The next byte that is not white space; the walk is then there.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.data.get(self.at)? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    /// Goes over a value; its bytes.
    fn value(&mut self) -> Option<&'d [u8]> {
        self.peek()?;
        let begin = self.at;
        let mut depth = 0usize;
        loop {
            match *self.data.get(self.at)? {
                b'"' => self.string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' => self.at += 1,
                _ => {
                    let rest = self.data.get(self.at..)?;
                    let scalar = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
                    self.at += rest.iter().take_while(|byte| scalar(byte)).count().max(1);
                }
            }
            if depth == 0 {
                return self.data.get(begin..self.at);
            }
        }
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match *self.data.get(self.at)? {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                _ => self.at += 1,
            }
        }
    }

    /// From the beginning of an array to the element that `target` is in.
    fn element_with(&mut self, target: usize) -> Option<()> {
        self.at += 1;
        while self.peek()? != b']' {
            let begin = self.at;
            self.value()?;
            if (begin..self.at).contains(&target) {
                self.at = begin;
                return Some(());
            }
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_llm::{Chunk, Dialect, Framer, Framing, ParseLimits};

    fn event(data: &str, at: usize, text: &str) -> String {
        let chunk = Chunk::parse(Dialect::OpenAiChat, data.as_bytes(), &ParseLimits::default()).unwrap().unwrap();
        let said = chunk.texts[at];
        let (mut envelope, mut out) = (None, Vec::new());
        let mut framer = Framer::new(Framing::Sse, 1 << 20);
        let took = framer.push(b"data: 1\n\n", |event| {
            envelope = Some(event.envelope());
            Ok::<_, ()>(())
        });
        assert!(took.is_ok());
        let echo = Dialect::OpenAiChat.delta_members();
        let template = Template::new(envelope.unwrap(), echo, data.as_bytes(), said.channel, said.str).unwrap();
        template.event(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn keeps_what_identifies_and_drops_what_would_be_said_twice() {
        let data = r#" { "id" : "c1", "object":"chat.completion.chunk", "created":12, "usage":{"total_tokens":3}, "x":"y",
            "choices":[{"index":0,"delta":{"content":"a"}},
                       {"delta":{"role":"assistant","refusal":"no","content":"b"},"logprobs":null,"finish_reason":"stop","index":1}]}"#;
        assert_eq!(
            event(data, 3, "\"é\n"),
            "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":12,\"choices\":[{\"index\":1,\
             \"delta\":{\"content\":\"\\\"é\\n\"},\"finish_reason\":null}]}\n\n",
        );
    }

    #[test]
    fn keeps_which_tool_call_it_is_and_not_its_id() {
        let data = r#"{"id":"c1","choices":[{"index":0,"delta":{"tool_calls":[
            {"index":4,"id":"call_1","type":"function","function":{"name":"f","arguments":"{"}}]}}]}"#;
        assert_eq!(
            event(data, 1, "}"),
            "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":4,\"type\":\"function\",\
             \"function\":{\"arguments\":\"}\"}}]},\"finish_reason\":null}]}\n\n",
        );
    }

    #[test]
    fn long_values_are_left_out() {
        let data = format!(r#"{{"id":"{}","choices":[{{"delta":{{"content":"a"}}}}]}}"#, "i".repeat(MAX_VALUE_BYTES));
        assert!(event(&data, 0, "b").starts_with("data: {\"choices\":[{\"index\":0,"));
    }
}
