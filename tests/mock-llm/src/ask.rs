//! What the mock needs to know of a request; for OpenAI's chat, from one pass over its bytes.
//!
//! Lenient where OpenAI is (unknown members of any type pass), strict where it is (a member it understands has the wrong
//! type: 400). The last of two equal keys wins, as with most servers: a gateway that looks at the first is caught.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::tokens::{PER_MESSAGE, PER_PROMPT, PER_TOOL, tokens};

/// A request as the mock understands it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Ask<'a> {
    pub(crate) model: Option<Text<'a>>,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    /// `n`, at least 1.
    pub(crate) candidates: Option<u32>,
    /// `max_completion_tokens`, else `max_tokens`.
    pub(crate) cap: Option<u64>,
    /// `None`: no such member.
    pub(crate) messages: Option<Messages<'a>>,
    pub(crate) tools: u64,
}

impl<'a> Ask<'a> {
    /// Reads a request body.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Ask<'a>, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// Counts a message in whose text is this.
    pub(crate) fn message(&mut self, of_user: bool, text: impl Into<Cow<'a, str>>) {
        self.messages.get_or_insert_default().add(of_user, Text(text.into()));
    }

    /// What the prompt costs by the mock's own rule.
    pub(crate) fn prompt_tokens(&self) -> u64 {
        PER_PROMPT + self.messages.as_ref().map_or(0, |messages| messages.tokens) + PER_TOOL * self.tools
    }

    /// The text of the last message of the role `user`.
    pub(crate) fn last_user_text(&self) -> &str {
        self.messages.as_ref().and_then(|messages| messages.last_user.as_ref()).map_or("", |text| &text.0)
    }
}

/// A string, borrowed from the body unless it holds escapes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

/// What is kept of `messages`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Messages<'a> {
    pub(crate) count: u64,
    /// Of all texts of all messages, with what each message costs.
    pub(crate) tokens: u64,
    pub(crate) last_user: Option<Text<'a>>,
}

impl<'a> Messages<'a> {
    fn add(&mut self, of_user: bool, text: Text<'a>) {
        self.count += 1;
        self.tokens += PER_MESSAGE + tokens(&text.0);
        if of_user {
            self.last_user = Some(text);
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Member {
    Model,
    Stream,
    StreamOptions,
    N,
    MaxTokens,
    MaxCompletionTokens,
    Messages,
    Tools,
    #[serde(other)]
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Ask<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Ask<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a chat request object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Ask<'de>, M::Error> {
                let mut ask = Ask::default();
                let (mut old_cap, mut new_cap) = (None, None);
                while let Some(member) = map.next_key()? {
                    match member {
                        Member::Model => ask.model = map.next_value()?,
                        Member::Stream => ask.stream = map.next_value::<Option<bool>>()?.unwrap_or(false),
                        Member::StreamOptions => {
                            let options: Option<StreamOptions> = map.next_value()?;
                            ask.include_usage = options.and_then(|options| options.include_usage).unwrap_or(false);
                        }
                        Member::N => ask.candidates = map.next_value()?,
                        Member::MaxTokens => old_cap = map.next_value()?,
                        Member::MaxCompletionTokens => new_cap = map.next_value()?,
                        Member::Messages => ask.messages = Some(map.next_value()?),
                        Member::Tools => {
                            ask.tools = map.next_value::<Option<Vec<IgnoredAny>>>()?.map_or(0, |t| t.len() as u64);
                        }
                        Member::Other => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                ask.cap = new_cap.or(old_cap);
                Ok(ask)
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Messages<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Messages<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of messages")
            }
            fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Messages<'de>, S::Error> {
                let mut messages = Messages::default();
                while let Some(message) = seq.next_element::<Message<'de>>()? {
                    messages.add(message.user, message.text);
                }
                Ok(messages)
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}

struct Message<'a> {
    user: bool,
    text: Text<'a>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum MessageMember {
    Role,
    Content,
    #[serde(other)]
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Message<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Message<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Message<'de>, M::Error> {
                let mut message = Message { user: false, text: Text(Cow::Borrowed("")) };
                while let Some(member) = map.next_key()? {
                    match member {
                        MessageMember::Role => message.user = map.next_value::<Text<'de>>()?.0 == "user",
                        MessageMember::Content => message.text = map.next_value::<Content<'de>>()?.0,
                        MessageMember::Other => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(message)
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// `content`: a string, an array of parts (their texts joined), or null.
struct Content<'a>(Text<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Content<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, an array of parts or null")
            }
            fn visit_unit<E>(self) -> Result<Content<'de>, E> {
                Ok(Content(Text(Cow::Borrowed(""))))
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Content<'de>, E> {
                Ok(Content(Text(Cow::Borrowed(text))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Content<'de>, E> {
                Ok(Content(Text(Cow::Owned(text.to_owned()))))
            }
            fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Content<'de>, S::Error> {
                let mut joined = String::new();
                while let Some(part) = seq.next_element::<TextPart<'de>>()? {
                    if let Some(text) = part.text {
                        joined.push_str(&text.0);
                    }
                }
                Ok(Content(Text(Cow::Owned(joined))))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

#[derive(Deserialize)]
struct TextPart<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Ask<'_> {
        Ask::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn reads_what_it_needs() {
        let ask = parse(
            r#"{"metadata":7,"model":"gpt-4o","stream":true,"stream_options":{"x":1,"include_usage":true},"n":2,
                "max_tokens":9,"max_completion_tokens":5,"tools":[{"type":"function"}],
                "messages":[{"role":"system","content":"be brief"},
                  {"role":"user","content":[{"type":"text","text":"one "},{"type":"image_url","image_url":{}},{"text":"two"}]},
                  {"role":"assistant","content":null,"tool_calls":[]}]}"#,
        );
        assert_eq!(ask.model, Some(Text("gpt-4o".into())));
        assert!(ask.stream && ask.include_usage);
        assert_eq!((ask.candidates, ask.cap, ask.tools), (Some(2), Some(5), 1));
        assert_eq!(ask.last_user_text(), "one two");
        assert_eq!(ask.prompt_tokens(), 3 + (4 + 1 + 2) + (4 + 2) + 4 + 10);
    }

    #[test]
    fn stream_options_in_all_its_spellings() {
        for (options, expected) in [
            ("", false),
            (r#","stream_options":null"#, false),
            (r#","stream_options":{}"#, false),
            (r#","stream_options":{"include_usage":null}"#, false),
            (r#","stream_options":{"include_usage":false}"#, false),
            (r#","stream_options":{"include_usage":true}"#, true),
            (r#","stream_options":{"include_usage":true},"stream_options":{}"#, false),
        ] {
            assert_eq!(parse(&format!(r#"{{"model":"m"{options}}}"#)).include_usage, expected, "{options}");
        }
    }

    #[test]
    fn the_last_of_two_equal_keys_wins() {
        let ask =
            parse(r#"{"model":"first","model":"l\u0061st","messages":[{"content":"a","content":"b","role":"user"}]}"#);
        assert_eq!(ask.model, Some(Text("last".into())));
        assert_eq!(ask.last_user_text(), "b");
    }

    #[test]
    fn refuses_wrong_types() {
        for body in [
            "",
            "[]",
            "{",
            r#"{"model":7}"#,
            r#"{"stream":"yes"}"#,
            r#"{"n":-1}"#,
            r#"{"messages":{}}"#,
            r#"{"messages":["hi"]}"#,
            r#"{"messages":[{"content":5}]}"#,
            r#"{"model":"\ud800"}"#,
        ] {
            assert!(Ask::parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
