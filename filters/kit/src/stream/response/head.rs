//! The head of a response: its origin and the kind of its body.

use tollgate_llm::content_encoding::{ContentEncoding, UnsupportedEncoding};
use tollgate_llm::{Dialect, ReportedUsage};

use crate::headers::{Head, HeaderChanges};
use crate::property;
use crate::response::{BodyKind, Origin, ResponseHead};
use crate::stream::request::{charsets, is_utf8};

/// Reads the head of the response to a call, whose headers are `head`. `streamed`: the client asked for a stream; `ended`:
/// there is no body.
pub(super) fn read(head: &Head, dialect: Dialect, streamed: bool, ended: bool) -> ResponseHead {
    let status = head.number(":status").unwrap_or_default();
    // The only attribute that tells who made a response in every phase and version of Envoy.
    let details = property::attribute(&["response", "code_details"]).unwrap_or_default();
    let origin = if details == b"via_upstream" { Origin::Upstream } else { Origin::Local };
    let content_type = head.get("content-type");
    let mut kind = BodyKind::of(&content_type);
    if let (BodyKind::Json, true, Some(framing), 200..300) = (kind, streamed, dialect.json_stream(), status) {
        kind = BodyKind::Events(framing);
    }
    let is_plain = dialect.is_plain(&content_type) && is_utf8(&content_type);
    if let (BodyKind::Other, true, 200..300) = (kind, is_plain, status) {
        kind = BodyKind::Plain;
    }
    let encoding = match is_wide(&content_type) {
        true => Err(UnsupportedEncoding),
        false => ContentEncoding::detect(&head.get("content-encoding")),
    };
    let usage = match dialect {
        Dialect::BedrockInvoke => ReportedUsage::from_headers(|name| head.first(name)),
        _ => None,
    };
    ResponseHead { status, origin, kind, encoding, ended, usage, changes: HeaderChanges::default() }
}

/// Returns `true` if responses of the dialect in the content-type of `head` have no text.
pub(super) fn is_textless(head: &Head, dialect: Dialect) -> bool {
    dialect.is_textless(head.first("content-type").unwrap_or_default())
}

/// Returns `true` if a content-type names a charset in which ASCII has other bytes than in UTF-8. A client that decodes it
/// reads another text than the filters.
fn is_wide(content_type: &[u8]) -> bool {
    let wide =
        [&b"utf-16"[..], b"utf16", b"utf-32", b"utf32", b"utf-7", b"utf7", b"ucs", b"iso-10646", b"ibm", b"ebcdic"];
    charsets(content_type).any(|charset| {
        wide.iter().any(|name| charset.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets_that_differ_from_ascii() {
        for (content_type, want) in [
            ("text/event-stream", false),
            ("text/event-stream; charset=utf-8", false),
            ("application/json;charset=ISO-8859-1", false),
            ("application/json; charset=\"UTF-16LE\"", true),
            ("text/event-stream;x=y; CharSet = utf-32", true),
            ("application/json; charset=UCS-2", true),
        ] {
            assert_eq!(is_wide(content_type.as_bytes()), want, "{content_type}");
        }
    }
}
