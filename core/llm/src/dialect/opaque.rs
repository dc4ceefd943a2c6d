//! Strings that some receiver compares or decrypts: signatures, encrypted content, identifiers. They may be judged, but an edit
//! breaks the next call.

use crate::Str;
use crate::body::data::is_base64;

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

fn looks_opaque(body: &[u8], value: Str) -> bool {
    let raw = value.span.of(body);
    let is_id = raw.len() <= MAX_ID_BYTES;
    let is_part = |byte: &u8| is_base64(*byte) || is_id && matches!(byte, b'.' | b':');
    !value.escaped && raw.iter().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

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
}
