//! The members of a request that the mock evaluates. A chat completions request is parsed in one pass over its bytes.
//!
//! Lenient where OpenAI is (unknown members of any type are ignored), strict where OpenAI is (a known member of the wrong
//! type is answered with 400). The last of duplicate keys wins, as in most servers, which exposes a gateway that reads the
//! first.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::tokens::{PER_MESSAGE, PER_PROMPT, PER_TOOL, tokens};

/// Request, reduced to the members that the mock evaluates.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct LlmRequest<'a> {
    pub(crate) model: Option<Text<'a>>,
    pub(crate) stream: bool,
    /// `stream_options.include_usage`.
    pub(crate) include_usage: bool,
    /// `n`, at least 1.
    pub(crate) candidates: Option<u32>,
    /// Output limit: `max_completion_tokens`, otherwise `max_tokens`.
    pub(crate) max_tokens: Option<u64>,
    /// Messages; `None` if the request has no such member.
    pub(crate) messages: Option<Messages<'a>>,
    /// Number of tool definitions.
    pub(crate) tools: u64,
}

impl<'a> LlmRequest<'a> {
    /// Parses the body of a chat completions request.
    pub(crate) fn parse(body: &'a [u8]) -> Result<LlmRequest<'a>, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// Adds a message: counts its tokens, and keeps its text if it is the user's.
    pub(crate) fn add_message(&mut self, is_user: bool, text: impl Into<Cow<'a, str>>) {
        self.messages.get_or_insert_default().add(is_user, Text(text.into()));
    }

    /// Returns the prompt's tokens by the mock's own rule; see [`tokens`](crate::tokens).
    pub(crate) fn prompt_tokens(&self) -> u64 {
        PER_PROMPT + self.messages.as_ref().map_or(0, |messages| messages.tokens) + PER_TOOL * self.tools
    }

    /// Returns the text of the last message of the role `user`; empty if there is none.
    pub(crate) fn last_user_text(&self) -> &str {
        self.messages.as_ref().and_then(|messages| messages.last_user.as_ref()).map_or("", |text| &text.0)
    }
}

/// JSON string, borrowed from the body unless it contains escapes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

/// Summary of `messages`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Messages<'a> {
    pub(crate) count: u64,
    /// Tokens of all messages, including [`PER_MESSAGE`] for each.
    pub(crate) tokens: u64,
    pub(crate) last_user: Option<Text<'a>>,
}

impl<'a> Messages<'a> {
    fn add(&mut self, is_user: bool, text: Text<'a>) {
        self.count += 1;
        self.tokens += PER_MESSAGE + tokens(&text.0);
        if is_user {
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

impl<'de: 'a, 'a> Deserialize<'de> for LlmRequest<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = LlmRequest<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a chat request object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<LlmRequest<'de>, M::Error> {
                let mut request = LlmRequest::default();
                let (mut max_tokens, mut max_completion_tokens) = (None, None);
                while let Some(member) = map.next_key()? {
                    match member {
                        Member::Model => request.model = map.next_value()?,
                        Member::Stream => request.stream = map.next_value::<Option<bool>>()?.unwrap_or(false),
                        Member::StreamOptions => {
                            let options: Option<StreamOptions> = map.next_value()?;
                            request.include_usage = options.and_then(|options| options.include_usage).unwrap_or(false);
                        }
                        Member::N => request.candidates = map.next_value()?,
                        Member::MaxTokens => max_tokens = map.next_value()?,
                        Member::MaxCompletionTokens => max_completion_tokens = map.next_value()?,
                        Member::Messages => request.messages = Some(map.next_value()?),
                        Member::Tools => {
                            request.tools = map.next_value::<Option<Vec<IgnoredAny>>>()?.map_or(0, |t| t.len() as u64);
                        }
                        Member::Other => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                request.max_tokens = max_completion_tokens.or(max_tokens);
                Ok(request)
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

/// Message `content`: a string, an array of parts (their texts are joined), or null.
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

    fn parse(body: &str) -> LlmRequest<'_> {
        LlmRequest::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn all_evaluated_members_are_parsed() {
        let request = parse(
            r#"{"metadata":7,"model":"gpt-4o","stream":true,"stream_options":{"x":1,"include_usage":true},"n":2,
                "max_tokens":9,"max_completion_tokens":5,"tools":[{"type":"function"}],
                "messages":[{"role":"system","content":"be brief"},
                  {"role":"user","content":[{"type":"text","text":"one "},{"type":"image_url","image_url":{}},{"text":"two"}]},
                  {"role":"assistant","content":null,"tool_calls":[]}]}"#,
        );
        assert_eq!(request.model, Some(Text("gpt-4o".into())));
        assert!(request.stream && request.include_usage);
        assert_eq!((request.candidates, request.max_tokens, request.tools), (Some(2), Some(5), 1));
        assert_eq!(request.last_user_text(), "one two");
        assert_eq!(request.prompt_tokens(), 3 + (4 + 1 + 2) + (4 + 2) + 4 + 10);
    }

    #[test]
    fn include_usage_is_true_only_if_stream_options_says_so() {
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
    fn the_last_of_duplicate_keys_wins() {
        let request =
            parse(r#"{"model":"first","model":"l\u0061st","messages":[{"content":"a","content":"b","role":"user"}]}"#);
        assert_eq!(request.model, Some(Text("last".into())));
        assert_eq!(request.last_user_text(), "b");
    }

    #[test]
    fn wrong_types_are_rejected() {
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
            assert!(LlmRequest::parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
