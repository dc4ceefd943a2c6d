//! Strings that some receiver compares or decrypts: signatures, encrypted content, identifiers. They may be judged, but an edit
//! breaks the next call.

use crate::body::data::is_base64;
use crate::{Span, Str};

/// Members of messages, items and blocks: OpenAI (`encrypted_content`, `call_id`), Anthropic ("Extended thinking", "Web search";
/// the `data` of redacted thoughts), Gemini ("Thought signatures"), Bedrock (`toolUseId`, `redactedContent`).
const MEMBERS: [&str; 18] = [
    "call_id",
    "data",
    "encrypted_content",
    "encrypted_index",
    "encrypted_stdout",
    "id",
    "item_id",
    "redactedContent",
    "responseId",
    "response_id",
    "signature",
    "thoughtSignature",
    "thought_signature",
    "tool_id",
    "toolUseId",
    "tool_call_id",
    "tool_use_id",
    "approval_request_id",
];
/// Members of an object that a signature in it covers: thoughts as gateways repeat them (`thinking_blocks`, `reasoning_details`).
const SIGNED: [&str; 2] = ["text", "thinking"];
/// Longest identifier. What is longer is base64.
const MAX_ID_BYTES: usize = 256;

/// Returns `true` if the string of a member is opaque: base64, or an identifier of letters, digits and `._:-`.
pub(crate) fn is_opaque(body: &[u8], member: Str, value: Str) -> bool {
    MEMBERS.iter().any(|name| member.is(body, name)) && looks_opaque(body, value)
}

/// Returns `true` if the string of a member with this name is opaque, like [`is_opaque`].
pub(crate) fn is_opaque_in(member: &[u8], body: &[u8], value: Str) -> bool {
    MEMBERS.iter().any(|name| member == name.as_bytes()) && looks_opaque(body, value)
}

/// Returns `true` for base64 that is longer than an identifier.
pub(crate) fn is_data(body: &[u8], value: Str) -> bool {
    value.span.len() > MAX_ID_BYTES && looks_opaque(body, value)
}

/// Search for texts that a signature behind them in their object covers.
#[derive(Debug, Default)]
pub(crate) struct SignedTexts {
    /// Text of the current object.
    text: Option<Span>,
}

impl SignedTexts {
    /// Reads the next string of a value, in a member of an object. Returns the text that it signs.
    pub(crate) fn read(&mut self, body: &[u8], member: Str, value: Str) -> Option<Span> {
        // The type is the first member of such an object.
        if member.is(body, "type") {
            self.text = None;
        } else if SIGNED.iter().any(|name| member.is(body, name)) {
            self.text = Some(value.span);
        } else if member.is(body, "signature") && !value.span.is_empty() {
            return self.text.take();
        }
        None
    }
}

fn looks_opaque(body: &[u8], value: Str) -> bool {
    let raw = value.span.of(body);
    let is_id = raw.len() <= MAX_ID_BYTES;
    let is_part = |byte: &u8| is_base64(*byte) || is_id && matches!(byte, b'.' | b':');
    !value.escaped && raw.iter().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opaque_strings_are_listed_and_look_so() {
        for (member, value, want) in [
            ("signature", "CiQAe2f0q8+/==", true),
            ("id", "call_1", true),
            ("tool_use_id", "toolu_01:a.b", true),
            ("data", "CiQAe2f0", true),
            ("id", "ask bob, please", false),
            ("signature", "\\u0041", false),
            ("text", "CiQAe2f0", false),
            ("Id", "call_1", false),
        ] {
            let body = format!("{member}{value}");
            let name = Str { span: Span::new(0, member.len()), escaped: false };
            let text = Str { span: Span::new(member.len(), body.len()), escaped: value.contains('\\') };
            assert_eq!(is_opaque(body.as_bytes(), name, text), want, "{member}: {value}");
        }
    }

    #[test]
    fn signatures_cover_the_text_before_them() {
        let body = b"typetextthinkingsignatureabcd";
        let str = |start, end| Str { span: Span::new(start, end), escaped: false };
        let [kind, text, thinking, signature] = [str(0, 4), str(4, 8), str(8, 16), str(16, 25)];
        let (value, sign, empty) = (str(25, 27), str(27, 29), str(29, 29));
        let signed = Some(value.span);
        for (members, want) in [
            (&[(kind, sign), (thinking, value), (signature, sign)][..], signed),
            (&[(text, value), (kind, sign), (signature, sign)], None),
            (&[(text, value), (signature, empty)], None),
            (&[(text, value), (signature, sign), (signature, sign)], None),
            (&[(text, value), (text, sign)], None),
        ] {
            let mut texts = SignedTexts::default();
            let last = members.iter().map(|(member, value)| texts.read(body, *member, *value)).last();
            assert_eq!(last, Some(want), "{members:?}");
        }
    }
}
