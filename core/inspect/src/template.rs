//! An event for text that has no event of its own left.

use tollgate_llm::{Channel, Part, Str, escape_into};

/// Bytes a template may have without its text.
const MAX_BYTES: usize = 4096;
/// Bytes of a value that a template takes over.
const MAX_VALUE_BYTES: usize = 256;
/// Members of the chunk that say which answer it belongs to (OpenAI API reference, "The chat completion chunk object").
const CHUNK_MEMBERS: &[&str] = &["id", "object", "created", "model", "system_fingerprint", "service_tier"];
/// Members below a candidate that say which of several things a text belongs to.
const PLACE_MEMBERS: &[&str] = &["index", "type"];

/// The data of an event around one text: what an earlier event of the same text had, with nothing in it that must not
/// be said twice.
///
/// Of the chunk it keeps what identifies the answer; of the candidate its index, with `finish_reason` null; below, the
/// way to the text and `index` and `type` beside it. So there is no usage, no role, no id of a tool call, no other
/// candidate and no other text in it.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Template {
    /// From the data of an event (JSON that has been read without error) and a text of it. `None` if the way to the
    /// text is longer than a template may be.
    pub(crate) fn new(data: &[u8], channel: Channel, str: Str) -> Option<Template> {
        let target = str.literal().start;
        let mut template = Template { head: Vec::new(), tail: Vec::new() };
        let mut tails: Vec<&'static [u8]> = Vec::new();
        let mut walk = Walk { data, at: 0 };
        let (mut depth, mut way): (u32, &[u8]) = (0, b"");
        loop {
            if template.head.len() > MAX_BYTES {
                return None;
            }
            match walk.peek()? {
                b'{' => {
                    let kept = if depth == 0 { CHUNK_MEMBERS } else { PLACE_MEMBERS };
                    let next = template.object(&mut walk, target, depth, way, channel, kept)?;
                    tails.push(if depth == 1 { b",\"finish_reason\":null}" } else { b"}" });
                    depth += 1;
                    way = next;
                }
                b'[' => {
                    walk.element_with(target)?;
                    template.head.push(b'[');
                    tails.push(b"]");
                }
                b'"' if walk.at == target => break,
                _ => return None,
            }
        }
        template.head.push(b'"');
        template.tail.push(b'"');
        tails.iter().rev().for_each(|tail| template.tail.extend_from_slice(tail));
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
        kept: &[&str],
    ) -> Option<&'d [u8]> {
        // A candidate or a tool call without an index has the one of its place, which is not kept.
        let index = match (depth, channel.part) {
            (1, _) => Some(channel.choice),
            (_, Part::ToolName(index) | Part::ToolArguments(index)) if way == b"tool_calls" => Some(index),
            _ => None,
        };
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
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&self.head);
        escape_into(text, out);
        out.extend_from_slice(&self.tail);
        out.extend_from_slice(b"\n\n");
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
    use tollgate_llm::{Chunk, Dialect, Limits};

    fn event(data: &str, at: usize, text: &str) -> String {
        let chunk = Chunk::parse(Dialect::OpenAiChat, data.as_bytes(), &Limits::default()).unwrap().unwrap();
        let said = chunk.texts[at];
        let template = Template::new(data.as_bytes(), said.channel, said.str).unwrap();
        let mut out = Vec::new();
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
